/* Edits, deletions, and how far a room was read. */
#include "rig.h"
#include "archive.h"
#include "clock.h"
#include "page_guard.h"

enum { PATIENCE_MILLISECONDS = 10000 };

static uint8_t secret[SECRET_BYTES];

static struct wire_blob remember(struct message welcome) {
    memcpy(secret, welcome.welcome.secret.data, SECRET_BYTES);
    return (struct wire_blob){secret, sizeof secret};
}

static void greet_with(struct rig *rig, uint32_t session, const char *nick, uint64_t outbox,
                       struct wire_blob shown) {
    struct message hello = {.type = MESSAGE_HELLO};
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    hello.hello.outbox = outbox;
    hello.hello.secret = shown;
    send_message(rig, session, &hello);
}

static void send_edit(struct rig *rig, uint32_t session, uint64_t id, const char *body) {
    struct message edit = {.type = MESSAGE_EDIT};
    edit.edit.room = 1;
    edit.edit.id = id;
    edit.edit.body = wire_text(body);
    send_message(rig, session, &edit);
}

static void send_delete(struct rig *rig, uint32_t session, uint64_t id) {
    struct message delete = {.type = MESSAGE_DELETE};
    delete.delete.room = 1;
    delete.delete.id = id;
    send_message(rig, session, &delete);
}

static void send_read(struct rig *rig, uint32_t session, uint64_t id) {
    struct message read = {.type = MESSAGE_READ};
    read.read.room = 1;
    read.read.id = id;
    send_message(rig, session, &read);
}

/* Posts and returns the id of the event. */
static uint64_t post_body(struct rig *rig, uint32_t session, uint64_t number, const char *body) {
    post(rig, session, number, 1, body);
    return expect(rig, MESSAGE_MESSAGE).event.id;
}

/* The event as a history page would have it. */
static struct message stored_event(struct rig *rig, uint64_t id, struct buffer *frame) {
    struct archive *archive = archive_open(store_path(rig->store));
    struct message event;
    assert_int_equal(archive_event(archive, id, frame), ARCHIVE_FOUND);
    archive_close(archive);
    struct wire_blob payload = {frame->data + FRAME_HEAD, frame->size - FRAME_HEAD};
    assert_int_equal(message_decode(payload, &event), ERROR_NONE);
    assert_true(event.event.id == id);
    return event;
}

static void assert_body(struct rig *rig, uint64_t id, const char *body) {
    struct buffer frame = {0};
    struct message event = stored_event(rig, id, &frame);
    struct wire_text is = event.type == MESSAGE_EDITED ? event.edited.body : event.message.body;
    assert_true(wire_text_equal(is, wire_text(body)));
    buffer_free(&frame);
}

static void an_edit_is_an_event_and_the_history_has_the_new_text(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    uint64_t before = post_body(rig, 1, 1, "before");
    uint64_t id = post_body(rig, 1, 2, "first words");
    uint64_t after = post_body(rig, 1, 3, "after");
    send_edit(rig, 1, id, "better words, and more of them");
    struct message edited = expect(rig, MESSAGE_EDITED);
    uint64_t edit = edited.event.id;
    assert_true(edited.edited.target == id);
    assert_true(wire_text_equal(edited.edited.body, wire_text("better words, and more of them")));
    expect(rig, MESSAGE_DONE);
    assert_body(rig, id, "better words, and more of them");
    assert_body(rig, edit, "better words, and more of them");
    assert_body(rig, before, "before");
    assert_body(rig, after, "after");
    send_edit(rig, 1, id, "best words");
    expect(rig, MESSAGE_DONE);
    assert_body(rig, id, "best words");
    assert_body(rig, edit, ""); /* superseded */
    forget_rest();
}

