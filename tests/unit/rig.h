/* A log thread to test from outside: requests go into its queue, and what it makes of them comes
 * out of a worker's inbox. */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include "test.h"
#include "frame.h"
#include "inbox.h"
#include "inspect.h"
#include "log.h"
#include "page_guard.h"
#include "request.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

struct rig {
    char folder[32];
    int watch; /* tells of changes of the files in it */
    struct store *store;
    struct indexer *indexer;
    struct checkpointer *checkpointer;
    struct queue *inbox;
    struct log *log;
    struct retention retention; /* of the next start */
    bool tls;                   /* the same: guests are not let in unless the owner says so */
    bool gathers;               /* requests for one batch, */
    struct queue_chain gathered;
};

static inline int remove_entry(const char *path, const struct stat *status, int kind,
                               struct FTW *at) {
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void rig_start(struct rig *rig) {
    struct store_problem problem;
    rig->store = store_open(rig->folder, &problem);
    assert_non_null(rig->store);
    rig->indexer = indexer_start(rig->folder, store_path(rig->store), NULL);
    rig->checkpointer = checkpointer_start(store_path(rig->store));
    rig->inbox = queue_new(SIZE_MAX);
    const struct log_options options = {.store = rig->store,
                                        .indexer = rig->indexer,
                                        .checkpointer = rig->checkpointer,
                                        .inboxes = &rig->inbox,
                                        .worker_count = 1,
                                        .retention = rig->retention,
                                        .plaintext = !rig->tls};
    rig->log = log_start(&options);
    assert_non_null(rig->log);
}

static inline void rig_push(struct rig *rig, struct request *request) {
    queue_chain_add(&rig->gathered, &request->item);
    if (!rig->gathers)
        queue_push(log_queue(rig->log), &rig->gathered);
}

/* What is sent until rig_go_on the log thread gets at once. */
static inline void rig_gather(struct rig *rig) {
    rig->gathers = true;
}

static inline void rig_go_on(struct rig *rig) {
    rig->gathers = false;
    queue_push(log_queue(rig->log), &rig->gathered);
}

static inline void rig_stop(struct rig *rig) {
    rig_push(rig, request_new(REQUEST_STOP, 0, (struct wire_blob){0}));
    log_join(rig->log);
    log_free(rig->log);
    checkpointer_stop(rig->checkpointer);
    indexer_stop(rig->indexer);
    store_close(rig->store);
    queue_free(rig->inbox, inbox_discard);
}

static inline int rig_make(void **state) {
    static struct rig rig;
    rig.retention = (struct retention){0};
    rig.tls = false;
    strcpy(rig.folder, "/tmp/log-test-XXXXXX");
    *state = &rig;
    if (mkdtemp(rig.folder) == NULL)
        return 1;
    rig.watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (inotify_add_watch(rig.watch, rig.folder, IN_MODIFY | IN_CREATE | IN_DELETE) < 0)
        return 1;
    rig_start(&rig);
    return 0;
}

static inline int rig_remove(void **state) {
    struct rig *rig = *state;
    rig_stop(rig);
    close(rig->watch);
    return nftw(rig->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Waits until one of the files is written; a second at most, for what SQLite has written is to be
 * seen a moment later. */
static inline void rig_await_change(const struct rig *rig) {
    char events[4096];
    struct pollfd wait = {rig->watch, POLLIN, 0};
    poll(&wait, 1, 1000);
    while (read(rig->watch, events, sizeof events) > 0)
        continue;
}

/* Sends a message as one of a session that comes from there. */
static inline void send_from(struct rig *rig, uint32_t session, const struct request_origin *origin,
                             const struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    struct wire_blob payload = {frame.data + FRAME_HEAD, frame.size - FRAME_HEAD};
    struct request *request =
        request_new(REQUEST_MESSAGE, session_identity(0, 1, session), payload);
    payload.data = request->payload;
    request->origin = *origin;
    assert_int_equal(message_decode(payload, &request->message), ERROR_NONE);
    buffer_free(&frame);
    rig_push(rig, request);
}

static inline void send_message(struct rig *rig, uint32_t session, const struct message *message) {
    const struct request_origin here = {.loopback = true};
    send_from(rig, session, &here, message);
}

/* Frames that came out of the inbox, in order; taken one by one. */
static struct inbox_item *current;
static struct wire_reader rest;

/* The next message of one of the types for a session (or an event); others are passed over. */
static inline struct message expect_either(struct rig *rig, enum message_type type,
                                           enum message_type other) {
    struct message message;
    struct wire_blob payload;
    for (;;) {
        while (frame_take(&rest, &payload) == FRAME_READY) {
            assert_int_equal(message_decode(payload, &message), ERROR_NONE);
            if (message.type == type || message.type == other)
                return message;
        }
        if (current != NULL)
            inbox_free(current);
        current = (struct inbox_item *)queue_wait_one(rig->inbox);
        rest = (struct wire_reader){current->frames->bytes,
                                    current->frames->bytes + current->frames->size};
    }
}

static inline struct message expect(struct rig *rig, enum message_type type) {
    return expect_either(rig, type, type);
}

static inline void forget_rest(void) {
    if (current != NULL)
        inbox_free(current);
    current = NULL;
    rest = (struct wire_reader){NULL, NULL};
}

static inline void greet(struct rig *rig, uint32_t session, const char *nick,
                         struct wire_blob secret) {
    struct message hello = {.type = MESSAGE_HELLO};
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    hello.hello.outbox = 99;
    hello.hello.secret = secret;
    send_message(rig, session, &hello);
}

static inline void post(struct rig *rig, uint32_t session, uint64_t number, uint32_t room,
                        const char *body) {
    struct message message = {.type = MESSAGE_POST};
    message.post.number = number;
    message.post.room = room;
    message.post.body = wire_text(body);
    send_message(rig, session, &message);
}

/* The log's file as an inspection finds it; fails the test when it is not sound. */
static inline struct inspection inspect_rig(const struct rig *rig) {
    struct inspection inspection;
    sqlite3 *database;
    assert_int_equal(page_guard_open(store_path(rig->store), &database, SQLITE_OPEN_READONLY),
                     SQLITE_OK);
    if (!inspect_database(database, &inspection))
        fail_msg("%s", inspection.problem);
    sqlite3_close(database);
    return inspection;
}

/* Lets files grow by so many bytes at most, as a full disk does. */
static inline void limit_files(rlim_t bytes) {
    const struct rlimit limit = {bytes, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static const struct wire_blob no_secret = {NULL, 0};

#endif
