/* How far each outbox of an account has come. */
#include "state_parts.h"

#include <stdlib.h>

struct outbox *state_outbox(struct state *state, struct account *account, uint64_t id) {
    for (struct outbox *outbox = account->outboxes; outbox != NULL; outbox = outbox->next)
        if (outbox->id == id)
            return outbox;
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL)
        return NULL;
    outbox->id = id;
    outbox->account = account;
    outbox->next = account->outboxes;
    account->outboxes = outbox;
    if (++account->outbox_count > OUTBOXES_KEPT && !account->crowded) {
        account->crowded = true;
        account->next_crowded = state->crowded;
        state->crowded = account;
    }
    return outbox;
}

static bool outbox_is_used(const struct outbox *outbox) {
    const struct presence *presence = outbox->account->presences;
    while (presence != NULL && presence->outbox != outbox)
        presence = presence->next;
    return outbox->up_to > 0 || presence != NULL;
}

/* Of those that were never posted with nothing is lost; the log has none of them. */
static void account_thin_outboxes(struct account *account) {
    struct outbox **at = &account->outboxes;
    while (*at != NULL && account->outbox_count > OUTBOXES_KEPT) {
        struct outbox *outbox = *at;
        if (outbox_is_used(outbox)) {
            at = &outbox->next;
            continue;
        }
        *at = outbox->next;
        account->outbox_count--;
        free(outbox);
    }
}

void state_thin_outboxes(struct state *state) {
    for (struct account *account; (account = state->crowded) != NULL;) {
        state->crowded = account->next_crowded;
        account->crowded = false;
        account_thin_outboxes(account);
    }
}

bool state_set_up_to(struct state *state, struct outbox *outbox, uint64_t up_to) {
    if (!state_undo_reserve(state))
        return false;
    state_undo_note(
        state, (struct undo){.kind = UNDO_SET_UP_TO, .outbox = outbox, .number = outbox->up_to});
    outbox->up_to = up_to;
    return true;
}
