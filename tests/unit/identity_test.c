/* Who you are is your key: accounts, nicks, and what a secret is still good for. */
#include "identity_rig.h"

static void the_key_is_the_account(void **state) {
    struct rig *rig = *state;
    struct message_welcome first =
        enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice"});
    assert_int_equal(first.standing, STANDING_PERSON);
    assert_int_equal(first.secret.size, 0);
    uint32_t account = first.account;
    disconnect(rig, 1);
    assert_int_equal(enter(rig, (struct greeting){.session = 2, .key = 7, .nick = "alice"}).account,
                     account);
    forget_rest();
    rig_stop(rig);
    rig_start(rig);
    assert_int_equal(enter(rig, (struct greeting){.session = 3, .key = 7, .nick = "alice"}).account,
                     account);
    assert_int_not_equal(
        enter(rig, (struct greeting){.session = 4, .key = 8, .nick = "bob"}).account, account);
}

static void the_first_key_to_claim_a_nick_owns_it_whether_it_is_connected_or_not(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice"});
    disconnect(rig, 1);
    struct message_error error =
        be_refused(rig, (struct greeting){.session = 2, .key = 8, .nick = "Alice"});
    assert_int_equal(error.code, ERROR_NICK_OWNED);
    assert_true(wire_text_equal(error.suggestion, wire_text("Alice2")));
    forget_rest();
    rig_stop(rig);
    rig->tls = false;
    rig_start(rig);
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 3, .key = 0, .nick = "alice"}).code,
        ERROR_NICK_OWNED);
    enter(rig, (struct greeting){.session = 4, .key = 8, .nick = "bob"});
    struct message rename_to = {.type = MESSAGE_RENAME};
    rename_to.rename.nick = wire_text("ALICE");
    send_message(rig, 4, &rename_to);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_NICK_OWNED);
}

static void a_nick_that_looks_like_an_owned_one_is_owned_too(void **state) {
    struct rig *rig = *state;
    static const char *const alike[] = {"aIice", "a1ice", "ALICE", "аlісе"};
    enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice"});
    enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "pop"});
    disconnect(rig, 1);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(
            be_refused(rig, (struct greeting){.session = 3 + i, .key = 9, .nick = alike[i]}).code,
            ERROR_NICK_OWNED);
    /* Of two scripts it is no nick; all of it in another one it is like the first. */
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 7, .key = 9, .nick = alike[3]}).code,
        ERROR_NICK_INVALID);
    assert_int_equal(be_refused(rig, (struct greeting){.session = 8, .key = 9, .nick = "рор"}).code,
                     ERROR_NICK_OWNED);
    /* Who owns one may write it otherwise. */
    struct message_welcome welcome =
        enter(rig, (struct greeting){.session = 9, .key = 7, .nick = "aIice"});
    assert_true(wire_text_equal(welcome.nick, wire_text("aIice")));
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 10, .key = 9, .nick = "alice"}).code,
        ERROR_NICK_OWNED);
    struct message direct = {.type = MESSAGE_DIRECT};
    direct.direct.nick = wire_text("рор");
    send_message(rig, 9, &direct);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_NO_SUCH_PERSON);
}

/* As when a new ICU sees more nicks as alike, or fewer texts are nicks. */
static void a_nick_like_ones_own_may_still_be_like_somebody_elses(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = 1, .key = 1, .nick = "Delia"});
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 2, .key = 2, .nick = "DELlA"}).code,
        ERROR_NICK_OWNED);
    enter(rig, (struct greeting){.session = 3, .key = 2, .nick = "Della"});
    struct message rename = {.type = MESSAGE_RENAME};
    rename.rename.tag = 5;
    rename.rename.nick = wire_text("DELlA");
    send_message(rig, 3, &rename);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_NICK_OWNED);
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 4, .key = 2, .nick = "DELlA"}).code,
        ERROR_NICK_OWNED);
}

