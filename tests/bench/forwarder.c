/* forwarder [PORT]: what a broadcast costs at least. Listens on a free port of 127.0.0.1, prints
 * it, and gives every frame that comes to every connection: in each turn all that came is read, and
 * each connection gets it by one write. It checks nothing and keeps nothing. */
#include "link.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FORWARDER_EVENTS = 256, FORWARDER_BATCH = 1 << 20, FORWARDER_MAX = 65536 };

struct peer {
    int descriptor;
    char *rest; /* what the socket did not take yet */
    size_t size;
};

static struct peer *peers[FORWARDER_MAX];
static int peer_count;
static char batch[FORWARDER_BATCH];

static void peer_keep(struct peer *peer, const char *data, size_t size) {
    peer->rest = realloc(peer->rest, peer->size + size);
    if (peer->rest == NULL)
        exit(EXIT_FAILURE);
    memcpy(peer->rest + peer->size, data, size);
    peer->size += size;
}

/* Sends what is kept; whether nothing is left. */
static int peer_flush(struct peer *peer) {
    ssize_t sent =
        peer->size > 0 ? send(peer->descriptor, peer->rest, peer->size, MSG_NOSIGNAL) : 0;
    if (sent > 0) {
        peer->size -= (size_t)sent;
        memmove(peer->rest, peer->rest + sent, peer->size);
    }
    return peer->size == 0;
}

static void peer_give(struct peer *peer, const char *data, size_t size) {
    ssize_t sent = 0;
    if (peer->size == 0)
        sent = send(peer->descriptor, data, size, MSG_NOSIGNAL);
    if (sent < 0)
        sent = 0;
    if ((size_t)sent < size)
        peer_keep(peer, data + sent, size - (size_t)sent);
}

int main(int argc, char **argv) {
    static const char ready[] = {0, 0, 0, 1, 'r'};
    struct link_problem problem;
    struct rlimit limit;
    char name[LINK_NAME_MAX];
    struct epoll_event events[FORWARDER_EVENTS];
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int listener = link_bind("127.0.0.1", argc > 1 ? argv[1] : "0", &problem);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event watch = {.events = EPOLLIN, .data.ptr = NULL};
    if (listener < 0 || !link_listen(listener, &problem) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &watch) != 0)
        return EXIT_FAILURE;
    link_name_local(listener, name);
    printf("listening on %s\n", name);
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(epoll, events, FORWARDER_EVENTS, -1);
        size_t size = 0;
        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.ptr;
            struct link link;
            while (peer == NULL && peer_count < FORWARDER_MAX && link_accept(listener, &link)) {
                struct peer *fresh = calloc(1, sizeof *fresh);
                if (fresh == NULL)
                    return EXIT_FAILURE;
                fresh->descriptor = link.descriptor;
                watch =
                    (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = fresh};
                epoll_ctl(epoll, EPOLL_CTL_ADD, fresh->descriptor, &watch);
                peers[peer_count++] = fresh;
                peer_give(fresh, ready, sizeof ready);
            }
            if (peer == NULL)
                continue;
            if (events[i].events & EPOLLOUT)
                peer_flush(peer);
            ssize_t got;
            while (size < sizeof batch / 2 && (got = recv(peer->descriptor, batch + size,
                                                          sizeof batch - size, MSG_DONTWAIT)) > 0)
                size += (size_t)got;
        }
        for (int i = 0; i < peer_count && size > 0; i++)
            peer_give(peers[i], batch, size);
    }
}
