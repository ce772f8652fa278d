#include "run.h"

#include <stdlib.h>
#include <string.h>

static void run_reserve(struct run *run, size_t count) {
    if (count <= run->capacity)
        return;
    size_t capacity = run->capacity > 0 ? run->capacity : 16;
    while (capacity < count)
        capacity *= 2;
    struct line **lines = reallocarray(run->lines, capacity, sizeof *lines);
    if (lines == NULL)
        abort();
    run->lines = lines;
    run->capacity = capacity;
}

void run_push(struct run *run, struct line *line) {
    run_reserve(run, run->count + 1);
    run->lines[run->count++] = line;
}

void run_cover(struct run *run, uint64_t id) {
    if (run->first == 0 || (id != 0 && id < run->first))
        run->first = id;
    if (id > run->last)
        run->last = id;
}

void run_keep_notices(struct run *run) {
    size_t kept = 0;
    for (size_t i = 0; i < run->count; i++)
        if (run->lines[i]->kind == LINE_NOTICE)
            run->lines[kept++] = run->lines[i];
        else
            free(run->lines[i]);
    run->count = kept;
    run->first = 0;
    run->last = 0;
    run->more_before = false;
}

void run_clear(struct run *run) {
    for (size_t i = 0; i < run->count; i++)
        free(run->lines[i]);
    run->count = 0;
    run->first = 0;
    run->last = 0;
}

void run_free(struct run *run) {
    run_clear(run);
    free(run->lines);
    *run = (struct run){0};
}

static void run_take_cover(struct run *run, struct run *from) {
    run_cover(run, from->first);
    run_cover(run, from->last);
    free(from->lines);
    *from = (struct run){0};
}

void run_append(struct run *run, struct run *from) {
    run_reserve(run, run->count + from->count);
    if (from->count > 0)
        memcpy(run->lines + run->count, from->lines, from->count * sizeof *run->lines);
    run->count += from->count;
    run_take_cover(run, from);
}

void run_prepend(struct run *run, struct run *from) {
    run_reserve(run, run->count + from->count);
    if (from->count > 0) {
        memmove(run->lines + from->count, run->lines, run->count * sizeof *run->lines);
        memcpy(run->lines, from->lines, from->count * sizeof *run->lines);
    }
    run->count += from->count;
    run_take_cover(run, from);
}

/* Finds the ends anew after lines were taken away there. */
static void run_find_first(struct run *run) {
    run->first = 0;
    for (size_t i = 0; i < run->count && run->first == 0; i++)
        run->first = line_event(run->lines[i]);
}

static void run_find_last(struct run *run) {
    run->last = 0;
    for (size_t i = run->count; i > 0 && run->last == 0; i--)
        run->last = line_event(run->lines[i - 1]);
}

struct run run_split(struct run *run, size_t count) {
    struct run newer = {.more_before = true, .last = run->last};
    for (size_t i = count; i < run->count; i++)
        run_push(&newer, run->lines[i]);
    run_find_first(&newer);
    struct run older = *run;
    older.count = count;
    run_find_last(&older);
    *run = newer;
    return older;
}

void run_drop_oldest(struct run *run, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(run->lines[i]);
    memmove(run->lines, run->lines + count, (run->count - count) * sizeof *run->lines);
    run->count -= count;
    run->more_before = true;
    run_find_first(run);
}

void run_drop_newest(struct run *run, size_t count) {
    while (count-- > 0)
        free(run->lines[--run->count]);
    run_find_last(run);
}

size_t run_find(const struct run *run, uint64_t id) {
    for (size_t i = run->count; i > 0; i--) {
        uint64_t event = line_event(run->lines[i - 1]);
        if (event == id && id != 0)
            return i - 1;
        if (event != 0 && event < id)
            break;
    }
    return RUN_NONE;
}

size_t run_index(const struct run *run, const struct line *line) {
    for (size_t i = run->count; i > 0; i--)
        if (run->lines[i - 1] == line)
            return i - 1;
    return RUN_NONE;
}

unsigned run_count_messages(const struct run *run, uint64_t after, uint64_t up_to) {
    unsigned count = 0;
    for (size_t i = run->count; i > 0; i--) {
        uint64_t event = line_event(run->lines[i - 1]);
        if (event != 0 && event <= after)
            break;
        count += run->lines[i - 1]->kind == LINE_MESSAGE && event <= up_to;
    }
    return count;
}
