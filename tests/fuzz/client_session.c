/* A whole client against a server that says anything, in one thread: the network thread's handling
 * of frames, the news, the controller, the model, the view, up to the cells that curses holds. The
 * person presses keys, enters lines and changes the window's size meanwhile. Whatever comes, each
 * cell holds something printable, and each row is as wide as the screen.
 *
 * The input is a byte that says how many messages of a room are fetched at first, and steps. A byte
 * below 0x80: a u16 size and as much of a payload from the server, each a frame. Above: what the
 * person does. */
#include "fuzz.h"
#include "clock.h"
#include "commands.h"
#include "input.h"
#include "net_state.h"
#include "paint.h"
#include "pane.h"
#include "text.h"
#include "tui_parts.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_OF_USER = 0x80, STEPS_MAX = 200, COLUMNS_MAX = 200 };

/* What a person's step does, when its low bits are no key's. */
enum { USER_RESIZES = 100, USER_ENTERS, USER_TYPES, USER_IS_CUT_OFF };

enum { ASKED = 16 };

/* What the client has asked, the newest first. A small tag in an answer means one of these that it
 * may be an answer to, as no input can know the tags. */
static struct {
    uint32_t tag;
    enum message_type type;
} asked[ASKED];
static struct net net;
static struct chat chat;
static struct tui tui;

static void entered(void *context, const char *text, size_t size) {
    (void)context;
    if (commands_enter(&chat, text, size))
        room_follow(model_current(chat.model));
}

static void open_screen(void) {
    FILE *out = fopen("/dev/null", "w");
    FILE *in = fopen("/dev/null", "r");
    FUZZ_CHECK(out != NULL && in != NULL && newterm("xterm-256color", out, in) != NULL);
    setenv("INPUTRC", "/dev/null", 1);
    paint_init();
    input_start(entered, NULL);
    /* No disk: the outbox keeps to memory, so that each input begins with an empty one. */
    setenv("XDG_STATE_HOME", "/dev/null/state", 1);
    setenv("XDG_DATA_HOME", "/dev/null/data", 1);
}

static void deliver(void *context, uint32_t room, struct wire_blob frames, bool reset, bool more) {
    (void)context;
    reporter_events(&net.reporter, room, frames, reset, more);
}

static void ask(void *context, const struct message_history *wish) {
    (void)context;
    net_send_history(&net, *wish, AWAIT_FEED);
}

static void connect_again(void) {
    frame_reader_free(&net.input);
    net.phase = NET_GREETING;
    net.now = clock_monotonic();
}

static void start(unsigned first) {
    const struct feed_owner owner = {NULL, deliver, ask};
    static bool open;
    if (!open)
        open_screen();
    open = true;
    memset(&net, 0, sizeof net);
    memset(asked, 0, sizeof asked);
    FUZZ_CHECK(reporter_init(&net.reporter) && chat_init(&chat, "#lobby", "victim"));
    net.link.descriptor = -1;
    net.link = link_plain(-1);
    net.backoff = 200;
    net.nick = strdup("victim");
    net.start_room = strdup("#lobby");
    net.orders = net_orders_new();
    net.feed = feed_new(first, &owner);
    net.outbox = outbox_open("host", "1", "victim", false);
    FUZZ_CHECK(net.nick != NULL && net.start_room != NULL && net.orders != NULL &&
               net.feed != NULL && net.outbox != NULL);
    reporter_outbox(&net.reporter, net.outbox, OUTBOX_FIRST_NUMBER);
    chat.net = &net;
    tui = (struct tui){.chat = &chat};
    resizeterm(24, 80);
    connect_again();
}

static void stop(void) {
    input_clear();
    view_set_hint(&tui.view, NULL);
    chat_free(&chat);
    net_drop_link(&net);
    net_orders_free(net.orders);
    reporter_free(&net.reporter);
    feed_free(net.feed);
    outbox_close(net.outbox);
    frame_reader_free(&net.input);
    buffer_free(&net.said);
    buffer_free(&net.output);
    free(net.awaited);
    free(net.code);
    free(net.nick);
    free(net.start_room);
}