static void a_batch_of_posts_and_edits_keeps_every_other_event(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    uint64_t id = post_body(rig, 1, 1, "x");
    for (uint64_t number = 2; number < 50; number++) {
        post(rig, 1, number, 1, "filler");
        send_edit(rig, 1, id, number % 2 ? "odd" : "even and longer");
    }
    for (uint64_t number = 2; number < 50; number++)
        expect(rig, MESSAGE_DONE);
    assert_body(rig, id, "odd");
    assert_int_equal(inspect_rig(rig).messages, 49);
    forget_rest();
}

/* Small messages of one commit that become large ones: their row is cut, their order stays. */
static void a_segment_that_edits_make_large_is_cut(void **state) {
    enum { MESSAGES = 40 };
    static char large[BODY_BYTES_MAX + 1];
    struct rig *rig = *state;
    uint64_t ids[MESSAGES];
    memset(large, 'L', BODY_BYTES_MAX);
    greet(rig, 1, "alice", no_secret);
    for (uint64_t i = 0; i < MESSAGES; i++)
        post(rig, 1, i + 1, 1, "s");
    for (size_t i = 0; i < MESSAGES; i++)
        ids[i] = expect(rig, MESSAGE_MESSAGE).event.id;
    for (size_t i = 0; i < MESSAGES; i++) {
        send_edit(rig, 1, ids[i], large);
        expect(rig, MESSAGE_DONE);
    }
    for (size_t i = 0; i < MESSAGES; i++)
        assert_body(rig, ids[i], large);
    assert_int_equal(inspect_rig(rig).messages, MESSAGES);
    sqlite3 *database;
    sqlite3_stmt *row;
    page_guard_open(store_path(rig->store), &database, SQLITE_OPEN_READONLY);
    sqlite3_prepare_v2(database, "SELECT max(length(bytes)) FROM segments", -1, &row, NULL);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    assert_in_range(sqlite3_column_int(row, 0), BODY_BYTES_MAX, 65536);
    sqlite3_finalize(row);
    sqlite3_close(database);
    forget_rest();
}

/* Whether any file of the folder holds the bytes. What is moved from a write-ahead log into its
 * database meanwhile is seen, for they are read in that order. */
static bool folder_holds(const struct rig *rig, const char *bytes) {
    static const char *const names[] = {"log.db-wal", "log.db", "search.db-wal", "search.db"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", rig->folder, names[i]);
        FILE *file = fopen(path, "rb");
        struct buffer content = {0};
        char piece[4096];
        for (size_t got; file != NULL && (got = fread(piece, 1, sizeof piece, file)) > 0;)
            buffer_append(&content, piece, got);
        found = found || (content.size > 0 &&
                          memmem(content.data, content.size, bytes, strlen(bytes)) != NULL);
        buffer_free(&content);
        if (file != NULL)
            fclose(file);
    }
    return found;
}

/* What is done in the background is awaited, with an end to the patience. */
static void wait_until_gone(struct rig *rig, const char *bytes) {
    const uint64_t until = clock_monotonic() + PATIENCE_MILLISECONDS;
    while (folder_holds(rig, bytes) && clock_monotonic() < until)
        rig_await_change(rig);
    assert_false(folder_holds(rig, bytes));
}

static void a_replaced_or_deleted_text_is_nowhere_on_disk(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    post_body(rig, 1, 1, "harmless");
    uint64_t id = post_body(rig, 1, 2, "xyzzysecret one");
    send_edit(rig, 1, id, "plughsecret two");
    expect(rig, MESSAGE_DONE);
    assert_true(folder_holds(rig, "plughsecret"));
    wait_until_gone(rig, "xyzzysecret");
    send_delete(rig, 1, id);
    assert_true(expect(rig, MESSAGE_DELETED).deleted.target == id);
    expect(rig, MESSAGE_DONE);
    wait_until_gone(rig, "plughsecret");
    struct buffer frame = {0};
    struct message event = stored_event(rig, id, &frame);
    assert_int_equal(event.type, MESSAGE_MESSAGE);
    assert_int_equal(event.message.body.size, 0);
    assert_true(event.message.amended != 0);
    buffer_free(&frame);
    assert_true(folder_holds(rig, "harmless"));
    forget_rest();
}

