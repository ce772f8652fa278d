#include "inspect.h"
#include "frame.h"
#include "protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool inspect_says(struct inspection *inspection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool inspect_says(struct inspection *inspection, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(inspection->problem, sizeof inspection->problem, format, arguments);
    va_end(arguments);
    return false;
}

/* Runs a query whose every row is a problem; its first column says which. */
static bool inspect_query(sqlite3 *database, const char *sql, const char *sound,
                          struct inspection *inspection) {
    sqlite3_stmt *row = NULL;
    int result = sqlite3_prepare_v2(database, sql, -1, &row, NULL);
    bool clean = result == SQLITE_OK;
    while (clean && (result = sqlite3_step(row)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(row, 0);
        clean = text != NULL && strcmp(text, sound) == 0;
        const char *line = text != NULL ? strrchr(text, '\n') : NULL;
        if (!clean)
            inspect_says(inspection, "%s",
                         line != NULL   ? line + 1
                         : text != NULL ? text
                                        : "out of memory");
    }
    if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW)
        clean = inspect_says(inspection, "%s", sqlite3_errmsg(database));
    sqlite3_finalize(row);
    return clean;
}

/* A segment holds the events first_id to last_id of its room, and nothing else. */
static bool inspect_segment(sqlite3_stmt *row, struct inspection *inspection) {
    uint64_t id = (uint64_t)sqlite3_column_int64(row, 0);
    uint64_t last_id = (uint64_t)sqlite3_column_int64(row, 2);
    const uint8_t *bytes = sqlite3_column_blob(row, 3);
    struct wire_reader frames = {bytes, bytes + sqlite3_column_bytes(row, 3)};
    struct wire_blob payload;
    struct message event;
    for (; frame_take(&frames, &payload) == FRAME_READY; id++) {
        if (message_decode(payload, &event) != ERROR_NONE || !message_is_event(event.type) ||
            event.event.id != id || (sqlite3_int64)event.event.room != sqlite3_column_int64(row, 1))
            return inspect_says(inspection, "the event %llu is not what it should be",
                                (unsigned long long)id);
        inspection->events++;
        inspection->messages += event.type == MESSAGE_MESSAGE;
    }
    if (frames.at != frames.end || id != last_id + 1)
        return inspect_says(inspection, "the segment up to event %llu is not whole",
                            (unsigned long long)last_id);
    inspection->segments++;
    return true;
}

bool inspect_segments(sqlite3 *database, uint64_t *after, uint64_t limit,
                      struct inspection *inspection) {
    sqlite3_stmt *row = NULL;
    bool sound = sqlite3_prepare_v2(database,
                                    "SELECT first_id, room, last_id, bytes FROM segments"
                                    " WHERE first_id>?1 ORDER BY first_id LIMIT ?2",
                                    -1, &row, NULL) == SQLITE_OK;
    int result = SQLITE_DONE;
    if (sound) {
        sqlite3_bind_int64(row, 1, (sqlite3_int64)*after);
        sqlite3_bind_int64(row, 2, limit > INT64_MAX ? INT64_MAX : (sqlite3_int64)limit);
    }
    while (sound && (result = sqlite3_step(row)) == SQLITE_ROW) {
        uint64_t first_id = (uint64_t)sqlite3_column_int64(row, 0);
        sound = inspect_segment(row, inspection);
        if (first_id <= *after)
            sound = inspect_says(inspection, "the segments are not in order");
        *after = (uint64_t)sqlite3_column_int64(row, 2);
    }
    if (inspection->problem[0] == '\0' && (!sound || result != SQLITE_DONE))
        sound = inspect_says(inspection, "%s", sqlite3_errmsg(database));
    sqlite3_finalize(row);
    return sound;
}

bool inspect_database(sqlite3 *database, struct inspection *inspection) {
    uint64_t after = 0;
    *inspection = (struct inspection){0};
    return inspect_query(database, "PRAGMA integrity_check(1)", "ok", inspection) &&
           inspect_query(database,
                         "SELECT 'a membership of nobody or nothing' FROM members"
                         " WHERE room NOT IN (SELECT id FROM rooms)"
                         " OR account NOT IN (SELECT id FROM accounts) LIMIT 1",
                         "", inspection) &&
           inspect_query(database,
                         "SELECT 'a segment of no room' FROM segments"
                         " WHERE room<>0 AND room NOT IN (SELECT id FROM rooms) LIMIT 1",
                         "", inspection) &&
           inspect_segments(database, &after, UINT64_MAX, inspection);
}

bool inspect_blames_file(sqlite3 *database) {
    static const int circumstances[] = {SQLITE_NOMEM,    SQLITE_IOERR, SQLITE_CANTOPEN,
                                        SQLITE_BUSY,     SQLITE_FULL,  SQLITE_LOCKED,
                                        SQLITE_PROTOCOL, SQLITE_PERM,  SQLITE_READONLY};
    int code = sqlite3_extended_errcode(database);
    if (code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_SHORT_READ)
        return true;
    for (size_t i = 0; i < sizeof circumstances / sizeof *circumstances; i++)
        if ((code & 0xFF) == circumstances[i])
            return false;
    return true;
}
