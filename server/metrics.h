/* What the server counts, for whoever watches over it. Any thread counts and reads; a count costs
 * no lock. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "buffer.h"
#include "peer_limits.h"
#include "queue.h"

#include <stdatomic.h>
#include <stdint.h>

enum metric {
#define METRIC(NAME, name, type, about) METRIC_##NAME,
#include "metrics.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_type { METRIC_IS_COUNTER, METRIC_IS_GAUGE };

struct metric_entry {
    const char *name;
    enum metric_type type;
    const char *about;
};

extern const struct metric_entry metric_table[METRIC_COUNT];

enum { METRICS_COMMIT_BUCKETS = 12, METRICS_QUEUES_MAX = 80 };

/* A queue whose depth is read when somebody asks. */
struct metrics_queue {
    const char *name;
    unsigned number;
    const struct queue *queue;
};

/* Zero-initialised it has counted nothing. */
struct metrics {
    atomic_ullong values[METRIC_COUNT];
    atomic_ullong met[PEER_LIMIT_COUNT];               /* how often a limit was met */
    atomic_ullong commits[METRICS_COMMIT_BUCKETS + 1]; /* by how long they took; the last: longer */
    atomic_ullong commit_microseconds;
    struct metrics_queue queues[METRICS_QUEUES_MAX]; /* set before anybody asks */
    size_t queue_count;
};

static inline void metrics_add(struct metrics *metrics, enum metric metric, uint64_t number) {
    atomic_fetch_add_explicit(&metrics->values[metric], number, memory_order_relaxed);
}

static inline void metrics_take(struct metrics *metrics, enum metric metric, uint64_t number) {
    atomic_fetch_sub_explicit(&metrics->values[metric], number, memory_order_relaxed);
}

static inline void metrics_set(struct metrics *metrics, enum metric metric, uint64_t number) {
    atomic_store_explicit(&metrics->values[metric], number, memory_order_relaxed);
}

static inline void metrics_meet(struct metrics *metrics, enum peer_limit limit) {
    atomic_fetch_add_explicit(&metrics->met[limit], 1, memory_order_relaxed);
}

void metrics_note_commit(struct metrics *metrics, uint64_t microseconds);

/* Names a queue; before any thread asks. */
void metrics_watch(struct metrics *metrics, const char *name, unsigned number,
                   const struct queue *queue);

/* Appends all in Prometheus' text format, version 0.0.4. */
void metrics_write(const struct metrics *metrics, struct buffer *out);

#endif
