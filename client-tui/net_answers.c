/* What the server says, a function a message. */
#include "net_state.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NET_OVERTAKEN_MAX = 5,
    NET_OVERTAKEN_MILLISECONDS = 60000,
    NET_SLOW_MILLISECONDS_MAX = 120000 /* that a server is given to take what it lets wait */
};

static void net_send_start_room(struct net *net) {
    struct message join = {.type = MESSAGE_JOIN};
    join.join.tag = net_own_tag(net);
    join.join.name = wire_text(net->start_room);
    const struct awaited awaited = {.tag = join.join.tag, .what = AWAIT_START_ROOM};
    if (net_await(net, &awaited))
        net_send(net, &join);
}

/* The waiting posts were written for another server. Each that is refused moves the next one to its
 * number. */
static void net_report_all_refused(struct net *net) {
    const struct outbox_post *first = outbox_first(net->outbox);
    for (const struct outbox_post *post = first; post != NULL; post = post->next)
        reporter_post_refused(&net->reporter, first->number, ERROR_NOT_A_MEMBER,
                              wire_text("this is another server now"));
}

/* The server knows our outbox otherwise than we do: a new one, known to both from its start. */
static void net_renew_outbox(struct net *net) {
    uint64_t not_taken = outbox_next_number(net->outbox);
    outbox_renew(net->outbox);
    reporter_outbox(&net->reporter, net->outbox, not_taken);
    net_drop_link(net);
    net->phase = NET_WAITING;
    net->due = clock_monotonic() + NET_BACKOFF_FIRST;
}

/* Drops what the server has stored; false when it knows of posts that we never made, or lacks some
 * that we do not have any more. */
static bool net_outbox_fits(struct net *net, uint64_t up_to) {
    if (up_to >= outbox_next_number(net->outbox))
        return false;
    outbox_stored(net->outbox, up_to);
    reporter_stored(&net->reporter, up_to);
    const struct outbox_post *first = outbox_first(net->outbox);
    uint64_t next = first != NULL ? first->number : outbox_next_number(net->outbox);
    return next == up_to + 1;
}

/* The server has named all our rooms: those it did not were left by another client of the person.
 */
static void net_drop_left(struct net *net) {
    for (uint32_t room; (room = feed_drop_away(net->feed)) != 0;)
        reporter_gone(&net->reporter, room);
}

static void net_on_welcome(struct net *net, const struct message *message,
                           struct wire_blob payload) {
    const struct message_welcome *welcome = &message->welcome;
    if (net->phase != NET_GREETING)
        return;
    if (outbox_log_of(net->outbox, welcome) == OUTBOX_OTHER_SERVER)
        net_report_all_refused(net);
    enum outbox_log log = outbox_welcome(net->outbox, welcome);
    net_tell_problem(net);
    if (log != OUTBOX_SAME_LOG) {
        feed_forget(net->feed);
        net->start_room_number = 0;
    }
    net->tried_again = false;
    /* Both were for this once: the person may be called otherwise by another client meanwhile. */
    net->keeps_nick = true;
    free(net->code);
    net->code = NULL;
    if (!net_outbox_fits(net, welcome->up_to)) {
        net_renew_outbox(net);
        return;
    }
    net->phase = NET_ONLINE;
    net->backoff = NET_BACKOFF_FIRST;
    net->sent_up_to = welcome->up_to;
    net->rooms_awaited = welcome->rooms;
    reporter_link(&net->reporter, LINK_ONLINE, 0, "");
    reporter_answer(&net->reporter, payload);
    if (net->rooms_awaited == 0)
        net_drop_left(net);
    if (net->start_room_number == 0)
        net_send_start_room(net);
}

/* Nobody else can open our outbox: the connection that was given our session is an earlier attempt
 * of ours that reached the server late, so we connect once more. Only a copy of the outbox would
 * take the session again and again; that is for the user to sort out. */
static void net_be_overtaken(struct net *net, const struct message_error *error) {
    if (net->now - net->overtaken_at > NET_OVERTAKEN_MILLISECONDS)
        net->overtaken = 0;
    net->overtaken_at = net->now;
    if (++net->overtaken > NET_OVERTAKEN_MAX)
        net_be_refused(net, error->code, error->reason, error->suggestion);
    else
        net_lose(net, "an earlier connection of ours came late");
}

/* The nick may be held by another client of the same person, which was welcomed first and has the
 * secret, or is about to write it down. */
