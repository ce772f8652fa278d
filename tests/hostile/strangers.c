/* strangers PORT SEED SESSIONS [KEY]: clients that mean no good, one after the other, to the server
 * on that port of 127.0.0.1; with TLS and the key of that file (made if there is none), or plain.
 *
 * Each says what clients say, at random, of rooms, people and messages that there are and are not;
 * frames are changed on their way as mutate.h has it, and travel in pieces of any size. Some leave
 * in order, some in the middle, some read nothing. After every so many an honest client must be
 * let in and its post be stored. Fails when it is not. */
#include "field.h"
#include "frame.h"
#include "key_file.h"
#include "link.h"
#include "mutate.h"
#include "protocol.h"
#include "tls.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SESSIONS_AN_HONEST_ONE = 25,
    FRAMES_MAX = 40,
    PATIENCE = 10000, /* milliseconds */
    ROOMS = 12,
    IDS = 400
};

static const char *port;
static struct tls *tls; /* NULL: plain */
static unsigned long seed;
static unsigned session_number;
static unsigned frames_sent, frames_changed;

_Noreturn static void give_up(const char *what) {
    fprintf(stderr, "session %u of seed %lu: %s\n", session_number, seed, what);
    exit(EXIT_FAILURE);
}

static bool any_server(void *context, const struct tls_peer *peer) {
    (void)context;
    (void)peer;
    return true;
}

static struct link call(void) {
    static const struct tls_judge judge = {"127.0.0.1", any_server, NULL};
    struct link link;
    struct link_problem problem;
    if (!link_connect("127.0.0.1", port, PATIENCE, NULL, &link, &problem) ||
        (tls != NULL && (!tls_connect(tls, &link, &judge) ||
                         !link_await_handshake(&link, PATIENCE, NULL, &problem))))
        give_up(problem.text);
    return link;
}

static const char *const texts[] = {
    "hello",  "#den",         "#lobby",         "eve",    "mallory", "honest", "private",
    "public", "from:eve w*",  "words",          "\"a b",  "1",       "open",   "",
    "#new",   "what a topic", "before:2026-11", "guests", "2",
};

static uint64_t some_number(enum field_type type) {
    if (type == FIELD_u8)
        return mutate_random(mutate_random(4) == 0 ? 256 : 20);
    if (type == FIELD_u64 && mutate_random(3) == 0)
        return UINT64_MAX;
    return mutate_random(type == FIELD_u64 ? IDS : ROOMS);
}

/* What a client may say, with numbers and texts that mostly mean something. */
static void fill(struct message *message, uint64_t post) {
    const struct message_entry *entry = message_find(message->type);
    for (size_t i = 0; i < entry->field_count; i++) {
        void *place = (char *)message + entry->fields[i].offset;
        enum field_type type = entry->fields[i].type;
        if (type == FIELD_text)
            *(struct wire_text *)place =
                wire_text(texts[mutate_random(sizeof texts / sizeof *texts)]);
        else
            field_set_number(place, type, some_number(type));
    }
    if (message->type == MESSAGE_POST)
        message->post.number = post;
}

static enum message_type any_type(void) {
    for (;;) {
        const struct message_entry *entry = &message_table[mutate_random(message_table_size)];
        if ((entry->sender == SENT_BY_CLIENT || entry->sender == SENT_BY_BOTH) &&
            entry->type != MESSAGE_HELLO && (entry->type != MESSAGE_GOODBYE || !mutate_random(8)))
            return entry->type;
    }
}

static struct message hello(const char *nick, uint64_t outbox) {
    struct message message = {.type = MESSAGE_HELLO};
    message.hello.magic = PROTOCOL_MAGIC;
    message.hello.version = PROTOCOL_VERSION;
    message.hello.nick = wire_text(nick);
    message.hello.outbox = outbox;
    return message;
}

static void say(struct buffer *out, const struct message *message, size_t one_in) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    struct wire_blob payload = {frame.data + FRAME_HEAD, frame.size - FRAME_HEAD};
    if (one_in == 0)
        buffer_append(out, frame.data, frame.size);
    else
        frames_changed += mutate_frame(out, payload, one_in);
    frames_sent++;
    buffer_free(&frame);
}

