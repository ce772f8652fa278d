/* Three sessions of a whole server, from a client's bytes to what is stored and answered, in one
 * thread: the worker's dispatch, the judge, the batch, a store on a folder in memory, the archive
 * that answers for the readers. Whatever they send, every answer is well-formed, nothing makes a
 * batch fail, and a server that starts on what is stored has the same state.
 *
 * The input is steps: a byte that says who and whether a batch ends here, a u16 size, a payload. */
#include "fuzz.h"
#include "archive.h"
#include "dispatch.h"
#include "index_query.h"
#include "judge.h"
#include "retention.h"
#include "roster.h"
#include "store_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 3, STEP_OTHER = 3, STEP_ENDS_BATCH = 0x80, STEPS_MAX = 200 };

/* What a step of nobody does, by the next two bits. */
enum { OTHER_GONE, OTHER_KEY, OTHER_RETAIN, OTHER_OWNER };

/* Numbers below this mean one of the newest messages, which no input can know. */
enum { RECENT = 8 };

static struct {
    struct judge judge;
    uint64_t next_id;
    struct dispatch dispatch;
    struct session *sessions[SESSIONS];
    uint8_t keys[SESSIONS]; /* which key each shows at its next greeting; 0 for none */
    struct roster roster;
    struct archive *archive;
    uint8_t secret[SECRET_BYTES]; /* of the last welcome; a hello with one of a byte means it */
    char code[64];                /* the last that was given; a hello with "?" means it */
    uint64_t recent[RECENT];      /* ids of the newest messages, the newest first */
    bool disk_fails;              /* at the next commit */
} server;

static struct state *load_state(struct store *store) {
    const char *reason;
    struct state *state = state_new(&reason);
    FUZZ_CHECK(state != NULL && state_load(state, store));
    return state;
}

static void open_store(void) {
    struct store_problem problem;
    server.judge.store = store_open(fuzz_folder(), &problem);
    FUZZ_CHECK(server.judge.store != NULL);
    server.archive = archive_open(store_path(server.judge.store));
    FUZZ_CHECK(server.archive != NULL);
}

static void close_store(void) {
    archive_close(server.archive);
    store_close(server.judge.store);
    server.judge.store = NULL;
}

/* SQL that makes the log as it was when it was new: far quicker than a new file for each input. */
static const char *emptying(void) {
    static struct buffer sql;
    sqlite3_stmt *row;
    if (sql.size > 0)
        return buffer_string(&sql);
    FUZZ_CHECK(sqlite3_prepare_v2(server.judge.store->database,
                                  "SELECT name FROM sqlite_master WHERE type='table' AND"
                                  " name<>'log' AND name NOT LIKE 'sqlite_%'",
                                  -1, &row, NULL) == SQLITE_OK);
    buffer_append_string(&sql, "BEGIN; UPDATE log SET cut=0, owner=0, admission=0;");
    while (sqlite3_step(row) == SQLITE_ROW)
        buffer_append_format(&sql, "DELETE FROM %s;", store_column_text(row, 0));
    buffer_append_string(&sql, "COMMIT");
    sqlite3_finalize(row);
    return buffer_string(&sql);
}

enum { WAL_PAGES_MAX = 4000 };

static void begin_new_log(void) {
    if (server.judge.store != NULL && store_wal_pages(server.judge.store) > WAL_PAGES_MAX)
        close_store();
    if (server.judge.store == NULL)
        open_store();
    FUZZ_CHECK(store_execute(server.judge.store, emptying()));
}

/* What is answered to a session: a code or a secret in it may be used in what it says next. */
static void note_answers(struct wire_blob frames) {
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    struct wire_blob payload;
    struct message message;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        FUZZ_CHECK(message_decode(payload, &message) == ERROR_NONE);
        FUZZ_CHECK(!message_is_event(message.type));
        if (message.type == MESSAGE_WELCOME && message.welcome.secret.size == SECRET_BYTES)
            memcpy(server.secret, message.welcome.secret.data, SECRET_BYTES);
        if (message.type == MESSAGE_CODE)
            snprintf(server.code, sizeof server.code, "%.*s", (int)message.code.code.size,
                     message.code.code.data);
    }
}

static struct session *session_of(uint64_t identity) {
    FUZZ_CHECK(session_slot(identity) < SESSIONS);
    return server.sessions[session_slot(identity)];
}

