/* The log with greetings that show keys, and what is asked for by an `act`. */
#ifndef TESTS_UNIT_IDENTITY_RIG_H
#define TESTS_UNIT_IDENTITY_RIG_H

#include "rig.h"
#include "clock.h"
#include "rights.h"

/* A greeting; what is left out is as a client has it that says nothing of it. */
struct greeting {
    uint32_t session;
    uint8_t key; /* one of many, 0 for none */
    const char *nick;
    const char *code;
    const char *device;
    bool keeps_nick;
    uint64_t outbox; /* 0: one that goes with the session */
    struct wire_blob secret;
};

static inline void greet_as(struct rig *rig, struct greeting greeting) {
    struct request_origin origin = {.has_key = greeting.key != 0};
    struct message hello = {.type = MESSAGE_HELLO};
    memset(origin.key, greeting.key, sizeof origin.key);
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(greeting.nick);
    hello.hello.outbox = greeting.outbox != 0 ? greeting.outbox : 1000 + greeting.session;
    hello.hello.secret = greeting.secret;
    hello.hello.code = wire_text(greeting.code != NULL ? greeting.code : "");
    hello.hello.device = wire_text(greeting.device != NULL ? greeting.device : "");
    hello.hello.keeps_nick = greeting.keeps_nick;
    send_from(rig, greeting.session, &origin, &hello);
}

/* The welcome of a greeting that is to be accepted. */
static inline struct message_welcome enter(struct rig *rig, struct greeting greeting) {
    greet_as(rig, greeting);
    struct message welcome = expect(rig, MESSAGE_WELCOME);
    assert_int_equal(session_slot(current->session), greeting.session);
    return welcome.welcome;
}

/* The error that a greeting ends with. */
static inline struct message_error be_refused(struct rig *rig, struct greeting greeting) {
    greet_as(rig, greeting);
    struct message error = expect(rig, MESSAGE_ERROR);
    assert_int_equal(session_slot(current->session), greeting.session);
    assert_int_equal(current->kind, INBOX_END);
    return error.error;
}

static inline void disconnect(struct rig *rig, uint32_t session) {
    rig_push(rig,
             request_new(REQUEST_GONE, session_identity(0, 1, session), (struct wire_blob){0}));
}

static inline void act(struct rig *rig, uint32_t session, enum right right, const char *subject) {
    struct message message = {.type = MESSAGE_ACT};
    message.act.tag = 5;
    message.act.right = (uint8_t)right;
    message.act.subject = wire_text(subject);
    send_message(rig, session, &message);
}

/* The error that an act is refused with. */
static inline uint16_t refused_act(struct rig *rig, uint32_t session, enum right right,
                                   const char *subject) {
    act(rig, session, right, subject);
    struct message error = expect(rig, MESSAGE_ERROR);
    assert_int_equal(error.error.tag, 5);
    return error.error.code;
}

/* A code for a device, or for the server. */
struct code_text {
    char text[32];
};
static inline struct code_text get_code(struct rig *rig, uint32_t session, enum right right) {
    struct code_text code;
    act(rig, session, right, "");
    struct wire_text text = expect(rig, MESSAGE_CODE).code.code;
    snprintf(code.text, sizeof code.text, "%.*s", (int)text.size, text.data);
    return code;
}

/* Changes the log's file while no server has it. */
static inline void change_log(struct rig *rig, const char *sql) {
    char path[64];
    sqlite3 *database;
    forget_rest();
    rig_stop(rig);
    snprintf(path, sizeof path, "%s/log.db", rig->folder);
    assert_int_equal(page_guard_open(path, &database, SQLITE_OPEN_READWRITE), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    rig_start(rig);
}

static inline int identity_make(void **state) {
    if (rig_make(state) != 0)
        return 1;
    struct rig *rig = *state;
    rig_stop(rig);
    rig->tls = true;
    rig_start(rig);
    return 0;
}

static inline int identity_remove(void **state) {
    forget_rest();
    return rig_remove(state);
}

#define identified(test) cmocka_unit_test_setup_teardown(test, identity_make, identity_remove)

#endif
