/* client KIND MESSAGES COMMAND [ARGUMENT...]: what a person at a full-screen client waits for, and
 * what the client costs. KIND is ours, ours-tls, irc or irc-tls; @PORT@ in an argument is the port
 * of the server that is pretended to it.
 *
 * The client has a terminal of 120 x 40 that takes all it writes. Times are from outside: from what
 * is typed or sent until the answer is written to the terminal. Prints a line "NAME VALUE" for each
 * figure. */
#include "host.h"
#include "key_file.h"
#include "pretend.h"
#include "sample.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

enum {
    COLUMNS_WIDE = 120,
    ROWS_HIGH = 40,
    PATIENCE = 60000,    /* milliseconds */
    PAINTED_BYTES = 200, /* the first screen is no shorter */
    TAIL_BYTES = 64,
    KEYS = 200,
    MOVES = 40,
    NOTHING_COMES = 300, /* milliseconds */
    QUIET = 4,           /* milliseconds: nothing more belongs to it */
    RATE = 5000,
    RATE_SECONDS = 5,
    AHEAD_BYTES = 1 << 18 /* what is kept ready for a client that takes all it can */
};

struct bench {
    struct pretend pretend;
    struct host host; /* the client; of the process alone */
    int terminal;
    uint64_t written; /* bytes, to the terminal */
    double written_at;
    char tail[TAIL_BYTES + 1]; /* what was written last, without zeros */
    const char *mark;          /* looked for */
    double mark_at;            /* 0: not seen */
    double rate;               /* messages a second that are said; 0: none, below 0: all it takes */
    double rate_from;
    uint64_t rate_said;
};

static void give_up(struct bench *bench, const char *what) {
    fprintf(stderr, "client: %s\n", what);
    kill(bench->host.process, SIGKILL);
    exit(EXIT_FAILURE);
}

static void report(const char *name, double value) {
    printf("%s %.3f\n", name, value);
    fflush(stdout);
}

static void say_something(struct bench *bench) {
    char text[128];
    snprintf(text, sizeof text,
             "message %08llu of a hundred bytes, with words such as people use when they talk of "
             "this and that",
             (unsigned long long)bench->pretend.said);
    pretend_say(&bench->pretend, text);
}

/* What is due, or what the client may take soon. */
static void say_what_is_due(struct bench *bench) {
    if (bench->rate < 0)
        while (pretend_waiting(&bench->pretend) < AHEAD_BYTES)
            say_something(bench);
    if (bench->rate > 0)
        while ((double)bench->rate_said < (sample_now() - bench->rate_from) * bench->rate / 1e3) {
            say_something(bench);
            bench->rate_said++;
        }
}

static void look_for_mark(struct bench *bench, const char *bytes, size_t size) {
    char text[TAIL_BYTES + 65536 + 1];
    size_t before = strlen(bench->tail);
    memcpy(text, bench->tail, before);
    size_t all = before;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != '\0')
            text[all++] = bytes[i];
    text[all] = '\0';
    if (bench->mark != NULL && bench->mark_at == 0 && strstr(text, bench->mark) != NULL)
        bench->mark_at = bench->written_at;
    size_t kept = all < TAIL_BYTES ? all : TAIL_BYTES;
    memcpy(bench->tail, text + all - kept, kept + 1);
}

static bool take_output(struct bench *bench) {
    char bytes[65536];
    ssize_t got = read(bench->terminal, bytes, sizeof bytes);
    if (got <= 0)
        return false;
    bench->written += (uint64_t)got;
    bench->written_at = sample_now();
    look_for_mark(bench, bytes, (size_t)got);
    return true;
}

/* One turn of at most so long. */
static void turn(struct bench *bench, int milliseconds) {
    say_what_is_due(bench);
    struct pollfd waits[] = {
        {bench->terminal, POLLIN, 0},
        {pretend_descriptor(&bench->pretend), pretend_events(&bench->pretend), 0}};
    int most = bench->rate != 0 && milliseconds > 1 ? 1 : milliseconds;
    if (poll(waits, 2, most) <= 0)
        return;
    if (waits[0].revents != 0 && !take_output(bench))
        give_up(bench, "the client has ended");
    if (waits[1].revents != 0 && !pretend_turn(&bench->pretend))
        give_up(bench, "the client has hung up");
}

/* When the mark was written; what came before does not count. */
static double await_mark(struct bench *bench) {
    double until = sample_now() + PATIENCE;
    while (bench->mark_at == 0) {
        turn(bench, 100);
        if (sample_now() > until)
            give_up(bench, "what was awaited did not come on the screen");
    }
    return bench->mark_at;
}

