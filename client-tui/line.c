#include "line.h"
#include "rights.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct wire_text line_nick(const struct line *line) {
    return (struct wire_text){line->bytes, line->nick_size};
}

struct wire_text line_text(const struct line *line) {
    return (struct wire_text){line->bytes + line->nick_size, line->text_size};
}

uint64_t event_target(const struct message *event) {
    if (event->type == MESSAGE_EDITED)
        return event->edited.target;
    return event->type == MESSAGE_DELETED ? event->deleted.target : 0;
}

uint64_t line_event(const struct line *line) {
    return line->kind == LINE_MESSAGE || line->kind == LINE_EVENT ? line->id : 0;
}

struct line *line_new(enum line_kind kind, const struct event_head *head, struct wire_text nick,
                      struct wire_text text) {
    struct line *line = malloc(sizeof *line + nick.size + text.size);
    if (line == NULL)
        abort();
    *line = (struct line){.id = head->id,
                          .time = head->time,
                          .kind = (uint8_t)kind,
                          .nick_size = (uint16_t)nick.size,
                          .text_size = (uint32_t)text.size};
    if (nick.size > 0)
        memcpy(line->bytes, nick.data, nick.size);
    if (text.size > 0)
        memcpy(line->bytes + nick.size, text.data, text.size);
    return line;
}

/* A byte that may be part of a nick. */
static bool is_nick_byte(unsigned char byte) {
    return isalnum(byte) || byte >= 0x80 || byte == '-' || byte == '_';
}

bool line_mentions(struct wire_text text, const char *nick) {
    size_t size = strlen(nick);
    for (size_t i = 0; size > 0 && i + size <= text.size; i++) {
        bool starts = i == 0 || !is_nick_byte((unsigned char)text.data[i - 1]);
        bool ends = i + size == text.size || !is_nick_byte((unsigned char)text.data[i + size]);
        if (starts && ends && strncasecmp(text.data + i, nick, size) == 0)
            return true;
    }
    return false;
}

/* An event's line: who did what, in words. */
static struct line *line_of_happening(const struct message *event, struct wire_text nick,
                                      const char *what, struct wire_text detail) {
    struct buffer text = {0};
    buffer_append(&text, nick.data, nick.size);
    buffer_append_string(&text, what);
    buffer_append(&text, detail.data, detail.size);
    struct line *line = line_new(LINE_EVENT, &event->event, (struct wire_text){0},
                                 (struct wire_text){(const char *)text.data, text.size});
    buffer_free(&text);
    return line;
}

/* What an act is called between the actor's nick and the subject's, and behind it. */
static const struct {
    enum right right;
    const char *before;
    const char *after;
} line_acts[] = {
    {RIGHT_INVITE, " invited ", ""},
    {RIGHT_KICK, " kicked ", ""},
    {RIGHT_BAN, " banned ", ""},
    {RIGHT_UNBAN, " unbanned ", ""},
    {RIGHT_MUTE, " muted ", ""},
    {RIGHT_UNMUTE, " unmuted ", ""},
    {RIGHT_OP, " made ", " a moderator"},
    {RIGHT_DEOP, " made ", " a member like others"},
    {RIGHT_TRANSFER, " made ", " the owner"},
    {RIGHT_ACCESS, " made the room ", ""},
};

void line_describe_act(struct buffer *text, const struct message_acted *acted,
                       const char *subject) {
    size_t i = 0;
    const size_t count = sizeof line_acts / sizeof *line_acts;
    while (i < count && (unsigned)line_acts[i].right != acted->right)
        i++;
    buffer_append(text, acted->nick.data, acted->nick.size);
    buffer_append_string(text, i < count ? line_acts[i].before : " did something to ");
    if (acted->right != RIGHT_ACCESS && subject != NULL)
        buffer_append_string(text, subject);
    else if (acted->right != RIGHT_ACCESS)
        buffer_append(text, acted->subject_nick.data, acted->subject_nick.size);
    buffer_append_string(text, i < count ? line_acts[i].after : "");
    if (acted->right != RIGHT_ACCESS && acted->detail.size > 0)
        buffer_append_string(text, ": ");
    buffer_append(text, acted->detail.data, acted->detail.size);
}

