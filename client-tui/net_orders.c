/* What the user wants: the UI thread's side, which makes orders, and the network thread's, which
 * carries them out. */
#include "net_state.h"

#include <stdlib.h>
#include <string.h>

enum { NET_ORDER_BYTES = 4 << 20 };

enum order_kind {
    ORDER_POST,
    ORDER_REQUEST,
    ORDER_PAGE,
    ORDER_READ,
    ORDER_RENAME,
    ORDER_RETRY,
    ORDER_STOP
};

struct order {
    struct queue_item item; /* first, see queue.h */
    enum order_kind kind;
    uint32_t room;
    struct message_history wish;
    uint64_t id;
    size_t size;
    uint8_t bytes[]; /* body, frame or nick */
};

static void net_order_post(struct net *net, const struct order *order) {
    outbox_add(net->outbox, order->room != 0 ? order->room : net->start_room_number,
               (struct wire_text){(const char *)order->bytes, order->size});
}

static void net_order_request(struct net *net, const struct order *order) {
    struct message message;
    message_decode((struct wire_blob){order->bytes + FRAME_HEAD, order->size - FRAME_HEAD},
                   &message);
    /* Every request begins with its tag. What was posted before it goes before it. */
    const struct awaited awaited = {.tag = message.join.tag, .what = AWAIT_ANSWER};
    net_send_posts(net);
    if (net->phase != NET_ONLINE || !net_await(net, &awaited))
        reporter_error(&net->reporter, awaited.tag,
                       "not connected: try again when the status line says online");
    else
        buffer_append(&net->output, order->bytes, order->size);
}

static void net_order_page(struct net *net, const struct order *order) {
    if (net->phase == NET_ONLINE)
        net_send_history(net, order->wish, AWAIT_PAGE);
    else
        reporter_no_page(&net->reporter, &order->wish, ERROR_NONE);
}

static void net_order_read(struct net *net, const struct order *order) {
    struct message read = {.type = MESSAGE_READ};
    if (net->phase != NET_ONLINE)
        return;
    read.read.room = order->room;
    read.read.id = order->id;
    net_send(net, &read);
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
    net->keeps_nick = net->phase == NET_ONLINE; /* the account has it already */
    if (net->phase == NET_REFUSED)
        net_order_retry(net, order);
}

static void net_stop_soon(struct net *net, const struct order *order) {
    (void)order;
    net->stopping = true;
}

static void (*const net_order_functions[])(struct net *net, const struct order *order) = {
    [ORDER_POST] = net_order_post,     [ORDER_REQUEST] = net_order_request,
    [ORDER_PAGE] = net_order_page,     [ORDER_READ] = net_order_read,
    [ORDER_RENAME] = net_order_rename, [ORDER_RETRY] = net_order_retry,
    [ORDER_STOP] = net_stop_soon,
};

static void order_discard(struct queue_item *item) {
    free(item);
}

void net_take_orders(struct net *net) {
    struct queue_chain orders = queue_take_all(net->orders);
    for (struct queue_item *item; (item = queue_chain_take(&orders)) != NULL;) {
        struct order *order = (struct order *)item;
        net_order_functions[order->kind](net, order);
        free(order);
    }
    outbox_flush(net->outbox);
    net_tell_problem(net);
}

struct queue *net_orders_new(void) {
    return queue_new(NET_ORDER_BYTES);
}

void net_orders_free(struct queue *orders) {
    queue_free(orders, order_discard);
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

void net_order_stop(struct net *net) {
    net_order(net, order_new(ORDER_STOP, NULL, 0));
}

void net_post(struct net *net, uint32_t room, struct wire_text body) {
    struct order *order = order_new(ORDER_POST, body.data, body.size);
    if (order != NULL)
        order->room = room;
    net_order(net, order);
}

bool net_request(struct net *net, const struct message *request) {
    struct buffer frame = {0};
    message_encode(&frame, request);
    bool encoded = !frame.failed;
    if (encoded)
        net_order(net, order_new(ORDER_REQUEST, frame.data, frame.size));
    buffer_free(&frame);
    return encoded;
}

void net_history(struct net *net, const struct message_history *wish) {
    struct order *order = order_new(ORDER_PAGE, NULL, 0);
    if (order != NULL)
        order->wish = *wish;
    net_order(net, order);
}

void net_tell_read(struct net *net, uint32_t room, uint64_t id) {
    struct order *order = order_new(ORDER_READ, NULL, 0);
    if (order != NULL) {
        order->room = room;
        order->id = id;
    }
    net_order(net, order);
}

void net_rename(struct net *net, const char *nick) {
    net_order(net, order_new(ORDER_RENAME, nick, strlen(nick)));
}

void net_retry(struct net *net) {
    net_order(net, order_new(ORDER_RETRY, NULL, 0));
}
