/* The devices of a person, the codes that let somebody in, and who is let in at all. */
#include "identity_rig.h"

static struct message_welcome enter_alice(struct rig *rig) {
    return enter(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice", .device = "desk"});
}

static void a_code_lets_a_second_device_join_the_account(void **state) {
    struct rig *rig = *state;
    uint32_t account = enter_alice(rig).account;
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    struct message_welcome welcome = enter(rig, (struct greeting){.session = 2,
                                                                  .key = 8,
                                                                  .nick = "other",
                                                                  .code = code.text,
                                                                  .keeps_nick = true,
                                                                  .device = "laptop"});
    assert_int_equal(welcome.account, account);
    assert_true(wire_text_equal(welcome.nick, wire_text("alice")));
    act(rig, 1, RIGHT_DEVICE_LIST, "");
    struct message_device device = expect(rig, MESSAGE_DEVICE).device;
    assert_int_equal(device.number, 1);
    assert_int_equal(device.online, 2);
    assert_true(wire_text_equal(device.name, wire_text("desk")));
    device = expect(rig, MESSAGE_DEVICE).device;
    assert_int_equal(device.number, 2);
    assert_int_equal(device.online, 1);
    assert_true(wire_text_equal(device.name, wire_text("laptop")));
    assert_int_equal(expect(rig, MESSAGE_DONE).done.tag, 5);
    forget_rest();
    rig_stop(rig);
    rig_start(rig);
    welcome = enter(rig, (struct greeting){.session = 1, .key = 8, .nick = "al", .keeps_nick = 1});
    assert_int_equal(welcome.account, account);
}

static void who_is_there_is_told_of_a_device_that_joins(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    greet_as(rig,
             (struct greeting){
                 .session = 2, .key = 8, .nick = "alice", .code = code.text, .device = "laptop"});
    struct message_device device = expect(rig, MESSAGE_DEVICE).device;
    assert_int_equal(session_slot(current->session), 1);
    assert_int_equal(device.tag, 0);
    assert_int_equal(device.number, 2);
    assert_true(wire_text_equal(device.name, wire_text("laptop")));
}

static void a_removed_device_does_not_come_back_by_a_code_of_its_own(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "alice", .code = code.text});
    code = get_code(rig, 2, RIGHT_DEVICE_ADD);
    act(rig, 1, RIGHT_DEVICE_REMOVE, "2");
    expect(rig, MESSAGE_DONE);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_KEY_REMOVED);
    struct greeting again = {.session = 3, .key = 8, .nick = "alice", .code = code.text};
    assert_int_equal(be_refused(rig, again).code, ERROR_CODE_INVALID);
    again.key = 9;
    assert_int_equal(be_refused(rig, again).code, ERROR_CODE_INVALID);
}

static void a_code_works_once(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "alice", .code = code.text});
    assert_int_equal(
        be_refused(rig,
                   (struct greeting){.session = 3, .key = 9, .nick = "carol", .code = code.text})
            .code,
        ERROR_CODE_INVALID);
    /* Who is in already may say it again. */
    enter(rig, (struct greeting){.session = 4, .key = 8, .nick = "alice", .code = code.text});
}

static void a_code_is_good_for_ten_minutes_and_until_the_next_one(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    act(rig, 1, RIGHT_DEVICE_ADD, "");
    uint64_t until = expect(rig, MESSAGE_CODE).code.until;
    assert_in_range(until, clock_wall() + 9 * 60000, clock_wall() + 10 * 60000);
    struct code_text first = get_code(rig, 1, RIGHT_DEVICE_ADD);
    struct code_text second = get_code(rig, 1, RIGHT_DEVICE_ADD);
    struct greeting greeting = {.session = 2, .key = 8, .nick = "carol", .code = first.text};
    assert_int_equal(be_refused(rig, greeting).code, ERROR_CODE_INVALID);
    change_log(rig, "UPDATE codes SET until=until-10*60*1000");
    greeting.code = second.text;
    assert_int_equal(be_refused(rig, greeting).code, ERROR_CODE_INVALID);
}

