/* Threads that tools show by a name. */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread named NAME, of at most 15 bytes; false when the system lets there be no more. */
bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context);

#endif
