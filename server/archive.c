#include "archive.h"
#include "frame.h"
#include "page_guard.h"
#include "statements.h"

#include <stdlib.h>
#include <string.h>

enum archive_statement {
    ARCHIVE_NEWEST,
    ARCHIVE_OLDEST,
    ARCHIVE_SEGMENT_OF,
    ARCHIVE_AFTER,
    ARCHIVE_ORIGIN,
    ARCHIVE_STATEMENTS
};

/* The segments of room ?1 that may hold events with ?2 < id < ?3: the first is the one ?2 lies in.
 */
#define ARCHIVE_BETWEEN                                                                            \
    " room=?1 AND first_id<?3 AND first_id>=coalesce("                                             \
    "(SELECT max(first_id) FROM segments WHERE room=?1 AND first_id<=?2), 0)"

static const char *const archive_statements[ARCHIVE_STATEMENTS] = {
    [ARCHIVE_NEWEST] = "SELECT bytes FROM segments WHERE" ARCHIVE_BETWEEN " ORDER BY first_id DESC",
    [ARCHIVE_OLDEST] = "SELECT bytes FROM segments WHERE" ARCHIVE_BETWEEN " ORDER BY first_id",
    [ARCHIVE_SEGMENT_OF] =
        ("SELECT bytes FROM segments WHERE first_id<=?1 ORDER BY first_id DESC LIMIT 1"),
    [ARCHIVE_AFTER] = "SELECT last_id, bytes FROM segments WHERE first_id>?1 ORDER BY first_id",
    [ARCHIVE_ORIGIN] =
        "SELECT identity, epoch, cut, max(cut, coalesce((SELECT last_id FROM segments"
        " ORDER BY first_id DESC LIMIT 1), 0)) FROM log",
};

struct archive {
    sqlite3 *database;
    sqlite3_stmt *statements[ARCHIVE_STATEMENTS];
    uint8_t backwards[PAGE_BYTES_MAX]; /* a page that is filled from its end */
};

struct archive *archive_open(const char *path) {
    struct archive *archive = calloc(1, sizeof *archive);
    if (archive == NULL)
        return NULL;
    bool opened = page_guard_open(path, &archive->database,
                                  SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX) == SQLITE_OK;
    /* A reader may meet the writer's checkpoint for a moment. */
    if (opened)
        sqlite3_busy_timeout(archive->database, 2000);
    if (opened && statements_prepare(archive->database, archive_statements, ARCHIVE_STATEMENTS,
                                     archive->statements))
        return archive;
    archive_close(archive);
    return NULL;
}

void archive_close(struct archive *archive) {
    if (archive == NULL)
        return;
    statements_free(archive->statements, ARCHIVE_STATEMENTS);
    sqlite3_close(archive->database);
    free(archive);
}

void archive_interrupt(struct archive *archive) {
    sqlite3_interrupt(archive->database);
}

static struct wire_blob column_blob(sqlite3_stmt *row, int column) {
    const void *data = sqlite3_column_blob(row, column);
    return (struct wire_blob){data, (size_t)sqlite3_column_bytes(row, column)};
}

/* SQLite's integers are signed; ids stay far below that, and the end is beyond all of them. */
static sqlite3_int64 archive_bound(uint64_t id) {
    return id > INT64_MAX ? INT64_MAX : (sqlite3_int64)id;
}

/* A page that is being gathered. */
struct page {
    const struct message_history *wish;
    size_t size;
    unsigned messages;
    bool full;
    bool failed;
};

struct page_event {
    const uint8_t *frame;
    size_t size;
    bool is_message;
};

/* Counts an event in, unless the page is full. */
static bool page_take(struct page *page, const struct page_event *event) {
    page->full = page->full || (event->is_message && page->messages >= page->wish->limit) ||
                 page->size + event->size > PAGE_BYTES_MAX;
    if (page->full)
        return false;
    page->messages += event->is_message;
    page->size += event->size;
    return true;
}

/* Takes the next event of a segment that lies within what is wished for. */
static bool page_next_event(const struct page *page, struct wire_reader *segment,
                            struct page_event *event) {
    for (;;) {
        const uint8_t *frame = segment->at;
        struct wire_blob payload;
        struct message message;
        if (frame_take(segment, &payload) != FRAME_READY)
            return false;
        if (message_decode(payload, &message) != ERROR_NONE ||
            message.event.id <= page->wish->after || message.event.id >= page->wish->before)
            continue;
        *event = (struct page_event){frame, (size_t)(segment->at - frame),
                                     message.type == MESSAGE_MESSAGE};
        return true;
    }
}

