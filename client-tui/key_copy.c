#include "key_copy.h"
#include "passphrase.h"
#include "paths.h"
#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 65536, KEY_KEPT_MAX = 100 };

static bool key_says(char *says, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* False, so that what went wrong can be said and returned at once. */
static bool key_says(char *says, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(says, KEY_COPY_SAYS_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* The file with the key, in a string that the caller frees; NULL without a home. */
static char *key_place(void) {
    return path_for_user("XDG_DATA_HOME", ".local/share", "chat-tui/key.pem");
}

/* A path as it was typed, where ~ is the home; the caller frees it. */
static char *key_expand(const char *file) {
    const char *home = getenv("HOME");
    return file[0] == '~' && file[1] == '/' && home != NULL ? path_join(home, file + 2)
                                                            : strdup(file);
}

static bool key_read(const char *path, struct buffer *content) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *room = file >= 0 ? buffer_reserve(content, KEY_FILE_MAX) : NULL;
    ssize_t size = room != NULL ? read(file, room, KEY_FILE_MAX) : -1;
    int reason = errno;
    if (file >= 0)
        close(file);
    if (size > 0)
        content->size = (size_t)size;
    errno = size == 0 ? ENODATA : size == KEY_FILE_MAX ? EFBIG : reason;
    return size > 0 && size < KEY_FILE_MAX;
}

static bool key_write(int file, const struct buffer *content) {
    return file >= 0 && write(file, content->data, content->size) == (ssize_t)content->size &&
           fsync(file) == 0;
}

/* Writes a new file for the person alone. */
static bool key_write_new(const char *path, const struct buffer *content) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = key_write(file, content);
    int reason = errno;
    if (file >= 0)
        close(file);
    if (file >= 0 && !written)
        unlink(path);
    errno = reason;
    return written;
}

/* Gives what is in the place of the key a second name, with a number; true when there is nothing,
 * with "" in `kept`. */
static bool key_put_aside(const char *place, char kept[PATH_MAX]) {
    for (int i = 1; i < KEY_KEPT_MAX; i++) {
        snprintf(kept, PATH_MAX, "%s.%d", place, i);
        if (link(place, kept) == 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    kept[0] = '\0';
    return errno == ENOENT;
}

/* Puts the key in its place, as a whole: beside it first, and when that is on disk under its name.
 */
static bool key_install(const char *place, const struct buffer *key, char kept[PATH_MAX]) {
    char *fresh = NULL;
    char *folder = strndup(place, (size_t)(strrchr(place, '/') - place));
    bool ready =
        folder != NULL && path_make_folders(folder) && asprintf(&fresh, "%s.XXXXXX", place) >= 0;
    int file = ready ? mkostemp(fresh, O_CLOEXEC) : -1; /* with mode 0600 */
    bool installed = key_write(file, key) && key_put_aside(place, kept) &&
                     rename(fresh, place) == 0 && path_sync_folder_of(place);
    int reason = errno;
    if (file >= 0)
        close(file);
    if (file >= 0 && !installed)
        unlink(fresh);
    free(folder);
    free(fresh);
    errno = reason;
    return installed;
}

static bool key_lock(const char *place, const char *file, const char *passphrase, char *says) {
    struct buffer key = {0}, sealed = {0};
    bool done = false;
    if (!key_read(place, &key))
        key_says(says, "There is no key to export: cannot read %s: %s.", place, strerror(errno));
    else if (vault_seal((struct wire_blob){key.data, key.size}, passphrase, &sealed) != VAULT_OK)
        key_says(says, "Not exported: %s.", vault_result_text(VAULT_FAILED));
    else if (!key_write_new(file, &sealed))
        key_says(says, "Not exported: cannot write %s: %s.", file, strerror(errno));
    else
        done = true;
    if (done)
        key_says(says,
                 "Your key is in %s, locked with that passphrase. On another machine: "
                 "chat-tui --import-key FILE. Whoever has both is you.",
                 file);
    vault_wipe(&key);
    buffer_free(&sealed);
    return done;
}

static bool key_unlock(const char *place, const char *file, const struct buffer *sealed,
                       const char *passphrase, char *says) {
    struct buffer key = {0};
    char kept[PATH_MAX] = "";
    enum vault_result result =
        vault_open((struct wire_blob){sealed->data, sealed->size}, passphrase, &key);
    bool done = false;
    if (result != VAULT_OK)
        key_says(says, "Cannot import %s: %s.", file, vault_result_text(result));
    else if (!key_install(place, &key, kept))
        key_says(says, "Not imported: cannot write %s: %s.", place, strerror(errno));
    else
        done = true;
    if (done)
        key_says(says, "Your key is imported; from the next start on you are who it says.%s%s%s",
                 kept[0] != '\0' ? " The one before is kept as " : "", kept,
                 kept[0] != '\0' ? "." : "");
    vault_wipe(&key);
    return done;
}

static bool key_export_to(const char *place, const char *file, char *says) {
    char passphrase[PASSPHRASE_BYTES_MAX];
    const char *problem;
    bool done = false;
    if (access(place, R_OK) != 0)
        key_says(says, "There is no key to export: cannot read %s: %s.", place, strerror(errno));
    else if (access(file, F_OK) == 0)
        key_says(says, "Not exported: %s is there already; choose another name.", file);
    else if (!passphrase_choose(passphrase, &problem))
        key_says(says, "Not exported: %s.", problem);
    else
        done = key_lock(place, file, passphrase, says);
    sodium_memzero(passphrase, sizeof passphrase);
    return done;
}

static bool key_import_from(const char *place, const char *file, char *says) {
    char passphrase[PASSPHRASE_BYTES_MAX];
    struct buffer sealed = {0};
    const char *problem;
    bool done = false;
    bool read = key_read(file, &sealed);
    int reason = errno;
    enum vault_result look = vault_look((struct wire_blob){sealed.data, sealed.size});
    if (!read)
        key_says(says, "Not imported: cannot read %s: %s.", file, strerror(reason));
    else if (look != VAULT_OK)
        key_says(says, "Cannot import %s: %s.", file, vault_result_text(look));
    else if (!passphrase_ask("The passphrase that the key is locked with: ", passphrase, &problem))
        key_says(says, "Not imported: %s.", problem);
    else
        done = key_unlock(place, file, &sealed, passphrase, says);
    sodium_memzero(passphrase, sizeof passphrase);
    buffer_free(&sealed);
    return done;
}

static bool key_carry(bool (*carry)(const char *place, const char *file, char *says),
                      const char *file, char *says) {
    char *place = key_place();
    char *path = key_expand(file);
    bool done = place != NULL && path != NULL
                    ? carry(place, path, says)
                    : key_says(says, "There is no home folder with a key in it.");
    free(place);
    free(path);
    return done;
}

bool key_export(const char *file, char *says) {
    return key_carry(key_export_to, file, says);
}

bool key_import(const char *file, char *says) {
    return key_carry(key_import_from, file, says);
}
