#include "worker_parts.h"
#include "report.h"

#include <stdio.h>
#include <sys/epoll.h>

void session_mark_dirty(struct worker *worker, struct session *session) {
    if (session->dirty || session->phase == SESSION_ENDED)
        return;
    session->dirty = true;
    session->next_dirty = worker->dirty;
    worker->dirty = session;
}

void session_enter(struct worker *worker, struct session *session, enum session_phase phase) {
    session->phase = phase;
    session->phase_since = worker->now;
}

void session_end(struct worker *worker, struct session *session) {
    if (session->phase == SESSION_ENDED)
        return;
    bool greeted = session->phase != SESSION_NEW;
    if (greeted)
        dispatch_gone(&worker->dispatch, session);
    session_enter(worker, session, SESSION_ENDED);
    roster_remove_all(&worker->roster, session);
    link_close(&session->link);
    session_note_release(worker, session);
    session_set_behind(worker, session, false);
    if (session->counted && !greeted)
        peers_greet_not(worker->options.peers, session->address);
    peers_leave(worker->options.peers, session->address);
    peers_leave(worker->options.peers, session->account);
    session->next_ended = worker->ended;
    worker->ended = session;
}

void session_set_interest(struct worker *worker, struct session *session, uint32_t events) {
    if (session->interest == events || session->phase == SESSION_ENDED)
        return;
    struct epoll_event event = {.events = events, .data.ptr = session};
    session->interest = events;
    if (epoll_ctl(worker->epoll, EPOLL_CTL_MOD, session->link.descriptor, &event) != 0)
        session_end(worker, session);
}

/* What is asked of the socket. While TLS has to write before it can read on only whether it takes
 * something, or epoll would tell again and again that there is something to read. */
static void session_await(struct worker *worker, struct session *session, bool output_waits) {
    uint32_t events = 0;
    if (!session->held)
        events = link_wants_write(&session->link) ? EPOLLOUT : EPOLLIN;
    session_set_interest(worker, session, output_waits ? events | EPOLLOUT : events);
}

static bool session_awaits_output(const struct session *session) {
    return (session->interest & EPOLLOUT) != 0;
}

void session_close(struct worker *worker, struct session *session) {
    if (session->phase >= SESSION_CLOSING)
        return;
    bool greeted = session->phase == SESSION_GREETED;
    if (greeted)
        roster_remove_all(&worker->roster, session);
    session_enter(worker, session, SESSION_CLOSING);
    session_note_release(worker, session);
    session_set_interest(worker, session, EPOLLIN | (session->interest & EPOLLOUT));
    session_mark_dirty(worker, session);
}

void session_report(struct worker *worker, const struct session *session, enum report_kind kind,
                    const char *reason) {
    char peer[LINK_NAME_MAX];
    if (!report_is_said(kind) || !worker_may_report(worker))
        return;
    link_name_peer(session->link.descriptor, peer);
    report(kind, "peer", peer, "reason", reason, NULL);
}

/* Tells a peer that broke the protocol why, and closes. One that has not even a way to be told is
 * just closed. */
static void session_fail(struct worker *worker, struct session *session, enum error_code code) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    session_report(worker, session, REPORT_DROPPED, error_text(code));
    if (!session->secured) {
        session_end(worker, session);
        return;
    }
    session_send_message(session, &error);
    session_close(worker, session);
}

/* It does not read what it is answered. */
static bool session_is_deaf(const struct session *session) {
    return outqueue_cost(&session->output) > SESSION_OUTPUT_MAX;
}

/* Why a session's input has to wait. What follows a greeting is for who that is known to be. */
bool session_must_wait(const struct worker *worker, const struct session *session) {
    return worker->log_is_full || worker->draining || session->reads >= REQUESTS_IN_FLIGHT_MAX ||
           session_is_deaf(session) || session->unwelcome || worker->now < session->wait_until;
}

