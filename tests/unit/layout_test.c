#include "test.h"
#include "layout.h"

static void expect_whole(int rows, int columns, int input_rows) {
    struct layout layout = layout_compute(rows, columns, input_rows);
    assert_true(layout.fits);
    assert_int_equal(layout.topic.rows + layout.pane.rows + layout.status.rows + layout.input.rows,
                     rows);
    assert_int_equal(layout.rooms.columns + layout.pane.columns, columns);
    assert_int_equal(layout.rooms.columns > 0, columns >= LAYOUT_ROOMS_FROM);
    assert_in_range(layout.pane.rows, 1, rows);
    assert_in_range(layout.input.rows, 1, LAYOUT_INPUT_MAX);
    assert_int_equal(layout.pane.row, layout.topic.row + layout.topic.rows);
    assert_int_equal(layout.status.row, layout.pane.row + layout.pane.rows);
    assert_int_equal(layout.input.row, layout.status.row + 1);
}

static void every_size_is_covered_without_a_gap(void **state) {
    (void)state;
    for (int rows = LAYOUT_ROWS_MIN; rows <= 200; rows++)
        for (int columns = LAYOUT_COLUMNS_MIN; columns <= 500; columns += 7)
            for (int input_rows = 0; input_rows < 12; input_rows++)
                expect_whole(rows, columns, input_rows);
}

static void what_is_too_small_is_said_to_be(void **state) {
    (void)state;
    assert_false(layout_compute(4, 20, 1).fits);
    assert_false(layout_compute(5, 19, 1).fits);
    assert_false(layout_compute(1, 1, 1).fits);
    assert_false(layout_compute(0, 0, 0).fits);
    assert_true(layout_compute(5, 20, 1).fits);
}

static void the_room_list_folds_away_below_eighty_columns(void **state) {
    (void)state;
    assert_int_equal(layout_compute(24, 79, 1).rooms.columns, 0);
    assert_true(layout_compute(24, 80, 1).rooms.columns > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_covered_without_a_gap),
        cmocka_unit_test(what_is_too_small_is_said_to_be),
        cmocka_unit_test(the_room_list_folds_away_below_eighty_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
