/* chat-server: reads its command line, starts the threads, waits for a signal, and stops them in
 * order: workers stop listening and reading, the log thread commits and publishes what is in hand,
 * the readers end, the workers say goodbye. */
#include "backup.h"
#include "clock.h"
#include "inbox.h"
#include "link.h"
#include "log.h"
#include "options.h"
#include "paths.h"
#include "readers.h"
#include "report.h"
#include "scrubber.h"
#include "state.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STOP_SECONDS = 5, EXIT_USAGE = 2, LISTEN_TRIES = 40, LISTEN_PAUSE_NANOSECONDS = 25000000 };

struct settings {
    const char *host;
    const char *port;
    const char *named_data;
    char *data;
    long workers;
    struct retention retention;
    const char *backup;
    bool check;
    bool help;
    bool version;
};

enum option {
    OPTION_DATA,
    OPTION_PLAINTEXT,
    OPTION_WORKERS,
    OPTION_RETAIN,
    OPTION_BACKUP,
    OPTION_CHECK,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option_entry options[] = {
    [OPTION_DATA] = {"data", "DIR", "keep the log there ($XDG_DATA_HOME/chat-server)"},
    [OPTION_PLAINTEXT] = {"plaintext", NULL, "talk without TLS (all there is in this version)"},
    [OPTION_WORKERS] = {"workers", "N", "threads that serve connections (one a core)"},
    [OPTION_RETAIN] = {"retain", "AGE|N",
                       "remove messages older than AGE (90d), or all but the last N"},
    [OPTION_BACKUP] = {"backup", "FILE", "copy the log to a new FILE and exit; a server may run"},
    [OPTION_CHECK] = {"check", NULL, "read the whole log, say whether it is sound, and exit"},
    [OPTION_HELP] = {"help", NULL, "print this and exit"},
    [OPTION_VERSION] = {"version", NULL, "print the version and exit"},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

static bool settings_set(void *context, size_t index, const char *argument) {
    struct settings *settings = context;
    switch ((enum option)index) {
    case OPTION_DATA:
        settings->named_data = argument;
        return argument[0] != '\0';
    case OPTION_WORKERS:
        if (options_number(argument, 1, STATE_WORKERS_MAX, &settings->workers))
            return true;
        fprintf(stderr, "chat-server: --workers takes a number from 1 to %d, not '%s'\n",
                STATE_WORKERS_MAX, argument);
        return false;
    case OPTION_RETAIN:
        if (retention_parse(argument, &settings->retention))
            return true;
        fprintf(stderr,
                "chat-server: --retain takes an age such as 36h, 90d or 2y, or a number of "
                "messages, not '%s'\n",
                argument);
        return false;
    case OPTION_BACKUP:
        settings->backup = argument;
        return argument[0] != '\0';
    case OPTION_CHECK:
        settings->check = true;
        return true;
    case OPTION_HELP:
        settings->help = true;
        return true;
    case OPTION_VERSION:
        settings->version = true;
        return true;
    case OPTION_PLAINTEXT:
        return true;
    }
    return false;
}

static bool settings_set_address(struct settings *settings, int count, char **arguments) {
    long port;
    if (count > 2) {
        fprintf(stderr, "chat-server: too many arguments; see chat-server --help\n");
        return false;
    }
    settings->host = count > 0 ? arguments[0] : "127.0.0.1";
    settings->port = count > 1 ? arguments[1] : "8000";
    if (options_number(settings->port, 0, 65535, &port))
        return true;
    fprintf(stderr, "chat-server: the port is a number from 0 to 65535, not '%s'\n",
            settings->port);
    return false;
}

/* --check and --backup do not serve: what is for that was meant otherwise. */
static bool settings_check_task(const struct settings *settings, int arguments) {
    bool check = settings->check;
    bool backup = settings->backup != NULL;
    bool serves = arguments > 0 || settings->workers > 0 || settings->retention.messages > 0 ||
                  settings->retention.milliseconds > 0;
    if (check && backup)
        fprintf(stderr, "chat-server: --check and --backup are two commands; a backup is checked "
                        "when it is made\n");
    else if ((check || backup) && serves)
        fprintf(stderr, "chat-server: --%s goes with --data alone: chat-server --data DIR --%s\n",
                check ? "check" : "backup", check ? "check" : "backup FILE");
    return !(check && backup) && !((check || backup) && serves);
}

static bool settings_set_defaults(struct settings *settings) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (settings->workers == 0)
        settings->workers = cores < 1 ? 1 : cores > STATE_WORKERS_MAX ? STATE_WORKERS_MAX : cores;
    errno = 0;
    settings->data = settings->named_data != NULL
                         ? strdup(settings->named_data)
                         : path_for_user("XDG_DATA_HOME", ".local/share", "chat-server");
    if (settings->data != NULL)
        return true;
    if (errno == ENOMEM)
        perror("chat-server");
    else
        fprintf(stderr,
                "chat-server: there is no home folder to keep the log in; name one with --data\n");
    return false;
}

static void print_help(void) {
    printf("Usage: chat-server [options] [HOST [PORT]]\n"
           "Serves a chat on HOST (127.0.0.1; an IPv4 or IPv6 address, or a name) and\n"
           "PORT (8000; 0 takes a free one).\n\n");
    options_print(options, OPTION_COUNT, stdout);
}

/* Everything that runs, in the order of its start. */
struct server {
    struct settings settings;
    struct store *store;
    struct indexer *indexer;
    struct checkpointer *checkpointer;
    struct scrubber *scrubber;
    struct queue *inboxes[STATE_WORKERS_MAX];
    struct log *log;
    struct readers *readers;
    int listener;
    struct worker *workers[STATE_WORKERS_MAX];
    unsigned worker_count; /* of those that run */
};

/* A folder behind a symbolic link is one by its own name: SQLite takes no other. */
static void server_resolve_folder(struct server *server) {
    char *real =
        path_make_folders(server->settings.data) ? realpath(server->settings.data, NULL) : NULL;
    if (real == NULL)
        return; /* opening it says why */
    free(server->settings.data);
    server->settings.data = real;
}

static bool server_open(struct server *server) {
    struct store_problem problem = {{0}};
    server_resolve_folder(server);
    const char *folder = server->settings.data;
    server->store = store_open(folder, &problem);
    if (server->store == NULL) {
        fprintf(stderr, "chat-server: %s\n", problem.text);
        return false;
    }
    const char *path = store_path(server->store);
    server->indexer = indexer_start(folder, path);
    server->checkpointer = checkpointer_start(path);
    if (server->indexer != NULL && server->checkpointer != NULL)
        return true;
    fprintf(stderr, "chat-server: cannot start in the data folder %s; see the log above\n", folder);
    return false;
}

/* A server that was just killed holds its port for a moment longer, until its last thread is gone.
 */
static bool server_listen(struct server *server) {
    const struct timespec pause = {.tv_nsec = LISTEN_PAUSE_NANOSECONDS};
    struct link_problem problem = {{0}, 0};
    for (int i = 0; i < LISTEN_TRIES; i++) {
        server->listener = link_listen(server->settings.host, server->settings.port, &problem);
        if (server->listener >= 0 || problem.reason != EADDRINUSE)
            break;
        nanosleep(&pause, NULL);
    }
    if (server->listener < 0)
        fprintf(stderr, "chat-server: %s\n", problem.text);
    return server->listener >= 0;
}

static bool server_start_log(struct server *server) {
    for (long i = 0; i < server->settings.workers; i++)
        if ((server->inboxes[i] = worker_inbox_new()) == NULL)
            return false;
    const struct log_options log_options = {.store = server->store,
                                            .indexer = server->indexer,
                                            .checkpointer = server->checkpointer,
                                            .inboxes = server->inboxes,
                                            .worker_count = (unsigned)server->settings.workers,
                                            .retention = server->settings.retention,
                                            .plaintext = true};
    server->log = log_start(&log_options);
    if (server->log == NULL)
        return false;
    server->readers =
        readers_start(server->settings.data, store_path(server->store), server->inboxes);
    return server->readers != NULL;
}

static bool server_start_workers(struct server *server) {
    for (unsigned i = 0; i < (unsigned)server->settings.workers; i++) {
        const struct worker_options worker_options = {.index = i,
                                                      .count = (unsigned)server->settings.workers,
                                                      .inboxes = server->inboxes,
                                                      .log = log_queue(server->log),
                                                      .readers = server->readers,
                                                      .listener = i == 0 ? server->listener : -1};
        server->workers[i] = worker_start(&worker_options);
        if (server->workers[i] == NULL)
            return false;
        server->worker_count++;
    }
    server->listener = -1;
    return true;
}

static void server_tell_workers(struct server *server, enum inbox_kind kind) {
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct inbox_item *item;
        struct queue_chain chain = {0};
        while ((item = inbox_new(kind, 0, 0, NULL)) == NULL)
            clock_pause();
        queue_chain_add(&chain, &item->item);
        queue_push(server->inboxes[i], &chain);
    }
}

