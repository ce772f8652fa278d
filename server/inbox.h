/* What other threads tell a worker, through its inbox queue, in order. The worker owns an item from
 * taking it to inbox_free. */
#ifndef SERVER_INBOX_H
#define SERVER_INBOX_H

#include "link.h"
#include "queue.h"
#include "segment.h"

#include <stdatomic.h>
#include <stdint.h>

struct peer;
struct tls;

enum inbox_kind {
    INBOX_ADOPT,       /* a fresh connection: link */
    INBOX_EVENTS,      /* a committed segment for the local members of its room */
    INBOX_REPLY,       /* frames for one session */
    INBOX_WELCOME,     /* the same, and from here on the session is known as `account` */
    INBOX_READ_DONE,   /* the same, the answer of a reader to a history request */
    INBOX_SEARCH_DONE, /* the same, to a search */
    INBOX_SEEN,        /* the same, how far another client has read a room */
    INBOX_SUBSCRIBE,   /* from here on the session gets the room's events; frames to send first */
    INBOX_UNSUBSCRIBE, /* from here on it does not; frames to send */
    INBOX_END,         /* send the frames and close the session */
    INBOX_LISTEN,      /* let connections in from here on, who has the listener */
    INBOX_TLS,         /* connections from here on are secured with `tls` */
    INBOX_PULSE,       /* count `beats` up, to show that the thread turns */
    INBOX_DRAIN, /* accept and read nothing more; tell the log thread when all is handed over */
    INBOX_STOP   /* say goodbye to everyone, flush, and end the thread */
};

struct inbox_item {
    struct queue_item item; /* first, see queue.h */
    enum inbox_kind kind;
    uint32_t room;
    uint64_t session;
    struct segment *frames; /* a reference of the item's own, or NULL */
    struct segment *brief;  /* the same, of events for those who understand `further` */
    uint32_t tag;           /* of the request that is answered by a reader */
    uint32_t departures;    /* of its session when it was asked, see session.h */
    struct link link;
    struct peer *peer; /* of an adoption: the address it was counted for */
    uint32_t account;  /* of a welcome, */
    bool is_new;       /* and whether it, or the room of a subscription, was made for the session */
    struct tls *tls;   /* a reference of the item's own, or NULL */
    atomic_uint *beats; /* for a pulse */
};

/* A new item that takes over the caller's reference to `frames`; NULL when out of memory. */
struct inbox_item *inbox_new(enum inbox_kind kind, uint64_t session, uint32_t room,
                             struct segment *frames);
/* Adds the same events in brief, taking over the reference. */
void inbox_add_brief(struct inbox_item *item, struct segment *brief);
void inbox_free(struct inbox_item *item);

/* For queue_free. Also closes the link of an adoption that never happened. */
void inbox_discard(struct queue_item *item);

#endif
