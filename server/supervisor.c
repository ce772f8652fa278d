#include "supervisor.h"
#include "inbox.h"
#include "request.h"

#include <systemd/sd-daemon.h>
#include <time.h>

static const char *const supervisor_words[] = {
    [SUPERVISOR_READY] = "READY=1",
    [SUPERVISOR_STOPPING] = "STOPPING=1",
};

void supervisor_tell(enum supervisor_news news) {
    struct timespec now;
    if (news != SUPERVISOR_RELOADING) {
        sd_notify(0, supervisor_words[news]);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld%06ld", (long long)now.tv_sec,
               now.tv_nsec / 1000);
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
    sd_notify(0, "WATCHDOG=1");
    pulse_send_log(pulse, log);
    for (unsigned i = 0; i < worker_count; i++)
        pulse_send_worker(pulse, inboxes[i]);
}
