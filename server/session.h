/* One connection, as its worker sees it. The worker's alone; other threads know it by its identity.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "frame.h"
#include "link.h"
#include "outqueue.h"
#include "peers.h"
#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SESSION_OUTPUT_MAX = 1 << 20,  /* bytes waiting, beyond which it is behind */
    SESSION_ANSWERS_MAX = 8 << 20, /* and beyond which one that goes on asking is dropped */
    SESSION_FAREWELL_MILLISECONDS = 1000,
    SESSION_SLOW_MILLISECONDS = 30000, /* between two times it is told to slow down */
    SESSION_EMPTY_READS_MAX = 32       /* a greeting comes in a few pieces at most */
};

enum session_phase {
    SESSION_NEW,      /* nothing but a hello may come */
    SESSION_GREETED,  /* its hello went to the log thread */
    SESSION_CLOSING,  /* what it sends is ignored; what waits for it is written */
    SESSION_FINISHED, /* written; waiting for the peer to close */
    SESSION_ENDED     /* closed; freed at the end of the turn */
};

/* Its place in a room's roster. */
struct membership {
    uint32_t room;
    uint32_t place;
};

struct session {
    uint64_t identity;
    struct link link;
    struct peer *address; /* where it comes from, */
    struct peer *account; /* and who it is, once it is welcome */
    enum session_phase phase;
    struct frame_reader input;
    struct outqueue output;
    struct membership *memberships;
    uint32_t membership_count;
    uint32_t membership_capacity;
    uint64_t heard;       /* when something last came, by the monotonic clock */
    uint64_t phase_since; /* when the phase began */
    uint64_t wait_until;  /* its input waits until then, because of its pace */
    uint64_t told_slow;   /* when it was told so last; 0: never */
    uint64_t frame_since; /* when the unfinished frame began; 0 when there is none */
    uint32_t interest;    /* what epoll watches for */
    uint32_t empty_reads; /* before its greeting, that brought nothing for us */
    unsigned reads;       /* requests at the readers */
    uint32_t departures;  /* how often it ceased to be subscribed to a room */
    bool searching;       /* one of them is a search */
    bool behind;          /* misses live events until its output has drained */
    bool held;            /* its input waits, */
    bool paced;           /* because of its pace, or until it is welcome */
    bool counted;         /* its greeting counts for its address, */
    bool unwelcome;       /* was handed over, and has not been answered yet */
    bool secured;         /* its handshake is done, or it needs none */
    bool wants_brief;     /* it understands `further` */
    bool dirty;           /* has output that was not yet tried */
    struct session *next_dirty;
    struct session *next_ended;
};

/* Whether the session is a subscribed member of the room. */
bool session_in_room(const struct session *session, uint32_t room);

/* Puts frames into the output, taking over the reference. False when out of memory. */
bool session_send(struct session *session, struct segment *frames);

/* Encodes a message and sends it. False when out of memory. */
bool session_send_message(struct session *session, const struct message *message);

/* Frees what the session holds; it must be in no roster. */
void session_free(struct session *session);

#endif
