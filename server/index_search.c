#include "index_search.h"
#include "clock.h"
#include "frame.h"
#include "index_keys.h"
#include "index_query.h"
#include "paths.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Long enough for any sensible search of a large log, short enough not to keep the next one
 * waiting. */
enum {
    SEARCH_MILLISECONDS_MAX = 5000,
    SEARCH_STEPS_BETWEEN_CHECKS = 500,
    SEARCH_PASSED_OVER_MAX = 500
};

struct index_search {
    sqlite3 *database;
    sqlite3_stmt *find;
    sqlite3_stmt *quarters;
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
                                  "SELECT min(first_id), max(last_id) FROM quarters"
                                  " WHERE quarter BETWEEN ?1 AND ?2",
                                  &search->quarters);
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
    sqlite3_finalize(search->quarters);
    sqlite3_close(search->database);
    free(search);
}

void index_search_interrupt(struct index_search *search) {
    atomic_store(&search->interrupted, true);
}

/* A search under way. */
struct finding {
    struct index_search *search;
    struct archive *archive;
    const struct message_search *wish;
    const uint32_t *rooms; /* ascending */
    size_t room_count;
    sqlite3_int64 first; /* ids between which hits may lie */
    sqlite3_int64 last;
    struct buffer ids;   /* of the hits found, uint64_t each */
    struct buffer event; /* the one looked at */
    unsigned passed_over;
    int result; /* of the last step: SQLITE_ROW while there may be more */
};

/* Finds the ids that messages of the wished time have, and perhaps some others of those quarters of
 * an hour. False when there are none, or they cannot be read. */
static bool finding_bound(struct finding *finding) {
    const struct message_search *wish = finding->wish;
    sqlite3_stmt *quarters = finding->search->quarters;
    finding->first = 1;
    finding->last = wish->before > INT64_MAX ? INT64_MAX : (sqlite3_int64)wish->before - 1;
    if (wish->since == 0 && wish->until == 0)
        return true;
    sqlite3_bind_int64(quarters, 1, index_keys_quarter(wish->since));
    sqlite3_bind_int64(quarters, 2, wish->until > 0 ? index_keys_quarter(wish->until) : INT64_MAX);
    finding->result = sqlite3_step(quarters);
    bool found = finding->result == SQLITE_ROW && sqlite3_column_type(quarters, 0) != SQLITE_NULL;
    if (found) {
        sqlite3_int64 last = sqlite3_column_int64(quarters, 1);
        finding->first = sqlite3_column_int64(quarters, 0);
        finding->last = last < finding->last ? last : finding->last;
    }
    sqlite3_reset(quarters);
    return found;
}

static int compare_rooms(const void *a, const void *b) {
    uint32_t first = *(const uint32_t *)a;
    uint32_t second = *(const uint32_t *)b;
    return (first > second) - (first < second);
}

/* Newest first. */
static int compare_ids(const void *a, const void *b) {
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;
    return (first < second) - (first > second);
}

/* Whether the message is a hit: the index has all rooms and may be a moment behind, and not all of
 * a quarter of an hour may be wished for. */
static bool finding_counts(struct finding *finding, uint64_t id) {
    const struct message_search *wish = finding->wish;
    struct message hit;
    buffer_clear(&finding->event);
    enum archive_result result = archive_event(finding->archive, id, &finding->event);
    if (result == ARCHIVE_FAILED)
        finding->result = SQLITE_IOERR;
    if (result != ARCHIVE_FOUND)
        return false;
    const struct wire_blob payload = {finding->event.data + FRAME_HEAD,
                                      finding->event.size - FRAME_HEAD};
    return message_decode(payload, &hit) == ERROR_NONE && hit.type == MESSAGE_MESSAGE &&
           hit.message.body.size > 0 && hit.message.time >= wish->since &&
           (wish->until == 0 || hit.message.time < wish->until) &&
           bsearch(&hit.message.room, finding->rooms, finding->room_count, sizeof hit.message.room,
                   compare_rooms) != NULL;
}

/* Gathers the ids of the newest hits that match, in the room or (0) in all. Gives up after having
 * passed over too many. */
