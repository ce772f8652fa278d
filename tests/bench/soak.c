/* soak SERVER FOLDER SECONDS [SEED]: two hundred clients come, join, talk, edit, delete, search,
 * page, leave and go, by chance, for so long, after so much has been posted and searched that what
 * the server keeps of its files is full. Prints what they did and how memory and descriptors
 * stood; not zero when the memory of the second half grows by more than a mebibyte an hour, a
 * descriptor is left, or the server says that something was wrong. */
#include "caller.h"
#include "host.h"
#include "sample.h"
#include "zipf.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOAK_CLIENTS = 200,
    SOAK_ROOMS = 50,
    SOAK_WARM_UP_POSTS = 40000, /* of a thousand bytes: more than what is kept of the files */
    SOAK_WARM_UP_WINDOW = 100,
    SOAK_SAMPLES_MAX = 100000,
    SOAK_STRETCHES = 15,
    SOAK_SAMPLE_MILLISECONDS = 500,
    SOAK_WAIT_MILLISECONDS = 20000
};

#define SOAK_SLOPE_MAX 1.0   /* MiB an hour */
#define SOAK_KEPT      0.125 /* MiB that the heap may keep, or give back, at any time */

struct client {
    struct caller caller;
    bool connected;
    char nick[16];
    uint32_t rooms[SOAK_ROOMS]; /* their numbers, 0: not in it */
    uint64_t number;            /* of its last post */
    uint64_t last_id;           /* and the event that became of it; 0: none that stands */
    uint32_t last_room;
};

struct soak {
    struct host host;
    struct client clients[SOAK_CLIENTS];
    struct random_source random;
    uint64_t done[16];
    double times[SOAK_SAMPLES_MAX];  /* seconds since the start */
    double memory[SOAK_SAMPLES_MAX]; /* MiB */
    size_t samples;
};

static uint32_t chance(struct soak *soak, uint32_t of) {
    return random_below(&soak->random, of);
}

/* A room the client is in, as a place in `rooms`; SOAK_ROOMS when it is in none. */
static uint32_t some_room(struct soak *soak, const struct client *client) {
    uint32_t from = chance(soak, SOAK_ROOMS);
    for (uint32_t i = 0; i < SOAK_ROOMS; i++)
        if (client->rooms[(from + i) % SOAK_ROOMS] != 0)
            return (from + i) % SOAK_ROOMS;
    return SOAK_ROOMS;
}

static bool do_join(struct soak *soak, struct client *client) {
    uint32_t which = chance(soak, SOAK_ROOMS);
    char name[16];
    struct message answer;
    struct message join = {.type = MESSAGE_JOIN};
    snprintf(name, sizeof name, "#soak%u", which);
    join.join.name = wire_text(name);
    bool joined = caller_ask(&client->caller, &join, MESSAGE_ROOM, &answer);
    if (joined)
        client->rooms[which] = answer.room.room;
    return joined;
}

static bool do_leave(struct soak *soak, struct client *client) {
    uint32_t which = some_room(soak, client);
    struct message answer;
    struct message leave = {.type = MESSAGE_LEAVE};
    if (which == SOAK_ROOMS)
        return do_join(soak, client);
    leave.leave.room = client->rooms[which];
    client->last_id = client->last_room == leave.leave.room ? 0 : client->last_id;
    client->rooms[which] = 0;
    return caller_ask(&client->caller, &leave, MESSAGE_DONE, &answer);
}

static bool do_post(struct soak *soak, struct client *client) {
    uint32_t which = some_room(soak, client);
    char body[256];
    struct message answer;
    struct message post = {.type = MESSAGE_POST};
    if (which == SOAK_ROOMS)
        return do_join(soak, client);
    snprintf(body, sizeof body, "word%u and word%u said by %s, %.*s", chance(soak, 1000),
             chance(soak, 1000), client->nick, (int)chance(soak, 100),
             "................................................................................"
             "....................");
    post.post.number = ++client->number;
    post.post.room = client->rooms[which];
    post.post.body = wire_text(body);
    bool posted = caller_ask(&client->caller, &post, MESSAGE_STORED, &answer);
    client->last_room = post.post.room;
    client->last_id = 0;
    return posted && answer.stored.up_to == client->number;
}

