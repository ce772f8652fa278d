#include "search_turns.h"

static struct request *turns_first(const struct search_turns *turns) {
    return (struct request *)turns->waiting.first;
}

static struct request *turns_next(const struct request *request) {
    return (struct request *)request->item.next;
}

void search_turns_add(struct search_turns *turns, struct request *request) {
    struct request_turn *turn = &request->turn;
    /* In the next round: two who always come again would keep the present one going for ever. */
    turn->of_address = turns->address_turn + 1;
    turn->of_account = turns->account_turn + 1;
    for (const struct request *each = turns_first(turns); each != NULL; each = turns_next(each)) {
        if (each->turn.address == turn->address && each->turn.of_address >= turn->of_address)
            turn->of_address = each->turn.of_address + 1;
        if (each->turn.account == turn->account && each->turn.of_account >= turn->of_account)
            turn->of_account = each->turn.of_account + 1;
    }
    queue_chain_add(&turns->waiting, &request->item);
}

/* The address whose turn it is: the request that has it. */
static struct request *turns_find_address(const struct search_turns *turns) {
    struct request *found = turns_first(turns);
    for (struct request *each = found; each != NULL; each = turns_next(each))
        if (each->turn.of_address < found->turn.of_address)
            found = each;
    return found;
}

/* The request of that address whose account's turn it is. */
static struct request *turns_find_account(const struct search_turns *turns, uint64_t address) {
    struct request *found = NULL;
    for (struct request *each = turns_first(turns); each != NULL; each = turns_next(each))
        if (each->turn.address == address &&
            (found == NULL || each->turn.of_account < found->turn.of_account))
            found = each;
    return found;
}

static void turns_remove(struct search_turns *turns, struct request *request) {
    struct queue_chain rest = {0};
    for (struct queue_item *item; (item = queue_chain_take(&turns->waiting)) != NULL;)
        if (item != &request->item)
            queue_chain_add(&rest, item);
    turns->waiting = rest;
}

struct request *search_turns_take(struct search_turns *turns) {
    struct request *first = turns_find_address(turns);
    if (first == NULL)
        return NULL;
    struct request *next = turns_find_account(turns, first->turn.address);
    turns->address_turn = first->turn.of_address;
    turns->account_turn = next->turn.of_account;
    /* The one uses up the turn of its address that the other had. */
    first->turn.of_address = next->turn.of_address;
    turns_remove(turns, next);
    return next;
}

void search_turns_forget(struct search_turns *turns, uint64_t session) {
    struct queue_chain waiting = turns->waiting;
    turns->waiting = (struct queue_chain){0};
    for (struct queue_item *item; (item = queue_chain_take(&waiting)) != NULL;)
        if (((struct request *)item)->session == session)
            request_discard(item);
        else
            queue_chain_add(&turns->waiting, item);
}

void search_turns_free(struct search_turns *turns) {
    for (struct queue_item *item; (item = queue_chain_take(&turns->waiting)) != NULL;)
        request_discard(item);
}
