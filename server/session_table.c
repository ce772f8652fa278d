#include "session_table.h"
#include "request.h"

#include <stdlib.h>

static bool session_table_grow(struct session_table *table) {
    uint32_t count = table->slot_count > 0 ? table->slot_count * 2 : 64;
    struct session **slots = reallocarray(table->slots, count, sizeof(struct session *));
    if (slots != NULL)
        table->slots = slots;
    uint32_t *generations = reallocarray(table->generations, count, sizeof *generations);
    if (generations != NULL)
        table->generations = generations;
    if (slots == NULL || generations == NULL)
        return false;
    for (uint32_t i = table->slot_count; i < count; i++) {
        slots[i] = NULL;
        generations[i] = 0;
    }
    table->slot_count = count;
    return true;
}

bool session_table_add(struct session_table *table, unsigned worker, struct session *session) {
    while (table->slot_hint < table->slot_count && table->slots[table->slot_hint] != NULL)
        table->slot_hint++;
    if (table->slot_hint == table->slot_count && !session_table_grow(table))
        return false;
    uint32_t slot = table->slot_hint++;
    session->identity = session_identity(worker, ++table->generations[slot], slot);
    table->slots[slot] = session;
    table->session_count++;
    return true;
}

void session_table_remove(struct session_table *table, const struct session *session) {
    uint32_t slot = session_slot(session->identity);
    table->slots[slot] = NULL;
    if (slot < table->slot_hint)
        table->slot_hint = slot;
    table->session_count--;
}

struct session *session_table_find(const struct session_table *table, uint64_t identity) {
    uint32_t slot = session_slot(identity);
    struct session *session = slot < table->slot_count ? table->slots[slot] : NULL;
    return session != NULL && session->identity == identity ? session : NULL;
}

void session_table_free(struct session_table *table) {
    free(table->slots);
    free(table->generations);
    *table = (struct session_table){0};
}
