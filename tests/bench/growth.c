/* growth SERVER FOLDER ROOMS: measures a server on a folder that `fill` made, as a client sees it,
 * and prints a line each: "time" or "size", what, how much. Not zero when a search does not find
 * what is there. See docs/benchmarks.md. */
#include "caller.h"
#include "clock.h"
#include "host.h"
#include "sample.h"
#include "vocabulary.h"
#include "zipf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    GROWTH_ROOMS = 20, /* that the client is in: the largest ones and the smallest */
    GROWTH_PAGE = 100,
    GROWTH_HITS = 20,
    GROWTH_TIMES_MIN = 3,
    GROWTH_TIMES_FOR_P99 = 100,
    GROWTH_INDEX_NANOSECONDS = 20000000
};

#define GROWTH_PATIENCE   5e3 /* milliseconds for one measure, once it was done a few times */
#define GROWTH_HALF_YEAR  (182ull * 24 * 60 * 60 * 1000)
#define GROWTH_NICK       "bench"
#define GROWTH_MEBIBYTE_K 1024.0

enum scope { SCOPE_ALL, SCOPE_LARGEST, SCOPE_SMALLEST };

struct trial {
    const char *program;
    const char *folder;
    struct host host;
    struct caller caller;
    uint32_t rooms;
    uint32_t scopes[SCOPE_SMALLEST + 1]; /* numbers of the rooms meant, 0 for all */
    uint64_t log_end;                    /* id of the last event */
    struct random_source random;
    bool failed; /* a search found the wrong number */
};

struct measure {
    const char *name;
    unsigned times;
    double (*run)(struct trial *trial, const struct measure *measure); /* below 0: it failed */
    enum scope scope;
    const char *words; /* @7 is the seventh word of the vocabulary */
    const char *from;
    bool from_middle; /* of the log */
    bool until_middle;
    unsigned least; /* hits at least */
    unsigned most;
};

static bool trial_join(struct caller *caller, uint32_t number, struct message *room) {
    char name[32];
    struct message join = {.type = MESSAGE_JOIN};
    snprintf(name, sizeof name, "#room%u", number);
    join.join.name = wire_text(name);
    return caller_ask(caller, &join, MESSAGE_ROOM, room);
}

/* Becomes a member of the largest rooms and the smallest. */
static bool trial_join_all(struct trial *trial) {
    struct message room;
    for (uint32_t number = 1; number < GROWTH_ROOMS && number < trial->rooms; number++) {
        if (!trial_join(&trial->caller, number, &room))
            return false;
        if (number == 1)
            trial->scopes[SCOPE_LARGEST] = room.room.room;
    }
    if (!trial_join(&trial->caller, trial->rooms, &room))
        return false;
    trial->scopes[SCOPE_SMALLEST] = room.room.room;
    trial->log_end = room.room.position;
    return true;
}

static bool trial_start(struct trial *trial) {
    return host_start(&trial->host, trial->program, trial->folder) &&
           caller_call(&trial->caller, trial->host.port, GROWTH_NICK);
}

static bool trial_stop(struct trial *trial) {
    caller_hang_up(&trial->caller);
    return host_stop(&trial->host);
}

static double measure_start(struct trial *trial, const struct measure *measure) {
    (void)measure;
    return trial_stop(trial) && trial_start(trial) ? trial->host.start_milliseconds : -1;
}

static double measure_cold_start(struct trial *trial, const struct measure *measure) {
    (void)measure;
    return trial_stop(trial) && host_forget_file(trial->folder, "log.db") &&
                   host_forget_file(trial->folder, "search.db") && trial_start(trial)
               ? trial->host.start_milliseconds
               : -1;
}

/* Bytes of the page; below 0 when the server refused. */
static ssize_t trial_page(struct caller *caller, uint32_t room, uint64_t before) {
    struct message answer;
    struct message history = {.type = MESSAGE_HISTORY};
    history.history.room = room;
    history.history.before = before;
    history.history.limit = GROWTH_PAGE;
    history.history.newest = 1;
    return caller_ask(caller, &history, MESSAGE_PAGE, &answer) ? (ssize_t)answer.page.events.size
                                                               : -1;
}

