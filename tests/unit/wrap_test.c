#include "test.h"
#include "text.h"
#include "wrap.h"

#include <locale.h>

/* The rows of the wrapped text, joined by bars. */
static void expect_rows(const char *text, size_t width, const char *expected) {
    struct wrap wrap;
    struct wire_text row;
    struct buffer rows = {0};
    wrap_begin(&wrap, wire_text(text), width);
    while (wrap_next(&wrap, &row)) {
        if (rows.size > 0 || row.data != text)
            buffer_append_string(&rows, "|");
        buffer_append(&rows, row.data, row.size);
    }
    wrap_end(&wrap);
    if (strcmp(buffer_string(&rows), expected) != 0)
        fail_msg("'%s' at %zu: '%s' instead of '%s'", text, width, buffer_string(&rows), expected);
    buffer_free(&rows);
}

static void words_stay_whole(void **state) {
    (void)state;
    expect_rows("hello world", 20, "hello world");
    expect_rows("hello world", 11, "hello world");
    expect_rows("hello world", 10, "hello|world");
    expect_rows("hello world", 5, "hello|world");
    expect_rows("well-known fact", 6, "well-|known|fact");
}

static void a_word_longer_than_the_row_is_cut(void **state) {
    (void)state;
    expect_rows("abcdefgh", 3, "abc|def|gh");
    expect_rows("a bcdefgh", 3, "a|bcd|efg|h");
}

static void newlines_end_rows(void **state) {
    (void)state;
    expect_rows("a\nb", 10, "a|b");
    expect_rows("a\n\nb", 10, "a||b");
    expect_rows("a\n", 10, "a|");
    expect_rows("", 10, "");
}

static void a_wide_character_never_straddles_the_edge(void **state) {
    (void)state;
    expect_rows("世界世", 4, "世界|世");
    expect_rows("世界世", 5, "世界|世");
    expect_rows("a世界", 4, "a世|界");
    expect_rows("世界", 1, "世|界");
}

static void marks_stay_with_their_letter(void **state) {
    (void)state;
    expect_rows("ae\xcc\x81"
                "b",
                2, "ae\xcc\x81|b");
    expect_rows("ae\xcc\x81"
                "b",
                1, "a|e\xcc\x81|b");
}

static void blanks_at_a_break_are_not_shown(void **state) {
    (void)state;
    expect_rows("hello   world", 5, "hello|world");
    expect_rows("  indented", 20, "  indented");
}

static void any_text_fits_its_rows_and_loses_nothing_but_blanks(void **state) {
    (void)state;
    static const char *const pieces[] = {"a", "bc ", "世", "e\xcc\x81", "\n",
                                         "-", "  ",  "👩",  "longish"};
    unsigned seed = 20261124;
    for (int round = 0; round < 20000; round++) {
        struct buffer text = {0}, seen = {0}, whole = {0};
        struct wrap wrap;
        struct wire_text row;
        size_t width = 2 + (size_t)rand_r(&seed) % 12;
        for (int i = rand_r(&seed) % 20; i > 0; i--)
            buffer_append_string(&text, pieces[(unsigned)rand_r(&seed) % 9]);
        wrap_begin(&wrap, (struct wire_text){(const char *)text.data, text.size}, width);
        while (wrap_next(&wrap, &row)) {
            assert_true(text_cells(row) <= width);
            for (size_t i = 0; i < row.size; i++)
                if (row.data[i] != ' ')
                    buffer_append(&seen, &row.data[i], 1);
        }
        wrap_end(&wrap);
        for (size_t i = 0; i < text.size; i++)
            if (text.data[i] != ' ' && text.data[i] != '\n')
                buffer_append(&whole, &text.data[i], 1);
        assert_string_equal(buffer_string(&seen), buffer_string(&whole));
        buffer_free(&text);
        buffer_free(&seen);
        buffer_free(&whole);
    }
}

int main(void) {
    setlocale(LC_ALL, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_stay_whole),
        cmocka_unit_test(a_word_longer_than_the_row_is_cut),
        cmocka_unit_test(newlines_end_rows),
        cmocka_unit_test(a_wide_character_never_straddles_the_edge),
        cmocka_unit_test(marks_stay_with_their_letter),
        cmocka_unit_test(blanks_at_a_break_are_not_shown),
        cmocka_unit_test(any_text_fits_its_rows_and_loses_nothing_but_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