/* Threads may wait for memory that does not come. */
static void server_give_up(int signal) {
    static const char why[] = "chat-server: could not stop in order in time; what was acknowledged "
                              "is stored all the same\n";
    ssize_t written = write(STDERR_FILENO, why, sizeof why - 1);
    (void)written;
    (void)signal;
    _exit(EXIT_FAILURE);
}

/* False when the log turned out to be damaged. */
static bool server_stop(struct server *server) {
    signal(SIGALRM, server_give_up);
    alarm(STOP_SECONDS);
    bool sound = scrubber_stop(server->scrubber);
    server_tell_workers(server, INBOX_DRAIN);
    log_join(server->log);
    readers_stop(server->readers);
    server_tell_workers(server, INBOX_STOP);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_join(server->workers[i]);
    alarm(0);
    log_free(server->log);
    for (size_t i = 0; i < STATE_WORKERS_MAX; i++)
        queue_free(server->inboxes[i], inbox_discard);
    checkpointer_stop(server->checkpointer);
    indexer_stop(server->indexer);
    store_close(server->store);
    free(server->settings.data);
    return sound;
}

static void server_announce(const struct server *server, int listener) {
    char address[LINK_NAME_MAX];
    link_name_local(listener, address);
    report(REPORT_INFO, "listening", "address", address, "data", server->settings.data, "version",
           CHAT_VERSION, NULL);
    printf("listening on %s\n", address);
    fflush(stdout);
}

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Blocks the signals that end the server in every thread begun from here on. */
static void block_signals(sigset_t *signals) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is met like a full disk */
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static int server_run(struct server *server) {
    sigset_t signals;
    int received = 0;
    block_signals(&signals);
    raise_descriptor_limit();
    umask(077);
    /* Threads that were not asked to stop are ended by the process. */
    if (!server_open(server) || !server_listen(server))
        return EXIT_FAILURE;
    int listener = server->listener;
    if (!server_start_log(server) || !server_start_workers(server)) {
        fprintf(stderr, "chat-server: cannot start: memory, threads or descriptors ran out, or the "
                        "log above says more\n");
        return EXIT_FAILURE;
    }
    server_announce(server, listener);
    /* Last, so that it takes nothing from the start. */
    server->scrubber = scrubber_start(server->settings.data, store_path(server->store));
    if (server->scrubber == NULL)
        report(REPORT_WARNING, "cannot_scrub", "advice",
               "the log is not read through; check it with --check", NULL);
    sigwait(&signals, &received);
    report(REPORT_INFO, "stopping", "signal", received == SIGINT ? "INT" : "TERM", NULL);
    bool sound = server_stop(server);
    report(REPORT_INFO, "stopped", NULL);
    return sound ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    static struct server server;
    server.listener = -1;
    int first = options_parse(options, OPTION_COUNT, argc, argv, settings_set, &server.settings);
    if (first < 0)
        return EXIT_USAGE;
    if (server.settings.help || server.settings.version) {
        if (server.settings.help)
            print_help();
        else
            printf("chat-server %s\n", CHAT_VERSION);
        return EXIT_SUCCESS;
    }
    if (!settings_set_address(&server.settings, argc - first, argv + first))
        return EXIT_USAGE;
    if (!settings_check_task(&server.settings, argc - first))
        return EXIT_USAGE;
    if (!settings_set_defaults(&server.settings))
        return EXIT_FAILURE;
    if (server.settings.check)
        return backup_check(server.settings.data);
    if (server.settings.backup != NULL)
        return backup_make(server.settings.data, server.settings.backup);
    return server_run(&server);
}
