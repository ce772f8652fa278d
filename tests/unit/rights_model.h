/* What three people may do in one room, in the plainest words: the model that a server is compared
 * with. It knows nothing of the server's code but the numbers of rights and errors. */
#ifndef TESTS_UNIT_RIGHTS_MODEL_H
#define TESTS_UNIT_RIGHTS_MODEL_H

#include "rights.h"

enum { MODEL_PEOPLE = 3, MODEL_MESSAGES = 64 };

struct model_message {
    uint64_t id;
    int author;
    bool deleted;
};

struct room_model {
    int owner;
    unsigned access;
    bool member[MODEL_PEOPLE];
    bool moderator[MODEL_PEOPLE];
    bool muted[MODEL_PEOPLE];
    bool banned[MODEL_PEOPLE];
    bool invited[MODEL_PEOPLE];
    struct model_message messages[MODEL_MESSAGES];
    int message_count;
};

/* 0 banned, 1 muted, 2 nothing special, 3 moderator, 4 owner: member or not. */
static inline int model_rank(const struct room_model *model, int person) {
    if (person == model->owner)
        return 4;
    if (model->banned[person])
        return 0;
    return model->moderator[person] ? 3 : model->muted[person] ? 1 : 2;
}

static inline bool model_moderates(const struct room_model *model, int person) {
    return model_rank(model, person) >= 3;
}

static inline bool model_is_private(const struct room_model *model) {
    return (model->access & ACCESS_PRIVATE) != 0;
}

static inline bool model_lists(const struct room_model *model, int person) {
    if (model_is_private(model))
        return model->member[person];
    return model_rank(model, person) > 0;
}

static inline enum error_code model_join(struct room_model *model, int person) {
    if (!model->member[person] &&
        (model_rank(model, person) == 0 ||
         (model_is_private(model) && !model->invited[person] && !model_moderates(model, person))))
        return ERROR_ROOM_CLOSED;
    model->member[person] = true;
    return ERROR_NONE;
}

static inline enum error_code model_leave(struct room_model *model, int person) {
    if (!model->member[person])
        return ERROR_NOT_A_MEMBER;
    model->member[person] = false;
    return ERROR_NONE;
}

static inline enum error_code model_speak(const struct room_model *model, int person) {
    if (!model->member[person])
        return ERROR_NOT_A_MEMBER;
    bool mute = (model->access & ACCESS_READ_ONLY) ? !model_moderates(model, person)
                                                   : model_rank(model, person) == 1;
    return mute ? ERROR_NOT_ALLOWED : ERROR_NONE;
}

static inline enum error_code model_delete(struct room_model *model, int person, int which) {
    struct model_message *message = &model->messages[which];
    if (!model->member[person])
        return ERROR_NOT_A_MEMBER;
    if (message->deleted)
        return ERROR_NO_SUCH_MESSAGE;
    if (message->author != person && !model_moderates(model, person))
        return ERROR_NOT_YOURS;
    message->deleted = true;
    return ERROR_NONE;
}

/* Whether the right needs an owner, a subject who is there, and one who is less than the actor. */
static inline enum error_code model_act(struct room_model *model, int actor, enum right right,
                                        int subject, unsigned access) {
    bool for_owner = right == RIGHT_OP || right == RIGHT_DEOP || right == RIGHT_TRANSFER ||
                     right == RIGHT_ACCESS;
    bool for_member = right == RIGHT_INVITE && !model_is_private(model);
    int rank = model_rank(model, actor);
    if (!model->member[actor])
        return ERROR_NOT_A_MEMBER;
    if (rank < (for_owner ? 4 : for_member ? 2 : 3))
        return ERROR_NOT_ALLOWED;
    if (right == RIGHT_ACCESS) {
        /* Whom members had invited while anybody could come in. */
        for (int i = 0; i < MODEL_PEOPLE && (access & ~model->access & ACCESS_PRIVATE); i++)
            model->invited[i] = model->invited[i] && model->member[i];
        model->access = access;
        return ERROR_NONE;
    }
    bool anybody = right == RIGHT_INVITE || right == RIGHT_BAN || right == RIGHT_UNBAN;
    if (!anybody && !model->member[subject])
        return ERROR_NOT_THERE;
    if (right == RIGHT_INVITE ? model->banned[subject] && subject != model->owner
                              : model_rank(model, subject) >= rank)
        return ERROR_NOT_ALLOWED;
    if (right == RIGHT_INVITE && !model->member[subject])
        model->invited[subject] = true;
    if (right == RIGHT_KICK || right == RIGHT_BAN)
        model->member[subject] = model->invited[subject] = model->moderator[subject] = false;
    if (right == RIGHT_BAN || right == RIGHT_UNBAN)
        model->banned[subject] = right == RIGHT_BAN;
    if (right == RIGHT_MUTE || right == RIGHT_UNMUTE || right == RIGHT_OP)
        model->muted[subject] = right == RIGHT_MUTE;
    if (right == RIGHT_OP || right == RIGHT_DEOP || right == RIGHT_MUTE)
        model->moderator[subject] = right == RIGHT_OP;
    if (right == RIGHT_TRANSFER) {
        model->moderator[actor] = true;
        model->moderator[subject] = model->muted[subject] = false;
        model->owner = subject;
    }
    return ERROR_NONE;
}

#endif
