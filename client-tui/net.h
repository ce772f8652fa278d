/* The network thread: connects, greets, resumes, reconnects with backoff and jitter, keeps the
 * outbox on disk, and hands everything to the UI thread in order and exactly once. The functions
 * are called by the UI thread, never wait for the network, and hand over copies. */
#ifndef CLIENT_NET_H
#define CLIENT_NET_H

#include "news.h"

#include <stdbool.h>
#include <stdint.h>

struct net;

struct net_options {
    const char *host;
    const char *port;
    const char *nick;
    bool nick_is_wish;     /* to be taken; else it is only for a person who is new there */
    const char *code;      /* shown until the first welcome; NULL for none */
    const char *device;    /* what this machine may be called */
    bool plaintext;        /* without TLS, and so without a key: as a guest */
    bool insecure_network; /* even if others can listen */
    bool for_person;       /* who is told more than a script needs */
    const char *room;      /* joined after each first welcome, "#lobby" */
    unsigned history;      /* messages of a room fetched when it is first seen; 0: none */
};

/* Starts the thread. NULL after saying on stderr what failed. The strings are copied. */
struct net *net_start(const struct net_options *options);

/* Ends the thread; it says goodbye if connected, and never takes longer than a moment. */
void net_stop(struct net *net);

/* Becomes readable when there is news; net_take then takes all of it. */
int net_descriptor(const struct net *net);
struct queue_chain net_take(struct net *net);

/* Puts a post into the outbox. `room` 0 is the room of net_options, not yet joined. The outbox
 * numbers posts in the order of these calls, from 1 before there is a NEWS_OUTBOX. */
void net_post(struct net *net, uint32_t room, struct wire_text body);

/* Sends a request as it is (join, leave, direct, rename, set_topic, who, list, search,
 * edit, delete). When there is no connection, or it breaks before the answer, the answer is an
 * `error` with ERROR_FAILED. False when the request is too long for a frame: there is no answer. */
bool net_request(struct net *net, const struct message *request);

/* Asks for a page of a room's history; the answer is NEWS_PAGE. The tag is set here. */
void net_history(struct net *net, const struct message_history *wish);

/* Tells the server how far a room was read; dropped when there is no connection. */
void net_tell_read(struct net *net, uint32_t room, uint64_t id);

/* The nick to greet with from now on; tries at once if the greeting was refused. */
void net_rename(struct net *net, const char *nick);

/* Tries to connect now instead of waiting. */
void net_retry(struct net *net);

#endif
