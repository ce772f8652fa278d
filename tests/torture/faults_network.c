/* What may happen between a client and its server. */
#include "faults.h"

#include <stddef.h>

static const unsigned victim = 0;
static const unsigned partner = 1;

/* Posts of one puppet that are to be acknowledged. */
struct goal {
    unsigned index;
    uint64_t posts;
};

static struct goal one_more(const struct stage *stage, unsigned index) {
    return (struct goal){index, stage->actors[index].progress->acknowledged + 1};
}

static bool goal_is_reached(struct stage *stage, const void *context) {
    const struct goal *goal = context;
    return stage->actors[goal->index].progress->acknowledged >= goal->posts;
}

/* The victim is off and on again, with a post of its own to send and one of the partner's to fetch:
 * hello, welcome, rooms, history, page, post, event, acknowledgement. */
static void begin_exchange(struct stage *stage) {
    const struct goal goal = one_more(stage, partner);
    proxy_break(stage->proxy, victim, false);
    stage_tell(stage, partner, "talk 1 0 40");
    stage_await(stage, "the partner's post to be stored", goal_is_reached, &goal);
    stage_tell(stage, victim, "talk 1 0 40");
    stage_tell(stage, victim, "retry");
}

struct cut {
    uint64_t accepted; /* connections of the victim before */
    struct goal goal;
};

/* The victim's exchange is over, or its connection was cut in the middle. */
static bool cut_has_struck(struct stage *stage, const void *context) {
    const struct cut *cut = context;
    return goal_is_reached(stage, &cut->goal) ||
           (proxy_accepted(stage->proxy, victim) > cut->accepted &&
            proxy_open(stage->proxy, victim) == 0);
}

/* Cuts one exchange behind so many bytes; 0 cuts nothing. */
static void play_exchange(struct stage *stage, enum proxy_direction direction, uint64_t bytes) {
    const struct cut cut = {proxy_accepted(stage->proxy, victim), one_more(stage, victim)};
    proxy_cut(stage->proxy, victim, direction, bytes);
    begin_exchange(stage);
    stage_await(stage, "the cut", cut_has_struck, &cut);
    stage_tell(stage, victim, "retry");
    stage_await(stage, "the post to go through", goal_is_reached, &cut.goal);
    stage_await_shown(stage);
}

static void cut_everywhere(struct stage *stage, struct measure *measure,
                           enum proxy_direction direction) {
    play_exchange(stage, direction, 0);
    uint64_t size = proxy_passed(stage->proxy, victim, direction);
    uint64_t step = measure->full ? 1 : size / measure->times;
    uint64_t first = measure->full ? 1 : 1 + stage_random(stage, (unsigned)step);
    for (uint64_t bytes = first; bytes <= size; bytes += step) {
        play_exchange(stage, direction, bytes);
        stage->times++;
    }
}

void fault_cut_up(struct stage *stage, struct measure *measure) {
    cut_everywhere(stage, measure, PROXY_UP);
}

void fault_cut_down(struct stage *stage, struct measure *measure) {
    cut_everywhere(stage, measure, PROXY_DOWN);
}

void fault_reset(struct stage *stage, struct measure *measure) {
    stage_tell_all(stage, "talk 0 4000 40");
    for (unsigned i = 0; i < measure->times; i++) {
        stage_pass(stage, stage_random(stage, 60));
        proxy_break(stage->proxy, stage_random(stage, stage->actor_count), i % 3 != 0);
        stage->times++;
    }
}

void fault_delayed(struct stage *stage, struct measure *measure) {
    proxy_delay(stage->proxy, 300);
    stage_tell_all(stage, "talk 0 10000 40");
    for (unsigned i = 0; i < measure->times; i++) {
        stage_pass(stage, 200 + stage_random(stage, 300));
        proxy_break(stage->proxy, stage_random(stage, stage->actor_count), true);
        stage->times++;
    }
    stage_tell_all(stage, "hush");
    stage_await_online(stage);
    stage_await_silence(stage);
    proxy_delay(stage->proxy, 0);
}

/* Every other puppet; the rest go on talking. */
static void freeze_half(struct stage *stage) {
    for (unsigned i = 1; i < stage->actor_count; i += 2)
        proxy_freeze(stage->proxy, i);
}

static void thaw_all(struct stage *stage) {
    for (unsigned i = 0; i < stage->actor_count; i++)
        proxy_thaw(stage->proxy, i);
}

void fault_stalled(struct stage *stage, struct measure *measure) {
    stage_tell_all(stage, "talk 0 20000 40");
    for (unsigned i = 0; i < measure->times; i++) {
        stage_pass(stage, stage_random(stage, 200));
        freeze_half(stage);
        stage_pass(stage, measure->full ? 30000 : 1500);
        thaw_all(stage);
        stage->times++;
    }
}

