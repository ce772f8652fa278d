/* What one commit brings about, in order: segments of events, and frames for single sessions
 * between them. The log thread's alone. Ids are given when the batch is sealed, so a room's events
 * of one batch lie back to back however they came in. */
#ifndef SERVER_BATCH_H
#define SERVER_BATCH_H

#include "inbox.h"
#include "state.h"

/* Whose message an output ends with; number 0: none. */
struct author {
    uint32_t actor;
    uint64_t outbox;
    uint64_t number;
};

/* One entry of the batch. */
struct output {
    enum inbox_kind kind;
    uint64_t session; /* for all kinds but INBOX_EVENTS */
    uint32_t room;
    struct room *of_room; /* NULL for the server's own room, which nobody is in */
    unsigned messages;    /* among its events */
    uint32_t account;     /* of a welcome, */
    bool is_new;          /* and whether it, or the room of a subscriber, was made for it */
    const struct account *subscriber;
    struct account *begins; /* a member whose `joined` is the last of its events, or NULL */
    uint64_t read_messages; /* of a `seen`: how many of the room's messages were read */
    struct buffer bytes;
    struct buffer
        brief; /* of events: the same with `further` for what goes on; empty without any */
    struct author author;
    struct segment *segment;       /* once sealed */
    struct segment *brief_segment; /* once sealed; NULL when there is none */
    struct output *next;
};

struct batch {
    struct output *first;
    struct output *last;
    struct output *own_room; /* open output of the server's own room */
    uint64_t time;           /* of all its events */
    size_t bytes;            /* of all its frames */
    unsigned amendments;     /* edits and deletions, each of which rewrites rows */
    bool failed;             /* memory ran out: the batch is to be undone */
};

/* So much came of the requests so far that the next one is for another batch: what a request brings
 * about may be a thousand times its own size. */
bool batch_is_full(const struct batch *batch);

/* Appends an event to the room (NULL: the server's own), with its time and room filled in. */
void batch_event(struct batch *batch, struct room *room, struct message *event);

/* Appends a frame for one session. Consecutive replies to a session travel together. */
void batch_reply(struct batch *batch, enum inbox_kind kind, uint64_t session,
                 const struct message *message);

/* Appends the `welcome` that makes the session the account's, which may be new. */
void batch_welcome(struct batch *batch, uint64_t session, uint32_t account, bool is_new,
                   const struct message *message);

/* The account's `joined` has just been appended: it has read the room up to there, wherever that
 * will be. Stores the membership. */
void batch_begin_member(struct room *room, struct account *account);

/* Appends a `room` or a `gone`: from there on the session gets the room's events, or does not. */
void batch_subscribe(struct batch *batch, uint64_t session, struct room *room,
                     const struct account *subscriber, bool is_new, const struct message *message);
void batch_unsubscribe(struct batch *batch, uint64_t session, struct room *room,
                       const struct message *message);

/* Appends a `seen`, whose count is of the moment when it is sent. */
void batch_seen(struct batch *batch, uint64_t session, struct room *room, uint64_t read_messages,
                const struct message *message);

/* Gives ids from *next_id on, makes the segments and hands them to the store. */
void batch_seal(struct batch *batch, uint64_t *next_id, struct state *state, struct store *store);

/* Sends every worker its part, waiting where an inbox is full. */
void batch_publish(struct batch *batch, struct queue *const *inboxes, unsigned inbox_count);

/* Empties the batch. */
void batch_clear(struct batch *batch);

#endif
