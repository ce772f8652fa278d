/* chat-server: reads its command line, starts the threads, waits for a signal, and stops them in
 * order: workers stop listening and reading, the log thread commits and publishes what is in hand,
 * the readers end, the workers say goodbye. */
#include "backup.h"
#include "clock.h"
#include "confine.h"
#include "credentials.h"
#include "fault.h"
#include "heap.h"
#include "inbox.h"
#include "key_file.h"
#include "link.h"
#include "log.h"
#include "metrics_server.h"
#include "owner_token.h"
#include "paths.h"
#include "peers.h"
#include "process.h"
#include "readers.h"
#include "report.h"
#include "scrubber.h"
#include "settings.h"
#include "state.h"
#include "supervisor.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STOP_SECONDS = 5, LISTEN_TRIES = 40, LISTEN_PAUSE_NANOSECONDS = 25000000 };

/* Everything that runs, in the order of its start. */
struct server {
    int argc;
    char **argv;
    struct settings settings;
    struct store *store;
    struct indexer *indexer;
    struct checkpointer *checkpointer;
    struct scrubber *scrubber;
    struct queue *inboxes[STATE_WORKERS_MAX];
    struct log *log;
    struct readers *readers;
    struct peers *peers;
    struct metrics metrics;
    struct metrics_server *metrics_server; /* NULL without --metrics */
    int metrics_listener;
    struct tls *tls; /* NULL with --plaintext */
    int listener;
    int terminal; /* that it was started on, -1 for none */
    struct heap heap;
    struct pulse pulse;
    struct worker *workers[STATE_WORKERS_MAX];
    unsigned worker_count; /* of those that run */
};

/* A folder behind a symbolic link is one by its own name: SQLite takes no other. */
static bool server_resolve_folder(struct server *server) {
    char *real =
        path_make_folders(server->settings.data) ? realpath(server->settings.data, NULL) : NULL;
    if (real == NULL)
        return false;
    free(server->settings.data);
    server->settings.data = real;
    return true;
}

static bool server_open(struct server *server) {
    struct store_problem problem = {{0}};
    const char *folder = server->settings.data;
    server->store = store_open(folder, &problem);
    if (server->store == NULL) {
        fprintf(stderr, "chat-server: %s\n", problem.text);
        return false;
    }
    const char *path = store_path(server->store);
    server->indexer = indexer_start(folder, path, &server->metrics);
    server->checkpointer = checkpointer_start(path);
    if (server->indexer != NULL && server->checkpointer != NULL)
        return true;
    fprintf(stderr, "chat-server: cannot start in the data folder %s; see the log above\n", folder);
    return false;
}

/* Opens the server's key, and says whose server this is. */
static bool server_open_tls(struct server *server) {
    const struct settings *settings = &server->settings;
    struct link_problem problem = {{0}, 0};
    char text[KEY_FINGERPRINT_SIZE];
    if (settings->plaintext)
        return true;
    server->tls = credentials_open(settings->data, settings->certificate, settings->key, &problem);
    if (server->tls == NULL) {
        fprintf(stderr, "chat-server: %s\n", problem.text);
        return false;
    }
    credentials_fingerprint(server->tls, text);
    report(REPORT_KEY, "fingerprint", text, NULL);
    return true;
}

/* A server that was just killed holds its port for a moment longer, until its last thread is gone.
 */
