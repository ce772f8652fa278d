/* In: sockets, and the inbox. Out: requests to the log thread, once a turn; frames to sockets, one
 * gathered write a connection a turn. A turn is the list of phases in worker_run. A session that
 * ends is only marked and freed in its phase, so nothing in a turn meets freed memory. When the
 * log's queue is full, sessions that have something to say are held (not read) until there is room,
 * and TCP tells their senders. */
#include "worker.h"
#include "clock.h"
#include "dispatch.h"
#include "fault.h"
#include "inbox.h"
#include "report.h"
#include "roster.h"
#include "session_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    WORKER_INBOX_BYTES = 8 << 20,
    WORKER_READ_BYTES = 65536,
    WORKER_EVENTS = 256,
    WORKER_HAND_OVER_BYTES = 1 << 20, /* requests gathered before they are handed over at once */
    WORKER_SWEEP_MILLISECONDS = 1000,
    WORKER_ACCEPTS_MAX = 64, /* a turn, so that a storm of connections delays nobody for long */
    WORKER_ACCEPT_PAUSE_MILLISECONDS = 100
};

struct worker {
    struct worker_options options;
    pthread_t thread;
    int epoll;
    int log_has_room; /* eventfd: the log's queue was full and is not any more */
    unsigned next_worker;
    uint64_t accept_again; /* when to listen again after running out of descriptors; 0: listening */
    uint64_t now;
    uint64_t next_sweep;
    uint64_t stop_by; /* 0 until INBOX_STOP */
    bool draining;
    bool stop_told;
    bool log_is_full;
    struct dispatch dispatch;
    struct roster roster;
    uint64_t position; /* id of the last event that passed through here */
    struct session_table sessions;
    struct session *dirty;
    struct session *ended;
    uint32_t held_count;
    uint8_t read_bytes[WORKER_READ_BYTES];
};

struct queue *worker_inbox_new(void) {
    return queue_new(WORKER_INBOX_BYTES);
}