static void who_owns_a_nick_keeps_it_when_the_rules_change(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice"});
    enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "bob"});
    enter(rig, (struct greeting){.session = 3, .key = 9, .nick = "carol"});
    change_log(rig, "UPDATE accounts SET nick='aIice' WHERE id=2;"
                    "UPDATE accounts SET nick='no nick' WHERE id=3");
    struct greeting greeting = {.session = 1, .key = 7, .nick = "x", .keeps_nick = true};
    assert_true(wire_text_equal(enter(rig, greeting).nick, wire_text("alice")));
    greeting.session = 2;
    greeting.key = 8;
    assert_true(wire_text_equal(enter(rig, greeting).nick, wire_text("aIice")));
    disconnect(rig, 2);
    greeting.session = 3;
    greeting.key = 9;
    assert_true(wire_text_equal(enter(rig, greeting).nick, wire_text("no nick")));
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 4, .key = 10, .nick = "alice"}).code,
        ERROR_NICK_OWNED);
}

static void a_nick_that_was_given_up_is_free(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice"});
    struct message rename_to = {.type = MESSAGE_RENAME};
    rename_to.rename.nick = wire_text("alicia");
    send_message(rig, 1, &rename_to);
    expect(rig, MESSAGE_DONE);
    enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "alice"});
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 3, .key = 9, .nick = "alicia"}).code,
        ERROR_NICK_OWNED);
}

static void a_guest_holds_a_nick_while_connected(void **state) {
    struct rig *rig = *state;
    rig_stop(rig);
    rig->tls = false;
    rig_start(rig);
    assert_int_equal(
        enter(rig, (struct greeting){.session = 1, .key = 0, .nick = "carol"}).standing,
        STANDING_GUEST);
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 2, .key = 8, .nick = "carol"}).code,
        ERROR_NICK_TAKEN);
    disconnect(rig, 1);
    enter(rig, (struct greeting){.session = 3, .key = 8, .nick = "carol"});
}

static void a_known_person_keeps_the_nick_or_takes_the_one_asked_for(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice"});
    struct message_welcome welcome =
        enter(rig, (struct greeting){.session = 2, .key = 7, .nick = "login", .keeps_nick = true});
    assert_true(wire_text_equal(welcome.nick, wire_text("alice")));
    welcome = enter(rig, (struct greeting){.session = 3, .key = 7, .nick = "alicia"});
    assert_true(wire_text_equal(welcome.nick, wire_text("alicia")));
    enter(rig, (struct greeting){.session = 4, .key = 8, .nick = "bob"});
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 5, .key = 8, .nick = "alicia"}).code,
        ERROR_NICK_OWNED);
}

static void a_new_person_is_called_as_wished_even_when_nicks_are_kept(void **state) {
    struct rig *rig = *state;
    struct message_welcome welcome =
        enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice", .keeps_nick = true});
    assert_true(wire_text_equal(welcome.nick, wire_text("alice")));
    assert_int_equal(
        be_refused(rig,
                   (struct greeting){.session = 2, .key = 8, .nick = "alice", .keeps_nick = true})
            .code,
        ERROR_NICK_OWNED);
}

static void who_was_a_guest_takes_the_account_along_when_showing_a_key(void **state) {
    struct rig *rig = *state;
    uint8_t secret[SECRET_BYTES];
    rig_stop(rig);
    rig->tls = false;
    rig_start(rig);
    struct message_welcome guest =
        enter(rig, (struct greeting){.session = 1, .key = 0, .nick = "alice"});
    memcpy(secret, guest.secret.data, SECRET_BYTES);
    struct wire_blob shown = {secret, sizeof secret};
    uint32_t account = guest.account;
    greet_as(rig, (struct greeting){.session = 2, .key = 7, .nick = "alice", .secret = shown});
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_TAKEN_OVER);
    assert_int_equal(session_slot(current->session), 1);
    struct message_welcome person = expect(rig, MESSAGE_WELCOME).welcome;
    assert_int_equal(person.account, account);
    assert_int_equal(person.standing, STANDING_PERSON);
    /* From now on the secret is worth nothing: neither the account nor its nick. */
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 3, .key = 0, .nick = "alice", .secret = shown})
            .code,
        ERROR_NICK_OWNED);
    assert_int_not_equal(
        enter(rig, (struct greeting){.session = 4, .key = 8, .nick = "al", .secret = shown})
            .account,
        account);
}

