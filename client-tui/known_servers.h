/* The servers that the user has met, in a file of one line each: HOST PORT and the fingerprint of
 * the server's key, or "authorities" when those of the system vouched for it. The network thread's;
 * several processes may add to one file. */
#ifndef CLIENT_KNOWN_SERVERS_H
#define CLIENT_KNOWN_SERVERS_H

#include "key_file.h"

#include <stdbool.h>
#include <stddef.h>

enum known_kind {
    KNOWN_NOT,
    KNOWN_BY_KEY,
    KNOWN_BY_AUTHORITY,
    KNOWN_UNCLEAR, /* there is a line, and it says neither */
    KNOWN_FAILED   /* the file cannot be read: errno */
};

struct known_server {
    enum known_kind kind;
    uint8_t key[LINK_KEY_BYTES];
    size_t line; /* the first is 1 */
};

/* Looks a server up; the first line counts. A host is the same in either case. */
struct known_server known_servers_find(const char *path, const char *host, const char *port);

/* Adds a line, on disk when it returns; the key NULL for "authorities". Nothing when there is one
 * by now, which may say something else: look again. False with errno. */
bool known_servers_add(const char *path, const char *host, const char *port,
                       const uint8_t key[LINK_KEY_BYTES]);

#endif
