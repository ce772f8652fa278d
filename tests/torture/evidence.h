/* Reads what a play has left behind, the log and what every puppet noted, and has it judged. The
 * driver's main thread, after stage_close. */
#ifndef TESTS_TORTURE_EVIDENCE_H
#define TESTS_TORTURE_EVIDENCE_H

#include "stage.h"
#include "verdict.h"

struct findings {
    uint64_t posts;        /* that reached a client's outbox on disk, or the log */
    uint64_t acknowledged; /* of which a puppet was told that they are stored */
    uint64_t deliveries;   /* messages shown, to all puppets together */
    struct verdict verdict;
};

void evidence_judge(const struct stage *stage, struct findings *findings);

#endif
