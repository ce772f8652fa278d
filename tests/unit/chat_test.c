/* The controller: posts, its commands and completion. */
#include "chat_rig.h"
#include "complete.h"

static void text_is_posted_to_the_room_shown(void **state) {
    (void)state;
    enter("hello");
    enter("two\nrows\n");
    assert_string_equal(noted, "post 1 hello\npost 1 two\nrows\n");
}

static void blanks_are_not_sent(void **state) {
    (void)state;
    enter("");
    enter("  \n ");
    assert_string_equal(noted, "");
}

static void a_second_slash_makes_a_text_of_a_command(void **state) {
    (void)state;
    enter("//etc/passwd");
    assert_string_equal(noted, "post 1 /etc/passwd\n");
}

static void an_unknown_command_sends_nothing(void **state) {
    (void)state;
    enter("/frobnicate now");
    assert_string_equal(noted, "");
    assert_non_null(strstr(notices, "There is no command /frobnicate"));
}

static void a_command_without_its_argument_says_what_it_wants(void **state) {
    (void)state;
    enter("/join");
    enter("/msg ");
    assert_string_equal(noted, "");
    assert_string_equal(notices, "Say what: /join #ROOM\nSay what: /msg NICK [TEXT]\n");
}

static void every_command_has_a_help_line(void **state) {
    (void)state;
    enter("/help");
    for (size_t i = 0; i < command_count; i++) {
        char line[64];
        snprintf(line, sizeof line, "/%s", commands[i].name);
        assert_non_null(strstr(notices, line));
        assert_non_null(strstr(notices, commands[i].help));
    }
}

static void joining_shows_the_room_once_it_is_open(void **state) {
    (void)state;
    enter("/join garden");
    assert_non_null(strstr(noted, "join tag="));
    assert_non_null(strstr(noted, "\"#garden\""));
    assert_string_equal(model_current(chat.model)->name, "#lobby");
    struct message room = {.type = MESSAGE_ROOM};
    room.room.tag = chat.next_tag;
    room.room.room = 2;
    room.room.name = wire_text("#garden");
    answer(&room);
    assert_string_equal(model_current(chat.model)->name, "#garden");
}

static void a_direct_message_is_sent_when_its_room_is_open(void **state) {
    (void)state;
    enter("/msg bob are you there?");
    struct message room = {.type = MESSAGE_ROOM};
    room.room.tag = chat.next_tag;
    room.room.room = 3;
    room.room.kind = ROOM_DIRECT;
    room.room.name = wire_text("bob");
    noted[0] = '\0';
    answer(&room);
    assert_non_null(strstr(noted, "post 3 are you there?\n"));
}

/* As the list of rooms and the title write them. */
static void a_person_may_be_named_with_the_mark(void **state) {
    (void)state;
    struct message room = {.type = MESSAGE_ROOM};
    enter("/join @bob");
    expect_noted("nick=\"bob\"", "");
    noted[0] = '\0';
    enter("/msg @bob hello");
    expect_noted("nick=\"bob\"", "");
    room.room.tag = chat.next_tag;
    room.room.room = 3;
    room.room.kind = ROOM_DIRECT;
    room.room.name = wire_text("bob");
    answer(&room);
    enter("/room #lobby");
    enter("/room @bob");
    assert_string_equal(model_current(chat.model)->name, "bob");
    noted[0] = '\0';
    enter("/kick @bob why not");
    expect_noted("subject=\"bob\"", "detail=\"why not\"");
    noted[0] = '\0';
    enter("/search from:@bob in:@bob roses");
    expect_noted("from=\"bob\"", "room=3");
}

static void a_refused_greeting_names_the_way_out(void **state) {
    (void)state;
    struct news refused = {.kind = NEWS_LINK,
                           .link_state = LINK_REFUSED,
                           .code = ERROR_NICK_TAKEN,
                           .text = wire_text("that nick is taken"),
                           .suggestion = wire_text("alice2")};
    chat_apply(&chat, &refused);
    assert_string_equal(notices, "The nick alice is taken. Free is alice2:\n/nick alice2\n");
    enter("/nick alice2");
    assert_string_equal(noted, "rename alice2\n");
}

