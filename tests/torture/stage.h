/* What a fault is played on: a server with its data, puppets, and perhaps a proxy between them, in
 * a folder of their own and on an address of their own, so that no other program's connection can
 * take the server's port while it is down. The driver's main thread. Whatever goes wrong here ends
 * the process with a reason on stderr; its children end with it. */
#ifndef TESTS_TORTURE_STAGE_H
#define TESTS_TORTURE_STAGE_H

#include "proxy.h"
#include "puppet.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum { STAGE_PUPPETS_MAX = 32, STAGE_NICK_MAX = 24, STAGE_ADDRESS_MAX = 16 };

/* How long the stage waits for anything before it is taken for hung, in milliseconds. */
enum { STAGE_PATIENCE = 90000 };

struct actor {
    pid_t process; /* 0 when it does not run */
    int commands;  /* its stdin */
    uint64_t told; /* commands given to this life */
    unsigned lives;
    struct progress *progress;
    char nick[STAGE_NICK_MAX];
};

struct stage {
    /* set by stage_open */
    const char *build;
    char folder[PATH_MAX];
    char address[STAGE_ADDRESS_MAX];
    unsigned actor_count;
    struct actor actors[STAGE_PUPPETS_MAX];
    struct proxy *proxy; /* NULL when puppets connect to the server itself */
    uint64_t random;

    /* for the next start of the server; NULL for none */
    const char *faults;  /* for CHAT_FAULT; the server is then the faulty one */
    const char *preload; /* for LD_PRELOAD */

    pid_t server;
    int server_port;
    unsigned times; /* how often the fault struck */
};

struct stage_plan {
    const char *build;
    const char *folder; /* made by stage_open */
    unsigned puppets;
    bool proxied;
    uint64_t seed;
};

/* Opens the stage: the server runs, the puppets are connected and have seen both rooms. */
void stage_open(struct stage *stage, const struct stage_plan *plan);

/* Waits until all is said and shown, ends everything as it ends on a good day, and has the log
 * checked by the server. */
void stage_close(struct stage *stage);

/* A number below `below`. */
unsigned stage_random(struct stage *stage, unsigned below);

/* Waits until the condition holds; ends the process when it does not come, or when the server or a
 * puppet has ended meanwhile without being killed by us. */
typedef bool stage_condition(struct stage *stage, const void *context);
void stage_await(struct stage *stage, const char *what, stage_condition *condition,
                 const void *context);

/* Lets the play go on for so long. */
void stage_pass(struct stage *stage, unsigned milliseconds);

void stage_start_server(struct stage *stage);
void stage_kill_server(struct stage *stage);
/* Waits until the server has ended by itself, killed by a fault in it. */
void stage_await_death(struct stage *stage);
void stage_signal_server(struct stage *stage, int signal);

void stage_start_puppet(struct stage *stage, unsigned index);
void stage_kill_puppet(struct stage *stage, unsigned index);

void stage_tell(struct stage *stage, unsigned index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void stage_tell_all(struct stage *stage, const char *command);

/* Waits until every puppet is connected, since when it may; until no post waits for its
 * acknowledgement and nobody posts any more; and until everyone was shown the log's last event. */
void stage_await_online(struct stage *stage);
void stage_await_silence(struct stage *stage);
void stage_await_shown(struct stage *stage);

/* Posts acknowledged to all in their present lives. */
uint64_t stage_acknowledged(const struct stage *stage);
void stage_await_acknowledged(struct stage *stage, uint64_t more);

/* A path below the stage's folder; valid until the next call but three. */
const char *stage_path(const struct stage *stage, const char *name);

/* For a process just begun: it is to end when its parent does. */
void stage_end_with(pid_t parent);

void stage_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
