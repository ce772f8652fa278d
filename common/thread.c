#include "thread.h"

#include <sys/prctl.h>

enum { THREAD_NAME_SIZE = 16 };

bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context) {
    /* A thread has the name of the one that starts it, and may not be allowed to take another. */
    char own[THREAD_NAME_SIZE] = "";
    prctl(PR_GET_NAME, own);
    prctl(PR_SET_NAME, name);
    bool started = pthread_create(thread, NULL, run, context) == 0;
    prctl(PR_SET_NAME, own);
    return started;
}
