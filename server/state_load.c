/* Brings the state up from what is stored. */
#include "state.h"

static bool load_account(void *context, uint32_t id, const char *nick, const uint8_t *hash) {
    return state_add_account(context, id, nick, hash) != NULL;
}

static bool load_room(void *context, const struct stored_room *stored) {
    struct room *room = state_add_room(context, stored->id, (enum room_kind)stored->kind,
                                       stored->name, stored->owner);
    return room != NULL && state_set_topic(context, room, wire_text(stored->topic)) &&
           state_set_newest(context, room, stored->newest, stored->messages) &&
           state_set_removed(context, room, stored->removed) &&
           state_set_access(context, room, stored->access);
}

static bool load_member(void *context, const struct stored_member *stored) {
    struct room *room = state_room(context, stored->room);
    struct account *account = state_account(context, stored->account);
    return room != NULL && account != NULL && state_add_member(context, room, account) &&
           state_set_read(context, account, room->id, stored->read, stored->messages);
}

static bool load_outbox(void *context, uint32_t account_id, uint64_t id, uint64_t up_to) {
    struct account *account = state_account(context, account_id);
    struct outbox *outbox = account != NULL ? state_outbox(context, account, id) : NULL;
    return outbox != NULL && state_set_up_to(context, outbox, up_to);
}

static bool load_device(void *context, const struct stored_device *stored) {
    struct account *account = state_account(context, stored->account);
    return account != NULL && state_add_device(context, account, stored) != NULL;
}

static bool load_rule(void *context, uint32_t owner, int admission) {
    return admission >= 0 && admission < ADMISSION_COUNT && state_set_owner(context, owner) &&
           state_set_admission(context, (enum admission)admission);
}

static bool load_marks(void *context, uint32_t room_id, uint32_t account, unsigned marks) {
    struct room *room = state_room(context, room_id);
    return room != NULL && state_account(context, account) != NULL &&
           state_set_marks(context, room, account, marks);
}

static bool load_block(void *context, uint32_t account_id, uint32_t other) {
    struct account *account = state_account(context, account_id);
    return account != NULL && state_account(context, other) != NULL &&
           state_set_block(context, account, other, true);
}

bool state_load(struct state *state, struct store *store) {
    const struct store_visitor visitor = {state,       load_account, load_room,
                                          load_member, load_outbox,  load_device,
                                          load_rule,   load_marks,   load_block};
    bool loaded = store_visit(store, &visitor);
    state_keep(state);
    return loaded;
}