static bool half_is_back(struct stage *stage, const void *context) {
    (void)context;
    for (unsigned i = 1; i < stage->actor_count; i += 2)
        if (stage->actors[i].progress->welcomes < 2)
            return false;
    return true;
}

/* The network swallows everything and says nothing. First the clients are killed, and their next
 * lives take over sessions that the server believes alive; in the full run the clients have to
 * notice by themselves. Each time the old connections come to life again behind the new ones. */
void fault_half_open(struct stage *stage, struct measure *measure) {
    stage_tell_all(stage, "talk 0 10000 40");
    while (stage->times < measure->times) {
        stage_pass(stage, stage_random(stage, 100));
        freeze_half(stage);
        stage_pass(stage, stage_random(stage, 200));
        for (unsigned i = 1; i < stage->actor_count; i += 2, stage->times++) {
            stage_kill_puppet(stage, i);
            stage_start_puppet(stage, i);
            stage_tell(stage, i, "talk 0 10000 40");
        }
        stage_await_online(stage);
        thaw_all(stage);
    }
    if (!measure->full)
        return;
    freeze_half(stage);
    stage_await(stage, "clients to notice a dead connection", half_is_back, NULL);
    thaw_all(stage);
    stage->times += stage->actor_count / 2;
}

void fault_single_bytes(struct stage *stage, struct measure *measure) {
    proxy_split(stage->proxy, true);
    for (unsigned i = 0; i < measure->times; i++) {
        stage_tell_all(stage, "talk 20 0 200");
        stage_await_silence(stage);
        proxy_break(stage->proxy, stage_random(stage, stage->actor_count), false);
        stage_await_online(stage);
        stage->times++;
    }
}

static bool all_have_connected(struct stage *stage, const void *context) {
    const uint64_t *accepted = context;
    for (unsigned i = 0; i < stage->actor_count; i++)
        if (proxy_accepted(stage->proxy, i) <= accepted[i])
            return false;
    return true;
}

/* Waits until every lane has accepted one more connection than so far. */
static void await_connections(struct stage *stage, const uint64_t *accepted) {
    stage_await(stage, "clients to connect", all_have_connected, accepted);
}

static void note_connections(struct stage *stage, uint64_t *accepted) {
    for (unsigned i = 0; i < stage->actor_count; i++)
        accepted[i] = proxy_accepted(stage->proxy, i);
}

/* Something happens to every client's next connection, which follows at once. */
static void break_all(struct stage *stage, void (*next)(struct proxy *proxy, unsigned lane)) {
    uint64_t accepted[STAGE_PUPPETS_MAX];
    note_connections(stage, accepted);
    for (unsigned i = 0; i < stage->actor_count; i++) {
        next(stage->proxy, i);
        proxy_break(stage->proxy, i, false);
    }
    await_connections(stage, accepted);
}

static void release_all(struct stage *stage) {
    for (unsigned i = 0; i < stage->actor_count; i++, stage->times++)
        proxy_release(stage->proxy, i);
}

/* A client's second attempt to connect reaches the server before its first: the first is of a
 * client that was killed, or, in the full run, of one that lost patience. */
void fault_reordered(struct stage *stage, struct measure *measure) {
    uint64_t accepted[STAGE_PUPPETS_MAX];
    while (stage->times < measure->times) {
        stage_tell_all(stage, "talk 0 10000 40");
        break_all(stage, proxy_hold);
        for (unsigned i = 0; i < stage->actor_count; i++) {
            stage_kill_puppet(stage, i);
            stage_start_puppet(stage, i);
        }
        stage_tell_all(stage, "talk 0 10000 40");
        stage_await_online(stage);
        release_all(stage);
        stage_pass(stage, stage_random(stage, 300));
        stage_await_online(stage);
    }
    if (!measure->full)
        return;
    break_all(stage, proxy_hold);
    note_connections(stage, accepted);
    await_connections(stage, accepted);
    stage_await_online(stage);
    release_all(stage);
}

/* A server waits 5 s for a greeting, a client 10 s for the answer. */
enum { LATE_MILLISECONDS = 6000 };

void fault_greeted_late(struct stage *stage, struct measure *measure) {
    stage_tell_all(stage, "talk 0 10000 40");
    for (unsigned i = 0; i < measure->times; i++) {
        break_all(stage, proxy_freeze_next);
        stage_pass(stage, LATE_MILLISECONDS);
        thaw_all(stage);
        stage->times += stage->actor_count;
        stage_await_online(stage);
    }
}
