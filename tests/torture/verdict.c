#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void verdict_note(struct verdict *verdict, uint64_t *counter, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void verdict_note(struct verdict *verdict, uint64_t *counter, const char *format, ...) {
    if (verdict_is_clean(verdict)) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(verdict->first, sizeof verdict->first, format, arguments);
        va_end(arguments);
    }
    (*counter)++;
}

bool verdict_is_clean(const struct verdict *verdict) {
    return verdict->lost + verdict->doubled + verdict->disordered == 0;
}

static bool *verdict_flags(size_t count) {
    bool *flags = calloc(count + 1, sizeof *flags);
    if (flags == NULL)
        abort();
    return flags;
}

/* Place of the event in the log, or the log's size when it is not there as it was shown. */
static size_t sightings_find(struct sightings log, const struct sighting *event) {
    size_t low = 0;
    size_t high = log.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log.events[middle].id < event->id)
            low = middle + 1;
        else
            high = middle;
    }
    bool same = low < log.count && log.events[low].id == event->id &&
                log.events[low].digest == event->digest;
    return same ? low : log.count;
}

/* Everything between the places that was not seen is lost. */
static void verdict_gaps(struct verdict *verdict, const char *who, struct sightings log,
                         const bool *seen, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (!seen[i])
            verdict_note(verdict, &verdict->lost, "%s was not shown event %llu", who,
                         (unsigned long long)log.events[i].id);
}

void verdict_shown(struct verdict *verdict, const char *who, struct sightings log,
                   struct sightings shown, bool more, bool complete) {
    bool *seen = verdict_flags(log.count);
    size_t begin = more ? log.count : 0;
    size_t end = 0;
    for (size_t i = 0; i < shown.count; i++) {
        unsigned long long id = shown.events[i].id;
        size_t place = sightings_find(log, &shown.events[i]);
        if (place == log.count) {
            verdict_note(verdict, &verdict->lost,
                         "%s was shown event %llu, which is not in the log", who, id);
            continue;
        }
        if (seen[place])
            verdict_note(verdict, &verdict->doubled, "%s was shown event %llu again", who, id);
        else if (place < end)
            verdict_note(verdict, &verdict->disordered, "%s was shown event %llu too late", who,
                         id);
        seen[place] = true;
        begin = begin == log.count ? place : begin;
        end = place >= end ? place + 1 : end;
    }
    verdict_gaps(verdict, who, log, seen, begin, complete ? log.count : end);
    free(seen);
}

/* Place of the key among the asks, which are in order; their number when it is not there. */
static size_t ask_find(const struct ask *asks, size_t count, uint64_t key) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (asks[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && asks[low].key == key ? low : count;
}

/* Posts reach the disk in order: one that is owed or stored vouches for those before it. */
static size_t verdict_owed(struct verdict *verdict, const char *who, const struct ask *asks,
                           size_t count, const bool *found) {
    bool owed = false;
    size_t sum = 0;
    for (size_t i = count; i > 0; i--) {
        const struct ask *ask = &asks[i - 1];
        if (i < count && ask->key >> 32 != asks[i].key >> 32)
            owed = false;
        owed = owed || ask->owed || found[i - 1];
        sum += owed;
        if (owed && !found[i - 1])
            verdict_note(verdict, &verdict->lost, "post %llu of life %llu of %s is not in the log",
                         (unsigned long long)(ask->key & UINT32_MAX),
                         (unsigned long long)(ask->key >> 32), who);
    }
    return sum;
}

size_t verdict_posts(struct verdict *verdict, const char *who, const struct ask *asks,
                     size_t ask_count, const uint64_t *stored, size_t stored_count) {
    bool *found = verdict_flags(ask_count);
    size_t end = 0;
    for (size_t i = 0; i < stored_count; i++) {
        size_t place = ask_find(asks, ask_count, stored[i]);
        unsigned long long number = stored[i] & UINT32_MAX;
        unsigned long long life = stored[i] >> 32;
        if (place == ask_count || found[place])
            verdict_note(verdict, &verdict->doubled,
                         "post %llu of life %llu of %s is in the log once more than it was asked",
                         number, life, who);
        else if (place < end)
            verdict_note(verdict, &verdict->disordered,
                         "post %llu of life %llu of %s is in the log too late", number, life, who);
        if (place == ask_count)
            continue;
        found[place] = true;
        end = place >= end ? place + 1 : end;
    }
    size_t owed = verdict_owed(verdict, who, asks, ask_count, found);
    free(found);
    return owed;
}
