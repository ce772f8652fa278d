#include "schema.h"
#include "folder.h"
#include "frame.h"
#include "page_guard.h"
#include "protocol.h"
#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A new log is made as this version had it, and goes the rest of the way as older ones do. */
enum { SCHEMA_VERSION_MADE = 2 };

static const char schema_tables[] =
    /* messages: how many the room had up to the end of the segment */
    "CREATE TABLE segments(first_id INTEGER PRIMARY KEY, room INTEGER NOT NULL,"
    "  last_id INTEGER NOT NULL, messages INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX segments_of_room ON segments(room, first_id);"
    "CREATE TABLE accounts(id INTEGER PRIMARY KEY, nick TEXT NOT NULL, secret_hash BLOB NOT NULL);"
    /* removed: how many messages retention has removed */
    "CREATE TABLE rooms(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL,"
    "  topic TEXT NOT NULL DEFAULT '', owner INTEGER NOT NULL DEFAULT 0,"
    "  removed INTEGER NOT NULL DEFAULT 0);"
    /* how far a member has read: up to the event `read`, and so many messages */
    "CREATE TABLE members(room INTEGER NOT NULL, account INTEGER NOT NULL,"
    "  read INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY(room, account)) WITHOUT ROWID;"
    "CREATE TABLE outboxes(account INTEGER NOT NULL, outbox INTEGER NOT NULL,"
    "  up_to INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY(account, outbox)) WITHOUT ROWID;"
    /* a message's last edit, whose event has its text too */
    "CREATE TABLE edits(target INTEGER PRIMARY KEY, id INTEGER NOT NULL);"
    /* cut: retention has removed the events up to here */
    "CREATE TABLE log(identity INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    "  cut INTEGER NOT NULL DEFAULT 0);";

static const char schema_first_rows[] =
    "INSERT INTO log(identity, epoch) VALUES(random() & 0x7fffffffffffffff, random() & 0x7fffffffffffffff);";

/* One step from a version to the next. */
static const char *const schema_steps[SCHEMA_VERSION] = {
    [1] = "CREATE TABLE segments_2(first_id INTEGER PRIMARY KEY, room INTEGER NOT NULL,"
          "  last_id INTEGER NOT NULL, messages INTEGER NOT NULL, bytes BLOB NOT NULL);"
          "INSERT INTO segments_2 SELECT first_id, room, last_id,"
          "  sum(message_count(bytes)) OVER (PARTITION BY room ORDER BY first_id), bytes"
          "  FROM segments;"
          "DROP TABLE segments;"
          "ALTER TABLE segments_2 RENAME TO segments;"
          "CREATE INDEX segments_of_room ON segments(room, first_id);"
          "ALTER TABLE rooms ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE rooms ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;"
          /* a room begins with who made it */
          "UPDATE rooms SET owner=coalesce((SELECT first_actor(bytes) FROM segments"
          "  WHERE room=rooms.id ORDER BY first_id LIMIT 1), 0);"
          "ALTER TABLE members ADD COLUMN read INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE members ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;"
          /* what was there before is not news to anyone */
          "UPDATE members SET"
          "  read=coalesce((SELECT last_id FROM segments WHERE room=members.room"
          "    ORDER BY first_id DESC LIMIT 1), 0),"
          "  messages=coalesce((SELECT messages FROM segments WHERE room=members.room"
          "    ORDER BY first_id DESC LIMIT 1), 0);"
          /* it was a time, and is a position now */
          "UPDATE outboxes SET used=0;"
          "CREATE TABLE edits(target INTEGER PRIMARY KEY, id INTEGER NOT NULL);"
          "ALTER TABLE log ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE log ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;"
          "UPDATE log SET epoch=random() & 0x7fffffffffffffff;",
    /* access: see rights.h */
    [2] = "ALTER TABLE rooms ADD COLUMN access INTEGER NOT NULL DEFAULT 0;"
          /* owner: account that owns the server; admission: who is let in */
          "ALTER TABLE log ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE log ADD COLUMN admission INTEGER NOT NULL DEFAULT 0;"
          /* hash: SHA-256 of a device's public key; removed: it lets nobody in any more */
          "CREATE TABLE devices(hash BLOB PRIMARY KEY, account INTEGER NOT NULL,"
          "  number INTEGER NOT NULL, name TEXT NOT NULL, added INTEGER NOT NULL,"
          "  removed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
          /* hash: SHA-256 of a code; account: that it lets a device join, 0 for the server */
          "CREATE TABLE codes(hash BLOB PRIMARY KEY, account INTEGER NOT NULL,"
          "  until INTEGER NOT NULL) WITHOUT ROWID;"
          /* of somebody in a room, member or not: sum of marks; see state.h */
          "CREATE TABLE standings(room INTEGER NOT NULL, account INTEGER NOT NULL,"
          "  standing INTEGER NOT NULL, PRIMARY KEY(room, account)) WITHOUT ROWID;"
          /* whose direct messages somebody does not wish */
          "CREATE TABLE blocks(account INTEGER NOT NULL, blocked INTEGER NOT NULL,"
          "  PRIMARY KEY(account, blocked)) WITHOUT ROWID;",
};

