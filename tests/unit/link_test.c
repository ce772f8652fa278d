/* Links, plain and with TLS: what is read and written is whole, and what fails says so. */
#include "test.h"
#include "clock.h"
#include "key_file.h"
#include "link.h"
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE = 10000, BIG = 100000 };

static bool at_once(void *context) {
    (void)context;
    return true;
}

/* Two ends of a connection. */
struct ends {
    struct link one, other;
};

static int listen_somewhere(char port[8]) {
    struct link_problem problem;
    char name[LINK_NAME_MAX];
    int listener = link_bind("127.0.0.1", "0", &problem);
    assert_true(listener >= 0 && link_listen(listener, &problem));
    link_name_local(listener, name);
    snprintf(port, 8, "%s", strrchr(name, ':') + 1);
    return listener;
}

static struct ends connected(void) {
    struct ends ends;
    struct link_problem problem;
    char port[8];
    int listener = listen_somewhere(port);
    assert_true(link_connect("127.0.0.1", port, PATIENCE, NULL, &ends.one, &problem));
    struct pollfd wait = {listener, POLLIN, 0};
    assert_int_equal(poll(&wait, 1, PATIENCE), 1);
    assert_true(link_accept(listener, &ends.other));
    close(listener);
    return ends;
}

static void close_both(struct ends *ends) {
    link_close(&ends->one);
    link_close(&ends->other);
}

static void await(const struct link *link, short events) {
    struct pollfd wait = {link->descriptor, events, 0};
    assert_int_equal(poll(&wait, 1, PATIENCE), 1);
}

static void nothing_yet_an_end_and_a_failure_are_three_things(void **state) {
    (void)state;
    char byte;
    struct ends ends = connected();
    struct iovec piece = {"x", 1};
    assert_int_equal(link_read(&ends.one, &byte, 1), LINK_AGAIN);
    link_finish(&ends.other);
    await(&ends.one, POLLIN);
    assert_int_equal(link_read(&ends.one, &byte, 1), 0);
    close_both(&ends);

    ends = connected();
    const struct linger reset = {1, 0};
    setsockopt(ends.other.descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    link_close(&ends.other);
    await(&ends.one, POLLIN);
    assert_int_equal(link_read(&ends.one, &byte, 1), LINK_FAILED);
    assert_int_equal(link_write(&ends.one, &piece, 1), LINK_FAILED);
    link_close(&ends.one);
}

static void a_plain_link_proves_nothing(void **state) {
    (void)state;
    uint8_t key[LINK_KEY_BYTES];
    struct ends ends = connected();
    assert_false(link_peer_key(&ends.one, key));
    assert_false(link_abandon(&ends.one));
    assert_false(link_wants_write(&ends.one));
    assert_int_equal(link_handshake(&ends.one), LINK_READY);
    assert_true(link_peer_is_loopback(ends.one.descriptor));
    struct sockaddr_storage address;
    link_peer_address(ends.one.descriptor, &address);
    assert_int_equal(address.ss_family, AF_INET);
    close_both(&ends);
}

static void what_cannot_be_connected_to_is_said(void **state) {
    (void)state;
    struct link link;
    struct link_problem problem = {{0}, 0};
    char port[8];
    int listener = listen_somewhere(port);
    close(listener);
    assert_false(link_connect("127.0.0.1", port, PATIENCE, NULL, &link, &problem));
    assert_non_null(strstr(problem.text, "Connection refused"));
    assert_false(link_connect("no.such.host.invalid", port, PATIENCE, NULL, &link, &problem));
    assert_non_null(strstr(problem.text, "cannot find the address of no.such.host.invalid"));
}

/* A port whose queue is full: nobody is refused there, and nobody gets through. */
static int listen_deaf(char port[8], struct link *held, size_t *held_count) {
    struct link_problem problem;
    int listener = listen_somewhere(port);
    assert_int_equal(listen(listener, 0), 0);
    *held_count = 0;
    while (*held_count < 8 &&
           link_connect("127.0.0.1", port, 200, NULL, &held[*held_count], &problem))
        ++*held_count;
    assert_true(*held_count < 8);
    return listener;
}

static void waiting_for_a_connection_ends_in_time_and_when_told(void **state) {
    (void)state;
    struct link held[8];
    struct link link;
    size_t held_count;
    struct link_problem problem;
    char port[8];
    int ends[2];
    int listener = listen_deaf(port, held, &held_count);
    uint64_t begun = clock_monotonic();
    assert_false(link_connect("127.0.0.1", port, 50, NULL, &link, &problem));
    assert_non_null(strstr(problem.text, "timed out"));
    assert_true(clock_monotonic() - begun >= 50);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    const struct link_interrupt interrupt = {ends[0], at_once, NULL};
    assert_false(link_connect("127.0.0.1", port, PATIENCE, &interrupt, &link, &problem));
    assert_non_null(strstr(problem.text, "canceled"));
    close(ends[0]);
    close(ends[1]);
    for (size_t i = 0; i < held_count; i++)
        link_close(&held[i]);
    close(listener);
}

static void a_port_that_is_taken_is_said_with_what_to_do(void **state) {
    (void)state;
    struct link_problem problem = {{0}, 0};
    char port[8];
    int listener = listen_somewhere(port);
    assert_int_equal(link_bind("127.0.0.1", port, &problem), -1);
    assert_int_equal(problem.reason, EADDRINUSE);
    assert_non_null(strstr(problem.text, "choose another port"));
    assert_int_equal(link_bind("192.0.2.1", "0", &problem), -1);
    assert_non_null(strstr(problem.text, "not an address of this machine"));
    close(listener);
}

/* As a server that listens for IPv6 and IPv4 at once sees them, too. */
static void this_machine_is_known_by_each_of_its_addresses(void **state) {
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    struct link_problem problem;
    char name[LINK_NAME_MAX];
    int listener = link_bind("::", "0", &problem);
    if (listener < 0)
        skip(); /* no IPv6 here */
    assert_true(link_listen(listener, &problem));
    link_name_local(listener, name);
    /* That it listens for all of them is not that it is one of them. */
    assert_false(link_local_is_loopback(listener));
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct ends ends;
        assert_true(
            link_connect(hosts[i], strrchr(name, ':') + 1, PATIENCE, NULL, &ends.one, &problem));
        struct pollfd wait = {listener, POLLIN, 0};
        assert_int_equal(poll(&wait, 1, PATIENCE), 1);
        assert_true(link_accept(listener, &ends.other));
        assert_true(link_peer_is_loopback(ends.other.descriptor));
        assert_true(link_local_is_loopback(ends.other.descriptor));
        close_both(&ends);
    }
    close(listener);
}

