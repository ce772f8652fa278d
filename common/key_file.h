/* A private key in a file of its own, that only its owner may read. Any thread. */
#ifndef COMMON_KEY_FILE_H
#define COMMON_KEY_FILE_H

#include "link.h"

#include <openssl/types.h>
#include <stdbool.h>

enum { KEY_FINGERPRINT_SIZE = 65 };

/* Reads the key; makes a new Ed25519 one, with the folder, when there is no such file. NULL with
 * the problem: among others when the file is a symbolic link, somebody else's, or open to others.
 * The caller frees it. */
EVP_PKEY *key_file_open(const char *path, struct link_problem *problem);

/* Reads a key that an operator keeps where he likes: only "open to everybody" is refused. */
EVP_PKEY *key_file_read(const char *path, struct link_problem *problem);

/* A certificate that the key signs itself, with nothing to say but the key, valid for ever. NULL
 * when out of memory. The caller frees it. */
X509 *key_certificate(EVP_PKEY *key, const char *name);

/* SHA-256 of the public key, as a certificate has it. False when out of memory. */
bool key_hash(EVP_PKEY *key, uint8_t hash[LINK_KEY_BYTES]);
bool key_hash_of(const X509 *certificate, uint8_t hash[LINK_KEY_BYTES]);

/* Writes the hash to be read out: 13 groups of four letters and digits with dashes between. */
void key_fingerprint(const uint8_t hash[LINK_KEY_BYTES], char text[KEY_FINGERPRINT_SIZE]);

/* Reads it again, in either case; false when it is none. */
bool key_fingerprint_read(const char *text, uint8_t hash[LINK_KEY_BYTES]);

#endif
