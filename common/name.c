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

/* Characters that Unicode calls common to all scripts although they are seen in one only. */
static const struct {
    ucs4_t first, last;
    const char *script;
} name_scripts[] = {
    {0x064b, 0x0655, "Arabic"},                                 /* vowel signs */
    {0x0660, 0x0669, "Arabic"},                                 /* digits */
    {0x0670, 0x0670, "Arabic"},   {0x3099, 0x309a, "Hiragana"}, /* voicing */
    {0x30fc, 0x30fc, "Katakana"}, /* a long vowel, which looks like a dash */
};

/* The script of a character, NULL for those every script uses. */
static const char *name_script(ucs4_t character) {
    for (size_t i = 0; i < sizeof name_scripts / sizeof *name_scripts; i++)
        if (character >= name_scripts[i].first && character <= name_scripts[i].last)
            return name_scripts[i].script;
    const uc_script_t *script = uc_script(character);
    if (script == NULL || strcmp(script->name, "Common") == 0 ||
        strcmp(script->name, "Inherited") == 0)
        return NULL;
    return script->name;
}

/* Letters and marks that RFC 8264 disallows beside those that cannot be seen. */
static const struct {
    ucs4_t first, last;
} name_disallowed[] = {
    {0x0640, 0x0640},                   /* these two only lengthen a word */
    {0x07fa, 0x07fa}, {0x1100, 0x11ff}, /* parts of Hangul syllables that make no syllable */
    {0xa960, 0xa97f}, {0xd7b0, 0xd7ff}, {0x302e, 0x302f}, /* for vertical or old writing */
    {0x3031, 0x3035}, {0x303b, 0x303b},
};

static bool name_allows(ucs4_t character) {
    for (size_t i = 0; i < sizeof name_disallowed / sizeof *name_disallowed; i++)
        if (character >= name_disallowed[i].first && character <= name_disallowed[i].last)
            return false;
    return !uc_is_property_default_ignorable_code_point(character);
}

enum { NAME_MARKS_MAX = 4 }; /* that take no space of their own, on one letter: UTS #39, 5.4 */

struct name_check {
    const char *scripts[NAME_CHARACTERS_MAX]; /* distinct ones met so far */
    size_t script_count;
    size_t characters;
    bool after_letter;
    bool readable;     /* there is a letter or a digit */
    size_t marks;      /* on the present letter, without space of their own */
    ucs4_t mark;       /* the last of them */
    ucs4_t digit_zero; /* of the digits met so far */
    bool right_to_left;
    int first_direction, last_direction; /* bidi classes; the last of what is no mark */
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

static bool name_check_mark(struct name_check *check, ucs4_t mark) {
    if (!check->after_letter)
        return false;
    if (!uc_is_general_category_withtable(mark, UC_CATEGORY_MASK_Mn))
        return true;
    bool doubled = check->marks > 0 && check->mark == mark;
    check->mark = mark;
    return !doubled && ++check->marks <= NAME_MARKS_MAX;
}

static bool name_check_digit(struct name_check *check, ucs4_t digit) {
    ucs4_t zero = digit - (ucs4_t)uc_decimal_value(digit);
    bool mixed = check->digit_zero != 0 && check->digit_zero != zero;
    check->digit_zero = zero;
    return !mixed;
}

static void name_note_direction(struct name_check *check, ucs4_t character) {
    int direction = uc_bidi_class(character);
    if (check->characters == 1)
        check->first_direction = direction;
    if (direction != UC_BIDI_NSM)
        check->last_direction = direction;
    if (direction == UC_BIDI_R || direction == UC_BIDI_AL || direction == UC_BIDI_AN)
        check->right_to_left = true;
}

/* The Bidi Rule of RFC 5893: otherwise two orders of characters are shown as the same. One script
 * leaves no letters of the other direction. */
static bool name_check_direction(const struct name_check *check) {
    int first = check->first_direction;
    int last = check->last_direction;
    if (!check->right_to_left)
        return true;
    return (first == UC_BIDI_R || first == UC_BIDI_AL) &&
           (last == UC_BIDI_R || last == UC_BIDI_AL || last == UC_BIDI_EN || last == UC_BIDI_AN);
}

static bool name_check_character(struct name_check *check, ucs4_t character) {
    if (++check->characters > NAME_CHARACTERS_MAX || !name_allows(character))
        return false;
    name_note_direction(check, character);
    if (uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Mn | UC_CATEGORY_MASK_Mc))
        return name_check_mark(check, character) && name_check_script(check, character);
    bool letter = uc_is_general_category_withtable(character, UC_CATEGORY_MASK_L);
    bool digit = uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Nd);
    if (!letter && !digit && character != '-' && character != '_')
        return false;
    check->after_letter = letter;
    check->marks = 0;
    check->readable = check->readable || letter || digit;
    return (!digit || name_check_digit(check, character)) && name_check_script(check, character);
}

static bool name_check(const char *text) {
    struct name_check check = {0};
    const uint8_t *at = (const uint8_t *)text;
    ucs4_t character;
    while ((at = u8_next(&character, at)) != NULL)
        if (!name_check_character(&check, character))
            return false;
    return check.readable && name_check_direction(&check);
}

/* libunistring writes to the room it is given, or to memory of its own when that is too small. */
static bool name_fits(uint8_t *result, const char *room) {
    bool fits = result == (const uint8_t *)room;
    if (!fits)
        free(result);
    return fits;
}

/* Writes text in NFKC, and folded; false when either does not fit. */
static bool name_normalise(struct wire_text text, char *shown, char *folded) {
    const uint8_t *bytes = (const uint8_t *)text.data;
    size_t size = NAME_BYTES_MAX;
    if (text.size == 0 || text.size > NAME_BYTES_MAX || memchr(bytes, 0, text.size) != NULL ||
        u8_check(bytes, text.size) != NULL)
        return false;
    if (!name_fits(u8_normalize(UNINORM_NFKC, bytes, text.size, (uint8_t *)shown, &size), shown))
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

const char *name_without_mark(const char *name) {
    return name + (name[0] == '@');
}
