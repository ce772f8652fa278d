/* What is posted: published, acknowledged, stored, found again. */
#include "rig.h"
#include "archive.h"

static void a_post_is_published_and_then_acknowledged(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    expect(rig, MESSAGE_WELCOME);
    post(rig, 1, 1, 1, "hello");
    struct message event = expect(rig, MESSAGE_MESSAGE);
    assert_true(wire_text_equal(event.message.body, wire_text("hello")));
    assert_true(wire_text_equal(event.message.nick, wire_text("alice")));
    assert_int_equal(expect(rig, MESSAGE_STORED).stored.up_to, 1);
    forget_rest();
}

static void a_repeated_post_is_acknowledged_but_stored_once(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    expect(rig, MESSAGE_WELCOME);
    post(rig, 1, 1, 1, "once");
    post(rig, 1, 1, 1, "once");
    post(rig, 1, 2, 1, "two");
    uint64_t first = expect(rig, MESSAGE_MESSAGE).event.id;
    assert_int_equal(expect(rig, MESSAGE_MESSAGE).event.id, first + 1);
    forget_rest();
}

static void a_gap_in_the_numbers_ends_the_session(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    expect(rig, MESSAGE_WELCOME);
    post(rig, 1, 2, 1, "too early");
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_OUT_OF_ORDER);
    assert_int_equal(current->kind, INBOX_END);
    forget_rest();
}

static void what_follows_a_refused_post_is_void_until_its_number_comes_again(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    expect(rig, MESSAGE_WELCOME);
    post(rig, 1, 1, 77, "no such room");
    post(rig, 1, 2, 1, "void");
    post(rig, 1, 1, 1, "again");
    struct message refused = expect(rig, MESSAGE_REFUSED);
    assert_int_equal(refused.refused.number, 1);
    assert_int_equal(refused.refused.code, ERROR_NOT_A_MEMBER);
    struct message event = expect(rig, MESSAGE_MESSAGE);
    assert_true(wire_text_equal(event.message.body, wire_text("again")));
    assert_int_equal(expect(rig, MESSAGE_STORED).stored.up_to, 1);
    forget_rest();
}

static void everything_is_there_after_a_restart(void **state) {
    struct rig *rig = *state;
    uint8_t secret[SECRET_BYTES];
    greet(rig, 1, "alice", no_secret);
    struct message welcome = expect(rig, MESSAGE_WELCOME);
    memcpy(secret, welcome.welcome.secret.data, SECRET_BYTES);
    uint32_t account = welcome.welcome.account;
    struct message join = {.type = MESSAGE_JOIN};
    join.join.name = wire_text("#garden");
    send_message(rig, 1, &join);
    uint32_t garden = 0;
    while (garden < 2)
        garden = expect(rig, MESSAGE_ROOM).room.room;
    post(rig, 1, 1, garden, "roses");
    uint64_t id = expect(rig, MESSAGE_MESSAGE).event.id;
    struct message topic = {.type = MESSAGE_SET_TOPIC};
    topic.set_topic.room = garden;
    topic.set_topic.topic = wire_text("flowers");
    send_message(rig, 1, &topic);
    expect(rig, MESSAGE_DONE);
    forget_rest();
    rig_stop(rig);
    rig_start(rig);
    greet(rig, 3, "alice", (struct wire_blob){secret, sizeof secret});
    welcome = expect(rig, MESSAGE_WELCOME);
    assert_int_equal(welcome.welcome.account, account);
    assert_int_equal(welcome.welcome.up_to, 1);
    assert_int_equal(welcome.welcome.rooms, 2);
    struct message room = expect(rig, MESSAGE_ROOM);
    if (room.room.room != garden)
        room = expect(rig, MESSAGE_ROOM);
    assert_true(wire_text_equal(room.room.name, wire_text("#garden")));
    assert_true(wire_text_equal(room.room.topic, wire_text("flowers")));
    post(rig, 3, 2, garden, "tulips");
    assert_in_range(expect(rig, MESSAGE_MESSAGE).event.id, id + 1, id + 100);
    forget_rest();
}