static void what_is_no_socket_has_no_name_and_is_nobody(void **state) {
    (void)state;
    char name[LINK_NAME_MAX];
    struct link_problem problem = {{0}, 0};
    struct sockaddr_storage address;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    link_name_local(ends[0], name);
    assert_string_equal(name, "?");
    link_name_peer(ends[0], name);
    assert_string_equal(name, "?");
    link_peer_address(ends[0], &address);
    assert_int_equal(address.ss_family, AF_UNSPEC);
    assert_false(link_peer_is_loopback(ends[0]));
    assert_false(link_local_is_loopback(ends[0]));
    assert_false(link_listen(ends[0], &problem));
    assert_int_equal(problem.reason, ENOTSOCK);
    assert_non_null(strstr(problem.text, "cannot listen on ?"));
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_false(link_peer_is_loopback(ends[0]));
    assert_false(link_local_is_loopback(ends[0]));
    close(ends[0]);
    close(ends[1]);
}

static void an_address_is_named_with_its_interface_and_port(void **state) {
    (void)state;
    char name[LINK_NAME_MAX];
    struct sockaddr_storage address = {.ss_family = AF_INET6};
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&address;
    assert_int_equal(inet_pton(AF_INET6, "fe80::1", &six->sin6_addr), 1);
    six->sin6_port = htons(8000);
    link_name_address(&address, name);
    assert_string_equal(name, "[fe80::1]:8000");
    six->sin6_scope_id = 4294967295;
    link_name_address(&address, name);
    assert_string_equal(name, "[fe80::1%4294967295]:8000");
    address = (struct sockaddr_storage){.ss_family = AF_INET};
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)&address;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &four->sin_addr), 1);
    four->sin_port = htons(65535);
    link_name_address(&address, name);
    assert_string_equal(name, "192.0.2.1:65535");
    address.ss_family = AF_UNIX;
    link_name_address(&address, name);
    assert_string_equal(name, "?");
}

static bool any_server(void *context, const struct tls_peer *peer) {
    (void)context;
    (void)peer;
    return true;
}

static const struct tls_judge judge = {"127.0.0.1", any_server, NULL};

static struct tls *context_of(const char *folder, const char *name, bool serves,
                              uint8_t hash[LINK_KEY_BYTES]) {
    char path[128];
    struct link_problem problem;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    EVP_PKEY *key = key_file_open(path, &problem);
    assert_non_null(key);
    X509 *certificate = key_certificate(key, name);
    struct tls *tls =
        serves ? tls_server(key, certificate, &problem) : tls_client(key, certificate, &problem);
    assert_non_null(tls);
    assert_true(key_hash(key, hash));
    X509_free(certificate);
    EVP_PKEY_free(key);
    unlink(path);
    return tls;
}

