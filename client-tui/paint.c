#include "paint.h"
#include "name.h"

#include <curses.h>

enum { PAINT_PAIR_NICKS = 16, PAINT_NICKS_MAX = 24 };

/* Colours of nicks, readable on black and on white. */
static const short nicks_of_256[] = {33,  36,  37,  41,  64,  67,  69,  71,  97,  99,  104, 107,
                                     110, 130, 133, 136, 137, 139, 166, 167, 168, 170, 173, 175};
static const short nicks_of_8[] = {COLOR_GREEN,  COLOR_CYAN, COLOR_MAGENTA,
                                   COLOR_YELLOW, COLOR_BLUE, COLOR_RED};

struct paint_look {
    short foreground; /* -1: the terminal's own */
    short background;
    attr_t attributes; /* with and without colours */
};

static const struct paint_look paint_looks[PAINT_STYLES] = {
    [PAINT_PLAIN] = {-1, -1, A_NORMAL},
    [PAINT_BAR] = {-1, -1, A_REVERSE},
    [PAINT_DIM] = {-1, -1, A_DIM},
    [PAINT_NOTICE] = {COLOR_CYAN, -1, A_NORMAL},
    [PAINT_MENTION] = {COLOR_YELLOW, -1, A_BOLD},
    [PAINT_CURRENT] = {-1, -1, A_BOLD},
    [PAINT_UNREAD] = {COLOR_GREEN, -1, A_NORMAL},
    [PAINT_WARNING] = {COLOR_RED, -1, A_REVERSE | A_BOLD},
};

static int paint_nick_colours;

void paint_init(void) {
    if (!has_colors() || start_color() == ERR)
        return;
    use_default_colors();
    for (int style = 0; style < PAINT_STYLES; style++)
        if (paint_looks[style].foreground >= 0)
            init_pair((short)(style + 1), paint_looks[style].foreground,
                      paint_looks[style].background);
    bool many = COLORS >= 256 && COLOR_PAIRS > PAINT_PAIR_NICKS + PAINT_NICKS_MAX;
    const short *colours = many ? nicks_of_256 : nicks_of_8;
    int count = many ? (int)(sizeof nicks_of_256 / sizeof *nicks_of_256)
                     : (int)(sizeof nicks_of_8 / sizeof *nicks_of_8);
    for (int i = 0; i < count; i++)
        init_pair((short)(PAINT_PAIR_NICKS + i), colours[i], -1);
    paint_nick_colours = count;
}

static attr_t paint_attributes(enum paint_style style) {
    attr_t attributes = paint_looks[style].attributes;
    if (paint_nick_colours > 0 && paint_looks[style].foreground >= 0)
        attributes |= (attr_t)COLOR_PAIR(style + 1);
    return attributes;
}

struct wire_text paint_clip(struct wire_text text, int columns) {
    struct wire_text rest = text;
    size_t fits = 0;
    int cells = 0;
    for (uint32_t character; text_next(&rest, &character);) {
        cells += text_width(character);
        if (cells > columns)
            break;
        fits = text.size - rest.size;
    }
    return (struct wire_text){text.data, fits};
}

/* ncurses looks at the byte behind what it is to write, which need not be there. */
static void paint_put(int row, int column, struct wire_text text) {
    static struct buffer ended; /* the UI thread's */
    ended.size = 0;
    buffer_append(&ended, text.data, text.size);
    buffer_append(&ended, "", 1);
    if (!ended.failed)
        mvaddnstr(row, column, (const char *)ended.data, (int)text.size);
    ended.failed = false;
}

static int paint_with(int row, int column, int columns, struct wire_text text, attr_t attributes) {
    struct wire_text clipped = paint_clip(text, columns);
    if (clipped.size == 0)
        return 0;
    attrset((int)attributes);
    paint_put(row, column, clipped);
    attrset(A_NORMAL);
    return (int)text_cells(clipped);
}

int paint_text(int row, int column, int columns, struct wire_text text, enum paint_style style) {
    return paint_with(row, column, columns, text, paint_attributes(style));
}

int paint_clean(int row, int column, int columns, struct wire_text text, enum paint_style style) {
    struct buffer clean = {0};
    text_clean(&clean, text, TEXT_ONE_LINE);
    int taken = paint_text(row, column, columns,
                           (struct wire_text){(const char *)clean.data, clean.size}, style);
    buffer_free(&clean);
    return taken;
}

static unsigned nick_hash(struct wire_text nick) {
    struct name name;
    unsigned hash = 2166136261u;
    if (!name_nick(nick, &name))
        return 0;
    for (const char *byte = name.folded; *byte != '\0'; byte++)
        hash = (hash ^ (unsigned char)*byte) * 16777619u;
    return hash ^ hash >> 15;
}

int paint_nick(int row, int column, int columns, struct wire_text nick, bool own) {
    attr_t attributes = own ? A_BOLD : A_NORMAL;
    if (paint_nick_colours > 0) {
        unsigned colour = nick_hash(nick) % (unsigned)paint_nick_colours;
        attributes |= (attr_t)COLOR_PAIR(PAINT_PAIR_NICKS + (int)colour);
    }
    return paint_with(row, column, columns, nick, attributes);
}

void paint_row(const struct area *area, int row, enum paint_style style) {
    attrset((int)paint_attributes(style));
    mvhline(row, area->column, ' ', area->columns);
    attrset(A_NORMAL);
}