static void a_refused_post_comes_back_to_its_writer(void **state) {
    (void)state;
    enter("precious words");
    struct news refused = {
        .kind = NEWS_REFUSED, .number = 1, .text = wire_text("the disk is full")};
    chat_apply(&chat, &refused);
    assert_string_equal(notices, "Not sent: the disk is full. You wrote: precious words\n");
    assert_null(chat.model->pending);
    assert_int_equal(chat.model->next_number, 1);
}

static void a_message_that_is_too_long_is_not_sent(void **state) {
    (void)state;
    char *text = malloc(BODY_BYTES_MAX + 1);
    memset(text, 'x', BODY_BYTES_MAX + 1);
    commands_enter(&chat, text, BODY_BYTES_MAX + 1);
    assert_string_equal(noted, "");
    commands_enter(&chat, text, BODY_BYTES_MAX);
    assert_string_not_equal(noted, "");
    free(text);
}

static void expect_matches(const char *line, const char *word, int start, const char *expected) {
    char joined[256] = "";
    char **matches = complete_matches(&chat, line, word, start);
    for (size_t i = 0; matches != NULL && matches[i] != NULL; i++) {
        if (i > 0 || matches[1] == NULL) {
            strcat(joined, joined[0] != '\0' ? "|" : "");
            strcat(joined, matches[i]);
        }
        if (i > 0)
            free(matches[i]);
    }
    if (matches != NULL)
        free(matches[0]);
    free(matches);
    assert_string_equal(joined, expected);
}

static void tab_completes_commands_nicks_and_rooms(void **state) {
    (void)state;
    room_add_nick(model_current(chat.model), wire_text("bob"));
    room_add_nick(model_current(chat.model), wire_text("Boris"));
    room_add_nick(model_current(chat.model), wire_text("alice"));
    room_add_nick(model_current(chat.model), wire_text("b\033[31mad"));
    expect_matches("/to", "/to", 0, "/topic");
    expect_matches("/l", "/l", 0, "/leave|/list");
    expect_matches("bor", "bor", 0, "Boris:");
    expect_matches("hi bor", "bor", 3, "Boris");
    expect_matches("b", "b", 0, "Boris:|bob:");
    expect_matches("/msg bo", "bo", 5, "Boris|bob");
    expect_matches("see #l", "#l", 4, "#lobby");
    expect_matches("/room l", "l", 6, "");
    expect_matches("al", "al", 0, "");
    expect_matches("/search in:#l", "in:#l", 8, "in:#lobby");
    expect_matches("/search x from:bo", "from:bo", 10, "from:Boris|from:bob");
    expect_matches("see in:#l", "in:#l", 4, "");
    expect_matches("zz", "zz", 0, "");
    expect_matches("/device ", "", 8, "add|list|remove");
    expect_matches("/key ex", "ex", 5, "export");
    expect_matches("/device add bo", "bo", 12, "Boris|bob");
}

/* Our post comes back as an event of the outbox. */
static void comes_back(uint64_t id, uint64_t outbox, uint64_t number) {
    struct message event = {.type = MESSAGE_MESSAGE};
    struct buffer frame = {0};
    event.event = (struct event_head){.id = id, .room = 1};
    event.message.outbox = outbox;
    event.message.number = number;
    message_encode(&frame, &event);
    const struct news news = {.kind = NEWS_EVENTS, .room = 1, .frames = {frame.data, frame.size}};
    chat_apply(&chat, &news);
    buffer_free(&frame);
}

static void expect_pending(uint64_t number, const char *text) {
    const struct pending *pending = chat.model->pending;
    while (pending != NULL && pending->number != number)
        pending = pending->next;
    assert_non_null(pending);
    assert_int_equal(pending->size, strlen(text));
    assert_memory_equal(pending->text, text, pending->size);
}

