/* How a connection comes in: accepted by the first worker, counted for its address, dealt to one of
 * the workers, or refused. */
#include "inbox.h"
#include "report.h"
#include "tls.h"
#include "worker_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum {
    WORKER_ACCEPTS_MAX = 64, /* a turn, so that a storm of connections delays nobody for long */
    WORKER_ACCEPT_PAUSE_MILLISECONDS = 100
};

void worker_adopt(struct worker *worker, struct link link, struct peer *peer) {
    struct session *session = calloc(1, sizeof *session);
    struct tls *tls = worker->options.tls;
    if (session == NULL || worker->draining || (tls != NULL && !tls_accept(tls, &link)) ||
        !session_table_add(&worker->sessions, worker->options.index, session)) {
        free(session);
        link_close(&link);
        peers_leave(worker->options.peers, peer);
        return;
    }
    session->link = link;
    session->address = peer;
    session->secured = tls == NULL;
    session->input.payload_max = GREETING_BYTES_MAX;
    session->interest = EPOLLIN;
    session->heard = worker->now;
    session_enter(worker, session, SESSION_NEW);
    if (!worker_watch(worker, link.descriptor, EPOLLIN, session)) {
        session_table_remove(&worker->sessions, session);
        session_free(session);
        peers_leave(worker->options.peers, peer);
    }
}

/* Deals a connection to the next worker; keeps it when that one's inbox is full. */
static void worker_deal(struct worker *worker, struct link link, struct peer *peer) {
    unsigned to = worker->next_worker++ % worker->options.count;
    struct inbox_item *item = NULL;
    if (to != worker->options.index)
        item = inbox_new(INBOX_ADOPT, 0, 0, NULL);
    if (item == NULL) {
        worker_adopt(worker, link, peer);
        return;
    }
    struct queue_chain chain = {0};
    item->link = link;
    item->peer = peer;
    queue_chain_add(&chain, &item->item);
    if (!queue_try_push(worker->options.inboxes[to], &chain, -1)) {
        inbox_free(item);
        worker_adopt(worker, link, peer);
    }
}

/* Closes a connection that is one too many. One that talks in plain is told why, if that goes at
 * once: a handshake would be more than it may cost. */
static void worker_refuse(struct worker *worker, struct link *link, enum peer_limit met) {
    struct message error = {.type = MESSAGE_ERROR};
    enum error_code code = met == LIMIT_ADDRESS_CONNECTIONS ? ERROR_ADDRESS_FULL : ERROR_FULL;
    struct buffer frame = {0};
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    message_encode(&frame, &error);
    const struct iovec piece = {frame.data, frame.size};
    if (worker->options.tls == NULL && !frame.failed && link_write(link, &piece, 1) > 0)
        link_finish(link);
    link_close(link);
    buffer_free(&frame);
    if (met < PEER_LIMIT_COUNT)
        worker->refused[met]++;
    worker->has_refused = worker->has_refused || met < PEER_LIMIT_COUNT;
}

/* Lets a connection in, unless it is one too many. */
static void worker_admit(struct worker *worker, struct link link) {
    struct sockaddr_storage address;
    enum peer_limit met;
    link_peer_address(link.descriptor, &address);
    struct peer *peer = peers_admit(worker->options.peers, &address, &met);
    if (peer != NULL)
        worker_deal(worker, link, peer);
    else
        worker_refuse(worker, &link, met);
}

/* In one line for all of a second, so that a storm does not fill the log. */
void worker_report_refused(struct worker *worker) {
    char count[16];
    for (size_t i = 0; worker->has_refused && i < PEER_LIMIT_COUNT; i++) {
        if (worker->refused[i] == 0)
            continue;
        snprintf(count, sizeof count, "%u", worker->refused[i]);
        report(REPORT_REFUSED, "limit", peer_limit_table[i].name, "connections", count, NULL);
        worker->refused[i] = 0;
    }
    worker->has_refused = false;
}

/* Out of descriptors, say: does not listen for a moment, so that waiting connections do not spin
 * the loop. That is said once, until all who waited are in. */
static void worker_pause_accepting(struct worker *worker, int reason) {
    if (!worker->cannot_accept)
        report(REPORT_CANNOT_ACCEPT, "reason", strerror(reason), NULL);
    worker->cannot_accept = true;
    worker->accept_again = worker->now + WORKER_ACCEPT_PAUSE_MILLISECONDS;
}

void worker_listen(struct worker *worker) {
    worker->accept_again = 0;
    if (worker->options.listener < 0 || worker->draining)
        return;
    if (!worker_watch(worker, worker->options.listener, EPOLLIN, &worker->options.listener))
        worker_pause_accepting(worker, errno);
}

void worker_accept(struct worker *worker) {
    struct link link;
    for (int i = 0; i < WORKER_ACCEPTS_MAX; i++) {
        if (link_accept(worker->options.listener, &link)) {
            worker_admit(worker, link);
            continue;
        }
        const int reason = errno;
        if (reason == EAGAIN || reason == EWOULDBLOCK) {
            worker->cannot_accept = false;
            return;
        }
        epoll_ctl(worker->epoll, EPOLL_CTL_DEL, worker->options.listener, NULL);
        worker_pause_accepting(worker, reason);
        return;
    }
}

void worker_accept_again(struct worker *worker) {
    if (worker->accept_again != 0 && worker->now >= worker->accept_again)
        worker_listen(worker);
}