/* From nothing to the newest page of the largest room. */
static double measure_opening(struct trial *trial, const struct measure *measure) {
    static struct caller caller;
    struct message room;
    (void)measure;
    memcpy(caller.secret, trial->caller.secret, sizeof caller.secret);
    caller.known = true;
    double begun = sample_now();
    bool opened = caller_call(&caller, trial->host.port, GROWTH_NICK) &&
                  trial_join(&caller, 1, &room) &&
                  trial_page(&caller, room.room.room, PROTOCOL_END) > 0;
    double took = sample_now() - begun;
    caller_hang_up(&caller);
    return opened ? took : -1;
}

/* The page before any event of the log. */
static double measure_page(struct trial *trial, const struct measure *measure) {
    uint64_t before = 1 + random_below(&trial->random, (uint32_t)trial->log_end);
    double begun = sample_now();
    ssize_t size = trial_page(&trial->caller, trial->scopes[measure->scope], before);
    return size >= 0 ? sample_now() - begun : -1;
}

static struct wire_text expand_words(const char *words, char *text, size_t size) {
    size_t used = 0;
    while (*words != '\0' && used + VOCABULARY_WORD_MAX < size) {
        char *end;
        if (*words != '@') {
            text[used++] = *words++;
            continue;
        }
        vocabulary_word((unsigned)strtoul(words + 1, &end, 10), text + used);
        used += strlen(text + used);
        words = end;
    }
    return (struct wire_text){text, used};
}

static unsigned count_events(struct wire_blob events) {
    struct wire_reader frames = {events.data, events.data + events.size};
    struct wire_blob payload;
    unsigned count = 0;
    while (frame_take(&frames, &payload) == FRAME_READY)
        count++;
    return count;
}

/* How many hits came; below 0 when the server refused. */
static int trial_search(struct trial *trial, const struct measure *measure) {
    char text[SEARCH_BYTES_MAX];
    struct message answer = {.type = MESSAGE_HITS};
    struct message search = {.type = MESSAGE_SEARCH};
    search.search.room = trial->scopes[measure->scope];
    search.search.before = measure->from_middle ? trial->log_end / 2 : PROTOCOL_END;
    search.search.limit = GROWTH_HITS;
    search.search.words = expand_words(measure->words, text, sizeof text);
    search.search.from = wire_text(measure->from != NULL ? measure->from : "");
    search.search.until = measure->until_middle ? clock_wall() - GROWTH_HALF_YEAR : 0;
    return caller_ask(&trial->caller, &search, MESSAGE_HITS, &answer)
               ? (int)count_events(answer.hits.events)
               : -1;
}

static double measure_search(struct trial *trial, const struct measure *measure) {
    double begun = sample_now();
    int found = trial_search(trial, measure);
    double took = sample_now() - begun;
    if (found >= (int)measure->least && found <= (int)measure->most)
        return took;
    if (!trial->failed)
        fprintf(stderr, "growth: %s: %d found, not %u to %u\n", measure->name, found,
                measure->least, measure->most);
    trial->failed = true;
    return took;
}

#define SEARCH(what) .name = "search: " what, .times = 50, .run = measure_search
#define SOME         .most = GROWTH_HITS
#define FULL         .least = GROWTH_HITS, .most = GROWTH_HITS

