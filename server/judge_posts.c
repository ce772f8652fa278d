/* What is said: posts, edits, deletions, and how far it was read. */
#include "amend.h"
#include "frame.h"
#include "judge_parts.h"

static void judge_refuse_post(struct judge *judge, const struct request *request,
                              struct outbox *outbox, enum error_code code) {
    struct message refused = {.type = MESSAGE_REFUSED};
    refused.refused.number = request->message.post.number;
    refused.refused.code = (uint16_t)code;
    refused.refused.reason = wire_text(error_text(code));
    outbox->refused_at = request->message.post.number;
    batch_reply(&judge->batch, INBOX_REPLY, request->session, &refused);
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
    /* Who has left the room of two is in it again when the other has something to say. */
    if (room->kind == ROOM_DIRECT)
        judge_complete_pair(judge, room);
    struct message event = judge_event_by(MESSAGE_MESSAGE, presence->account);
    event.message.nick = wire_text(presence->account->nick);
    event.message.outbox = presence->outbox->id;
    event.message.number = post->number;
    event.message.body = post->body;
    batch_event(&judge->batch, room, &event);
    judge_fail_memory(judge, state_set_up_to(judge->state, presence->outbox, post->number));
    presence->outbox->refused_at = 0;
    judge_note_post(judge, presence);
}

void judge_post(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_post *post = &request->message.post;
    struct outbox *outbox = presence->outbox;
    struct room *room = state_room(judge->state, post->room);
    enum error_code error;
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
    else if ((error = judge_forbids(judge, presence->account, room, RIGHT_POST)) != ERROR_NONE)
        judge_refuse_post(judge, request, outbox, error);
    else if (judge->read_only)
        judge_refuse_post(judge, request, outbox, ERROR_STORAGE);
    else
        judge_store_post(judge, presence, room, post);
}

/* Why the account may not change the message, with the one right if it is its own and else the
 * other; ERROR_NONE when it may. */
static enum error_code judge_forbids_amend(struct judge *judge, const struct account *account,
                                           const struct room *room, uint64_t id, enum right own,
                                           enum right any) {
    struct message target;
    enum error_code error = judge_forbids(judge, account, room, RIGHT_READ);
    if (error != ERROR_NONE)
        return error;
    if (judge->read_only)
        return ERROR_STORAGE;
    if (!amend_find(judge->store, id, &target) || target.type != MESSAGE_MESSAGE ||
        target.event.room != room->id || amend_is_deleted(&target.message))
        return ERROR_NO_SUCH_MESSAGE;
    if (target.event.actor == account->id)
        return judge_forbids(judge, account, room, own);
    return any != own && judge_may(judge, account, room, any) ? ERROR_NONE : ERROR_NOT_YOURS;
}

void judge_edit(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_edit *edit = &request->message.edit;
    const struct room *room = state_room(judge->state, edit->room);
    enum error_code error = ERROR_BODY_INVALID;
    if (edit->body.size > 0 && edit->body.size <= BODY_BYTES_MAX)
        error =
            judge_forbids_amend(judge, presence->account, room, edit->id, RIGHT_EDIT, RIGHT_EDIT);
    if (error != ERROR_NONE) {
        judge_error(judge, request, edit->tag, error);
        return;
    }
    struct message edited = judge_event_by(MESSAGE_EDITED, presence->account);
    edited.edited.nick = wire_text(presence->account->nick);
    edited.edited.target = edit->id;
    edited.edited.body = edit->body;
    batch_event(&judge->batch, state_room(judge->state, edit->room), &edited);
    judge->purge = true;
    judge_done(judge, request, edit->tag);
}

void judge_delete(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_delete *delete = &request->message.delete;
    const struct room *room = state_room(judge->state, delete->room);
    enum error_code error = judge_forbids_amend(judge, presence->account, room, delete->id,
                                                RIGHT_DELETE_OWN, RIGHT_DELETE_ANY);
    if (error != ERROR_NONE) {
        judge_error(judge, request, delete->tag, error);
        return;
    }
    struct message deleted = judge_event_by(MESSAGE_DELETED, presence->account);
    deleted.deleted.nick = wire_text(presence->account->nick);
    deleted.deleted.target = delete->id;
    batch_event(&judge->batch, state_room(judge->state, delete->room), &deleted);
    judge->purge = true;
    judge_done(judge, request, delete->tag);
}

/* Tells the other clients of the account how far one of them has read. */
static void judge_tell_seen(struct judge *judge, const struct presence *reader, struct room *room,
                            const struct reading *reading) {
    struct message seen = {.type = MESSAGE_SEEN};
    seen.seen.room = room->id;
    seen.seen.id = reading->read;
    for (const struct presence *each = reader->account->presences; each != NULL; each = each->next)
        if (each != reader)
            batch_seen(&judge->batch, each->session, room, reading->messages, &seen);
}

/* How many messages the room had up to the event. */
static uint64_t judge_count_messages(struct judge *judge, const struct room *room, uint64_t id) {
    struct stored_segment segment;
    struct wire_blob payload;
    struct message event;
    if (id >= room->newest)
        return room->messages;
    if (!store_find_in_room(judge->store, room->id, id, &segment))
        return room->removed;
    struct wire_reader frames = {segment.frames.data, segment.frames.data + segment.frames.size};
    uint64_t later = 0;
    while (frame_take(&frames, &payload) == FRAME_READY)
        if (message_decode(payload, &event) == ERROR_NONE && event.event.id > id)
            later += event.type == MESSAGE_MESSAGE;
    return segment.messages - later;
}

void judge_read(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_read *read = &request->message.read;
    struct room *room = state_room(judge->state, read->room);
    const struct reading *reading = account_reading(presence->account, read->room);
    /* Not worth an error: the room was left meanwhile, or another client has read further. */
    uint64_t newest = room != NULL ? room->newest : 0;
    uint64_t id = read->id < newest ? read->id : newest;
    if (reading == NULL || judge->read_only || id <= reading->read)
        return;
    uint64_t messages = judge_count_messages(judge, room, id);
    const struct stored_member member = {room->id, presence->account->id, id, messages};
    store_set_member(judge->store, &member);
    if (state_set_read(judge->state, presence->account, room->id, id, messages))
        judge_tell_seen(judge, presence, room, reading);
    else
        judge_fail_memory(judge, false);
}