static bool net_try_again(struct net *net) {
    bool other_secret = outbox_read_secret(net->outbox);
    if (net->phase != NET_GREETING || (net->tried_again && !other_secret))
        return false;
    net->tried_again = true;
    net_drop_link(net);
    net->phase = NET_WAITING;
    net->due = clock_monotonic() + (other_secret ? 0 : NET_BACKOFF_FIRST);
    return true;
}

/* What says nothing against us and may be otherwise the next time. */
static bool net_error_passes(unsigned code) {
    return code == ERROR_TOO_SLOW || code == ERROR_STORAGE || code == ERROR_FULL ||
           code == ERROR_FAILED || code == ERROR_SHUTTING_DOWN || code == ERROR_ADDRESS_FULL ||
           code == ERROR_ACCOUNT_FULL;
}

/* The greeting was answered by an error: it is tried again, or is for the user to change. */
static void net_on_greeting_error(struct net *net, const struct message_error *error) {
    if (net_error_passes(error->code))
        net_lose(net, error_text(error->code));
    else
        net_be_refused(net, error->code, error->reason, error->suggestion);
}

static void net_on_error(struct net *net, const struct message *message, struct wire_blob payload) {
    const struct message_error *error = &message->error;
    struct awaited awaited;
    if (error->tag == 0 && error->code == ERROR_TAKEN_OVER) {
        net_be_overtaken(net, error);
        return;
    }
    if (error->tag == 0 && error->code == ERROR_NICK_TAKEN && net_try_again(net))
        return;
    if (error->tag == 0 && (net->phase == NET_GREETING || error->code == ERROR_KEY_REMOVED)) {
        net_on_greeting_error(net, error);
        return;
    }
    if (!net_take_awaited(net, error->tag, &awaited))
        return;
    if (awaited.what == AWAIT_PAGE)
        reporter_no_page(&net->reporter, &awaited.wish, error->code);
    else if (awaited.what == AWAIT_FEED && error->code != ERROR_NOT_A_MEMBER)
        net_lose(net, "the server could not read its history");
    else if (awaited.what != AWAIT_FEED)
        reporter_answer(&net->reporter, payload);
}

static void net_on_room(struct net *net, const struct message *message, struct wire_blob payload) {
    struct awaited awaited;
    bool asked = message->room.tag != 0 && net_take_awaited(net, message->room.tag, &awaited);
    if (asked && awaited.what == AWAIT_START_ROOM) {
        net->start_room_number = message->room.room;
        outbox_bind(net->outbox, message->room.room);
    }
    reporter_answer(&net->reporter, payload);
    feed_room(net->feed, &message->room);
    if (message->room.tag == 0 && net->rooms_awaited > 0 && --net->rooms_awaited == 0)
        net_drop_left(net);
}

static void net_on_page(struct net *net, const struct message *message, struct wire_blob payload) {
    struct awaited awaited;
    (void)payload;
    if (!net_take_awaited(net, message->page.tag, &awaited))
        return;
    if (awaited.what == AWAIT_FEED)
        feed_page(net->feed, &awaited.wish, &message->page);
    else if (awaited.what == AWAIT_PAGE)
        reporter_page(&net->reporter, &awaited.wish, message->page.events, message->page.more != 0);
}

static void net_on_stored(struct net *net, const struct message *message,
                          struct wire_blob payload) {
    (void)payload;
    outbox_stored(net->outbox, message->stored.up_to);
    reporter_stored(&net->reporter, message->stored.up_to);
}

static void net_on_refused(struct net *net, const struct message *message,
                           struct wire_blob payload) {
    const struct message_refused *refused = &message->refused;
    (void)payload;
    reporter_post_refused(&net->reporter, refused->number, refused->code, refused->reason);
    outbox_refused(net->outbox, refused->number);
    /* What was sent behind it is void; it goes again under its new number. */
    if (net->sent_up_to >= refused->number)
        net->sent_up_to = refused->number - 1;
}

static void net_on_behind(struct net *net, const struct message *message,
                          struct wire_blob payload) {
    (void)payload;
    feed_behind(net->feed, message->behind.position);
}

static void net_on_gone(struct net *net, const struct message *message, struct wire_blob payload) {
    feed_gone(net->feed, message->gone.room);
    reporter_answer(&net->reporter, payload);
}

static void net_on_untagged(struct net *net, const struct message *message,
                            struct wire_blob payload) {
    (void)message;
    reporter_answer(&net->reporter, payload);
}

static void net_on_ping(struct net *net, const struct message *message, struct wire_blob payload) {
    struct message pong = {.type = MESSAGE_PONG};
    (void)payload;
    pong.pong.tag = message->ping.tag;
    net_send(net, &pong);
}

