/* The controller: what is asked for by an `act`, and what its answers say. */
#include "chat_rig.h"

static void an_act_names_its_right_and_what_it_is_about(void **state) {
    (void)state;
    chat_act(&chat, RIGHT_KICK, 1, "bob", "was rude");
    expect_noted("act tag=", "right=10 room=1 subject=\"bob\" detail=\"was rude\"");
}

static void a_code_comes_with_the_line_to_type(void **state) {
    (void)state;
    enter("/device add");
    expect_noted("right=68", "subject=\"\"");
    struct message code = {.type = MESSAGE_CODE};
    code.code.tag = chat.next_tag;
    code.code.code = wire_text("ABCDE-FGHIJ");
    answer(&code);
    assert_non_null(strstr(notices, "On your other device, once, until "));
    assert_non_null(strstr(notices, "\nchat-tui --code ABCDE-FGHIJ HOST PORT\n"));
    assert_null(chat.requests);
}

static void devices_are_listed_until_the_last_has_come(void **state) {
    (void)state;
    enter("/device list");
    expect_noted("right=69", "subject=\"\"");
    struct message device = {.type = MESSAGE_DEVICE};
    device.device = (struct message_device){chat.next_tag, 1, wire_text("desk"), 0, 2};
    answer(&device);
    device.device = (struct message_device){chat.next_tag, 3, wire_text("laptop"), 0, 0};
    answer(&device);
    assert_non_null(chat.requests);
    struct message done = {.type = MESSAGE_DONE};
    done.done.tag = chat.next_tag;
    answer(&done);
    assert_null(chat.requests);
    assert_string_equal(notices, "Device 1: desk, since 1970-01-01, this one\n"
                                 "Device 3: laptop, since 1970-01-01\n");
}

static void a_device_that_joins_is_told(void **state) {
    (void)state;
    struct message device = {.type = MESSAGE_DEVICE};
    device.device = (struct message_device){0, 2, wire_text("laptop"), 0, 0};
    answer(&device);
    assert_string_equal(notices, "A device joined your account: laptop. If it is none of yours: "
                                 "/device remove 2\n");
}

static void a_device_is_removed_by_its_number(void **state) {
    (void)state;
    enter("/device remove 3");
    expect_noted("right=70", "subject=\"3\"");
    struct message done = {.type = MESSAGE_DONE};
    done.done.tag = chat.next_tag;
    answer(&done);
    assert_string_equal(notices, "That device is removed; it cannot be you any more.\n");
}

static void what_is_no_wish_about_devices_sends_nothing(void **state) {
    (void)state;
    enter("/device remove");
    enter("/device list 3");
    enter("/device steal");
    assert_string_equal(noted, "");
    assert_int_equal(chat.failures, 3);
    assert_non_null(strstr(notices, "Say what: /device add"));
}

static void a_key_is_carried_by_the_screen_and_not_by_a_pipe(void **state) {
    (void)state;
    enter("/key export ~/my key");
    assert_string_equal(chat.key_file, "~/my key");
    assert_false(chat.key_comes);
    enter("/key import there");
    assert_string_equal(chat.key_file, "there");
    assert_true(chat.key_comes);
    enter("/key import");
    enter("/key sell it");
    assert_int_equal(chat.failures, 2);
    assert_string_equal(noted, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        fresh(an_act_names_its_right_and_what_it_is_about),
        fresh(a_code_comes_with_the_line_to_type),
        fresh(devices_are_listed_until_the_last_has_come),
        fresh(a_device_that_joins_is_told),
        fresh(a_device_is_removed_by_its_number),
        fresh(what_is_no_wish_about_devices_sends_nothing),
        fresh(a_key_is_carried_by_the_screen_and_not_by_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
