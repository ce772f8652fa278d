/* One thread and one poll over all lanes. The lock guards everything; the thread gives it up only
 * while it waits. A connection is a pair of sockets and two streams, each with the bytes that were
 * read from one socket and not yet written to the other. */
#include "proxy.h"
#include "buffer.h"
#include "clock.h"
#include "link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PROXY_READ_BYTES = 65536,
    PROXY_KEPT_BYTES = 256 * 1024,
    PROXY_CONNECTIONS_MAX = 256,
    PROXY_WRITES_MAX = 4096
}; /* a turn, for one stream */

struct stream {
    struct buffer bytes;
    size_t sent;
    uint64_t passed;
    uint64_t due; /* when its bytes may go on */
    bool ended;   /* nothing more comes in */
};

struct connection {
    struct link ends[2]; /* whom a stream leads to: PROXY_UP the server, PROXY_DOWN the client */
    struct stream streams[2]; /* by direction */
    uint64_t cuts[2];         /* bytes after which it is cut; 0: never */
    unsigned lane;
    bool frozen;
    bool held;
};

struct lane {
    int listener;
    int port;
    uint64_t cuts[2]; /* for the next connection */
    uint64_t passed[2];
    uint64_t accepted;
    bool hold_next;
    bool freeze_next;
};

struct proxy {
    pthread_t thread;
    pthread_mutex_t lock;
    int wake;
    struct sockaddr_in server;
    uint64_t random;
    unsigned delay;
    bool split;
    bool stopping;
    struct lane *lanes;
    unsigned lane_count;
    struct connection *connections[PROXY_CONNECTIONS_MAX];
    size_t connection_count;
};

static void connection_free(struct connection *connection) {
    for (unsigned i = 0; i < 2; i++) {
        link_close(&connection->ends[i]);
        buffer_free(&connection->streams[i].bytes);
    }
    free(connection);
}

static void proxy_remove(struct proxy *proxy, size_t index) {
    connection_free(proxy->connections[index]);
    proxy->connections[index] = proxy->connections[--proxy->connection_count];
}

static bool proxy_connect(struct proxy *proxy, struct connection *connection) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return false;
    if (connect(descriptor, (struct sockaddr *)&proxy->server, sizeof proxy->server) != 0) {
        close(descriptor);
        return false;
    }
    connection->ends[PROXY_UP] = link_plain(descriptor);
    return true;
}

static void proxy_accept(struct proxy *proxy, unsigned index) {
    struct lane *lane = &proxy->lanes[index];
    struct link client;
    if (proxy->connection_count == PROXY_CONNECTIONS_MAX || !link_accept(lane->listener, &client))
        return;
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        abort();
    connection->lane = index;
    connection->ends[PROXY_DOWN] = client;
    connection->ends[PROXY_UP].descriptor = -1;
    connection->held = lane->hold_next;
    /* When the server is down the client's connection is closed, as the server's kernel would. */
    if (!connection->held && !proxy_connect(proxy, connection)) {
        connection_free(connection);
        return;
    }
    memcpy(connection->cuts, lane->cuts, sizeof lane->cuts);
    memset(lane->cuts, 0, sizeof lane->cuts);
    memset(lane->passed, 0, sizeof lane->passed);
    connection->frozen = lane->freeze_next;
    lane->hold_next = false;
    lane->freeze_next = false;
    lane->accepted++;
    proxy->connections[proxy->connection_count++] = connection;
}

static unsigned proxy_random(struct proxy *proxy, unsigned below) {
    proxy->random = proxy->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(proxy->random >> 33) % below;
}

/* Reads what one end sends into the stream that leads to the other. */
static void stream_read(struct proxy *proxy, struct connection *connection,
                        enum proxy_direction direction) {
    struct stream *stream = &connection->streams[direction];
    struct link *from = &connection->ends[direction == PROXY_UP ? PROXY_DOWN : PROXY_UP];
    uint8_t *room = buffer_reserve(&stream->bytes, PROXY_READ_BYTES);
    if (room == NULL)
        abort();
    ssize_t got = link_read(from, room, PROXY_READ_BYTES);
    if (got == LINK_AGAIN)
        return;
    if (got <= 0) {
        stream->ended = true;
        return;
    }
    if (stream->bytes.size == stream->sent && proxy->delay > 0)
        stream->due = clock_monotonic() + proxy_random(proxy, proxy->delay);
    stream->bytes.size += (size_t)got;
}

