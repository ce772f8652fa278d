/* Who is there: greetings and nicks. */
#include "judge_parts.h"
#include "name.h"

/* The interface that is not deprecated asks for memory, and crashes in OpenSSL when there is none.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(STORE_HASH_BYTES == SHA256_DIGEST_LENGTH, "secrets are hashed with SHA-256");

static void judge_hash(const uint8_t secret[SECRET_BYTES], uint8_t hash[STORE_HASH_BYTES]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, secret, SECRET_BYTES);
    SHA256_Final(hash, &context);
}

/* Gives the account a nick that is free, and tells its rooms. */
void judge_set_nick(struct judge *judge, struct account *account, const char *nick) {
    char *old_nick = strdup(account->nick);
    if (old_nick == NULL || !state_set_nick(judge->state, account, nick)) {
        free(old_nick);
        judge_fail_memory(judge, false);
        return;
    }
    store_set_nick(judge->store, account->id, nick);
    struct message renamed = judge_event_by(MESSAGE_RENAMED, account);
    renamed.renamed.nick = wire_text(old_nick);
    renamed.renamed.new_nick = wire_text(nick);
    for (size_t i = 0; i < account->reading_count; i++)
        batch_event(&judge->batch, state_room(judge->state, account->readings[i].room), &renamed);
    free(old_nick);
}

/* Writes a nick like the taken one that is free, or "" when there is none among the first hundred.
 */
static void judge_suggest_nick(const struct judge *judge, const char *taken, char *suggestion,
                               size_t size) {
    struct name name;
    for (int number = 2; number < 100; number++) {
        snprintf(suggestion, size, "%s%d", taken, number);
        if (name_nick(wire_text(suggestion), &name) &&
            state_account_online(judge->state, name.folded) == NULL)
            return;
    }
    suggestion[0] = '\0';
}

static void judge_nick_taken(struct judge *judge, const struct request *request, uint32_t tag,
                             const char *nick, bool end) {
    char suggestion[NAME_BYTES_MAX + 1];
    judge_suggest_nick(judge, nick, suggestion, sizeof suggestion);
    if (end) {
        judge_end(judge, request->session, ERROR_NICK_TAKEN, suggestion);
        return;
    }
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = tag;
    error.error.code = ERROR_NICK_TAKEN;
    error.error.reason = wire_text(error_text(ERROR_NICK_TAKEN));
    error.error.suggestion = wire_text(suggestion);
    batch_reply(&judge->batch, INBOX_REPLY, request->session, &error);
}

static struct account *judge_make_account(struct judge *judge, const char *nick,
                                          const uint8_t hash[STORE_HASH_BYTES]) {
    uint32_t id = state_next_account(judge->state);
    struct account *account = state_add_account(judge->state, id, nick, hash);
    if (account == NULL) {
        judge_fail_memory(judge, false);
        return NULL;
    }
    struct message made = judge_event_by(MESSAGE_ACCOUNT_MADE, account);
    made.account_made.nick = wire_text(nick);
    made.account_made.secret_hash = (struct wire_blob){account->secret_hash, STORE_HASH_BYTES};
    store_add_account(judge->store, id, nick, hash);
    batch_event(&judge->batch, NULL, &made);
    judge_add_member(judge, state_room(judge->state, STATE_LOBBY), account);
    return account;
}

/* The account of a greeting that shows a known secret; NULL when it shows none. Its session from
 * before, of the same outbox, is ended: the connection it had is dead, or will be. */
static struct account *judge_known_account(struct judge *judge, const struct message_hello *hello) {
    uint8_t hash[STORE_HASH_BYTES];
    if (hello->secret.size != SECRET_BYTES)
        return NULL;
    judge_hash(hello->secret.data, hash);
    struct account *account = state_account_by_secret(judge->state, hash);
    struct presence *presence = account != NULL ? account->presences : NULL;
    while (presence != NULL && (presence->outbox == NULL || presence->outbox->id != hello->outbox))
        presence = presence->next;
    if (presence != NULL) {
        judge_end(judge, presence->session, ERROR_TAKEN_OVER, "");
        judge_fail_memory(judge, state_detach(judge->state, presence));
    }
    return account;
}

