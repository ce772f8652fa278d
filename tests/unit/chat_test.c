/* The controller, its commands and completion, over a network that only notes what it is asked. */
#include "test.h"
#include "commands.h"
#include "complete.h"

static struct chat chat;
static char noted[4096];   /* what the network was asked, a line each */
static char notices[4096]; /* what the user was told */

static void note(const char *what, struct wire_text text) {
    size_t used = strlen(noted);
    snprintf(noted + used, sizeof noted - used, "%s%.*s\n", what, (int)text.size, text.data);
}

void net_post(struct net *net, uint32_t room, struct wire_text body) {
    char what[32];
    (void)net;
    snprintf(what, sizeof what, "post %u ", room);
    note(what, body);
}

bool net_request(struct net *net, const struct message *request) {
    struct buffer line = {0}, frame = {0};
    (void)net;
    message_encode(&frame, request);
    bool encoded = !frame.failed;
    if (encoded) {
        message_print(&line, request);
        note("", wire_text(buffer_string(&line)));
    }
    buffer_free(&line);
    buffer_free(&frame);
    return encoded;
}

void net_history(struct net *net, const struct message_history *wish) {
    char what[64];
    (void)net;
    snprintf(what, sizeof what, "history %u %llu..%llu", wish->room,
             (unsigned long long)wish->after, (unsigned long long)wish->before);
    note(what, wire_text(""));
}

void net_tell_read(struct net *net, uint32_t room, uint64_t id) {
    char what[64];
    (void)net;
    snprintf(what, sizeof what, "read %u %llu", room, (unsigned long long)id);
    note(what, wire_text(""));
}

void net_rename(struct net *net, const char *nick) {
    (void)net;
    note("rename ", wire_text(nick));
}

void net_retry(struct net *net) {
    (void)net;
    note("retry", wire_text(""));
}

static void take_notice(void *context, const char *text) {
    size_t used = strlen(notices);
    (void)context;
    snprintf(notices + used, sizeof notices - used, "%s\n", text);
}

static void answer(const struct message *message) {
    struct news news = {.kind = NEWS_ANSWER, .message = *message};
    chat_apply(&chat, &news);
}

static int begin(void **state) {
    (void)state;
    chat_init(&chat, "#lobby", "alice");
    chat.sink = (struct chat_sink){.notice = take_notice};
    struct news outbox = {.kind = NEWS_OUTBOX, .outbox = 99, .number = 1, .not_taken = 1};
    struct news online = {.kind = NEWS_LINK, .link_state = LINK_ONLINE};
    chat_apply(&chat, &outbox);
    chat_apply(&chat, &online);
    struct message room = {.type = MESSAGE_ROOM};
    room.room.room = 1;
    room.room.name = wire_text("#lobby");
    answer(&room);
    struct message people = {.type = MESSAGE_PEOPLE};
    people.people.tag = chat.next_tag;
    people.people.room = 1;
    answer(&people);
    noted[0] = '\0';
    notices[0] = '\0';
    return 0;
}

static int end(void **state) {
    (void)state;
    chat_free(&chat);
    return 0;
}

static void enter(const char *text) {
    commands_enter(&chat, text, strlen(text));
}

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
}

/* A message arrives as news; actor 7 is the user. */
static void arrives(uint64_t id, uint32_t actor, const char *body, bool first) {
    struct message event = {.type = MESSAGE_MESSAGE};
    struct buffer frame = {0};
    event.event = (struct event_head){.id = id, .time = id, .room = 1, .actor = actor};
    event.message.nick = wire_text(actor == 7 ? "alice" : "bob");
    event.message.body = wire_text(body);
    message_encode(&frame, &event);
    struct news news = {.kind = NEWS_EVENTS, .room = 1, .reset = first};
    news.frames = (struct wire_blob){frame.data, frame.size};
    chat_apply(&chat, &news);
    buffer_free(&frame);
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

static struct room *lobby_with_messages(void) {
    chat.model->account = 7;
    arrives(11, 5, "bob's", true);
    arrives(12, 7, "mine", false);
    arrives(13, 7, "my last", false);
    noted[0] = '\0';
    return model_current(chat.model);
}

static void expect_noted(const char *first, const char *second) {
    if (strstr(noted, first) == NULL || strstr(noted, second) == NULL)
        fail_msg("'%s' has not both '%s' and '%s'", noted, first, second);
    noted[0] = '\0';
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

static void only_the_newest_search_is_answered(void **state) {
    (void)state;
    enter("/search roses");
    uint32_t first = chat.next_tag;
    enter("/search tulips");
    find(first, 8, "roses");
    assert_string_equal(notices, "");
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

static void a_search_is_sent_as_it_was_meant(void **state) {
    (void)state;
    enter("/search from:bob \"red roses\" in:#LOBBY after:2026-11-25");
    expect_noted("room=1", "from=\"bob\"");
    enter("/search");
    assert_string_equal(noted, "");
    assert_non_null(strstr(notices, "still under way"));
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
        fresh(a_refused_greeting_names_the_way_out),
        fresh(a_refused_post_comes_back_to_its_writer),
        fresh(a_message_that_is_too_long_is_not_sent),
        fresh(an_outbox_begun_anew_keeps_what_was_still_on_its_way_to_it),
        fresh(what_was_typed_before_the_outbox_was_open_comes_after_what_waits_there),
        fresh(tab_completes_commands_nicks_and_rooms),
        fresh(edits_are_of_the_numbered_the_selected_or_the_last_own_message),
        fresh(an_edit_without_a_text_asks_for_the_present_one),
        fresh(only_the_newest_search_is_answered),
        fresh(a_hit_has_the_text_that_it_was_given_since_it_was_asked_for),
        fresh(a_page_read_before_an_edit_is_asked_for_again),
        fresh(what_does_not_fit_into_a_frame_is_told),
        fresh(a_search_is_sent_as_it_was_meant),
        fresh(a_hit_opens_by_its_number),
        fresh(what_was_read_is_told_once_a_second_at_most),
        fresh(another_client_of_the_person_may_have_read),
        fresh(a_room_opens_where_the_reading_ended),
        fresh(ones_own_messages_are_passed_over_on_the_way_to_the_first_unread),
        fresh(a_place_further_down_is_not_where_the_reading_went_on),
        fresh(what_still_waits_is_not_passed_over_for_what_was_said_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
