#include "pane.h"
#include "paint.h"
#include "wrap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PANE_WIDE = 60, PANE_TIMED = 40, PANE_NICK_COLUMNS = 12, PANE_TIME_COLUMNS = 5 };

/* Where the parts of a line stand, from the pane's left edge. */
struct pane_columns {
    int mark;
    int nick; /* 0: the nick goes before the text, in its first row */
    int text;
    int width; /* of the text */
};

static struct pane_columns pane_columns(const struct area *area) {
    struct pane_columns columns = {0};
    columns.mark = area->columns >= PANE_TIMED ? PANE_TIME_COLUMNS : 0;
    columns.text = columns.mark + 1;
    if (area->columns >= PANE_WIDE) {
        columns.nick = columns.mark + 2;
        columns.text = columns.nick + PANE_NICK_COLUMNS + 1;
    }
    columns.width = area->columns - columns.text;
    return columns;
}

/* A line in the form it is shown: its nick and text cleaned, together when there is no nick column.
 */
struct shown_line {
    struct buffer nick;
    struct buffer text;
    size_t nick_cells; /* at the front of the text */
    size_t body;       /* bytes of the text before what tells that it was edited or deleted */
};

static struct wire_text buffer_text(const struct buffer *buffer) {
    return (struct wire_text){(const char *)buffer->data, buffer->size};
}

static void shown_init(struct shown_line *shown, const struct pane_columns *columns,
                       struct wire_text nick, struct wire_text text, const char *remark) {
    *shown = (struct shown_line){0};
    text_clean(&shown->nick, nick, TEXT_ONE_LINE);
    if (columns->nick == 0 && nick.size > 0) {
        shown->nick_cells = text_cells(buffer_text(&shown->nick));
        buffer_append(&shown->text, shown->nick.data, shown->nick.size);
        buffer_append_string(&shown->text, ": ");
    }
    text_clean(&shown->text, text, TEXT_LINES);
    shown->body = shown->text.size;
    buffer_append_string(&shown->text, remark);
}

static void shown_free(struct shown_line *shown) {
    buffer_free(&shown->nick);
    buffer_free(&shown->text);
}

static const char *remark_of(const struct line *line) {
    return line->deleted ? "(deleted)" : line->edited ? " (edited)" : "";
}

static bool local_day(uint64_t time, struct tm *day) {
    time_t seconds = (time_t)(time / 1000);
    return localtime_r(&seconds, day) != NULL;
}

/* A day begins with this line. */
static bool begins_day(const struct run *run, size_t index) {
    struct tm day, before;
    if (!local_day(run->lines[index]->time, &day))
        return false;
    if (index == 0)
        return true;
    return !local_day(run->lines[index - 1]->time, &before) || day.tm_yday != before.tm_yday ||
           day.tm_year != before.tm_year;
}

/* The marker of what is new stands before this line. */
static bool has_marker(const struct room *room, const struct line *line) {
    return room->marker != 0 && line->id == room->marker && line->kind == LINE_MESSAGE;
}

/* Rows a line takes, with what stands above it: the day, and the marker. */
static size_t pane_rows_of(const struct area *area, const struct room *room, size_t index) {
    struct pane_columns columns = pane_columns(area);
    const struct run *run = room_run_shown(room);
    const struct line *line = run->lines[index];
    struct shown_line shown;
    shown_init(&shown, &columns, line_nick(line), line_text(line), remark_of(line));
    size_t rows = wrap_count(buffer_text(&shown.text), (size_t)columns.width);
    shown_free(&shown);
    return rows + begins_day(run, index) + has_marker(room, line);
}

/* What a painted line looks like besides its text. */
struct pane_look {
    enum paint_style style;
    const char *mark;
    const char *remark; /* dim, behind the text */
    uint64_t time;
    bool own;
};

static struct pane_look look_of(const struct line *line, bool selected) {
    struct pane_look look = {.style = PAINT_PLAIN, .mark = "", .remark = "", .time = line->time};
    look.own = line->own;
    if (line->kind == LINE_EVENT)
        look.style = PAINT_DIM;
    else if (line->warning)
        look.style = PAINT_WARNING;
    else if (line->kind == LINE_NOTICE || line->kind == LINE_HIT)
        look.style = PAINT_NOTICE;
    else if (line->mention)
        look.style = PAINT_MENTION;
    if (line->own)
        look.mark = "✓";
    if (selected) {
        look.mark = "▸";
        look.style = PAINT_BAR;
    }
    look.remark = remark_of(line);
    return look;
}

