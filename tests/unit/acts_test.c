/* What acts on people and rooms come to, where one of them meets another. */
#include "identity_rig.h"

enum { OLGA = 1, VERA = 2, WIM = 3 };

/* Olga makes a room that all three are in. */
static uint32_t meet(struct rig *rig) {
    static const char *const nicks[] = {[OLGA] = "olga", [VERA] = "vera", [WIM] = "wim"};
    uint32_t room = 0;
    for (uint32_t who = OLGA; who <= WIM; who++) {
        enter(rig, (struct greeting){.session = who, .key = (uint8_t)who, .nick = nicks[who]});
        struct message join = {.type = MESSAGE_JOIN};
        join.join.tag = 1;
        join.join.name = wire_text("#team");
        send_message(rig, who, &join);
        do
            room = expect(rig, MESSAGE_ROOM).room.room;
        while (room == 1);
    }
    return room;
}

/* The error of an act, ERROR_NONE when it was done. */
static uint16_t act_in(struct rig *rig, uint32_t who, enum right right, uint32_t room,
                       const char *subject, const char *detail) {
    struct message message = {.type = MESSAGE_ACT};
    message.act.tag = 5;
    message.act.right = (uint8_t)right;
    message.act.room = room;
    message.act.subject = wire_text(subject);
    message.act.detail = wire_text(detail);
    send_message(rig, who, &message);
    struct message answer = expect_either(rig, MESSAGE_DONE, MESSAGE_ERROR);
    return answer.type == MESSAGE_ERROR ? answer.error.code : ERROR_NONE;
}

static uint16_t join_again(struct rig *rig, uint32_t who) {
    struct message join = {.type = MESSAGE_JOIN};
    join.join.tag = 6;
    join.join.name = wire_text("#team");
    send_message(rig, who, &join);
    struct message answer = expect_either(rig, MESSAGE_ROOM, MESSAGE_ERROR);
    return answer.type == MESSAGE_ERROR ? answer.error.code : ERROR_NONE;
}

static uint16_t post_in(struct rig *rig, uint32_t who, uint64_t number, uint32_t room) {
    post(rig, who, number, room, "hello");
    struct message answer = expect_either(rig, MESSAGE_STORED, MESSAGE_REFUSED);
    return answer.type == MESSAGE_REFUSED ? answer.refused.code : ERROR_NONE;
}

static void whoever_is_muted_is_silent_a_moderator_too(void **state) {
    struct rig *rig = *state;
    uint32_t room = meet(rig);
    assert_int_equal(act_in(rig, OLGA, RIGHT_OP, room, "vera", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, OLGA, RIGHT_MUTE, room, "vera", ""), ERROR_NONE);
    assert_int_equal(post_in(rig, VERA, 1, room), ERROR_NOT_ALLOWED);
}

static void who_was_invited_while_all_could_come_is_not_let_into_a_private_room(void **state) {
    struct rig *rig = *state;
    uint32_t room = meet(rig);
    assert_int_equal(act_in(rig, OLGA, RIGHT_KICK, room, "wim", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, VERA, RIGHT_INVITE, room, "wim", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, OLGA, RIGHT_ACCESS, room, "", "private"), ERROR_NONE);
    assert_int_equal(join_again(rig, WIM), ERROR_ROOM_CLOSED);
    assert_int_equal(act_in(rig, OLGA, RIGHT_INVITE, room, "wim", ""), ERROR_NONE);
    assert_int_equal(join_again(rig, WIM), ERROR_NONE);
}

static void an_invitation_of_somebody_who_is_blocked_is_never_told(void **state) {
    struct rig *rig = *state;
    uint32_t room = meet(rig);
    assert_int_equal(act_in(rig, OLGA, RIGHT_KICK, room, "wim", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, WIM, RIGHT_BLOCK, 0, "vera", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, VERA, RIGHT_INVITE, room, "wim", ""), ERROR_NONE);
    disconnect(rig, WIM);
    enter(rig, (struct greeting){.session = 4, .key = WIM, .nick = "wim"});
    greet_as(rig, (struct greeting){.session = 5, .key = 9, .nick = "last"});
    struct message next = expect_either(rig, MESSAGE_INVITATION, MESSAGE_WELCOME);
    assert_int_equal(next.type, MESSAGE_WELCOME);
}

/* How often a room is told when Vera invites Wim three times. */
static int count_told(struct rig *rig, uint32_t room) {
    struct message topic = {.type = MESSAGE_SET_TOPIC};
    topic.set_topic.tag = 4;
    topic.set_topic.room = room;
    topic.set_topic.topic = wire_text("after all that");
    assert_int_equal(act_in(rig, OLGA, RIGHT_KICK, room, "wim", ""), ERROR_NONE);
    forget_rest();
    struct message invite = {.type = MESSAGE_ACT};
    invite.act.tag = 5;
    invite.act.right = RIGHT_INVITE;
    invite.act.room = room;
    invite.act.subject = wire_text("wim");
    for (int i = 0; i < 3; i++)
        send_message(rig, VERA, &invite);
    send_message(rig, VERA, &topic);
    int told = 0;
    for (;;) {
        struct message next = expect_either(rig, MESSAGE_ACTED, MESSAGE_TOPIC_SET);
        if (next.type == MESSAGE_TOPIC_SET)
            return told;
        told += next.acted.right == RIGHT_INVITE;
    }
}

