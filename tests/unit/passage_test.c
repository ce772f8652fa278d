/* Pages that come before, after and around what a room shows. The room's history has the ids 1 to
 * HISTORY_END, all messages; the live run has those from LIVE_BEGIN on. */
#include "test.h"
#include "passage.h"

enum { HISTORY_END = 1000, LIVE_BEGIN = 901 };

static struct room *room;

static struct line *message_line(uint64_t id) {
    const struct event_head head = {.id = id};
    return line_new(LINE_MESSAGE, &head, wire_text("bob"), wire_text("x"));
}

static void push(struct run *run, uint64_t id) {
    run_cover(run, id);
    run_push(run, message_line(id));
}

static int begin(void **state) {
    (void)state;
    room = room_new(1, ROOM_PUBLIC, wire_text("#lobby"));
    for (uint64_t id = LIVE_BEGIN; id <= HISTORY_END; id++)
        push(&room->live, id);
    room->live.more_before = true;
    room->begun = true;
    return 0;
}

static int end(void **state) {
    (void)state;
    room_free(room);
    return 0;
}

/* Answers a wish as a server would. */
static enum page_use answer(const struct message_history *wish) {
    struct run lines = {0};
    uint64_t first = wish->after + 1;
    uint64_t last = wish->before <= HISTORY_END ? wish->before - 1 : HISTORY_END;
    bool more = last - first + 1 > wish->limit;
    if (more && wish->newest)
        first = last - wish->limit + 1;
    else if (more)
        last = first + wish->limit - 1;
    for (uint64_t id = first; id <= last; id++)
        push(&lines, id);
    return passage_take(room, wish, &lines, more);
}

/* The shown run has each id from first to last once, in order. */
static void expect_shown(uint64_t first, uint64_t last) {
    const struct run *run = room_run(room);
    assert_int_equal(run->count, last - first + 1);
    for (size_t i = 0; i < run->count; i++)
        assert_int_equal(run->lines[i]->id, first + i);
    assert_int_equal(run->first, first);
    assert_int_equal(run->last, last);
}

static void an_older_page_goes_before_the_live_lines(void **state) {
    (void)state;
    struct message_history wish, again;
    assert_true(passage_older(room, &wish));
    assert_int_equal(wish.before, LIVE_BEGIN);
    assert_false(passage_older(room, &again));
    assert_int_equal(answer(&wish), PAGE_OLDER);
    expect_shown(801, HISTORY_END);
    assert_false(room->in_past);
    assert_true(room->live.more_before);
}

static void a_place_opens_as_a_passage_with_the_message_selected(void **state) {
    (void)state;
    struct message_history wish;
    assert_false(passage_show(room, 500));
    passage_around(room, 500, &wish);
    assert_int_equal(answer(&wish), PAGE_AROUND);
    assert_true(room->in_past);
    expect_shown(401, 500);
    assert_int_equal(room->selected->id, 500);
    assert_int_equal(room->goal, GOAL_SELECTED);
}

static void a_passage_grows_both_ways_until_it_meets_the_live_lines(void **state) {
    (void)state;
    struct message_history wish;
    passage_around(room, 650, &wish);
    answer(&wish);
    struct line *anchor = room->anchor;
    while (room->in_past) {
        assert_true(passage_newer(room, &wish));
        assert_int_equal(answer(&wish), PAGE_NEWER);
    }
    expect_shown(551, HISTORY_END);
    assert_ptr_equal(room->anchor, anchor);
    assert_int_equal(room->selected->id, 650);
    while (room->live.more_before) {
        assert_true(passage_older(room, &wish));
        answer(&wish);
    }
    expect_shown(1, HISTORY_END);
    assert_false(passage_older(room, &wish));
    assert_false(passage_newer(room, &wish));
}

