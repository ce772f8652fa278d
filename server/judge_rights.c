/* Who may what: the one question that every handler asks, and the acts on people and rooms. */
#include "judge_parts.h"

#include <stdlib.h>
#include <string.h>

/* The other person of a direct room. */
static const struct account *judge_other(const struct judge *judge, const struct room *room,
                                         const struct account *account) {
    char *high = NULL;
    const unsigned long low = strtoul(room->name, &high, 10); /* "LOW:HIGH" */
    const unsigned long other = low == account->id ? strtoul(high + 1, NULL, 10) : low;
    return state_account(judge->state, (uint32_t)other);
}

enum error_code judge_forbids_talk(const struct account *account, const struct account *other) {
    if (account_blocks(account, other->id))
        return ERROR_BLOCKED_BY_YOU;
    return account_blocks(other, account->id) ? ERROR_NOT_WISHED : ERROR_NONE;
}

enum role judge_role(const struct judge *judge, const struct account *account,
                     const struct room *room) {
    return state_role(judge->state, room, account->id);
}

bool judge_may(const struct judge *judge, const struct account *account, const struct room *room,
               enum right right) {
    return judge_role(judge, account, room) >=
           right_least_role(right_find(right), room->kind, room->access);
}

enum error_code judge_forbids(const struct judge *judge, const struct account *account,
                              const struct room *room, enum right right) {
    if (room == NULL || !judge_may(judge, account, room, RIGHT_READ))
        return ERROR_NOT_A_MEMBER;
    if (!judge_may(judge, account, room, right))
        return ERROR_NOT_ALLOWED;
    const struct account *other =
        room->kind == ROOM_DIRECT ? judge_other(judge, room, account) : NULL;
    return other != NULL && other != account &&
                   (right == RIGHT_POST || right == RIGHT_EDIT || right == RIGHT_TOPIC)
               ? judge_forbids_talk(account, other)
               : ERROR_NONE;
}

void judge_set_marks(struct judge *judge, struct room *room, const struct account *account,
                     unsigned marks) {
    if (room_marks(room, account->id) == marks)
        return;
    judge_fail_memory(judge, state_set_marks(judge->state, room, account->id, marks));
    store_set_marks(judge->store, room->id, account->id, marks);
}

static void judge_add_marks(struct judge *judge, struct room *room, const struct account *subject,
                            unsigned added, unsigned removed) {
    judge_set_marks(judge, room, subject, (room_marks(room, subject->id) & ~removed) | added);
}

void judge_end_membership(struct judge *judge, struct room *room, struct account *account) {
    struct message gone = {.type = MESSAGE_GONE};
    gone.gone.room = room->id;
    judge_fail_memory(judge, state_remove_member(judge->state, room, account));
    store_remove_member(judge->store, room->id, account->id);
    for (const struct presence *each = account->presences; each != NULL; each = each->next)
        batch_unsubscribe(&judge->batch, each->session, room, &gone);
}

/* Tells the room of an act; a kicked person is told as its last event. */
static void judge_tell_act(struct judge *judge, struct room *room, const struct act *act) {
    struct message acted = judge_event_by(MESSAGE_ACTED, act->actor);
    acted.acted.nick = wire_text(act->actor->nick);
    acted.acted.right = (uint8_t)act->right;
    acted.acted.subject = act->subject != NULL ? act->subject->id : 0;
    acted.acted.subject_nick = wire_text(act->subject != NULL ? act->subject->nick : "");
    acted.acted.detail = act->detail;
    batch_event(&judge->batch, room, &acted);
}

void judge_tell_invitation(struct judge *judge, const struct presence *presence,
                           const struct room *room, const char *by) {
    struct message invitation = {.type = MESSAGE_INVITATION};
    invitation.invitation.name = wire_text(room->name);
    invitation.invitation.nick = wire_text(by);
    batch_reply(&judge->batch, INBOX_REPLY, presence->session, &invitation);
}

enum error_code judge_invite(struct judge *judge, struct room *room, const struct act *act) {
    if (room_marks(room, act->subject->id) & MARK_BANNED)
        return ERROR_NOT_ALLOWED;
    unsigned before = room_marks(room, act->subject->id);
    if (room_has_member(room, act->subject->id) || (before & MARK_INVITED))
        return ERROR_NONE;
    /* The room is told once, whether or not the subject wishes to hear of it. */
    if (!(before & MARK_UNHEARD))
        judge_tell_act(judge, room, act);
    bool unheard = account_blocks(act->subject, act->actor->id);
    judge_add_marks(judge, room, act->subject, unheard ? MARK_UNHEARD : MARK_INVITED, 0);
    if (unheard)
        return ERROR_NONE;
    for (const struct presence *each = act->subject->presences; each != NULL; each = each->next)
        judge_tell_invitation(judge, each, room, act->actor->nick);
    return ERROR_NONE;
}

