/* In: orders from the UI thread (a queue), and the socket. Out: news (a bounded queue; while it is
 * full the socket is not read, so a flood waits in the server's hands), and the socket. The loop is
 * the list of phases in net_run. Posts go to the outbox first, then to the socket; they are sent
 * again, in order, from the first that the server does not have, on every new connection. The
 * thread ends at ORDER_STOP. */
#include "net.h"
#include "clock.h"
#include "feed.h"
#include "frame.h"
#include "link.h"
#include "outbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    NET_NEWS_BYTES = 1 << 20,
    NET_ORDER_BYTES = 4 << 20,
    NET_READ_BYTES = 65536,
    NET_UNSENT_MAX = 256 * 1024, /* bytes encoded ahead of the socket */
    NET_EVENTS_BYTES = 32768,    /* events gathered into one item of news */
    NET_CONNECT_MILLISECONDS = 5000,
    NET_GREETING_MILLISECONDS = 10000,
    NET_PING_MILLISECONDS = 15000,
    NET_SILENCE_MILLISECONDS = 45000,
    NET_BACKOFF_FIRST = 200,
    NET_BACKOFF_MAX = 10000,
    NET_STOP_MILLISECONDS = 500,
    NET_OLDER_MESSAGES = 100,
    NET_OWN_TAG = 1 << 30 /* tags from here on are this thread's; the UI's are below */
};

enum order_kind { ORDER_POST, ORDER_REQUEST, ORDER_OLDER, ORDER_RENAME, ORDER_RETRY, ORDER_STOP };

struct order {
    struct queue_item item; /* first, see queue.h */
    enum order_kind kind;
    uint32_t room;
    uint64_t before;
    size_t size;
    uint8_t bytes[]; /* body, frame or nick */
};

enum net_phase {
    NET_WAITING,  /* no connection; the next attempt is due at `due` */
    NET_REFUSED,  /* no connection; waits for the user */
    NET_GREETING, /* hello sent */
    NET_ONLINE
};

/* A request of which the answer is awaited. */
struct awaited {
    uint32_t tag;
    uint32_t room;
    enum { AWAIT_ANSWER, AWAIT_FEED, AWAIT_OLDER, AWAIT_START_ROOM } what;
};

struct net {
    /* set once */
    char *host;
    char *port;
    char *start_room;
    pthread_t thread;
    struct queue *orders;
    struct queue *news;
    int news_have_room; /* eventfd: the UI queue was full and is not any more */

    /* the network thread's */
    char *nick;
    struct outbox *outbox;
    struct feed *feed;
    bool outbox_told;
    bool stopping;
    uint32_t start_room_number; /* 0 until known */
    enum net_phase phase;
    uint64_t now;
    uint64_t due;
    uint64_t heard;
    uint64_t spoke;
    unsigned backoff;
    uint64_t sent_up_to; /* number of the last post sent on this connection */
    uint32_t account;
    uint32_t next_tag;
    struct link link;
    struct frame_reader input;
    struct buffer output;
    size_t output_from;
    struct awaited *awaited;
    size_t awaited_count;
    size_t awaited_capacity;
    struct queue_chain untold; /* news the UI queue had no room for */
    bool news_full;
    struct buffer events; /* event frames of events_room, not yet news */
    uint32_t events_room;
    uint8_t read_bytes[NET_READ_BYTES];
};

/* ---- news ---- */

static void net_tell_events(struct net *net);

static void net_tell(struct net *net, struct news *news) {
    net_tell_events(net);
    if (news != NULL)
        queue_chain_add(&net->untold, &news->item);
}

static struct wire_text news_copy_text(struct news *news, size_t *used, struct wire_text text) {
    struct wire_text copy = {(const char *)news->bytes + *used, text.size};
    if (text.size > 0)
        memcpy(news->bytes + *used, text.data, text.size);
    *used += text.size;
    return copy;
}

