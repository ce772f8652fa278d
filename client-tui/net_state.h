/* The network thread's state, private to net.c (the loop and the connection), net_answers.c (what
 * the server says) and net_orders.c (what the user wants). */
#ifndef CLIENT_NET_STATE_H
#define CLIENT_NET_STATE_H

#include "feed.h"
#include "frame.h"
#include "link.h"
#include "net.h"
#include "outbox.h"
#include "reporter.h"
#include "tls.h"
#include "trust.h"

#include <pthread.h>

enum {
    NET_READ_BYTES = 65536,
    NET_BACKOFF_FIRST = 200, /* milliseconds, as all times here */
    NET_OWN_TAG = 1 << 30    /* tags from here on are this thread's; the UI's are below */
};

enum net_phase {
    NET_WAITING,  /* no connection; the next attempt is due at `due` */
    NET_REFUSED,  /* no connection; waits for the user */
    NET_GREETING, /* hello sent */
    NET_ONLINE
};

enum await_kind { AWAIT_ANSWER, AWAIT_FEED, AWAIT_PAGE, AWAIT_START_ROOM };

/* A request of which the answer is awaited. */
struct awaited {
    uint32_t tag;
    enum await_kind what;
    struct message_history wish; /* of AWAIT_PAGE */
};

struct net {
    /* set once */
    char *host;
    char *port;
    char *start_room;
    bool insecure_network;
    bool for_person;
    char *known_servers; /* path of the file */
    char *device;
    bool shows_key;
    pthread_t thread;
    struct queue *orders;

    /* the network thread's, but for the queue in the reporter */
    struct reporter reporter;
    char *nick;
    bool keeps_nick; /* of the account, if it has one */
    char *code;      /* NULL: none, or used */
    struct outbox *outbox;
    char told_problem[OUTBOX_PROBLEM_MAX]; /* of the outbox, the last that the user was told */
    struct feed *feed;
    bool stopping;
    uint32_t start_room_number; /* 0 until known */
    enum net_phase phase;
    uint64_t now;
    uint64_t due;   /* of the next attempt, or the end of the patience with a greeting */
    uint64_t heard; /* when something last came */
    uint64_t spoke; /* when something was last written */
    unsigned backoff;
    unsigned overtaken;     /* times in a row that our session was given to another connection */
    uint64_t overtaken_at;  /* when, last */
    bool tried_again;       /* after a taken nick, which may be held by another client of ours */
    unsigned rooms_awaited; /* of the rooms that follow a welcome, those that have not come */
    uint64_t sent_up_to;    /* number of the last post sent on this connection */
    uint32_t next_tag;
    struct tls *tls; /* with the user's key, once it was needed */
    struct trust trust;
    struct link link;
    struct frame_reader input;
    struct buffer said; /* the last frame, if it was a message, for what goes on behind it */
    struct buffer output;
    size_t output_from;
    struct awaited *awaited;
    size_t awaited_count;
    size_t awaited_capacity;
    uint8_t read_bytes[NET_READ_BYTES];
};

/* net.c */
bool net_connected(const struct net *net);
void net_lose(struct net *net, const char *why);
void net_drop_link(struct net *net);
void net_be_refused(struct net *net, unsigned code, struct wire_text reason,
                    struct wire_text suggestion);
void net_send(struct net *net, const struct message *message);
uint32_t net_own_tag(struct net *net);
bool net_await(struct net *net, const struct awaited *awaited);
bool net_awaits(const struct net *net, uint32_t tag);
bool net_take_awaited(struct net *net, uint32_t tag, struct awaited *found);
/* Sends the waiting posts that this connection has not sent, within the window. */
void net_send_posts(struct net *net);
void net_send_history(struct net *net, struct message_history wish, enum await_kind what);

/* Tells the user why posts do not survive this process, once for each reason. */
void net_tell_problem(struct net *net);

/* net_secure.c: has the user's key, made if need be, unless there is to be none. False after
 * reporting why not. */
bool net_be_somebody(struct net *net);
/* Makes sure that the server at the other end of the link is the one that is meant.
 * False after reporting why not. */
bool net_secure(struct net *net, int milliseconds, const struct link_interrupt *interrupt);

/* net_answers.c: handles one payload of the server. */
void net_handle(struct net *net, struct wire_blob payload);

/* net_orders.c: does what the UI thread asked for since the last call. */
void net_take_orders(struct net *net);
void net_order_stop(struct net *net);
struct queue *net_orders_new(void);
void net_orders_free(struct queue *orders);

#endif