void session_note_hold(struct worker *worker, struct session *session) {
    bool waits = worker->now < session->wait_until;
    bool paced = waits || session->unwelcome;
    worker->held_count += !session->held;
    worker->paced_count += paced && !session->paced;
    worker->paced_count -= !paced && session->paced;
    session->held = true;
    session->paced = paced;
    if (waits && (worker->resume_at == 0 || session->wait_until < worker->resume_at))
        worker->resume_at = session->wait_until;
}

void session_note_release(struct worker *worker, struct session *session) {
    worker->held_count -= session->held;
    worker->paced_count -= session->paced;
    session->held = false;
    session->paced = false;
}

static void session_hold(struct worker *worker, struct session *session) {
    if (frame_reader_keep(&session->input) != FRAME_READY) {
        session_end(worker, session);
        return;
    }
    session_note_hold(worker, session);
    session_await(worker, session, session_awaits_output(session));
}

void session_resume(struct worker *worker, struct session *session) {
    if (session_must_wait(worker, session)) {
        session_note_hold(worker, session);
        return;
    }
    session_note_release(worker, session);
    session_set_interest(worker, session, session->interest | EPOLLIN);
    session_process(worker, session);
}

/* What counts for the pace of a peer: one more than its act, 0 for any other request. */
static const uint8_t paced_acts[256] = {
    [MESSAGE_POST] = PEER_POST + 1,    [MESSAGE_EDIT] = PEER_POST + 1,
    [MESSAGE_DELETE] = PEER_POST + 1,  [MESSAGE_JOIN] = PEER_JOIN + 1,
    [MESSAGE_LEAVE] = PEER_JOIN + 1,   [MESSAGE_DIRECT] = PEER_JOIN + 1,
    [MESSAGE_RENAME] = PEER_JOIN + 1,  [MESSAGE_SET_TOPIC] = PEER_JOIN + 1,
    [MESSAGE_ACT] = PEER_JOIN + 1,     [MESSAGE_SEARCH] = PEER_SEARCH + 1,
    [MESSAGE_WHO] = PEER_PAGE + 1,     [MESSAGE_LIST] = PEER_PAGE + 1,
    [MESSAGE_HISTORY] = PEER_PAGE + 1,
};

static const char *const slow_reasons[PEER_ASKED_COUNT] = {
    [PEER_POST] = "more posts than it may",
    [PEER_JOIN] = "more joins and changes than it may",
    [PEER_SEARCH] = "more searches than it may",
    [PEER_PAGE] = "more pages of history than it may",
    [PEER_REQUEST] = "more requests than it may",
    [PEER_ROOM] = "more new rooms than it may"};

/* It may go on from then on; who is made to wait is told so, now and then. */
static void session_wait(struct worker *worker, struct session *session, uint64_t from,
                         enum peer_act act) {
    struct message slow = {.type = MESSAGE_SLOW};
    /* One thing that it may do sooner does not shorten the wait for another. */
    if (from <= worker->now || from <= session->wait_until)
        return;
    session->wait_until = from;
    if (session->told_slow != 0 && worker->now - session->told_slow < SESSION_SLOW_MILLISECONDS)
        return;
    session->told_slow = worker->now;
    session_report(worker, session, REPORT_SLOWED, slow_reasons[act]);
    slow.slow.milliseconds = (uint32_t)(from - worker->now);
    slow.slow.act = (uint8_t)act;
    if (!session_send_message(session, &slow))
        session_end(worker, session);
}

void session_wait_its_turn(struct worker *worker, struct session *session) {
    enum peer_act act;
    uint64_t from =
        peers_next(worker->options.peers, session->address, session->account, worker->now, &act);
    session_wait(worker, session, from, act);
}

void session_note_room(struct worker *worker, struct session *session) {
    uint64_t from = peers_take(worker->options.peers, session->address, session->account, PEER_ROOM,
                               worker->now);
    session_wait(worker, session, from, PEER_ROOM);
}