static void a_taken_nick_is_refused_with_a_free_one_like_it(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    expect(rig, MESSAGE_WELCOME);
    greet(rig, 2, "ALICE", no_secret);
    struct message error = expect(rig, MESSAGE_ERROR);
    assert_int_equal(error.error.code, ERROR_NICK_TAKEN);
    assert_true(wire_text_equal(error.error.suggestion, wire_text("ALICE2")));
    forget_rest();
}

static void the_secret_takes_over_a_stale_session(void **state) {
    struct rig *rig = *state;
    uint8_t secret[SECRET_BYTES];
    greet(rig, 1, "alice", no_secret);
    struct message welcome = expect(rig, MESSAGE_WELCOME);
    memcpy(secret, welcome.welcome.secret.data, SECRET_BYTES);
    greet(rig, 2, "alice", (struct wire_blob){secret, sizeof secret});
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_TAKEN_OVER);
    assert_int_equal(session_slot(current->session), 1);
    expect(rig, MESSAGE_WELCOME);
    assert_int_equal(session_slot(current->session), 2);
    forget_rest();
}

static void a_direct_room_has_both_members_and_is_found_again(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    greet(rig, 2, "bob", no_secret);
    expect(rig, MESSAGE_WELCOME);
    expect(rig, MESSAGE_WELCOME);
    expect(rig, MESSAGE_ROOM);
    struct message direct = {.type = MESSAGE_DIRECT};
    direct.direct.tag = 5;
    direct.direct.nick = wire_text("Bob");
    send_message(rig, 1, &direct);
    struct message room = expect(rig, MESSAGE_ROOM);
    uint32_t number = room.room.room;
    assert_int_equal(room.room.kind, ROOM_DIRECT);
    assert_int_equal(room.room.tag, 5);
    assert_true(wire_text_equal(room.room.name, wire_text("bob")));
    room = expect(rig, MESSAGE_ROOM);
    assert_int_equal(session_slot(current->session), 2);
    assert_true(wire_text_equal(room.room.name, wire_text("alice")));
    direct.direct.nick = wire_text("alice");
    send_message(rig, 2, &direct);
    assert_int_equal(expect(rig, MESSAGE_ROOM).room.room, number);
    forget_rest();
}

static void who_left_gets_nothing_more_and_may_not_post(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    expect(rig, MESSAGE_WELCOME);
    struct message leave = {.type = MESSAGE_LEAVE};
    leave.leave.room = 1;
    send_message(rig, 1, &leave);
    expect(rig, MESSAGE_GONE);
    assert_int_equal(current->kind, INBOX_UNSUBSCRIBE);
    post(rig, 1, 1, 1, "still here?");
    assert_int_equal(expect(rig, MESSAGE_REFUSED).refused.code, ERROR_NOT_A_MEMBER);
    forget_rest();
}

/* Reads a page of a room straight from the store's file. */
static void expect_page(struct rig *rig, struct message_history wish, const char *bodies,
                        bool expected_more) {
    struct archive *archive = archive_open(store_path(rig->store));
    struct buffer events = {0}, found = {0};
    struct wire_blob payload;
    bool more;
    wish.room = 1;
    assert_true(archive_page(archive, &wish, &events, &more));
    struct wire_reader reader = {events.data, events.data + events.size};
    while (frame_take(&reader, &payload) == FRAME_READY) {
        struct message event;
        assert_int_equal(message_decode(payload, &event), ERROR_NONE);
        if (event.type == MESSAGE_MESSAGE)
            buffer_append(&found, event.message.body.data, event.message.body.size);
    }
    assert_string_equal(buffer_string(&found), bodies);
    assert_int_equal(more, expected_more);
    buffer_free(&found);
    buffer_free(&events);
    archive_close(archive);
}

static bool note_last_id(void *context, struct wire_blob frames, uint64_t last_id) {
    (void)frames;
    *(uint64_t *)context = last_id;
    return true;
}