enum error_code judge_kick(struct judge *judge, struct room *room, const struct act *act) {
    judge_tell_act(judge, room, act);
    judge_add_marks(judge, room, act->subject, 0, MARKS_OF_INVITATION | MARK_MODERATOR);
    judge_end_membership(judge, room, act->subject);
    return ERROR_NONE;
}

enum error_code judge_ban(struct judge *judge, struct room *room, const struct act *act) {
    judge_tell_act(judge, room, act);
    judge_add_marks(judge, room, act->subject, MARK_BANNED, MARKS_OF_INVITATION | MARK_MODERATOR);
    if (room_has_member(room, act->subject->id))
        judge_end_membership(judge, room, act->subject);
    return ERROR_NONE;
}

/* A mark that is set or taken away; nothing is told when nothing changes. */
static enum error_code judge_change_marks(struct judge *judge, struct room *room,
                                          const struct act *act, unsigned added, unsigned removed) {
    unsigned before = room_marks(room, act->subject->id);
    if (((before & ~removed) | added) == before)
        return ERROR_NONE;
    judge_add_marks(judge, room, act->subject, added, removed);
    judge_tell_act(judge, room, act);
    return ERROR_NONE;
}

enum error_code judge_unban(struct judge *judge, struct room *room, const struct act *act) {
    return judge_change_marks(judge, room, act, 0, MARK_BANNED);
}

enum error_code judge_mute(struct judge *judge, struct room *room, const struct act *act) {
    return judge_change_marks(judge, room, act, MARK_MUTED, MARK_MODERATOR);
}

enum error_code judge_unmute(struct judge *judge, struct room *room, const struct act *act) {
    return judge_change_marks(judge, room, act, 0, MARK_MUTED);
}

enum error_code judge_op(struct judge *judge, struct room *room, const struct act *act) {
    return judge_change_marks(judge, room, act, MARK_MODERATOR, MARK_MUTED);
}

enum error_code judge_deop(struct judge *judge, struct room *room, const struct act *act) {
    return judge_change_marks(judge, room, act, 0, MARK_MODERATOR);
}

enum error_code judge_transfer(struct judge *judge, struct room *room, const struct act *act) {
    if (room->id == STATE_LOBBY || room->owner != act->actor->id || act->subject == act->actor)
        return ERROR_NOT_ALLOWED;
    judge_add_marks(judge, room, act->actor, MARK_MODERATOR, 0);
    judge_add_marks(judge, room, act->subject, 0, MARK_MODERATOR | MARK_MUTED);
    judge_fail_memory(judge, state_set_room_owner(judge->state, room, act->subject->id));
    store_set_room_owner(judge->store, room->id, act->subject->id);
    judge_tell_act(judge, room, act);
    return ERROR_NONE;
}

/* What a word of an access says. */
static const struct {
    const char *word;
    unsigned access;
} access_words[] = {
    {"public", 0},
    {"private", ACCESS_PRIVATE},
    {"read-only", ACCESS_READ_ONLY},
    {"private read-only", ACCESS_PRIVATE | ACCESS_READ_ONLY},
};

/* Whom members had invited while anybody could come in, is for the moderators to invite now. */
static void judge_end_invitations(struct judge *judge, struct room *room) {
    for (size_t i = room->mark_count; i > 0; i--) {
        const struct account *account = state_account(judge->state, room->marks[i - 1].account);
        if (account != NULL && !room_has_member(room, account->id))
            judge_add_marks(judge, room, account, 0, MARKS_OF_INVITATION);
    }
}

enum error_code judge_access(struct judge *judge, struct room *room, const struct act *act) {
    size_t i = 0;
    const size_t count = sizeof access_words / sizeof *access_words;
    while (i < count && !wire_text_equal(act->detail, wire_text(access_words[i].word)))
        i++;
    if (i == count)
        return ERROR_NO_SUCH_ACCESS;
    /* Everybody begins in the lobby. */
    if (room->id == STATE_LOBBY && (access_words[i].access & ACCESS_PRIVATE))
        return ERROR_NOT_ALLOWED;
    if (room->access == access_words[i].access)
        return ERROR_NONE;
    if ((access_words[i].access & ~room->access) & ACCESS_PRIVATE)
        judge_end_invitations(judge, room);
    judge_fail_memory(judge, state_set_access(judge->state, room, access_words[i].access));
    store_set_access(judge->store, room->id, access_words[i].access);
    judge_tell_act(judge, room, act);
    return ERROR_NONE;
}
