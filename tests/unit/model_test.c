#include "test.h"
#include "model.h"

static struct model *model;

static int begin(void **state) {
    (void)state;
    model = model_new("#lobby", "alice");
    model->account = 7;
    const struct news outbox = {.kind = NEWS_OUTBOX, .outbox = 99, .number = 1, .not_taken = 1};
    model_reset_outbox(model, &outbox);
    const struct message_room lobby = {.room = 1, .name = wire_text("#lobby")};
    model_announce(model, &lobby);
    return 0;
}

static int end(void **state) {
    (void)state;
    model_free(model);
    return 0;
}

static struct message message_by(uint32_t actor, uint64_t id, const char *nick, const char *body) {
    struct message event = {.type = MESSAGE_MESSAGE};
    event.event = (struct event_head){.id = id, .time = id * 1000, .room = 1, .actor = actor};
    event.message.nick = wire_text(nick);
    event.message.body = wire_text(body);
    return event;
}

/* Hands one event to the model as news. */
static void tell_as(const struct message *event, bool reset, bool more) {
    struct buffer frame = {0};
    message_encode(&frame, event);
    struct news *news = news_new(NEWS_EVENTS, frame.size);
    memcpy(news->bytes, frame.data, frame.size);
    news->frames = (struct wire_blob){news->bytes, frame.size};
    news->room = event->event.room;
    news->reset = reset;
    news->more = more;
    model_append(model, news);
    news_free(news);
    buffer_free(&frame);
}

static void tell(const struct message *event) {
    tell_as(event, false, false);
}

static void said(uint64_t id, const char *nick, const char *body) {
    struct message event = message_by(5, id, nick, body);
    tell(&event);
}

static struct room *lobby(void) {
    return model_room(model, 1);
}

static void expect_line(const struct room *room, size_t index, const char *text) {
    assert_true(index < room->live.count);
    struct wire_text is = line_text(room->live.lines[index]);
    assert_int_equal(is.size, strlen(text));
    assert_memory_equal(is.data, text, is.size);
}

static void events_become_lines_in_order(void **state) {
    (void)state;
    said(1, "bob", "one");
    said(2, "bob", "two");
    struct message topic = {.type = MESSAGE_TOPIC_SET};
    topic.event = (struct event_head){.id = 3, .room = 1, .actor = 5};
    topic.topic_set.nick = wire_text("bob");
    topic.topic_set.topic = wire_text("flowers");
    tell(&topic);
    expect_line(lobby(), 0, "one");
    expect_line(lobby(), 1, "two");
    expect_line(lobby(), 2, "bob set the topic: flowers");
    assert_string_equal(lobby()->topic, "flowers");
}

static void the_first_page_replaces_what_was_there(void **state) {
    (void)state;
    said(5, "bob", "five");
    struct message first = message_by(5, 9, "bob", "nine");
    tell_as(&first, true, true);
    assert_int_equal(lobby()->live.count, 1);
    expect_line(lobby(), 0, "nine");
}

static void what_the_client_said_outlives_what_was_shown_with_it(void **state) {
    (void)state;
    struct message found = message_by(5, 3, "bob", "found");
    said(4, "bob", "four");
    model_notice(lobby(), "Not sent: %s", "precious words");
    model_hit(model, lobby(), &found, 1);
    model_forget_log(model);
    assert_int_equal(lobby()->live.count, 1);
    struct message first = message_by(5, 9, "bob", "nine");
    tell_as(&first, true, true);
    assert_int_equal(lobby()->live.count, 2);
    expect_line(lobby(), 0, "nine");
    expect_line(lobby(), 1, "Not sent: precious words");
    said(10, "bob", "ten");
    expect_line(lobby(), 2, "ten");
    assert_int_equal(lobby()->live.first, 9);
    assert_true(lobby()->live.more_before);
}

