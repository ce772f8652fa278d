#include "complete.h"
#include "commands.h"
#include "name.h"

#include <stdio.h>
#include <readline/readline.h>
#include <stdlib.h>
#include <string.h>

/* The UI thread's, as Readline's hooks have no context of their own. */
static const struct chat *complete_chat;
static void (*complete_show)(void *context, const char *matches);
static void *complete_context;

/* Candidates gathered so far. */
struct candidates {
    const char *word;
    const char *prefix; /* what the word begins with and no candidate does, or "" */
    char **list;        /* [0] is kept for the common beginning */
    size_t count;
};

/* A beginning, with or without case, in any script. */
static bool begins_with(const char *text, const char *word) {
    size_t size = strlen(word);
    return strncasecmp(text, word, size) == 0;
}

static void candidates_add(struct candidates *candidates, const char *text, const char *ending) {
    if (!begins_with(text, candidates->word + strlen(candidates->prefix)))
        return;
    char **list = reallocarray(candidates->list, candidates->count + 3, sizeof *list);
    if (list == NULL ||
        asprintf(&list[candidates->count + 1], "%s%s%s", candidates->prefix, text, ending) < 0)
        abort();
    candidates->list = list;
    list[++candidates->count + 1] = NULL;
}

static void candidates_add_commands(struct candidates *candidates) {
    for (size_t i = 0; i < command_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "/%s", commands[i].name);
        candidates_add(candidates, name, "");
    }
}

/* The command that the word at `start` is the first of, when it is one of a few: "add|list". */
static const struct command *command_of_choice(const char *line, int start) {
    for (size_t i = 0; i < command_count; i++) {
        size_t size = strlen(commands[i].name);
        char first = commands[i].arguments[0];
        if (line[0] == '/' && (int)size + 2 == start &&
            strncmp(line + 1, commands[i].name, size) == 0 && first >= 'a' && first <= 'z')
            return &commands[i];
    }
    return NULL;
}

static void candidates_add_choices(struct candidates *candidates, const struct command *command) {
    char *choices = strndup(command->arguments, strcspn(command->arguments, " "));
    char *rest = choices;
    if (choices == NULL)
        abort();
    for (char *choice; (choice = strsep(&rest, "|")) != NULL;)
        candidates_add(candidates, choice, "");
    free(choices);
}

static void candidates_add_rooms(struct candidates *candidates, const struct model *model) {
    for (size_t i = 0; i < model->room_count; i++)
        if (model->rooms[i]->kind == ROOM_PUBLIC)
            candidates_add(candidates, model->rooms[i]->name, "");
}

/* Nicks of the room on screen, those who spoke last first; a nick that is no nick is not offered.
 */
static void candidates_add_nicks(struct candidates *candidates, const struct model *model,
                                 const char *ending) {
    const struct room *room = model_current(model);
    struct name name;
    for (size_t i = room->nick_count; i > 0; i--)
        if (name_nick(wire_text(room->nicks[i - 1]), &name) &&
            strcmp(room->nicks[i - 1], model->nick) != 0)
            candidates_add(candidates, room->nicks[i - 1], ending);
}

/* What all candidates begin with, cut between characters. */
static char *candidates_common(const struct candidates *candidates) {
    size_t size = strlen(candidates->list[1]);
    for (size_t i = 2; i <= candidates->count; i++) {
        size_t same = 0;
        while (same < size && candidates->list[i][same] == candidates->list[1][same])
            same++;
        size = same;
    }
    while (size > 0 && ((unsigned char)candidates->list[1][size] & 0xC0) == 0x80)
        size--;
    const char *from = size >= strlen(candidates->word) ? candidates->list[1] : candidates->word;
    char *common = strndup(from, size >= strlen(candidates->word) ? size : strlen(from));
    if (common == NULL)
        abort();
    return common;
}

char **complete_matches(const struct chat *chat, const char *line, const char *word, int start) {
    struct candidates candidates = {.word = word, .prefix = ""};
    bool nick_wanted = strncmp(line, "/msg ", 5) == 0;
    const struct command *choosing = command_of_choice(line, start);
    bool searches = strncmp(line, "/search ", 8) == 0;
    if (searches && strncmp(word, "in:", 3) == 0)
        candidates.prefix = "in:";
    else if (searches && strncmp(word, "from:", 5) == 0)
        candidates.prefix = "from:";
    if (candidates.prefix[0] == 'i')
        candidates_add_rooms(&candidates, chat->model);
    else if (start == 0 && word[0] == '/')
        candidates_add_commands(&candidates);
    else if (choosing != NULL)
        candidates_add_choices(&candidates, choosing);
    else if (word[0] == '#')
        candidates_add_rooms(&candidates, chat->model);
    else if (strncmp(line, "/room ", 6) == 0 || strncmp(line, "/join ", 6) == 0)
        candidates_add_rooms(&candidates, chat->model);
    else
        candidates_add_nicks(&candidates, chat->model, start == 0 && !nick_wanted ? ":" : "");
    if (candidates.count == 0)
        return NULL;
    candidates.list[0] = candidates_common(&candidates);
    if (candidates.count == 1) {
        free(candidates.list[1]);
        candidates.list[1] = NULL;
    }
    return candidates.list;
}

static char **complete_attempt(const char *word, int start, int end) {
    (void)end;
    rl_attempted_completion_over = 1; /* never file names */
    return complete_matches(complete_chat, rl_line_buffer, word, start);
}

static void complete_display(char **matches, int count, int longest) {
    struct buffer joined = {0};
    (void)longest;
    for (int i = 1; i <= count; i++)
        buffer_append_format(&joined, "%s%s", i > 1 ? "  " : "", matches[i]);
    complete_show(complete_context, buffer_string(&joined));
    buffer_free(&joined);
}

void complete_start(const struct chat *chat, void (*show)(void *context, const char *matches),
                    void *context) {
    complete_chat = chat;
    complete_show = show;
    complete_context = context;
    rl_attempted_completion_function = complete_attempt;
    rl_completion_display_matches_hook = complete_display;
    rl_basic_word_break_characters = " \t\n";
    rl_completer_word_break_characters = " \t\n";
    rl_completion_query_items = 0;
    rl_sort_completion_matches = 0;
    rl_variable_bind("show-all-if-ambiguous", "on");
}