static void what_is_live_or_in_the_passage_needs_no_page(void **state) {
    (void)state;
    struct message_history wish;
    passage_around(room, 500, &wish);
    answer(&wish);
    assert_true(passage_show(room, 450));
    assert_int_equal(room->selected->id, 450);
    assert_true(room->in_past);
    assert_true(passage_show(room, 950));
    assert_int_equal(room->selected->id, 950);
    assert_false(room->in_past);
    assert_int_equal(room->past.count, 0);
}

static void the_unread_passage_begins_with_the_first_unread(void **state) {
    (void)state;
    struct message_history wish;
    room_set_unread(room, 300, 700, HISTORY_END);
    assert_false(room_covers(room, 300));
    assert_int_equal(room->unread, 700);
    passage_unread(room, &wish);
    assert_int_equal(answer(&wish), PAGE_UNREAD);
    room_set_marker(room);
    expect_shown(301, 400);
    assert_int_equal(room->marker, 301);
    assert_int_equal(room->marker_count, 700);
    room_read(room, 350);
    assert_int_equal(room->unread, 650);
    room_read(room, 990);
    assert_int_equal(room->unread, 10);
}

static void a_short_unread_passage_joins_at_once(void **state) {
    (void)state;
    struct message_history wish;
    room_set_unread(room, 850, 150, HISTORY_END);
    passage_unread(room, &wish);
    answer(&wish);
    assert_false(room->in_past);
    expect_shown(851, HISTORY_END);
}

static void an_answer_to_an_earlier_wish_is_passed_over(void **state) {
    (void)state;
    struct message_history older, around;
    passage_older(room, &older);
    passage_around(room, 500, &around);
    assert_int_equal(answer(&older), PAGE_NONE);
    expect_shown(LIVE_BEGIN, HISTORY_END);
    assert_int_equal(answer(&around), PAGE_AROUND);
    assert_int_equal(answer(&around), PAGE_NONE);
    expect_shown(401, 500);
}

static void an_older_page_is_not_put_before_a_gap(void **state) {
    (void)state;
    struct message_history wish;
    passage_older(room, &wish);
    run_drop_oldest(&room->live, 50);
    answer(&wish);
    expect_shown(951, HISTORY_END);
    assert_true(passage_older(room, &wish));
    answer(&wish);
    expect_shown(851, HISTORY_END);
}

static void an_empty_page_ends_the_asking(void **state) {
    (void)state;
    struct message_history wish;
    struct run nothing = {0};
    passage_older(room, &wish);
    passage_take(room, &wish, &nothing, true);
    assert_false(passage_older(room, &wish));
}

static void the_live_lines_may_be_cut_while_a_page_is_under_way(void **state) {
    (void)state;
    struct message_history wish;
    passage_around(room, 850, &wish);
    answer(&wish);
    assert_true(passage_newer(room, &wish));
    run_drop_oldest(&room->live, 60);
    answer(&wish);
    assert_true(room->in_past);
    expect_shown(751, 900);
    assert_true(passage_newer(room, &wish));
    answer(&wish);
    assert_false(room->in_past);
    expect_shown(751, HISTORY_END);
}

/* Edits have no lines; a page of nothing else must not be asked for again and again. */
static void a_page_without_lines_still_leads_further(void **state) {
    (void)state;
    struct message_history wish;
    struct run edits = {0};
    passage_around(room, 500, &wish);
    answer(&wish);
    assert_true(passage_newer(room, &wish));
    run_cover(&edits, 501);
    run_cover(&edits, 600);
    passage_take(room, &wish, &edits, true);
    assert_true(passage_newer(room, &wish));
    assert_int_equal(wish.after, 600);
}

static void a_passage_is_bounded_at_its_far_end(void **state) {
    (void)state;
    struct message_history wish;
    passage_around(room, 500, &wish);
    answer(&wish);
    struct run many = {0};
    passage_newer(room, &wish);
    room->anchor = room->past.lines[room->past.count - 1];
    for (uint64_t id = 501; id < 501 + ROOM_LINES_MAX; id++)
        push(&many, id);
    passage_take(room, &wish, &many, true);
    assert_true(room->past.count < ROOM_LINES_MAX);
    assert_true(room->past.more_before);
    assert_int_equal(room->past.last, 500 + ROOM_LINES_MAX);
    assert_null(room->selected);
    assert_true(run_index(&room->past, room->anchor) != RUN_NONE);
}

