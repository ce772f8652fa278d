/* idle SERVER FOLDER COUNT: what so many people who are connected and say nothing cost: the
 * server's memory for each, and the time until another one's post is stored, without them and with
 * them. Then a message to all of them, and what is left of them when they have gone. Not zero when
 * somebody does not get it. */
#include "caller.h"
#include "heap.h"
#include "host.h"
#include "sample.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { IDLE_POSTS = 1000, IDLE_PATIENCE = 60000, IDLE_LOBBY = 1, IDLE_AT_ONCE = 100 };

static const char idle_mark[] = "a message to everybody who is here";

struct idle {
    struct host host;
    struct caller talker;
    uint64_t number; /* of its last post */
    uint32_t room;   /* of its own */
    struct link *links;
    struct pollfd *waits;
    int count;
    char bytes[1 << 20];
};

static bool idle_greet(struct link *link, int number) {
    struct buffer frame = {0};
    char nick[32];
    struct message hello = {.type = MESSAGE_HELLO};
    snprintf(nick, sizeof nick, "idle%d", number);
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    message_encode(&frame, &hello);
    const struct iovec piece = {frame.data, frame.size};
    bool sent = link_write(link, &piece, 1) == (ssize_t)frame.size;
    buffer_free(&frame);
    return sent;
}

/* Reads what comes until every connection has had the mark in what it was sent, or for `patience`
 * milliseconds; how many have. Marks are short, so a piece of one is kept over. */
static int idle_read(struct idle *idle, const char *mark, int patience) {
    int left = idle->count;
    double until = sample_now() + patience;
    for (int i = 0; i < idle->count; i++)
        idle->waits[i] = (struct pollfd){idle->links[i].descriptor, POLLIN, 0};
    while (left > 0 && sample_now() < until) {
        poll(idle->waits, (nfds_t)idle->count, 1000);
        for (int i = 0; i < idle->count; i++) {
            if (idle->waits[i].revents == 0)
                continue;
            ssize_t got = link_read(&idle->links[i], idle->bytes, sizeof idle->bytes);
            bool has = got > 0 && memmem(idle->bytes, (size_t)got, mark, strlen(mark)) != NULL;
            if (has || (got <= 0 && got != LINK_AGAIN)) {
                idle->waits[i].fd = -1;
                left -= has;
            }
        }
    }
    return idle->count - left;
}

/* Everybody hears of everybody who comes: reads that off the first `count`, without looking at it.
 */
static void idle_drain(struct idle *idle, int count) {
    for (int i = 0; i < count; i++)
        while (link_read(&idle->links[i], idle->bytes, sizeof idle->bytes) > 0)
            ;
}

static bool idle_connect(struct idle *idle) {
    struct link_problem problem;
    for (int i = 0; i < idle->count; i++) {
        if (!link_connect("127.0.0.1", idle->host.port, IDLE_PATIENCE, NULL, &idle->links[i],
                          &problem)) {
            fprintf(stderr, "idle: %s\n", problem.text);
            return false;
        }
        if (!idle_greet(&idle->links[i], i))
            return false;
        if (i % IDLE_AT_ONCE == 0)
            idle_drain(idle, i + 1);
    }
    return true;
}

/* Until the server has given back what it needed for those who came. */
static void idle_let_give_back(void) {
    poll(NULL, 0, 2 * HEAP_INTERVAL + 1000);
}

/* Until nothing comes any more. */
static void idle_settle(struct idle *idle) {
    for (int quiet = 0; quiet < 10; quiet++) {
        for (int i = 0; i < idle->count; i++)
            idle->waits[i] = (struct pollfd){idle->links[i].descriptor, POLLIN, 0};
        if (poll(idle->waits, (nfds_t)idle->count, 200) > 0)
            quiet = 0;
        idle_drain(idle, idle->count);
    }
    idle_let_give_back();
}

static long idle_memory(const struct idle *idle, long before) {
    return (host_memory(&idle->host, "RssAnon:") - before) * 1024 / idle->count;
}

/* They go, and what they leave is looked at when the server has noticed. */
static void idle_leave(struct idle *idle, unsigned descriptors) {
    for (int i = 0; i < idle->count; i++)
        link_close(&idle->links[i]);
    const double until = sample_now() + IDLE_PATIENCE;
    while (host_descriptors(&idle->host) > descriptors && sample_now() < until)
        poll(NULL, 0, 20);
    poll(NULL, 0, (HEAP_LOOKS + 2) * HEAP_INTERVAL);
}

static bool idle_post(struct idle *idle, uint32_t room, const char *body) {
    struct message answer;
    struct message post = {.type = MESSAGE_POST};
    post.post.number = ++idle->number;
    post.post.room = room;
    post.post.body = wire_text(body);
    return caller_ask(&idle->talker, &post, MESSAGE_STORED, &answer);
}

static bool idle_measure(struct idle *idle, const char *when) {
    static struct sample sample;
    sample.count = 0;
    for (int i = 0; i < IDLE_POSTS; i++) {
        double begun = sample_now();
        if (!idle_post(idle, idle->room, "said in a room of one's own"))
            return false;
        sample_add(&sample, sample_now() - begun);
    }
    printf("time\tpost until it is stored, %s, ms\t%.3f\np99\t%.3f\n", when,
           sample_percentile(&sample, 50), sample_percentile(&sample, 99));
    return true;
}

static bool idle_begin(struct idle *idle) {
    struct message room;
    struct message join = {.type = MESSAGE_JOIN};
    idle->talker.outbox = 1;
    join.join.name = wire_text("#quiet");
    if (!caller_call(&idle->talker, idle->host.port, "talker") ||
        !caller_ask(&idle->talker, &join, MESSAGE_ROOM, &room))
        return false;
    idle->room = room.room.room;
    return true;
}

static bool idle_run(struct idle *idle) {
    if (!idle_begin(idle) || !idle_measure(idle, "nobody else there"))
        return false;
    const long before = host_memory(&idle->host, "RssAnon:");
    const unsigned descriptors = host_descriptors(&idle->host);
    if (!idle_connect(idle))
        return false;
    idle_settle(idle);
    printf("size\tbytes of memory each of %d\t%ld\n", idle->count, idle_memory(idle, before));
    if (!idle_measure(idle, "with all of them"))
        return false;
    double begun = sample_now();
    if (!idle_post(idle, IDLE_LOBBY, idle_mark))
        return false;
    int reached = idle_read(idle, idle_mark, IDLE_PATIENCE);
    printf("time\ta message to all of them, ms\t%.1f\nsize\twho got it\t%d\n", sample_now() - begun,
           reached);
    idle_leave(idle, descriptors);
    printf("size\tbytes left of each when they had gone\t%ld\n", idle_memory(idle, before));
    return reached == idle->count;
}

int main(int argc, char **argv) {
    static struct idle idle;
    struct rlimit limit;
    if (argc < 4)
        return 2;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    idle.count = (int)strtol(argv[3], NULL, 10);
    idle.links = calloc((size_t)idle.count, sizeof *idle.links);
    idle.waits = calloc((size_t)idle.count, sizeof *idle.waits);
    if (idle.links == NULL || idle.waits == NULL || !host_start(&idle.host, argv[1], argv[2]))
        return EXIT_FAILURE;
    bool well = idle_run(&idle);
    return host_stop(&idle.host) && well ? EXIT_SUCCESS : EXIT_FAILURE;
}
