#include "judge.h"
#include "name.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(STORE_HASH_BYTES == SHA256_DIGEST_LENGTH, "secrets are hashed with SHA-256");

static void judge_error(struct judge *judge, const struct request *request, uint32_t tag,
                        enum error_code code) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = tag;
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    batch_reply(&judge->batch, INBOX_REPLY, request->session, NULL, &error);
}

static void judge_done(struct judge *judge, const struct request *request, uint32_t tag) {
    struct message done = {.type = MESSAGE_DONE};
    done.done.tag = tag;
    batch_reply(&judge->batch, INBOX_REPLY, request->session, NULL, &done);
}

/* Ends the session with the error as its last frame. */
static void judge_end(struct judge *judge, uint64_t session, enum error_code code,
                      const char *suggestion) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    error.error.suggestion = wire_text(suggestion);
    batch_reply(&judge->batch, INBOX_END, session, NULL, &error);
}

static struct message event_by(enum message_type type, const struct account *actor) {
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

static void judge_subscribe(struct judge *judge, const struct presence *presence, struct room *room,
                            uint32_t tag) {
    struct message answer = {.type = MESSAGE_ROOM};
    answer.room.tag = tag;
    answer.room.room = room->id;
    answer.room.members = (uint32_t)room->member_count;
    answer.room.kind = (uint8_t)room->kind;
    answer.room.name = wire_text(room_name_for(judge, room, presence->account));
    answer.room.topic = wire_text(room->topic);
    batch_reply(&judge->batch, INBOX_SUBSCRIBE, presence->session, room, &answer);
}

static void judge_fail_memory(struct judge *judge, bool worked) {
    judge->batch.failed = judge->batch.failed || !worked;
}

static void judge_add_member(struct judge *judge, struct room *room, struct account *account) {
    struct message joined = event_by(MESSAGE_JOINED, account);
    joined.joined.nick = wire_text(account->nick);
    judge_fail_memory(judge, state_add_member(judge->state, room, account));
    store_add_member(judge->store, room->id, account->id);
    batch_event(&judge->batch, room, &joined);
}

static struct room *judge_make_room(struct judge *judge, enum room_kind kind, const char *name,
                                    const struct account *actor) {
    struct room *room = state_add_room(judge->state, state_next_room(judge->state), kind, name);
    if (room == NULL) {
        judge_fail_memory(judge, false);
        return NULL;
    }
    struct message made = event_by(MESSAGE_ROOM_MADE, actor);
    made.room_made.nick = wire_text(actor->nick);
    made.room_made.kind = (uint8_t)kind;
    made.room_made.name = wire_text(kind == ROOM_PUBLIC ? name : "");
    store_add_room(judge->store, room->id, (int)kind, name);
    batch_event(&judge->batch, room, &made);
    return room;
}

void judge_make_lobby(struct judge *judge) {
    char nick[] = "server";
    const struct account server = {.nick = nick};
    judge_make_room(judge, ROOM_PUBLIC, "#lobby", &server);
}

/* Gives the account a nick that is free, and tells its rooms. */
static void judge_set_nick(struct judge *judge, struct account *account, const char *nick) {
    char *old_nick = strdup(account->nick);
    if (old_nick == NULL || !state_set_nick(judge->state, account, nick)) {
        free(old_nick);
        judge_fail_memory(judge, false);
        return;
    }
    store_set_nick(judge->store, account->id, nick);
    struct message renamed = event_by(MESSAGE_RENAMED, account);
    renamed.renamed.nick = wire_text(old_nick);
    renamed.renamed.new_nick = wire_text(nick);
    for (size_t i = 0; i < account->room_count; i++)
        batch_event(&judge->batch, state_room(judge->state, account->rooms[i]), &renamed);
    free(old_nick);
}

/* Writes a nick like the taken one that is free, or "" when there is none among the first hundred.
 */
static void judge_suggest_nick(const struct judge *judge, const char *taken, char *suggestion,
                               size_t size) {
    struct name name;
    for (int number = 2; number < 100; number++) {
        snprintf(suggestion, size, "%s%d", taken, number);
        if (name_nick(wire_text(suggestion), &name) &&
            state_account_online(judge->state, name.folded) == NULL)
            return;
    }
    suggestion[0] = '\0';
}

static void judge_nick_taken(struct judge *judge, const struct request *request, uint32_t tag,
                             const char *nick, bool end) {
    char suggestion[NAME_BYTES_MAX + 1];
    judge_suggest_nick(judge, nick, suggestion, sizeof suggestion);
    if (end) {
        judge_end(judge, request->session, ERROR_NICK_TAKEN, suggestion);
        return;
    }
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = tag;
    error.error.code = ERROR_NICK_TAKEN;
    error.error.reason = wire_text(error_text(ERROR_NICK_TAKEN));
    error.error.suggestion = wire_text(suggestion);
    batch_reply(&judge->batch, INBOX_REPLY, request->session, NULL, &error);
}

static struct account *judge_make_account(struct judge *judge, const char *nick,
                                          const uint8_t hash[STORE_HASH_BYTES]) {
    uint32_t id = state_next_account(judge->state);
    struct account *account = state_add_account(judge->state, id, nick, hash);
    if (account == NULL) {
        judge_fail_memory(judge, false);
        return NULL;
    }
    struct message made = event_by(MESSAGE_ACCOUNT_MADE, account);
    made.account_made.nick = wire_text(nick);
    made.account_made.secret_hash = (struct wire_blob){account->secret_hash, STORE_HASH_BYTES};
    store_add_account(judge->store, id, nick, hash);
    batch_event(&judge->batch, NULL, &made);
    judge_add_member(judge, state_room(judge->state, STATE_LOBBY), account);
    return account;
}

/* The account of a greeting that shows a known secret, with the session it may still have ended;
 * NULL when it shows none. */
static struct account *judge_known_account(struct judge *judge, const struct message_hello *hello) {
    uint8_t hash[STORE_HASH_BYTES];
    if (hello->secret.size != SECRET_BYTES)
        return NULL;
    SHA256(hello->secret.data, hello->secret.size, hash);
    struct account *account = state_account_by_secret(judge->state, hash);
    if (account != NULL && account->presence != NULL) {
        judge_end(judge, account->presence->session, ERROR_TAKEN_OVER, "");
        judge_fail_memory(judge, state_detach(judge->state, account->presence));
    }
    return account;
}

/* Everything that a welcomed client is told first. */
static void judge_welcome(struct judge *judge, const struct presence *presence,
                          struct wire_blob secret) {
    const struct account *account = presence->account;
    struct message welcome = {.type = MESSAGE_WELCOME};
    welcome.welcome.version = PROTOCOL_VERSION;
    welcome.welcome.server = store_identity(judge->store);
    welcome.welcome.account = account->id;
    welcome.welcome.nick = wire_text(account->nick);
    welcome.welcome.secret = secret;
    welcome.welcome.up_to = presence->outbox != NULL ? presence->outbox->up_to : 0;
    welcome.welcome.rooms = (uint16_t)account->room_count;
    welcome.welcome.agent = wire_text("chat-server " CHAT_VERSION);
    batch_reply(&judge->batch, INBOX_REPLY, presence->session, NULL, &welcome);
    for (size_t i = 0; i < account->room_count; i++)
        judge_subscribe(judge, presence, state_room(judge->state, account->rooms[i]), 0);
}

/* Connects the account; `secret` is what proves it from now on. */
static void judge_enter(struct judge *judge, const struct request *request, struct account *account,
                        struct wire_blob secret) {
    const struct message_hello *hello = &request->message.hello;
    struct presence *presence = state_attach(judge->state, account, request->session);
    if (presence == NULL) {
        judge_fail_memory(judge, false);
        return;
    }
    if (hello->outbox != 0) {
        presence->outbox = state_outbox(judge->state, account, hello->outbox);
        judge_fail_memory(judge, presence->outbox != NULL);
    }
    judge_welcome(judge, presence, secret);
}

static void judge_hello_new(struct judge *judge, const struct request *request, const char *nick) {
    uint8_t secret[SECRET_BYTES];
    uint8_t hash[STORE_HASH_BYTES];
    if (judge->read_only || getrandom(secret, sizeof secret, 0) != sizeof secret) {
        judge_end(judge, request->session, ERROR_STORAGE, "");
        return;
    }
    SHA256(secret, sizeof secret, hash);
    struct account *account = judge_make_account(judge, nick, hash);
    if (account != NULL)
        judge_enter(judge, request, account, (struct wire_blob){secret, sizeof secret});
}

static void judge_hello(struct judge *judge, const struct request *request) {
    const struct message_hello *hello = &request->message.hello;
    struct name name;
    if (!name_nick(hello->nick, &name)) {
        judge_end(judge, request->session, ERROR_NICK_INVALID, "");
        return;
    }
    struct account *account = judge_known_account(judge, hello);
    if (state_account_online(judge->state, name.folded) != NULL) {
        judge_nick_taken(judge, request, 0, name.shown, true);
        return;
    }
    if (account == NULL) {
        judge_hello_new(judge, request, name.shown);
        return;
    }
    if (strcmp(account->nick, name.shown) != 0 && !judge->read_only)
        judge_set_nick(judge, account, name.shown);
    judge_enter(judge, request, account, hello->secret);
}

static void judge_refuse_post(struct judge *judge, const struct request *request,
                              struct outbox *outbox, enum error_code code) {
    struct message refused = {.type = MESSAGE_REFUSED};
    refused.refused.number = request->message.post.number;
    refused.refused.code = (uint16_t)code;
    refused.refused.reason = wire_text(error_text(code));
    outbox->refused_at = request->message.post.number;
    batch_reply(&judge->batch, INBOX_REPLY, request->session, NULL, &refused);
}

static void judge_note_post(struct judge *judge, struct presence *presence) {
    struct outbox *outbox = presence->outbox;
    if (!presence->stored_due) {
        presence->stored_due = true;
        presence->next_due = judge->due;
        judge->due = presence;
    }
    if (!outbox->touched) {
        outbox->touched = true;
        outbox->next_touched = judge->touched;
        judge->touched = outbox;
    }
}

static void judge_store_post(struct judge *judge, struct presence *presence, struct room *room,
                             const struct message_post *post) {
    struct message event = event_by(MESSAGE_MESSAGE, presence->account);
    event.message.nick = wire_text(presence->account->nick);
    event.message.outbox = presence->outbox->id;
    event.message.number = post->number;
    event.message.body = post->body;
    batch_event(&judge->batch, room, &event);
    judge_fail_memory(judge, state_set_up_to(judge->state, presence->outbox, post->number));
    presence->outbox->refused_at = 0;
    judge_note_post(judge, presence);
}

static void judge_post(struct judge *judge, const struct request *request,
                       struct presence *presence) {
    const struct message_post *post = &request->message.post;
    struct outbox *outbox = presence->outbox;
    struct room *room = state_room(judge->state, post->room);
    if (outbox == NULL)
        judge_end(judge, request->session, ERROR_UNEXPECTED, "");
    else if (post->number <= outbox->up_to)
        judge_note_post(judge, presence);
    else if (post->number > outbox->up_to + 1 && outbox->refused_at == outbox->up_to + 1)
        return; /* sent before its sender could know of the refusal; it comes again */
    else if (post->number > outbox->up_to + 1)
        judge_end(judge, request->session, ERROR_OUT_OF_ORDER, "");
    else if (post->body.size == 0 || post->body.size > BODY_BYTES_MAX)
        judge_refuse_post(judge, request, outbox, ERROR_BODY_INVALID);
    else if (room == NULL || !room_has_member(room, presence->account->id))
        judge_refuse_post(judge, request, outbox, ERROR_NOT_A_MEMBER);
    else if (judge->read_only)
        judge_refuse_post(judge, request, outbox, ERROR_STORAGE);
    else
        judge_store_post(judge, presence, room, post);
}

static void judge_join(struct judge *judge, const struct request *request,
                       struct presence *presence) {
    const struct message_join *join = &request->message.join;
    struct name name;
    if (!name_room(join->name, &name)) {
        judge_error(judge, request, join->tag, ERROR_ROOM_INVALID);
        return;
    }
    struct room *room = state_room_by_name(judge->state, name.folded);
    bool member = room != NULL && room_has_member(room, presence->account->id);
    if (!member && judge->read_only) {
        judge_error(judge, request, join->tag, ERROR_STORAGE);
        return;
    }
    if (room == NULL)
        room = judge_make_room(judge, ROOM_PUBLIC, name.shown, presence->account);
    if (room == NULL)
        return;
    if (!member)
        judge_add_member(judge, room, presence->account);
    judge_subscribe(judge, presence, room, join->tag);
}

static void judge_leave(struct judge *judge, const struct request *request,
                        struct presence *presence) {
    const struct message_leave *leave = &request->message.leave;
    struct account *account = presence->account;
    struct room *room = state_room(judge->state, leave->room);
    if (room == NULL || !room_has_member(room, account->id)) {
        judge_error(judge, request, leave->tag, ERROR_NOT_A_MEMBER);
        return;
    }
    if (judge->read_only) {
        judge_error(judge, request, leave->tag, ERROR_STORAGE);
        return;
    }
    struct message left = event_by(MESSAGE_LEFT, account);
    left.left.nick = wire_text(account->nick);
    batch_event(&judge->batch, room, &left);
    judge_fail_memory(judge, state_remove_member(judge->state, room, account));
    store_remove_member(judge->store, room->id, account->id);
    struct message gone = {.type = MESSAGE_GONE};
    gone.gone.room = room->id;
    batch_reply(&judge->batch, INBOX_UNSUBSCRIBE, presence->session, room, &gone);
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

static void judge_open_direct(struct judge *judge, const struct request *request,
                              struct presence *presence, struct account *other) {
    uint32_t tag = request->message.direct.tag;
    struct account *const pair[2] = {presence->account, other};
    uint32_t low = pair[0]->id < pair[1]->id ? pair[0]->id : pair[1]->id;
    char name[32];
    snprintf(name, sizeof name, "%u:%u", low, pair[0]->id + pair[1]->id - low);
    struct room *room = state_room_by_name(judge->state, name);
    bool other_in_it = room != NULL && room_has_member(room, other->id);
    if (room == NULL && !judge->read_only)
        room = judge_make_room(judge, ROOM_DIRECT, name, presence->account);
    if (room == NULL || !judge_pair(judge, room, pair)) {
        judge_error(judge, request, tag, ERROR_STORAGE);
        return;
    }
    judge_subscribe(judge, presence, room, tag);
    if (!other_in_it && other->presence != NULL)
        judge_subscribe(judge, other->presence, room, 0);
}

static void judge_direct(struct judge *judge, const struct request *request,
                         struct presence *presence) {
    const struct message_direct *direct = &request->message.direct;
    struct name name;
    struct account *other = NULL;
    if (name_nick(direct->nick, &name))
        other = state_account_by_nick(judge->state, name.folded);
    if (other == NULL || other == presence->account)
        judge_error(judge, request, direct->tag, ERROR_NO_SUCH_PERSON);
    else
        judge_open_direct(judge, request, presence, other);
}

static void judge_rename(struct judge *judge, const struct request *request,
                         struct presence *presence) {
    const struct message_rename *rename_to = &request->message.rename;
    struct account *account = presence->account;
    struct name name;
    if (!name_nick(rename_to->nick, &name)) {
        judge_error(judge, request, rename_to->tag, ERROR_NICK_INVALID);
        return;
    }
    struct account *holder = state_account_online(judge->state, name.folded);
    if (holder != NULL && holder != account) {
        judge_nick_taken(judge, request, rename_to->tag, name.shown, false);
        return;
    }
    if (judge->read_only) {
        judge_error(judge, request, rename_to->tag, ERROR_STORAGE);
        return;
    }
    if (strcmp(account->nick, name.shown) != 0)
        judge_set_nick(judge, account, name.shown);
    judge_done(judge, request, rename_to->tag);
}

static void judge_set_topic(struct judge *judge, const struct request *request,
                            struct presence *presence) {
    const struct message_set_topic *set = &request->message.set_topic;
    struct room *room = state_room(judge->state, set->room);
    if (room == NULL || !room_has_member(room, presence->account->id)) {
        judge_error(judge, request, set->tag, ERROR_NOT_A_MEMBER);
        return;
    }
    if (set->topic.size > TOPIC_BYTES_MAX || judge->read_only) {
        judge_error(judge, request, set->tag,
                    judge->read_only ? ERROR_STORAGE : ERROR_TOPIC_INVALID);
        return;
    }
    struct message event = event_by(MESSAGE_TOPIC_SET, presence->account);
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
        if (state_account(judge->state, room->members[i])->presence != NULL)
            online++;
    return online;
}

static void judge_who(struct judge *judge, const struct request *request,
                      struct presence *presence) {
    const struct message_who *who = &request->message.who;
    struct room *room = state_room(judge->state, who->room);
    if (room == NULL || !room_has_member(room, presence->account->id)) {
        judge_error(judge, request, who->tag, ERROR_NOT_A_MEMBER);
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
        if (account->presence == NULL)
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
    batch_reply(&judge->batch, INBOX_REPLY, request->session, NULL, &people);
    buffer_free(&nicks);
}

static void judge_list(struct judge *judge, const struct request *request,
                       struct presence *presence) {
    (void)presence;
    struct buffer names = {0};
    struct message rooms = {.type = MESSAGE_ROOMS};
    rooms.rooms.tag = request->message.list.tag;
    const struct room *room;
    for (uint32_t id = request->message.list.after + 1;
         (room = state_room(judge->state, id)) != NULL; id++) {
        if (room->kind != ROOM_PUBLIC)
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
    batch_reply(&judge->batch, INBOX_REPLY, request->session, NULL, &rooms);
    buffer_free(&names);
}

/* Who judges what; a hello is the only message that needs no presence. */
static void (*const judge_functions[256])(struct judge *judge, const struct request *request,
                                          struct presence *presence) = {
    [MESSAGE_POST] = judge_post,     [MESSAGE_JOIN] = judge_join,
    [MESSAGE_LEAVE] = judge_leave,   [MESSAGE_DIRECT] = judge_direct,
    [MESSAGE_RENAME] = judge_rename, [MESSAGE_SET_TOPIC] = judge_set_topic,
    [MESSAGE_WHO] = judge_who,       [MESSAGE_LIST] = judge_list,
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
        batch_reply(&judge->batch, INBOX_REPLY, due->session, NULL, &stored);
    }
    judge->due = NULL;
    for (struct outbox *touched = judge->touched; touched != NULL;
         touched = touched->next_touched) {
        touched->touched = false;
        if (!judge->read_only)
            store_set_outbox(judge->store, touched->account->id, touched->id, touched->up_to,
                             judge->batch.time);
    }
    judge->touched = NULL;
}

void judge_undo(struct judge *judge) {
    store_abandon(judge->store);
    batch_clear(&judge->batch);
    state_undo(judge->state);
}
