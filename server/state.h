/* What the log adds up to: accounts, rooms, members, outboxes, and who is connected. The log
 * thread's alone; nobody else sees these structs. Readers of the structs change nothing; every
 * change goes through a function here, which notes how to undo it until state_keep or state_undo
 * ends the batch. Functions that change return false when out of memory, with nothing changed. */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include "name.h"
#include "protocol.h"
#include "rights.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

enum { STATE_LOBBY = 1, STATE_WORKERS_MAX = 64 };

/* Who is let in, as the server's owner has said it; kept in the log under these numbers. */
enum admission {
    ADMISSION_OPEN,    /* anybody with a key; guests only while the server talks without TLS */
    ADMISSION_INVITED, /* who has an invitation */
    ADMISSION_GUESTS,  /* anybody */
    ADMISSION_COUNT
};

/* A key that lets somebody into an account; it is one of the account's until it is removed. */
struct device {
    uint8_t key[STORE_HASH_BYTES];
    uint32_t number; /* in its account */
    char *name;
    uint64_t added;
    bool removed; /* the key lets nobody in any more */
    struct account *account;
    struct device *next; /* of the account, by number */
};

enum { OUTBOXES_KEPT = 64 }; /* of an account; docs/protocol.md says so */

/* Where a client's posts come from; see `post` in protocol.def. */
struct outbox {
    uint64_t id;
    uint64_t up_to;      /* highest number stored */
    uint64_t refused_at; /* the number last refused: what follows it is void until it comes again */
    bool touched;        /* in this batch */
    struct account *account;
    struct outbox *next;         /* of the account */
    struct outbox *next_touched; /* of the batch */
};

/* A greeted connection; an account may have several. */
struct presence {
    uint64_t session;
    struct account *account;
    struct device *device; /* NULL: it has shown no key */
    struct outbox *outbox; /* NULL when it will not post */
    bool stored_due;       /* a `stored` is to be sent at the end of the batch */
    struct presence *next_due;
    struct presence *next; /* of the account */
};

/* A room the account is a member of, and how far it has read it. */
struct reading {
    uint32_t room;
    uint64_t read;     /* id of the last event read */
    uint64_t messages; /* how many messages the room had up to there */
};

struct account {
    uint32_t id;
    char *nick;
    char *folded;
    struct nick_looks *looks; /* once the nick was held */
    uint8_t secret_hash[STORE_HASH_BYTES];
    struct device *devices;     /* that are not removed; NULL: a guest's */
    uint32_t last_device;       /* highest number that a device of it has had */
    struct presence *presences; /* its clients that are connected; NULL when away */
    struct outbox *outboxes;
    size_t outbox_count;
    struct account
        *next_crowded; /* with more than it may keep, to be thinned out; see state_outboxes.c */
    bool crowded;
    struct reading *readings;
    size_t reading_count;
    size_t reading_capacity;
    uint32_t *blocks; /* accounts whose direct messages it does not wish */
    size_t block_count;
    size_t block_capacity;
};

/* What is kept of somebody in a room, member or not; the log has these numbers, which add up. */
enum {
    MARK_MODERATOR = 1,
    MARK_MUTED = 2,
    MARK_BANNED = 4,
    MARK_INVITED = 8,
    MARK_UNHEARD = 16, /* invited by somebody whom they block: the room was told, and no more */
    MARKS_OF_INVITATION = MARK_INVITED | MARK_UNHEARD
};

struct room_mark {
    uint32_t account;
    unsigned marks;
};

struct room {
    uint32_t id;
    enum room_kind kind;
    char *name;   /* with its #; "LOW:HIGH", the members' account ids, for a direct room */
    char *folded; /* unique among rooms */
    char *looks;  /* keys of the name, once they were asked for; see state_room_names.c */
    char *topic;
    uint32_t owner;          /* account that made it, or was given it */
    unsigned access;         /* see rights.h */
    struct room_mark *marks; /* by account */
    size_t mark_count;
    size_t mark_capacity;
    uint64_t newest;   /* id of its newest event in the log; 0 when none is left */
    uint64_t messages; /* how many it ever had */
    uint64_t removed;  /* how many of them retention has removed */
    uint32_t *members; /* account ids, ascending */
    size_t member_count;
    size_t member_capacity;
    struct output *open_output; /* where the batch collects the room's events, see batch.h */
};

struct state;

/* NULL with the reason. */
struct state *state_new(const char **reason);
void state_free(struct state *state);

