#include "test.h"
#include "text.h"

#include <locale.h>
#include <unistr.h>

struct row {
    const char *what;
    const char *dirty;
    const char *clean;
};

static void expect_clean(const struct row *row, enum text_shape shape) {
    struct buffer out = {0};
    text_clean(&out, wire_text(row->dirty), shape);
    if (strcmp(buffer_string(&out), row->clean) != 0)
        fail_msg("%s: '%s' instead of '%s'", row->what, buffer_string(&out), row->clean);
    buffer_free(&out);
}

static void hostile_text_becomes_harmless(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"plain", "hello, world", "hello, world"},
        {"letters of any script", "grüße 世界 привет", "grüße 世界 привет"},
        {"CSI", "\x1b[2J", "␛[2J"},
        {"OSC 52", "\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"},
        {"OSC 8", "\x1b]8;;http://x\x1b\\y", "␛]8;;http://x␛\\y"},
        {"DCS", "\x1bP1$r\x1b\\", "␛P1$r␛\\"},
        {"C1 CSI in UTF-8",
         "\xc2\x9b"
         "2J",
         "␦2J"},
        {"a bare C1 byte",
         "\x9b"
         "2J",
         "�2J"},
        {"delete",
         "a\x7f"
         "b",
         "a␡b"},
        {"backspace", "a\bb", "a␈b"},
        {"carriage return", "a\rb", "a␍b"},
        {"tab", "a\tb", "a    b"},
        {"newline on one line", "a\nb", "a␊b"},
        {"line separator",
         "a\xe2\x80\xa8"
         "b",
         "a␊b"},
        {"bidi override",
         "a\xe2\x80\xae"
         "b",
         "ab"},
        {"bidi isolate",
         "a\xe2\x81\xa6"
         "b",
         "ab"},
        {"zero width space",
         "a\xe2\x80\x8b"
         "b",
         "ab"},
        {"byte order mark",
         "\xef\xbb\xbf"
         "a",
         "a"},
        {"tag characters", "a\xf3\xa0\x81\x81", "a"},
        {"joined emoji", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80", "👩🚀"},
        {"skin tone", "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", "👍"},
        {"variation selector", "\xe2\x9d\xa4\xef\xb8\x8f", "❤"},
        {"flag", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "DE"},
        {"overlong slash", "\xc0\xaf", "��"},
        {"surrogate", "\xed\xa0\x80", "�"},
        {"above the last character", "\xf4\x90\x80\x80", "�"},
        {"cut short", "a\xe4\xb8", "a�"},
        {"private use", "\xee\x80\x80", "�"},
        {"unassigned", "\xf3\xb0\x80\x80", "�"},
        {"mark without a base",
         "\xcc\x81"
         "a",
         "◌\xcc\x81"
         "a"},
        {"combining tower", "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86",
         "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84"},
        {"filler",
         "a\xe3\x85\xa4"
         "b",
         "ab"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_clean(&rows[i], TEXT_ONE_LINE);
}

/* Names may have as many; two that differ in one that is left out would be shown as the same. */
static void marks_that_take_a_cell_are_all_shown(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"a Burmese syllable", u8"\u1019\u103c\u103d\u103e\u1031\u102c",
         u8"\u1019\u103c\u103d\u103e\u1031\u102c"},
        {"Vedic marks", u8"\u1ce1\u1cdf\u1ce1\u1ce1\u1ce1",
         u8"\u25cc\u1ce1\u1cdf\u1ce1\u1ce1\u1ce1"},
        {"five that take none, in one cell", u8"\u1031\u0301\u0302\u0303\u0304\u0306",
         u8"\u25cc\u1031\u0301\u0302\u0303\u0304"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_clean(&rows[i], TEXT_LINES);
}

static void a_body_keeps_its_lines(void **state) {
    (void)state;
    static const struct row row = {"lines",
                                   "a\nb\xe2\x80\xa9"
                                   "c",
                                   "a\nb\nc"};
    expect_clean(&row, TEXT_LINES);
}

static void every_control_becomes_a_picture(void **state) {
    (void)state;
    for (unsigned control = 1; control < 0xA0; control++) {
        char dirty[3] = {(char)control, 0, 0};
        struct buffer out = {0};
        if (control == '\t' || (control >= 0x20 && control < 0x7F))
            continue;
        if (control >= 0x80) {
            dirty[0] = '\xc2';
            dirty[1] = (char)control;
        }
        text_clean(&out, wire_text(dirty), TEXT_ONE_LINE);
        assert_int_equal(out.size, 3);
        assert_int_equal(out.data[0], 0xE2);
        assert_int_equal(out.data[1], 0x90);
        buffer_free(&out);
    }
}

/* What must hold for the clean form of any bytes at all. */
static void expect_sound(const char *bytes, size_t size, enum text_shape shape) {
    struct buffer once = {0}, twice = {0};
    text_clean(&once, (struct wire_text){bytes, size}, shape);
    assert_null(u8_check(once.data, once.size));
    assert_true(once.size <= size * TEXT_GROWTH_MAX);
    struct wire_text clean = {(const char *)once.data, once.size};
    struct wire_text rest = clean;
    for (uint32_t character; text_next(&rest, &character);) {
        assert_false(character < 0x20 && !(character == '\n' && shape == TEXT_LINES));
        assert_false(character >= 0x7F && character < 0xA0);
        assert_false(character >= 0x200B && character <= 0x200F);
        assert_false(character >= 0x202A && character <= 0x202E);
        assert_false(character >= 0x2066 && character <= 0x2069);
        assert_in_range(text_width(character), 0, 2);
    }
    text_clean(&twice, clean, shape);
    assert_int_equal(twice.size, once.size);
    if (once.size > 0)
        assert_memory_equal(twice.data, once.data, once.size);
    buffer_free(&once);
    buffer_free(&twice);
}

static void cleaning_any_bytes_is_sound_bounded_and_idempotent(void **state) {
    (void)state;
    unsigned seed = 20261124;
    static const char *const pieces[] = {"\x1b[",    "\xcc\x81", "\xe2\x80\x8d", "世",
                                         "a",        "\n",       "\t",           "\xf0\x9f\x87\xa9",
                                         "\xc2\x85", "\xff",     "\xe2\x80\xae"};
    for (int round = 0; round < 100000; round++) {
        char bytes[64];
        size_t size = 0;
        while (size < 40) {
            const char *piece = pieces[(unsigned)rand_r(&seed) % (sizeof pieces / sizeof *pieces)];
            if (rand_r(&seed) % 3 == 0) {
                bytes[size++] = (char)rand_r(&seed);
                continue;
            }
            memcpy(bytes + size, piece, strlen(piece));
            size += strlen(piece);
        }
        expect_sound(bytes, size, round % 2 ? TEXT_LINES : TEXT_ONE_LINE);
    }
}

static void every_character_is_sound(void **state) {
    (void)state;
    for (uint32_t character = 1; character < 0x110000; character++) {
        uint8_t bytes[6];
        int size = u8_uctomb(bytes, character, sizeof bytes);
        if (size > 0)
            expect_sound((const char *)bytes, (size_t)size, TEXT_ONE_LINE);
    }
}

static void cells_are_counted_as_the_terminal_does(void **state) {
    (void)state;
    assert_int_equal(text_cells(wire_text("abc")), 3);
    assert_int_equal(text_cells(wire_text("世界")), 4);
    assert_int_equal(text_cells(wire_text("é")), 1);
    assert_int_equal(text_cells(wire_text("👩🚀")), 4);
}

int main(void) {
    setlocale(LC_ALL, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_text_becomes_harmless),
        cmocka_unit_test(marks_that_take_a_cell_are_all_shown),
        cmocka_unit_test(a_body_keeps_its_lines),
        cmocka_unit_test(every_control_becomes_a_picture),
        cmocka_unit_test(cleaning_any_bytes_is_sound_bounded_and_idempotent),
        cmocka_unit_test(every_character_is_sound),
        cmocka_unit_test(cells_are_counted_as_the_terminal_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
