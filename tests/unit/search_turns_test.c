/* Searches that wait: addresses take turns, and the accounts of one. */
#include "test.h"
#include "search_turns.h"

/* A search of an account at an address, told apart by its tag, which is its session's number too.
 */
static void ask(struct search_turns *turns, uint64_t address, uint64_t account, uint32_t tag) {
    struct request *request = request_new(REQUEST_MESSAGE, tag, (struct wire_blob){NULL, 0});
    assert_non_null(request);
    request->message.search.tag = tag;
    request->turn.address = address;
    request->turn.account = account;
    search_turns_add(turns, request);
}

static uint32_t next(struct search_turns *turns) {
    struct request *request = search_turns_take(turns);
    uint32_t tag = request != NULL ? request->message.search.tag : 0;
    if (request != NULL)
        request_free(request);
    return tag;
}

static void one_asker_is_answered_in_order(void **state) {
    (void)state;
    struct search_turns turns = {0};
    assert_int_equal(next(&turns), 0);
    for (uint32_t tag = 1; tag <= 50; tag++)
        ask(&turns, 1, 1, tag);
    for (uint32_t tag = 1; tag <= 50; tag++)
        assert_int_equal(next(&turns), tag);
    assert_int_equal(next(&turns), 0);
}

static void who_asks_much_waits_for_themselves(void **state) {
    (void)state;
    struct search_turns turns = {0};
    for (uint32_t tag = 1; tag <= 500; tag++)
        ask(&turns, 1, 1, tag);
    assert_int_equal(next(&turns), 1);
    assert_int_equal(next(&turns), 2);
    ask(&turns, 2, 2, 1001);
    ask(&turns, 1, 3, 1002);
    bool came[3] = {false};
    for (int i = 0; i < 6; i++) {
        uint32_t tag = next(&turns);
        came[tag == 1001 ? 1 : tag == 1002 ? 2 : 0] = true;
    }
    assert_true(came[0] && came[1] && came[2]);
    search_turns_free(&turns);
}

static void many_accounts_of_an_address_have_the_share_of_one_address(void **state) {
    (void)state;
    struct search_turns turns = {0};
    unsigned of_many = 0;
    for (uint32_t account = 1; account <= 300; account++)
        ask(&turns, 1, account, account);
    for (uint32_t tag = 1001; tag <= 1020; tag++)
        ask(&turns, 2, 1000, tag);
    for (uint32_t tag = 1001; tag <= 1020;) {
        uint32_t got = next(&turns);
        if (got == tag)
            tag++;
        else
            of_many++;
    }
    assert_in_range(of_many, 19, 21);
    search_turns_free(&turns);
}

/* Two of whom each comes again when the other has been served, so that one of them always waits,
 * and five searches of an account at an address, which are to be served all the same. */
static void expect_five_beside_two(const uint64_t two_addresses[2], uint64_t address) {
    struct search_turns turns = {0};
    unsigned served = 0;
    for (uint32_t tag = 1; tag <= 5; tag++)
        ask(&turns, address, 9, 900 + tag);
    ask(&turns, two_addresses[0], 1, 1);
    for (int i = 0; i < 40 && served < 5; i++) {
        uint32_t tag = next(&turns);
        served += tag > 900;
        if (tag <= 2)
            ask(&turns, two_addresses[tag == 1], tag == 1 ? 2 : 1, tag == 1 ? 2 : 1);
    }
    assert_int_equal(served, 5);
    search_turns_free(&turns);
}

static void two_who_alternate_do_not_keep_others_waiting(void **state) {
    (void)state;
    expect_five_beside_two((const uint64_t[]){1, 2}, 9);
    expect_five_beside_two((const uint64_t[]){1, 1}, 1);
}

static void who_has_gone_is_not_answered(void **state) {
    (void)state;
    struct search_turns turns = {0};
    for (uint32_t tag = 1; tag <= 5; tag++)
        ask(&turns, tag % 2, tag, tag);
    search_turns_forget(&turns, 1);
    search_turns_forget(&turns, 4);
    search_turns_forget(&turns, 5);
    search_turns_forget(&turns, 6);
    assert_int_equal(next(&turns) + next(&turns), 2 + 3);
    assert_int_equal(next(&turns), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_asker_is_answered_in_order),
        cmocka_unit_test(who_asks_much_waits_for_themselves),
        cmocka_unit_test(many_accounts_of_an_address_have_the_share_of_one_address),
        cmocka_unit_test(two_who_alternate_do_not_keep_others_waiting),
        cmocka_unit_test(who_has_gone_is_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
