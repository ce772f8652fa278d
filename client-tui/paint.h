/* Puts clean text on the screen, within bounds. Every text a view shows passes paint_clean or is
 * our own. The UI thread's. */
#ifndef CLIENT_PAINT_H
#define CLIENT_PAINT_H

#include "layout.h"
#include "text.h"

enum paint_style {
    PAINT_PLAIN,
    PAINT_BAR,
    PAINT_DIM,
    PAINT_NOTICE,
    PAINT_MENTION,
    PAINT_CURRENT,
    PAINT_UNREAD,
    PAINT_WARNING,
    PAINT_STYLES
};

/* Chooses colours for what the terminal can do; after the screen is open. */
void paint_init(void);

/* Writes clean text at a place, cut to the columns; returns the columns it took. */
int paint_text(int row, int column, int columns, struct wire_text text, enum paint_style style);

/* The same for text that may hold anything. */
int paint_clean(int row, int column, int columns, struct wire_text text, enum paint_style style);

/* A nick in its colour, which is the same wherever it stands. */
int paint_nick(int row, int column, int columns, struct wire_text clean_nick, bool own);

/* Fills an area's row with blanks in a style. */
void paint_row(const struct area *area, int row, enum paint_style style);

/* The part of clean text that fits the columns. */
struct wire_text paint_clip(struct wire_text text, int columns);

#endif
