/* The one door between text from outside and a terminal. Pure; any thread.
 *
 * text_clean writes valid UTF-8 of characters whose width every terminal agrees on:
 *   invalid UTF-8, unassigned and private characters     U+FFFD
 *   C0 controls, ESC among them, and DEL                  their pictures U+2400.., U+2421
 *   C1 controls                                           U+2426
 *   tab                                                   four spaces
 *   newline, and U+2028, U+2029                           newline with TEXT_LINES, else U+240A
 *   bidi controls, joiners, variation selectors and other
 *   invisible characters, emoji modifiers                 dropped: sequences show as their parts
 *   regional indicators                                   the letters A-Z
 *   combining marks beyond TEXT_MARKS_MAX in one cell     dropped; one without a base gets U+25CC
 * It is idempotent, and its output has at most TEXT_GROWTH_MAX bytes for each byte of input. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "buffer.h"
#include "wire.h"

#include <stdint.h>

enum { TEXT_MARKS_MAX = 4, TEXT_GROWTH_MAX = 6 };

enum text_shape {
    TEXT_ONE_LINE, /* nick, room, topic, notice: no newline comes out */
    TEXT_LINES     /* the body of a message */
};

/* Appends the clean form of `text`. */
void text_clean(struct buffer *out, struct wire_text text, enum text_shape shape);

/* Cells a character of clean text takes: 0, 1 or 2. */
int text_width(uint32_t character);

/* Cells a piece of clean text without newlines takes. */
size_t text_cells(struct wire_text text);

/* Takes the next character of clean text; false at its end. */
bool text_next(struct wire_text *text, uint32_t *character);

#endif
