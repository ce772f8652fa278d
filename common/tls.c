#include "tls.h"
#include "key_file.h"
#include "link_kind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TLS_RECORD_BYTES = SSL3_RT_MAX_PLAIN_LENGTH,
    TLS_KEY_BITS_MAX = 4096,
    TLS_CERTIFICATES_MAX = 16384 /* bytes of those that a client shows */
};

/* A struct tls is OpenSSL's own struct by another name. */
static SSL_CTX *tls_context(const struct tls *tls) {
    return (SSL_CTX *)(uintptr_t)tls;
}

static struct tls *tls_failed(SSL_CTX *context, struct link_problem *problem, const char *what) {
    unsigned long error = ERR_peek_error();
    const char *reason =
        ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : ERR_reason_error_string(error);
    snprintf(problem->text, sizeof problem->text, "%s: %s", what,
             reason != NULL ? reason : "out of memory");
    SSL_CTX_free(context);
    return NULL;
}

bool tls_prepare(void) {
    return OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) == 1;
}

static SSL_CTX *tls_context_new(const SSL_METHOD *method) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    /* One record a call, so that a peer with much to say to TLS itself does not keep a thread. */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Who comes back shows the key again: there is nothing to be resumed, or to be kept for it. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    return context;
}

static bool tls_use(SSL_CTX *context, EVP_PKEY *key, X509 *certificate) {
    return SSL_CTX_use_certificate(context, certificate) == 1 &&
           SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
}

/* TLS itself proves that the peer has the key; what else its certificate says is of no account. But
 * to check a large key takes long, which nobody has a use for. */
static int tls_take_any(X509_STORE_CTX *store, void *context) {
    const EVP_PKEY *key = X509_get0_pubkey(X509_STORE_CTX_get0_cert(store));
    (void)context;
    return key != NULL && EVP_PKEY_get_bits(key) <= TLS_KEY_BITS_MAX;
}

static SSL_CTX *tls_server_context(void) {
    SSL_CTX *context = tls_context_new(TLS_server_method());
    if (context == NULL)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, tls_take_any, NULL);
    SSL_CTX_set_max_cert_list(context, TLS_CERTIFICATES_MAX);
    return context;
}

struct tls *tls_server(EVP_PKEY *key, X509 *certificate, struct link_problem *problem) {
    SSL_CTX *context = tls_server_context();
    if (context == NULL || !tls_use(context, key, certificate))
        return tls_failed(context, problem, "cannot use the server's key");
    return (struct tls *)context;
}

struct tls *tls_server_read(const char *certificate_path, const char *key_path,
                            struct link_problem *problem) {
    char what[LINK_PROBLEM_MAX / 2];
    SSL_CTX *context = tls_server_context();
    snprintf(what, sizeof what, "cannot use the certificate %s", certificate_path);
    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, certificate_path) != 1)
        return tls_failed(context, problem, what);
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0 ||
        X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0) {
        snprintf(problem->text, sizeof problem->text,
                 "the certificate %s has expired, or is not valid yet", certificate_path);
        SSL_CTX_free(context);
        return NULL;
    }
    EVP_PKEY *key = key_file_read(key_path, problem);
    if (key == NULL) {
        SSL_CTX_free(context);
        return NULL;
    }
    snprintf(what, sizeof what, "the key %s is not that of the certificate", key_path);
    bool fits = SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    return fits ? (struct tls *)context : tls_failed(context, problem, what);
}

struct tls *tls_take(struct tls *tls) {
    if (tls != NULL)
        SSL_CTX_up_ref(tls_context(tls));
    return tls;
}

void tls_drop(struct tls *tls) {
    SSL_CTX_free(tls_context(tls));
}

bool tls_own_key(const struct tls *tls, uint8_t hash[LINK_KEY_BYTES]) {
    return key_hash_of(SSL_CTX_get0_certificate(tls_context(tls)), hash);
}

