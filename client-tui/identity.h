/* Who the person is to one server: the secret of its last welcome, in a small file that all clients
 * of that server and nick share. It is read anew for each greeting, as another client may have been
 * welcomed meanwhile, and replaced as a whole, so that a reader never meets half of it. The network
 * thread's. */
#ifndef CLIENT_IDENTITY_H
#define CLIENT_IDENTITY_H

#include "bounds.h"
#include "wire.h"

#include <stdbool.h>

enum { IDENTITY_PATH_MAX = 512 };

struct identity {
    char *path; /* NULL: there is no file, only memory */
    uint8_t secret[SECRET_BYTES];
    size_t size;                  /* 0: none yet */
    char kept[IDENTITY_PATH_MAX]; /* where the file that was replaced last is now; or "" */
};

/* Begins with the file "identity" of the folder; NULL for none. */
void identity_init(struct identity *identity, const char *folder);
void identity_free(struct identity *identity);

/* Reads the file again, if there is one. True when that gave another secret than before. */
bool identity_read(struct identity *identity);

/* Keeps a secret; the file is written when it has another one. One that is there, and is not just
 * that, gets another name (`kept`): it is an account on the server that made it. False, with errno,
 * when it could not be written; it is in memory then. */
bool identity_keep(struct identity *identity, struct wire_blob secret);

#endif
