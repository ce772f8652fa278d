/* The controller: searching, places in the history, and what was read. */
#include "chat_rig.h"

/* The answer to a search, with one hit unless its id is 0. */
static void find(uint32_t tag, uint64_t id, const char *body) {
    struct message hits = {.type = MESSAGE_HITS}, found = {.type = MESSAGE_MESSAGE};
    struct buffer frame = {0};
    found.event = (struct event_head){.id = id, .room = 1, .actor = 5};
    found.message.nick = wire_text("bob");
    found.message.body = wire_text(body);
    if (id != 0)
        message_encode(&frame, &found);
    hits.hits.tag = tag;
    hits.hits.events = (struct wire_blob){frame.data, frame.size};
    answer(&hits);
    buffer_free(&frame);
}

static void one_search_is_answered_after_the_other(void **state) {
    (void)state;
    enter("/search roses");
    uint32_t first = chat.next_tag;
    enter("/search tulips");
    assert_int_equal(chat.next_tag, first);
    find(first, 8, "roses");
    assert_string_equal(notices, "A search is under way; its answer comes first.\n"
                                 "8 #lobby bob: roses\n1 found for: roses\n");
    notices[0] = '\0';
    enter("/search tulips");
    find(chat.next_tag, 9, "tulips");
    assert_string_equal(notices, "9 #lobby bob: tulips\n1 found for: tulips\n");
    assert_int_equal(chat.hit_count, 1);
    assert_null(chat.requests);
    /* Nor is one of a log that is not there any more, or older ones of it. */
    struct message welcome = {.type = MESSAGE_WELCOME};
    welcome.welcome.server = 1;
    welcome.welcome.nick = wire_text("alice");
    answer(&welcome);
    enter("/search violets");
    welcome.welcome.epoch = 2;
    answer(&welcome);
    notices[0] = '\0';
    find(chat.next_tag, 9, "violets");
    enter("/open 1");
    enter("/search");
    assert_string_equal(notices, "The last search has no hit 1.\n"
                                 "Say what to search for: /search WORDS\n");
}

/* A stretch without hits is no answer yet. */
static void a_search_goes_on_until_its_page_is_full(void **state) {
    (void)state;
    struct message hits = {.type = MESSAGE_HITS};
    enter("/search roses");
    hits.hits.tag = chat.next_tag;
    hits.hits.more = 1;
    hits.hits.looked_to = 70000;
    answer(&hits);
    expect_noted("before=70000", "limit=20");
    assert_string_equal(notices, "");
    find(chat.next_tag, 8, "roses");
    assert_string_equal(notices, "8 #lobby bob: roses\n1 found for: roses\n");
    assert_null(chat.requests);
}

/* As a server may answer that means no good: it would be asked for ever, and its answers kept. */
static void a_search_that_gets_nowhere_ends(void **state) {
    (void)state;
    struct message joined = {.type = MESSAGE_JOINED};
    struct message hits = {.type = MESSAGE_HITS};
    struct buffer frames = {0};
    for (int i = 0; i < 1000; i++)
        message_encode(&frames, &joined);
    enter("/search roses");
    hits.hits.tag = chat.next_tag;
    hits.hits.looked_to = 70000;
    hits.hits.events = (struct wire_blob){frames.data, frames.size};
    answer(&hits);
    expect_noted("before=70000", "limit=20");
    assert_int_equal(chat.found.size, 0);
    hits.hits.tag = chat.next_tag;
    answer(&hits);
    assert_null(chat.requests);
    assert_non_null(strstr(notices, "Nothing found"));
    buffer_free(&frames);
}

static void amended(uint64_t id, uint64_t target, const char *body) {
    struct message event = {.type = body != NULL ? MESSAGE_EDITED : MESSAGE_DELETED};
    struct buffer frame = {0};
    event.event = (struct event_head){.id = id, .time = id, .room = 1, .actor = 5};
    if (body != NULL) {
        event.edited.target = target;
        event.edited.body = wire_text(body);
    } else {
        event.deleted.target = target;
    }
    message_encode(&frame, &event);
    const struct news news = {.kind = NEWS_EVENTS, .room = 1, .frames = {frame.data, frame.size}};
    chat_apply(&chat, &news);
    buffer_free(&frame);
}

static void a_hit_has_the_text_that_it_was_given_since_it_was_asked_for(void **state) {
    (void)state;
    enter("/search roses");
    amended(20, 8, "no more of them");
    amended(21, 7, NULL);
    amended(22, 8, "");
    find(chat.next_tag, 8, "roses");
    assert_non_null(strstr(notices, "bob: no more of them\n"));
    enter("/search tulips");
    amended(23, 8, NULL);
    amended(24, 8, "again");
    find(chat.next_tag, 8, "tulips");
    assert_non_null(strstr(notices, "8 #lobby bob: \n"));
    enter("/search violets");
    find(chat.next_tag, 8, "violets");
    assert_non_null(strstr(notices, "bob: violets\n"));
}

