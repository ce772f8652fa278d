/* Where it is said: rooms, their members and topics. */
#include "judge_parts.h"
#include "name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A welcome can say no more; what others have opened with a person counts too. */
/* Rooms of two that others may open with somebody: all of them must fit a welcome. */
enum { ROOMS_WITH_OTHERS_MAX = 4000 };

/* Rooms that the account is in by its own doing; what others open with it does not count. */
static size_t judge_count_own_rooms(const struct judge *judge, const struct account *account) {
    size_t count = 0;
    for (size_t i = 0; i < account->reading_count; i++) {
        const struct room *room = state_room(judge->state, account->readings[i].room);
        count += room->kind == ROOM_PUBLIC || room->owner == account->id;
    }
    return count;
}

/* Makes a room, unless its name looks like another one's; NULL after answering so. */
static struct room *judge_make_public_room(struct judge *judge, const struct request *request,
                                           const struct presence *presence,
                                           const struct name *name) {
    const struct room *like;
    bool known = state_find_like_room(judge->state, name, &like);
    if (known && like == NULL)
        return judge_make_room(judge, ROOM_PUBLIC, name->shown, presence->account);
    judge_error(judge, request, request->message.join.tag,
                known ? ERROR_ROOM_LOOKS_LIKE : ERROR_FAILED);
    return NULL;
}

void judge_join(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_join *join = &request->message.join;
    struct name name;
    if (!name_room(join->name, &name)) {
        judge_error(judge, request, join->tag, ERROR_ROOM_INVALID);
        return;
    }
    struct room *room = state_room_by_name(judge->state, name.folded);
    bool member = room != NULL && room_has_member(room, presence->account->id);
    if (!member && room != NULL && !judge_may(judge, presence->account, room, RIGHT_JOIN)) {
        judge_error(judge, request, join->tag, ERROR_ROOM_CLOSED);
        return;
    }
    if (!member && judge->read_only) {
        judge_error(judge, request, join->tag, ERROR_STORAGE);
        return;
    }
    if (!member && judge_count_own_rooms(judge, presence->account) >= ROOMS_PER_PERSON_MAX) {
        judge_error(judge, request, join->tag, ERROR_TOO_MANY_ROOMS);
        return;
    }
    if (room == NULL)
        room = judge_make_public_room(judge, request, presence, &name);
    if (room == NULL)
        return;
    if (member) {
        judge_subscribe(judge, presence, room, join->tag);
        return;
    }
    judge_add_member(judge, room, presence->account);
    judge_subscribe_all(judge, presence->account, room, presence->session, join->tag);
}

void judge_leave(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_leave *leave = &request->message.leave;
    struct account *account = presence->account;
    struct room *room = state_room(judge->state, leave->room);
    enum error_code error = judge_forbids(judge, account, room, RIGHT_READ);
    if (error == ERROR_NONE && judge->read_only)
        error = ERROR_STORAGE;
    if (error != ERROR_NONE) {
        judge_error(judge, request, leave->tag, error);
        return;
    }
    struct message left = judge_event_by(MESSAGE_LEFT, account);
    left.left.nick = wire_text(account->nick);
    batch_event(&judge->batch, room, &left);
    judge_end_membership(judge, room, account);
    judge_done(judge, request, leave->tag);
}

/* Makes sure of both members of a direct room; false when that cannot be stored now. */
static bool judge_pair(struct judge *judge, struct room *room, struct account *const pair[2]) {
    for (size_t i = 0; i < 2; i++) {
        if (room_has_member(room, pair[i]->id))
            continue;
        if (judge->read_only)
            return false;
        judge_add_member(judge, room, pair[i]);
    }
    return true;
}

void judge_complete_pair(struct judge *judge, struct room *room) {
    char *high = NULL;
    const unsigned long low = strtoul(room->name, &high, 10); /* "LOW:HIGH" */
    const unsigned long ids[2] = {low, strtoul(high + 1, NULL, 10)};
    for (size_t i = 0; i < 2 && room->member_count < 2; i++) {
        struct account *account = state_account(judge->state, (uint32_t)ids[i]);
        if (account == NULL || room_has_member(room, account->id))
            continue;
        judge_add_member(judge, room, account);
        /* The room has a name for both again. */
        for (size_t each = 0; each < room->member_count; each++)
            judge_subscribe_all(judge, state_account(judge->state, room->members[each]), room, 0,
                                0);
    }
}

