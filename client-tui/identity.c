#include "identity.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IDENTITY_KEPT_MAX = 100 };

void identity_init(struct identity *identity, const char *folder) {
    *identity = (struct identity){0};
    if (folder != NULL)
        identity->path = path_join(folder, "identity");
    identity_read(identity);
}

void identity_free(struct identity *identity) {
    free(identity->path);
    identity->path = NULL;
}

bool identity_read(struct identity *identity) {
    uint8_t secret[SECRET_BYTES + 1];
    if (identity->path == NULL)
        return false;
    int file = open(identity->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return false;
    ssize_t size = read(file, secret, sizeof secret);
    close(file);
    if (size != SECRET_BYTES ||
        (identity->size == SECRET_BYTES && memcmp(secret, identity->secret, SECRET_BYTES) == 0))
        return false;
    memcpy(identity->secret, secret, SECRET_BYTES);
    identity->size = SECRET_BYTES;
    return true;
}

/* Gives what is in the file's place a second name: "identity.1", or the next that is free. */
static void identity_put_aside(struct identity *identity) {
    for (int i = 1; i < IDENTITY_KEPT_MAX; i++) {
        snprintf(identity->kept, sizeof identity->kept, "%s.%d", identity->path, i);
        if (link(identity->path, identity->kept) == 0)
            return;
        if (errno != EEXIST)
            break;
    }
    identity->kept[0] = '\0';
}

/* Writes the secret into a new file, and when that is on disk gives it the name. */
static bool identity_write(struct identity *identity) {
    char *path = NULL;
    if (asprintf(&path, "%s.XXXXXX", identity->path) < 0)
        return false;
    int file = mkostemp(path, O_CLOEXEC); /* with mode 0600 */
    bool written = file >= 0 &&
                   write(file, identity->secret, identity->size) == (ssize_t)identity->size &&
                   fsync(file) == 0;
    if (written)
        identity_put_aside(identity);
    written = written && rename(path, identity->path) == 0 && path_sync_folder_of(identity->path);
    int reason = errno;
    if (file >= 0)
        close(file);
    if (file >= 0 && !written)
        unlink(path);
    free(path);
    errno = reason;
    return written;
}

bool identity_keep(struct identity *identity, struct wire_blob secret) {
    if (secret.size != SECRET_BYTES)
        return true;
    identity_read(identity);
    identity->kept[0] = '\0';
    if (identity->size == SECRET_BYTES &&
        memcmp(identity->secret, secret.data, SECRET_BYTES) == 0 &&
        (identity->path == NULL || access(identity->path, F_OK) == 0))
        return true;
    memmove(identity->secret, secret.data, SECRET_BYTES);
    identity->size = SECRET_BYTES;
    return identity->path == NULL || identity_write(identity);
}