/* The secret that ada's client had kept when log-version-2.sql was written. */
static const uint8_t ada_secret[SECRET_BYTES] = {
    0xb6, 0x98, 0xf4, 0xb5, 0x8a, 0x89, 0x39, 0x7b, 0x35, 0x94, 0x29, 0xae, 0x9e, 0x5f, 0xbc, 0xce,
    0x9d, 0x7c, 0xf8, 0x7e, 0x77, 0x67, 0x6e, 0x3f, 0x34, 0xc3, 0x4b, 0xdc, 0xc9, 0x8a, 0xbc, 0xb2};

static void a_person_of_a_log_from_before_keys_is_the_same_one_with_a_key(void **state) {
    struct rig *rig = *state;
    static char sql[1 << 16];
    char path[64];
    sqlite3 *database;
    FILE *file = fopen("tests/data/log-version-2.sql", "r");
    assert_non_null(file);
    sql[fread(sql, 1, sizeof sql - 1, file)] = '\0';
    fclose(file);
    rig_stop(rig);
    snprintf(path, sizeof path, "%s/log.db", rig->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    rig_start(rig);
    struct greeting ada = {.session = 1, .key = 7, .nick = "ada", .outbox = 3188646710482707697};
    ada.secret = (struct wire_blob){ada_secret, sizeof ada_secret};
    struct message_welcome welcome = enter(rig, ada);
    assert_int_equal(welcome.account, 1);
    assert_int_equal(welcome.up_to, 4);
    assert_int_equal(welcome.rooms, 3);
    assert_int_equal(welcome.standing, STANDING_PERSON);
    assert_int_equal(be_refused(rig, (struct greeting){.session = 2, .key = 8, .nick = "ada"}).code,
                     ERROR_NICK_OWNED);
}

static void the_same_outbox_takes_over_what_is_left_of_its_session(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice", .outbox = 99});
    enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "bob", .outbox = 99});
    greet_as(rig, (struct greeting){.session = 3, .key = 7, .nick = "alice", .outbox = 99});
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_TAKEN_OVER);
    assert_int_equal(session_slot(current->session), 1);
    expect(rig, MESSAGE_WELCOME);
}

static struct message_people who_is_there(struct rig *rig, uint32_t session) {
    struct message who = {.type = MESSAGE_WHO};
    who.who.room = 1;
    send_message(rig, session, &who);
    return expect(rig, MESSAGE_PEOPLE).people;
}

static void two_clients_are_one_person(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice"});
    enter(rig, (struct greeting){.session = 2, .key = 7, .nick = "alice"});
    enter(rig, (struct greeting){.session = 3, .key = 8, .nick = "bob"});
    struct message_people people = who_is_there(rig, 3);
    assert_int_equal(people.online, 2);
    assert_int_equal(people.members, 2);
    /* What one has read is told to the other. */
    post(rig, 3, 1, 1, "news");
    struct message read = {.type = MESSAGE_READ};
    read.read.room = 1;
    read.read.id = expect(rig, MESSAGE_MESSAGE).event.id;
    send_message(rig, 1, &read);
    struct message_seen seen = expect(rig, MESSAGE_SEEN).seen;
    assert_int_equal(session_slot(current->session), 2);
    assert_int_equal(seen.unread, 0);
    disconnect(rig, 1);
    assert_int_equal(who_is_there(rig, 3).online, 2);
    disconnect(rig, 2);
    assert_int_equal(who_is_there(rig, 3).online, 1);
}

