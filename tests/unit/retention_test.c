/* Retention: what is removed, and that nothing else changes by it. */
#include "rig.h"
#include "archive.h"
#include "clock.h"
#include "page_guard.h"

enum { PATIENCE_MILLISECONDS = 20000 };

static void an_age_or_a_number_is_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t milliseconds;
        uint64_t messages;
    } good[] = {{"90d", 90 * 86400000ull, 0},
                {"36h", 36 * 3600000ull, 0},
                {"2y", 63072000000, 0},
                {"30s", 30000, 0},
                {"5m", 300000, 0},
                {"1w", 604800000, 0},
                {"1", 0, 1},
                {"10000000", 0, 10000000}};
    static const char *const bad[] = {"",
                                      "0",
                                      "0d",
                                      "d",
                                      "-1",
                                      "+5",
                                      "1.5d",
                                      "10 d",
                                      "10x",
                                      "10dd",
                                      "1e3",
                                      " 1",
                                      "99999999999999999999",
                                      "99999999999999999y"};
    struct retention retention;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(retention_parse(good[i].text, &retention));
        assert_true(retention.milliseconds == good[i].milliseconds);
        assert_true(retention.messages == good[i].messages);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (retention_parse(bad[i], &retention))
            fail_msg("'%s' was taken for %llu ms or %llu messages", bad[i],
                     (unsigned long long)retention.milliseconds,
                     (unsigned long long)retention.messages);
}

/* The bodies of the lobby's messages, as pages have them. */
static const char *lobby_bodies(struct rig *rig) {
    static struct buffer found;
    struct archive *archive = archive_open(store_path(rig->store));
    struct buffer events = {0};
    struct message event;
    struct wire_blob payload;
    bool more;
    const struct message_history wish = {.room = 1, .before = PROTOCOL_END, .limit = 500};
    assert_true(archive_page(archive, &wish, &events, &more));
    buffer_clear(&found);
    struct wire_reader reader = {events.data, events.data + events.size};
    while (frame_take(&reader, &payload) == FRAME_READY) {
        assert_int_equal(message_decode(payload, &event), ERROR_NONE);
        if (event.type == MESSAGE_MESSAGE)
            buffer_append(&found, event.message.body.data, event.message.body.size);
    }
    buffer_free(&events);
    archive_close(archive);
    return buffer_string(&found);
}

static void wait_bodies(struct rig *rig, const char *bodies) {
    uint64_t until = clock_monotonic() + PATIENCE_MILLISECONDS;
    while (strcmp(lobby_bodies(rig), bodies) != 0 && clock_monotonic() < until)
        rig_await_change(rig);
    assert_string_equal(lobby_bodies(rig), bodies);
}

static void post_letters(struct rig *rig, const char *letters, uint64_t from) {
    for (uint64_t i = 0; letters[i] != '\0'; i++) {
        const char body[2] = {letters[i], 0};
        post(rig, 1, from + i, 1, body);
        assert_int_equal(expect(rig, MESSAGE_STORED).stored.up_to, from + i);
    }
}

static void restart(struct rig *rig, struct retention retention) {
    forget_rest();
    rig_stop(rig);
    rig->retention = retention;
    rig_start(rig);
}

static void the_oldest_go_when_there_are_more_than_so_many(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    struct message welcome = expect(rig, MESSAGE_WELCOME);
    uint8_t secret[SECRET_BYTES];
    memcpy(secret, welcome.welcome.secret.data, sizeof secret);
    post_letters(rig, "abcdefgh", 1);
    restart(rig, (struct retention){.messages = 3});
    greet(rig, 1, "alice", (struct wire_blob){secret, sizeof secret});
    struct message room = expect(rig, MESSAGE_ROOM);
    uint64_t newest = room.room.newest;
    wait_bodies(rig, "fgh");
    /* Ids and numbers go on, and what was read stays read. */
    post(rig, 1, 9, 1, "i");
    struct message event = expect(rig, MESSAGE_MESSAGE);
    assert_true(event.event.id == newest + 1);
    wait_bodies(rig, "ghi");
    inspect_rig(rig);
    restart(rig, (struct retention){0});
    assert_string_equal(lobby_bodies(rig), "ghi");
    greet(rig, 1, "alice", (struct wire_blob){secret, sizeof secret});
    room = expect(rig, MESSAGE_ROOM);
    assert_true(room.room.newest == newest + 1);
    assert_int_equal(room.room.unread, 3);
    forget_rest();
}

