/* Who is there: a greeting is known by the key that its connection has shown, or is a guest's. */
#include "judge_parts.h"

/* The interface that is not deprecated asks for memory, and crashes in OpenSSL when there is none.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(STORE_HASH_BYTES == SHA256_DIGEST_LENGTH, "secrets are hashed with SHA-256");
_Static_assert((int)STORE_HASH_BYTES == (int)LINK_KEY_BYTES, "so are keys");

enum { INVITATIONS_TOLD_MAX = 100 }; /* in a welcome */

/* Whose greeting it is, and what is to be done before it is answered. */
struct greeter {
    struct account *account; /* NULL: a new one is to be made */
    bool is_new;             /* it was */
    struct device *device;   /* whose key was shown, if it is known here */
    bool joins;              /* the key is new to the account */
    bool uses_code;
    struct stored_code code;
};

void judge_hash(const void *data, size_t size, uint8_t hash[STORE_HASH_BYTES]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, data, size);
    SHA256_Final(hash, &context);
}

static struct account *judge_make_account(struct judge *judge, const char *nick,
                                          const uint8_t secret[SECRET_BYTES]) {
    uint8_t hash[STORE_HASH_BYTES];
    judge_hash(secret, SECRET_BYTES, hash);
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

/* The account without a key whose secret the greeting shows. One that has a key is never got by a
 * secret. */
static struct account *judge_account_by_secret(const struct judge *judge,
                                               const struct message_hello *hello) {
    uint8_t hash[STORE_HASH_BYTES];
    if (hello->secret.size != SECRET_BYTES)
        return NULL;
    judge_hash(hello->secret.data, SECRET_BYTES, hash);
    struct account *account = state_account_by_secret(judge->state, hash);
    return account != NULL && account->devices == NULL ? account : NULL;
}

/* The account that a code lets a device join, NULL when it is for the server. */
static struct account *judge_account_of_code(const struct judge *judge,
                                             const struct stored_code *code) {
    return code->account != 0 ? state_account(judge->state, code->account) : NULL;
}

/* A key that nobody has here: a new person, or one who was a guest so far. */
static enum error_code judge_know_new_key(const struct judge *judge,
                                          const struct message_hello *hello,
                                          struct greeter *greeter) {
    greeter->joins = true;
    if (greeter->device != NULL)
        return ERROR_KEY_REMOVED;
    greeter->account = judge_account_by_secret(judge, hello);
    return judge_admits(judge, true, greeter->uses_code);
}

/* Nobody could ever be that person again. */
static bool judge_would_lose_account(const struct device *device) {
    return device->account->devices == device && device->next == NULL;
}

/* A device that has a code for an account joins it, whatever it was before, unless that would leave
 * an account without any. One that is known needs none, and may say an old one again. */
static enum error_code judge_know_key(struct judge *judge, const struct request *request,
                                      struct greeter *greeter) {
    const struct message_hello *hello = &request->message.hello;
    struct device *device = state_device(judge->state, request->origin.key);
    bool known = device != NULL && !device->removed;
    enum error_code error = ERROR_NONE;
    greeter->device = device;
    if (hello->code.size > 0) {
        error = judge_find_code(judge, hello->code, &greeter->code);
        greeter->account =
            error == ERROR_NONE ? judge_account_of_code(judge, &greeter->code) : NULL;
    }
    greeter->uses_code = hello->code.size > 0 && error == ERROR_NONE;
    greeter->joins = greeter->account != NULL && !(known && device->account == greeter->account);
    if (greeter->joins && known && judge_would_lose_account(device))
        return ERROR_WOULD_LOSE_ACCOUNT;
    if (greeter->joins)
        return judge_has_room_for_device(greeter->account) ? ERROR_NONE : ERROR_TOO_MANY_DEVICES;
    if (known) {
        greeter->account = device->account;
        greeter->uses_code = false;
        return ERROR_NONE;
    }
    return error != ERROR_NONE ? error : judge_know_new_key(judge, hello, greeter);
}

static enum error_code judge_know_guest(const struct judge *judge, const struct request *request,
                                        struct greeter *greeter) {
    if (judge->plaintext && request->message.hello.code.size > 0)
        return ERROR_NO_KEYS;
    greeter->account = judge_account_by_secret(judge, &request->message.hello);
    return judge_admits(judge, false, false);
}

/* What the greeter is to be called: as before, or as wished. */
static enum error_code judge_choose_nick(const struct judge *judge,
                                         const struct message_hello *hello,
                                         const struct greeter *greeter, struct name *name) {
    const struct account *account = greeter->account;
    /* Another client of a guest is welcome, under the nick that the first one has. */
    bool keeps = account != NULL && (hello->keeps_nick != 0 ||
                                     (account->devices == NULL && account->presences != NULL));
    struct wire_text wished = keeps ? wire_text(account->nick) : hello->nick;
    bool valid = name_nick(wished, name);
    /* What is held already, perhaps since more was allowed, may be kept. */
    if (keeps && (account->devices != NULL || account->presences != NULL)) {
        snprintf(name->shown, sizeof name->shown, "%s", account->nick);
        return ERROR_NONE;
    }
    if (!valid)
        return ERROR_NICK_INVALID;
    return judge_nick_error(judge, account, name);
}

/* Ends the session that the same outbox has from before: the connection it had is dead, or will be.
 */
static void judge_end_stale(struct judge *judge, const struct account *account, uint64_t outbox) {
    struct presence *presence = account->presences;
    while (presence != NULL && (presence->outbox == NULL || presence->outbox->id != outbox))
        presence = presence->next;
    if (presence == NULL)
        return;
    judge_end(judge, presence->session, ERROR_TAKEN_OVER, "");
    judge_fail_memory(judge, state_detach(judge->state, presence));
}

/* Whether the account has as many clients connected as it may, but for one whose place this takes.
 */
static bool judge_account_is_full(const struct judge *judge, const struct account *account,
                                  uint64_t outbox) {
    unsigned most =
        judge->limits != NULL ? peer_limit(judge->limits, LIMIT_ACCOUNT_CONNECTIONS) : 0;
    unsigned connections = 0;
    if (account == NULL || most == 0)
        return false;
    for (const struct presence *at = account->presences; at != NULL; at = at->next)
        connections += at->outbox == NULL || at->outbox->id != outbox;
    return connections >= most;
}

/* Everything that a welcomed client is told first. */
static void judge_welcome(struct judge *judge, const struct presence *presence,
                          const struct greeter *greeter, struct wire_blob secret) {
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
    welcome.welcome.standing = (uint8_t)judge_standing(judge, account);
    welcome.welcome.agent = wire_text("chat-server " CHAT_VERSION);
    batch_welcome(&judge->batch, presence->session, account->id, greeter->is_new, &welcome);
    for (size_t i = 0; i < account->reading_count; i++)
        judge_subscribe(judge, presence, state_room(judge->state, account->readings[i].room), 0);
    const struct room *room;
    unsigned told = 0;
    for (uint32_t id = 1;
         told < INVITATIONS_TOLD_MAX && (room = state_room(judge->state, id)) != NULL; id++)
        if ((room_marks(room, account->id) & MARK_INVITED) && !room_has_member(room, account->id)) {
            judge_tell_invitation(judge, presence, room, "");
            told++;
        }
}

/* A new server belongs to whoever comes first from the machine it runs on. */
static bool judge_is_first(const struct judge *judge, const struct request *request,
                           const struct account *account) {
    return account->id == 1 && request->origin.loopback && state_owner(judge->state) == 0 &&
           (account->devices != NULL || judge->plaintext);
}

/* Connects the account; `secret` is what proves it from now on, if a key does
 * not. */
static void judge_enter(struct judge *judge, const struct request *request,
                        const struct greeter *greeter, struct wire_blob secret) {
    const struct message_hello *hello = &request->message.hello;
    judge_end_stale(judge, greeter->account, hello->outbox);
    struct presence *presence =
        state_attach(judge->state, greeter->account, greeter->device, request->session);
    if (presence == NULL) {
        judge_fail_memory(judge, false);
        return;
    }
    if (hello->outbox != 0) {
        presence->outbox = state_outbox(judge->state, greeter->account, hello->outbox);
        judge_fail_memory(judge, presence->outbox != NULL);
    }
    judge_welcome(judge, presence, greeter, secret);
}

/* Carries out what the greeting brings about, and lets the greeter in. */
static void judge_let_in(struct judge *judge, const struct request *request,
                         struct greeter *greeter, const char *nick) {
    uint8_t secret[SECRET_BYTES];
    struct wire_blob shown = request->message.hello.secret;
    greeter->is_new = greeter->account == NULL;
    if (greeter->is_new) {
        if (getrandom(secret, sizeof secret, 0) != sizeof secret) {
            judge_end(judge, request->session, ERROR_STORAGE, "");
            return;
        }
        greeter->account = judge_make_account(judge, nick, secret);
        shown = (struct wire_blob){secret, sizeof secret};
    }
    if (greeter->uses_code)
        store_remove_code(judge->store, greeter->code.hash);
    if (greeter->joins && greeter->device != NULL && !greeter->device->removed)
        judge_remove_device(judge, greeter->device, ERROR_TAKEN_OVER);
    if (greeter->joins && greeter->account != NULL)
        greeter->device = judge_add_device(judge, greeter->account, request);
    if (judge->batch.failed || greeter->account == NULL)
        return;
    if (greeter->is_new && judge_is_first(judge, request, greeter->account))
        judge_give_server(judge, greeter->account);
    if (!greeter->is_new && strcmp(greeter->account->nick, nick) != 0 && !judge->read_only)
        judge_set_nick(judge, greeter->account, nick);
    judge_enter(judge, request, greeter,
                request->origin.has_key ? (struct wire_blob){NULL, 0} : shown);
}

void judge_hello(struct judge *judge, const struct request *request) {
    struct greeter greeter = {0};
    char suggestion[NAME_BYTES_MAX + 1] = "";
    struct name name;
    enum error_code error = request->origin.has_key ? judge_know_key(judge, request, &greeter)
                                                    : judge_know_guest(judge, request, &greeter);
    if (error == ERROR_NONE)
        error = judge_choose_nick(judge, &request->message.hello, &greeter, &name);
    if (error == ERROR_NICK_TAKEN || error == ERROR_NICK_OWNED)
        judge_suggest_nick(judge, name.shown, suggestion, sizeof suggestion);
    if (error == ERROR_NONE && judge->read_only && (greeter.account == NULL || greeter.joins))
        error = ERROR_STORAGE;
    if (error == ERROR_NONE &&
        judge_account_is_full(judge, greeter.account, request->message.hello.outbox))
        error = ERROR_ACCOUNT_FULL;
    if (error == ERROR_ACCOUNT_FULL && judge->metrics != NULL)
        metrics_meet(judge->metrics, LIMIT_ACCOUNT_CONNECTIONS);
    if (error == ERROR_NONE)
        judge_let_in(judge, request, &greeter, name.shown);
    else
        judge_end(judge, request->session, error, suggestion);
}
