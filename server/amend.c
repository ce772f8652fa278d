#include "amend.h"
#include "frame.h"

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

/* Rewrites the segment with the event changed; the others stay byte for byte. */
static bool amend_rewrite(struct store *store, uint64_t id, uint64_t time, struct wire_text body) {
    struct stored_segment segment;
    struct message event;
    struct buffer rewritten = {0};
    if (!store_find_segment(store, id, &segment))
        return true; /* retention was faster */
    struct wire_reader frames = {segment.frames.data, segment.frames.data + segment.frames.size};
    const uint8_t *start = frames.at;
    struct wire_blob payload;
    while (frame_take(&frames, &payload) == FRAME_READY) {
        bool wanted = message_decode(payload, &event) == ERROR_NONE && event.event.id == id;
        if (wanted) {
            amend_set_body(&event, time, body);
            message_encode(&rewritten, &event);
        } else {
            buffer_append(&rewritten, start, (size_t)(frames.at - start));
        }
        start = frames.at;
    }
    bool made = !rewritten.failed;
    if (made)
        store_set_segment(store, segment.first_id,
                          (struct wire_blob){rewritten.data, rewritten.size});
    buffer_free(&rewritten);
    return made;
}

bool amend_apply(struct store *store, const struct message *amendment) {
    bool deletion = amendment->type == MESSAGE_DELETED;
    uint64_t target = deletion ? amendment->deleted.target : amendment->edited.target;
    const struct wire_text nothing = {"", 0};
    struct message event;
    if (!amend_find(store, target, &event) || event.type != MESSAGE_MESSAGE)
        return true;
    store_add_amendment(store, target, amendment->event.id);
    /* What was deleted, perhaps by a request just before this one, stays so. */
    bool gone = deletion || amend_is_deleted(&event.message);
    bool done = amend_rewrite(store, target, amendment->event.time,
                              gone ? nothing : amendment->edited.body);
    for (uint64_t id = 0; (id = store_amendment_after(store, target, id)) != 0;)
        if (gone || id != amendment->event.id)
            done = amend_rewrite(store, id, 0, nothing) && done;
    return done;
}