static void all_may_go_and_ids_still_grow(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    post_letters(rig, "abc", 1);
    post(rig, 1, 4, 1, "d");
    uint64_t last = expect(rig, MESSAGE_MESSAGE).event.id;
    restart(rig, (struct retention){.milliseconds = 1});
    wait_bodies(rig, "");
    restart(rig, (struct retention){0});
    greet(rig, 2, "bob", no_secret);
    struct message room = expect(rig, MESSAGE_ROOM);
    assert_true(room.room.position > last);
    assert_int_equal(room.room.unread, 0);
    inspect_rig(rig);
    forget_rest();
}

/* What is told of a room does not change by a restart. */
static void a_room_of_which_nothing_is_left_has_no_newest_event(void **state) {
    struct rig *rig = *state;
    struct message join = {.type = MESSAGE_JOIN};
    uint8_t secret[SECRET_BYTES];
    greet(rig, 1, "alice", no_secret);
    struct message welcome = expect(rig, MESSAGE_WELCOME);
    memcpy(secret, welcome.welcome.secret.data, sizeof secret);
    join.join.name = wire_text("#den");
    send_message(rig, 1, &join);
    post_letters(rig, "abc", 1);
    restart(rig, (struct retention){.milliseconds = 1});
    wait_bodies(rig, "");
    greet(rig, 2, "alice", (struct wire_blob){secret, sizeof secret});
    struct message room;
    do
        room = expect(rig, MESSAGE_ROOM);
    while (!wire_text_equal(room.room.name, wire_text("#den")));
    assert_int_equal(room.room.newest, 0);
    assert_int_equal(room.room.unread, 0);
    forget_rest();
}

/* The text of a message that is removed goes from its later edit too. */
static void an_edit_loses_its_text_with_its_message(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    post(rig, 1, 1, 1, "first");
    struct message edit = {.type = MESSAGE_EDIT};
    edit.edit.room = 1;
    edit.edit.id = expect(rig, MESSAGE_MESSAGE).event.id;
    edit.edit.body = wire_text("edited");
    for (uint64_t number = 2; number <= 4; number++) {
        post(rig, 1, number, 1, "x");
        while (expect(rig, MESSAGE_STORED).stored.up_to < number)
            ;
    }
    send_message(rig, 1, &edit);
    uint64_t id = expect(rig, MESSAGE_EDITED).event.id;
    expect(rig, MESSAGE_DONE);
    restart(rig, (struct retention){.messages = 2});
    wait_bodies(rig, "xx");
    struct archive *archive = archive_open(store_path(rig->store));
    struct buffer frame = {0};
    struct message event;
    assert_int_equal(archive_event(archive, id, &frame), ARCHIVE_FOUND);
    message_decode((struct wire_blob){frame.data + FRAME_HEAD, frame.size - FRAME_HEAD}, &event);
    assert_int_equal(event.type, MESSAGE_EDITED);
    assert_int_equal(event.edited.body.size, 0);
    buffer_free(&frame);
    archive_close(archive);
    inspect_rig(rig);
}

static void an_age_far_away_removes_nothing(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    post_letters(rig, "abc", 1);
    restart(rig, (struct retention){.milliseconds = 3600000});
    greet(rig, 2, "bob", no_secret);
    expect(rig, MESSAGE_ROOM);
    post(rig, 2, 1, 1, "d");
    expect(rig, MESSAGE_STORED);
    assert_string_equal(lobby_bodies(rig), "abcd");
    forget_rest();
}

#define rigged(test) cmocka_unit_test_setup_teardown(test, rig_make, rig_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_age_or_a_number_is_read),
        rigged(the_oldest_go_when_there_are_more_than_so_many),
        rigged(all_may_go_and_ids_still_grow),
        rigged(a_room_of_which_nothing_is_left_has_no_newest_event),
        rigged(an_edit_loses_its_text_with_its_message),
        rigged(an_age_far_away_removes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
