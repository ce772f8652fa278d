/* Who may what. Each right with each role in each kind of room, against the table; and random
 * sequences of three people at a real server, against a model: SEED=N begins with that one. After
 * each step it is compared what everybody got, was refused, and can page, find and see listed. */
#include "test.h"
#include "frame.h"
#include "link.h"
#include "rights_model.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEQUENCES = 1000, STEPS = 16, PATIENCE = 20000 };

/* A connection of somebody, and what came over it since it was last looked at. */
struct person {
    struct link link;
    struct frame_reader input;
    uint8_t bytes[65536];
    char nick[8];
    uint64_t posts;       /* that were stored */
    uint32_t tag;         /* of the last request */
    enum error_code code; /* of its answer */
    bool answered;
    bool listed;        /* the room was in the answer */
    uint32_t room;      /* of the last `room` */
    uint64_t newest;    /* message that came live */
    unsigned live;      /* messages that came live */
    struct buffer page; /* of the last page or search */
};

static char folder[] = "/tmp/rights-test-XXXXXX";
static pid_t server;
static char port[16];
static struct person people[MODEL_PEOPLE];
static struct room_model model;
static uint32_t room;
static char room_name[32];
static bool was_member[MODEL_PEOPLE]; /* before the step */
static unsigned deliveries, refusals, pages, searches;
static unsigned long seed;

