#include "batch.h"
#include "amend.h"
#include "clock.h"
#include "fault.h"
#include "frame.h"
#include "request.h"

#include <stdlib.h>

/* A segment stays small enough for a few to fit a page and an out-queue. */
enum { BATCH_SEGMENT_MAX = 32768 };

/* A batch is judged, stored and told in a few milliseconds, and takes this memory at most. */
enum { BATCH_BYTES_MAX = 4 << 20, BATCH_AMENDMENTS_MAX = 64 };

bool batch_is_full(const struct batch *batch) {
    return batch->bytes >= BATCH_BYTES_MAX || batch->amendments >= BATCH_AMENDMENTS_MAX;
}

static struct output *batch_add(struct batch *batch, enum inbox_kind kind, uint64_t session,
                                struct room *room) {
    struct output *output = calloc(1, sizeof *output);
    if (output == NULL) {
        batch->failed = true;
        return NULL;
    }
    output->kind = kind;
    output->session = session;
    output->of_room = room;
    output->room = room != NULL ? room->id : 0;
    if (batch->last != NULL)
        batch->last->next = output;
    else
        batch->first = output;
    batch->last = output;
    return output;
}

static struct author author_of(const struct message *event) {
    if (event->type != MESSAGE_MESSAGE)
        return (struct author){0};
    return (struct author){event->event.actor, event->message.outbox, event->message.number};
}

/* Whether the one message follows the other. The nick is the same then: a new one would be an event
 * between them. */
static bool author_goes_on(const struct author *before, const struct author *now) {
    return before->number != 0 && before->actor == now->actor && before->outbox == now->outbox &&
           before->number + 1 == now->number;
}

/* The same in brief, as soon as that is shorter. */
static void output_add_brief(struct output *output, const struct message *event, size_t before) {
    const struct author author = author_of(event);
    const bool goes_on = author_goes_on(&output->author, &author);
    output->author = author;
    if (output->brief.size == 0 && !goes_on)
        return;
    if (output->brief.size == 0)
        buffer_append(&output->brief, output->bytes.data, before);
    if (!goes_on) {
        buffer_append(&output->brief, output->bytes.data + before, output->bytes.size - before);
        return;
    }
    struct message further = {.type = MESSAGE_FURTHER};
    further.further.body = event->message.body;
    message_encode(&output->brief, &further);
}

void batch_event(struct batch *batch, struct room *room, struct message *event) {
    struct output **open = room != NULL ? &room->open_output : &batch->own_room;
    if (*open == NULL || (*open)->bytes.size >= BATCH_SEGMENT_MAX)
        *open = batch_add(batch, INBOX_EVENTS, 0, room);
    if (*open == NULL)
        return;
    const size_t before = (*open)->bytes.size;
    const size_t before_brief = (*open)->brief.size;
    event->event.time = batch->time;
    event->event.room = room != NULL ? room->id : 0;
    message_encode(&(*open)->bytes, event);
    output_add_brief(*open, event, before);
    batch->bytes += (*open)->bytes.size - before + (*open)->brief.size - before_brief;
    batch->amendments += event->type == MESSAGE_EDITED || event->type == MESSAGE_DELETED;
    (*open)->messages += event->type == MESSAGE_MESSAGE;
    batch->failed = batch->failed || (*open)->bytes.failed || (*open)->brief.failed;
}

/* A frame for one session, in an output of its own or behind the last one of the same session. */
static struct output *batch_frame(struct batch *batch, enum inbox_kind kind, uint64_t session,
                                  struct room *room, const struct message *message) {
    struct output *output = batch->last;
    bool joins_last = kind == INBOX_REPLY && output != NULL && output->kind == INBOX_REPLY &&
                      output->session == session;
    if (!joins_last)
        output = batch_add(batch, kind, session, room);
    if (output == NULL)
        return NULL;
    if (room != NULL)
        room->open_output = NULL;
    size_t before = output->bytes.size;
    message_encode(&output->bytes, message);
    batch->bytes += output->bytes.size - before + sizeof *output;
    batch->failed = batch->failed || output->bytes.failed;
    return output;
}

void batch_reply(struct batch *batch, enum inbox_kind kind, uint64_t session,
                 const struct message *message) {
    batch_frame(batch, kind, session, NULL, message);
}

void batch_welcome(struct batch *batch, uint64_t session, uint32_t account, bool is_new,
                   const struct message *message) {
    struct output *output = batch_frame(batch, INBOX_WELCOME, session, NULL, message);
    if (output == NULL)
        return;
    output->account = account;
    output->is_new = is_new;
}

void batch_begin_member(struct room *room, struct account *account) {
    if (room->open_output == NULL)
        return; /* memory ran out a moment ago: the batch is to be undone */
    room->open_output->begins = account;
    room->open_output = NULL;
}

void batch_subscribe(struct batch *batch, uint64_t session, struct room *room,
                     const struct account *subscriber, bool is_new, const struct message *message) {
    struct output *output = batch_frame(batch, INBOX_SUBSCRIBE, session, room, message);
    if (output == NULL)
        return;
    output->subscriber = subscriber;
    output->is_new = is_new;
}

void batch_seen(struct batch *batch, uint64_t session, struct room *room, uint64_t read_messages,
                const struct message *message) {
    struct output *output = batch_frame(batch, INBOX_SEEN, session, room, message);
    if (output != NULL)
        output->read_messages = read_messages;
}

void batch_unsubscribe(struct batch *batch, uint64_t session, struct room *room,
                       const struct message *message) {
    batch_frame(batch, INBOX_UNSUBSCRIBE, session, room, message);
}

