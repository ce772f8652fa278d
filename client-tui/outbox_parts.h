/* Private to outbox.c, what an outbox does, and outbox_open.c, how it is found and opened. */
#ifndef CLIENT_OUTBOX_PARTS_H
#define CLIENT_OUTBOX_PARTS_H

#include "identity.h"
#include "outbox.h"

#include <sqlite3.h>

struct outbox {
    sqlite3 *database;
    char *path; /* NULL: in memory */
    uint64_t id;
    uint64_t next_number;
    uint64_t server;
    uint64_t epoch;
    struct identity identity;
    struct outbox_post *first;
    struct outbox_post *last;
    bool in_transaction;
    bool incomplete; /* the disk did not take all that waits */
    uint64_t wiped;  /* when the file was last cleared of what was sent; monotonic */
    char problem[OUTBOX_PROBLEM_MAX];
};

/* outbox.c */
uint64_t outbox_random(void);
/* Puts a post behind the others, in memory. NULL when out of memory. */
struct outbox_post *outbox_append(struct outbox *outbox, uint64_t number, uint32_t room,
                                  struct wire_text body);
/* Writes what is not a post. */
void outbox_save(struct outbox *outbox);

#endif