static void look_for(struct bench *bench, const char *mark) {
    bench->mark = mark;
    bench->mark_at = 0;
    bench->tail[0] = '\0';
}

static void type(struct bench *bench, const char *keys) {
    size_t size = strlen(keys);
    if (write(bench->terminal, keys, size) != (ssize_t)size)
        give_up(bench, "cannot type");
}

static void rest(struct bench *bench, double milliseconds) {
    double until = sample_now() + milliseconds;
    while (sample_now() < until)
        turn(bench, 5);
}

/* From a key until its sign is on the screen; every so many the line is emptied. No message and no
 * sequence of a terminal has these signs. */
static void measure_keys(struct bench *bench, struct sample *sample, unsigned count, double pause) {
    static const char *const keys[] = {"&", "{", "|", "}"};
    for (unsigned i = 0; i < count; i++) {
        look_for(bench, keys[i % 4]);
        double from = sample_now();
        type(bench, keys[i % 4]);
        sample_add(sample, await_mark(bench) - from);
        if (i % 20 == 19)
            type(bench, "\x15");
        rest(bench, pause);
    }
    type(bench, "\x15");
}

/* From a key, or another size, until the last byte of what it brought; not counted when it brought
 * nothing, as at the end of a scrollback. */
static void measure_paint(struct bench *bench, struct sample *sample, double from) {
    uint64_t before = bench->written;
    while (sample_now() - from < NOTHING_COMES)
        if (bench->written == before || sample_now() - bench->written_at < QUIET)
            turn(bench, 1);
        else
            break;
    if (bench->written != before)
        sample_add(sample, bench->written_at - from);
}

static void begin_client(struct bench *bench, char **command) {
    const struct winsize size = {.ws_row = ROWS_HIGH, .ws_col = COLUMNS_WIDE};
    int slave;
    if (openpty(&bench->terminal, &slave, NULL, NULL, &size) != 0)
        exit(EXIT_FAILURE);
    bench->host.process = fork();
    if (bench->host.process == 0) {
        close(bench->terminal);
        if (login_tty(slave) == 0)
            execvp(command[0], command);
        _exit(127);
    }
    close(slave);
}

/* From its birth to the first screen, and to the first message in it. */
static void measure_start(struct bench *bench, char **command) {
    double from = sample_now();
    begin_client(bench, command);
    double painted = 0;
    bool asked = false;
    look_for(bench, "&&%%&&");
    while (bench->mark_at == 0) {
        turn(bench, 100);
        if (painted == 0 && bench->written >= PAINTED_BYTES)
            painted = bench->written_at;
        if (bench->pretend.irc && bench->pretend.welcomed && !asked) {
            type(bench, "/join #lobby\r");
            asked = true;
        }
        if (bench->pretend.joined && bench->pretend.said == 0)
            pretend_say(&bench->pretend, "hello &&%%&&");
        if (sample_now() - from > PATIENCE)
            give_up(bench, "the client did not come in");
    }
    report("first_paint_ms", painted - from);
    report("joined_ms", bench->mark_at - from);
    rest(bench, 300);
    report("rss_mib", (double)host_memory(&bench->host, "VmRSS:") / 1024);
}

static void measure_many(struct bench *bench, unsigned long count) {
    uint64_t written = bench->written;
    uint64_t spent = host_processor_time(&bench->host);
    look_for(bench, "&&%%&&%%");
    double from = sample_now();
    for (unsigned long left = count; left > 0;) {
        for (; left > 0 && pretend_waiting(&bench->pretend) < AHEAD_BYTES; left--)
            say_something(bench);
        turn(bench, 100);
    }
    pretend_say(&bench->pretend, "the last &&%%&&%%");
    report("many_s", (await_mark(bench) - from) / 1e3);
    rest(bench, 300);
    report("many_cpu_s", (double)(host_processor_time(&bench->host) - spent) / 1e9);
    report("many_written_mb", (double)(bench->written - written) / 1e6);
    report("many_rss_mib", (double)host_memory(&bench->host, "VmRSS:") / 1024);
}

static void measure_idle_keys(struct bench *bench) {
    static struct sample sample;
    measure_keys(bench, &sample, KEYS, 10);
    report("key_idle_p50_ms", sample_percentile(&sample, 50));
    report("key_idle_p99_ms", sample_percentile(&sample, 99));
}

