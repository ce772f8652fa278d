#include "secure.h"
#include "key_file.h"
#include "tls.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static bool any_server(void *context, const struct tls_peer *peer) {
    (void)context;
    (void)peer;
    return true;
}

static const struct tls_judge secure_judge = {"127.0.0.1", any_server, NULL};

static struct tls *secure_context(struct link_problem *problem) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *certificate = key != NULL ? key_certificate(key, "load") : NULL;
    struct tls *tls = certificate != NULL ? tls_client(key, certificate, problem) : NULL;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}

bool secure_link(struct link *link, int milliseconds, struct link_problem *problem) {
    *problem = (struct link_problem){.text = "out of memory"};
    struct tls *tls = secure_context(problem);
    bool secured = tls != NULL && tls_connect(tls, link, &secure_judge) &&
                   link_await_handshake(link, milliseconds, NULL, problem);
    if (tls != NULL)
        tls_drop(tls);
    return secured;
}
