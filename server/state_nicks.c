/* Who is called how. A nick is held by who owns it and by who is connected under it; while it is,
 * nobody else gets it, nor one that looks like it. */
#include "state_parts.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of the keys by which a nick looks like others, see looks.h. */
struct nick_look {
    struct account *account;
    const char *key;
};

struct nick_looks {
    size_t count;
    struct nick_look looks[LOOKS_KEYS_MAX];
    char bytes[];
};

int state_compare_nicks(const void *a, const void *b) {
    return strcmp(((const struct account *)a)->folded, ((const struct account *)b)->folded);
}

static int state_compare_looks(const void *a, const void *b) {
    return strcmp(((const struct nick_look *)a)->key, ((const struct nick_look *)b)->key);
}

char *state_fold_nick(const char *nick) {
    struct name name;
    return strdup(name_nick(wire_text(nick), &name) ? name.folded : nick);
}

/* The keys of a nick. One that was taken when more was allowed is its own. */
static bool state_find_keys(const struct state *state, const char *nick, struct looks_keys *keys) {
    struct name name;
    if (name_nick(wire_text(nick), &name))
        return looks_find_keys(state->looks, &name, keys);
    keys->count = 1;
    return snprintf(keys->keys[0], sizeof keys->keys[0], "%s", nick) < LOOKS_KEY_BYTES_MAX;
}

static struct nick_looks *state_new_looks(const struct state *state, struct account *account,
                                          const char *nick) {
    struct looks_keys keys;
    if (!state_find_keys(state, nick, &keys))
        return NULL;
    size_t size = 0;
    for (size_t i = 0; i < keys.count; i++)
        size += strlen(keys.keys[i]) + 1;
    struct nick_looks *looks = malloc(sizeof *looks + size);
    if (looks == NULL)
        return NULL;
    char *at = looks->bytes;
    looks->count = keys.count;
    for (size_t i = 0; i < keys.count; i++) {
        looks->looks[i] = (struct nick_look){account, at};
        at = stpcpy(at, keys.keys[i]) + 1;
    }
    return looks;
}

static void state_remove_looks(struct state *state, const struct nick_looks *looks) {
    for (size_t i = 0; i < looks->count; i++)
        if (state_tree_find(&state->by_look, &looks->looks[i], state_compare_looks) ==
            &looks->looks[i])
            tdelete(&looks->looks[i], &state->by_look, state_compare_looks);
}

static bool account_is_held(const struct account *account) {
    return account->presences != NULL || account->devices != NULL;
}

static void state_drop_nick(struct state *state, const struct account *account) {
    if (state_tree_find(&state->by_nick, account, state_compare_nicks) == account)
        tdelete(account, &state->by_nick, state_compare_nicks);
    if (account->looks != NULL)
        state_remove_looks(state, account->looks);
}

bool state_hold_nick(struct state *state, struct account *account) {
    if (account->looks == NULL)
        account->looks = state_new_looks(state, account, account->nick);
    bool held =
        account->looks != NULL && tsearch(account, &state->by_nick, state_compare_nicks) != NULL;
    for (size_t i = 0; held && i < account->looks->count; i++)
        held = tsearch(&account->looks->looks[i], &state->by_look, state_compare_looks) != NULL;
    if (!held)
        state_let_nick_go(state, account);
    return held;
}

void state_let_nick_go(struct state *state, const struct account *account) {
    if (!account_is_held(account))
        state_drop_nick(state, account);
}

bool state_find_holder(const struct state *state, const struct name *name,
                       const struct account *asking, struct account **holder) {
    struct looks_keys keys;
    *holder = NULL;
    if (!looks_find_keys(state->looks, name, &keys))
        return false;
    for (size_t i = 0; i < keys.count && *holder == NULL; i++) {
        const struct nick_look wanted = {NULL, keys.keys[i]};
        const struct nick_look *found =
            state_tree_find(&state->by_look, &wanted, state_compare_looks);
        if (found != NULL && found->account != asking)
            *holder = found->account;
    }
    return true;
}

struct account *state_account_by_nick(const struct state *state, const char *folded_nick) {
    char folded[NAME_BYTES_MAX + 1];
    struct account key = {.folded = folded};
    snprintf(folded, sizeof folded, "%s", folded_nick);
    struct account *account = state_tree_find(&state->by_nick, &key, state_compare_nicks);
    for (size_t i = state->account_count; account == NULL && i > 0; i--)
        if (strcmp(state->accounts[i - 1]->folded, folded_nick) == 0)
            account = state->accounts[i - 1];
    return account;
}

void state_swap_nick(struct state *state, struct account *account, struct undo *other) {
    struct undo old = {.text = account->nick, .folded = account->folded, .looks = account->looks};
    state_drop_nick(state, account);
    account->nick = other->text;
    account->folded = other->folded;
    account->looks = other->looks;
    /* The nodes just freed are what this needs, so it does not fail for want of memory; but for a
     * key more than before. */
    if (account_is_held(account))
        state_hold_nick(state, account);
    other->text = old.text;
    other->folded = old.folded;
    other->looks = old.looks;
}

bool state_set_nick(struct state *state, struct account *account, const char *nick) {
    struct undo undo = {.kind = UNDO_SET_NICK,
                        .account = account,
                        .text = strdup(nick),
                        .folded = state_fold_nick(nick),
                        .looks = state_new_looks(state, account, nick)};
    if (undo.text == NULL || undo.folded == NULL || undo.looks == NULL ||
        !state_undo_reserve(state)) {
        free(undo.text);
        free(undo.folded);
        free(undo.looks);
        return false;
    }
    state_swap_nick(state, account, &undo);
    state_undo_note(state, undo);
    return true;
}
