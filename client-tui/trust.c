#include "trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum trust_verdict trust_decide(const struct known_server *known, const struct tls_peer *peer) {
    bool vouched = peer->by_authority && peer->for_host;
    switch (known->kind) {
    case KNOWN_BY_KEY:
        return memcmp(known->key, peer->key, sizeof peer->key) == 0 ? TRUST_KNOWN : TRUST_CHANGED;
    case KNOWN_BY_AUTHORITY:
        return vouched ? TRUST_KNOWN : TRUST_NO_VOUCHER;
    case KNOWN_UNCLEAR:
        return TRUST_UNCLEAR;
    case KNOWN_FAILED:
        return TRUST_UNREADABLE;
    case KNOWN_NOT:
        break;
    }
    if (vouched)
        return TRUST_AUTHORITY;
    if (peer->by_authority)
        return TRUST_OTHER_HOST;
    return peer->in_time ? TRUST_FIRST : TRUST_OUT_OF_TIME;
}

static void trust_explain(struct trust *trust) {
    char was[KEY_FINGERPRINT_SIZE];
    char is[KEY_FINGERPRINT_SIZE];
    char *text = trust->text;
    const size_t size = sizeof trust->text;
    key_fingerprint(trust->known.key, was);
    key_fingerprint(trust->peer.key, is);
    switch (trust->verdict) {
    case TRUST_CHANGED:
        snprintf(
            text, size,
            "The key of %s port %s has changed: either it was set up anew, or somebody is "
            "between you and it. Nothing was sent.\nIt was %s\nand is %s\nAsk whoever runs it. "
            "If it is right, remove line %zu of %s.",
            trust->host, trust->port, was, is, trust->known.line, trust->path);
        break;
    case TRUST_NO_VOUCHER:
        snprintf(
            text, size,
            "The authorities do not vouch for %s any more: its certificate is another one, "
            "names another host, or has expired. Nothing was sent.\nIts key is %s\nAsk whoever "
            "runs it. If it is right, remove line %zu of %s.",
            trust->host, is, trust->known.line, trust->path);
        break;
    case TRUST_OTHER_HOST:
        snprintf(text, size,
                 "The certificate of %s port %s is for another host. Nothing was sent. Connect to "
                 "the name that it is for.",
                 trust->host, trust->port);
        break;
    case TRUST_OUT_OF_TIME:
        snprintf(
            text, size,
            "The certificate of %s port %s has expired, or is not valid yet. Nothing was sent. "
            "Ask whoever runs it to renew it, and see that your clock is right.",
            trust->host, trust->port);
        break;
    case TRUST_UNCLEAR:
        snprintf(
            text, size,
            "Line %zu of %s is about this server, but has no key. Nothing was sent. Remove the "
            "line; the server's key is %s",
            trust->known.line, trust->path, is);
        break;
    case TRUST_UNREADABLE:
        snprintf(text, size, "Cannot read the known servers in %s: %s. Nothing was sent.",
                 trust->path, strerror(errno));
        break;
    case TRUST_KNOWN:
    case TRUST_FIRST:
    case TRUST_AUTHORITY:
        text[0] = '\0';
        break;
    }
}

bool trust_accepts(void *context, const struct tls_peer *peer) {
    struct trust *trust = context;
    trust->peer = *peer;
    trust->known = known_servers_find(trust->path, trust->host, trust->port);
    trust->verdict = trust_decide(&trust->known, peer);
    trust_explain(trust);
    return trust->text[0] == '\0';
}

bool trust_settle(struct trust *trust) {
    char is[KEY_FINGERPRINT_SIZE];
    bool first = trust->verdict == TRUST_FIRST;
    if (!first && trust->verdict != TRUST_AUTHORITY)
        return true;
    bool kept =
        known_servers_add(trust->path, trust->host, trust->port, first ? trust->peer.key : NULL);
    int reason = errno;
    if (kept && !trust_accepts(trust, &trust->peer))
        return false;
    key_fingerprint(trust->peer.key, is);
    if (!kept)
        snprintf(
            trust->text, sizeof trust->text,
            "You are at %s for the first time, and its key cannot be kept in %s: %s. It is\n%s",
            trust->host, trust->path, strerror(reason), is);
    else if (first)
        snprintf(
            trust->text, sizeof trust->text,
            "You are at %s port %s for the first time.\nIts key is\n%s\nand is kept: if it "
            "ever changes, you are told. To be sure, compare it with what chat-server --fingerprint "
            "says there.",
            trust->host, trust->port, is);
    return true;
}