/* Our ping waits with the rest. */
static void net_on_slow(struct net *net, const struct message *message, struct wire_blob payload) {
    uint32_t wait = message->slow.milliseconds;
    net->heard = net->now + (wait < NET_SLOW_MILLISECONDS_MAX ? wait : NET_SLOW_MILLISECONDS_MAX);
    reporter_answer(&net->reporter, payload);
}

static void net_on_goodbye(struct net *net, const struct message *message,
                           struct wire_blob payload) {
    char reason[128];
    (void)payload;
    size_t size = message->goodbye.reason.size;
    snprintf(reason, sizeof reason, "%.*s", (int)(size < sizeof reason ? size : sizeof reason - 1),
             size > 0 ? message->goodbye.reason.data : "");
    net_lose(net, reason);
}

/* The answer to something the UI asked. */
static void net_on_answer(struct net *net, const struct message *message,
                          struct wire_blob payload) {
    struct awaited awaited;
    /* Every answer begins with its tag. */
    if (net_take_awaited(net, message->done.tag, &awaited))
        reporter_answer(&net->reporter, payload);
}

/* One of several answers to one request, which a `done` ends; or the news of a device. */
static void net_on_device(struct net *net, const struct message *message,
                          struct wire_blob payload) {
    if (message->device.tag == 0 || net_awaits(net, message->device.tag))
        reporter_answer(&net->reporter, payload);
}

static void (*const net_functions[256])(struct net *net, const struct message *message,
                                        struct wire_blob payload) = {
    [MESSAGE_WELCOME] = net_on_welcome,     [MESSAGE_ERROR] = net_on_error,
    [MESSAGE_PING] = net_on_ping,           [MESSAGE_GOODBYE] = net_on_goodbye,
    [MESSAGE_STORED] = net_on_stored,       [MESSAGE_REFUSED] = net_on_refused,
    [MESSAGE_ROOM] = net_on_room,           [MESSAGE_PAGE] = net_on_page,
    [MESSAGE_HITS] = net_on_answer,         [MESSAGE_PEOPLE] = net_on_answer,
    [MESSAGE_ROOMS] = net_on_answer,        [MESSAGE_DONE] = net_on_answer,
    [MESSAGE_BEHIND] = net_on_behind,       [MESSAGE_GONE] = net_on_gone,
    [MESSAGE_INVITATION] = net_on_untagged, [MESSAGE_SEEN] = net_on_untagged,
    [MESSAGE_CODE] = net_on_answer,         [MESSAGE_DEVICE] = net_on_device,
    [MESSAGE_SLOW] = net_on_slow,
};

static void net_on_event(struct net *net, const struct message *event, struct wire_blob frame) {
    buffer_clear(&net->said);
    /* A nick that no person can have would be repeated with each few bytes that go on from it. */
    if (event->type == MESSAGE_MESSAGE && event->message.nick.size <= NAME_BYTES_MAX)
        buffer_append(&net->said, frame.data, frame.size);
    feed_event(net->feed, &event->event, frame);
}

/* The message that goes on from the last one; false when there is none that it could. */
static bool net_on_further(struct net *net, struct wire_text body) {
    struct message message;
    struct buffer frame = {0};
    if (net->said.size == 0 || net->said.failed)
        return false;
    message_decode((struct wire_blob){net->said.data + FRAME_HEAD, net->said.size - FRAME_HEAD},
                   &message);
    message.event.id++;
    message.message.number++;
    message.message.body = body;
    message_encode(&frame, &message);
    buffer_free(&net->said);
    net->said = frame;
    if (!frame.failed)
        feed_event(net->feed, &message.event, (struct wire_blob){frame.data, frame.size});
    return !frame.failed;
}

/* Handles one payload. What a server may not say, or says in a broken way, ends the connection;
 * what a newer one may say, and we do not know, is skipped. */
void net_handle(struct net *net, struct wire_blob payload) {
    struct message message;
    enum error_code error = message_decode(payload, &message);
    const bool further = error == ERROR_NONE && message.type == MESSAGE_FURTHER;
    if (error == ERROR_MALFORMED || (further && !net_on_further(net, message.further.body))) {
        net_lose(net, "the server sent a message that does not decode");
        return;
    }
    if (further)
        return;
    if (error == ERROR_NONE && message_is_event(message.type)) {
        const uint8_t *frame = payload.data - FRAME_HEAD;
        net_on_event(net, &message, (struct wire_blob){frame, payload.size + FRAME_HEAD});
        return;
    }
    buffer_clear(&net->said);
    if (error == ERROR_NONE && net_functions[message.type] != NULL)
        net_functions[message.type](net, &message, payload);
}
