/* The real server as a process of its own on a data folder, seen from outside. It ends with the one
 * who started it. One thread. */
#ifndef TESTS_BENCH_HOST_H
#define TESTS_BENCH_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct host {
    pid_t process; /* 0 when there is none */
    char port[8];
    double start_milliseconds; /* from its birth to the line that says it listens */
};

/* Starts the program and waits for that line. False with a word on stderr. */
bool host_start(struct host *host, const char *program, const char *folder);

/* Ends it in order. False when it says that something was wrong. */
bool host_stop(struct host *host);

/* Waits until it does nothing: what it reads again at its start is read. */
void host_wait_idle(const struct host *host);

/* A line of its /proc status in KiB, such as "VmHWM:"; 0 when there is none. */
long host_memory(const struct host *host, const char *line);

/* Nanoseconds of processor time that all its threads have had. */
uint64_t host_processor_time(const struct host *host);

/* How many descriptors it has open; 0 when that is not to be seen. */
unsigned host_descriptors(const struct host *host);

/* Lets the system forget what it holds of a file, so that it has to come from the disk again. */
bool host_forget_file(const char *folder, const char *name);

#endif
