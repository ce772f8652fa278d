/* load SPEAKER PORT PID RECEIVERS PUBLISHERS SECONDS window N | rate N | idle 0: so many receivers
 * of all that publishers say in one room, for so long; each publisher with N messages in flight, or
 * all of them together N messages a second, on time whatever the server does, or nothing at all.
 * Prints "ready" when all are in, and in the end one line: deliveries, those lost, doubled and out
 * of order, the processor time of the process PID, the latency from the moment when a message was
 * due (of a rate), its memory at most, and what of it each connection took in the end. */
#include "host.h"
#include "link.h"
#include "sample.h"
#include "secure.h"
#include "speak.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

enum {
    LOAD_PUBLISHERS_MAX = 100, /* their number has two digits */
    LOAD_EVENTS = 512,
    LOAD_READ = 1 << 18,
    LOAD_REST = 4096,
    LOAD_PATIENCE = 60000,
    LOAD_AT_ONCE = 250,
    LOAD_BUCKETS = 200000, /* of 10 microseconds */
    LOAD_BUCKET_NANOSECONDS = 10000,
    LOAD_WARM_UP = 1000,           /* milliseconds */
    LOAD_REST_MILLISECONDS = 20000 /* for what is on its way at the end */
};

struct peer {
    struct link link;
    bool publishes;
    unsigned number;
    size_t rest_size;
    char rest[LOAD_REST];               /* a unit that has not come whole */
    uint32_t last[LOAD_PUBLISHERS_MAX]; /* number of the last message of each publisher */
};

struct load {
    const struct speaker *speaker;
    const char *port;
    struct host host; /* the server; of the process alone */
    unsigned receivers;
    unsigned publishers;
    uint64_t window; /* 0: by rate */
    double rate;     /* 0: neither */
    long memory_before;
    int epoll;
    struct peer *peers; /* receivers, then publishers */
    uint64_t published[LOAD_PUBLISHERS_MAX];
    uint64_t seen[LOAD_PUBLISHERS_MAX]; /* by the first receiver */
    uint64_t deliveries;
    uint64_t lost;
    uint64_t doubled;
    bool measuring;
    uint64_t latencies[LOAD_BUCKETS + 1];
    char bytes[LOAD_READ + LOAD_REST];
};

static uint64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* "#PP NNNNNNNNNN TTTTTTTTTTTTTTTTTTTT " and dots. */
static void body_write(char body[SPEAK_BODY], unsigned publisher, uint64_t number, uint64_t due) {
    char head[SPEAK_BODY + 1];
    int size = snprintf(head, sizeof head, "#%02u %010llu %020llu ", publisher,
                        (unsigned long long)number, (unsigned long long)due);
    memset(body, '.', SPEAK_BODY);
    memcpy(body, head, (size_t)size);
}

static uint64_t digits(const char *at, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (uint64_t)(at[i] - '0');
    return value;
}

static void load_note(struct load *load, struct peer *peer, const char *body) {
    unsigned publisher = (unsigned)digits(body + 1, 2);
    uint32_t number = (uint32_t)digits(body + 4, 10);
    if (body[0] != '#' || publisher >= load->publishers)
        return;
    if (number <= peer->last[publisher]) {
        load->doubled++;
        return;
    }
    load->lost += number - peer->last[publisher] - 1;
    peer->last[publisher] = number;
    load->deliveries++;
    if (peer->number == 0)
        load->seen[publisher] = number;
    if (load->window == 0 && load->measuring) {
        uint64_t late = (nanoseconds() - digits(body + 15, 20)) / LOAD_BUCKET_NANOSECONDS;
        load->latencies[late < LOAD_BUCKETS ? late : LOAD_BUCKETS]++;
    }
}

static void load_send(struct peer *peer, const struct buffer *bytes) {
    size_t sent = 0;
    struct pollfd wait = {peer->link.descriptor, POLLOUT, 0};
    while (sent < bytes->size) {
        const struct iovec piece = {bytes->data + sent, bytes->size - sent};
        ssize_t now = link_write(&peer->link, &piece, 1);
        if (now > 0)
            sent += (size_t)now;
        else if (now == LINK_AGAIN)
            poll(&wait, 1, 1000);
        else
            exit(EXIT_FAILURE);
    }
}

/* Takes all whole units of what came; answers the pings of IRC and NATS. */
static void load_take(struct load *load, struct peer *peer, const char *data, size_t size) {
    const char *at = data;
    const char *body;
    for (size_t whole; (whole = load->speaker->take(at, size - (size_t)(at - data), &body)) > 0;
         at += whole) {
        if (body != NULL && !peer->publishes)
            load_note(load, peer, body);
        else if (body == NULL && whole > 4 && memcmp(at, "PING", 4) == 0) {
            struct buffer pong = {0};
            buffer_append_string(&pong, "PONG");
            buffer_append(&pong, at + 4, whole - 4);
            load_send(peer, &pong);
            buffer_free(&pong);
        }
    }
    peer->rest_size = size - (size_t)(at - data);
    if (peer->rest_size > sizeof peer->rest)
        peer->rest_size = 0; /* a line longer than any of ours */
    memcpy(peer->rest, at, peer->rest_size);
}