static void pages_are_cut_anywhere_between_two_events(void **state) {
    struct rig *rig = *state;
    uint64_t ids[8];
    greet(rig, 1, "alice", no_secret);
    expect(rig, MESSAGE_WELCOME);
    /* Some alone, some together in one commit: the page does not show where segments end. */
    for (uint64_t i = 0; i < 8; i++) {
        char body[2] = {(char)('a' + i), 0};
        post(rig, 1, i + 1, 1, body);
        while (i % 3 != 0 && expect(rig, MESSAGE_STORED).stored.up_to < i + 1)
            continue;
    }
    forget_rest();
    struct archive *archive = archive_open(store_path(rig->store));
    assert_true(archive_walk(archive, 0, note_last_id, &ids[7]));
    archive_close(archive);
    for (int i = 6; i >= 0; i--)
        ids[i] = ids[i + 1] - 1;
    const uint64_t end = PROTOCOL_END;
    expect_page(rig, (struct message_history){.before = end, .limit = 100}, "abcdefgh", false);
    expect_page(rig, (struct message_history){.before = end, .limit = 3}, "abc", true);
    expect_page(rig, (struct message_history){.before = end, .limit = 3, .newest = 1}, "fgh", true);
    expect_page(rig, (struct message_history){.before = ids[5], .limit = 2, .newest = 1}, "de",
                true);
    expect_page(rig, (struct message_history){.after = ids[2], .before = end, .limit = 2}, "de",
                true);
    expect_page(rig, (struct message_history){.after = ids[5], .before = end, .limit = 9}, "gh",
                false);
    expect_page(
        rig, (struct message_history){.after = ids[1], .before = ids[4], .limit = 9, .newest = 1},
        "cd", false);
    expect_page(rig, (struct message_history){.after = ids[7], .before = end, .limit = 9}, "",
                false);
}

static void who_left_a_room_of_two_is_in_it_again_when_the_other_speaks(void **state) {
    struct rig *rig = *state;
    struct message direct = {.type = MESSAGE_DIRECT};
    struct message leave = {.type = MESSAGE_LEAVE};
    direct.direct.nick = wire_text("bob");
    greet(rig, 1, "alice", no_secret);
    greet(rig, 2, "bob", no_secret);
    expect(rig, MESSAGE_JOINED);
    expect(rig, MESSAGE_JOINED);
    send_message(rig, 1, &direct);
    struct message room;
    do
        room = expect(rig, MESSAGE_ROOM);
    while (room.room.kind != ROOM_DIRECT);
    leave.leave.room = room.room.room;
    send_message(rig, 2, &leave);
    expect(rig, MESSAGE_GONE);
    post(rig, 1, 1, leave.leave.room, "are you there?");
    do
        room = expect(rig, MESSAGE_ROOM);
    while (session_slot(current->session) != 2);
    assert_int_equal(room.room.unread, 0);
    assert_true(room.room.room == leave.leave.room);
    assert_true(
        wire_text_equal(expect(rig, MESSAGE_MESSAGE).message.body, wire_text("are you there?")));
    forget_rest();
}

static void a_person_is_in_so_many_rooms_at_most(void **state) {
    struct rig *rig = *state;
    struct message join = {.type = MESSAGE_JOIN};
    greet(rig, 1, "alice", no_secret);
    join.join.tag = 7;
    for (int i = 1; i <= ROOMS_PER_PERSON_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "#room%d", i);
        join.join.name = wire_text(name);
        send_message(rig, 1, &join);
    }
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_TOO_MANY_ROOMS);
    forget_rest();
}

/* Requests whose outcome is far larger than they are: batches end when they are large enough, and
 * everything is answered. */
static void a_flood_of_requests_is_answered_batch_by_batch(void **state) {
    struct rig *rig = *state;
    struct message list = {.type = MESSAGE_LIST};
    struct message join = {.type = MESSAGE_JOIN};
    greet(rig, 1, "alice", no_secret);
    for (int i = 0; i < 200; i++) {
        char name[40];
        snprintf(name, sizeof name, "#a-rather-long-name-of-a-room-%d", i);
        join.join.name = wire_text(name);
        send_message(rig, 1, &join);
    }
    for (uint32_t tag = 1; tag <= 2000; tag++) {
        list.list.tag = tag;
        send_message(rig, 1, &list);
    }
    for (uint32_t tag = 1; tag <= 2000; tag++) {
        assert_int_equal(expect(rig, MESSAGE_ROOMS).rooms.tag, tag);
        assert_in_range(current->frames->size, 1, 5 << 20);
    }
    forget_rest();
}