/* Carries out the edits and deletions among the events of a segment, once it is stored. */
static bool output_amend(const struct output *output, struct store *store) {
    const struct segment *segment = output->segment;
    struct wire_reader reader = {segment->bytes, segment->bytes + segment->size};
    struct wire_blob payload;
    struct message event;
    bool done = true;
    while (frame_take(&reader, &payload) == FRAME_READY)
        if ((payload.data[0] == MESSAGE_EDITED || payload.data[0] == MESSAGE_DELETED) &&
            message_decode(payload, &event) == ERROR_NONE)
            done = amend_apply(store, &event) && done;
    return done;
}

/* Now that it is known where the room stands, stores that the new member has read it up to there;
 * unless it has left again. */
static bool output_begin_member(const struct output *output, struct state *state,
                                struct store *store) {
    const struct room *room = output->of_room;
    if (room == NULL || output->begins == NULL || account_reading(output->begins, room->id) == NULL)
        return true;
    const struct stored_member member = {room->id, output->begins->id, room->newest,
                                         room->messages};
    store_set_member(store, &member);
    return state_set_read(state, output->begins, room->id, room->newest, room->messages);
}

/* Gives the events their ids, from `id` on; the id behind them. */
static uint64_t segment_number(struct segment *segment, uint64_t id) {
    struct wire_reader reader = {segment->bytes, segment->bytes + segment->size};
    struct wire_blob payload;
    uint8_t *frame = segment->bytes;
    segment->first_id = id;
    for (; frame_take(&reader, &payload) == FRAME_READY; id++) {
        if (payload.data[0] != MESSAGE_FURTHER)
            event_set_id(frame, id);
        frame = segment->bytes + (reader.at - segment->bytes);
    }
    segment->last_id = id - 1;
    return id;
}

/* For the clients that asked for it. */
static bool output_seal_brief(struct output *output) {
    if (output->brief.size == 0)
        return true;
    output->brief_segment = segment_new(&output->brief);
    if (output->brief_segment == NULL)
        return false;
    segment_number(output->brief_segment, output->segment->first_id);
    return true;
}

static void output_seal(struct output *output, uint64_t *next_id, struct state *state,
                        struct store *store) {
    struct room *room = output->of_room;
    uint64_t messages = (room != NULL ? room->messages : 0) + output->messages;
    output->segment->room = output->room;
    *next_id = segment_number(output->segment, *next_id);
    store_add_segment(store, output->segment, messages);
    if (!output_seal_brief(output) ||
        (room != NULL && !state_set_newest(state, room, *next_id - 1, messages)) ||
        !output_begin_member(output, state, store) || !output_amend(output, store))
        output->bytes.failed = true;
}

/* Now that it is known, tells a new subscriber, or one who has read on, where the room stands. */
static void output_place(struct output *output, uint64_t position) {
    const struct room *room = output->of_room;
    struct segment *frame = output->segment;
    if (output->kind == INBOX_SEEN) {
        seen_set_unread(frame->bytes, frame->size, room_unread(room, output->read_messages));
        return;
    }
    const struct reading *reading = account_reading(output->subscriber, room->id);
    /* One that has left again, as the next frames say, has nothing to read. */
    const uint64_t read = reading != NULL ? reading->read : room->newest;
    const uint32_t unread = reading != NULL ? room_unread(room, reading->messages) : 0;
    room_set_position(frame->bytes, frame->size, position, room->newest, read, unread);
}

void batch_seal(struct batch *batch, uint64_t *next_id, struct state *state, struct store *store) {
    for (struct output *output = batch->first; output != NULL; output = output->next) {
        output->segment = segment_new(&output->bytes);
        if (output->segment == NULL) {
            batch->failed = true;
            continue;
        }
        if (output->kind == INBOX_EVENTS)
            output_seal(output, next_id, state, store);
        else if (output->kind == INBOX_SUBSCRIBE || output->kind == INBOX_SEEN)
            output_place(output, *next_id - 1);
        batch->failed = batch->failed || output->bytes.failed;
    }
}

static bool output_send(struct output *output, struct queue_chain *chain) {
    struct inbox_item *item =
        inbox_new(output->kind, output->session, output->room, segment_take(output->segment));
    if (item == NULL) {
        segment_drop(output->segment);
        return false;
    }
    if (output->brief_segment != NULL)
        inbox_add_brief(item, segment_take(output->brief_segment));
    item->account = output->account;
    item->is_new = output->is_new;
    queue_chain_add(chain, &item->item);
    return true;
}

void batch_publish(struct batch *batch, struct queue *const *inboxes, unsigned inbox_count) {
    struct queue_chain chains[STATE_WORKERS_MAX] = {{0}};
    for (struct output *output = batch->first; output != NULL; output = output->next) {
        bool to_all = output->kind == INBOX_EVENTS;
        unsigned only = session_worker(output->session);
        if (output->segment == NULL || (to_all && output->of_room == NULL))
            continue;
        for (unsigned i = 0; i < inbox_count; i++)
            while ((to_all || i == only) && !output_send(output, &chains[i])) {
                /* What is committed must be told; memory comes back when workers have sent theirs.
                 */
                queue_push(inboxes[i], &chains[i]);
                clock_pause();
            }
    }
    for (unsigned i = 0; i < inbox_count; i++) {
        queue_push(inboxes[i], &chains[i]);
        FAULT_POINT("publish-between-workers");
    }
}

void batch_clear(struct batch *batch) {
    for (struct output *output = batch->first; output != NULL;) {
        struct output *next = output->next;
        segment_drop(output->segment);
        segment_drop(output->brief_segment);
        buffer_free(&output->bytes);
        buffer_free(&output->brief);
        if (output->of_room != NULL)
            output->of_room->open_output = NULL;
        free(output);
        output = next;
    }
    *batch = (struct batch){0};
}
