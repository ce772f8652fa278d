/* chat-tui: reads its command line and hands over to the full screen or to the pipe. */
#include "key_copy.h"
#include "name.h"
#include "options.h"
#include "pipe.h"
#include "tui.h"

#include <langinfo.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, HISTORY_ON_SCREEN = 100, HISTORY_MAX = 100000 };

struct settings {
    const char *host;
    const char *port;
    const char *nick; /* NULL: the login name, for who is new there */
    const char *room;
    const char *code;
    const char *device;
    const char *export_key;
    const char *import_key;
    bool plaintext;
    bool insecure_network;
    bool pipe;
    bool follow;
    long history;
    bool help;
    bool version;
};

enum option {
    OPTION_NICK,
    OPTION_ROOM,
    OPTION_CODE,
    OPTION_DEVICE,
    OPTION_PLAINTEXT,
    OPTION_INSECURE_NETWORK,
    OPTION_PIPE,
    OPTION_HISTORY,
    OPTION_FOLLOW,
    OPTION_EXPORT_KEY,
    OPTION_IMPORT_KEY,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option_entry options[] = {
    [OPTION_NICK] = {"nick", "NAME", "be called NAME (as before; at first your login name)"},
    [OPTION_ROOM] = {"room", "NAME", "begin in that room (#lobby)"},
    [OPTION_CODE] = {"code", "CODE", "an invitation, or a code of /device add"},
    [OPTION_DEVICE] = {"device", "NAME", "call this machine NAME in /device list (its host name)"},
    [OPTION_PLAINTEXT] = {"plaintext", NULL, "talk without TLS, as a guest, on this machine only"},
    [OPTION_INSECURE_NETWORK] = {"insecure-network", NULL, "let --plaintext be read by others too"},
    [OPTION_PIPE] = {"pipe", NULL, "no screen: lines of stdin are posts, messages go to stdout"},
    [OPTION_HISTORY] = {"history", "N", "with --pipe: print the last N messages first"},
    [OPTION_FOLLOW] = {"follow", NULL, "with --pipe: go on after the end of stdin"},
    [OPTION_EXPORT_KEY] = {"export-key", "FILE", "write your key to FILE, with a passphrase"},
    [OPTION_IMPORT_KEY] = {"import-key", "FILE", "make the key in FILE yours on this machine"},
    [OPTION_HELP] = {"help", NULL, "print this and exit"},
    [OPTION_VERSION] = {"version", NULL, "print the version and exit"},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

static bool settings_set_history(struct settings *settings, const char *argument) {
    if (options_number(argument, 0, HISTORY_MAX, &settings->history))
        return true;
    fprintf(stderr, "chat-tui: --history takes a number from 0 to %d, not '%s'\n", HISTORY_MAX,
            argument);
    return false;
}

static bool settings_set(void *context, size_t index, const char *argument) {
    struct settings *settings = context;
    switch ((enum option)index) {
    case OPTION_NICK:
        settings->nick = argument;
        break;
    case OPTION_ROOM:
        settings->room = argument;
        break;
    case OPTION_CODE:
        settings->code = argument;
        break;
    case OPTION_DEVICE:
        settings->device = argument;
        break;
    case OPTION_PLAINTEXT:
        settings->plaintext = true;
        break;
    case OPTION_INSECURE_NETWORK:
        settings->insecure_network = true;
        break;
    case OPTION_PIPE:
        settings->pipe = true;
        break;
    case OPTION_HISTORY:
        return settings_set_history(settings, argument);
    case OPTION_FOLLOW:
        settings->follow = true;
        break;
    case OPTION_EXPORT_KEY:
        settings->export_key = argument;
        break;
    case OPTION_IMPORT_KEY:
        settings->import_key = argument;
        break;
    case OPTION_HELP:
        settings->help = true;
        break;
    case OPTION_VERSION:
        settings->version = true;
        break;
    }
    return true;
}

/* The login name, if it can be a nick. */
static const char *default_nick(void) {
    static char nick[NAME_BYTES_MAX + 1];
    struct name name;
    const char *user = getenv("USER");
    const struct passwd *entry = getpwuid(getuid());
    if ((user == NULL || user[0] == '\0') && entry != NULL)
        user = entry->pw_name;
    if (user == NULL || !name_nick(wire_text(user), &name))
        return "guest";
    snprintf(nick, sizeof nick, "%s", name.shown);
    return nick;
}

/* The # of a room may be left out: a shell takes it for the start of a comment. */
static bool settings_check_room(struct settings *settings) {
    static char marked[NAME_BYTES_MAX + 2];
    struct name name;
    if (settings->room[0] != '#' && strlen(settings->room) < NAME_BYTES_MAX) {
        snprintf(marked, sizeof marked, "#%s", settings->room);
        settings->room = marked;
    }
    if (name_room(wire_text(settings->room), &name))
        return true;
    fprintf(stderr, "chat-tui: '%s' cannot be a room: %s\n", settings->room,
            error_text(ERROR_ROOM_INVALID));
    return false;
}

static bool settings_check(struct settings *settings, int count, char **arguments) {
    struct name name;
    long port;
    if (!settings->pipe && (settings->follow || settings->history >= 0)) {
        fprintf(stderr, "chat-tui: --history and --follow go with --pipe\n");
        return false;
    }
    if (settings->insecure_network && !settings->plaintext) {
        fprintf(stderr, "chat-tui: --insecure-network goes with --plaintext\n");
        return false;
    }
    if (count < 1 || count > 2) {
        fprintf(stderr, "chat-tui: %s: chat-tui HOST [PORT]\n",
                count < 1 ? "say where to connect" : "too many arguments");
        return false;
    }
    const char *colon = strchr(arguments[0], ':');
    if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        fprintf(stderr, "chat-tui: the port is a word of its own: chat-tui %.*s %s\n",
                (int)(colon - arguments[0]), arguments[0], colon + 1);
        return false;
    }
    settings->host = arguments[0];
    settings->port = count > 1 ? arguments[1] : "8000";
    if (!options_number(settings->port, 1, 65535, &port)) {
        fprintf(stderr, "chat-tui: the port is a number from 1 to 65535, not '%s'\n",
                settings->port);
        return false;
    }
    if (settings->nick != NULL && !name_nick(wire_text(settings->nick), &name)) {
        fprintf(stderr, "chat-tui: '%s' cannot be a nick: %s\n", settings->nick,
                error_text(ERROR_NICK_INVALID));
        return false;
    }
    return settings_check_room(settings);
}

/* Characters are UTF-8 everywhere in here, whatever the environment says. */
static bool set_locale(void) {
    if (setlocale(LC_ALL, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        return true;
    if (setlocale(LC_CTYPE, "C.UTF-8") != NULL)
        return true;
    fprintf(stderr, "chat-tui: there is no UTF-8 locale; install one, or set LC_ALL=C.UTF-8\n");
    return false;
}

static void print_help(void) {
    printf("Usage: chat-tui [options] HOST [PORT]\n"
           "Talks on the chat-server at HOST (a name or an address) and PORT (8000).\n\n");
    options_print(options, OPTION_COUNT, stdout);
    printf("\nInside, /help lists the commands and /help keys the keys.\n");
}

static void say_what_waits(const struct chat *chat, const struct settings *settings) {
    bool named = settings->nick != NULL;
    size_t count = 0;
    for (const struct pending *each = chat->model->pending; each != NULL; each = each->next)
        count++;
    fprintf(stderr, "chat-tui: waiting to be sent when you are back: %zu; chat-tui %s%s%s%s %s\n",
            count, named ? "--nick " : "", named ? settings->nick : "", named ? " " : "",
            settings->host, settings->port);
}

/* What this machine is called, unless the user says it. */
static const char *default_device(void) {
    static char device[DEVICE_NAME_BYTES_MAX + 1];
    if (gethostname(device, sizeof device - 1) != 0)
        return "";
    return device;
}

static int run(const struct settings *settings) {
    struct chat chat;
    const char *nick = settings->nick != NULL ? settings->nick : default_nick();
    unsigned history = settings->history > 0 ? (unsigned)settings->history : 0;
    const struct net_options net_options = {
        .host = settings->host,
        .port = settings->port,
        .nick = nick,
        .nick_is_wish = settings->nick != NULL,
        .code = settings->code,
        .device = settings->device != NULL ? settings->device : default_device(),
        .plaintext = settings->plaintext,
        .insecure_network = settings->insecure_network,
        .for_person = !settings->pipe,
        .room = settings->room,
        .history = settings->pipe ? history : HISTORY_ON_SCREEN};
    const struct pipe_options pipe_options = {settings->follow};
    if (!chat_init(&chat, settings->room, nick)) {
        perror("chat-tui");
        return EXIT_FAILURE;
    }
    if (!settings->pipe && !tui_start(&chat))
        return EXIT_FAILURE;
    chat.net = net_start(&net_options);
    int status = EXIT_FAILURE;
    if (chat.net != NULL) {
        status = settings->pipe ? pipe_run(&chat, &pipe_options) : tui_run(&chat);
        net_stop(chat.net);
        if (chat.model->pending != NULL)
            say_what_waits(&chat, settings);
    } else if (!settings->pipe) {
        tui_end();
    }
    chat_free(&chat);
    return status;
}

/* Carries the key to or from a file, and does nothing else. */
static int run_key_copy(const struct settings *settings) {
    char says[KEY_COPY_SAYS_MAX];
    bool done = settings->export_key != NULL ? key_export(settings->export_key, says)
                                             : key_import(settings->import_key, says);
    fprintf(done ? stdout : stderr, "%s%s\n", done ? "" : "chat-tui: ", says);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The key must not lie about in a core file, or be read out of the running process by the user's
 * other programs. */
static void keep_secrets(void) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

int main(int argc, char **argv) {
    struct settings settings = {.room = "#lobby", .history = -1};
    int first = options_parse(options, OPTION_COUNT, argc, argv, settings_set, &settings);
    if (first < 0)
        return EXIT_USAGE;
    if (settings.help || settings.version) {
        if (settings.help)
            print_help();
        else
            printf("chat-tui %s\n", CHAT_VERSION);
        return EXIT_SUCCESS;
    }
    keep_secrets();
    if (settings.export_key != NULL || settings.import_key != NULL)
        return run_key_copy(&settings);
    if (!settings_check(&settings, argc - first, argv + first))
        return EXIT_USAGE;
    if (!set_locale())
        return EXIT_FAILURE;
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is met like a full disk */
    return run(&settings);
}
