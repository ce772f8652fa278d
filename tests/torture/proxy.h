/* What may lie between a client and its server: a proxy that delays, splits, cuts, resets, freezes
 * and reorders. Each puppet has a lane, a port of its own, so that what is done to one is not done
 * to the others. A thread moves the bytes; the functions here may be called by any thread. */
#ifndef TESTS_TORTURE_PROXY_H
#define TESTS_TORTURE_PROXY_H

#include <stdbool.h>
#include <stdint.h>

struct proxy;

enum proxy_direction { PROXY_UP, PROXY_DOWN }; /* to the server, to the client */

/* Listens on one free port of the address for each lane, and connects on to the server's port of
 * the same address. NULL when it cannot. */
struct proxy *proxy_start(const char *address, int server_port, unsigned lanes, uint64_t seed);
void proxy_stop(struct proxy *proxy);
int proxy_port(const struct proxy *proxy, unsigned lane);

/* From now on bytes wait up to so many milliseconds, at random; 0: none. */
void proxy_delay(struct proxy *proxy, unsigned milliseconds);

/* From now on every byte is sent by itself. */
void proxy_split(struct proxy *proxy, bool on);

/* Passes nothing and closes nothing on the lane's present connections; and lets them go on. */
void proxy_freeze(struct proxy *proxy, unsigned lane);
void proxy_thaw(struct proxy *proxy, unsigned lane);

/* The lane's next connection stands, and passes nothing until it is thawed. */
void proxy_freeze_next(struct proxy *proxy, unsigned lane);

/* Closes the lane's connections on both sides, by a reset or in good order. */
void proxy_break(struct proxy *proxy, unsigned lane, bool reset);

/* The lane's next connection is cut when so many bytes have passed in the direction; that is done
 * once. */
void proxy_cut(struct proxy *proxy, unsigned lane, enum proxy_direction direction, uint64_t bytes);

/* Bytes that have passed on the lane's latest connection, and how many it has accepted. */
uint64_t proxy_passed(struct proxy *proxy, unsigned lane, enum proxy_direction direction);
uint64_t proxy_accepted(struct proxy *proxy, unsigned lane);

/* How many connections the lane has now. */
unsigned proxy_open(struct proxy *proxy, unsigned lane);

/* The lane's next connection reaches the server only when it is released, behind later ones. What
 * its client has sent by then is delivered, even if the client has closed it. */
void proxy_hold(struct proxy *proxy, unsigned lane);
void proxy_release(struct proxy *proxy, unsigned lane);

#endif
