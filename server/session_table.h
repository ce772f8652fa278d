/* A worker's sessions by slot, and their identities: worker, slot, and a generation that tells one
 * session in a slot from the next. A worker's alone. */
#ifndef SERVER_SESSION_TABLE_H
#define SERVER_SESSION_TABLE_H

#include "session.h"

struct session_table {
    struct session **slots; /* NULL where free */
    uint32_t *generations;
    uint32_t slot_count;
    uint32_t session_count;
    uint32_t slot_hint; /* no slot below is free */
};

/* Gives the session a slot and its identity. False when out of memory. */
bool session_table_add(struct session_table *table, unsigned worker, struct session *session);

/* Frees the session's slot, not the session. */
void session_table_remove(struct session_table *table, const struct session *session);

/* The session with that identity, NULL when it is gone. */
struct session *session_table_find(const struct session_table *table, uint64_t identity);

void session_table_free(struct session_table *table);

#endif
