/* A worker thread: one epoll, its connections, its roster of who is in which room. It accepts (the
 * first worker, which deals connections out), reads and checks frames, hands them on, and writes
 * what the log thread and the readers put into its inbox. It waits for nothing but its epoll. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "peers.h"
#include "queue.h"
#include "readers.h"

struct tls;
struct worker;

struct worker_options {
    unsigned index;
    unsigned count;
    struct queue *const *inboxes; /* of all workers, by index */
    struct queue *log;
    struct readers *readers;
    struct peers *peers;              /* shared by all workers */
    const struct peer_limits *limits; /* outlive the worker, */
    struct metrics *metrics;          /* as do these */
    uint64_t position;                /* id of the last event of the log when the worker starts */
    struct tls *tls; /* a reference of the worker's own; NULL: connections are plain */
    int listener; /* for the first worker, which accepts from INBOX_LISTEN on and closes it; else -1
                   */
};

/* A queue fit to be a worker's inbox; NULL when memory or descriptors are short. */
struct queue *worker_inbox_new(void);

/* Starts the thread. NULL when it cannot. */
struct worker *worker_start(const struct worker_options *options);

/* Waits for the end that INBOX_STOP brings. */
void worker_join(struct worker *worker);

#endif
