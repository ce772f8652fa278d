/* The loop: keys first, then signals, then a bounded share of the news, then at most one frame. A
 * flood of messages costs frames, never keystrokes. */
#include "tui.h"
#include "clock.h"
#include "commands.h"
#include "complete.h"
#include "input.h"
#include "keys.h"
#include "paint.h"
#include "pane.h"
#include "screen.h"
#include "view.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TUI_FRAME_MILLISECONDS = 16,
    TUI_NEWS_MILLISECONDS = 4,    /* a turn's share, after which keys are looked at again */
    TUI_ESCAPE_MILLISECONDS = 40, /* what may lie between the bytes of one key */
    TUI_WHEEL_ROWS = 3,
    TUI_KEY_MAX = 16
};

struct tui {
    struct chat *chat;
    struct view view;
    struct queue_chain news; /* taken and not yet applied */
    char key[TUI_KEY_MAX];   /* bytes that may be the beginning of a key of ours */
    size_t key_size;
    uint64_t key_since;
    bool pasting;
    bool in_mouse_report;
    bool dirty;
    uint64_t painted;
    bool terminal_gone;
};

/* The UI thread's; there is one screen. */
static struct tui tui;

static struct room *tui_room(void) {
    return model_current(tui.chat->model);
}

static void tui_scroll(long rows) {
    if (pane_scroll(&tui.view.layout.pane, tui_room(), rows) && rows > 0)
        chat_older(tui.chat, tui_room());
}

static void tui_page_up(char last) {
    (void)last;
    tui_scroll(tui.view.layout.pane.rows > 1 ? tui.view.layout.pane.rows - 1 : 1);
}

static void tui_page_down(char last) {
    (void)last;
    tui_scroll(tui.view.layout.pane.rows > 1 ? 1 - tui.view.layout.pane.rows : -1);
}

static void tui_line_up(char last) {
    (void)last;
    tui_scroll(1);
}

static void tui_line_down(char last) {
    (void)last;
    tui_scroll(-1);
}

static void tui_wheel_up(char last) {
    (void)last;
    tui.in_mouse_report = true;
    tui_scroll(TUI_WHEEL_ROWS);
}

static void tui_wheel_down(char last) {
    (void)last;
    tui.in_mouse_report = true;
    tui_scroll(-TUI_WHEEL_ROWS);
}

static void tui_mouse(char last) {
    (void)last;
    tui.in_mouse_report = true;
}

static void tui_top(char last) {
    (void)last;
    pane_to_top(&tui.view.layout.pane, tui_room());
    chat_older(tui.chat, tui_room());
}

static void tui_bottom(char last) {
    (void)last;
    pane_to_bottom(tui_room());
}

static void tui_show_room(size_t index) {
    if (index < tui.chat->model->room_count)
        model_show(tui.chat->model, tui.chat->model->rooms[index]);
}

static void tui_next_room(char last) {
    const struct model *model = tui.chat->model;
    (void)last;
    tui_show_room((model->current + 1) % model->room_count);
}

static void tui_previous_room(char last) {
    const struct model *model = tui.chat->model;
    (void)last;
    tui_show_room((model->current + model->room_count - 1) % model->room_count);
}

/* The next room with a mention, or else with anything unread. */
static void tui_unread_room(char last) {
    const struct model *model = tui.chat->model;
    (void)last;
    for (int any = 0; any < 2; any++)
        for (size_t i = 1; i < model->room_count; i++) {
            size_t index = (model->current + i) % model->room_count;
            const struct room *room = model->rooms[index];
            if (room->mentions > 0 || (any && room->unread > 0)) {
                tui_show_room(index);
                return;
            }
        }
}

static void tui_room_number(char last) {
    tui_show_room((size_t)(last - '1'));
}

static void tui_newline(char last) {
    (void)last;
    input_insert('\n');
}

static void tui_redraw(char last) {
    (void)last;
    screen_resume();
}

static void tui_suspend(char last) {
    (void)last;
    screen_suspend();
}

static void tui_interrupt(char last) {
    (void)last;
    if (input_is_empty())
        view_set_hint(&tui.view, "Ctrl-D or /quit ends the program");
    input_clear();
}

static void tui_end_of_input(char last) {
    if (input_is_empty())
        tui.chat->quit = true;
    else
        input_byte((unsigned char)last);
}

static void tui_paste_begin(char last) {
    (void)last;
    tui.pasting = true;
}

static void tui_paste_end(char last) {
    (void)last;
    tui.pasting = false;
}