static void a_post_waits_until_it_comes_back(void **state) {
    (void)state;
    model_post(model, 1, wire_text("mine"));
    model_post(model, 1, wire_text("mine too"));
    assert_int_equal(model->pending->number, 1);
    struct message event = message_by(7, 10, "alice", "mine");
    event.message.outbox = 99;
    event.message.number = 1;
    tell(&event);
    assert_int_equal(model->pending->number, 2);
    assert_null(model->pending->next);
    assert_true(lobby()->live.lines[0]->own);
}

static void another_ones_post_with_my_numbers_takes_nothing(void **state) {
    (void)state;
    model_post(model, 1, wire_text("mine"));
    struct message event = message_by(5, 10, "mallory", "forged");
    event.message.outbox = 99;
    event.message.number = 1;
    tell(&event);
    assert_non_null(model->pending);
}

static void a_refused_post_gives_its_number_to_the_next(void **state) {
    (void)state;
    model_post(model, 1, wire_text("one"));
    model_post(model, 1, wire_text("two"));
    model_post(model, 1, wire_text("three"));
    struct pending *refused = model_refused(model, 2);
    assert_memory_equal(refused->text, "two", 3);
    free(refused);
    assert_int_equal(model->pending->next->number, 2);
    assert_memory_equal(model->pending->next->text, "three", 5);
    assert_int_equal(model->next_number, 3);
}

static void a_post_made_before_the_room_was_known_is_bound_to_it(void **state) {
    (void)state;
    struct model *fresh = model_new("#Start", "alice");
    model_post(fresh, 0, wire_text("early"));
    const struct message_room start = {.room = 9, .name = wire_text("#start")};
    model_announce(fresh, &start);
    assert_int_equal(fresh->room_count, 1);
    assert_int_equal(fresh->pending->room, 9);
    assert_string_equal(model_current(fresh)->name, "#start");
    model_free(fresh);
}

static void unread_messages_and_mentions_are_counted(void **state) {
    (void)state;
    struct message first = message_by(5, 1, "bob", "before");
    tell_as(&first, true, false);
    room_read(lobby(), 1);
    said(2, "bob", "nothing for you");
    said(3, "bob", "hey Alice, look");
    said(4, "bob", "malice and alicex do not count");
    struct message own = message_by(7, 5, "alice", "one's own does not count");
    tell(&own);
    assert_int_equal(lobby()->unread, 3);
    assert_int_equal(lobby()->mentions, 1);
    assert_int_equal(model->bells, 1);
    room_read(lobby(), 3);
    assert_int_equal(lobby()->unread, 1);
    assert_int_equal(lobby()->mentions, 0);
    room_read(lobby(), 5);
    assert_int_equal(lobby()->unread, 0);
    /* Another client of the reader was ahead of this one. */
    room_set_unread(lobby(), 9, 0, 9);
    said(8, "bob", "alice, you know this");
    assert_int_equal(model->bells, 1);
}

static struct message edit_of(uint64_t target, uint64_t id, const char *body) {
    struct message event = {.type = MESSAGE_EDITED};
    event.event = (struct event_head){.id = id, .time = id * 1000, .room = 1, .actor = 5};
    event.edited.nick = wire_text("bob");
    event.edited.target = target;
    event.edited.body = wire_text(body);
    return event;
}

static struct message deletion_of(uint64_t target, uint64_t id) {
    struct message event = {.type = MESSAGE_DELETED};
    event.event = (struct event_head){.id = id, .time = id * 1000, .room = 1, .actor = 5};
    event.deleted.target = target;
    return event;
}

static void an_edit_changes_the_line_where_it_stands(void **state) {
    (void)state;
    said(1, "bob", "oen");
    said(2, "bob", "two");
    lobby()->selected = lobby()->live.lines[0];
    lobby()->anchor = lobby()->live.lines[0];
    struct message edit = edit_of(1, 3, "one, alice");
    tell(&edit);
    assert_int_equal(lobby()->live.count, 2);
    expect_line(lobby(), 0, "one, alice");
    assert_true(lobby()->live.lines[0]->edited && lobby()->live.lines[0]->mention);
    assert_false(lobby()->live.lines[1]->edited);
    assert_ptr_equal(lobby()->selected, lobby()->live.lines[0]);
    assert_ptr_equal(lobby()->anchor, lobby()->live.lines[0]);
    assert_int_equal(lobby()->live.last, 3);
    assert_int_equal(model->bells, 0);
}