/* A request was taken; who asks for more than it may waits from here on. */
static void session_keep_pace(struct worker *worker, struct session *session, uint8_t type) {
    metrics_add(worker->options.metrics, METRIC_REQUESTS, 1);
    if (type == MESSAGE_HELLO)
        return;
    if (type == MESSAGE_HISTORY || type == MESSAGE_SEARCH)
        metrics_add(worker->options.metrics,
                    type == MESSAGE_HISTORY ? METRIC_HISTORY : METRIC_SEARCHES, 1);
    enum peer_act act =
        paced_acts[type] != 0 ? (enum peer_act)(paced_acts[type] - 1) : PEER_REQUEST;
    uint64_t from =
        peers_take(worker->options.peers, session->address, session->account, act, worker->now);
    session_wait(worker, session, from, act);
}

/* The first that comes of a connection is its greeting, which may have to wait. It is not told:
 * there is nobody yet who would know what that means. */
static void session_count_greeting(struct worker *worker, struct session *session) {
    if (session->phase != SESSION_NEW || session->counted)
        return;
    session->counted = true;
    session->wait_until = peers_greet(worker->options.peers, session->address, worker->now);
}

void session_process(struct worker *worker, struct session *session) {
    struct wire_blob payload;
    bool took = false;
    session_count_greeting(worker, session);
    while (session->phase < SESSION_CLOSING) {
        if (session_must_wait(worker, session)) {
            session_hold(worker, session);
            return;
        }
        enum frame_result result = frame_reader_next(&session->input, &payload);
        enum error_code error = ERROR_NONE;
        if (result == FRAME_READY) {
            took = true;
            uint8_t type = payload.data[0];
            error = dispatch_frame(&worker->dispatch, session, payload);
            if (session->phase == SESSION_GREETED)
                session->input.payload_max = FRAME_PAYLOAD_MAX;
            if (error == ERROR_NONE)
                session_keep_pace(worker, session, type);
        } else if (result == FRAME_BAD_SIZE)
            error = session->phase == SESSION_NEW ? ERROR_WRONG_MAGIC : ERROR_TOO_LONG;
        else if (result == FRAME_NO_MEMORY)
            error = ERROR_FAILED;
        if (error != ERROR_NONE)
            session_fail(worker, session, error);
        else if (result == FRAME_MORE)
            break;
    }
    /* When the frame began that has not come whole. */
    if (!frame_reader_is_midway(&session->input))
        session->frame_since = 0;
    else if (took || session->frame_since == 0)
        session->frame_since = worker->now;
    if (session->output.count > 0)
        session_mark_dirty(worker, session);
}

/* Why somebody could not even greet is for the operator to know: a wrong key, a wrong port. The
 * peer was told by TLS, and reads it if the connection is not torn down at once. */
static void session_give_up_greeting(struct worker *worker, struct session *session) {
    session_report(worker, session, REPORT_NO_GREETING, link_failure(&session->link));
    if (link_abandon(&session->link)) {
        session->secured = true; /* it is a plain one now */
        session_fail(worker, session, ERROR_NEEDS_TLS);
        return;
    }
    link_finish(&session->link);
    session_enter(worker, session, SESSION_FINISHED);
}

/* The time for the greeting begins when there is somebody who can greet. */
static void session_note_secured(struct worker *worker, struct session *session) {
    if (session->secured || link_handshake(&session->link) != LINK_READY)
        return;
    session->secured = true;
    session->phase_since = worker->now;
}

/* Before the greeting as little as it needs. What TLS has taken from the socket is read whole:
 * epoll would not tell of the rest. */
static size_t session_most_to_read(const struct worker *worker, const struct session *session) {
    bool little = session->phase == SESSION_NEW && worker->options.tls == NULL;
    return little ? GREETING_BYTES_MAX : sizeof worker->read_bytes;
}

/* What TLS has for itself, new keys say, is work too. Part of a greeting comes a few times. */
static void session_note_empty_read(struct worker *worker, struct session *session) {
    if (!session->secured || worker->options.tls == NULL || session->phase >= SESSION_CLOSING)
        return;
    if (session->phase == SESSION_NEW && ++session->empty_reads > SESSION_EMPTY_READS_MAX)
        session_fail(worker, session, ERROR_NOT_GREETED);
    else if (session->phase == SESSION_GREETED)
        session_keep_pace(worker, session, 0);
    if (session->phase < SESSION_CLOSING && session_must_wait(worker, session))
        session_hold(worker, session);
}

