/* A client without a screen, for the fault driver; see puppet.h. */
#include "puppet.h"
#include "clock.h"
#include "net.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { JOIN_TAG = 1, FIRST_KEEP_TAG = 2 };
enum { BODY_MAX = 16384, WAITING_MAX = 1024, LINE_MAX_BYTES = 128 };

/* A post on its way. */
struct post {
    uint64_t number; /* in the outbox */
    uint64_t key;
};

struct puppet {
    struct net *net;
    struct progress *progress;
    int evidence;
    const char *nick;
    uint64_t life;
    uint64_t asked;
    uint64_t next_number; /* 0 until NEWS_OUTBOX */
    struct post *posts;   /* WAITING_MAX of them at most asked for, and those that were pending */
    size_t post_count;
    uint64_t left; /* to be posted; UINT64_MAX: no end */
    uint64_t pause;
    uint64_t next; /* when the next one is due, in microseconds */
    size_t size;
    uint32_t second_room; /* its number; 0 until known */
    bool linked;
    uint32_t tag; /* of the last `keep` */
    uint64_t tag_asked;
    bool deaf;
    bool eager;
    bool quit;
    char line[LINE_MAX_BYTES];
    size_t line_size;
};

static void die(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

static void note(struct puppet *puppet, struct record record, const void *bytes) {
    struct iovec pieces[] = {{&record, sizeof record}, {(void *)(uintptr_t)bytes, record.size}};
    if (writev(puppet->evidence, pieces, 2) != (ssize_t)(sizeof record + record.size))
        die("puppet: cannot write the evidence");
}

static void note_number(struct puppet *puppet, enum record_kind kind, uint64_t number) {
    note(puppet, (struct record){.kind = kind, .number = number}, NULL);
}

static uint64_t microseconds(void) {
    return clock_monotonic() * 1000;
}

static void add_post(struct puppet *puppet, uint64_t number, uint64_t key) {
    struct post *grown = realloc(puppet->posts, (puppet->post_count + 1) * sizeof *grown);
    if (grown == NULL)
        die("puppet: cannot note a post");
    puppet->posts = grown;
    puppet->posts[puppet->post_count++] = (struct post){number, key};
    puppet->progress->waiting = puppet->post_count;
}

/* Takes posts out of the list. */
static void drop_posts(struct puppet *puppet, size_t from, size_t count) {
    if (count == 0)
        return;
    memmove(puppet->posts + from, puppet->posts + from + count,
            (puppet->post_count - from - count) * sizeof *puppet->posts);
    puppet->post_count -= count;
    puppet->progress->waiting = puppet->post_count;
}

static void ask(struct puppet *puppet) {
    static char body[BODY_MAX];
    uint64_t key = puppet->life << 32 | puppet->asked;
    int size = snprintf(body, sizeof body, "%s %llu %llu ", puppet->nick,
                        (unsigned long long)puppet->life, (unsigned long long)puppet->asked);
    size_t wished = puppet->size > (size_t)size ? puppet->size : (size_t)size;
    memset(body + size, '.', wished - (size_t)size);
    uint32_t room = puppet->asked % PUPPET_ROOMS == 0 ? 0 : puppet->second_room;
    note(puppet, (struct record){.kind = RECORD_ASKED, .number = key, .room = room}, NULL);
    add_post(puppet, puppet->next_number++, key);
    puppet->progress->asked = ++puppet->asked;
    net_post(puppet->net, room, (struct wire_text){body, wished});
}

static void talk(struct puppet *puppet) {
    uint64_t now = microseconds();
    while (puppet->left > 0 && puppet->next_number > 0 && now >= puppet->next &&
           puppet->post_count < WAITING_MAX) {
        ask(puppet);
        puppet->next += puppet->pause;
        if (puppet->left != UINT64_MAX)
            puppet->left--;
    }
    /* What could not be said in time is not made up for in one go. */
    if (puppet->post_count >= WAITING_MAX && puppet->next < now)
        puppet->next = now;
    puppet->progress->talking = puppet->left > 0;
}

static void command_talk(struct puppet *puppet, const char *arguments) {
    unsigned long long count = 0;
    unsigned long long pause = 0;
    unsigned long long size = 0;
    if (sscanf(arguments, "%llu %llu %llu", &count, &pause, &size) != 3 || size > BODY_MAX)
        die("puppet: talk COUNT PAUSE SIZE");
    puppet->left = count > 0 ? count : UINT64_MAX;
    puppet->pause = pause;
    puppet->size = size;
    puppet->next = microseconds();
    puppet->progress->talking = 1;
}

static void command_hush(struct puppet *puppet, const char *arguments) {
    (void)arguments;
    puppet->left = 0;
    puppet->progress->talking = 0;
}

/* The answer to a request, be it an error, comes after the outbox is on disk. */
static void command_keep(struct puppet *puppet, const char *arguments) {
    struct message list = {.type = MESSAGE_LIST};
    (void)arguments;
    list.list.tag = ++puppet->tag;
    puppet->tag_asked = puppet->asked;
    net_request(puppet->net, &list);
}

static void command_deaf(struct puppet *puppet, const char *arguments) {
    (void)arguments;
    puppet->deaf = true;
}

static void command_hear(struct puppet *puppet, const char *arguments) {
    (void)arguments;
    puppet->deaf = false;
}

static void command_retry(struct puppet *puppet, const char *arguments) {
    (void)arguments;
    net_retry(puppet->net);
}

static void command_eager(struct puppet *puppet, const char *arguments) {
    puppet->eager = true;
    command_retry(puppet, arguments);
}

static void command_patient(struct puppet *puppet, const char *arguments) {
    (void)arguments;
    puppet->eager = false;
}

static void command_quit(struct puppet *puppet, const char *arguments) {
    (void)arguments;
    puppet->quit = true;
}

static const struct command {
    const char *name;
    void (*run)(struct puppet *puppet, const char *arguments);
} commands[] = {
    {"talk", command_talk},   {"hush", command_hush},       {"keep", command_keep},
    {"deaf", command_deaf},   {"hear", command_hear},       {"retry", command_retry},
    {"eager", command_eager}, {"patient", command_patient}, {"quit", command_quit},
};

static void obey(struct puppet *puppet, const char *line) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        size_t size = strlen(commands[i].name);
        if (strncmp(line, commands[i].name, size) == 0 && (line[size] == ' ' || line[size] == 0)) {
            commands[i].run(puppet, line + size);
            puppet->progress->commands++;
            return;
        }
    }
    fprintf(stderr, "puppet: unknown command: %s\n", line);
    exit(EXIT_FAILURE);
}

