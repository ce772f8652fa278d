#include "owner_token.h"
#include "key_file.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const char token_file[] = "owner-token";

static bool token_hash(const char *token, uint8_t hash[LINK_KEY_BYTES]) {
    uint8_t secret[LINK_KEY_BYTES];
    return key_fingerprint_read(token, secret) &&
           EVP_Digest(secret, sizeof secret, hash, NULL, EVP_sha256(), NULL) == 1;
}

/* Puts the file there as a whole. */
static bool token_write(const char *path, const uint8_t hash[LINK_KEY_BYTES]) {
    char *fresh = NULL;
    if (asprintf(&fresh, "%s.XXXXXX", path) < 0)
        return false;
    int file = mkostemp(fresh, O_CLOEXEC); /* with mode 0600 */
    bool written = file >= 0 && write(file, hash, LINK_KEY_BYTES) == LINK_KEY_BYTES &&
                   fsync(file) == 0 && rename(fresh, path) == 0;
    int reason = errno;
    if (file >= 0)
        close(file);
    if (file >= 0 && !written)
        unlink(fresh);
    free(fresh);
    errno = reason;
    return written;
}

bool owner_token_make(const char *folder, char token[OWNER_TOKEN_SIZE],
                      struct link_problem *problem) {
    uint8_t secret[LINK_KEY_BYTES];
    uint8_t hash[LINK_KEY_BYTES];
    char *log = path_join(folder, "log.db");
    const bool served = log != NULL && access(log, F_OK) == 0;
    free(log);
    if (!served) {
        snprintf(problem->text, sizeof problem->text,
                 "no server has kept its log in %.150s; name its folder with --data", folder);
        return false;
    }
    char *path = path_join(folder, token_file);
    bool made = path != NULL && getrandom(secret, sizeof secret, 0) == sizeof secret;
    if (made) {
        key_fingerprint(secret, token);
        made = token_hash(token, hash) && token_write(path, hash);
    }
    if (!made)
        snprintf(problem->text, sizeof problem->text, "cannot keep a token in %.150s: %.80s",
                 folder, strerror(errno));
    OPENSSL_cleanse(secret, sizeof secret);
    free(path);
    return made;
}

/* The file beside the log; the caller frees it. */
static char *token_path(const char *log_path) {
    const char *slash = strrchr(log_path, '/');
    char *folder = slash != NULL ? strndup(log_path, (size_t)(slash - log_path)) : NULL;
    char *path = folder != NULL ? path_join(folder, token_file) : NULL;
    free(folder);
    return path;
}

static bool token_fits(const char *path, const uint8_t hash[LINK_KEY_BYTES]) {
    uint8_t kept[LINK_KEY_BYTES];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return false;
    bool fits =
        read(file, kept, sizeof kept) == sizeof kept && CRYPTO_memcmp(kept, hash, sizeof kept) == 0;
    close(file);
    return fits && unlink(path) == 0;
}

bool owner_token_take(const char *log_path, struct wire_text token) {
    char typed[OWNER_TOKEN_SIZE];
    uint8_t hash[LINK_KEY_BYTES];
    char *path = token_path(log_path);
    snprintf(typed, sizeof typed, "%.*s", (int)(token.size < sizeof typed ? token.size : 0),
             token.size > 0 ? token.data : "");
    bool taken = path != NULL && token_hash(typed, hash) && token_fits(path, hash);
    free(path);
    return taken;
}
