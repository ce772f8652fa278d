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

void net_request(struct net *net, const struct message *request) {
    struct buffer line = {0};
    (void)net;
    message_print(&line, request);
    note("", wire_text(buffer_string(&line)));
    buffer_free(&line);
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
    struct news outbox = {.kind = NEWS_OUTBOX, .outbox = 99, .number = 1};
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
    expect_matches("zz", "zz", 0, "");
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
        fresh(tab_completes_commands_nicks_and_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