static void what_was_deleted_stays_so(void **state) {
    (void)state;
    said(1, "bob", "secret");
    struct message deletion = deletion_of(1, 2);
    struct message late = edit_of(1, 3, "secret again");
    tell(&deletion);
    tell(&late);
    expect_line(lobby(), 0, "");
    assert_true(lobby()->live.lines[0]->deleted);
    assert_false(lobby()->live.lines[0]->edited);
}

static void a_page_has_the_present_text(void **state) {
    (void)state;
    struct message edited = message_by(5, 1, "bob", "third wording");
    edited.message.amended = 30000;
    tell_as(&edited, true, false);
    assert_true(lobby()->live.lines[0]->edited);
    /* An edit from before the page was read comes late: its text was superseded. */
    struct message superseded = edit_of(1, 10, "");
    tell(&superseded);
    expect_line(lobby(), 0, "third wording");
    /* The order of the events counts, not their time: the clock went back. */
    struct message fourth = edit_of(1, 31, "fourth wording");
    fourth.event.time = 5;
    tell(&fourth);
    expect_line(lobby(), 0, "fourth wording");
    /* Of those that were sent before the page was read, the last has the page's text. */
    tell_as(&edited, true, false);
    struct message second = edit_of(1, 32, "second wording");
    struct message third = edit_of(1, 33, "third wording");
    third.event.time = 4;
    tell(&second);
    tell(&third);
    expect_line(lobby(), 0, "third wording");
    struct message deleted = message_by(5, 1, "bob", "");
    deleted.message.amended = 40000;
    tell_as(&deleted, true, false);
    assert_true(lobby()->live.lines[0]->deleted);
}

static void an_edit_of_what_is_not_loaded_changes_nothing(void **state) {
    (void)state;
    said(5, "bob", "five");
    struct message topic = {.type = MESSAGE_TOPIC_SET};
    topic.event = (struct event_head){.id = 6, .room = 1, .actor = 5};
    tell(&topic);
    struct message early = edit_of(4, 7, "x"), other = edit_of(6, 8, "x"),
                   zero = edit_of(0, 9, "x");
    tell(&early);
    tell(&other);
    tell(&zero);
    expect_line(lobby(), 0, "five");
    expect_line(lobby(), 1, " set the topic: ");
}

static void search_results_follow_the_message(void **state) {
    (void)state;
    const struct message_room garden = {.room = 2, .name = wire_text("#garden")};
    struct room *room = model_announce(model, &garden);
    struct message found = message_by(5, 3, "bob", "a secret");
    model_hit(model, room, &found, 7);
    expect_line(room, 0, "[7] #lobby  a secret");
    struct message edit = edit_of(3, 9, "a rumour");
    tell(&edit);
    expect_line(room, 0, "[7] #lobby  a rumour");
    struct message deletion = deletion_of(3, 10);
    tell(&deletion);
    expect_line(room, 0, "[7] #lobby  ");
    assert_true(room->live.lines[0]->deleted);
    assert_int_equal(room->live.lines[0]->place.room, 1);
}

