#include "test.h"
#include "feed.h"
#include "frame.h"

/* A room's log with events 1..n, all messages, and what the feed delivered and asked for. */
static uint64_t delivered[4096];
static size_t delivered_count;
static bool was_reset;
static bool more_before;
static struct message_history asked[64];
static size_t asked_count;

static void deliver(void *context, uint32_t room, struct wire_blob frames, bool reset, bool more) {
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    struct wire_blob payload;
    struct message event;
    (void)context;
    assert_int_equal(room, 1);
    if (reset) {
        was_reset = true;
        more_before = more;
        assert_int_equal(delivered_count, 0);
    }
    while (frame_take(&reader, &payload) == FRAME_READY) {
        assert_int_equal(message_decode(payload, &event), ERROR_NONE);
        delivered[delivered_count++] = event.event.id;
    }
}

static void ask(void *context, const struct message_history *wish) {
    (void)context;
    asked[asked_count++] = *wish;
}

static struct feed *begin(unsigned first) {
    const struct feed_owner owner = {NULL, deliver, ask};
    delivered_count = 0;
    asked_count = 0;
    was_reset = false;
    return feed_new(first, &owner);
}

static void append_event(struct buffer *frames, uint64_t id, size_t body) {
    static char text[BODY_BYTES_MAX];
    struct message event = {.type = MESSAGE_MESSAGE};
    event.event.id = id;
    event.event.room = 1;
    event.message.body = (struct wire_text){text, body};
    message_encode(frames, &event);
}

static void room(struct feed *feed, uint64_t position, uint64_t newest) {
    struct message_room message = {.room = 1, .position = position, .newest = newest};
    assert_true(feed_room(feed, &message));
}

static void live_sized(struct feed *feed, uint64_t id, size_t body) {
    struct buffer frame = {0};
    struct event_head head = {.id = id, .room = 1};
    append_event(&frame, id, body);
    feed_event(feed, &head, (struct wire_blob){frame.data, frame.size});
    buffer_free(&frame);
}

static void live(struct feed *feed, uint64_t id) {
    live_sized(feed, id, 5);
}

/* The answer to a wish; `from` above `to` for one without events. */
static void page_of(struct feed *feed, const struct message_history *wish, uint64_t from,
                    uint64_t to, bool more) {
    struct buffer frames = {0};
    for (uint64_t id = from; id <= to; id++)
        append_event(&frames, id, 5);
    struct message_page message = {.room = 1, .more = more, .events = {frames.data, frames.size}};
    feed_page(feed, wish, &message);
    buffer_free(&frames);
}

/* The answer to the newest wish. */
static void page(struct feed *feed, uint64_t from, uint64_t to, bool more) {
    page_of(feed, &asked[asked_count - 1], from, to, more);
}

/* Everything from first to last, each once, in order. */
static void expect_delivered(uint64_t first, uint64_t last) {
    assert_int_equal(delivered_count, last - first + 1);
    for (size_t i = 0; i < delivered_count; i++)
        assert_int_equal(delivered[i], first + i);
}

static void a_room_opens_with_its_newest_messages(void **state) {
    (void)state;
    struct feed *feed = begin(50);
    room(feed, 200, 200);
    assert_int_equal(asked_count, 1);
    assert_int_equal(asked[0].newest, 1);
    assert_int_equal(asked[0].before, 201); /* what is said from now on is not history */
    assert_int_equal(asked[0].limit, 50);
    live(feed, 201);
    assert_int_equal(delivered_count, 0);
    page(feed, 151, 200, true);
    assert_true(was_reset && more_before);
    expect_delivered(151, 201);
    feed_free(feed);
}

static void without_history_a_room_is_live_at_once(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    room(feed, 200, 200);
    assert_int_equal(asked_count, 0);
    assert_true(was_reset && more_before);
    live(feed, 201);
    expect_delivered(201, 201);
    feed_free(feed);
}

static void more_than_a_page_of_first_messages_is_gathered_backwards(void **state) {
    (void)state;
    struct feed *feed = begin(700);
    room(feed, 1000, 1000);
    page(feed, 501, 1000, true);
    assert_int_equal(asked[1].before, 501);
    assert_int_equal(asked[1].limit, 200);
    page(feed, 301, 500, true);
    expect_delivered(301, 1000);
    feed_free(feed);
}

