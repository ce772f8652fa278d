#include "index_search.h"
#include "clock.h"
#include "frame.h"
#include "index_keys.h"
#include "index_query.h"
#include "paths.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Long enough for any sensible search of a large log, short enough not to keep the next one
 * waiting. */
enum { SEARCH_MILLISECONDS_MAX = 10000, SEARCH_STEPS_BETWEEN_CHECKS = 10000 };

struct index_search {
    sqlite3 *database;
    sqlite3_stmt *find;
    sqlite3_stmt *days;
    uint64_t deadline;
    atomic_bool interrupted;
};

static int index_search_is_late(void *context) {
    struct index_search *search = context;
    return atomic_load(&search->interrupted) || clock_monotonic() > search->deadline;
}

static bool index_search_prepare(struct index_search *search, const char *sql,
                                 sqlite3_stmt **statement) {
    return sqlite3_prepare_v3(search->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
                              NULL) == SQLITE_OK;
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
             index_search_prepare(search,
                                  "SELECT rowid FROM words WHERE words MATCH ?1"
                                  " AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid DESC",
                                  &search->find) &&
             index_search_prepare(search,
                                  "SELECT min(first_id), max(last_id) FROM days"
                                  " WHERE day BETWEEN ?1 AND ?2",
                                  &search->days);
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
    sqlite3_finalize(search->days);
    sqlite3_close(search->database);
    free(search);
}

void index_search_interrupt(struct index_search *search) {
    atomic_store(&search->interrupted, true);
}

/* The ids that messages of the wished time have, and perhaps some of that day's others. False when
 * there are none. */
static bool index_search_bound(struct index_search *search, const struct message_search *wish,
                               sqlite3_int64 *first, sqlite3_int64 *last) {
    *first = 1;
    *last = wish->before > INT64_MAX ? INT64_MAX : (sqlite3_int64)wish->before - 1;
    if (wish->since == 0 && wish->until == 0)
        return true;
    sqlite3_bind_int64(search->days, 1, index_keys_day(wish->since));
    sqlite3_bind_int64(search->days, 2, wish->until > 0 ? index_keys_day(wish->until) : INT64_MAX);
    bool found = sqlite3_step(search->days) == SQLITE_ROW &&
                 sqlite3_column_type(search->days, 0) != SQLITE_NULL;
    if (found) {
        sqlite3_int64 day_last = sqlite3_column_int64(search->days, 1);
        *first = sqlite3_column_int64(search->days, 0);
        *last = day_last < *last ? day_last : *last;
    }
    sqlite3_reset(search->days);
    return found;
}

/* Whether the event, appended to the buffer from `at` on, is a hit: it may have been deleted since
 * it was indexed, or lie in another part of its day. */
static bool hit_counts(const struct buffer *events, size_t at, const struct message_search *wish) {
    const struct wire_blob payload = {events->data + at + FRAME_HEAD,
                                      events->size - at - FRAME_HEAD};
    struct message hit;
    return message_decode(payload, &hit) == ERROR_NONE && hit.type == MESSAGE_MESSAGE &&
           hit.message.body.size > 0 && hit.message.time >= wish->since &&
           (wish->until == 0 || hit.message.time < wish->until);
}

/* Appends the frames of the rows found, up to the limit. */
static int index_search_collect(struct index_search *search, struct archive *archive,
                                const struct message_search *wish, struct buffer *events,
                                bool *more) {
    int result;
    unsigned found = 0;
    while ((result = sqlite3_step(search->find)) == SQLITE_ROW) {
        size_t before = events->size;
        if (!archive_event(archive, (uint64_t)sqlite3_column_int64(search->find, 0), events))
            continue;
        bool counts = hit_counts(events, before, wish);
        *more = counts && (found == wish->limit || events->size > PAGE_BYTES_MAX);
        if (!counts || *more)
            events->size = before;
        if (*more)
            break;
        found += counts;
    }
    return result;
}

enum index_result index_search_run(struct index_search *search, struct archive *archive,
                                   const struct message_search *wish, const uint32_t *rooms,
                                   size_t room_count, struct buffer *events, bool *more) {
    struct buffer query = {0};
    sqlite3_int64 first, last;
    int result = SQLITE_DONE;
    *more = false;
    search->deadline = clock_monotonic() + SEARCH_MILLISECONDS_MAX;
    bool any = index_query_write(&query, wish, rooms, room_count);
    if (any && room_count > 0 && index_search_bound(search, wish, &first, &last)) {
        sqlite3_bind_text64(search->find, 1, buffer_string(&query), query.size, SQLITE_STATIC,
                            SQLITE_UTF8);
        sqlite3_bind_int64(search->find, 2, first);
        sqlite3_bind_int64(search->find, 3, last);
        result = index_search_collect(search, archive, wish, events, more);
        sqlite3_reset(search->find);
        sqlite3_clear_bindings(search->find);
    }
    bool failed = query.failed || events->failed;
    buffer_free(&query);
    if (!any)
        return INDEX_NO_WORDS;
    if (result == SQLITE_INTERRUPT)
        return INDEX_TOO_LONG;
    return !failed && (result == SQLITE_ROW || result == SQLITE_DONE) ? INDEX_FOUND : INDEX_FAILED;
}
