#include "pipe.h"
#include "commands.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <unistr.h>

enum {
    PIPE_READ_BYTES = 65536,
    PIPE_LINE_MAX = BODY_BYTES_MAX + 512, /* beyond it a line is refused without being kept */
    PIPE_WAITING_MAX = 1024               /* posts on their way, beyond which stdin waits */
};

struct pipe {
    struct chat *chat;
    const struct pipe_options *options;
    struct buffer line;
    uint64_t line_number;
    bool line_too_long;
    struct buffer input; /* read from stdin, not yet cut into lines */
    size_t input_from;
    bool at_end;
    bool stopped;
    bool output_failed;
};

/* Appends the text with the characters that would end a field escaped. */
static void pipe_append_field(struct buffer *out, struct wire_text text) {
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == '\\')
            buffer_append_string(out, "\\\\");
        else if (byte == '\t')
            buffer_append_string(out, "\\t");
        else if (byte == '\n')
            buffer_append_string(out, "\\n");
        else
            buffer_append(out, &byte, 1);
    }
}

/* The clean form, in which a tab is still a tab. */
static void pipe_append_clean(struct buffer *out, struct wire_text text, enum text_shape shape) {
    struct buffer clean = {0};
    while (text.size > 0) {
        const char *tab = memchr(text.data, '\t', text.size);
        size_t size = tab != NULL ? (size_t)(tab - text.data) : text.size;
        buffer_clear(&clean);
        text_clean(&clean, (struct wire_text){text.data, size}, shape);
        pipe_append_field(out, (struct wire_text){(const char *)clean.data, clean.size});
        if (tab != NULL) {
            buffer_append_string(out, "\\t");
            size++;
        }
        text.data += size;
        text.size -= size;
    }
    buffer_free(&clean);
}

static void pipe_print_message(void *context, const struct room *room,
                               const struct message_message *message, bool elsewhere) {
    struct pipe *pipe = context;
    struct buffer line = {0};
    if (elsewhere)
        return;
    buffer_append_format(&line, "%llu\t%s", (unsigned long long)message->id,
                         room->kind == ROOM_DIRECT ? "@" : "");
    pipe_append_clean(&line, wire_text(room->name), TEXT_ONE_LINE);
    buffer_append_string(&line, "\t");
    pipe_append_clean(&line, message->nick, TEXT_ONE_LINE);
    buffer_append_string(&line, "\t");
    pipe_append_clean(&line, message->body, TEXT_LINES);
    buffer_append_string(&line, "\n");
    if (line.failed || fwrite(line.data, 1, line.size, stdout) != line.size)
        pipe->output_failed = true;
    buffer_free(&line);
}

static void pipe_print_notice(void *context, const char *text) {
    struct buffer clean = {0};
    (void)context;
    text_clean(&clean, wire_text(text), TEXT_LINES);
    fprintf(stderr, "chat-tui: %s\n", buffer_string(&clean));
    buffer_free(&clean);
}

/* Something is wrong with a line of the input: it is not sent, and the exit status will say so. */
static void pipe_refuse_line(struct pipe *pipe, const char *why) {
    pipe->chat->failures++;
    fprintf(stderr, "chat-tui: line %llu was not sent: %s\n", (unsigned long long)pipe->line_number,
            why);
}

static void pipe_enter_line(struct pipe *pipe) {
    char why[96];
    size_t size = pipe->line.size;
    pipe->line_number++;
    if (pipe->line_too_long || size > BODY_BYTES_MAX) {
        snprintf(why, sizeof why, "a message has at most %d bytes", BODY_BYTES_MAX);
        pipe_refuse_line(pipe, why);
    } else if (size > 0 && u8_check(pipe->line.data, size) != NULL) {
        pipe_refuse_line(pipe, "it is not valid UTF-8");
    } else if (size > 0) {
        commands_enter(pipe->chat, buffer_string(&pipe->line), size);
    }
    pipe->line_too_long = false;
    buffer_clear(&pipe->line);
}

static void pipe_add_to_line(struct pipe *pipe, const uint8_t *data, size_t size) {
    if (pipe->line_too_long || pipe->line.size + size > PIPE_LINE_MAX) {
        pipe->line_too_long = true;
        buffer_clear(&pipe->line);
        return;
    }
    buffer_append(&pipe->line, data, size);
}

/* A line may be taken: few posts are on their way, and a command before it has had its answer. A
 * command itself waits for what was said before it. */
static bool pipe_may_take(const struct pipe *pipe) {
    bool command = pipe->line.size > 0 ? pipe->line.data[0] == '/'
                                       : pipe->input_from < pipe->input.size &&
                                             pipe->input.data[pipe->input_from] == '/';
    return pipe->chat->requests == NULL && pipe->chat->joined &&
           chat_waiting(pipe->chat) < (command ? 1 : PIPE_WAITING_MAX);
}