/* How much of the stream may be written now. */
static size_t stream_portion(const struct proxy *proxy, const struct connection *connection,
                             enum proxy_direction direction) {
    const struct stream *stream = &connection->streams[direction];
    size_t size = stream->bytes.size - stream->sent;
    uint64_t cut = connection->cuts[direction];
    if (size > 1 && proxy->split)
        size = 1;
    if (cut > 0 && size > cut - stream->passed)
        size = (size_t)(cut - stream->passed);
    return size;
}

/* Writes what may go; false when the connection is over. */
static bool stream_write(struct proxy *proxy, struct connection *connection,
                         enum proxy_direction direction) {
    struct stream *stream = &connection->streams[direction];
    struct lane *lane = &proxy->lanes[connection->lane];
    for (int i = 0; stream->sent < stream->bytes.size; i++) {
        struct iovec piece = {stream->bytes.data + stream->sent,
                              stream_portion(proxy, connection, direction)};
        if (i == PROXY_WRITES_MAX)
            return true;
        ssize_t written = link_write(&connection->ends[direction], &piece, 1);
        if (written == LINK_AGAIN)
            return true;
        if (written < 0)
            return false;
        stream->sent += (size_t)written;
        stream->passed += (size_t)written;
        lane->passed[direction] = stream->passed;
        if (connection->cuts[direction] > 0 && stream->passed >= connection->cuts[direction])
            return false;
    }
    buffer_clear(&stream->bytes);
    stream->sent = 0;
    return !stream->ended;
}

/* Whether the stream has bytes that may go now. */
static bool stream_is_due(const struct stream *stream, uint64_t now) {
    return stream->sent < stream->bytes.size && now >= stream->due;
}

static short connection_events(const struct connection *connection, unsigned end, uint64_t now) {
    const struct stream *to = &connection->streams[end];
    const struct stream *from = &connection->streams[end == PROXY_UP ? PROXY_DOWN : PROXY_UP];
    short events = 0;
    if (connection->frozen || connection->ends[end].descriptor < 0)
        return 0;
    if (!from->ended && from->bytes.size - from->sent < PROXY_KEPT_BYTES)
        events |= POLLIN;
    if (!connection->held && stream_is_due(to, now))
        events |= POLLOUT;
    return events;
}

/* Moves bytes both ways as the events allow; false when the connection is over. */
static bool connection_move(struct proxy *proxy, struct connection *connection,
                            const struct pollfd waits[2]) {
    uint64_t now = clock_monotonic();
    for (unsigned end = 0; end < 2; end++)
        if (waits[end].revents & (POLLIN | POLLHUP | POLLERR))
            stream_read(proxy, connection, end == PROXY_UP ? PROXY_DOWN : PROXY_UP);
    if (connection->held || connection->frozen)
        return true;
    for (unsigned i = 0; i < 2; i++) {
        struct stream *stream = &connection->streams[i];
        bool over = stream->ended && stream->sent == stream->bytes.size;
        if (over || (stream_is_due(stream, now) && !stream_write(proxy, connection, i)))
            return false;
    }
    return true;
}

static int proxy_patience(const struct proxy *proxy, uint64_t now) {
    uint64_t until = now + 1000;
    for (size_t i = 0; i < proxy->connection_count; i++) {
        const struct connection *connection = proxy->connections[i];
        for (unsigned j = 0; j < 2 && !connection->frozen && !connection->held; j++) {
            const struct stream *stream = &connection->streams[j];
            if (stream->sent < stream->bytes.size && stream->due > now && stream->due < until)
                until = stream->due;
        }
    }
    return (int)(until - now);
}