static void a_full_disk_refuses_posts_and_everything_goes_on_when_it_is_freed(void **state) {
    struct rig *rig = *state;
    struct message join = {.type = MESSAGE_JOIN};
    greet(rig, 1, "alice", no_secret);
    expect(rig, MESSAGE_WELCOME);
    post(rig, 1, 1, 1, "before");
    expect(rig, MESSAGE_STORED);
    limit_files(4096);
    post(rig, 1, 2, 1, "on a full disk");
    struct message refused = expect(rig, MESSAGE_REFUSED);
    assert_int_equal(refused.refused.number, 2);
    assert_int_equal(refused.refused.code, ERROR_STORAGE);
    join.join.tag = 5;
    join.join.name = wire_text("#new");
    send_message(rig, 1, &join);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_STORAGE);
    greet(rig, 2, "bob", no_secret);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_STORAGE);
    expect_page(rig, (struct message_history){.before = PROTOCOL_END, .limit = 9}, "before", false);
    limit_files(RLIM_INFINITY);
    post(rig, 1, 2, 1, "after");
    assert_int_equal(expect(rig, MESSAGE_STORED).stored.up_to, 2);
    send_message(rig, 1, &join);
    assert_true(wire_text_equal(expect(rig, MESSAGE_ROOM).room.name, wire_text("#new")));
    greet(rig, 3, "bob", no_secret);
    expect(rig, MESSAGE_WELCOME);
    forget_rest();
    expect_page(rig, (struct message_history){.before = PROTOCOL_END, .limit = 9}, "beforeafter",
                false);
}

static struct message_room expect_room(struct rig *rig, uint32_t number) {
    struct message message;
    do
        message = expect(rig, MESSAGE_ROOM);
    while (message.room.room != number);
    return message.room;
}

/* All of it in one commit; what was said before somebody came is not unread, also when they come
 * again, and what was said afterwards is. */
static void who_comes_between_two_messages_has_read_the_first(void **state) {
    struct rig *rig = *state;
    uint8_t bytes[SECRET_BYTES];
    const struct wire_blob secret = {bytes, sizeof bytes};
    struct message join = {.type = MESSAGE_JOIN};
    struct message leave = {.type = MESSAGE_LEAVE};
    greet(rig, 1, "alice", no_secret);
    join.join.name = wire_text("#tea");
    send_message(rig, 1, &join);
    uint32_t tea = expect_room(rig, 2).room;
    rig_gather(rig);
    post(rig, 1, 1, 1, "before");
    post(rig, 1, 2, tea, "before");
    greet(rig, 2, "ben", no_secret);
    send_message(rig, 2, &join);
    post(rig, 1, 3, tea, "between");
    post(rig, 1, 4, 1, "after");
    post(rig, 1, 5, 1, "after");
    leave.leave.room = tea;
    send_message(rig, 2, &leave);
    post(rig, 1, 6, tea, "between");
    send_message(rig, 2, &join);
    post(rig, 1, 7, tea, "after");
    rig_go_on(rig);
    struct message_welcome welcome = expect(rig, MESSAGE_WELCOME).welcome;
    assert_int_equal(welcome.secret.size, sizeof bytes);
    memcpy(bytes, welcome.secret.data, sizeof bytes);
    struct message_room room = expect_room(rig, 1);
    assert_int_equal(room.unread, 0);
    assert_int_equal(room.read, room.newest);
    const uint64_t read = room.read;
    room = expect_room(rig, tea);
    room = expect_room(rig, tea);
    assert_int_equal(room.unread, 0);
    assert_int_equal(room.read, room.newest);
    for (int i = 0; i < 2; i++) {
        greet(rig, 3, "ben", secret);
        room = expect_room(rig, 1);
        assert_int_equal(room.unread, 2);
        assert_int_equal(room.read, read);
        assert_int_equal(expect_room(rig, tea).unread, 1);
        forget_rest();
        if (i == 0) {
            rig_stop(rig);
            rig_start(rig);
        }
    }
}

