/* In: sockets, and the inbox. Out: requests to the log thread, once a turn; frames to sockets, one
 * gathered write a connection a turn. A turn is the list of phases in worker_run. A session that
 * ends is only marked and freed in its phase, so nothing in a turn meets freed memory. When the
 * log's queue is full, sessions that have something to say are held (not read) until there is room,
 * and TCP tells their senders. */
#include "worker_parts.h"
#include "clock.h"
#include "fault.h"
#include "inbox.h"
#include "report.h"
#include "thread.h"
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    WORKER_INBOX_BYTES = 8 << 20,
    WORKER_EVENTS = 256,
    WORKER_HAND_OVER_BYTES = 1 << 20, /* requests gathered before they are handed over at once */
    WORKER_SWEEP_MILLISECONDS = 1000,
    /* Of handshakes in a turn, each of which costs a few tenths of a millisecond. */
    WORKER_GREETING_STEPS_MAX = 16,
    WORKER_LINES_A_SECOND = 20
};

struct queue *worker_inbox_new(void) {
    return queue_new(WORKER_INBOX_BYTES);
}

bool worker_watch(struct worker *worker, int descriptor, uint32_t events, void *what) {
    struct epoll_event event = {.events = events, .data.ptr = what};
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

bool worker_may_report(struct worker *worker) {
    bool may = worker->lines < WORKER_LINES_A_SECOND;
    worker->lines += may;
    worker->lines_left_out += !may;
    return may;
}

static void worker_report_left_out(struct worker *worker) {
    char count[16];
    snprintf(count, sizeof count, "%u", worker->lines_left_out);
    if (worker->lines_left_out > 0)
        report(REPORT_DROPPED_MORE, "lines", count, NULL);
    worker->lines = 0;
    worker->lines_left_out = 0;
}

static void worker_hand_over(struct worker *worker) {
    worker->log_is_full =
        !queue_try_push(worker->options.log, &worker->dispatch.requests, worker->log_has_room);
}

static void worker_clear_eventfd(int descriptor) {
    uint64_t count;
    ssize_t got = read(descriptor, &count, sizeof count);
    (void)got;
}

/* Whether a connection that is being secured has to wait for the next turn, when epoll tells of it
 * again. */
static bool worker_puts_off(struct worker *worker, const struct session *session) {
    return session->phase == SESSION_NEW && !session->secured &&
           ++worker->greeting_steps > WORKER_GREETING_STEPS_MAX;
}

static void worker_handle(struct worker *worker, const struct epoll_event *event) {
    if (event->data.ptr == &worker->options.listener) {
        worker_accept(worker);
    } else if (event->data.ptr == &worker->log_has_room) {
        worker_clear_eventfd(worker->log_has_room);
    } else if (event->data.ptr != worker) {
        struct session *session = event->data.ptr;
        if (worker_puts_off(worker, session))
            return;
        if (session->phase != SESSION_ENDED && (event->events & EPOLLOUT))
            session_mark_dirty(worker, session);
        bool readable = (event->events & ~(uint32_t)EPOLLOUT) != 0;
        if (session->phase != SESSION_ENDED &&
            (readable || (!session->held && link_wants_write(&session->link))))
            session_read(worker, session, readable);
        if (worker->dispatch.requests.cost > WORKER_HAND_OVER_BYTES)
            worker_hand_over(worker);
    }
}

static int worker_patience(const struct worker *worker) {
    if (worker->sessions.session_count == 0 && worker->accept_again == 0 && worker->stop_by == 0 &&
        !worker->has_refused && worker->lines == 0)
        return -1;
    uint64_t until = worker->next_sweep;
    if (worker->accept_again != 0 && worker->accept_again < until)
        until = worker->accept_again;
    if (worker->stop_by != 0 && worker->stop_by < until)
        until = worker->stop_by;
    if (worker->resume_at != 0 && worker->resume_at < until)
        until = worker->resume_at;
    uint64_t now = clock_monotonic();
    return until > now ? (int)(until - now) : 0;
}

static void worker_wait(struct worker *worker) {
    struct epoll_event events[WORKER_EVENTS];
    int count = epoll_wait(worker->epoll, events, WORKER_EVENTS, worker_patience(worker));
    worker->now = clock_monotonic();
    worker->greeting_steps = 0;
    for (int i = 0; i < count; i++)
        worker_handle(worker, &events[i]);
}

static void worker_deliver(struct worker *worker, struct inbox_item *item) {
    const struct roster_room *room = roster_room(&worker->roster, item->room);
    unsigned delivered = 0;
    uint64_t bytes = 0;
    worker->dispatch.position = item->frames->last_id;
    for (uint32_t i = 0; i < room->count; i++) {
        struct session *session = room->sessions[i];
        const bool brief = item->brief != NULL && session->wants_brief;
        struct segment *frames = brief ? item->brief : item->frames;
        bool behind =
            session->behind || outqueue_cost(&session->output) + frames->size > SESSION_OUTPUT_MAX;
        /* Out of memory for a reference: what it misses it fetches later, like any that is behind.
         */
        if (!behind)
            behind = !session_send(session, segment_take(frames));
        session_set_behind(worker, session, behind);
        delivered += !behind;
        bytes += behind ? 0 : frames->size;
        session_mark_dirty(worker, session);
    }
    metrics_add(worker->options.metrics, METRIC_DELIVERIES,
                delivered * (item->frames->last_id - item->frames->first_id + 1));
    metrics_add(worker->options.metrics, METRIC_SENT_BYTES, bytes);
}

static struct session *worker_session(const struct worker *worker, uint64_t identity) {
    struct session *session = session_table_find(&worker->sessions, identity);
    return session != NULL && session->phase < SESSION_CLOSING ? session : NULL;
}

/* Whether what a reader found is still for the session to know: it may have been taken out of a
 * room since it asked. */
static bool worker_may_know(const struct session *session, const struct inbox_item *item) {
    if (item->kind == INBOX_READ_DONE)
        return session_in_room(session, item->room);
    return item->kind != INBOX_SEARCH_DONE || item->departures == session->departures;
}

/* Answers that it was not to be; who asks again is judged anew. */
static bool worker_withhold(struct session *session, const struct inbox_item *item) {
    enum error_code code = item->kind == INBOX_READ_DONE ? ERROR_NOT_A_MEMBER : ERROR_FAILED;
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = item->tag;
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    return session_send_message(session, &error);
}

static void worker_unsubscribe(struct worker *worker, struct session *session, uint32_t room) {
    roster_remove(&worker->roster, room, session);
    session->departures++;
}

/* From here on it is known who that is, and what others of theirs have used up. */
static void worker_welcome(struct worker *worker, struct session *session,
                           const struct inbox_item *item) {
    session->account = peers_know(worker->options.peers, item->account);
    session->unwelcome = false;
    if (item->is_new)
        peers_note_account(worker->options.peers, session->address, worker->now);
    session_wait_its_turn(worker, session);
    /* When it is in its rooms, of which the next items tell. */
    if (session->held)
        worker->resume_at = worker->now;
}

/* A limit that is met where accounts are known counts here, for the log, as one that is met at the
 * door does. */
static void worker_note_end(struct worker *worker, const struct inbox_item *item) {
    struct wire_reader reader = {item->frames->bytes, item->frames->bytes + item->frames->size};
    struct wire_blob payload;
    struct message end;
    if (frame_take(&reader, &payload) != FRAME_READY ||
        message_decode(payload, &end) != ERROR_NONE || end.type != MESSAGE_ERROR ||
        end.error.code != ERROR_ACCOUNT_FULL)
        return;
    worker->refused[LIMIT_ACCOUNT_CONNECTIONS]++;
    worker->has_refused = true;
}

/* Carries out an item that is for one session. */
static void worker_answer(struct worker *worker, struct inbox_item *item) {
    struct session *session = worker_session(worker, item->session);
    if (session == NULL)
        return;
    if (item->kind == INBOX_END && item->frames != NULL)
        worker_note_end(worker, item);
    if (item->kind == INBOX_READ_DONE || item->kind == INBOX_SEARCH_DONE)
        session->reads--;
    if (item->kind == INBOX_SEARCH_DONE)
        session->searching = false;
    /* It asks and asks, and does not read what it is answered; what it could not yet have read, for
     * nothing was written since, does not count. */
    if (outqueue_cost(&session->output) > SESSION_ANSWERS_MAX && !session->dirty) {
        session_report(worker, session, REPORT_DROPPED, "it does not read its answers");
        session_end(worker, session);
        return;
    }
    bool worked = worker_may_know(session, item)
                      ? item->frames != NULL && session_send(session, segment_take(item->frames))
                      : worker_withhold(session, item);
    if (item->kind == INBOX_WELCOME)
        worker_welcome(worker, session, item);
    if (item->kind == INBOX_SUBSCRIBE)
        worked = worked && roster_add(&worker->roster, item->room, session);
    else if (item->kind == INBOX_UNSUBSCRIBE)
        worker_unsubscribe(worker, session, item->room);
    if (item->kind == INBOX_SUBSCRIBE && item->is_new)
        session_note_room(worker, session);
    session_mark_dirty(worker, session);
    if (!worked)
        session_end(worker, session);
    else if (item->kind == INBOX_END)
        session_close(worker, session);
}

/* Those who are connected go on as they are. */
static void worker_secure(struct worker *worker, struct inbox_item *item) {
    struct tls *before = worker->options.tls;
    worker->options.tls = item->tls;
    item->tls = before;
}

static void worker_drain(struct worker *worker) {
    worker->draining = true;
    if (worker->options.listener >= 0)
        close(worker->options.listener);
    worker->options.listener = -1;
    worker->accept_again = 0;
}

static void worker_say_goodbye(struct worker *worker) {
    struct message goodbye = {.type = MESSAGE_GOODBYE};
    goodbye.goodbye.code = ERROR_SHUTTING_DOWN;
    goodbye.goodbye.reason = wire_text(error_text(ERROR_SHUTTING_DOWN));
    worker->stop_by = worker->now + SESSION_FAREWELL_MILLISECONDS;
    for (uint32_t i = 0; i < worker->sessions.slot_count; i++) {
        struct session *session = worker->sessions.slots[i];
        if (session == NULL || session->phase >= SESSION_CLOSING)
            continue;
        session_send_message(session, &goodbye);
        session_close(worker, session);
    }
}

static void worker_take_inbox(struct worker *worker) {
    struct queue_chain chain = queue_take_all(worker->options.inboxes[worker->options.index]);
    for (struct queue_item *queued; (queued = queue_chain_take(&chain)) != NULL;) {
        struct inbox_item *item = (struct inbox_item *)queued;
        if (item->kind == INBOX_ADOPT)
            worker_adopt(worker, item->link, item->peer);
        else if (item->kind == INBOX_EVENTS)
            worker_deliver(worker, item);
        else if (item->kind == INBOX_TLS)
            worker_secure(worker, item);
        else if (item->kind == INBOX_LISTEN)
            worker_listen(worker);
        else if (item->kind == INBOX_PULSE)
            atomic_fetch_add(item->beats, 1);
        else if (item->kind == INBOX_DRAIN)
            worker_drain(worker);
        else if (item->kind == INBOX_STOP)
            worker_say_goodbye(worker);
        else
            worker_answer(worker, item);
        inbox_free(item);
    }
}

/* Goes on with the sessions that need wait no longer. Those that wait for their time are not looked
 * at before it comes. */
static void worker_resume(struct worker *worker) {
    bool time_has_come = worker->resume_at != 0 && worker->now >= worker->resume_at;
    if (worker->held_count == worker->paced_count && !time_has_come)
        return;
    worker->resume_at = 0;
    for (uint32_t i = 0; i < worker->sessions.slot_count && worker->held_count > 0; i++) {
        struct session *session = worker->sessions.slots[i];
        if (session == NULL || !session->held)
            continue;
        session_resume(worker, session);
    }
}

static void worker_flush(struct worker *worker) {
    while (worker->dirty != NULL) {
        struct session *session = worker->dirty;
        worker->dirty = session->next_dirty;
        session->dirty = false;
        if (session->phase != SESSION_ENDED && session->phase != SESSION_FINISHED)
            session_flush(worker, session);
        FAULT_POINT("worker-between-writes");
    }
}

static void worker_bury(struct worker *worker) {
    while (worker->ended != NULL) {
        struct session *session = worker->ended;
        worker->ended = session->next_ended;
        session_table_remove(&worker->sessions, session);
        session_free(session);
    }
}

static void worker_sweep(struct worker *worker) {
    worker_accept_again(worker);
    if (worker->now < worker->next_sweep)
        return;
    worker->next_sweep = worker->now + WORKER_SWEEP_MILLISECONDS;
    worker_report_refused(worker);
    worker_report_left_out(worker);
    for (uint32_t i = 0; i < worker->sessions.slot_count; i++)
        if (worker->sessions.slots[i] != NULL && worker->sessions.slots[i]->phase != SESSION_ENDED)
            session_check_deadlines(worker, worker->sessions.slots[i]);
}

/* When draining, tells the log thread so once, behind all that was handed over before. */
static void worker_note_drained(struct worker *worker) {
    if (worker->draining && !worker->stop_told) {
        dispatch_stop(&worker->dispatch);
        worker->stop_told = true;
    }
}

static bool worker_is_done(const struct worker *worker) {
    return worker->stop_by != 0 &&
           (worker->sessions.session_count == 0 || worker->now >= worker->stop_by);
}

static void *worker_run(void *context) {
    struct worker *worker = context;
    while (!worker_is_done(worker)) {
        worker_wait(worker);
        worker_hand_over(worker);
        worker_take_inbox(worker);
        worker_flush(worker);
        worker_resume(worker);
        worker_flush(worker);
        worker_note_drained(worker);
        worker_sweep(worker);
        worker_bury(worker);
        worker_hand_over(worker);
    }
    return NULL;
}

static void worker_free(struct worker *worker) {
    for (uint32_t i = 0; i < worker->sessions.slot_count; i++) {
        if (worker->sessions.slots[i] == NULL)
            continue;
        roster_remove_all(&worker->roster, worker->sessions.slots[i]);
        session_free(worker->sessions.slots[i]);
    }
    for (struct queue_item *item; (item = queue_chain_take(&worker->dispatch.requests)) != NULL;)
        request_discard(item);
    roster_free(&worker->roster);
    tls_drop(worker->options.tls);
    session_table_free(&worker->sessions);
    if (worker->epoll >= 0)
        close(worker->epoll);
    if (worker->log_has_room >= 0)
        close(worker->log_has_room);
    free(worker);
}

struct worker *worker_start(const struct worker_options *options) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->options = *options;
    worker->dispatch.readers = options->readers;
    worker->dispatch.position = options->position;
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->log_has_room = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int inbox = queue_descriptor(options->inboxes[options->index]);
    char name[16];
    snprintf(name, sizeof name, "worker %u", options->index);
    if (worker->epoll >= 0 && worker->log_has_room >= 0 &&
        worker_watch(worker, inbox, EPOLLIN, worker) &&
        worker_watch(worker, worker->log_has_room, EPOLLIN, &worker->log_has_room) &&
        thread_start(&worker->thread, name, worker_run, worker))
        return worker;
    worker_free(worker);
    return NULL;
}

void worker_join(struct worker *worker) {
    if (worker == NULL)
        return;
    pthread_join(worker->thread, NULL);
    worker_free(worker);
}
