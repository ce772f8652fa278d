#include "index_search.h"
#include "clock.h"
#include "fault.h"
#include "frame.h"
#include "index_keys.h"
#include "index_query.h"
#include "paths.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    SEARCH_WINDOW_IDS = 65536,  /* of the first; each further one is four times as long */
    SEARCH_PLACES_MAX = 300000, /* of all words that begin as is wished for */
    SEARCH_STEPS_BETWEEN_CHECKS = 500,
    SEARCH_PASSED_OVER_MAX = 100,
    SEARCH_SMALL_WINDOW_IDS = 4096, /* where each message has to be looked at */
    SEARCH_PARTS_MAX = 256,         /* of all queries of a window, room by room; */
    SEARCH_PLACES_A_PART = 4096     /* as many places of beginnings take as long as one */
};

/* To tell what a beginning is to the index, and how often it has words that begin so. */
static const char search_schema[] =
    "PRAGMA temp_store=MEMORY;"
    "CREATE VIRTUAL TABLE temp.letters USING fts5(body,"
    "  tokenize='unicode61 remove_diacritics 2');"
    "CREATE VIRTUAL TABLE temp.beginnings USING fts5vocab(temp, letters, instance);"
    "CREATE VIRTUAL TABLE temp.places USING fts5vocab(main, words, instance);";

struct index_search {
    sqlite3 *database;
    sqlite3_stmt *find;
    sqlite3_stmt *quarters;
    sqlite3_stmt *newest;
    sqlite3_stmt *put_letters;
    sqlite3_stmt *count_places;
    unsigned milliseconds; /* that a search may take */
    atomic_bool interrupted;
};

static int index_search_is_interrupted(void *context) {
    struct index_search *search = context;
    return atomic_load(&search->interrupted);
}

static bool index_search_prepare(struct index_search *search, const char *sql,
                                 sqlite3_stmt **statement) {
    return sqlite3_prepare_v3(search->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
                              NULL) == SQLITE_OK;
}

