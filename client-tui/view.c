#include "view.h"
#include "clock.h"
#include "input.h"
#include "paint.h"
#include "pane.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIEW_NICK_COLUMNS = 16, VIEW_WIDE = 60 };

static const char view_prompt[] = "> ";

/* The input as it is shown: prompt and text, character by character, on rows of a width. */
struct typed {
    struct buffer rows[LAYOUT_INPUT_MAX]; /* the rows that are shown */
    int count;                            /* of all rows */
    int first;                            /* row shown first */
    int cursor_row;
    int cursor_column;
};

/* One pass over the input: counts rows and finds the cursor, and fills `rows` from `first` on. */
static void typed_walk(struct typed *typed, const struct input_state *state, int columns,
                       bool fill) {
    struct buffer all = {0}, clean = {0};
    int row = 0;
    int column = 0;
    text_clean(&all, wire_text(state->prompt[0] != '\0' ? state->prompt : view_prompt),
               TEXT_ONE_LINE);
    size_t prompt_size = all.size;
    buffer_append(&all, state->text, state->size);
    struct wire_text rest = {(const char *)all.data, all.size};
    typed->cursor_row = -1;
    for (uint32_t character = 0;;) {
        size_t at = all.size - rest.size;
        bool cursor_here = typed->cursor_row < 0 && at >= prompt_size + state->point;
        const char *start = rest.data;
        bool ended = !text_next(&rest, &character);
        buffer_clear(&clean);
        if (!ended && character != '\n')
            text_clean(&clean, (struct wire_text){start, (size_t)(rest.data - start)},
                       TEXT_ONE_LINE);
        struct wire_text glyph = {(const char *)clean.data, clean.size};
        int cells = (int)text_cells(glyph);
        if (column + (cells > 0 ? cells : cursor_here) > columns) {
            row++;
            column = 0;
        }
        if (cursor_here) {
            typed->cursor_row = row;
            typed->cursor_column = column;
        }
        if (ended)
            break;
        if (fill && row >= typed->first && row < typed->first + LAYOUT_INPUT_MAX)
            buffer_append(&typed->rows[row - typed->first], glyph.data, glyph.size);
        column += cells;
        if (character == '\n') {
            row++;
            column = 0;
        }
    }
    typed->count = row + 1;
    buffer_free(&all);
    buffer_free(&clean);
}

void view_layout(struct view *view) {
    struct typed typed = {0};
    struct input_state state = input_state();
    if (COLS > 0)
        typed_walk(&typed, &state, COLS, false);
    view->layout = layout_compute(LINES, COLS, typed.count);
}

static void view_paint_input(const struct area *area) {
    struct typed typed = {0};
    struct input_state state = input_state();
    typed_walk(&typed, &state, area->columns, false);
    if (typed.cursor_row >= area->rows)
        typed.first = typed.cursor_row - area->rows + 1;
    typed_walk(&typed, &state, area->columns, true);
    for (int row = 0; row < LAYOUT_INPUT_MAX; row++) {
        const struct buffer *text = &typed.rows[row];
        if (row < area->rows)
            paint_text(area->row + row, 0, area->columns,
                       (struct wire_text){(const char *)text->data, text->size}, PAINT_PLAIN);
        buffer_free(&typed.rows[row]);
    }
    move(area->row + typed.cursor_row - typed.first, typed.cursor_column);
}

static void view_paint_topic(const struct area *area, const struct room *room) {
    char name[640];
    snprintf(name, sizeof name, " %s%s  %s%s", room->kind == ROOM_DIRECT ? "@" : "", room->name,
             room->access & ACCESS_PRIVATE ? "(private) " : "",
             room->access & ACCESS_READ_ONLY ? "(read-only) " : "");
    paint_row(area, area->row, PAINT_BAR);
    int used = paint_clean(area->row, 0, area->columns, wire_text(name), PAINT_BAR);
    paint_clean(area->row, used, area->columns - used, wire_text(room->topic), PAINT_BAR);
}

static const char *const view_link_states[] = {
    [LINK_CONNECTING] = "connecting…",
    [LINK_ONLINE] = "online",
    [LINK_WAITING] = "offline",
    [LINK_REFUSED] = "refused",
};

/* What the status line says of the connection, besides its state. */
static void view_link_text(const struct chat *chat, char *text, size_t size) {
    uint64_t now = clock_monotonic();
    unsigned long long seconds =
        chat->retry_at > now ? (unsigned long long)(chat->retry_at - now + 999) / 1000 : 0;
    switch (chat->link) {
    case LINK_CONNECTING:
        snprintf(text, size, "%s", chat->link_why);
        break;
    case LINK_ONLINE:
        text[0] = '\0';
        break;
    case LINK_WAITING:
        snprintf(text, size, "again in %llu s: %s", seconds, chat->link_why);
        break;
    case LINK_REFUSED:
        snprintf(text, size, "%s", chat->link_why);
        break;
    }
}

static size_t count_waiting(const struct model *model) {
    size_t count = 0;
    for (const struct pending *pending = model->pending; pending != NULL; pending = pending->next)
        count++;
    return count;
}

