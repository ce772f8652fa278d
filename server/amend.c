#include "amend.h"
#include "frame.h"

/* Twice what a batch makes at most, see batch.c. */
enum { AMEND_SEGMENT_MAX = 65536 };

bool amend_is_deleted(const struct message_message *message) {
    return message->amended != 0 && message->body.size == 0;
}

/* Takes frames up to the event; false when it is not among them. */
static bool amend_seek(struct wire_reader *frames, uint64_t id, struct message *event) {
    struct wire_blob payload;
    while (frame_take(frames, &payload) == FRAME_READY)
        if (message_decode(payload, event) == ERROR_NONE && event->event.id == id)
            return true;
    return false;
}

bool amend_find(struct store *store, uint64_t id, struct message *event) {
    struct stored_segment segment;
    if (!store_find_segment(store, id, &segment))
        return false;
    struct wire_reader frames = {segment.frames.data, segment.frames.data + segment.frames.size};
    return amend_seek(&frames, id, event);
}

/* Puts another body into a stored message, or takes the body out of a stored edit. */
static void amend_set_body(struct message *event, uint64_t time, struct wire_text body) {
    if (event->type == MESSAGE_MESSAGE) {
        event->message.body = body;
        event->message.amended = time;
    } else if (event->type == MESSAGE_EDITED) {
        event->edited.body = body;
    }
}

/* The segment's frames with the one event changed; the others stay byte for byte. */
static bool amend_copy(const struct stored_segment *segment, uint64_t id, uint64_t time,
                       struct wire_text body, struct buffer *copy) {
    struct wire_reader frames = {segment->frames.data, segment->frames.data + segment->frames.size};
    const uint8_t *start = frames.at;
    struct wire_blob payload;
    struct message event;
    while (frame_take(&frames, &payload) == FRAME_READY) {
        if (message_decode(payload, &event) == ERROR_NONE && event.event.id == id) {
            amend_set_body(&event, time, body);
            message_encode(copy, &event);
        } else {
            buffer_append(copy, start, (size_t)(frames.at - start));
        }
        start = frames.at;
    }
    return !copy->failed;
}

/* Cuts a segment that edits have made too large into two of about half its size. */
static void amend_store_halves(struct store *store, const struct stored_segment *segment) {
    struct wire_reader frames = {segment->frames.data, segment->frames.data + segment->frames.size};
    struct stored_segment first = *segment;
    struct stored_segment second = *segment;
    struct wire_blob payload;
    while (frame_take(&frames, &payload) == FRAME_READY) {
        size_t size = (size_t)(frames.at - segment->frames.data);
        second.first_id++;
        if (size < segment->frames.size / 2)
            continue;
        first.frames.size = size;
        second.frames = (struct wire_blob){frames.at, segment->frames.size - size};
        break;
    }
    first.last_id = second.first_id - 1;
    while (frame_take(&frames, &payload) == FRAME_READY)
        first.messages -= payload.data[0] == MESSAGE_MESSAGE;
    store_put_segment(store, &first);
    if (second.frames.size > 0 && first.frames.size < segment->frames.size)
        store_put_segment(store, &second);
}

/* Changes a stored event. */
static bool amend_rewrite(struct store *store, uint64_t id, uint64_t time, struct wire_text body) {
    struct stored_segment segment;
    struct buffer copy = {0};
    if (!store_find_segment(store, id, &segment))
        return true; /* removed; or not to be read, which fails the batch */
    bool made = amend_copy(&segment, id, time, body, &copy);
    segment.frames = (struct wire_blob){copy.data, copy.size};
    if (made && copy.size > AMEND_SEGMENT_MAX)
        amend_store_halves(store, &segment);
    else if (made)
        store_put_segment(store, &segment);
    buffer_free(&copy);
    return made;
}

bool amend_apply(struct store *store, const struct message *amendment) {
    bool deletion = amendment->type == MESSAGE_DELETED;
    uint64_t target = deletion ? amendment->deleted.target : amendment->edited.target;
    const struct wire_text nothing = {"", 0};
    const struct stored_edit edit = {target, amendment->event.id};
    struct stored_edit before;
    struct message event;
    if (!amend_find(store, target, &event) || event.type != MESSAGE_MESSAGE)
        return true;
    /* What was deleted, perhaps by a request just before this one, stays so. */
    bool gone = deletion || amend_is_deleted(&event.message);
    bool done = amend_rewrite(store, target, amendment->event.time,
                              gone ? nothing : amendment->edited.body);
    if (store_edit_of(store, target, &before))
        done = amend_rewrite(store, before.id, 0, nothing) && done;
    if (!gone)
        store_set_edit(store, &edit);
    else
        store_remove_edit(store, target);
    return deletion || !gone ? done : amend_rewrite(store, edit.id, 0, nothing) && done;
}

bool amend_forget(struct store *store, uint64_t up_to) {
    const struct wire_text nothing = {"", 0};
    struct stored_edit edit;
    bool done = true;
    while (done && store_first_edit(store, up_to, &edit)) {
        done = amend_rewrite(store, edit.id, 0, nothing);
        store_remove_edit(store, edit.target);
    }
    return done;
}
