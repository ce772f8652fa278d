/* Judges what was seen against what there is: the heart of the fault driver, pure, so that a unit
 * test can show that it finds what it is to find. Sequences are keyed by numbers that grow. */
#ifndef TESTS_TORTURE_VERDICT_H
#define TESTS_TORTURE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VERDICT_TEXT_MAX = 160 };

/* Counted over all that was judged. `first` tells of the first thing found. */
struct verdict {
    uint64_t lost;    /* stored and not shown, acknowledged and not stored, shown and not stored */
    uint64_t doubled; /* shown or stored once more */
    uint64_t disordered; /* shown or stored later than one that follows it */
    char first[VERDICT_TEXT_MAX];
};

/* An event as it was shown, or as it is in the log: its id, and a digest of all its bytes. */
struct sighting {
    uint64_t id;
    uint64_t digest;
};

/* A post as its sender knows it. Keys grow in the order of asking. */
struct ask {
    uint64_t key;
    bool owed; /* acknowledged, or known to be in the outbox on disk: it must be in the log */
};

struct sightings {
    const struct sighting *events;
    size_t count;
};

/* Judges what one client was shown in one life against the room's log. It must begin with the
 * room's first event, or with its own first one when `more` was said to lie before it; from there
 * on it must have every event, up to the log's end if the client is said to be `complete`. */
void verdict_shown(struct verdict *verdict, const char *who, struct sightings log,
                   struct sightings shown, bool more, bool complete);

/* Judges the posts of one client: `stored` are the keys of its posts in the order of the log. What
 * is owed, or was asked for before one of the same life that is stored, must be there; the rest may
 * be: they died with the client. A life's keys have their upper 32 bits in common. Returns how many
 * were not to die. */
size_t verdict_posts(struct verdict *verdict, const char *who, const struct ask *asks,
                     size_t ask_count, const uint64_t *stored, size_t stored_count);

/* False when anything was found. */
bool verdict_is_clean(const struct verdict *verdict);

#endif
