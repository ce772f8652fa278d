/* Processes that die, stand still, or are told another time of day. */
#include "faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Everyone says a short line now and then, without end. */
static void talk(struct stage *stage) {
    stage_tell_all(stage, "talk 0 4000 40");
}

void fault_server_killed(struct stage *stage, struct measure *measure) {
    talk(stage);
    for (unsigned i = 0; i < measure->times; i++) {
        stage_await_acknowledged(stage, stage_random(stage, 60));
        stage_pass(stage, stage_random(stage, 20));
        stage_kill_server(stage);
        stage_pass(stage, stage_random(stage, 20));
        stage_start_server(stage);
        stage->times++;
    }
}

/* The server dies at the place, at some passage of it up to the `last`. */
static void die_at(struct stage *stage, const struct measure *measure, const char *place,
                   unsigned last) {
    char fault[64];
    talk(stage);
    stage_kill_server(stage);
    stage->faults = fault;
    for (unsigned i = 0; i < measure->times; i++) {
        snprintf(fault, sizeof fault, "%s:kill=%u", place, 1 + stage_random(stage, last));
        stage_start_server(stage);
        stage_await_death(stage);
        stage->times++;
    }
    stage->faults = NULL;
    stage_start_server(stage);
}

void fault_killed_before_commit(struct stage *stage, struct measure *measure) {
    die_at(stage, measure, "log-before-commit", 40);
}

void fault_killed_after_commit(struct stage *stage, struct measure *measure) {
    die_at(stage, measure, "log-after-commit", 40);
}

void fault_killed_in_broadcast(struct stage *stage, struct measure *measure) {
    die_at(stage, measure, "publish-between-workers", 40);
}

void fault_killed_before_acknowledgement(struct stage *stage, struct measure *measure) {
    die_at(stage, measure, "worker-between-writes", 200);
}

void fault_client_killed(struct stage *stage, struct measure *measure) {
    talk(stage);
    for (unsigned i = 0; i < measure->times; i++) {
        unsigned victim = stage_random(stage, stage->actor_count);
        stage_pass(stage, stage_random(stage, 60));
        stage_kill_puppet(stage, victim);
        stage_pass(stage, stage_random(stage, 20));
        stage_start_puppet(stage, victim);
        stage_tell(stage, victim, "talk 0 4000 40");
        stage->times++;
    }
}

static bool all_have_said(struct stage *stage, const void *context) {
    const uint64_t *posts = context;
    for (unsigned i = 0; i < stage->actor_count; i++)
        if (stage->actors[i].progress->asked < *posts)
            return false;
    return true;
}

static bool all_are_kept(struct stage *stage, const void *context) {
    (void)context;
    for (unsigned i = 0; i < stage->actor_count; i++)
        if (stage->actors[i].progress->kept == 0)
            return false;
    return true;
}

void fault_client_killed_waiting(struct stage *stage, struct measure *measure) {
    const uint64_t posts = 50;
    while (stage->times < measure->times) {
        stage_kill_server(stage);
        stage_tell_all(stage, "talk 50 0 40");
        stage_await(stage, "posts to be made", all_have_said, &posts);
        stage_tell_all(stage, "keep");
        stage_await(stage, "posts to be on disk", all_are_kept, NULL);
        for (unsigned i = 0; i < stage->actor_count; i++, stage->times++)
            stage_kill_puppet(stage, i);
        stage_start_server(stage);
        for (unsigned i = 0; i < stage->actor_count; i++)
            stage_start_puppet(stage, i);
        stage_await_online(stage);
        stage_await_silence(stage);
    }
}

enum { LONG_STOP_MILLISECONDS = 50000 }; /* longer than a client waits for a sign of life */

void fault_server_stopped(struct stage *stage, struct measure *measure) {
    talk(stage);
    for (unsigned i = 0; i < measure->times; i++) {
        bool long_one = measure->full && i == 0;
        stage_await_acknowledged(stage, stage_random(stage, 200));
        stage_signal_server(stage, SIGSTOP);
        if (long_one) /* few posts, or they would only fill the outboxes */
            stage_tell_all(stage, "hush");
        stage_pass(stage, long_one ? LONG_STOP_MILLISECONDS : stage_random(stage, 700));
        stage_signal_server(stage, SIGCONT);
        if (long_one)
            talk(stage);
        stage->times++;
    }
}

static void signal_puppets(struct stage *stage, unsigned from, unsigned to, int signal) {
    for (unsigned i = from; i < to; i++)
        kill(stage->actors[i].process, signal);
}

void fault_clients_stopped(struct stage *stage, struct measure *measure) {
    talk(stage);
    for (unsigned i = 0; i < measure->times; i++) {
        bool long_one = measure->full && i == 0;
        unsigned from = stage_random(stage, stage->actor_count);
        unsigned to = from + 1 + stage_random(stage, stage->actor_count - from);
        stage_await_acknowledged(stage, stage_random(stage, 200));
        signal_puppets(stage, from, to, SIGSTOP);
        stage_pass(stage, long_one ? LONG_STOP_MILLISECONDS : stage_random(stage, 700));
        signal_puppets(stage, from, to, SIGCONT);
        stage->times++;
    }
}

/* The file that clock_shift.c reads. */
static int64_t *map_shift(struct stage *stage) {
    const char *path = stage_path(stage, "clock");
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int64_t *shift = MAP_FAILED;
    if (file >= 0 && ftruncate(file, sizeof *shift) == 0)
        shift = mmap(NULL, sizeof *shift, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shift == MAP_FAILED || setenv("CLOCK_SHIFT", path, 1) != 0)
        stage_fail("cannot make %s", path);
    close(file);
    return shift;
}

void fault_clock_set(struct stage *stage, struct measure *measure) {
    const int64_t hour = 3600;
    const int64_t year = 8766 * hour;
    const int64_t shifts[] = {-hour,      hour,       -24 * hour, 24 * hour,
                              -50 * year, -10 * year, 10 * year,  0};
    char preload[PATH_MAX];
    int64_t *shift = map_shift(stage);
    snprintf(preload, sizeof preload, "%s/tests/torture/clock_shift.so", stage->build);
    stage->preload = preload;
    talk(stage);
    for (unsigned i = 0; i < measure->times; i++) {
        if (i % 3 == 0) {
            stage_kill_server(stage);
            stage_start_server(stage);
        }
        stage_await_acknowledged(stage, 20 + stage_random(stage, 100));
        *shift = shifts[stage_random(stage, sizeof shifts / sizeof *shifts)];
        stage->times++;
    }
    stage->preload = NULL;
}
