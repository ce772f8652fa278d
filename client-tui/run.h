/* A run of lines: part of a room's history without a gap, with the client's own lines where they
 * fell. Owns its lines. Positions are indexes; RUN_NONE is no position. The UI thread's. */
#ifndef CLIENT_RUN_H
#define CLIENT_RUN_H

#include "line.h"

#include <stddef.h>

#define RUN_NONE SIZE_MAX

struct run {
    struct line **lines;
    size_t count;
    size_t capacity;
    uint64_t first;   /* events with first <= id <= last are here, those without a line too; */
    uint64_t last;    /* 0 when there is none */
    bool more_before; /* the server has older ones */
};

void run_push(struct run *run, struct line *line);
/* Notes that the event is here. */
void run_cover(struct run *run, uint64_t id);
/* Forgets all events; lines of the client's own words stay, in a run that has nothing else. */
void run_keep_notices(struct run *run);
void run_clear(struct run *run);
void run_free(struct run *run);

/* Moves all lines of `from` to this run's end or front; `from` is left without memory. */
void run_append(struct run *run, struct run *from);
void run_prepend(struct run *run, struct run *from);

/* Takes the oldest `count` lines out, as a run of their own. */
struct run run_split(struct run *run, size_t count);

/* Frees lines at an end. */
void run_drop_oldest(struct run *run, size_t count);
void run_drop_newest(struct run *run, size_t count);

/* Where the event's line is, and where a line is. */
size_t run_find(const struct run *run, uint64_t id);
size_t run_index(const struct run *run, const struct line *line);

/* How many messages have an id in after < id <= up_to. */
unsigned run_count_messages(const struct run *run, uint64_t after, uint64_t up_to);

#endif
