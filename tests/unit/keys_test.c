#include "test.h"
#include "keys.h"

static void every_key_is_found_by_its_bytes_however_they_come(void **state) {
    (void)state;
    for (size_t i = 0; i < key_count; i++) {
        const struct key_binding *found = NULL;
        const char *sequence = key_bindings[i].sequence;
        size_t size = strlen(sequence);
        for (size_t part = 1; part < size; part++)
            assert_int_equal(keys_match(sequence, part, &found), KEY_PREFIX);
        if (key_bindings[i].action != KEY_ACTION_MOUSE)
            assert_int_equal(keys_match(sequence, size, &found), KEY_MATCH);
        if (found != NULL)
            assert_int_equal(found->action, key_bindings[i].action);
    }
}

static void other_bytes_are_not_ours(void **state) {
    (void)state;
    static const char *const rows[] = {"a", "\001", "\033x", "\033[A", "\033[1;5D", "\177", "\xc3"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct key_binding *found = NULL;
        assert_int_equal(keys_match(rows[i], strlen(rows[i]), &found), KEY_NO_MATCH);
        assert_null(found);
    }
}

static void a_mouse_report_that_is_no_wheel_is_taken_as_one(void **state) {
    (void)state;
    const struct key_binding *found = NULL;
    assert_int_equal(keys_match("\033[<0", 4, &found), KEY_MATCH);
    assert_int_equal(found->action, KEY_ACTION_MOUSE);
    assert_int_equal(keys_match("\033[<64;", 6, &found), KEY_MATCH);
    assert_int_equal(found->action, KEY_ACTION_WHEEL_UP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_by_its_bytes_however_they_come),
        cmocka_unit_test(other_bytes_are_not_ours),
        cmocka_unit_test(a_mouse_report_that_is_no_wheel_is_taken_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
