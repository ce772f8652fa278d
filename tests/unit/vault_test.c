/* A key locked with a passphrase. */
#include "test.h"
#include "vault.h"

static const char secret[] = "-----BEGIN PRIVATE KEY-----\nabc\n";
static const struct wire_blob content = {(const uint8_t *)secret, sizeof secret - 1};

static struct wire_blob blob_of(const struct buffer *buffer) {
    return (struct wire_blob){buffer->data, buffer->size};
}

/* Sealed once, as each time takes a while; that is its purpose. */
static struct buffer sealed;

static int seal(void **state) {
    (void)state;
    return vault_seal(content, "correct horse", &sealed) != VAULT_OK;
}

static int forget(void **state) {
    (void)state;
    vault_wipe(&sealed);
    return 0;
}

static void the_passphrase_gives_back_what_was_locked(void **state) {
    (void)state;
    struct buffer opened = {0};
    assert_int_equal(vault_open(blob_of(&sealed), "correct horse", &opened), VAULT_OK);
    assert_int_equal(opened.size, content.size);
    assert_memory_equal(opened.data, content.data, content.size);
    vault_wipe(&opened);
    assert_null(opened.data);
}

static void nothing_of_it_is_read_without(void **state) {
    (void)state;
    struct buffer opened = {0};
    assert_null(memmem(sealed.data, sealed.size, "PRIVATE", 7));
    assert_int_equal(vault_open(blob_of(&sealed), "correct horsf", &opened), VAULT_LOCKED);
    assert_int_equal(opened.size, 0);
    vault_wipe(&opened);
}

static void the_same_locked_twice_is_not_the_same(void **state) {
    (void)state;
    struct buffer again = {0};
    assert_int_equal(vault_seal(content, "correct horse", &again), VAULT_OK);
    assert_int_equal(again.size, sealed.size);
    assert_memory_not_equal(again.data + 40, sealed.data + 40, again.size - 40);
    vault_wipe(&again);
}

static void what_was_changed_or_cut_is_refused(void **state) {
    (void)state;
    struct buffer changed = {0}, opened = {0};
    buffer_append(&changed, sealed.data, sealed.size);
    changed.data[changed.size - 1] ^= 1;
    assert_int_equal(vault_open(blob_of(&changed), "correct horse", &opened), VAULT_LOCKED);
    for (size_t size = 0; size < 24 + 56 + 16; size++)
        assert_int_equal(
            vault_open((struct wire_blob){sealed.data, size}, "correct horse", &opened),
            VAULT_NONE);
    /* It may not ask for all the memory there is. */
    memset(changed.data + 24, 0xff, 16);
    assert_int_equal(vault_open(blob_of(&changed), "correct horse", &opened), VAULT_NONE);
    vault_wipe(&changed);
    vault_wipe(&opened);
}

static void what_is_no_key_or_of_a_later_version_is_told_apart(void **state) {
    (void)state;
    struct buffer opened = {0};
    static const char newer[] = "chat-tui key, version 2\nand something else, of any size it likes";
    const struct wire_blob file = {(const uint8_t *)newer, sizeof newer - 1};
    assert_int_equal(vault_open(content, "correct horse", &opened), VAULT_NONE);
    assert_int_equal(vault_open(file, "correct horse", &opened), VAULT_NEWER);
    vault_wipe(&opened);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_passphrase_gives_back_what_was_locked),
        cmocka_unit_test(nothing_of_it_is_read_without),
        cmocka_unit_test(the_same_locked_twice_is_not_the_same),
        cmocka_unit_test(what_was_changed_or_cut_is_refused),
        cmocka_unit_test(what_is_no_key_or_of_a_later_version_is_told_apart),
    };
    return cmocka_run_group_tests(tests, seal, forget);
}
