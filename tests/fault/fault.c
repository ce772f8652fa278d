/* The faults a test build can be asked for, in CHAT_FAULT, separated by blanks:
 * "PLACE:sleep=MILLISECONDS", "PLACE:kill", or "PLACE:kill=N" to die at the N-th passage. */
#include "../../server/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FAULTS_MAX = 8 };

struct wish {
    const char *place; /* in the environment, up to its colon */
    size_t size;
    long sleep; /* milliseconds; 0: none */
    long kill;  /* the passage; 0: never */
    atomic_long passages;
};

static struct wish wishes[FAULTS_MAX];
static size_t wish_count;
static pthread_once_t wishes_read = PTHREAD_ONCE_INIT;

static void wish_read(const char *text) {
    const char *colon = strchr(text, ':');
    if (colon == NULL || wish_count == FAULTS_MAX)
        return;
    struct wish *wish = &wishes[wish_count++];
    wish->place = text;
    wish->size = (size_t)(colon - text);
    if (strncmp(colon, ":sleep=", 7) == 0)
        wish->sleep = strtol(colon + 7, NULL, 10);
    else if (strncmp(colon, ":kill=", 6) == 0)
        wish->kill = strtol(colon + 6, NULL, 10);
    else if (strncmp(colon, ":kill", 5) == 0)
        wish->kill = 1;
}

static void wishes_read_all(void) {
    for (const char *text = getenv("CHAT_FAULT"); text != NULL && *text != '\0';) {
        wish_read(text);
        text = strchr(text, ' ');
        text = text != NULL ? text + 1 : NULL;
    }
}

static void fault_sleep(long milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

void fault_point(const char *place) {
    pthread_once(&wishes_read, wishes_read_all);
    for (size_t i = 0; i < wish_count; i++) {
        struct wish *wish = &wishes[i];
        if (strlen(place) != wish->size || strncmp(place, wish->place, wish->size) != 0)
            continue;
        if (wish->sleep > 0)
            fault_sleep(wish->sleep);
        if (atomic_fetch_add(&wish->passages, 1) + 1 == wish->kill)
            raise(SIGKILL);
    }
}
