/* The loop: keys first, then signals, then a bounded share of the news, then at most one frame.
 * What is typed is painted at once, news by the clock: a flood of messages costs frames, never
 * keystrokes. */
#include "tui.h"
#include "tui_parts.h"
#include "clock.h"
#include "commands.h"
#include "complete.h"
#include "input.h"
#include "key_copy.h"
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
    TUI_FRAME_MILLISECONDS = 16,  /* from one frame of a flood to the next */
    TUI_AHEAD_MILLISECONDS = 48,  /* single news do not wait: so many frames may be painted early */
    TUI_NEWS_MILLISECONDS = 2,    /* a turn's share, after which keys are looked at again */
    TUI_ESCAPE_MILLISECONDS = 40, /* what may lie between the bytes of one key; */
    TUI_LOST_MILLISECONDS = 150   /* and where Esc by itself means that its end is lost */
};

/* The UI thread's; there is one screen. */
static struct tui tui;

static struct room *tui_room(void) {
    return model_current(tui.chat->model);
}

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

static uint64_t tui_key_patience(void) {
    return input_wants_escape() ? TUI_ESCAPE_MILLISECONDS : TUI_LOST_MILLISECONDS;
}

/* No more of a key has come: it was Esc by itself, or what is not ours. */
static void tui_end_key(void) {
    chat_stop_search(tui.chat);
    if (tui.key[0] != '\033' || tui.key_size > 1 || input_wants_escape()) {
        tui_release_key();
        return;
    }
    tui.key_size = 0;
    tui_room()->selected = NULL;
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
        tui_act(&tui, found->action, last);
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
    tui.seek = SEEK_NOTHING;
    tui_room()->stalled = false;
    for (ssize_t i = 0; i < got; i++)
        tui_take_byte(bytes[i]);
    tui.key_since = clock_monotonic();
    tui.dirty = true;
    tui.hurried = true;
}

/* What is selected stays in sight while lines come or the size changes. */
static void tui_keep_selection(void) {
    struct room *room = tui_room();
    const struct area *area = &tui.view.layout.pane;
    bool follows = room->anchor == NULL && !room->in_past;
    if (room->selected != NULL)
        pane_reveal(area, room, follows ? pane_pending_rows(area, tui.chat->model, room) : 0);
}

