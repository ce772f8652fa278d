/* When two names look alike: the skeletons of UTS #39, by ICU, so that nobody can take a name that
 * a reader cannot tell from another one.
 *
 * A name has up to LOOKS_KEYS_MAX keys; two names look alike when they have one in common. The keys
 * are what to compare, never what to show or to store for long: a new ICU may make others. */
#ifndef SERVER_LOOKS_H
#define SERVER_LOOKS_H

#include "name.h"

#include <stdbool.h>
#include <stddef.h>

struct looks;

/* Opens ICU's table; NULL when it cannot, and `reason` says why (ICU's word for it, lasting). Owned
 * by one thread, which closes it. */
struct looks *looks_open(const char **reason);
void looks_close(struct looks *looks);

/* A character of a name becomes a few at most; a skeleton that does not fit is an error. */
enum { LOOKS_KEYS_MAX = 3, LOOKS_KEY_BYTES_MAX = 4 * NAME_BYTES_MAX };

/* Distinct, in UTF-8, each ending in a zero. */
struct looks_keys {
    size_t count;
    char keys[LOOKS_KEYS_MAX][LOOKS_KEY_BYTES_MAX + 1];
};

/* Writes the keys of a nick or a room name. False when there is no memory or ICU fails: then nobody
 * knows whether the name is unique, and it must be refused. */
bool looks_find_keys(struct looks *looks, const struct name *name, struct looks_keys *keys);

#endif
