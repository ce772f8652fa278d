/* A server for one client that it pretends to: of ours, or of IRC. It lets the client in, and says
 * what it is told to, as fast as the client takes it. One thread. */
#ifndef TESTS_BENCH_PRETEND_H
#define TESTS_BENCH_PRETEND_H

#include "buffer.h"
#include "link.h"
#include "tls.h"

#include <stdint.h>

struct pretend {
    bool irc;
    struct tls *tls; /* or NULL */
    int listener;
    char port[8];
    struct link link; /* descriptor -1: nobody has come yet */
    bool welcomed;
    bool joined;
    struct buffer in;
    struct buffer out;
    size_t out_from;
    uint64_t said; /* messages */
};

/* Listens on a free port of 127.0.0.1. */
bool pretend_begin(struct pretend *pretend, bool irc, struct tls *tls);
void pretend_end(struct pretend *pretend);

/* The client can be heard, or can take more. False when it has gone. */
bool pretend_turn(struct pretend *pretend);

/* What poll is to wait for, and on what. */
int pretend_descriptor(const struct pretend *pretend);
short pretend_events(const struct pretend *pretend);

/* Has somebody say the text in the room; it goes out with the next turns. */
void pretend_say(struct pretend *pretend, const char *text);

/* Bytes that have not gone out. */
size_t pretend_waiting(const struct pretend *pretend);

#endif
