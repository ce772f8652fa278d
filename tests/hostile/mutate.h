/* What is done to frames on their way: of a real server to a client, or of a client to a server.
 * All that is random comes of one seed. */
#ifndef TESTS_HOSTILE_MUTATE_H
#define TESTS_HOSTILE_MUTATE_H

#include "buffer.h"
#include "wire.h"

void mutate_seed(uint64_t seed);
/* A random number below the bound. */
size_t mutate_random(size_t bound);

/* Appends what goes out for a payload: one in so many is changed, left out, doubled,
 * put behind the next one or with one of an earlier session. True when it was not left as it is. */
bool mutate_frame(struct buffer *out, struct wire_blob payload, size_t one_in);

/* The connection is over: what was held back goes nowhere. */
void mutate_end(void);

#endif
