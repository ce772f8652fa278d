#include "state_parts.h"
#include "request.h"

#include <stdlib.h>
#include <string.h>

struct presence *state_presence(const struct state *state, uint64_t session) {
    const struct presence_table *table = &state->presences[session_worker(session)];
    uint32_t slot = session_slot(session);
    struct presence *presence = slot < table->count ? table->slots[slot] : NULL;
    return presence != NULL && presence->session == session ? presence : NULL;
}

static bool state_presence_place(struct state *state, uint64_t session) {
    struct presence_table *table = &state->presences[session_worker(session)];
    uint32_t slot = session_slot(session);
    if (slot < table->count)
        return true;
    size_t count = table->count > 0 ? table->count : 64;
    while (count <= slot)
        count *= 2;
    struct presence **slots = realloc(table->slots, count * sizeof *slots);
    if (slots == NULL)
        return false;
    memset(slots + table->count, 0, (count - table->count) * sizeof *slots);
    *table = (struct presence_table){slots, count};
    return true;
}

void state_presence_link(struct state *state, struct presence *presence) {
    struct account *account = presence->account;
    presence->next = account->presences;
    account->presences = presence;
    state->presences[session_worker(presence->session)].slots[session_slot(presence->session)] =
        presence;
}

void state_presence_unlink(struct state *state, struct presence *presence) {
    struct presence **place = &presence->account->presences;
    while (*place != presence)
        place = &(*place)->next;
    *place = presence->next;
    state_let_nick_go(state, presence->account);
    state->presences[session_worker(presence->session)].slots[session_slot(presence->session)] =
        NULL;
}

struct presence *state_attach(struct state *state, struct account *account, struct device *device,
                              uint64_t session) {
    struct presence *presence = calloc(1, sizeof *presence);
    if (presence == NULL || !state_presence_place(state, session) || !state_undo_reserve(state) ||
        !state_hold_nick(state, account)) {
        free(presence);
        return NULL;
    }
    presence->session = session;
    presence->account = account;
    presence->device = device;
    state_presence_link(state, presence);
    state_undo_note(state, (struct undo){.kind = UNDO_ATTACH, .presence = presence});
    return presence;
}

bool state_detach(struct state *state, struct presence *presence) {
    if (!state_undo_reserve(state))
        return false;
    state_presence_unlink(state, presence);
    state_undo_note(state, (struct undo){.kind = UNDO_DETACH, .presence = presence});
    return true;
}
