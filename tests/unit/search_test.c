/* The index follows the log, and a search finds what is there now and nothing else. */
#include "rig.h"
#include "archive.h"
#include "clock.h"
#include "index_search.h"

enum { PATIENCE_MILLISECONDS = 20000, SEARCH_MILLISECONDS = 1000 };

static const uint32_t lobby = 1;

/* Appends the bodies of the hits, each with a | behind it. */
static void add_bodies(struct buffer *found, const struct buffer *events) {
    struct wire_reader reader = {events->data, events->data + events->size};
    struct message event;
    struct wire_blob payload;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        assert_int_equal(message_decode(payload, &event), ERROR_NONE);
        buffer_append(found, event.message.body.data, event.message.body.size);
        buffer_append_string(found, "|");
    }
}

/* The bodies that a search finds in the rooms, newest first, each with a | behind it. */
static const char *find_in(struct rig *rig, struct message_search wish, uint32_t *rooms,
                           size_t room_count) {
    static struct buffer found;
    struct archive *archive = archive_open(store_path(rig->store));
    struct index_search *search = index_search_open(rig->folder, SEARCH_MILLISECONDS);
    struct buffer events = {0};
    uint64_t looked_to;
    assert_non_null(search);
    wish.before = wish.before != 0 ? wish.before : PROTOCOL_END;
    wish.limit = wish.limit != 0 ? wish.limit : 100;
    assert_int_equal(
        index_search_run(search, archive, &wish, rooms, room_count, &events, &looked_to),
        INDEX_FOUND);
    buffer_clear(&found);
    add_bodies(&found, &events);
    buffer_append_string(&found, looked_to != 0 ? "…" : "");
    index_search_close(search);
    archive_close(archive);
    buffer_free(&events);
    return buffer_string(&found);
}

static const char *find(struct rig *rig, struct message_search wish, uint32_t room) {
    return find_in(rig, wish, &room, 1);
}

static const char *find_words(struct rig *rig, const char *words) {
    return find(rig, (struct message_search){.words = wire_text(words)}, lobby);
}

/* The index is a moment behind the log. */
static void wait_found(struct rig *rig, const char *words, const char *bodies) {
    uint64_t until = clock_monotonic() + PATIENCE_MILLISECONDS;
    while (strcmp(find_words(rig, words), bodies) != 0 && clock_monotonic() < until)
        rig_await_change(rig);
    assert_string_equal(find_words(rig, words), bodies);
}

static uint64_t post_body(struct rig *rig, uint32_t session, uint64_t number, const char *body) {
    post(rig, session, number, 1, body);
    return expect(rig, MESSAGE_MESSAGE).event.id;
}

static void words_phrases_and_beginnings(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    post_body(rig, 1, 1, "the quick brown fox");
    post_body(rig, 1, 2, "a quick red fox, and brown");
    post_body(rig, 1, 3, "a \"quoted\" foxtrot AND (syntax*");
    static const char first[] = "the quick brown fox|";
    static const char second[] = "a quick red fox, and brown|";
    static const char third[] = "a \"quoted\" foxtrot AND (syntax*|";
    static const char both[] = "a quick red fox, and brown|the quick brown fox|";
    const struct {
        const char *words;
        const char *bodies;
    } rows[] = {
        {"fox", both},
        {"FOX brówn", both},
        {"\"brown fox\"", first},
        {"\"fox brown\"", ""},
        {"brown\"the quick\"", first},
        {"\"no end to it", ""},
        {"\"quick red", second},
        {"foxt*", third},
        {"fox* red", second},
        {"\"quick br\"*", first},
        {"quoted", third},
        {"AND (syntax*", third},
        {"body", ""},
        {"r1", ""},
        {"alice", ""},
        {"' OR 1 --", ""},
        {"!!!", ""},
        {"fox NEAR(", ""},
        {"{keys}:r1", ""},
        {"^fox", both},
    };
    wait_found(rig, "quoted", third);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *found = find_words(rig, rows[i].words);
        if (strcmp(found, rows[i].bodies) != 0)
            fail_msg("'%s' finds '%s' instead of '%s'", rows[i].words, found, rows[i].bodies);
    }
    /* The same in a room that one is not asking for. */
    assert_string_equal(find(rig, (struct message_search){.words = wire_text("fox")}, 2), "");
    forget_rest();
}