static struct news *news_of_frames(enum news_kind kind, uint32_t room, struct wire_blob frames) {
    struct news *news = news_new(kind, frames.size);
    if (news == NULL)
        return NULL;
    news->room = room;
    if (frames.size > 0)
        memcpy(news->bytes, frames.data, frames.size);
    news->frames = (struct wire_blob){news->bytes, frames.size};
    return news;
}

/* Makes news of the events gathered so far. */
static void net_tell_events(struct net *net) {
    if (net->events.size == 0)
        return;
    struct news *news = news_of_frames(NEWS_EVENTS, net->events_room,
                                       (struct wire_blob){net->events.data, net->events.size});
    buffer_clear(&net->events);
    if (news != NULL)
        queue_chain_add(&net->untold, &news->item);
}

static void net_tell_link(struct net *net, enum link_state state, unsigned code,
                          struct wire_text text, struct wire_text suggestion,
                          uint32_t milliseconds) {
    struct news *news = news_new(NEWS_LINK, text.size + suggestion.size);
    size_t used = 0;
    if (news != NULL) {
        news->link_state = state;
        news->code = code;
        news->milliseconds = milliseconds;
        news->text = news_copy_text(news, &used, text);
        news->suggestion = news_copy_text(news, &used, suggestion);
    }
    net_tell(net, news);
}

static void net_tell_number(struct net *net, enum news_kind kind, uint64_t number, unsigned code,
                            struct wire_text text) {
    struct news *news = news_new(kind, text.size);
    size_t used = 0;
    if (news != NULL) {
        news->number = number;
        news->code = code;
        news->outbox = outbox_id(net->outbox);
        news->text = news_copy_text(news, &used, text);
    }
    net_tell(net, news);
}

/* Tells the UI what the outbox holds; again when its numbers began anew. */
static void net_tell_outbox(struct net *net) {
    net_tell_number(net, NEWS_OUTBOX, outbox_next_number(net->outbox), 0, (struct wire_text){0});
    for (const struct outbox_post *post = outbox_first(net->outbox); post != NULL;
         post = post->next) {
        struct news *news = news_new(NEWS_PENDING, post->size);
        size_t used = 0;
        if (news != NULL) {
            news->number = post->number;
            news->room = post->room;
            news->text = news_copy_text(news, &used, (struct wire_text){post->body, post->size});
        }
        net_tell(net, news);
    }
    net->outbox_told = true;
}

/* Passes a server's message on, with a copy of the payload its views point into. */
static void net_tell_answer(struct net *net, struct wire_blob payload) {
    struct news *news = news_new(NEWS_ANSWER, payload.size);
    if (news != NULL) {
        memcpy(news->bytes, payload.data, payload.size);
        message_decode((struct wire_blob){news->bytes, payload.size}, &news->message);
    }
    net_tell(net, news);
}

static void net_tell_message(struct net *net, const struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    if (!frame.failed)
        net_tell_answer(net, (struct wire_blob){frame.data + FRAME_HEAD, frame.size - FRAME_HEAD});
    buffer_free(&frame);
}

static void net_tell_failed_request(struct net *net, uint32_t tag, const char *reason) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = tag;
    error.error.code = ERROR_FAILED;
    error.error.reason = wire_text(reason);
    net_tell_message(net, &error);
}

/* Hands the news over; while there is no room the socket is left alone. */
static void net_hand_over(struct net *net) {
    net_tell_events(net);
    net->news_full = !queue_try_push(net->news, &net->untold, net->news_have_room);
}

/* ---- the feed's wishes ---- */

static void net_deliver(void *context, uint32_t room, struct wire_blob frames, bool reset,
                        bool more) {
    struct net *net = context;
    if (reset) {
        struct news *news = news_of_frames(NEWS_EVENTS, room, frames);
        if (news != NULL) {
            news->reset = true;
            news->more = more;
        }
        net_tell(net, news);
        return;
    }
    if (net->events_room != room || net->events.size + frames.size > NET_EVENTS_BYTES)
        net_tell_events(net);
    net->events_room = room;
    buffer_append(&net->events, frames.data, frames.size);
}

