/* Which of a worker's sessions get the events of which room. A worker's alone. */
#ifndef SERVER_ROSTER_H
#define SERVER_ROSTER_H

#include "session.h"

struct roster_room {
    struct session **sessions;
    uint32_t count;
    uint32_t capacity;
};

struct roster {
    struct roster_room *rooms; /* by room number */
    size_t room_count;
};

/* Adds the session to the room, unless it is in it. False when out of memory. */
bool roster_add(struct roster *roster, uint32_t room, struct session *session);

void roster_remove(struct roster *roster, uint32_t room, struct session *session);
void roster_remove_all(struct roster *roster, struct session *session);

/* The sessions in a room; never NULL. */
const struct roster_room *roster_room(const struct roster *roster, uint32_t room);

void roster_free(struct roster *roster);

#endif
