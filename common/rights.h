/* The rows of rights.def as C, and the one question that is asked of them. Pure; any thread. */
#ifndef COMMON_RIGHTS_H
#define COMMON_RIGHTS_H

#include "buffer.h"
#include "protocol.h"

#include <stdbool.h>
#include <stddef.h>

/* What somebody is in a room; each may all that the ones before it may. */
enum role {
    ROLE_BANNED,
    ROLE_STRANGER,
    ROLE_INVITED,
    ROLE_MUTED,
    ROLE_MEMBER,
    ROLE_MODERATOR,
    ROLE_OWNER,
    ROLE_NOBODY
};

/* What somebody is on the server. */
enum standing { STANDING_GUEST, STANDING_PERSON, STANDING_OWNER };

/* How a room is, besides its kind; the numbers add up. */
enum { ACCESS_PRIVATE = 1, ACCESS_READ_ONLY = 2 };

enum right {
#define ROOM_RIGHT(number, NAME, name, public, private, read_only, direct, about)                  \
    RIGHT_##NAME = (number),
#define SERVER_RIGHT(number, NAME, name, least, about) RIGHT_##NAME = (number),
#include "rights.def"
};

struct right_entry {
    enum right right;
    const char *name;
    const char *about;
    bool of_room; /* else of the server */
    enum role in_public;
    enum role in_private;
    enum role in_read_only;
    enum role in_direct;
    enum standing least;
};

extern const struct right_entry rights[];
extern const size_t right_count;

/* The entry of a right, NULL when there is none. */
const struct right_entry *right_find(unsigned right);

/* What those are called who have a role or a standing, for people. */
const char *role_name(enum role role);
const char *standing_name(enum standing standing);

/* Appends who has the right: "moderators", or kind by kind where that differs. */
void right_describe(struct buffer *text, const struct right_entry *entry);

/* The least role that has the right in a room. */
enum role right_least_role(const struct right_entry *entry, enum room_kind kind, unsigned access);

#endif
