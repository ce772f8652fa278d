#include "link.h"
#include "clock.h"
#include "link_kind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t link_result(ssize_t result) {
    if (result >= 0)
        return result;
    return errno == EAGAIN || errno == EWOULDBLOCK ? LINK_AGAIN : LINK_FAILED;
}

static ssize_t plain_read(struct link *link, void *data, size_t size) {
    ssize_t got;
    do
        got = recv(link->descriptor, data, size, 0);
    while (got < 0 && errno == EINTR);
    return link_result(got);
}

static ssize_t plain_write(struct link *link, const struct iovec *pieces, int count) {
    /* sendmsg only reads the pieces, but its struct has no const. */
    struct msghdr header = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                            .msg_iovlen = (size_t)(count < IOV_MAX ? count : IOV_MAX)};
    ssize_t sent;
    do
        sent = sendmsg(link->descriptor, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return link_result(sent);
}

static bool plain_abandon(struct link *link) {
    (void)link;
    return false;
}

static void plain_finish(struct link *link) {
    shutdown(link->descriptor, SHUT_WR);
}

static void plain_close(struct link *link) {
    close(link->descriptor);
}

static bool plain_peer_key(const struct link *link, uint8_t hash[LINK_KEY_BYTES]) {
    (void)link;
    (void)hash;
    return false;
}

static int plain_handshake(struct link *link) {
    (void)link;
    return LINK_READY;
}

static bool plain_wants_write(const struct link *link) {
    (void)link;
    return false;
}

static const char *plain_failure(const struct link *link) {
    (void)link;
    return strerror(errno);
}

static const struct link_kind link_kind_plain = {plain_handshake, plain_read,        plain_write,
                                                 plain_abandon,   plain_finish,      plain_close,
                                                 plain_peer_key,  plain_wants_write, plain_failure};

int link_handshake(struct link *link) {
    return link->kind->handshake(link);
}

bool link_wants_write(const struct link *link) {
    return link->kind->wants_write(link);
}

const char *link_failure(const struct link *link) {
    return link->kind->failure(link);
}

ssize_t link_read(struct link *link, void *data, size_t size) {
    return link->kind->read(link, data, size);
}

ssize_t link_write(struct link *link, const struct iovec *pieces, int count) {
    return link->kind->write(link, pieces, count);
}

bool link_abandon(struct link *link) {
    return link->kind->abandon(link);
}

void link_finish(struct link *link) {
    link->kind->finish(link);
}

void link_close(struct link *link) {
    if (link->descriptor < 0)
        return;
    link->kind->close(link);
    link->descriptor = -1;
}

bool link_peer_key(const struct link *link, uint8_t hash[LINK_KEY_BYTES]) {
    return link->kind->peer_key(link, hash);
}

struct link link_plain(int descriptor) {
    int on = 1;
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    /* Frames are gathered before they are written; waiting for more would only add delay. */
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return (struct link){&link_kind_plain, descriptor, NULL};
}

/* Not by getnameinfo: for the name of an interface it makes a socket, which a confined server may
 * not. */
void link_name_address(const struct sockaddr_storage *address, char name[LINK_NAME_MAX]) {
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
    char host[INET6_ADDRSTRLEN] = "";
    char scope[12] = "";
    if (address->ss_family == AF_INET6 && six->sin6_scope_id != 0)
        snprintf(scope, sizeof scope, "%%%u", six->sin6_scope_id);
    if (address->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
    else if (address->ss_family == AF_INET)
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
    if (address->ss_family == AF_INET6)
        snprintf(name, LINK_NAME_MAX, "[%s%s]:%u", host, scope, ntohs(six->sin6_port));
    else if (address->ss_family == AF_INET)
        snprintf(name, LINK_NAME_MAX, "%s:%u", host, ntohs(four->sin_port));
    else
        snprintf(name, LINK_NAME_MAX, "?");
}

void link_name_local(int descriptor, char name[LINK_NAME_MAX]) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) == 0)
        link_name_address(&address, name);
    else
        snprintf(name, LINK_NAME_MAX, "?");
}

void link_name_peer(int descriptor, char name[LINK_NAME_MAX]) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getpeername(descriptor, (struct sockaddr *)&address, &size) == 0)
        link_name_address(&address, name);
    else
        snprintf(name, LINK_NAME_MAX, "?");
}

static bool link_is_loopback(const struct sockaddr_storage *address) {
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
    if (address->ss_family == AF_INET)
        return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return address->ss_family == AF_INET6 && (IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
                                              (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) &&
                                               six->sin6_addr.s6_addr[12] == IN_LOOPBACKNET));
}

void link_peer_address(int descriptor, struct sockaddr_storage *address) {
    socklen_t size = sizeof *address;
    *address = (struct sockaddr_storage){0};
    if (getpeername(descriptor, (struct sockaddr *)address, &size) != 0)
        address->ss_family = AF_UNSPEC;
}

bool link_peer_is_loopback(int descriptor) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    return getpeername(descriptor, (struct sockaddr *)&address, &size) == 0 &&
           link_is_loopback(&address);
}

bool link_local_is_loopback(int descriptor) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    return getsockname(descriptor, (struct sockaddr *)&address, &size) == 0 &&
           link_is_loopback(&address);
}

static struct addrinfo *link_resolve(const char *host, const char *port, int flags,
                                     struct link_problem *problem) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure == 0)
        return found;
    snprintf(problem->text, sizeof problem->text,
             "cannot find the address of %s: %s; check the name, or give a number", host,
             failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure));
    return NULL;
}