/* At the end of stdin the driver is gone. */
static void take_commands(struct puppet *puppet) {
    ssize_t got = read(STDIN_FILENO, puppet->line + puppet->line_size,
                       sizeof puppet->line - 1 - puppet->line_size);
    if (got <= 0) {
        puppet->quit = true;
        return;
    }
    puppet->line_size += (size_t)got;
    for (char *end; (end = memchr(puppet->line, '\n', puppet->line_size)) != NULL;) {
        *end = '\0';
        obey(puppet, puppet->line);
        puppet->line_size -= (size_t)(end + 1 - puppet->line);
        memmove(puppet->line, end + 1, puppet->line_size);
    }
}

static void ask_for_second_room(struct puppet *puppet) {
    struct message join = {.type = MESSAGE_JOIN};
    join.join.tag = JOIN_TAG;
    join.join.name = wire_text(PUPPET_SECOND_ROOM);
    net_request(puppet->net, &join);
}

static void tell_online(struct puppet *puppet) {
    puppet->progress->online = puppet->linked && puppet->second_room != 0;
}

static void news_link(struct puppet *puppet, const struct news *news) {
    puppet->linked = news->link_state == LINK_ONLINE;
    tell_online(puppet);
    if (puppet->linked)
        puppet->progress->welcomes++;
    if (puppet->linked && puppet->second_room == 0)
        ask_for_second_room(puppet);
    if (news->link_state == LINK_WAITING && puppet->eager)
        net_retry(puppet->net);
    if (news->link_state == LINK_REFUSED)
        fprintf(stderr, "%s: refused: %.*s\n", puppet->nick, (int)news->text.size, news->text.data);
}

/* The first time: where our numbers begin. Again: the outbox begins anew, and its posts with 1. */
static void news_outbox(struct puppet *puppet, const struct news *news) {
    bool again = puppet->next_number > 0;
    puppet->next_number = again ? puppet->post_count + 1 : news->number;
    for (size_t i = 0; i < puppet->post_count; i++)
        puppet->posts[i].number = i + 1;
    if (again)
        fprintf(stderr, "%s: the outbox begins anew\n", puppet->nick);
}

static void news_pending(struct puppet *puppet, const struct news *news) {
    char nick[64];
    unsigned long long life;
    unsigned long long index;
    char body[BODY_MAX + 1] = "";
    memcpy(body, news->text.data, news->text.size);
    if (sscanf(body, "%63s %llu %llu", nick, &life, &index) != 3)
        die("puppet: a post that is not ours waits in the outbox");
    if (life == puppet->life)
        return; /* the outbox began anew; it is known */
    note_number(puppet, RECORD_PENDING, life << 32 | index);
    add_post(puppet, news->number, life << 32 | index);
}

