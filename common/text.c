#include "text.h"

#include <unictype.h>
#include <unistr.h>
#include <uniwidth.h>
#include <wchar.h>

enum {
    REPLACEMENT = 0xFFFD,
    PICTURES_C0 = 0x2400,
    PICTURE_DELETE = 0x2421,
    PICTURE_C1 = 0x2426,
    PICTURE_NEWLINE = 0x240A,
    DOTTED_CIRCLE = 0x25CC,
    DROPPED = 0
};

struct text_range {
    uint32_t first;
    uint32_t last;
};

/* Characters that show nothing or change what others show, sorted. Format characters (Cf) are
 * dropped as a category; these are the others. */
static const struct text_range text_invisible[] = {
    {0x034F, 0x034F},   /* combining grapheme joiner */
    {0x115F, 0x1160},   /* Hangul fillers */
    {0x17B4, 0x17B5},   /* Khmer inherent vowels */
    {0x180B, 0x180F},   /* Mongolian selectors */
    {0x2800, 0x2800},   /* blank Braille */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xFE00, 0xFE0F},   /* variation selectors: they change widths */
    {0xFFA0, 0xFFA0},   /* half-width Hangul filler */
    {0x1F3FB, 0x1F3FF}, /* emoji skin tones */
    {0xE0100, 0xE01EF}, /* variation selectors */
};

static bool text_is_invisible(uint32_t character) {
    for (size_t i = 0; i < sizeof text_invisible / sizeof *text_invisible; i++)
        if (character >= text_invisible[i].first && character <= text_invisible[i].last)
            return true;
    return uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Cf);
}

static bool text_is_mark(uint32_t character) {
    return uc_is_general_category_withtable(character, UC_CATEGORY_MASK_M);
}

/* What a character other than newline and tab becomes. */
static uint32_t text_replace(uint32_t character) {
    if (character < 0x20)
        return PICTURES_C0 + character;
    if (character < 0x7F)
        return character;
    if (character == 0x7F)
        return PICTURE_DELETE;
    if (character < 0xA0)
        return PICTURE_C1;
    if (character >= 0x1F1E6 && character <= 0x1F1FF)
        return 'A' + (character - 0x1F1E6);
    if (text_is_invisible(character))
        return DROPPED;
    /* Where the two tables differ terminals do too; both are wrong at times, so neither is trusted.
     */
    if (uc_width(character, "UTF-8") != wcwidth((wchar_t)character))
        return REPLACEMENT;
    if (uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Cn | UC_CATEGORY_MASK_Co))
        return REPLACEMENT;
    return character;
}

static void text_put(struct buffer *out, uint32_t character) {
    uint8_t bytes[6];
    int size = u8_uctomb(bytes, character, sizeof bytes);
    if (size > 0)
        buffer_append(out, bytes, (size_t)size);
}

/* Where in a line the cleaner is: what a following mark may sit on. */
struct text_place {
    bool has_base;
    int marks; /* in the last cell */
};

static void text_put_placed(struct buffer *out, struct text_place *place, uint32_t character) {
    bool takes_cell = text_width(character) > 0;
    bool mark = text_is_mark(character);
    if (mark && !place->has_base)
        text_put(out, DOTTED_CIRCLE);
    if (takes_cell || !mark || !place->has_base)
        *place = (struct text_place){.has_base = takes_cell || mark};
    if (mark && !takes_cell && ++place->marks > TEXT_MARKS_MAX)
        return;
    text_put(out, character);
}

void text_clean(struct buffer *out, struct wire_text text, enum text_shape shape) {
    const uint8_t *at = (const uint8_t *)text.data;
    size_t left = text.size;
    struct text_place place = {0};
    while (left > 0) {
        ucs4_t character;
        int size = u8_mbtouc(&character, at, left);
        at += size;
        left -= (size_t)size;
        if (character == '\n' || character == 0x2028 || character == 0x2029) {
            text_put(out, shape == TEXT_LINES ? '\n' : PICTURE_NEWLINE);
            place = (struct text_place){.has_base = shape == TEXT_ONE_LINE};
        } else if (character == '\t') {
            buffer_append_string(out, "    ");
            place = (struct text_place){.has_base = true};
        } else {
            uint32_t clean = text_replace(character);
            if (clean != DROPPED)
                text_put_placed(out, &place, clean);
        }
    }
}

int text_width(uint32_t character) {
    if (character >= 0x20 && character < 0x7F)
        return 1;
    int width = uc_width(character, "UTF-8");
    return width > 0 ? width : 0;
}

bool text_next(struct wire_text *text, uint32_t *character) {
    if (text->size == 0)
        return false;
    ucs4_t found;
    int size = u8_mbtouc(&found, (const uint8_t *)text->data, text->size);
    *character = found;
    text->data += size;
    text->size -= (size_t)size;
    return true;
}

size_t text_cells(struct wire_text text) {
    size_t cells = 0;
    for (uint32_t character; text_next(&text, &character);)
        cells += (size_t)text_width(character);
    return cells;
}
