/* The log thread: takes requests from its queue, judges a whole batch of them, commits it at once,
 * and then tells the workers what came of it. It owns the state and the one writing handle.
 * Whatever anyone is sent is on disk. Only the queue and the inboxes lead in and out: another
 * engine may take its place. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include "checkpointer.h"
#include "indexer.h"
#include "metrics.h"
#include "peer_limits.h"
#include "queue.h"
#include "retention.h"
#include "store.h"

struct log;

struct log_options {
    struct store *store; /* taken over by the thread until log_join */
    struct indexer *indexer;
    struct checkpointer *checkpointer;
    struct queue *const *inboxes; /* one a worker; outlive the log */
    unsigned worker_count;
    struct retention retention;
    const struct peer_limits *limits; /* outlive the log; NULL: none */
    struct metrics *metrics;          /* the same; NULL: nobody counts */
    bool plaintext;                   /* the server talks without TLS: nobody can show a key */
};

/* Loads the state, makes the lobby of an empty log, and starts the thread. NULL with a report. */
struct log *log_start(const struct log_options *options);

/* Id of the last event when the thread was started; before any worker is. */
uint64_t log_first_position(const struct log *log);

/* Where workers push struct request, in chains. */
struct queue *log_queue(const struct log *log);

/* Waits until every worker has pushed REQUEST_STOP and all before it is committed and published. */
void log_join(struct log *log);

/* Frees the log and its queue, once nobody pushes any more. */
void log_free(struct log *log);

#endif
