/* mutants PORT SEED SESSIONS CLIENT [ARGUMENT...]: a server that means no good, made of a real one.
 *
 * Runs the client on a terminal of its own, and stands between it and the server on that port of
 * 127.0.0.1. What the client says goes through; of what the server says frames are changed: bits
 * flipped, cut, doubled, put in another order, given wrong lengths, hostile texts and extreme
 * numbers, or taken from earlier sessions. After each session the connection is ended and the
 * client must answer a key; every few sessions it is told to end, and a fresh one begins.
 *
 * Fails when the client ends by itself, does not answer, writes what a terminal must not get, or
 * leaves the terminal other than it was. What is random comes of the seed; how things meet in time
 * is the machine's, so that a seed gives much the same sessions, not the very same. */
#include "clock.h"
#include "frame.h"
#include "link.h"
#include "mutate.h"
#include "written.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

enum {
    SESSIONS_A_CLIENT = 8,
    FRAMES_MAX = 60, /* of a session */
    QUIET_MILLISECONDS = 15,
    SESSION_MILLISECONDS = 400,
    ANSWER_MILLISECONDS = 10000,
    CONNECT_MILLISECONDS = 20000,
    RECONNECT_MILLISECONDS = 20
};

static const char *server_port;
static char **client_command;
static unsigned long seed;
static unsigned session_number;

static int listener;
static int terminal = -1; /* the master's end */
static pid_t client;
static struct termios terminal_before;
static struct written screen; /* by the client */
static struct link to_client, to_server;
static struct frame_reader from_server;

static unsigned frames_sent, frames_changed, clients_begun;

_Noreturn static void give_up(const char *what) {
    fprintf(stderr, "session %u of seed %lu: %s\n", session_number, seed, what);
    fprintf(stderr, "what was written last:\n");
    written_print_tail(&screen, stderr);
    if (client > 0)
        kill(client, SIGKILL);
    exit(EXIT_FAILURE);
}

/* Takes what the client has written; false at its end. */
static bool take_output(void) {
    char bytes[65536];
    ssize_t got = read(terminal, bytes, sizeof bytes);
    if (got <= 0)
        return false;
    written_take(&screen, bytes, (size_t)got);
    if (screen.problem != NULL)
        give_up(screen.problem);
    return true;
}

static void type(const char *keys) {
    size_t size = strlen(keys);
    if (write(terminal, keys, size) != (ssize_t)size)
        give_up("cannot type");
}

