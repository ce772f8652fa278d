#include "state_parts.h"
#include "name.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int state_compare_secrets(const void *a, const void *b) {
    return memcmp(((const struct account *)a)->secret_hash,
                  ((const struct account *)b)->secret_hash, STORE_HASH_BYTES);
}

int state_compare_room_names(const void *a, const void *b) {
    return strcmp(((const struct room *)a)->folded, ((const struct room *)b)->folded);
}

void *state_tree_find(void *const *tree, const void *key,
                      int (*compare)(const void *a, const void *b)) {
    void **found = tfind(key, tree, compare);
    return found != NULL ? *found : NULL;
}

bool state_grow(void **array, size_t *capacity, size_t count, size_t size) {
    if (count < *capacity)
        return true;
    size_t wanted = *capacity > 0 ? *capacity * 2 : 1;
    void *grown = realloc(*array, wanted * size);
    if (grown == NULL)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

static char *fold_room(enum room_kind kind, const char *room_name) {
    struct name name;
    bool folds = kind == ROOM_PUBLIC && name_room(wire_text(room_name), &name);
    return strdup(folds ? name.folded : room_name);
}

void state_account_free(struct account *account) {
    for (struct outbox *outbox = account->outboxes; outbox != NULL;) {
        struct outbox *next = outbox->next;
        free(outbox);
        outbox = next;
    }
    free(account->nick);
    free(account->folded);
    free(account->looks);
    free(account->readings);
    free(account->blocks);
    free(account);
}

void state_room_free(struct room *room) {
    free(room->name);
    free(room->folded);
    free(room->topic);
    free(room->members);
    free(room->marks);
    free(room->looks);
    free(room);
}

static void tree_keep_item(void *item) {
    (void)item;
}

static void tree_free_device(void *device) {
    state_device_free(device);
}

struct state *state_new(const char **reason) {
    struct state *state = calloc(1, sizeof *state);
    *reason = "out of memory";
    if (state == NULL)
        return NULL;
    state->looks = looks_open(reason);
    if (state->looks != NULL)
        return state;
    free(state);
    return NULL;
}

void state_free(struct state *state) {
    if (state == NULL)
        return;
    state_keep(state);
    tdestroy(state->by_secret, tree_keep_item);
    tdestroy(state->by_nick, tree_keep_item);
    tdestroy(state->by_look, tree_keep_item);
    looks_close(state->looks);
    tdestroy(state->by_key, tree_free_device);
    tdestroy(state->by_room_name, tree_keep_item);
    for (size_t i = 0; i < STATE_WORKERS_MAX; i++) {
        for (size_t slot = 0; slot < state->presences[i].count; slot++)
            free(state->presences[i].slots[slot]);
        free(state->presences[i].slots);
    }
    for (size_t i = 0; i < state->account_count; i++)
        state_account_free(state->accounts[i]);
    for (size_t i = 0; i < state->room_count; i++)
        state_room_free(state->rooms[i]);
    free(state->accounts);
    free(state->rooms);
    free(state->undos);
    free(state);
}

struct account *state_account(const struct state *state, uint32_t id) {
    return id >= 1 && id <= state->account_count ? state->accounts[id - 1] : NULL;
}

struct account *state_account_by_secret(const struct state *state,
                                        const uint8_t hash[STORE_HASH_BYTES]) {
    struct account key;
    memcpy(key.secret_hash, hash, STORE_HASH_BYTES);
    return state_tree_find(&state->by_secret, &key, state_compare_secrets);
}

uint32_t state_next_account(const struct state *state) {
    return (uint32_t)state->account_count + 1;
}

struct room *state_room(const struct state *state, uint32_t id) {
    return id >= 1 && id <= state->room_count ? state->rooms[id - 1] : NULL;
}

struct room *state_room_by_name(const struct state *state, const char *folded_name) {
    char folded[NAME_BYTES_MAX + 1];
    struct room key = {.folded = folded};
    snprintf(folded, sizeof folded, "%s", folded_name);
    return state_tree_find(&state->by_room_name, &key, state_compare_room_names);
}

uint64_t state_kept_messages(const struct state *state) {
    uint64_t kept = 0;
    for (size_t i = 0; i < state->room_count; i++)
        kept += state->rooms[i]->messages - state->rooms[i]->removed;
    return kept;
}

uint32_t state_next_room(const struct state *state) {
    return (uint32_t)state->room_count + 1;
}

size_t room_member_after(const struct room *room, uint32_t account) {
    size_t low = 0;
    size_t high = room->member_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (room->members[middle] > account)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool room_has_member(const struct room *room, uint32_t account) {
    size_t after = room_member_after(room, account);
    return after > 0 && room->members[after - 1] == account;
}

struct account *state_add_account(struct state *state, uint32_t id, const char *nick,
                                  const uint8_t secret_hash[STORE_HASH_BYTES]) {
    void *accounts = state->accounts;
    bool room = state_grow(&accounts, &state->account_capacity, state->account_count,
                           sizeof *state->accounts);
    state->accounts = accounts;
    struct account *account = calloc(1, sizeof *account);
    if (!room || account == NULL || id != state_next_account(state) || !state_undo_reserve(state)) {
        free(account);
        return NULL;
    }
    account->id = id;
    account->nick = strdup(nick);
    account->folded = state_fold_nick(nick);
    memcpy(account->secret_hash, secret_hash, STORE_HASH_BYTES);
    if (account->nick == NULL || account->folded == NULL ||
        tsearch(account, &state->by_secret, state_compare_secrets) == NULL) {
        state_account_free(account);
        return NULL;
    }
    state->accounts[state->account_count++] = account;
    state_undo_note(state, (struct undo){.kind = UNDO_ADD_ACCOUNT, .account = account});
    return account;
}

struct room *state_add_room(struct state *state, uint32_t id, enum room_kind kind, const char *name,
                            uint32_t owner) {
    void *rooms = state->rooms;
    bool space = state_grow(&rooms, &state->room_capacity, state->room_count, sizeof *state->rooms);
    state->rooms = rooms;
    struct room *room = calloc(1, sizeof *room);
    if (!space || room == NULL || id != state_next_room(state) || !state_undo_reserve(state)) {
        free(room);
        return NULL;
    }
    room->id = id;
    room->kind = kind;
    room->owner = owner;
    room->name = strdup(name);
    room->folded = fold_room(kind, name);
    room->topic = strdup("");
    if (room->name == NULL || room->folded == NULL || room->topic == NULL ||
        tsearch(room, &state->by_room_name, state_compare_room_names) == NULL) {
        state_room_free(room);
        return NULL;
    }
    state->rooms[state->room_count++] = room;
    state_undo_note(state, (struct undo){.kind = UNDO_ADD_ROOM, .room = room});
    return room;
}

bool state_set_topic(struct state *state, struct room *room, struct wire_text topic) {
    char *copy = strndup(topic.data != NULL ? topic.data : "", topic.size);
    if (copy == NULL || !state_undo_reserve(state)) {
        free(copy);
        return false;
    }
    state_undo_note(state,
                    (struct undo){.kind = UNDO_SET_TOPIC, .room = room, .text = room->topic});
    room->topic = copy;
    return true;
}

bool state_set_newest(struct state *state, struct room *room, uint64_t id, uint64_t messages) {
    if (!state_undo_reserve(state))
        return false;
    state_undo_note(state, (struct undo){.kind = UNDO_SET_NEWEST,
                                         .room = room,
                                         .number = room->newest,
                                         .messages = room->messages});
    room->newest = id;
    room->messages = messages;
    return true;
}

bool state_set_removed(struct state *state, struct room *room, uint64_t removed) {
    if (!state_undo_reserve(state))
        return false;
    state_undo_note(state,
                    (struct undo){.kind = UNDO_SET_REMOVED, .room = room, .number = room->removed});
    room->removed = removed;
    return true;
}

uint32_t room_unread(const struct room *room, uint64_t read_messages) {
    uint64_t gone = room->removed > read_messages ? room->removed : read_messages;
    uint64_t unread = room->messages - gone;
    return (uint32_t)(unread > UINT32_MAX ? UINT32_MAX : unread);
}

struct reading *account_reading(const struct account *account, uint32_t room) {
    for (size_t i = 0; i < account->reading_count; i++)
        if (account->readings[i].room == room)
            return &account->readings[i];
    return NULL;
}

static struct undo undo_of_reading(enum undo_kind kind, struct account *account,
                                   const struct reading *reading) {
    return (struct undo){
        .kind = kind, .account = account, .number = reading->read, .messages = reading->messages};
}

void state_member_insert(struct room *room, struct account *account) {
    size_t place = room_member_after(room, account->id);
    memmove(&room->members[place + 1], &room->members[place],
            (room->member_count - place) * sizeof *room->members);
    room->members[place] = account->id;
    room->member_count++;
    account->readings[account->reading_count++] =
        (struct reading){room->id, room->newest, room->messages};
}

void state_member_erase(struct room *room, struct account *account) {
    size_t place = room_member_after(room, account->id) - 1;
    memmove(&room->members[place], &room->members[place + 1],
            (room->member_count - place - 1) * sizeof *room->members);
    room->member_count--;
    struct reading *reading = account_reading(account, room->id);
    *reading = account->readings[--account->reading_count];
}

bool state_add_member(struct state *state, struct room *room, struct account *account) {
    void *members = room->members;
    void *readings = account->readings;
    bool space =
        state_grow(&members, &room->member_capacity, room->member_count, sizeof *room->members);
    room->members = members;
    space = space && state_grow(&readings, &account->reading_capacity, account->reading_count,
                                sizeof *account->readings);
    account->readings = readings;
    if (!space || !state_undo_reserve(state))
        return false;
    state_member_insert(room, account);
    state_undo_note(state,
                    (struct undo){.kind = UNDO_ADD_MEMBER, .room = room, .account = account});
    return true;
}

bool state_remove_member(struct state *state, struct room *room, struct account *account) {
    if (!state_undo_reserve(state))
        return false;
    struct undo undo =
        undo_of_reading(UNDO_REMOVE_MEMBER, account, account_reading(account, room->id));
    undo.room = room;
    state_member_erase(room, account);
    state_undo_note(state, undo);
    return true;
}

bool state_set_read(struct state *state, struct account *account, uint32_t room, uint64_t read,
                    uint64_t messages) {
    struct reading *reading = account_reading(account, room);
    if (reading == NULL || !state_undo_reserve(state))
        return false;
    struct undo undo = undo_of_reading(UNDO_SET_READ, account, reading);
    undo.room = state_room(state, room);
    state_undo_note(state, undo);
    *reading = (struct reading){room, read, messages};
    return true;
}
