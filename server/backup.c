#include "backup.h"
#include "folder.h"
#include "inspect.h"
#include "page_guard.h"
#include "paths.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKUP_BUSY_MILLISECONDS = 5000 }; /* a server that starts or stops holds the log */

/* Opens a log and reads its version: -1 when it cannot. */
static int backup_try(const char *path, int flags, sqlite3 **log) {
    if (page_guard_open(path, log, flags) != SQLITE_OK)
        return -1;
    sqlite3_busy_timeout(*log, BACKUP_BUSY_MILLISECONDS);
    sqlite3_db_config(*log, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return schema_version(*log);
}

/* Opens the folder's log; NULL after saying why not. For reading only, unless a server that ended
 * in the middle of a change left it to the next one to take that back. */
static sqlite3 *backup_open_log(const char *folder) {
    char *path = path_join(folder, "log.db");
    sqlite3 *log = NULL;
    if (path != NULL && access(path, F_OK) != 0) {
        fprintf(stderr, "chat-server: cannot read %s: %s; name the server's folder with --data\n",
                path, strerror(errno));
        free(path);
        return NULL;
    }
    int version = path != NULL ? backup_try(path, SQLITE_OPEN_READONLY, &log) : -1;
    if (log != NULL && version < 0 && sqlite3_errcode(log) == SQLITE_READONLY) {
        sqlite3_close(log);
        version = backup_try(path, SQLITE_OPEN_READWRITE, &log);
    }
    free(path);
    if (version == SCHEMA_VERSION)
        return log;
    if (version > SCHEMA_VERSION)
        fprintf(stderr, "chat-server: %s was written by a newer chat-server; use that one\n",
                folder);
    else if (version > 0)
        fprintf(stderr,
                "chat-server: %s was written by an older chat-server; start the server on it "
                "first\n",
                folder);
    else
        fprintf(stderr, "chat-server: cannot read a log in %s: %s\n", folder,
                log != NULL ? sqlite3_errmsg(log) : strerror(ENOMEM));
    sqlite3_close(log);
    return NULL;
}

int backup_check(const char *folder) {
    struct inspection inspection;
    sqlite3 *log = backup_open_log(folder);
    if (log == NULL)
        return EXIT_FAILURE;
    bool sound = inspect_database(log, &inspection);
    bool damaged = !sound && inspect_blames_file(log);
    sqlite3_close(log);
    if (!sound) {
        fprintf(stderr,
                damaged ? "chat-server: the log in %s is damaged: %s\n"
                        : "chat-server: cannot read the log in %s: %s\n",
                folder, inspection.problem);
        return EXIT_FAILURE;
    }
    printf("sound: %llu messages, %llu events in %s\n", (unsigned long long)inspection.messages,
           (unsigned long long)inspection.events, folder);
    return EXIT_SUCCESS;
}

/* Copies what the log is at this moment, however long that takes and whatever is added meanwhile.
 */
static bool backup_copy(sqlite3 *log, sqlite3 *copy) {
    bool held = sqlite3_exec(log, "BEGIN; SELECT count(*) FROM log", NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_backup *backup = held ? sqlite3_backup_init(copy, "main", log, "main") : NULL;
    if (backup == NULL)
        return false;
    sqlite3_backup_step(backup, -1);
    return sqlite3_backup_finish(backup) == SQLITE_OK;
}

/* Makes the copy under its unfinished name; false with the reason. */
static bool backup_write(sqlite3 *log, const char *path, char *reason, size_t size) {
    struct inspection inspection = {0};
    sqlite3 *copy = NULL;
    bool made =
        page_guard_open(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) == SQLITE_OK &&
        page_guard_expect(copy) && backup_copy(log, copy) && schema_mark_copy(copy);
    bool sound = made && inspect_database(copy, &inspection);
    if (!sound)
        snprintf(reason, size, "%s",
                 made                                       ? inspection.problem
                 : copy == NULL                             ? strerror(ENOMEM)
                 : sqlite3_errcode(copy) == SQLITE_CANTOPEN ? strerror(sqlite3_system_errno(copy))
                                                            : sqlite3_errmsg(copy));
    sqlite3_close(copy);
    return sound;
}

/* Gives the finished copy its name, unless that was taken meanwhile. */
static bool backup_name(const char *unfinished, const char *file, char *reason, size_t size) {
    if (link(unfinished, file) == 0 && unlink(unfinished) == 0 && path_sync_folder_of(file))
        return true;
    snprintf(reason, size, "%s", strerror(errno));
    return false;
}

int backup_make(const char *folder, const char *file) {
    char reason[INSPECT_PROBLEM_MAX] = "";
    char *unfinished = NULL;
    struct stat status;
    sqlite3 *log = backup_open_log(folder);
    if (log == NULL)
        return EXIT_FAILURE;
    /* A name of its own, so that two backups at a time do not meet. */
    if (asprintf(&unfinished, "%s.unfinished-%ld", file, (long)getpid()) < 0) {
        fprintf(stderr, "chat-server: cannot make the backup %s: %s\n", file, strerror(ENOMEM));
        sqlite3_close(log);
        return EXIT_FAILURE;
    }
    if (lstat(file, &status) == 0)
        snprintf(reason, sizeof reason, "%s", strerror(EEXIST));
    unlink(unfinished);
    umask(077);
    bool made = reason[0] == '\0' && backup_write(log, unfinished, reason, sizeof reason) &&
                backup_name(unfinished, file, reason, sizeof reason);
    if (!made) {
        fprintf(stderr, "chat-server: cannot make the backup %s: %s\n", file, reason);
        unlink(unfinished);
    }
    sqlite3_close(log);
    free(unfinished);
    return made ? EXIT_SUCCESS : EXIT_FAILURE;
}
