/* One harm after the other, and one into the other: what is well by itself may not be together. */
#include "faults.h"

#include <signal.h>

static const char talking[] = "talk 0 10000 60";

static unsigned any_puppet(struct stage *stage) {
    return stage_random(stage, stage->actor_count);
}

static void kill_server(struct stage *stage) {
    stage_kill_server(stage);
    stage_pass(stage, stage_random(stage, 300));
    stage_start_server(stage);
}

static void kill_puppet(struct stage *stage) {
    unsigned index = any_puppet(stage);
    stage_kill_puppet(stage, index);
    stage_start_puppet(stage, index);
    stage_tell(stage, index, "%s", talking);
}

static void stop_server(struct stage *stage) {
    stage_signal_server(stage, SIGSTOP);
    stage_pass(stage, stage_random(stage, 200));
    stage_signal_server(stage, SIGCONT);
}

static void stop_puppet(struct stage *stage) {
    unsigned index = any_puppet(stage);
    kill(stage->actors[index].process, SIGSTOP);
    stage_pass(stage, stage_random(stage, 200));
    kill(stage->actors[index].process, SIGCONT);
}

static void break_lane(struct stage *stage) {
    proxy_break(stage->proxy, any_puppet(stage), stage_random(stage, 2) == 0);
}

static void cut_lane(struct stage *stage) {
    unsigned index = any_puppet(stage);
    proxy_cut(stage->proxy, index, stage_random(stage, 2), 1 + stage_random(stage, 2000));
    proxy_break(stage->proxy, index, false);
}

static void freeze_lane(struct stage *stage) {
    proxy_freeze(stage->proxy, any_puppet(stage));
}

static void thaw_lanes(struct stage *stage) {
    for (unsigned i = 0; i < stage->actor_count; i++)
        proxy_thaw(stage->proxy, i);
}

static void change_delay(struct stage *stage) {
    proxy_delay(stage->proxy, stage_random(stage, 2) * stage_random(stage, 50));
}

static void change_split(struct stage *stage) {
    proxy_split(stage->proxy, stage_random(stage, 4) == 0);
}

static void make_deaf(struct stage *stage) {
    stage_tell(stage, any_puppet(stage), "deaf");
}

static void make_hear(struct stage *stage) {
    stage_tell_all(stage, "hear");
}

static void kill_server_after_commit(struct stage *stage) {
    thaw_lanes(stage); /* somebody must be able to post */
    make_hear(stage);
    stage_kill_server(stage);
    stage->faults = "log-after-commit:kill=9";
    stage_start_server(stage);
    stage_await_death(stage);
    stage->faults = NULL;
    stage_start_server(stage);
}

static void (*const harms[])(struct stage *stage) = {
    kill_server,  kill_server_after_commit,
    kill_puppet,  kill_puppet,
    stop_server,  stop_puppet,
    break_lane,   cut_lane,
    freeze_lane,  thaw_lanes,
    thaw_lanes,   change_delay,
    change_split, make_deaf,
    make_hear,
};

void fault_mixed(struct stage *stage, struct measure *measure) {
    stage_tell_all(stage, talking);
    for (unsigned i = 0; i < measure->times; i++) {
        stage_pass(stage, stage_random(stage, 120));
        harms[stage_random(stage, sizeof harms / sizeof *harms)](stage);
        stage->times++;
    }
    thaw_lanes(stage);
    make_hear(stage);
    proxy_delay(stage->proxy, 0);
    proxy_split(stage->proxy, false);
}
