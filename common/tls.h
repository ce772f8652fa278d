/* TLS 1.3, as one more kind of link. A context has a side's key and certificate and may be shared
 * by threads; links made with it keep it alive.
 *
 * Whose key the other end has proved to have is all that a certificate is asked: the server takes
 * any, the client lets its owner judge (tls_judge) before it sends anything of its own. */
#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include "link.h"

#include <openssl/types.h>

struct tls; /* OpenSSL's context */

/* Reads the system's settings for TLS, which also the first context would do: for a program that
 * can not reach them later. False when out of memory. */
bool tls_prepare(void);

/* A context of a server with the key and the certificate, which it shares; or with those of the
 * files, which hold PEM, the certificate first and then those that lead to its authority. NULL with
 * the problem. */
struct tls *tls_server(EVP_PKEY *key, X509 *certificate, struct link_problem *problem);
struct tls *tls_server_read(const char *certificate_path, const char *key_path,
                            struct link_problem *problem);

/* A context of a client, which knows the system's authorities. NULL with the problem. */
struct tls *tls_client(EVP_PKEY *key, X509 *certificate, struct link_problem *problem);

struct tls *tls_take(struct tls *tls);
void tls_drop(struct tls *tls);

/* SHA-256 of the public key of the context's own certificate. */
bool tls_own_key(const struct tls *tls, uint8_t hash[LINK_KEY_BYTES]);

/* What a client learns of a server's certificate. */
struct tls_peer {
    uint8_t key[LINK_KEY_BYTES];
    bool by_authority; /* the system's authorities vouch for it, whatever its host */
    bool for_host;     /* it names the host */
    bool in_time;      /* it is valid now */
};

/* Asked once a connection, before anything of the client's has been sent but its hello. */
struct tls_judge {
    const char *host; /* as the user names it */
    bool (*accepts)(void *context, const struct tls_peer *peer);
    void *context;
};

/* Makes a TLS link of a plain one; nothing is read or written yet. False when out of memory: the
 * link is as it was. The judge outlives the link. */
bool tls_accept(struct tls *tls, struct link *link);
bool tls_connect(struct tls *tls, struct link *link, const struct tls_judge *judge);

#endif
