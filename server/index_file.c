#include "index_file.h"
#include "index_keys.h"
#include "page_guard.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    INDEX_VERSION = 6,
    INDEX_CUT_ROWS = 1000,   /* a transaction */
    INDEX_PURGE_PAGES = 256, /* a step */
    INDEX_BUSY_MILLISECONDS = 2000
};

static const char index_schema[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "PRAGMA secure_delete=ON;"
    "PRAGMA cache_size=-16384;"
    "BEGIN;"
    "CREATE TABLE IF NOT EXISTS mark(version, identity, epoch, last_id, cut, purge);"
    "CREATE TABLE IF NOT EXISTS quarters(quarter INTEGER PRIMARY KEY, first_id INTEGER,"
    "  last_id INTEGER);"
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(keys, body, columnsize=0,"
    "  tokenize='unicode61 remove_diacritics 2');"
    "COMMIT;";

enum index_statement {
    INDEX_ADD,
    INDEX_ADD_FENCE,
    INDEX_BODY,
    INDEX_REMOVE,
    INDEX_CUT,
    INDEX_ADD_QUARTER,
    INDEX_CUT_QUARTERS,
    INDEX_SET_MARK,
    INDEX_STATEMENTS
};

/* The row of a message has twice its id, that of a fence one more. */
static const char *const index_statements[INDEX_STATEMENTS] = {
    [INDEX_ADD] = "INSERT INTO words(rowid, keys, body) VALUES(?*2,?,?)",
    [INDEX_ADD_FENCE] = "INSERT INTO words(rowid, keys, body) VALUES(?*2+1,?,'')",
    [INDEX_BODY] = "SELECT body FROM words WHERE rowid=?*2",
    [INDEX_REMOVE] = "DELETE FROM words WHERE rowid=?*2",
    [INDEX_CUT] = "DELETE FROM words WHERE rowid IN"
                  " (SELECT rowid FROM words WHERE rowid<=?*2+1 ORDER BY rowid LIMIT ?)",
    [INDEX_ADD_QUARTER] = "INSERT INTO quarters VALUES(?,?,?) ON CONFLICT DO UPDATE"
                          " SET first_id=min(first_id, excluded.first_id),"
                          " last_id=max(last_id, excluded.last_id)",
    [INDEX_CUT_QUARTERS] = "DELETE FROM quarters WHERE last_id<=?",
    [INDEX_SET_MARK] = "UPDATE mark SET last_id=?, cut=?, purge=?",
};

struct index_file {
    sqlite3 *database;
    sqlite3_stmt *statements[INDEX_STATEMENTS];
    char *path;
    int64_t quarter; /* of the messages added last; their ids, not yet written */
    uint64_t quarter_first;
    uint64_t quarter_last; /* 0 when there are none */
    uint64_t committed;    /* events up to here are in the file */
    bool purging;          /* a purge is under way */
    struct buffer nick;    /* of the message added last, */
    struct buffer nick_key;
};

static bool index_execute(struct index_file *file, const char *sql) {
    return sqlite3_exec(file->database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Reads the mark; false when the index is of another log, is ahead of it (an older one was put in
 * its place), or is of another version of this program. */
static bool index_load_mark(struct index_file *file, const struct archive_origin *log,
                            struct index_mark *mark) {
    sqlite3_stmt *row = NULL;
    bool ours = false;
    if (sqlite3_prepare_v2(file->database, "SELECT * FROM mark", -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0) == INDEX_VERSION) {
        *mark = (struct index_mark){.identity = (uint64_t)sqlite3_column_int64(row, 1),
                                    .epoch = (uint64_t)sqlite3_column_int64(row, 2),
                                    .last_id = (uint64_t)sqlite3_column_int64(row, 3),
                                    .cut = (uint64_t)sqlite3_column_int64(row, 4),
                                    .purge = sqlite3_column_int(row, 5) != 0};
        ours = mark->identity == log->identity && mark->epoch == log->epoch &&
               mark->last_id <= log->last_id;
    }
    sqlite3_finalize(row);
    return ours;
}

static bool index_begin_anew(struct index_file *file, const struct archive_origin *log,
                             struct index_mark *mark) {
    char sql[128];
    *mark = (struct index_mark){.identity = log->identity, .epoch = log->epoch};
    snprintf(sql, sizeof sql, "INSERT INTO mark VALUES(%d, %lld, %lld, 0, 0, 0)", INDEX_VERSION,
             (long long)log->identity, (long long)log->epoch);
    return index_execute(file, sql);
}

static struct index_file *index_open(const char *path) {
    struct index_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->path = strdup(path);
    bool opened = file->path != NULL &&
                  page_guard_open(path, &file->database,
                                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                      SQLITE_OPEN_NOFOLLOW) == SQLITE_OK &&
                  page_guard_request(file->database) && index_execute(file, index_schema);
    for (size_t i = 0; opened && i < INDEX_STATEMENTS; i++)
        opened =
            sqlite3_prepare_v3(file->database, index_statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &file->statements[i], NULL) == SQLITE_OK;
    if (opened)
        return file;
    index_file_close(file);
    return NULL;
}

static void index_unlink(const char *path) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s%s", path, endings[i]) < 0)
            return;
        unlink(name);
        free(name);
    }
}

struct index_file *index_file_open(const char *path, const struct archive_origin *log,
                                   struct index_mark *mark) {
    struct index_file *file = index_open(path);
    if (file != NULL && index_load_mark(file, log, mark)) {
        file->committed = mark->last_id;
        return file;
    }
    index_file_close(file);
    index_unlink(path);
    file = index_open(path);
    if (file != NULL && index_begin_anew(file, log, mark))
        return file;
    index_file_close(file);
    return NULL;
}

void index_file_close(struct index_file *file) {
    if (file == NULL)
        return;
    for (size_t i = 0; i < INDEX_STATEMENTS; i++)
        sqlite3_finalize(file->statements[i]);
    sqlite3_close(file->database);
    buffer_free(&file->nick);
    buffer_free(&file->nick_key);
    free(file->path);
    free(file);
}

const char *index_file_error(const struct index_file *file) {
    int code = sqlite3_extended_errcode(file->database);
    if ((code & 0xFF) == SQLITE_CORRUPT || code == SQLITE_IOERR_DATA || code == SQLITE_NOTADB)
        index_unlink(file->path);
    return sqlite3_errmsg(file->database);
}

/* Runs a statement whose values are bound. */
static bool index_run(sqlite3_stmt *statement) {
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_reset(statement);
    return done;
}

bool index_file_begin(struct index_file *file) {
    return index_execute(file, "BEGIN IMMEDIATE");
}

/* Writes which ids the messages of the quarter of an hour have that were added last. */
static bool index_write_quarter(struct index_file *file) {
    sqlite3_stmt *add = file->statements[INDEX_ADD_QUARTER];
    if (file->quarter_last == 0)
        return true;
    sqlite3_bind_int64(add, 1, file->quarter);
    sqlite3_bind_int64(add, 2, (sqlite3_int64)file->quarter_first);
    sqlite3_bind_int64(add, 3, (sqlite3_int64)file->quarter_last);
    file->quarter_last = 0;
    return index_run(add);
}

/* Puts up a fence at the end of what is added, if enough was since the last one. */
static bool index_write_fence(struct index_file *file, uint64_t last_id) {
    sqlite3_stmt *add = file->statements[INDEX_ADD_FENCE];
    struct buffer keys = {0};
    if (last_id / INDEX_FENCE_IDS == file->committed / INDEX_FENCE_IDS)
        return true;
    index_keys_add_fence(&keys);
    sqlite3_bind_int64(add, 1, (sqlite3_int64)last_id);
    sqlite3_bind_text64(add, 2, buffer_string(&keys), keys.size, SQLITE_STATIC, SQLITE_UTF8);
    bool done = !keys.failed && index_run(add);
    sqlite3_clear_bindings(add);
    buffer_free(&keys);
    return done;
}

bool index_file_commit(struct index_file *file, const struct index_mark *mark) {
    sqlite3_stmt *set = file->statements[INDEX_SET_MARK];
    sqlite3_bind_int64(set, 1, (sqlite3_int64)mark->last_id);
    sqlite3_bind_int64(set, 2, (sqlite3_int64)mark->cut);
    sqlite3_bind_int(set, 3, mark->purge);
    bool done = index_write_quarter(file) && index_write_fence(file, mark->last_id) &&
                index_run(set) && index_execute(file, "COMMIT");
    file->committed = done ? mark->last_id : file->committed;
    return done;
}

void index_file_abandon(struct index_file *file) {
    file->quarter_last = 0;
    if (sqlite3_get_autocommit(file->database) == 0)
        index_execute(file, "ROLLBACK");
}

/* Ids only grow, so a message is the last of its quarter of an hour so far. */
static bool index_note_quarter(struct index_file *file, const struct message_message *message) {
    int64_t quarter = index_keys_quarter(message->time);
    if (quarter != file->quarter && !index_write_quarter(file))
        return false;
    if (file->quarter_last == 0)
        file->quarter_first = message->id;
    file->quarter = quarter;
    file->quarter_last = message->id;
    return true;
}

/* The key of a nick; people say more than one thing in a row. NULL when out of memory. */
static const struct buffer *index_nick_key(struct index_file *file, struct wire_text nick) {
    const struct wire_text last = {(const char *)file->nick.data, file->nick.size};
    if (file->nick_key.size > 0 && wire_text_equal(last, nick))
        return &file->nick_key;
    buffer_clear(&file->nick);
    buffer_clear(&file->nick_key);
    buffer_append(&file->nick, nick.data, nick.size);
    index_keys_add_nick(&file->nick_key, nick);
    if (!file->nick.failed && !file->nick_key.failed)
        return &file->nick_key;
    buffer_clear(&file->nick_key);
    return NULL;
}

static bool index_put(struct index_file *file, const struct message_message *message) {
    sqlite3_stmt *add = file->statements[INDEX_ADD];
    struct buffer keys = {0};
    index_keys_add_room(&keys, message->room);
    buffer_append_string(&keys, " ");
    const struct buffer *nick_key = index_nick_key(file, message->nick);
    if (nick_key != NULL)
        buffer_append(&keys, nick_key->data, nick_key->size);
    sqlite3_bind_int64(add, 1, (sqlite3_int64)message->id);
    sqlite3_bind_text64(add, 2, buffer_string(&keys), keys.size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(add, 3, message->body.data, message->body.size, SQLITE_STATIC, SQLITE_UTF8);
    bool done = nick_key != NULL && !keys.failed && index_run(add);
    sqlite3_clear_bindings(add);
    buffer_free(&keys);
    return done;
}

bool index_file_add(struct index_file *file, const struct message_message *message) {
    return message->body.size == 0 ||
           (index_put(file, message) && index_note_quarter(file, message));
}

/* Whether the message is in the index with other words than it has now; false also when it cannot
 * be read, which what follows will meet too. */
static bool index_differs(struct index_file *file, const struct message_message *message) {
    sqlite3_stmt *row = file->statements[INDEX_BODY];
    sqlite3_bind_int64(row, 1, (sqlite3_int64)message->id);
    bool differs = sqlite3_step(row) == SQLITE_ROW;
    if (differs) {
        const struct wire_text body = {(const char *)sqlite3_column_text(row, 0),
                                       (size_t)sqlite3_column_bytes(row, 0)};
        differs = !wire_text_equal(body, message->body);
    }
    sqlite3_reset(row);
    return differs;
}

bool index_file_change(struct index_file *file, const struct message_message *message,
                       bool *changed) {
    *changed = index_differs(file, message);
    if (!*changed)
        return true;
    sqlite3_bind_int64(file->statements[INDEX_REMOVE], 1, (sqlite3_int64)message->id);
    return index_run(file->statements[INDEX_REMOVE]) &&
           (message->body.size == 0 || index_put(file, message));
}

bool index_file_cut(struct index_file *file, uint64_t id, bool *more) {
    sqlite3_stmt *cut = file->statements[INDEX_CUT];
    sqlite3_stmt *cut_quarters = file->statements[INDEX_CUT_QUARTERS];
    sqlite3_bind_int64(cut, 1, (sqlite3_int64)id);
    sqlite3_bind_int(cut, 2, INDEX_CUT_ROWS);
    sqlite3_bind_int64(cut_quarters, 1, (sqlite3_int64)id);
    bool done = index_run(cut);
    *more = done && sqlite3_changes(file->database) == INDEX_CUT_ROWS;
    return done && index_run(cut_quarters);
}

/* Words that were taken out stay in the older parts of the index until those are merged: all parts
 * into one, in steps, the first of which is told apart by its sign (FTS5's `merge`). What is then
 * left of them is in the write-ahead log. */
bool index_file_purge(struct index_file *file, bool *done) {
    char sql[64];
    int before = sqlite3_total_changes(file->database);
    snprintf(sql, sizeof sql, "INSERT INTO words(words, rank) VALUES('merge', %d)",
             file->purging ? INDEX_PURGE_PAGES : -INDEX_PURGE_PAGES);
    *done = false;
    if (!index_execute(file, sql))
        return false;
    /* Its own row counts as one change; that alone means that there is nothing left to merge. */
    file->purging = sqlite3_total_changes(file->database) - before >= 2;
    if (file->purging)
        return true;
    sqlite3_busy_timeout(file->database, INDEX_BUSY_MILLISECONDS);
    *done = sqlite3_wal_checkpoint_v2(file->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                      NULL) == SQLITE_OK;
    return *done;
}