static void end_session(struct session *session) {
    if (session->phase == SESSION_GREETED)
        dispatch_gone(&server.dispatch, session);
    session->phase = SESSION_NEW;
    roster_remove_all(&server.roster, session);
    frame_reader_free(&session->input);
    outqueue_free(&session->output);
    session->searching = false;
}

static void note_events(const struct segment *segment) {
    struct wire_reader reader = {segment->bytes, segment->bytes + segment->size};
    struct wire_blob payload;
    struct message event;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        FUZZ_CHECK(message_decode(payload, &event) == ERROR_NONE && message_is_event(event.type));
        if (event.type != MESSAGE_MESSAGE)
            continue;
        memmove(server.recent + 1, server.recent, sizeof server.recent - sizeof *server.recent);
        server.recent[0] = event.event.id;
    }
}

static void publish(const struct output *output, uint64_t *expected_id) {
    const struct segment *segment = output->segment;
    fuzz_check_frames((struct wire_blob){segment->bytes, segment->size});
    if (output->kind == INBOX_EVENTS) {
        FUZZ_CHECK(segment->first_id == *expected_id && segment->last_id >= segment->first_id);
        *expected_id = segment->last_id + 1;
        note_events(segment);
        return;
    }
    struct session *session = session_of(output->session);
    note_answers((struct wire_blob){segment->bytes, segment->size});
    if (output->kind == INBOX_SUBSCRIBE)
        FUZZ_CHECK(roster_add(&server.roster, output->room, session));
    else if (output->kind == INBOX_UNSUBSCRIBE)
        roster_remove(&server.roster, output->room, session);
    else if (output->kind == INBOX_END)
        end_session(session);
}

static void compare_room(const struct room *a, const struct room *b) {
    FUZZ_CHECK((a == NULL) == (b == NULL));
    if (a == NULL)
        return;
    FUZZ_CHECK(a->kind == b->kind && a->owner == b->owner && a->access == b->access);
    FUZZ_CHECK(a->newest == b->newest && a->messages == b->messages && a->removed == b->removed);
    FUZZ_CHECK(strcmp(a->name, b->name) == 0 && strcmp(a->topic, b->topic) == 0);
    FUZZ_CHECK(a->member_count == b->member_count);
    for (size_t i = 0; i < a->member_count; i++) {
        FUZZ_CHECK(a->members[i] == b->members[i]);
        FUZZ_CHECK(room_marks(a, a->members[i]) == room_marks(b, b->members[i]));
    }
}

/* One that never had a post stored is not in the store. */
static void compare_outboxes(const struct account *a, const struct account *b) {
    for (const struct outbox *outbox = a->outboxes; outbox != NULL; outbox = outbox->next) {
        const struct outbox *other = b->outboxes;
        while (other != NULL && other->id != outbox->id)
            other = other->next;
        FUZZ_CHECK((other != NULL ? other->up_to : 0) == outbox->up_to);
    }
}

static void compare_devices(const struct account *a, const struct account *b) {
    for (const struct device *device = a->devices; device != NULL; device = device->next) {
        const struct device *other = account_device(b, device->number);
        FUZZ_CHECK(other != NULL && strcmp(other->name, device->name) == 0);
        FUZZ_CHECK(memcmp(other->key, device->key, sizeof other->key) == 0);
    }
}

static void compare_account(const struct account *a, const struct account *b) {
    FUZZ_CHECK((a == NULL) == (b == NULL));
    if (a == NULL)
        return;
    FUZZ_CHECK(strcmp(a->nick, b->nick) == 0 && a->block_count == b->block_count);
    compare_outboxes(a, b);
    compare_devices(a, b);
    compare_devices(b, a);
    FUZZ_CHECK(a->reading_count == b->reading_count);
    for (size_t i = 0; i < a->reading_count; i++) {
        const struct reading *reading = account_reading(b, a->readings[i].room);
        FUZZ_CHECK(reading != NULL && reading->read == a->readings[i].read &&
                   reading->messages == a->readings[i].messages);
    }
}

