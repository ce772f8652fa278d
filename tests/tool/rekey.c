/* rekey PORT KEY [NICK]: connects to a server on 127.0.0.1 with TLS and the key of the file, greets
 * if there is a NICK, and asks for new keys again and again without reading an answer. Prints
 * "full" when the connection takes no more and "ended" when the server has had enough; stays until
 * its input ends. */
#include "frame.h"
#include "key_file.h"
#include "protocol.h"
#include "tls.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE = 10000, FULL_MILLISECONDS = 500 };

static bool any_server(void *context, const struct tls_peer *peer) {
    (void)context;
    (void)peer;
    return true;
}

static struct link call(const char *port, const char *key_path) {
    static const struct tls_judge judge = {"127.0.0.1", any_server, NULL};
    struct link_problem problem;
    struct link link;
    EVP_PKEY *key = key_file_open(key_path, &problem);
    X509 *certificate = key != NULL ? key_certificate(key, "rekey") : NULL;
    struct tls *tls = certificate != NULL ? tls_client(key, certificate, &problem) : NULL;
    if (tls == NULL || !link_connect("127.0.0.1", port, PATIENCE, NULL, &link, &problem) ||
        !tls_connect(tls, &link, &judge) ||
        !link_await_handshake(&link, PATIENCE, NULL, &problem)) {
        fprintf(stderr, "rekey: %s\n", problem.text);
        exit(EXIT_FAILURE);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    tls_drop(tls);
    return link;
}

static void greet(struct link *link, const char *nick) {
    struct buffer frame = {0};
    struct message hello = {.type = MESSAGE_HELLO};
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    message_encode(&frame, &hello);
    const struct iovec piece = {frame.data, frame.size};
    link_write(link, &piece, 1);
    buffer_free(&frame);
}

/* Whether the connection takes one more. */
static bool ask_for_keys(const struct link *link) {
    SSL *secured = link->secured;
    struct pollfd wait = {link->descriptor, POLLOUT, 0};
    if (SSL_key_update(secured, SSL_KEY_UPDATE_REQUESTED) != 1)
        return false;
    while (SSL_do_handshake(secured) != 1)
        if (poll(&wait, 1, FULL_MILLISECONDS) != 1 || (wait.revents & (POLLERR | POLLHUP)) != 0)
            return false;
    return true;
}

int main(int argc, char **argv) {
    char byte;
    if (argc < 3)
        return EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    struct link link = call(argv[1], argv[2]);
    if (argc > 3)
        greet(&link, argv[3]);
    while (ask_for_keys(&link))
        continue;
    struct pollfd wait = {link.descriptor, 0, 0};
    poll(&wait, 1, 0);
    puts((wait.revents & (POLLERR | POLLHUP)) != 0 ? "ended" : "full");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    link_close(&link);
    return EXIT_SUCCESS;
}
