#include "index_search.h"
#include "clock.h"
#include "paths.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long enough for any sensible search of a large log, short enough not to keep the next one
 * waiting. */
enum { SEARCH_MILLISECONDS_MAX = 10000, SEARCH_STEPS_BETWEEN_CHECKS = 10000 };

struct index_search {
    sqlite3 *database;
    sqlite3_stmt *find;
    uint64_t deadline;
    atomic_bool interrupted;
};

static int index_search_is_late(void *context) {
    struct index_search *search = context;
    return atomic_load(&search->interrupted) || clock_monotonic() > search->deadline;
}

struct index_search *index_search_open(const char *folder) {
    struct index_search *search = calloc(1, sizeof *search);
    char *path = path_join(folder, "search.db");
    bool opened = search != NULL && path != NULL &&
                  sqlite3_open_v2(path, &search->database,
                                  SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;
    free(path);
    if (opened)
        sqlite3_busy_timeout(search->database, 2000);
    opened = opened &&
             sqlite3_prepare_v3(search->database,
                                "SELECT rowid FROM words WHERE words MATCH ?1"
                                " AND rowid < ?2 ORDER BY rowid DESC",
                                -1, SQLITE_PREPARE_PERSISTENT, &search->find, NULL) == SQLITE_OK;
    if (opened) {
        sqlite3_progress_handler(search->database, SEARCH_STEPS_BETWEEN_CHECKS,
                                 index_search_is_late, search);
        return search;
    }
    index_search_close(search);
    return NULL;
}

void index_search_close(struct index_search *search) {
    if (search == NULL)
        return;
    sqlite3_finalize(search->find);
    sqlite3_close(search->database);
    free(search);
}

void index_search_interrupt(struct index_search *search) {
    atomic_store(&search->interrupted, true);
}

/* Appends a word as an FTS5 string, which has no syntax but its quotes. */
static void query_add_word(struct buffer *query, const char *word, size_t size) {
    buffer_append_string(query, "\"");
    for (size_t i = 0; i < size; i++) {
        if (word[i] == '\0')
            continue;
        buffer_append(query, &word[i], 1);
        if (word[i] == '"')
            buffer_append_string(query, "\"");
    }
    buffer_append_string(query, "\"");
}

/* Writes the words, all of which must be there; false when there are none. */
static bool query_add_words(struct buffer *query, struct wire_text words) {
    const char *end = words.data + words.size;
    const char *at = words.data;
    bool any = false;
    buffer_append_string(query, "{nick body} : (");
    while (at < end) {
        const char *stop = at;
        while (stop < end && !strchr(" \t\n", *stop))
            stop++;
        if (stop > at) {
            buffer_append_string(query, any ? " AND " : "");
            query_add_word(query, at, (size_t)(stop - at));
            any = true;
        }
        at = stop + 1;
    }
    buffer_append_string(query, ")");
    return any;
}

static void query_add_rooms(struct buffer *query, const uint32_t *rooms, size_t room_count) {
    buffer_append_string(query, " AND room : (");
    for (size_t i = 0; i < room_count; i++)
        buffer_append_format(query, "%s\"r%u\"", i > 0 ? " OR " : "", rooms[i]);
    buffer_append_string(query, ")");
}

/* Appends the frames of the rows found, up to the limit. */
static int index_search_collect(struct index_search *search, struct archive *archive,
                                unsigned limit, struct buffer *events, bool *more) {
    int result;
    unsigned found = 0;
    while ((result = sqlite3_step(search->find)) == SQLITE_ROW) {
        size_t before = events->size;
        if (!archive_event(archive, (uint64_t)sqlite3_column_int64(search->find, 0), events))
            continue;
        *more = found == limit || events->size > PAGE_BYTES_MAX;
        if (*more) {
            events->size = before;
            break;
        }
        found++;
    }
    return result;
}

enum index_result index_search_run(struct index_search *search, struct archive *archive,
                                   const struct message_search *wish, const uint32_t *rooms,
                                   size_t room_count, struct buffer *events, bool *more) {
    struct buffer query = {0};
    *more = false;
    bool any = query_add_words(&query, wish->words);
    if (!any || room_count == 0) {
        buffer_free(&query);
        return any ? INDEX_FOUND : INDEX_NO_WORDS;
    }
    query_add_rooms(&query, rooms, room_count);
    search->deadline = clock_monotonic() + SEARCH_MILLISECONDS_MAX;
    sqlite3_bind_text64(search->find, 1, buffer_string(&query), query.size, SQLITE_STATIC,
                        SQLITE_UTF8);
    sqlite3_bind_int64(search->find, 2,
                       wish->before > INT64_MAX ? INT64_MAX : (sqlite3_int64)wish->before);
    int result = index_search_collect(search, archive, wish->limit, events, more);
    sqlite3_reset(search->find);
    sqlite3_clear_bindings(search->find);
    bool failed = query.failed || events->failed;
    buffer_free(&query);
    if (result == SQLITE_INTERRUPT)
        return INDEX_TOO_LONG;
    return !failed && (result == SQLITE_ROW || result == SQLITE_DONE) ? INDEX_FOUND : INDEX_FAILED;
}
