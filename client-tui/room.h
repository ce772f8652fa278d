/* A room as one person sees it: its lines, its place on the pane, what of it was read. Its lines
 * are in two runs: the live one ends with the newest line, and beside it there may be a past
 * passage (passage.h), which is shown instead. The model owns rooms; the UI thread's. */
#ifndef CLIENT_ROOM_H
#define CLIENT_ROOM_H

#include "rights.h"
#include "run.h"

enum {
    ROOM_LINES_MAX = 20000 /* of a run; beyond it those furthest away are dropped, to be fetched
                              again */
};

/* What a page of history was asked for. */
enum page_use {
    PAGE_NONE,
    PAGE_OLDER,  /* to go before the run shown */
    PAGE_NEWER,  /* to go after the passage shown */
    PAGE_AROUND, /* to begin a passage that ends with a certain message */
    PAGE_UNREAD  /* to begin a passage with the first message not read */
};

/* Where the pane is to be put as soon as its size and lines allow. */
enum room_goal {
    GOAL_NONE,
    GOAL_SELECTED, /* the selected line in the middle */
    GOAL_MARKER    /* the marker at the top */
};

struct room {
    uint32_t number; /* 0: the start room, not yet joined */
    enum room_kind kind;
    char *name;
    char *topic;
    unsigned access; /* see rights.h */
    uint64_t as_of;  /* event up to which access and role were told; later acts change them */
    enum role role;  /* the user's */
    char *expelled;  /* how the user was taken out of it, to be told when it is gone; or NULL */
    struct run live;
    struct run past;
    bool in_past;        /* the past passage is shown */
    enum page_use asked; /* the page under way, and what it was asked with */
    struct message_history wish;
    bool overtaken;  /* something in that page was edited or deleted meanwhile */
    bool stalled;    /* a page failed; not asked again until a key or a new connection */
    uint64_t target; /* of PAGE_AROUND */

    struct line *anchor;   /* while reading above: the lowest line shown; NULL: follows the end */
    size_t anchor_hidden;  /* rows of it that are below the pane */
    struct line *selected; /* in the run shown, or NULL */
    enum room_goal goal;
    bool noted; /* a notice came while reading above */

    bool begun;       /* the first page has come */
    bool forsaken;    /* it was the last one; nobody is in it any more */
    bool opened;      /* since it is shown, it was opened where the reading ended */
    uint64_t read;    /* last event read */
    uint64_t counted; /* events up to here are in the server's count of unread ones */
    unsigned unread;
    unsigned mentions;     /* among the unread ones that are loaded */
    uint64_t marker;       /* message before which the marker stands; 0 for none */
    unsigned marker_count; /* what it says is new */
    uint64_t told;         /* what the server knows that was read */
    uint64_t told_at;      /* monotonic */

    char **nicks; /* seen or told of, most recent last; for completion */
    size_t nick_count;
    bool asked_who;
};

struct room *room_new(uint32_t number, enum room_kind kind, struct wire_text name);
void room_free(struct room *room);
void room_set_text(char **place, struct wire_text text);

/* The run on the pane. */
struct run *room_run(struct room *room);
const struct run *room_run_shown(const struct room *room);

/* Forgets all lines but the client's own words, which may be all that is left of the user's. */
void room_clear(struct room *room);

/* Forgets the passage, or the page that was to begin one, and follows the newest line again. */
void room_follow(struct room *room);

/* Adds the newest line; what is too much goes. */
void room_push(struct room *room, struct line *line);

/* Bounds the live run. Someone who reads its older half keeps that as a passage. */
void room_trim(struct room *room);

/* Puts the amended line of an `edited` or `deleted` event in its place; `nick` is the reader's. */
void room_amend(struct room *room, const struct message *event, const char *nick);

void room_add_nick(struct room *room, struct wire_text nick);
void room_drop_nick(struct room *room, struct wire_text nick);

/* The server's word on what was read, with what is unread up to `counted`. */
void room_set_unread(struct room *room, uint64_t read, unsigned unread, uint64_t counted);
/* The person has read up to the event. */
void room_read(struct room *room, uint64_t id);
/* Counts a line that came. */
void room_count(struct room *room, const struct line *line);
/* Whether everything behind the event is in the live run. */
bool room_covers(const struct room *room, uint64_t id);
/* Counts anew, when all that is unread is loaded. */
void room_recount(struct room *room);

/* Puts the marker before the first unread message of the run shown. */
void room_set_marker(struct room *room);

#endif
