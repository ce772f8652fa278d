/* In: requests, from every worker, in each worker's order. A batch is whatever came while the last
 * one was being committed. Out: inbox items, in the order of the log. The thread waits only for its
 * queue, for the disk, and for a worker whose inbox is full (workers never wait for the log, so
 * that ends). It ends after one REQUEST_STOP from every worker. */
#include "log.h"
#include "clock.h"
#include "fault.h"
#include "judge.h"
#include "report.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    LOG_QUEUE_BYTES = 4 << 20,
    CHECKPOINT_PAGES = 1000, /* from here on the checkpointer works */
    CHECKPOINT_OVERDUE =
        16000 /* and here the writer finishes what it left, or the file never begins anew */
};

#define OUTBOX_LIFE_MILLISECONDS (90ull * 24 * 60 * 60 * 1000) /* docs/protocol.md says so */

struct log {
    /* set once */
    struct log_options options;
    struct queue *queue;
    pthread_t thread;

    /* the log thread's */
    struct judge judge;
    uint64_t next_id;
    uint64_t commits;
    bool storing;   /* the last commit that had to be made worked */
    bool purge_due; /* the write-ahead log still has text that was deleted */
};

/* Judges every request of the chain, leaving it as it is; counts the stops. */
static unsigned log_judge(struct log *log, const struct queue_chain *chain) {
    unsigned stops = 0;
    log->judge.batch.time = clock_wall();
    for (struct queue_item *item = chain->first; item != NULL; item = item->next) {
        const struct request *request = (const struct request *)item;
        if (request->kind == REQUEST_STOP)
            stops++;
        else
            judge_request(&log->judge, request);
    }
    judge_finish(&log->judge);
    return stops;
}

/* Seals and commits what was judged; false with everything undone. */
static bool log_commit(struct log *log) {
    uint64_t next_id = log->next_id;
    batch_seal(&log->judge.batch, &next_id, log->judge.state, log->judge.store);
    FAULT_POINT("log-before-commit");
    if (!log->judge.batch.failed && store_commit(log->judge.store)) {
        state_keep(log->judge.state);
        log->next_id = next_id;
        log->purge_due = log->purge_due || log->judge.purge;
        log->judge.purge = false;
        FAULT_POINT("log-after-commit");
        return true;
    }
    log->judge.purge = false;
    judge_undo(&log->judge);
    return false;
}

/* Says so once when storing begins to fail, and once when it works again. */
static void log_note_storing(struct log *log, bool stored) {
    if (log->storing && !stored)
        report(REPORT_ERROR, "cannot_store", "reason", store_error(log->judge.store), "advice",
               "posts are refused until the disk takes them again", NULL);
    else if (!log->storing && stored)
        report(REPORT_INFO, "storing_again", NULL);
    log->storing = stored;
}

static void log_checkpoint(struct log *log) {
    int pages = store_wal_pages(log->judge.store);
    if (pages >= CHECKPOINT_PAGES)
        checkpointer_raise(log->options.checkpointer, ++log->commits);
    if (log->purge_due)
        log->purge_due = !store_purge(log->judge.store);
    else if (pages >= CHECKPOINT_OVERDUE)
        store_checkpoint(log->judge.store);
}

/* Judges, commits and publishes one batch; returns the stops in it. */
static unsigned log_batch(struct log *log, const struct queue_chain *chain) {
    uint64_t first_id = log->next_id;
    store_begin(log->judge.store);
    unsigned stops = log_judge(log, chain);
    bool stored = log_commit(log);
    if (stored && log->next_id > first_id)
        log_note_storing(log, true);
    if (!stored) {
        log_note_storing(log, false);
        log->judge.read_only = true;
        store_begin(log->judge.store);
        log_judge(log, chain);
        log_commit(log);
        log->judge.read_only = false;
    }
    batch_publish(&log->judge.batch, log->options.inboxes, log->options.worker_count);
    batch_clear(&log->judge.batch);
    indexer_raise(log->options.indexer, log->next_id - 1);
    log_checkpoint(log);
    return stops;
}

static void *log_run(void *context) {
    struct log *log = context;
    unsigned stops = 0;
    while (stops < log->options.worker_count) {
        struct queue_chain chain = queue_wait_all(log->queue, -1);
        stops += log_batch(log, &chain);
        for (struct queue_item *item; (item = queue_chain_take(&chain)) != NULL;)
            request_free((struct request *)item);
    }
    return NULL;
}

/* The room everyone is in, made with the log. */
static bool log_make_lobby(struct log *log) {
    if (state_room(log->judge.state, STATE_LOBBY) != NULL)
        return true;
    store_begin(log->judge.store);
    log->judge.batch.time = clock_wall();
    judge_make_lobby(&log->judge);
    bool made = log_commit(log);
    batch_clear(&log->judge.batch);
    return made;
}

static bool log_load(struct log *log) {
    struct store *store = log->options.store;
    store_begin(store);
    store_expire_outboxes(store, clock_wall() - OUTBOX_LIFE_MILLISECONDS);
    if (!store_commit(store))
        return false;
    log->judge.store = store;
    log->judge.state = state_new();
    log->next_id = store_last_id(store) + 1;
    return log->judge.state != NULL && state_load(log->judge.state, store) && log_make_lobby(log);
}

void log_free(struct log *log) {
    state_free(log->judge.state);
    queue_free(log->queue, request_discard);
    free(log);
}

struct log *log_start(const struct log_options *options) {
    struct log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return NULL;
    log->options = *options;
    log->storing = true;
    log->queue = queue_new(LOG_QUEUE_BYTES);
    if (log->queue != NULL && log_load(log) &&
        pthread_create(&log->thread, NULL, log_run, log) == 0)
        return log;
    report(REPORT_ERROR, "cannot_load", "reason", store_error(options->store), NULL);
    log_free(log);
    return NULL;
}

struct queue *log_queue(const struct log *log) {
    return log->queue;
}

void log_join(struct log *log) {
    pthread_join(log->thread, NULL);
}