static void by_nick(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "Alice", no_secret);
    greet(rig, 2, "alice-b", no_secret);
    post_body(rig, 1, 1, "by alice");
    post_body(rig, 2, 1, "by b, of alice");
    wait_found(rig, "alice", "by b, of alice|by alice|");
    struct message_search wish = {.from = wire_text("ALICE")};
    assert_string_equal(find(rig, wish, lobby), "by alice|");
    wish.from = wire_text("alice-b");
    assert_string_equal(find(rig, wish, lobby), "by b, of alice|");
    wish.words = wire_text("nothing");
    assert_string_equal(find(rig, wish, lobby), "");
    wish.from = wire_text("not a nick, is it");
    wish.words = wire_text("alice");
    assert_string_equal(find(rig, wish, lobby), "");
    forget_rest();
}

static void by_time_and_by_the_page(void **state) {
    struct rig *rig = *state;
    uint64_t ids[5];
    greet(rig, 1, "alice", no_secret);
    for (uint64_t i = 0; i < 5; i++) {
        char body[8] = {'n', 'o', ' ', (char)('1' + i), 0};
        ids[i] = post_body(rig, 1, i + 1, body);
        uint64_t moment = clock_wall();
        while (clock_wall() == moment)
            ;
    }
    wait_found(rig, "5", "no 5|");
    struct archive *archive = archive_open(store_path(rig->store));
    struct buffer frame = {0};
    struct message third;
    assert_int_equal(archive_event(archive, ids[2], &frame), ARCHIVE_FOUND);
    message_decode((struct wire_blob){frame.data + FRAME_HEAD, frame.size - FRAME_HEAD}, &third);
    uint64_t time = third.event.time;
    buffer_free(&frame);
    archive_close(archive);
    assert_string_equal(find(rig, (struct message_search){.since = time}, lobby),
                        "no 5|no 4|no 3|");
    assert_string_equal(find(rig, (struct message_search){.until = time}, lobby), "no 2|no 1|");
    assert_string_equal(find(rig, (struct message_search){.since = time, .until = time + 1}, lobby),
                        "no 3|");
    const uint64_t day = 24ull * 60 * 60 * 1000;
    assert_string_equal(find(rig, (struct message_search){.until = time - 2 * day}, lobby), "");
    assert_string_equal(find(rig, (struct message_search){.since = time + 2 * day}, lobby), "");
    struct message_search page = {.words = wire_text("no"), .limit = 2};
    assert_string_equal(find(rig, page, lobby), "no 5|no 4|…");
    page.before = ids[3];
    assert_string_equal(find(rig, page, lobby), "no 3|no 2|…");
    page.before = ids[1];
    assert_string_equal(find(rig, page, lobby), "no 1|");
    forget_rest();
}

static void send_change(struct rig *rig, uint64_t id, const char *body) {
    struct message change = {.type = body != NULL ? MESSAGE_EDIT : MESSAGE_DELETE};
    if (body != NULL) {
        change.edit.room = 1;
        change.edit.id = id;
        change.edit.body = wire_text(body);
    } else {
        change.delete.room = 1;
        change.delete.id = id;
    }
    send_message(rig, 1, &change);
    expect(rig, MESSAGE_DONE);
}

static void what_was_changed_is_found_as_it_is_now(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    uint64_t id = post_body(rig, 1, 1, "a coconut");
    post_body(rig, 1, 2, "another coconut");
    wait_found(rig, "coconut", "another coconut|a coconut|");
    send_change(rig, id, "a banana");
    wait_found(rig, "banana", "a banana|");
    wait_found(rig, "coconut", "another coconut|");
    send_change(rig, id, NULL);
    wait_found(rig, "banana", "");
    /* An index made anew has the same. */
    forget_rest();
    rig_stop(rig);
    char path[64];
    snprintf(path, sizeof path, "%s/search.db", rig->folder);
    assert_int_equal(unlink(path), 0);
    rig_start(rig);
    wait_found(rig, "coconut", "another coconut|");
    assert_string_equal(find_words(rig, "banana"), "");
}

