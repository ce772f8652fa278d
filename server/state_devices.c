/* Who is let in: devices by their keys, and the server's admission. */
#include "state_parts.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

int state_compare_keys(const void *a, const void *b) {
    return memcmp(((const struct device *)a)->key, ((const struct device *)b)->key,
                  STORE_HASH_BYTES);
}

void state_device_free(struct device *device) {
    free(device->name);
    free(device);
}

void state_device_link(struct device *device) {
    struct device **place = &device->account->devices;
    while (*place != NULL && (*place)->number < device->number)
        place = &(*place)->next;
    device->next = *place;
    *place = device;
}

void state_device_unlink(struct device *device) {
    struct device **place = &device->account->devices;
    while (*place != NULL && *place != device)
        place = &(*place)->next;
    if (*place == device)
        *place = device->next;
}

struct device *state_device(const struct state *state, const uint8_t key[STORE_HASH_BYTES]) {
    struct device wanted;
    memcpy(wanted.key, key, STORE_HASH_BYTES);
    struct device **place = tfind(&wanted, &state->by_key, state_compare_keys);
    return place != NULL ? *place : NULL;
}

struct device *account_device(const struct account *account, uint32_t number) {
    struct device *device = account->devices;
    while (device != NULL && device->number != number)
        device = device->next;
    return device;
}

static struct device *device_new(struct account *account, const struct stored_device *stored) {
    struct device *device = calloc(1, sizeof *device);
    if (device == NULL)
        return NULL;
    memcpy(device->key, stored->key, STORE_HASH_BYTES);
    device->number = stored->number;
    device->name = strdup(stored->name);
    device->added = stored->added;
    device->removed = stored->removed;
    device->account = account;
    if (device->name != NULL)
        return device;
    free(device);
    return NULL;
}

/* Puts the device into the tree, perhaps in the place of a removed one. */
static bool state_place_device(struct state *state, struct device *device,
                               struct device **replaced) {
    struct device **place = tsearch(device, &state->by_key, state_compare_keys);
    if (place == NULL || (*place != device && !(*place)->removed))
        return false;
    *replaced = *place != device ? *place : NULL;
    *place = device;
    return true;
}

struct device *state_add_device(struct state *state, struct account *account,
                                const struct stored_device *stored) {
    struct device *device = device_new(account, stored);
    struct device *replaced;
    bool holds = device != NULL && (device->removed || state_hold_nick(state, account));
    if (!holds || !state_undo_reserve(state) || !state_place_device(state, device, &replaced)) {
        state_let_nick_go(state, account);
        if (device != NULL)
            state_device_free(device);
        return NULL;
    }
    if (!device->removed)
        state_device_link(device);
    state_undo_note(state, (struct undo){.kind = UNDO_ADD_DEVICE,
                                         .device = device,
                                         .replaced = replaced,
                                         .number = account->last_device});
    if (account->last_device < device->number)
        account->last_device = device->number;
    return device;
}

bool state_remove_device(struct state *state, struct device *device) {
    if (!state_undo_reserve(state))
        return false;
    device->removed = true;
    state_device_unlink(device);
    state_let_nick_go(state, device->account);
    state_undo_note(state, (struct undo){.kind = UNDO_REMOVE_DEVICE, .device = device});
    return true;
}

uint32_t state_owner(const struct state *state) {
    return state->owner;
}

bool state_set_owner(struct state *state, uint32_t account) {
    if (!state_undo_reserve(state))
        return false;
    state_undo_note(state, (struct undo){.kind = UNDO_SET_OWNER, .number = state->owner});
    state->owner = account;
    return true;
}

enum admission state_admission(const struct state *state) {
    return state->admission;
}

bool state_set_admission(struct state *state, enum admission admission) {
    if (!state_undo_reserve(state))
        return false;
    state_undo_note(state, (struct undo){.kind = UNDO_SET_ADMISSION, .number = state->admission});
    state->admission = admission;
    return true;
}
