#include "test.h"
#include "name.h"

static void expect_nick(const char *text, const char *folded) {
    struct name name;
    bool valid = name_nick(wire_text(text), &name);
    if (folded == NULL && valid)
        fail_msg("'%s' should not be a nick", text);
    if (folded != NULL && (!valid || strcmp(name.folded, folded) != 0))
        fail_msg("'%s' should be a nick that folds to '%s'", text, folded);
}

static void a_nick_has_letters_and_digits_of_one_script(void **state) {
    (void)state;
    expect_nick("alice", "alice");
    expect_nick("a", "a");
    expect_nick("Al_ice-2", "al_ice-2");
    expect_nick("Привет", "привет");
    expect_nick("小明", "小明");
    expect_nick("たろうタロウ太郎", "たろうタロウ太郎");
    expect_nick("한국漢", "한국漢");
    expect_nick("हिन्दी", "हिन्दी");
    expect_nick("12345678901234567890123456789012", "12345678901234567890123456789012");
}

static void what_is_no_nick_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"",
                                       " ",
                                       "a b",
                                       "a\tb",
                                       "#room",
                                       "a.b",
                                       "a/b",
                                       "../x",
                                       "a\x1b[1m",
                                       "al\xd0\xb8"
                                       "ce",
                                       "\xcc\x81"
                                       "a",
                                       "a\xe2\x80\x8b"
                                       "b",
                                       "a\xe2\x80\xae",
                                       "😀",
                                       "\xff",
                                       "a\xc3",
                                       "123456789012345678901234567890123",
                                       "たろう한"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_nick(rows[i], NULL);
}

static void nicks_that_look_alike_fold_alike(void **state) {
    (void)state;
    expect_nick("ALICE", "alice");
    expect_nick("ａｌｉｃｅ", "alice");
    expect_nick("e\xcc\x81", "é");
    expect_nick("É", "é");
    expect_nick("straße", "strasse");
}

static void a_name_that_grows_when_folded_is_refused_without_a_leak(void **state) {
    (void)state;
    char long_name[NAME_BYTES_MAX + 1];
    struct name name;
    for (size_t i = 0; i + 3 <= NAME_BYTES_MAX; i += 3)
        memcpy(long_name + i, "\xef\xb7\xba", 3); /* one character that folds to eighteen */
    assert_false(name_nick((struct wire_text){long_name, NAME_BYTES_MAX / 3 * 3}, &name));
}

static void a_room_name_begins_with_its_mark(void **state) {
    (void)state;
    struct name name;
    assert_true(name_room(wire_text("#Lobby"), &name));
    assert_string_equal(name.shown, "#Lobby");
    assert_string_equal(name.folded, "#lobby");
    assert_false(name_room(wire_text("lobby"), &name));
    assert_false(name_room(wire_text("#"), &name));
    assert_false(name_room(wire_text("##a"), &name));
    assert_false(name_room(wire_text("#a b"), &name));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nick_has_letters_and_digits_of_one_script),
        cmocka_unit_test(what_is_no_nick_is_refused),
        cmocka_unit_test(nicks_that_look_alike_fold_alike),
        cmocka_unit_test(a_name_that_grows_when_folded_is_refused_without_a_leak),
        cmocka_unit_test(a_room_name_begins_with_its_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