/* The page has the client's own post, unless others have said much since. */
static bool do_page(struct soak *soak, struct client *client) {
    uint32_t which = some_room(soak, client);
    struct message answer;
    struct message event;
    struct wire_blob payload;
    struct message history = {.type = MESSAGE_HISTORY};
    if (which == SOAK_ROOMS)
        return do_join(soak, client);
    history.history.room = client->rooms[which];
    history.history.before = PROTOCOL_END;
    history.history.limit = 50;
    history.history.newest = 1;
    if (!caller_ask(&client->caller, &history, MESSAGE_PAGE, &answer))
        return false;
    struct wire_reader frames = {answer.page.events.data,
                                 answer.page.events.data + answer.page.events.size};
    while (frame_take(&frames, &payload) == FRAME_READY)
        if (message_decode(payload, &event) == ERROR_NONE && event.type == MESSAGE_MESSAGE &&
            event.message.outbox == client->caller.outbox && event.message.body.size > 0) {
            client->last_id = event.event.id;
            client->last_room = history.history.room;
        }
    return true;
}

static bool do_edit(struct soak *soak, struct client *client) {
    struct message answer;
    struct message edit = {.type = MESSAGE_EDIT};
    if (client->last_id == 0)
        return do_page(soak, client);
    edit.edit.room = client->last_room;
    edit.edit.id = client->last_id;
    edit.edit.body = wire_text("word7, said otherwise");
    return caller_ask(&client->caller, &edit, MESSAGE_DONE, &answer);
}

static bool do_delete(struct soak *soak, struct client *client) {
    struct message answer;
    struct message delete = {.type = MESSAGE_DELETE};
    if (client->last_id == 0)
        return do_page(soak, client);
    delete.delete.room = client->last_room;
    delete.delete.id = client->last_id;
    client->last_id = 0;
    return caller_ask(&client->caller, &delete, MESSAGE_DONE, &answer);
}

static bool do_search(struct soak *soak, struct client *client) {
    char words[32];
    struct message answer;
    struct message search = {.type = MESSAGE_SEARCH};
    snprintf(words, sizeof words, chance(soak, 2) ? "word%u" : "\"word%u and\"",
             chance(soak, 1000));
    search.search.words = wire_text(words);
    search.search.before = PROTOCOL_END;
    search.search.limit = 20;
    return caller_ask(&client->caller, &search, MESSAGE_HITS, &answer);
}

static bool do_who(struct soak *soak, struct client *client) {
    uint32_t which = some_room(soak, client);
    struct message answer;
    struct message who = {.type = MESSAGE_WHO};
    if (which == SOAK_ROOMS)
        return do_join(soak, client);
    who.who.room = client->rooms[which];
    return caller_ask(&client->caller, &who, MESSAGE_PEOPLE, &answer);
}

/* Goes, and comes back when it is chosen again. */
static bool do_go(struct soak *soak, struct client *client) {
    (void)soak;
    caller_hang_up(&client->caller);
    client->connected = false;
    return true;
}

/* What clients do, and how often of a hundred times. */
static const struct {
    const char *name;
    uint32_t share;
    bool (*act)(struct soak *soak, struct client *client);
} acts[] = {
    {"posts", 40, do_post},       {"edits", 8, do_edit},
    {"deletions", 3, do_delete},  {"joins", 8, do_join},
    {"leaves", 6, do_leave},      {"searches", 10, do_search},
    {"pages", 15, do_page},       {"questions who is there", 4, do_who},
    {"disconnections", 6, do_go},
};

enum { ACT_COUNT = sizeof acts / sizeof *acts };

