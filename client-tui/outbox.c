#include "outbox.h"
#include "buffer.h"
#include "clock.h"
#include "identity.h"
#include "paths.h"

#include <ctype.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OUTBOX_FILES_MAX = 1000, OUTBOX_WIPE_MILLISECONDS = 1000 };

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

struct outbox {
    sqlite3 *database;
    char *path; /* NULL: in memory */
    uint64_t id;
    uint64_t next_number;
    uint64_t server;
    uint64_t epoch;
    struct identity identity;
    struct outbox_post *first;
    struct outbox_post *last;
    bool in_transaction;
    bool incomplete; /* the disk did not take all that waits */
    uint64_t wiped;  /* when the file was last cleared of what was sent; monotonic */
    char problem[OUTBOX_PROBLEM_MAX];
};

/* Runs a statement with up to three integers and a blob; a failure becomes the outbox's problem. */
static void outbox_run(struct outbox *outbox, const char *sql, const uint64_t *numbers, int count,
                       struct wire_blob bytes) {
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(outbox->database, sql, -1, &statement, NULL);
    for (int i = 0; i < count && result == SQLITE_OK; i++)
        result = sqlite3_bind_int64(statement, i + 1, (sqlite3_int64)numbers[i]);
    if (result == SQLITE_OK && bytes.data != NULL)
        result = sqlite3_bind_blob64(statement, count + 1, bytes.data, bytes.size, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result != SQLITE_DONE && result != SQLITE_ROW)
        snprintf(outbox->problem, sizeof outbox->problem, "cannot keep the outbox on disk: %s",
                 sqlite3_errmsg(outbox->database));
    sqlite3_finalize(statement);
}

static void outbox_execute(struct outbox *outbox, const char *sql) {
    outbox_run(outbox, sql, NULL, 0, (struct wire_blob){0});
}

static void outbox_begin(struct outbox *outbox) {
    if (!outbox->in_transaction)
        outbox_execute(outbox, "BEGIN");
    outbox->in_transaction = true;
}

/* Ends the transaction; one that the disk does not take is rolled back, and leaves a problem. */
static void outbox_commit(struct outbox *outbox) {
    outbox_execute(outbox, "COMMIT");
    if (sqlite3_get_autocommit(outbox->database) == 0)
        sqlite3_exec(outbox->database, "ROLLBACK", NULL, NULL, NULL);
    outbox->in_transaction = false;
}

static void outbox_save(struct outbox *outbox) {
    const uint64_t numbers[] = {outbox->id, outbox->next_number, outbox->server, outbox->epoch};
    outbox_run(outbox,
               "INSERT OR REPLACE INTO client(one, outbox, next_number, server, epoch)"
               " VALUES(1,?,?,?,?)",
               numbers, 4, (struct wire_blob){0});
}

static void outbox_insert(struct outbox *outbox, const struct outbox_post *post) {
    const uint64_t numbers[] = {post->number, post->room};
    outbox_run(outbox, "INSERT INTO posts VALUES(?,?,?)", numbers, 2,
               (struct wire_blob){(const uint8_t *)post->body, post->size});
}

/* Writes all that waits in the place of what is there. */
static void outbox_write_all(struct outbox *outbox) {
    outbox_begin(outbox);
    outbox_execute(outbox, "DELETE FROM posts");
    for (const struct outbox_post *post = outbox->first; post != NULL; post = post->next)
        outbox_insert(outbox, post);
    outbox_save(outbox);
}

/* What the disk did not take before, it may take now. */
void outbox_flush(struct outbox *outbox) {
    bool again = outbox->incomplete && outbox->path != NULL;
    if (!outbox->in_transaction && !again)
        return;
    if (again) {
        outbox->problem[0] = '\0';
        outbox_write_all(outbox);
    }
    outbox_commit(outbox);
    outbox->incomplete = outbox->problem[0] != '\0';
}

static struct outbox_post *outbox_append(struct outbox *outbox, uint64_t number, uint32_t room,
                                         struct wire_text body) {
    struct outbox_post *post = malloc(sizeof *post + body.size);
    if (post == NULL)
        return NULL;
    post->next = NULL;
    post->number = number;
    post->room = room;
    post->size = body.size;
    if (body.size > 0)
        memcpy(post->body, body.data, body.size);
    if (outbox->last != NULL)
        outbox->last->next = post;
    else
        outbox->first = post;
    outbox->last = post;
    return post;
}

static uint64_t outbox_random(void) {
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
    return (number >> 1) | 1;
}

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

static void outbox_free_posts(struct outbox *outbox) {
    while (outbox->first != NULL) {
        struct outbox_post *next = outbox->first->next;
        free(outbox->first);
        outbox->first = next;
    }
    outbox->last = NULL;
}

void outbox_close(struct outbox *outbox) {
    if (outbox == NULL)
        return;
    outbox_flush(outbox);
    /* What it says is waiting was sent long ago, and would be sent again. */
    if (outbox->incomplete && outbox->first == NULL && outbox->path != NULL)
        unlink(outbox->path);
    sqlite3_close(outbox->database);
    free(outbox->path);
    outbox_free_posts(outbox);
    identity_free(&outbox->identity);
    free(outbox);
}

const char *outbox_problem(const struct outbox *outbox) {
    return outbox->problem[0] != '\0' ? outbox->problem : NULL;
}

uint64_t outbox_id(const struct outbox *outbox) {
    return outbox->id;
}

uint64_t outbox_next_number(const struct outbox *outbox) {
    return outbox->next_number;
}

const struct outbox_post *outbox_first(const struct outbox *outbox) {
    return outbox->first;
}

