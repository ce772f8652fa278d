#include "commands.h"
#include "keys.h"
#include "name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

/* Cuts the first word off; returns it, and puts what follows into *rest. */
static char *command_word(char *text, char **rest) {
    char *end = text + strcspn(text, " \n");
    *rest = end + strspn(end, " \n");
    *end = '\0';
    return text;
}

static void command_say_who_may(struct buffer *text, enum right right) {
    buffer_append_string(text, "\nWho may: ");
    right_describe(text, right_find(right));
    buffer_append_string(text, ".");
}

/* All rights, as the table has them. */
static void command_help_rights(struct chat *chat) {
    struct buffer text = {0};
    for (size_t i = 0; i < right_count; i++) {
        buffer_append_format(&text, "%s%s  ", i > 0 ? "\n" : "", rights[i].name);
        right_describe(&text, &rights[i]);
        buffer_append_format(&text, ": %s", rights[i].about);
    }
    chat_notice(chat, "%s", buffer_string(&text));
    buffer_free(&text);
}

static void command_help(struct chat *chat, char *argument) {
    struct buffer text = {0};
    bool keys = strcmp(argument, "keys") == 0;
    bool found = keys;
    if (strcmp(argument, "rights") == 0) {
        command_help_rights(chat);
        return;
    }
    if (argument[0] == '/')
        argument++;
    for (size_t i = 0; !keys && i < command_count; i++) {
        if (argument[0] != '\0' && strcmp(argument, commands[i].name) != 0)
            continue;
        buffer_append_format(&text, "%s/%s %s%*s%s", text.size > 0 ? "\n" : "", commands[i].name,
                             commands[i].arguments,
                             (int)(22 - strlen(commands[i].name) - strlen(commands[i].arguments)),
                             "", commands[i].help);
        if (argument[0] != '\0' && commands[i].more != NULL)
            buffer_append_format(&text, "\n%s", commands[i].more);
        if (argument[0] != '\0' && commands[i].right != 0)
            command_say_who_may(&text, commands[i].right);
        found = true;
    }
    for (size_t i = 0; keys && i < key_count; i++)
        if (key_bindings[i].help != NULL)
            buffer_append_format(&text, "%s%-16s%s", text.size > 0 ? "\n" : "",
                                 key_bindings[i].shown, key_bindings[i].help);
    if (keys)
        buffer_append_string(&text,
                             "\nTab             complete a command, a nick or a room"
                             "\nEnter           with nothing typed: open the selected search result"
                             "\nAll other keys are Readline's.");
    if (found)
        chat_notice(chat, "%s", buffer_string(&text));
    else
        chat_notice(chat, "There is no command /%s. /help lists all.", argument);
    buffer_free(&text);
}

/* A room's name with its #, which may be left out; the caller frees it. */
static char *command_mark_room(const char *name) {
    char *marked = NULL;
    if (asprintf(&marked, "%s%s", name[0] == '#' ? "" : "#", name) < 0)
        abort();
    return marked;
}

static void command_join(struct chat *chat, char *argument) {
    if (argument[0] == '@') {
        chat_direct(chat, argument, "");
        return;
    }
    char *name = command_mark_room(argument);
    chat_join(chat, name);
    free(name);
}

static void command_leave(struct chat *chat, char *argument) {
    (void)argument;
    chat_leave(chat);
}

static void command_msg(struct chat *chat, char *argument) {
    char *text;
    char *nick = command_word(argument, &text);
    chat_direct(chat, nick, text);
}

static void command_nick(struct chat *chat, char *argument) {
    chat_rename(chat, argument);
}

static void command_topic(struct chat *chat, char *argument) {
    chat_set_topic(chat, argument);
}

static void command_who(struct chat *chat, char *argument) {
    (void)argument;
    chat_who(chat);
}

static void command_list(struct chat *chat, char *argument) {
    (void)argument;
    chat_list(chat);
}

static void command_search(struct chat *chat, char *argument) {
    chat_search(chat, argument);
}

static void command_room(struct chat *chat, char *argument) {
    const struct room *room = model_room_named(chat->model, name_without_mark(argument));
    char *marked = command_mark_room(argument);
    if (room == NULL)
        room = model_room_named(chat->model, marked);
    free(marked);
    if (room != NULL)
        model_show(chat->model, room);
    else
        chat_notice(chat, "You are not in %s. /join makes or opens a room.", argument);
}

