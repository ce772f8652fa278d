/* In: requests, from every worker, in each worker's order. A batch is whatever came while the last
 * one was being committed. Out: inbox items, in the order of the log. The thread waits only for its
 * queue, for the disk, and for a worker whose inbox is full (workers never wait for the log, so
 * that ends). It ends after one REQUEST_STOP from every worker. */
#include "log.h"
#include "clock.h"
#include "fault.h"
#include "judge.h"
#include "report.h"
#include "thread.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    LOG_QUEUE_BYTES = 4 << 20,
    LOG_REFUSE_TRIES = 50,   /* 0.1 s */
    CHECKPOINT_PAGES = 1000, /* from here on the checkpointer works */
    /* and here the writer finishes what it left, or the file never begins anew */
    CHECKPOINT_OVERDUE = 16000,
    /* Emptying the write-ahead log makes posts wait for its readers, so it is not done for each
       edit. */
    PURGE_MILLISECONDS = 1000,
    PURGE_AGAIN_FIRST = 100, /* milliseconds, doubled each time that a reader is in the way, */
    PURGE_AGAIN_MAX = 5000,  /* up to here */
    RETENTION_MILLISECONDS = 1000,
};

struct log {
    /* set once */
    struct log_options options;
    uint64_t first_position;
    struct queue *queue;
    pthread_t thread;

    /* the log thread's */
    struct judge judge;
    uint64_t next_id;
    uint64_t commits;      /* told to the checkpointer */
    uint64_t changes;      /* told to the indexer */
    bool storing;          /* the last commit that had to be made worked */
    bool purge_due;        /* the write-ahead log still has text that is to go */
    uint64_t purge_at;     /* not before, by the monotonic clock */
    unsigned purge_again;  /* milliseconds to wait after the next failure */
    uint64_t retention_at; /* when to look again, by the monotonic clock */
    bool retention_due;
    bool retention_failed; /* the last time */
};

/* Judges requests from `first` on, leaving them as they are, up to `rest` (NULL: all), or, unless
 * they must all be, until they are enough for one batch; returns the first that was not judged. */
static const struct queue_item *log_judge(struct log *log, const struct queue_item *first,
                                          const struct queue_item *rest, bool all) {
    log->judge.batch.time = clock_wall();
    log->judge.position = log->next_id - 1;
    while (first != rest && (all || !batch_is_full(&log->judge.batch))) {
        const struct request *request = (const struct request *)first;
        if (request->kind == REQUEST_MESSAGE || request->kind == REQUEST_GONE)
            judge_request(&log->judge, request);
        first = first->next;
    }
    judge_finish(&log->judge);
    return first;
}

/* Commits, and counts how that went. */
static bool log_store(struct log *log, uint64_t next_id) {
    struct metrics *metrics = log->options.metrics;
    uint64_t begun = clock_microseconds();
    bool stored = store_commit(log->judge.store);
    if (metrics == NULL)
        return stored;
    if (!stored) {
        metrics_add(metrics, METRIC_COMMIT_FAILURES, 1);
        return false;
    }
    if (next_id > log->next_id)
        metrics_note_commit(metrics, clock_microseconds() - begun);
    metrics_add(metrics, METRIC_EVENTS, next_id - log->next_id);
    metrics_set(metrics, METRIC_LAST_ID, next_id - 1);
    return true;
}

