/* What a worker listens for on a connection whose TLS has something of its own to write. */
#include "test.h"
#include "link_kind.h"
#include "request.h"
#include "worker_parts.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A link that never has anything to read, and that takes what is written while it has room. */
static bool has_room;
static bool wants_write;

static int ready(struct link *link) {
    (void)link;
    return LINK_READY;
}

static ssize_t read_nothing(struct link *link, void *data, size_t size) {
    (void)link;
    (void)data;
    (void)size;
    wants_write = !has_room;
    return LINK_AGAIN;
}

static ssize_t write_all(struct link *link, const struct iovec *pieces, int count) {
    size_t size = 0;
    (void)link;
    wants_write = !has_room;
    for (int i = 0; i < count; i++)
        size += pieces[i].iov_len;
    return has_room ? (ssize_t)size : LINK_AGAIN;
}

static void forget(struct link *link) {
    link->descriptor = -1;
}

static bool says_wants_write(const struct link *link) {
    (void)link;
    return wants_write;
}

static const struct link_kind scripted = {.handshake = ready,
                                          .close = forget,
                                          .read = read_nothing,
                                          .write = write_all,
                                          .wants_write = says_wants_write};

struct rig {
    struct worker worker;
    struct session session;
    struct peer_limits limits;
    struct metrics metrics;
    int ends[2];
};

static int set_up(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    const struct sockaddr_storage address = {.ss_family = AF_INET};
    enum peer_limit met;
    assert_non_null(rig);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, rig->ends), 0);
    peer_limits_set_defaults(&rig->limits);
    rig->worker.now = 1000000;
    rig->worker.epoll = epoll_create1(0);
    rig->worker.options.limits = &rig->limits;
    rig->worker.options.metrics = &rig->metrics;
    rig->worker.options.peers = peers_new(&rig->limits, &rig->metrics);
    rig->worker.options.tls = (struct tls *)rig; /* only whether there is one is looked at */
    rig->session.link = (struct link){.kind = &scripted, .descriptor = rig->ends[0]};
    rig->session.address = peers_admit(rig->worker.options.peers, &address, &met);
    rig->session.secured = true;
    rig->session.phase = SESSION_GREETED;
    has_room = true;
    wants_write = false;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &rig->session};
    assert_int_equal(epoll_ctl(rig->worker.epoll, EPOLL_CTL_ADD, rig->ends[0], &event), 0);
    rig->session.interest = EPOLLIN;
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    outqueue_free(&rig->session.output);
    for (struct queue_item *item;
         (item = queue_chain_take(&rig->worker.dispatch.requests)) != NULL;)
        request_discard(item);
    if (rig->session.phase != SESSION_ENDED)
        peers_leave(rig->worker.options.peers, rig->session.address);
    peers_free(rig->worker.options.peers);
    close(rig->worker.epoll);
    close(rig->ends[0]);
    close(rig->ends[1]);
    free(rig);
    return 0;
}

static void say_something(struct rig *rig) {
    struct message pong = {.type = MESSAGE_PONG};
    assert_true(session_send_message(&rig->session, &pong));
    session_flush(&rig->worker, &rig->session);
}

static void while_it_has_to_write_only_room_is_waited_for(void **state) {
    struct rig *rig = *state;
    has_room = false;
    session_read(&rig->worker, &rig->session, true);
    assert_int_equal(rig->session.interest, EPOLLOUT);
    has_room = true;
    session_read(&rig->worker, &rig->session, false);
    session_flush(&rig->worker, &rig->session);
    assert_int_equal(rig->session.interest, EPOLLIN);
}

static void it_is_heard_again_when_an_answer_took_the_rest_along(void **state) {
    struct rig *rig = *state;
    has_room = false;
    session_read(&rig->worker, &rig->session, true);
    has_room = true;
    say_something(rig);
    assert_int_equal(rig->session.interest, EPOLLIN);
}

static void what_waits_is_written_when_there_is_room(void **state) {
    struct rig *rig = *state;
    has_room = false;
    say_something(rig);
    assert_true(rig->session.interest & EPOLLOUT);
    has_room = true;
    session_flush(&rig->worker, &rig->session);
    assert_int_equal(rig->session.interest, EPOLLIN);
}

/* Room for what TLS has to write comes as often as a slow peer reads; it asked for nothing. */
static void only_what_came_counts_as_a_request(void **state) {
    struct rig *rig = *state;
    for (int i = 0; i < 100000; i++)
        session_read(&rig->worker, &rig->session, false);
    assert_false(rig->session.held);
    for (int i = 0; i < 100000 && !rig->session.held; i++)
        session_read(&rig->worker, &rig->session, true);
    assert_true(rig->session.held);
    assert_int_equal(rig->session.interest & EPOLLIN, 0);
}

static void who_cannot_be_watched_is_ended(void **state) {
    struct rig *rig = *state;
    assert_int_equal(epoll_ctl(rig->worker.epoll, EPOLL_CTL_DEL, rig->ends[0], NULL), 0);
    has_room = false;
    session_read(&rig->worker, &rig->session, true);
    assert_int_equal(rig->session.phase, SESSION_ENDED);
    assert_ptr_equal(rig->worker.ended, &rig->session);
    session_mark_dirty(&rig->worker, &rig->session);
    assert_null(rig->worker.dirty);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(while_it_has_to_write_only_room_is_waited_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_is_heard_again_when_an_answer_took_the_rest_along,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_is_written_when_there_is_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_cannot_be_watched_is_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_came_counts_as_a_request, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