static void start_server(const char *program, const char *fault) {
    int ends[2];
    char path[256], line[128] = "";
    const char *build = getenv("BUILD");
    snprintf(path, sizeof path, "%s/%s", build != NULL ? build : "build", program);
    assert_int_equal(pipe(ends), 0);
    server = fork();
    if (server == 0) {
        dup2(ends[1], STDOUT_FILENO);
        setenv("CHAT_FAULT", fault, 1);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(127);
        execl(path, path, "--plaintext", "--limit", "none", "--data", folder, "127.0.0.1", "0",
              (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    assert_non_null(fgets(line, sizeof line, said));
    assert_int_equal(sscanf(strrchr(line, ':'), ":%15[0-9]", port), 1);
    fclose(said);
}

static void stop_server(void) {
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
}

static void tell(struct person *person, struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    struct iovec piece = {frame.data, frame.size};
    person->answered = false;
    person->code = ERROR_NONE;
    assert_int_equal(link_write(&person->link, &piece, 1), frame.size);
    buffer_free(&frame);
}

/* Nobody gets an event of a room that they were in neither before the step nor after it. */
static void judge_event(struct person *person, const struct message *event) {
    size_t who = (size_t)(person - people);
    if (event->event.room != room)
        return;
    deliveries++;
    if (!was_member[who] && !model.member[who])
        fail_msg("seed %lu: %s got an event of %s", seed, person->nick, room_name);
    if (event->type == MESSAGE_MESSAGE) {
        person->live++;
        person->newest = event->event.id;
    }
}

static bool room_is_listed(struct wire_texts names) {
    for (struct wire_text name; wire_texts_next(&names, &name);)
        if (wire_text_equal(name, wire_text(room_name)))
            return true;
    return false;
}

static void keep_page(struct person *person, struct wire_blob events) {
    buffer_clear(&person->page);
    buffer_append(&person->page, events.data, events.size);
}

static void meet(struct person *person, const struct message *message) {
    bool mine = message->done.tag == person->tag;
    if (message_is_event(message->type)) {
        judge_event(person, message);
    } else if (message->type == MESSAGE_ROOM) {
        person->room = message->room.room;
        person->answered = person->answered || message->room.tag == person->tag;
    } else if (message->type == MESSAGE_STORED) {
        person->answered = true;
    } else if (message->type == MESSAGE_REFUSED) {
        person->code = (enum error_code)message->refused.code;
        person->answered = true;
    } else if (mine && message->type == MESSAGE_ERROR) {
        person->code = (enum error_code)message->error.code;
        person->answered = true;
    } else if (mine && message->type == MESSAGE_PAGE) {
        keep_page(person, message->page.events);
        person->answered = true;
    } else if (mine && message->type == MESSAGE_HITS) {
        keep_page(person, message->hits.events);
        person->answered = true;
    } else if (mine && message->type == MESSAGE_ROOMS) {
        person->listed = room_is_listed(message->rooms.names);
        person->answered = true;
    } else if (message->type == MESSAGE_WELCOME || (mine && message->type == MESSAGE_DONE) ||
               (mine && message->type == MESSAGE_PEOPLE)) {
        person->answered = true;
    }
}

/* Takes what comes until the last request is answered. */
static enum error_code await(struct person *person) {
    struct wire_blob payload;
    struct message message;
    while (!person->answered) {
        struct pollfd wait = {person->link.descriptor, POLLIN, 0};
        assert_int_equal(poll(&wait, 1, PATIENCE), 1);
        ssize_t got = link_read(&person->link, person->bytes, sizeof person->bytes);
        assert_true(got > 0);
        frame_reader_feed(&person->input, person->bytes, (size_t)got);
        while (frame_reader_next(&person->input, &payload) == FRAME_READY)
            if (message_decode(payload, &message) == ERROR_NONE)
                meet(person, &message);
    }
    return person->code;
}

static enum error_code ask(struct person *person, struct message *message) {
    message->done.tag = ++person->tag; /* every request begins with it */
    tell(person, message);
    return await(person);
}

static void connect_person(struct person *person, const char *nick, uint64_t outbox) {
    struct link_problem problem;
    struct message hello = {.type = MESSAGE_HELLO};
    *person = (struct person){.tag = 1000};
    snprintf(person->nick, sizeof person->nick, "%s", nick);
    assert_true(link_connect("127.0.0.1", port, 5000, NULL, &person->link, &problem));
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    hello.hello.outbox = outbox;
    tell(person, &hello);
    assert_int_equal(await(person), ERROR_NONE);
}

static void disconnect_person(struct person *person) {
    link_close(&person->link);
    frame_reader_free(&person->input);
    buffer_free(&person->page);
}

/* The first account is the server's owner, who takes no part. */
static void connect_people(void) {
    static struct person owner;
    connect_person(&owner, "owner", 99);
    disconnect_person(&owner);
    connect_person(&people[0], "ann", 1);
    connect_person(&people[1], "ben", 2);
    connect_person(&people[2], "cy", 3);
}

static enum error_code do_join(struct person *person) {
    struct message join = {.type = MESSAGE_JOIN};
    join.join.name = wire_text(room_name);
    return ask(person, &join);
}

static enum error_code do_leave(struct person *person) {
    struct message leave = {.type = MESSAGE_LEAVE};
    leave.leave.room = room;
    return ask(person, &leave);
}

static enum error_code do_post(struct person *person, const char *body) {
    struct message post = {.type = MESSAGE_POST};
    post.post.number = person->posts + 1;
    post.post.room = room;
    post.post.body = wire_text(body);
    tell(person, &post);
    enum error_code code = await(person);
    person->posts += code == ERROR_NONE;
    return code;
}

static enum error_code do_delete(struct person *person, uint64_t id) {
    struct message delete = {.type = MESSAGE_DELETE};
    delete.delete.room = room;
    delete.delete.id = id;
    return ask(person, &delete);
}

static enum error_code do_act(struct person *person, enum right right, const char *subject,
                              const char *detail) {
    struct message act = {.type = MESSAGE_ACT};
    act.act.right = (uint8_t)right;
    act.act.room = room;
    act.act.subject = wire_text(subject);
    act.act.detail = wire_text(detail);
    return ask(person, &act);
}

static void ask_history(struct person *person) {
    struct message history = {.type = MESSAGE_HISTORY};
    history.history.tag = ++person->tag;
    history.history.room = room;
    history.history.before = PROTOCOL_END;
    history.history.limit = 100;
    tell(person, &history);
}

static void ask_search(struct person *person, uint32_t in_room) {
    struct message search = {.type = MESSAGE_SEARCH};
    search.search.tag = ++person->tag;
    search.search.room = in_room;
    search.search.before = PROTOCOL_END;
    search.search.limit = 100;
    search.search.words = wire_text(room_name + 1); /* which every message of the room has */
    tell(person, &search);
}

/* The page has each message that was not deleted with its words, and nothing of the deleted ones.
 */
static void compare_page(const struct person *person) {
    struct wire_reader frames = {person->page.data, person->page.data + person->page.size};
    struct wire_blob payload;
    struct message event;
    int next = 0;
    while (frame_take(&frames, &payload) == FRAME_READY) {
        assert_int_equal(message_decode(payload, &event), ERROR_NONE);
        if (event.type != MESSAGE_MESSAGE)
            continue;
        assert_true(next < model.message_count);
        assert_int_equal(event.event.id, model.messages[next].id);
        assert_int_equal(event.message.body.size == 0, model.messages[next].deleted);
        next++;
    }
    assert_int_equal(next, model.message_count);
}

/* What a search found is in rooms of the searcher alone; the index may be a moment behind. */
static void compare_hits(const struct person *person, bool member) {
    struct wire_reader frames = {person->page.data, person->page.data + person->page.size};
    struct wire_blob payload;
    struct message event;
    while (frame_take(&frames, &payload) == FRAME_READY) {
        assert_int_equal(message_decode(payload, &event), ERROR_NONE);
        if (event.event.room == room && !member)
            fail_msg("seed %lu: %s found something in %s", seed, person->nick, room_name);
    }
}

/* Waits until all that the step brought about has come to everybody, and compares what they see. */
static void compare_views(void) {
    for (size_t i = 0; i < MODEL_PEOPLE; i++) {
        struct message list = {.type = MESSAGE_LIST};
        list.list.after = room - 1;
        assert_int_equal(ask(&people[i], &list), ERROR_NONE);
        if (people[i].listed != model_lists(&model, (int)i))
            fail_msg("seed %lu: %s is %s in the list of %s", seed, room_name,
                     people[i].listed ? "there" : "not there", people[i].nick);
    }
}

static void compare_code(const char *what, int actor, enum error_code got, enum error_code wanted) {
    refusals += wanted != ERROR_NONE;
    if (got != wanted)
        fail_msg("seed %lu: %s of %s: %s instead of %s", seed, what, people[actor].nick,
                 got == ERROR_NONE ? "done" : error_text(got),
                 wanted == ERROR_NONE ? "done" : error_text(wanted));
}

static unsigned draw(unsigned below) {
    static unsigned state;
    static unsigned long of_seed;
    if (of_seed != seed) {
        of_seed = seed;
        state = (unsigned)seed;
    }
    return (unsigned)rand_r(&state) / 7 % below;
}

static void step_post(int actor) {
    char body[64];
    enum error_code wanted = model_speak(&model, actor);
    snprintf(body, sizeof body, "%s by %s", room_name + 1, people[actor].nick);
    for (size_t i = 0; i < MODEL_PEOPLE; i++)
        people[i].live = 0;
    compare_code("post", actor, do_post(&people[actor], body), wanted);
    compare_views();
    for (size_t i = 0; i < MODEL_PEOPLE; i++)
        assert_int_equal(people[i].live, wanted == ERROR_NONE && model.member[i]);
    if (wanted == ERROR_NONE)
        model.messages[model.message_count++] =
            (struct model_message){people[actor].newest, actor, false};
}

static void step_delete(int actor) {
    if (model.message_count == 0)
        return;
    int which = (int)draw((unsigned)model.message_count);
    enum error_code got = do_delete(&people[actor], model.messages[which].id);
    compare_code("deletion", actor, got, model_delete(&model, actor, which));
}

static void step_read(int actor) {
    struct person *person = &people[actor];
    enum error_code wanted = model.member[actor] ? ERROR_NONE : ERROR_NOT_A_MEMBER;
    ask_history(person);
    compare_code("page", actor, await(person), wanted);
    if (wanted == ERROR_NONE)
        compare_page(person);
    pages++;
    bool everywhere = draw(2) == 0;
    ask_search(person, everywhere ? 0 : room);
    compare_code("search", actor, await(person), everywhere ? ERROR_NONE : wanted);
    if (everywhere || wanted == ERROR_NONE)
        compare_hits(person, model.member[actor]);
    searches++;
}

static void step_act(int actor) {
    static const enum right acts[] = {RIGHT_INVITE,   RIGHT_KICK,   RIGHT_BAN,    RIGHT_UNBAN,
                                      RIGHT_MUTE,     RIGHT_UNMUTE, RIGHT_OP,     RIGHT_DEOP,
                                      RIGHT_TRANSFER, RIGHT_ACCESS, RIGHT_ACCESS, RIGHT_KICK};
    static const char *const words[] = {"public", "private", "read-only", "private read-only"};
    enum right right = acts[draw(sizeof acts / sizeof *acts)];
    int subject = (int)draw(MODEL_PEOPLE);
    unsigned access = draw(4);
    enum error_code got = do_act(&people[actor], right, people[subject].nick,
                                 right == RIGHT_ACCESS ? words[access] : "");
    compare_code(right_find(right)->name, actor, got,
                 model_act(&model, actor, right, subject, access));
}

static void take_step(void) {
    int actor = (int)draw(MODEL_PEOPLE);
    unsigned what = draw(10);
    memcpy(was_member, model.member, sizeof was_member);
    if (what < 2) {
        struct room_model after = model;
        enum error_code wanted = model_join(&after, actor);
        model = after;
        compare_code("join", actor, do_join(&people[actor]), wanted);
    } else if (what < 3) {
        enum error_code got = do_leave(&people[actor]);
        compare_code("leave", actor, got, model_leave(&model, actor));
    } else if (what < 5) {
        step_post(actor);
    } else if (what < 6) {
        step_delete(actor);
    } else if (what < 7) {
        step_read(actor);
    } else {
        step_act(actor);
    }
    compare_views();
}

static void begin_sequence(void) {
    model = (struct room_model){.owner = (int)draw(MODEL_PEOPLE)};
    model.member[model.owner] = true;
    memset(was_member, true, sizeof was_member);
    snprintf(room_name, sizeof room_name, "#plum%lu", seed);
    room = 0;
    assert_int_equal(do_join(&people[model.owner]), ERROR_NONE);
    room = people[model.owner].room;
}

static void nobody_gets_finds_or_learns_what_they_may_not(void **state) {
    (void)state;
    const char *wished = getenv("SEED");
    unsigned long first = wished != NULL ? strtoul(wished, NULL, 10) : (unsigned long)time(NULL);
    start_server("chat-server", "");
    connect_people();
    for (seed = first; seed < first + SEQUENCES; seed++) {
        begin_sequence();
        for (int step = 0; step < STEPS; step++)
            take_step();
        for (size_t i = 0; i < MODEL_PEOPLE; i++)
            do_leave(&people[i]);
    }
    print_message("%d sequences of %d steps, SEED=%lu: %u refusals, %u deliveries, %u pages, %u "
                  "searches\n",
                  SEQUENCES, STEPS, first, refusals, deliveries, pages, searches);
    for (size_t i = 0; i < MODEL_PEOPLE; i++)
        disconnect_person(&people[i]);
    stop_server();
}

/* What is under way when somebody is kicked does not come after the kick. */
static void a_page_and_a_search_end_with_the_membership(void **state) {
    (void)state;
    seed = 0;
    start_server("chat-server-faulty", "reader-page:sleep=300 reader-search:sleep=300");
    connect_people();
    model = (struct room_model){.member = {true, true, true}};
    memset(was_member, true, sizeof was_member);
    snprintf(room_name, sizeof room_name, "#kicked");
    assert_int_equal(do_join(&people[0]), ERROR_NONE);
    room = people[0].room;
    assert_int_equal(do_post(&people[0], "kicked it is"), ERROR_NONE);
    for (int search = 0; search < 2; search++) {
        assert_int_equal(do_join(&people[1]), ERROR_NONE);
        if (search != 0)
            ask_search(&people[1], 0);
        else
            ask_history(&people[1]);
        assert_int_equal(do_act(&people[0], RIGHT_KICK, "ben", ""), ERROR_NONE);
        assert_int_equal(await(&people[1]), search != 0 ? ERROR_FAILED : ERROR_NOT_A_MEMBER);
    }
    for (size_t i = 0; i < MODEL_PEOPLE; i++)
        disconnect_person(&people[i]);
    stop_server();
}

static void a_right_needs_the_role_that_the_table_says(void **state) {
    (void)state;
    for (size_t i = 0; i < right_count; i++) {
        const struct right_entry *entry = &rights[i];
        assert_ptr_equal(right_find((unsigned)entry->right), entry);
        if (!entry->of_room)
            continue;
        enum role both = right_least_role(entry, ROOM_PUBLIC, ACCESS_PRIVATE | ACCESS_READ_ONLY);
        assert_int_equal(right_least_role(entry, ROOM_PUBLIC, 0), entry->in_public);
        assert_int_equal(right_least_role(entry, ROOM_PUBLIC, ACCESS_PRIVATE), entry->in_private);
        assert_true(both >= entry->in_private && both >= entry->in_read_only);
        assert_int_equal(right_least_role(entry, ROOM_DIRECT, 0), entry->in_direct);
        /* Nobody who is banned may anything, and nothing is read from outside. */
        assert_true(entry->in_public > ROLE_BANNED && entry->in_private > ROLE_STRANGER);
        if (entry->right != RIGHT_JOIN && entry->right != RIGHT_LIST)
            assert_true(entry->in_public >= ROLE_MUTED && entry->in_private >= ROLE_MUTED);
    }
    assert_null(right_find(0));
    assert_null(right_find(255));
}

static int make_folder(void **state) {
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    strcpy(folder, "/tmp/rights-test-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_needs_the_role_that_the_table_says),
        cmocka_unit_test_setup_teardown(nobody_gets_finds_or_learns_what_they_may_not, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_page_and_a_search_end_with_the_membership, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