struct wire_blob outbox_secret(const struct outbox *outbox) {
    return (struct wire_blob){outbox->identity.secret, outbox->identity.size};
}

bool outbox_read_secret(struct outbox *outbox) {
    return identity_read(&outbox->identity);
}

enum outbox_log outbox_log_of(const struct outbox *outbox, const struct message_welcome *welcome) {
    if (outbox->server != 0 && outbox->server != welcome->server)
        return OUTBOX_OTHER_SERVER;
    if (outbox->epoch != 0 && outbox->epoch != welcome->epoch)
        return OUTBOX_OTHER_EPOCH;
    return OUTBOX_SAME_LOG;
}

static void outbox_drop_all(struct outbox *outbox) {
    if (outbox->first != NULL)
        outbox->next_number = outbox->first->number;
    outbox_free_posts(outbox);
    outbox_execute(outbox, "DELETE FROM posts");
}

static void outbox_keep_identity(struct outbox *outbox, struct wire_blob secret) {
    if (!identity_keep(&outbox->identity, secret))
        snprintf(outbox->problem, sizeof outbox->problem, "cannot write %.150s: %s",
                 outbox->identity.path, strerror(errno));
    else if (outbox->identity.kept[0] != '\0')
        snprintf(
            outbox->problem, sizeof outbox->problem,
            "you are a new person to this server; the secret of who you were is kept in %.120s",
            outbox->identity.kept);
}

enum outbox_log outbox_welcome(struct outbox *outbox, const struct message_welcome *welcome) {
    enum outbox_log log = outbox_log_of(outbox, welcome);
    outbox->server = welcome->server;
    outbox->epoch = welcome->epoch;
    outbox_begin(outbox);
    if (log == OUTBOX_OTHER_SERVER)
        outbox_drop_all(outbox);
    outbox_save(outbox);
    outbox_flush(outbox);
    outbox_keep_identity(outbox, welcome->secret);
    return log;
}

const struct outbox_post *outbox_add(struct outbox *outbox, uint32_t room, struct wire_text body) {
    struct outbox_post *post = outbox_append(outbox, outbox->next_number, room, body);
    if (post == NULL)
        return NULL;
    outbox_begin(outbox);
    outbox_insert(outbox, post);
    outbox->next_number++;
    outbox_save(outbox);
    return post;
}

/* What was sent is the server's to keep, or to delete: it goes from the write-ahead log too, when
 * nothing waits, and not for each post. */
static void outbox_wipe(struct outbox *outbox) {
    uint64_t now = clock_monotonic();
    if (outbox->first != NULL || now - outbox->wiped < OUTBOX_WIPE_MILLISECONDS)
        return;
    outbox->wiped = now;
    sqlite3_wal_checkpoint_v2(outbox->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void outbox_stored(struct outbox *outbox, uint64_t up_to) {
    if (outbox->first == NULL || outbox->first->number > up_to)
        return;
    while (outbox->first != NULL && outbox->first->number <= up_to) {
        struct outbox_post *next = outbox->first->next;
        free(outbox->first);
        outbox->first = next;
    }
    if (outbox->first == NULL)
        outbox->last = NULL;
    outbox_flush(outbox);
    /* Forgetting a stored post is not worth a wait for the disk: a repeat is harmless. A checkpoint
     * that falls due with it still waits. */
    outbox_execute(outbox, "PRAGMA synchronous=NORMAL");
    outbox_run(outbox, "DELETE FROM posts WHERE number<=?", &up_to, 1, (struct wire_blob){0});
    outbox_execute(outbox, "PRAGMA synchronous=FULL");
    outbox->incomplete = outbox->incomplete || outbox->problem[0] != '\0';
    outbox_wipe(outbox);
}

void outbox_refused(struct outbox *outbox, uint64_t number) {
    struct outbox_post **place = &outbox->first;
    struct outbox_post *before = NULL;
    while (*place != NULL && (*place)->number < number) {
        before = *place;
        place = &(*place)->next;
    }
    if (*place == NULL || (*place)->number != number)
        return;
    struct outbox_post *refused = *place;
    *place = refused->next;
    if (outbox->last == refused)
        outbox->last = before;
    free(refused);
    for (struct outbox_post *post = *place; post != NULL; post = post->next)
        post->number--;
    outbox->next_number--;
    outbox_begin(outbox);
    outbox_run(outbox, "DELETE FROM posts WHERE number=?", &number, 1, (struct wire_blob){0});
    /* Through negative numbers, so that no two rows ever meet. */
    outbox_run(outbox, "UPDATE posts SET number=-number WHERE number>?", &number, 1,
               (struct wire_blob){0});
    outbox_execute(outbox, "UPDATE posts SET number=-number-1 WHERE number<0");
    outbox_save(outbox);
    outbox_flush(outbox);
}

void outbox_bind(struct outbox *outbox, uint32_t room) {
    const uint64_t number = room;
    bool any = false;
    for (struct outbox_post *post = outbox->first; post != NULL; post = post->next) {
        any = any || post->room == 0;
        if (post->room == 0)
            post->room = room;
    }
    if (any)
        outbox_run(outbox, "UPDATE posts SET room=? WHERE room=0", &number, 1,
                   (struct wire_blob){0});
}

void outbox_renew(struct outbox *outbox) {
    outbox->id = outbox_random();
    outbox->next_number = OUTBOX_FIRST_NUMBER;
    for (struct outbox_post *post = outbox->first; post != NULL; post = post->next)
        post->number = outbox->next_number++;
    outbox_write_all(outbox);
    outbox_flush(outbox);
}
