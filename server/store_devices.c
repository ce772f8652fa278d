/* Who is let in: devices, codes, and who owns the server and what they said of it. */
#include "store_parts.h"

#include <string.h>

void store_add_device(struct store *store, const struct stored_device *device) {
    const struct store_value values[] = {
        store_blob(device->key, STORE_HASH_BYTES), store_number(device->account),
        store_number(device->number), store_string(device->name), store_number(device->added)};
    store_write(store, STATEMENT_ADD_DEVICE, values, 5);
}

void store_remove_device(struct store *store, const uint8_t key[STORE_HASH_BYTES]) {
    const struct store_value value = store_blob(key, STORE_HASH_BYTES);
    store_write(store, STATEMENT_REMOVE_DEVICE, &value, 1);
}

void store_set_owner(struct store *store, uint32_t account) {
    const struct store_value value = store_number(account);
    store_write(store, STATEMENT_SET_OWNER, &value, 1);
}

void store_set_admission(struct store *store, int admission) {
    const struct store_value value = store_number((uint64_t)admission);
    store_write(store, STATEMENT_SET_ADMISSION, &value, 1);
}

void store_add_code(struct store *store, const struct stored_code *code, uint64_t now) {
    const struct store_value old[] = {store_number(code->account), store_number(now)};
    const struct store_value values[] = {store_blob(code->hash, STORE_HASH_BYTES),
                                         store_number(code->account), store_number(code->until)};
    store_write(store, STATEMENT_FORGET_CODES, old, 2);
    store_write(store, STATEMENT_ADD_CODE, values, 3);
}

bool store_find_code(struct store *store, struct stored_code *code) {
    sqlite3_stmt *row = store->statements[STATEMENT_FIND_CODE];
    if (store->failed)
        return false;
    sqlite3_bind_blob(row, 1, code->hash, STORE_HASH_BYTES, SQLITE_STATIC);
    int result = sqlite3_step(row);
    if (result == SQLITE_ROW) {
        code->account = store_column_u32(row, 0);
        code->until = (uint64_t)sqlite3_column_int64(row, 1);
    } else if (result != SQLITE_DONE) {
        store_fail(store);
    }
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
    return result == SQLITE_ROW;
}

void store_forget_codes(struct store *store, uint32_t account) {
    const struct store_value old[] = {store_number(account), store_number(0)};
    store_write(store, STATEMENT_FORGET_CODES, old, 2);
}

void store_remove_code(struct store *store, const uint8_t hash[STORE_HASH_BYTES]) {
    const struct store_value value = store_blob(hash, STORE_HASH_BYTES);
    store_write(store, STATEMENT_REMOVE_CODE, &value, 1);
}

bool store_visit_device(const struct store_visitor *visitor, sqlite3_stmt *row) {
    struct stored_device device = {.account = store_column_u32(row, 1),
                                   .number = store_column_u32(row, 2),
                                   .name = store_column_text(row, 3),
                                   .added = (uint64_t)sqlite3_column_int64(row, 4),
                                   .removed = sqlite3_column_int(row, 5) != 0};
    if (sqlite3_column_bytes(row, 0) != STORE_HASH_BYTES)
        return false;
    memcpy(device.key, sqlite3_column_blob(row, 0), STORE_HASH_BYTES);
    return visitor->device(visitor->context, &device);
}

bool store_visit_rule(const struct store_visitor *visitor, sqlite3_stmt *row) {
    return visitor->rule(visitor->context, store_column_u32(row, 0), sqlite3_column_int(row, 1));
}
