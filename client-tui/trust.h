/* Whether the server that answers is the one that is meant, decided in the middle of the handshake,
 * before anything of the user's is sent: the first time its key is kept, and from then on it must
 * be that key. A server for which the system's authorities vouch needs them each time. The network
 * thread's. */
#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include "known_servers.h"
#include "tls.h"

enum { TRUST_TEXT_MAX = 1024 };

enum trust_verdict {
    TRUST_KNOWN,       /* it has the key it had, or the authorities vouch as they did */
    TRUST_FIRST,       /* it was never met */
    TRUST_AUTHORITY,   /* the same, and the authorities vouch for it */
    TRUST_CHANGED,     /* it has another key */
    TRUST_NO_VOUCHER,  /* the authorities, who did, do not vouch for it now */
    TRUST_OTHER_HOST,  /* never met, and the authorities vouch for another host */
    TRUST_OUT_OF_TIME, /* never met, and its certificate is not valid now */
    TRUST_UNCLEAR,     /* the file of known servers does not say */
    TRUST_UNREADABLE   /* or cannot be read */
};

/* Pure. */
enum trust_verdict trust_decide(const struct known_server *known, const struct tls_peer *peer);

struct trust {
    const char *host;
    const char *port;
    const char *path; /* of known_servers */
    enum trust_verdict verdict;
    struct known_server known;
    struct tls_peer peer;
    char text[TRUST_TEXT_MAX]; /* of a refusal, and of what is new to the user; else "" */
};

/* What tls_connect asks; the context is a struct trust with host, port and path set. */
bool trust_accepts(void *context, const struct tls_peer *peer);

/* Once the handshake has shown that the server has the key: remembers a server that was not known,
 * and says so in `text`. False, with the reason there, when another client has met it meanwhile and
 * it showed another key. */
bool trust_settle(struct trust *trust);

#endif
