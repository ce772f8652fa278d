/* What a search line asks for: words, "phrases" and beginnings*, and among them from:NICK,
 * in:#ROOM, before:DATE and after:DATE. A date is 2026-11, 2026-11-25 or 2026-11-25T14:30 in local
 * time, and stands for its first moment. Within quotes everything is words. Pure; any thread. */
#ifndef CLIENT_QUERY_H
#define CLIENT_QUERY_H

#include <stdbool.h>
#include <stdint.h>

enum { QUERY_PROBLEM_MAX = 160 };

struct query {
    char *words; /* what is left, for the server to take apart; these three are "" for none */
    char *from;
    char *room;
    uint64_t since; /* milliseconds since 1970; 0 for any */
    uint64_t until; /* 0 for any */
    char problem[QUERY_PROBLEM_MAX];
};

/* False when the line cannot be understood; `problem` then says why. query_free is due either way.
 */
bool query_parse(struct query *query, const char *line);
void query_free(struct query *query);

#endif