static void whether_one_is_blocked_is_not_found_out_by_inviting_again(void **state) {
    struct rig *rig = *state;
    uint32_t room = meet(rig);
    assert_int_equal(count_told(rig, room), 1);
    assert_int_equal(join_again(rig, WIM), ERROR_NONE);
    assert_int_equal(act_in(rig, WIM, RIGHT_BLOCK, 0, "vera", ""), ERROR_NONE);
    assert_int_equal(count_told(rig, room), 1);
}

static void who_is_not_blocked_any_more_invites_in_earnest(void **state) {
    struct rig *rig = *state;
    uint32_t room = meet(rig);
    assert_int_equal(act_in(rig, OLGA, RIGHT_OP, room, "vera", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, OLGA, RIGHT_ACCESS, room, "", "private"), ERROR_NONE);
    assert_int_equal(act_in(rig, OLGA, RIGHT_KICK, room, "wim", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, WIM, RIGHT_BLOCK, 0, "vera", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, VERA, RIGHT_INVITE, room, "wim", ""), ERROR_NONE);
    assert_int_equal(join_again(rig, WIM), ERROR_ROOM_CLOSED);
    assert_int_equal(act_in(rig, WIM, RIGHT_UNBLOCK, 0, "vera", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, VERA, RIGHT_INVITE, room, "wim", ""), ERROR_NONE);
    assert_int_equal(join_again(rig, WIM), ERROR_NONE);
}

static void the_topic_of_two_is_not_a_way_around_a_block(void **state) {
    struct rig *rig = *state;
    meet(rig);
    struct message direct = {.type = MESSAGE_DIRECT};
    direct.direct.tag = 3;
    direct.direct.nick = wire_text("wim");
    send_message(rig, VERA, &direct);
    struct message topic = {.type = MESSAGE_SET_TOPIC};
    topic.set_topic.tag = 4;
    topic.set_topic.room = expect(rig, MESSAGE_ROOM).room.room;
    topic.set_topic.topic = wire_text("listen to me");
    assert_int_equal(act_in(rig, WIM, RIGHT_BLOCK, 0, "vera", ""), ERROR_NONE);
    send_message(rig, VERA, &topic);
    assert_int_equal(expect_either(rig, MESSAGE_ERROR, MESSAGE_TOPIC_SET).type, MESSAGE_ERROR);
}

static void a_room_can_be_given_to_whoever_owns_the_server(void **state) {
    struct rig *rig = *state;
    uint32_t room = meet(rig);
    forget_rest();
    change_log(rig, "UPDATE log SET owner=(SELECT id FROM accounts WHERE nick='wim')");
    enter(rig, (struct greeting){.session = OLGA, .key = OLGA, .nick = "olga"});
    enter(rig, (struct greeting){.session = WIM, .key = WIM, .nick = "wim"});
    assert_int_equal(act_in(rig, OLGA, RIGHT_TRANSFER, room, "olga", ""), ERROR_NOT_ALLOWED);
    assert_int_equal(act_in(rig, OLGA, RIGHT_TRANSFER, room, "wim", ""), ERROR_NONE);
    assert_int_equal(act_in(rig, OLGA, RIGHT_ACCESS, room, "", "private"), ERROR_NOT_ALLOWED);
}

/* So many rooms as the numbers after the lobby's, and what Wim is in each of them. */
#define WITH_ROOMS(count, of_wim)                                                                  \
    "INSERT INTO rooms(id,kind,name) WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n" \
    " WHERE i<=" count ") SELECT i,0,'#r'||i FROM n;" of_wim

static void strangers_do_not_fill_the_rooms_of_a_person(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = WIM, .key = WIM, .nick = "wim"});
    change_log(rig, WITH_ROOMS("4000", "INSERT INTO members(room,account) SELECT r.id,a.id FROM "
                                       "rooms r, accounts a WHERE r.id>1 AND a.nick='wim'"));
    enter(rig, (struct greeting){.session = VERA, .key = VERA, .nick = "vera"});
    struct message direct = {.type = MESSAGE_DIRECT};
    direct.direct.tag = 3;
    direct.direct.nick = wire_text("wim");
    send_message(rig, VERA, &direct);
    struct message answer = expect(rig, MESSAGE_ERROR);
    assert_int_equal(answer.error.tag, 3);
    assert_int_equal(answer.error.code, ERROR_PERSON_FULL);
}

static void a_welcome_tells_a_hundred_invitations_at_most(void **state) {
    struct rig *rig = *state;
    enter(rig, (struct greeting){.session = WIM, .key = WIM, .nick = "wim"});
    change_log(rig,
               WITH_ROOMS("150", "INSERT INTO standings(room,account,standing) SELECT r.id,"
                                 "a.id,8 FROM rooms r, accounts a WHERE r.id>1 AND a.nick='wim'"));
    enter(rig, (struct greeting){.session = WIM, .key = WIM, .nick = "wim"});
    greet_as(rig, (struct greeting){.session = 5, .key = 9, .nick = "last"});
    int told = 0;
    while (expect_either(rig, MESSAGE_INVITATION, MESSAGE_WELCOME).type == MESSAGE_INVITATION)
        told++;
    assert_int_equal(told, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        identified(whoever_is_muted_is_silent_a_moderator_too),
        identified(who_was_invited_while_all_could_come_is_not_let_into_a_private_room),
        identified(an_invitation_of_somebody_who_is_blocked_is_never_told),
        identified(whether_one_is_blocked_is_not_found_out_by_inviting_again),
        identified(who_is_not_blocked_any_more_invites_in_earnest),
        identified(the_topic_of_two_is_not_a_way_around_a_block),
        identified(strangers_do_not_fill_the_rooms_of_a_person),
        identified(a_welcome_tells_a_hundred_invitations_at_most),
        identified(a_room_can_be_given_to_whoever_owns_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
