/* Finding and opening the file of an outbox: the first of its folder that no other client holds. */
#include "outbox_parts.h"
#include "buffer.h"
#include "paths.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTBOX_FILES_MAX = 1000 };

static const char outbox_hold[] = "PRAGMA locking_mode=EXCLUSIVE;"
                                  "PRAGMA secure_delete=ON;"
                                  "PRAGMA journal_mode=WAL;"
                                  "PRAGMA synchronous=FULL;"
                                  "BEGIN EXCLUSIVE;";

static const char outbox_schema[] =
    "CREATE TABLE posts(number INTEGER PRIMARY KEY, room INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE client(one INTEGER PRIMARY KEY CHECK(one=1), outbox INTEGER NOT NULL,"
    "  next_number INTEGER NOT NULL, server INTEGER NOT NULL, epoch INTEGER NOT NULL);"
    "PRAGMA user_version=1;";

/* Files of version 0 had the secret in them. */
static const char outbox_upgrade[] =
    "ALTER TABLE client DROP COLUMN secret;"
    "ALTER TABLE client ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version=1;";

static bool outbox_load_client(struct outbox *outbox) {
    sqlite3_stmt *row = NULL;
    bool found = sqlite3_prepare_v2(outbox->database,
                                    "SELECT outbox, next_number, server, epoch FROM client", -1,
                                    &row, NULL) == SQLITE_OK &&
                 sqlite3_step(row) == SQLITE_ROW;
    if (found) {
        outbox->id = (uint64_t)sqlite3_column_int64(row, 0);
        outbox->next_number = (uint64_t)sqlite3_column_int64(row, 1);
        outbox->server = (uint64_t)sqlite3_column_int64(row, 2);
        outbox->epoch = (uint64_t)sqlite3_column_int64(row, 3);
    }
    sqlite3_finalize(row);
    return found;
}

static void outbox_load_posts(struct outbox *outbox) {
    sqlite3_stmt *row = NULL;
    if (sqlite3_prepare_v2(outbox->database, "SELECT number, room, body FROM posts ORDER BY number",
                           -1, &row, NULL) == SQLITE_OK)
        while (sqlite3_step(row) == SQLITE_ROW)
            outbox_append(outbox, (uint64_t)sqlite3_column_int64(row, 0),
                          (uint32_t)sqlite3_column_int64(row, 1),
                          (struct wire_text){sqlite3_column_blob(row, 2),
                                             (size_t)sqlite3_column_bytes(row, 2)});
    sqlite3_finalize(row);
}

/* Moves the secret of an older file to where all clients look for it, unless there is one. */
static bool outbox_move_secret(struct outbox *outbox) {
    sqlite3_stmt *row = NULL;
    bool moved = true;
    if (sqlite3_prepare_v2(outbox->database, "SELECT secret FROM client", -1, &row, NULL) ==
            SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW && outbox->identity.size == 0)
        moved = identity_keep(
            &outbox->identity,
            (struct wire_blob){sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0)});
    sqlite3_finalize(row);
    return moved;
}