static void tui_take_signals(void) {
    for (int signal; (signal = screen_next_signal()) != 0;) {
        if (signal == SIGWINCH) {
            screen_resize();
            view_layout(&tui.view);
            if (tui.view.layout.fits) {
                pane_scroll(&tui.view.layout.pane, tui_room(), 0);
                tui_keep_selection();
            }
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
        /* What a key's hint stands in place of is said again when it changes. */
        if (news->kind == NEWS_LINK)
            view_set_hint(&tui.view, NULL);
        chat_apply(tui.chat, news);
        news_free(news);
        tui.dirty = true;
    }
    if (tui.dirty && tui.view.layout.fits && tui_room()->anchor == NULL)
        tui_keep_selection();
}

/* Fetches what is missing at an end of the passage that the pane has come to. */
static void tui_load_edges(struct room *room) {
    bool at_top = pane_scroll(&tui.view.layout.pane, room, 0);
    if (room->past.count == 0 || pane_lowest(room) == room->past.count - 1)
        chat_newer(tui.chat, room);
    if (at_top)
        chat_older(tui.chat, room);
    if (!room->in_past) /* the newer lines were all there */
        pane_reach_goal(&tui.view.layout.pane, room);
}

/* Puts the pane where it is wanted, now that keys and news have done what they do. */
static void tui_settle(void) {
    struct room *room = tui_room();
    chat_settle_room(tui.chat);
    tui_go_on_seeking(&tui);
    if (tui.was_in_past != room->in_past)
        pane_scroll(&tui.view.layout.pane, room, 0);
    if (room->goal != GOAL_NONE)
        pane_reach_goal(&tui.view.layout.pane, room);
    if (room->in_past)
        tui_load_edges(room);
    if (room->asked == PAGE_NONE)
        room->goal = GOAL_NONE;
    tui.was_in_past = room->in_past;
}

/* What is on the screen now was read up to the lowest line. */
static void tui_note_read(void) {
    struct room *room = tui_room();
    const struct run *run = room_run(room);
    size_t index = pane_lowest(room);
    if (!tui.view.layout.fits || room->goal != GOAL_NONE || index == RUN_NONE)
        return;
    while (index > 0 && line_event(run->lines[index]) == 0)
        index--;
    unsigned unread = room->unread;
    chat_note_read(tui.chat, line_event(run->lines[index]));
    tui.dirty = tui.dirty || unread != room->unread;
}

/* Milliseconds until the next frame may be painted. */
static uint64_t tui_frame_wait(uint64_t now) {
    uint64_t from = tui.next_frame - TUI_AHEAD_MILLISECONDS;
    return tui.hurried || tui.next_frame < TUI_AHEAD_MILLISECONDS || now >= from ? 0 : from - now;
}

static void tui_paint(void) {
    uint64_t now = clock_monotonic();
    if (!tui.dirty || tui_frame_wait(now) > 0)
        return;
    view_layout(&tui.view);
    if (tui.view.layout.fits)
        tui_settle();
    view_paint(&tui.view, tui.chat);
    if (tui.chat->model->bells > 0)
        beep();
    tui.chat->model->bells = 0;
    if (!tui.hurried)
        tui.next_frame = (tui.next_frame > now ? tui.next_frame : now) + TUI_FRAME_MILLISECONDS;
    tui.dirty = false;
    tui.hurried = false;
    tui_note_read();
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
        patience = at_most(patience, tui_frame_wait(now));
    if (tui.key_size > 0)
        patience = at_most(patience, tui_key_patience());
    if (tui.chat->link == LINK_WAITING)
        patience = at_most(patience, 500); /* the countdown */
    if (tui.telling >= 0)
        patience = at_most(patience, (uint64_t)tui.telling);
    return patience;
}

static void tui_wait(void) {
    struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = screen_signal_descriptor(), .events = POLLIN},
                             {.fd = net_descriptor(tui.chat->net), .events = POLLIN}};
    int ready = poll(waits, 3, tui_patience());
    if (ready > 0 && waits[0].revents != 0)
        tui_read_keys();
    else if (tui.key_size > 0 && clock_monotonic() - tui.key_since >= tui_key_patience()) {
        tui_end_key();
        tui.dirty = true;
    }
    if (ready > 0 && waits[1].revents != 0)
        tui_take_signals();
    if (tui.chat->link == LINK_WAITING)
        tui.dirty = true;
}

/* Enter on an empty line opens the search result that is selected. */
static bool tui_open_selected(size_t size) {
    const struct line *selected = tui_room()->selected;
    if (size > 0 || selected == NULL || selected->kind != LINE_HIT)
        return false;
    chat_goto(tui.chat, selected->place.room, selected->id);
    return true;
}

/* Asks for the passphrase that the key is carried with where lines are not kept: on the bare
 * terminal. */
static void tui_carry_key(void) {
    char says[KEY_COPY_SAYS_MAX];
    if (tui.chat->key_file == NULL)
        return;
    screen_leave();
    if (tui.chat->key_comes)
        key_import(tui.chat->key_file, says);
    else
        key_export(tui.chat->key_file, says);
    screen_resume();
    chat_notice(tui.chat, "%s", says);
    free(tui.chat->key_file);
    tui.chat->key_file = NULL;
    tui.dirty = true;
}

static void tui_entered(void *context, const char *text, size_t size) {
    const struct room *before = tui_room();
    (void)context;
    if (tui_open_selected(size))
        return;
    if (commands_enter(tui.chat, text, size) && tui_room() == before) {
        room_follow(tui_room());
        tui_room()->selected = NULL;
    }
    tui_carry_key();
    if (tui.chat->draft != NULL)
        input_draft(tui.chat->draft);
    free(tui.chat->draft);
    tui.chat->draft = NULL;
}

static void tui_show_matches(void *context, const char *matches) {
    (void)context;
    view_set_hint(&tui.view, matches);
}

bool tui_start(struct chat *chat) {
    tui = (struct tui){.chat = chat, .dirty = true, .telling = -1};
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
        tui.telling = chat_tell_read(chat, false);
    }
    chat_tell_read(chat, true);
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
