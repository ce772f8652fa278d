/* The faults a test build can be asked for: CHAT_FAULT="PLACE:sleep=MILLISECONDS" or "PLACE:kill",
 * and several of them separated by blanks. */
#include "../../server/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fault_sleep(long milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

void fault_point(const char *place) {
    const char *wish = getenv("CHAT_FAULT");
    size_t size = strlen(place);
    for (; wish != NULL; wish = strchr(wish, ' ') != NULL ? strchr(wish, ' ') + 1 : NULL) {
        if (strncmp(wish, place, size) != 0 || wish[size] != ':')
            continue;
        if (strncmp(wish + size + 1, "sleep=", 6) == 0)
            fault_sleep(strtol(wish + size + 7, NULL, 10));
        else if (strncmp(wish + size + 1, "kill", 4) == 0)
            raise(SIGKILL);
    }
}
