#include "store.h"
#include "folder.h"
#include "inspect.h"
#include "page_guard.h"
#include "paths.h"
#include "schema.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_INSPECT_BYTES = 16 << 20 };

#define STORE_DAMAGED                                                                              \
    "the log in the data folder %s is damaged: %s; put a backup in its place (chat-server(8))"
#define STORE_UNUSABLE "cannot use the log in the data folder %s: %s"

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_ADD_SEGMENT,
    STATEMENT_ADD_ACCOUNT,
    STATEMENT_SET_NICK,
    STATEMENT_ADD_ROOM,
    STATEMENT_SET_TOPIC,
    STATEMENT_SET_MEMBER,
    STATEMENT_REMOVE_MEMBER,
    STATEMENT_SET_OUTBOX,
    STATEMENT_EXPIRE_OUTBOXES,
    STATEMENT_LAST_ID,
    STATEMENT_ACCOUNTS,
    STATEMENT_ROOMS,
    STATEMENT_MEMBERS,
    STATEMENT_OUTBOXES,
    STATEMENT_FIND_SEGMENT,
    STATEMENT_FIND_IN_ROOM,
    STATEMENT_SET_SEGMENT,
    STATEMENT_ADD_AMENDMENT,
    STATEMENT_AMENDMENT_AFTER,
    STATEMENT_COUNT
};

static const char *const store_statements[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_ADD_SEGMENT] = "INSERT INTO segments VALUES(?,?,?,?,?)",
    [STATEMENT_ADD_ACCOUNT] = "INSERT INTO accounts VALUES(?,?,?)",
    [STATEMENT_SET_NICK] = "UPDATE accounts SET nick=?2 WHERE id=?1",
    [STATEMENT_ADD_ROOM] = "INSERT INTO rooms(id, kind, name, owner) VALUES(?,?,?,?)",
    [STATEMENT_SET_TOPIC] = "UPDATE rooms SET topic=?2 WHERE id=?1",
    [STATEMENT_SET_MEMBER] = "INSERT INTO members VALUES(?,?,?,?) ON CONFLICT DO UPDATE"
                             " SET read=excluded.read, messages=excluded.messages",
    [STATEMENT_REMOVE_MEMBER] = "DELETE FROM members WHERE room=? AND account=?",
    [STATEMENT_SET_OUTBOX] = "INSERT INTO outboxes VALUES(?,?,?,?) ON CONFLICT DO UPDATE"
                             " SET up_to=excluded.up_to, used=excluded.used",
    [STATEMENT_EXPIRE_OUTBOXES] = "DELETE FROM outboxes WHERE used < ?",
    [STATEMENT_LAST_ID] = "SELECT last_id FROM segments ORDER BY first_id DESC LIMIT 1",
    [STATEMENT_ACCOUNTS] = "SELECT id, nick, secret_hash FROM accounts ORDER BY id",
    [STATEMENT_ROOMS] = "SELECT id, kind, name, topic, owner, coalesce(last_id, 0),"
                        " coalesce(segments.messages, rooms.messages)"
                        " FROM rooms LEFT JOIN segments ON first_id="
                        "(SELECT max(first_id) FROM segments WHERE room=rooms.id) ORDER BY id",
    [STATEMENT_MEMBERS] = "SELECT room, account, read, messages FROM members"
                          " ORDER BY room, account",
    [STATEMENT_OUTBOXES] = "SELECT account, outbox, up_to FROM outboxes",
    [STATEMENT_FIND_SEGMENT] = "SELECT first_id, last_id, room, messages, bytes FROM segments"
                               " WHERE first_id<=? ORDER BY first_id DESC LIMIT 1",
    [STATEMENT_FIND_IN_ROOM] = "SELECT first_id, last_id, room, messages, bytes FROM segments"
                               " WHERE room=?2 AND first_id<=?1 ORDER BY first_id DESC LIMIT 1",
    [STATEMENT_SET_SEGMENT] = "UPDATE segments SET bytes=?2 WHERE first_id=?1",
    [STATEMENT_ADD_AMENDMENT] = "INSERT INTO amendments VALUES(?,?)",
    [STATEMENT_AMENDMENT_AFTER] = "SELECT min(id) FROM amendments WHERE target=? AND id>?",
};

