/* Opening the log: the folder's lock, the file brought up to this version, and a look whether it is
 * sound. */
#include "store_parts.h"
#include "folder.h"
#include "inspect.h"
#include "page_guard.h"
#include "paths.h"
#include "schema.h"
#include "statements.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_INSPECT_BYTES = 16 << 20 };

#define STORE_DAMAGED                                                                              \
    "the log in the data folder %s is damaged: %s; put a backup in its place (chat-server(8))"
#define STORE_UNUSABLE "cannot use the log in the data folder %s: %s"

static bool store_says(struct store_problem *problem, const char *format, const char *folder,
                       const char *reason) {
    snprintf(problem->text, sizeof problem->text, format, folder, reason);
    return false;
}

static int store_count_wal(void *context, sqlite3 *database, const char *name, int pages) {
    (void)database;
    (void)name;
    ((struct store *)context)->wal_pages = pages;
    return SQLITE_OK;
}

bool store_execute(struct store *store, const char *sql) {
    return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* A backup helps against damage, not against a moment without memory. */
static const char *store_complaint(const struct store *store) {
    return inspect_blames_file(store->database) ? STORE_DAMAGED : STORE_UNUSABLE;
}

/* What SQLite says about the file becomes the reason not to start. */
static bool store_is_damaged(struct store *store, const char *folder,
                             struct store_problem *problem) {
    bool page = sqlite3_extended_errcode(store->database) == SQLITE_IOERR_DATA;
    return store_says(problem, store_complaint(store), folder,
                      page ? "a page does not match its checksum"
                           : sqlite3_errmsg(store->database));
}

static bool store_read_identity(struct store *store) {
    sqlite3_stmt *row = NULL;
    bool found = sqlite3_prepare_v2(store->database, "SELECT identity, epoch FROM log", -1, &row,
                                    NULL) == SQLITE_OK &&
                 sqlite3_step(row) == SQLITE_ROW;
    store->identity = found ? (uint64_t)sqlite3_column_int64(row, 0) : 0;
    store->epoch = found ? (uint64_t)sqlite3_column_int64(row, 1) : 0;
    sqlite3_finalize(row);
    return found;
}

/* Gives every page of an older version's file a checksum, in the copy that VACUUM makes of them. */
static bool store_guard(struct store *store) {
    return page_guard_is_on(store->database) ||
           (store_execute(store, "PRAGMA journal_mode=DELETE") &&
            page_guard_request(store->database) && store_execute(store, "VACUUM"));
}

/* The log's file as this version writes it: made, or brought up from an older one. */
static bool store_bring_up(struct store *store, const char *folder, struct store_problem *problem) {
    char reason[INSPECT_PROBLEM_MAX];
    int version = schema_version(store->database);
    if (version > SCHEMA_VERSION)
        return store_says(problem,
                          "the data folder %s was written by a newer chat-server%s; use that one",
                          folder, "");
    if (version == 0)
        return store_says(problem, "the file log.db in the data folder %s is not a log%s", folder,
                          "");
    if (version == SCHEMA_VERSION && page_guard_is_on(store->database))
        return true;
    if (version == SCHEMA_VERSION)
        return store_says(problem, STORE_DAMAGED, folder, "it says that it has no checksums");
    /* In this order, so that one that was interrupted goes on at the next start. */
    if (version < 0 || !store_guard(store))
        return store_is_damaged(store, folder, problem);
    return schema_upgrade(store->database, reason, sizeof reason) ||
           store_says(problem, STORE_UNUSABLE, folder, reason);
}

/* A log that is read in a blink is read whole before anyone is served from it; so is one that the
 * scrubber has found damaged. A larger one is read while it is served, see scrubber.h. */
static bool store_inspect(struct store *store, const char *folder, struct store_problem *problem) {
    struct inspection inspection;
    struct stat status;
    if (stat(store->path, &status) != 0)
        return store_says(problem, STORE_UNUSABLE, folder, strerror(errno));
    bool suspect = folder_is_suspect(folder);
    if (status.st_size > STORE_INSPECT_BYTES && !suspect)
        return true;
    if (!inspect_database(store->database, &inspection))
        return store_says(problem, store_complaint(store), folder, inspection.problem);
    if (suspect)
        folder_clear_suspicion(folder);
    return true;
}

/* Brings what the write-ahead log holds into the file, which must then have all its pages. */
static bool store_fold(struct store *store, const char *folder, struct store_problem *problem) {
    struct stat status;
    sqlite3_stmt *row = NULL;
    int result =
        sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    /* A backup or a check that reads just now keeps it from being done. */
    if (result == SQLITE_BUSY)
        return true;
    if (result != SQLITE_OK ||
        sqlite3_prepare_v2(store->database,
                           "SELECT page_count * page_size FROM pragma_page_count,"
                           " pragma_page_size",
                           -1, &row, NULL) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW || stat(store->path, &status) != 0) {
        sqlite3_finalize(row);
        return store_is_damaged(store, folder, problem);
    }
    bool whole = sqlite3_column_int64(row, 0) <= status.st_size;
    sqlite3_finalize(row);
    return whole || store_says(problem, STORE_DAMAGED, folder, "the file log.db is cut short");
}

static bool store_set_up(struct store *store, const char *folder, struct store_problem *problem) {
    if (!store_execute(store, "PRAGMA secure_delete=ON; PRAGMA synchronous=FULL"))
        return store_is_damaged(store, folder, problem);
    if (!store_bring_up(store, folder, problem))
        return false;
    if (!store_execute(store, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                              "PRAGMA cache_size=-16384") ||
        !statements_prepare(store->database, store_statements, STATEMENT_COUNT, store->statements))
        return store_is_damaged(store, folder, problem);
    if (!store_inspect(store, folder, problem) || !store_fold(store, folder, problem))
        return false;
    sqlite3_wal_hook(store->database, store_count_wal, store);
    store_note_files(store);
    return store_read_identity(store) || store_is_damaged(store, folder, problem);
}

static bool store_open_log(struct store *store, const char *folder, struct store_problem *problem) {
    struct stat status;
    store->path = path_join(folder, "log.db");
    if (store->path == NULL || asprintf(&store->wal_path, "%s-wal", store->path) < 0)
        return store_says(problem, "cannot open the data folder %s: %s", folder, strerror(ENOMEM));
    bool there = lstat(store->path, &status) == 0;
    if (!there && access(store->wal_path, F_OK) == 0)
        return store_says(problem, STORE_DAMAGED, folder,
                          "log.db is missing, but its write-ahead log log.db-wal is there");
    if (!there && !schema_make_file(store->path))
        return store_says(problem, "cannot make the log in the data folder %s: %s", folder,
                          strerror(errno));
    /* An empty file would be a database without tables: all would seem never to have been. */
    if (there && status.st_size == 0)
        return store_says(problem, STORE_DAMAGED, folder, "the file log.db is empty");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (page_guard_open(store->path, &store->database, flags) != SQLITE_OK)
        return store_says(problem, "cannot open the log in the data folder %s: %s", folder,
                          store->database != NULL ? sqlite3_errmsg(store->database)
                                                  : strerror(ENOMEM));
    return store_set_up(store, folder, problem);
}

static void store_free(struct store *store) {
    statements_free(store->statements, STATEMENT_COUNT);
    sqlite3_close(store->database);
    if (store->lock >= 0)
        close(store->lock);
    free(store->path);
    free(store->wal_path);
    free(store);
}

struct store *store_open(const char *folder, struct store_problem *problem) {
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        store_says(problem, "cannot open the data folder %s: %s", folder, strerror(ENOMEM));
        return NULL;
    }
    store->lock = -1;
    *problem = (struct store_problem){{0}};
    store->lock = folder_lock(folder, problem->text, sizeof problem->text);
    if (store->lock >= 0 && store_open_log(store, folder, problem))
        return store;
    /* Moving a write-ahead log into a file that is damaged would leave less to save. */
    if (store->database != NULL)
        sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    store_free(store);
    return NULL;
}

void store_close(struct store *store) {
    if (store == NULL)
        return;
    sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    store_free(store);
}
