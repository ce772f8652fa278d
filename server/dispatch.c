#include "dispatch.h"
#include "clock.h"

#include <stdlib.h>
#include <string.h>

static enum error_code dispatch_to_log(struct dispatch *dispatch, struct session *session,
                                       struct request *request) {
    (void)session;
    queue_chain_add(&dispatch->requests, &request->item);
    return ERROR_NONE;
}

static enum error_code dispatch_hello(struct dispatch *dispatch, struct session *session,
                                      struct request *request) {
    const struct message_hello *hello = &request->message.hello;
    enum error_code error = ERROR_NONE;
    if (session->phase != SESSION_NEW)
        error = ERROR_UNEXPECTED;
    else if (hello->magic != PROTOCOL_MAGIC)
        error = ERROR_WRONG_MAGIC;
    else if (hello->version < 1)
        error = ERROR_WRONG_VERSION;
    if (error != ERROR_NONE) {
        request_free(request);
        return error;
    }
    session->phase = SESSION_GREETED;
    session->unwelcome = true;
    session->wants_brief = hello->further != 0;
    request->origin.has_key = link_peer_key(&session->link, request->origin.key);
    request->origin.loopback = link_peer_is_loopback(session->link.descriptor);
    return dispatch_to_log(dispatch, session, request);
}

static enum error_code dispatch_refuse(struct session *session, struct request *request,
                                       uint32_t tag, enum error_code code) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = tag;
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    request_free(request);
    return session_send_message(session, &error) ? ERROR_NONE : ERROR_FAILED;
}

static enum error_code dispatch_to_readers(struct dispatch *dispatch, struct session *session,
                                           struct request *request) {
    session->reads++;
    readers_push(dispatch->readers, request);
    return ERROR_NONE;
}

/* The reader sees what is committed, which may be that the session was just put out of a room and
 * what was said there since, before the worker hears of it. */
static uint64_t dispatch_before(const struct dispatch *dispatch, uint64_t before) {
    return before > dispatch->position ? dispatch->position + 1 : before;
}

static enum error_code dispatch_history(struct dispatch *dispatch, struct session *session,
                                        struct request *request) {
    struct message_history *history = &request->message.history;
    if (!session_in_room(session, history->room))
        return dispatch_refuse(session, request, history->tag, ERROR_NOT_A_MEMBER);
    history->before = dispatch_before(dispatch, history->before);
    return dispatch_to_readers(dispatch, session, request);
}

static enum error_code dispatch_search(struct dispatch *dispatch, struct session *session,
                                       struct request *request) {
    struct message_search *search = &request->message.search;
    if (search->room != 0 && !session_in_room(session, search->room))
        return dispatch_refuse(session, request, search->tag, ERROR_NOT_A_MEMBER);
    if (session->searching)
        return dispatch_refuse(session, request, search->tag, ERROR_ONE_AT_A_TIME);
    request->rooms = calloc(session->membership_count + 1, sizeof *request->rooms);
    if (request->rooms == NULL)
        return dispatch_refuse(session, request, search->tag, ERROR_FAILED);
    for (uint32_t i = 0; i < session->membership_count; i++)
        if (search->room == 0 || session->memberships[i].room == search->room)
            request->rooms[request->room_count++] = session->memberships[i].room;
    request->departures = session->departures;
    request->turn.address = peer_number(session->address);
    request->turn.account = peer_number(session->account);
    search->before = dispatch_before(dispatch, search->before);
    session->searching = true;
    return dispatch_to_readers(dispatch, session, request);
}

static enum error_code dispatch_ping(struct dispatch *dispatch, struct session *session,
                                     struct request *request) {
    (void)dispatch;
    struct message pong = {.type = MESSAGE_PONG};
    pong.pong.tag = request->message.ping.tag;
    request_free(request);
    return session_send_message(session, &pong) ? ERROR_NONE : ERROR_FAILED;
}

static enum error_code dispatch_nowhere(struct dispatch *dispatch, struct session *session,
                                        struct request *request) {
    (void)dispatch;
    (void)session;
    request_free(request);
    return ERROR_NONE;
}

/* Each takes over the request. A type without a place here is not for a server. */
static enum error_code (*const dispatch_functions[256])(struct dispatch *dispatch,
                                                        struct session *session,
                                                        struct request *request) = {
    [MESSAGE_HELLO] = dispatch_hello,   [MESSAGE_PING] = dispatch_ping,
    [MESSAGE_PONG] = dispatch_nowhere,  [MESSAGE_GOODBYE] = dispatch_nowhere,
    [MESSAGE_POST] = dispatch_to_log,   [MESSAGE_JOIN] = dispatch_to_log,
    [MESSAGE_LEAVE] = dispatch_to_log,  [MESSAGE_DIRECT] = dispatch_to_log,
    [MESSAGE_RENAME] = dispatch_to_log, [MESSAGE_SET_TOPIC] = dispatch_to_log,
    [MESSAGE_WHO] = dispatch_to_log,    [MESSAGE_LIST] = dispatch_to_log,
    [MESSAGE_EDIT] = dispatch_to_log,   [MESSAGE_DELETE] = dispatch_to_log,
    [MESSAGE_READ] = dispatch_to_log,   [MESSAGE_HISTORY] = dispatch_history,
    [MESSAGE_SEARCH] = dispatch_search, [MESSAGE_ACT] = dispatch_to_log,
};

/* Decodes the request's own copy, so that its views live as long as it does. */
static enum error_code dispatch_decode(struct request *request, size_t size,
                                       const struct session *session) {
    struct message *message = &request->message;
    enum error_code error = message_decode((struct wire_blob){request->payload, size}, message);
    if (error != ERROR_NONE)
        return error;
    if (session->phase == SESSION_NEW && message->type != MESSAGE_HELLO)
        return ERROR_NOT_GREETED;
    if (dispatch_functions[message->type] == NULL)
        return ERROR_UNEXPECTED;
    return message_text_is_valid(message) ? ERROR_NONE : ERROR_BAD_TEXT;
}

enum error_code dispatch_frame(struct dispatch *dispatch, struct session *session,
                               struct wire_blob payload) {
    struct request *request = request_new(REQUEST_MESSAGE, session->identity, payload);
    if (request == NULL)
        return ERROR_FAILED;
    enum error_code error = dispatch_decode(request, payload.size, session);
    if (error == ERROR_UNKNOWN_TYPE && session->phase == SESSION_GREETED)
        return dispatch_refuse(session, request, 0, error);
    if (error == ERROR_NONE)
        return dispatch_functions[request->message.type](dispatch, session, request);
    request_free(request);
    return error;
}

static void dispatch_notice(struct dispatch *dispatch, enum request_kind kind, uint64_t session) {
    struct request *notice;
    /* The log thread must learn of it, and memory comes back when others are done with theirs. */
    while ((notice = request_new(kind, session, (struct wire_blob){NULL, 0})) == NULL)
        clock_pause();
    queue_chain_add(&dispatch->requests, &notice->item);
}

void dispatch_gone(struct dispatch *dispatch, const struct session *session) {
    if (session->searching)
        readers_forget(dispatch->readers, session->identity);
    dispatch_notice(dispatch, REQUEST_GONE, session->identity);
}

void dispatch_stop(struct dispatch *dispatch) {
    dispatch_notice(dispatch, REQUEST_STOP, 0);
}
