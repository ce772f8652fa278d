/* What the keys do. */
#include "input.h"
#include "pane.h"
#include "screen.h"
#include "tui_parts.h"

#include <curses.h>

enum { TUI_WHEEL_ROWS = 3 };

static struct room *tui_room(const struct tui *tui) {
    return model_current(tui->chat->model);
}

/* A selection that was left out of sight at the bottom is over. */
static void tui_scroll(struct tui *tui, long rows) {
    struct room *room = tui_room(tui);
    room->goal = GOAL_NONE;
    if (pane_scroll(&tui->view.layout.pane, room, rows) && rows > 0)
        chat_older(tui->chat, room);
    if (rows < 0 && room->anchor == NULL)
        room->selected = NULL;
}

static void tui_page_up(struct tui *tui, char last) {
    int rows = tui->view.layout.pane.rows;
    (void)last;
    tui_scroll(tui, rows > 1 ? rows - 1 : 1);
}

static void tui_page_down(struct tui *tui, char last) {
    int rows = tui->view.layout.pane.rows;
    (void)last;
    tui_scroll(tui, rows > 1 ? 1 - rows : -1);
}

static void tui_line_up(struct tui *tui, char last) {
    (void)last;
    tui_scroll(tui, 1);
}

static void tui_line_down(struct tui *tui, char last) {
    (void)last;
    tui_scroll(tui, -1);
}

static void tui_wheel_up(struct tui *tui, char last) {
    (void)last;
    tui->in_mouse_report = true;
    tui_scroll(tui, TUI_WHEEL_ROWS);
}

static void tui_wheel_down(struct tui *tui, char last) {
    (void)last;
    tui->in_mouse_report = true;
    tui_scroll(tui, -TUI_WHEEL_ROWS);
}

static void tui_mouse(struct tui *tui, char last) {
    (void)last;
    tui->in_mouse_report = true;
}

static void tui_top(struct tui *tui, char last) {
    (void)last;
    tui_room(tui)->goal = GOAL_NONE;
    pane_to_top(&tui->view.layout.pane, tui_room(tui));
    chat_older(tui->chat, tui_room(tui));
}

static void tui_bottom(struct tui *tui, char last) {
    (void)last;
    room_follow(tui_room(tui));
    tui_room(tui)->selected = NULL;
    tui_room(tui)->opened = true; /* at its end */
}

static bool is_selectable(const struct line *line) {
    return line->kind == LINE_MESSAGE || line->kind == LINE_HIT;
}

static void tui_select(struct tui *tui, size_t index) {
    struct room *room = tui_room(tui);
    const struct area *area = &tui->view.layout.pane;
    bool follows = room->anchor == NULL && !room->in_past;
    room->selected = room_run(room)->lines[index];
    pane_reveal(area, room, follows ? pane_pending_rows(area, tui->chat->model, room) : 0);
}

/* The message above the selected one, or else the lowest that is shown. */
static void tui_select_up(struct tui *tui, char last) {
    struct room *room = tui_room(tui);
    const struct run *run = room_run(room);
    size_t index = run_index(run, room->selected);
    (void)last;
    if (index == RUN_NONE)
        index = pane_lowest(room) + 1; /* of RUN_NONE this is 0 */
    while (index > 0 && !is_selectable(run->lines[index - 1]))
        index--;
    if (index > 0)
        tui_select(tui, index - 1);
    else
        chat_older(tui->chat, room);
}

static void tui_select_down(struct tui *tui, char last) {
    struct room *room = tui_room(tui);
    const struct run *run = room_run(room);
    size_t index = run_index(run, room->selected);
    (void)last;
    if (index == RUN_NONE)
        return;
    while (++index < run->count && !is_selectable(run->lines[index]))
        continue;
    if (index < run->count)
        tui_select(tui, index);
    else if (!chat_newer(tui->chat, room) && !room->in_past)
        tui_bottom(tui, last);
}

static void tui_first_unread(struct tui *tui, char last) {
    (void)last;
    if (!chat_first_unread(tui->chat))
        view_set_hint(&tui->view, "Nothing is unread here");
}

/* The place of the next line that mentions the user, from the selected or the lowest line on. */
static size_t tui_find_mention(const struct room *room, bool above) {
    const struct run *run = room_run_shown(room);
    size_t index = run_index(run, room->selected);
    if (index == RUN_NONE)
        index = pane_lowest(room) + above;
    if (above) {
        while (index > 0 && index <= run->count && !run->lines[index - 1]->mention)
            index--;
        return index > 0 && index <= run->count ? index - 1 : RUN_NONE;
    }
    for (index = index == RUN_NONE ? 0 : index + 1; index < run->count; index++)
        if (run->lines[index]->mention)
            return index;
    return RUN_NONE;
}

/* Nothing was found on the way up: back to where it began, if that is still there. */
static void tui_go_back(struct tui *tui) {
    struct room *room = tui_room(tui);
    const struct run *run = room_run(room);
    size_t index = run_index(run, tui->seek_from);
    if (index != RUN_NONE) {
        room->anchor = run->lines[index];
        room->anchor_hidden = tui->seek_hidden;
    } else if (tui->seek_from == NULL && !room->in_past) {
        room_follow(room);
    }
}

static void tui_begin_seeking(struct tui *tui, enum tui_seek seek) {
    tui->seek = seek;
    tui->seek_from = tui_room(tui)->anchor;
    tui->seek_hidden = tui_room(tui)->anchor_hidden;
    tui_go_on_seeking(tui);
}

