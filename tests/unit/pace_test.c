/* A token bucket gives half a minute's worth at once, and then one at a time. */
#include "test.h"
#include "pace.h"

static unsigned take_at_once(struct pace *pace, unsigned a_minute, uint64_t now) {
    unsigned taken = 1;
    while (pace_take(pace, a_minute, now) <= now)
        taken++;
    return taken;
}

static void half_a_minute_at_once(void **state) {
    (void)state;
    static const unsigned rates[] = {2, 60, 600, 6000};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct pace pace = {0};
        assert_int_equal(take_at_once(&pace, rates[i], 1000000), rates[i] / 2);
    }
}

static void then_one_at_a_time(void **state) {
    (void)state;
    struct pace pace = {0};
    uint64_t now = 1000000;
    take_at_once(&pace, 60, now);
    for (int i = 0; i < 100; i++) {
        uint64_t next = pace_take(&pace, 60, now += 1000);
        assert_int_equal(next, now + 1000);
    }
}

static void time_fills_it_again_and_no_further(void **state) {
    (void)state;
    struct pace pace = {0};
    uint64_t now = 1000000;
    take_at_once(&pace, 60, now);
    assert_false(pace_is_full(&pace, now + PACE_AT_ONCE_MILLISECONDS - 1001));
    assert_int_equal(take_at_once(&pace, 60, now + 10000), 10);
    now += 1000000;
    assert_true(pace_is_full(&pace, now));
    assert_int_equal(take_at_once(&pace, 60, now), 30);
}

static void one_a_minute_is_one_a_minute(void **state) {
    (void)state;
    struct pace pace = {0};
    assert_int_equal(pace_take(&pace, 1, 5000), 65000);
    assert_int_equal(pace_take(&pace, 1, 65000), 125000);
}

static void who_asks_when_is_told_what_who_takes_waits_for(void **state) {
    (void)state;
    struct pace pace = {0};
    uint64_t now = 1000000;
    assert_true(pace_next(&pace, 60, now) <= now);
    for (int i = 0; i < 100; i++) {
        uint64_t from = pace_take(&pace, 60, now);
        assert_int_equal(pace_next(&pace, 60, now), from);
        assert_int_equal(pace_next(&pace, 60, now), from);
    }
    assert_int_equal(pace_next(&pace, 0, now), 0);
}

static void what_is_given_back_may_be_taken_again(void **state) {
    (void)state;
    struct pace pace = {0};
    uint64_t now = 1000000;
    take_at_once(&pace, 60, now);
    uint64_t next = pace_next(&pace, 60, now);
    pace_take(&pace, 60, now);
    pace_give_back(&pace, 60);
    assert_int_equal(pace_next(&pace, 60, now), next);
    for (int i = 0; i < 2000000; i++)
        pace_give_back(&pace, 60);
    pace_give_back(&pace, 0);
    assert_int_equal(take_at_once(&pace, 60, now), 30);
}

static void no_limit_never_waits(void **state) {
    (void)state;
    struct pace pace = {0};
    for (int i = 0; i < 100000; i++)
        assert_true(pace_take(&pace, 0, 5) <= 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_minute_at_once),
        cmocka_unit_test(then_one_at_a_time),
        cmocka_unit_test(time_fills_it_again_and_no_further),
        cmocka_unit_test(one_a_minute_is_one_a_minute),
        cmocka_unit_test(who_asks_when_is_told_what_who_takes_waits_for),
        cmocka_unit_test(what_is_given_back_may_be_taken_again),
        cmocka_unit_test(no_limit_never_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
