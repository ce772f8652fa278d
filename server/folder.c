#include "folder.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { FOLDER_LOCK_TRIES = 40, FOLDER_LOCK_PAUSE_NANOSECONDS = 25000000 };

/* A server that was just killed holds its lock for a moment longer, until its last thread is gone.
 */
static bool folder_wait_for_lock(int lock) {
    const struct timespec pause = {.tv_nsec = FOLDER_LOCK_PAUSE_NANOSECONDS};
    for (int i = 0; i < FOLDER_LOCK_TRIES; i++) {
        if (flock(lock, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        nanosleep(&pause, NULL);
    }
    return false;
}

int folder_lock(const char *folder, char *problem, size_t size) {
    if (!path_make_folders(folder)) {
        snprintf(problem, size, "cannot make the data folder %s: %s; name another with --data",
                 folder, strerror(errno));
        return -1;
    }
    char *path = path_join(folder, "lock");
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int lock = path != NULL ? (int)TEMP_FAILURE_RETRY(open(path, flags, 0600)) : -1;
    int reason = path != NULL ? errno : ENOMEM;
    free(path);
    if (lock < 0) {
        snprintf(problem, size, "cannot write in the data folder %s: %s; name another with --data",
                 folder, strerror(reason));
    } else if (!folder_wait_for_lock(lock)) {
        const char *busy = "it is in use by another server; stop that one";
        snprintf(problem, size, "cannot lock the data folder %s: %s, or name another with --data",
                 folder, errno == EWOULDBLOCK ? busy : strerror(errno));
        close(lock);
        lock = -1;
    }
    return lock;
}

static const char folder_mark[] = "damaged";

void folder_mark_suspect(const char *folder) {
    char *path = path_join(folder, folder_mark);
    int mark = path != NULL ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (mark >= 0)
        close(mark);
    free(path);
}

bool folder_is_suspect(const char *folder) {
    char *path = path_join(folder, folder_mark);
    bool marked = path != NULL && access(path, F_OK) == 0;
    free(path);
    return marked;
}

void folder_clear_suspicion(const char *folder) {
    char *path = path_join(folder, folder_mark);
    if (path != NULL)
        unlink(path);
    free(path);
}
