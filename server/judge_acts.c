/* What is asked for by an `act`: one right of rights.def each. */
#include "judge_parts.h"

/* Who carries out what. */
static judge_handler *const act_functions[256] = {NULL};

void judge_act(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_act *act = &request->message.act;
    const struct right_entry *entry = right_find(act->right);
    judge_handler *carry_out = act_functions[act->right];
    if (entry == NULL || carry_out == NULL)
        judge_error(judge, request, act->tag, ERROR_UNKNOWN_TYPE);
    else
        carry_out(judge, request, presence);
}