static bool load_read(struct load *load, struct peer *peer) {
    memcpy(load->bytes, peer->rest, peer->rest_size);
    ssize_t got = link_read(&peer->link, load->bytes + peer->rest_size, LOAD_READ);
    if (got == 0 || got == LINK_FAILED) {
        fprintf(stderr, "load: the server has hung up\n");
        exit(EXIT_FAILURE);
    }
    if (got > 0)
        load_take(load, peer, load->bytes, peer->rest_size + (size_t)got);
    return got > 0;
}

/* Everybody, after so many nanoseconds at most. */
static bool load_turn_until(struct load *load, uint64_t patience) {
    struct epoll_event events[LOAD_EVENTS];
    const struct timespec wait = {(time_t)(patience / 1000000000u), (long)(patience % 1000000000u)};
    int count = epoll_pwait2(load->epoll, events, LOAD_EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++)
        load_read(load, events[i].data.ptr);
    return count > 0;
}

static bool load_turn(struct load *load, unsigned milliseconds) {
    return load_turn_until(load, milliseconds * UINT64_C(1000000));
}

/* Connects and says the first thing. */
static void load_call(struct load *load, unsigned number) {
    struct link_problem problem;
    struct peer *peer = &load->peers[number];
    struct buffer greeting = {0};
    peer->number = number;
    peer->publishes = number >= load->receivers;
    if (!link_connect("127.0.0.1", load->port, LOAD_PATIENCE, NULL, &peer->link, &problem) ||
        (load->speaker->secured && !secure_link(&peer->link, LOAD_PATIENCE, &problem))) {
        fprintf(stderr, "load: %s\n", problem.text);
        exit(EXIT_FAILURE);
    }
    load->speaker->greet(&greeting, number, peer->publishes);
    load_send(peer, &greeting);
    buffer_free(&greeting);
}

/* Enters the room, if that is a second thing to say, once the server lets the peer. */
static bool load_enter(struct load *load, struct peer *peer, const char *seen, size_t size) {
    const char *admitted = load->speaker->admitted;
    struct buffer enter = {0};
    if (memmem(seen, size, admitted, strlen(admitted)) == NULL)
        return false;
    buffer_append_string(&enter, load->speaker->enter);
    load_send(peer, &enter);
    buffer_free(&enter);
    return true;
}

/* Reads until the server says a word; what came behind it belongs to who is in. */
static void load_await(struct load *load, unsigned number) {
    static char seen[LOAD_READ];
    const char *ready = load->speaker->ready;
    struct peer *peer = &load->peers[number];
    struct pollfd wait = {peer->link.descriptor, POLLIN, 0};
    bool entered = load->speaker->admitted == NULL;
    size_t size = 0;
    while (memmem(seen, size, ready, strlen(ready)) == NULL) {
        if (size > sizeof seen / 2)
            size = 0;
        ssize_t got = poll(&wait, 1, LOAD_PATIENCE) > 0
                          ? link_read(&peer->link, seen + size, sizeof seen - size)
                          : 0;
        if (got == LINK_AGAIN)
            continue;
        if (got <= 0) {
            fprintf(stderr, "load: %u was not let in\n", number);
            exit(EXIT_FAILURE);
        }
        size += (size_t)got;
        entered = entered || load_enter(load, peer, seen, size);
    }
    const char *body;
    const char *at = seen;
    for (size_t whole; (whole = load->speaker->take(at, size - (size_t)(at - seen), &body)) > 0;)
        at += whole;
    peer->rest_size = size - (size_t)(at - seen);
    memcpy(peer->rest, at, peer->rest_size < sizeof peer->rest ? peer->rest_size : 0);
    struct epoll_event watch = {.events = EPOLLIN, .data.ptr = peer};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, peer->link.descriptor, &watch);
}

/* So many at once, for there are servers that let in once a second. */
static void load_connect(struct load *load) {
    unsigned all = load->receivers + load->publishers;
    for (unsigned from = 0; from < all; from += LOAD_AT_ONCE) {
        unsigned to = from + LOAD_AT_ONCE < all ? from + LOAD_AT_ONCE : all;
        for (unsigned i = from; i < to; i++)
            load_call(load, i);
        for (unsigned i = from; i < to; i++)
            load_await(load, i);
        while (load_turn(load, 0))
            ;
    }
    while (load_turn(load, 500))
        ;
}

/* What the publisher may say now, by its window. */
static bool load_fill(struct load *load, unsigned publisher) {
    struct buffer out = {0};
    char body[SPEAK_BODY];
    while (load->published[publisher] - load->seen[publisher] < load->window) {
        uint64_t number = ++load->published[publisher];
        body_write(body, publisher, number, nanoseconds());
        load->speaker->publish(&out, number, body);
    }
    bool any = out.size > 0;
    if (any)
        load_send(&load->peers[load->receivers + publisher], &out);
    buffer_free(&out);
    return any;
}

