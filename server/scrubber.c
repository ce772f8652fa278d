#include "scrubber.h"
#include "folder.h"
#include "inspect.h"
#include "page_guard.h"
#include "report.h"
#include "thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { SCRUBBER_STEP = 256 }; /* segments read in one go, so that the log's file can be tidied */

struct scrubber {
    pthread_t thread;
    atomic_bool stopping;
    const char *folder;
    sqlite3 *database;
    bool damaged; /* the thread's, until it has ended */
};

static void *scrubber_run(void *context) {
    struct scrubber *scrubber = context;
    struct inspection inspection = {0};
    uint64_t after = 0;
    for (uint64_t before = UINT64_MAX; after != before && !atomic_load(&scrubber->stopping);) {
        before = after;
        if (inspect_segments(scrubber->database, &after, SCRUBBER_STEP, &inspection))
            continue;
        if (!inspect_blames_file(scrubber->database)) {
            report(REPORT_NOT_CHECKED, "reason", inspection.problem, NULL);
            break;
        }
        scrubber->damaged = true;
        folder_mark_suspect(scrubber->folder);
        report(REPORT_DAMAGED, "reason", inspection.problem, "advice",
               "put a backup in place of log.db, see chat-server(8)", NULL);
        /* The main thread waits for a signal, and stops the server in order. */
        kill(getpid(), SIGTERM);
        break;
    }
    return NULL;
}

struct scrubber *scrubber_start(const char *folder, const char *log_path) {
    struct scrubber *scrubber = calloc(1, sizeof *scrubber);
    if (scrubber == NULL)
        return NULL;
    atomic_init(&scrubber->stopping, false);
    scrubber->folder = folder;
    if (page_guard_open(log_path, &scrubber->database,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX) == SQLITE_OK &&
        sqlite3_busy_timeout(scrubber->database, 2000) == SQLITE_OK &&
        thread_start(&scrubber->thread, "scrubber", scrubber_run, scrubber))
        return scrubber;
    sqlite3_close(scrubber->database);
    free(scrubber);
    return NULL;
}

bool scrubber_stop(struct scrubber *scrubber) {
    if (scrubber == NULL)
        return true;
    atomic_store(&scrubber->stopping, true);
    pthread_join(scrubber->thread, NULL);
    bool sound = !scrubber->damaged;
    sqlite3_close(scrubber->database);
    free(scrubber);
    return sound;
}
