/* Asks for a passphrase on the terminal, whatever stdin and stdout are, and shows nothing of it.
 * The main thread's; it waits for the person. */
#ifndef CLIENT_PASSPHRASE_H
#define CLIENT_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

enum { PASSPHRASE_BYTES_MIN = 8, PASSPHRASE_BYTES_MAX = 512 };

/* Asks once. False when there is no terminal, or the person gave up with Ctrl-C, Ctrl-D or an empty
 * line; the problem then says which. The caller wipes what was written, also then. */
bool passphrase_ask(const char *prompt, char passphrase[PASSPHRASE_BYTES_MAX],
                    const char **problem);

/* Asks twice, for one that is to be chosen: it must be long enough, and the same both times. */
bool passphrase_choose(char passphrase[PASSPHRASE_BYTES_MAX], const char **problem);

#endif