/* What the next start loads is the state that there is. */
static void compare_state(void) {
    struct state *again = load_state(server.judge.store);
    const struct state *state = server.judge.state;
    FUZZ_CHECK(state_next_room(state) == state_next_room(again));
    FUZZ_CHECK(state_next_account(state) == state_next_account(again));
    FUZZ_CHECK(state_owner(state) == state_owner(again));
    FUZZ_CHECK(state_admission(state) == state_admission(again));
    for (uint32_t id = 1; id < state_next_room(state); id++)
        compare_room(state_room(state, id), state_room(again, id));
    for (uint32_t id = 1; id < state_next_account(state); id++)
        compare_account(state_account(state, id), state_account(again, id));
    state_free(again);
}

/* Judges what was gathered, up to the commit; the requests stay as they are. */
static void judge_all(const struct queue_chain *requests) {
    uint64_t next_id = server.next_id;
    store_begin(server.judge.store);
    server.judge.batch.time = 1000 + server.next_id;
    server.judge.position = server.next_id - 1;
    for (struct queue_item *item = requests->first; item != NULL; item = item->next)
        judge_request(&server.judge, (struct request *)item);
    judge_finish(&server.judge);
    batch_seal(&server.judge.batch, &next_id, server.judge.state, server.judge.store);
    FUZZ_CHECK(!server.judge.batch.failed);
    FUZZ_CHECK(!server.judge.read_only || next_id == server.next_id);
    if (!server.disk_fails)
        server.next_id = next_id;
}

/* When the disk fails all is as before, and the same requests are judged with nothing to store. */
static void undo_and_refuse(const struct queue_chain *requests) {
    judge_undo(&server.judge);
    compare_state();
    server.disk_fails = false;
    server.judge.read_only = true;
    judge_all(requests);
    server.judge.read_only = false;
}

/* As the log thread does with what came while it was busy. */
static void end_batch(void) {
    struct queue_chain requests = server.dispatch.requests;
    uint64_t expected_id = server.next_id;
    server.dispatch.requests = (struct queue_chain){0};
    judge_all(&requests);
    if (server.disk_fails)
        undo_and_refuse(&requests);
    FUZZ_CHECK(store_commit(server.judge.store));
    state_keep(server.judge.state);
    for (struct queue_item *item; (item = queue_chain_take(&requests)) != NULL;)
        request_free((struct request *)item);
    for (const struct output *output = server.judge.batch.first; output != NULL;
         output = output->next)
        publish(output, &expected_id);
    FUZZ_CHECK(expected_id == server.next_id);
    batch_clear(&server.judge.batch);
}

static void answer_page(const struct message_history *asked) {
    struct message_history wish = *asked;
    struct message page = {.type = MESSAGE_PAGE};
    struct buffer events = {0}, frame = {0};
    bool more;
    if (wish.limit > PAGE_MESSAGES_MAX)
        wish.limit = PAGE_MESSAGES_MAX;
    FUZZ_CHECK(archive_page(server.archive, &wish, &events, &more));
    FUZZ_CHECK(events.size <= PAGE_BYTES_MAX);
    fuzz_check_frames((struct wire_blob){events.data, events.size});
    page.page.events = (struct wire_blob){events.data, events.size};
    message_encode(&frame, &page);
    FUZZ_CHECK(!frame.failed);
    buffer_free(&frame);
    buffer_free(&events);
}

static void write_query(const struct message_search *wish) {
    struct buffer query = {0};
    struct wire_text words = wish->words, beginning;
    index_query_write(&query, wish, wish->room);
    FUZZ_CHECK(!query.failed);
    for (int i = 0; index_query_next_beginning(&words, &beginning); i++)
        FUZZ_CHECK(beginning.size > 0 && i <= UINT16_MAX);
    buffer_free(&query);
}

/* In the place of the readers' threads. */
void readers_push(struct readers *readers, struct request *request) {
    struct session *session = session_of(request->session);
    (void)readers;
    if (request->message.type == MESSAGE_HISTORY)
        answer_page(&request->message.history);
    else
        write_query(&request->message.search);
    session->searching = false;
    session->reads--;
    request_free(request);
}

void readers_forget(struct readers *readers, uint64_t session) {
    (void)readers;
    (void)session;
}

/* Says in a greeting what no input can know: the key that was shown, a code, a secret. */
static void complete_hello(struct request *request, unsigned slot) {
    struct message_hello *hello = &request->message.hello;
    request->origin.has_key = server.keys[slot] != 0;
    memset(request->origin.key, server.keys[slot], sizeof request->origin.key);
    if (wire_text_equal(hello->code, wire_text("?")))
        hello->code = wire_text(server.code);
    if (hello->secret.size == 1)
        hello->secret = (struct wire_blob){server.secret, SECRET_BYTES};
}

