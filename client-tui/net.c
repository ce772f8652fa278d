/* In: orders from the UI thread (a queue), and the socket. Out: news (a bounded queue; while it is
 * full the socket is not read, so a flood waits in the server's hands), and the socket. The loop is
 * the list of phases in net_run. Posts go to the outbox first, then to the socket; they are sent
 * again, in order, from the first that the server does not have, on every new connection. The
 * thread ends at the order to stop. */
#include "net_state.h"
#include "clock.h"
#include "thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    NET_UNSENT_MAX = 256 * 1024, /* bytes encoded ahead of the socket */
    NET_DEAF_BYTES = 1 << 20,    /* unsent, with which a server is no more listened to */
    NET_CONNECT_MILLISECONDS = 5000,
    NET_GREETING_MILLISECONDS = 10000,
    NET_PING_MILLISECONDS = 15000,
    NET_SILENCE_MILLISECONDS = 45000,
    NET_BACKOFF_MAX = 10000,
    NET_STOP_MILLISECONDS = 500,
    NET_TLS_ALERT = 21 /* what TLS begins a complaint with */
};

bool net_await(struct net *net, const struct awaited *awaited) {
    if (net->awaited_count == net->awaited_capacity) {
        size_t capacity = net->awaited_capacity > 0 ? net->awaited_capacity * 2 : 8;
        struct awaited *grown = realloc(net->awaited, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        net->awaited = grown;
        net->awaited_capacity = capacity;
    }
    net->awaited[net->awaited_count++] = *awaited;
    return true;
}

bool net_awaits(const struct net *net, uint32_t tag) {
    for (size_t i = 0; i < net->awaited_count; i++)
        if (net->awaited[i].tag == tag)
            return true;
    return false;
}

/* Takes what was awaited under the tag; false when nothing was. */
bool net_take_awaited(struct net *net, uint32_t tag, struct awaited *found) {
    for (size_t i = 0; i < net->awaited_count; i++) {
        if (net->awaited[i].tag != tag)
            continue;
        *found = net->awaited[i];
        net->awaited[i] = net->awaited[--net->awaited_count];
        return true;
    }
    return false;
}

void net_send(struct net *net, const struct message *message) {
    message_encode(&net->output, message);
}

uint32_t net_own_tag(struct net *net) {
    net->next_tag = (net->next_tag + 1) % NET_OWN_TAG;
    return NET_OWN_TAG + net->next_tag;
}

void net_send_history(struct net *net, struct message_history wish, enum await_kind what) {
    struct message request = {.type = MESSAGE_HISTORY, .history = wish};
    request.history.tag = net_own_tag(net);
    const struct awaited awaited = {request.history.tag, what, wish};
    if (net_await(net, &awaited))
        net_send(net, &request);
}

static void net_ask(void *context, const struct message_history *wish) {
    net_send_history(context, *wish, AWAIT_FEED);
}

/* Nobody will answer these any more. */
static void net_fail_awaited(struct net *net) {
    for (size_t i = 0; i < net->awaited_count; i++) {
        if (net->awaited[i].what == AWAIT_ANSWER)
            reporter_error(&net->reporter, net->awaited[i].tag, "the connection was lost");
        else if (net->awaited[i].what == AWAIT_PAGE)
            reporter_no_page(&net->reporter, &net->awaited[i].wish, ERROR_NONE);
    }
    net->awaited_count = 0;
}

void net_drop_link(struct net *net) {
    link_close(&net->link);
    frame_reader_free(&net->input);
    buffer_clear(&net->said);
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
void net_lose(struct net *net, const char *why) {
    net_drop_link(net);
    uint32_t wait = net_jitter(net->backoff);
    net->backoff = net->backoff * 2 < NET_BACKOFF_MAX ? net->backoff * 2 : NET_BACKOFF_MAX;
    net->phase = NET_WAITING;
    net->due = clock_monotonic() + wait;
    reporter_link(&net->reporter, LINK_WAITING, wait, why);
}

/* The server does not want us as we are: waits for the user. */
void net_be_refused(struct net *net, unsigned code, struct wire_text reason,
                    struct wire_text suggestion) {
    reporter_refusal(&net->reporter, code, reason, suggestion);
    net_drop_link(net);
    net->phase = NET_REFUSED;
}

static void net_greet(struct net *net) {
    struct message hello = {.type = MESSAGE_HELLO};
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(net->nick);
    hello.hello.keeps_nick = net->keeps_nick;
    hello.hello.code = wire_text(net->code != NULL ? net->code : "");
    hello.hello.device = wire_text(net->device);
    hello.hello.outbox = outbox_id(net->outbox);
    outbox_read_secret(net->outbox);
    hello.hello.secret = outbox_secret(net->outbox);
    hello.hello.agent = wire_text("chat-tui " CHAT_VERSION);
    hello.hello.further = 1;
    net_send(net, &hello);
    net->phase = NET_GREETING;
    net->now = clock_monotonic();
    net->heard = net->now;
    net->spoke = net->now;
    net->due = net->now + NET_GREETING_MILLISECONDS;
}

/* While a connection is being made the user's orders are still taken: a post must reach the disk.
 */
static bool net_give_up(void *context) {
    struct net *net = context;
    net_take_orders(net);
    reporter_flush(&net->reporter);
    return net->stopping;
}

static void net_connect(struct net *net) {
    struct link_problem problem = {{0}, 0};
    const struct link_interrupt interrupt = {queue_descriptor(net->orders), net_give_up, net};
    if (!net_be_somebody(net))
        return;
    reporter_link(&net->reporter, LINK_CONNECTING, 0, "");
    reporter_flush(&net->reporter);
    if (link_connect(net->host, net->port, NET_CONNECT_MILLISECONDS, &interrupt, &net->link,
                     &problem)) {
        if (net_secure(net, NET_CONNECT_MILLISECONDS, &interrupt))
            net_greet(net);
    } else if (!net->stopping) {
        net_lose(net, problem.text);
    }
}

bool net_connected(const struct net *net) {
    return net->phase == NET_GREETING || net->phase == NET_ONLINE;
}

static void net_read(struct net *net) {
    struct wire_blob payload;
    ssize_t got = link_read(&net->link, net->read_bytes, sizeof net->read_bytes);
    if (got == LINK_AGAIN)
        return;
    if (got <= 0) {
        net_lose(net, got == 0 ? "the server closed the connection" : link_failure(&net->link));
        return;
    }
    net->heard = net->now;
    frame_reader_feed(&net->input, net->read_bytes, (size_t)got);
    while (net_connected(net)) {
        enum frame_result result = frame_reader_next(&net->input, &payload);
        if (result == FRAME_READY)
            net_handle(net, payload);
        else if (result == FRAME_MORE)
            return;
        else if (!net->shows_key && net->read_bytes[0] == NET_TLS_ALERT)
            net_lose(net, "the server speaks TLS; leave out --plaintext");
        else
            net_lose(net, "the server does not speak the chat protocol");
    }
}

void net_tell_problem(struct net *net) {
    const char *problem = outbox_problem(net->outbox);
    if (problem == NULL)
        net->told_problem[0] = '\0';
    if (problem == NULL || strcmp(problem, net->told_problem) == 0)
        return;
    snprintf(net->told_problem, sizeof net->told_problem, "%s", problem);
    reporter_error(&net->reporter, 0, problem);
}

/* Sends the waiting posts that this connection has not sent, within the window. */
void net_send_posts(struct net *net) {
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
            char reason[LINK_PROBLEM_MAX];
            snprintf(reason, sizeof reason, "%s", link_failure(&net->link));
            /* What the server said before it closed may still be there to read, and says more. */
            net_read(net);
            if (net_connected(net))
                net_lose(net, reason);
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
        net_lose(net, "nobody answers there; is it a chat-server?");
    if (net->phase != NET_ONLINE || reporter_is_full(&net->reporter))
        return;
    if (net->now >= net->heard + NET_SILENCE_MILLISECONDS) {
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
        if (reporter_is_full(&net->reporter))
            return -1;
    } else {
        until = net->due;
    }
    uint64_t now = clock_monotonic();
    return until > now ? (int)(until - now) : 0;
}

/* Whether what the server says is read. Not from one that does not read what it is answered: the
 * answers would pile up for as long as it asks. */
static bool net_listens(const struct net *net) {
    return !reporter_is_full(&net->reporter) &&
           net->output.size - net->output_from < NET_DEAF_BYTES;
}

static void net_wait(struct net *net) {
    bool connected = net_connected(net);
    short events = net_listens(net) ? POLLIN : 0;
    if (net->output_from < net->output.size || (connected && link_wants_write(&net->link)))
        events |= POLLOUT;
    struct pollfd waits[] = {
        {.fd = queue_descriptor(net->orders), .events = POLLIN},
        {.fd = net->reporter.has_room, .events = POLLIN},
        {.fd = connected && events != 0 ? net->link.descriptor : -1, .events = events}};
    poll(waits, 3, net_patience(net));
    net->now = clock_monotonic();
    if (waits[1].revents != 0) {
        uint64_t count;
        ssize_t got = read(net->reporter.has_room, &count, sizeof count);
        (void)got;
    }
    if (waits[0].revents != 0)
        net_take_orders(net);
    if (net_connected(net) && net_listens(net) &&
        ((waits[2].revents & ~POLLOUT) != 0 || link_wants_write(&net->link)))
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
    net->outbox = outbox_open(net->host, net->port, net->nick, net->shows_key);
    if (net->outbox == NULL) {
        net_be_refused(net, ERROR_FAILED, wire_text("out of memory"), (struct wire_text){0});
        reporter_flush(&net->reporter);
        return NULL;
    }
    reporter_outbox(&net->reporter, net->outbox, OUTBOX_FIRST_NUMBER);
    net_tell_problem(net);
    while (!net->stopping) {
        if (net->phase == NET_WAITING && clock_monotonic() >= net->due)
            net_connect(net);
        reporter_flush(&net->reporter);
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

static void net_free(struct net *net) {
    net_orders_free(net->orders);
    reporter_free(&net->reporter);
    feed_free(net->feed);
    frame_reader_free(&net->input);
    buffer_free(&net->said);
    buffer_free(&net->output);
    free(net->awaited);
    free(net->host);
    free(net->port);
    free(net->start_room);
    free(net->known_servers);
    tls_drop(net->tls);
    free(net->device);
    free(net->code);
    free(net->nick);
    free(net);
}

static void net_deliver(void *context, uint32_t room, struct wire_blob frames, bool reset,
                        bool more) {
    struct net *net = context;
    reporter_events(&net->reporter, room, frames, reset, more);
}

static bool net_prepare(struct net *net, const struct net_options *options) {
    const struct feed_owner owner = {net, net_deliver, net_ask};
    bool reporter = reporter_init(&net->reporter);
    net->link.descriptor = -1;
    net->backoff = NET_BACKOFF_FIRST;
    net->host = strdup(options->host);
    net->port = strdup(options->port);
    net->nick = strdup(options->nick);
    net->start_room = strdup(options->room);
    net->device = strdup(options->device != NULL ? options->device : "");
    net->shows_key = !options->plaintext;
    net->insecure_network = options->insecure_network;
    net->for_person = options->for_person;
    net->keeps_nick = !options->nick_is_wish;
    net->code = options->code != NULL ? strdup(options->code) : NULL;
    net->orders = net_orders_new();
    net->feed = feed_new(options->history, &owner);
    return reporter && net->host != NULL && net->port != NULL && net->nick != NULL &&
           net->start_room != NULL && net->device != NULL &&
           (net->code != NULL || options->code == NULL) && net->orders != NULL && net->feed != NULL;
}

/* Signals are for the main thread, which may only later say what it does with them. */
static bool net_begin_thread(struct net *net) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool begun = thread_start(&net->thread, "network", net_run, net);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return begun;
}

struct net *net_start(const struct net_options *options) {
    struct net *net = calloc(1, sizeof *net);
    if (net != NULL && net_prepare(net, options) && net_begin_thread(net))
        return net;
    perror("chat-tui: cannot start the network thread");
    if (net != NULL)
        net_free(net);
    return NULL;
}

void net_stop(struct net *net) {
    struct timespec until;
    net_order_stop(net);
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
    return queue_descriptor(net->reporter.queue);
}

struct queue_chain net_take(struct net *net) {
    return queue_take_all(net->reporter.queue);
}
