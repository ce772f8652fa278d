/* openers PORT CLIENTS SECONDS: so many clients, each in a room of a log that `fill` made, who
 * twice a second ask all at once for a page of a hundred anywhere in it, as if each opened the
 * room. Prints how many pages came and how long everybody waited for a turn of them. Runs beside
 * `load`, whose latency is to stay what it is. */
#include "caller.h"
#include "sample.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPENERS_PAGE = 100, OPENERS_ROOMS = 1000, OPENERS_TURN = 500 /* milliseconds */ };

struct opener {
    struct caller caller;
    uint32_t room;
    uint64_t newest; /* event in it */
};

static bool opener_enter(struct opener *opener, const char *port, unsigned number) {
    char name[32];
    struct message room;
    struct message join = {.type = MESSAGE_JOIN};
    snprintf(name, sizeof name, "opener%u", number);
    if (!caller_call(&opener->caller, port, name))
        return false;
    snprintf(name, sizeof name, "#room%u", number % OPENERS_ROOMS);
    join.join.name = wire_text(name);
    if (!caller_ask(&opener->caller, &join, MESSAGE_ROOM, &room))
        return false;
    opener->room = room.room.room;
    opener->newest = room.room.newest;
    return true;
}

static bool opener_ask(struct opener *opener, unsigned *seed) {
    struct buffer frame = {0};
    struct message history = {.type = MESSAGE_HISTORY};
    history.history.room = opener->room;
    history.history.before = (uint64_t)rand_r(seed) % (opener->newest + 1) + 1;
    history.history.limit = OPENERS_PAGE;
    history.history.newest = true;
    message_encode(&frame, &history);
    const struct iovec piece = {frame.data, frame.size};
    bool sent = link_write(&opener->caller.link, &piece, 1) == (ssize_t)frame.size;
    buffer_free(&frame);
    return sent;
}

static bool openers_turn(struct opener *openers, unsigned count, unsigned *seed) {
    struct message page;
    for (unsigned i = 0; i < count; i++)
        if (!opener_ask(&openers[i], seed))
            return false;
    for (unsigned i = 0; i < count; i++)
        if (!caller_expect(&openers[i].caller, MESSAGE_PAGE, &page))
            return false;
    return true;
}

int main(int argc, char **argv) {
    static struct sample turns;
    if (argc != 4)
        return 2;
    unsigned count = (unsigned)strtoul(argv[2], NULL, 10);
    unsigned seed = 1;
    struct opener *openers = calloc(count, sizeof *openers);
    if (openers == NULL)
        return EXIT_FAILURE;
    for (unsigned i = 0; i < count; i++)
        if (!opener_enter(&openers[i], argv[1], i))
            return EXIT_FAILURE;
    double until = sample_now() + strtod(argv[3], NULL) * 1e3;
    while (sample_now() < until) {
        double begun = sample_now();
        if (!openers_turn(openers, count, &seed))
            return EXIT_FAILURE;
        double took = sample_now() - begun;
        sample_add(&turns, took);
        if (took < OPENERS_TURN)
            poll(NULL, 0, OPENERS_TURN - (int)took);
    }
    printf("%zu pages; for all %u at once, ms: %.1f (median), %.1f (p99)\n", turns.count * count,
           count, sample_percentile(&turns, 50), sample_percentile(&turns, 99));
    return EXIT_SUCCESS;
}
