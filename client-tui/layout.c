#include "layout.h"

enum { LAYOUT_ROOMS_COLUMNS = 20 };

static int at_most(int value, int most) {
    return value < most ? value : most;
}

struct layout layout_compute(int rows, int columns, int input_rows) {
    struct layout layout = {.fits = rows >= LAYOUT_ROWS_MIN && columns >= LAYOUT_COLUMNS_MIN};
    if (!layout.fits)
        return layout;
    int input = at_most(at_most(input_rows, LAYOUT_INPUT_MAX), rows - 4);
    input = input < 1 ? 1 : input;
    int side = columns >= LAYOUT_ROOMS_FROM ? LAYOUT_ROOMS_COLUMNS : 0;
    int middle = rows - 2 - input;
    layout.topic = (struct area){0, 0, 1, columns};
    layout.rooms = (struct area){1, 0, middle, side};
    layout.pane = (struct area){1, side, middle, columns - side};
    layout.status = (struct area){1 + middle, 0, 1, columns};
    layout.input = (struct area){2 + middle, 0, input, columns};
    return layout;
}