/* Lets both speak until the handshake is done. */
static void shake_hands(struct ends *ends) {
    uint64_t until = clock_monotonic() + PATIENCE;
    int one = LINK_AGAIN;
    int other = LINK_AGAIN;
    while (one != LINK_READY || other != LINK_READY) {
        one = link_handshake(&ends->one);
        other = link_handshake(&ends->other);
        assert_true(one != LINK_FAILED && other != LINK_FAILED && clock_monotonic() < until);
    }
}

static struct ends connected_by_tls(void) {
    char folder[] = "/tmp/chat-link-XXXXXX";
    uint8_t of_client[LINK_KEY_BYTES], of_server[LINK_KEY_BYTES], seen[LINK_KEY_BYTES];
    struct ends ends = connected();
    assert_non_null(mkdtemp(folder));
    struct tls *client = context_of(folder, "client", false, of_client);
    struct tls *server = context_of(folder, "server", true, of_server);
    rmdir(folder);
    assert_true(tls_connect(client, &ends.one, &judge));
    assert_true(tls_accept(server, &ends.other));
    shake_hands(&ends);
    assert_true(link_peer_key(&ends.other, seen));
    assert_memory_equal(seen, of_client, LINK_KEY_BYTES);
    assert_true(link_peer_key(&ends.one, seen));
    assert_memory_equal(seen, of_server, LINK_KEY_BYTES);
    tls_drop(client);
    tls_drop(server);
    return ends;
}

/* Writes the pieces, from wherever the last write ended, while the other end reads. */
static void send_whole(struct ends *ends, const uint8_t *bytes, size_t size, size_t piece_size,
                       size_t read_size) {
    static uint8_t got_bytes[BIG];
    size_t sent = 0;
    size_t got = 0;
    uint64_t until = clock_monotonic() + PATIENCE;
    while (got < size && clock_monotonic() < until) {
        struct iovec pieces[64];
        int count = 0;
        for (size_t at = sent; at < size && count < 64; at += piece_size) {
            size_t left = size - at;
            pieces[count++] = (struct iovec){(void *)(uintptr_t)(bytes + at),
                                             left < piece_size ? left : piece_size};
        }
        ssize_t result = count > 0 ? link_write(&ends->one, pieces, count) : 0;
        assert_int_not_equal(result, LINK_FAILED);
        sent += result > 0 ? (size_t)result : 0;
        size_t room = size - got < read_size ? size - got : read_size;
        result = link_read(&ends->other, got_bytes + got, room);
        assert_int_not_equal(result, LINK_FAILED);
        got += result > 0 ? (size_t)result : 0;
    }
    assert_int_equal(got, size);
    assert_memory_equal(got_bytes, bytes, size);
}

static void what_is_longer_than_a_record_arrives_whole(void **state) {
    (void)state;
    static uint8_t bytes[BIG];
    static const size_t sizes[] = {1000, 16384, 20000, 40001, BIG};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct ends ends = connected_by_tls();
        send_whole(&ends, bytes, sizeof bytes, sizes[i], i % 2 == 0 ? 700 : BIG);
        close_both(&ends);
        ends = connected();
        send_whole(&ends, bytes, sizeof bytes, sizes[i], BIG);
        close_both(&ends);
    }
}

static void an_end_without_a_word_is_told_from_a_finished_one(void **state) {
    (void)state;
    char byte;
    struct ends ends = connected_by_tls();
    link_finish(&ends.other);
    await(&ends.one, POLLIN);
    assert_int_equal(link_read(&ends.one, &byte, 1), 0);
    close_both(&ends);
    ends = connected_by_tls();
    assert_int_equal(link_read(&ends.one, &byte, 1), LINK_AGAIN);
    const struct linger reset = {1, 0};
    setsockopt(ends.other.descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    link_close(&ends.other);
    await(&ends.one, POLLIN);
    assert_int_equal(link_read(&ends.one, &byte, 1), LINK_FAILED);
    link_close(&ends.one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_yet_an_end_and_a_failure_are_three_things),
        cmocka_unit_test(a_plain_link_proves_nothing),
        cmocka_unit_test(what_cannot_be_connected_to_is_said),
        cmocka_unit_test(waiting_for_a_connection_ends_in_time_and_when_told),
        cmocka_unit_test(a_port_that_is_taken_is_said_with_what_to_do),
        cmocka_unit_test(this_machine_is_known_by_each_of_its_addresses),
        cmocka_unit_test(what_is_no_socket_has_no_name_and_is_nobody),
        cmocka_unit_test(an_address_is_named_with_its_interface_and_port),
        cmocka_unit_test(what_is_longer_than_a_record_arrives_whole),
        cmocka_unit_test(an_end_without_a_word_is_told_from_a_finished_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
