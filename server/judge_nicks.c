/* What people are called. */
#include "judge_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Gives the account a nick that is free, and tells its rooms. */
void judge_set_nick(struct judge *judge, struct account *account, const char *nick) {
    char *old_nick = strdup(account->nick);
    if (old_nick == NULL || !state_set_nick(judge->state, account, nick)) {
        free(old_nick);
        judge_fail_memory(judge, false);
        return;
    }
    store_set_nick(judge->store, account->id, nick);
    struct message renamed = judge_event_by(MESSAGE_RENAMED, account);
    renamed.renamed.nick = wire_text(old_nick);
    renamed.renamed.new_nick = wire_text(nick);
    for (size_t i = 0; i < account->reading_count; i++)
        batch_event(&judge->batch, state_room(judge->state, account->readings[i].room), &renamed);
    free(old_nick);
}

enum error_code judge_nick_error(const struct judge *judge, const struct account *account,
                                 const struct name *name) {
    struct account *holder;
    if (!state_find_holder(judge->state, name, account, &holder))
        return ERROR_FAILED;
    if (holder == NULL)
        return ERROR_NONE;
    return holder->devices != NULL ? ERROR_NICK_OWNED : ERROR_NICK_TAKEN;
}

void judge_suggest_nick(const struct judge *judge, const char *taken, char *suggestion,
                        size_t size) {
    struct name name;
    struct account *holder;
    for (int number = 2; number < 10; number++) {
        snprintf(suggestion, size, "%s%d", taken, number);
        if (name_nick(wire_text(suggestion), &name) &&
            state_find_holder(judge->state, &name, NULL, &holder) && holder == NULL)
            return;
    }
    suggestion[0] = '\0';
}

static void judge_refuse_nick(struct judge *judge, const struct request *request,
                              enum error_code code, const char *nick) {
    char suggestion[NAME_BYTES_MAX + 1];
    struct message error = {.type = MESSAGE_ERROR};
    judge_suggest_nick(judge, nick, suggestion, sizeof suggestion);
    error.error.tag = request->message.rename.tag;
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    error.error.suggestion = wire_text(suggestion);
    batch_reply(&judge->batch, INBOX_REPLY, request->session, &error);
}

void judge_rename(struct judge *judge, const struct request *request, struct presence *presence) {
    const struct message_rename *rename_to = &request->message.rename;
    struct account *account = presence->account;
    struct name name;
    if (!name_nick(rename_to->nick, &name)) {
        judge_error(judge, request, rename_to->tag, ERROR_NICK_INVALID);
        return;
    }
    enum error_code error = judge_nick_error(judge, account, &name);
    if (error != ERROR_NONE) {
        judge_refuse_nick(judge, request, error, name.shown);
        return;
    }
    if (judge->read_only) {
        judge_error(judge, request, rename_to->tag, ERROR_STORAGE);
        return;
    }
    if (strcmp(account->nick, name.shown) != 0)
        judge_set_nick(judge, account, name.shown);
    judge_done(judge, request, rename_to->tag);
}
