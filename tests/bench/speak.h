/* How a load speaks to a server of each kind: ours, a bare forwarder, IRC, NATS. A message has
 * SPEAK_BODY bytes, whatever else travels with it. Pure. */
#ifndef TESTS_BENCH_SPEAK_H
#define TESTS_BENCH_SPEAK_H

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPEAK_BODY = 100 };

struct speaker {
    const char *name;
    bool secured; /* with TLS */
    const char
        *admitted; /* what the server says to who may enter the room, by the line `enter`; NULL: */
    const char *enter; /* that is one with the greeting */
    const char *ready; /* what the server sends to who is in and gets all that is said */
    /* What a client says first; one that publishes hears nothing where that can be chosen. */
    void (*greet)(struct buffer *out, unsigned number, bool publishes);
    /* The client's k-th message, from 1 on. */
    void (*publish)(struct buffer *out, uint64_t k, const char body[SPEAK_BODY]);
    /* The size of the first whole unit of what came, 0 when it is not whole; its body, or NULL. */
    size_t (*take)(const char *data, size_t size, const char **body);
};

/* NULL when there is none of that name. */
const struct speaker *speaker_find(const char *name);

#endif
