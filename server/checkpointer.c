#include "checkpointer.h"
#include "nudge.h"
#include "page_guard.h"
#include "thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct checkpointer {
    pthread_t thread;
    struct nudge nudge;
    sqlite3 *database;
};

static void *checkpointer_run(void *context) {
    struct checkpointer *checkpointer = context;
    uint64_t seen = 0;
    while (nudge_wait(&checkpointer->nudge, &seen, -1))
        sqlite3_wal_checkpoint_v2(checkpointer->database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                  NULL);
    return NULL;
}

static void checkpointer_free(struct checkpointer *checkpointer) {
    sqlite3_close(checkpointer->database);
    nudge_free(&checkpointer->nudge);
    free(checkpointer);
}

struct checkpointer *checkpointer_start(const char *log_path) {
    struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);
    if (checkpointer == NULL)
        return NULL;
    nudge_init(&checkpointer->nudge);
    /* A connection that has read nothing does not know of the write-ahead log, and checkpoints
     * nothing. */
    bool ready = page_guard_open(log_path, &checkpointer->database,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX) == SQLITE_OK &&
                 sqlite3_exec(checkpointer->database,
                              "PRAGMA wal_autocheckpoint=0; SELECT count(*) FROM log", NULL, NULL,
                              NULL) == SQLITE_OK;
    if (ready &&
        thread_start(&checkpointer->thread, "checkpointer", checkpointer_run, checkpointer))
        return checkpointer;
    checkpointer_free(checkpointer);
    return NULL;
}

void checkpointer_raise(struct checkpointer *checkpointer, uint64_t commit) {
    nudge_raise(&checkpointer->nudge, commit);
}

void checkpointer_stop(struct checkpointer *checkpointer) {
    if (checkpointer == NULL)
        return;
    nudge_stop(&checkpointer->nudge);
    pthread_join(checkpointer->thread, NULL);
    checkpointer_free(checkpointer);
}