static bool net_await(struct net *net, uint32_t tag, uint32_t room, int what) {
    if (net->awaited_count == net->awaited_capacity) {
        size_t capacity = net->awaited_capacity > 0 ? net->awaited_capacity * 2 : 8;
        struct awaited *grown = realloc(net->awaited, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        net->awaited = grown;
        net->awaited_capacity = capacity;
    }
    net->awaited[net->awaited_count] = (struct awaited){.tag = tag, .room = room};
    net->awaited[net->awaited_count++].what = (unsigned)what;
    return true;
}

/* Takes what was awaited under the tag; false when nothing was. */
static bool net_take_awaited(struct net *net, uint32_t tag, struct awaited *found) {
    for (size_t i = 0; i < net->awaited_count; i++) {
        if (net->awaited[i].tag != tag)
            continue;
        *found = net->awaited[i];
        net->awaited[i] = net->awaited[--net->awaited_count];
        return true;
    }
    return false;
}

static void net_send(struct net *net, const struct message *message) {
    message_encode(&net->output, message);
}

static uint32_t net_own_tag(struct net *net) {
    net->next_tag = (net->next_tag + 1) % NET_OWN_TAG;
    return NET_OWN_TAG + net->next_tag;
}

static void net_send_history(struct net *net, struct message_history wish, int what) {
    struct message request = {.type = MESSAGE_HISTORY, .history = wish};
    request.history.tag = net_own_tag(net);
    if (net_await(net, request.history.tag, wish.room, what))
        net_send(net, &request);
}

static void net_ask(void *context, const struct message_history *wish) {
    net_send_history(context, *wish, AWAIT_FEED);
}

/* ---- the connection ---- */

static void net_answer_older(struct net *net, uint32_t room, struct wire_blob frames, bool more) {
    struct news *news = news_of_frames(NEWS_OLDER, room, frames);
    if (news != NULL)
        news->more = more;
    net_tell(net, news);
}

/* Nobody will answer these any more. */
static void net_fail_awaited(struct net *net) {
    for (size_t i = 0; i < net->awaited_count; i++) {
        if (net->awaited[i].what == AWAIT_ANSWER)
            net_tell_failed_request(net, net->awaited[i].tag, "the connection was lost");
        else if (net->awaited[i].what == AWAIT_OLDER)
            net_answer_older(net, net->awaited[i].room, (struct wire_blob){0}, true);
    }
    net->awaited_count = 0;
}

static void net_drop_link(struct net *net) {
    link_close(&net->link);
    frame_reader_free(&net->input);
    buffer_clear(&net->output);
    net->output_from = 0;
    feed_disconnected(net->feed);
    net_fail_awaited(net);
}

/* The backoff with a quarter of it up or down, so that clients do not come back all at once. */
static uint32_t net_jitter(unsigned milliseconds) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned spread = milliseconds / 2 + 1;
    return milliseconds - milliseconds / 4 + (uint32_t)((unsigned long)now.tv_nsec / 1000 % spread);
}

/* The connection is gone, or could not be made: tries again later. */
static void net_lose(struct net *net, const char *why) {
    net_drop_link(net);
    uint32_t wait = net_jitter(net->backoff);
    net->backoff = net->backoff * 2 < NET_BACKOFF_MAX ? net->backoff * 2 : NET_BACKOFF_MAX;
    net->phase = NET_WAITING;
    net->due = clock_monotonic() + wait;
    net_tell_link(net, LINK_WAITING, 0, wire_text(why), (struct wire_text){0}, wait);
}

/* The server does not want us as we are: waits for the user. */
static void net_be_refused(struct net *net, unsigned code, struct wire_text reason,
                           struct wire_text suggestion) {
    net_tell_link(net, LINK_REFUSED, code, reason, suggestion, 0);
    net_drop_link(net);
    net->phase = NET_REFUSED;
}

