#include "wrap.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unilbrk.h>

void wrap_begin(struct wrap *wrap, struct wire_text text, size_t width) {
    *wrap = (struct wrap){.rest = text, .width = width > 0 ? width : 1};
}

void wrap_end(struct wrap *wrap) {
    free(wrap->breaks);
    wrap->breaks = NULL;
}

/* Size of the paragraph at the front of the rest, without its newline. */
static size_t wrap_paragraph_size(const struct wrap *wrap) {
    const char *newline = NULL;
    if (wrap->rest.size > 0)
        newline = memchr(wrap->rest.data, '\n', wrap->rest.size);
    return newline != NULL ? (size_t)(newline - wrap->rest.data) : wrap->rest.size;
}

/* Finds where the paragraph that begins here may be broken. */
static void wrap_find_breaks(struct wrap *wrap, size_t size) {
    free(wrap->breaks);
    wrap->breaks = malloc(size + 1);
    wrap->paragraph = wrap->rest.data;
    if (wrap->breaks == NULL)
        abort();
    u8_possible_linebreaks((const uint8_t *)wrap->rest.data, size, "UTF-8", wrap->breaks);
}

static bool wrap_may_break(const struct wrap *wrap, const char *at) {
    return wrap->breaks[at - wrap->paragraph] == UC_BREAK_POSSIBLE;
}

/* Where a row that begins at the rest ends: the last allowed place within the width, or, when there
 * is none, the last character that fits. Blanks may hang over the edge. */
static size_t wrap_fit(const struct wrap *wrap, size_t size) {
    struct wire_text rest = {wrap->rest.data, size};
    size_t cells = 0;
    size_t allowed = 0;
    size_t fits = 0;
    for (uint32_t character;;) {
        size_t at = size - rest.size;
        if (at > 0 && at < size && wrap_may_break(wrap, rest.data))
            allowed = at;
        if (!text_next(&rest, &character))
            return size;
        cells += (size_t)text_width(character);
        if (cells > wrap->width && character != ' ')
            break;
        fits = size - rest.size;
    }
    if (allowed > 0)
        return allowed;
    if (fits > 0)
        return fits;
    /* A wide character in a row of one cell: nothing would ever fit. */
    rest = (struct wire_text){wrap->rest.data, size};
    uint32_t character;
    text_next(&rest, &character);
    return size - rest.size;
}

bool wrap_next(struct wrap *wrap, struct wire_text *row) {
    if (wrap->ended)
        return false;
    size_t size = wrap_paragraph_size(wrap);
    bool paragraph_begins = wrap->breaks == NULL || wrap->paragraph == NULL;
    if (paragraph_begins)
        wrap_find_breaks(wrap, size);
    size_t end = wrap_fit(wrap, size);
    *row = (struct wire_text){wrap->rest.data, end};
    if (end < size) {
        while (row->size > 0 && row->data[row->size - 1] == ' ')
            row->size--;
    } else {
        wrap->paragraph = NULL;
        end += size < wrap->rest.size; /* the newline */
        wrap->ended = end == wrap->rest.size && size == wrap->rest.size;
    }
    while (row->size > 0 && row->data[row->size - 1] == ' ' && text_cells(*row) > wrap->width)
        row->size--;
    wrap->rest.data += end;
    wrap->rest.size -= end;
    return true;
}

size_t wrap_count(struct wire_text text, size_t width) {
    struct wrap wrap;
    struct wire_text row;
    size_t count = 0;
    wrap_begin(&wrap, text, width);
    while (wrap_next(&wrap, &row))
        count++;
    wrap_end(&wrap);
    return count;
}