static void note_asked(struct wire_blob frames) {
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    struct wire_blob payload;
    struct message request;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        FUZZ_CHECK(message_decode(payload, &request) == ERROR_NONE);
        if (request.type < MESSAGE_JOIN || request.type == MESSAGE_READ)
            continue;
        memmove(asked + 1, asked, sizeof asked - sizeof *asked);
        asked[0].tag = request.join.tag; /* every other request begins with its tag */
        asked[0].type = request.type;
    }
}

/* What the threads would do of themselves now, until nothing is left. */
static void take_turns(void) {
    struct queue_item *item;
    bool more = true;
    while (more) {
        net_take_orders(&net);
        net_send_posts(&net);
        if (!net_connected(&net))
            connect_again();
        fuzz_check_frames((struct wire_blob){net.output.data, net.output.size});
        note_asked((struct wire_blob){net.output.data, net.output.size});
        buffer_clear(&net.output);
        reporter_flush(&net.reporter);
        struct queue_chain news = queue_take_all(net.reporter.queue);
        more = news.first != NULL;
        while ((item = queue_chain_take(&news)) != NULL) {
            chat_apply(&chat, (struct news *)item);
            news_free((struct news *)item);
        }
    }
}

/* As tui.c does before it paints. */
static void settle(void) {
    struct room *room = model_current(chat.model);
    const struct area *area = &tui.view.layout.pane;
    chat_settle_room(&chat);
    tui_go_on_seeking(&tui);
    pane_scroll(area, room, 0);
    if (room->goal != GOAL_NONE)
        pane_reach_goal(area, room);
    if (room->in_past && (room->past.count == 0 || pane_lowest(room) == room->past.count - 1))
        chat_newer(&chat, room);
    if (room->in_past && pane_scroll(area, room, 0))
        chat_older(&chat, room);
    if (room->asked == PAGE_NONE)
        room->goal = GOAL_NONE;
}

/* A cell's character with its marks; returns the columns it takes. */
static int check_cell(const cchar_t *cell) {
    wchar_t characters[CCHARW_MAX + 1] = {0};
    attr_t attributes;
    short pair;
    int cells = 0;
    FUZZ_CHECK(getcchar(cell, characters, &attributes, &pair, NULL) == OK);
    if (characters[0] >= ' ' && characters[0] <= '~' && characters[1] == 0)
        return 1;
    for (int i = 0; i < CCHARW_MAX && characters[i] != 0; i++) {
        char bytes[16];
        int size = snprintf(bytes, sizeof bytes, "%lc", (wint_t)characters[i]);
        FUZZ_CHECK(size > 0);
        fuzz_check_shown((struct wire_text){bytes, (size_t)size}, 0);
        cells += text_width((uint32_t)characters[i]);
        FUZZ_CHECK(i == 0 || text_width((uint32_t)characters[i]) == 0);
    }
    FUZZ_CHECK(cells == 1 || cells == 2);
    return cells;
}

static void check_row(int row) {
    static cchar_t cells[COLUMNS_MAX + 1];
    int column = 0;
    FUZZ_CHECK(mvin_wchnstr(row, 0, cells, COLS) == OK);
    /* A wide character is given once. */
    for (int i = 0; column < COLS; i++)
        column += check_cell(&cells[i]);
    FUZZ_CHECK(column == COLS);
}

/* As tui.c does when it has painted. */
static void note_read(void) {
    struct room *room = model_current(chat.model);
    size_t index = pane_lowest(room);
    if (tui.view.layout.fits && room->goal == GOAL_NONE && index != RUN_NONE)
        chat_note_read(&chat, line_event(room_run(room)->lines[index]));
}

static void paint_and_check(void) {
    view_layout(&tui.view);
    if (tui.view.layout.fits)
        settle();
    view_paint(&tui.view, &chat);
    note_read();
    for (int row = 0; row < LINES; row++)
        check_row(row);
}

