/* Command lines from a table: parsing by getopt_long, --help, and the check that a manual page
 * names every option, all come from the same rows. Main thread. */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct option_entry {
    const char *name;     /* without the dashes */
    const char *argument; /* what --help calls it, NULL when the option takes none */
    const char *help;
};

/* Parses argv. Each option found is given to `set` with its row's index and its argument; `set`
 * says on stderr what is wrong with it and returns false. Returns the index of the first positional
 * argument, or -1 after a message on stderr. */
int options_parse(const struct option_entry *table, size_t count, int argc, char **argv,
                  bool (*set)(void *context, size_t index, const char *argument), void *context);

/* Writes the options, a line each. */
void options_print(const struct option_entry *table, size_t count, FILE *out);

/* Reads a whole number within the bounds; false when it is anything else. */
bool options_number(const char *text, long least, long most, long *number);

#endif
