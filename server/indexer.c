/* The writing side of the index. In comes one number, how far the log reaches; the thread reads
 * what is new through its own archive handle and adds it in transactions of bounded size, so that
 * it can stop between two. Nothing else writes the file; losing it costs only time. */
#include "indexer.h"
#include "archive.h"
#include "nudge.h"
#include "paths.h"
#include "report.h"
#include "frame.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { INDEX_VERSION = 1, INDEX_STEP_EVENTS = 2000 };

static const char index_schema[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "BEGIN;"
    "CREATE TABLE IF NOT EXISTS progress(identity INTEGER NOT NULL, last_id INTEGER NOT NULL);"
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(room, nick, body, content='',"
    "  tokenize='unicode61 remove_diacritics 2');"
    "COMMIT;";

struct indexer {
    /* set once */
    pthread_t thread;
    struct archive *archive;
    struct nudge nudge;

    /* the index thread's */
    sqlite3 *database;
    sqlite3_stmt *add;
    uint64_t last_id;
    unsigned step_events;
};

static bool indexer_execute(struct indexer *indexer, const char *sql) {
    return sqlite3_exec(indexer->database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Reads how far the index got; false when it belongs to another log. */
static bool indexer_load_progress(struct indexer *indexer) {
    sqlite3_stmt *statement = NULL;
    bool ours = false;
    if (sqlite3_prepare_v2(indexer->database, "SELECT identity, last_id FROM progress", -1,
                           &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        indexer->last_id = (uint64_t)sqlite3_column_int64(statement, 1);
        ours = (uint64_t)sqlite3_column_int64(statement, 0) == archive_identity(indexer->archive) &&
               indexer->last_id <= archive_last_id(indexer->archive);
    }
    sqlite3_finalize(statement);
    return ours;
}

static bool indexer_begin_anew(struct indexer *indexer) {
    char *sql = sqlite3_mprintf("DELETE FROM progress; INSERT INTO progress VALUES(%lld, 0)",
                                (long long)archive_identity(indexer->archive));
    bool begun = sql != NULL && indexer_execute(indexer, sql);
    sqlite3_free(sql);
    indexer->last_id = 0;
    return begun;
}

static bool indexer_open(struct indexer *indexer, const char *path) {
    if (sqlite3_open_v2(path, &indexer->database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK ||
        !indexer_execute(indexer, index_schema))
        return false;
    return sqlite3_prepare_v3(indexer->database,
                              "INSERT INTO words(rowid, room, nick, body) VALUES(?,?,?,?)", -1,
                              SQLITE_PREPARE_PERSISTENT, &indexer->add, NULL) == SQLITE_OK;
}

static void indexer_close(struct indexer *indexer) {
    sqlite3_finalize(indexer->add);
    sqlite3_close(indexer->database);
    indexer->add = NULL;
    indexer->database = NULL;
}

/* Opens the index of this log, or throws away what is there and begins anew. */
static bool indexer_open_ours(struct indexer *indexer, const char *path) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    if (indexer_open(indexer, path) && indexer_load_progress(indexer))
        return true;
    indexer_close(indexer);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
    return indexer_open(indexer, path) && indexer_begin_anew(indexer);
}

static bool indexer_add(struct indexer *indexer, const struct message *message) {
    char room[16];
    sqlite3_stmt *add = indexer->add;
    int length = snprintf(room, sizeof room, "r%u", message->message.room);
    sqlite3_bind_int64(add, 1, (sqlite3_int64)message->message.id);
    sqlite3_bind_text(add, 2, room, length, SQLITE_STATIC);
    sqlite3_bind_text64(add, 3, message->message.nick.data, message->message.nick.size,
                        SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(add, 4, message->message.body.data, message->message.body.size,
                        SQLITE_STATIC, SQLITE_UTF8);
    bool added = sqlite3_step(add) == SQLITE_DONE;
    sqlite3_reset(add);
    return added;
}

static bool indexer_visit(void *context, struct wire_blob frames, uint64_t last_id) {
    struct indexer *indexer = context;
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    struct wire_blob payload;
    struct message message;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        indexer->step_events++;
        if (message_decode(payload, &message) == ERROR_NONE && message.type == MESSAGE_MESSAGE &&
            !indexer_add(indexer, &message))
            return false;
    }
    indexer->last_id = last_id;
    return indexer->step_events < INDEX_STEP_EVENTS;
}

/* Adds one bounded step. False when nothing could be added. */
static bool indexer_step(struct indexer *indexer) {
    uint64_t before = indexer->last_id;
    char sql[64];
    indexer->step_events = 0;
    bool stepped = indexer_execute(indexer, "BEGIN") &&
                   archive_walk(indexer->archive, before, indexer_visit, indexer);
    snprintf(sql, sizeof sql, "UPDATE progress SET last_id=%llu",
             (unsigned long long)indexer->last_id);
    if (stepped && indexer_execute(indexer, sql) && indexer_execute(indexer, "COMMIT"))
        return indexer->last_id > before;
    if (sqlite3_get_autocommit(indexer->database) == 0)
        indexer_execute(indexer, "ROLLBACK");
    report(REPORT_WARNING, "index_failed", "reason", sqlite3_errmsg(indexer->database), NULL);
    indexer->last_id = before;
    return false;
}

static void *indexer_run(void *context) {
    struct indexer *indexer = context;
    uint64_t seen = 0;
    while (nudge_wait(&indexer->nudge, &seen, -1))
        while (indexer->last_id < seen && !nudge_is_stopped(&indexer->nudge))
            if (!indexer_step(indexer))
                break;
    return NULL;
}

static void indexer_free(struct indexer *indexer) {
    indexer_close(indexer);
    archive_close(indexer->archive);
    nudge_free(&indexer->nudge);
    free(indexer);
}

struct indexer *indexer_start(const char *folder, const char *log_path) {
    struct indexer *indexer = calloc(1, sizeof *indexer);
    char *path = path_join(folder, "search.db");
    if (indexer == NULL || path == NULL) {
        free(indexer);
        free(path);
        return NULL;
    }
    nudge_init(&indexer->nudge);
    indexer->archive = archive_open(log_path);
    bool opened = indexer->archive != NULL && indexer_open_ours(indexer, path);
    free(path);
    if (opened && pthread_create(&indexer->thread, NULL, indexer_run, indexer) == 0) {
        indexer_raise(indexer, archive_last_id(indexer->archive));
        return indexer;
    }
    report(REPORT_ERROR, "index_unusable", "reason",
           indexer->database != NULL ? sqlite3_errmsg(indexer->database) : "cannot open", NULL);
    indexer_free(indexer);
    return NULL;
}

void indexer_raise(struct indexer *indexer, uint64_t last_id) {
    nudge_raise(&indexer->nudge, last_id);
}

void indexer_stop(struct indexer *indexer) {
    if (indexer == NULL)
        return;
    nudge_stop(&indexer->nudge);
    pthread_join(indexer->thread, NULL);
    indexer_free(indexer);
}