/* As another person can make many, during a long search; a deletion among them is not to be missed.
 */
static void hits_of_a_search_are_not_shown_when_too_much_was_changed_meanwhile(void **state) {
    (void)state;
    static char text[16000];
    memset(text, 'x', sizeof text - 1);
    enter("/search roses");
    for (uint64_t id = 20; id < 100; id++)
        amended(id, 7, text);
    assert_in_range(chat.amendments.size, 1 << 20, (1 << 20) + 2 * sizeof text);
    amended(100, 8, NULL);
    find(chat.next_tag, 8, "roses");
    assert_null(strstr(notices, "bob"));
    assert_non_null(strstr(notices, "search again: roses"));
    enter("/search");
    assert_non_null(strstr(notices, "Say what to search for"));
    notices[0] = '\0';
    enter("/search tulips");
    find(chat.next_tag, 8, "tulips");
    assert_non_null(strstr(notices, "8 #lobby bob: tulips\n"));
}

static void a_page_read_before_an_edit_is_asked_for_again(void **state) {
    (void)state;
    struct room *room = lobby_with_messages();
    room->live.more_before = true;
    assert_true(chat_older(&chat, room));
    assert_string_equal(noted, "history 1 0..11\n");
    noted[0] = '\0';
    amended(20, 12, "not in that page");
    amended(21, 9, "now");
    struct buffer frame = {0};
    struct message old = {.type = MESSAGE_MESSAGE};
    old.event = (struct event_head){.id = 9, .room = 1, .actor = 5};
    old.message.body = wire_text("before");
    message_encode(&frame, &old);
    struct news page = {.kind = NEWS_PAGE, .room = 1, .wish = room->wish};
    page.frames = (struct wire_blob){frame.data, frame.size};
    chat_apply(&chat, &page);
    assert_string_equal(noted, "history 1 0..11\n");
    assert_int_equal(room->live.count, 3);
    buffer_clear(&frame);
    old.message.body = wire_text("now");
    message_encode(&frame, &old);
    page.frames = (struct wire_blob){frame.data, frame.size};
    chat_apply(&chat, &page);
    assert_string_equal(noted, "history 1 0..11\n");
    assert_int_equal(room->live.count, 4);
    assert_memory_equal(line_text(room->live.lines[0]).data, "now", 3);
    buffer_free(&frame);
}

static void a_search_is_sent_as_it_was_meant(void **state) {
    (void)state;
    enter("/search from:bob \"red roses\" in:#LOBBY after:2026-11-25");
    expect_noted("room=1", "from=\"bob\"");
    enter("/search");
    assert_string_equal(noted, "");
    assert_non_null(strstr(notices, "is under way"));
    find(chat.next_tag, 0, "");
    enter("/search");
    expect_noted("room=1", "from=\"bob\"");
    find(chat.next_tag, 0, "");
    enter("/search in:#nowhere roses");
    enter("/search roses before:soon");
    assert_string_equal(noted, "");
    assert_non_null(strstr(notices, "you are not in #nowhere"));
    assert_non_null(strstr(notices, "'soon' is no date"));
    enter("/search");
    expect_noted("room=1", "from=\"bob\"");
}

static void a_hit_opens_by_its_number(void **state) {
    (void)state;
    lobby_with_messages();
    chat.model->rooms[0]->live.more_before = true;
    enter("/search roses");
    struct message hits = {.type = MESSAGE_HITS};
    struct buffer frames = {0};
    for (uint64_t id = 9; id > 6; id--) {
        struct message found = {.type = MESSAGE_MESSAGE};
        found.event = (struct event_head){.id = id, .room = 1, .actor = 5};
        message_encode(&frames, &found);
    }
    hits.hits.tag = chat.next_tag;
    hits.hits.events = (struct wire_blob){frames.data, frames.size};
    answer(&hits);
    buffer_free(&frames);
    noted[0] = '\0';
    enter("/open 2");
    expect_noted("history 1 0..9", "");
    enter("/open 4");
    enter("/open x");
    assert_string_equal(noted, "");
    assert_non_null(strstr(notices, "no hit 4"));
}

static void what_was_read_is_told_once_a_second_at_most(void **state) {
    (void)state;
    struct room *room = lobby_with_messages();
    room->opened = true;
    chat_note_read(&chat, 12);
    assert_int_equal(chat_tell_read(&chat, false), -1);
    expect_noted("read 1 12", "");
    chat_note_read(&chat, 13);
    chat_note_read(&chat, 11);
    assert_in_range(chat_tell_read(&chat, false), 1, 1000);
    assert_string_equal(noted, "");
    chat_tell_read(&chat, true);
    expect_noted("read 1 13", "");
    chat_tell_read(&chat, true);
    assert_string_equal(noted, "");
    /* A server that does not know it yet, after a break, is told again. */
    struct message again = {.type = MESSAGE_ROOM};
    again.room =
        (struct message_room){.room = 1, .name = wire_text("#lobby"), .read = 11, .unread = 2};
    answer(&again);
    chat_tell_read(&chat, true);
    expect_noted("read 1 13", "");
}

