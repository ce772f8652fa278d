/* The faults, each a play on a stage: it has the puppets talk, does its harm so many times, and
 * leaves a server that runs and puppets that may still talk. The driver's main thread. */
#ifndef TESTS_TORTURE_FAULTS_H
#define TESTS_TORTURE_FAULTS_H

#include "stage.h"

enum { REMARK_MAX = 120 };

/* How much harm: `full` is the long run. A remark for the table may be left. */
struct measure {
    unsigned times;
    bool full;
    char remark[REMARK_MAX];
};

typedef void fault_play(struct stage *stage, struct measure *measure);

/* faults_process.c */
fault_play fault_server_killed;
fault_play fault_killed_before_commit;
fault_play fault_killed_after_commit;
fault_play fault_killed_in_broadcast;
fault_play fault_killed_before_acknowledgement;
fault_play fault_client_killed;
fault_play fault_client_killed_waiting;
fault_play fault_server_stopped;
fault_play fault_clients_stopped;
fault_play fault_clock_set;

/* faults_network.c */
fault_play fault_cut_up;
fault_play fault_cut_down;
fault_play fault_half_open;
fault_play fault_reset;
fault_play fault_delayed;
fault_play fault_stalled;
fault_play fault_single_bytes;
fault_play fault_reordered;
fault_play fault_greeted_late;

/* faults_load.c */
fault_play fault_deaf;

/* faults_mixed.c */
fault_play fault_mixed;

#endif
