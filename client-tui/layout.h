/* Which part of the screen is whose, at a size. Pure. All in cells; rows and columns count from 0.
 */
#ifndef CLIENT_LAYOUT_H
#define CLIENT_LAYOUT_H

#include <stdbool.h>

enum { LAYOUT_COLUMNS_MIN = 20, LAYOUT_ROWS_MIN = 5, LAYOUT_ROOMS_FROM = 80, LAYOUT_INPUT_MAX = 5 };

struct area {
    int row;
    int column;
    int rows;
    int columns;
};

struct layout {
    bool fits; /* false: smaller than LAYOUT_*_MIN, and nothing else is set */
    struct area topic;
    struct area rooms; /* 0 columns when folded away */
    struct area pane;
    struct area status;
    struct area input;
};

/* `input_rows` is how many the input would like; it gets at least one and never the last of the
 * pane. */
struct layout layout_compute(int rows, int columns, int input_rows);

#endif