static void a_page_that_failed_is_not_asked_for_over_and_over(void **state) {
    (void)state;
    struct message_history wish;
    passage_older(room, &wish);
    assert_int_equal(passage_fail(room, &wish), PAGE_OLDER);
    assert_false(passage_older(room, &wish));
    room->stalled = false;
    assert_true(passage_older(room, &wish));
}

static void a_passage_that_reaches_into_the_live_lines_doubles_none(void **state) {
    (void)state;
    struct message_history wish;
    passage_around(room, 950, &wish);
    answer(&wish);
    assert_false(room->in_past);
    assert_int_equal(room->selected->id, 950);
    expect_shown(LIVE_BEGIN, HISTORY_END);
    /* A place that the live lines have not come to yet. */
    struct run all = room->live;
    room->live = (struct run){.more_before = true};
    for (uint64_t id = LIVE_BEGIN; id <= 920; id++)
        push(&room->live, id);
    passage_around(room, 940, &wish);
    answer(&wish);
    assert_false(passage_newer(room, &wish));
    assert_int_equal(room->selected->id, 940);
    expect_shown(841, 940);
    run_free(&room->live);
    room->live = all;
    assert_false(passage_newer(room, &wish));
    assert_int_equal(room->selected->id, 940);
    expect_shown(LIVE_BEGIN, HISTORY_END);
    /* The first live lines come while the passage grows towards where there were none. */
    struct run live = room->live;
    room->live = (struct run){.more_before = true};
    passage_around(room, 850, &wish);
    answer(&wish);
    assert_true(passage_newer(room, &wish));
    room->live = live;
    answer(&wish);
    assert_true(room->in_past);
    assert_false(passage_newer(room, &wish));
    assert_false(room->in_past);
    expect_shown(LIVE_BEGIN, HISTORY_END);
}

static void back_at_the_newest_line_a_place_asked_for_is_not_shown_any_more(void **state) {
    (void)state;
    struct message_history wish;
    passage_around(room, 500, &wish);
    room_follow(room);
    assert_int_equal(answer(&wish), PAGE_NONE);
    expect_shown(LIVE_BEGIN, HISTORY_END);
    /* An older page is wanted nevertheless. */
    passage_older(room, &wish);
    room_follow(room);
    assert_int_equal(answer(&wish), PAGE_OLDER);
}

static void posting_follows_the_newest_line_again(void **state) {
    (void)state;
    struct message_history wish;
    passage_around(room, 500, &wish);
    answer(&wish);
    room_follow(room);
    assert_false(room->in_past);
    assert_null(room->anchor);
    assert_null(room->selected);
    expect_shown(LIVE_BEGIN, HISTORY_END);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        fresh(an_older_page_goes_before_the_live_lines),
        fresh(a_place_opens_as_a_passage_with_the_message_selected),
        fresh(a_passage_grows_both_ways_until_it_meets_the_live_lines),
        fresh(what_is_live_or_in_the_passage_needs_no_page),
        fresh(the_unread_passage_begins_with_the_first_unread),
        fresh(a_short_unread_passage_joins_at_once),
        fresh(an_answer_to_an_earlier_wish_is_passed_over),
        fresh(an_older_page_is_not_put_before_a_gap),
        fresh(an_empty_page_ends_the_asking),
        fresh(the_live_lines_may_be_cut_while_a_page_is_under_way),
        fresh(a_page_without_lines_still_leads_further),
        fresh(a_passage_is_bounded_at_its_far_end),
        fresh(a_page_that_failed_is_not_asked_for_over_and_over),
        fresh(a_passage_that_reaches_into_the_live_lines_doubles_none),
        fresh(back_at_the_newest_line_a_place_asked_for_is_not_shown_any_more),
        fresh(posting_follows_the_newest_line_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
