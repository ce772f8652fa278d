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
    GROWTH_ROOMS = 20, /* that each person is in */
    GROWTH_PAGE = 100,
    GROWTH_HITS = 20,
    GROWTH_TIMES_MIN = 3,
    GROWTH_TIMES_FOR_P99 = 100,
    GROWTH_INDEX_NANOSECONDS = 20000000
};

#define GROWTH_PATIENCE  5e3 /* milliseconds for one measure, once it was done a few times */
#define GROWTH_HALF_YEAR (182ull * 24 * 60 * 60 * 1000)
#define GROWTH_KIBI      1024.0

/* Who asks, and where: #room1 is the largest. */
enum person { PERSON_BUSY, PERSON_QUIET, PERSON_COUNT };
enum scope { SCOPE_ALL, SCOPE_LARGEST, SCOPE_SMALLEST, SCOPE_QUIET, SCOPE_COUNT };

static const struct {
    const char *nick;
    bool largest; /* in the largest rooms and the smallest one, or in small ones only */
} persons[PERSON_COUNT] = {
    [PERSON_BUSY] = {"busy", true},
    [PERSON_QUIET] = {"quiet", false},
};

static const enum person scope_person[SCOPE_COUNT] = {[SCOPE_QUIET] = PERSON_QUIET};

struct trial {
    const char *program;
    const char *folder;
    struct host host;
    struct caller callers[PERSON_COUNT];
    uint32_t rooms;
    uint32_t scopes[SCOPE_COUNT]; /* numbers of the rooms meant, 0 for all of the person's */
    uint64_t talk_begin;          /* the largest room has a full page before this event */
    uint64_t log_end;             /* id of the last event */
    double begun;                 /* when the server was first started */
    struct random_source random;
    const struct measure *wrong; /* the last search that found another number than it should */
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
    int least; /* hits at least; below 0: the server may find that it asks for too much */
    int most;
};

static bool trial_join(struct caller *caller, uint32_t number, struct message *room) {
    char name[32];
    struct message join = {.type = MESSAGE_JOIN};
    snprintf(name, sizeof name, "#room%u", number);
    join.join.name = wire_text(name);
    return caller_ask(caller, &join, MESSAGE_ROOM, room);
}

static bool trial_join_all(struct trial *trial, enum person person) {
    struct message room;
    for (uint32_t i = 1; i <= GROWTH_ROOMS; i++) {
        bool from_below = !persons[person].largest || i == GROWTH_ROOMS;
        uint32_t number = from_below ? trial->rooms - GROWTH_ROOMS + i : i;
        if (!trial_join(&trial->callers[person], number, &room))
            return false;
        if (number == 1)
            trial->scopes[SCOPE_LARGEST] = room.room.room;
        trial->log_end = room.room.position;
    }
    trial->scopes[SCOPE_SMALLEST] = room.room.room;
    return true;
}

static void trial_hang_up(struct trial *trial) {
    for (int i = 0; i < PERSON_COUNT; i++)
        caller_hang_up(&trial->callers[i]);
}

/* Connects everyone, anew if need be: who says nothing for long is cut off. */
static bool trial_call(struct trial *trial) {
    bool called = true;
    trial_hang_up(trial);
    for (int i = 0; called && i < PERSON_COUNT; i++)
        called = caller_call(&trial->callers[i], trial->host.port, persons[i].nick);
    return called;
}

static bool trial_start(struct trial *trial) {
    return host_start(&trial->host, trial->program, trial->folder) && trial_call(trial);
}