/* Fills in what is waited for: the wake-up, the lanes, two ends a connection. */
static nfds_t proxy_gather(const struct proxy *proxy, struct pollfd *waits, uint64_t now) {
    nfds_t count = 0;
    waits[count++] = (struct pollfd){proxy->wake, POLLIN, 0};
    for (unsigned i = 0; i < proxy->lane_count; i++)
        waits[count++] = (struct pollfd){proxy->lanes[i].listener, POLLIN, 0};
    for (size_t i = 0; i < proxy->connection_count; i++)
        for (unsigned end = 0; end < 2; end++) {
            short events = connection_events(proxy->connections[i], end, now);
            int descriptor = proxy->connections[i]->ends[end].descriptor;
            waits[count++] = (struct pollfd){events != 0 ? descriptor : -1, events, 0};
        }
    return count;
}

static void proxy_turn(struct proxy *proxy, const struct pollfd *waits) {
    const struct pollfd *pairs = waits + 1 + proxy->lane_count;
    /* From the last to the first, since one that is removed leaves its place to the last. */
    for (size_t i = proxy->connection_count; i > 0; i--)
        if (!connection_move(proxy, proxy->connections[i - 1], pairs + 2 * (i - 1)))
            proxy_remove(proxy, i - 1);
    for (unsigned i = 0; i < proxy->lane_count; i++)
        if (waits[1 + i].revents != 0)
            proxy_accept(proxy, i);
}

static void *proxy_run(void *context) {
    static struct pollfd waits[1 + 64 + 2 * PROXY_CONNECTIONS_MAX];
    struct proxy *proxy = context;
    pthread_mutex_lock(&proxy->lock);
    while (!proxy->stopping) {
        uint64_t now = clock_monotonic();
        nfds_t count = proxy_gather(proxy, waits, now);
        size_t connections = proxy->connection_count;
        int patience = proxy_patience(proxy, now);
        pthread_mutex_unlock(&proxy->lock);
        poll(waits, count, patience);
        pthread_mutex_lock(&proxy->lock);
        uint64_t woken;
        if (waits[0].revents != 0 && read(proxy->wake, &woken, sizeof woken) < 0)
            abort();
        /* What was changed by a caller meanwhile is looked at anew. */
        if (waits[0].revents == 0 && connections == proxy->connection_count)
            proxy_turn(proxy, waits);
    }
    pthread_mutex_unlock(&proxy->lock);
    return NULL;
}

static bool proxy_listen(struct lane *lane, const char *address) {
    struct link_problem problem;
    struct sockaddr_in name = {0};
    socklen_t size = sizeof name;
    lane->listener = link_bind(address, "0", &problem);
    if (lane->listener < 0 || !link_listen(lane->listener, &problem) ||
        getsockname(lane->listener, (struct sockaddr *)&name, &size) != 0)
        return false;
    lane->port = ntohs(name.sin_port);
    return true;
}

struct proxy *proxy_start(const char *address, int server_port, unsigned lanes, uint64_t seed) {
    struct proxy *proxy = calloc(1, sizeof *proxy);
    if (proxy == NULL)
        return NULL;
    proxy->random = seed;
    proxy->server.sin_family = AF_INET;
    proxy->server.sin_port = htons((uint16_t)server_port);
    inet_pton(AF_INET, address, &proxy->server.sin_addr);
    pthread_mutex_init(&proxy->lock, NULL);
    proxy->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    proxy->lanes = calloc(lanes, sizeof *proxy->lanes);
    bool listening = proxy->wake >= 0 && proxy->lanes != NULL;
    for (unsigned i = 0; listening && i < lanes; i++)
        listening = proxy_listen(&proxy->lanes[i], address);
    proxy->lane_count = lanes;
    if (listening && pthread_create(&proxy->thread, NULL, proxy_run, proxy) == 0)
        return proxy;
    return NULL; /* the process ends, and with it what was opened */
}

static void proxy_lock(struct proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
}

/* Lets the thread look at what was changed. */
static void proxy_unlock(struct proxy *proxy) {
    const uint64_t one = 1;
    if (write(proxy->wake, &one, sizeof one) != sizeof one)
        abort();
    pthread_mutex_unlock(&proxy->lock);
}