static void page_add_segment(struct page *page, struct buffer *events, struct wire_blob bytes) {
    struct wire_reader segment = {bytes.data, bytes.data + bytes.size};
    for (struct page_event event; page_next_event(page, &segment, &event);) {
        if (!page_take(page, &event))
            return;
        buffer_append(events, event.frame, event.size);
    }
    page->failed = page->failed || events->failed;
}

/* Adds a segment's events from its last to its first, each before those already there. */
static void page_add_segment_backwards(struct page *page, uint8_t *backwards,
                                       struct wire_blob bytes) {
    struct wire_reader segment = {bytes.data, bytes.data + bytes.size};
    struct buffer found = {0};
    for (struct page_event event; page_next_event(page, &segment, &event);)
        buffer_append(&found, &event, sizeof event);
    page->failed = page->failed || found.failed;
    const struct page_event *events = (const struct page_event *)(const void *)found.data;
    for (size_t i = found.size / sizeof *events; i > 0 && page_take(page, &events[i - 1]); i--)
        memcpy(backwards + PAGE_BYTES_MAX - page->size, events[i - 1].frame, events[i - 1].size);
    buffer_free(&found);
}

bool archive_page(struct archive *archive, const struct message_history *wish,
                  struct buffer *events, bool *more) {
    struct page page = {.wish = wish};
    bool newest = wish->newest != 0;
    sqlite3_stmt *rows = archive->statements[newest ? ARCHIVE_NEWEST : ARCHIVE_OLDEST];
    sqlite3_bind_int64(rows, 1, wish->room);
    sqlite3_bind_int64(rows, 2, archive_bound(wish->after));
    sqlite3_bind_int64(rows, 3, archive_bound(wish->before));
    int result = SQLITE_ROW;
    while (!page.full && !page.failed && (result = sqlite3_step(rows)) == SQLITE_ROW) {
        if (newest)
            page_add_segment_backwards(&page, archive->backwards, column_blob(rows, 0));
        else
            page_add_segment(&page, events, column_blob(rows, 0));
    }
    sqlite3_reset(rows);
    if (newest)
        buffer_append(events, archive->backwards + PAGE_BYTES_MAX - page.size, page.size);
    *more = page.full;
    return !page.failed && !events->failed && (result == SQLITE_ROW || result == SQLITE_DONE);
}

enum archive_result archive_event(struct archive *archive, uint64_t id, struct buffer *event) {
    sqlite3_stmt *rows = archive->statements[ARCHIVE_SEGMENT_OF];
    bool found = false;
    sqlite3_bind_int64(rows, 1, archive_bound(id));
    int result = sqlite3_step(rows);
    if (result == SQLITE_ROW) {
        struct message_history only = {.after = id - 1, .before = id + 1, .limit = 1};
        struct page page = {.wish = &only};
        size_t before = event->size;
        page_add_segment(&page, event, column_blob(rows, 0));
        found = event->size > before;
    }
    sqlite3_reset(rows);
    if (event->failed || (result != SQLITE_ROW && result != SQLITE_DONE))
        return ARCHIVE_FAILED;
    return found ? ARCHIVE_FOUND : ARCHIVE_NONE;
}

bool archive_walk(struct archive *archive, uint64_t after,
                  bool (*visit)(void *context, struct wire_blob frames, uint64_t last_id),
                  void *context) {
    sqlite3_stmt *rows = archive->statements[ARCHIVE_AFTER];
    int result;
    sqlite3_bind_int64(rows, 1, archive_bound(after));
    while ((result = sqlite3_step(rows)) == SQLITE_ROW)
        if (!visit(context, column_blob(rows, 1), (uint64_t)sqlite3_column_int64(rows, 0)))
            break;
    sqlite3_reset(rows);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

bool archive_read_origin(struct archive *archive, struct archive_origin *origin) {
    sqlite3_stmt *rows = archive->statements[ARCHIVE_ORIGIN];
    bool found = sqlite3_step(rows) == SQLITE_ROW;
    if (found)
        *origin = (struct archive_origin){.identity = (uint64_t)sqlite3_column_int64(rows, 0),
                                          .epoch = (uint64_t)sqlite3_column_int64(rows, 1),
                                          .cut = (uint64_t)sqlite3_column_int64(rows, 2),
                                          .last_id = (uint64_t)sqlite3_column_int64(rows, 3)};
    sqlite3_reset(rows);
    return found;
}