static void what_was_said_while_away_is_fetched_before_what_is_said_now(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    room(feed, 10, 10);
    live(feed, 11);
    feed_disconnected(feed);
    room(feed, 15, 14);
    assert_int_equal(asked[0].after, 11);
    live(feed, 16);
    live(feed, 17);
    page(feed, 12, 14, false);
    live(feed, 18);
    assert_int_equal(delivered_count, 7);
    static const uint64_t ids[] = {11, 12, 13, 14, 16, 17, 18};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(delivered[i], ids[i]);
    feed_free(feed);
}

static void a_page_that_overlaps_live_events_doubles_nothing(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    room(feed, 10, 10);
    live(feed, 11);
    feed_disconnected(feed);
    room(feed, 13, 13);
    live(feed, 14);
    live(feed, 15);
    page(feed, 12, 14, false);
    live(feed, 15);
    live(feed, 16);
    expect_delivered(11, 16);
    feed_free(feed);
}

static void a_reconnect_that_missed_nothing_asks_for_nothing(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    room(feed, 10, 10);
    live(feed, 11);
    feed_disconnected(feed);
    room(feed, 30, 11);
    assert_int_equal(asked_count, 0);
    live(feed, 31);
    assert_int_equal(delivered_count, 2);
    feed_free(feed);
}

static void being_behind_is_made_up_for_by_pages(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    room(feed, 0, 0);
    live(feed, 1);
    feed_behind(feed, 9);
    live(feed, 10);
    page(feed, 2, 5, true);
    live(feed, 11);
    page(feed, 6, 9, false);
    expect_delivered(1, 11);
    feed_free(feed);
}

static void falling_behind_again_while_catching_up_loses_nothing(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    room(feed, 0, 0);
    live(feed, 1);
    feed_behind(feed, 5);
    live(feed, 6);
    feed_behind(feed, 9);
    page(feed, 2, 5, false); /* asked for before 9 was known */
    live(feed, 10);
    assert_int_equal(asked_count, 2);
    assert_int_equal(asked[1].after, 5);
    page(feed, 6, 10, false);
    expect_delivered(1, 10);
    feed_free(feed);
}

static void falling_behind_while_the_first_pages_come_loses_nothing(void **state) {
    (void)state;
    struct feed *feed = begin(20);
    room(feed, 100, 100);
    page(feed, 91, 100, true); /* fewer than wished for, as pages have a size */
    feed_behind(feed, 110);
    page(feed, 81, 90, true);
    assert_int_equal(asked_count, 3);
    assert_int_equal(asked[2].after, 100);
    live(feed, 111);
    page(feed, 101, 110, false);
    expect_delivered(81, 111);
    feed_free(feed);
}

static void too_much_to_hold_is_fetched_instead(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    room(feed, 0, 0);
    live(feed, 1);
    feed_disconnected(feed);
    room(feed, 2, 2);
    for (uint64_t id = 3; id <= 60; id++)
        live_sized(feed, id, 10000);
    page(feed, 2, 2, false);
    while (delivered_count < 60) {
        uint64_t after = asked[asked_count - 1].after;
        page(feed, after + 1, after + 7 < 60 ? after + 7 : 60, after + 7 < 60);
    }
    expect_delivered(1, 60);
    feed_free(feed);
}

static void only_a_few_pages_are_asked_for_at_a_time(void **state) {
    (void)state;
    struct feed *feed = begin(10);
    for (uint32_t number = 1; number <= 20; number++) {
        struct message_room message = {.room = number, .position = 5, .newest = 5};
        feed_room(feed, &message);
    }
    assert_in_range(asked_count, 1, REQUESTS_IN_FLIGHT_MAX - 1);
    feed_free(feed);
}

static void edits_and_deletions_have_their_place_in_the_order(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    struct buffer frames = {0};
    struct message edited = {.type = MESSAGE_EDITED}, deleted = {.type = MESSAGE_DELETED};
    edited.event = (struct event_head){.id = 12, .room = 1};
    deleted.event = (struct event_head){.id = 13, .room = 1};
    room(feed, 10, 10);
    live(feed, 11);
    message_encode(&frames, &edited);
    feed_event(feed, &edited.event, (struct wire_blob){frames.data, frames.size});
    feed_event(feed, &edited.event, (struct wire_blob){frames.data, frames.size});
    feed_disconnected(feed);
    room(feed, 14, 14);
    assert_int_equal(asked[0].after, 12);
    buffer_clear(&frames);
    message_encode(&frames, &deleted);
    append_event(&frames, 14, 5);
    const struct message_page rest = {.room = 1, .events = {frames.data, frames.size}};
    feed_page(feed, &asked[0], &rest);
    expect_delivered(11, 14);
    buffer_free(&frames);
    feed_free(feed);
}