/* Finds out which version the file is of, and whether it has tables at all. */
static int outbox_look(struct outbox *outbox, int *version, bool *is_new) {
    sqlite3_stmt *row = NULL;
    int result = sqlite3_prepare_v2(outbox->database,
                                    "SELECT user_version,"
                                    " NOT EXISTS(SELECT 1 FROM sqlite_schema WHERE name='client')"
                                    " FROM pragma_user_version",
                                    -1, &row, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(row);
    *version = result == SQLITE_ROW ? sqlite3_column_int(row, 0) : 0;
    *is_new = result == SQLITE_ROW && sqlite3_column_int(row, 1) != 0;
    sqlite3_finalize(row);
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

static int outbox_make_tables(struct outbox *outbox) {
    int version;
    bool is_new;
    int result = sqlite3_exec(outbox->database, outbox_hold, NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = outbox_look(outbox, &version, &is_new);
    if (result != SQLITE_OK)
        return result;
    if (!is_new && version == 0 && !outbox_move_secret(outbox))
        return SQLITE_CANTOPEN;
    if (is_new || version == 0)
        result = sqlite3_exec(outbox->database, is_new ? outbox_schema : outbox_upgrade, NULL, NULL,
                              NULL);
    return result == SQLITE_OK ? sqlite3_exec(outbox->database, "COMMIT", NULL, NULL, NULL)
                               : result;
}

static bool outbox_open_file(struct outbox *outbox, const char *path, int *result) {
    *result = sqlite3_open_v2(path, &outbox->database,
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                  SQLITE_OPEN_NOFOLLOW,
                              NULL);
    if (*result == SQLITE_OK)
        *result = outbox_make_tables(outbox);
    if (*result == SQLITE_OK)
        return true;
    bool told = outbox->database != NULL && sqlite3_errcode(outbox->database) != SQLITE_OK;
    snprintf(outbox->problem, sizeof outbox->problem, "cannot keep the outbox on disk: %s",
             told ? sqlite3_errmsg(outbox->database) : sqlite3_errstr(*result));
    sqlite3_close(outbox->database);
    outbox->database = NULL;
    return false;
}

/* Appends the text with everything but letters and digits as %XX, so that no name becomes a path.
 */
static void outbox_append_name(struct buffer *path, const char *text) {
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (isalnum(byte) || (byte == '.' && path->size > 0 && path->data[path->size - 1] != '/'))
            buffer_append(path, &byte, 1);
        else
            buffer_append_format(path, "%%%02X", byte);
    }
}

/* The path of the folder of this server, and of the nick there unless that is NULL; NULL without a
 * home. The caller frees it. */
static char *outbox_folder(const char *host, const char *port, const char *nick) {
    char *root = path_for_user("XDG_STATE_HOME", ".local/state", "chat-tui");
    struct buffer path = {0};
    if (root == NULL)
        return NULL;
    buffer_append_format(&path, "%s/", root);
    outbox_append_name(&path, host);
    buffer_append_string(&path, "_");
    outbox_append_name(&path, port);
    if (nick != NULL) {
        buffer_append_string(&path, "/");
        outbox_append_name(&path, nick);
    }
    char *folder = strdup(buffer_string(&path));
    buffer_free(&path);
    free(root);
    return folder;
}

/* Makes the folder, if need be; false with the problem. */
static bool outbox_make_folder(struct outbox *outbox, const char *folder) {
    if (folder == NULL)
        snprintf(outbox->problem, sizeof outbox->problem,
                 "cannot keep the outbox on disk: there is no home folder");
    else if (path_make_folders(folder))
        return true;
    else
        snprintf(outbox->problem, sizeof outbox->problem,
                 "cannot keep the outbox on disk: %.150s: %s", folder, strerror(errno));
    return false;
}

/* Opens the first file that no other client holds. */
static bool outbox_open_free(struct outbox *outbox, const char *folder) {
    char name[16];
    int result = SQLITE_BUSY;
    for (int i = 0; i < OUTBOX_FILES_MAX && result == SQLITE_BUSY; i++) {
        snprintf(name, sizeof name, "%d.db", i);
        char *path = path_join(folder, name);
        if (path != NULL && outbox_open_file(outbox, path, &result)) {
            outbox->path = path;
            return true;
        }
        free(path);
    }
    return false;
}

static bool outbox_has_posts(struct outbox *outbox) {
    sqlite3_stmt *row = NULL;
    bool found = sqlite3_prepare_v2(outbox->database, "SELECT 1 FROM posts LIMIT 1", -1, &row,
                                    NULL) == SQLITE_OK &&
                 sqlite3_step(row) == SQLITE_ROW;
    sqlite3_finalize(row);
    return found;
}

/* Opens the first file in which posts wait and that no other client holds; makes none. */
static bool outbox_open_waiting(struct outbox *outbox, const char *folder) {
    char name[16];
    int result;
    for (int i = 0; i < OUTBOX_FILES_MAX; i++) {
        snprintf(name, sizeof name, "%d.db", i);
        char *path = path_join(folder, name);
        if (path == NULL || access(path, F_OK) != 0) {
            free(path);
            return false;
        }
        if (outbox_open_file(outbox, path, &result) && outbox_has_posts(outbox)) {
            outbox->path = path;
            return true;
        }
        sqlite3_close(outbox->database);
        outbox->database = NULL;
        free(path);
    }
    return false;
}

struct outbox *outbox_open(const char *host, const char *port, const char *nick, bool shows_key) {
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL)
        return NULL;
    mode_t mask = umask(077);
    char *of_nick = outbox_folder(host, port, nick);
    char *folder = outbox_folder(host, port, shows_key ? NULL : nick);
    bool made = outbox_make_folder(outbox, folder);
    identity_init(&outbox->identity, made ? of_nick : NULL);
    bool on_disk = made && ((shows_key && outbox_open_waiting(outbox, of_nick)) ||
                            outbox_open_free(outbox, folder));
    free(folder);
    free(of_nick);
    int result;
    char problem[OUTBOX_PROBLEM_MAX];
    memcpy(problem, outbox->problem, sizeof problem);
    if (!on_disk && !outbox_open_file(outbox, ":memory:", &result)) {
        identity_free(&outbox->identity);
        free(outbox);
        outbox = NULL;
    }
    umask(mask);
    if (outbox == NULL)
        return NULL;
    memcpy(outbox->problem, on_disk ? "" : problem, on_disk ? 1 : sizeof problem);
    outbox->next_number = OUTBOX_FIRST_NUMBER;
    if (!outbox_load_client(outbox)) {
        outbox->id = outbox_random();
        outbox_save(outbox);
    }
    outbox_load_posts(outbox);
    return outbox;
}
