/* Private to the state's own files: state.c has accounts, rooms and members, state_presence.c who
 * is connected, state_nicks.c who is called how, state_devices.c who is let in, state_rights.c who
 * may what, state_undo.c how a batch is taken back. */
#ifndef SERVER_STATE_PARTS_H
#define SERVER_STATE_PARTS_H

#include "looks.h"
#include "state.h"

enum undo_kind {
    UNDO_ADD_ACCOUNT,
    UNDO_SET_NICK,
    UNDO_ADD_ROOM,
    UNDO_SET_TOPIC,
    UNDO_SET_NEWEST,
    UNDO_SET_REMOVED,
    UNDO_ADD_MEMBER,
    UNDO_REMOVE_MEMBER,
    UNDO_SET_READ,
    UNDO_SET_UP_TO,
    UNDO_ATTACH,
    UNDO_DETACH,
    UNDO_ADD_DEVICE,
    UNDO_REMOVE_DEVICE,
    UNDO_SET_OWNER,
    UNDO_SET_ADMISSION,
    UNDO_SET_MARKS,
    UNDO_SET_ACCESS,
    UNDO_SET_ROOM_OWNER,
    UNDO_SET_BLOCK,
    UNDO_COUNT
};

/* One change of the batch and what was before it. */
struct undo {
    enum undo_kind kind;
    struct account *account;
    struct room *room;
    struct outbox *outbox;
    struct presence *presence;
    struct device *device;
    struct device *replaced; /* by a device with the same key */
    char *text;
    char *folded;
    struct nick_looks *looks;
    uint64_t number;
    uint64_t messages;
};

struct presence_table {
    struct presence **slots;
    size_t count;
};

struct state {
    struct account **accounts; /* by id; ids begin at 1 and have no gaps */
    size_t account_count;
    size_t account_capacity;
    struct room **rooms; /* the same */
    size_t room_count;
    size_t room_capacity;
    void *by_secret; /* search trees of the pointers above */
    void *by_nick;   /* of who holds one */
    void *by_look;   /* of their struct nick_look */
    struct looks *looks;
    void *by_key;
    void *by_room_name;
    struct account *crowded; /* accounts with more outboxes than they may keep, a list */
    uint32_t owner;
    enum admission admission;
    struct presence_table presences[STATE_WORKERS_MAX];
    struct undo *undos;
    size_t undo_count;
    size_t undo_capacity;
};

/* The item of a search tree that compares as equal, or NULL. */
void *state_tree_find(void *const *tree, const void *key,
                      int (*compare)(const void *a, const void *b));

/* Makes room in an array for one more; false when out of memory. */
bool state_grow(void **array, size_t *capacity, size_t count, size_t size);

/* state_outboxes.c: takes away what accounts have too much, while nothing can be undone. */
void state_thin_outboxes(struct state *state);

/* state_undo.c: room for one more undo, made before the change so that a change is never without
 * its undo, and the note of it. */
bool state_undo_reserve(struct state *state);
void state_undo_note(struct state *state, struct undo undo);

/* state.c: the changes that have an undo, without it. */
int state_compare_secrets(const void *a, const void *b);
int state_compare_room_names(const void *a, const void *b);
void state_account_free(struct account *account);
void state_room_free(struct room *room);
void state_member_insert(struct room *room, struct account *account);
void state_member_erase(struct room *room, struct account *account);

/* state_nicks.c */
int state_compare_nicks(const void *a, const void *b);
char *state_fold_nick(const char *nick);
/* Holds the nick of an account that has devices or is connected; false when out of memory. Of two
 * owners of what later came to look alike, the first holds it. Lets it go when there is neither. */
bool state_hold_nick(struct state *state, struct account *account);
void state_let_nick_go(struct state *state, const struct account *account);
/* Gives the account the nick that the undo has, and the undo the one before. */
void state_swap_nick(struct state *state, struct account *account, struct undo *other);

/* state_devices.c */
int state_compare_keys(const void *a, const void *b);
void state_device_free(struct device *device);
void state_device_link(struct device *device);
void state_device_unlink(struct device *device);

/* state_rights.c: without an undo; the arrays have room for one more. */
void state_marks_put(struct room *room, uint32_t account, unsigned marks);
void state_block_put(struct account *account, uint32_t other, bool blocks);

/* state_presence.c */
void state_presence_link(struct state *state, struct presence *presence);
void state_presence_unlink(struct state *state, struct presence *presence);

#endif
