#include "outbox_parts.h"
#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { OUTBOX_WIPE_MILLISECONDS = 1000 };

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

void outbox_save(struct outbox *outbox) {
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

struct outbox_post *outbox_append(struct outbox *outbox, uint64_t number, uint32_t room,
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

uint64_t outbox_random(void) {
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
    return (number >> 1) | 1;
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
