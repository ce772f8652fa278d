#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_join(const char *folder, const char *name) {
    char *path;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

char *path_for_user(const char *variable, const char *fallback, const char *name) {
    const char *folder = getenv(variable);
    if (folder != NULL && folder[0] == '/')
        return path_join(folder, name);
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/')
        return NULL;
    char *path;
    return asprintf(&path, "%s/%s/%s", home, fallback, name) < 0 ? NULL : path;
}

static bool path_make_folder(const char *folder) {
    struct stat status;
    if (mkdir(folder, 0700) == 0)
        return true;
    if (errno != EEXIST && errno != EROFS && errno != EACCES)
        return false;
    int reason = errno;
    if (stat(folder, &status) != 0) {
        errno = reason == EEXIST ? errno : reason;
        return false;
    }
    errno = ENOTDIR;
    return S_ISDIR(status.st_mode);
}

bool path_make_folders(const char *folder) {
    char *path = strdup(folder);
    if (path == NULL)
        return false;
    bool made = true;
    for (char *slash = strchr(path + 1, '/'); made && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        made = path_make_folder(path);
        *slash = '/';
    }
    made = made && path_make_folder(path);
    int reason = errno;
    free(path);
    errno = reason;
    return made;
}

bool path_sync_folder_of(const char *path) {
    char *copy = strdup(path);
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    char *name = copy != NULL ? dirname(copy) : NULL;
    int folder = name != NULL ? (int)TEMP_FAILURE_RETRY(open(name, flags)) : -1;
    bool synced = folder >= 0 && TEMP_FAILURE_RETRY(fsync(folder)) == 0;
    int reason = errno;
    if (folder >= 0)
        close(folder);
    free(copy);
    errno = reason;
    return synced;
}
