#include "query.h"
#include "buffer.h"
#include "name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A piece of the line: up to a blank that is not within quotes. */
struct piece {
    const char *text;
    size_t size;
};

static bool query_next(const char **line, struct piece *piece) {
    bool quoted = false;
    *line += strspn(*line, " \n\t");
    piece->text = *line;
    for (; **line != '\0' && (quoted || strchr(" \n\t", **line) == NULL); ++*line)
        quoted ^= **line == '"';
    piece->size = (size_t)(*line - piece->text);
    return piece->size > 0;
}

static char *query_copy(const char *text, size_t size) {
    char *copy = strndup(text, size);
    if (copy == NULL)
        abort();
    return copy;
}

/* The forms a date may have, the longest first. */
static const char *const query_dates[] = {"%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y-%m"};

/* The first moment of a date; false when it is none, as the 31st of June. */
static bool query_date(const char *text, uint64_t *milliseconds) {
    for (size_t i = 0; i < sizeof query_dates / sizeof *query_dates; i++) {
        struct tm day = {.tm_mday = 1, .tm_isdst = -1};
        const char *end = strptime(text, query_dates[i], &day);
        if (end == NULL || *end != '\0')
            continue;
        int month = day.tm_mon, number = day.tm_mday;
        day.tm_isdst = -1;
        time_t seconds = mktime(&day);
        if (seconds < 0 || day.tm_mon != month || day.tm_mday != number)
            return false;
        *milliseconds = (uint64_t)seconds * 1000;
        return true;
    }
    return false;
}

static bool query_set_date(struct query *query, uint64_t *place, const char *name,
                           const char *value) {
    if (query_date(value, place))
        return true;
    snprintf(query->problem, sizeof query->problem,
             "'%.60s' is no date; %s2026-11-25, %s2026-11 or %s2026-11-25T14:30", value, name, name,
             name);
    return false;
}

static bool query_set_from(struct query *query, const char *value) {
    free(query->from);
    query->from = query_copy(name_without_mark(value), strlen(name_without_mark(value)));
    return true;
}

static bool query_set_room(struct query *query, const char *value) {
    free(query->room);
    query->room = query_copy(value, strlen(value));
    return true;
}

static bool query_set_since(struct query *query, const char *value) {
    return query_set_date(query, &query->since, "after:", value);
}

static bool query_set_until(struct query *query, const char *value) {
    return query_set_date(query, &query->until, "before:", value);
}

static const struct {
    const char *name;
    bool (*set)(struct query *query, const char *value);
} query_fields[] = {
    {"from:", query_set_from},
    {"in:", query_set_room},
    {"after:", query_set_since},
    {"before:", query_set_until},
};

/* Takes the piece as a field when it begins with a field's name. */
static bool query_take_field(struct query *query, const struct piece *piece, bool *understood) {
    for (size_t i = 0; i < sizeof query_fields / sizeof *query_fields; i++) {
        size_t size = strlen(query_fields[i].name);
        if (piece->size < size || strncmp(piece->text, query_fields[i].name, size) != 0)
            continue;
        char *value = query_copy(piece->text + size, piece->size - size);
        *understood = value[0] != '\0' && query_fields[i].set(query, value);
        if (value[0] == '\0')
            snprintf(query->problem, sizeof query->problem,
                     "something has to follow %s without a blank", query_fields[i].name);
        free(value);
        return true;
    }
    return false;
}

bool query_parse(struct query *query, const char *line) {
    struct buffer words = {0};
    struct piece piece;
    bool understood = true;
    *query = (struct query){.from = query_copy("", 0), .room = query_copy("", 0)};
    while (understood && query_next(&line, &piece)) {
        if (query_take_field(query, &piece, &understood))
            continue;
        buffer_append_string(&words, words.size > 0 ? " " : "");
        buffer_append(&words, piece.text, piece.size);
    }
    query->words = query_copy(buffer_string(&words), words.size);
    buffer_free(&words);
    return understood;
}

void query_free(struct query *query) {
    free(query->words);
    free(query->from);
    free(query->room);
    *query = (struct query){0};
}