/* What an answer is an answer to; others may be one to anything. */
static const enum message_type answered[256] = {
    [MESSAGE_PAGE] = MESSAGE_HISTORY, [MESSAGE_HITS] = MESSAGE_SEARCH,
    [MESSAGE_PEOPLE] = MESSAGE_WHO,   [MESSAGE_ROOMS] = MESSAGE_LIST,
    [MESSAGE_ROOM] = MESSAGE_JOIN,    [MESSAGE_CODE] = MESSAGE_ACT,
    [MESSAGE_DEVICE] = MESSAGE_ACT,
};

static bool begins_with_tag(unsigned type) {
    const struct message_entry *entry = message_find(type);
    return entry != NULL && strcmp(entry->fields[0].name, "tag") == 0;
}

/* Puts the tag of the n-th request of the kind into an answer with the tag n. */
static void complete_tag(struct buffer *frame) {
    struct wire_reader reader = {frame->data + FRAME_HEAD, frame->data + frame->size};
    uint8_t type;
    uint32_t nth;
    if (!wire_get_u8(&reader, &type) || !begins_with_tag(type) || !wire_get_u32(&reader, &nth))
        return;
    for (size_t i = 0; i < ASKED && nth > 0; i++)
        if (asked[i].tag != 0 && (answered[type] == 0 || answered[type] == asked[i].type) &&
            --nth == 0)
            wire_set_u32(frame->data + FRAME_HEAD + 1, asked[i].tag);
}

/* A frame of the server's, as a read from the socket brings it. */
static void server_says(struct wire_blob payload) {
    struct buffer frame = {0};
    struct wire_blob found;
    wire_put_blob(&frame, payload);
    FUZZ_CHECK(!frame.failed);
    complete_tag(&frame);
    frame_reader_feed(&net.input, frame.data, frame.size);
    while (net_connected(&net)) {
        enum frame_result result = frame_reader_next(&net.input, &found);
        if (result == FRAME_READY)
            net_handle(&net, found);
        else if (result == FRAME_MORE)
            break;
        else
            net_lose(&net, "the server does not speak the chat protocol");
    }
    buffer_free(&frame);
}

static void user_presses(const struct key_binding *key) {
    /* These write to the terminal itself, and one stops the process. */
    if (key->action == KEY_ACTION_SUSPEND || key->action == KEY_ACTION_REDRAW)
        return;
    tui_act(&tui, key->action, key->sequence[strlen(key->sequence) - 1]);
}

static void user_types(struct wire_blob text, bool enters) {
    for (size_t i = 0; i < text.size; i++)
        input_insert(text.data[i]);
    struct input_state typed = input_state();
    char *line = strndup(typed.text, typed.size);
    FUZZ_CHECK(line != NULL);
    if (enters) {
        entered(NULL, line, strlen(line));
        input_clear();
    }
    free(line);
}

static void user_acts(unsigned what, struct wire_reader *input) {
    if (tui.view.layout.fits)
        tui.seek = SEEK_NOTHING;
    if (what < key_count) {
        user_presses(&key_bindings[what]);
    } else if (what == USER_RESIZES) {
        int rows = fuzz_u8(input) % 60 + 1;
        resizeterm(rows, fuzz_u8(input) % COLUMNS_MAX + 1);
        view_layout(&tui.view);
    } else if (what == USER_ENTERS || what == USER_TYPES) {
        user_types(fuzz_piece(input, fuzz_u8(input)), what == USER_ENTERS);
    } else if (what == USER_IS_CUT_OFF) {
        net_lose(&net, "cut off");
    }
    chat_tell_read(&chat, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_reader input = {data, data + size};
    start(fuzz_u8(&input) % 4);
    take_turns();
    view_layout(&tui.view);
    for (int step = 0; input.at < input.end && step < STEPS_MAX; step++) {
        uint8_t what = fuzz_u8(&input);
        if (what >= STEP_OF_USER)
            user_acts(what - STEP_OF_USER, &input);
        else
            server_says(fuzz_piece(&input, fuzz_u16(&input)));
        take_turns();
        /* What comes in one breath is painted once. */
        if (what >= STEP_OF_USER || step % 8 == 0 || input.at == input.end)
            paint_and_check();
    }
    stop();
    return 0;
}
