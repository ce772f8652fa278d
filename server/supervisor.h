/* The service manager that started the server, if one did (systemd's protocol): it is told when the
 * server serves, reads its settings again, and ends, and, if it wants to know, that the log
 * thread and the workers still turn. Main thread. */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include "queue.h"

#include <stdatomic.h>
#include <stdbool.h>

enum supervisor_news { SUPERVISOR_READY, SUPERVISOR_RELOADING, SUPERVISOR_STOPPING };

/* Connects to the manager, if there is one; before the server is confined. False with errno. */
bool supervisor_connect(void);

void supervisor_tell(enum supervisor_news news);

/* Milliseconds between two calls of supervisor_feel_pulse; -1: nobody wants to know. */
int supervisor_interval(void);

/* One beat goes through each thread's queue and back into `beats`. */
struct pulse {
    atomic_uint beats;
    unsigned sent;
};

/* Tells the manager that all is well if the beats sent last time have all come, and then sends new
 * ones: to the log thread and to the workers by their queues. */
void supervisor_feel_pulse(struct pulse *pulse, struct queue *log, struct queue *const *inboxes,
                           unsigned worker_count);

#endif
