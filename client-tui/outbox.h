/* The outbox: posts wait here, on disk, until the server has stored them. A small SQLite file of
 * its own in the user's state folder, one for each client that runs at a time; a client takes the
 * first that no other holds. Beside them lies the secret by which the server knows the person again
 * (identity.h), which all these clients share. The network thread's alone. */
#ifndef CLIENT_OUTBOX_H
#define CLIENT_OUTBOX_H

#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

enum { OUTBOX_FIRST_NUMBER = 1, OUTBOX_PROBLEM_MAX = 256 };

struct outbox;

struct outbox_post {
    struct outbox_post *next;
    uint64_t number;
    uint32_t room; /* 0: the start room, whose number is not yet known */
    size_t size;
    char body[];
};

/* Opens the outbox for this server: that of the nick, or, for who shows a key and is the same
 * person under any nick, the server's own one. What then still waits under the nick, from before
 * there were keys, goes first, and its secret is shown. When the disk cannot be used it keeps to
 * memory and outbox_problem says why. NULL only when out of memory. */
struct outbox *outbox_open(const char *host, const char *port, const char *nick, bool shows_key);
void outbox_close(struct outbox *outbox);

/* Why posts do not survive this process, or NULL. Valid until the next call that writes. */
const char *outbox_problem(const struct outbox *outbox);

uint64_t outbox_id(const struct outbox *outbox);
uint64_t outbox_next_number(const struct outbox *outbox);

/* The oldest waiting post; the others follow by `next`. */
const struct outbox_post *outbox_first(const struct outbox *outbox);

/* The person's secret; empty when there is none yet. */
struct wire_blob outbox_secret(const struct outbox *outbox);
/* Reads it again; true when another client has been given another one meanwhile. */
bool outbox_read_secret(struct outbox *outbox);

enum outbox_log {
    OUTBOX_SAME_LOG,
    OUTBOX_OTHER_EPOCH, /* the server's log was put back from a backup */
    OUTBOX_OTHER_SERVER
};

/* Whether the log of a welcome is the one of the last welcome. */
enum outbox_log outbox_log_of(const struct outbox *outbox, const struct message_welcome *welcome);

/* Notes a welcome; says the same. With another server the waiting posts go in the same step: they
 * have no room there. */
enum outbox_log outbox_welcome(struct outbox *outbox, const struct message_welcome *welcome);

/* Adds a post; on disk when outbox_flush returns. NULL when out of memory. */
const struct outbox_post *outbox_add(struct outbox *outbox, uint32_t room, struct wire_text body);
void outbox_flush(struct outbox *outbox);

/* Drops the posts up to the number: they are stored. */
void outbox_stored(struct outbox *outbox, uint64_t up_to);

/* Drops one post; those after it move down by one. */
void outbox_refused(struct outbox *outbox, uint64_t number);

/* Gives the start room its number. */
void outbox_bind(struct outbox *outbox, uint32_t room);

/* Begins anew under another id, the waiting posts numbered from 1. */
void outbox_renew(struct outbox *outbox);

#endif
