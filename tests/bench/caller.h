/* A client that asks one thing at a time and waits for its answer. One thread. */
#ifndef TESTS_BENCH_CALLER_H
#define TESTS_BENCH_CALLER_H

#include "frame.h"
#include "link.h"
#include "protocol.h"

struct caller {
    struct link link;
    struct frame_reader reader;
    uint8_t bytes[FRAME_PAYLOAD_MAX];
    uint8_t secret[SECRET_BYTES]; /* once it was welcomed */
    bool known;
    uint64_t outbox; /* 0: it does not post */
};

/* Connects, greets as who it was before, and takes the welcome with all its rooms. */
bool caller_call(struct caller *caller, const char *port, const char *nick);
void caller_hang_up(struct caller *caller);

/* Sends a request and waits for an answer of that type, passing over what else comes. What the
 * answer points to is valid until the next call. False, with a word on stderr, on an error; it is
 * the answer then, if it was the server's. */
bool caller_ask(struct caller *caller, const struct message *request, enum message_type type,
                struct message *answer);

/* Waits for another one of that type. */
bool caller_expect(struct caller *caller, enum message_type type, struct message *answer);

#endif
