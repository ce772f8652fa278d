/* torture: does the harm of each row below to real servers and clients, and afterwards compares
 * what every client was shown and told with the log. A row is played by a process of its own, with
 * a folder of its own; whatever becomes of it, its servers and clients end with it. */
#include "table.h"
#include "clock.h"
#include "options.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct fault {
    const char *name;
    const char *about; /* for people, in docs/reliability.md */
    fault_play *play;
    unsigned puppets;
    bool proxied;
    unsigned brief; /* times */
    unsigned full;
} faults[] = {
    {"server-killed", "the server is killed (-9) at random moments and started again",
     fault_server_killed, 8, false, 5, 200},
    {"before-commit", "it dies just before a commit", fault_killed_before_commit, 8, false, 2, 40},
    {"after-commit", "it dies between commit and broadcast", fault_killed_after_commit, 8, false, 2,
     40},
    {"in-broadcast", "it dies when some of its threads know of a commit and others do not",
     fault_killed_in_broadcast, 8, false, 2, 40},
    {"before-stored",
     "it dies between writes to clients: some have the event, the sender no answer",
     fault_killed_before_acknowledgement, 8, false, 2, 40},
    {"client-killed", "clients are killed (-9) at random moments and started again",
     fault_client_killed, 8, false, 12, 300},
    {"outbox-killed", "clients are killed with 50 posts in the outbox while there is no server",
     fault_client_killed_waiting, 8, false, 8, 200},
    {"cut-sent", "the connection is cut behind each byte of what a client sends", fault_cut_up, 2,
     true, 20, 1},
    {"cut-received", "the connection is cut behind each byte of what a client receives",
     fault_cut_down, 2, true, 20, 1},
    {"half-open", "connections die without a word, and come to life again behind their successors",
     fault_half_open, 8, true, 4, 80},
    {"reset", "connections are reset or closed at random moments", fault_reset, 8, true, 10, 400},
    {"delayed", "all bytes are up to 0.3 s late, and connections are reset", fault_delayed, 8, true,
     3, 40},
    {"stalled", "nothing moves for 30 s on every other connection", fault_stalled, 8, true, 1, 2},
    {"single-bytes", "every byte travels alone", fault_single_bytes, 4, true, 3, 50},
    {"reordered", "a client's second connection reaches the server before its first",
     fault_reordered, 4, true, 4, 80},
    {"greeted-late", "a connection stands, but nothing passes until the server has given it up",
     fault_greeted_late, 8, true, 1, 3},
    {"deaf", "a client does not read for a minute while 100,000 messages pass", fault_deaf, 6,
     false, 1, 1},
    {"server-stopped", "the server is suspended (SIGSTOP), once for 50 s", fault_server_stopped, 8,
     false, 2, 40},
    {"clients-stopped", "clients are suspended (SIGSTOP), once for 50 s", fault_clients_stopped, 8,
     false, 3, 60},
    {"mixed", "all of it by turns and together", fault_mixed, 8, true, 12, 600},
    {"clock-set", "the server's clock is set back and forward, by an hour up to 50 years",
     fault_clock_set, 8, false, 4, 120},
};

enum { FAULT_COUNT = sizeof faults / sizeof *faults };
enum { ROW_SECONDS_MAX = 600, ROWS_AT_A_TIME = 2 }; /* for much of theirs is waiting */

struct row {
    const struct fault *fault;
    struct result *result;
    char folder[PATH_MAX];
    pid_t process;
    uint64_t begun;
    double seconds;
    bool ended;
    bool passed;
};

struct settings {
    bool brief;
    bool markdown;
    bool help;
    const char *only;
    uint64_t seed;
    char build[PATH_MAX];
};

enum option { OPTION_BRIEF, OPTION_MARKDOWN, OPTION_FAULT, OPTION_SEED, OPTION_HELP };

