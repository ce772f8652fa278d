#include "settings.h"
#include "options.h"
#include "paths.h"
#include "settings_file.h"
#include "state.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

enum option {
    OPTION_CONFIG,
    OPTION_DATA,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_FINGERPRINT,
    OPTION_OWNER_TOKEN,
    OPTION_PLAINTEXT,
    OPTION_INSECURE_NETWORK,
    OPTION_UNCONFINED,
    OPTION_WORKERS,
    OPTION_RETAIN,
    OPTION_LIMIT,
    OPTION_METRICS,
    OPTION_LOG,
    OPTION_BACKUP,
    OPTION_CHECK,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option_entry options[] = {
    [OPTION_CONFIG] = {"config", "FILE", "read options from there too, again on SIGHUP"},
    [OPTION_DATA] = {"data", "DIR", "keep the log there ($XDG_DATA_HOME/chat-server)"},
    [OPTION_CERT] = {"cert", "FILE", "the certificate, in PEM (one made in the data folder)"},
    [OPTION_KEY] = {"key", "FILE", "its key, in PEM; both are read again on SIGHUP"},
    [OPTION_FINGERPRINT] = {"fingerprint", NULL, "print the fingerprint of the key and exit"},
    [OPTION_OWNER_TOKEN] = {"owner-token", NULL, "print a token for /claim, once, and exit"},
    [OPTION_PLAINTEXT] = {"plaintext", NULL, "talk without TLS, on this machine only"},
    [OPTION_INSECURE_NETWORK] = {"insecure-network", NULL, "let --plaintext be read by others too"},
    [OPTION_UNCONFINED] = {"unconfined", NULL, "keep all rights of a process, for debuggers"},
    [OPTION_WORKERS] = {"workers", "N", "threads that serve connections (one a core)"},
    [OPTION_RETAIN] = {"retain", "AGE|N",
                       "remove messages older than AGE (90d), or all but the last N"},
    [OPTION_LIMIT] = {"limit", "NAME=N", "let a peer do so much, or NAME=none; see below"},
    [OPTION_METRICS] = {"metrics", "HOST:PORT", "serve what the server counts, for Prometheus"},
    [OPTION_LOG] = {"log", "LEVEL", "write info (all), warning, or error to the log"},
    [OPTION_BACKUP] = {"backup", "FILE", "copy the log to a new FILE and exit; a server may run"},
    [OPTION_CHECK] = {"check", NULL, "read the whole log, say whether it is sound, and exit"},
    [OPTION_HELP] = {"help", NULL, "print this and exit"},
    [OPTION_VERSION] = {"version", NULL, "print the version and exit"},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

static bool settings_set_log(struct settings *settings, const char *argument) {
    for (size_t i = 0; i < REPORT_LEVELS; i++)
        if (strcmp(argument, report_levels[i]) == 0) {
            settings->log_level = (enum report_level)i;
            return true;
        }
    return complain(&settings->complaint, "--log takes info, warning or error, not '%s'", argument);
}

static bool settings_set_workers(struct settings *settings, const char *argument) {
    return options_number(argument, 1, STATE_WORKERS_MAX, &settings->workers) ||
           complain(&settings->complaint, "--workers takes a number from 1 to %d, not '%s'",
                    STATE_WORKERS_MAX, argument);
}

static bool settings_set_retention(struct settings *settings, const char *argument) {
    return retention_parse(argument, &settings->retention) ||
           complain(&settings->complaint,
                    "--retain takes an age such as 36h, 90d or 2y, or a number of messages, "
                    "not '%s'",
                    argument);
}

static bool settings_set_limits(struct settings *settings, const char *argument) {
    return peer_limits_parse(&settings->limits, argument, &settings->complaint);
}

/* What an option is: a text or a switch in the settings, or what its function makes of it. */
enum kind { KIND_TEXT, KIND_SWITCH, KIND_OTHER };

/* Where it may stand and when it counts: something to do instead of serving, or where the
 * configuration file is, does not stand in that file; some count from the start of the server to
 * its end, the others can be read again. */
enum use { NOT_IN_FILE, FROM_START, READ_AGAIN };

#define FIELD(name) offsetof(struct settings, name), sizeof(((struct settings *)0)->name)

static const struct {
    enum kind kind;
    enum use use;
    size_t at;
    size_t size;
    bool (*set)(struct settings *settings, const char *argument);
} settings_table[OPTION_COUNT] = {
    [OPTION_CONFIG] = {KIND_TEXT, NOT_IN_FILE, FIELD(config), NULL},
    [OPTION_DATA] = {KIND_TEXT, FROM_START, FIELD(named_data), NULL},
    [OPTION_CERT] = {KIND_TEXT, READ_AGAIN, FIELD(certificate), NULL},
    [OPTION_KEY] = {KIND_TEXT, READ_AGAIN, FIELD(key), NULL},
    [OPTION_FINGERPRINT] = {KIND_SWITCH, NOT_IN_FILE, FIELD(fingerprint), NULL},
    [OPTION_OWNER_TOKEN] = {KIND_SWITCH, NOT_IN_FILE, FIELD(owner_token), NULL},
    [OPTION_PLAINTEXT] = {KIND_SWITCH, FROM_START, FIELD(plaintext), NULL},
    [OPTION_INSECURE_NETWORK] = {KIND_SWITCH, FROM_START, FIELD(insecure_network), NULL},
    [OPTION_UNCONFINED] = {KIND_SWITCH, FROM_START, FIELD(unconfined), NULL},
    [OPTION_WORKERS] = {KIND_OTHER, FROM_START, FIELD(workers), settings_set_workers},
    [OPTION_RETAIN] = {KIND_OTHER, FROM_START, FIELD(retention), settings_set_retention},
    [OPTION_LIMIT] = {KIND_OTHER, READ_AGAIN, FIELD(limits), settings_set_limits},
    [OPTION_METRICS] = {KIND_TEXT, FROM_START, FIELD(metrics), NULL},
    [OPTION_LOG] = {KIND_OTHER, READ_AGAIN, FIELD(log_level), settings_set_log},
    [OPTION_BACKUP] = {KIND_TEXT, NOT_IN_FILE, FIELD(backup), NULL},
    [OPTION_CHECK] = {KIND_SWITCH, NOT_IN_FILE, FIELD(check), NULL},
    [OPTION_HELP] = {KIND_SWITCH, NOT_IN_FILE, FIELD(help), NULL},
    [OPTION_VERSION] = {KIND_SWITCH, NOT_IN_FILE, FIELD(version), NULL},
};

static bool settings_set(void *context, size_t option, const char *argument) {
    struct settings *settings = context;
    char *field = (char *)settings + settings_table[option].at;
    switch (settings_table[option].kind) {
    case KIND_TEXT:
        *(const char **)(void *)field = argument;
        return argument[0] != '\0' || complain(&settings->complaint, "--%s takes a %s",
                                               options[option].name, options[option].argument);
    case KIND_SWITCH:
        *(bool *)field = true;
        return true;
    case KIND_OTHER:
        return settings_table[option].set(settings, argument);
    }
    return false;
}

static bool settings_set_port(struct settings *settings, const char *argument) {
    long port;
    settings->port = argument;
    return options_number(argument, 0, 65535, &port) ||
           complain(&settings->complaint, "the port is a number from 0 to 65535, not '%s'",
                    argument);
}

static bool settings_set_address(struct settings *settings, int count, char **arguments) {
    if (count > 2)
        return complain(&settings->complaint, "too many arguments; see chat-server --help");
    if (count == 1 && strspn(arguments[0], "0123456789") == strlen(arguments[0]))
        return complain(&settings->complaint, "a port comes after a host: chat-server 127.0.0.1 %s",
                        arguments[0]);
    if (count > 0)
        settings->host = arguments[0];
    return count < 2 || settings_set_port(settings, arguments[1]);
}

/* --check and --backup do not serve: what is for that was meant otherwise. */
static bool settings_check_task(struct settings *settings, int arguments) {
    bool check = settings->check;
    bool backup = settings->backup != NULL;
    bool serves = arguments > 0 || settings->told_how_to_serve;
    if (check && backup)
        return complain(&settings->complaint, "--check and --backup are two commands; a backup is "
                                              "checked when it is made");
    if ((check || backup) && serves)
        return complain(&settings->complaint,
                        "--%s goes with --data alone: chat-server --data DIR --%s",
                        check ? "check" : "backup", check ? "check" : "backup FILE");
    return true;
}

static bool settings_check_tls(struct settings *settings) {
    const char *problem = NULL;
    if ((settings->certificate == NULL) != (settings->key == NULL))
        problem = "--cert and --key go together";
    else if (settings->plaintext && settings->certificate != NULL)
        problem = "--plaintext needs no --cert; leave one of them out";
    else if (settings->insecure_network && !settings->plaintext)
        problem = "--insecure-network goes with --plaintext";
    return problem == NULL || complain(&settings->complaint, "%s", problem);
}

static bool settings_set_defaults(struct settings *settings) {
    /* Asked for once: a confined server would not see them all again. */
    static long cores = 0;
    if (cores == 0)
        cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (settings->workers == 0)
        settings->workers = cores < 1 ? 1 : cores > STATE_WORKERS_MAX ? STATE_WORKERS_MAX : cores;
#ifdef CHAT_SANITIZED
    settings->unconfined = true; /* a sanitizer runs programs of its own */
#endif
    errno = 0;
    settings->data = settings->named_data != NULL
                         ? strdup(settings->named_data)
                         : path_for_user("XDG_DATA_HOME", ".local/share", "chat-server");
    return settings->data != NULL ||
           complain(&settings->complaint, "%s",
                    errno == ENOMEM
                        ? strerror(ENOMEM)
                        : "there is no home folder to keep the log in; name one with --data");
}

void settings_print_help(void) {
    printf("Usage: chat-server [options] [HOST [PORT]]\n"
           "Serves a chat on HOST (127.0.0.1; an IPv4 or IPv6 address, or a name) and\n"
           "PORT (8000; 0 takes a free one).\n\n");
    options_print(options, OPTION_COUNT, stdout);
    printf("\nLimits (--limit none lifts them all; of those a minute half may come at once):\n");
    for (size_t i = 0; i < PEER_LIMIT_COUNT; i++)
        printf("  %-20s %6u%s  %s\n", peer_limit_table[i].name, peer_limit_table[i].value,
               peer_limit_table[i].unit == LIMIT_A_MINUTE ? "/min" : "    ",
               peer_limit_table[i].about);
}

/* The text, kept until settings_free; NULL when that cannot be, or when it was meant for a shell.
 */
static const char *settings_keep(struct settings *settings, const char *text) {
    if (text[0] == '~' || text[0] == '"' || text[0] == '\'') {
        complain(&settings->complaint,
                 "values are taken as they stand: write %s in full, without quotes", text);
        return NULL;
    }
    char *copy = settings->kept_count < SETTINGS_KEPT_MAX ? strdup(text) : NULL;
    if (copy == NULL)
        complain(&settings->complaint, "too many settings for the memory there is");
    else
        settings->kept[settings->kept_count++] = copy;
    return copy;
}

static bool settings_set_limit(struct settings *settings, const char *name, const char *value) {
    char text[64];
    snprintf(text, sizeof text, "%s=%s", name, value);
    return peer_limits_parse(&settings->limits, text, &settings->complaint);
}

/* What takes no argument on the command line is yes or no here. */
static bool settings_set_switch(struct settings *settings, size_t option, const char *value) {
    if (strcmp(value, "yes") == 0)
        return settings_set(settings, option, "");
    if (strcmp(value, "no") == 0)
        return true;
    return complain(&settings->complaint, "%s is yes or no, not '%s'", options[option].name, value);
}

/* A line of the configuration file. */
static bool settings_set_line(void *context, const char *section, const char *name,
                              const char *value) {
    struct settings *settings = context;
    size_t option = 0;
    if (strcmp(section, "limits") == 0)
        return settings_set_limit(settings, name, value);
    while (option < OPTION_COUNT &&
           (settings_table[option].use == NOT_IN_FILE || strcmp(options[option].name, name) != 0))
        option++;
    bool host = strcmp(name, "host") == 0;
    bool port = strcmp(name, "port") == 0;
    if (section[0] != '\0' || (option == OPTION_COUNT && !host && !port))
        return complain(&settings->complaint, "there is no setting %s%s%s", name,
                        section[0] != '\0' ? " in a section " : "", section);
    if (option < OPTION_COUNT && options[option].argument == NULL)
        return settings_set_switch(settings, option, value);
    const char *kept = settings_keep(settings, value);
    if (kept == NULL)
        return false;
    if (port)
        return settings_set_port(settings, kept);
    if (host) {
        settings->host = kept;
        return true;
    }
    return settings_set(settings, option, kept);
}

/* What of it stands in a configuration file is for whoever serves by it. */
static bool settings_say_how_to_serve(const struct settings *settings) {
    return settings->workers > 0 || settings->retention.messages > 0 ||
           settings->retention.milliseconds > 0;
}

static void settings_begin(struct settings *settings) {
    *settings = (struct settings){.host = "127.0.0.1", .port = "8000"};
    peer_limits_set_defaults(&settings->limits);
}

/* Index of the first argument that is no option, or -1 after saying what is wrong. */
static int settings_parse(struct settings *settings, int argc, char **argv) {
    settings_begin(settings);
    optind = 0; /* from the beginning, also when this is not the first time */
    int first = options_parse(options, OPTION_COUNT, argc, argv, settings_set, settings);
    const char *config = settings->config;
    settings->told_how_to_serve = settings_say_how_to_serve(settings);
    if (first < 0 || config == NULL || settings->help || settings->version)
        return first;
    const bool told = settings->told_how_to_serve;
    settings_begin(settings);
    settings->told_how_to_serve = told;
    if (!settings_file_read(config, settings_set_line, settings, &settings->complaint))
        return -1;
    optind = 0;
    return options_parse(options, OPTION_COUNT, argc, argv, settings_set, settings);
}

static bool differ(const char *a, const char *b) {
    return (a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0);
}

static bool settings_differ(const struct settings *before, const struct settings *after,
                            size_t option) {
    const char *old = (const char *)before + settings_table[option].at;
    const char *new = (const char *)after + settings_table[option].at;
    if (settings_table[option].kind == KIND_TEXT)
        return differ(*(const char *const *)(const void *)old,
                      *(const char *const *)(const void *)new);
    return memcmp(old, new, settings_table[option].size) != 0;
}

static void name_add(char names[SETTINGS_NAMES_SIZE], const char *name) {
    size_t size = strlen(names);
    snprintf(names + size, SETTINGS_NAMES_SIZE - size, "%s%s", size > 0 ? ", " : "", name);
}

void settings_name_fixed(const struct settings *before, const struct settings *after,
                         char names[SETTINGS_NAMES_SIZE]) {
    names[0] = '\0';
    if (differ(before->host, after->host))
        name_add(names, "host");
    if (differ(before->port, after->port))
        name_add(names, "port");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (settings_table[i].use == FROM_START && settings_differ(before, after, i))
            name_add(names, options[i].name);
}

bool settings_read(struct settings *settings, int argc, char **argv, int *status) {
    int first = settings_parse(settings, argc, argv);
    *status = EXIT_USAGE;
    if (first < 0)
        return false;
    if (settings->help || settings->version)
        return true;
    if (!settings_set_address(settings, argc - first, argv + first) ||
        !settings_check_task(settings, argc - first) || !settings_check_tls(settings))
        return false;
    *status = EXIT_FAILURE;
    return settings_set_defaults(settings);
}

void settings_free(struct settings *settings) {
    for (size_t i = 0; i < settings->kept_count; i++)
        free(settings->kept[i]);
    settings->kept_count = 0;
    free(settings->data);
    settings->data = NULL;
}