static void check_runs(void) {
    char what[64];
    int status;
    if (waitpid(client, &status, WNOHANG) != client)
        return;
    while (take_output())
        continue;
    client = 0;
    snprintf(what, sizeof what, "the client ended by itself, %s %d",
             WIFSIGNALED(status) ? "by signal" : "with status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    give_up(what);
}

/* Waits until the client writes, for so long; false when it does not. */
static bool wait_output(int milliseconds) {
    struct pollfd wait = {terminal, POLLIN, 0};
    if (poll(&wait, 1, milliseconds) <= 0)
        return false;
    if (!take_output())
        check_runs();
    return true;
}

static void check_answers(void) {
    while (wait_output(QUIET_MILLISECONDS))
        continue;
    check_runs();
    type(session_number % 2 == 0 ? "x" : "\x15yy");
    if (!wait_output(ANSWER_MILLISECONDS))
        give_up("the client does not answer a key");
    type("\x03");
}

static void begin_client(void) {
    const struct winsize size = {.ws_row = (unsigned short)(5 + mutate_random(40)),
                                 .ws_col = (unsigned short)(20 + mutate_random(120))};
    int slave;
    if (openpty(&terminal, &slave, NULL, NULL, &size) != 0 ||
        tcgetattr(slave, &terminal_before) != 0)
        give_up("there is no terminal");
    written_begin(&screen);
    client = fork();
    if (client == 0) {
        close(terminal);
        if (login_tty(slave) == 0)
            execv(client_command[0], client_command);
        _exit(127);
    }
    close(slave);
    clients_begun++;
    while (!written_has_screen(&screen))
        if (!wait_output(CONNECT_MILLISECONDS))
            give_up("the client does not take the terminal");
}

/* The ways in which a client may be told to end. */
static void end_client(void) {
    struct termios after;
    int status;
    uint64_t until = clock_monotonic() + ANSWER_MILLISECONDS;
    switch (mutate_random(4)) {
    case 0:
        type("\x03/quit\r");
        break;
    case 1:
        type("\x03\x04");
        break;
    case 2:
        kill(client, SIGTERM);
        break;
    case 3:
        kill(client, SIGHUP);
        break;
    }
    struct pollfd wait = {terminal, POLLIN, 0};
    do
        if (poll(&wait, 1, ANSWER_MILLISECONDS) <= 0 || clock_monotonic() > until)
            give_up("the client does not end");
    while (take_output());
    if (waitpid(client, &status, 0) != client || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        give_up("the client did not end well");
    client = 0;
    if (tcgetattr(terminal, &after) != 0 || after.c_lflag != terminal_before.c_lflag ||
        after.c_iflag != terminal_before.c_iflag || after.c_oflag != terminal_before.c_oflag)
        give_up("the terminal's settings are not as they were");
    written_end(&screen);
    if (screen.problem != NULL)
        give_up(screen.problem);
    close(terminal);
}

static void send_to_client(const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    while (size > 0) {
        struct iovec piece = {(void *)(uintptr_t)at, size};
        struct pollfd wait[] = {{to_client.descriptor, POLLOUT, 0}, {terminal, POLLIN, 0}};
        ssize_t taken = link_write(&to_client, &piece, 1);
        if (taken == LINK_FAILED)
            return;
        if (taken > 0) {
            at += taken;
            size -= (size_t)taken;
        } else if (poll(wait, 2, ANSWER_MILLISECONDS) <= 0) {
            give_up("the client does not read");
        } else if (wait[1].revents != 0) {
            take_output();
        }
    }
}

static void pass_frame(struct wire_blob payload, size_t one_in) {
    struct buffer bytes = {0};
    frames_changed += mutate_frame(&bytes, payload, one_in);
    frames_sent++;
    send_to_client(bytes.data, bytes.size);
    buffer_free(&bytes);
}

static const char *const things_to_type[] = {
    "hello\r",      "/who\r",     "/list\r",     "/search word*\r", "/topic new\r",
    "/join #den\r", "/help\r",    "\x1b[5~",     "\x1b[5~\x1b[5~",  "\x1b[1;3A",
    "\x1b[1;3C",    "/msg bob\r", "/edit\x15",   "/device list\r",  "/open 1\r",
    "a\tb\t",       "\x1b[6~",    "/nick eve\r", "/leave\r",        "/goto =3\r",
};

/* Waits for the client's connection; it may be waiting for a while before it tries again. */
static void accept_client(void) {
    uint64_t until = clock_monotonic() + CONNECT_MILLISECONDS;
    while (!link_accept(listener, &to_client)) {
        struct pollfd waits[] = {{listener, POLLIN, 0}, {terminal, POLLIN, 0}};
        int ready = poll(waits, 2, RECONNECT_MILLISECONDS);
        if (ready > 0 && waits[1].revents != 0 && !take_output())
            check_runs();
        if (ready == 0)
            type("\x03/reconnect\r");
        if (clock_monotonic() > until)
            give_up("the client does not connect again");
    }
}

static void close_session(void) {
    link_close(&to_client);
    link_close(&to_server);
    frame_reader_free(&from_server);
    mutate_end();
}

/* Takes what one side has sent; false when it has closed. */
static bool pass_on(struct link *from, bool is_server, size_t one_in) {
    static uint8_t bytes[65536];
    struct wire_blob payload;
    ssize_t got = link_read(from, bytes, sizeof bytes);
    if (got == LINK_AGAIN)
        return true;
    if (got <= 0)
        return false;
    if (!is_server) {
        struct iovec piece = {bytes, (size_t)got};
        return link_write(&to_server, &piece, 1) == got;
    }
    frame_reader_feed(&from_server, bytes, (size_t)got);
    while (frame_reader_next(&from_server, &payload) == FRAME_READY)
        pass_frame(payload, one_in);
    return true;
}

static void run_session(void) {
    struct link_problem problem;
    unsigned first_frame = frames_sent;
    size_t one_in = 2 + mutate_random(5);
    size_t things = mutate_random(5);
    accept_client();
    uint64_t until = clock_monotonic() + SESSION_MILLISECONDS;
    if (!link_connect("127.0.0.1", server_port, ANSWER_MILLISECONDS, NULL, &to_server, &problem))
        give_up("there is no server to be had");
    while (clock_monotonic() < until && frames_sent - first_frame < FRAMES_MAX) {
        struct pollfd waits[] = {{to_client.descriptor, POLLIN, 0},
                                 {to_server.descriptor, POLLIN, 0},
                                 {terminal, POLLIN, 0}};
        int ready = poll(waits, 3, QUIET_MILLISECONDS);
        if (ready == 0 && things-- == 0)
            break;
        for (size_t more = mutate_random(4); ready == 0 && more > 0; more--)
            type(things_to_type[mutate_random(sizeof things_to_type / sizeof *things_to_type)]);
        if (waits[2].revents != 0 && !take_output())
            check_runs();
        if ((waits[0].revents != 0 && !pass_on(&to_client, false, 0)) ||
            (waits[1].revents != 0 && !pass_on(&to_server, true, one_in)))
            break;
    }
    close_session();
}

int main(int argc, char **argv) {
    char name[LINK_NAME_MAX];
    struct link_problem problem;
    if (argc < 5)
        return EXIT_FAILURE;
    server_port = argv[1];
    seed = strtoul(argv[2], NULL, 10);
    unsigned long sessions = strtoul(argv[3], NULL, 10);
    client_command = calloc((size_t)argc, sizeof *client_command);
    listener = link_bind("127.0.0.1", "0", &problem);
    if (client_command == NULL || listener < 0 || !link_listen(listener, &problem))
        return EXIT_FAILURE;
    link_name_local(listener, name);
    memcpy(client_command, argv + 4, (size_t)(argc - 4) * sizeof *client_command);
    client_command[argc - 4] = strrchr(name, ':') + 1; /* the port, last */
    signal(SIGPIPE, SIG_IGN);
    for (session_number = 1; session_number <= sessions; session_number++) {
        mutate_seed(seed * 1000003u + session_number);
        if (client == 0)
            begin_client();
        run_session();
        check_answers();
        if (session_number % SESSIONS_A_CLIENT == 0 || session_number == sessions)
            end_client();
    }
    printf("%lu sessions of seed %lu: %u clients, %u frames, %u of them changed\n", sessions, seed,
           clients_begun, frames_sent, frames_changed);
    return EXIT_SUCCESS;
}