/* Whether the segment in brief says the same as the whole one; how much of it goes on. */
static unsigned compare_brief(const struct segment *whole, const struct segment *brief) {
    struct wire_reader reader = {whole->bytes, whole->bytes + whole->size};
    struct wire_reader brief_reader = {brief->bytes, brief->bytes + brief->size};
    struct message wanted, told = {0}, last = {0};
    struct wire_blob payload;
    unsigned further = 0;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        assert_int_equal(message_decode(payload, &wanted), ERROR_NONE);
        assert_int_equal(frame_take(&brief_reader, &payload), FRAME_READY);
        assert_int_equal(message_decode(payload, &told), ERROR_NONE);
        if (told.type == MESSAGE_FURTHER) {
            assert_int_equal(last.type, MESSAGE_MESSAGE);
            further++;
            last.event.id++;
            last.message.number++;
            last.message.body = told.further.body;
        } else {
            last = told;
        }
        assert_int_equal(last.type, wanted.type);
        assert_int_equal(last.event.id, wanted.event.id);
        assert_int_equal(last.event.actor, wanted.event.actor);
        if (wanted.type != MESSAGE_MESSAGE)
            continue;
        assert_true(wire_text_equal(last.message.nick, wanted.message.nick));
        assert_true(wire_text_equal(last.message.body, wanted.message.body));
        assert_int_equal(last.message.outbox, wanted.message.outbox);
        assert_int_equal(last.message.number, wanted.message.number);
    }
    assert_int_equal(frame_take(&brief_reader, &payload), FRAME_MORE);
    return further;
}

/* A rename, an edit and another author come between; so does the end of a segment. */
static void what_is_told_in_brief_is_the_same(void **state) {
    struct rig *rig = *state;
    static char large[16000];
    struct message rename = {.type = MESSAGE_RENAME};
    struct message edit = {.type = MESSAGE_EDIT};
    memset(large, 'x', sizeof large - 1);
    greet(rig, 1, "alice", no_secret);
    greet(rig, 2, "ben", no_secret);
    post(rig, 1, 1, 1, "first");
    edit.edit.room = 1;
    edit.edit.id = expect(rig, MESSAGE_MESSAGE).event.id;
    edit.edit.body = wire_text("changed");
    forget_rest();
    rig_gather(rig);
    post(rig, 1, 2, 1, "two");
    post(rig, 1, 3, 1, "three");
    rename.rename.nick = wire_text("alicia");
    send_message(rig, 1, &rename);
    post(rig, 1, 4, 1, "four");
    post(rig, 1, 5, 1, "five");
    post(rig, 2, 1, 1, "of ben's");
    post(rig, 1, 6, 1, "six");
    send_message(rig, 1, &edit);
    post(rig, 1, 7, 1, "seven");
    for (uint64_t number = 8; number <= 12; number++)
        post(rig, 1, number, 1, large);
    rig_go_on(rig);
    unsigned further = 0;
    for (uint64_t stored = 0; stored < 12;) {
        struct inbox_item *item = (struct inbox_item *)queue_wait_one(rig->inbox);
        struct wire_reader reader = {item->frames->bytes, item->frames->bytes + item->frames->size};
        struct wire_blob payload;
        struct message message;
        if (item->brief != NULL)
            further += compare_brief(item->frames, item->brief);
        while (frame_take(&reader, &payload) == FRAME_READY)
            if (message_decode(payload, &message) == ERROR_NONE && message.type == MESSAGE_STORED)
                stored = message.stored.up_to;
        inbox_free(item);
    }
    /* Three, five, and of the large ones two or three, as two fill a segment. */
    assert_in_range(further, 4, 6);
}

#define rigged(test) cmocka_unit_test_setup_teardown(test, rig_make, rig_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        rigged(a_post_is_published_and_then_acknowledged),
        rigged(a_repeated_post_is_acknowledged_but_stored_once),
        rigged(a_gap_in_the_numbers_ends_the_session),
        rigged(what_follows_a_refused_post_is_void_until_its_number_comes_again),
        rigged(everything_is_there_after_a_restart),
        rigged(a_taken_nick_is_refused_with_a_free_one_like_it),
        rigged(the_secret_takes_over_a_stale_session),
        rigged(a_direct_room_has_both_members_and_is_found_again),
        rigged(who_left_gets_nothing_more_and_may_not_post),
        rigged(who_left_a_room_of_two_is_in_it_again_when_the_other_speaks),
        rigged(a_person_is_in_so_many_rooms_at_most),
        rigged(what_is_told_in_brief_is_the_same),
        rigged(who_comes_between_two_messages_has_read_the_first),
        rigged(a_flood_of_requests_is_answered_batch_by_batch),
        rigged(pages_are_cut_anywhere_between_two_events),
        rigged(a_full_disk_refuses_posts_and_everything_goes_on_when_it_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
