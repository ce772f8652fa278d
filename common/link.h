/* A link is a byte stream to a peer. Sockets are used only through it, so that TLS is one more
 * kind. All links are non-blocking. A link is owned by one thread at a time. */
#ifndef COMMON_LINK_H
#define COMMON_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct link_kind;

struct link {
    const struct link_kind *kind;
    int descriptor; /* for poll and epoll; -1 when closed */
    void *secured;  /* the kind's own state, or NULL */
};

/* What link_read and link_write return below 0. 0 from link_read is the peer's end of stream. */
enum { LINK_READY = 1, LINK_AGAIN = -1, LINK_FAILED = -2 /* link_failure says why */ };

/* Long enough for any address and port that link_name_* write, e.g. "[fe80::1%2]:8000". */
enum { LINK_NAME_MAX = 96, LINK_PROBLEM_MAX = 256, LINK_KEY_BYTES = 32 };

/* Why something could not be done, for people. */
struct link_problem {
    char text[LINK_PROBLEM_MAX];
    int reason; /* errno, or 0 when it was the name */
};

/* Goes on with what has to be agreed on before anything else; reading and writing do so too.
 * LINK_READY, LINK_AGAIN or LINK_FAILED. */
int link_handshake(struct link *link);

/* Whether it waits to write even if its owner has nothing to say. */
bool link_wants_write(const struct link *link);

/* Why the last call failed, for people; to be asked at once. */
const char *link_failure(const struct link *link);

/* Reads at most `size` bytes: the number read, 0, LINK_AGAIN or LINK_FAILED. With TLS at most a
 * record, of 16 KiB: with less room for it something may be left of which no poll tells. */
ssize_t link_read(struct link *link, void *data, size_t size);

/* Writes what it can of the pieces, at most IOV_MAX of them: the number of bytes, LINK_AGAIN or
 * LINK_FAILED. Never raises SIGPIPE. */
ssize_t link_write(struct link *link, const struct iovec *pieces, int count);

/* Makes a link whose handshake has just failed a plain one, so that what still comes can be read
 * and thrown away. True when the peer seems to talk in plain. */
bool link_abandon(struct link *link);

/* Says that nothing more will be written; the peer reads an end of stream behind what was. */
void link_finish(struct link *link);

/* Closes the link; its descriptor is -1 afterwards. */
void link_close(struct link *link);

/* Gives the SHA-256 of the public key that the peer has proved to have; false when it showed none.
 */
bool link_peer_key(const struct link *link, uint8_t hash[LINK_KEY_BYTES]);

/* A plain link over a connected socket, which it takes over and makes non-blocking. */
struct link link_plain(int descriptor);

/* Takes the first address of HOST that is to be had, without blocking: a descriptor, or -1 with the
 * problem. PORT "0" takes a free one. Nobody gets in before link_listen. */
int link_bind(const char *host, const char *port, struct link_problem *problem);
bool link_listen(int listener, struct link_problem *problem);

/* Accepts one connection as a plain link. False with errno: EAGAIN when none waits. */
bool link_accept(int listener, struct link *link);

/* What may end the waiting of link_connect: when `descriptor` becomes readable, `give_up` is
 * called. */
struct link_interrupt {
    int descriptor;
    bool (*give_up)(void *context);
    void *context;
};

/* Connects to HOST, trying its addresses one after the other, each for at most `milliseconds`.
 * Blocks, but for what `interrupt` says, if it is not NULL. */
bool link_connect(const char *host, const char *port, int milliseconds,
                  const struct link_interrupt *interrupt, struct link *link,
                  struct link_problem *problem);

/* Waits until the link's handshake is done, for at most `milliseconds`, as link_connect does. */
bool link_await_handshake(struct link *link, int milliseconds,
                          const struct link_interrupt *interrupt, struct link_problem *problem);

/* Writes "ADDRESS:PORT" of this or the other end of a socket, "?" when it has none. */
void link_name_local(int descriptor, char name[LINK_NAME_MAX]);
void link_name_peer(int descriptor, char name[LINK_NAME_MAX]);

/* Writes "ADDRESS:PORT", in brackets for IPv6 and with the number of its interface where it has
 * one;
 * "?" for an address of another family. */
void link_name_address(const struct sockaddr_storage *address, char name[LINK_NAME_MAX]);

/* The address of the other end; of family 0 when it has none. */
void link_peer_address(int descriptor, struct sockaddr_storage *address);

/* Whether the other end is this machine. */
bool link_peer_is_loopback(int descriptor);

/* Whether only this machine can reach a socket that listens. */
bool link_local_is_loopback(int descriptor);

#endif