static bool tls_host_is_address(const char *host) {
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static void tls_look_at(X509_STORE_CTX *store, const char *host, struct tls_peer *peer) {
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    peer->by_authority = X509_verify_cert(store) == 1;
    peer->for_host = tls_host_is_address(host)
                         ? X509_check_ip_asc(certificate, host, 0) == 1
                         : X509_check_host(certificate, host, 0, 0, NULL) == 1;
    peer->in_time = X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
                    X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

/* In the middle of the handshake: the server's certificate is there, ours has not been sent. */
static int tls_judge_server(X509_STORE_CTX *store, void *context) {
    SSL *secured = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls_judge *judge = SSL_get_app_data(secured);
    struct tls_peer peer = {.by_authority = false};
    (void)context;
    if (!key_hash_of(X509_STORE_CTX_get0_cert(store), peer.key))
        return 0;
    tls_look_at(store, judge->host, &peer);
    return judge->accepts(judge->context, &peer);
}

struct tls *tls_client(EVP_PKEY *key, X509 *certificate, struct link_problem *problem) {
    SSL_CTX *context = tls_context_new(TLS_client_method());
    if (context == NULL || !tls_use(context, key, certificate))
        return tls_failed(context, problem, "cannot use your key");
    /* A system without authorities has none who vouch. */
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, tls_judge_server, NULL);
    return (struct tls *)context;
}

static SSL *tls_of(const struct link *link) {
    return link->secured;
}

/* What a call of OpenSSL that did nothing means to the owner of the link. */
static int tls_result(const struct link *link, int result) {
    int reason = errno;
    switch (SSL_get_error(tls_of(link), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return LINK_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        errno = reason != 0 ? reason : ECONNRESET;
        return LINK_FAILED;
    default:
        errno = EPROTO;
        return LINK_FAILED;
    }
}

static int tls_handshake(struct link *link) {
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(tls_of(link));
    if (result == 1)
        return LINK_READY;
    return tls_result(link, result) == LINK_AGAIN ? LINK_AGAIN : LINK_FAILED;
}

/* A record, or what is left of one: OpenSSL keeps what was not asked for, which no epoll sees. */
static ssize_t tls_read(struct link *link, void *data, size_t size) {
    size_t got = 0;
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(tls_of(link), data, size, &got);
    return result == 1 ? (ssize_t)got : tls_result(link, result);
}

/* What is to be written, in one piece of at most a record. Each thread has one. */
static _Thread_local uint8_t tls_record[TLS_RECORD_BYTES];

/* Gathers up to a record of the pieces from `from` on. */
static size_t tls_gather(const struct iovec *pieces, int count, size_t from) {
    size_t size = 0;
    for (int i = 0; i < count && size < sizeof tls_record; i++) {
        if (from >= pieces[i].iov_len) {
            from -= pieces[i].iov_len;
            continue;
        }
        size_t left = pieces[i].iov_len - from;
        size_t room = sizeof tls_record - size;
        size_t taken = left < room ? left : room;
        memcpy(tls_record + size, (const uint8_t *)pieces[i].iov_base + from, taken);
        size += taken;
        from = 0;
    }
    return size;
}

/* A record that the socket does not take whole is kept by OpenSSL, and counts as written when it
 * has gone: the same bytes, and no fewer, must be offered again. They are: what waits is a queue.
 */
static ssize_t tls_write(struct link *link, const struct iovec *pieces, int count) {
    size_t written = 0;
    size_t size;
    while ((size = tls_gather(pieces, count, written)) > 0) {
        size_t taken = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(tls_of(link), tls_record, size, &taken);
        if (result != 1 && written > 0 && tls_result(link, result) == LINK_AGAIN)
            break;
        if (result != 1)
            return tls_result(link, result) == LINK_AGAIN ? LINK_AGAIN : LINK_FAILED;
        written += taken;
    }
    return (ssize_t)written;
}

static void tls_finish(struct link *link) {
    SSL_shutdown(tls_of(link));
    ERR_clear_error();
    shutdown(link->descriptor, SHUT_WR);
}

static void tls_close(struct link *link) {
    SSL_free(tls_of(link));
    link->secured = NULL;
    close(link->descriptor);
}

static bool tls_peer_key(const struct link *link, uint8_t hash[LINK_KEY_BYTES]) {
    const X509 *certificate = SSL_get0_peer_certificate(tls_of(link));
    return certificate != NULL && key_hash_of(certificate, hash);
}

static bool tls_wants_write(const struct link *link) {
    return SSL_want_write(tls_of(link));
}

/* What OpenSSL's reasons mean for people; all others are said in its own words. */
static const struct {
    int reason;
    const char *text;
    bool is_plain; /* the peer talks without TLS */
} tls_reasons[] = {
    {SSL_R_WRONG_VERSION_NUMBER, "the other end does not speak TLS", true},
    {SSL_R_HTTP_REQUEST, "the other end does not speak TLS", true},
    {SSL_R_PACKET_LENGTH_TOO_LONG, "the other end does not speak TLS", true},
    {SSL_R_UNSUPPORTED_PROTOCOL, "the other end has no TLS 1.3", false},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the other end has no TLS 1.3", false},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, "the other end closed the connection", false},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the other end does not accept the key", false},
    {SSL_R_CERTIFICATE_VERIFY_FAILED, "its certificate was refused", false},
};

enum { TLS_REASONS = sizeof tls_reasons / sizeof *tls_reasons };

/* The row of the error of the call before; TLS_REASONS when there is none. */
static size_t tls_find_reason(void) {
    unsigned long error = ERR_peek_last_error();
    for (size_t i = 0; i < TLS_REASONS && ERR_GET_LIB(error) == ERR_LIB_SSL; i++)
        if (ERR_GET_REASON(error) == tls_reasons[i].reason)
            return i;
    return TLS_REASONS;
}

static const char *tls_failure(const struct link *link) {
    size_t found = tls_find_reason();
    unsigned long error = ERR_peek_last_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    (void)link;
    if (found < TLS_REASONS)
        return tls_reasons[found].text;
    return reason != NULL ? reason : strerror(errno);
}

static bool tls_abandon(struct link *link) {
    size_t found = tls_find_reason();
    SSL_free(tls_of(link));
    *link = link_plain(link->descriptor);
    return found < TLS_REASONS && tls_reasons[found].is_plain;
}

static const struct link_kind link_kind_tls = {tls_handshake, tls_read,        tls_write,
                                               tls_abandon,   tls_finish,      tls_close,
                                               tls_peer_key,  tls_wants_write, tls_failure};

static bool tls_secure(struct tls *tls, struct link *link, SSL **secured) {
    *secured = SSL_new(tls_context(tls));
    if (*secured != NULL && SSL_set_fd(*secured, link->descriptor) == 1)
        return true;
    SSL_free(*secured);
    return false;
}

bool tls_accept(struct tls *tls, struct link *link) {
    SSL *secured;
    if (!tls_secure(tls, link, &secured))
        return false;
    SSL_set_accept_state(secured);
    *link = (struct link){&link_kind_tls, link->descriptor, secured};
    return true;
}

bool tls_connect(struct tls *tls, struct link *link, const struct tls_judge *judge) {
    SSL *secured;
    if (!tls_secure(tls, link, &secured))
        return false;
    if (SSL_set_app_data(secured, (void *)(uintptr_t)judge) != 1) {
        SSL_free(secured);
        return false;
    }
    SSL_set_connect_state(secured);
    if (!tls_host_is_address(judge->host))
        SSL_set_tlsext_host_name(secured, judge->host);
    *link = (struct link){&link_kind_tls, link->descriptor, secured};
    return true;
}