/* Seals and commits what was judged; false with everything undone. */
static bool log_commit(struct log *log) {
    uint64_t next_id = log->next_id;
    batch_seal(&log->judge.batch, &next_id, log->judge.state, log->judge.store);
    FAULT_POINT("log-before-commit");
    if (!log->judge.batch.failed && log_store(log, next_id)) {
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
        report(REPORT_CANNOT_STORE, "reason", store_error(log->judge.store), "advice",
               "posts are refused until the disk takes them again", NULL);
    else if (!log->storing && stored)
        report(REPORT_STORING_AGAIN, NULL);
    log->storing = stored;
}

/* Removes what is not to be kept any more, a bounded piece at a time. */
static void log_retain(struct log *log) {
    uint64_t now = clock_monotonic();
    if (!log->retention_due || now < log->retention_at)
        return;
    enum retention_result result =
        retention_step(&log->options.retention, clock_wall(), log->judge.state, log->judge.store);
    bool failed = result == RETENTION_FAILED;
    bool more = result == RETENTION_MORE;
    if (failed && !log->retention_failed)
        report(REPORT_CANNOT_REMOVE, "reason", store_error(log->judge.store), "advice",
               "what --retain should have removed stays until the disk works again", NULL);
    log->retention_failed = failed;
    log->retention_due = more || failed || log->options.retention.milliseconds > 0;
    log->retention_at = more ? now : now + RETENTION_MILLISECONDS;
    log->purge_due = log->purge_due || more;
    if (more)
        indexer_raise(log->options.indexer, ++log->changes);
}

static void log_checkpoint(struct log *log) {
    int pages = store_wal_pages(log->judge.store);
    if (pages >= CHECKPOINT_PAGES)
        checkpointer_raise(log->options.checkpointer, ++log->commits);
    uint64_t now = clock_monotonic();
    if (log->purge_due && now >= log->purge_at) {
        log->purge_due = !store_purge(log->judge.store);
        if (!log->purge_due)
            log->purge_again = PURGE_AGAIN_FIRST;
        else if (log->purge_again < PURGE_AGAIN_MAX)
            log->purge_again *= 2;
        log->purge_at = now + (log->purge_due ? log->purge_again : PURGE_MILLISECONDS);
    } else if (pages >= CHECKPOINT_OVERDUE) {
        store_checkpoint(log->judge.store);
    }
}

/* Milliseconds until then, at most `patience` (-1: for ever). */
static int log_patience_until(uint64_t then, int patience) {
    uint64_t now = clock_monotonic();
    int wait = then > now ? (int)(then - now) : 0;
    return patience < 0 || wait < patience ? wait : patience;
}

/* How long the thread may wait for requests before something else is due; -1: for ever. */
static int log_patience(const struct log *log) {
    int patience = -1;
    if (log->purge_due)
        patience = log_patience_until(log->purge_at, patience);
    if (log->retention_due)
        patience = log_patience_until(log->retention_at, patience);
    return patience;
}

static void log_publish(struct log *log) {
    batch_publish(&log->judge.batch, log->options.inboxes, log->options.worker_count);
    batch_clear(&log->judge.batch);
}

/* Judges requests with nothing to be stored; false when there is no memory even for that. */
static bool log_answer(struct log *log, const struct queue_item *first,
                       const struct queue_item *rest) {
    store_begin(log->judge.store);
    log_judge(log, first, rest, true);
    return log_commit(log);
}

/* Ends the session of a request that there is no memory to answer, now or in a moment. */
static void log_give_up(struct log *log, const struct request *request) {
    report(REPORT_NO_MEMORY, "advice", "a session is ended; give the server more", NULL);
    do {
        clock_pause();
        store_begin(log->judge.store);
        judge_end(&log->judge, request->session, ERROR_FAILED, "");
    } while (!log_commit(log));
}

/* Answers a batch that could not be stored: it is judged again with nothing to be stored. That
 * needs memory too: when it stays away, each request is answered alone. */
static void log_refuse(struct log *log, const struct queue_item *first,
                       const struct queue_item *rest) {
    bool told = false;
    for (int i = 0; i < LOG_REFUSE_TRIES && !told; i++) {
        if (i > 0)
            clock_pause();
        told = log_answer(log, first, rest);
    }
    for (const struct queue_item *item = first; item != rest && !told; item = item->next) {
        const struct request *request = (const struct request *)item;
        if (request->kind == REQUEST_MESSAGE && !log_answer(log, item, item->next))
            log_give_up(log, request);
        while (request->kind == REQUEST_GONE && !log_answer(log, item, item->next))
            clock_pause();
        log_publish(log);
    }
}

/* Judges, commits and publishes one batch; returns the request that the next one begins with. */
static const struct queue_item *log_batch(struct log *log, const struct queue_item *first) {
    uint64_t first_id = log->next_id;
    store_begin(log->judge.store);
    const struct queue_item *rest = log_judge(log, first, NULL, false);
    bool stored = log_commit(log);
    if (stored && log->next_id > first_id)
        log_note_storing(log, true);
    if (!stored) {
        log_note_storing(log, false);
        log->judge.read_only = true;
        log_refuse(log, first, rest);
        log->judge.read_only = false;
    }
    log_publish(log);
    if (log->next_id > first_id) {
        indexer_raise(log->options.indexer, ++log->changes);
        log->retention_due = true;
    }
    return rest;
}

/* Does what is due besides requests. */
static void log_tidy(struct log *log) {
    log_retain(log);
    log_checkpoint(log);
}

/* Frees the requests; returns how many said that nothing more comes. */
static unsigned log_free_requests(struct queue_chain *chain) {
    unsigned stops = 0;
    for (struct queue_item *item; (item = queue_chain_take(chain)) != NULL;) {
        struct request *request = (struct request *)item;
        stops += request->kind == REQUEST_STOP;
        if (request->kind == REQUEST_PULSE)
            atomic_fetch_add(request->beats, 1);
        request_free(request);
    }
    return stops;
}

static void *log_run(void *context) {
    struct log *log = context;
    unsigned stops = 0;
    while (stops < log->options.worker_count) {
        struct queue_chain chain = queue_wait_all(log->queue, log_patience(log));
        const struct queue_item *next = chain.first;
        while (next != NULL) {
            next = log_batch(log, next);
            log_tidy(log);
        }
        log_tidy(log);
        stops += log_free_requests(&chain);
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

static bool log_load(struct log *log, const char **reason) {
    struct store *store = log->options.store;
    *reason = store_error(store);
    store_begin(store);
    store_forget_outboxes(store, OUTBOXES_KEPT);
    if (!store_commit(store))
        return false;
    log->judge.store = store;
    log->judge.plaintext = log->options.plaintext;
    log->judge.limits = log->options.limits;
    log->judge.metrics = log->options.metrics;
    log->judge.state = state_new(reason);
    uint64_t last_id;
    if (log->judge.state == NULL)
        return false;
    *reason = store_error(store);
    if (!store_last_id(store, &last_id))
        return false;
    log->next_id = last_id + 1;
    return state_load(log->judge.state, store) && log_make_lobby(log);
}

void log_free(struct log *log) {
    state_free(log->judge.state);
    queue_free(log->queue, request_discard);
    free(log);
}

struct log *log_start(const struct log_options *options) {
    struct log *log = calloc(1, sizeof *log);
    const char *reason = "";
    if (log == NULL)
        return NULL;
    log->options = *options;
    log->storing = true;
    log->purge_again = PURGE_AGAIN_FIRST;
    log->retention_due = true;
    log->queue = queue_new(LOG_QUEUE_BYTES);
    bool loaded = log->queue != NULL && log_load(log, &reason);
    log->first_position = log->next_id - 1;
    if (loaded && thread_start(&log->thread, "log", log_run, log))
        return log;
    report(REPORT_CANNOT_LOAD, "reason", reason, NULL);
    log_free(log);
    return NULL;
}

uint64_t log_first_position(const struct log *log) {
    return log->first_position;
}

struct queue *log_queue(const struct log *log) {
    return log->queue;
}

void log_join(struct log *log) {
    pthread_join(log->thread, NULL);
}