static void another_client_of_the_person_may_have_read(void **state) {
    (void)state;
    struct room *room = lobby_with_messages();
    arrives(14, 5, "unread", false);
    arrives(15, 5, "unread too", false);
    assert_int_equal(room->unread, 3);
    struct message seen = {.type = MESSAGE_SEEN};
    seen.seen.room = 1;
    seen.seen.id = 14;
    seen.seen.unread = 1;
    answer(&seen);
    assert_int_equal(room->unread, 1);
    arrives(16, 5, "after that", false);
    assert_int_equal(room->unread, 2);
    chat_tell_read(&chat, true);
    assert_string_equal(noted, "");
}

static void a_room_opens_where_the_reading_ended(void **state) {
    (void)state;
    struct room *room = lobby_with_messages();
    assert_false(room->opened);
    chat_note_read(&chat, 13);
    assert_int_equal(room->read, 0);
    chat_settle_room(&chat);
    assert_true(room->opened);
    assert_int_equal(room->marker, 11);
    /* When not all of it is loaded, a page is asked for first. */
    room->opened = false;
    room->live.more_before = true;
    chat_settle_room(&chat);
    chat_settle_room(&chat);
    assert_string_equal(noted, "history 1 0..11\n");
    assert_false(room->opened);
    struct news page = {.kind = NEWS_PAGE, .room = 1, .wish = room->wish, .failed = true};
    chat_apply(&chat, &page);
    assert_false(room->opened);
    /* Nor is it opened elsewhere when the server cannot: what is below would count as read. */
    page.code = ERROR_FAILED;
    room->stalled = false;
    chat_settle_room(&chat);
    chat_apply(&chat, &page);
    assert_false(room->opened);
    chat_note_read(&chat, 13);
    assert_int_equal(room->read, 0);
}

static void append_message(struct buffer *frames, uint64_t id, uint32_t actor) {
    struct message event = {.type = MESSAGE_MESSAGE};
    event.event = (struct event_head){.id = id, .room = 1, .actor = actor};
    event.message.nick = wire_text("x");
    event.message.body = wire_text("y");
    message_encode(frames, &event);
}

/* The page that the room waits for comes, with two messages of the actor. */
static void page_comes(const struct room *room, uint64_t first, uint64_t second, uint32_t actor) {
    struct buffer frames = {0};
    struct news page = {.kind = NEWS_PAGE, .room = 1, .wish = room->wish, .more = true};
    append_message(&frames, first, actor);
    append_message(&frames, second, actor);
    page.frames = (struct wire_blob){frames.data, frames.size};
    chat_apply(&chat, &page);
    buffer_free(&frames);
}

/* A lobby whose newest message is 1000, read up to 100, with 50 unread. */
static struct room *lobby_far_behind(void) {
    struct room *room = model_current(chat.model);
    chat.model->account = 7;
    arrives(1000, 5, "newest", true);
    room->live.more_before = true;
    room_set_unread(room, 100, 50, 1000);
    chat_settle_room(&chat);
    expect_noted("history 1 100..1000", "");
    return room;
}

static void ones_own_messages_are_passed_over_on_the_way_to_the_first_unread(void **state) {
    (void)state;
    struct room *room = lobby_far_behind();
    page_comes(room, 110, 120, 7);
    assert_false(room->opened);
    assert_int_equal(room->unread, 48);
    chat_settle_room(&chat);
    expect_noted("history 1 120..1000", "");
    page_comes(room, 300, 310, 5);
    assert_true(room->opened);
    assert_int_equal(room->marker, 300);
    chat_note_read(&chat, 310);
    assert_int_equal(room->read, 310);
}

static void a_place_further_down_is_not_where_the_reading_went_on(void **state) {
    (void)state;
    struct room *room = lobby_far_behind();
    chat_goto(&chat, 1, 500);
    expect_noted("history 1 0..501", "");
    page_comes(room, 490, 500, 5);
    assert_int_equal(room->selected->id, 500);
    chat_note_read(&chat, 500);
    assert_int_equal(room->read, 100);
    assert_int_equal(room->unread, 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        fresh(one_search_is_answered_after_the_other),
        fresh(a_search_goes_on_until_its_page_is_full),
        fresh(a_search_that_gets_nowhere_ends),
        fresh(hits_of_a_search_are_not_shown_when_too_much_was_changed_meanwhile),
        fresh(a_hit_has_the_text_that_it_was_given_since_it_was_asked_for),
        fresh(a_page_read_before_an_edit_is_asked_for_again),
        fresh(a_search_is_sent_as_it_was_meant),
        fresh(a_hit_opens_by_its_number),
        fresh(what_was_read_is_told_once_a_second_at_most),
        fresh(another_client_of_the_person_may_have_read),
        fresh(a_room_opens_where_the_reading_ended),
        fresh(ones_own_messages_are_passed_over_on_the_way_to_the_first_unread),
        fresh(a_place_further_down_is_not_where_the_reading_went_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
