/* What a worker hands to the log thread or to a reader: a client's message, or the news that a
 * session ended. One block with the bytes its views point into; owned by whoever took it from a
 * queue. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include "link.h"
#include "protocol.h"
#include "queue.h"

#include <stdatomic.h>
#include <stdint.h>

enum request_kind {
    REQUEST_MESSAGE, /* `message` of `session` */
    REQUEST_GONE,    /* `session` has ended */
    REQUEST_PULSE,   /* count `beats` up, to show that the thread turns */
    REQUEST_STOP     /* nothing more comes from this sender */
};

/* Where a greeting comes from, as the connection shows it and not as its frames say. */
struct request_origin {
    bool has_key;
    uint8_t key[LINK_KEY_BYTES];
    bool loopback; /* from this machine */
};

/* Whose a search is, and which turns it has of those of its address and its account; see
 * search_turns.h. */
struct request_turn {
    uint64_t address;
    uint64_t account;
    uint64_t of_address;
    uint64_t of_account;
};

struct request {
    struct queue_item item; /* first, see queue.h */
    enum request_kind kind;
    uint64_t session;
    struct request_origin origin; /* of a hello */
    struct message message;
    uint32_t departures; /* of the session, for a search */
    uint32_t *rooms;     /* for a search: the rooms the session may see; freed with the request */
    size_t room_count;
    struct request_turn turn;
    atomic_uint *beats; /* for a pulse */
    uint8_t payload[];
};

/* A session's identity across threads: never a pointer, so that a late answer meets nobody. */
static inline uint64_t session_identity(unsigned worker, uint32_t generation, uint32_t slot) {
    return (uint64_t)worker << 56 | (uint64_t)(generation & 0xFFFFFFu) << 32 | slot;
}

static inline unsigned session_worker(uint64_t session) {
    return (unsigned)(session >> 56);
}

static inline uint32_t session_slot(uint64_t session) {
    return (uint32_t)session;
}

/* A request with a copy of the payload, not yet decoded; NULL when out of memory. */
struct request *request_new(enum request_kind kind, uint64_t session, struct wire_blob payload);
void request_free(struct request *request);
void request_discard(struct queue_item *item); /* for queue_free */

#endif