static void (*const tui_actions[])(char last) = {
    [KEY_ACTION_PAGE_UP] = tui_page_up,
    [KEY_ACTION_PAGE_DOWN] = tui_page_down,
    [KEY_ACTION_LINE_UP] = tui_line_up,
    [KEY_ACTION_LINE_DOWN] = tui_line_down,
    [KEY_ACTION_WHEEL_UP] = tui_wheel_up,
    [KEY_ACTION_WHEEL_DOWN] = tui_wheel_down,
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

/* A byte that belongs to no key of ours: to the line editor, or as it is when it was pasted. */
static void tui_pass_on(char byte) {
    if (tui.pasting)
        input_insert(byte == '\r' ? '\n' : (unsigned char)byte);
    else
        input_byte((unsigned char)byte);
}

/* Gives up hope that the bytes kept become a key of ours. */
static void tui_release_key(void) {
    size_t size = tui.key_size;
    tui.key_size = 0;
    for (size_t i = 0; i < size; i++)
        tui_pass_on(tui.key[i]);
}

static void tui_take_byte(char byte) {
    const struct key_binding *found = NULL;
    if (tui.in_mouse_report) {
        tui.in_mouse_report = byte != 'M' && byte != 'm';
        return;
    }
    tui.key[tui.key_size++] = byte;
    enum key_match match = keys_match(tui.key, tui.key_size, &found);
    bool ends_paste = match == KEY_MATCH && found->action == KEY_ACTION_PASTE_END;
    if (match == KEY_MATCH && (!tui.pasting || ends_paste)) {
        size_t used = strlen(found->sequence);
        bool more = used < tui.key_size;
        char last = tui.key[used - 1];
        tui.key_size = 0;
        tui_actions[found->action](last);
        if (more)
            tui_take_byte(byte);
    } else if (match != KEY_PREFIX || tui.key_size == TUI_KEY_MAX) {
        tui_release_key();
    }
}

static void tui_read_keys(void) {
    char bytes[4096];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
        tui.terminal_gone = true;
        return;
    }
    view_set_hint(&tui.view, NULL);
    for (ssize_t i = 0; i < got; i++)
        tui_take_byte(bytes[i]);
    tui.key_since = clock_monotonic();
    tui.dirty = true;
}

static void tui_take_signals(void) {
    for (int signal; (signal = screen_next_signal()) != 0;) {
        if (signal == SIGWINCH) {
            screen_resize();
            view_layout(&tui.view);
            if (tui.view.layout.fits)
                pane_scroll(&tui.view.layout.pane, tui_room(), 0);
        } else if (signal == SIGTSTP) {
            screen_suspend();
        } else if (signal == SIGCONT) {
            screen_resume();
        } else {
            tui.chat->quit = true;
        }
        tui.dirty = true;
    }
}

/* Applies news until there is none, or the turn's share of time is used. */
static void tui_take_news(void) {
    uint64_t until = clock_monotonic() + TUI_NEWS_MILLISECONDS;
    if (tui.news.first == NULL)
        tui.news = net_take(tui.chat->net);
    while (tui.news.first != NULL && clock_monotonic() < until) {
        struct news *news = (struct news *)queue_chain_take(&tui.news);
        chat_apply(tui.chat, news);
        news_free(news);
        tui.dirty = true;
    }
}

static void tui_paint(void) {
    uint64_t now = clock_monotonic();
    if (!tui.dirty || now - tui.painted < TUI_FRAME_MILLISECONDS)
        return;
    view_paint(&tui.view, tui.chat);
    if (tui.chat->model->bells > 0)
        beep();
    tui.chat->model->bells = 0;
    tui.painted = now;
    tui.dirty = false;
}

static int at_most(int value, uint64_t most) {
    return value < 0 || (uint64_t)value > most ? (int)most : value;
}

/* How long nothing needs to be done; -1: until something happens. */
static int tui_patience(void) {
    uint64_t now = clock_monotonic();
    int patience = -1;
    if (tui.news.first != NULL)
        return 0;
    if (tui.dirty)
        patience = at_most(patience, now - tui.painted < TUI_FRAME_MILLISECONDS
                                         ? TUI_FRAME_MILLISECONDS - (now - tui.painted)
                                         : 0);
    if (tui.key_size > 0)
        patience = at_most(patience, TUI_ESCAPE_MILLISECONDS);
    if (tui.chat->link == LINK_WAITING)
        patience = at_most(patience, 500); /* the countdown */
    return patience;
}

static void tui_wait(void) {
    struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = screen_signal_descriptor(), .events = POLLIN},
                             {.fd = net_descriptor(tui.chat->net), .events = POLLIN}};
    int ready = poll(waits, 3, tui_patience());
    if (ready > 0 && waits[0].revents != 0)
        tui_read_keys();
    else if (tui.key_size > 0 && clock_monotonic() - tui.key_since >= TUI_ESCAPE_MILLISECONDS) {
        tui_release_key();
        tui.dirty = true;
    }
    if (ready > 0 && waits[1].revents != 0)
        tui_take_signals();
    if (tui.chat->link == LINK_WAITING)
        tui.dirty = true;
}

static void tui_entered(void *context, const char *text, size_t size) {
    (void)context;
    commands_enter(tui.chat, text, size);
    pane_to_bottom(tui_room());
}

static void tui_show_matches(void *context, const char *matches) {
    (void)context;
    view_set_hint(&tui.view, matches);
}

bool tui_start(struct chat *chat) {
    tui = (struct tui){.chat = chat, .dirty = true};
    if (!screen_open())
        return false;
    paint_init();
    complete_start(chat, tui_show_matches,
                   NULL); /* first, so that the user's inputrc has the last word */
    input_start(tui_entered, NULL);
    tui_paint();
    return true;
}

int tui_run(struct chat *chat) {
    while (!chat->quit && !tui.terminal_gone) {
        tui_wait();
        tui_take_news();
        tui_paint();
    }
    tui_end();
    return EXIT_SUCCESS;
}

void tui_end(void) {
    screen_close();
    input_end();
    view_set_hint(&tui.view, NULL);
    for (struct queue_item *item; (item = queue_chain_take(&tui.news)) != NULL;)
        news_free((struct news *)item);
}