static bool schema_execute(sqlite3 *database, const char *sql) {
    return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool schema_run_steps(sqlite3 *database, int version) {
    char sql[48];
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", SCHEMA_VERSION);
    for (; version < SCHEMA_VERSION; version++)
        if (version < 1 || !schema_execute(database, schema_steps[version]))
            return false;
    return schema_execute(database, sql);
}

static bool schema_fill(const char *path) {
    sqlite3 *database;
    bool made =
        page_guard_open(path, &database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW) ==
            SQLITE_OK &&
        page_guard_request(database) &&
        schema_execute(database, "PRAGMA page_size=4096; BEGIN IMMEDIATE") &&
        schema_execute(database, schema_tables) && schema_execute(database, schema_first_rows) &&
        schema_run_steps(database, SCHEMA_VERSION_MADE) && schema_execute(database, "COMMIT");
    int reason = database != NULL ? sqlite3_system_errno(database) : ENOMEM;
    sqlite3_close(database);
    errno = reason != 0 ? reason : EIO;
    return made;
}

bool schema_make_file(const char *path) {
    char *unfinished = NULL;
    if (asprintf(&unfinished, "%s.new", path) < 0)
        return false;
    unlink(unfinished);
    bool made =
        schema_fill(unfinished) && rename(unfinished, path) == 0 && path_sync_folder_of(path);
    free(unfinished);
    return made;
}

int schema_version(sqlite3 *database) {
    sqlite3_stmt *row = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(database, "PRAGMA user_version", -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        version = sqlite3_column_int(row, 0);
    sqlite3_finalize(row);
    return version;
}

static struct wire_reader schema_frames(sqlite3_value *value) {
    const uint8_t *bytes = sqlite3_value_blob(value);
    return (struct wire_reader){bytes, bytes + sqlite3_value_bytes(value)};
}

/* SQL's message_count(bytes): the messages among a segment's events. */
static void schema_message_count(sqlite3_context *context, int count, sqlite3_value **values) {
    struct wire_reader frames = schema_frames(values[0]);
    struct wire_blob payload;
    int messages = 0;
    (void)count;
    while (frame_take(&frames, &payload) == FRAME_READY)
        messages += payload.data[0] == MESSAGE_MESSAGE;
    sqlite3_result_int(context, messages);
}

/* SQL's first_actor(bytes): who did a segment's first event. */
static void schema_first_actor(sqlite3_context *context, int count, sqlite3_value **values) {
    struct wire_reader frames = schema_frames(values[0]);
    struct wire_blob payload;
    struct message event;
    bool found = frame_take(&frames, &payload) == FRAME_READY &&
                 message_decode(payload, &event) == ERROR_NONE;
    (void)count;
    sqlite3_result_int64(context, found ? event.event.actor : 0);
}

bool schema_upgrade(sqlite3 *database, char *problem, size_t size) {
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    bool upgraded = sqlite3_create_function(database, "message_count", 1, flags, NULL,
                                            schema_message_count, NULL, NULL) == SQLITE_OK &&
                    sqlite3_create_function(database, "first_actor", 1, flags, NULL,
                                            schema_first_actor, NULL, NULL) == SQLITE_OK &&
                    schema_execute(database, "BEGIN IMMEDIATE") &&
                    schema_run_steps(database, schema_version(database)) &&
                    schema_execute(database, "COMMIT");
    if (!upgraded)
        snprintf(problem, size, "%s", sqlite3_errmsg(database));
    if (!upgraded && sqlite3_get_autocommit(database) == 0)
        schema_execute(database, "ROLLBACK");
    return upgraded;
}

bool schema_mark_copy(sqlite3 *database) {
    return schema_execute(database, "PRAGMA journal_mode=DELETE;"
                                    "UPDATE log SET epoch=random() & 0x7fffffffffffffff");
}
