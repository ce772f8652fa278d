#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

enum { OPTIONS_MAX = 32, OPTION_FIRST = 256 };

int options_parse(const struct option_entry *table, size_t count, int argc, char **argv,
                  bool (*set)(void *context, size_t index, const char *argument), void *context) {
    struct option longs[OPTIONS_MAX + 1] = {{0}};
    for (size_t i = 0; i < count && i < OPTIONS_MAX; i++)
        longs[i] = (struct option){table[i].name,
                                   table[i].argument != NULL ? required_argument : no_argument,
                                   NULL, OPTION_FIRST + (int)i};
    opterr = 0;
    for (;;) {
        int found = getopt_long(argc, argv, ":", longs, NULL);
        if (found == -1)
            return optind;
        if (found < OPTION_FIRST) {
            fprintf(stderr, "%s: %s %s; see %s --help\n", program_invocation_short_name,
                    argv[optind - 1],
                    found == ':' ? "needs an argument" : "is not an option that can be used so",
                    program_invocation_short_name);
            return -1;
        }
        if (!set(context, (size_t)(found - OPTION_FIRST), optarg))
            return -1;
    }
}

void options_print(const struct option_entry *table, size_t count, FILE *out) {
    for (size_t i = 0; i < count; i++) {
        char shape[32];
        snprintf(shape, sizeof shape, "--%s%s%s", table[i].name,
                 table[i].argument != NULL ? " " : "",
                 table[i].argument != NULL ? table[i].argument : "");
        fprintf(out, "  %-18s %s\n", shape, table[i].help);
    }
}

bool options_number(const char *text, long least, long most, long *number) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        return false;
    *number = value;
    return true;
}