static const struct measure measures[] = {
    {.name = "start-up, files in memory", .times = 5, .run = measure_start},
    {.name = "start-up, files on disk", .times = 5, .run = measure_cold_start},
    {.name = "opening a room", .times = 100, .run = measure_opening},
    {.name = "history page, anywhere in the largest room",
     .times = 400,
     .run = measure_page,
     .scope = SCOPE_LARGEST},
    {.name = "history page, anywhere in the smallest room",
     .times = 400,
     .run = measure_page,
     .scope = SCOPE_SMALLEST},
    {SEARCH("a rare word"), .words = WORD_PLANTED, .least = VOCABULARY_PLANTED,
     .most = VOCABULARY_PLANTED},
    {SEARCH("a middling word"), .words = "@1000", SOME},
    {SEARCH("a common word"), .words = "@1", FULL},
    {SEARCH("a common word, from the middle on"), .words = "@1", .from_middle = true, FULL},
    {SEARCH("a word that does not exist"), .words = WORD_ABSENT, .most = 0},
    {SEARCH("two common words"), .words = "@1 @2", FULL},
    {SEARCH("a common and a rare word"), .words = "@1 " WORD_PLANTED, SOME},
    {SEARCH("a common and a middling word"), .words = "@1 @1000", SOME},
    {SEARCH("two middling words"), .words = "@1000 @1001", SOME},
    {SEARCH("a common word in the largest room"), .words = "@1", .scope = SCOPE_LARGEST, FULL},
    {SEARCH("a common word in the smallest room"), .words = "@1", .scope = SCOPE_SMALLEST, SOME},
    {SEARCH("a middling word in the smallest room"), .words = "@1000", .scope = SCOPE_SMALLEST,
     SOME},
    {SEARCH("a common phrase"), .words = "\"@1 @2\"", FULL},
    {SEARCH("a beginning of many words"), .words = "@500*", SOME},
    {SEARCH("a common word of one person"), .words = "@1", .from = "person8", SOME},
    {SEARCH("a common word before a date"), .words = "@1", .until_middle = true, FULL},
};

static bool measure_print(struct trial *trial, const struct measure *measure) {
    static struct sample sample;
    double begun = sample_now();
    sample.count = 0;
    while (sample.count < measure->times &&
           (sample.count < GROWTH_TIMES_MIN || sample_now() - begun < GROWTH_PATIENCE)) {
        double took = measure->run(trial, measure);
        if (took < 0)
            return false;
        sample_add(&sample, took);
    }
    printf("time\t%s\t%.4f\n", measure->name, sample_percentile(&sample, 50));
    if (measure->times >= GROWTH_TIMES_FOR_P99)
        printf("time\t%s, p99\t%.4f\n", measure->name, sample_percentile(&sample, 99));
    fflush(stdout);
    return true;
}

static bool measure_all(struct trial *trial) {
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        if (measures[i].run == measure_opening)
            host_wait_idle(&trial->host);
        if (!measure_print(trial, &measures[i]))
            return false;
    }
    return true;
}

/* The index follows the log in its own time; the last message is the last it gets. */
static bool trial_wait_index(struct trial *trial) {
    static const struct measure last = {.words = WORD_LAST};
    const struct timespec pause = {.tv_nsec = GROWTH_INDEX_NANOSECONDS};
    int found;
    double begun = sample_now();
    while ((found = trial_search(trial, &last)) == 0)
        nanosleep(&pause, NULL);
    printf("size\tindex made in, s\t%.2f\n", (sample_now() - begun) / 1e3);
    return found == 1;
}

static void print_file(const struct trial *trial, const char *name) {
    char path[4096];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", trial->folder, name);
    if (stat(path, &status) == 0)
        printf("size\t%s, MiB\t%.1f\n", name,
               (double)status.st_size / GROWTH_MEBIBYTE_K / GROWTH_MEBIBYTE_K);
}

static void print_sizes(const struct trial *trial) {
    print_file(trial, "log.db");
    print_file(trial, "search.db");
    printf("size\tmemory at the end, MiB\t%.1f\n",
           (double)host_memory(&trial->host, "VmRSS:") / GROWTH_MEBIBYTE_K);
    printf("size\tmemory at most, MiB\t%.1f\n",
           (double)host_memory(&trial->host, "VmHWM:") / GROWTH_MEBIBYTE_K);
}

int main(int argc, char **argv) {
    static struct trial trial = {.random = {1}};
    if (argc != 4 || (trial.rooms = (uint32_t)strtoul(argv[3], NULL, 10)) < 2) {
        fprintf(stderr, "usage: growth SERVER FOLDER ROOMS; at least 2 rooms\n");
        return EXIT_FAILURE;
    }
    trial.program = argv[1];
    trial.folder = argv[2];
    bool measured = trial_start(&trial) && trial_join_all(&trial) && trial_wait_index(&trial) &&
                    measure_all(&trial);
    if (measured)
        print_sizes(&trial);
    bool stopped = trial_stop(&trial);
    return measured && stopped && !trial.failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
