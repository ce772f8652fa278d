/* What somebody who comes again and again leaves in the state. */
#include "test.h"
#include "state.h"

static size_t count_outboxes(const struct account *account) {
    size_t count = 0;
    for (const struct outbox *at = account->outboxes; at != NULL; at = at->next)
        count++;
    return count;
}

static void outboxes_without_posts_do_not_pile_up(void **unused) {
    (void)unused;
    static const uint8_t hash[STORE_HASH_BYTES] = {1};
    const char *reason;
    struct state *state = state_new(&reason);
    assert_non_null(state);
    struct account *account = state_add_account(state, 1, "alice", hash);
    assert_non_null(account);
    struct outbox *posted = state_outbox(state, account, 1);
    assert_true(state_set_up_to(state, posted, 7));
    state_keep(state);
    for (uint64_t id = 2; id < 1000; id++) {
        assert_non_null(state_outbox(state, account, id));
        state_keep(state);
        assert_in_range(count_outboxes(account), 1, OUTBOXES_KEPT);
    }
    assert_ptr_equal(state_outbox(state, account, 1), posted);
    assert_int_equal(posted->up_to, 7);
    state_free(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(outboxes_without_posts_do_not_pile_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
