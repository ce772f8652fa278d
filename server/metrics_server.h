/* Serves what the server counts, in Prometheus' text format, at http://HOST:PORT/metrics. A thread
 * of the HTTP library's own. */
#ifndef SERVER_METRICS_SERVER_H
#define SERVER_METRICS_SERVER_H

#include "link.h"
#include "metrics.h"

struct metrics_server;

/* Binds "HOST:PORT" ("[ADDRESS]:PORT" for IPv6): a descriptor, or -1 with the problem. Main thread,
 * before the process is confined. */
int metrics_server_bind(const char *address, struct link_problem *problem);

/* Starts serving on the descriptor, which it takes over. NULL with the problem. */
struct metrics_server *metrics_server_start(const struct metrics *metrics, int descriptor,
                                            struct link_problem *problem);
void metrics_server_stop(struct metrics_server *server);

#endif