static bool soak_step(struct soak *soak) {
    struct client *client = &soak->clients[chance(soak, SOAK_CLIENTS)];
    uint32_t point = chance(soak, 100);
    size_t which = 0;
    while (which + 1 < ACT_COUNT && point >= acts[which].share)
        point -= acts[which++].share;
    if (!client->connected && !caller_call(&client->caller, soak->host.port, client->nick))
        return false;
    client->connected = true;
    soak->done[which]++;
    if (acts[which].act(soak, client))
        return true;
    fprintf(stderr, "soak: %s: %s failed\n", client->nick, acts[which].name);
    return false;
}

static void warm_up_post(struct soak *soak, struct client *client, struct buffer *frames) {
    struct buffer body = {0};
    struct message post = {.type = MESSAGE_POST};
    while (body.size < 1000)
        buffer_append_format(&body, "word%u ", chance(soak, 1000));
    post.post.number = ++client->number;
    post.post.room = client->rooms[0];
    post.post.body = (struct wire_text){(const char *)body.data, body.size};
    message_encode(frames, &post);
    buffer_free(&body);
}

static bool warm_up_window(struct soak *soak, struct client *client) {
    struct buffer frames = {0};
    struct message answer = {.type = MESSAGE_STORED};
    for (int i = 0; i < SOAK_WARM_UP_WINDOW; i++)
        warm_up_post(soak, client, &frames);
    struct iovec piece = {frames.data, frames.size};
    bool well =
        !frames.failed && link_write(&client->caller.link, &piece, 1) == (ssize_t)frames.size;
    while (well && answer.stored.up_to != client->number)
        well = caller_expect(&client->caller, MESSAGE_STORED, &answer);
    buffer_free(&frames);
    return well;
}

/* The memory grows until what is kept of the files is full; that is not what is asked about. */
static bool soak_warm_up(struct soak *soak, struct client *client) {
    struct message answer;
    struct message join = {.type = MESSAGE_JOIN};
    join.join.name = wire_text("#soak0");
    bool well = caller_ask(&client->caller, &join, MESSAGE_ROOM, &answer);
    client->rooms[0] = answer.room.room;
    for (int i = 0; well && i < SOAK_WARM_UP_POSTS; i += SOAK_WARM_UP_WINDOW)
        well = warm_up_window(soak, client);
    host_wait_idle(&soak->host);
    return well;
}

/* Memory that is the server's own: what it has of its files comes and goes as the system likes. */
static void soak_sample(struct soak *soak, double seconds) {
    if (soak->samples == SOAK_SAMPLES_MAX)
        return;
    soak->times[soak->samples] = seconds;
    soak->memory[soak->samples++] = (double)host_memory(&soak->host, "RssAnon:") / 1024;
}

struct slope {
    double value; /* MiB an hour */
    double error; /* of it, one standard deviation */
    double kept;  /* what SOAK_KEPT would be: less than that a run of this length cannot tell */
};

/* The line that fits the second half best, by the least of a few stretches: what is taken and given
 * back within one, for a page or a merge of the index, is no growth, and what is not given back
 * raises the least too. */
static struct slope soak_slope(const struct soak *soak) {
    double time[SOAK_STRETCHES] = {0}, memory[SOAK_STRETCHES] = {0};
    double time_mean = 0, memory_mean = 0, both = 0, squares = 0, rest = 0;
    size_t from = soak->samples / 2;
    size_t each = (soak->samples - from) / SOAK_STRETCHES;
    if (each == 0)
        return (struct slope){0, 0, 0};
    for (size_t i = 0; i < each * SOAK_STRETCHES; i++) {
        double taken = soak->memory[from + i];
        time[i / each] += soak->times[from + i] / (double)each;
        if (i % each == 0 || taken < memory[i / each])
            memory[i / each] = taken;
    }
    for (size_t i = 0; i < SOAK_STRETCHES; i++) {
        time_mean += time[i] / SOAK_STRETCHES;
        memory_mean += memory[i] / SOAK_STRETCHES;
    }
    for (size_t i = 0; i < SOAK_STRETCHES; i++) {
        both += (time[i] - time_mean) * (memory[i] - memory_mean);
        squares += (time[i] - time_mean) * (time[i] - time_mean);
    }
    double slope = both / squares;
    for (size_t i = 0; i < SOAK_STRETCHES; i++) {
        double off = memory[i] - memory_mean - slope * (time[i] - time_mean);
        rest += off * off;
    }
    double hours = (soak->times[soak->samples - 1] - soak->times[from]) / 3600;
    return (struct slope){slope * 3600, sqrt(rest / (SOAK_STRETCHES - 2) / squares) * 3600,
                          SOAK_KEPT / hours};
}

