#include "roster.h"

#include <stdlib.h>
#include <string.h>

static bool roster_reach(struct roster *roster, uint32_t room) {
    if (room < roster->room_count)
        return true;
    size_t count = roster->room_count > 0 ? roster->room_count : 16;
    while (count <= room)
        count *= 2;
    struct roster_room *rooms = realloc(roster->rooms, count * sizeof *rooms);
    if (rooms == NULL)
        return false;
    memset(rooms + roster->room_count, 0, (count - roster->room_count) * sizeof *rooms);
    roster->rooms = rooms;
    roster->room_count = count;
    return true;
}

static bool roster_room_grow(struct roster_room *room) {
    if (room->count < room->capacity)
        return true;
    uint32_t capacity = room->capacity > 0 ? room->capacity * 2 : 4;
    struct session **sessions = realloc(room->sessions, capacity * sizeof(struct session *));
    if (sessions == NULL)
        return false;
    room->sessions = sessions;
    room->capacity = capacity;
    return true;
}

static bool session_membership_grow(struct session *session) {
    if (session->membership_count < session->membership_capacity)
        return true;
    uint32_t capacity = session->membership_capacity > 0 ? session->membership_capacity * 2 : 2;
    struct membership *grown = realloc(session->memberships, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    session->memberships = grown;
    session->membership_capacity = capacity;
    return true;
}

bool roster_add(struct roster *roster, uint32_t number, struct session *session) {
    if (session_in_room(session, number))
        return true;
    if (!roster_reach(roster, number) || !session_membership_grow(session) ||
        !roster_room_grow(&roster->rooms[number]))
        return false;
    struct roster_room *room = &roster->rooms[number];
    session->memberships[session->membership_count++] = (struct membership){number, room->count};
    room->sessions[room->count++] = session;
    return true;
}

/* Fills the gap with the room's last session and tells that one its new place. */
static void roster_room_remove(struct roster_room *room, uint32_t number, uint32_t place) {
    struct session *moved = room->sessions[--room->count];
    room->sessions[place] = moved;
    for (uint32_t i = 0; i < moved->membership_count; i++)
        if (moved->memberships[i].room == number)
            moved->memberships[i].place = place;
}

void roster_remove(struct roster *roster, uint32_t number, struct session *session) {
    for (uint32_t i = 0; i < session->membership_count; i++) {
        if (session->memberships[i].room != number)
            continue;
        roster_room_remove(&roster->rooms[number], number, session->memberships[i].place);
        session->memberships[i] = session->memberships[--session->membership_count];
        return;
    }
}

void roster_remove_all(struct roster *roster, struct session *session) {
    while (session->membership_count > 0)
        roster_remove(roster, session->memberships[session->membership_count - 1].room, session);
}

const struct roster_room *roster_room(const struct roster *roster, uint32_t room) {
    static const struct roster_room nobody = {0};
    return room < roster->room_count ? &roster->rooms[room] : &nobody;
}

void roster_free(struct roster *roster) {
    for (size_t i = 0; i < roster->room_count; i++)
        free(roster->rooms[i].sessions);
    free(roster->rooms);
    *roster = (struct roster){0};
}
