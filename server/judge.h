/* Judges requests against the state, one at a time: what may be done becomes events and changes of
 * the state, what may not gets its error. The log thread's alone. */
#ifndef SERVER_JUDGE_H
#define SERVER_JUDGE_H

#include "batch.h"
#include "metrics.h"
#include "peer_limits.h"
#include "request.h"
#include "state.h"
#include "store.h"

struct judge {
    struct state *state;
    struct store *store;
    struct batch batch;
    uint64_t position;                /* where the log stands before the batch */
    struct outbox *touched;           /* outboxes with new posts in this batch */
    struct presence *due;             /* sessions to be told `stored` */
    const struct peer_limits *limits; /* NULL: none */
    struct metrics *metrics;          /* NULL: nobody counts */
    bool plaintext;                   /* the server talks without TLS: nobody can show a key */
    unsigned guesses;    /* wrong codes that are not forgotten yet, see judge_codes.c */
    uint64_t guesses_at; /* since when the oldest is to be; monotonic */
    bool purge;          /* text was replaced or deleted: what the disk has of it is to go */
    bool read_only;      /* nothing can be stored: refuse what would have to be */
};

/* Judges one request; its outcome is in the judge's batch. */
void judge_request(struct judge *judge, const struct request *request);

/* Ends the session with the error as its last frame. */
void judge_end(struct judge *judge, uint64_t session, enum error_code code, const char *suggestion);

/* Makes the room everyone is in, in a log that has none. */
void judge_make_lobby(struct judge *judge);

/* After the last request of a batch: notes the outboxes, acknowledges the posts. */
void judge_finish(struct judge *judge);

/* Throws the batch away, with every change it made to the state. */
void judge_undo(struct judge *judge);

#endif