static void the_server_and_the_lines_count_unread_together(void **state) {
    (void)state;
    const struct message_room known = {
        .room = 1, .name = wire_text("#lobby"), .position = 10, .read = 4, .unread = 6};
    model_announce(model, &known);
    assert_int_equal(lobby()->unread, 6);
    /* The first page does not reach back to what was read: the server's number stands. */
    struct message first = message_by(5, 8, "bob", "hey alice");
    tell_as(&first, true, true);
    assert_int_equal(lobby()->unread, 6);
    assert_int_equal(lobby()->mentions, 1);
    said(9, "bob", "counted by the server already");
    assert_int_equal(lobby()->unread, 6);
    said(11, "bob", "new");
    assert_int_equal(lobby()->unread, 7);
    /* Another client reads on while events still come that the server has counted. */
    model_announce(
        model,
        &(const struct message_room){
            .room = 1, .name = wire_text("#lobby"), .position = 20, .read = 5, .unread = 10});
    room_set_unread(lobby(), 7, 8, lobby()->live.last);
    said(12, "bob", "counted by the server already");
    assert_int_equal(lobby()->unread, 8);
    /* Another client has read most of it. */
    room_set_unread(lobby(), 9, 2, 12);
    assert_int_equal(lobby()->unread, 2);
    assert_int_equal(lobby()->mentions, 0);
    /* An older word of the server changes nothing. */
    room_set_unread(lobby(), 4, 7, 12);
    assert_int_equal(lobby()->unread, 2);
    assert_int_equal(lobby()->read, 9);
}

static void after_a_break_nothing_is_counted_twice(void **state) {
    (void)state;
    struct message first = message_by(5, 1, "bob", "one");
    tell_as(&first, true, false);
    room_read(lobby(), 1);
    const struct message_room again = {
        .room = 1, .name = wire_text("#lobby"), .position = 3, .read = 1, .unread = 2};
    model_announce(model, &again);
    said(2, "bob", "two");
    said(3, "bob", "three");
    said(4, "bob", "four");
    assert_int_equal(lobby()->unread, 3);
}

static void the_marker_stands_before_the_first_unread_of_others(void **state) {
    (void)state;
    struct message first = message_by(5, 1, "bob", "one");
    tell_as(&first, true, false);
    room_read(lobby(), 1);
    struct message own = message_by(7, 2, "alice", "mine");
    tell(&own);
    said(3, "bob", "three");
    said(4, "bob", "four");
    room_set_marker(lobby());
    assert_int_equal(lobby()->marker, 3);
    assert_int_equal(lobby()->marker_count, 2);
    model_post(model, 1, wire_text("an answer"));
    assert_int_equal(lobby()->marker, 0);
}

static void another_log_begins_anew(void **state) {
    (void)state;
    const struct message_room garden = {.room = 2, .name = wire_text("#garden")};
    model_announce(model, &garden);
    said(5, "bob", "five");
    room_read(lobby(), 5);
    model_forget_log(model);
    assert_int_equal(model->room_count, 1);
    assert_int_equal(lobby()->live.count, 0);
    assert_int_equal(lobby()->read, 0);
    assert_false(lobby()->begun);
}

static void a_mention_is_the_nick_as_a_word(void **state) {
    (void)state;
    assert_true(line_mentions(wire_text("alice: hi"), "alice"));
    assert_true(line_mentions(wire_text("hi, ALICE!"), "alice"));
    assert_false(line_mentions(wire_text("alice-2"), "alice"));
    assert_false(line_mentions(wire_text("chalice"), "alice"));
    assert_false(line_mentions(wire_text(""), "alice"));
}

static void lines_are_bounded(void **state) {
    (void)state;
    for (uint64_t id = 1; id <= ROOM_LINES_MAX + 10; id++)
        said(id, "bob", "x");
    assert_true(lobby()->live.count < ROOM_LINES_MAX);
    assert_true(lobby()->live.more_before);
    assert_int_equal(lobby()->live.lines[lobby()->live.count - 1]->id, ROOM_LINES_MAX + 10);
}

static void who_reads_above_keeps_the_place_as_a_passage(void **state) {
    (void)state;
    said(1, "bob", "here");
    lobby()->anchor = lobby()->live.lines[0];
    lobby()->selected = lobby()->anchor;
    for (uint64_t id = 2; id <= 3 * ROOM_LINES_MAX; id++)
        said(id, "bob", "x");
    assert_true(lobby()->in_past);
    assert_ptr_equal(lobby()->past.lines[0], lobby()->anchor);
    assert_ptr_equal(lobby()->selected, lobby()->anchor);
    assert_true(lobby()->past.count + lobby()->live.count < 2 * ROOM_LINES_MAX);
}