static void complete_id(uint64_t *id) {
    if (*id < RECENT)
        *id = server.recent[*id];
}

static void complete(struct request *request, unsigned slot) {
    struct message *message = &request->message;
    if (message->type == MESSAGE_HELLO)
        complete_hello(request, slot);
    else if (message->type == MESSAGE_EDIT)
        complete_id(&message->edit.id);
    else if (message->type == MESSAGE_DELETE)
        complete_id(&message->delete.id);
    else if (message->type == MESSAGE_READ)
        complete_id(&message->read.id);
}

static void say(unsigned slot, struct wire_blob payload) {
    struct session *session = server.sessions[slot];
    struct queue_item *before = server.dispatch.requests.last;
    if (payload.size == 0 || payload.size > FRAME_PAYLOAD_MAX)
        return;
    enum error_code error = dispatch_frame(&server.dispatch, session, payload);
    struct queue_item *last = server.dispatch.requests.last;
    if (last != before)
        complete((struct request *)last, slot);
    if (error != ERROR_NONE)
        end_session(session);
    outqueue_free(&session->output);
}

static void retain(uint8_t messages) {
    const struct retention retention = {.messages = 1u + messages};
    FUZZ_CHECK(retention_step(&retention, 2000, server.judge.state, server.judge.store) !=
               RETENTION_FAILED);
}

/* The first account owns the server from now on, as if it had claimed it. */
static void set_owner(void) {
    if (state_account(server.judge.state, 1) == NULL)
        return;
    end_batch();
    store_begin(server.judge.store);
    store_set_owner(server.judge.store, 1);
    FUZZ_CHECK(state_set_owner(server.judge.state, 1) && store_commit(server.judge.store));
    state_keep(server.judge.state);
}

static void do_other(uint8_t control, struct wire_blob payload) {
    unsigned slot = (control >> 4 & 3) % SESSIONS;
    switch (control >> 2 & 3) {
    case OTHER_GONE:
        end_session(server.sessions[slot]);
        break;
    case OTHER_KEY:
        server.keys[slot] = payload.size > 0 ? payload.data[0] % 8 : 0;
        break;
    case OTHER_RETAIN:
        end_batch();
        retain(payload.size > 0 ? payload.data[0] : 0);
        break;
    case OTHER_OWNER:
        if (payload.size > 0)
            server.disk_fails = true;
        else
            set_owner();
        break;
    }
}

static void start(bool plaintext) {
    struct archive *archive = server.archive;
    struct store *store = server.judge.store;
    memset(&server, 0, sizeof server);
    server.archive = archive;
    server.judge.store = store;
    server.judge.plaintext = plaintext;
    begin_new_log();
    server.judge.state = load_state(server.judge.store);
    server.next_id = 1;
    store_begin(server.judge.store);
    judge_make_lobby(&server.judge);
    end_batch();
    for (unsigned i = 0; i < SESSIONS; i++) {
        server.sessions[i] = calloc(1, sizeof *server.sessions[i]);
        FUZZ_CHECK(server.sessions[i] != NULL);
        server.sessions[i]->identity = session_identity(0, 1, i);
        server.sessions[i]->link = link_plain(-1);
    }
}

/* `restarts`: the file is read as a start does it, which finds it sound. */
static void stop(bool restarts) {
    for (unsigned i = 0; i < SESSIONS; i++)
        end_session(server.sessions[i]);
    end_batch();
    for (unsigned i = 0; i < SESSIONS; i++)
        session_free(server.sessions[i]);
    if (restarts) {
        close_store();
        open_store();
    }
    compare_state();
    state_free(server.judge.state);
    roster_free(&server.roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_reader input = {data, data + size};
    uint8_t choice = fuzz_u8(&input);
    start(choice & 1);
    for (int step = 0; input.at < input.end && step < STEPS_MAX; step++) {
        uint8_t control = fuzz_u8(&input);
        struct wire_blob payload = fuzz_piece(&input, fuzz_u16(&input));
        if ((control & 3) == STEP_OTHER)
            do_other(control, payload);
        else
            say(control & 3, payload);
        if (control & STEP_ENDS_BATCH)
            end_batch();
    }
    end_batch();
    stop(choice & 2);
    return 0;
}