/* The reason for people, with what to do about it. */
static void link_explain_listen(struct link_problem *problem, const char *host, const char *port,
                                int reason) {
    const char *advice = "";
    problem->reason = reason;
    if (reason == EADDRINUSE)
        advice = "; another program listens there: choose another port, or 0 for any free one";
    else if (reason == EACCES)
        advice = "; ports below 1024 need root: choose a higher one";
    else if (reason == EADDRNOTAVAIL)
        advice = "; that is not an address of this machine: try 127.0.0.1, or 0.0.0.0 for all";
    snprintf(problem->text, sizeof problem->text, "cannot listen on %s port %s: %s%s", host, port,
             strerror(reason), advice);
}

static int link_bind_to(const struct addrinfo *address) {
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(descriptor, address->ai_addr, address->ai_addrlen) == 0)
        return descriptor;
    int reason = errno;
    close(descriptor);
    errno = reason;
    return -1;
}

int link_bind(const char *host, const char *port, struct link_problem *problem) {
    struct addrinfo *found = link_resolve(host, port, AI_PASSIVE, problem);
    int descriptor = -1;
    for (struct addrinfo *each = found; each != NULL && descriptor < 0; each = each->ai_next) {
        descriptor = link_bind_to(each);
        if (descriptor < 0)
            link_explain_listen(problem, host, port, errno);
    }
    if (found != NULL)
        freeaddrinfo(found);
    return descriptor;
}

bool link_listen(int listener, struct link_problem *problem) {
    char name[LINK_NAME_MAX];
    if (listen(listener, SOMAXCONN) == 0)
        return true;
    link_name_local(listener, name);
    problem->reason = errno;
    snprintf(problem->text, sizeof problem->text, "cannot listen on %s: %s", name, strerror(errno));
    return false;
}

bool link_accept(int listener, struct link *link) {
    int descriptor;
    do
        descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (descriptor < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (descriptor < 0)
        return false;
    *link = link_plain(descriptor);
    return true;
}

/* Waits until the socket is ready for one of the events: 0, or an errno; ECANCELED when told to
 * give up. */
static int link_await_events(int descriptor, short events, uint64_t deadline,
                             const struct link_interrupt *interrupt) {
    struct pollfd waits[] = {
        {.fd = descriptor, .events = events},
        {.fd = interrupt != NULL ? interrupt->descriptor : -1, .events = POLLIN}};
    while (waits[0].revents == 0) {
        uint64_t now = clock_monotonic();
        if (now >= deadline)
            return ETIMEDOUT;
        if (poll(waits, 2, (int)(deadline - now)) < 0 && errno != EINTR)
            return errno;
        if (interrupt != NULL && waits[1].revents != 0 && interrupt->give_up(interrupt->context))
            return ECANCELED;
    }
    return 0;
}

bool link_await_handshake(struct link *link, int milliseconds,
                          const struct link_interrupt *interrupt, struct link_problem *problem) {
    uint64_t deadline = clock_monotonic() + (uint64_t)milliseconds;
    int result;
    while ((result = link_handshake(link)) == LINK_AGAIN) {
        short events = link_wants_write(link) ? POLLOUT : POLLIN;
        problem->reason = link_await_events(link->descriptor, events, deadline, interrupt);
        if (problem->reason == 0)
            continue;
        snprintf(problem->text, sizeof problem->text, "%s", strerror(problem->reason));
        return false;
    }
    if (result == LINK_FAILED)
        snprintf(problem->text, sizeof problem->text, "%s", link_failure(link));
    return result == LINK_READY;
}

/* Waits for the connection to stand: 0, or an errno; ECANCELED when told to give up. */
static int link_await(int descriptor, int milliseconds, const struct link_interrupt *interrupt) {
    uint64_t deadline = clock_monotonic() + (uint64_t)milliseconds;
    int waited = link_await_events(descriptor, POLLOUT, deadline, interrupt);
    if (waited != 0)
        return waited;
    int failure = 0;
    socklen_t size = sizeof failure;
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size);
    return failure;
}

/* A socket connected to the address, or -1 with errno. */
static int link_connect_to(const struct addrinfo *address, int milliseconds,
                           const struct link_interrupt *interrupt) {
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    int failure = 0;
    if (connect(descriptor, address->ai_addr, address->ai_addrlen) != 0)
        failure = errno == EINPROGRESS ? link_await(descriptor, milliseconds, interrupt) : errno;
    if (failure == 0)
        return descriptor;
    close(descriptor);
    errno = failure;
    return -1;
}

bool link_connect(const char *host, const char *port, int milliseconds,
                  const struct link_interrupt *interrupt, struct link *link,
                  struct link_problem *problem) {
    struct addrinfo *found = link_resolve(host, port, 0, problem);
    int descriptor = -1;
    for (struct addrinfo *each = found; each != NULL && descriptor < 0; each = each->ai_next) {
        descriptor = link_connect_to(each, milliseconds, interrupt);
        if (descriptor >= 0)
            break;
        snprintf(problem->text, sizeof problem->text, "cannot connect to %s port %s: %s", host,
                 port, strerror(errno));
        if (errno == ECANCELED)
            break;
    }
    if (found != NULL)
        freeaddrinfo(found);
    if (descriptor < 0)
        return false;
    *link = link_plain(descriptor);
    return true;
}
