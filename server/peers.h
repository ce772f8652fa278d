/* Who is connected, by address and by account: how many connections each has, and how fast each may
 * go on. IPv6 addresses count by their first 64 bits, which one host has all to itself. Shared by
 * the workers, any thread; what a peer did is remembered until it could do as much again anyway. */
#ifndef SERVER_PEERS_H
#define SERVER_PEERS_H

#include "metrics.h"
#include "peer_limits.h"

#include <stdint.h>
#include <sys/socket.h>

struct peers;
struct peer; /* an address or an account; valid while one of its connections is */

/* Reads the limits at each call and counts in the metrics; both must outlive it. NULL when out of
 * memory. */
struct peers *peers_new(const struct peer_limits *limits, struct metrics *metrics);
void peers_free(struct peers *peers);

/* Counts a new connection in. NULL with the limit that it meets, or PEER_LIMIT_COUNT when out of
 * memory. */
struct peer *peers_admit(struct peers *peers, const struct sockaddr_storage *address,
                         enum peer_limit *met);

/* The account that a connection has proved to be. NULL when out of memory. */
struct peer *peers_know(struct peers *peers, uint32_t account);

/* A number that no other address or account is likely to have. NULL is allowed. */
uint64_t peer_number(const struct peer *peer);

/* Counts a connection of the address or the account out. NULL is allowed. */
void peers_leave(struct peers *peers, struct peer *peer);

/* What is paced: what an account asks for, and whom an address brings. */
enum peer_act {
    PEER_POST,
    PEER_JOIN,
    PEER_SEARCH,
    PEER_PAGE,
    PEER_REQUEST, /* anything else */
    PEER_ROOM,    /* a new one: known when it is there, and waited for afterwards */
    PEER_ASKED_COUNT,
    PEER_GREETING = PEER_ASKED_COUNT,
    PEER_NEW_ACCOUNT,
    PEER_ACT_COUNT
};

/* Takes one of what is asked for, for the address and (unless NULL) the account; the moment, by the
 * monotonic clock in milliseconds, from which the connection may go on. */
uint64_t peers_take(struct peers *peers, struct peer *address, struct peer *account,
                    enum peer_act act, uint64_t now);

/* The moment from which a connection of both may ask for anything, whatever others of them did; and
 * what would have to wait longest. */
uint64_t peers_next(struct peers *peers, const struct peer *address, const struct peer *account,
                    uint64_t now, enum peer_act *act);

/* Takes a greeting; the moment from which it may be heard. One that is not heard is given back. */
uint64_t peers_greet(struct peers *peers, struct peer *address, uint64_t now);
void peers_greet_not(struct peers *peers, struct peer *address);

/* Counts a new account of the address: its next greetings may have to wait for it. */
void peers_note_account(struct peers *peers, struct peer *address, uint64_t now);

#endif
