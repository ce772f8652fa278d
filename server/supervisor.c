#include "supervisor.h"
#include "inbox.h"
#include "request.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

static const char *const supervisor_words[] = {
    [SUPERVISOR_READY] = "READY=1",
    [SUPERVISOR_STOPPING] = "STOPPING=1",
};

/* The main thread's. Connected once: later there may be no descriptor for it, nor the right. */
static int supervisor_socket = -1;

bool supervisor_connect(void) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || path[0] == '\0')
        return true;
    size_t size = strlen(path);
    if (size >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address.sun_path, path, size);
    /* One without a file begins with a zero, which the environment cannot say. */
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    supervisor_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (supervisor_socket < 0)
        return false;
    if (connect(supervisor_socket, (const struct sockaddr *)&address, length) == 0)
        return true;
    int reason = errno;
    close(supervisor_socket);
    supervisor_socket = -1;
    errno = reason;
    return false;
}

static void supervisor_say(const char *words) {
    if (supervisor_socket >= 0)
        send(supervisor_socket, words, strlen(words), MSG_NOSIGNAL);
}

void supervisor_tell(enum supervisor_news news) {
    struct timespec now;
    char words[80];
    if (news != SUPERVISOR_RELOADING) {
        supervisor_say(supervisor_words[news]);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(words, sizeof words, "RELOADING=1\nMONOTONIC_USEC=%lld%06ld", (long long)now.tv_sec,
             now.tv_nsec / 1000);
    supervisor_say(words);
}

int supervisor_interval(void) {
    uint64_t microseconds;
    if (sd_watchdog_enabled(0, &microseconds) <= 0)
        return -1;
    /* Twice in the time, as its documentation advises. */
    return microseconds / 2000 < 3600000 ? (int)(microseconds / 2000) : 3600000;
}

static void pulse_send_log(struct pulse *pulse, struct queue *log) {
    struct queue_chain chain = {0};
    struct request *request = request_new(REQUEST_PULSE, 0, (struct wire_blob){NULL, 0});
    if (request == NULL)
        return;
    request->beats = &pulse->beats;
    queue_chain_add(&chain, &request->item);
    queue_push(log, &chain);
    pulse->sent++;
}

static void pulse_send_worker(struct pulse *pulse, struct queue *inbox) {
    struct queue_chain chain = {0};
    struct inbox_item *item = inbox_new(INBOX_PULSE, 0, 0, NULL);
    if (item == NULL)
        return;
    item->beats = &pulse->beats;
    queue_chain_add(&chain, &item->item);
    queue_push(inbox, &chain);
    pulse->sent++;
}

void supervisor_feel_pulse(struct pulse *pulse, struct queue *log, struct queue *const *inboxes,
                           unsigned worker_count) {
    if (atomic_load(&pulse->beats) != pulse->sent)
        return;
    supervisor_say("WATCHDOG=1");
    pulse_send_log(pulse, log);
    for (unsigned i = 0; i < worker_count; i++)
        pulse_send_worker(pulse, inboxes[i]);
}