/* Says what is due; nanoseconds until more is. What waits sleeps: the server needs the processor.
 */
static uint64_t load_say_on_time(struct load *load, uint64_t begun, uint64_t *said) {
    uint64_t now = nanoseconds();
    uint64_t due;
    char body[SPEAK_BODY];
    struct buffer out = {0};
    if (load->rate <= 0)
        return 100000000;
    for (; (due = begun + (uint64_t)((double)*said / load->rate * 1e9)) <= now; ++*said) {
        unsigned publisher = (unsigned)(*said % load->publishers);
        uint64_t number = ++load->published[publisher];
        buffer_clear(&out);
        body_write(body, publisher, number, due);
        load->speaker->publish(&out, number, body);
        load_send(&load->peers[load->receivers + publisher], &out);
    }
    buffer_free(&out);
    now = nanoseconds();
    return due > now ? due - now : 0;
}

static void load_run(struct load *load, double milliseconds, uint64_t begun, uint64_t *said) {
    double until = sample_now() + milliseconds;
    while (sample_now() < until) {
        uint64_t patience = 100000000;
        if (load->window == 0)
            patience = load_say_on_time(load, begun, said);
        for (unsigned i = 0; load->window > 0 && i < load->publishers; i++)
            load_fill(load, i);
        load_turn_until(load, patience);
    }
}

/* All that was said must come to everybody in the end. */
static uint64_t load_missing(const struct load *load) {
    uint64_t missing = 0;
    for (unsigned i = 0; i < load->receivers; i++)
        for (unsigned publisher = 0; publisher < load->publishers; publisher++)
            missing += load->published[publisher] - load->peers[i].last[publisher];
    return missing;
}

static double load_percentile(const struct load *load, double share) {
    uint64_t all = 0;
    uint64_t below = 0;
    for (size_t i = 0; i <= LOAD_BUCKETS; i++)
        all += load->latencies[i];
    for (size_t i = 0; i <= LOAD_BUCKETS; i++)
        if ((double)(below += load->latencies[i]) >= share * (double)all)
            return (double)i * LOAD_BUCKET_NANOSECONDS / 1e6;
    return 0;
}

static void load_measure(struct load *load, double seconds) {
    uint64_t begun = nanoseconds();
    uint64_t said = 0;
    load_run(load, LOAD_WARM_UP, begun, &said);
    uint64_t deliveries = load->deliveries;
    uint64_t spent = host_processor_time(&load->host);
    double from = sample_now();
    load->measuring = true;
    load_run(load, seconds * 1e3, begun, &said);
    double took = (sample_now() - from) / 1e3;
    deliveries = load->deliveries - deliveries;
    spent = host_processor_time(&load->host) - spent;
    long memory = host_memory(&load->host, "VmHWM:");
    const long left = host_memory(&load->host, "RssAnon:");
    double until = sample_now() + LOAD_REST_MILLISECONDS;
    while (load_missing(load) > 0 && sample_now() < until)
        load_turn(load, 100);
    load->measuring = false;
    printf("%s %u %u %llu %.0f %llu %.3f %llu %.0f %llu %llu %.2f %.2f %.2f %ld %ld\n",
           load->speaker->name, load->receivers, load->publishers, (unsigned long long)load->window,
           load->rate, (unsigned long long)deliveries, took, (unsigned long long)spent,
           (double)deliveries / ((double)spent / 1e9),
           (unsigned long long)(load->lost + load_missing(load)), (unsigned long long)load->doubled,
           load_percentile(load, 0.5), load_percentile(load, 0.99), load_percentile(load, 0.999),
           memory, (left - load->memory_before) * 1024 / (load->receivers + load->publishers));
}

int main(int argc, char **argv) {
    static struct load load;
    struct rlimit limit;
    if (argc != 9 || (load.speaker = speaker_find(argv[1])) == NULL)
        return 2;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    prctl(PR_SET_TIMERSLACK, 1000ul); /* what is due is said on time, to a microsecond */
    load.port = argv[2];
    load.host.process = (pid_t)strtol(argv[3], NULL, 10);
    load.receivers = (unsigned)strtoul(argv[4], NULL, 10);
    load.publishers = (unsigned)strtoul(argv[5], NULL, 10);
    if (strcmp(argv[7], "window") == 0)
        load.window = strtoull(argv[8], NULL, 10);
    else if (strcmp(argv[7], "rate") == 0)
        load.rate = strtod(argv[8], NULL);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.peers = calloc(load.receivers + load.publishers, sizeof *load.peers);
    if (load.peers == NULL || load.publishers > LOAD_PUBLISHERS_MAX)
        return EXIT_FAILURE;
    load.memory_before = host_memory(&load.host, "RssAnon:");
    load_connect(&load);
    puts("ready");
    fflush(stdout);
    load_measure(&load, strtod(argv[6], NULL));
    return EXIT_SUCCESS;
}