static void net_greet(struct net *net) {
    struct message hello = {.type = MESSAGE_HELLO};
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(net->nick);
    hello.hello.outbox = outbox_id(net->outbox);
    hello.hello.secret = outbox_secret(net->outbox);
    hello.hello.agent = wire_text("chat-tui " CHAT_VERSION);
    net_send(net, &hello);
    net->phase = NET_GREETING;
    net->now = clock_monotonic();
    net->heard = net->now;
    net->spoke = net->now;
    net->due = net->now + NET_GREETING_MILLISECONDS;
}

static void net_take_orders(struct net *net);

/* While a connection is being made the user's orders are still taken: a post must reach the disk.
 */
static bool net_give_up(void *context) {
    struct net *net = context;
    net_take_orders(net);
    net_hand_over(net);
    return net->stopping;
}

static void net_connect(struct net *net) {
    struct link_problem problem = {{0}};
    const struct link_interrupt interrupt = {queue_descriptor(net->orders), net_give_up, net};
    net_tell_link(net, LINK_CONNECTING, 0, (struct wire_text){0}, (struct wire_text){0}, 0);
    net_hand_over(net);
    if (link_connect(net->host, net->port, NET_CONNECT_MILLISECONDS, &interrupt, &net->link,
                     &problem))
        net_greet(net);
    else if (!net->stopping)
        net_lose(net, problem.text);
}

/* ---- what the server says ---- */

static void net_send_start_room(struct net *net) {
    struct message join = {.type = MESSAGE_JOIN};
    join.join.tag = net_own_tag(net);
    join.join.name = wire_text(net->start_room);
    if (net_await(net, join.join.tag, 0, AWAIT_START_ROOM))
        net_send(net, &join);
}

/* Another log than the one the waiting posts were written for: they have no room there. */
static void net_refuse_all(struct net *net) {
    const struct outbox_post *post;
    while ((post = outbox_first(net->outbox)) != NULL) {
        uint64_t number = post->number;
        net_tell_number(net, NEWS_REFUSED, number, ERROR_NOT_A_MEMBER,
                        wire_text("this is another server now"));
        outbox_refused(net->outbox, number);
    }
}

static bool net_outbox_fits(const struct net *net, uint64_t up_to) {
    const struct outbox_post *first = outbox_first(net->outbox);
    uint64_t next = first != NULL ? first->number : outbox_next_number(net->outbox);
    return next == up_to + 1;
}

static void net_on_welcome(struct net *net, const struct message *message,
                           struct wire_blob payload) {
    const struct message_welcome *welcome = &message->welcome;
    if (net->phase != NET_GREETING)
        return;
    if (!outbox_welcome(net->outbox, welcome->server, welcome->secret)) {
        net_refuse_all(net);
        feed_forget(net->feed);
        net->start_room_number = 0;
    }
    outbox_stored(net->outbox, welcome->up_to);
    net_tell_number(net, NEWS_STORED, welcome->up_to, 0, (struct wire_text){0});
    if (!net_outbox_fits(net, welcome->up_to)) {
        /* The server knows our outbox otherwise than we do: a new one, known to both from its
         * start. */
        outbox_renew(net->outbox);
        net_tell_outbox(net);
        net_drop_link(net);
        net->phase = NET_WAITING;
        net->due = 0;
        return;
    }
    net->phase = NET_ONLINE;
    net->backoff = NET_BACKOFF_FIRST;
    net->account = welcome->account;
    net->sent_up_to = welcome->up_to;
    net_tell_link(net, LINK_ONLINE, 0, (struct wire_text){0}, (struct wire_text){0}, 0);
    net_tell_answer(net, payload);
    if (net->start_room_number == 0)
        net_send_start_room(net);
}

