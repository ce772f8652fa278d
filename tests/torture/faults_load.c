/* A receiver that does not read, while much is said. */
#include "faults.h"
#include "clock.h"
#include "session.h"

#include <stdio.h>

enum {
    TALKERS = 4,
    OUTPUT_KIB = SESSION_OUTPUT_MAX / 1024,
    READERS_KIB = 2 * 2048, /* SQLite's page cache for each of the two that read history */
    SLACK_KIB = 2048        /* what the server's memory varies by with everyone listening */
};

/* In both cases more bytes than sockets and queues can hold. The brief one comes so fast that
 * memory shows how the queues breathe, not what the deaf one costs. */
static const struct load {
    unsigned messages;
    unsigned pause; /* of one talker, microseconds */
    unsigned bytes;
} full_load = {100000, 2400, 250}, brief_load = {2000, 4000, 12000};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool memory_tells = false; /* most of it is the sanitizer's */
#else
static const bool memory_tells = true;
#endif

/* Kibibytes that the server has in memory. */
static unsigned long server_memory(const struct stage *stage) {
    char path[64];
    char line[128];
    unsigned long kibibytes = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)stage->server);
    FILE *status = fopen(path, "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmRSS: %lu", &kibibytes) == 1)
            break;
    if (status != NULL)
        fclose(status);
    if (kibibytes == 0)
        stage_fail("cannot read the server's memory from %s", path);
    return kibibytes;
}

static bool talkers_are_done(const struct stage *stage) {
    for (unsigned i = 0; i < TALKERS; i++) {
        const struct actor *actor = &stage->actors[i];
        if (actor->progress->commands < actor->told || actor->progress->talking != 0 ||
            actor->progress->waiting != 0)
            return false;
    }
    return true;
}

static unsigned long larger(unsigned long a, unsigned long b) {
    return a > b ? a : b;
}

/* The talkers say so many messages at the pace of the play; the most memory that the server had
 * meanwhile. */
static unsigned long speak(struct stage *stage, const struct load *load, unsigned messages) {
    uint64_t begun = clock_monotonic();
    unsigned each = messages / TALKERS;
    unsigned long most = 0;
    for (unsigned i = 0; i < TALKERS; i++)
        stage_tell(stage, i, "talk %u %u %u", each, load->pause, load->bytes);
    while (!talkers_are_done(stage)) {
        most = larger(most, server_memory(stage));
        if (clock_monotonic() - begun > STAGE_PATIENCE)
            stage_fail("the talkers are held up by one who does not listen");
        stage_pass(stage, 5);
    }
    return most;
}

/* The server's memory is taken with everyone listening, then with the last puppet deaf, then while
 * that one catches up and more is said. */
void fault_deaf(struct stage *stage, struct measure *measure) {
    const struct load *load = measure->full ? &full_load : &brief_load;
    unsigned deaf = stage->actor_count - 1;
    unsigned long before = speak(stage, load, load->messages / 2);
    stage_await_shown(stage);
    stage_tell(stage, deaf, "deaf");
    unsigned long meanwhile = speak(stage, load, load->messages);
    stage_tell(stage, deaf, "hear");
    unsigned long after = speak(stage, load, load->messages / 4);
    stage_await_shown(stage);
    after = larger(after, server_memory(stage));
    stage->times++;
    snprintf(measure->remark, sizeof measure->remark,
             "server's memory: %.1f MiB with all listening, %.1f with one deaf, %.1f catching up",
             (double)before / 1024, (double)meanwhile / 1024, (double)after / 1024);
    if (memory_tells && measure->full &&
        (meanwhile > before + OUTPUT_KIB + SLACK_KIB ||
         after > before + OUTPUT_KIB + SLACK_KIB + READERS_KIB))
        stage_fail("a deaf client costs too much: %s", measure->remark);
}