static void measure_at_rate(struct bench *bench) {
    static struct sample sample;
    uint64_t spent = host_processor_time(&bench->host);
    bench->rate = RATE;
    bench->rate_from = sample_now();
    bench->rate_said = 0;
    measure_keys(bench, &sample, RATE_SECONDS * 50, 20);
    double took = sample_now() - bench->rate_from;
    bench->rate = 0;
    report("key_5000_p99_ms", sample_percentile(&sample, 99));
    report("cpu_5000_percent",
           (double)(host_processor_time(&bench->host) - spent) / 1e6 / took * 100);
    rest(bench, 500);
}

static void measure_at_full_speed(struct bench *bench) {
    static struct sample sample;
    uint64_t said = bench->pretend.said;
    double from = sample_now();
    bench->rate = -1;
    measure_keys(bench, &sample, RATE_SECONDS * 20, 50);
    bench->rate = 0;
    double took = sample_now() - from;
    report("key_full_p99_ms", sample_percentile(&sample, 99));
    report("full_messages_per_s", (double)(bench->pretend.said - said) / took * 1e3);
    look_for(bench, "&&%%&&%%");
    pretend_say(&bench->pretend, "after all &&%%&&%%");
    await_mark(bench);
    rest(bench, 500);
}

static void measure_moves(struct bench *bench) {
    static struct sample pages, sizes;
    for (unsigned i = 0; i < MOVES; i++) {
        double from = sample_now();
        type(bench, "\x1b[5~");
        measure_paint(bench, &pages, from);
        rest(bench, 30);
    }
    report("page_up_ms", sample_percentile(&pages, 50));
    for (unsigned i = 0; i < 2 * MOVES; i++) {
        type(bench, "\x1b[6~");
        rest(bench, 10);
    }
    for (unsigned i = 1; i <= MOVES; i++) {
        const struct winsize size = {.ws_row = (unsigned short)(ROWS_HIGH - i % 2),
                                     .ws_col = (unsigned short)(COLUMNS_WIDE - 10 * (i % 2))};
        double from = sample_now();
        ioctl(bench->terminal, TIOCSWINSZ, &size);
        measure_paint(bench, &sizes, from);
        rest(bench, 30);
    }
    report("resize_ms", sample_percentile(&sizes, 50));
}

static struct tls *tls_for_bench(void) {
    char folder[] = "/tmp/chat-bench-XXXXXX";
    char path[64];
    struct link_problem problem = {{0}, 0};
    if (mkdtemp(folder) == NULL)
        return NULL;
    snprintf(path, sizeof path, "%s/key.pem", folder);
    EVP_PKEY *key = key_file_open(path, &problem);
    X509 *certificate = key != NULL ? key_certificate(key, "bench") : NULL;
    unlink(path);
    rmdir(folder);
    return certificate != NULL ? tls_server(key, certificate, &problem) : NULL;
}

/* The command with the port in it. */
static char **command_for(char **arguments, int count, const char *port) {
    char **command = calloc((size_t)count + 1, sizeof *command);
    for (int i = 0; command != NULL && i < count; i++) {
        const char *at = strstr(arguments[i], "@PORT@");
        if (at == NULL)
            command[i] = arguments[i];
        else if (asprintf(&command[i], "%.*s%s%s", (int)(at - arguments[i]), arguments[i], port,
                          at + strlen("@PORT@")) < 0)
            return NULL;
    }
    return command;
}

int main(int argc, char **argv) {
    static struct bench bench;
    if (argc < 4)
        return 2;
    bool irc = strncmp(argv[1], "irc", 3) == 0;
    bool tls = strstr(argv[1], "-tls") != NULL;
    struct tls *context = tls ? tls_for_bench() : NULL;
    signal(SIGPIPE, SIG_IGN);
    setenv("TERM", "xterm-256color", 1);
    if ((tls && context == NULL) || !pretend_begin(&bench.pretend, irc, context))
        return EXIT_FAILURE;
    char **command = command_for(argv + 3, argc - 3, bench.pretend.port);
    if (command == NULL)
        return EXIT_FAILURE;
    measure_start(&bench, command);
    measure_idle_keys(&bench);
    measure_many(&bench, strtoul(argv[2], NULL, 10));
    measure_moves(&bench);
    measure_at_rate(&bench);
    measure_at_full_speed(&bench);
    kill(bench.host.process, SIGKILL);
    waitpid(bench.host.process, NULL, 0);
    pretend_end(&bench.pretend);
    return EXIT_SUCCESS;
}
