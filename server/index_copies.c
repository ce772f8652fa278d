#include "index_copies.h"
#include "statements.h"

#include <stdlib.h>

/* A few pages: many copies for what a row costs, few to go through for one of them. */
enum { COPIES_SHELF_BYTES = 16384 };

enum copies_statement { COPIES_WRITE, COPIES_READ, COPIES_REMOVE, COPIES_STATEMENTS };

static const char *const copies_statements[COPIES_STATEMENTS] = {
    [COPIES_WRITE] = "INSERT OR REPLACE INTO copies(shelf, copies) VALUES(?,?)",
    [COPIES_READ] = "SELECT shelf, copies FROM copies WHERE shelf>=? ORDER BY shelf LIMIT 1",
    [COPIES_REMOVE] = "DELETE FROM copies WHERE shelf=?",
};

struct index_copies {
    sqlite3_stmt *statements[COPIES_STATEMENTS];
    struct buffer added; /* not yet written */
    uint64_t added_row;
};

void index_copy_put(struct buffer *bytes, const struct index_copy *copy) {
    wire_put_u64(bytes, copy->row);
    wire_put_text(bytes, copy->keys);
    wire_put_text(bytes, copy->body);
}

bool index_copy_next(struct wire_reader *reader, struct index_copy *copy) {
    return wire_get_u64(reader, &copy->row) && wire_get_text(reader, &copy->keys) &&
           wire_get_text(reader, &copy->body);
}

struct index_copies *index_copies_open(sqlite3 *database) {
    struct index_copies *copies = calloc(1, sizeof *copies);
    bool opened = copies != NULL && sqlite3_exec(database,
                                                 "CREATE TABLE IF NOT EXISTS copies("
                                                 "shelf INTEGER PRIMARY KEY, copies BLOB)",
                                                 NULL, NULL, NULL) == SQLITE_OK;
    if (opened &&
        statements_prepare(database, copies_statements, COPIES_STATEMENTS, copies->statements))
        return copies;
    index_copies_close(copies);
    return NULL;
}

void index_copies_close(struct index_copies *copies) {
    if (copies == NULL)
        return;
    statements_free(copies->statements, COPIES_STATEMENTS);
    buffer_free(&copies->added);
    free(copies);
}

bool index_copies_add(struct index_copies *copies, const struct index_copy *copy) {
    index_copy_put(&copies->added, copy);
    copies->added_row = copy->row;
    return !copies->added.failed &&
           (copies->added.size < COPIES_SHELF_BYTES || index_copies_flush(copies));
}

bool index_copies_flush(struct index_copies *copies) {
    if (copies->added.size == 0)
        return true;
    bool written = index_copies_write(copies, copies->added_row, &copies->added);
    index_copies_abandon(copies);
    return written;
}

void index_copies_abandon(struct index_copies *copies) {
    buffer_clear(&copies->added);
}

bool index_copies_read(struct index_copies *copies, uint64_t row, uint64_t *shelf,
                       struct buffer *bytes) {
    sqlite3_stmt *read = copies->statements[COPIES_READ];
    *shelf = 0;
    buffer_clear(bytes);
    if (!index_copies_flush(copies))
        return false;
    sqlite3_bind_int64(read, 1, (sqlite3_int64)row);
    int result = sqlite3_step(read);
    if (result == SQLITE_ROW) {
        *shelf = (uint64_t)sqlite3_column_int64(read, 0);
        buffer_append(bytes, sqlite3_column_blob(read, 1), (size_t)sqlite3_column_bytes(read, 1));
    }
    sqlite3_reset(read);
    return (result == SQLITE_ROW || result == SQLITE_DONE) && !bytes->failed;
}

bool index_copies_write(struct index_copies *copies, uint64_t shelf, const struct buffer *bytes) {
    sqlite3_stmt *change = copies->statements[bytes->size > 0 ? COPIES_WRITE : COPIES_REMOVE];
    sqlite3_bind_int64(change, 1, (sqlite3_int64)shelf);
    if (bytes->size > 0)
        sqlite3_bind_blob64(change, 2, bytes->data, bytes->size, SQLITE_STATIC);
    bool done = !bytes->failed && sqlite3_step(change) == SQLITE_DONE;
    sqlite3_reset(change);
    sqlite3_clear_bindings(change);
    return done;
}