static bool soak_run(struct soak *soak, double seconds) {
    double begun = sample_now();
    double next = 0;
    for (double now = 0; now < seconds * 1e3; now = sample_now() - begun) {
        if (now >= next) {
            soak_sample(soak, now / 1e3);
            next += SOAK_SAMPLE_MILLISECONDS;
        }
        if (!soak_step(soak))
            return false;
    }
    return true;
}

/* Says that it says nothing more, and waits until the server has hung up. */
static void soak_part(struct caller *caller) {
    struct pollfd wait = {caller->link.descriptor, POLLIN, 0};
    ssize_t got = LINK_AGAIN;
    link_finish(&caller->link);
    while ((got > 0 || got == LINK_AGAIN) && poll(&wait, 1, SOAK_WAIT_MILLISECONDS) == 1)
        got = link_read(&caller->link, caller->bytes, sizeof caller->bytes);
    caller_hang_up(caller);
}

/* What was open before the first client came must be all that is open when the last has gone. */
static bool soak_descriptors_are_back(struct soak *soak, unsigned before) {
    for (size_t i = 0; i < SOAK_CLIENTS; i++)
        if (soak->clients[i].connected)
            soak_part(&soak->clients[i].caller);
    printf("descriptors: %u before, %u after\n", before, host_descriptors(&soak->host));
    return host_descriptors(&soak->host) <= before;
}

static bool soak_judge(struct soak *soak, unsigned descriptors) {
    struct slope slope = soak_slope(soak);
    for (size_t i = 0; i < ACT_COUNT; i++)
        printf("%s: %llu\n", acts[i].name, (unsigned long long)soak->done[i]);
    printf(
        "memory: %.2f MiB at the middle, %.2f MiB at the end, %.1f ± %.1f MiB an hour, to within "
        "%.1f\n",
        soak->memory[soak->samples / 2], soak->memory[soak->samples - 1], slope.value, slope.error,
        slope.kept);
    bool flat = soak_descriptors_are_back(soak, descriptors);
#ifdef CHAT_SANITIZED
    return flat; /* a sanitizer keeps what was freed */
#else
    return flat && slope.value - 2 * slope.error - slope.kept <= SOAK_SLOPE_MAX;
#endif
}

int main(int argc, char **argv) {
    static struct soak soak;
    if (argc < 4)
        return 2;
    soak.random.state = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    for (size_t i = 0; i < SOAK_CLIENTS; i++) {
        snprintf(soak.clients[i].nick, sizeof soak.clients[i].nick, "soaker%zu", i);
        soak.clients[i].caller.outbox = 1000 + i;
    }
    if (!host_start(&soak.host, argv[1], argv[2]))
        return EXIT_FAILURE;
    /* What the server opens for its first client and search stays open. */
    struct client *first = &soak.clients[0];
    first->connected = caller_call(&first->caller, soak.host.port, first->nick);
    bool begun = first->connected && soak_warm_up(&soak, first) && do_search(&soak, first);
    unsigned descriptors = host_descriptors(&soak.host) - 1;
    bool well = begun && soak_run(&soak, strtod(argv[3], NULL)) && soak_judge(&soak, descriptors);
    return host_stop(&soak.host) && well ? EXIT_SUCCESS : EXIT_FAILURE;
}
