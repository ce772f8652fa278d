/* What people do that is about no room: whom they do not wish to hear, and who owns the server. */
#include "judge_parts.h"
#include "owner_token.h"

enum { BLOCKS_MAX = 1000 };

void judge_block(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_act *act = &request->message.act;
    struct account *account = presence->account;
    const struct account *other = judge_person(judge, act->subject);
    bool blocks = act->right == RIGHT_BLOCK;
    if (other == NULL || other == account) {
        judge_error(judge, request, act->tag, ERROR_NO_SUCH_PERSON);
        return;
    }
    if (judge->read_only || (blocks && account->block_count >= BLOCKS_MAX)) {
        judge_error(judge, request, act->tag, judge->read_only ? ERROR_STORAGE : ERROR_FULL);
        return;
    }
    judge_fail_memory(judge, state_set_block(judge->state, account, other->id, blocks));
    store_set_block(judge->store, account->id, other->id, blocks);
    judge_done(judge, request, act->tag);
}

void judge_give_server(struct judge *judge, struct account *account) {
    struct message acted = judge_event_by(MESSAGE_ACTED, account);
    acted.acted.nick = wire_text(account->nick);
    acted.acted.right = RIGHT_CLAIM;
    judge_fail_memory(judge, state_set_owner(judge->state, account->id));
    store_set_owner(judge->store, account->id);
    batch_event(&judge->batch, NULL, &acted);
}

void judge_claim(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_act *act = &request->message.act;
    enum error_code error = judge->read_only ? ERROR_STORAGE : ERROR_NONE;
    if (error == ERROR_NONE && !owner_token_take(store_path(judge->store), act->subject))
        error = ERROR_CODE_INVALID;
    if (error != ERROR_NONE) {
        judge_error(judge, request, act->tag, error);
        return;
    }
    judge_give_server(judge, presence->account);
    judge_done(judge, request, act->tag);
}
