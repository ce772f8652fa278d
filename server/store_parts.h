/* Private to store.c and store_open.c: the log engine's own struct and its statements. */
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

/* What each statement says in SQL; store.c. */
extern const char *const store_statements[STATEMENT_COUNT];

#endif
