#include "store.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STORE_LOCK_TRIES = 40, STORE_LOCK_PAUSE_NANOSECONDS = 25000000 };

static const char store_schema[] =
    "CREATE TABLE segments(first_id INTEGER PRIMARY KEY, room INTEGER NOT NULL,"
    "  last_id INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX segments_of_room ON segments(room, first_id);"
    "CREATE TABLE accounts(id INTEGER PRIMARY KEY, nick TEXT NOT NULL, secret_hash BLOB NOT NULL);"
    "CREATE TABLE rooms(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL,"
    "  topic TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE members(room INTEGER NOT NULL, account INTEGER NOT NULL,"
    "  PRIMARY KEY(room, account)) WITHOUT ROWID;"
    "CREATE TABLE outboxes(account INTEGER NOT NULL, outbox INTEGER NOT NULL,"
    "  up_to INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY(account, outbox)) WITHOUT ROWID;"
    "CREATE TABLE log(identity INTEGER NOT NULL);";

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_ADD_SEGMENT,
    STATEMENT_ADD_ACCOUNT,
    STATEMENT_SET_NICK,
    STATEMENT_ADD_ROOM,
    STATEMENT_SET_TOPIC,
    STATEMENT_ADD_MEMBER,
    STATEMENT_REMOVE_MEMBER,
    STATEMENT_SET_OUTBOX,
    STATEMENT_EXPIRE_OUTBOXES,
    STATEMENT_LAST_ID,
    STATEMENT_ACCOUNTS,
    STATEMENT_ROOMS,
    STATEMENT_MEMBERS,
    STATEMENT_OUTBOXES,
    STATEMENT_COUNT
};

static const char *const store_statements[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_ADD_SEGMENT] = "INSERT INTO segments VALUES(?,?,?,?)",
    [STATEMENT_ADD_ACCOUNT] = "INSERT INTO accounts VALUES(?,?,?)",
    [STATEMENT_SET_NICK] = "UPDATE accounts SET nick=?2 WHERE id=?1",
    [STATEMENT_ADD_ROOM] = "INSERT INTO rooms(id, kind, name) VALUES(?,?,?)",
    [STATEMENT_SET_TOPIC] = "UPDATE rooms SET topic=?2 WHERE id=?1",
    [STATEMENT_ADD_MEMBER] = "INSERT INTO members VALUES(?,?)",
    [STATEMENT_REMOVE_MEMBER] = "DELETE FROM members WHERE room=? AND account=?",
    [STATEMENT_SET_OUTBOX] = "INSERT INTO outboxes VALUES(?,?,?,?) ON CONFLICT DO UPDATE"
                             " SET up_to=excluded.up_to, used=excluded.used",
    [STATEMENT_EXPIRE_OUTBOXES] = "DELETE FROM outboxes WHERE used < ?",
    [STATEMENT_LAST_ID] = "SELECT last_id FROM segments ORDER BY first_id DESC LIMIT 1",
    [STATEMENT_ACCOUNTS] = "SELECT id, nick, secret_hash FROM accounts ORDER BY id",
    [STATEMENT_ROOMS] = "SELECT id, kind, name, topic, coalesce((SELECT last_id FROM segments"
                        " WHERE room=rooms.id ORDER BY first_id DESC LIMIT 1), 0)"
                        " FROM rooms ORDER BY id",
    [STATEMENT_MEMBERS] = "SELECT room, account FROM members ORDER BY room, account",
    [STATEMENT_OUTBOXES] = "SELECT account, outbox, up_to FROM outboxes",
};

struct store {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char *path;
    int lock;
    uint64_t identity;
    int wal_pages;
    bool in_batch;
    bool failed;
    char error[STORE_PROBLEM_MAX];
};

static bool store_says(struct store_problem *problem, const char *format, const char *folder,
                       const char *reason) {
    snprintf(problem->text, sizeof problem->text, format, folder, reason);
    return false;
}

/* A server that was just killed holds its lock for a moment longer, until its last thread is gone.
 */
