/* One table for addresses and accounts, open addressing over pointers, under one lock: it is taken
 * for a moment when a connection comes or goes, and when it asks for something. */
#include "peers.h"
#include "clock.h"
#include "pace.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    PEERS_SLOTS_FIRST = 64,
    PEERS_SWEEP_STEPS = 4, /* slots looked at whenever a peer is looked up, for those to forget */
    /* Descriptors for the server's own use: its files, threads, metrics, and whom it refuses. */
    PEERS_DESCRIPTORS_KEPT = 64
};

/* An address is its family and its first 8 bytes at most; an account has a family of its own. */
struct peer_name {
    uint64_t number;
    uint32_t family;
};

enum { FAMILY_ACCOUNT = 0xFFFF };

struct peer {
    struct peer_name name;
    uint32_t connections;
    struct pace paces[PEER_ACT_COUNT];
};

struct peers {
    const struct peer_limits *limits;
    struct metrics *metrics;
    pthread_mutex_t lock;
    uint32_t connections;
    uint32_t connections_max; /* by the descriptors that there are */
    struct peer **slots;      /* as many as a power of two */
    size_t slot_count;
    size_t used;
    size_t sweep; /* where to look next for a peer that may be forgotten */
};

static const enum peer_limit address_limits[PEER_ACT_COUNT] = {
    [PEER_POST] = LIMIT_ADDRESS_POSTS,         [PEER_JOIN] = LIMIT_ADDRESS_JOINS,
    [PEER_SEARCH] = LIMIT_ADDRESS_SEARCHES,    [PEER_PAGE] = LIMIT_ADDRESS_PAGES,
    [PEER_REQUEST] = LIMIT_ADDRESS_REQUESTS,   [PEER_ROOM] = LIMIT_ADDRESS_ROOMS,
    [PEER_GREETING] = LIMIT_ADDRESS_GREETINGS, [PEER_NEW_ACCOUNT] = LIMIT_ADDRESS_ACCOUNTS,
};

static const enum peer_limit account_limits[PEER_ASKED_COUNT] = {
    [PEER_POST] = LIMIT_ACCOUNT_POSTS,       [PEER_JOIN] = LIMIT_ACCOUNT_JOINS,
    [PEER_SEARCH] = LIMIT_ACCOUNT_SEARCHES,  [PEER_PAGE] = LIMIT_ACCOUNT_PAGES,
    [PEER_REQUEST] = LIMIT_ACCOUNT_REQUESTS, [PEER_ROOM] = LIMIT_ACCOUNT_ROOMS,
};

/* How many connections there are descriptors for. */
static uint32_t peers_count_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > UINT32_MAX)
        return UINT32_MAX;
    return limit.rlim_cur / 2 > PEERS_DESCRIPTORS_KEPT
               ? (uint32_t)limit.rlim_cur - PEERS_DESCRIPTORS_KEPT
               : (uint32_t)limit.rlim_cur / 2;
}

struct peers *peers_new(const struct peer_limits *limits, struct metrics *metrics) {
    struct peers *peers = calloc(1, sizeof *peers);
    if (peers == NULL)
        return NULL;
    peers->limits = limits;
    peers->metrics = metrics;
    peers->connections_max = peers_count_descriptors();
    peers->slot_count = PEERS_SLOTS_FIRST;
    peers->slots = calloc(peers->slot_count, sizeof(struct peer *));
    if (peers->slots == NULL) {
        free(peers);
        return NULL;
    }
    pthread_mutex_init(&peers->lock, NULL);
    return peers;
}

void peers_free(struct peers *peers) {
    if (peers == NULL)
        return;
    for (size_t i = 0; i < peers->slot_count; i++)
        free(peers->slots[i]);
    pthread_mutex_destroy(&peers->lock);
    free(peers->slots);
    free(peers);
}

static struct peer_name name_of_address(const struct sockaddr_storage *address) {
    struct peer_name name = {.family = address->ss_family};
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
    if (address->ss_family == AF_INET) {
        name.number = ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
    } else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        uint32_t four;
        memcpy(&four, six->sin6_addr.s6_addr + 12, sizeof four);
        name = (struct peer_name){.number = four, .family = AF_INET};
    } else if (address->ss_family == AF_INET6) {
        memcpy(&name.number, six->sin6_addr.s6_addr, sizeof name.number);
    }
    return name;
}

