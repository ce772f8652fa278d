/* Which rooms have names that look alike, see looks.h. Rooms are made seldom, so each is looked at;
 * the keys of a name are made when they are first asked for. */
#include "state_parts.h"

#include <stdlib.h>
#include <string.h>

/* The keys of a name, one behind the other, each with its zero, and an empty one at the end; NULL
 * when they cannot be made. */
static char *room_name_keys(const struct state *state, const struct name *name) {
    struct looks_keys keys;
    size_t size = 1;
    if (!looks_find_keys(state->looks, name, &keys))
        return NULL;
    for (size_t i = 0; i < keys.count; i++)
        size += strlen(keys.keys[i]) + 1;
    char *list = calloc(1, size);
    char *at = list;
    for (size_t i = 0; list != NULL && i < keys.count; i++)
        at = stpcpy(at, keys.keys[i]) + 1;
    return list;
}

static bool keys_meet(const char *a, const char *b) {
    for (const char *one = a; *one != '\0'; one += strlen(one) + 1)
        for (const char *other = b; *other != '\0'; other += strlen(other) + 1)
            if (strcmp(one, other) == 0)
                return true;
    return false;
}

bool state_find_like_room(const struct state *state, const struct name *name,
                          const struct room **like) {
    char *wanted = room_name_keys(state, name);
    bool known = wanted != NULL;
    *like = NULL;
    for (size_t i = 0; known && *like == NULL && i < state->room_count; i++) {
        struct room *room = state->rooms[i];
        struct name of_room;
        if (room->kind != ROOM_PUBLIC)
            continue;
        if (room->looks == NULL && name_room(wire_text(room->name), &of_room))
            room->looks = room_name_keys(state, &of_room);
        known = room->looks != NULL;
        if (known && keys_meet(wanted, room->looks))
            *like = room;
    }
    free(wanted);
    return known;
}