void tui_go_on_seeking(struct tui *tui) {
    struct room *room = tui_room(tui);
    bool above = tui->seek == SEEK_MENTION_ABOVE;
    if (tui->seek == SEEK_NOTHING || room->asked != PAGE_NONE)
        return;
    size_t index = tui_find_mention(room, above);
    if (index != RUN_NONE) {
        room->selected = room_run(room)->lines[index];
        room->goal = GOAL_SELECTED;
        tui->seek = SEEK_NOTHING;
        view_set_hint(&tui->view, NULL);
    } else if (above ? chat_older(tui->chat, room) : chat_newer(tui->chat, room)) {
        if (above)
            pane_to_top(&tui->view.layout.pane, room);
        view_set_hint(&tui->view, "looking for a mention of you; any key ends it");
    } else {
        tui->seek = SEEK_NOTHING;
        tui_go_back(tui);
        view_set_hint(&tui->view, above ? "No mention of you above" : "No mention of you below");
    }
}

static void tui_mention_up(struct tui *tui, char last) {
    (void)last;
    tui_begin_seeking(tui, SEEK_MENTION_ABOVE);
}

static void tui_mention_down(struct tui *tui, char last) {
    (void)last;
    tui_begin_seeking(tui, SEEK_MENTION_BELOW);
}

static void tui_show_room(struct tui *tui, size_t index) {
    if (index < tui->chat->model->room_count)
        model_show(tui->chat->model, tui->chat->model->rooms[index]);
}

static void tui_next_room(struct tui *tui, char last) {
    const struct model *model = tui->chat->model;
    (void)last;
    tui_show_room(tui, (model->current + 1) % model->room_count);
}

static void tui_previous_room(struct tui *tui, char last) {
    const struct model *model = tui->chat->model;
    (void)last;
    tui_show_room(tui, (model->current + model->room_count - 1) % model->room_count);
}

/* The next room with a mention, or else with anything unread. */
static void tui_unread_room(struct tui *tui, char last) {
    const struct model *model = tui->chat->model;
    (void)last;
    for (int any = 0; any < 2; any++)
        for (size_t i = 1; i < model->room_count; i++) {
            size_t index = (model->current + i) % model->room_count;
            const struct room *room = model->rooms[index];
            if (room->mentions > 0 || (any && room->unread > 0)) {
                tui_show_room(tui, index);
                return;
            }
        }
}

static void tui_room_number(struct tui *tui, char last) {
    tui_show_room(tui, (size_t)(last - '1'));
}

static void tui_newline(struct tui *tui, char last) {
    (void)tui;
    (void)last;
    input_insert('\n');
}

static void tui_redraw(struct tui *tui, char last) {
    (void)tui;
    (void)last;
    screen_resume();
}

static void tui_suspend(struct tui *tui, char last) {
    (void)tui;
    (void)last;
    screen_suspend();
}

static void tui_interrupt(struct tui *tui, char last) {
    struct room *room = tui_room(tui);
    (void)last;
    if (input_is_empty() && room->selected == NULL)
        view_set_hint(&tui->view, "Ctrl-D or /quit ends the program");
    room->selected = NULL;
    input_clear();
}

static void tui_end_of_input(struct tui *tui, char last) {
    if (input_is_empty())
        tui->chat->quit = true;
    else
        input_byte((unsigned char)last);
}

static void tui_paste_begin(struct tui *tui, char last) {
    (void)last;
    tui->pasting = true;
}

static void tui_paste_end(struct tui *tui, char last) {
    (void)last;
    tui->pasting = false;
}

static void (*const tui_actions[])(struct tui *tui, char last) = {
    [KEY_ACTION_PAGE_UP] = tui_page_up,
    [KEY_ACTION_PAGE_DOWN] = tui_page_down,
    [KEY_ACTION_LINE_UP] = tui_line_up,
    [KEY_ACTION_LINE_DOWN] = tui_line_down,
    [KEY_ACTION_WHEEL_UP] = tui_wheel_up,
    [KEY_ACTION_WHEEL_DOWN] = tui_wheel_down,
    [KEY_ACTION_SELECT_UP] = tui_select_up,
    [KEY_ACTION_SELECT_DOWN] = tui_select_down,
    [KEY_ACTION_FIRST_UNREAD] = tui_first_unread,
    [KEY_ACTION_MENTION_UP] = tui_mention_up,
    [KEY_ACTION_MENTION_DOWN] = tui_mention_down,
    [KEY_ACTION_TOP] = tui_top,
    [KEY_ACTION_BOTTOM] = tui_bottom,
    [KEY_ACTION_NEXT_ROOM] = tui_next_room,
    [KEY_ACTION_PREVIOUS_ROOM] = tui_previous_room,
    [KEY_ACTION_UNREAD_ROOM] = tui_unread_room,
    [KEY_ACTION_ROOM_NUMBER] = tui_room_number,
    [KEY_ACTION_NEWLINE] = tui_newline,
    [KEY_ACTION_REDRAW] = tui_redraw,
    [KEY_ACTION_SUSPEND] = tui_suspend,
    [KEY_ACTION_INTERRUPT] = tui_interrupt,
    [KEY_ACTION_END] = tui_end_of_input,
    [KEY_ACTION_PASTE_BEGIN] = tui_paste_begin,
    [KEY_ACTION_PASTE_END] = tui_paste_end,
    [KEY_ACTION_MOUSE] = tui_mouse,
};

void tui_act(struct tui *tui, enum key_action action, char last) {
    tui_actions[action](tui, last);
}
