#include "store_parts.h"
#include "schema.h"

#include <stdio.h>
#include <string.h>

enum { STORE_PURGE_MILLISECONDS = 50 };

const char *const store_statements[STATEMENT_COUNT] = {
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
    [STATEMENT_FORGET_OUTBOXES] =
        ("DELETE FROM outboxes WHERE (account, outbox) IN (SELECT account, outbox FROM"
         " (SELECT account, outbox, row_number() OVER (PARTITION BY account ORDER BY used DESC)"
         " AS place FROM outboxes) WHERE place>?)"),
    [STATEMENT_LAST_ID] = "SELECT max(cut, coalesce((SELECT last_id FROM segments"
                          " ORDER BY first_id DESC LIMIT 1), 0)) FROM log",
    [STATEMENT_ACCOUNTS] = "SELECT id, nick, secret_hash FROM accounts ORDER BY id",
    [STATEMENT_ROOMS] =
        "SELECT id, kind, name, topic, owner, coalesce(last_id, 0),"
        " coalesce(messages, removed), removed, access FROM rooms LEFT JOIN segments ON first_id="
        "(SELECT max(first_id) FROM segments WHERE room=rooms.id) ORDER BY id",
    [STATEMENT_MEMBERS] = "SELECT room, account, read, messages FROM members"
                          " ORDER BY room, account",
    [STATEMENT_OUTBOXES] = "SELECT account, outbox, up_to FROM outboxes",
    [STATEMENT_FIND_SEGMENT] = "SELECT first_id, last_id, room, messages, bytes FROM segments"
                               " WHERE first_id<=? ORDER BY first_id DESC LIMIT 1",
    [STATEMENT_FIND_IN_ROOM] = "SELECT first_id, last_id, room, messages, bytes FROM segments"
                               " WHERE room=?2 AND first_id<=?1 ORDER BY first_id DESC LIMIT 1",
    [STATEMENT_PUT_SEGMENT] = "REPLACE INTO segments VALUES(?,?,?,?,?)",
    [STATEMENT_EDIT_OF] = "SELECT target, id FROM edits WHERE target=?",
    [STATEMENT_FIRST_EDIT] = "SELECT target, id FROM edits WHERE target<=? ORDER BY target LIMIT 1",
    [STATEMENT_SET_EDIT] = "REPLACE INTO edits VALUES(?,?)",
    [STATEMENT_REMOVE_EDIT] = "DELETE FROM edits WHERE target=?",
    [STATEMENT_FIRST_SEGMENT] = "SELECT first_id, last_id, room, messages, bytes FROM segments"
                                " WHERE first_id>? ORDER BY first_id LIMIT 1",
    [STATEMENT_REMOVE_SEGMENT] = "DELETE FROM segments WHERE first_id=?",
    [STATEMENT_SET_REMOVED] = "UPDATE rooms SET removed=?2 WHERE id=?1",
    [STATEMENT_SET_CUT] = "UPDATE log SET cut=?",
    [STATEMENT_RULE] = "SELECT owner, admission FROM log",
    [STATEMENT_SET_OWNER] = "UPDATE log SET owner=?",
    [STATEMENT_SET_ADMISSION] = "UPDATE log SET admission=?",
    [STATEMENT_DEVICES] = "SELECT hash, account, number, name, added, removed FROM devices"
                          " ORDER BY account, number",
    [STATEMENT_ADD_DEVICE] = "REPLACE INTO devices VALUES(?,?,?,?,?,0)",
    [STATEMENT_REMOVE_DEVICE] = "UPDATE devices SET removed=1 WHERE hash=?",
    [STATEMENT_ADD_CODE] = "INSERT INTO codes VALUES(?,?,?)",
    [STATEMENT_FIND_CODE] = "SELECT account, until FROM codes WHERE hash=?",
    [STATEMENT_REMOVE_CODE] = "DELETE FROM codes WHERE hash=?",
    [STATEMENT_SET_ACCESS] = "UPDATE rooms SET access=?2 WHERE id=?1",
    [STATEMENT_SET_ROOM_OWNER] = "UPDATE rooms SET owner=?2 WHERE id=?1",
    [STATEMENT_MARKS] = "SELECT room, account, standing FROM standings ORDER BY room, account",
    [STATEMENT_SET_MARKS] = "REPLACE INTO standings VALUES(?,?,?)",
    [STATEMENT_REMOVE_MARKS] = "DELETE FROM standings WHERE room=? AND account=?",
    [STATEMENT_BLOCKS] = "SELECT account, blocked FROM blocks",
    [STATEMENT_ADD_BLOCK] = "REPLACE INTO blocks VALUES(?,?)",
    [STATEMENT_REMOVE_BLOCK] = "DELETE FROM blocks WHERE account=? AND blocked=?",
    [STATEMENT_FORGET_CODES] = "DELETE FROM codes WHERE until<=?2 OR (account=?1 AND account>0)",
};

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