/* Sends the bytes as one frame's payload, with what lies behind them. */
static void send_with_tail(struct rig *rig, uint32_t session, const struct message *message,
                           const void *tail, size_t size) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    buffer_append(&frame, tail, size);
    struct wire_blob payload = {frame.data + FRAME_HEAD, frame.size - FRAME_HEAD};
    struct request *request =
        request_new(REQUEST_MESSAGE, session_identity(0, 1, session), payload);
    payload.data = request->payload;
    assert_int_equal(message_decode(payload, &request->message), ERROR_NONE);
    buffer_free(&frame);
    rig_push(rig, request);
}

static void the_actor_is_who_the_connection_is_whatever_its_frames_say(void **state) {
    struct rig *rig = *state;
    static const uint8_t tail[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5, 'a', 'l', 'i', 'c', 'e'};
    uint32_t alice =
        enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice", .outbox = 99})
            .account;
    uint32_t bob =
        enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "bob", .outbox = 99}).account;
    assert_int_not_equal(alice, bob);
    struct message message = {.type = MESSAGE_POST};
    message.post.number = 1;
    message.post.room = 1;
    message.post.body = wire_text("I am alice");
    send_with_tail(rig, 2, &message, tail, sizeof tail);
    struct message event = expect(rig, MESSAGE_MESSAGE);
    assert_int_equal(event.event.actor, bob);
    assert_true(wire_text_equal(event.message.nick, wire_text("bob")));
    uint64_t id = event.event.id;
    message = (struct message){.type = MESSAGE_SET_TOPIC};
    message.set_topic.room = 1;
    message.set_topic.topic = wire_text("alice's");
    send_with_tail(rig, 2, &message, tail, sizeof tail);
    assert_int_equal(expect(rig, MESSAGE_TOPIC_SET).event.actor, bob);
    message = (struct message){.type = MESSAGE_EDIT};
    message.edit.room = 1;
    message.edit.id = id;
    message.edit.body = wire_text("I am bob");
    send_with_tail(rig, 2, &message, tail, sizeof tail);
    assert_int_equal(expect(rig, MESSAGE_EDITED).event.actor, bob);
    /* A second greeting, with another key and nick, is none. */
    greet_as(rig, (struct greeting){.session = 2, .key = 7, .nick = "alice", .outbox = 99});
    post(rig, 2, 2, 1, "still bob");
    assert_int_equal(expect(rig, MESSAGE_MESSAGE).event.actor, bob);
    message = (struct message){.type = MESSAGE_LEAVE};
    message.leave.room = 1;
    send_with_tail(rig, 2, &message, tail, sizeof tail);
    assert_int_equal(expect(rig, MESSAGE_LEFT).event.actor, bob);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        identified(the_key_is_the_account),
        identified(the_first_key_to_claim_a_nick_owns_it_whether_it_is_connected_or_not),
        identified(a_nick_that_looks_like_an_owned_one_is_owned_too),
        identified(a_nick_like_ones_own_may_still_be_like_somebody_elses),
        identified(who_owns_a_nick_keeps_it_when_the_rules_change),
        identified(a_nick_that_was_given_up_is_free),
        identified(a_guest_holds_a_nick_while_connected),
        identified(a_known_person_keeps_the_nick_or_takes_the_one_asked_for),
        identified(a_new_person_is_called_as_wished_even_when_nicks_are_kept),
        identified(who_was_a_guest_takes_the_account_along_when_showing_a_key),
        identified(a_person_of_a_log_from_before_keys_is_the_same_one_with_a_key),
        identified(the_same_outbox_takes_over_what_is_left_of_its_session),
        identified(two_clients_are_one_person),
        identified(the_actor_is_who_the_connection_is_whatever_its_frames_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
