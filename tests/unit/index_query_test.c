/* What a search is turned into, asked of a real FTS5 table: it meets every fence, however seldom
 * its words meet, and of the messages only those that it should. */
#include "test.h"
#include "index_keys.h"
#include "index_query.h"

#include <sqlite3.h>

static sqlite3 *database;

static void execute(const char *sql) {
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void add_row(int row, const char *keys, const char *body) {
    char *sql =
        sqlite3_mprintf("INSERT INTO words(rowid, keys, body) VALUES(%d, %Q, %Q)", row, keys, body);
    execute(sql);
    sqlite3_free(sql);
}

static int make_table(void **state) {
    (void)state;
    struct buffer fence = {0};
    sqlite3_open(":memory:", &database);
    execute("CREATE VIRTUAL TABLE words USING fts5(keys, body)");
    index_keys_add_fence(&fence);
    for (int row = 1; row < 9; row += 2)
        add_row(row, buffer_string(&fence), "");
    buffer_free(&fence);
    add_row(2, "r1 n616c", "red and green");
    add_row(4, "r2 n626f", "green and red");
    add_row(6, "r1 n626f", "redder, a fence");
    return 0;
}

static int drop_table(void **state) {
    (void)state;
    sqlite3_close(database);
    return 0;
}

/* The rows that match, descending. */
static const char *rows_of(const char *words, const char *from, uint32_t room) {
    static char found[64];
    struct buffer query = {0};
    sqlite3_stmt *find;
    index_query_write(
        &query, &(struct message_search){.words = wire_text(words), .from = wire_text(from)}, room);
    sqlite3_prepare_v2(database,
                       "SELECT group_concat(row, ' ') FROM (SELECT rowid AS row FROM words"
                       " WHERE words MATCH ? ORDER BY rowid DESC)",
                       -1, &find, NULL);
    sqlite3_bind_text(find, 1, buffer_string(&query), -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(find), SQLITE_ROW);
    snprintf(found, sizeof found, "%s", (const char *)sqlite3_column_text(find, 0));
    sqlite3_finalize(find);
    buffer_free(&query);
    return found;
}

static void every_search_meets_every_fence(void **state) {
    (void)state;
    static const struct {
        const char *words;
        const char *from;
        uint32_t room;
        const char *rows;
    } searches[] = {
        {"red", "", 0, "7 5 4 3 2 1"},
        {"red green", "", 0, "7 5 4 3 2 1"},
        {"\"red and green\"", "", 0, "7 5 3 2 1"},
        {"\"green red\"", "", 0, "7 5 3 1"},
        {"red*", "", 0, "7 6 5 4 3 2 1"},
        {"red nowhere", "", 0, "7 5 3 1"},
        {"!!!", "", 0, "7 5 3 1"},
        {"red", "al", 0, "7 5 3 2 1"},
        {"", "not a nick", 0, "7 5 3 1"},
        {"red", "", 2, "7 5 4 3 1"},
        {"", "", 1, "7 6 5 3 2 1"},
        {"fence", "", 0, "7 6 5 3 1"},
    };
    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++)
        assert_string_equal(rows_of(searches[i].words, searches[i].from, searches[i].room),
                            searches[i].rows);
}

static void a_search_for_nothing_has_no_expression(void **state) {
    (void)state;
    struct buffer query = {0};
    index_query_write(&query, &(struct message_search){.words = wire_text(" \"\" ")}, 0);
    assert_int_equal(query.size, 0);
    buffer_free(&query);
}

static void terms_are_counted(void **state) {
    (void)state;
    assert_int_equal(index_query_count_terms(wire_text("")), 0);
    assert_int_equal(index_query_count_terms(wire_text("  \"\" * ")), 0);
    assert_int_equal(index_query_count_terms(wire_text("red \"and green\" gr* blue\"x")), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_search_meets_every_fence, make_table, drop_table),
        cmocka_unit_test(a_search_for_nothing_has_no_expression),
        cmocka_unit_test(terms_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