static struct line *line_of_act(const struct message *event) {
    struct buffer text = {0};
    line_describe_act(&text, &event->acted, NULL);
    struct line *line = line_new(LINE_EVENT, &event->event, (struct wire_text){0},
                                 (struct wire_text){(const char *)text.data, text.size});
    buffer_free(&text);
    return line;
}

static void line_set_amended(struct line *line, const struct message_message *message) {
    line->deleted = message->amended != 0 && message->body.size == 0;
    line->edited = message->amended != 0 && !line->deleted;
}

static struct line *line_of_message(const struct message *event, uint32_t account,
                                    const char *nick) {
    struct line *line =
        line_new(LINE_MESSAGE, &event->event, event->message.nick, event->message.body);
    line_set_amended(line, &event->message);
    line->own = event->event.actor == account;
    line->mention = !line->own && line_mentions(event->message.body, nick);
    return line;
}

struct line *line_of_event(const struct message *event, uint32_t account, const char *nick) {
    const struct wire_text nothing = {0};
    switch ((int)event->type) {
    case MESSAGE_MESSAGE:
        return line_of_message(event, account, nick);
    case MESSAGE_JOINED:
        return line_of_happening(event, event->joined.nick, " joined", nothing);
    case MESSAGE_LEFT:
        return line_of_happening(event, event->left.nick, " left", nothing);
    case MESSAGE_TOPIC_SET:
        return line_of_happening(event, event->topic_set.nick,
                                 " set the topic: ", event->topic_set.topic);
    case MESSAGE_ROOM_MADE:
        return line_of_happening(event, event->room_made.nick, " made the room", nothing);
    case MESSAGE_ACTED:
        return line_of_act(event);
    case MESSAGE_RENAMED:
        return line_of_happening(event, event->renamed.nick, " is now ", event->renamed.new_nick);
    default:
        return NULL;
    }
}

struct line *line_of_hit(const struct message *event, const char *heading) {
    struct buffer text = {0};
    buffer_append_string(&text, heading);
    buffer_append(&text, event->message.body.data, event->message.body.size);
    struct line *line = line_new(LINE_HIT, &event->event, event->message.nick,
                                 (struct wire_text){(const char *)text.data, text.size});
    line->place = (struct line_place){event->event.room, (uint16_t)strlen(heading)};
    line_set_amended(line, &event->message);
    buffer_free(&text);
    return line;
}

/* An edit without a text was superseded; the one that did it comes too. A page may be ahead of the
 * events that still come, but the last of them has the last text. */
static bool line_stays(const struct line *line, const struct message *event) {
    return line->deleted || (event->type == MESSAGE_EDITED && event->edited.body.size == 0);
}

struct line *line_amended(const struct line *line, const struct message *event, const char *nick) {
    struct buffer text = {0};
    const struct event_head head = {.id = line->id, .time = line->time};
    if (line_stays(line, event))
        return NULL;
    if (line->kind == LINE_HIT)
        buffer_append(&text, line_text(line).data, line->place.heading);
    if (event->type == MESSAGE_EDITED)
        buffer_append(&text, event->edited.body.data, event->edited.body.size);
    struct line *amended = line_new((enum line_kind)line->kind, &head, line_nick(line),
                                    (struct wire_text){(const char *)text.data, text.size});
    buffer_free(&text);
    amended->place = line->place;
    amended->own = line->own;
    amended->deleted = event->type == MESSAGE_DELETED;
    amended->edited = !amended->deleted;
    amended->mention =
        line->kind == LINE_MESSAGE && !line->own && line_mentions(line_text(amended), nick);
    return amended;
}