static uint64_t peer_name_hash(struct peer_name name) {
    return (name.number ^ (uint64_t)name.family << 40) * 0x9E3779B97F4A7C15ull;
}

static size_t peers_home(const struct peers *peers, struct peer_name name) {
    return (size_t)(peer_name_hash(name) >> 32) & (peers->slot_count - 1);
}

uint64_t peer_number(const struct peer *peer) {
    return peer != NULL ? peer_name_hash(peer->name) : 0;
}

static struct peer **peers_slot(const struct peers *peers, struct peer_name name) {
    size_t i = peers_home(peers, name);
    while (peers->slots[i] != NULL && (peers->slots[i]->name.number != name.number ||
                                       peers->slots[i]->name.family != name.family))
        i = (i + 1) & (peers->slot_count - 1);
    return &peers->slots[i];
}

/* Takes a peer out, and moves those behind it up that are only there because of it. */
static void peers_forget(struct peers *peers, size_t hole) {
    const size_t mask = peers->slot_count - 1;
    free(peers->slots[hole]);
    peers->slots[hole] = NULL;
    peers->used--;
    for (size_t i = (hole + 1) & mask; peers->slots[i] != NULL; i = (i + 1) & mask) {
        size_t home = peers_home(peers, peers->slots[i]->name);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        peers->slots[hole] = peers->slots[i];
        peers->slots[i] = NULL;
        hole = i;
    }
}

static bool peer_is_as_new(const struct peer *peer, uint64_t now) {
    bool as_new = peer->connections == 0;
    for (size_t i = 0; i < PEER_ACT_COUNT; i++)
        as_new = as_new && pace_is_full(&peer->paces[i], now);
    return as_new;
}

/* Each look-up forgets more than it can add, so the table holds who is there and who just was. */
static void peers_sweep(struct peers *peers, uint64_t now) {
    for (int i = 0; i < PEERS_SWEEP_STEPS; i++) {
        size_t at = peers->sweep++ & (peers->slot_count - 1);
        if (peers->slots[at] != NULL && peer_is_as_new(peers->slots[at], now))
            peers_forget(peers, at);
    }
}

static bool peers_grow(struct peers *peers) {
    struct peer **before = peers->slots;
    size_t count = peers->slot_count;
    if (peers->used * 2 < count)
        return true;
    struct peer **after = calloc(count * 2, sizeof(struct peer *));
    if (after == NULL)
        return peers->used + 1 < count;
    peers->slots = after;
    peers->slot_count = count * 2;
    for (size_t i = 0; i < count; i++)
        if (before[i] != NULL)
            *peers_slot(peers, before[i]->name) = before[i];
    free(before);
    return true;
}

/* The peer of that name, a new one if need be; NULL when out of memory. */
static struct peer *peers_find(struct peers *peers, struct peer_name name) {
    peers_sweep(peers, clock_monotonic());
    if (!peers_grow(peers))
        return NULL;
    struct peer **slot = peers_slot(peers, name);
    if (*slot != NULL)
        return *slot;
    *slot = calloc(1, sizeof **slot);
    if (*slot == NULL)
        return NULL;
    (*slot)->name = name;
    peers->used++;
    return *slot;
}

static bool peers_meet(const struct peers *peers, enum peer_limit limit, uint32_t connections) {
    unsigned most = peer_limit(peers->limits, limit);
    return most != 0 && connections >= most;
}

struct peer *peers_admit(struct peers *peers, const struct sockaddr_storage *address,
                         enum peer_limit *met) {
    *met = PEER_LIMIT_COUNT;
    pthread_mutex_lock(&peers->lock);
    struct peer *peer = peers_find(peers, name_of_address(address));
    if (peers_meet(peers, LIMIT_CONNECTIONS, peers->connections) ||
        peers->connections >= peers->connections_max)
        *met = LIMIT_CONNECTIONS;
    else if (peer != NULL && peers_meet(peers, LIMIT_ADDRESS_CONNECTIONS, peer->connections))
        *met = LIMIT_ADDRESS_CONNECTIONS;
    if (*met != PEER_LIMIT_COUNT) {
        metrics_meet(peers->metrics, *met);
        peer = NULL;
    }
    if (peer != NULL) {
        peer->connections++;
        peers->connections++;
        metrics_add(peers->metrics, METRIC_ACCEPTED, 1);
        metrics_set(peers->metrics, METRIC_CONNECTIONS, peers->connections);
    }
    pthread_mutex_unlock(&peers->lock);
    return peer;
}