static void net_on_error(struct net *net, const struct message *message, struct wire_blob payload) {
    const struct message_error *error = &message->error;
    struct awaited awaited;
    if (error->tag == 0 && (net->phase == NET_GREETING || error->code == ERROR_TAKEN_OVER)) {
        net_be_refused(net, error->code, error->reason, error->suggestion);
        return;
    }
    if (!net_take_awaited(net, error->tag, &awaited))
        return;
    if (awaited.what == AWAIT_OLDER)
        net_answer_older(net, awaited.room, (struct wire_blob){0}, true);
    else if (awaited.what == AWAIT_FEED && error->code != ERROR_NOT_A_MEMBER)
        net_lose(net, "the server could not read its history");
    else if (awaited.what != AWAIT_FEED)
        net_tell_answer(net, payload);
}

static void net_on_room(struct net *net, const struct message *message, struct wire_blob payload) {
    struct awaited awaited;
    bool asked = message->room.tag != 0 && net_take_awaited(net, message->room.tag, &awaited);
    if (asked && awaited.what == AWAIT_START_ROOM) {
        net->start_room_number = message->room.room;
        outbox_bind(net->outbox, message->room.room);
    }
    net_tell_answer(net, payload);
    feed_room(net->feed, &message->room);
}

static void net_on_page(struct net *net, const struct message *message, struct wire_blob payload) {
    struct awaited awaited;
    (void)payload;
    if (!net_take_awaited(net, message->page.tag, &awaited))
        return;
    if (awaited.what == AWAIT_FEED)
        feed_page(net->feed, &message->page);
    else if (awaited.what == AWAIT_OLDER)
        net_answer_older(net, message->page.room, message->page.events, message->page.more != 0);
}

static void net_on_stored(struct net *net, const struct message *message,
                          struct wire_blob payload) {
    (void)payload;
    outbox_stored(net->outbox, message->stored.up_to);
    net_tell_number(net, NEWS_STORED, message->stored.up_to, 0, (struct wire_text){0});
}

static void net_on_refused(struct net *net, const struct message *message,
                           struct wire_blob payload) {
    const struct message_refused *refused = &message->refused;
    (void)payload;
    net_tell_number(net, NEWS_REFUSED, refused->number, refused->code, refused->reason);
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
    net_tell_answer(net, payload);
}

static void net_on_ping(struct net *net, const struct message *message, struct wire_blob payload) {
    struct message pong = {.type = MESSAGE_PONG};
    (void)payload;
    pong.pong.tag = message->ping.tag;
    net_send(net, &pong);
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
        net_tell_answer(net, payload);
}

static void (*const net_functions[256])(struct net *net, const struct message *message,
                                        struct wire_blob payload) = {
    [MESSAGE_WELCOME] = net_on_welcome, [MESSAGE_ERROR] = net_on_error,
    [MESSAGE_PING] = net_on_ping,       [MESSAGE_GOODBYE] = net_on_goodbye,
    [MESSAGE_STORED] = net_on_stored,   [MESSAGE_REFUSED] = net_on_refused,
    [MESSAGE_ROOM] = net_on_room,       [MESSAGE_PAGE] = net_on_page,
    [MESSAGE_HITS] = net_on_answer,     [MESSAGE_PEOPLE] = net_on_answer,
    [MESSAGE_ROOMS] = net_on_answer,    [MESSAGE_DONE] = net_on_answer,
    [MESSAGE_BEHIND] = net_on_behind,   [MESSAGE_GONE] = net_on_gone,
};

/* Handles one payload. What a server may not say, or says in a broken way, ends the connection;
 * what a newer one may say, and we do not know, is skipped. */
static void net_handle(struct net *net, struct wire_blob payload) {
    struct message message;
    enum error_code error = message_decode(payload, &message);
    if (error == ERROR_MALFORMED) {
        net_lose(net, "the server sent a message that does not decode");
    } else if (error == ERROR_NONE && message_is_event(message.type)) {
        const uint8_t *frame = payload.data - FRAME_HEAD;
        feed_event(net->feed, &message.event, (struct wire_blob){frame, payload.size + FRAME_HEAD});
    } else if (error == ERROR_NONE && net_functions[message.type] != NULL) {
        net_functions[message.type](net, &message, payload);
    }
}

static bool net_connected(const struct net *net) {
    return net->phase == NET_GREETING || net->phase == NET_ONLINE;
}

