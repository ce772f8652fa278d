#include "state_parts.h"

#include <search.h>
#include <stdlib.h>

/* Room for more is given back: a batch in which thousands come is rare. */
enum { STATE_UNDOS_KEPT = 1024 };

/* Room for one more undo, made before the change so that a change is never without its undo. */
bool state_undo_reserve(struct state *state) {
    void *undos = state->undos;
    bool room = state_grow(&undos, &state->undo_capacity, state->undo_count, sizeof *state->undos);
    state->undos = undos;
    return room;
}

void state_undo_note(struct state *state, struct undo undo) {
    state->undos[state->undo_count++] = undo;
}

static void undo_add_account(struct state *state, struct undo *undo) {
    tdelete(undo->account, &state->by_secret, state_compare_secrets);
    state->account_count--;
    state_account_free(undo->account);
}

static void undo_set_nick(struct state *state, struct undo *undo) {
    state_swap_nick(state, undo->account, undo);
}

static void undo_add_room(struct state *state, struct undo *undo) {
    tdelete(undo->room, &state->by_room_name, state_compare_room_names);
    state->room_count--;
    state_room_free(undo->room);
}

static void undo_set_topic(struct state *state, struct undo *undo) {
    (void)state;
    char *undone = undo->room->topic;
    undo->room->topic = undo->text;
    undo->text = undone;
}

static void undo_set_newest(struct state *state, struct undo *undo) {
    (void)state;
    undo->room->newest = undo->number;
    undo->room->messages = undo->messages;
}

static void undo_set_removed(struct state *state, struct undo *undo) {
    (void)state;
    undo->room->removed = undo->number;
}

static void undo_add_member(struct state *state, struct undo *undo) {
    (void)state;
    state_member_erase(undo->room, undo->account);
}

static void undo_set_read(struct state *state, struct undo *undo) {
    (void)state;
    *account_reading(undo->account, undo->room->id) =
        (struct reading){undo->room->id, undo->number, undo->messages};
}

static void undo_remove_member(struct state *state, struct undo *undo) {
    state_member_insert(undo->room, undo->account);
    undo_set_read(state, undo);
}

static void undo_set_up_to(struct state *state, struct undo *undo) {
    (void)state;
    undo->outbox->up_to = undo->number;
}

static void undo_attach(struct state *state, struct undo *undo) {
    state_presence_unlink(state, undo->presence);
    free(undo->presence);
}

static void undo_detach(struct state *state, struct undo *undo) {
    state_presence_link(state, undo->presence);
    /* What was freed for it may be gone by now: then the nick is held again with the next greeting.
     */
    state_hold_nick(state, undo->presence->account);
    undo->presence = NULL;
}

static void undo_add_device(struct state *state, struct undo *undo) {
    struct device **place = tfind(undo->device, &state->by_key, state_compare_keys);
    state_device_unlink(undo->device);
    undo->device->account->last_device = (uint32_t)undo->number;
    state_let_nick_go(state, undo->device->account);
    if (undo->replaced != NULL)
        *place = undo->replaced;
    else
        tdelete(undo->device, &state->by_key, state_compare_keys);
    state_device_free(undo->device);
    undo->replaced = NULL;
}

static void undo_remove_device(struct state *state, struct undo *undo) {
    undo->device->removed = false;
    state_device_link(undo->device);
    state_hold_nick(state, undo->device->account);
}

static void undo_set_owner(struct state *state, struct undo *undo) {
    state->owner = (uint32_t)undo->number;
}

static void undo_set_admission(struct state *state, struct undo *undo) {
    state->admission = (enum admission)undo->number;
}

static void undo_set_marks(struct state *state, struct undo *undo) {
    (void)state;
    state_marks_put(undo->room, (uint32_t)undo->number, (unsigned)undo->messages);
}

static void undo_set_access(struct state *state, struct undo *undo) {
    (void)state;
    undo->room->access = (unsigned)undo->number;
}

static void undo_set_room_owner(struct state *state, struct undo *undo) {
    (void)state;
    undo->room->owner = (uint32_t)undo->number;
}

static void undo_set_block(struct state *state, struct undo *undo) {
    (void)state;
    state_block_put(undo->account, (uint32_t)undo->number, undo->messages != 0);
}

static void (*const undo_functions[UNDO_COUNT])(struct state *state, struct undo *undo) = {
    [UNDO_ADD_ACCOUNT] = undo_add_account,
    [UNDO_SET_NICK] = undo_set_nick,
    [UNDO_ADD_ROOM] = undo_add_room,
    [UNDO_SET_TOPIC] = undo_set_topic,
    [UNDO_SET_NEWEST] = undo_set_newest,
    [UNDO_SET_REMOVED] = undo_set_removed,
    [UNDO_ADD_MEMBER] = undo_add_member,
    [UNDO_REMOVE_MEMBER] = undo_remove_member,
    [UNDO_SET_READ] = undo_set_read,
    [UNDO_SET_UP_TO] = undo_set_up_to,
    [UNDO_ATTACH] = undo_attach,
    [UNDO_DETACH] = undo_detach,
    [UNDO_ADD_DEVICE] = undo_add_device,
    [UNDO_REMOVE_DEVICE] = undo_remove_device,
    [UNDO_SET_MARKS] = undo_set_marks,
    [UNDO_SET_ACCESS] = undo_set_access,
    [UNDO_SET_ROOM_OWNER] = undo_set_room_owner,
    [UNDO_SET_BLOCK] = undo_set_block,
    [UNDO_SET_OWNER] = undo_set_owner,
    [UNDO_SET_ADMISSION] = undo_set_admission,
};

static void undo_free(struct undo *undo) {
    free(undo->text);
    free(undo->folded);
    free(undo->looks);
    if (undo->replaced != NULL)
        state_device_free(undo->replaced);
}

void state_keep(struct state *state) {
    for (size_t i = 0; i < state->undo_count; i++) {
        if (state->undos[i].kind == UNDO_DETACH)
            free(state->undos[i].presence);
        undo_free(&state->undos[i]);
    }
    state->undo_count = 0;
    if (state->undo_capacity > STATE_UNDOS_KEPT) {
        free(state->undos);
        state->undos = NULL;
        state->undo_capacity = 0;
    }
    state_thin_outboxes(state);
}

void state_undo(struct state *state) {
    while (state->undo_count > 0) {
        struct undo *undo = &state->undos[--state->undo_count];
        undo_functions[undo->kind](state, undo);
        undo_free(undo);
    }
}