/* Paints what stands before a line's first row. */
static void pane_paint_head(const struct area *area, int row, const struct pane_columns *columns,
                            const struct shown_line *shown, const struct pane_look *look) {
    struct tm day;
    char time[8] = "";
    if (columns->mark > 0 && look->time != 0 && local_day(look->time, &day))
        strftime(time, sizeof time, "%H:%M", &day);
    paint_text(row, area->column, PANE_TIME_COLUMNS, wire_text(time), PAINT_DIM);
    paint_text(row, area->column + columns->mark, 1, wire_text(look->mark), PAINT_DIM);
    if (columns->nick == 0) {
        if (shown->nick_cells > 0)
            paint_nick(row, area->column + columns->text, columns->width, buffer_text(&shown->nick),
                       look->own);
        return;
    }
    struct wire_text nick = buffer_text(&shown->nick);
    bool cut = text_cells(nick) > PANE_NICK_COLUMNS;
    nick = paint_clip(nick, PANE_NICK_COLUMNS - cut);
    int column = area->column + columns->text - 1 - cut - (int)text_cells(nick);
    int taken = paint_nick(row, column, PANE_NICK_COLUMNS, nick, look->own);
    paint_text(row, column + taken, cut, wire_text("…"), PAINT_DIM);
}

/* Paints a row of a line: what is of its body in its style, the remark behind it dim. */
static void pane_paint_part(int row, int column, int columns, const struct shown_line *shown,
                            struct wire_text part, enum paint_style style) {
    const char *body_end = (const char *)shown->text.data + shown->body;
    struct wire_text body = part;
    if (part.data + part.size > body_end)
        body.size = part.data < body_end ? (size_t)(body_end - part.data) : 0;
    int taken = paint_text(row, column, columns, body, style);
    paint_text(row, column + taken, columns - taken,
               (struct wire_text){part.data + body.size, part.size - body.size}, PAINT_DIM);
}

/* Paints a line whose last row would be `bottom`, the part of it that lies in the area; returns its
 * rows. */
static int pane_paint_line(const struct area *area, int bottom, struct wire_text nick,
                           struct wire_text text, const struct pane_look *look) {
    struct pane_columns columns = pane_columns(area);
    struct shown_line shown;
    struct wrap wrap;
    struct wire_text part;
    shown_init(&shown, &columns, nick, text, look->remark);
    int rows = (int)wrap_count(buffer_text(&shown.text), (size_t)columns.width);
    int row = bottom - rows + 1;
    wrap_begin(&wrap, buffer_text(&shown.text), (size_t)columns.width);
    for (int first = row; wrap_next(&wrap, &part); row++) {
        if (row < area->row || row >= area->row + area->rows)
            continue;
        pane_paint_part(row, area->column + columns.text, columns.width, &shown, part, look->style);
        if (row == first)
            pane_paint_head(area, row, &columns, &shown, look);
    }
    wrap_end(&wrap);
    shown_free(&shown);
    return rows;
}

static void pane_paint_day(const struct area *area, int row, uint64_t time) {
    struct tm day;
    char text[256]; /* some languages have long names for a day */
    const char *format = area->columns >= PANE_TIMED ? "── %A, %e %B %Y ──" : "── %F ──";
    if (row < area->row || row >= area->row + area->rows || !local_day(time, &day) ||
        strftime(text, sizeof text, format, &day) == 0)
        return;
    int blank = (area->columns - (int)text_cells(wire_text(text))) / 2;
    paint_clean(row, area->column + (blank > 0 ? blank : 0), area->columns, wire_text(text),
                PAINT_DIM);
}

/* Paints the posts that wait, the last one at the bottom; returns the row above them. */
static int pane_paint_pending(const struct area *area, int bottom, const struct model *model,
                              const struct room *room) {
    const struct pending *waiting[64] = {NULL};
    size_t count = 0;
    const struct pane_look look = {.style = PAINT_DIM, .mark = "…", .remark = "", .own = true};
    for (const struct pending *pending = model->pending; pending != NULL; pending = pending->next)
        if (model_pending_is_in(model, pending, room))
            waiting[count++ % 64] = pending;
    for (size_t i = count; i > 0 && i + 64 > count && bottom >= area->row; i--) {
        const struct pending *pending = waiting[(i - 1) % 64];
        bottom -= pane_paint_line(area, bottom, wire_text(model->nick),
                                  (struct wire_text){pending->text, pending->size}, &look);
    }
    return bottom;
}

/* The line that says how much is new, across the pane. */
static void pane_paint_marker(const struct area *area, int row, unsigned count) {
    struct buffer text = {0};
    if (row < area->row || row >= area->row + area->rows)
        return;
    buffer_append_format(&text, "── %u new ", count);
    for (int cells = (int)text_cells(buffer_text(&text)); cells < area->columns; cells++)
        buffer_append_string(&text, "─");
    paint_text(row, area->column, area->columns, buffer_text(&text), PAINT_UNREAD);
    buffer_free(&text);
}

size_t pane_pending_rows(const struct area *area, const struct model *model,
                         const struct room *room) {
    struct pane_columns columns = pane_columns(area);
    size_t rows = 0;
    for (const struct pending *each = model->pending; each != NULL; each = each->next) {
        struct shown_line shown;
        if (!model_pending_is_in(model, each, room) || rows >= (size_t)area->rows)
            continue;
        shown_init(&shown, &columns, wire_text(model->nick),
                   (struct wire_text){each->text, each->size}, "");
        rows += wrap_count(buffer_text(&shown.text), (size_t)columns.width);
        shown_free(&shown);
    }
    return rows;
}