static void judge_open_direct(struct judge *judge, const struct request *request,
                              struct presence *presence, struct account *other) {
    uint32_t tag = request->message.direct.tag;
    struct account *const pair[2] = {presence->account, other};
    uint32_t low = pair[0]->id < pair[1]->id ? pair[0]->id : pair[1]->id;
    char name[32];
    snprintf(name, sizeof name, "%u:%u", low, pair[0]->id + pair[1]->id - low);
    struct room *room = state_room_by_name(judge->state, name);
    bool self_in_it = room != NULL && room_has_member(room, presence->account->id);
    bool other_in_it = room != NULL && room_has_member(room, other->id);
    if (!self_in_it && judge_count_own_rooms(judge, presence->account) >= ROOMS_PER_PERSON_MAX) {
        judge_error(judge, request, tag, ERROR_TOO_MANY_ROOMS);
        return;
    }
    if (!other_in_it && other->reading_count >= ROOMS_WITH_OTHERS_MAX) {
        judge_error(judge, request, tag, ERROR_PERSON_FULL);
        return;
    }
    if (room == NULL && !judge->read_only)
        room = judge_make_room(judge, ROOM_DIRECT, name, presence->account);
    if (room == NULL || !judge_pair(judge, room, pair)) {
        judge_error(judge, request, tag, ERROR_STORAGE);
        return;
    }
    if (self_in_it)
        judge_subscribe(judge, presence, room, tag);
    else
        judge_subscribe_all(judge, presence->account, room, presence->session, tag);
    if (!other_in_it)
        judge_subscribe_all(judge, other, room, 0, 0);
}

void judge_direct(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_direct *direct = &request->message.direct;
    struct account *other = judge_person(judge, direct->nick);
    enum error_code error = ERROR_NONE;
    if (other == NULL || other == presence->account)
        error = ERROR_NO_SUCH_PERSON;
    else
        error = judge_forbids_talk(presence->account, other);
    if (error == ERROR_NONE)
        judge_open_direct(judge, request, presence, other);
    else
        judge_error(judge, request, direct->tag, error);
}

void judge_set_topic(struct judge *judge, const struct request *request,
                     struct presence *presence) {
    const struct message_set_topic *set = &request->message.set_topic;
    struct room *room = state_room(judge->state, set->room);
    enum error_code error = judge_forbids(judge, presence->account, room, RIGHT_TOPIC);
    if (error == ERROR_NONE && set->topic.size > TOPIC_BYTES_MAX)
        error = ERROR_TOPIC_INVALID;
    if (error == ERROR_NONE && judge->read_only)
        error = ERROR_STORAGE;
    if (error != ERROR_NONE) {
        judge_error(judge, request, set->tag, error);
        return;
    }
    struct message event = judge_event_by(MESSAGE_TOPIC_SET, presence->account);
    event.topic_set.nick = wire_text(presence->account->nick);
    event.topic_set.topic = set->topic;
    batch_event(&judge->batch, room, &event);
    judge_fail_memory(judge, state_set_topic(judge->state, room, set->topic));
    store_set_topic(judge->store, room->id, room->topic);
    judge_done(judge, request, set->tag);
}

static uint32_t judge_count_online(const struct judge *judge, const struct room *room) {
    uint32_t online = 0;
    for (size_t i = 0; i < room->member_count; i++)
        if (state_account(judge->state, room->members[i])->presences != NULL)
            online++;
    return online;
}

void judge_who(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_who *who = &request->message.who;
    struct room *room = state_room(judge->state, who->room);
    enum error_code error = judge_forbids(judge, presence->account, room, RIGHT_READ);
    if (error != ERROR_NONE) {
        judge_error(judge, request, who->tag, error);
        return;
    }
    struct buffer nicks = {0};
    struct message people = {.type = MESSAGE_PEOPLE};
    people.people.tag = who->tag;
    people.people.room = room->id;
    people.people.online = judge_count_online(judge, room);
    people.people.members = (uint32_t)room->member_count;
    for (size_t i = room_member_after(room, who->after); i < room->member_count; i++) {
        const struct account *account = state_account(judge->state, room->members[i]);
        if (account->presences == NULL)
            continue;
        wire_put_text(&nicks, wire_text(account->nick));
        if (++people.people.nicks.count == PEOPLE_PER_PAGE) {
            people.people.next = account->id;
            break;
        }
    }
    people.people.nicks.data = nicks.data;
    people.people.nicks.size = nicks.size;
    judge_fail_memory(judge, !nicks.failed);
    batch_reply(&judge->batch, INBOX_REPLY, request->session, &people);
    buffer_free(&nicks);
}

void judge_list(struct judge *judge, const struct request *request, struct presence *presence) {
    struct buffer names = {0};
    struct message rooms = {.type = MESSAGE_ROOMS};
    rooms.rooms.tag = request->message.list.tag;
    const struct room *room;
    for (uint32_t id = request->message.list.after + 1;
         (room = state_room(judge->state, id)) != NULL; id++) {
        if (!judge_may(judge, presence->account, room, RIGHT_LIST))
            continue;
        wire_put_text(&names, wire_text(room->name));
        if (++rooms.rooms.names.count == PEOPLE_PER_PAGE) {
            rooms.rooms.next = id;
            break;
        }
    }
    rooms.rooms.names.data = names.data;
    rooms.rooms.names.size = names.size;
    judge_fail_memory(judge, !names.failed);
    batch_reply(&judge->batch, INBOX_REPLY, request->session, &rooms);
    buffer_free(&names);
}