struct store {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char *path;
    int lock;
    uint64_t identity;
    uint64_t epoch;
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

static int store_count_wal(void *context, sqlite3 *database, const char *name, int pages) {
    (void)database;
    (void)name;
    ((struct store *)context)->wal_pages = pages;
    return SQLITE_OK;
}

static bool store_execute(struct store *store, const char *sql) {
    return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* What SQLite says about the file becomes the reason not to start. */
static bool store_is_damaged(struct store *store, const char *folder,
                             struct store_problem *problem) {
    int code = sqlite3_extended_errcode(store->database);
    bool damaged = (code & 0xFF) == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
                   code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_SHORT_READ ||
                   (code & 0xFF) == SQLITE_ERROR;
    return store_says(problem, damaged ? STORE_DAMAGED : STORE_UNUSABLE, folder,
                      code == SQLITE_IOERR_DATA ? "a page does not match its checksum"
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

static bool store_prepare(struct store *store) {
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(store->database, store_statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

/* The log's file as this version writes it: made, or brought up from an older one. */
static bool store_bring_up(struct store *store, const char *folder, struct store_problem *problem) {
    int version = schema_version(store->database);
    if (version > SCHEMA_VERSION)
        return store_says(problem,
                          "the data folder %s was written by a newer chat-server%s; use that one",
                          folder, "");
    if (version == 0)
        return store_says(problem, "the file log.db in the data folder %s is not a log%s", folder,
                          "");
    if (version == SCHEMA_VERSION)
        return true;
    char reason[INSPECT_PROBLEM_MAX];
    if (version > 0 && !schema_upgrade(store->database, reason, sizeof reason))
        return store_says(problem, STORE_UNUSABLE, folder, reason);
    /* The checksums come with the copy that VACUUM makes of every page. */
    if (version > 0 && page_guard_request(store->database) &&
        store_execute(store, "PRAGMA journal_mode=DELETE; VACUUM"))
        return true;
    return store_is_damaged(store, folder, problem);
}

/* A log that is read in a blink is read whole before anyone is served from it; a larger one is read
 * meanwhile, see scrubber.h. */
static bool store_inspect(struct store *store, const char *folder, struct store_problem *problem) {
    struct inspection inspection;
    struct stat status;
    if (stat(store->path, &status) != 0 || status.st_size > STORE_INSPECT_BYTES)
        return true;
    if (inspect_database(store->database, &inspection))
        return true;
    return store_says(problem, STORE_DAMAGED, folder, inspection.problem);
}

static bool store_set_up(struct store *store, const char *folder, struct store_problem *problem) {
    bool ready = store_execute(store, "PRAGMA secure_delete=ON; PRAGMA synchronous=FULL") &&
                 store_bring_up(store, folder, problem) && problem->text[0] == '\0';
    if (!ready)
        return problem->text[0] == '\0' ? store_is_damaged(store, folder, problem) : false;
    if (!store_execute(store, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                              "PRAGMA cache_size=-16384") ||
        !store_prepare(store))
        return store_is_damaged(store, folder, problem);
    if (!store_inspect(store, folder, problem))
        return false;
    sqlite3_wal_hook(store->database, store_count_wal, store);
    return store_read_identity(store) || store_is_damaged(store, folder, problem);
}

static bool store_open_log(struct store *store, const char *folder, struct store_problem *problem) {
    struct stat status;
    store->path = path_join(folder, "log.db");
    if (store->path == NULL)
        return store_says(problem, "cannot open the data folder %s: %s", folder, strerror(ENOMEM));
    bool there = lstat(store->path, &status) == 0;
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

uint64_t store_epoch(const struct store *store) {
    return store->epoch;
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

static uint32_t store_column_u32(sqlite3_stmt *row, int column) {
    return (uint32_t)sqlite3_column_int64(row, column);
}

static const char *store_column_text(sqlite3_stmt *row, int column) {
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text != NULL ? text : "";
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

/* A statement that still stands on a row would keep the batch open. */
static void store_let_go(struct store *store) {
    sqlite3_reset(store->statements[STATEMENT_FIND_SEGMENT]);
    sqlite3_reset(store->statements[STATEMENT_FIND_IN_ROOM]);
}

void store_begin(struct store *store) {
    store->failed = false;
}

bool store_commit(struct store *store) {
    store_let_go(store);
    if (store->in_batch)
        store_run(store, STATEMENT_COMMIT, NULL, 0);
    bool stored = !store->failed;
    if (!stored)
        store_abandon(store);
    store->in_batch = false;
    return stored;
}

void store_abandon(struct store *store) {
    store_let_go(store);
    /* A failed commit may have rolled back already. */
    if (store->in_batch && sqlite3_get_autocommit(store->database) == 0) {
        sqlite3_step(store->statements[STATEMENT_ROLLBACK]);
        sqlite3_reset(store->statements[STATEMENT_ROLLBACK]);
    }
    store->in_batch = false;
}

void store_add_segment(struct store *store, const struct segment *segment, uint64_t messages) {
    const struct store_value values[] = {store_number(segment->first_id),
                                         store_number(segment->room),
                                         store_number(segment->last_id), store_number(messages),
                                         store_blob(segment->bytes, segment->size)};
    store_write(store, STATEMENT_ADD_SEGMENT, values, 5);
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

void store_add_room(struct store *store, uint32_t id, int kind, const char *name, uint32_t owner) {
    const struct store_value values[] = {store_number(id), store_number((uint64_t)kind),
                                         store_string(name), store_number(owner)};
    store_write(store, STATEMENT_ADD_ROOM, values, 4);
}

void store_set_topic(struct store *store, uint32_t room, const char *topic) {
    const struct store_value values[] = {store_number(room), store_string(topic)};
    store_write(store, STATEMENT_SET_TOPIC, values, 2);
}

void store_set_member(struct store *store, const struct stored_member *member) {
    const struct store_value values[] = {store_number(member->room), store_number(member->account),
                                         store_number(member->read),
                                         store_number(member->messages)};
    store_write(store, STATEMENT_SET_MEMBER, values, 4);
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

static bool store_step_segment(struct store *store, sqlite3_stmt *row, uint64_t id,
                               struct stored_segment *segment) {
    sqlite3_bind_int64(row, 1, id > INT64_MAX ? INT64_MAX : (sqlite3_int64)id);
    int result = sqlite3_step(row);
    if (result == SQLITE_ROW)
        *segment = (struct stored_segment){
            .first_id = (uint64_t)sqlite3_column_int64(row, 0),
            .last_id = (uint64_t)sqlite3_column_int64(row, 1),
            .room = store_column_u32(row, 2),
            .messages = (uint64_t)sqlite3_column_int64(row, 3),
            .frames = {sqlite3_column_blob(row, 4), (size_t)sqlite3_column_bytes(row, 4)}};
    else if (result != SQLITE_DONE)
        store_fail(store);
    return result == SQLITE_ROW;
}

bool store_find_segment(struct store *store, uint64_t id, struct stored_segment *segment) {
    store_let_go(store);
    return store_step_segment(store, store->statements[STATEMENT_FIND_SEGMENT], id, segment) &&
           segment->last_id >= id;
}

bool store_find_in_room(struct store *store, uint32_t room, uint64_t id,
                        struct stored_segment *segment) {
    store_let_go(store);
    sqlite3_bind_int64(store->statements[STATEMENT_FIND_IN_ROOM], 2, room);
    return store_step_segment(store, store->statements[STATEMENT_FIND_IN_ROOM], id, segment);
}

void store_set_segment(struct store *store, uint64_t first_id, struct wire_blob frames) {
    const struct store_value values[] = {store_number(first_id),
                                         store_blob(frames.data, frames.size)};
    store_let_go(store);
    store_write(store, STATEMENT_SET_SEGMENT, values, 2);
}

void store_add_amendment(struct store *store, uint64_t target, uint64_t id) {
    const struct store_value values[] = {store_number(target), store_number(id)};
    store_write(store, STATEMENT_ADD_AMENDMENT, values, 2);
}

uint64_t store_amendment_after(struct store *store, uint64_t target, uint64_t after) {
    sqlite3_stmt *row = store->statements[STATEMENT_AMENDMENT_AFTER];
    uint64_t id = 0;
    sqlite3_bind_int64(row, 1, (sqlite3_int64)target);
    sqlite3_bind_int64(row, 2, (sqlite3_int64)after);
    int result = sqlite3_step(row);
    if (result == SQLITE_ROW)
        id = (uint64_t)sqlite3_column_int64(row, 0);
    else
        store_fail(store);
    sqlite3_reset(row);
    return id;
}

bool store_purge(struct store *store) {
    return sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                     NULL) == SQLITE_OK;
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

static bool store_visit_account(const struct store_visitor *visitor, sqlite3_stmt *row) {
    return sqlite3_column_bytes(row, 2) == STORE_HASH_BYTES &&
           visitor->account(visitor->context, store_column_u32(row, 0), store_column_text(row, 1),
                            sqlite3_column_blob(row, 2));
}

static bool store_visit_room(const struct store_visitor *visitor, sqlite3_stmt *row) {
    const struct stored_room room = {.id = store_column_u32(row, 0),
                                     .kind = sqlite3_column_int(row, 1),
                                     .name = store_column_text(row, 2),
                                     .topic = store_column_text(row, 3),
                                     .owner = store_column_u32(row, 4),
                                     .newest = (uint64_t)sqlite3_column_int64(row, 5),
                                     .messages = (uint64_t)sqlite3_column_int64(row, 6)};
    return visitor->room(visitor->context, &room);
}

static bool store_visit_member(const struct store_visitor *visitor, sqlite3_stmt *row) {
    const struct stored_member member = {.room = store_column_u32(row, 0),
                                         .account = store_column_u32(row, 1),
                                         .read = (uint64_t)sqlite3_column_int64(row, 2),
                                         .messages = (uint64_t)sqlite3_column_int64(row, 3)};
    return visitor->member(visitor->context, &member);
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
