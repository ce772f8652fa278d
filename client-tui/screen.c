#include "screen.h"

#include <curses.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

static const char screen_modes_on[] = "\033[?2004h";
static const char screen_modes_off[] = "\033[?2004l";
static const char screen_mouse_on[] = "\033[?1000h\033[?1006h";
static const char screen_mouse_off[] = "\033[?1006l\033[?1000l";

/* Signals that end or stop the program, or tell of the terminal; the loop reads them as data. */
static const int screen_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};
static const int screen_crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

enum { SCREEN_RESTORE_MAX = 256, SCREEN_STACK_BYTES = 65536 };

/* The UI thread's; a crash handler reads the last three. */
static bool screen_is_open;
static bool screen_has_mouse;
static int screen_signal_queue = -1;
static struct termios screen_saved;
static char screen_restore[SCREEN_RESTORE_MAX]; /* what undoes our modes */
static size_t screen_restore_size;

static void screen_write(const char *text, size_t size) {
    /* A terminal that is gone needs nothing undone. */
    ssize_t written = write(STDOUT_FILENO, text, size);
    (void)written;
}

static void screen_modes(bool on) {
    fflush(stdout);
    screen_write(on ? screen_modes_on : screen_modes_off, strlen(screen_modes_on));
    if (screen_has_mouse)
        screen_write(on ? screen_mouse_on : screen_mouse_off, strlen(screen_mouse_on));
}

static void screen_on_crash(int number) {
    screen_write(screen_restore, screen_restore_size);
    tcsetattr(STDIN_FILENO, TCSANOW, &screen_saved);
    signal(number, SIG_DFL);
    raise(number);
}

static void screen_add_restore(const char *text) {
    size_t size = text != NULL && text != (char *)-1 ? strlen(text) : 0;
    if (size == 0 || screen_restore_size + size > sizeof screen_restore)
        return;
    memcpy(screen_restore + screen_restore_size, text, size);
    screen_restore_size += size;
}

static void screen_catch_crashes(void) {
    static char stack[SCREEN_STACK_BYTES];
    const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = screen_on_crash,
                               .sa_flags = (int)(SA_ONSTACK | SA_RESETHAND | SA_NODEFER)};
    screen_add_restore(screen_modes_off);
    if (screen_has_mouse)
        screen_add_restore(screen_mouse_off);
    screen_add_restore(exit_attribute_mode);
    screen_add_restore(cursor_normal);
    screen_add_restore(exit_ca_mode);
    sigaltstack(&alternative, NULL);
    for (size_t i = 0; i < sizeof screen_crashes / sizeof *screen_crashes; i++)
        sigaction(screen_crashes[i], &action, NULL);
}

static bool screen_catch_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof screen_signals / sizeof *screen_signals; i++)
        sigaddset(&signals, screen_signals[i]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    screen_signal_queue = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return screen_signal_queue >= 0;
}

static void screen_set_raw(void) {
    raw();
    noecho();
    nonl();
}

bool screen_open(void) {
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        fprintf(stderr, "chat-tui: there is no terminal here; use --pipe without one\n");
        return false;
    }
    tcgetattr(STDIN_FILENO, &screen_saved);
    if (newterm(NULL, stdout, stdin) == NULL) {
        const char *term = getenv("TERM");
        fprintf(stderr, "chat-tui: the terminal type '%s' cannot show a full screen; use --pipe\n",
                term != NULL ? term : "");
        return false;
    }
    const char *mouse = tigetstr("kmous");
    screen_has_mouse = mouse != NULL && mouse != (char *)-1;
    screen_is_open = true;
    screen_catch_crashes();
    if (!screen_catch_signals()) {
        screen_close();
        perror("chat-tui");
        return false;
    }
    screen_set_raw();
    screen_modes(true);
    return true;
}

void screen_close(void) {
    if (!screen_is_open)
        return;
    screen_is_open = false;
    screen_modes(false);
    endwin();
    tcsetattr(STDIN_FILENO, TCSANOW, &screen_saved);
}

void screen_resume(void) {
    screen_set_raw();
    screen_resize();
    clearok(curscr, TRUE);
    screen_modes(true);
}

void screen_leave(void) {
    screen_modes(false);
    endwin();
}

void screen_suspend(void) {
    screen_leave();
    /* The terminal stop signal itself is blocked, to be read as data; this one cannot be. */
    kill(0, SIGSTOP);
    screen_resume();
}

void screen_resize(void) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
}

int screen_signal_descriptor(void) {
    return screen_signal_queue;
}

int screen_next_signal(void) {
    struct signalfd_siginfo information;
    ssize_t got = read(screen_signal_queue, &information, sizeof information);
    return got == sizeof information ? (int)information.ssi_signo : 0;
}
