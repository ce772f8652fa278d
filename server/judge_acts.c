/* What is asked for by an `act`: one right of rights.def each. */
#include "judge_parts.h"

enum subject { NO_SUBJECT, ANYBODY, A_MEMBER };

/* Who carries out what is about a room. An act on a person needs a higher role than theirs. */
static const struct {
    enum error_code (*carry_out)(struct judge *judge, struct room *room, const struct act *act);
    enum subject subject;
    bool on_equals; /* done for somebody, not to them */
} room_acts[256] = {
    [RIGHT_INVITE] = {judge_invite, ANYBODY, true},
    [RIGHT_KICK] = {judge_kick, A_MEMBER, false},
    [RIGHT_BAN] = {judge_ban, ANYBODY, false},
    [RIGHT_UNBAN] = {judge_unban, ANYBODY, false},
    [RIGHT_MUTE] = {judge_mute, A_MEMBER, false},
    [RIGHT_UNMUTE] = {judge_unmute, A_MEMBER, false},
    [RIGHT_OP] = {judge_op, A_MEMBER, false},
    [RIGHT_DEOP] = {judge_deop, A_MEMBER, false},
    [RIGHT_TRANSFER] = {judge_transfer, A_MEMBER, true},
    [RIGHT_ACCESS] = {judge_access, NO_SUBJECT, false},
};

/* And what is about the server, a person or a device. */
static judge_handler *const server_acts[256] = {
    [RIGHT_BLOCK] = judge_block,
    [RIGHT_UNBLOCK] = judge_block,
    [RIGHT_DEVICE_ADD] = judge_device_add,
    [RIGHT_DEVICE_LIST] = judge_device_list,
    [RIGHT_DEVICE_REMOVE] = judge_device_remove,
    [RIGHT_CLAIM] = judge_claim,
    [RIGHT_ADMIT] = judge_admit,
    [RIGHT_INVITE_TO_SERVER] = judge_invite_to_server,
};

/* What is of no use where nobody can show a key. */
static const bool is_about_keys[256] = {
    [RIGHT_DEVICE_ADD] = true,       [RIGHT_DEVICE_LIST] = true, [RIGHT_DEVICE_REMOVE] = true,
    [RIGHT_INVITE_TO_SERVER] = true, [RIGHT_ADMIT] = true,
};

enum standing judge_standing(const struct judge *judge, const struct account *account) {
    if (account->id == state_owner(judge->state))
        return STANDING_OWNER;
    return account->devices != NULL ? STANDING_PERSON : STANDING_GUEST;
}

struct account *judge_person(const struct judge *judge, struct wire_text nick) {
    struct name name;
    return name_nick(nick, &name) ? state_account_by_nick(judge->state, name.folded) : NULL;
}

/* Finds whom an act is about, and whether it may be done to them. */
static enum error_code judge_find_subject(const struct judge *judge, const struct room *room,
                                          struct wire_text nick, struct act *act) {
    enum subject wanted = room_acts[act->right].subject;
    if (wanted == NO_SUBJECT)
        return ERROR_NONE;
    act->subject = judge_person(judge, nick);
    if (wanted == A_MEMBER && (act->subject == NULL || !room_has_member(room, act->subject->id)))
        return ERROR_NOT_THERE;
    if (act->subject == NULL)
        return ERROR_NO_SUCH_PERSON;
    if (!room_acts[act->right].on_equals &&
        state_rank(judge->state, room, act->subject->id) >= judge_role(judge, act->actor, room))
        return ERROR_NOT_ALLOWED;
    return ERROR_NONE;
}

static enum error_code judge_room_act(struct judge *judge, const struct message_act *asked,
                                      struct account *actor) {
    struct room *room = state_room(judge->state, asked->room);
    struct act act = {(enum right)asked->right, actor, NULL, asked->detail};
    enum error_code error = judge_forbids(judge, actor, room, act.right);
    if (error == ERROR_NONE && asked->detail.size > TOPIC_BYTES_MAX)
        error = ERROR_TOPIC_INVALID;
    if (error == ERROR_NONE)
        error = judge_find_subject(judge, room, asked->subject, &act);
    if (error == ERROR_NONE && judge->read_only)
        error = ERROR_STORAGE;
    return error == ERROR_NONE ? room_acts[act.right].carry_out(judge, room, &act) : error;
}

void judge_act(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_act *act = &request->message.act;
    const struct right_entry *entry = right_find(act->right);
    enum error_code error = ERROR_NONE;
    if (entry != NULL && room_acts[act->right].carry_out != NULL)
        error = judge_room_act(judge, act, presence->account);
    else if (entry == NULL || server_acts[act->right] == NULL)
        error = ERROR_UNKNOWN_TYPE;
    else if (judge_standing(judge, presence->account) < entry->least)
        error = ERROR_NOT_ALLOWED;
    else if (judge->plaintext && is_about_keys[act->right])
        error = ERROR_NO_KEYS;
    else {
        server_acts[act->right](judge, request, presence);
        return;
    }
    if (error == ERROR_NONE)
        judge_done(judge, request, act->tag);
    else
        judge_error(judge, request, act->tag, error);
}