void session_read(struct worker *worker, struct session *session, bool readable) {
    size_t most = session_most_to_read(worker, session);
    ssize_t got = link_read(&session->link, worker->read_bytes, most);
    if (got != LINK_FAILED)
        session_note_secured(worker, session);
    if (got == LINK_AGAIN || got > 0)
        session_await(worker, session, session_awaits_output(session));
    if (got == LINK_AGAIN) {
        if (readable)
            session_note_empty_read(worker, session);
        return;
    }
    if (got <= 0) {
        if (got == LINK_FAILED && session->phase == SESSION_NEW)
            session_give_up_greeting(worker, session);
        else
            session_end(worker, session);
        return;
    }
    session->heard = worker->now;
    if (session->phase >= SESSION_CLOSING)
        return;
    frame_reader_feed(&session->input, worker->read_bytes, (size_t)got);
    session_process(worker, session);
}

void session_set_behind(struct worker *worker, struct session *session, bool behind) {
    if (behind == session->behind)
        return;
    session->behind = behind;
    if (behind) {
        metrics_add(worker->options.metrics, METRIC_FELL_BEHIND, 1);
        metrics_add(worker->options.metrics, METRIC_BEHIND, 1);
    } else {
        metrics_take(worker->options.metrics, METRIC_BEHIND, 1);
    }
}

void session_flush(struct worker *worker, struct session *session) {
    size_t before = session->output.bytes;
    enum outqueue_result result = outqueue_flush(&session->output, &session->link);
    /* Who reads is there. */
    if (session->output.bytes < before)
        session->heard = worker->now;
    switch (result) {
    case OUTQUEUE_FAILED:
        session_end(worker, session);
        return;
    case OUTQUEUE_BLOCKED:
        session_set_interest(worker, session, session->interest | EPOLLOUT);
        return;
    case OUTQUEUE_EMPTY:
        break;
    }
    session_await(worker, session, false);
    if (session->phase == SESSION_CLOSING) {
        link_finish(&session->link);
        session_enter(worker, session, SESSION_FINISHED);
    } else if (session->behind) {
        struct message behind = {.type = MESSAGE_BEHIND};
        behind.behind.position = worker->dispatch.position;
        session_set_behind(worker, session, false);
        if (!session_send_message(session, &behind))
            session_end(worker, session);
        else
            session_mark_dirty(worker, session);
    }
}

static bool has_passed(const struct worker *worker, uint64_t since, enum peer_limit limit) {
    uint64_t seconds = peer_limit(worker->options.limits, limit);
    bool passed = seconds != 0 && worker->now - since >= seconds * 1000;
    if (passed)
        metrics_meet(worker->options.metrics, limit);
    return passed;
}

static bool session_is_late(const struct worker *worker, const struct session *session) {
    enum peer_limit greeting = session->secured ? LIMIT_GREETING_SECONDS : LIMIT_TLS_SECONDS;
    return (session->phase == SESSION_NEW && has_passed(worker, session->phase_since, greeting)) ||
           has_passed(worker, session->heard, LIMIT_SILENCE_SECONDS) ||
           (session->frame_since != 0 &&
            has_passed(worker, session->frame_since, LIMIT_FRAME_SECONDS));
}

void session_check_deadlines(struct worker *worker, struct session *session) {
    uint64_t in_phase = worker->now - session->phase_since;
    if (session->phase == SESSION_CLOSING || session->phase == SESSION_FINISHED) {
        if (in_phase >= SESSION_FAREWELL_MILLISECONDS)
            session_end(worker, session);
    } else if (session->held && !session_is_deaf(session)) {
        session->heard = worker->now; /* it is we who do not listen */
        session->phase_since = worker->now;
        session->frame_since = session->frame_since != 0 ? worker->now : 0;
    } else if (session_is_late(worker, session)) {
        session_fail(worker, session, ERROR_TOO_SLOW);
    }
}
