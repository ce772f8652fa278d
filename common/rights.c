#include "rights.h"

const struct right_entry rights[] = {
#define ROOM_RIGHT(number, NAME, name_, public, private, read_only, direct, about_)                \
    {.right = (enum right)(number),                                                                \
     .name = #name_,                                                                               \
     .about = (about_),                                                                            \
     .of_room = true,                                                                              \
     .in_public = ROLE_##public,                                                                   \
     .in_private = ROLE_##private,                                                                 \
     .in_read_only = ROLE_##read_only,                                                             \
     .in_direct = ROLE_##direct},
#define SERVER_RIGHT(number, NAME, name_, least_, about_)                                          \
    {.right = (enum right)(number), .name = #name_, .about = (about_), .least = STANDING_##least_},
#include "rights.def"
};
const size_t right_count = sizeof rights / sizeof *rights;

const struct right_entry *right_find(unsigned right) {
    for (size_t i = 0; i < right_count; i++)
        if ((unsigned)rights[i].right == right)
            return &rights[i];
    return NULL;
}

enum role right_least_role(const struct right_entry *entry, enum room_kind kind, unsigned access) {
    if (kind == ROOM_DIRECT)
        return entry->in_direct;
    enum role least = access & ACCESS_PRIVATE ? entry->in_private : entry->in_public;
    if ((access & ACCESS_READ_ONLY) && entry->in_read_only > least)
        least = entry->in_read_only;
    return least;
}

const char *role_name(enum role role) {
    static const char *const names[] = {
        [ROLE_BANNED] = "anybody",         [ROLE_STRANGER] = "anybody who is not banned",
        [ROLE_INVITED] = "who is invited", [ROLE_MUTED] = "members, muted ones too",
        [ROLE_MEMBER] = "members",         [ROLE_MODERATOR] = "moderators",
        [ROLE_OWNER] = "the owner",        [ROLE_NOBODY] = "nobody"};
    return (unsigned)role < sizeof names / sizeof *names ? names[role] : "?";
}

const char *standing_name(enum standing standing) {
    static const char *const names[] = {[STANDING_GUEST] = "anybody",
                                        [STANDING_PERSON] = "who has a key",
                                        [STANDING_OWNER] = "the server's owner"};
    return (unsigned)standing < sizeof names / sizeof *names ? names[standing] : "?";
}

void right_describe(struct buffer *text, const struct right_entry *entry) {
    if (!entry->of_room) {
        buffer_append_string(text, standing_name(entry->least));
        return;
    }
    buffer_append_string(text, role_name(entry->in_public));
    if (entry->in_private != entry->in_public)
        buffer_append_format(text, "; in a private room %s", role_name(entry->in_private));
    if (entry->in_read_only != entry->in_public)
        buffer_append_format(text, "; in a read-only room %s", role_name(entry->in_read_only));
}
