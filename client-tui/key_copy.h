/* Carries the key that says who the person is to another machine: into a file locked with a
 * passphrase (vault.h), and out of it. The passphrase is asked for on the terminal. The main
 * thread's. */
#ifndef CLIENT_KEY_COPY_H
#define CLIENT_KEY_COPY_H

#include <stdbool.h>
#include <stddef.h>

enum { KEY_COPY_SAYS_MAX = 1024 };

/* Both say in `says` what they did, or what is wrong and what to do. A file that is there is never
 * written over; a key that is in the place of an imported one gets another name. */
bool key_export(const char *file, char *says);
bool key_import(const char *file, char *says);

#endif
