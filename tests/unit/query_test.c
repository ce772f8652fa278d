#include "test.h"
#include "query.h"

#include <time.h>

static struct query query;

static int begin(void **state) {
    (void)state;
    setenv("TZ", "UTC-2", 1); /* two hours east */
    tzset();
    return 0;
}

static void expect_words(const char *line, const char *words) {
    assert_true(query_parse(&query, line));
    assert_string_equal(query.words, words);
    assert_string_equal(query.from, "");
    assert_string_equal(query.room, "");
    query_free(&query);
}

static void words_go_as_they_are(void **state) {
    (void)state;
    expect_words("red roses", "red roses");
    expect_words("  red   \"two  words\" begin*  ", "red \"two  words\" begin*");
    expect_words("\"from:bob in:#x\"", "\"from:bob in:#x\"");
    expect_words("ratio 1:2 http://example.org", "ratio 1:2 http://example.org");
    expect_words("\"never closed from:bob", "\"never closed from:bob");
}

static void fields_are_taken_out_wherever_they_stand(void **state) {
    (void)state;
    assert_true(query_parse(&query, "from:bob red in:#garden roses"));
    assert_string_equal(query.words, "red roses");
    assert_string_equal(query.from, "bob");
    assert_string_equal(query.room, "#garden");
    query_free(&query);
    assert_true(query_parse(&query, "from:bob from:carol"));
    assert_string_equal(query.words, "");
    assert_string_equal(query.from, "carol");
    query_free(&query);
}

static void expect_date(const char *date, uint64_t seconds) {
    char line[64];
    snprintf(line, sizeof line, "after:%s x before:%s", date, date);
    assert_true(query_parse(&query, line));
    assert_int_equal(query.since, seconds * 1000);
    assert_int_equal(query.until, seconds * 1000);
    query_free(&query);
}

static void a_date_is_its_first_moment_in_local_time(void **state) {
    (void)state;
    expect_date("2026-11-25", 1795557600);
    expect_date("2026-11", 1795557600 - 24 * 86400);
    expect_date("2026-11-25T14:30", 1795557600 + 52200);
    expect_date("2024-02-29", 1709157600);
}

static void what_is_no_date_is_named(void **state) {
    (void)state;
    static const char *const rows[] = {"2026-13",    "2026-02-29",       "2026-06-31",
                                       "yesterday",  "2026-11-25T24:61", "2026-11-25x",
                                       "25.11.2026", "1066-10-14"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[64];
        snprintf(line, sizeof line, "words before:%s", rows[i]);
        assert_false(query_parse(&query, line));
        assert_non_null(strstr(query.problem, rows[i]));
        query_free(&query);
    }
}

static void a_field_without_its_value_is_named(void **state) {
    (void)state;
    static const char *const rows[] = {"from:", "in:", "before:", "after:"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s bob", rows[i]);
        assert_false(query_parse(&query, line));
        assert_non_null(strstr(query.problem, rows[i]));
        query_free(&query);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_go_as_they_are),
        cmocka_unit_test(fields_are_taken_out_wherever_they_stand),
        cmocka_unit_test(a_date_is_its_first_moment_in_local_time),
        cmocka_unit_test(what_is_no_date_is_named),
        cmocka_unit_test(a_field_without_its_value_is_named),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
