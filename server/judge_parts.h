/* Private to judge.c and the handlers of requests, which are grouped in judge_*.c by what they are
 * about. */
#ifndef SERVER_JUDGE_PARTS_H
#define SERVER_JUDGE_PARTS_H

#include "judge.h"
#include "name.h"
#include "rights.h"

/* A handler of one type of request, of a session that was welcomed. */
typedef void judge_handler(struct judge *judge, const struct request *request,
                           struct presence *presence);

/* judge_hello.c */
void judge_hello(struct judge *judge, const struct request *request);
void judge_hash(const void *data, size_t size, uint8_t hash[STORE_HASH_BYTES]);

/* judge_nicks.c */
void judge_set_nick(struct judge *judge, struct account *account, const char *nick);
/* Why the account (NULL: a new one) may not have the nick: it, or one that looks like it, is
 * another's. ERROR_NONE when it may. */
enum error_code judge_nick_error(const struct judge *judge, const struct account *account,
                                 const struct name *name);
/* Writes a nick like the taken one that is free, or "" when there is none among the first hundred.
 */
void judge_suggest_nick(const struct judge *judge, const char *taken, char *suggestion,
                        size_t size);
judge_handler judge_rename;

/* judge_codes.c */
enum { JUDGE_CODE_SIZE = 16 };
struct new_code {
    char text[JUDGE_CODE_SIZE];
    uint64_t until;
};
/* Makes a code for a device of the account, or (0) for the server, in the place of the account's
 * last one, and keeps its hash. False when that cannot be done. */
bool judge_make_code(struct judge *judge, uint32_t account, uint64_t milliseconds,
                     struct new_code *code);
/* The code that was typed, with what it is for. CODE_INVALID when it is wrong, used or old, which
 * nobody is to tell apart; FAILED when there were too many wrong ones. */
enum error_code judge_find_code(struct judge *judge, struct wire_text typed,
                                struct stored_code *code);
/* Answers an act with a new code. */
void judge_answer_code(struct judge *judge, const struct request *request, uint32_t account,
                       uint64_t milliseconds);

/* judge_devices.c */
/* Gives the account the device of a greeting. With its first one, it is no guest's any more. */
struct device *judge_add_device(struct judge *judge, struct account *account,
                                const struct request *request);
/* Takes the device out of its account and ends its sessions with the error. */
void judge_remove_device(struct judge *judge, struct device *device, enum error_code code);
bool judge_has_room_for_device(const struct account *account);
judge_handler judge_device_add, judge_device_list, judge_device_remove;

/* judge_admission.c */
/* Whether somebody who is not known yet is let in, or why not. */
enum error_code judge_admits(const struct judge *judge, bool has_key, bool invited);
judge_handler judge_admit, judge_invite_to_server;

/* judge_acts.c */
enum standing judge_standing(const struct judge *judge, const struct account *account);
/* Who is called so; NULL for nobody. */
struct account *judge_person(const struct judge *judge, struct wire_text nick);
judge_handler judge_act;

/* judge_people.c */
void judge_give_server(struct judge *judge, struct account *account);
judge_handler judge_block, judge_claim;

/* judge_rights.c: whether somebody has a right in a room, by rights.def alone; and for handlers,
 * why not, with the room perhaps NULL. */
enum role judge_role(const struct judge *judge, const struct account *account,
                     const struct room *room);
bool judge_may(const struct judge *judge, const struct account *account, const struct room *room,
               enum right right);
enum error_code judge_forbids(const struct judge *judge, const struct account *account,
                              const struct room *room, enum right right);
/* Why the two may not talk in private. */
enum error_code judge_forbids_talk(const struct account *account, const struct account *other);
void judge_set_marks(struct judge *judge, struct room *room, const struct account *account,
                     unsigned marks);
/* Takes the account out of the room; nothing of it reaches its sessions from there on. */
void judge_end_membership(struct judge *judge, struct room *room, struct account *account);
void judge_tell_invitation(struct judge *judge, const struct presence *presence,
                           const struct room *room, const char *by);

/* One use of a room's right, which is allowed. */
struct act {
    enum right right;
    struct account *actor;
    struct account *subject; /* NULL when it is about nobody */
    struct wire_text detail;
};
typedef enum error_code judge_room_handler(struct judge *judge, struct room *room,
                                           const struct act *act);
judge_room_handler judge_invite, judge_kick, judge_ban, judge_unban, judge_mute, judge_unmute,
    judge_op, judge_deop, judge_transfer, judge_access;

/* judge_posts.c */
judge_handler judge_post, judge_edit, judge_delete, judge_read;

/* judge_rooms.c */
/* Makes sure that both are members of a direct room. */
void judge_complete_pair(struct judge *judge, struct room *room);
judge_handler judge_join, judge_leave, judge_direct, judge_set_topic, judge_who, judge_list;

/* judge.c: answers */
void judge_error(struct judge *judge, const struct request *request, uint32_t tag,
                 enum error_code code);
void judge_done(struct judge *judge, const struct request *request, uint32_t tag);
void judge_subscribe(struct judge *judge, const struct presence *presence, struct room *room,
                     uint32_t tag);
/* Subscribes every client of the account; the one that asked gets its tag back. */
void judge_subscribe_all(struct judge *judge, const struct account *account, struct room *room,
                         uint64_t asker, uint32_t tag);

/* judge.c: what several of them do */
struct message judge_event_by(enum message_type type, const struct account *actor);
void judge_fail_memory(struct judge *judge, bool worked);
void judge_add_member(struct judge *judge, struct room *room, struct account *account);
struct room *judge_make_room(struct judge *judge, enum room_kind kind, const char *name,
                             const struct account *actor);

#endif