static void an_outbox_begun_anew_keeps_what_was_still_on_its_way_to_it(void **state) {
    (void)state;
    const struct news before = {.kind = NEWS_STORED, .number = 0};
    chat_apply(&chat, &before);
    enter("one");
    enter("two");
    comes_back(11, 99, 1);
    comes_back(12, 99, 2);
    enter("three");
    enter("four");
    enter("five");
    /* The network thread has three in the outbox, and has not taken the last two. */
    const struct news outbox = {.kind = NEWS_OUTBOX, .outbox = 100, .number = 2, .not_taken = 4};
    const struct news three = {.kind = NEWS_PENDING, .number = 1, .text = wire_text("three")};
    chat_apply(&chat, &outbox);
    chat_apply(&chat, &three);
    expect_pending(1, "three");
    expect_pending(2, "four");
    expect_pending(3, "five");
    assert_int_equal(chat.model->next_number, 4);
    assert_int_equal(chat_waiting(&chat), 3);
    assert_true(chat.welcomed);
    chat_apply(&chat, &before);
    for (uint64_t number = 1; number <= 3; number++) {
        assert_int_equal(chat_waiting(&chat), 4 - number);
        comes_back(20 + number, 100, number);
    }
    assert_int_equal(chat_waiting(&chat), 0);
    assert_null(chat.model->pending);
    /* A server that knows more than there is makes no number of it that never ends. */
    comes_back(30, 100, 9);
    assert_int_equal(chat_waiting(&chat), 0);
}

static void what_was_typed_before_the_outbox_was_open_comes_after_what_waits_there(void **state) {
    (void)state;
    struct chat early;
    assert_true(chat_init(&early, "#lobby", "alice"));
    chat_post(&early, wire_text("typed"));
    const struct news outbox = {.kind = NEWS_OUTBOX, .outbox = 99, .number = 8, .not_taken = 1};
    const struct news waits = {.kind = NEWS_PENDING, .number = 7, .text = wire_text("waits")};
    chat_apply(&early, &outbox);
    chat_apply(&early, &waits);
    assert_int_equal(early.model->pending->number, 7);
    assert_int_equal(early.model->pending->next->number, 8);
    assert_memory_equal(early.model->pending->next->text, "typed", 5);
    assert_int_equal(early.model->next_number, 9);
    assert_false(early.welcomed);
    chat_free(&early);
}

static void edits_are_of_the_numbered_the_selected_or_the_last_own_message(void **state) {
    (void)state;
    struct room *room = lobby_with_messages();
    enter("/edit =11 another text");
    expect_noted("edit tag=", "id=11 body=\"another text\"");
    enter("/edit new words");
    expect_noted("id=13", "body=\"new words\"");
    room->selected = room->live.lines[1];
    enter("/delete");
    expect_noted("delete tag=", "id=12");
    assert_null(room->selected);
    enter("/delete =11");
    expect_noted("delete tag=", "id=11");
    enter("/edit =x is a text");
    expect_noted("id=13", "body=\"=x is a text\"");
    enter("/delete this please");
    assert_string_equal(noted, "");
}

static void an_edit_without_a_text_asks_for_the_present_one(void **state) {
    (void)state;
    lobby_with_messages();
    enter("/edit");
    assert_string_equal(chat.draft, "/edit =13 my last");
    enter("/edit =12");
    assert_string_equal(chat.draft, "/edit =12 mine");
    enter("/edit =99");
    assert_non_null(strstr(notices, "not loaded"));
    assert_string_equal(noted, "");
}

static void what_does_not_fit_into_a_frame_is_told(void **state) {
    (void)state;
    static char topic[70001];
    memset(topic, 'x', sizeof topic - 1);
    chat_set_topic(&chat, topic);
    assert_string_equal(noted, "");
    assert_non_null(strstr(notices, "far too long"));
    assert_null(chat.requests);
    chat_search(&chat, topic);
    enter("/search roses");
    expect_noted("search", "roses");
}