static bool worker_watch(struct worker *worker, int descriptor, uint32_t events, void *what) {
    struct epoll_event event = {.events = events, .data.ptr = what};
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

static void session_mark_dirty(struct worker *worker, struct session *session) {
    if (session->dirty)
        return;
    session->dirty = true;
    session->next_dirty = worker->dirty;
    worker->dirty = session;
}

static void session_set_interest(struct worker *worker, struct session *session, uint32_t events) {
    if (session->interest == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = session};
    if (epoll_ctl(worker->epoll, EPOLL_CTL_MOD, session->link.descriptor, &event) == 0)
        session->interest = events;
}

static void session_enter(struct worker *worker, struct session *session,
                          enum session_phase phase) {
    session->phase = phase;
    session->phase_since = worker->now;
}

/* Ends the session for good; it is freed at the end of the turn. */
static void session_end(struct worker *worker, struct session *session) {
    if (session->phase == SESSION_ENDED)
        return;
    if (session->phase != SESSION_NEW)
        dispatch_gone(&worker->dispatch, session);
    session_enter(worker, session, SESSION_ENDED);
    roster_remove_all(&worker->roster, session);
    link_close(&session->link);
    if (session->held)
        worker->held_count--;
    session->held = false;
    session->next_ended = worker->ended;
    worker->ended = session;
}

/* Writes what waits, then ends the session; what still comes is ignored. */
static void session_close(struct worker *worker, struct session *session) {
    if (session->phase >= SESSION_CLOSING)
        return;
    bool greeted = session->phase == SESSION_GREETED;
    if (greeted)
        roster_remove_all(&worker->roster, session);
    session_enter(worker, session, SESSION_CLOSING);
    if (session->held)
        worker->held_count--;
    session->held = false;
    session_set_interest(worker, session, EPOLLIN | (session->interest & EPOLLOUT));
    session_mark_dirty(worker, session);
}

/* Tells a peer that broke the protocol why, and closes. */
static void session_fail(struct worker *worker, struct session *session, enum error_code code) {
    struct message error = {.type = MESSAGE_ERROR};
    char number[16];
    char peer[LINK_NAME_MAX];
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    snprintf(number, sizeof number, "%d", (int)code);
    link_name_peer(session->link.descriptor, peer);
    report(REPORT_WARNING, "dropped", "peer", peer, "code", number, "reason", error_text(code),
           NULL);
    session_send_message(session, &error);
    session_close(worker, session);
}

/* Why a session's input has to wait. */
static bool session_must_wait(const struct worker *worker, const struct session *session) {
    return worker->log_is_full || worker->draining || session->reads >= REQUESTS_IN_FLIGHT_MAX ||
           session->output.bytes > SESSION_OUTPUT_MAX;
}

static void session_hold(struct worker *worker, struct session *session) {
    if (frame_reader_keep(&session->input) != FRAME_READY) {
        session_end(worker, session);
        return;
    }
    if (!session->held)
        worker->held_count++;
    session->held = true;
    session_set_interest(worker, session, session->interest & EPOLLOUT);
}

/* Takes frame after frame until the bytes end, or until the session has to wait. */
static void session_process(struct worker *worker, struct session *session) {
    struct wire_blob payload;
    while (session->phase < SESSION_CLOSING) {
        if (session_must_wait(worker, session)) {
            session_hold(worker, session);
            return;
        }
        enum frame_result result = frame_reader_next(&session->input, &payload);
        enum error_code error = ERROR_NONE;
        if (result == FRAME_READY)
            error = dispatch_frame(&worker->dispatch, session, payload);
        else if (result == FRAME_BAD_SIZE)
            error = session->phase == SESSION_NEW ? ERROR_WRONG_MAGIC : ERROR_TOO_LONG;
        else if (result == FRAME_NO_MEMORY)
            error = ERROR_FAILED;
        if (error != ERROR_NONE)
            session_fail(worker, session, error);
        else if (result == FRAME_MORE)
            break;
    }
    bool midway = frame_reader_is_midway(&session->input);
    session->frame_since = !midway                     ? 0
                           : session->frame_since != 0 ? session->frame_since
                                                       : worker->now;
    if (session->output.count > 0)
        session_mark_dirty(worker, session);
}

static void session_read(struct worker *worker, struct session *session) {
    ssize_t got = link_read(&session->link, worker->read_bytes, sizeof worker->read_bytes);
    if (got == LINK_AGAIN)
        return;
    if (got <= 0) {
        session_end(worker, session);
        return;
    }
    session->heard = worker->now;
    if (session->phase >= SESSION_CLOSING)
        return;
    frame_reader_feed(&session->input, worker->read_bytes, (size_t)got);
    session_process(worker, session);
}

static void session_flush(struct worker *worker, struct session *session) {
    switch (outqueue_flush(&session->output, &session->link)) {
    case OUTQUEUE_FAILED:
        session_end(worker, session);
        return;
    case OUTQUEUE_BLOCKED:
        session_set_interest(worker, session, session->interest | EPOLLOUT);
        return;
    case OUTQUEUE_EMPTY:
        break;
    }
    session_set_interest(worker, session, session->interest & ~(uint32_t)EPOLLOUT);
    if (session->phase == SESSION_CLOSING) {
        link_finish(&session->link);
        session_enter(worker, session, SESSION_FINISHED);
    } else if (session->behind) {
        struct message behind = {.type = MESSAGE_BEHIND};
        behind.behind.position = worker->position;
        session->behind = false;
        if (!session_send_message(session, &behind))
            session_end(worker, session);
        else
            session_mark_dirty(worker, session);
    }
}

/* Makes a session of a fresh connection, or closes it. */
static void worker_adopt(struct worker *worker, struct link link) {
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL || worker->draining ||
        !session_table_add(&worker->sessions, worker->options.index, session)) {
        free(session);
        link_close(&link);
        return;
    }
    session->link = link;
    session->interest = EPOLLIN;
    session->heard = worker->now;
    session_enter(worker, session, SESSION_NEW);
    if (!worker_watch(worker, link.descriptor, EPOLLIN, session)) {
        session_table_remove(&worker->sessions, session);
        session_free(session);
    }
}

