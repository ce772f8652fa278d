#include "name.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* Scripts that are written together count as the first of their row. */
static const char *const name_families[][4] = {
    {"Han", "Hiragana", "Katakana", "Bopomofo"},
    {"Han", "Hangul", NULL, NULL},
};

enum { NAME_FAMILIES = sizeof name_families / sizeof *name_families };

static bool name_in_family(size_t family, const char *script) {
    for (size_t i = 0; i < 4 && name_families[family][i] != NULL; i++)
        if (strcmp(name_families[family][i], script) == 0)
            return true;
    return false;
}

static bool name_scripts_agree(const char *a, const char *b) {
    if (strcmp(a, b) == 0)
        return true;
    for (size_t family = 0; family < NAME_FAMILIES; family++)
        if (name_in_family(family, a) && name_in_family(family, b))
            return true;
    return false;
}

/* The script of a character, NULL for those every script uses. */
static const char *name_script(ucs4_t character) {
    const uc_script_t *script = uc_script(character);
    if (script == NULL || strcmp(script->name, "Common") == 0 ||
        strcmp(script->name, "Inherited") == 0)
        return NULL;
    return script->name;
}

struct name_check {
    const char *scripts[NAME_CHARACTERS_MAX]; /* distinct ones met so far */
    size_t script_count;
    size_t characters;
    bool after_letter;
};

static bool name_check_script(struct name_check *check, ucs4_t character) {
    const char *script = name_script(character);
    if (script == NULL)
        return true;
    for (size_t i = 0; i < check->script_count; i++) {
        if (!name_scripts_agree(check->scripts[i], script))
            return false;
        if (strcmp(check->scripts[i], script) == 0)
            return true;
    }
    check->scripts[check->script_count++] = script;
    return true;
}

static bool name_check_character(struct name_check *check, ucs4_t character) {
    if (++check->characters > NAME_CHARACTERS_MAX)
        return false;
    bool mark = uc_is_general_category_withtable(character, UC_CATEGORY_MASK_M);
    bool letter = uc_is_general_category_withtable(character, UC_CATEGORY_MASK_L);
    bool digit = uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Nd);
    if (!letter && !digit && character != '-' && character != '_' && !(mark && check->after_letter))
        return false;
    check->after_letter = letter || mark;
    return name_check_script(check, character);
}

static bool name_check(const char *text) {
    struct name_check check = {0};
    const uint8_t *at = (const uint8_t *)text;
    ucs4_t character;
    while ((at = u8_next(&character, at)) != NULL)
        if (!name_check_character(&check, character))
            return false;
    return check.characters > 0;
}

/* libunistring writes to the room it is given, or to memory of its own when that is too small. */
static bool name_fits(uint8_t *result, const char *room) {
    bool fits = result == (const uint8_t *)room;
    if (!fits)
        free(result);
    return fits;
}

/* Writes text in NFC, and folded in NFKC; false when either does not fit. */
static bool name_normalise(struct wire_text text, char *shown, char *folded) {
    const uint8_t *bytes = (const uint8_t *)text.data;
    size_t size = NAME_BYTES_MAX;
    if (text.size == 0 || text.size > NAME_BYTES_MAX || memchr(bytes, 0, text.size) != NULL ||
        u8_check(bytes, text.size) != NULL)
        return false;
    if (!name_fits(u8_normalize(UNINORM_NFC, bytes, text.size, (uint8_t *)shown, &size), shown))
        return false;
    shown[size] = '\0';
    size_t folded_size = NAME_BYTES_MAX;
    if (!name_fits(
            u8_casefold(bytes, text.size, NULL, UNINORM_NFKC, (uint8_t *)folded, &folded_size),
            folded))
        return false;
    folded[folded_size] = '\0';
    return true;
}

bool name_nick(struct wire_text text, struct name *name) {
    return name_normalise(text, name->shown, name->folded) && name_check(name->shown) &&
           name_check(name->folded);
}

bool name_room(struct wire_text text, struct name *name) {
    return text.size > 1 && text.data[0] == '#' &&
           name_normalise(text, name->shown, name->folded) && name_check(name->shown + 1) &&
           name_check(name->folded + 1);
}