static void net_read(struct net *net) {
    struct wire_blob payload;
    ssize_t got = link_read(&net->link, net->read_bytes, sizeof net->read_bytes);
    if (got == LINK_AGAIN)
        return;
    if (got <= 0) {
        net_lose(net, got == 0 ? "the server closed the connection" : strerror(errno));
        return;
    }
    net->heard = clock_monotonic();
    frame_reader_feed(&net->input, net->read_bytes, (size_t)got);
    while (net_connected(net)) {
        enum frame_result result = frame_reader_next(&net->input, &payload);
        if (result == FRAME_READY)
            net_handle(net, payload);
        else if (result == FRAME_MORE)
            return;
        else
            net_lose(net, "the server does not speak the chat protocol");
    }
}

/* ---- what the user wants ---- */

static void net_order_post(struct net *net, const struct order *order) {
    outbox_add(net->outbox, order->room != 0 ? order->room : net->start_room_number,
               (struct wire_text){(const char *)order->bytes, order->size});
}

static void net_order_request(struct net *net, const struct order *order) {
    struct message message;
    message_decode((struct wire_blob){order->bytes + FRAME_HEAD, order->size - FRAME_HEAD},
                   &message);
    /* Every request begins with its tag. */
    uint32_t tag = message.join.tag;
    if (net->phase != NET_ONLINE || !net_await(net, tag, 0, AWAIT_ANSWER))
        net_tell_failed_request(net, tag, "not connected");
    else
        buffer_append(&net->output, order->bytes, order->size);
}

static void net_order_older(struct net *net, const struct order *order) {
    const struct message_history wish = {
        .room = order->room, .before = order->before, .limit = NET_OLDER_MESSAGES, .newest = 1};
    if (net->phase == NET_ONLINE)
        net_send_history(net, wish, AWAIT_OLDER);
    else
        net_answer_older(net, order->room, (struct wire_blob){0}, true);
}

static void net_order_retry(struct net *net, const struct order *order) {
    (void)order;
    if (net_connected(net))
        return;
    net->phase = NET_WAITING;
    net->due = 0;
}

static void net_order_rename(struct net *net, const struct order *order) {
    char *nick = strndup((const char *)order->bytes, order->size);
    if (nick == NULL)
        return;
    free(net->nick);
    net->nick = nick;
    if (net->phase == NET_REFUSED)
        net_order_retry(net, order);
}

static void net_order_stop(struct net *net, const struct order *order) {
    (void)order;
    net->stopping = true;
}

static void (*const net_order_functions[])(struct net *net, const struct order *order) = {
    [ORDER_POST] = net_order_post,   [ORDER_REQUEST] = net_order_request,
    [ORDER_OLDER] = net_order_older, [ORDER_RENAME] = net_order_rename,
    [ORDER_RETRY] = net_order_retry, [ORDER_STOP] = net_order_stop,
};

static void order_discard(struct queue_item *item) {
    free(item);
}

static void net_take_orders(struct net *net) {
    struct queue_chain orders = queue_take_all(net->orders);
    for (struct queue_item *item; (item = queue_chain_take(&orders)) != NULL;) {
        struct order *order = (struct order *)item;
        net_order_functions[order->kind](net, order);
        free(order);
    }
    outbox_flush(net->outbox);
}

/* ---- the loop ---- */

/* Sends the waiting posts that this connection has not sent, within the window. */
static void net_send_posts(struct net *net) {
    if (net->phase != NET_ONLINE)
        return;
    const struct outbox_post *post = outbox_first(net->outbox);
    uint64_t window_end = post != NULL ? post->number + POSTS_IN_FLIGHT_MAX : 0;
    while (post != NULL && post->number <= net->sent_up_to)
        post = post->next;
    for (; post != NULL && post->number < window_end; post = post->next) {
        if (post->room == 0 || net->output.size - net->output_from > NET_UNSENT_MAX)
            return;
        struct message message = {.type = MESSAGE_POST};
        message.post.number = post->number;
        message.post.room = post->room;
        message.post.body = (struct wire_text){post->body, post->size};
        net_send(net, &message);
        net->sent_up_to = post->number;
    }
}

