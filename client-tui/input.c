#include "input.h"

#include <poll.h>
#include <stdio.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_QUEUE_MAX = 256, INPUT_HISTORY_MAX = 1000 };

/* The UI thread's, as Readline's own state is. */
static void (*input_entered)(void *context, const char *text, size_t size);
static void *input_context;
static unsigned char input_queue[INPUT_QUEUE_MAX];
static size_t input_queued;
static FILE *input_nowhere;
static char *input_next; /* what the next line begins with, or NULL */

/* Readline asks for the next byte of a key; there is one, as it is only called when a byte has
 * come. */
static int input_getc(FILE *stream) {
    (void)stream;
    if (input_queued == 0)
        return EOF;
    unsigned char byte = input_queue[0];
    memmove(input_queue, input_queue + 1, --input_queued);
    return byte;
}

static int input_available(void) {
    return input_queued > 0;
}

static void input_redisplay(void) {
}

static void input_prepare_terminal(int meta) {
    (void)meta;
}

static void input_release_terminal(void) {
}

static void input_line(char *line) {
    if (line == NULL)
        return;
    if (line[0] != '\0')
        add_history(line);
    input_entered(input_context, line, strlen(line));
    free(line);
}

void input_start(void (*entered)(void *context, const char *text, size_t size), void *context) {
    input_entered = entered;
    input_context = context;
    input_nowhere = fopen("/dev/null", "r+");
    rl_readline_name = "chat-tui";
    rl_instream = input_nowhere;
    rl_outstream = input_nowhere;
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_change_environment = 0;
    rl_getc_function = input_getc;
    rl_input_available_hook = input_available;
    rl_redisplay_function = input_redisplay;
    rl_prep_term_function = input_prepare_terminal;
    rl_deprep_term_function = input_release_terminal;
    stifle_history(INPUT_HISTORY_MAX);
    rl_callback_handler_install("", input_line);
}

void input_end(void) {
    rl_callback_handler_remove();
    clear_history();
    free(input_next);
    input_next = NULL;
    if (input_nowhere != NULL)
        fclose(input_nowhere);
    input_nowhere = NULL;
}

void input_byte(unsigned char byte) {
    if (input_queued == INPUT_QUEUE_MAX)
        return;
    input_queue[input_queued++] = byte;
    while (input_queued > 0)
        rl_callback_read_char();
    if (input_next == NULL)
        return;
    rl_kill_full_line(1, 0);
    rl_insert_text(input_next);
    free(input_next);
    input_next = NULL;
}

void input_draft(const char *text) {
    free(input_next);
    input_next = strdup(text);
}

bool input_wants_escape(void) {
    return rl_editing_mode == 0 ||
           RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_NUMERICARG);
}

void input_insert(unsigned char byte) {
    const char text[2] = {(char)byte, '\0'};
    if (byte != '\0')
        rl_insert_text(text);
}

void input_clear(void) {
    rl_callback_sigcleanup(); /* ends a search or an argument, whatever the keys are bound to */
    rl_kill_full_line(1, 0);
}

bool input_is_empty(void) {
    return rl_end == 0;
}

struct input_state input_state(void) {
    bool asks = RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_NUMERICARG);
    return (struct input_state){.prompt =
                                    asks && rl_display_prompt != NULL ? rl_display_prompt : "",
                                .text = rl_line_buffer != NULL ? rl_line_buffer : "",
                                .size = (size_t)rl_end,
                                .point = (size_t)rl_point};
}
