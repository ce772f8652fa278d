#include "looks.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>
#include <unicode/uspoof.h>

struct looks {
    USpoofChecker *checker;
};

struct looks *looks_open(const char **reason) {
    UErrorCode status = U_ZERO_ERROR;
    struct looks *looks = malloc(sizeof *looks);
    if (looks == NULL) {
        *reason = u_errorName(U_MEMORY_ALLOCATION_ERROR);
        return NULL;
    }
    looks->checker = uspoof_open(&status);
    if (U_FAILURE(status)) {
        *reason = u_errorName(status);
        free(looks);
        return NULL;
    }
    return looks;
}

void looks_close(struct looks *looks) {
    if (looks == NULL)
        return;
    uspoof_close(looks->checker);
    free(looks);
}

static bool looks_fold(const char *text, char *folded) {
    size_t size = LOOKS_KEY_BYTES_MAX;
    uint8_t *result = u8_casefold((const uint8_t *)text, strlen(text), NULL, UNINORM_NFD,
                                  (uint8_t *)folded, &size);
    if (result != (uint8_t *)folded) {
        free(result);
        return false;
    }
    folded[size] = '\0';
    return true;
}

static bool looks_skeleton(const struct looks *looks, const char *text, char *skeleton) {
    UErrorCode status = U_ZERO_ERROR;
    int32_t size =
        uspoof_getSkeletonUTF8(looks->checker, 0, text, -1, skeleton, LOOKS_KEY_BYTES_MAX, &status);
    if (U_FAILURE(status) || size > LOOKS_KEY_BYTES_MAX)
        return false;
    skeleton[size] = '\0';
    return true;
}

/* A dot above i or j is not seen beside their own; and İ is the capital of i to a Turk. */
static void looks_drop_dots(char *text) {
    enum { DOT = 0x307 };
    uint8_t *to = (uint8_t *)text;
    bool dotted = false; /* after such a letter, and marks at most that are not above it */
    ucs4_t character;
    const uint8_t *next;
    for (const uint8_t *from = to; (next = u8_next(&character, from)) != NULL; from = next) {
        if (uc_combining_class(character) == 0)
            dotted = uc_is_property_soft_dotted(character);
        else if (dotted && character == DOT)
            continue;
        else if (uc_combining_class(character) == UC_CCC_A)
            dotted = false;
        memmove(to, from, (size_t)(next - from));
        to += next - from;
    }
    *to = '\0';
}

/* A skeleton may be a capital, and what that folds to may have a skeleton of its own (M, m, rn), so
 * both are done until nothing changes. */
static bool looks_close_key(const struct looks *looks, char *key) {
    enum { ROUNDS_MAX = 8 };
    char folded[LOOKS_KEY_BYTES_MAX + 1];
    char skeleton[LOOKS_KEY_BYTES_MAX + 1];
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!looks_fold(key, folded))
            return false;
        looks_drop_dots(folded);
        if (!looks_skeleton(looks, folded, skeleton))
            return false;
        if (strcmp(skeleton, key) == 0)
            return true;
        memcpy(key, skeleton, strlen(skeleton) + 1);
    }
    return false;
}

/* Adds the key of one way to read the name, unless it is there. */
static bool looks_add_key(const struct looks *looks, const char *reading, struct looks_keys *keys) {
    char *key = keys->keys[keys->count];
    if (!looks_skeleton(looks, reading, key) || !looks_close_key(looks, key))
        return false;
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->keys[i], key) == 0)
            return true;
    keys->count++;
    return true;
}

/* Among capitals l and 1 are read as I: DELlA is DELIA. */
static bool looks_like_capitals(const char *text) {
    size_t capitals = 0;
    const uint8_t *at = (const uint8_t *)text;
    ucs4_t character;
    while ((at = u8_next(&character, at)) != NULL) {
        if (uc_is_property_uppercase(character))
            capitals++;
        else if (uc_is_property_lowercase(character) && character != 'l')
            return false;
    }
    return capitals >= 2;
}

static bool looks_add_capitals(const struct looks *looks, const char *shown,
                               struct looks_keys *keys) {
    char reading[NAME_BYTES_MAX + 1];
    char folded[LOOKS_KEY_BYTES_MAX + 1];
    memcpy(reading, shown, strlen(shown) + 1);
    for (char *at = reading; *at != '\0'; at++)
        if (*at == 'l' || *at == '1')
            *at = 'I';
    return looks_fold(reading, folded) && looks_add_key(looks, folded, keys);
}

bool looks_find_keys(struct looks *looks, const struct name *name, struct looks_keys *keys) {
    keys->count = 0;
    return looks_add_key(looks, name->shown, keys) && looks_add_key(looks, name->folded, keys) &&
           (!looks_like_capitals(name->shown) || looks_add_capitals(looks, name->shown, keys));
}