static void a_room_announced_again_keeps_its_lines(void **state) {
    (void)state;
    said(1, "bob", "one");
    const struct message_room again = {
        .room = 1, .name = wire_text("#lobby"), .topic = wire_text("new")};
    model_announce(model, &again);
    assert_int_equal(lobby()->live.count, 1);
    assert_string_equal(lobby()->topic, "new");
}

static void a_left_room_goes_and_another_is_shown(void **state) {
    (void)state;
    const struct message_room garden = {.room = 2, .name = wire_text("#garden")};
    model_show(model, model_announce(model, &garden));
    model_forget_room(model, 2);
    assert_null(model_room(model, 2));
    assert_ptr_equal(model_current(model), lobby());
    model_forget_room(model, 1);
    assert_int_equal(model->room_count, 1);
}

static void the_last_room_is_emptied_and_gives_way_to_the_next(void **state) {
    (void)state;
    const struct message_room lobby_again = {.room = 1, .name = wire_text("#lobby")};
    const struct message_room garden = {.room = 2, .name = wire_text("#garden")};
    said(1, "bob", "one");
    model_forget_room(model, 1);
    assert_null(model_room(model, 1));
    assert_string_equal(model_current(model)->name, "#lobby");
    assert_int_equal(model_current(model)->live.count, 0);
    assert_ptr_equal(model_announce(model, &lobby_again), model_current(model));
    model_forget_room(model, 1);
    struct room *room = model_announce(model, &garden);
    assert_int_equal(model->room_count, 1);
    assert_ptr_equal(model_current(model), room);
}

static void nicks_are_kept_with_the_last_speaker_last(void **state) {
    (void)state;
    said(1, "bob", "x");
    said(2, "carol", "x");
    said(3, "bob", "x");
    assert_int_equal(lobby()->nick_count, 2);
    assert_string_equal(lobby()->nicks[0], "carol");
    assert_string_equal(lobby()->nicks[1], "bob");
    for (int i = 0; i < 1000; i++) {
        char nick[16];
        snprintf(nick, sizeof nick, "n%d", i);
        said(10, nick, "x");
    }
    assert_in_range(lobby()->nick_count, 100, 1000);
    assert_string_equal(lobby()->nicks[lobby()->nick_count - 1], "n999");
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        fresh(events_become_lines_in_order),
        fresh(the_first_page_replaces_what_was_there),
        fresh(what_the_client_said_outlives_what_was_shown_with_it),
        fresh(a_post_waits_until_it_comes_back),
        fresh(another_ones_post_with_my_numbers_takes_nothing),
        fresh(a_refused_post_gives_its_number_to_the_next),
        fresh(a_post_made_before_the_room_was_known_is_bound_to_it),
        fresh(unread_messages_and_mentions_are_counted),
        fresh(an_edit_changes_the_line_where_it_stands),
        fresh(what_was_deleted_stays_so),
        fresh(a_page_has_the_present_text),
        fresh(an_edit_of_what_is_not_loaded_changes_nothing),
        fresh(search_results_follow_the_message),
        fresh(the_server_and_the_lines_count_unread_together),
        fresh(after_a_break_nothing_is_counted_twice),
        fresh(the_marker_stands_before_the_first_unread_of_others),
        fresh(another_log_begins_anew),
        fresh(a_mention_is_the_nick_as_a_word),
        fresh(lines_are_bounded),
        fresh(who_reads_above_keeps_the_place_as_a_passage),
        fresh(a_room_announced_again_keeps_its_lines),
        fresh(the_last_room_is_emptied_and_gives_way_to_the_next),
        fresh(a_left_room_goes_and_another_is_shown),
        fresh(nicks_are_kept_with_the_last_speaker_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