/* Sends it piece by piece, and reads meanwhile if it `reads`; false when the server has closed. */
static bool pour(struct link *link, const struct buffer *bytes, bool reads) {
    static uint8_t answer[65536];
    for (size_t sent = 0; sent < bytes->size;) {
        size_t left = bytes->size - sent;
        struct iovec piece = {bytes->data + sent, 1 + mutate_random(left)};
        struct pollfd wait = {link->descriptor, (short)(POLLOUT | (reads ? POLLIN : 0)), 0};
        ssize_t taken = link_write(link, &piece, 1);
        if (taken == LINK_FAILED)
            return false;
        if (taken > 0)
            sent += (size_t)taken;
        else if (poll(&wait, 1, reads ? PATIENCE : 50) <= 0 && !reads)
            return false; /* who does not read is not read either */
        ssize_t got = reads ? link_read(link, answer, sizeof answer) : LINK_AGAIN;
        if (got <= 0 && got != LINK_AGAIN)
            return false;
    }
    return true;
}

static void be_hostile(void) {
    struct buffer out = {0};
    struct link link = call();
    size_t one_in = 2 + mutate_random(5);
    size_t frames = 1 + mutate_random(FRAMES_MAX);
    char nick[16];
    snprintf(nick, sizeof nick, tls != NULL ? "eve" : "eve%u", session_number % 50);
    struct message greeting = hello(nick, 1 + mutate_random(3));
    say(&out, &greeting, mutate_random(4) == 0 ? one_in : 0);
    for (uint64_t post = 1; frames > 0; frames--) {
        struct message message = {.type = any_type()};
        fill(&message, post);
        post += message.type == MESSAGE_POST;
        say(&out, &message, one_in);
    }
    if (pour(&link, &out, mutate_random(4) != 0) && mutate_random(2))
        link_finish(&link);
    link_close(&link);
    mutate_end();
    buffer_free(&out);
}

/* Somebody who wishes to post, and must be able to. */
static void be_honest(void) {
    struct frame_reader reader = {.payload_max = FRAME_PAYLOAD_MAX};
    static uint8_t bytes[65536];
    struct wire_blob payload;
    struct buffer out = {0};
    struct link link = call();
    char nick[24];
    snprintf(nick, sizeof nick, tls != NULL ? "eve" : "honest%u", session_number);
    struct message greeting = hello(nick, 1000 + session_number);
    struct message post = {.type = MESSAGE_POST};
    post.post.number = 1;
    post.post.room = 1;
    post.post.body = wire_text("still here?");
    say(&out, &greeting, 0);
    say(&out, &post, 0);
    if (!pour(&link, &out, false))
        give_up("an honest client is not heard");
    for (bool done = false; !done;) {
        struct pollfd wait = {link.descriptor, POLLIN, 0};
        ssize_t got = link_read(&link, bytes, sizeof bytes);
        if (got == LINK_AGAIN && poll(&wait, 1, PATIENCE) <= 0)
            give_up("an honest client gets no answer");
        if (got <= 0 && got != LINK_AGAIN)
            give_up("an honest client is cut off");
        if (got > 0)
            frame_reader_feed(&reader, bytes, (size_t)got);
        while (got > 0 && frame_reader_next(&reader, &payload) == FRAME_READY)
            if (payload.data[0] == MESSAGE_ERROR)
                give_up("an honest client is refused");
            else
                done =
                    done || payload.data[0] == MESSAGE_STORED || payload.data[0] == MESSAGE_REFUSED;
    }
    frame_reader_free(&reader);
    link_close(&link);
    buffer_free(&out);
}

static struct tls *tls_with_key(const char *path) {
    struct link_problem problem = {{0}, 0};
    EVP_PKEY *key = key_file_open(path, &problem);
    X509 *certificate = key != NULL ? key_certificate(key, "eve") : NULL;
    struct tls *made = certificate != NULL ? tls_client(key, certificate, &problem) : NULL;
    if (made == NULL)
        give_up(problem.text);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made;
}

int main(int argc, char **argv) {
    if (argc < 4)
        return EXIT_FAILURE;
    port = argv[1];
    seed = strtoul(argv[2], NULL, 10);
    unsigned long sessions = strtoul(argv[3], NULL, 10);
    tls = argc > 4 ? tls_with_key(argv[4]) : NULL;
    signal(SIGPIPE, SIG_IGN);
    for (session_number = 1; session_number <= sessions; session_number++) {
        mutate_seed(seed * 1000003u + session_number);
        be_hostile();
        if (session_number % SESSIONS_AN_HONEST_ONE == 0 || session_number == sessions)
            be_honest();
    }
    if (tls != NULL)
        tls_drop(tls);
    printf("%lu sessions of seed %lu%s: %u frames, %u of them changed\n", sessions, seed,
           tls != NULL ? " with TLS" : "", frames_sent, frames_changed);
    return EXIT_SUCCESS;
}