static void command_reconnect(struct chat *chat, char *argument) {
    (void)argument;
    net_retry(chat->net);
}

static void command_quit(struct chat *chat, char *argument) {
    (void)argument;
    chat->quit = true;
}

/* The number after =, with the argument moved behind it; 0, and the argument as it was, when there
 * is none. */
static uint64_t command_id(char **argument) {
    char *end = *argument;
    if (end[0] != '=' || end[1] < '0' || end[1] > '9')
        return 0;
    uint64_t id = strtoull(end + 1, &end, 10);
    if (end[0] != '\0' && strchr(" \n", end[0]) == NULL)
        return 0;
    *argument = end + (end[0] != '\0');
    return id;
}

/* "/edit 17 text" may mean message 17, or a text that begins with a number: false after asking,
 * when there is such a message. */
static bool command_is_clear(struct chat *chat, const char *argument) {
    char *end;
    uint32_t room;
    uint64_t id = strtoull(argument, &end, 10);
    if (argument[0] < '0' || argument[0] > '9' || *end != ' ' ||
        model_find(chat->model, id, &room) == NULL)
        return true;
    chat->failures++;
    chat_notice(chat,
                "Not changed: /edit =%llu TEXT is for that message; select yours with Alt-Up "
                "and use /edit alone for a text that begins with a number.",
                (unsigned long long)id);
    return false;
}

static void command_edit(struct chat *chat, char *argument) {
    uint64_t id = command_id(&argument);
    if (id != 0 || command_is_clear(chat, argument))
        chat_edit(chat, id, argument);
}

static void command_delete(struct chat *chat, char *argument) {
    uint64_t id = command_id(&argument);
    if (argument[0] == '\0') {
        chat_delete(chat, id);
        return;
    }
    chat->failures++;
    chat_notice(chat, "Which message? /delete =ID");
}

static void command_goto(struct chat *chat, char *argument) {
    uint64_t id = command_id(&argument);
    if (id != 0)
        chat_goto(chat, model_current(chat->model)->number, id);
    else
        chat_notice(chat, "Which message? /goto =ID");
}

static void command_open(struct chat *chat, char *argument) {
    chat_open_hit(chat, (size_t)strtoul(argument, NULL, 10));
}

/* "/kick NICK WHY" and the like: the right says what it is about. */
static void command_act(struct chat *chat, const struct command *command, char *argument) {
    uint32_t room = model_current(chat->model)->number;
    bool on_person = strncmp(command->arguments, "NICK", 4) == 0;
    char *detail = argument;
    const char *subject = on_person ? name_without_mark(command_word(argument, &detail)) : "";
    bool of_room = right_find(command->right)->of_room;
    chat_act(chat, command->right, of_room ? room : 0, subject, detail);
}

static void command_claim(struct chat *chat, char *argument) {
    chat_act(chat, RIGHT_CLAIM, 0, argument, "");
}

static void command_invite(struct chat *chat, char *argument) {
    if (argument[0] == '\0')
        chat_act(chat, RIGHT_INVITE_TO_SERVER, 0, "", "");
    else
        chat_act(chat, RIGHT_INVITE, model_current(chat->model)->number,
                 name_without_mark(argument), "");
}

static void command_admit(struct chat *chat, char *argument) {
    chat_act(chat, RIGHT_ADMIT, 0, argument, "");
}

/* "/device WORD REST": what the word asks for, and whether it needs the rest. */
static const struct {
    const char *word;
    enum right right;
    bool needs_number;
} device_words[] = {
    {"add", RIGHT_DEVICE_ADD, false},
    {"list", RIGHT_DEVICE_LIST, false},
    {"remove", RIGHT_DEVICE_REMOVE, true},
};

static void command_device(struct chat *chat, char *argument) {
    char *number;
    const char *word = command_word(argument, &number);
    for (size_t i = 0; i < sizeof device_words / sizeof *device_words; i++)
        if (strcmp(device_words[i].word, word) == 0 &&
            device_words[i].needs_number == (number[0] != '\0')) {
            chat_act(chat, device_words[i].right, 0, number, "");
            return;
        }
    chat->failures++;
    chat_notice(chat, "Say what: /device add, /device list or /device remove N");
}

