/* Before anything is said to a server: whether it is the right one, and who we are. */
#include "net_state.h"
#include "clock.h"
#include "paths.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void net_tell_key_made(struct net *net, const char *path) {
    char *text = NULL;
    if (asprintf(&text,
                 "Your key was made: %s\nIt is who you are; without it nobody can be you again. "
                 "/key export FILE makes a copy.",
                 path) < 0)
        return;
    reporter_error(&net->reporter, 0, text);
    free(text);
}

/* Opens the user's key, or makes it; false with the problem. */
static bool net_open_key(struct net *net, struct link_problem *problem) {
    if (net->tls != NULL)
        return true;
    char *path = path_for_user("XDG_DATA_HOME", ".local/share", "chat-tui/key.pem");
    snprintf(problem->text, sizeof problem->text,
             "there is no home folder to keep your key in; set HOME");
    bool is_there = path != NULL && access(path, F_OK) == 0;
    EVP_PKEY *key = path != NULL ? key_file_open(path, problem) : NULL;
    if (key != NULL && !is_there && net->for_person)
        net_tell_key_made(net, path);
    X509 *certificate = key != NULL ? key_certificate(key, "chat-tui") : NULL;
    if (net->known_servers == NULL)
        net->known_servers =
            path_for_user("XDG_DATA_HOME", ".local/share", "chat-tui/known_servers");
    if (certificate != NULL && net->known_servers != NULL)
        net->tls = tls_client(key, certificate, problem);
    else if (key != NULL)
        snprintf(problem->text, sizeof problem->text, "out of memory");
    X509_free(certificate);
    EVP_PKEY_free(key);
    free(path);
    return net->tls != NULL;
}

/* Says to the user, and waits for them: it would not go better the next time. */
static bool net_refuse(struct net *net, const char *why) {
    if (!net->stopping)
        net_be_refused(net, ERROR_NONE, wire_text(why), (struct wire_text){0});
    return false;
}

bool net_be_somebody(struct net *net) {
    struct link_problem problem = {{0}, 0};
    return !net->shows_key || net_open_key(net, &problem) || net_refuse(net, problem.text);
}

/* The other end does something else than we do, or broke off. */
static bool net_fail_handshake(struct net *net, const char *reason) {
    char text[LINK_PROBLEM_MAX];
    if (net->trust.text[0] != '\0')
        return net_refuse(net, net->trust.text);
    if (strstr(reason, "does not speak TLS") != NULL)
        snprintf(text, sizeof text,
                 "the server does not speak TLS; if it is meant not to, begin with --plaintext");
    else
        snprintf(text, sizeof text, "no TLS with the server: %s", reason);
    if (!net->stopping)
        net_lose(net, text);
    return false;
}

/* Without TLS everybody on the way can listen; on this machine there is no way. */
static bool net_check_plaintext(struct net *net) {
    if (net->insecure_network || link_peer_is_loopback(net->link.descriptor))
        return true;
    return net_refuse(net, "Without TLS all that you say could be read and changed on its way. "
                           "Leave out --plaintext, or add --insecure-network.");
}

bool net_secure(struct net *net, int milliseconds, const struct link_interrupt *interrupt) {
    const struct tls_judge judge = {net->host, trust_accepts, &net->trust};
    struct link_problem problem = {{0}, 0};
    if (!net->shows_key)
        return net_check_plaintext(net);
    net->trust = (struct trust){.host = net->host, .port = net->port, .path = net->known_servers};
    if (!tls_connect(net->tls, &net->link, &judge))
        return net_fail_handshake(net, "out of memory");
    if (!link_await_handshake(&net->link, milliseconds, interrupt, &problem))
        return net_fail_handshake(net, problem.text);
    if (!trust_settle(&net->trust))
        return net_fail_handshake(net, "");
    if (net->trust.text[0] != '\0')
        reporter_error(&net->reporter, 0, net->trust.text);
    return true;
}