/* Such a post would have been refused with the end of the session, at each connection again. */
static void what_is_not_valid_utf8_is_not_sent(void **state) {
    (void)state;
    enter("caf\xe9");
    enter("/topic caf\xe9");
    enter("/nick \xff");
    assert_string_equal(noted, "");
    assert_int_equal(chat.failures, 3);
    assert_null(chat.model->pending);
    assert_non_null(strstr(notices, "not valid UTF-8"));
}

static void what_still_waits_is_not_passed_over_for_what_was_said_before(void **state) {
    (void)state;
    struct room *room = lobby_with_messages();
    enter("waits");
    noted[0] = '\0';
    enter("/delete");
    enter("/edit other words");
    assert_string_equal(noted, "");
    assert_non_null(strstr(notices, "still waits to be sent"));
    enter("/delete =12");
    expect_noted("delete", "id=12");
    room->selected = room->live.lines[2];
    enter("/delete");
    expect_noted("delete", "id=13");
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, begin, end)

static void an_owned_nick_is_refused_with_what_to_do_about_it(void **state) {
    (void)state;
    struct news news = {.kind = NEWS_LINK,
                        .link_state = LINK_REFUSED,
                        .code = ERROR_NICK_OWNED,
                        .suggestion = wire_text("alice2")};
    chat_apply(&chat, &news);
    assert_string_equal(notices,
                        "The nick alice belongs to somebody else. If that is you: /device add on "
                        "your other device gives a code; begin here with --code CODE.\n"
                        "Else choose another, such as alice2:\n/nick alice2\n");
    assert_int_equal(chat.failures, 1);
}

static void a_refusal_comes_with_what_to_do(void **state) {
    (void)state;
    struct news news = {.kind = NEWS_LINK, .link_state = LINK_REFUSED};
    news.code = ERROR_KEY_REMOVED;
    news.text = wire_text(error_text(ERROR_KEY_REMOVED));
    chat_apply(&chat, &news);
    assert_non_null(strstr(notices, "this device was removed from its account. Another device"));
    notices[0] = '\0';
    news.code = ERROR_NEEDS_INVITATION;
    news.text = wire_text(error_text(ERROR_NEEDS_INVITATION));
    chat_apply(&chat, &news);
    assert_non_null(strstr(notices, "begin with --code CODE.\n"));
    notices[0] = '\0';
    news.code = ERROR_TAKEN_OVER;
    news.text = wire_text(error_text(ERROR_TAKEN_OVER));
    chat_apply(&chat, &news);
    assert_non_null(strstr(notices, "Try again: /reconnect"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        fresh(text_is_posted_to_the_room_shown),
        fresh(blanks_are_not_sent),
        fresh(a_second_slash_makes_a_text_of_a_command),
        fresh(an_unknown_command_sends_nothing),
        fresh(a_command_without_its_argument_says_what_it_wants),
        fresh(every_command_has_a_help_line),
        fresh(joining_shows_the_room_once_it_is_open),
        fresh(a_direct_message_is_sent_when_its_room_is_open),
        fresh(a_person_may_be_named_with_the_mark),
        fresh(a_refused_greeting_names_the_way_out),
        fresh(a_refused_post_comes_back_to_its_writer),
        fresh(a_message_that_is_too_long_is_not_sent),
        fresh(an_outbox_begun_anew_keeps_what_was_still_on_its_way_to_it),
        fresh(what_was_typed_before_the_outbox_was_open_comes_after_what_waits_there),
        fresh(tab_completes_commands_nicks_and_rooms),
        fresh(edits_are_of_the_numbered_the_selected_or_the_last_own_message),
        fresh(an_edit_without_a_text_asks_for_the_present_one),
        fresh(what_does_not_fit_into_a_frame_is_told),
        fresh(what_is_not_valid_utf8_is_not_sent),
        fresh(what_still_waits_is_not_passed_over_for_what_was_said_before),
        fresh(a_refusal_comes_with_what_to_do),
        fresh(an_owned_nick_is_refused_with_what_to_do_about_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