/* Everything that a welcomed client is told first. */
static void judge_welcome(struct judge *judge, const struct presence *presence,
                          struct wire_blob secret) {
    const struct account *account = presence->account;
    struct message welcome = {.type = MESSAGE_WELCOME};
    welcome.welcome.version = PROTOCOL_VERSION;
    welcome.welcome.server = store_identity(judge->store);
    welcome.welcome.account = account->id;
    welcome.welcome.nick = wire_text(account->nick);
    welcome.welcome.secret = secret;
    welcome.welcome.up_to = presence->outbox != NULL ? presence->outbox->up_to : 0;
    welcome.welcome.rooms = (uint16_t)account->reading_count;
    welcome.welcome.epoch = store_epoch(judge->store);
    welcome.welcome.agent = wire_text("chat-server " CHAT_VERSION);
    batch_reply(&judge->batch, INBOX_REPLY, presence->session, &welcome);
    for (size_t i = 0; i < account->reading_count; i++)
        judge_subscribe(judge, presence, state_room(judge->state, account->readings[i].room), 0);
}

/* Connects the account; `secret` is what proves it from now on. */
static void judge_enter(struct judge *judge, const struct request *request, struct account *account,
                        struct wire_blob secret) {
    const struct message_hello *hello = &request->message.hello;
    struct presence *presence = state_attach(judge->state, account, request->session);
    if (presence == NULL) {
        judge_fail_memory(judge, false);
        return;
    }
    if (hello->outbox != 0) {
        presence->outbox = state_outbox(judge->state, account, hello->outbox);
        judge_fail_memory(judge, presence->outbox != NULL);
    }
    judge_welcome(judge, presence, secret);
}

static void judge_hello_new(struct judge *judge, const struct request *request, const char *nick) {
    uint8_t secret[SECRET_BYTES];
    uint8_t hash[STORE_HASH_BYTES];
    if (judge->read_only || getrandom(secret, sizeof secret, 0) != sizeof secret) {
        judge_end(judge, request->session, ERROR_STORAGE, "");
        return;
    }
    judge_hash(secret, hash);
    struct account *account = judge_make_account(judge, nick, hash);
    if (account != NULL)
        judge_enter(judge, request, account, (struct wire_blob){secret, sizeof secret});
}

void judge_hello(struct judge *judge, const struct request *request) {
    const struct message_hello *hello = &request->message.hello;
    struct name name;
    if (!name_nick(hello->nick, &name)) {
        judge_end(judge, request->session, ERROR_NICK_INVALID, "");
        return;
    }
    struct account *account = judge_known_account(judge, hello);
    /* Another client of the same account is welcome, under the nick that the first one has. */
    bool joins_other = account != NULL && account->presences != NULL;
    if (!joins_other && state_account_online(judge->state, name.folded) != NULL) {
        judge_nick_taken(judge, request, 0, name.shown, true);
        return;
    }
    if (account == NULL) {
        judge_hello_new(judge, request, name.shown);
        return;
    }
    if (!joins_other && strcmp(account->nick, name.shown) != 0 && !judge->read_only)
        judge_set_nick(judge, account, name.shown);
    judge_enter(judge, request, account, hello->secret);
}

void judge_rename(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_rename *rename_to = &request->message.rename;
    struct account *account = presence->account;
    struct name name;
    if (!name_nick(rename_to->nick, &name)) {
        judge_error(judge, request, rename_to->tag, ERROR_NICK_INVALID);
        return;
    }
    struct account *holder = state_account_online(judge->state, name.folded);
    if (holder != NULL && holder != account) {
        judge_nick_taken(judge, request, rename_to->tag, name.shown, false);
        return;
    }
    if (judge->read_only) {
        judge_error(judge, request, rename_to->tag, ERROR_STORAGE);
        return;
    }
    if (strcmp(account->nick, name.shown) != 0)
        judge_set_nick(judge, account, name.shown);
    judge_done(judge, request, rename_to->tag);
}