static void a_code_may_be_typed_in_any_case_and_without_its_dashes(void **state) {
    struct rig *rig = *state;
    char typed[32];
    size_t size = 0;
    uint32_t account = enter_alice(rig).account;
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    for (const char *at = code.text; *at != '\0'; at++)
        if (*at != '-')
            typed[size++] = *at == '0'                 ? 'o'
                            : *at == '1'               ? 'l'
                            : *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a')
                                                       : *at;
    typed[size] = '\0';
    assert_int_equal(size, 12);
    assert_int_equal(
        enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "alice", .code = typed})
            .account,
        account);
}

static void the_codes_themselves_are_nowhere_on_the_disk(void **state) {
    struct rig *rig = *state;
    char path[64];
    enter_alice(rig);
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    forget_rest();
    rig_stop(rig);
    snprintf(path, sizeof path, "%s/log.db", rig->folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    static char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 4096);
    assert_null(memmem(bytes, size, code.text, strlen(code.text)));
    rig_start(rig);
}

static void after_ten_wrong_codes_even_a_right_one_has_to_wait(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    struct greeting greeting = {.session = 2, .key = 8, .nick = "carol", .code = "0000-0000-0000"};
    for (int i = 0; i < 10; i++)
        assert_int_equal(be_refused(rig, greeting).code, ERROR_CODE_INVALID);
    greeting.code = code.text;
    assert_int_equal(be_refused(rig, greeting).code, ERROR_FAILED);
    /* It is not used up by that, and one guess a second is forgotten. */
    uint64_t begun = clock_monotonic();
    for (;;) {
        greet_as(rig, greeting);
        struct message answer = expect_either(rig, MESSAGE_WELCOME, MESSAGE_ERROR);
        if (answer.type == MESSAGE_WELCOME)
            break;
        assert_int_equal(answer.error.code, ERROR_FAILED);
        assert_true(clock_monotonic() - begun < 5000);
        clock_pause();
    }
    assert_true(clock_monotonic() - begun > 500);
}

/* Lets a second device, with key 8, into alice's account as session 2. */
static void enter_second_device(struct rig *rig) {
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "alice", .code = code.text});
}

static void a_removed_device_is_out_at_once_and_its_key_stays_out(void **state) {
    struct rig *rig = *state;
    uint32_t account = enter_alice(rig).account;
    enter_second_device(rig);
    act(rig, 1, RIGHT_DEVICE_REMOVE, "2");
    assert_int_equal(expect(rig, MESSAGE_DONE).done.tag, 5);
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_KEY_REMOVED);
    assert_int_equal(session_slot(current->session), 2);
    assert_int_equal(current->kind, INBOX_END);
    /* Neither as that account nor as a new one, now or after a restart. */
    struct greeting greeting = {.session = 3, .key = 8, .nick = "alice", .keeps_nick = true};
    assert_int_equal(be_refused(rig, greeting).code, ERROR_KEY_REMOVED);
    greeting.nick = "somebody";
    forget_rest();
    rig_stop(rig);
    rig_start(rig);
    assert_int_equal(be_refused(rig, greeting).code, ERROR_KEY_REMOVED);
    /* Who has the account may let it in again. */
    enter_alice(rig);
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    greeting.code = code.text;
    assert_int_equal(enter(rig, greeting).account, account);
    act(rig, 3, RIGHT_DEVICE_LIST, "");
    expect(rig, MESSAGE_DEVICE);
    assert_int_equal(expect(rig, MESSAGE_DEVICE).device.number, 3);
}

/* A server that is started anew, with TLS or without. */
static void start_again(struct rig *rig, bool tls) {
    forget_rest();
    rig_stop(rig);
    rig->tls = tls;
    rig_start(rig);
}