void proxy_stop(struct proxy *proxy) {
    if (proxy == NULL)
        return;
    proxy_lock(proxy);
    proxy->stopping = true;
    proxy_unlock(proxy);
    pthread_join(proxy->thread, NULL);
    while (proxy->connection_count > 0)
        proxy_remove(proxy, 0);
    for (unsigned i = 0; i < proxy->lane_count; i++)
        close(proxy->lanes[i].listener);
    close(proxy->wake);
    free(proxy->lanes);
    free(proxy);
}

int proxy_port(const struct proxy *proxy, unsigned lane) {
    return proxy->lanes[lane].port;
}

void proxy_delay(struct proxy *proxy, unsigned milliseconds) {
    proxy_lock(proxy);
    proxy->delay = milliseconds;
    proxy_unlock(proxy);
}

void proxy_split(struct proxy *proxy, bool on) {
    proxy_lock(proxy);
    proxy->split = on;
    proxy_unlock(proxy);
}

static void proxy_set_frozen(struct proxy *proxy, unsigned lane, bool frozen) {
    proxy_lock(proxy);
    for (size_t i = 0; i < proxy->connection_count; i++)
        if (proxy->connections[i]->lane == lane)
            proxy->connections[i]->frozen = frozen;
    proxy_unlock(proxy);
}

void proxy_freeze(struct proxy *proxy, unsigned lane) {
    proxy_set_frozen(proxy, lane, true);
}

void proxy_thaw(struct proxy *proxy, unsigned lane) {
    proxy_set_frozen(proxy, lane, false);
}

void proxy_freeze_next(struct proxy *proxy, unsigned lane) {
    proxy_lock(proxy);
    proxy->lanes[lane].freeze_next = true;
    proxy_unlock(proxy);
}

void proxy_break(struct proxy *proxy, unsigned lane, bool reset) {
    const struct linger at_once = {.l_onoff = 1};
    proxy_lock(proxy);
    for (size_t i = proxy->connection_count; i > 0; i--) {
        struct connection *connection = proxy->connections[i - 1];
        if (connection->lane != lane)
            continue;
        for (unsigned end = 0; end < 2 && reset; end++)
            if (connection->ends[end].descriptor >= 0)
                setsockopt(connection->ends[end].descriptor, SOL_SOCKET, SO_LINGER, &at_once,
                           sizeof at_once);
        proxy_remove(proxy, i - 1);
    }
    proxy_unlock(proxy);
}

void proxy_cut(struct proxy *proxy, unsigned lane, enum proxy_direction direction, uint64_t bytes) {
    proxy_lock(proxy);
    proxy->lanes[lane].cuts[direction] = bytes;
    proxy_unlock(proxy);
}

uint64_t proxy_passed(struct proxy *proxy, unsigned lane, enum proxy_direction direction) {
    proxy_lock(proxy);
    uint64_t passed = proxy->lanes[lane].passed[direction];
    proxy_unlock(proxy);
    return passed;
}

uint64_t proxy_accepted(struct proxy *proxy, unsigned lane) {
    proxy_lock(proxy);
    uint64_t accepted = proxy->lanes[lane].accepted;
    proxy_unlock(proxy);
    return accepted;
}

unsigned proxy_open(struct proxy *proxy, unsigned lane) {
    unsigned count = 0;
    proxy_lock(proxy);
    for (size_t i = 0; i < proxy->connection_count; i++)
        count += proxy->connections[i]->lane == lane;
    proxy_unlock(proxy);
    return count;
}

void proxy_hold(struct proxy *proxy, unsigned lane) {
    proxy_lock(proxy);
    proxy->lanes[lane].hold_next = true;
    proxy_unlock(proxy);
}

void proxy_release(struct proxy *proxy, unsigned lane) {
    proxy_lock(proxy);
    for (size_t i = 0; i < proxy->connection_count; i++) {
        struct connection *connection = proxy->connections[i];
        if (connection->lane == lane && connection->held && proxy_connect(proxy, connection))
            connection->held = false;
    }
    proxy_unlock(proxy);
}
