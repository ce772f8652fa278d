/* The server's log for people and tools: one logfmt line a record on stderr, printable whatever the
 * values hold. Any thread; a line is one write. */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

#include <stdbool.h>

enum report_level { REPORT_INFO, REPORT_WARNING, REPORT_ERROR, REPORT_LEVELS };

extern const char *const report_levels[REPORT_LEVELS]; /* their names */

enum report_kind {
#define REPORT(NAME, event, level, about, remedy) REPORT_##NAME,
#include "reports.def"
#undef REPORT
    REPORT_COUNT
};

struct report_entry {
    const char *event;
    enum report_level level;
    const char *about;
    const char *remedy;
};

extern const struct report_entry report_table[REPORT_COUNT];

/* What is of a lower level is not said from here on. */
void report_set_level(enum report_level level);
bool report_is_said(enum report_kind kind);

/* report(REPORT_LISTENING, "address", address, NULL): pairs of key and value, then
 * NULL. */
void report(enum report_kind kind, ...) __attribute__((sentinel));

#endif