/* Deals a connection to the next worker; keeps it when that one's inbox is full. */
static void worker_deal(struct worker *worker, struct link link) {
    unsigned to = worker->next_worker++ % worker->options.count;
    struct inbox_item *item = NULL;
    if (to != worker->options.index)
        item = inbox_new(INBOX_ADOPT, 0, 0, NULL);
    if (item == NULL) {
        worker_adopt(worker, link);
        return;
    }
    struct queue_chain chain = {0};
    item->link = link;
    queue_chain_add(&chain, &item->item);
    if (!queue_try_push(worker->options.inboxes[to], &chain, -1)) {
        inbox_free(item);
        worker_adopt(worker, link);
    }
}

/* Out of descriptors: stops listening for a moment, so that waiting connections do not spin the
 * loop. */
static void worker_pause_accepting(struct worker *worker, int reason) {
    report(REPORT_WARNING, "cannot_accept", "reason", strerror(reason), NULL);
    epoll_ctl(worker->epoll, EPOLL_CTL_DEL, worker->options.listener, NULL);
    worker->accept_again = worker->now + WORKER_ACCEPT_PAUSE_MILLISECONDS;
}

static void worker_accept(struct worker *worker) {
    struct link link;
    for (int i = 0; i < WORKER_ACCEPTS_MAX; i++) {
        if (link_accept(worker->options.listener, &link)) {
            worker_deal(worker, link);
            continue;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            worker_pause_accepting(worker, errno);
        return;
    }
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

static void worker_handle(struct worker *worker, const struct epoll_event *event) {
    if (event->data.ptr == &worker->options.listener) {
        worker_accept(worker);
    } else if (event->data.ptr == &worker->log_has_room) {
        worker_clear_eventfd(worker->log_has_room);
    } else if (event->data.ptr != worker) {
        struct session *session = event->data.ptr;
        if (session->phase != SESSION_ENDED && (event->events & EPOLLOUT))
            session_mark_dirty(worker, session);
        if (session->phase != SESSION_ENDED && (event->events & ~(uint32_t)EPOLLOUT))
            session_read(worker, session);
        if (worker->dispatch.requests.cost > WORKER_HAND_OVER_BYTES)
            worker_hand_over(worker);
    }
}

static int worker_patience(const struct worker *worker) {
    if (worker->sessions.session_count == 0 && worker->accept_again == 0 && worker->stop_by == 0)
        return -1;
    uint64_t until = worker->next_sweep;
    if (worker->accept_again != 0 && worker->accept_again < until)
        until = worker->accept_again;
    if (worker->stop_by != 0 && worker->stop_by < until)
        until = worker->stop_by;
    uint64_t now = clock_monotonic();
    return until > now ? (int)(until - now) : 0;
}

static void worker_wait(struct worker *worker) {
    struct epoll_event events[WORKER_EVENTS];
    int count = epoll_wait(worker->epoll, events, WORKER_EVENTS, worker_patience(worker));
    worker->now = clock_monotonic();
    for (int i = 0; i < count; i++)
        worker_handle(worker, &events[i]);
}

static void worker_deliver(struct worker *worker, struct inbox_item *item) {
    const struct roster_room *room = roster_room(&worker->roster, item->room);
    worker->position = item->frames->last_id;
    for (uint32_t i = 0; i < room->count; i++) {
        struct session *session = room->sessions[i];
        session->behind =
            session->behind || session->output.bytes + item->frames->size > SESSION_OUTPUT_MAX;
        /* Out of memory for a reference: what it misses it fetches later, like any that is behind.
         */
        if (!session->behind)
            session->behind = !session_send(session, segment_take(item->frames));
        session_mark_dirty(worker, session);
    }
}

static struct session *worker_session(const struct worker *worker, uint64_t identity) {
    struct session *session = session_table_find(&worker->sessions, identity);
    return session != NULL && session->phase < SESSION_CLOSING ? session : NULL;
}

/* Carries out an item that is for one session. */
static void worker_answer(struct worker *worker, struct inbox_item *item) {
    struct session *session = worker_session(worker, item->session);
    if (session == NULL)
        return;
    if (item->kind == INBOX_READ_DONE)
        session->reads--;
    bool worked = item->frames != NULL && session_send(session, segment_take(item->frames));
    if (item->kind == INBOX_SUBSCRIBE)
        worked = worked && roster_add(&worker->roster, item->room, session);
    else if (item->kind == INBOX_UNSUBSCRIBE)
        roster_remove(&worker->roster, item->room, session);
    session_mark_dirty(worker, session);
    if (!worked)
        session_end(worker, session);
    else if (item->kind == INBOX_END)
        session_close(worker, session);
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
            worker_adopt(worker, item->link);
        else if (item->kind == INBOX_EVENTS)
            worker_deliver(worker, item);
        else if (item->kind == INBOX_DRAIN)
            worker_drain(worker);
        else if (item->kind == INBOX_STOP)
            worker_say_goodbye(worker);
        else
            worker_answer(worker, item);
        inbox_free(item);
    }
}

/* Goes on with the sessions that need wait no longer. */
static void worker_resume(struct worker *worker) {
    for (uint32_t i = 0; i < worker->sessions.slot_count && worker->held_count > 0; i++) {
        struct session *session = worker->sessions.slots[i];
        if (session == NULL || !session->held || session_must_wait(worker, session))
            continue;
        session->held = false;
        worker->held_count--;
        session_set_interest(worker, session, session->interest | EPOLLIN);
        session_process(worker, session);
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

static void session_check_deadlines(struct worker *worker, struct session *session) {
    uint64_t in_phase = worker->now - session->phase_since;
    if (session->phase == SESSION_CLOSING || session->phase == SESSION_FINISHED) {
        if (in_phase >= SESSION_FAREWELL_MILLISECONDS)
            session_end(worker, session);
    } else if (session->held) {
        session->heard = worker->now; /* it is we who do not listen */
    } else if (session->phase == SESSION_NEW && in_phase >= SESSION_GREETING_MILLISECONDS) {
        session_fail(worker, session, ERROR_TOO_SLOW);
    } else if (worker->now - session->heard >= SESSION_SILENCE_MILLISECONDS ||
               (session->frame_since != 0 &&
                worker->now - session->frame_since >= SESSION_FRAME_MILLISECONDS)) {
        session_fail(worker, session, ERROR_TOO_SLOW);
    }
}

static void worker_sweep(struct worker *worker) {
    if (worker->accept_again != 0 && worker->now >= worker->accept_again) {
        worker->accept_again = 0;
        worker_watch(worker, worker->options.listener, EPOLLIN, &worker->options.listener);
    }
    if (worker->now < worker->next_sweep)
        return;
    worker->next_sweep = worker->now + WORKER_SWEEP_MILLISECONDS;
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
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->log_has_room = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int inbox = queue_descriptor(options->inboxes[options->index]);
    if (worker->epoll >= 0 && worker->log_has_room >= 0 &&
        worker_watch(worker, inbox, EPOLLIN, worker) &&
        worker_watch(worker, worker->log_has_room, EPOLLIN, &worker->log_has_room) &&
        (options->listener < 0 ||
         worker_watch(worker, options->listener, EPOLLIN, &worker->options.listener)) &&
        pthread_create(&worker->thread, NULL, worker_run, worker) == 0)
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
