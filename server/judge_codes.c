/* Codes that let somebody in once. A code has 60 random bits, is kept as its hash only, and ten
 * wrong ones are a guess too many: then one is looked at each second, so that nobody finds one by
 * trying in the days that it may be good for. */
#include "judge_parts.h"
#include "clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    CODE_CHARACTERS = 12,
    CODE_GROUP = 4,
    CODE_GUESSES_MAX = 10,
    CODE_GUESS_MILLISECONDS = 1000
};

_Static_assert(JUDGE_CODE_SIZE > CODE_CHARACTERS + CODE_CHARACTERS / CODE_GROUP - 1,
               "a code has room for its dashes and the end");

/* Without the letters that are taken for digits or for each other. */
static const char code_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The character that was meant: either case, and what looks like a digit is one. */
static char code_character(char typed) {
    if (typed >= 'a' && typed <= 'z')
        typed = (char)(typed - 'a' + 'A');
    return typed == 'O' ? '0' : typed == 'I' || typed == 'L' ? '1' : typed;
}

/* The hash of a code as it was typed, with or without its dashes; false when it is none. */
static bool code_hash(struct wire_text typed, uint8_t hash[STORE_HASH_BYTES]) {
    char code[CODE_CHARACTERS];
    size_t count = 0;
    for (size_t i = 0; i < typed.size; i++) {
        char character = code_character(typed.data[i]);
        if (character == '-' || character == ' ')
            continue;
        if (count == CODE_CHARACTERS || character == '\0' ||
            strchr(code_alphabet, character) == NULL)
            return false;
        code[count++] = character;
    }
    if (count < CODE_CHARACTERS)
        return false;
    judge_hash(code, sizeof code, hash);
    return true;
}

bool judge_make_code(struct judge *judge, uint32_t account, uint64_t milliseconds,
                     struct new_code *code) {
    uint8_t random[CODE_CHARACTERS];
    struct stored_code stored = {.account = account, .until = judge->batch.time + milliseconds};
    char *at = code->text;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return false;
    for (size_t i = 0; i < CODE_CHARACTERS; i++) {
        if (i > 0 && i % CODE_GROUP == 0)
            *at++ = '-';
        *at++ = code_alphabet[random[i] % (sizeof code_alphabet - 1)];
    }
    *at = '\0';
    code->until = stored.until;
    if (!code_hash(wire_text(code->text), stored.hash))
        return false;
    store_add_code(judge->store, &stored, judge->batch.time);
    return true;
}

/* How many more wrong codes are looked at now. */
static unsigned judge_guesses_left(struct judge *judge) {
    uint64_t now = clock_monotonic();
    uint64_t forgotten = (now - judge->guesses_at) / CODE_GUESS_MILLISECONDS;
    if (forgotten >= judge->guesses) {
        judge->guesses = 0;
        judge->guesses_at = now;
    } else {
        judge->guesses -= (unsigned)forgotten;
        judge->guesses_at += forgotten * CODE_GUESS_MILLISECONDS;
    }
    return CODE_GUESSES_MAX - judge->guesses;
}

enum error_code judge_find_code(struct judge *judge, struct wire_text typed,
                                struct stored_code *code) {
    if (judge->read_only)
        return ERROR_STORAGE;
    if (judge_guesses_left(judge) == 0)
        return ERROR_FAILED;
    if (code_hash(typed, code->hash) && store_find_code(judge->store, code) &&
        code->until > judge->batch.time)
        return ERROR_NONE;
    judge->guesses++;
    return ERROR_CODE_INVALID;
}

void judge_answer_code(struct judge *judge, const struct request *request, uint32_t account,
                       uint64_t milliseconds) {
    struct message answer = {.type = MESSAGE_CODE};
    struct new_code code = {0};
    answer.code.tag = request->message.act.tag;
    if (judge->read_only || !judge_make_code(judge, account, milliseconds, &code)) {
        judge_error(judge, request, answer.code.tag, ERROR_STORAGE);
        return;
    }
    answer.code.code = wire_text(code.text);
    answer.code.until = code.until;
    batch_reply(&judge->batch, INBOX_REPLY, request->session, &answer);
}