static void finding_gather(struct finding *finding, uint32_t room, unsigned pass_over_max) {
    sqlite3_stmt *find = finding->search->find;
    struct buffer query = {0};
    unsigned found = 0;
    index_query_write(&query, finding->wish, room);
    sqlite3_bind_text64(find, 1, buffer_string(&query), query.size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(find, 2, finding->first);
    sqlite3_bind_int64(find, 3, finding->last);
    finding->passed_over = 0;
    finding->result = query.failed ? SQLITE_NOMEM : SQLITE_ROW;
    while (finding->result == SQLITE_ROW && found <= finding->wish->limit &&
           finding->passed_over <= pass_over_max &&
           (finding->result = sqlite3_step(find)) == SQLITE_ROW) {
        uint64_t id = (uint64_t)sqlite3_column_int64(find, 0);
        if (finding_counts(finding, id)) {
            buffer_append(&finding->ids, &id, sizeof id);
            found++;
        } else {
            finding->passed_over++;
        }
    }
    sqlite3_reset(find);
    sqlite3_clear_bindings(find);
    buffer_free(&query);
}

/* Keeps one more than the wished for; from then on only newer ones are of interest. */
static void finding_keep_newest(struct finding *finding) {
    size_t kept = (size_t)finding->wish->limit + 1;
    size_t count = finding->ids.size / sizeof(uint64_t);
    uint64_t *ids = (uint64_t *)(void *)finding->ids.data;
    if (count > 0)
        qsort(ids, count, sizeof *ids, compare_ids);
    if (count < kept)
        return;
    finding->ids.size = kept * sizeof *ids;
    finding->first = (sqlite3_int64)ids[kept - 1] + 1;
}

static bool finding_goes_well(const struct finding *finding) {
    return finding->result == SQLITE_ROW || finding->result == SQLITE_DONE;
}

/* Whether there are words or a nick to look for. */
static bool search_has_terms(const struct message_search *wish) {
    struct buffer query = {0};
    index_query_write(&query, wish, 0);
    bool any = query.size > 0;
    buffer_free(&query);
    return any;
}

/* In all rooms at once, unless that meets too many messages of rooms that the searcher is not in:
 * then room by room. Naming all the rooms in one query would cost all of them for each message. */
static void finding_run(struct finding *finding) {
    if (finding->room_count == 1) {
        finding_gather(finding, finding->rooms[0], UINT_MAX);
        return;
    }
    if (search_has_terms(finding->wish)) {
        finding_gather(finding, 0, SEARCH_PASSED_OVER_MAX);
        if (finding->passed_over <= SEARCH_PASSED_OVER_MAX)
            return;
        buffer_clear(&finding->ids);
    }
    for (size_t i = 0; i < finding->room_count && finding_goes_well(finding); i++) {
        finding_gather(finding, finding->rooms[i], UINT_MAX);
        finding_keep_newest(finding);
    }
}

/* Appends the frames of the newest hits, as many as are wished for and fit a page. */
static bool finding_collect(struct finding *finding, struct buffer *events, bool *more) {
    size_t count = finding->ids.size / sizeof(uint64_t);
    const uint64_t *ids = (const uint64_t *)(const void *)finding->ids.data;
    *more = count > finding->wish->limit;
    for (size_t i = 0; i < count && i < finding->wish->limit; i++) {
        size_t before = events->size;
        if (archive_event(finding->archive, ids[i], events) == ARCHIVE_FAILED)
            return false;
        if (events->size <= PAGE_BYTES_MAX)
            continue;
        events->size = before;
        *more = true;
        break;
    }
    return !finding->ids.failed && !events->failed;
}

enum index_result index_search_run(struct index_search *search, struct archive *archive,
                                   const struct message_search *wish, uint32_t *rooms,
                                   size_t room_count, struct buffer *events, bool *more) {
    struct finding finding = {.search = search,
                              .archive = archive,
                              .wish = wish,
                              .rooms = rooms,
                              .room_count = room_count,
                              .result = SQLITE_DONE};
    *more = false;
    if (!search_has_terms(wish) && wish->since == 0 && wish->until == 0 && wish->room == 0)
        return INDEX_NO_WORDS;
    if (room_count > 0)
        qsort(rooms, room_count, sizeof *rooms, compare_rooms);
    search->deadline = clock_monotonic() + SEARCH_MILLISECONDS_MAX;
    if (room_count > 0 && finding_bound(&finding))
        finding_run(&finding);
    bool collected = finding_collect(&finding, events, more);
    buffer_free(&finding.ids);
    buffer_free(&finding.event);
    if (finding.result == SQLITE_INTERRUPT)
        return INDEX_TOO_LONG;
    return collected && finding_goes_well(&finding) ? INDEX_FOUND : INDEX_FAILED;
}
