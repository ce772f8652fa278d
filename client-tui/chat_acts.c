/* What is asked for by an `act`, and what comes of it. */
#include "chat_parts.h"

#include <time.h>

/* What the user is told of it that no event says. */
static const struct {
    enum right right;
    const char *done;    /* NULL: nothing */
    const char *for_who; /* whom a code is for, */
    const char *called;  /* and what else they say at their start */
} act_answers[] = {
    {RIGHT_DEVICE_ADD, NULL, "On your other device", ""},
    {RIGHT_DEVICE_REMOVE, "That device is removed; it cannot be you any more.", NULL, NULL},
    {RIGHT_BLOCK, "Nothing of theirs reaches you in private any more.", NULL, NULL},
    {RIGHT_UNBLOCK, "They can talk to you in private again.", NULL, NULL},
    {RIGHT_CLAIM, "You own this server now.", NULL, NULL},
    {RIGHT_ADMIT, "Let in from now on: ", NULL, NULL},
    {RIGHT_INVITE_TO_SERVER, NULL, "Whom you invite, on their machine", "--nick NAME "},
};

enum { ACT_ANSWERS = sizeof act_answers / sizeof *act_answers };

void chat_act(struct chat *chat, enum right right, uint32_t room, const char *subject,
              const char *detail) {
    struct message act = {.type = MESSAGE_ACT};
    act.act.right = (uint8_t)right;
    act.act.room = room;
    act.act.subject = wire_text(subject);
    act.act.detail = wire_text(detail);
    chat_ask(chat, REQUEST_ACT, &act, room, chat_copy(subject));
}

void chat_on_act_done(struct chat *chat, const struct chat_request *request) {
    for (size_t i = 0; i < ACT_ANSWERS; i++)
        if (act_answers[i].right == request->right && act_answers[i].done != NULL)
            chat_notice(chat, "%s%s", act_answers[i].done,
                        request->right == RIGHT_ADMIT ? request->text : "");
}

/* A moment, in the user's time. */
static void chat_print_moment(uint64_t milliseconds, const char *format, char *text, size_t size) {
    time_t seconds = (time_t)(milliseconds / 1000);
    struct tm moment;
    if (localtime_r(&seconds, &moment) == NULL || strftime(text, size, format, &moment) == 0)
        text[0] = '\0';
}

void chat_on_code(struct chat *chat, const struct chat_request *request,
                  const struct message_code *code) {
    char until[64];
    chat_print_moment(code->until, "%F %H:%M", until, sizeof until);
    for (size_t i = 0; i < ACT_ANSWERS; i++)
        if (act_answers[i].right == request->right && act_answers[i].for_who != NULL)
            chat_notice(chat, "%s, once, until %s:\nchat-tui %s--code %.*s HOST PORT",
                        act_answers[i].for_who, until, act_answers[i].called, PRINTED(code->code));
}

void chat_on_device(struct chat *chat, const struct message_device *device) {
    static const char *const states[] = {"", ", connected", ", this one"};
    char added[64];
    if (device->tag == 0) {
        chat_notice(chat,
                    "A device joined your account: %.*s. If it is none of yours: /device remove %u",
                    PRINTED(device->name), device->number);
        return;
    }
    chat_print_moment(device->added, "%F", added, sizeof added);
    chat_notice(chat, "Device %u: %.*s, since %s%s", device->number, PRINTED(device->name), added,
                device->online < 3 ? states[device->online] : "");
}
