#include "metrics.h"

const struct metric_entry metric_table[METRIC_COUNT] = {
#define METRIC(NAME, name, type, about) [METRIC_##NAME] = {name, METRIC_IS_##type, about},
#include "metrics.def"
#undef METRIC
};

static const uint64_t commit_bounds[METRICS_COMMIT_BUCKETS] = {
    250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000};

void metrics_note_commit(struct metrics *metrics, uint64_t microseconds) {
    size_t bucket = 0;
    while (bucket < METRICS_COMMIT_BUCKETS && microseconds > commit_bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&metrics->commits[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->commit_microseconds, microseconds, memory_order_relaxed);
}

void metrics_watch(struct metrics *metrics, const char *name, unsigned number,
                   const struct queue *queue) {
    if (metrics->queue_count < METRICS_QUEUES_MAX)
        metrics->queues[metrics->queue_count++] =
            (struct metrics_queue){.name = name, .number = number, .queue = queue};
}

static void write_head(struct buffer *out, const char *name, const char *type, const char *about) {
    buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, about, name, type);
}

static void write_limits(const struct metrics *metrics, struct buffer *out) {
    static const char name[] = "chat_limit_met_total";
    write_head(out, name, "counter", "times a limit was met: refused, cut off, or made to wait");
    for (size_t i = 0; i < PEER_LIMIT_COUNT; i++)
        buffer_append_format(out, "%s{limit=\"%s\"} %llu\n", name, peer_limit_table[i].name,
                             atomic_load(&metrics->met[i]));
}

static void write_commits(const struct metrics *metrics, struct buffer *out) {
    static const char name[] = "chat_commit_seconds";
    unsigned long long count = 0;
    write_head(out, name, "histogram", "how long commits took, with their sync to the disk");
    for (size_t i = 0; i < METRICS_COMMIT_BUCKETS; i++) {
        count += atomic_load(&metrics->commits[i]);
        buffer_append_format(out, "%s_bucket{le=\"%g\"} %llu\n", name,
                             (double)commit_bounds[i] / 1e6, count);
    }
    count += atomic_load(&metrics->commits[METRICS_COMMIT_BUCKETS]);
    buffer_append_format(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name,
                         count, name, (double)atomic_load(&metrics->commit_microseconds) / 1e6,
                         name, count);
}

static void write_queues(const struct metrics *metrics, struct buffer *out) {
    static const char name[] = "chat_queue_bytes";
    write_head(out, name, "gauge", "what waits in a queue between two threads");
    for (size_t i = 0; i < metrics->queue_count; i++)
        buffer_append_format(out, "%s{queue=\"%s\",number=\"%u\"} %zu\n", name,
                             metrics->queues[i].name, metrics->queues[i].number,
                             queue_cost(metrics->queues[i].queue));
}

void metrics_write(const struct metrics *metrics, struct buffer *out) {
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_entry *entry = &metric_table[i];
        write_head(out, entry->name, entry->type == METRIC_IS_GAUGE ? "gauge" : "counter",
                   entry->about);
        buffer_append_format(out, "%s %llu\n", entry->name, atomic_load(&metrics->values[i]));
    }
    write_limits(metrics, out);
    write_commits(metrics, out);
    write_queues(metrics, out);
}
