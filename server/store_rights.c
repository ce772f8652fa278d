/* Who may what: what people are in rooms, how rooms are, and whom somebody does not wish to hear.
 */
#include "store_parts.h"

void store_set_access(struct store *store, uint32_t room, unsigned access) {
    const struct store_value values[] = {store_number(room), store_number(access)};
    store_write(store, STATEMENT_SET_ACCESS, values, 2);
}

void store_set_room_owner(struct store *store, uint32_t room, uint32_t account) {
    const struct store_value values[] = {store_number(room), store_number(account)};
    store_write(store, STATEMENT_SET_ROOM_OWNER, values, 2);
}

void store_set_marks(struct store *store, uint32_t room, uint32_t account, unsigned marks) {
    const struct store_value values[] = {store_number(room), store_number(account),
                                         store_number(marks)};
    if (marks != 0)
        store_write(store, STATEMENT_SET_MARKS, values, 3);
    else
        store_write(store, STATEMENT_REMOVE_MARKS, values, 2);
}

void store_set_block(struct store *store, uint32_t account, uint32_t other, bool blocks) {
    const struct store_value values[] = {store_number(account), store_number(other)};
    store_write(store, blocks ? STATEMENT_ADD_BLOCK : STATEMENT_REMOVE_BLOCK, values, 2);
}

bool store_visit_marks(const struct store_visitor *visitor, sqlite3_stmt *row) {
    return visitor->marks(visitor->context, store_column_u32(row, 0), store_column_u32(row, 1),
                          store_column_u32(row, 2));
}

bool store_visit_block(const struct store_visitor *visitor, sqlite3_stmt *row) {
    return visitor->block(visitor->context, store_column_u32(row, 0), store_column_u32(row, 1));
}
