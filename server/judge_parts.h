/* Private to judge.c and the handlers of requests, which are grouped in judge_*.c by what they are
 * about. */
#ifndef SERVER_JUDGE_PARTS_H
#define SERVER_JUDGE_PARTS_H

#include "judge.h"
#include "rights.h"

/* A handler of one type of request, of a session that was welcomed. */
typedef void judge_handler(struct judge *judge, const struct request *request,
                           struct presence *presence);

/* judge_hello.c */
void judge_hello(struct judge *judge, const struct request *request);
void judge_set_nick(struct judge *judge, struct account *account, const char *nick);
judge_handler judge_rename;

/* judge_acts.c */
judge_handler judge_act;

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
bool judge_is_moderator(const struct room *room, const struct account *account);

#endif
