/* The limits of peer_limits.def as they are now. Any thread reads them; the main thread sets them,
 * at the start and when the settings are read again. */
#ifndef SERVER_PEER_LIMITS_H
#define SERVER_PEER_LIMITS_H

#include "complaint.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum peer_limit {
#define PEER_LIMIT(NAME, name, value, unit, about) LIMIT_##NAME,
#include "peer_limits.def"
#undef PEER_LIMIT
    PEER_LIMIT_COUNT
};

enum peer_limit_unit { LIMIT_COUNT, LIMIT_SECONDS, LIMIT_A_MINUTE };

struct peer_limit_entry {
    const char *name;
    unsigned value; /* unless it is set to another */
    enum peer_limit_unit unit;
    const char *about;
};

extern const struct peer_limit_entry peer_limit_table[PEER_LIMIT_COUNT];

struct peer_limits {
    atomic_uint values[PEER_LIMIT_COUNT]; /* 0: none */
};

static inline unsigned peer_limit(const struct peer_limits *limits, enum peer_limit limit) {
    return atomic_load_explicit(&limits->values[limit], memory_order_relaxed);
}

void peer_limits_set_defaults(struct peer_limits *limits);
void peer_limits_copy(struct peer_limits *to, const struct peer_limits *from);

/* Sets what "NAME=N", "NAME=none", or "none" (all of them) says; false with what is wrong with it.
 */
bool peer_limits_parse(struct peer_limits *limits, const char *text, struct complaint *complaint);

#endif
