/* Who is let in, as the server's owner says it. */
#include "judge_parts.h"

enum { INVITATION_MILLISECONDS = 7 * 24 * 60 * 60 * 1000 };

static const char *const admission_names[ADMISSION_COUNT] = {
    [ADMISSION_OPEN] = "open",
    [ADMISSION_INVITED] = "invited",
    [ADMISSION_GUESTS] = "guests",
};

enum error_code judge_admits(const struct judge *judge, bool has_key, bool invited) {
    enum admission admission = state_admission(judge->state);
    if (!has_key)
        return admission == ADMISSION_GUESTS || (admission == ADMISSION_OPEN && judge->plaintext)
                   ? ERROR_NONE
                   : ERROR_NEEDS_KEY;
    return admission != ADMISSION_INVITED || invited ? ERROR_NONE : ERROR_NEEDS_INVITATION;
}

void judge_admit(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_act *act = &request->message.act;
    unsigned wished = 0;
    while (wished < ADMISSION_COUNT &&
           !wire_text_equal(act->subject, wire_text(admission_names[wished])))
        wished++;
    if (wished == ADMISSION_COUNT || judge->read_only) {
        judge_error(judge, request, act->tag,
                    judge->read_only ? ERROR_STORAGE : ERROR_NO_SUCH_ADMISSION);
        return;
    }
    struct message acted = judge_event_by(MESSAGE_ACTED, presence->account);
    acted.acted.nick = wire_text(presence->account->nick);
    acted.acted.right = RIGHT_ADMIT;
    acted.acted.detail = wire_text(admission_names[wished]);
    judge_fail_memory(judge, state_set_admission(judge->state, (enum admission)wished));
    store_set_admission(judge->store, (int)wished);
    batch_event(&judge->batch, NULL, &acted);
    judge_done(judge, request, act->tag);
}

void judge_invite_to_server(struct judge *judge, const struct request *request,
                            struct presence *presence) {
    (void)presence;
    judge_answer_code(judge, request, 0, INVITATION_MILLISECONDS);
}
