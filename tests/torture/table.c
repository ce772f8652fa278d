#include "table.h"

#include <stdio.h>

static const struct column {
    const char *heading;
    int width;
} columns[] = {{"times", 6}, {"posts", 8},   {"acknowledged", 13}, {"deliveries", 11},
               {"lost", 5},  {"doubled", 8}, {"out of order", 13}};

enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

void table_print_head(bool markdown) {
    printf(markdown ? "| %s | what happens |" : "%-16s", "fault");
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        printf(markdown ? " %*s |" : "%*s", markdown ? 0 : columns[i].width, columns[i].heading);
    printf(markdown ? " seconds |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n" : "  seconds\n");
}

/* The counts in the order of the columns, then the seconds. */
static void print_counts(const struct result *result, double seconds, bool markdown) {
    const struct findings *findings = &result->findings;
    const uint64_t counts[COLUMN_COUNT] = {
        result->times,
        findings->posts,
        findings->acknowledged,
        findings->deliveries,
        findings->verdict.lost,
        findings->verdict.doubled,
        findings->verdict.disordered,
    };
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        printf(markdown ? " %*llu |" : "%*llu", markdown ? 0 : columns[i].width,
               (unsigned long long)counts[i]);
    printf(markdown ? " %.1f |" : "%9.1f", seconds);
}

void table_print(const struct line *line, const struct result *result, bool markdown) {
    const char *remark = result->remark;
    if (markdown)
        printf("| `%s` | %s%s%s |", line->name, line->about, remark[0] != '\0' ? "; " : "", remark);
    else
        printf("%-16s", line->name);
    print_counts(result, line->seconds, markdown);
    printf("%s\n", !line->passed ? "  FAILED" : markdown ? "" : "  ok");
    if (remark[0] != '\0' && !markdown)
        printf("%-16s%s\n", "", remark);
    if (result->findings.verdict.first[0] != '\0')
        printf("%-16s%s\n", "", result->findings.verdict.first);
    fflush(stdout);
}
