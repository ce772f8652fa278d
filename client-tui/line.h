/* One entry of what a room shows: a message, something that happened, a search result, or words of
 * the client itself. Text is as it came from the network; it passes text_clean before it is shown.
 * One allocation, owned by the run it lies in (run.h). The UI thread's. */
#ifndef CLIENT_LINE_H
#define CLIENT_LINE_H

#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

enum line_kind {
    LINE_MESSAGE, /* nick said text */
    LINE_EVENT,   /* text tells what happened */
    LINE_NOTICE,  /* from the client itself */
    LINE_HIT      /* a search result: nick said text, in another place */
};

/* Where a search result is. */
struct line_place {
    uint32_t room;
    uint16_t heading; /* bytes of the text that stand before what was said */
};

struct line {
    uint64_t id; /* of the event, or of the message found; 0 for the client's own */
    uint64_t time;
    struct line_place place; /* of a LINE_HIT */
    uint32_t text_size;
    uint16_t nick_size;
    uint8_t kind;
    bool own : 1;
    bool mention : 1;
    bool edited : 1;
    bool deleted : 1;
    bool warning : 1; /* of a notice: nobody is to overlook it */
    char bytes[];     /* nick, then text */
};

struct wire_text line_nick(const struct line *line);
struct wire_text line_text(const struct line *line);

/* The message that an `edited` or `deleted` event is about; 0 for other events. */
uint64_t event_target(const struct message *event);

/* The event that the line stands for in the order of its room; 0 for hits and notices. */
uint64_t line_event(const struct line *line);

/* A new line. */
struct line *line_new(enum line_kind kind, const struct event_head *head, struct wire_text nick,
                      struct wire_text text);

/* The line of an event, as the account and its nick see it; NULL when it has none. */
struct line *line_of_event(const struct message *event, uint32_t account, const char *nick);

/* The line of a message found: its text has the heading before it. */
struct line *line_of_hit(const struct message *event, const char *heading);

/* A new line to take the place of the old one, for an `edited` or `deleted` event; NULL when the
 * old one is to stay: it was deleted, or the event's text was superseded. */
struct line *line_amended(const struct line *line, const struct message *event, const char *nick);

/* Whether the text names the nick as a word. */
bool line_mentions(struct wire_text text, const char *nick);

/* Appends what somebody did by a right; `subject` is what the subject is called instead of by nick,
 * or NULL. */
void line_describe_act(struct buffer *text, const struct message_acted *acted, const char *subject);

#endif
