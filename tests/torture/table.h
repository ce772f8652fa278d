/* The table of a run, for a terminal or for docs/reliability.md. */
#ifndef TESTS_TORTURE_TABLE_H
#define TESTS_TORTURE_TABLE_H

#include "evidence.h"
#include "faults.h"

/* What a row's process leaves to the driver. */
struct result {
    struct findings findings;
    char remark[REMARK_MAX];
    unsigned times;
    bool judged;
};

/* What a line of the table says beside its counts. */
struct line {
    const char *name;
    const char *about;
    double seconds;
    bool passed;
};

void table_print_head(bool markdown);
void table_print(const struct line *line, const struct result *result, bool markdown);

#endif
