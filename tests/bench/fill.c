/* fill FOLDER MESSAGES ROOMS: makes a data folder that the server might have written in a year,
 * by its own judge, batches and store, only with many batches to a commit. Rooms are #room1, the
 * busiest, to #roomN; each has a few of the same people, who talk in bursts. */
#include "clock.h"
#include "judge_parts.h"
#include "vocabulary.h"
#include "zipf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILL_SEED = 1,
    FILL_MESSAGES_MIN = 1000,
    FILL_PEOPLE = 200,
    FILL_MEMBERS = 8, /* of a room */
    FILL_BURST_MAX = 20,
    FILL_WORDS_MIN = 4, /* of a message; 22 on average are 100 bytes */
    FILL_WORDS_MAX = 40,
    FILL_COMMIT_MESSAGES = 20000
};

#define FILL_MILLISECONDS (365ull * 24 * 60 * 60 * 1000)

struct filler {
    struct store *store;
    struct judge judge;
    uint64_t next_id;
    uint64_t messages; /* to be made */
    uint64_t made;
    uint64_t begun; /* time of the first */
    uint32_t rooms;
    uint32_t room_ids_after;       /* #room1 is the next */
    uint64_t numbers[FILL_PEOPLE]; /* posts of each person's outbox */
    char words[VOCABULARY_WORDS + 1][VOCABULARY_WORD_MAX];
    struct zipf *word_ranks;
    struct zipf *room_ranks;
    struct random_source random;
};

static bool fill_says(const char *what, const char *reason) {
    fprintf(stderr, "fill: %s: %s\n", what, reason);
    return false;
}

static void fill_ask(struct filler *filler, uint32_t person, const struct message *message) {
    const struct request request = {
        .kind = REQUEST_MESSAGE, .session = session_identity(0, 1, person), .message = *message};
    judge_request(&filler->judge, &request);
}

/* What the log thread does with a batch, but for the commit. */
static bool fill_seal(struct filler *filler) {
    judge_finish(&filler->judge);
    batch_seal(&filler->judge.batch, &filler->next_id, filler->judge.state, filler->store);
    bool sealed = !filler->judge.batch.failed;
    state_keep(filler->judge.state);
    batch_clear(&filler->judge.batch);
    filler->judge.batch.time = filler->begun + filler->made * FILL_MILLISECONDS / filler->messages;
    return sealed || fill_says("cannot make a segment", "out of memory");
}

static bool fill_commit(struct filler *filler) {
    bool stored = store_commit(filler->store);
    store_checkpoint(filler->store);
    store_begin(filler->store);
    return stored || fill_says("cannot store", store_error(filler->store));
}

static void fill_greet(struct filler *filler, uint32_t person) {
    char nick[32];
    struct message hello = {.type = MESSAGE_HELLO};
    snprintf(nick, sizeof nick, "person%u", person + 1);
    hello.hello.nick = wire_text(nick);
    hello.hello.outbox = person + 1;
    fill_ask(filler, person, &hello);
}

static uint32_t fill_member(uint32_t room, uint32_t which) {
    return (room * 7 + which * 13) % FILL_PEOPLE;
}

static void fill_join(struct filler *filler, uint32_t room) {
    char name[32];
    struct message join = {.type = MESSAGE_JOIN};
    snprintf(name, sizeof name, "#room%u", room);
    join.join.name = wire_text(name);
    for (uint32_t i = 0; i < FILL_MEMBERS; i++)
        fill_ask(filler, fill_member(room, i), &join);
}

static bool fill_begin(struct filler *filler) {
    filler->judge.batch.time = filler->begun;
    judge_make_lobby(&filler->judge);
    for (uint32_t person = 0; person < FILL_PEOPLE; person++)
        fill_greet(filler, person);
    filler->room_ids_after = state_next_room(filler->judge.state) - 1;
    for (uint32_t room = 1; room <= filler->rooms; room++)
        fill_join(filler, room);
    if (state_next_account(filler->judge.state) <= FILL_PEOPLE)
        return fill_says("cannot begin", "not everyone was let in");
    return fill_seal(filler) && fill_commit(filler);
}