static void a_late_page_of_an_earlier_subscription_does_not_count(void **state) {
    (void)state;
    struct feed *feed = begin(50);
    room(feed, 200, 200);
    feed_gone(feed, 1);
    room(feed, 210, 210);
    assert_int_equal(asked_count, 2);
    page_of(feed, &asked[0], 151, 200, true);
    assert_int_equal(delivered_count, 0);
    page_of(feed, &asked[1], 161, 210, true);
    live(feed, 211);
    expect_delivered(161, 211);
    feed_free(feed);
}

static void pages_that_lead_no_further_are_not_asked_for_over_and_over(void **state) {
    (void)state;
    struct feed *feed = begin(50);
    room(feed, 200, 200);
    page(feed, 191, 200, true);
    page(feed, 195, 204, true); /* not before 191, as it was asked for */
    assert_int_equal(asked_count, 2);
    expect_delivered(191, 200);
    feed_disconnected(feed);
    room(feed, 300, 300);
    page(feed, 201, 210, true);
    page(feed, 1, 0, true);
    assert_int_equal(asked_count, 4);
    live(feed, 301);
    assert_int_equal(delivered_count, 21);
    feed_free(feed);
}

static void a_room_left_while_away_is_found_out(void **state) {
    (void)state;
    struct feed *feed = begin(50);
    const struct message_room garden = {.room = 2, .position = 9, .newest = 9};
    room(feed, 200, 200);
    page(feed, 151, 200, true);
    feed_room(feed, &garden);
    assert_int_equal(feed_drop_away(feed), 0);
    feed_disconnected(feed);
    feed_room(feed, &garden);
    assert_int_equal(feed_drop_away(feed), 1);
    assert_int_equal(feed_drop_away(feed), 0);
    /* Entered again it begins anew, as it did the first time. */
    delivered_count = 0;
    was_reset = false;
    room(feed, 220, 220);
    assert_int_equal(asked[asked_count - 1].newest, 1);
    page(feed, 171, 220, true);
    assert_true(was_reset);
    expect_delivered(171, 220);
    feed_free(feed);
}

static void another_log_is_begun_anew(void **state) {
    (void)state;
    struct feed *feed = begin(50);
    room(feed, 200, 200);
    page(feed, 151, 200, true);
    feed_disconnected(feed);
    feed_forget(feed);
    delivered_count = 0;
    was_reset = false;
    room(feed, 120, 120);
    assert_int_equal(asked[1].before, 121);
    assert_int_equal(asked[1].newest, 1);
    page(feed, 71, 120, true);
    live(feed, 121);
    assert_true(was_reset);
    expect_delivered(71, 121);
    feed_free(feed);
}

static void a_room_that_was_left_is_silent(void **state) {
    (void)state;
    struct feed *feed = begin(0);
    room(feed, 0, 0);
    feed_gone(feed, 1);
    live(feed, 1);
    assert_int_equal(delivered_count, 0);
    feed_free(feed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_opens_with_its_newest_messages),
        cmocka_unit_test(without_history_a_room_is_live_at_once),
        cmocka_unit_test(more_than_a_page_of_first_messages_is_gathered_backwards),
        cmocka_unit_test(what_was_said_while_away_is_fetched_before_what_is_said_now),
        cmocka_unit_test(a_page_that_overlaps_live_events_doubles_nothing),
        cmocka_unit_test(a_reconnect_that_missed_nothing_asks_for_nothing),
        cmocka_unit_test(being_behind_is_made_up_for_by_pages),
        cmocka_unit_test(falling_behind_again_while_catching_up_loses_nothing),
        cmocka_unit_test(falling_behind_while_the_first_pages_come_loses_nothing),
        cmocka_unit_test(too_much_to_hold_is_fetched_instead),
        cmocka_unit_test(only_a_few_pages_are_asked_for_at_a_time),
        cmocka_unit_test(edits_and_deletions_have_their_place_in_the_order),
        cmocka_unit_test(a_late_page_of_an_earlier_subscription_does_not_count),
        cmocka_unit_test(pages_that_lead_no_further_are_not_asked_for_over_and_over),
        cmocka_unit_test(a_room_left_while_away_is_found_out),
        cmocka_unit_test(another_log_is_begun_anew),
        cmocka_unit_test(a_room_that_was_left_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
