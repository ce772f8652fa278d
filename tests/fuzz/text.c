/* What passes the one door to the terminal is harmless, whatever it was, and passes it unchanged a
 * second time; wrapped, it keeps its width and loses no character. */
#include "fuzz.h"
#include "text.h"
#include "wrap.h"

#include <string.h>

static struct wire_text content(const struct buffer *buffer) {
    return (struct wire_text){(const char *)buffer->data, buffer->size};
}

/* The next character that is neither a blank nor a newline; 0 at the end. */
static uint32_t next_visible(struct wire_text *text) {
    for (uint32_t character; text_next(text, &character);)
        if (character != ' ' && character != '\n')
            return character;
    return 0;
}

static void check_wrapped(struct wire_text text, size_t width) {
    struct wrap wrap;
    struct wire_text row;
    size_t rows = 0;
    wrap_begin(&wrap, text, width);
    for (; wrap_next(&wrap, &row); rows++) {
        FUZZ_CHECK(text_cells(row) <= (width < 2 ? 2 : width));
        for (uint32_t character; (character = next_visible(&row)) != 0;)
            FUZZ_CHECK(next_visible(&text) == character);
    }
    wrap_end(&wrap);
    FUZZ_CHECK(next_visible(&text) == 0);
    FUZZ_CHECK(rows > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_reader input = {data, data + size};
    struct buffer clean = {0}, again = {0};
    unsigned choice = fuzz_u8(&input);
    enum text_shape shape = choice & 1 ? TEXT_LINES : TEXT_ONE_LINE;
    struct wire_blob rest = fuzz_piece(&input, SIZE_MAX);
    text_clean(&clean, (struct wire_text){(const char *)rest.data, rest.size}, shape);
    FUZZ_CHECK(!clean.failed && clean.size <= rest.size * TEXT_GROWTH_MAX);
    fuzz_check_shown(content(&clean), shape == TEXT_LINES);
    text_clean(&again, content(&clean), shape);
    FUZZ_CHECK(wire_text_equal(content(&clean), content(&again)));
    check_wrapped(content(&clean), choice >> 1);
    buffer_free(&clean);
    buffer_free(&again);
    return 0;
}
