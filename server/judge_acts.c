/* What is asked for by an `act`: one right of rights.def each. */
#include "judge_parts.h"

/* Who carries out what. */
static judge_handler *const act_functions[256] = {
    [RIGHT_DEVICE_ADD] = judge_device_add,
    [RIGHT_DEVICE_LIST] = judge_device_list,
    [RIGHT_DEVICE_REMOVE] = judge_device_remove,
    [RIGHT_ADMIT] = judge_admit,
    [RIGHT_INVITE_TO_SERVER] = judge_invite_to_server,
};

enum standing judge_standing(const struct judge *judge, const struct account *account) {
    if (account->id == state_owner(judge->state))
        return STANDING_OWNER;
    return account->devices != NULL ? STANDING_PERSON : STANDING_GUEST;
}

void judge_act(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_act *act = &request->message.act;
    const struct right_entry *entry = right_find(act->right);
    judge_handler *carry_out = act_functions[act->right];
    if (entry == NULL || carry_out == NULL)
        judge_error(judge, request, act->tag, ERROR_UNKNOWN_TYPE);
    else if (!entry->of_room && judge_standing(judge, presence->account) < entry->least)
        judge_error(judge, request, act->tag, ERROR_NOT_ALLOWED);
    else
        carry_out(judge, request, presence);
}