static void a_secret_from_before_brings_a_removed_device_nothing(void **state) {
    struct rig *rig = *state;
    uint8_t secret[SECRET_BYTES];
    start_again(rig, false);
    struct message_welcome guest =
        enter(rig, (struct greeting){.session = 9, .nick = "alice", .outbox = 5});
    memcpy(secret, guest.secret.data, SECRET_BYTES);
    struct wire_blob shown = {secret, sizeof secret};
    start_again(rig, true);
    greet_as(rig, (struct greeting){.session = 1, .key = 7, .nick = "alice", .secret = shown});
    uint32_t account = expect(rig, MESSAGE_WELCOME).welcome.account;
    enter_second_device(rig);
    act(rig, 2, RIGHT_DEVICE_REMOVE, "1");
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_KEY_REMOVED);
    struct greeting greeting = {
        .session = 3, .key = 7, .nick = "alice", .outbox = 5, .secret = shown};
    assert_int_equal(be_refused(rig, greeting).code, ERROR_KEY_REMOVED);
    start_again(rig, false);
    greeting.key = 0;
    assert_int_equal(be_refused(rig, greeting).code, ERROR_NICK_OWNED);
    greeting.nick = "allie";
    assert_int_not_equal(enter(rig, greeting).account, account);
}

static void the_last_device_stays_and_only_ones_own_are_removed(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    enter(rig, (struct greeting){.session = 4, .key = 9, .nick = "bob"});
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_REMOVE, "1"), ERROR_LAST_DEVICE);
    enter_second_device(rig);
    assert_int_equal(refused_act(rig, 4, RIGHT_DEVICE_REMOVE, "2"), ERROR_NO_SUCH_DEVICE);
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_REMOVE, "3"), ERROR_NO_SUCH_DEVICE);
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_REMOVE, "4294967298"), ERROR_NO_SUCH_DEVICE);
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_REMOVE, "two"), ERROR_NO_SUCH_DEVICE);
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_REMOVE, ""), ERROR_NO_SUCH_DEVICE);
}

static void a_code_does_not_take_the_only_device_of_an_account(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    uint32_t account = enter(rig, (struct greeting){.session = 2, .key = 8, .nick = "bob"}).account;
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    struct greeting slip = {.session = 3, .key = 8, .nick = "al", .code = code.text};
    assert_int_equal(be_refused(rig, slip).code, ERROR_WOULD_LOSE_ACCOUNT);
    slip.code = NULL;
    slip.keeps_nick = true;
    struct message_welcome welcome = enter(rig, slip);
    assert_int_equal(welcome.account, account);
    assert_true(wire_text_equal(welcome.nick, wire_text("bob")));
    /* And the code is as good as before. */
    greet_as(rig, (struct greeting){
                      .session = 5, .key = 9, .nick = "al", .code = code.text, .keeps_nick = true});
    assert_true(wire_text_equal(expect(rig, MESSAGE_WELCOME).welcome.nick, wire_text("alice")));
}

static void a_device_of_another_account_moves_with_a_code(void **state) {
    struct rig *rig = *state;
    uint32_t account = enter_alice(rig).account;
    enter(rig, (struct greeting){.session = 6, .key = 10, .nick = "mistake"});
    struct code_text of_mistake = get_code(rig, 6, RIGHT_DEVICE_ADD);
    enter(rig,
          (struct greeting){.session = 2, .key = 8, .nick = "mistake", .code = of_mistake.text});
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    greet_as(rig, (struct greeting){.session = 3, .key = 8, .nick = "al", .code = code.text});
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_TAKEN_OVER);
    assert_int_equal(session_slot(current->session), 2);
    assert_int_equal(expect(rig, MESSAGE_WELCOME).welcome.account, account);
    forget_rest();
    rig_stop(rig);
    rig_start(rig);
    assert_int_equal(
        enter(rig, (struct greeting){.session = 1, .key = 8, .nick = "x", .keeps_nick = true})
            .account,
        account);
}

static void a_person_has_so_many_devices_at_most(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    for (uint32_t i = 1; i < DEVICES_PER_PERSON_MAX; i++) {
        struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
        enter(rig, (struct greeting){.session = 100 + i,
                                     .key = (uint8_t)(100 + i),
                                     .nick = "alice",
                                     .code = code.text});
    }
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_ADD, ""), ERROR_TOO_MANY_DEVICES);
}