/* The passphrase is asked for where nobody reads along: the screen does it, see tui.c. */
static void command_key(struct chat *chat, char *argument) {
    char *file;
    const char *word = command_word(argument, &file);
    bool comes = strcmp(word, "import") == 0;
    if ((!comes && strcmp(word, "export") != 0) || file[0] == '\0') {
        chat->failures++;
        chat_notice(chat, "Say what: /key export FILE or /key import FILE");
    } else if (chat->sink.message != NULL) {
        chat->failures++;
        chat_notice(chat, "Not with --pipe: chat-tui --%s-key FILE asks for a passphrase.", word);
    } else {
        free(chat->key_file);
        chat->key_file = strdup(file);
        chat->key_comes = comes;
    }
}

static const char edit_more[] =
    "the selected one (Alt-Up), the one with that number, or else your newest;\n"
    "without a TEXT its present one comes into the input line, to be changed there.\n"
    "It needs a connection: what still waits cannot be changed.";
static const char delete_more[] =
    "the selected one (Alt-Up), the one with that number, or else your newest;\n"
    "moderators may delete those of others. It needs a connection.";
static const char admit_more[] =
    "open lets in anybody with a key, invited who has a code of yours,\n"
    "guests also who has no key. Who is in, stays. For the server's owner.";
static const char device_more[] =
    "add gives a code, with which another device of yours joins your account;\n"
    "list shows your devices with their numbers; remove takes one out: it is\n"
    "disconnected at once, and its key lets nobody in any more.";
static const char key_more[] =
    "export writes the key that says who you are to a new file, locked with a\n"
    "passphrase; import makes it yours on another machine, from the next start\n"
    "on. A machine of its own key joins with /device add instead.";
static const char access_more[] =
    "public: anybody may join; private: only who is invited, and nobody else\n"
    "knows of it; read-only: only moderators speak; private read-only: both.";
static const char block_more[] =
    "they cannot open or go on with a direct talk with you. Rooms are not touched.";
static const char claim_more[] = "TOKEN is what chat-server --owner-token printed on the server.";
static const char invite_more[] =
    "with NICK: into the room on screen; alone: a code for somebody who is new\n"
    "on the server.";
static const char kick_more[] =
    "they can join again, unless the room is private. What they said stays.";
static const char search_more[] = "words         all of them, in any order, any case\n"
                                  "\"a phrase\"    these words in this order\n"
                                  "begin*        words that begin so\n"
                                  "from:NICK     only what that person said\n"
                                  "in:#ROOM      only there; else in all your rooms\n"
                                  "before:DATE   only before its first moment\n"
                                  "after:DATE    only from its first moment on\n"
                                  "A DATE is 2026-11-25, 2026-11 or 2026-11-25T14:30.\n"
                                  "Number 1 is the newest; /search alone: older ones,\n"
                                  "or further back where it ended, as Esc makes it.\n"
                                  "/open N shows one in its place, as does Enter when\n"
                                  "it is selected (Alt-Up). Ctrl-End leads back.";

