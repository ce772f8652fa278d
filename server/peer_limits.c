#include "peer_limits.h"
#include "options.h"

#include <string.h>

enum { PEER_LIMIT_MOST = 1000000 };

const struct peer_limit_entry peer_limit_table[PEER_LIMIT_COUNT] = {
#define PEER_LIMIT(NAME, name, value, unit, about)                                                 \
    [LIMIT_##NAME] = {name, value, LIMIT_##unit, about},
#include "peer_limits.def"
#undef PEER_LIMIT
};

void peer_limits_set_defaults(struct peer_limits *limits) {
    for (size_t i = 0; i < PEER_LIMIT_COUNT; i++)
        atomic_init(&limits->values[i], peer_limit_table[i].value);
}

void peer_limits_copy(struct peer_limits *to, const struct peer_limits *from) {
    for (size_t i = 0; i < PEER_LIMIT_COUNT; i++)
        atomic_store(&to->values[i], atomic_load(&from->values[i]));
}

static size_t peer_limit_find(const char *name, size_t size) {
    size_t i = 0;
    while (i < PEER_LIMIT_COUNT && (strlen(peer_limit_table[i].name) != size ||
                                    strncmp(peer_limit_table[i].name, name, size) != 0))
        i++;
    return i;
}

bool peer_limits_parse(struct peer_limits *limits, const char *text, struct complaint *complaint) {
    const char *value = strchr(text, '=');
    size_t found = value != NULL ? peer_limit_find(text, (size_t)(value - text)) : PEER_LIMIT_COUNT;
    long number = 0;
    if (strcmp(text, "none") == 0) {
        for (size_t i = 0; i < PEER_LIMIT_COUNT; i++)
            atomic_store(&limits->values[i], 0);
        return true;
    }
    if (value == NULL)
        return complain(complaint, "a limit is set by NAME=N or NAME=none, not '%s'", text);
    if (found == PEER_LIMIT_COUNT)
        return complain(complaint, "there is no limit '%.*s'; chat-server --help has their names",
                        (int)(value - text), text);
    if (strcmp(value + 1, "none") != 0 && !options_number(value + 1, 1, PEER_LIMIT_MOST, &number))
        return complain(complaint, "the limit %s is a number from 1 to %d, or none, not '%s'",
                        peer_limit_table[found].name, PEER_LIMIT_MOST, value + 1);
    atomic_store(&limits->values[found], (unsigned)number);
    return true;
}