/* Index of the lowest line that is shown at all. */
static size_t pane_bottom(const struct room *room) {
    const struct run *run = room_run_shown(room);
    size_t index = room->anchor != NULL ? run_index(run, room->anchor) : RUN_NONE;
    return index != RUN_NONE ? index : run->count - 1;
}

size_t pane_lowest(const struct room *room) {
    if (room_run_shown(room)->count == 0)
        return RUN_NONE;
    size_t index = pane_bottom(room);
    return room->anchor_hidden > 0 ? index - 1 : index; /* RUN_NONE when there is none above */
}

void pane_paint(const struct area *area, const struct model *model, const struct room *room) {
    const struct run *run = room_run_shown(room);
    int bottom = area->row + area->rows - 1 + (int)room->anchor_hidden;
    if (room->anchor == NULL && !room->in_past)
        bottom = pane_paint_pending(area, bottom, model, room);
    for (size_t index = run->count > 0 ? pane_bottom(room) + 1 : 0;
         index > 0 && bottom >= area->row; index--) {
        const struct line *line = run->lines[index - 1];
        struct pane_look look = look_of(line, line == room->selected);
        bottom -= pane_paint_line(area, bottom, line_nick(line), line_text(line), &look);
        if (has_marker(room, line))
            pane_paint_marker(area, bottom--, room->marker_count);
        if (begins_day(run, index - 1))
            pane_paint_day(area, bottom--, line->time);
    }
}

/* Ties the place to the last row of `index` but `hidden`, as far up as keeps the pane full. */
static bool pane_settle(const struct area *area, struct room *room, size_t index, size_t hidden) {
    const struct run *run = room_run(room);
    size_t rows = pane_rows_of(area, room, index) - hidden;
    size_t top = index;
    while (top > 0 && rows < (size_t)area->rows)
        rows += pane_rows_of(area, room, --top);
    bool at_top = top == 0 && rows <= (size_t)area->rows;
    /* Too far up: comes down again until the pane is full. */
    while (rows < (size_t)area->rows && (hidden > 0 || index + 1 < run->count)) {
        size_t more = hidden > 0 ? hidden : pane_rows_of(area, room, ++index);
        size_t missing = (size_t)area->rows - rows;
        size_t shown = more < missing ? more : missing;
        hidden = more - shown;
        rows += shown;
    }
    bool follows = index + 1 == run->count && hidden == 0 && !room->in_past;
    room->anchor = follows ? NULL : run->lines[index];
    room->anchor_hidden = follows ? 0 : hidden;
    room->noted = room->noted && !follows;
    return at_top;
}

bool pane_scroll(const struct area *area, struct room *room, long rows) {
    const struct run *run = room_run(room);
    if (run->count == 0)
        return true;
    size_t index = pane_bottom(room);
    long hidden = (long)room->anchor_hidden + rows;
    while (hidden < 0 && index + 1 < run->count)
        hidden += (long)pane_rows_of(area, room, ++index);
    if (hidden < 0)
        hidden = 0;
    for (long height; index > 0 && hidden >= (height = (long)pane_rows_of(area, room, index));
         index--)
        hidden -= height;
    long height = (long)pane_rows_of(area, room, index);
    if (hidden >= height)
        hidden = height - 1;
    return pane_settle(area, room, index, (size_t)hidden);
}

void pane_to_top(const struct area *area, struct room *room) {
    if (room_run(room)->count > 0)
        pane_settle(area, room, 0, pane_rows_of(area, room, 0) - 1);
}

/* Puts the first of a line's rows `above` rows below the pane's top, as far as lines allow. */
static void pane_put(const struct area *area, struct room *room, size_t index, size_t above) {
    const struct run *run = room_run(room);
    size_t wanted = (size_t)area->rows - above;
    size_t rows = pane_rows_of(area, room, index);
    while (rows < wanted && index + 1 < run->count)
        rows += pane_rows_of(area, room, ++index);
    pane_settle(area, room, index, rows > wanted ? rows - wanted : 0);
}

void pane_reach_goal(const struct area *area, struct room *room) {
    const struct run *run = room_run(room);
    bool marker = room->goal == GOAL_MARKER;
    size_t index = marker ? run_find(run, room->marker) : run_index(run, room->selected);
    if (room->goal == GOAL_NONE || index == RUN_NONE)
        return;
    size_t height = pane_rows_of(area, room, index);
    size_t spare = height < (size_t)area->rows ? (size_t)area->rows - height : 0;
    pane_put(area, room, index, marker ? 0 : spare / 2);
}

void pane_reveal(const struct area *area, struct room *room, size_t below) {
    size_t selected = run_index(room_run(room), room->selected);
    if (selected == RUN_NONE)
        return;
    size_t bottom = pane_bottom(room);
    if (selected > bottom || (selected == bottom && room->anchor_hidden > 0)) {
        pane_settle(area, room, selected, 0);
        return;
    }
    size_t rows = 0;
    size_t room_for_rows = (size_t)area->rows + room->anchor_hidden;
    for (size_t i = selected; i <= bottom && rows + below <= room_for_rows; i++)
        rows += pane_rows_of(area, room, i);
    if (rows + below > room_for_rows)
        pane_put(area, room, selected, 0);
}