/* Unread messages in rooms other than the one shown. */
static void count_unread(const struct model *model, unsigned *unread, unsigned *mentions) {
    *unread = 0;
    *mentions = 0;
    for (size_t i = 0; i < model->room_count; i++) {
        if (i == model->current)
            continue;
        *unread += model->rooms[i]->unread;
        *mentions += model->rooms[i]->mentions;
    }
}

/* While the newest line is out of sight: what is below, or that something is. On a narrow screen in
 * signs alone, so that the state of the connection stays in sight. */
static void view_append_place(struct buffer *text, const struct room *room, bool wide) {
    if (room->unread > 0)
        buffer_append_format(text, wide ? " ↓ %u new below " : " ↓%u", room->unread);
    else if (wide)
        buffer_append_string(text, room->noted ? " ↓ a note below "
                                               : " ↑ reading above (Ctrl-End: back) ");
    else
        buffer_append_string(text, room->noted ? " ↓" : " ↑");
}

static void view_paint_status(const struct view *view, const struct chat *chat) {
    const struct area *area = &view->layout.status;
    const struct room *room = model_current(chat->model);
    struct buffer text = {0};
    char link[300];
    unsigned unread, mentions;
    size_t waiting = count_waiting(chat->model);
    bool trouble = chat->link == LINK_WAITING || chat->link == LINK_REFUSED;
    count_unread(chat->model, &unread, &mentions);
    view_link_text(chat, link, sizeof link);
    if (room->anchor != NULL || room->in_past)
        view_append_place(&text, room, area->columns >= VIEW_WIDE);
    if (view->hint != NULL) {
        buffer_append_format(&text, " %s", view->hint);
    } else {
        struct buffer nick = {0};
        text_clean(&nick, wire_text(chat->model->nick), TEXT_ONE_LINE);
        struct wire_text clipped =
            paint_clip((struct wire_text){(const char *)nick.data, nick.size}, VIEW_NICK_COLUMNS);
        buffer_append_format(&text, " %.*s  %s", (int)clipped.size, clipped.data,
                             view_link_states[chat->link]);
        buffer_free(&nick);
        if (waiting > 0)
            buffer_append_format(&text, "  %zu waiting", waiting);
        if (view->layout.rooms.columns == 0 && unread > 0)
            buffer_append_format(&text, mentions > 0 ? "  %u unread, %u for you" : "  %u unread",
                                 unread, mentions);
        buffer_append_format(&text, "  %s", link);
    }
    enum paint_style style = trouble && view->hint == NULL ? PAINT_WARNING : PAINT_BAR;
    paint_row(area, area->row, style);
    paint_clean(area->row, 0, area->columns, (struct wire_text){(const char *)text.data, text.size},
                style);
    buffer_free(&text);
}

static void view_paint_room(const struct area *area, int row, const struct model *model,
                            size_t index) {
    const struct room *room = model->rooms[index];
    char name[300];
    char count[16] = "";
    enum paint_style style = PAINT_DIM;
    if (room->unread > 0)
        snprintf(count, sizeof count, "%u", room->unread);
    if (index == model->current)
        style = PAINT_CURRENT;
    else if (room->mentions > 0)
        style = PAINT_MENTION;
    else if (room->unread > 0)
        style = PAINT_UNREAD;
    snprintf(name, sizeof name, "%s%s%s", index == model->current ? "▸" : " ",
             room->kind == ROOM_DIRECT ? "@" : "", room->name);
    int room_for_name = area->columns - 4 - (int)strlen(count);
    paint_clean(row, area->column, room_for_name, wire_text(name), style);
    paint_text(row, area->column + area->columns - 3 - (int)strlen(count), (int)strlen(count),
               wire_text(count), style);
}

static void view_paint_rooms(const struct area *area, const struct model *model) {
    size_t first = 0;
    if (area->columns == 0)
        return;
    if (model->current >= (size_t)area->rows)
        first = model->current - (size_t)area->rows + 1;
    for (int row = 0; row < area->rows; row++) {
        paint_text(area->row + row, area->column + area->columns - 2, 1, wire_text("│"), PAINT_DIM);
        if (first + (size_t)row < model->room_count)
            view_paint_room(area, area->row + row, model, first + (size_t)row);
    }
}

static void view_paint_too_small(void) {
    char text[64];
    snprintf(text, sizeof text, "needs %dx%d", LAYOUT_COLUMNS_MIN, LAYOUT_ROWS_MIN);
    paint_text(0, 0, COLS, wire_text(text), PAINT_PLAIN);
}

void view_paint(struct view *view, const struct chat *chat) {
    erase();
    if (view->layout.fits) {
        const struct room *room = model_current(chat->model);
        view_paint_topic(&view->layout.topic, room);
        view_paint_rooms(&view->layout.rooms, chat->model);
        pane_paint(&view->layout.pane, chat->model, room);
        view_paint_status(view, chat);
        view_paint_input(&view->layout.input);
    } else {
        view_paint_too_small();
    }
    refresh();
}

void view_set_hint(struct view *view, const char *hint) {
    free(view->hint);
    view->hint = hint != NULL ? strdup(hint) : NULL;
}
