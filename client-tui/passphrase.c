#include "passphrase.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Reads up to the end of the line; what does not fit is an error. The bytes pass no stdio buffer.
 */
static bool passphrase_read(int terminal, char passphrase[PASSPHRASE_BYTES_MAX],
                            const char **problem) {
    size_t size = 0;
    char byte = 0;
    bool fits = true;
    while (read(terminal, &byte, 1) == 1 && byte != '\n' && byte != '\3') {
        fits = fits && size + 1 < PASSPHRASE_BYTES_MAX;
        if (fits)
            passphrase[size++] = byte;
    }
    passphrase[size] = '\0';
    if (!fits)
        *problem = "that passphrase is far too long";
    else if (byte != '\n' || size == 0)
        *problem = "no passphrase was given";
    return fits && byte == '\n' && size > 0;
}

static void passphrase_write(int terminal, const char *text) {
    ssize_t written = write(terminal, text, strlen(text));
    (void)written;
}

/* Signals wait until the terminal shows again what is typed. */
static bool passphrase_converse(int terminal, const char *prompt,
                                char passphrase[PASSPHRASE_BYTES_MAX], const char **problem) {
    struct termios before;
    sigset_t all, mask;
    if (tcgetattr(terminal, &before) != 0)
        return false;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask);
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ISIG);
    silent.c_lflag |= ICANON;
    silent.c_iflag |= ICRNL;
    silent.c_cc[VEOL] = '\3'; /* so that Ctrl-C ends the line at once */
    /* Silent before it asks: what was typed ahead is thrown away, the answer is not. */
    bool asked = tcsetattr(terminal, TCSAFLUSH, &silent) == 0;
    passphrase_write(terminal, prompt);
    asked = asked && passphrase_read(terminal, passphrase, problem);
    tcsetattr(terminal, TCSANOW, &before);
    passphrase_write(terminal, "\n");
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return asked;
}

bool passphrase_ask(const char *prompt, char passphrase[PASSPHRASE_BYTES_MAX],
                    const char **problem) {
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    *problem = "there is no terminal to ask for the passphrase";
    passphrase[0] = '\0';
    bool asked = terminal >= 0 && passphrase_converse(terminal, prompt, passphrase, problem);
    if (terminal >= 0)
        close(terminal);
    return asked;
}

/* Asks until there is one: whoever types on after a slip must not say it in a room. */
bool passphrase_choose(char passphrase[PASSPHRASE_BYTES_MAX], const char **problem) {
    const char *prompt = "A passphrase of at least 8 characters to lock the key with (Enter for "
                         "none, and no export): ";
    char again[PASSPHRASE_BYTES_MAX];
    bool asked, same = false;
    do {
        asked = passphrase_ask(prompt, passphrase, problem);
        if (asked && strlen(passphrase) < PASSPHRASE_BYTES_MIN) {
            prompt = "That is shorter than 8 characters. Another one: ";
            continue;
        }
        asked = asked && passphrase_ask("The same again: ", again, problem);
        same = asked && strcmp(passphrase, again) == 0;
        prompt = "The two are not the same. From the beginning: ";
    } while (asked && !same);
    sodium_memzero(again, sizeof again);
    return same;
}