static void guests_have_no_devices(void **state) {
    struct rig *rig = *state;
    start_again(rig, false);
    enter(rig, (struct greeting){.session = 1, .nick = "carol"});
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_ADD, ""), ERROR_NOT_ALLOWED);
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_LIST, ""), ERROR_NOT_ALLOWED);
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_REMOVE, "1"), ERROR_NOT_ALLOWED);
}

/* Not the owner either, whose standing comes from being the first here. */
static void without_keys_nobody_is_given_a_code(void **state) {
    static const enum right of_keys[] = {RIGHT_DEVICE_ADD, RIGHT_DEVICE_LIST, RIGHT_DEVICE_REMOVE,
                                         RIGHT_INVITE_TO_SERVER, RIGHT_ADMIT};
    struct rig *rig = *state;
    start_again(rig, false);
    uint8_t secret[SECRET_BYTES];
    struct message_welcome welcome = enter(rig, (struct greeting){.session = 1, .nick = "olga"});
    memcpy(secret, welcome.secret.data, sizeof secret);
    change_log(rig, "UPDATE log SET owner=(SELECT id FROM accounts WHERE nick='olga')");
    struct greeting olga = {.session = 1, .nick = "olga", .secret = {secret, sizeof secret}};
    assert_int_equal(enter(rig, olga).standing, STANDING_OWNER);
    struct greeting invited = {.session = 3, .nick = "dave", .code = "A1A1-A1A1-A1A1"};
    assert_int_equal(be_refused(rig, invited).code, ERROR_NO_KEYS);
    for (size_t i = 0; i < sizeof of_keys / sizeof *of_keys; i++)
        assert_int_equal(refused_act(rig, 1, of_keys[i], ""), ERROR_NO_KEYS);
}

/* Makes alice own the server, as session 1. */
static void enter_owner(struct rig *rig) {
    enter_alice(rig);
    change_log(rig, "UPDATE log SET owner=1");
    assert_int_equal(enter_alice(rig).standing, STANDING_OWNER);
}

static void admit(struct rig *rig, const char *whom) {
    act(rig, 1, RIGHT_ADMIT, whom);
    assert_int_equal(expect(rig, MESSAGE_DONE).done.tag, 5);
}

static void guests_are_let_in_only_when_the_owner_says_so(void **state) {
    struct rig *rig = *state;
    struct greeting guest = {.session = 2, .nick = "carol"};
    assert_int_equal(be_refused(rig, guest).code, ERROR_NEEDS_KEY);
    enter_owner(rig);
    admit(rig, "guests");
    assert_int_equal(enter(rig, guest).standing, STANDING_GUEST);
    forget_rest();
    rig_stop(rig);
    rig_start(rig);
    enter(rig, guest);
    enter_alice(rig);
    admit(rig, "open");
    guest.session = 3;
    guest.nick = "dave";
    assert_int_equal(be_refused(rig, guest).code, ERROR_NEEDS_KEY);
}

static void by_invitation_only_who_has_a_code_is_let_in(void **state) {
    struct rig *rig = *state;
    struct greeting bob = {.session = 2, .key = 8, .nick = "bob"};
    enter_owner(rig);
    enter(rig, (struct greeting){.session = 9, .key = 9, .nick = "dave"});
    admit(rig, "invited");
    assert_int_equal(be_refused(rig, bob).code, ERROR_NEEDS_INVITATION);
    act(rig, 1, RIGHT_INVITE_TO_SERVER, "");
    uint64_t until = expect(rig, MESSAGE_CODE).code.until;
    assert_in_range(until, clock_wall() + 6 * 86400000ull, clock_wall() + 7 * 86400000ull);
    struct code_text code = get_code(rig, 1, RIGHT_INVITE_TO_SERVER);
    bob.code = code.text;
    assert_int_equal(enter(rig, bob).standing, STANDING_PERSON);
    assert_int_equal(
        be_refused(rig,
                   (struct greeting){.session = 3, .key = 10, .nick = "eve", .code = code.text})
            .code,
        ERROR_CODE_INVALID);
    /* Who is known, is known; who comes without a key, has no use for a code. */
    enter(rig, (struct greeting){.session = 4, .key = 9, .nick = "dave"});
    code = get_code(rig, 1, RIGHT_INVITE_TO_SERVER);
    assert_int_equal(
        be_refused(rig, (struct greeting){.session = 5, .nick = "eve", .code = code.text}).code,
        ERROR_NEEDS_KEY);
    enter(rig, (struct greeting){.session = 6, .key = 10, .nick = "eve", .code = code.text});
}

