#include "vault.h"

#include <sodium.h>
#include <string.h>

/* What a file may ask of this machine to be opened: more would be no file of ours. */
enum { VAULT_PASSES_MAX = 64 };
static const uint64_t vault_memory_max = 1u << 30;

static const char vault_magic[] = "chat-tui key, version 1\n";
enum {
    VAULT_MAGIC = sizeof vault_magic - 1,
    VAULT_MAGIC_NAME = sizeof "chat-tui key, version " - 1
};

/* What lies before the box. */
struct vault_head {
    uint64_t passes;
    uint64_t memory;
    uint8_t salt[crypto_pwhash_SALTBYTES];
    uint8_t nonce[crypto_secretbox_NONCEBYTES];
};

enum { VAULT_HEAD = 8 + 8 + crypto_pwhash_SALTBYTES + crypto_secretbox_NONCEBYTES };

static bool vault_key(const struct vault_head *head, const char *passphrase,
                      uint8_t key[crypto_secretbox_KEYBYTES]) {
    return crypto_pwhash(key, crypto_secretbox_KEYBYTES, passphrase, strlen(passphrase), head->salt,
                         head->passes, (size_t)head->memory, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static void vault_put_head(struct buffer *sealed, const struct vault_head *head) {
    buffer_append(sealed, vault_magic, VAULT_MAGIC);
    wire_put_u64(sealed, head->passes);
    wire_put_u64(sealed, head->memory);
    buffer_append(sealed, head->salt, sizeof head->salt);
    buffer_append(sealed, head->nonce, sizeof head->nonce);
}

enum vault_result vault_seal(struct wire_blob content, const char *passphrase,
                             struct buffer *sealed) {
    uint8_t key[crypto_secretbox_KEYBYTES];
    struct vault_head head = {.passes = crypto_pwhash_OPSLIMIT_MODERATE,
                              .memory = crypto_pwhash_MEMLIMIT_MODERATE};
    if (sodium_init() < 0)
        return VAULT_FAILED;
    randombytes_buf(head.salt, sizeof head.salt);
    randombytes_buf(head.nonce, sizeof head.nonce);
    vault_put_head(sealed, &head);
    size_t size = content.size + crypto_secretbox_MACBYTES;
    uint8_t *box = buffer_reserve(sealed, size);
    bool sealed_it = box != NULL && vault_key(&head, passphrase, key) &&
                     crypto_secretbox_easy(box, content.data, content.size, head.nonce, key) == 0;
    sodium_memzero(key, sizeof key);
    if (sealed_it)
        sealed->size += size;
    return sealed_it && !sealed->failed ? VAULT_OK : VAULT_FAILED;
}

/* Takes the head off; the box is what is left. */
static enum vault_result vault_take_head(struct wire_blob *sealed, struct vault_head *head) {
    if (sealed->size < VAULT_MAGIC || memcmp(sealed->data, vault_magic, VAULT_MAGIC_NAME) != 0)
        return VAULT_NONE;
    if (memcmp(sealed->data, vault_magic, VAULT_MAGIC) != 0)
        return VAULT_NEWER;
    if (sealed->size < VAULT_MAGIC + VAULT_HEAD + crypto_secretbox_MACBYTES)
        return VAULT_NONE;
    struct wire_reader reader = {sealed->data + VAULT_MAGIC, sealed->data + sealed->size};
    wire_get_u64(&reader, &head->passes);
    wire_get_u64(&reader, &head->memory);
    memcpy(head->salt, reader.at, sizeof head->salt);
    memcpy(head->nonce, reader.at + sizeof head->salt, sizeof head->nonce);
    sealed->data += VAULT_MAGIC + VAULT_HEAD;
    sealed->size -= VAULT_MAGIC + VAULT_HEAD;
    return head->passes <= VAULT_PASSES_MAX && head->memory <= vault_memory_max ? VAULT_OK
                                                                                : VAULT_NONE;
}

enum vault_result vault_look(struct wire_blob sealed) {
    struct vault_head head;
    return vault_take_head(&sealed, &head);
}

enum vault_result vault_open(struct wire_blob sealed, const char *passphrase,
                             struct buffer *content) {
    uint8_t key[crypto_secretbox_KEYBYTES];
    struct vault_head head;
    enum vault_result result = vault_take_head(&sealed, &head);
    if (result != VAULT_OK)
        return result;
    size_t size = sealed.size - crypto_secretbox_MACBYTES;
    uint8_t *room = buffer_reserve(content, size > 0 ? size : 1);
    if (room == NULL || sodium_init() < 0 || !vault_key(&head, passphrase, key))
        return VAULT_FAILED;
    bool opened = crypto_secretbox_open_easy(room, sealed.data, sealed.size, head.nonce, key) == 0;
    sodium_memzero(key, sizeof key);
    if (opened)
        content->size += size;
    return opened ? VAULT_OK : VAULT_LOCKED;
}

const char *vault_result_text(enum vault_result result) {
    static const char *const texts[] = {
        [VAULT_OK] = "",
        [VAULT_NONE] = "it is not a key that chat-tui has exported",
        [VAULT_NEWER] = "it was exported by a newer chat-tui; use that one",
        [VAULT_LOCKED] = "the passphrase is wrong, or the file was changed",
        [VAULT_FAILED] = "there is not enough memory",
    };
    return texts[result];
}

void vault_wipe(struct buffer *buffer) {
    if (buffer->data != NULL)
        sodium_memzero(buffer->data, buffer->capacity);
    buffer_free(buffer);
}
