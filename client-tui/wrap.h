/* Word wrap: cuts clean text (see text.h) into rows of at most a number of cells, at the places
 * Unicode allows, at newlines, and within a word only when it is longer than a row. A character is
 * never cut from its marks, and a wide one never straddles the edge. Pure; any thread, one at a
 * time. */
#ifndef CLIENT_WRAP_H
#define CLIENT_WRAP_H

#include "wire.h"

#include <stdbool.h>

struct wrap {
    struct wire_text rest; /* what follows the rows already given */
    size_t width;
    char *breaks; /* for each byte of the paragraph at hand, whether a row may end before it */
    const char *paragraph;
    bool ended;
};

/* Begins to wrap; the text must stay. A width of 0 counts as 1. */
void wrap_begin(struct wrap *wrap, struct wire_text text, size_t width);

/* The next row, a view into the text without its newline or the blanks at a break; false at the
 * end. Even empty text has one row. */
bool wrap_next(struct wrap *wrap, struct wire_text *row);

void wrap_end(struct wrap *wrap);

/* How many rows there are. */
size_t wrap_count(struct wire_text text, size_t width);

#endif
