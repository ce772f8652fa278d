#include "judge_parts.h"

void judge_error(struct judge *judge, const struct request *request, uint32_t tag,
                 enum error_code code) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = tag;
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    batch_reply(&judge->batch, INBOX_REPLY, request->session, &error);
}

void judge_done(struct judge *judge, const struct request *request, uint32_t tag) {
    struct message done = {.type = MESSAGE_DONE};
    done.done.tag = tag;
    batch_reply(&judge->batch, INBOX_REPLY, request->session, &done);
}

void judge_end(struct judge *judge, uint64_t session, enum error_code code,
               const char *suggestion) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    error.error.suggestion = wire_text(suggestion);
    batch_reply(&judge->batch, INBOX_END, session, &error);
}

struct message judge_event_by(enum message_type type, const struct account *actor) {
    struct message event = {.type = type};
    event.event.actor = actor->id;
    return event;
}

/* The name a room has for one of its members: the other person's nick in a direct room. */
static const char *room_name_for(const struct judge *judge, const struct room *room,
                                 const struct account *account) {
    if (room->kind == ROOM_PUBLIC)
        return room->name;
    for (size_t i = 0; i < room->member_count; i++)
        if (room->members[i] != account->id)
            return state_account(judge->state, room->members[i])->nick;
    return account->nick;
}

void judge_subscribe(struct judge *judge, const struct presence *presence, struct room *room,
                     uint32_t tag) {
    struct message answer = {.type = MESSAGE_ROOM};
    answer.room.tag = tag;
    answer.room.room = room->id;
    answer.room.members = (uint32_t)room->member_count;
    answer.room.kind = (uint8_t)room->kind;
    answer.room.name = wire_text(room_name_for(judge, room, presence->account));
    answer.room.topic = wire_text(room->topic);
    answer.room.moderator = judge_may(judge, presence->account, room, RIGHT_DELETE_ANY);
    answer.room.access = (uint8_t)room->access;
    answer.room.role = (uint8_t)judge_role(judge, presence->account, room);
    /* Of one that was there before, an event is in the log. */
    const bool is_new = tag != 0 && room->newest == 0;
    batch_subscribe(&judge->batch, presence->session, room, presence->account, is_new, &answer);
}

void judge_subscribe_all(struct judge *judge, const struct account *account, struct room *room,
                         uint64_t asker, uint32_t tag) {
    for (const struct presence *presence = account->presences; presence != NULL;
         presence = presence->next)
        judge_subscribe(judge, presence, room, presence->session == asker ? tag : 0);
}

void judge_fail_memory(struct judge *judge, bool worked) {
    judge->batch.failed = judge->batch.failed || !worked;
}

void judge_add_member(struct judge *judge, struct room *room, struct account *account) {
    struct message joined = judge_event_by(MESSAGE_JOINED, account);
    joined.joined.nick = wire_text(account->nick);
    judge_fail_memory(judge, state_add_member(judge->state, room, account));
    batch_event(&judge->batch, room, &joined);
    batch_begin_member(room, account);
}

struct room *judge_make_room(struct judge *judge, enum room_kind kind, const char *name,
                             const struct account *actor) {
    struct room *room =
        state_add_room(judge->state, state_next_room(judge->state), kind, name, actor->id);
    if (room == NULL) {
        judge_fail_memory(judge, false);
        return NULL;
    }
    struct message made = judge_event_by(MESSAGE_ROOM_MADE, actor);
    made.room_made.nick = wire_text(actor->nick);
    made.room_made.kind = (uint8_t)kind;
    made.room_made.name = wire_text(kind == ROOM_PUBLIC ? name : "");
    store_add_room(judge->store, room->id, (int)kind, name, actor->id);
    batch_event(&judge->batch, room, &made);
    return room;
}

void judge_make_lobby(struct judge *judge) {
    char nick[] = "server";
    const struct account server = {.nick = nick};
    judge_make_room(judge, ROOM_PUBLIC, "#lobby", &server);
}

/* Who judges what; a hello is the only message that needs no presence. */
static judge_handler *const judge_functions[256] = {
    [MESSAGE_POST] = judge_post,     [MESSAGE_JOIN] = judge_join,
    [MESSAGE_LEAVE] = judge_leave,   [MESSAGE_DIRECT] = judge_direct,
    [MESSAGE_RENAME] = judge_rename, [MESSAGE_SET_TOPIC] = judge_set_topic,
    [MESSAGE_WHO] = judge_who,       [MESSAGE_LIST] = judge_list,
    [MESSAGE_EDIT] = judge_edit,     [MESSAGE_DELETE] = judge_delete,
    [MESSAGE_READ] = judge_read,     [MESSAGE_ACT] = judge_act,
};

void judge_request(struct judge *judge, const struct request *request) {
    struct presence *presence = state_presence(judge->state, request->session);
    enum message_type type = request->message.type;
    if (request->kind == REQUEST_GONE) {
        if (presence != NULL)
            judge_fail_memory(judge, state_detach(judge->state, presence));
    } else if (type == MESSAGE_HELLO && presence == NULL) {
        judge_hello(judge, request);
    } else if (presence != NULL && judge_functions[type] != NULL) {
        judge_functions[type](judge, request, presence);
    }
}

void judge_finish(struct judge *judge) {
    for (struct presence *due = judge->due; due != NULL; due = due->next_due) {
        struct message stored = {.type = MESSAGE_STORED};
        stored.stored.up_to = due->outbox->up_to;
        due->stored_due = false;
        batch_reply(&judge->batch, INBOX_REPLY, due->session, &stored);
    }
    judge->due = NULL;
    for (struct outbox *touched = judge->touched; touched != NULL;
         touched = touched->next_touched) {
        touched->touched = false;
        if (!judge->read_only)
            store_set_outbox(judge->store, touched->account->id, touched->id, touched->up_to,
                             judge->position);
    }
    judge->touched = NULL;
}

void judge_undo(struct judge *judge) {
    store_abandon(judge->store);
    batch_clear(&judge->batch);
    state_undo(judge->state);
}
