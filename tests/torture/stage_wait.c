/* Waiting for what is to come of it: conditions, looked at every millisecond. */
#include "stage.h"
#include "archive.h"
#include "clock.h"
#include "frame.h"
#include "state.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { STAGE_NAP_NANOSECONDS = 1000000 };

/* Nobody may end but by our hand. */
static void stage_look_around(struct stage *stage) {
    int status;
    if (stage->server > 0 && waitpid(stage->server, &status, WNOHANG) != 0)
        stage_fail("the server ended by itself; see %s", stage_path(stage, "server.log"));
    for (unsigned i = 0; i < stage->actor_count; i++)
        if (stage->actors[i].process > 0 &&
            waitpid(stage->actors[i].process, &status, WNOHANG) != 0)
            stage_fail("%s ended by itself; see %s", stage->actors[i].nick,
                       stage_path(stage, "puppets.log"));
}

static void stage_nap(void) {
    const struct timespec nap = {.tv_nsec = STAGE_NAP_NANOSECONDS};
    nanosleep(&nap, NULL);
}

void stage_await(struct stage *stage, const char *what, stage_condition *condition,
                 const void *context) {
    uint64_t deadline = clock_monotonic() + STAGE_PATIENCE;
    while (!condition(stage, context)) {
        stage_look_around(stage);
        if (clock_monotonic() >= deadline)
            stage_fail("waited in vain for %s; see %s", what, stage->folder);
        stage_nap();
    }
}

void stage_pass(struct stage *stage, unsigned milliseconds) {
    uint64_t end = clock_monotonic() + milliseconds;
    while (clock_monotonic() < end) {
        stage_look_around(stage);
        stage_nap();
    }
}

void stage_await_death(struct stage *stage) {
    uint64_t deadline = clock_monotonic() + STAGE_PATIENCE;
    int status = 0;
    while (waitpid(stage->server, &status, WNOHANG) == 0) {
        if (clock_monotonic() >= deadline)
            stage_fail("the fault %s did not strike", stage->faults);
        stage_nap();
    }
    stage->server = 0;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        stage_fail("the server ended otherwise than by the fault %s; see %s", stage->faults,
                   stage_path(stage, "server.log"));
}

static bool stage_is_online(struct stage *stage, const void *context) {
    (void)context;
    for (unsigned i = 0; i < stage->actor_count; i++)
        if (stage->actors[i].process > 0 && stage->actors[i].progress->online == 0)
            return false;
    return true;
}

void stage_await_online(struct stage *stage) {
    stage_await(stage, "everyone to be connected", stage_is_online, NULL);
}

static bool stage_is_silent(struct stage *stage, const void *context) {
    (void)context;
    for (unsigned i = 0; i < stage->actor_count; i++) {
        const struct actor *actor = &stage->actors[i];
        const struct progress *progress = actor->progress;
        if (actor->process > 0 &&
            (progress->commands < actor->told || progress->talking != 0 || progress->waiting != 0))
            return false;
    }
    return true;
}

void stage_await_silence(struct stage *stage) {
    stage_await(stage, "all posts to be acknowledged", stage_is_silent, NULL);
}

/* The id of the room's newest event, by the server's own way of reading. */
static uint64_t newest_id(struct archive *archive, uint32_t room) {
    struct message_history wish = {.room = room, .before = PROTOCOL_END, .limit = 1, .newest = 1};
    struct buffer page = {0};
    struct message event = {.type = 0};
    struct wire_blob payload;
    bool more;
    if (!archive_page(archive, &wish, &page, &more))
        stage_fail("cannot read the log of room %u", (unsigned)room);
    struct wire_reader frames = {page.data, page.data + page.size};
    while (frame_take(&frames, &payload) == FRAME_READY)
        message_decode(payload, &event);
    uint64_t id = page.size > 0 ? event.event.id : 0;
    buffer_free(&page);
    return id;
}

static bool stage_is_shown(struct stage *stage, const void *context) {
    const uint64_t *newest = context;
    for (unsigned i = 0; i < stage->actor_count; i++)
        for (unsigned room = 0; room < PUPPET_ROOMS; room++)
            if (stage->actors[i].progress->last_ids[room] < newest[room])
                return false;
    return true;
}

void stage_await_shown(struct stage *stage) {
    uint64_t newest[PUPPET_ROOMS];
    struct archive *archive = archive_open(stage_path(stage, "data/log.db"));
    if (archive == NULL)
        stage_fail("cannot read %s", stage_path(stage, "data/log.db"));
    for (unsigned room = 0; room < PUPPET_ROOMS; room++)
        newest[room] = newest_id(archive, STATE_LOBBY + room);
    archive_close(archive);
    stage_await(stage, "everyone to be shown the last event", stage_is_shown, newest);
}

uint64_t stage_acknowledged(const struct stage *stage) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < stage->actor_count; i++)
        sum += stage->actors[i].progress->acknowledged;
    return sum;
}

static bool stage_has_acknowledged(struct stage *stage, const void *context) {
    const uint64_t *wanted = context;
    return stage_acknowledged(stage) >= *wanted;
}

void stage_await_acknowledged(struct stage *stage, uint64_t more) {
    uint64_t wanted = stage_acknowledged(stage) + more;
    stage_await(stage, "posts to be acknowledged", stage_has_acknowledged, &wanted);
}