static void news_events(struct puppet *puppet, const struct news *news) {
    struct wire_blob frames = news->frames;
    struct message event;
    struct record record = {.kind = RECORD_SHOWN,
                            .size = (uint32_t)frames.size,
                            .room = news->room,
                            .flags = (news->reset ? RECORD_RESET : 0u) |
                                     (news->more ? RECORD_MORE : 0u)};
    note(puppet, record, frames.data);
    while (news_next_event(&frames, &event))
        puppet->progress->last_ids[news->room == puppet->second_room] = event.event.id;
}

static void news_stored(struct puppet *puppet, const struct news *news) {
    size_t count = 0;
    while (count < puppet->post_count && puppet->posts[count].number <= news->number)
        note_number(puppet, RECORD_ACKNOWLEDGED, puppet->posts[count++].key);
    puppet->progress->acknowledged += count;
    drop_posts(puppet, 0, count);
}

static void news_refused(struct puppet *puppet, const struct news *news) {
    size_t place = 0;
    while (place < puppet->post_count && puppet->posts[place].number < news->number)
        place++;
    if (place == puppet->post_count)
        return;
    note_number(puppet, RECORD_REFUSED, puppet->posts[place].key);
    drop_posts(puppet, place, 1);
    for (; place < puppet->post_count; place++)
        puppet->posts[place].number--;
    puppet->next_number--;
}

static void news_answer(struct puppet *puppet, const struct news *news) {
    const struct message *message = &news->message;
    bool answers = message->type == MESSAGE_ROOMS || message->type == MESSAGE_ERROR;
    if (message->type == MESSAGE_ROOM &&
        wire_text_equal(message->room.name, wire_text(PUPPET_SECOND_ROOM))) {
        puppet->second_room = message->room.room;
        tell_online(puppet);
    } else if (answers && puppet->tag >= FIRST_KEEP_TAG && message->rooms.tag == puppet->tag) {
        note_number(puppet, RECORD_KEPT, puppet->tag_asked);
        puppet->progress->kept++;
    }
}

static void (*const news_functions[])(struct puppet *puppet, const struct news *news) = {
    [NEWS_LINK] = news_link,     [NEWS_OUTBOX] = news_outbox, [NEWS_PENDING] = news_pending,
    [NEWS_EVENTS] = news_events, [NEWS_STORED] = news_stored, [NEWS_REFUSED] = news_refused,
    [NEWS_ANSWER] = news_answer,
};

static void take_news(struct puppet *puppet) {
    struct queue_chain chain = net_take(puppet->net);
    for (struct queue_item *item; (item = queue_chain_take(&chain)) != NULL;) {
        struct news *news = (struct news *)item;
        if (news->kind < sizeof news_functions / sizeof *news_functions &&
            news_functions[news->kind] != NULL)
            news_functions[news->kind](puppet, news);
        news_free(news);
    }
}

static int patience(const struct puppet *puppet) {
    if (puppet->left == 0 || puppet->next_number == 0 || puppet->post_count >= WAITING_MAX)
        return -1;
    uint64_t now = microseconds();
    return puppet->next > now ? (int)((puppet->next - now + 999) / 1000) : 0;
}

static void run(struct puppet *puppet) {
    while (!puppet->quit) {
        struct pollfd waits[] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = puppet->deaf ? -1 : net_descriptor(puppet->net), .events = POLLIN}};
        poll(waits, 2, patience(puppet));
        if (waits[0].revents != 0)
            take_commands(puppet);
        if (waits[1].revents != 0)
            take_news(puppet);
        talk(puppet);
    }
    net_stop(puppet->net);
}

static struct progress *map_progress(const char *path) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    struct progress *progress = MAP_FAILED;
    if (file >= 0)
        progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (progress == MAP_FAILED)
        die(path);
    close(file);
    return progress;
}

int main(int argc, char **argv) {
    static struct puppet puppet;
    if (argc != 8) {
        fprintf(stderr, "puppet HOST PORT NICK HISTORY LIFE EVIDENCE PROGRESS\n");
        return 2;
    }
    const struct net_options options = {.host = argv[1],
                                        .port = argv[2],
                                        .nick = argv[3],
                                        .nick_is_wish = true,
                                        .plaintext = true,
                                        .room = "#lobby",
                                        .history = (unsigned)strtoul(argv[4], NULL, 10)};
    puppet.nick = argv[3];
    puppet.tag = FIRST_KEEP_TAG - 1;
    puppet.life = strtoul(argv[5], NULL, 10);
    puppet.evidence = open(argv[6], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (puppet.evidence < 0)
        die(argv[6]);
    puppet.progress = map_progress(argv[7]);
    puppet.net = net_start(&options);
    if (puppet.net == NULL)
        return EXIT_FAILURE;
    run(&puppet);
    free(puppet.posts);
    return EXIT_SUCCESS;
}
