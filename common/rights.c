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
