/* The fault driver's verdict finds whatever was lost, doubled or out of order. */
#include "test.h"
#include "../torture/verdict.h"

enum { LOG_SIZE = 6 };

static const struct sighting log_events[LOG_SIZE] = {{2, 20}, {3, 30}, {5, 50},
                                                     {6, 60}, {8, 80}, {9, 90}};
static const struct sightings whole_log = {log_events, LOG_SIZE};

/* Judges a client that was shown the events of these ids. */
static struct verdict judge_ids(const uint64_t *ids, size_t count, bool more, bool complete) {
    struct sighting shown[16];
    struct verdict verdict = {0};
    for (size_t i = 0; i < count; i++)
        shown[i] = (struct sighting){ids[i], ids[i] * 10};
    verdict_shown(&verdict, "puppet", whole_log, (struct sightings){shown, count}, more, complete);
    return verdict;
}

#define JUDGE(more, complete, ...)                                                                 \
    judge_ids((const uint64_t[]){__VA_ARGS__},                                                     \
              sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), more, complete)

static void expect_counts(struct verdict verdict, uint64_t lost, uint64_t doubled,
                          uint64_t disordered) {
    assert_int_equal(verdict.lost, lost);
    assert_int_equal(verdict.doubled, doubled);
    assert_int_equal(verdict.disordered, disordered);
    assert_int_equal(verdict_is_clean(&verdict), lost + doubled + disordered == 0);
    assert_int_equal(verdict.first[0] == '\0', verdict_is_clean(&verdict));
}

static void everything_once_in_order_is_clean(void **state) {
    (void)state;
    expect_counts(JUDGE(false, true, 2, 3, 5, 6, 8, 9), 0, 0, 0);
}

static void an_event_left_out_is_lost_wherever_it_is(void **state) {
    (void)state;
    expect_counts(JUDGE(false, true, 2, 3, 6, 8, 9), 1, 0, 0);
    expect_counts(JUDGE(false, true, 3, 5, 6, 8, 9), 1, 0, 0);
    expect_counts(JUDGE(false, true, 2, 3, 5, 6), 2, 0, 0);
}

static void an_event_shown_twice_is_doubled(void **state) {
    (void)state;
    expect_counts(JUDGE(false, true, 2, 3, 3, 5, 6, 8, 9), 0, 1, 0);
    expect_counts(JUDGE(false, true, 2, 3, 5, 6, 8, 9, 2), 0, 1, 0);
}

static void an_event_shown_late_is_disordered_and_not_lost(void **state) {
    (void)state;
    expect_counts(JUDGE(false, true, 2, 5, 3, 6, 8, 9), 0, 0, 1);
}

static void a_client_told_of_older_ones_begins_with_its_first(void **state) {
    (void)state;
    expect_counts(JUDGE(true, true, 5, 6, 8, 9), 0, 0, 0);
    expect_counts(JUDGE(true, true, 5, 8, 9), 1, 0, 0);
}

static void a_killed_client_may_end_anywhere_but_without_a_gap(void **state) {
    (void)state;
    expect_counts(JUDGE(false, false, 2, 3, 5), 0, 0, 0);
    expect_counts(JUDGE(false, false, 2, 5), 1, 0, 0);
}

static void what_is_not_in_the_log_or_reads_otherwise_is_lost_from_it(void **state) {
    (void)state;
    expect_counts(JUDGE(false, true, 2, 3, 4, 5, 6, 8, 9), 1, 0, 0);
    struct sighting shown[LOG_SIZE];
    struct verdict verdict = {0};
    memcpy(shown, log_events, sizeof shown);
    shown[3].digest++;
    verdict_shown(&verdict, "puppet", whole_log, (struct sightings){shown, LOG_SIZE}, false, true);
    expect_counts(verdict, 2, 0, 0); /* once shown and not stored, once stored and not shown */
}

static void a_client_shown_nothing_has_lost_all_of_it(void **state) {
    (void)state;
    struct verdict verdict = {0};
    verdict_shown(&verdict, "puppet", whole_log, (struct sightings){NULL, 0}, false, true);
    expect_counts(verdict, LOG_SIZE, 0, 0);
}

#define LIFE(life, index) ((uint64_t)(life) << 32 | (index))

static const struct ask asks[] = {{LIFE(0, 0), true},  {LIFE(0, 1), true}, {LIFE(0, 2), false},
                                  {LIFE(0, 3), false}, {LIFE(1, 0), true}, {LIFE(1, 1), false}};
enum { ASK_COUNT = sizeof asks / sizeof *asks };

static struct verdict judge_keys(const uint64_t *keys, size_t count) {
    struct verdict verdict = {0};
    verdict_posts(&verdict, "puppet", asks, ASK_COUNT, keys, count);
    return verdict;
}

#define STORED(...)                                                                                \
    judge_keys((const uint64_t[]){__VA_ARGS__},                                                    \
               sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void owed_posts_must_be_stored_and_the_others_may_be(void **state) {
    (void)state;
    expect_counts(STORED(LIFE(0, 0), LIFE(0, 1), LIFE(1, 0)), 0, 0, 0);
    expect_counts(STORED(LIFE(0, 0), LIFE(0, 1), LIFE(0, 2), LIFE(1, 0)), 0, 0, 0);
    expect_counts(STORED(LIFE(0, 0), LIFE(1, 0)), 1, 0, 0);
    expect_counts(STORED(LIFE(0, 0), LIFE(0, 1)), 1, 0, 0);
}

static void a_stored_post_vouches_for_those_before_it_in_its_life(void **state) {
    (void)state;
    expect_counts(STORED(LIFE(0, 0), LIFE(0, 1), LIFE(0, 3), LIFE(1, 0)), 1, 0, 0);
}

static void a_post_stored_twice_late_or_never_asked_for_is_found(void **state) {
    (void)state;
    expect_counts(STORED(LIFE(0, 0), LIFE(0, 1), LIFE(0, 1), LIFE(1, 0)), 0, 1, 0);
    expect_counts(STORED(LIFE(0, 1), LIFE(0, 0), LIFE(1, 0)), 0, 0, 1);
    expect_counts(STORED(LIFE(0, 0), LIFE(0, 1), LIFE(1, 0), LIFE(7, 0)), 0, 1, 0);
}

static void a_post_that_died_with_its_client_is_not_counted(void **state) {
    (void)state;
    const uint64_t keys[] = {LIFE(0, 0), LIFE(0, 1), LIFE(0, 2), LIFE(1, 0)};
    struct verdict verdict = {0};
    assert_int_equal(verdict_posts(&verdict, "puppet", asks, ASK_COUNT, keys, 4), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_once_in_order_is_clean),
        cmocka_unit_test(an_event_left_out_is_lost_wherever_it_is),
        cmocka_unit_test(an_event_shown_twice_is_doubled),
        cmocka_unit_test(an_event_shown_late_is_disordered_and_not_lost),
        cmocka_unit_test(a_client_told_of_older_ones_begins_with_its_first),
        cmocka_unit_test(a_killed_client_may_end_anywhere_but_without_a_gap),
        cmocka_unit_test(what_is_not_in_the_log_or_reads_otherwise_is_lost_from_it),
        cmocka_unit_test(a_client_shown_nothing_has_lost_all_of_it),
        cmocka_unit_test(owed_posts_must_be_stored_and_the_others_may_be),
        cmocka_unit_test(a_stored_post_vouches_for_those_before_it_in_its_life),
        cmocka_unit_test(a_post_stored_twice_late_or_never_asked_for_is_found),
        cmocka_unit_test(a_post_that_died_with_its_client_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