static void net_write(struct net *net) {
    while (net_connected(net) && net->output_from < net->output.size) {
        struct iovec piece = {net->output.data + net->output_from,
                              net->output.size - net->output_from};
        ssize_t written = link_write(&net->link, &piece, 1);
        if (written == LINK_AGAIN)
            return;
        if (written < 0) {
            int reason = errno;
            /* What the server said before it closed may still be there to read, and says more. */
            net_read(net);
            if (net_connected(net))
                net_lose(net, strerror(reason));
            return;
        }
        net->output_from += (size_t)written;
        net->spoke = net->now;
    }
    buffer_clear(&net->output);
    net->output_from = 0;
}

/* Notices a greeting that takes too long and a peer that is gone without a word. */
static void net_keep_alive(struct net *net) {
    if (net->phase == NET_GREETING && net->now >= net->due)
        net_lose(net, "the server does not answer");
    if (net->phase != NET_ONLINE || net->news_full)
        return;
    if (net->now - net->heard >= NET_SILENCE_MILLISECONDS) {
        net_lose(net, "nothing was heard from the server");
    } else if (net->now - net->spoke >= NET_PING_MILLISECONDS) {
        struct message ping = {.type = MESSAGE_PING};
        net_send(net, &ping);
        net->spoke = net->now;
    }
}

static int net_patience(const struct net *net) {
    uint64_t until;
    if (net->phase == NET_REFUSED)
        return -1;
    if (net->phase == NET_ONLINE) {
        until = net->spoke + NET_PING_MILLISECONDS;
        if (net->heard + NET_SILENCE_MILLISECONDS < until)
            until = net->heard + NET_SILENCE_MILLISECONDS;
        if (net->news_full)
            return -1;
    } else {
        until = net->due;
    }
    uint64_t now = clock_monotonic();
    return until > now ? (int)(until - now) : 0;
}

static void net_wait(struct net *net) {
    bool connected = net_connected(net);
    short events = net->news_full ? 0 : POLLIN;
    if (net->output_from < net->output.size)
        events |= POLLOUT;
    struct pollfd waits[] = {
        {.fd = queue_descriptor(net->orders), .events = POLLIN},
        {.fd = net->news_have_room, .events = POLLIN},
        {.fd = connected && events != 0 ? net->link.descriptor : -1, .events = events}};
    poll(waits, 3, net_patience(net));
    net->now = clock_monotonic();
    if (waits[1].revents != 0) {
        uint64_t count;
        ssize_t got = read(net->news_have_room, &count, sizeof count);
        (void)got;
    }
    if (waits[0].revents != 0)
        net_take_orders(net);
    if (net_connected(net) && !net->news_full && (waits[2].revents & ~POLLOUT) != 0)
        net_read(net);
}

static void net_say_goodbye(struct net *net) {
    struct message goodbye = {.type = MESSAGE_GOODBYE};
    if (net->phase != NET_ONLINE)
        return;
    net_send(net, &goodbye);
    net_write(net);
}

static void *net_run(void *context) {
    struct net *net = context;
    net->outbox = outbox_open(net->host, net->port, net->nick);
    if (net->outbox == NULL) {
        net_be_refused(net, ERROR_FAILED, wire_text("out of memory"), (struct wire_text){0});
        net_hand_over(net);
        return NULL;
    }
    net_tell_outbox(net);
    if (outbox_problem(net->outbox) != NULL)
        net_tell_failed_request(net, 0, outbox_problem(net->outbox));
    while (!net->stopping) {
        if (net->phase == NET_WAITING && clock_monotonic() >= net->due)
            net_connect(net);
        net_hand_over(net);
        net_wait(net);
        net_send_posts(net);
        net_keep_alive(net);
        net_write(net);
    }
    net_say_goodbye(net);
    net_drop_link(net);
    outbox_close(net->outbox);
    net->outbox = NULL;
    return NULL;
}