void store_fail(struct store *store) {
    if (!store->failed)
        snprintf(store->error, sizeof store->error, "%s", sqlite3_errmsg(store->database));
    store->failed = true;
}

uint32_t store_column_u32(sqlite3_stmt *row, int column) {
    return (uint32_t)sqlite3_column_int64(row, column);
}

const char *store_column_text(sqlite3_stmt *row, int column) {
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text != NULL ? text : "";
}

struct store_value store_number(uint64_t integer) {
    return (struct store_value){.integer = integer};
}

struct store_value store_string(const char *string) {
    return (struct store_value){.data = string, .size = strlen(string), .is_text = true};
}

struct store_value store_blob(const void *data, size_t size) {
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
void store_write(struct store *store, enum statement which, const struct store_value *values,
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
    sqlite3_reset(store->statements[STATEMENT_FIRST_SEGMENT]);
}

void store_begin(struct store *store) {
    store->failed = false;
}

/* A commit that failed in its sync stands in the write-ahead log as if it had worked: the next
 * start would bring back what was refused. The version, as it is, is written over it, which need
 * not last: with the power gone, so is that commit. */
static void store_disown(struct store *store) {
    char again[48];
    snprintf(again, sizeof again, "PRAGMA user_version=%d", SCHEMA_VERSION);
    store_execute(store, "PRAGMA synchronous=OFF");
    store_execute(store, again);
    store_execute(store, "PRAGMA synchronous=FULL");
}

void store_note_files(struct store *store) {
    store->noted = stat(store->path, &store->file) == 0 && stat(store->wal_path, &store->wal) == 0;
}

static bool store_is_in_place(const struct store *store) {
    struct stat file, wal;
    return stat(store->path, &file) == 0 && stat(store->wal_path, &wal) == 0 &&
           file.st_ino == store->file.st_ino && file.st_dev == store->file.st_dev &&
           wal.st_ino == store->wal.st_ino && wal.st_dev == store->wal.st_dev;
}

/* What is written to a file that has been removed is gone with the process. */
static void store_look(struct store *store) {
    if (store->failed || !store->noted || store_is_in_place(store))
        return;
    snprintf(store->error, sizeof store->error,
             "log.db or log.db-wal was moved or removed while in use; put it back, or restart");
    store->failed = true;
}

bool store_commit(struct store *store) {
    store_let_go(store);
    if (store->in_batch)
        store_look(store);
    bool committing = store->in_batch && !store->failed;
    if (committing)
        store_run(store, STATEMENT_COMMIT, NULL, 0);
    bool stored = !store->failed;
    if (!stored)
        store_abandon(store);
    if (!stored && committing)
        store_disown(store);
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
                      uint64_t used) {
    const struct store_value values[] = {store_number(account), store_number(outbox),
                                         store_number(up_to), store_number(used)};
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

void store_put_segment(struct store *store, const struct stored_segment *segment) {
    const struct store_value values[] = {
        store_number(segment->first_id), store_number(segment->room),
        store_number(segment->last_id), store_number(segment->messages),
        store_blob(segment->frames.data, segment->frames.size)};
    store_let_go(store);
    store_write(store, STATEMENT_PUT_SEGMENT, values, 5);
}

bool store_first_segment(struct store *store, uint64_t after, struct stored_segment *segment) {
    store_let_go(store);
    return store_step_segment(store, store->statements[STATEMENT_FIRST_SEGMENT], after, segment);
}

void store_remove_segment(struct store *store, uint64_t first_id) {
    const struct store_value value = store_number(first_id);
    store_let_go(store);
    store_write(store, STATEMENT_REMOVE_SEGMENT, &value, 1);
}

void store_set_removed(struct store *store, uint32_t room, uint64_t removed) {
    const struct store_value values[] = {store_number(room), store_number(removed)};
    store_write(store, STATEMENT_SET_REMOVED, values, 2);
}

void store_set_cut(struct store *store, uint64_t cut) {
    const struct store_value value = store_number(cut);
    store_write(store, STATEMENT_SET_CUT, &value, 1);
}

static bool store_step_edit(struct store *store, enum statement which, uint64_t target,
                            struct stored_edit *edit) {
    sqlite3_stmt *row = store->statements[which];
    if (store->failed)
        return false;
    sqlite3_bind_int64(row, 1, (sqlite3_int64)target);
    int result = sqlite3_step(row);
    if (result == SQLITE_ROW)
        *edit = (struct stored_edit){(uint64_t)sqlite3_column_int64(row, 0),
                                     (uint64_t)sqlite3_column_int64(row, 1)};
    else if (result != SQLITE_DONE)
        store_fail(store);
    sqlite3_reset(row);
    return result == SQLITE_ROW;
}

bool store_edit_of(struct store *store, uint64_t target, struct stored_edit *edit) {
    return store_step_edit(store, STATEMENT_EDIT_OF, target, edit);
}

bool store_first_edit(struct store *store, uint64_t up_to, struct stored_edit *edit) {
    return store_step_edit(store, STATEMENT_FIRST_EDIT, up_to, edit);
}

void store_set_edit(struct store *store, const struct stored_edit *edit) {
    const struct store_value values[] = {store_number(edit->target), store_number(edit->id)};
    store_write(store, STATEMENT_SET_EDIT, values, 2);
}

void store_remove_edit(struct store *store, uint64_t target) {
    const struct store_value value = store_number(target);
    store_write(store, STATEMENT_REMOVE_EDIT, &value, 1);
}

bool store_purge(struct store *store) {
    /* Its own readers are done in a moment; nothing else is worth making posts wait for. */
    sqlite3_busy_timeout(store->database, STORE_PURGE_MILLISECONDS);
    int result =
        sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(store->database, 0);
    return result == SQLITE_OK;
}

void store_forget_outboxes(struct store *store, uint64_t kept) {
    const struct store_value values[] = {store_number(kept)};
    store_write(store, STATEMENT_FORGET_OUTBOXES, values, 1);
}

bool store_last_id(struct store *store, uint64_t *last_id) {
    sqlite3_stmt *row = store->statements[STATEMENT_LAST_ID];
    bool read = sqlite3_step(row) == SQLITE_ROW;
    if (read)
        *last_id = (uint64_t)sqlite3_column_int64(row, 0);
    else
        store_fail(store);
    sqlite3_reset(row);
    return read;
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
                                     .messages = (uint64_t)sqlite3_column_int64(row, 6),
                                     .removed = (uint64_t)sqlite3_column_int64(row, 7),
                                     .access = store_column_u32(row, 8)};
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
    {STATEMENT_ACCOUNTS, store_visit_account}, {STATEMENT_ROOMS, store_visit_room},
    {STATEMENT_MEMBERS, store_visit_member},   {STATEMENT_OUTBOXES, store_visit_outbox},
    {STATEMENT_DEVICES, store_visit_device},   {STATEMENT_RULE, store_visit_rule},
    {STATEMENT_MARKS, store_visit_marks},      {STATEMENT_BLOCKS, store_visit_block},
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