const struct command commands[] = {
    {"access", "public|private|read-only", "say who may come in and speak", access_more, true,
     false, RIGHT_ACCESS, NULL},
    {"admit", "open|invited|guests", "say who is let in", admit_more, true, false, RIGHT_ADMIT,
     command_admit},
    {"ban", "NICK [WHY]", "take somebody out, for good", NULL, true, false, RIGHT_BAN, NULL},
    {"block", "NICK", "get no direct messages of somebody", block_more, true, false, RIGHT_BLOCK,
     NULL},
    {"claim", "TOKEN", "own this server", claim_more, true, false, RIGHT_CLAIM, command_claim},
    {"delete", "[=ID]", "delete a message", delete_more, false, true, RIGHT_DELETE_ANY,
     command_delete},
    {"deop", "NICK", "make a moderator a member like others", NULL, true, false, RIGHT_DEOP, NULL},
    {"device", "add|list|remove N", "your devices", device_more, true, false, RIGHT_DEVICE_ADD,
     command_device},
    {"edit", "[=ID] [TEXT]", "change a message", edit_more, false, true, RIGHT_EDIT, command_edit},
    {"goto", "=ID", "show a message in its place", NULL, true, true, 0, command_goto},
    {"help", "[COMMAND|keys|rights]", "what there is", NULL, false, false, 0, command_help},
    {"invite", "[NICK]", "let somebody into the room, or the server", invite_more, false, false,
     RIGHT_INVITE, command_invite},
    {"join", "#ROOM", "open a room, or make it", NULL, true, false, RIGHT_JOIN, command_join},
    {"key", "export|import FILE", "carry your key to another machine", key_more, true, false, 0,
     command_key},
    {"kick", "NICK [WHY]", "take somebody out of the room", kick_more, true, false, RIGHT_KICK,
     NULL},
    {"leave", "", "leave this room", NULL, false, false, 0, command_leave},
    {"list", "", "the rooms of this server", NULL, false, false, 0, command_list},
    {"msg", "NICK [TEXT]", "talk to one person", NULL, true, false, RIGHT_TALK, command_msg},
    {"mute", "NICK", "let somebody read but not speak", NULL, true, false, RIGHT_MUTE, NULL},
    {"nick", "NAME", "take another nick", NULL, true, false, 0, command_nick},
    {"op", "NICK", "make somebody a moderator", NULL, true, false, RIGHT_OP, NULL},
    {"open", "N", "show what a search found in its place", NULL, true, true, 0, command_open},
    {"quit", "", "end the program", NULL, false, false, 0, command_quit},
    {"reconnect", "", "try to connect now", NULL, false, false, 0, command_reconnect},
    {"room", "NAME", "show a room you are in", NULL, true, false, 0, command_room},
    {"search", "[WORDS]", "find messages; again: older ones", search_more, false, false, 0,
     command_search},
    {"topic", "[TEXT]", "show or set the topic", NULL, false, false, RIGHT_TOPIC, command_topic},
    {"transfer", "NICK", "make somebody else the owner", NULL, true, false, RIGHT_TRANSFER, NULL},
    {"unban", "NICK", "let somebody join again", NULL, true, false, RIGHT_UNBAN, NULL},
    {"unblock", "NICK", "get direct messages of them again", NULL, true, false, RIGHT_UNBLOCK,
     NULL},
    {"unmute", "NICK", "let them speak again", NULL, true, false, RIGHT_UNMUTE, NULL},
    {"who", "", "who is here", NULL, false, false, RIGHT_READ, command_who},
};
const size_t command_count = sizeof commands / sizeof *commands;

static bool command_run(struct chat *chat, char *line) {
    char *argument;
    char *name = command_word(line, &argument);
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        bool missing = commands[i].needs_argument && argument[0] == '\0';
        if (missing)
            chat_notice(chat, "Say what: /%s %s", name, commands[i].arguments);
        else if (commands[i].run != NULL)
            commands[i].run(chat, argument);
        else
            command_act(chat, &commands[i], argument);
        return missing || !commands[i].stays;
    }
    chat->failures++;
    chat_notice(chat, "There is no command /%s. /help lists all; //%s sends it as text.", name,
                name);
    return true;
}

/* Something other than blanks. */
static bool says_something(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (strchr(" \t\n", text[i]) == NULL || text[i] == '\0')
            return true;
    return false;
}

bool commands_enter(struct chat *chat, const char *entered, size_t size) {
    if (!says_something(entered, size))
        return true;
    /* A server ends the session of who sends it, and a post would be sent again and again. */
    if (u8_check((const uint8_t *)entered, size) != NULL) {
        chat->failures++;
        chat_notice(chat, "Not sent: it is not valid UTF-8. Is the terminal set to UTF-8?");
        return true;
    }
    chat_stop_search(chat);
    while (strchr(" \n", entered[size - 1]) != NULL && entered[size - 1] != '\0')
        size--;
    if (entered[0] != '/' || (size > 1 && entered[1] == '/')) {
        size_t skip = entered[0] == '/';
        chat_post(chat, (struct wire_text){entered + skip, size - skip});
        return true;
    }
    char *line = strndup(entered + 1, size - 1);
    if (line == NULL)
        abort();
    bool follows = command_run(chat, line);
    free(line);
    return follows;
}