static void an_invitation_is_not_used_up_by_a_taken_nick(void **state) {
    struct rig *rig = *state;
    enter_owner(rig);
    admit(rig, "invited");
    struct code_text code = get_code(rig, 1, RIGHT_INVITE_TO_SERVER);
    struct greeting bob = {.session = 2, .key = 8, .nick = "alice", .code = code.text};
    assert_int_equal(be_refused(rig, bob).code, ERROR_NICK_OWNED);
    bob.nick = "bob";
    enter(rig, bob);
}

static void only_the_owner_says_who_is_let_in(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    assert_int_equal(refused_act(rig, 1, RIGHT_ADMIT, "guests"), ERROR_NOT_ALLOWED);
    assert_int_equal(refused_act(rig, 1, RIGHT_INVITE_TO_SERVER, ""), ERROR_NOT_ALLOWED);
    disconnect(rig, 1);
    enter_owner(rig);
    assert_int_equal(refused_act(rig, 1, RIGHT_ADMIT, "everybody"), ERROR_NO_SUCH_ADMISSION);
}

static void what_the_disk_does_not_take_has_not_happened(void **state) {
    struct rig *rig = *state;
    enter_alice(rig);
    struct code_text code = get_code(rig, 1, RIGHT_DEVICE_ADD);
    struct greeting second = {.session = 2, .key = 8, .nick = "alice", .code = code.text};
    limit_files(4096);
    assert_int_equal(be_refused(rig, second).code, ERROR_STORAGE);
    assert_int_equal(be_refused(rig, (struct greeting){.session = 3, .key = 9, .nick = "bob"}).code,
                     ERROR_STORAGE);
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_ADD, ""), ERROR_STORAGE);
    /* Who is known is let in all the same. */
    enter(rig, (struct greeting){.session = 4, .key = 7, .nick = "alice"});
    limit_files(RLIM_INFINITY);
    enter(rig, second);
    limit_files(4096);
    assert_int_equal(refused_act(rig, 1, RIGHT_DEVICE_REMOVE, "2"), ERROR_STORAGE);
    limit_files(RLIM_INFINITY);
    act(rig, 1, RIGHT_DEVICE_REMOVE, "2");
    assert_int_equal(expect(rig, MESSAGE_ERROR).error.code, ERROR_KEY_REMOVED);
    enter(rig, (struct greeting){.session = 5, .key = 9, .nick = "bob"});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        identified(a_code_lets_a_second_device_join_the_account),
        identified(who_is_there_is_told_of_a_device_that_joins),
        identified(a_removed_device_does_not_come_back_by_a_code_of_its_own),
        identified(a_code_works_once),
        identified(a_code_is_good_for_ten_minutes_and_until_the_next_one),
        identified(a_code_may_be_typed_in_any_case_and_without_its_dashes),
        identified(the_codes_themselves_are_nowhere_on_the_disk),
        identified(after_ten_wrong_codes_even_a_right_one_has_to_wait),
        identified(a_removed_device_is_out_at_once_and_its_key_stays_out),
        identified(a_secret_from_before_brings_a_removed_device_nothing),
        identified(the_last_device_stays_and_only_ones_own_are_removed),
        identified(a_code_does_not_take_the_only_device_of_an_account),
        identified(a_device_of_another_account_moves_with_a_code),
        identified(a_person_has_so_many_devices_at_most),
        identified(guests_have_no_devices),
        identified(without_keys_nobody_is_given_a_code),
        identified(guests_are_let_in_only_when_the_owner_says_so),
        identified(by_invitation_only_who_has_a_code_is_let_in),
        identified(an_invitation_is_not_used_up_by_a_taken_nick),
        identified(only_the_owner_says_who_is_let_in),
        identified(what_the_disk_does_not_take_has_not_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