static const struct option_entry options[] = {
    [OPTION_BRIEF] = {"brief", NULL, "each fault a few times only"},
    [OPTION_MARKDOWN] = {"markdown", NULL, "print a table for docs/reliability.md"},
    [OPTION_FAULT] = {"fault", "NAME", "only this one"},
    [OPTION_SEED] = {"seed", "N", "repeat a run's choices"},
    [OPTION_HELP] = {"help", NULL, "print this and the faults, and exit"},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

static bool settings_set(void *context, size_t index, const char *argument) {
    struct settings *settings = context;
    long seed;
    switch ((enum option)index) {
    case OPTION_BRIEF:
        settings->brief = true;
        return true;
    case OPTION_MARKDOWN:
        settings->markdown = true;
        return true;
    case OPTION_FAULT:
        settings->only = argument;
        return true;
    case OPTION_SEED:
        if (!options_number(argument, 0, INT32_MAX, &seed))
            return false;
        settings->seed = (uint64_t)seed;
        return true;
    case OPTION_HELP:
        settings->help = true;
        return true;
    }
    return false;
}

static void print_help(void) {
    printf(
        "Usage: torture [options] BUILD\n"
        "Does harm to the server and the clients in the build folder, and counts what is lost.\n\n");
    options_print(options, OPTION_COUNT, stdout);
    printf("\n");
    for (size_t i = 0; i < FAULT_COUNT; i++)
        printf("  %-16s %s\n", faults[i].name, faults[i].about);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(const char *path) {
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* The row's process. */
static void play(const struct fault *fault, const struct settings *settings, const char *folder,
                 struct result *result) {
    static struct stage stage;
    static struct findings findings;
    struct measure measure = {.times = settings->brief ? fault->brief : fault->full,
                              .full = !settings->brief};
    const struct stage_plan plan = {.build = settings->build,
                                    .folder = folder,
                                    .puppets = fault->puppets,
                                    .proxied = fault->proxied,
                                    .seed = settings->seed};
    stage_open(&stage, &plan);
    fault->play(&stage, &measure);
    stage_close(&stage);
    evidence_judge(&stage, &findings);
    result->findings = findings;
    result->times = stage.times;
    memcpy(result->remark, measure.remark, sizeof result->remark);
    result->judged = true;
    exit(EXIT_SUCCESS);
}

static void add_result(struct result *sum, const struct result *result) {
    sum->times += result->times;
    sum->findings.posts += result->findings.posts;
    sum->findings.acknowledged += result->findings.acknowledged;
    sum->findings.deliveries += result->findings.deliveries;
    sum->findings.verdict.lost += result->findings.verdict.lost;
    sum->findings.verdict.doubled += result->findings.verdict.doubled;
    sum->findings.verdict.disordered += result->findings.verdict.disordered;
}

static void row_begin(struct row *row, const struct settings *settings) {
    row->begun = clock_monotonic();
    fflush(stdout); /* or the child would print it too */
    pid_t self = getpid();
    row->process = fork();
    if (row->process == 0) {
        stage_end_with(self);
        play(row->fault, settings, row->folder, row->result);
    }
}

/* Looks whether the row's process has ended, which it must in time. */
static bool row_has_ended(struct row *row) {
    int status = 0;
    uint64_t taken = clock_monotonic() - row->begun;
    if (row->process > 0 && taken >= ROW_SECONDS_MAX * 1000) {
        fprintf(stderr, "torture: %s took longer than %d s\n", row->fault->name, ROW_SECONDS_MAX);
        kill(row->process, SIGKILL);
    }
    if (row->process > 0 && waitpid(row->process, &status, WNOHANG) == 0)
        return false;
    row->ended = true;
    row->seconds = (double)taken / 1000;
    row->passed = row->process > 0 && status == 0 && row->result->judged &&
                  verdict_is_clean(&row->result->findings.verdict);
    return true;
}

static void row_finish(struct row *row, const struct settings *settings, struct result *sum) {
    const struct line line = {row->fault->name, row->fault->about, row->seconds, row->passed};
    table_print(&line, row->result, settings->markdown);
    add_result(sum, row->result);
    if (row->passed)
        remove_folder(row->folder);
    else
        fprintf(stderr, "torture: %s FAILED; what it left is in %s\n", row->fault->name,
                row->folder);
}

/* Plays the rows, so many at a time, and prints them in their order. */
static bool rows_play(struct row *rows, size_t count, const struct settings *settings) {
    const struct timespec nap = {.tv_nsec = 10000000};
    uint64_t begun = clock_monotonic();
    struct result sum = {.times = 0};
    struct line last = {.name = "all", .about = "", .passed = true};
    size_t begun_count = 0;
    size_t running = 0;
    table_print_head(settings->markdown);
    for (size_t printed = 0; printed < count; nanosleep(&nap, NULL)) {
        for (; begun_count < count && running < ROWS_AT_A_TIME; running++)
            row_begin(&rows[begun_count++], settings);
        for (size_t i = printed; i < begun_count; i++)
            if (!rows[i].ended && row_has_ended(&rows[i]))
                running--;
        for (; printed < count && rows[printed].ended; printed++) {
            row_finish(&rows[printed], settings, &sum);
            last.passed = last.passed && rows[printed].passed;
        }
    }
    last.seconds = (double)(clock_monotonic() - begun) / 1000;
    table_print(&last, &sum, settings->markdown);
    return last.passed;
}

/* The rows that are asked for; their results lie where the rows' processes can write them. */
static size_t rows_choose(struct row *rows, const struct settings *settings, const char *folder) {
    struct result *results = mmap(NULL, FAULT_COUNT * sizeof *results, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t count = 0;
    for (size_t i = 0; i < FAULT_COUNT && results != MAP_FAILED; i++) {
        if (settings->only != NULL && strcmp(settings->only, faults[i].name) != 0)
            continue;
        rows[count] = (struct row){.fault = &faults[i], .result = &results[i]};
        snprintf(rows[count].folder, sizeof rows[count].folder, "%s/%s", folder, faults[i].name);
        count++;
    }
    return count;
}

int main(int argc, char **argv) {
    static struct row rows[FAULT_COUNT];
    struct settings settings = {.seed = (uint64_t)time(NULL) % 1000000};
    char folder[PATH_MAX / 2];
    const char *temporary = getenv("TMPDIR");
    int first = options_parse(options, OPTION_COUNT, argc, argv, settings_set, &settings);
    if (first >= 0 && settings.help) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (first < 0 || first + 1 != argc) {
        fprintf(stderr, "Usage: torture [options] BUILD; see torture --help\n");
        return 2;
    }
    snprintf(folder, sizeof folder, "%s/torture-XXXXXX", temporary != NULL ? temporary : "/tmp");
    if (realpath(argv[first], settings.build) == NULL || mkdtemp(folder) == NULL) {
        fprintf(stderr, "torture: cannot begin: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    size_t count = rows_choose(rows, &settings, folder);
    if (count == 0) {
        fprintf(stderr, "torture: there is no such fault; see torture --help\n");
        remove_folder(folder);
        return 2;
    }
    printf("seed %llu\n", (unsigned long long)settings.seed);
    bool passed = rows_play(rows, count, &settings);
    if (passed)
        remove_folder(folder);
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
