/* Private to the log engine's own files: its struct and its statements. store.c has what is common
 * and most of what is stored, store_devices.c who is let in, store_rights.c who may what,
 * store_open.c how it is opened. */
#ifndef SERVER_STORE_PARTS_H
#define SERVER_STORE_PARTS_H

#include "store.h"

#include <sqlite3.h>
#include <sys/stat.h>

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
    STATEMENT_FORGET_OUTBOXES,
    STATEMENT_LAST_ID,
    STATEMENT_ACCOUNTS,
    STATEMENT_ROOMS,
    STATEMENT_MEMBERS,
    STATEMENT_OUTBOXES,
    STATEMENT_FIND_SEGMENT,
    STATEMENT_FIND_IN_ROOM,
    STATEMENT_PUT_SEGMENT,
    STATEMENT_EDIT_OF,
    STATEMENT_FIRST_EDIT,
    STATEMENT_SET_EDIT,
    STATEMENT_REMOVE_EDIT,
    STATEMENT_FIRST_SEGMENT,
    STATEMENT_REMOVE_SEGMENT,
    STATEMENT_SET_REMOVED,
    STATEMENT_SET_CUT,
    STATEMENT_RULE,
    STATEMENT_SET_OWNER,
    STATEMENT_SET_ADMISSION,
    STATEMENT_DEVICES,
    STATEMENT_ADD_DEVICE,
    STATEMENT_REMOVE_DEVICE,
    STATEMENT_ADD_CODE,
    STATEMENT_FIND_CODE,
    STATEMENT_REMOVE_CODE,
    STATEMENT_FORGET_CODES,
    STATEMENT_SET_ACCESS,
    STATEMENT_SET_ROOM_OWNER,
    STATEMENT_MARKS,
    STATEMENT_SET_MARKS,
    STATEMENT_REMOVE_MARKS,
    STATEMENT_BLOCKS,
    STATEMENT_ADD_BLOCK,
    STATEMENT_REMOVE_BLOCK,
    STATEMENT_COUNT
};

struct store {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char *path;
    char *wal_path;
    int lock;
    uint64_t identity;
    uint64_t epoch;
    int wal_pages;
    struct stat file; /* the log's file and its write-ahead log, as they were when opened */
    struct stat wal;
    bool noted; /* that is known */
    bool in_batch;
    bool failed;
    char error[STORE_PROBLEM_MAX];
};

/* Runs SQL that returns nothing; store_open.c. */
bool store_execute(struct store *store, const char *sql);

/* Remembers which files the log is in, so that a commit sees when they are gone; store.c. */
void store_note_files(struct store *store);

/* One value to bind: an integer, or bytes when `data` is set. */
struct store_value {
    uint64_t integer;
    const void *data;
    size_t size;
    bool is_text;
};
struct store_value store_number(uint64_t integer);
struct store_value store_string(const char *string);
struct store_value store_blob(const void *data, size_t size);

/* Runs a statement that returns no rows, in the batch's transaction. */
void store_write(struct store *store, enum statement which, const struct store_value *values,
                 int count);
/* Latches what SQLite says as the batch's failure. */
void store_fail(struct store *store);

uint32_t store_column_u32(sqlite3_stmt *row, int column);
const char *store_column_text(sqlite3_stmt *row, int column);

/* store_devices.c: rows for the visitor. */
bool store_visit_device(const struct store_visitor *visitor, sqlite3_stmt *row);
bool store_visit_rule(const struct store_visitor *visitor, sqlite3_stmt *row);
/* store_rights.c */
bool store_visit_marks(const struct store_visitor *visitor, sqlite3_stmt *row);
bool store_visit_block(const struct store_visitor *visitor, sqlite3_stmt *row);

/* What each statement says in SQL; store.c. */
extern const char *const store_statements[STATEMENT_COUNT];

#endif