static bool server_bind(struct server *server) {
    const struct timespec pause = {.tv_nsec = LISTEN_PAUSE_NANOSECONDS};
    struct link_problem problem = {{0}, 0};
    for (int i = 0; i < LISTEN_TRIES; i++) {
        server->listener = link_bind(server->settings.host, server->settings.port, &problem);
        if (server->listener >= 0 || problem.reason != EADDRINUSE)
            break;
        nanosleep(&pause, NULL);
    }
    if (server->listener < 0) {
        fprintf(stderr, "chat-server: %s\n", problem.text);
        return false;
    }
    if (!server->settings.plaintext || server->settings.insecure_network ||
        link_local_is_loopback(server->listener))
        return true;
    fprintf(stderr,
            "chat-server: without TLS all that is said on %s can be read and changed on its "
            "way; leave out --plaintext, or add --insecure-network\n",
            server->settings.host);
    return false;
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
                                            .limits = &server->settings.limits,
                                            .metrics = &server->metrics,
                                            .plaintext = server->settings.plaintext};
    server->log = log_start(&log_options);
    if (server->log == NULL)
        return false;
    server->readers =
        readers_start(server->settings.data, store_path(server->store), server->inboxes);
    return server->readers != NULL;
}

static bool server_start_workers(struct server *server) {
    server->peers = peers_new(&server->settings.limits, &server->metrics);
    if (server->peers == NULL)
        return false;
    for (unsigned i = 0; i < (unsigned)server->settings.workers; i++) {
        const struct worker_options worker_options = {.index = i,
                                                      .count = (unsigned)server->settings.workers,
                                                      .inboxes = server->inboxes,
                                                      .log = log_queue(server->log),
                                                      .readers = server->readers,
                                                      .peers = server->peers,
                                                      .position = log_first_position(server->log),
                                                      .limits = &server->settings.limits,
                                                      .metrics = &server->metrics,
                                                      .tls = tls_take(server->tls),
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
        item->tls = kind == INBOX_TLS ? tls_take(server->tls) : NULL;
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
    metrics_server_stop(server->metrics_server);
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
    peers_free(server->peers);
    tls_drop(server->tls);
    settings_free(&server->settings);
    return sound;
}

/* Takes over what can be changed while serving. */
static void server_take_over(struct server *server, const struct settings *fresh, struct tls *tls) {
    char text[KEY_FINGERPRINT_SIZE] = "none";
    char fixed[SETTINGS_NAMES_SIZE];
    settings_name_fixed(&server->settings, fresh, fixed);
    peer_limits_copy(&server->settings.limits, &fresh->limits);
    if (tls != NULL) {
        tls_drop(server->tls);
        server->tls = tls;
        server_tell_workers(server, INBOX_TLS);
        credentials_fingerprint(tls, text);
    }
    report(REPORT_RELOADED, "fingerprint", text, NULL);
    if (fixed[0] != '\0')
        report(REPORT_NEEDS_RESTART, "setting", fixed, "advice",
               "what it was stays until the next start", NULL);
    report_set_level(fresh->log_level);
}

/* Reads the settings, and key and certificate, again: if anything is wrong with any, all stays. */
static void server_read_again(struct server *server) {
    struct link_problem problem = {{0}, 0};
    struct settings fresh;
    struct tls *tls = NULL;
    int status;
    bool read = settings_read(&fresh, server->argc, server->argv, &status);
    if (read && !server->settings.plaintext) {
        tls = credentials_open_again(server->settings.data, fresh.certificate, fresh.key, &problem);
        read = tls != NULL;
    }
    if (read)
        server_take_over(server, &fresh, tls);
    else
        report(REPORT_CANNOT_RELOAD, "reason",
               problem.text[0] != '\0' ? problem.text : fresh.complaint.text, "advice",
               "all settings and the certificate in use stay", NULL);
    settings_free(&fresh);
}

static void server_reload(struct server *server) {
    supervisor_tell(SUPERVISOR_RELOADING);
    server_read_again(server);
    supervisor_tell(SUPERVISOR_READY);
}

static void server_feel_pulse(struct server *server) {
    supervisor_feel_pulse(&server->pulse, log_queue(server->log), server->inboxes,
                          server->worker_count);
}

static void server_give_back_memory(struct server *server) {
    heap_give_back(&server->heap);
}

/* What the main thread does now and then. */
struct chore {
    void (*act)(struct server *server);
    int interval; /* milliseconds; negative: never */
    uint64_t at;  /* when it is due */
};

/* Does what is due; milliseconds until the next is. */
static uint64_t server_do_chores(struct server *server, struct chore *chores, size_t count) {
    uint64_t next = UINT64_MAX;
    for (struct chore *chore = chores; chore < chores + count; chore++) {
        if (chore->interval < 0)
            continue;
        if (clock_monotonic() >= chore->at) {
            chore->act(server);
            chore->at = clock_monotonic() + (uint64_t)chore->interval;
        }
        if (chore->at < next)
            next = chore->at;
    }
    const uint64_t now = clock_monotonic();
    return next > now ? next - now : 0;
}

/* Waits for the signal that ends the server; meanwhile reads again what it is told to. */
static int server_wait(struct server *server, const sigset_t *signals) {
    struct chore chores[] = {{server_feel_pulse, supervisor_interval(), 0},
                             {server_give_back_memory, HEAP_INTERVAL, 0}};
    for (;;) {
        const uint64_t left = server_do_chores(server, chores, sizeof chores / sizeof *chores);
        const struct timespec wait = {(time_t)(left / 1000), (long)(left % 1000) * 1000000L};
        int received = sigtimedwait(signals, NULL, &wait);
        if (received == SIGHUP && !process_terminal_is_gone(server->terminal))
            server_reload(server);
        else if (received > 0)
            return received;
    }
}

static void server_announce(const struct server *server, int listener) {
    char address[LINK_NAME_MAX];
    link_name_local(listener, address);
    if (geteuid() == 0)
        report(REPORT_RUNS_AS_ROOT, "advice",
               "start it as a user of its own; nothing it does needs root", NULL);
    report(REPORT_LISTENING, "address", address, "data", server->settings.data, "version",
           CHAT_VERSION, NULL);
    /* Not by stdio, which would ask what kind of file it is. */
    dprintf(STDOUT_FILENO, "listening on %s\n", address);
}

static bool server_bind_metrics(struct server *server) {
    struct link_problem problem = {{0}, 0};
    if (server->settings.metrics == NULL)
        return true;
    server->metrics_listener = metrics_server_bind(server->settings.metrics, &problem);
    if (server->metrics_listener < 0)
        fprintf(stderr, "chat-server: %s\n", problem.text);
    return server->metrics_listener >= 0;
}

/* What is to be had from elsewhere has been taken: the listener, the settings of the system. */
static bool server_confine_files(struct server *server) {
    const struct settings *settings = &server->settings;
    const char *const files[] = {settings->config, settings->certificate, settings->key};
    if (!server_resolve_folder(server)) {
        fprintf(stderr,
                "chat-server: cannot make the data folder %s: %s; name another with --data\n",
                settings->data, strerror(errno));
        return false;
    }
    /* For what SQLite sorts, should it ever need a file. */
    setenv("SQLITE_TMPDIR", settings->data, 1);
    return settings->unconfined ||
           (tls_prepare() && confine_files(settings->data, files, sizeof files / sizeof *files));
}

static bool server_start_metrics(struct server *server) {
    struct link_problem problem = {{0}, 0};
    if (server->settings.metrics == NULL)
        return true;
    metrics_watch(&server->metrics, "log", 0, log_queue(server->log));
    for (unsigned i = 0; i < server->worker_count; i++)
        metrics_watch(&server->metrics, "worker", i, server->inboxes[i]);
    server->metrics_server =
        metrics_server_start(&server->metrics, server->metrics_listener, &problem);
    if (server->metrics_server == NULL)
        fprintf(stderr, "chat-server: %s\n", problem.text);
    return server->metrics_server != NULL;
}

/* A server that is confined may not begin to listen; nobody is let in before it says so. */
static bool server_confine_calls(const struct server *server, int listener) {
    struct link_problem problem = {{0}, 0};
    if (!link_listen(listener, &problem)) {
        fprintf(stderr, "chat-server: %s\n", problem.text);
        return false;
    }
    return server->settings.unconfined || confine_calls();
}

static bool server_start_threads(struct server *server) {
    if (!server_start_log(server) || !server_start_workers(server)) {
        fprintf(stderr, "chat-server: cannot start: memory, threads or descriptors ran out, or the "
                        "log above says more\n");
        return false;
    }
    server->scrubber = scrubber_start(server->settings.data, store_path(server->store));
    if (server->scrubber == NULL)
        report(REPORT_CANNOT_SCRUB, "advice", "the log is not read through; check it with --check",
               NULL);
    return server_start_metrics(server);
}

/* Nobody gets in before the server has given up what it does not need, and said where it is. */
static void server_let_in(struct server *server, int listener) {
    server_announce(server, listener);
    server_tell_workers(server, INBOX_LISTEN);
}

static int server_run(struct server *server) {
    sigset_t signals;
    process_block_signals(&signals);
    process_raise_descriptor_limit();
    umask(077);
    server->terminal = process_find_terminal();
    heap_watch(&server->heap);
    if (!supervisor_connect())
        report(REPORT_NO_MANAGER, "reason", strerror(errno), "advice",
               "it is not told how the server is, and may end it; see NOTIFY_SOCKET", NULL);
    /* Threads that were not asked to stop are ended by the process. */
    if (!server_bind(server) || !server_bind_metrics(server) || !server_confine_files(server) ||
        !server_open(server) || !server_open_tls(server))
        return EXIT_FAILURE;
    int listener = server->listener;
    if (!server_start_threads(server) || !server_confine_calls(server, listener))
        return EXIT_FAILURE;
    server_let_in(server, listener);
    FAULT_POINT("serving");
    supervisor_tell(SUPERVISOR_READY);
    int received = server_wait(server, &signals);
    supervisor_tell(SUPERVISOR_STOPPING);
    report(REPORT_STOPPING, "signal", sigabbrev_np(received), NULL);
    bool sound = server_stop(server);
    report(REPORT_STOPPED, NULL);
    return sound ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Prints what the operator reads out to those who come for the first time. */
static int print_fingerprint(const struct settings *settings) {
    struct link_problem problem = {{0}, 0};
    char text[KEY_FINGERPRINT_SIZE];
    struct tls *tls =
        credentials_open_again(settings->data, settings->certificate, settings->key, &problem);
    if (tls == NULL) {
        fprintf(stderr, "chat-server: %s; the first start of a server makes it\n", problem.text);
        return EXIT_FAILURE;
    }
    credentials_fingerprint(tls, text);
    printf("%s\n", text);
    tls_drop(tls);
    return EXIT_SUCCESS;
}

/* Prints what makes whoever types it the owner of the server. */
static int print_owner_token(const struct settings *settings) {
    struct link_problem problem = {{0}, 0};
    char token[OWNER_TOKEN_SIZE];
    if (!owner_token_make(settings->data, token, &problem)) {
        fprintf(stderr, "chat-server: %s\n", problem.text);
        return EXIT_FAILURE;
    }
    printf("%s\n", token);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    static struct server server;
    int status;
    server.listener = -1;
    server.argc = argc;
    server.argv = argv;
    if (!settings_read(&server.settings, argc, argv, &status)) {
        if (server.settings.complaint.text[0] != '\0')
            fprintf(stderr, "chat-server: %s\n", server.settings.complaint.text);
        return status;
    }
    if (server.settings.help) {
        settings_print_help();
        return EXIT_SUCCESS;
    }
    if (server.settings.version) {
        printf("chat-server %s\n", CHAT_VERSION);
        return EXIT_SUCCESS;
    }
    report_set_level(server.settings.log_level);
    heap_share();
    process_keep_secrets();
    if (server.settings.fingerprint)
        return print_fingerprint(&server.settings);
    if (server.settings.owner_token)
        return print_owner_token(&server.settings);
    if (server.settings.check)
        return backup_check(server.settings.data);
    if (server.settings.backup != NULL)
        return backup_make(server.settings.data, server.settings.backup);
    return server_run(&server);
}
