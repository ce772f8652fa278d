/* Bytes locked with a passphrase, to be carried from one machine to another: argon2id makes a key
 * of the passphrase, a secretbox (XSalsa20-Poly1305) keeps the bytes secret and whole. Both are
 * libsodium's. Pure; any thread.
 *
 * The file: the line "chat-tui key, version 1", then big-endian u64 argon2id's passes and u64 its
 * bytes of memory, 16 bytes of salt, 24 of nonce, and the box to the end. */
#ifndef CLIENT_VAULT_H
#define CLIENT_VAULT_H

#include "buffer.h"
#include "wire.h"

enum vault_result {
    VAULT_OK,
    VAULT_NONE,   /* it is no such file */
    VAULT_NEWER,  /* it is one of a later version */
    VAULT_LOCKED, /* the passphrase is wrong, or the file was changed */
    VAULT_FAILED  /* no memory: it takes 256 MiB for a moment */
};

/* Append to a buffer of the caller's, which vault_wipe frees without leaving traces. */
enum vault_result vault_seal(struct wire_blob content, const char *passphrase,
                             struct buffer *sealed);
enum vault_result vault_open(struct wire_blob sealed, const char *passphrase,
                             struct buffer *content);

/* Whether it can be opened, as far as that is seen without the passphrase. */
enum vault_result vault_look(struct wire_blob sealed);

/* The result for people. */
const char *vault_result_text(enum vault_result result);

void vault_wipe(struct buffer *buffer);

#endif
