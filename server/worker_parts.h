/* Private to the worker's files: worker.c has the thread and its turn, worker_accept.c how a
 * connection comes in, worker_sessions.c what happens to one. */
#ifndef SERVER_WORKER_PARTS_H
#define SERVER_WORKER_PARTS_H

#include "dispatch.h"
#include "report.h"
#include "roster.h"
#include "session_table.h"
#include "worker.h"

#include <pthread.h>

enum { WORKER_READ_BYTES = 65536 };

struct worker {
    struct worker_options options;
    pthread_t thread;
    int epoll;
    int log_has_room; /* eventfd: the log's queue was full and is not any more */
    unsigned next_worker;
    uint64_t accept_again; /* when to listen again after that could not be done; 0: listening */
    bool cannot_accept;    /* which was said */
    uint64_t now;
    uint64_t next_sweep;
    uint64_t stop_by; /* 0 until INBOX_STOP */
    bool draining;
    bool stop_told;
    bool log_is_full;
    struct dispatch dispatch;
    struct roster roster;
    unsigned greeting_steps; /* of handshakes, in this turn */
    struct session_table sessions;
    struct session *dirty;
    struct session *ended;
    uint32_t held_count;
    uint32_t paced_count;               /* of those held */
    uint64_t resume_at;                 /* when the first of those goes on; 0: there is none */
    unsigned refused[PEER_LIMIT_COUNT]; /* connections, since that was last reported */
    bool has_refused;
    unsigned lines; /* of the log about peers, in this second, and those left out */
    unsigned lines_left_out;
    uint8_t read_bytes[WORKER_READ_BYTES];
};

/* Whether the log may have one more line about a peer in this second; they make more than anybody
 * reads. */
bool worker_may_report(struct worker *worker);

/* Lets epoll tell of a descriptor: `what` is what it gives back. */
bool worker_watch(struct worker *worker, int descriptor, uint32_t events, void *what);

/* Lets in, or refuses, who has come. */
void worker_accept(struct worker *worker);

/* Listens, or tries to again in a moment. */
void worker_listen(struct worker *worker);

/* Listens again when the pause is over that a want of descriptors has brought. */
void worker_accept_again(struct worker *worker);

/* Makes a session of a fresh connection, or closes it. */
void worker_adopt(struct worker *worker, struct link link, struct peer *peer);

/* Says how many were refused since that was last said. */
void worker_report_refused(struct worker *worker);

/* It has something to be written, or to be seen to, at the end of the turn. */
void session_mark_dirty(struct worker *worker, struct session *session);

/* What epoll is to watch for. One that cannot be watched is ended: its client comes again. */
void session_set_interest(struct worker *worker, struct session *session, uint32_t events);

void session_enter(struct worker *worker, struct session *session, enum session_phase phase);

/* Says in the log why a peer was dropped, unless there is too much of that. */
void session_report(struct worker *worker, const struct session *session, enum report_kind kind,
                    const char *reason);

/* Ends the session for good; it is freed at the end of the turn. */
void session_end(struct worker *worker, struct session *session);

/* Writes what waits, then ends the session; what still comes is ignored. */
void session_close(struct worker *worker, struct session *session);

/* Whether a session's input has to wait. */
bool session_must_wait(const struct worker *worker, const struct session *session);

/* Keeps the worker's account of a held session that must wait, and of one that need not. */
void session_note_hold(struct worker *worker, struct session *session);
void session_note_release(struct worker *worker, struct session *session);

/* Goes on with a held session, unless it still must wait. */
void session_resume(struct worker *worker, struct session *session);

/* Lets it wait for what its account or its address has used up, and says so. */
void session_wait_its_turn(struct worker *worker, struct session *session);

/* A room was made for it: it may have to wait before it asks for more. */
void session_note_room(struct worker *worker, struct session *session);

/* Takes frame after frame until the bytes end, or until the session has to wait. */
void session_process(struct worker *worker, struct session *session);

/* Whether it misses live events, for the moment. */
void session_set_behind(struct worker *worker, struct session *session, bool behind);

/* Reads once and takes the frames. `readable`: there is something to read, and it is not only that
 * TLS may go on with what it had to write first. */
void session_read(struct worker *worker, struct session *session, bool readable);

/* Writes what the socket takes. */
void session_flush(struct worker *worker, struct session *session);

/* Ends a session that has been silent, or midway in something, for too long. */
void session_check_deadlines(struct worker *worker, struct session *session);

#endif