static size_t fill_body(struct filler *filler, char *body) {
    char *at = body;
    uint32_t count =
        FILL_WORDS_MIN + random_below(&filler->random, FILL_WORDS_MAX - FILL_WORDS_MIN + 1);
    for (uint32_t i = 0; i < count; i++) {
        at = stpcpy(at, filler->words[zipf_draw(filler->word_ranks, &filler->random)]);
        *at++ = ' ';
    }
    return (size_t)(at - body) - 1;
}

/* The word that is put before a message, "" for most. */
static const char *fill_planted(const struct filler *filler) {
    uint64_t distance = filler->messages / VOCABULARY_PLANTED;
    if (filler->made + 1 == filler->messages)
        return WORD_LAST " ";
    return filler->made % distance == distance / 2 ? WORD_PLANTED " " : "";
}

static void fill_post(struct filler *filler, uint32_t room) {
    char body[sizeof WORD_LAST + FILL_WORDS_MAX * VOCABULARY_WORD_MAX];
    uint32_t person = fill_member(room, random_below(&filler->random, FILL_MEMBERS));
    const char *planted = fill_planted(filler);
    size_t size = strlen(planted);
    struct message post = {.type = MESSAGE_POST};
    memcpy(body, planted, size);
    size += fill_body(filler, body + size);
    post.post.room = filler->room_ids_after + room;
    post.post.number = ++filler->numbers[person];
    post.post.body = (struct wire_text){body, size};
    fill_ask(filler, person, &post);
    filler->made++;
}

/* Bursts of n messages come up in proportion to 1/n. */
static bool fill_burst(struct filler *filler) {
    uint32_t left = FILL_BURST_MAX / (1 + random_below(&filler->random, FILL_BURST_MAX));
    uint32_t room = zipf_draw(filler->room_ranks, &filler->random);
    /* What will be looked for is in the largest room, which everyone who looks is in. */
    while (left-- > 0 && filler->made < filler->messages)
        fill_post(filler, fill_planted(filler)[0] != '\0' ? 1 : room);
    return fill_seal(filler);
}

static bool fill_talk(struct filler *filler) {
    uint64_t committed = 0;
    bool worked = true;
    while (worked && filler->made < filler->messages) {
        worked = fill_burst(filler);
        if (worked && filler->made - committed >= FILL_COMMIT_MESSAGES) {
            committed = filler->made;
            worked = fill_commit(filler);
        }
    }
    return worked && fill_commit(filler);
}

static bool fill_open(struct filler *filler, const char *folder) {
    struct store_problem problem;
    uint64_t last_id;
    filler->store = store_open(folder, &problem);
    if (filler->store == NULL)
        return fill_says("cannot begin", problem.text);
    filler->judge.store = filler->store;
    filler->judge.plaintext = true; /* its people are guests */
    const char *reason = "out of memory";
    filler->judge.state = state_new(&reason);
    filler->word_ranks = zipf_new(VOCABULARY_WORDS);
    filler->room_ranks = zipf_new(filler->rooms);
    filler->next_id = 1;
    filler->begun = clock_wall() - FILL_MILLISECONDS;
    for (unsigned rank = 1; rank <= VOCABULARY_WORDS; rank++)
        vocabulary_word(rank, filler->words[rank]);
    if (!store_last_id(filler->store, &last_id) || last_id != 0)
        return fill_says(folder, "there is a log already");
    store_begin(filler->store);
    return (filler->judge.state != NULL && filler->word_ranks != NULL &&
            filler->room_ranks != NULL) ||
           fill_says("cannot begin", reason);
}

int main(int argc, char **argv) {
    static struct filler filler = {.random = {FILL_SEED}};
    if (argc == 4) {
        filler.messages = strtoull(argv[2], NULL, 10);
        filler.rooms = (uint32_t)strtoul(argv[3], NULL, 10);
    }
    if (filler.messages < FILL_MESSAGES_MIN || filler.rooms == 0) {
        fprintf(stderr, "usage: fill FOLDER MESSAGES ROOMS; at least %d messages in 1 room\n",
                FILL_MESSAGES_MIN);
        return EXIT_FAILURE;
    }
    bool filled = fill_open(&filler, argv[1]) && fill_begin(&filler) && fill_talk(&filler);
    state_free(filler.judge.state);
    zipf_free(filler.word_ranks);
    zipf_free(filler.room_ranks);
    store_close(filler.store);
    return filled ? EXIT_SUCCESS : EXIT_FAILURE;
}