static void what_was_deleted_stays_so(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret);
    uint64_t id = post_body(rig, 1, 1, "going");
    send_delete(rig, 1, id);
    send_edit(rig, 1, id, "coming back"); /* perhaps in the same batch */
    expect(rig, MESSAGE_DONE);
    send_edit(rig, 1, id, "coming back");
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_NO_SUCH_MESSAGE);
    assert_body(rig, id, "");
    forget_rest();
    wait_until_gone(rig, "coming back");
}

static void only_its_author_edits_and_a_moderator_may_delete(void **state) {
    struct rig *rig = *state;
    greet(rig, 1, "alice", no_secret); /* the first account: the lobby is hers */
    greet(rig, 2, "bob", no_secret);
    uint64_t of_alice = post_body(rig, 1, 1, "by alice");
    uint64_t of_bob = post_body(rig, 2, 1, "by bob");
    send_edit(rig, 1, of_bob, "put into his mouth");
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_NOT_YOURS);
    send_delete(rig, 2, of_alice);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_NOT_YOURS);
    send_delete(rig, 1, of_bob);
    expect(rig, MESSAGE_DELETED);
    send_delete(rig, 1, of_alice + 1000);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_NO_SUCH_MESSAGE);
    send_delete(rig, 1, 1); /* the room's beginning is no message */
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_NO_SUCH_MESSAGE);
    forget_rest();
}

static void the_clients_of_an_account_share_what_was_read(void **state) {
    struct rig *rig = *state;
    greet_with(rig, 1, "alice", 11, no_secret);
    struct wire_blob mine = remember(expect(rig, MESSAGE_WELCOME));
    greet_with(rig, 2, "bob", 22, no_secret);
    uint64_t first = post_body(rig, 2, 1, "one");
    for (uint64_t number = 2; number <= 5; number++)
        post(rig, 2, number, 1, "more");
    while (expect(rig, MESSAGE_STORED).stored.up_to < 5)
        ;
    greet_with(rig, 3, "alice", 33, mine); /* a second client, not instead of the first */
    struct message room = expect(rig, MESSAGE_ROOM);
    assert_int_equal(session_slot(current->session), 3);
    assert_int_equal(room.room.unread, 5);
    assert_true(room.room.read < first);
    assert_int_equal(room.room.moderator, 1);
    send_read(rig, 3, first);
    struct message seen = expect(rig, MESSAGE_SEEN);
    assert_int_equal(session_slot(current->session), 1);
    assert_true(seen.seen.id == first);
    assert_int_equal(seen.seen.unread, 4);
    post(rig, 1, 1, 1, "still connected");
    assert_int_equal(expect(rig, MESSAGE_STORED).stored.up_to, 1);
    forget_rest();
    rig_stop(rig);
    rig_start(rig);
    greet_with(rig, 4, "alice", 11, mine);
    room = expect(rig, MESSAGE_ROOM);
    assert_int_equal(room.room.unread, 5);
    assert_true(room.room.read == first);
    forget_rest();
}

#define WITH_A_LOG(test) cmocka_unit_test_setup_teardown(test, rig_make, rig_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_A_LOG(an_edit_is_an_event_and_the_history_has_the_new_text),
        WITH_A_LOG(a_batch_of_posts_and_edits_keeps_every_other_event),
        WITH_A_LOG(a_segment_that_edits_make_large_is_cut),
        WITH_A_LOG(a_replaced_or_deleted_text_is_nowhere_on_disk),
        WITH_A_LOG(what_was_deleted_stays_so),
        WITH_A_LOG(only_its_author_edits_and_a_moderator_may_delete),
        WITH_A_LOG(the_clients_of_an_account_share_what_was_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