static bool trial_stop(struct trial *trial) {
    trial_hang_up(trial);
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

/* Asks for the page before an event, or the first of all when it is 0. */
static bool trial_page(struct caller *caller, uint32_t room, uint64_t before,
                       struct wire_blob *events) {
    struct message answer;
    struct message history = {.type = MESSAGE_HISTORY};
    history.history.room = room;
    history.history.before = before != 0 ? before : PROTOCOL_END;
    history.history.limit = GROWTH_PAGE;
    history.history.newest = before != 0;
    bool answered = caller_ask(caller, &history, MESSAGE_PAGE, &answer);
    *events = answered ? answer.page.events : (struct wire_blob){NULL, 0};
    return answered;
}

static unsigned count_events(struct wire_blob events, uint64_t *last_id) {
    struct wire_reader frames = {events.data, events.data + events.size};
    struct wire_blob payload;
    struct message event;
    unsigned count = 0;
    *last_id = 0;
    for (; frame_take(&frames, &payload) == FRAME_READY; count++)
        if (message_decode(payload, &event) == ERROR_NONE)
            *last_id = event.event.id;
    return count;
}

static bool trial_find_talk(struct trial *trial) {
    struct wire_blob events;
    return trial_page(&trial->callers[PERSON_BUSY], trial->scopes[SCOPE_LARGEST], 0, &events) &&
           count_events(events, &trial->talk_begin) > 0;
}

/* From nothing to the newest page of the largest room. */
static double measure_opening(struct trial *trial, const struct measure *measure) {
    static struct caller caller;
    const struct caller *known = &trial->callers[PERSON_BUSY];
    struct wire_blob events;
    struct message room;
    (void)measure;
    memcpy(caller.secret, known->secret, sizeof caller.secret);
    caller.known = true;
    double begun = sample_now();
    bool opened = caller_call(&caller, trial->host.port, persons[PERSON_BUSY].nick) &&
                  trial_join(&caller, 1, &room) &&
                  trial_page(&caller, room.room.room, PROTOCOL_END, &events) && events.size > 0;
    double took = sample_now() - begun;
    caller_hang_up(&caller);
    return opened ? took : -1;
}

/* The page before any event since a full page was said. */
static double measure_page(struct trial *trial, const struct measure *measure) {
    struct wire_blob events;
    uint32_t span = (uint32_t)(trial->log_end - trial->talk_begin);
    uint64_t before = trial->log_end - random_below(&trial->random, span);
    double begun = sample_now();
    bool answered = trial_page(&trial->callers[scope_person[measure->scope]],
                               trial->scopes[measure->scope], before, &events);
    return answered ? sample_now() - begun : -1;
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

/* How many hits came; below 0 when the server refused. */
static int trial_search(struct trial *trial, const struct measure *measure) {
    char text[SEARCH_BYTES_MAX];
    uint64_t last_id;
    struct message answer = {.type = MESSAGE_HITS};
    struct message search = {.type = MESSAGE_SEARCH};
    search.search.room = trial->scopes[measure->scope];
    search.search.before =
        measure->from_middle ? (trial->talk_begin + trial->log_end) / 2 : PROTOCOL_END;
    search.search.limit = GROWTH_HITS;
    search.search.words = expand_words(measure->words, text, sizeof text);
    search.search.from = wire_text(measure->from != NULL ? measure->from : "");
    search.search.until = measure->until_middle ? clock_wall() - GROWTH_HALF_YEAR : 0;
    bool answered =
        caller_ask(&trial->callers[scope_person[measure->scope]], &search, MESSAGE_HITS, &answer);
    return answered ? (int)count_events(answer.hits.events, &last_id) : -1;
}

static double measure_search(struct trial *trial, const struct measure *measure) {
    double begun = sample_now();
    int found = trial_search(trial, measure);
    double took = sample_now() - begun;
    if (found >= measure->least && found <= measure->most)
        return took;
    if (trial->wrong != measure)
        fprintf(stderr, "growth: %s: %d found, not %d to %d\n", measure->name, found,
                measure->least, measure->most);
    trial->wrong = measure;
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
    {SEARCH("a common word, by someone in small rooms"), .words = "@1", .scope = SCOPE_QUIET, SOME},
    {SEARCH("a middling word, by someone in small rooms"), .words = "@1000", .scope = SCOPE_QUIET,
     SOME},
    {SEARCH("a common phrase"), .words = "\"@1 @2\"", FULL},
    {SEARCH("a beginning of many words"), .words = "@500*", SOME},
    {SEARCH("a common beginning of two letters"), .words = "@1*", .least = -1, SOME},
    {SEARCH("a phrase of common words that does not occur"),
     .words = "\"@1 @2 @1 @2 @1 @2 @1 @2 @1 @2\"", .most = 0},
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
        if (!trial_call(trial) || !measure_print(trial, &measures[i]))
            return false;
    }
    return true;
}

/* The index follows the log in its own time; the last message is the last it gets. */
static bool trial_wait_index(struct trial *trial) {
    static const struct measure last = {.words = WORD_LAST};
    const struct timespec pause = {.tv_nsec = GROWTH_INDEX_NANOSECONDS};
    int found;
    while ((found = trial_search(trial, &last)) == 0)
        nanosleep(&pause, NULL);
    printf("size\tindex made in, s\t%.2f\n", (sample_now() - trial->begun) / 1e3);
    return found == 1;
}

static void print_file(const struct trial *trial, const char *name) {
    char path[4096];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", trial->folder, name);
    if (stat(path, &status) == 0)
        printf("size\t%s, MiB\t%.1f\n", name, (double)status.st_size / GROWTH_KIBI / GROWTH_KIBI);
}

static void print_sizes(const struct trial *trial) {
    print_file(trial, "log.db");
    print_file(trial, "search.db");
    printf("size\tmemory at the end, MiB\t%.1f\n",
           (double)host_memory(&trial->host, "VmRSS:") / GROWTH_KIBI);
    printf("size\tmemory at most, MiB\t%.1f\n",
           (double)host_memory(&trial->host, "VmHWM:") / GROWTH_KIBI);
}

int main(int argc, char **argv) {
    static struct trial trial = {.random = {1}};
    if (argc != 4 || (trial.rooms = (uint32_t)strtoul(argv[3], NULL, 10)) < GROWTH_ROOMS) {
        fprintf(stderr, "usage: growth SERVER FOLDER ROOMS; at least %d rooms\n", GROWTH_ROOMS);
        return EXIT_FAILURE;
    }
    trial.program = argv[1];
    trial.folder = argv[2];
    trial.begun = sample_now();
    bool measured = trial_start(&trial) && trial_join_all(&trial, PERSON_QUIET) &&
                    trial_join_all(&trial, PERSON_BUSY) && trial_find_talk(&trial) &&
                    trial_wait_index(&trial) && measure_all(&trial);
    if (measured)
        print_sizes(&trial);
    bool stopped = trial_stop(&trial);
    return measured && stopped && trial.wrong == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
