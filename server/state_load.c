/* Brings the state up from what is stored. */
#include "state.h"

static bool load_account(void *context, uint32_t id, const char *nick, const uint8_t *hash) {
    return state_add_account(context, id, nick, hash) != NULL;
}

static bool load_room(void *context, uint32_t id, int kind, const char *name, const char *topic,
                      uint64_t newest) {
    struct room *room = state_add_room(context, id, (enum room_kind)kind, name);
    return room != NULL && state_set_topic(context, room, wire_text(topic)) &&
           state_set_newest(context, room, newest);
}

static bool load_member(void *context, uint32_t room_id, uint32_t account_id) {
    struct room *room = state_room(context, room_id);
    struct account *account = state_account(context, account_id);
    return room != NULL && account != NULL && state_add_member(context, room, account);
}

static bool load_outbox(void *context, uint32_t account_id, uint64_t id, uint64_t up_to) {
    struct account *account = state_account(context, account_id);
    struct outbox *outbox = account != NULL ? state_outbox(context, account, id) : NULL;
    return outbox != NULL && state_set_up_to(context, outbox, up_to);
}

bool state_load(struct state *state, struct store *store) {
    const struct store_visitor visitor = {state, load_account, load_room, load_member, load_outbox};
    bool loaded = store_visit(store, &visitor);
    state_keep(state);
    return loaded;
}
