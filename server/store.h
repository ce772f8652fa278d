/* The embedded log engine: SQLite with one writing handle. Everything below `store_open` is the log
 * thread's alone. Writes of one batch lie between store_begin and store_commit; the first that
 * fails latches a failure, the rest do nothing, and the commit then rolls back and says so. */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include "segment.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

enum { STORE_HASH_BYTES = 32, STORE_VERSION = 1, STORE_PROBLEM_MAX = 512 };

struct store;

struct store_problem {
    char text[STORE_PROBLEM_MAX];
};

/* Opens or makes the data folder, takes its lock, opens or makes the log. NULL with the problem. */
struct store *store_open(const char *folder, struct store_problem *problem);

/* Checkpoints, closes, and gives the lock back. */
void store_close(struct store *store);

/* Path of the log's file, for the read-only handles of other threads. */
const char *store_path(const struct store *store);

/* Random number made with the log; the log's identity. */
uint64_t store_identity(const struct store *store);

/* Highest id in the log, 0 when empty. */
uint64_t store_last_id(struct store *store);

/* Walks what is stored, for start-up. Strings are valid during the call. False on a read error. */
struct store_visitor {
    void *context;
    bool (*account)(void *context, uint32_t id, const char *nick, const uint8_t *secret_hash);
    bool (*room)(void *context, uint32_t id, int kind, const char *name, const char *topic,
                 uint64_t newest);
    bool (*member)(void *context, uint32_t room, uint32_t account);
    bool (*outbox)(void *context, uint32_t account, uint64_t outbox, uint64_t up_to);
};
bool store_visit(struct store *store, const struct store_visitor *visitor);

void store_begin(struct store *store);
bool store_commit(struct store *store);  /* false: nothing of the batch was stored */
void store_abandon(struct store *store); /* rolls the batch back */

void store_add_segment(struct store *store, const struct segment *segment);
void store_add_account(struct store *store, uint32_t id, const char *nick,
                       const uint8_t secret_hash[STORE_HASH_BYTES]);
void store_set_nick(struct store *store, uint32_t account, const char *nick);
void store_add_room(struct store *store, uint32_t id, int kind, const char *name);
void store_set_topic(struct store *store, uint32_t room, const char *topic);
void store_add_member(struct store *store, uint32_t room, uint32_t account);
void store_remove_member(struct store *store, uint32_t room, uint32_t account);
void store_set_outbox(struct store *store, uint32_t account, uint64_t outbox, uint64_t up_to,
                      uint64_t now);

/* Forgets outboxes last used before `before` (milliseconds since 1970). */
void store_expire_outboxes(struct store *store, uint64_t before);

/* Pages in the write-ahead log after the last commit. */
int store_wal_pages(const struct store *store);

/* Moves what it can of the write-ahead log into the database, without waiting for readers. */
void store_checkpoint(struct store *store);

/* What went wrong last, for people. */
const char *store_error(const struct store *store);

#endif