/* Loads everything from the store. False when it cannot be read or makes no sense. */
bool state_load(struct state *state, struct store *store);

/* Ends the batch: what was changed stays, or never was. */
void state_keep(struct state *state);
void state_undo(struct state *state);

struct account *state_account(const struct state *state, uint32_t id);
struct account *state_account_by_secret(const struct state *state,
                                        const uint8_t hash[STORE_HASH_BYTES]);
/* Who holds the nick, or one that looks like it: it is theirs, or they are connected under it; NULL
 * for nobody. False when that cannot be found out: then it must not be given to anybody. */
bool state_find_holder(const struct state *state, const struct name *name,
                       const struct account *asking, struct account **holder);
/* Who holds the nick now, or else the newest account that had it last. */
struct account *state_account_by_nick(const struct state *state, const char *folded_nick);
uint32_t state_next_account(const struct state *state);

struct room *state_room(const struct state *state, uint32_t id);
struct room *state_room_by_name(const struct state *state, const char *folded_name);
/* A room, public or private, whose name looks like that one; NULL for none. False when that cannot
 * be found out: then no room of that name must be made. */
bool state_find_like_room(const struct state *state, const struct name *name,
                          const struct room **like);
/* Messages of all rooms that are in the log. */
uint64_t state_kept_messages(const struct state *state);
uint32_t state_next_room(const struct state *state);
bool room_has_member(const struct room *room, uint32_t account);
/* Index of the first member with an id above `account`. */
size_t room_member_after(const struct room *room, uint32_t account);

struct presence *state_presence(const struct state *state, uint64_t session);

struct account *state_add_account(struct state *state, uint32_t id, const char *nick,
                                  const uint8_t secret_hash[STORE_HASH_BYTES]);
bool state_set_nick(struct state *state, struct account *account, const char *nick);
struct room *state_add_room(struct state *state, uint32_t id, enum room_kind kind, const char *name,
                            uint32_t owner);
bool state_set_topic(struct state *state, struct room *room, struct wire_text topic);
bool state_set_newest(struct state *state, struct room *room, uint64_t id, uint64_t messages);
bool state_set_removed(struct state *state, struct room *room, uint64_t removed);
/* How many messages there are that the account, a member, has not read. */
uint32_t room_unread(const struct room *room, uint64_t read_messages);
bool state_add_member(struct state *state, struct room *room, struct account *account);
/* What the account, a member, has read of the room; NULL when it is no member. */
struct reading *account_reading(const struct account *account, uint32_t room);
bool state_set_read(struct state *state, struct account *account, uint32_t room, uint64_t read,
                    uint64_t messages);
bool state_remove_member(struct state *state, struct room *room, struct account *account);
struct outbox *state_outbox(struct state *state, struct account *account, uint64_t id);
bool state_set_up_to(struct state *state, struct outbox *outbox, uint64_t up_to);

/* state_devices.c. With its first device an account owns its nick. A key that was removed, or is of
 * another account, is the new one's from now on; the latter has to be removed first. */
struct device *state_device(const struct state *state, const uint8_t key[STORE_HASH_BYTES]);
struct device *account_device(const struct account *account, uint32_t number);
struct device *state_add_device(struct state *state, struct account *account,
                                const struct stored_device *stored);
bool state_remove_device(struct state *state, struct device *device);
/* The account that owns the server, 0 for nobody. */
uint32_t state_owner(const struct state *state);
bool state_set_owner(struct state *state, uint32_t account);
enum admission state_admission(const struct state *state);
bool state_set_admission(struct state *state, enum admission admission);

/* state_rights.c */
unsigned room_marks(const struct room *room, uint32_t account);
bool state_set_marks(struct state *state, struct room *room, uint32_t account, unsigned marks);
bool state_set_access(struct state *state, struct room *room, unsigned access);
bool state_set_room_owner(struct state *state, struct room *room, uint32_t account);
/* What the account is in the room; and what it would be as a member, if it is not banned. */
enum role state_rank(const struct state *state, const struct room *room, uint32_t account);
enum role state_role(const struct state *state, const struct room *room, uint32_t account);
bool account_blocks(const struct account *account, uint32_t other);
bool state_set_block(struct state *state, struct account *account, uint32_t other, bool blocks);

/* The account is connected as `session` too, with a device's key or (NULL) without. */
struct presence *state_attach(struct state *state, struct account *account, struct device *device,
                              uint64_t session);
bool state_detach(struct state *state, struct presence *presence);

#endif
