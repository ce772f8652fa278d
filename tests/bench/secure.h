/* TLS for the clients of a load. */
#ifndef TESTS_BENCH_SECURE_H
#define TESTS_BENCH_SECURE_H

#include "link.h"

#include <stdbool.h>

/* Makes a TLS link of a plain one to 127.0.0.1, shows a key that nobody had before, and waits for
 * so many milliseconds until both sides agree. False with the problem. */
bool secure_link(struct link *link, int milliseconds, struct link_problem *problem);

#endif
