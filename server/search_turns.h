/* Whose search is next. A search may take long, and many may wait: addresses take turns, and at one
 * address the accounts do, so that who asks much waits for themselves. One thread's alone. */
#ifndef SERVER_SEARCH_TURNS_H
#define SERVER_SEARCH_TURNS_H

#include "request.h"

struct search_turns {
    struct queue_chain waiting; /* in the order in which they came */
    uint64_t address_turn;      /* of the one taken last */
    uint64_t account_turn;
};

/* Takes over a request and gives it its turns: behind those of the same asker, beside all others.
 */
void search_turns_add(struct search_turns *turns, struct request *request);

/* Takes the next one; NULL when none waits. */
struct request *search_turns_take(struct search_turns *turns);

/* Frees those of a session that has ended. */
void search_turns_forget(struct search_turns *turns, uint64_t session);

/* Frees those that wait. */
void search_turns_free(struct search_turns *turns);

#endif