static void news_discard(struct queue_item *item) {
    news_free((struct news *)item);
}

static void net_free(struct net *net) {
    for (struct queue_item *item; (item = queue_chain_take(&net->untold)) != NULL;)
        news_discard(item);
    queue_free(net->orders, order_discard);
    queue_free(net->news, news_discard);
    feed_free(net->feed);
    frame_reader_free(&net->input);
    buffer_free(&net->output);
    buffer_free(&net->events);
    if (net->news_have_room >= 0)
        close(net->news_have_room);
    free(net->awaited);
    free(net->host);
    free(net->port);
    free(net->start_room);
    free(net->nick);
    free(net);
}

struct net *net_start(const struct net_options *options) {
    struct net *net = calloc(1, sizeof *net);
    if (net == NULL) {
        perror("chat-tui: cannot start the network thread");
        return NULL;
    }
    const struct feed_owner owner = {net, net_deliver, net_ask};
    net->link.descriptor = -1;
    net->backoff = NET_BACKOFF_FIRST;
    net->host = strdup(options->host);
    net->port = strdup(options->port);
    net->nick = strdup(options->nick);
    net->start_room = strdup(options->room);
    net->orders = queue_new(NET_ORDER_BYTES);
    net->news = queue_new(NET_NEWS_BYTES);
    net->news_have_room = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    net->feed = feed_new(options->history, &owner);
    if (net->host != NULL && net->port != NULL && net->nick != NULL && net->start_room != NULL &&
        net->orders != NULL && net->news != NULL && net->news_have_room >= 0 && net->feed != NULL &&
        pthread_create(&net->thread, NULL, net_run, net) == 0)
        return net;
    perror("chat-tui: cannot start the network thread");
    net_free(net);
    return NULL;
}

static struct order *order_new(enum order_kind kind, const void *data, size_t size) {
    struct order *order = calloc(1, sizeof *order + size);
    if (order == NULL)
        return NULL;
    order->kind = kind;
    order->item.cost = sizeof *order + size;
    order->size = size;
    if (size > 0)
        memcpy(order->bytes, data, size);
    return order;
}

static void net_order(struct net *net, struct order *order) {
    struct queue_chain chain = {0};
    if (order == NULL)
        return;
    queue_chain_add(&chain, &order->item);
    queue_push(net->orders, &chain);
}

void net_stop(struct net *net) {
    struct timespec until;
    net_order(net, order_new(ORDER_STOP, NULL, 0));
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += NET_STOP_MILLISECONDS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    /* A name server may keep the thread for long; the process ends without waiting for it. */
    if (pthread_timedjoin_np(net->thread, NULL, &until) == 0)
        net_free(net);
    else
        pthread_detach(net->thread);
}

int net_descriptor(const struct net *net) {
    return queue_descriptor(net->news);
}

struct queue_chain net_take(struct net *net) {
    return queue_take_all(net->news);
}

void net_post(struct net *net, uint32_t room, struct wire_text body) {
    struct order *order = order_new(ORDER_POST, body.data, body.size);
    if (order != NULL)
        order->room = room;
    net_order(net, order);
}

void net_request(struct net *net, const struct message *request) {
    struct buffer frame = {0};
    message_encode(&frame, request);
    if (!frame.failed)
        net_order(net, order_new(ORDER_REQUEST, frame.data, frame.size));
    buffer_free(&frame);
}

void net_older(struct net *net, uint32_t room, uint64_t before) {
    struct order *order = order_new(ORDER_OLDER, NULL, 0);
    if (order != NULL) {
        order->room = room;
        order->before = before;
    }
    net_order(net, order);
}

void net_rename(struct net *net, const char *nick) {
    net_order(net, order_new(ORDER_RENAME, nick, strlen(nick)));
}

void net_retry(struct net *net) {
    net_order(net, order_new(ORDER_RETRY, NULL, 0));
}