/* What is common elsewhere does not hide what is rare here. */
static void in_several_rooms(void **state) {
    struct rig *rig = *state;
    struct message join = {.type = MESSAGE_JOIN};
    uint32_t rooms[3];
    greet(rig, 1, "alice", no_secret);
    for (size_t i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "#room%zu", i);
        join.join.tag = 1;
        join.join.name = wire_text(name);
        send_message(rig, 1, &join);
        do
            rooms[i] = expect(rig, MESSAGE_ROOM).room.room;
        while (rooms[i] == lobby);
    }
    post(rig, 1, 1, rooms[0], "rare one");
    post(rig, 1, 2, rooms[1], "rare two");
    for (uint64_t number = 3; number <= 1200; number++)
        post(rig, 1, number, lobby, "rare and common");
    post(rig, 1, 1201, rooms[2], "the end");
    while (expect(rig, MESSAGE_STORED).stored.up_to < 1201)
        ;
    uint64_t until = clock_monotonic() + PATIENCE_MILLISECONDS;
    const struct message_search end = {.words = wire_text("end")};
    while (strcmp(find(rig, end, rooms[2]), "the end|") != 0 && clock_monotonic() < until)
        rig_await_change(rig);
    struct message_search wish = {.words = wire_text("rare")};
    uint32_t quiet[] = {rooms[1], rooms[2], rooms[0]};
    assert_string_equal(find_in(rig, wish, quiet, 3), "rare two|rare one|");
    wish.limit = 1;
    assert_string_equal(find_in(rig, wish, quiet, 3), "rare two|…");
    wish = (struct message_search){.since = 1};
    assert_string_equal(find_in(rig, wish, quiet, 3), "the end|rare two|rare one|");
    forget_rest();
}

enum { QUIET_EVERY = 1000, MANY = 9000 };

/* Among so many rooms each is not asked by itself, but each message is looked at: who asks on gets
 * on by 4,096 ids at least, and finds all there is. How far a search has come says nothing of
 * messages in other rooms. */
static void in_a_great_many_rooms_it_gets_on_however_little_time_it_has(void **state) {
    struct rig *rig = *state;
    struct message join = {.type = MESSAGE_JOIN};
    uint32_t rooms[SEARCH_TERMS_MAX * 10];
    const size_t room_count = sizeof rooms / sizeof *rooms;
    greet(rig, 1, "alice", no_secret);
    join.join.name = wire_text("#quiet");
    send_message(rig, 1, &join);
    do
        rooms[0] = expect(rig, MESSAGE_ROOM).room.room;
    while (rooms[0] == lobby);
    for (size_t i = 1; i < room_count; i++)
        rooms[i] = 1000 + (uint32_t)i;
    for (uint64_t number = 1; number <= MANY; number++)
        post(rig, 1, number, number % QUIET_EVERY == 0 ? rooms[0] : lobby,
             number % QUIET_EVERY == 0 ? "rare" : "rare and common");
    post(rig, 1, MANY + 1, lobby, "the end");
    while (expect(rig, MESSAGE_STORED).stored.up_to <= MANY)
        ;
    wait_found(rig, "end", "the end|");
    struct archive *archive = archive_open(store_path(rig->store));
    struct index_search *search = index_search_open(rig->folder, 0);
    struct message_search wish = {.words = wire_text("rare"), .before = PROTOCOL_END, .limit = 100};
    struct buffer events = {0}, found = {0};
    unsigned asked = 0;
    for (uint64_t looked_to = wish.before; looked_to != 0; asked++) {
        wish.before = looked_to;
        buffer_clear(&events);
        assert_int_equal(
            index_search_run(search, archive, &wish, rooms, room_count, &events, &looked_to),
            INDEX_FOUND);
        assert_true(looked_to == 0 || wish.before == PROTOCOL_END ||
                    wish.before - looked_to == 4096);
        add_bodies(&found, &events);
    }
    assert_string_equal(buffer_string(&found), "rare|rare|rare|rare|rare|rare|rare|rare|rare|");
    assert_int_equal(asked, 3);
    buffer_free(&events);
    buffer_free(&found);
    index_search_close(search);
    archive_close(archive);
    forget_rest();
}

static void a_search_for_nothing_or_for_too_much_is_refused(void **state) {
    struct rig *rig = *state;
    static const char *const refused[] = {
        "", "  \t ", "\"\" * \"",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7"};
    struct archive *archive = archive_open(store_path(rig->store));
    struct index_search *search = index_search_open(rig->folder, SEARCH_MILLISECONDS);
    struct buffer events = {0};
    uint32_t room = lobby;
    uint64_t looked_to;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct message_search wish = {.words = wire_text(refused[i]), .limit = 1};
        assert_int_equal(index_search_run(search, archive, &wish, &room, 1, &events, &looked_to),
                         INDEX_NO_WORDS);
    }
    index_search_close(search);
    archive_close(archive);
}

#define rigged(test) cmocka_unit_test_setup_teardown(test, rig_make, rig_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        rigged(words_phrases_and_beginnings),
        rigged(by_nick),
        rigged(by_time_and_by_the_page),
        rigged(what_was_changed_is_found_as_it_is_now),
        rigged(in_several_rooms),
        rigged(in_a_great_many_rooms_it_gets_on_however_little_time_it_has),
        rigged(a_search_for_nothing_or_for_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
