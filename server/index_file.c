#include "index_file.h"
#include "index_copies.h"
#include "index_keys.h"
#include "page_guard.h"
#include "statements.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    INDEX_VERSION = 7,
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
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(keys, body, content='', columnsize=0,"
    "  tokenize='unicode61 remove_diacritics 2');"
    "COMMIT;";

/* Eight parts of a size are merged into one, not four: each word is written less often, and a
 * search has some parts more to look into. */
static const char index_merging[] = "INSERT INTO words(words, rank) VALUES('automerge', 8);"
                                    "INSERT INTO words(words, rank) VALUES('crisismerge', 32)";

enum index_statement {
    INDEX_ADD,
    INDEX_REMOVE,
    INDEX_ADD_QUARTER,
    INDEX_CUT_QUARTERS,
    INDEX_SET_MARK,
    INDEX_STATEMENTS
};

static const char *const index_statements[INDEX_STATEMENTS] = {
    [INDEX_ADD] = "INSERT INTO words(rowid, keys, body) VALUES(?,?,?)",
    [INDEX_REMOVE] = "INSERT INTO words(words, rowid, keys, body) VALUES('delete',?,?,?)",
    [INDEX_ADD_QUARTER] = "INSERT INTO quarters VALUES(?,?,?) ON CONFLICT DO UPDATE"
                          " SET first_id=min(first_id, excluded.first_id),"
                          " last_id=max(last_id, excluded.last_id)",
    [INDEX_CUT_QUARTERS] = "DELETE FROM quarters WHERE last_id<=?",
    [INDEX_SET_MARK] = "UPDATE mark SET last_id=?, cut=?, purge=?",
};

struct index_file {
    sqlite3 *database;
    sqlite3_stmt *statements[INDEX_STATEMENTS];
    struct index_copies *copies;
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
    return index_execute(file, index_merging) && index_execute(file, sql);
}

static struct index_file *index_open(const char *path) {
    struct index_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->path = strdup(path);
    bool opened =
        file->path != NULL &&
        page_guard_open(path, &file->database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                            SQLITE_OPEN_NOFOLLOW) == SQLITE_OK &&
        page_guard_request(file->database) && index_execute(file, index_schema) &&
        statements_prepare(file->database, index_statements, INDEX_STATEMENTS, file->statements);
    file->copies = opened ? index_copies_open(file->database) : NULL;
    if (file->copies != NULL)
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
    statements_free(file->statements, INDEX_STATEMENTS);
    index_copies_close(file->copies);
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

/* The row of a message has twice its id, that of a fence one more. */
static uint64_t index_row(uint64_t id) {
    return id * 2;
}

static uint64_t index_fence_row(uint64_t id) {
    return id * 2 + 1;
}

/* Puts a row in, or takes it out again as it was put in. */
static bool index_run_row(struct index_file *file, enum index_statement what,
                          const struct index_copy *row) {
    sqlite3_stmt *statement = file->statements[what];
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)row->row);
    sqlite3_bind_text64(statement, 2, row->keys.data, row->keys.size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(statement, 3, row->body.data, row->body.size, SQLITE_STATIC, SQLITE_UTF8);
    bool done = index_run(statement);
    sqlite3_clear_bindings(statement);
    return done;
}

static bool index_add_row(struct index_file *file, const struct index_copy *row) {
    return index_run_row(file, INDEX_ADD, row) && index_copies_add(file->copies, row);
}

/* Puts up a fence at the end of what is added, if enough was since the last one. */
static bool index_write_fence(struct index_file *file, uint64_t last_id) {
    struct buffer keys = {0};
    if (last_id / INDEX_FENCE_IDS == file->committed / INDEX_FENCE_IDS)
        return true;
    index_keys_add_fence(&keys);
    const struct index_copy fence = {index_fence_row(last_id), wire_text(buffer_string(&keys)),
                                     wire_text("")};
    bool done = !keys.failed && index_add_row(file, &fence);
    buffer_free(&keys);
    return done;
}

bool index_file_commit(struct index_file *file, const struct index_mark *mark) {
    sqlite3_stmt *set = file->statements[INDEX_SET_MARK];
    sqlite3_bind_int64(set, 1, (sqlite3_int64)mark->last_id);
    sqlite3_bind_int64(set, 2, (sqlite3_int64)mark->cut);
    sqlite3_bind_int(set, 3, mark->purge);
    bool done = index_write_quarter(file) && index_write_fence(file, mark->last_id) &&
                index_copies_flush(file->copies) && index_run(set) && index_execute(file, "COMMIT");
    file->committed = done ? mark->last_id : file->committed;
    return done;
}

void index_file_abandon(struct index_file *file) {
    file->quarter_last = 0;
    index_copies_abandon(file->copies);
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

bool index_file_add(struct index_file *file, const struct message_message *message) {
    if (message->body.size == 0)
        return true;
    struct buffer keys = {0};
    index_keys_add_room(&keys, message->room);
    buffer_append_string(&keys, " ");
    const struct buffer *nick_key = index_nick_key(file, message->nick);
    if (nick_key != NULL)
        buffer_append(&keys, nick_key->data, nick_key->size);
    const struct index_copy row = {
        index_row(message->id), {(const char *)keys.data, keys.size}, message->body};
    bool done = nick_key != NULL && !keys.failed && index_add_row(file, &row);
    buffer_free(&keys);
    return done && index_note_quarter(file, message);
}

/* Puts the other body in the place of that of a copy, or takes the copy out; those on both sides of
 * it stay as they are. */
static bool index_replace_copy(struct index_file *file, uint64_t shelf, const struct buffer *bytes,
                               const struct index_copy *instead) {
    struct buffer changed = {0};
    struct wire_reader reader = {bytes->data, bytes->data + bytes->size};
    for (struct index_copy copy; index_copy_next(&reader, &copy);) {
        if (copy.row != instead->row)
            index_copy_put(&changed, &copy);
        else if (instead->body.size > 0)
            index_copy_put(&changed, instead);
    }
    bool done = index_copies_write(file->copies, shelf, &changed);
    buffer_free(&changed);
    return done;
}

static bool index_find_copy(const struct buffer *bytes, uint64_t row, struct index_copy *copy) {
    struct wire_reader reader = {bytes->data, bytes->data + bytes->size};
    while (index_copy_next(&reader, copy))
        if (copy->row == row)
            return true;
    return false;
}

bool index_file_change(struct index_file *file, const struct message_message *message,
                       bool *changed) {
    struct buffer bytes = {0};
    struct index_copy copy;
    uint64_t shelf;
    bool done = index_copies_read(file->copies, index_row(message->id), &shelf, &bytes);
    /* One that is not there has yet to come, as it is now. */
    *changed = done && index_find_copy(&bytes, index_row(message->id), &copy) &&
               !wire_text_equal(copy.body, message->body);
    if (*changed) {
        const struct index_copy instead = {copy.row, copy.keys, message->body};
        done = index_run_row(file, INDEX_REMOVE, &copy) &&
               (instead.body.size == 0 || index_run_row(file, INDEX_ADD, &instead)) &&
               index_replace_copy(file, shelf, &bytes, &instead);
    }
    buffer_free(&bytes);
    return done;
}

/* Takes what is on a shelf out of the index, up to the row; counts it. */
static bool index_clear_shelf(struct index_file *file, uint64_t row, uint64_t shelf,
                              const struct buffer *bytes, unsigned *count) {
    struct buffer left = {0};
    struct wire_reader reader = {bytes->data, bytes->data + bytes->size};
    bool done = true;
    for (struct index_copy copy; done && index_copy_next(&reader, &copy);) {
        if (copy.row > row) {
            index_copy_put(&left, &copy);
            continue;
        }
        done = index_run_row(file, INDEX_REMOVE, &copy);
        ++*count;
    }
    done = done && index_copies_write(file->copies, shelf, &left);
    buffer_free(&left);
    return done;
}

bool index_file_cut(struct index_file *file, uint64_t id, bool *more) {
    sqlite3_stmt *cut_quarters = file->statements[INDEX_CUT_QUARTERS];
    struct buffer bytes = {0};
    unsigned count = 0;
    bool done = true;
    *more = true;
    while (done && *more && count < INDEX_CUT_ROWS) {
        uint64_t shelf;
        struct index_copy first;
        done = index_copies_read(file->copies, 0, &shelf, &bytes);
        struct wire_reader reader = {bytes.data, bytes.data + bytes.size};
        *more = done && index_copy_next(&reader, &first) && first.row <= index_fence_row(id);
        if (*more)
            done = index_clear_shelf(file, index_fence_row(id), shelf, &bytes, &count);
    }
    buffer_free(&bytes);
    sqlite3_bind_int64(cut_quarters, 1, (sqlite3_int64)id);
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