struct index_search *index_search_open(const char *folder, unsigned milliseconds) {
    struct index_search *search = calloc(1, sizeof *search);
    char *path = path_join(folder, "search.db");
    bool opened = search != NULL && path != NULL &&
                  sqlite3_open_v2(path, &search->database,
                                  SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;
    free(path);
    if (opened)
        search->milliseconds = milliseconds;
    if (opened)
        sqlite3_busy_timeout(search->database, 2000);
    opened = opened &&
             sqlite3_exec(search->database, search_schema, NULL, NULL, NULL) == SQLITE_OK &&
             index_search_prepare(search,
                                  "SELECT rowid / 2, rowid % 2 FROM words WHERE words MATCH ?1"
                                  " AND rowid BETWEEN ?2 * 2 AND ?3 * 2 + 1"
                                  " ORDER BY rowid DESC",
                                  &search->find) &&
             index_search_prepare(search,
                                  "SELECT min(first_id), max(last_id) FROM quarters"
                                  " WHERE quarter BETWEEN ?1 AND ?2",
                                  &search->quarters) &&
             index_search_prepare(search, "SELECT last_id FROM mark", &search->newest) &&
             index_search_prepare(search, "REPLACE INTO temp.letters(rowid, body) VALUES(1, ?1)",
                                  &search->put_letters) &&
             index_search_prepare(search,
                                  "SELECT count(*) FROM (SELECT 1 FROM"
                                  " (SELECT term AS beginning FROM temp.beginnings"
                                  "  ORDER BY offset DESC LIMIT 1) CROSS JOIN temp.places"
                                  " WHERE term >= beginning AND term < beginning || char(1114111)"
                                  " LIMIT ?1)",
                                  &search->count_places);
    if (opened) {
        sqlite3_progress_handler(search->database, SEARCH_STEPS_BETWEEN_CHECKS,
                                 index_search_is_interrupted, search);
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
    sqlite3_finalize(search->newest);
    sqlite3_finalize(search->put_letters);
    sqlite3_finalize(search->count_places);
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
    uint64_t looked_to;   /* ids from here on were looked at; 0 when all were */
    struct buffer ids;    /* of the hits found, uint64_t each */
    struct buffer event;  /* the one looked at */
    unsigned passed_over; /* messages of rooms that are not the searcher's */
    sqlite3_int64 places; /* of all beginnings */
    uint64_t deadline;    /* by the monotonic clock */
    bool everywhere;      /* never room by room */
    bool may_leave;       /* a window; the first is looked through */
    bool abandoned;       /* one was left */
    int result;           /* of the last step: SQLITE_ROW while there may be more */
};

/* The newest id that the index has; beyond it there is nothing to look for. */
static bool finding_start(struct finding *finding) {
    sqlite3_stmt *newest = finding->search->newest;
    finding->result = sqlite3_step(newest);
    finding->last = finding->result == SQLITE_ROW ? sqlite3_column_int64(newest, 0) : 0;
    sqlite3_reset(newest);
    if (finding->wish->before <= (uint64_t)finding->last)
        finding->last = (sqlite3_int64)finding->wish->before - 1;
    finding->first = 1;
    return finding->last > 0;
}

/* Finds the ids that messages of the wished time have, and perhaps some others of those quarters of
 * an hour. False when there are none, or they cannot be read. */
static bool finding_bound(struct finding *finding) {
    const struct message_search *wish = finding->wish;
    sqlite3_stmt *quarters = finding->search->quarters;
    if (!finding_start(finding))
        return false;
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

/* FTS5 gathers all places of all words that begin so before it knows the newest: not when those
 * are too many. False also when they cannot be counted, which `result` then says. */
static bool finding_allows_beginnings(struct finding *finding) {
    struct wire_text words = finding->wish->words;
    struct wire_text beginning;
    sqlite3_stmt *put = finding->search->put_letters;
    sqlite3_stmt *count = finding->search->count_places;
    sqlite3_int64 left = SEARCH_PLACES_MAX;
    while (left >= 0 && index_query_next_beginning(&words, &beginning)) {
        sqlite3_bind_text64(put, 1, beginning.data, beginning.size, SQLITE_STATIC, SQLITE_UTF8);
        finding->result = sqlite3_step(put);
        sqlite3_reset(put);
        if (finding->result != SQLITE_DONE)
            return false;
        sqlite3_bind_int64(count, 1, left + 1);
        finding->result = sqlite3_step(count);
        left -= finding->result == SQLITE_ROW ? sqlite3_column_int64(count, 0) : left + 1;
        sqlite3_reset(count);
    }
    finding->places = SEARCH_PLACES_MAX - left;
    return left >= 0;
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
 * a quarter of an hour may be wished for. Counts those of other rooms. */
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
    if (message_decode(payload, &hit) != ERROR_NONE || hit.type != MESSAGE_MESSAGE)
        return false;
    bool in_rooms = bsearch(&hit.message.room, finding->rooms, finding->room_count,
                            sizeof hit.message.room, compare_rooms) != NULL;
    finding->passed_over += !in_rooms;
    return in_rooms && hit.message.body.size > 0 && hit.message.time >= wish->since &&
           (wish->until == 0 || hit.message.time < wish->until);
}

static bool finding_is_late(const struct finding *finding) {
    return clock_monotonic() >= finding->deadline;
}

/* Looks at the row that the search has come to, if time is left; a fence is there to ask that. */
static void finding_take_row(struct finding *finding, unsigned *found) {
    sqlite3_stmt *find = finding->search->find;
    const bool fence = sqlite3_column_int(find, 1) != 0;
    const uint64_t id = (uint64_t)sqlite3_column_int64(find, 0);
    finding->abandoned = finding->may_leave && finding_is_late(finding);
    if (!fence && !finding->abandoned && finding_counts(finding, id)) {
        buffer_append(&finding->ids, &id, sizeof id);
        (*found)++;
    }
}

static bool finding_goes_well(const struct finding *finding) {
    return finding->result == SQLITE_ROW || finding->result == SQLITE_DONE;
}

static bool finding_goes_on(const struct finding *finding) {
    return finding_goes_well(finding) && !finding->abandoned;
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
    finding->result = query.failed ? SQLITE_NOMEM : SQLITE_ROW;
    while (finding_goes_on(finding) && found <= finding->wish->limit &&
           finding->passed_over <= pass_over_max &&
           (finding->result = sqlite3_step(find)) == SQLITE_ROW)
        finding_take_row(finding, &found);
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

/* Words, beginnings and a nick to look for. */
static unsigned search_count_terms(const struct message_search *wish) {
    return index_query_count_terms(wish->words) + (wish->from.size > 0);
}

/* Whether looking in each room by itself may take too long: each asks for all the terms, and
 * gathers all places of the beginnings. */
static bool finding_is_dear_by_room(const struct finding *finding) {
    const uint64_t parts =
        search_count_terms(finding->wish) + (uint64_t)finding->places / SEARCH_PLACES_A_PART;
    return finding->room_count > 1 && finding->room_count * parts > SEARCH_PARTS_MAX;
}

/* Whether the rooms may have more messages in the first window than there is time to look at: each
 * is asked for as many as are wished for. */
static bool finding_may_look_at_many(const struct finding *finding) {
    return finding->room_count * ((size_t)finding->wish->limit + 1) > SEARCH_SMALL_WINDOW_IDS;
}

/* In all rooms at once, unless that meets too many messages of rooms that the searcher is not in:
 * then room by room, where that is not dear. Naming all the rooms in one query would cost all of
 * them for each message. */
static void finding_look(struct finding *finding) {
    const size_t before = finding->ids.size;
    if (finding->room_count == 1) {
        finding_gather(finding, finding->rooms[0], UINT_MAX);
        return;
    }
    if (finding->everywhere) {
        finding_gather(finding, 0, UINT_MAX);
        return;
    }
    if (finding->passed_over <= SEARCH_PASSED_OVER_MAX && search_count_terms(finding->wish) > 0) {
        finding_gather(finding, 0, SEARCH_PASSED_OVER_MAX);
        if (finding->passed_over <= SEARCH_PASSED_OVER_MAX)
            return;
        finding->ids.size = before;
    }
    for (size_t i = 0; i < finding->room_count && finding_goes_on(finding); i++) {
        finding_gather(finding, finding->rooms[i], UINT_MAX);
        finding_keep_newest(finding);
    }
}

/* Looks through one window of ids. What it found in one that it had to leave counts for nothing:
 * who asks on begins there anew. */
static void finding_look_through(struct finding *finding, sqlite3_int64 start, sqlite3_int64 end) {
    size_t known = finding->ids.size;
    finding->first = start;
    FAULT_POINT("search-window");
    finding_look(finding);
    if (finding->abandoned) {
        finding->ids.size = known;
        return;
    }
    finding->last = start - 1;
    finding->looked_to = start > end ? (uint64_t)start : 0;
}

/* Looks through one window after the other, back in time, until there are hits enough or it has
 * worked for long enough; the first is always completed, so that asking on gets on. Where a window
 * begins says nothing of messages that are not the searcher's. */
static void finding_run(struct finding *finding) {
    const sqlite3_int64 end = finding->first;
    sqlite3_int64 size = SEARCH_WINDOW_IDS;
    finding->deadline = clock_monotonic() + finding->search->milliseconds;
    finding->everywhere = finding_is_dear_by_room(finding);
    if (finding->everywhere || finding_may_look_at_many(finding))
        size = SEARCH_SMALL_WINDOW_IDS;
    for (; !finding->may_leave || !finding_is_late(finding); size *= 4) {
        sqlite3_int64 start = finding->last - end >= size ? finding->last - size + 1 : end;
        finding_look_through(finding, start, end);
        if (!finding_goes_on(finding) || finding->looked_to == 0 ||
            finding->ids.size / sizeof(uint64_t) > finding->wish->limit)
            break;
        finding->may_leave = true;
    }
    finding_keep_newest(finding);
}

/* Appends the frames of the newest hits, as many as are wished for and fit a page. What is left
 * over is for the next, which begins before the last of these. */
static bool finding_collect(struct finding *finding, struct buffer *events) {
    size_t count = finding->ids.size / sizeof(uint64_t);
    const uint64_t *ids = (const uint64_t *)(const void *)finding->ids.data;
    size_t taken = 0;
    while (taken < count && taken < finding->wish->limit) {
        size_t before = events->size;
        if (archive_event(finding->archive, ids[taken], events) == ARCHIVE_FAILED)
            return false;
        if (events->size > PAGE_BYTES_MAX) {
            events->size = before;
            break;
        }
        taken++;
    }
    if (taken < count)
        finding->looked_to = taken > 0 ? ids[taken - 1] : ids[0] + 1;
    return !finding->ids.failed && !events->failed;
}

enum index_result index_search_run(struct index_search *search, struct archive *archive,
                                   const struct message_search *wish, uint32_t *rooms,
                                   size_t room_count, struct buffer *events, uint64_t *looked_to) {
    struct finding finding = {.search = search,
                              .archive = archive,
                              .wish = wish,
                              .rooms = rooms,
                              .room_count = room_count,
                              .result = SQLITE_DONE};
    const unsigned terms = search_count_terms(wish);
    if (terms > SEARCH_TERMS_MAX ||
        (terms == 0 && wish->since == 0 && wish->until == 0 && wish->room == 0))
        return INDEX_NO_WORDS;
    if (room_count > 0)
        qsort(rooms, room_count, sizeof *rooms, compare_rooms);
    bool allowed = finding_allows_beginnings(&finding);
    if (!allowed && finding_goes_well(&finding))
        return INDEX_TOO_WIDE;
    if (allowed && room_count > 0 && finding_bound(&finding))
        finding_run(&finding);
    bool collected = finding_collect(&finding, events);
    *looked_to = finding.looked_to;
    buffer_free(&finding.ids);
    buffer_free(&finding.event);
    return collected && finding_goes_well(&finding) ? INDEX_FOUND : INDEX_FAILED;
}
