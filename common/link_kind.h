/* Private to the kinds of links: link.c has the plain one, tls.c the one with TLS. */
#ifndef COMMON_LINK_KIND_H
#define COMMON_LINK_KIND_H

#include "link.h"

struct link_kind {
    int (*handshake)(struct link *link);
    ssize_t (*read)(struct link *link, void *data, size_t size);
    ssize_t (*write)(struct link *link, const struct iovec *pieces, int count);
    bool (*abandon)(struct link *link);
    void (*finish)(struct link *link);
    void (*close)(struct link *link);
    bool (*peer_key)(const struct link *link, uint8_t hash[LINK_KEY_BYTES]);
    bool (*wants_write)(const struct link *link);
    const char *(*failure)(const struct link *link);
};

#endif