static bool store_wait_for_lock(int lock) {
    const struct timespec pause = {.tv_nsec = STORE_LOCK_PAUSE_NANOSECONDS};
    for (int i = 0; i < STORE_LOCK_TRIES; i++) {
        if (flock(lock, LOCK_EX | LOCK_NB) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

/* The lock is held by the open file, so it ends with the process however that ends. */
static bool store_lock(struct store *store, const char *folder, struct store_problem *problem) {
    if (!path_make_folders(folder))
        return store_says(problem, "cannot make the data folder %s: %s; name another with --data",
                          folder, strerror(errno));
    char *path = path_join(folder, "lock");
    if (path == NULL)
        return store_says(problem, "cannot open the data folder %s: %s", folder, strerror(ENOMEM));
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int reason = errno;
    free(path);
    if (store->lock < 0)
        return store_says(problem,
                          "cannot write in the data folder %s: %s; name another with --data",
                          folder, strerror(reason));
    if (store_wait_for_lock(store->lock))
        return true;
    return store_says(problem,
                      "the data folder %s is in use by another server%s; stop that one, or name "
                      "another folder with --data",
                      folder, "");
}

static int store_count_wal(void *context, sqlite3 *database, const char *name, int pages) {
    (void)database;
    (void)name;
    ((struct store *)context)->wal_pages = pages;
    return SQLITE_OK;
}

static bool store_execute(struct store *store, const char *sql) {
    return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* The first integer of a query's first row; `otherwise` when there is none. */
static int64_t store_integer(struct store *store, const char *sql, int64_t otherwise) {
    sqlite3_stmt *statement;
    int64_t value = otherwise;
    if (sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL) != SQLITE_OK)
        return otherwise;
    if (sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static bool store_make_schema(struct store *store) {
    uint64_t identity;
    if (getrandom(&identity, sizeof identity, 0) != sizeof identity)
        return false;
    char *sql = sqlite3_mprintf("BEGIN IMMEDIATE; %s INSERT INTO log VALUES(%lld);"
                                "PRAGMA user_version=%d; COMMIT",
                                store_schema, (long long)(identity >> 1), STORE_VERSION);
    bool made = sql != NULL && store_execute(store, sql);
    sqlite3_free(sql);
    return made;
}

static bool store_prepare(struct store *store) {
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(store->database, store_statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

static bool store_set_up(struct store *store, const char *folder, struct store_problem *problem) {
    bool set = store_execute(store, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                    "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-16384;");
    int64_t version = set ? store_integer(store, "PRAGMA user_version", -1) : -1;
    if (version == 0)
        set = store_make_schema(store);
    else if (version > STORE_VERSION)
        return store_says(problem,
                          "the data folder %s was written by a newer chat-server%s; use that one",
                          folder, "");
    if (!set || version < 0 || !store_prepare(store))
        return store_says(problem, "cannot use the log in the data folder %s: %s", folder,
                          sqlite3_errmsg(store->database));
    sqlite3_wal_hook(store->database, store_count_wal, store);
    store->identity = (uint64_t)store_integer(store, "SELECT identity FROM log", 0);
    return true;
}

static bool store_open_log(struct store *store, const char *folder, struct store_problem *problem) {
    store->path = path_join(folder, "log.db");
    if (store->path == NULL)
        return store_says(problem, "cannot open the data folder %s: %s", folder, strerror(ENOMEM));
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (sqlite3_open_v2(store->path, &store->database, flags, NULL) != SQLITE_OK)
        return store_says(problem, "cannot open the log in the data folder %s: %s", folder,
                          store->database != NULL ? sqlite3_errmsg(store->database)
                                                  : strerror(ENOMEM));
    return store_set_up(store, folder, problem);
}

struct store *store_open(const char *folder, struct store_problem *problem) {
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        store_says(problem, "cannot open the data folder %s: %s", folder, strerror(ENOMEM));
        return NULL;
    }
    store->lock = -1;
    if (store_lock(store, folder, problem) && store_open_log(store, folder, problem))
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store) {
    if (store == NULL)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    if (store->database != NULL) {
        sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        sqlite3_close(store->database);
    }
    if (store->lock >= 0)
        close(store->lock);
    free(store->path);
    free(store);
}

const char *store_path(const struct store *store) {
    return store->path;
}

uint64_t store_identity(const struct store *store) {
    return store->identity;
}

const char *store_error(const struct store *store) {
    return store->error;
}

int store_wal_pages(const struct store *store) {
    return store->wal_pages;
}

void store_checkpoint(struct store *store) {
    sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static void store_fail(struct store *store) {
    if (!store->failed)
        snprintf(store->error, sizeof store->error, "%s", sqlite3_errmsg(store->database));
    store->failed = true;
}

/* One value to bind: an integer, or bytes when `data` is set. */
struct store_value {
    uint64_t integer;
    const void *data;
    size_t size;
    bool is_text;
};

static struct store_value store_number(uint64_t integer) {
    return (struct store_value){.integer = integer};
}

static struct store_value store_string(const char *string) {
    return (struct store_value){.data = string, .size = strlen(string), .is_text = true};
}

static struct store_value store_blob(const void *data, size_t size) {
    return (struct store_value){.data = data, .size = size};
}

static int store_bind(sqlite3_stmt *statement, int place, struct store_value value) {
    if (value.data == NULL)
        return sqlite3_bind_int64(statement, place, (sqlite3_int64)value.integer);
    if (value.is_text)
        return sqlite3_bind_text64(statement, place, value.data, value.size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    return sqlite3_bind_blob64(statement, place, value.data, value.size, SQLITE_STATIC);
}

/* Runs a statement that returns no rows. */
static void store_run(struct store *store, enum statement which, const struct store_value *values,
                      int count) {
    sqlite3_stmt *statement = store->statements[which];
    if (store->failed)
        return;
    int result = SQLITE_OK;
    for (int i = 0; i < count && result == SQLITE_OK; i++)
        result = store_bind(statement, i + 1, values[i]);
    if (result != SQLITE_OK || sqlite3_step(statement) != SQLITE_DONE)
        store_fail(store);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

/* The transaction begins with the first write, so that a batch without one costs nothing. */
static void store_write(struct store *store, enum statement which, const struct store_value *values,
                        int count) {
    if (!store->in_batch) {
        store_run(store, STATEMENT_BEGIN, NULL, 0);
        store->in_batch = !store->failed;
    }
    store_run(store, which, values, count);
}

void store_begin(struct store *store) {
    store->failed = false;
}

bool store_commit(struct store *store) {
    if (store->in_batch)
        store_run(store, STATEMENT_COMMIT, NULL, 0);
    bool stored = !store->failed;
    if (!stored)
        store_abandon(store);
    store->in_batch = false;
    return stored;
}

void store_abandon(struct store *store) {
    /* A failed commit may have rolled back already. */
    if (store->in_batch && sqlite3_get_autocommit(store->database) == 0) {
        sqlite3_step(store->statements[STATEMENT_ROLLBACK]);
        sqlite3_reset(store->statements[STATEMENT_ROLLBACK]);
    }
    store->in_batch = false;
}

void store_add_segment(struct store *store, const struct segment *segment) {
    const struct store_value values[] = {
        store_number(segment->first_id), store_number(segment->room),
        store_number(segment->last_id), store_blob(segment->bytes, segment->size)};
    store_write(store, STATEMENT_ADD_SEGMENT, values, 4);
}

void store_add_account(struct store *store, uint32_t id, const char *nick,
                       const uint8_t secret_hash[STORE_HASH_BYTES]) {
    const struct store_value values[] = {store_number(id), store_string(nick),
                                         store_blob(secret_hash, STORE_HASH_BYTES)};
    store_write(store, STATEMENT_ADD_ACCOUNT, values, 3);
}

void store_set_nick(struct store *store, uint32_t account, const char *nick) {
    const struct store_value values[] = {store_number(account), store_string(nick)};
    store_write(store, STATEMENT_SET_NICK, values, 2);
}

void store_add_room(struct store *store, uint32_t id, int kind, const char *name) {
    const struct store_value values[] = {store_number(id), store_number((uint64_t)kind),
                                         store_string(name)};
    store_write(store, STATEMENT_ADD_ROOM, values, 3);
}

void store_set_topic(struct store *store, uint32_t room, const char *topic) {
    const struct store_value values[] = {store_number(room), store_string(topic)};
    store_write(store, STATEMENT_SET_TOPIC, values, 2);
}

void store_add_member(struct store *store, uint32_t room, uint32_t account) {
    const struct store_value values[] = {store_number(room), store_number(account)};
    store_write(store, STATEMENT_ADD_MEMBER, values, 2);
}

void store_remove_member(struct store *store, uint32_t room, uint32_t account) {
    const struct store_value values[] = {store_number(room), store_number(account)};
    store_write(store, STATEMENT_REMOVE_MEMBER, values, 2);
}

void store_set_outbox(struct store *store, uint32_t account, uint64_t outbox, uint64_t up_to,
                      uint64_t now) {
    const struct store_value values[] = {store_number(account), store_number(outbox),
                                         store_number(up_to), store_number(now)};
    store_write(store, STATEMENT_SET_OUTBOX, values, 4);
}

void store_expire_outboxes(struct store *store, uint64_t before) {
    const struct store_value values[] = {store_number(before)};
    store_write(store, STATEMENT_EXPIRE_OUTBOXES, values, 1);
}

uint64_t store_last_id(struct store *store) {
    sqlite3_stmt *statement = store->statements[STATEMENT_LAST_ID];
    uint64_t last = 0;
    if (sqlite3_step(statement) == SQLITE_ROW)
        last = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return last;
}

static uint32_t store_column_u32(sqlite3_stmt *row, int column) {
    return (uint32_t)sqlite3_column_int64(row, column);
}

static const char *store_column_text(sqlite3_stmt *row, int column) {
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text != NULL ? text : "";
}

static bool store_visit_account(const struct store_visitor *visitor, sqlite3_stmt *row) {
    return sqlite3_column_bytes(row, 2) == STORE_HASH_BYTES &&
           visitor->account(visitor->context, store_column_u32(row, 0), store_column_text(row, 1),
                            sqlite3_column_blob(row, 2));
}

static bool store_visit_room(const struct store_visitor *visitor, sqlite3_stmt *row) {
    return visitor->room(visitor->context, store_column_u32(row, 0), sqlite3_column_int(row, 1),
                         store_column_text(row, 2), store_column_text(row, 3),
                         (uint64_t)sqlite3_column_int64(row, 4));
}

static bool store_visit_member(const struct store_visitor *visitor, sqlite3_stmt *row) {
    return visitor->member(visitor->context, store_column_u32(row, 0), store_column_u32(row, 1));
}

static bool store_visit_outbox(const struct store_visitor *visitor, sqlite3_stmt *row) {
    return visitor->outbox(visitor->context, store_column_u32(row, 0),
                           (uint64_t)sqlite3_column_int64(row, 1),
                           (uint64_t)sqlite3_column_int64(row, 2));
}

/* In this order each row finds what it refers to. */
static const struct {
    enum statement statement;
    bool (*visit)(const struct store_visitor *visitor, sqlite3_stmt *row);
} store_tour[] = {
    {STATEMENT_ACCOUNTS, store_visit_account},
    {STATEMENT_ROOMS, store_visit_room},
    {STATEMENT_MEMBERS, store_visit_member},
    {STATEMENT_OUTBOXES, store_visit_outbox},
};

bool store_visit(struct store *store, const struct store_visitor *visitor) {
    for (size_t i = 0; i < sizeof store_tour / sizeof *store_tour; i++) {
        sqlite3_stmt *statement = store->statements[store_tour[i].statement];
        int result;
        while ((result = sqlite3_step(statement)) == SQLITE_ROW)
            if (!store_tour[i].visit(visitor, statement))
                break;
        if (result != SQLITE_DONE)
            store_fail(store);
        sqlite3_reset(statement);
        if (result != SQLITE_DONE)
            return false;
    }
    return true;
}