struct peer *peers_know(struct peers *peers, uint32_t account) {
    const struct peer_name name = {.number = account, .family = FAMILY_ACCOUNT};
    pthread_mutex_lock(&peers->lock);
    struct peer *peer = peers_find(peers, name);
    if (peer != NULL)
        peer->connections++;
    pthread_mutex_unlock(&peers->lock);
    return peer;
}

void peers_leave(struct peers *peers, struct peer *peer) {
    if (peer == NULL)
        return;
    pthread_mutex_lock(&peers->lock);
    peer->connections--;
    peers->connections -= peer->name.family != FAMILY_ACCOUNT;
    metrics_set(peers->metrics, METRIC_CONNECTIONS, peers->connections);
    pthread_mutex_unlock(&peers->lock);
}

uint64_t peers_take(struct peers *peers, struct peer *address, struct peer *account,
                    enum peer_act act, uint64_t now) {
    uint64_t of_account = 0;
    pthread_mutex_lock(&peers->lock);
    uint64_t of_address =
        pace_take(&address->paces[act], peer_limit(peers->limits, address_limits[act]), now);
    if (account != NULL)
        of_account =
            pace_take(&account->paces[act], peer_limit(peers->limits, account_limits[act]), now);
    pthread_mutex_unlock(&peers->lock);
    if (of_address > now)
        metrics_meet(peers->metrics, address_limits[act]);
    if (of_account > now)
        metrics_meet(peers->metrics, account_limits[act]);
    return of_account > of_address ? of_account : of_address;
}

/* With the lock held: from when the peer may do so. */
static uint64_t peer_next(const struct peers *peers, const struct peer *peer, enum peer_limit limit,
                          enum peer_act act, uint64_t now) {
    return peer != NULL ? pace_next(&peer->paces[act], peer_limit(peers->limits, limit), now) : 0;
}

uint64_t peers_next(struct peers *peers, const struct peer *address, const struct peer *account,
                    uint64_t now, enum peer_act *act) {
    uint64_t latest = 0;
    *act = PEER_POST;
    pthread_mutex_lock(&peers->lock);
    for (size_t i = 0; i < PEER_ASKED_COUNT; i++) {
        enum peer_act each = (enum peer_act)i;
        uint64_t of_address = peer_next(peers, address, address_limits[i], each, now);
        uint64_t of_account = peer_next(peers, account, account_limits[i], each, now);
        uint64_t from = of_account > of_address ? of_account : of_address;
        if (from > latest) {
            latest = from;
            *act = each;
        }
    }
    pthread_mutex_unlock(&peers->lock);
    return latest;
}

uint64_t peers_greet(struct peers *peers, struct peer *address, uint64_t now) {
    pthread_mutex_lock(&peers->lock);
    uint64_t greeting = peer_next(peers, address, LIMIT_ADDRESS_GREETINGS, PEER_GREETING, now);
    uint64_t account = peer_next(peers, address, LIMIT_ADDRESS_ACCOUNTS, PEER_NEW_ACCOUNT, now);
    pace_take(&address->paces[PEER_GREETING], peer_limit(peers->limits, LIMIT_ADDRESS_GREETINGS),
              now);
    pthread_mutex_unlock(&peers->lock);
    if (greeting > now)
        metrics_meet(peers->metrics, LIMIT_ADDRESS_GREETINGS);
    if (account > now)
        metrics_meet(peers->metrics, LIMIT_ADDRESS_ACCOUNTS);
    return greeting > account ? greeting : account;
}

void peers_greet_not(struct peers *peers, struct peer *address) {
    pthread_mutex_lock(&peers->lock);
    pace_give_back(&address->paces[PEER_GREETING],
                   peer_limit(peers->limits, LIMIT_ADDRESS_GREETINGS));
    pthread_mutex_unlock(&peers->lock);
}

void peers_note_account(struct peers *peers, struct peer *address, uint64_t now) {
    pthread_mutex_lock(&peers->lock);
    pace_take(&address->paces[PEER_NEW_ACCOUNT], peer_limit(peers->limits, LIMIT_ADDRESS_ACCOUNTS),
              now);
    pthread_mutex_unlock(&peers->lock);
}
