#include "pane.h"
#include "paint.h"
#include "wrap.h"

#include <limits.h>
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
};

static struct wire_text buffer_text(const struct buffer *buffer) {
    return (struct wire_text){(const char *)buffer->data, buffer->size};
}

static void shown_init(struct shown_line *shown, const struct pane_columns *columns,
                       struct wire_text nick, struct wire_text text) {
    *shown = (struct shown_line){0};
    text_clean(&shown->nick, nick, TEXT_ONE_LINE);
    if (columns->nick == 0 && nick.size > 0) {
        shown->nick_cells = text_cells(buffer_text(&shown->nick));
        buffer_append(&shown->text, shown->nick.data, shown->nick.size);
        buffer_append_string(&shown->text, ": ");
    }
    text_clean(&shown->text, text, TEXT_LINES);
}

static void shown_free(struct shown_line *shown) {
    buffer_free(&shown->nick);
    buffer_free(&shown->text);
}

static bool local_day(uint64_t time, struct tm *day) {
    time_t seconds = (time_t)(time / 1000);
    return localtime_r(&seconds, day) != NULL;
}

/* A day begins with this line. */
static bool begins_day(const struct room *room, size_t index) {
    struct tm day, before;
    if (!local_day(room->lines[index]->time, &day))
        return false;
    if (index == 0)
        return true;
    return !local_day(room->lines[index - 1]->time, &before) || day.tm_yday != before.tm_yday ||
           day.tm_year != before.tm_year;
}

/* Rows a line takes, with the day above it. */
static size_t pane_rows_of(const struct area *area, const struct room *room, size_t index) {
    struct pane_columns columns = pane_columns(area);
    struct shown_line shown;
    shown_init(&shown, &columns, line_nick(room->lines[index]), line_text(room->lines[index]));
    size_t rows = wrap_count(buffer_text(&shown.text), (size_t)columns.width);
    shown_free(&shown);
    return rows + begins_day(room, index);
}

/* What a painted line looks like besides its text. */
struct pane_look {
    enum paint_style style;
    const char *mark;
    uint64_t time;
    bool own;
};

static struct pane_look look_of(const struct line *line) {
    struct pane_look look = {.style = PAINT_PLAIN, .mark = "", .time = line->time};
    look.own = line->own;
    if (line->kind == LINE_EVENT)
        look.style = PAINT_DIM;
    else if (line->kind == LINE_NOTICE || line->kind == LINE_HIT)
        look.style = PAINT_NOTICE;
    else if (line->mention)
        look.style = PAINT_MENTION;
    if (line->own)
        look.mark = "✓";
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

/* Paints a line whose last row would be `bottom`, the part of it that lies in the area; returns its
 * rows. */
static int pane_paint_line(const struct area *area, int bottom, struct wire_text nick,
                           struct wire_text text, const struct pane_look *look) {
    struct pane_columns columns = pane_columns(area);
    struct shown_line shown;
    struct wrap wrap;
    struct wire_text part;
    shown_init(&shown, &columns, nick, text);
    int rows = (int)wrap_count(buffer_text(&shown.text), (size_t)columns.width);
    int row = bottom - rows + 1;
    wrap_begin(&wrap, buffer_text(&shown.text), (size_t)columns.width);
    for (int first = row; wrap_next(&wrap, &part); row++) {
        if (row < area->row || row >= area->row + area->rows)
            continue;
        paint_text(row, area->column + columns.text, columns.width, part, look->style);
        if (row == first)
            pane_paint_head(area, row, &columns, &shown, look);
    }
    wrap_end(&wrap);
    shown_free(&shown);
    return rows;
}

static void pane_paint_day(const struct area *area, int row, uint64_t time) {
    struct tm day;
    char text[64];
    if (row < area->row || row >= area->row + area->rows || !local_day(time, &day))
        return;
    strftime(text, sizeof text, area->columns >= PANE_TIMED ? "── %A, %e %B %Y ──" : "── %F ──",
             &day);
    int blank = (area->columns - (int)text_cells(wire_text(text))) / 2;
    paint_clean(row, area->column + (blank > 0 ? blank : 0), area->columns, wire_text(text),
                PAINT_DIM);
}

/* Paints the posts that wait, the last one at the bottom; returns the row above them. */
static int pane_paint_pending(const struct area *area, int bottom, const struct model *model,
                              const struct room *room) {
    const struct pending *waiting[64] = {NULL};
    size_t count = 0;
    const struct pane_look look = {.style = PAINT_DIM, .mark = "…", .own = true};
    for (const struct pending *pending = model->pending; pending != NULL; pending = pending->next)
        if (pending->room == room->number)
            waiting[count++ % 64] = pending;
    for (size_t i = count; i > 0 && i + 64 > count && bottom >= area->row; i--) {
        const struct pending *pending = waiting[(i - 1) % 64];
        bottom -= pane_paint_line(area, bottom, wire_text(model->nick),
                                  (struct wire_text){pending->text, pending->size}, &look);
    }
    return bottom;
}

static size_t room_index_of(const struct room *room, const struct line *line) {
    size_t index = room->count - 1;
    while (index > 0 && room->lines[index] != line)
        index--;
    return index;
}

void pane_paint(const struct area *area, const struct model *model, const struct room *room) {
    int bottom = area->row + area->rows - 1;
    size_t index = room->count;
    if (room->anchor != NULL) {
        index = room_index_of(room, room->anchor) + 1;
        bottom += (int)room->anchor_hidden;
    } else {
        bottom = pane_paint_pending(area, bottom, model, room);
    }
    for (; index > 0 && bottom >= area->row; index--) {
        const struct line *line = room->lines[index - 1];
        struct pane_look look = look_of(line);
        bottom -= pane_paint_line(area, bottom, line_nick(line), line_text(line), &look);
        if (begins_day(room, index - 1))
            pane_paint_day(area, bottom--, line->time);
    }
}

/* Ties the place to the last row of `index` but `hidden`, as far up as keeps the pane full. */
static bool pane_settle(const struct area *area, struct room *room, size_t index, size_t hidden) {
    size_t rows = pane_rows_of(area, room, index) - hidden;
    size_t top = index;
    while (top > 0 && rows < (size_t)area->rows)
        rows += pane_rows_of(area, room, --top);
    bool at_top = top == 0 && rows <= (size_t)area->rows;
    /* Too far up: comes down again until the pane is full. */
    while (rows < (size_t)area->rows && index + 1 < room->count) {
        size_t more = hidden > 0 ? hidden : pane_rows_of(area, room, ++index);
        size_t missing = (size_t)area->rows - rows;
        size_t shown = more < missing ? more : missing;
        hidden = more - shown;
        rows += shown;
    }
    bool at_bottom = index + 1 == room->count && hidden == 0;
    room->anchor = at_bottom ? NULL : room->lines[index];
    room->anchor_hidden = at_bottom ? 0 : hidden;
    if (at_bottom)
        room->new_below = 0;
    return at_top;
}

bool pane_scroll(const struct area *area, struct room *room, long rows) {
    if (room->count == 0)
        return true;
    size_t index = room->anchor != NULL ? room_index_of(room, room->anchor) : room->count - 1;
    long hidden = (long)room->anchor_hidden + rows;
    while (hidden < 0 && index + 1 < room->count)
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
    if (room->count > 0)
        pane_settle(area, room, 0, pane_rows_of(area, room, 0) - 1);
}

void pane_to_bottom(struct room *room) {
    room->anchor = NULL;
    room->anchor_hidden = 0;
    room->new_below = 0;
}