static void pipe_take_lines(struct pipe *pipe) {
    while (pipe->input_from < pipe->input.size && pipe_may_take(pipe) && !pipe->chat->quit) {
        const uint8_t *start = pipe->input.data + pipe->input_from;
        size_t size = pipe->input.size - pipe->input_from;
        const uint8_t *newline = memchr(start, '\n', size);
        if (newline != NULL)
            size = (size_t)(newline - start);
        pipe_add_to_line(pipe, start, size);
        pipe->input_from += size + (newline != NULL);
        if (newline != NULL)
            pipe_enter_line(pipe);
    }
    if (pipe->input_from == pipe->input.size) {
        buffer_clear(&pipe->input);
        pipe->input_from = 0;
    }
    /* The last line may lack its newline. */
    if (pipe->at_end && pipe->input.size == 0 && (pipe->line.size > 0 || pipe->line_too_long) &&
        pipe_may_take(pipe))
        pipe_enter_line(pipe);
}

static void pipe_read(struct pipe *pipe) {
    uint8_t *room = buffer_reserve(&pipe->input, PIPE_READ_BYTES);
    ssize_t got = room != NULL ? read(STDIN_FILENO, room, PIPE_READ_BYTES) : -1;
    if (got > 0)
        pipe->input.size += (size_t)got;
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        pipe->at_end = true;
}

static void pipe_take_news(struct pipe *pipe) {
    struct queue_chain chain = net_take(pipe->chat->net);
    for (struct queue_item *item; (item = queue_chain_take(&chain)) != NULL;) {
        chat_apply(pipe->chat, (struct news *)item);
        news_free((struct news *)item);
    }
    if (fflush(stdout) != 0)
        pipe->output_failed = true;
}

static bool pipe_has_more_input(const struct pipe *pipe) {
    return !pipe->at_end || pipe->input.size > 0 || pipe->line.size > 0 || pipe->line_too_long;
}

/* There never was a connection: better to say so than to wait with input that was not even read. */
static bool pipe_cannot_begin(const struct pipe *pipe) {
    return pipe->chat->link == LINK_WAITING && !pipe->chat->welcomed;
}

static bool pipe_is_done(const struct pipe *pipe) {
    if (pipe->stopped || pipe->output_failed || pipe->chat->link == LINK_REFUSED ||
        pipe_cannot_begin(pipe))
        return true;
    if (!chat_is_settled(pipe->chat))
        return false;
    return pipe->chat->quit || (!pipe_has_more_input(pipe) && !pipe->options->follow);
}

static int pipe_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void pipe_wait(struct pipe *pipe, int signals) {
    bool read_more = !pipe->at_end && pipe->input.size == 0;
    struct pollfd waits[] = {{.fd = net_descriptor(pipe->chat->net), .events = POLLIN},
                             {.fd = signals, .events = POLLIN},
                             {.fd = read_more ? STDIN_FILENO : -1, .events = POLLIN},
                             {.fd = STDOUT_FILENO, .events = 0}};
    if (poll(waits, 4, -1) < 0)
        return;
    if (waits[1].revents != 0)
        pipe->stopped = true;
    if (waits[3].revents & POLLERR)
        pipe->output_failed = true; /* nobody reads what is printed any more */
    if (waits[2].revents != 0)
        pipe_read(pipe);
    if (waits[0].revents != 0)
        pipe_take_news(pipe);
}

/* Says what was left undone; returns the exit status. */
static int pipe_finish(const struct pipe *pipe) {
    const struct chat *chat = pipe->chat;
    uint64_t waiting = chat_waiting(chat);
    if (pipe->output_failed) {
        fprintf(stderr, "chat-tui: cannot write to stdout\n");
        return EXIT_FAILURE;
    }
    if (pipe_cannot_begin(pipe))
        return EXIT_FAILURE; /* the notice has said why */
    if (pipe->stopped && pipe->options->follow && waiting == 0)
        return chat->failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (pipe->stopped && (waiting > 0 || pipe_has_more_input(pipe)))
        fprintf(stderr, "chat-tui: stopped with %llu posts waiting to be stored\n",
                (unsigned long long)waiting);
    return chat->failures > 0 || pipe->stopped ? EXIT_FAILURE : EXIT_SUCCESS;
}

int pipe_run(struct chat *chat, const struct pipe_options *options) {
    struct pipe pipe = {.chat = chat, .options = options};
    int signals = pipe_signals();
    chat->sink = (struct chat_sink){&pipe, pipe_print_message, pipe_print_notice};
    signal(SIGPIPE, SIG_IGN);
    while (!pipe_is_done(&pipe)) {
        pipe_take_lines(&pipe);
        if (!pipe_is_done(&pipe))
            pipe_wait(&pipe, signals);
    }
    int status = pipe_finish(&pipe);
    buffer_free(&pipe.line);
    buffer_free(&pipe.input);
    close(signals);
    return status;
}
