/* The embedded log engine: SQLite with one writing handle. Everything below `store_open` is the log
 * thread's alone. Writes of one batch lie between store_begin and store_commit; the first that
 * fails latches a failure, the rest do nothing, and the commit then rolls back and says so. */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include "segment.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

enum { STORE_HASH_BYTES = 32, STORE_PROBLEM_MAX = 512 };

struct store;

struct store_problem {
    char text[STORE_PROBLEM_MAX];
};

/* Opens or makes the data folder, takes its lock, opens or makes the log, brings an older one up.
 * NULL with the problem: a log that is damaged or newer is left as it is. */
struct store *store_open(const char *folder, struct store_problem *problem);

/* Checkpoints, closes, and gives the lock back. */
void store_close(struct store *store);

/* Path of the log's file, for the read-only handles of other threads. */
const char *store_path(const struct store *store);

/* Random number made with the log; the log's identity. */
uint64_t store_identity(const struct store *store);

/* Another random number, which a restored backup does not share with what came after it. */
uint64_t store_epoch(const struct store *store);

/* Highest id the log has ever had, 0 when there was none. False when it cannot be read. */
bool store_last_id(struct store *store, uint64_t *last_id);

/* Walks what is stored, for start-up. Strings are valid during the call. False on a read error. */
struct stored_room {
    uint32_t id;
    int kind;
    const char *name;
    const char *topic;
    uint32_t owner;
    unsigned access;
    uint64_t newest;
    uint64_t messages; /* how many it ever had */
    uint64_t removed;  /* how many of them retention has removed */
};

struct stored_member {
    uint32_t room;
    uint32_t account;
    uint64_t read;
    uint64_t messages;
};

struct stored_device {
    uint8_t key[STORE_HASH_BYTES]; /* SHA-256 of the public key */
    uint32_t account;
    uint32_t number;
    const char *name;
    uint64_t added;
    bool removed; /* the key lets nobody in any more */
};

struct store_visitor {
    void *context;
    bool (*account)(void *context, uint32_t id, const char *nick, const uint8_t *secret_hash);
    bool (*room)(void *context, const struct stored_room *room);
    bool (*member)(void *context, const struct stored_member *member);
    bool (*outbox)(void *context, uint32_t account, uint64_t outbox, uint64_t up_to);
    bool (*device)(void *context, const struct stored_device *device);
    bool (*rule)(void *context, uint32_t owner, int admission); /* of the server */
    bool (*marks)(void *context, uint32_t room, uint32_t account, unsigned marks);
    bool (*block)(void *context, uint32_t account, uint32_t other);
};
bool store_visit(struct store *store, const struct store_visitor *visitor);

void store_begin(struct store *store);
bool store_commit(struct store *store);  /* false: nothing of the batch was stored */
void store_abandon(struct store *store); /* rolls the batch back */

/* `messages`: how many the room has had, up to the segment's end. */
void store_add_segment(struct store *store, const struct segment *segment, uint64_t messages);
void store_add_account(struct store *store, uint32_t id, const char *nick,
                       const uint8_t secret_hash[STORE_HASH_BYTES]);
void store_set_nick(struct store *store, uint32_t account, const char *nick);
void store_add_room(struct store *store, uint32_t id, int kind, const char *name, uint32_t owner);
void store_set_topic(struct store *store, uint32_t room, const char *topic);
void store_set_member(struct store *store, const struct stored_member *member);
void store_remove_member(struct store *store, uint32_t room, uint32_t account);
/* `used`: the log's position then. */
void store_set_outbox(struct store *store, uint32_t account, uint64_t outbox, uint64_t up_to,
                      uint64_t used);

/* Who is let in: store_devices.c. A device that comes back takes the place of the removed one. */
void store_add_device(struct store *store, const struct stored_device *device);
void store_remove_device(struct store *store, const uint8_t key[STORE_HASH_BYTES]);
void store_set_owner(struct store *store, uint32_t account);
void store_set_admission(struct store *store, int admission);

/* A code that lets somebody in once, kept as its hash until a moment by the wall clock. Adding one
 * forgets the account's others, and those that are too old. */
struct stored_code {
    uint8_t hash[STORE_HASH_BYTES];
    uint32_t account; /* that it lets a device join; 0: the server */
    uint64_t until;
};
void store_add_code(struct store *store, const struct stored_code *code, uint64_t now);
/* Fills in the rest by the hash; false when there is none. */
bool store_find_code(struct store *store, struct stored_code *code);
void store_forget_codes(struct store *store, uint32_t account); /* all of an account's */
void store_remove_code(struct store *store, const uint8_t hash[STORE_HASH_BYTES]);

/* store_rights.c */
void store_set_access(struct store *store, uint32_t room, unsigned access);
void store_set_room_owner(struct store *store, uint32_t room, uint32_t account);
void store_set_marks(struct store *store, uint32_t room, uint32_t account, unsigned marks);
void store_set_block(struct store *store, uint32_t account, uint32_t other, bool blocks);

/* The stored segment that the event lies in, as it is in this batch: its frames, and the messages
 * its room had up to its end. The bytes are valid until the next call. False when there is none. */
struct stored_segment {
    uint64_t first_id;
    uint64_t last_id;
    uint32_t room;
    uint64_t messages;
    struct wire_blob frames;
};
bool store_find_segment(struct store *store, uint64_t id, struct stored_segment *segment);
/* The same for the room's last segment that begins at the event or before. */
bool store_find_in_room(struct store *store, uint32_t room, uint64_t id,
                        struct stored_segment *segment);
/* Stores a segment in the place of the one with its first id, or beside the others. */
void store_put_segment(struct store *store, const struct stored_segment *segment);

/* The first segment behind the id, and what retention does with it. */
bool store_first_segment(struct store *store, uint64_t after, struct stored_segment *segment);
void store_remove_segment(struct store *store, uint64_t first_id);
void store_set_removed(struct store *store, uint32_t room, uint64_t removed);
void store_set_cut(struct store *store, uint64_t cut);

/* Which event is the last edit of a message. A message that was deleted has none. */
struct stored_edit {
    uint64_t target;
    uint64_t id;
};
bool store_edit_of(struct store *store, uint64_t target, struct stored_edit *edit);
/* The first one whose target is not above `up_to`. */
bool store_first_edit(struct store *store, uint64_t up_to, struct stored_edit *edit);
void store_set_edit(struct store *store, const struct stored_edit *edit);
void store_remove_edit(struct store *store, uint64_t target);

/* Forgets each account's outboxes but the `kept` last used, by the log's position: a clock that was
 * set would forget outboxes with posts in them, and the posts would be stored again. */
void store_forget_outboxes(struct store *store, uint64_t kept);

/* Pages in the write-ahead log after the last commit. */
int store_wal_pages(const struct store *store);

/* The write-ahead log still holds text that was deleted: empties it when no reader is in its way.
 * False when it has to be tried again. */
bool store_purge(struct store *store);

/* Moves what it can of the write-ahead log into the database, without waiting for readers. */
void store_checkpoint(struct store *store);

/* What went wrong last, for people. */
const char *store_error(const struct store *store);

#endif
