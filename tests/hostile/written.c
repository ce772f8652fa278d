#include "written.h"

#include <stdlib.h>
#include <string.h>

const char *const hostile_texts[] = {
    "\x1b]0;pwned\x07" HOSTILE_MARK,
    "\x1b]52;c;aGk=\x07" HOSTILE_MARK,
    "\x1b]8;;http://evil\x1b\\" HOSTILE_MARK,
    "\x1b[38;5;199m" HOSTILE_MARK,
    "\x1b[6n" HOSTILE_MARK,
    "\x1b[777;777H" HOSTILE_MARK,
    "\x1b[2J" HOSTILE_MARK,
    "\x1b[?1049l" HOSTILE_MARK,
    "\x1b[?25l" HOSTILE_MARK,
    "\x1b" HOSTILE_MARK,
    "\x1b"
    "c" HOSTILE_MARK,
    "\x1b#8" HOSTILE_MARK,
    "\x1b(0" HOSTILE_MARK,
    "\x1bP1$r0m\x1b\\" HOSTILE_MARK,
    "\x1b_G\x1b\\" HOSTILE_MARK,
    "\x9b"
    "31m" HOSTILE_MARK,
    "\xc2\x9b"
    "31m" HOSTILE_MARK,
    "\x07" HOSTILE_MARK,
    "\x0e" HOSTILE_MARK "\x0f",
    "\r\n\x08\x0b\x0c\x7f" HOSTILE_MARK,
    "a\nb\nc\n\n\n" HOSTILE_MARK,
    "\xe2\x80\xae" HOSTILE_MARK "\xe2\x81\xa6",
    "\xe2\x80\x8b\xef\xbb\xbf\xc2\xad" HOSTILE_MARK,
    "\xff\xfe\xc0\xaf\xed\xa0\x80" HOSTILE_MARK,
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb\xf0\x9f\x8f\xbd" HOSTILE_MARK,
    "\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81" HOSTILE_MARK,
    "%s%n%x%1000d" HOSTILE_MARK,
    "#lobby",
    "victim",
    "",
};
const size_t hostile_text_count = sizeof hostile_texts / sizeof *hostile_texts;

enum { MODE_PASTE = 2004 };

enum { STATE_TEXT, STATE_ESCAPE, STATE_CHARSET, STATE_SEQUENCE };

/* Private modes that the client and curses may set. In the end they are as at first. */
static const struct {
    int number;
    bool at_first;
} written_modes[WRITTEN_MODES] = {
    {1, false},    {7, true},     {12, false},   {25, true},
    {1000, false}, {1006, false}, {1049, false}, {MODE_PASTE, false},
};

void written_begin(struct written *written) {
    *written = (struct written){.state = STATE_TEXT};
    for (size_t i = 0; i < WRITTEN_MODES; i++)
        written->modes[i] = written_modes[i].at_first;
}

static void written_set_mode(struct written *written, int number, bool on) {
    for (size_t i = 0; i < WRITTEN_MODES; i++)
        if (written_modes[i].number == number) {
            written->modes[i] = on;
            return;
        }
    written->problem = "a mode was changed that nobody has use for";
}

/* A control sequence is complete. */
static void written_judge_sequence(struct written *written, char final) {
    bool is_private = written->sequence[0] == '?';
    written->sequence[written->sequence_size] = '\0';
    if (strchr("ABCDGHIJKLMPSTXZ@bdhlmrt", final) == NULL) {
        written->problem = "a control sequence that nobody has use for";
    } else if (is_private && (final == 'h' || final == 'l')) {
        for (char *at = written->sequence + 1; *at != '\0'; at += *at == ';')
            written_set_mode(written, (int)strtol(at, &at, 10), final == 'h');
    } else if (final == 't' && strncmp(written->sequence, "22;0;0", 6) != 0 &&
               strncmp(written->sequence, "23;0;0", 6) != 0) {
        written->problem = "the window was to be changed or asked for";
    }
}

static void written_judge_character(struct written *written) {
    static const uint32_t forbidden[][2] = {
        {0x80, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x200B, 0x200F}, {0x2028, 0x202E},
        {0x2060, 0x206F}, {0xD800, 0xDFFF}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE0FFF}};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (written->character >= forbidden[i][0] && written->character <= forbidden[i][1])
            written->problem = "a control or invisible character of Unicode";
}

static void written_take_text(struct written *written, unsigned char byte) {
    if (written->missing > 0) {
        written->character = written->character << 6 | (byte & 0x3Fu);
        if ((byte & 0xC0) != 0x80)
            written->problem = "invalid UTF-8";
        else if (--written->missing == 0)
            written_judge_character(written);
    } else if (byte == 0x1b) {
        written->state = STATE_ESCAPE;
    } else if (byte < 0x20 || byte == 0x7f) {
        if (byte == '\0' || strchr("\a\b\t\n\r\017", byte) == NULL)
            written->problem = "a control character";
    } else if (byte >= 0x80) {
        written->missing = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
        written->character = byte & (0x3Fu >> written->missing);
        if (byte < 0xC2 || byte > 0xF4)
            written->problem = "invalid UTF-8";
    }
}

static void written_take_escape(struct written *written, char byte) {
    written->state = STATE_TEXT;
    written->sequence_size = 0;
    if (byte == '[')
        written->state = STATE_SEQUENCE;
    else if (byte == '(' || byte == ')')
        written->state = STATE_CHARSET;
    else if (strchr("78=>M", byte) == NULL || byte == '\0')
        written->problem = "an escape sequence that nobody has use for";
}

static void written_take_sequence(struct written *written, char byte) {
    if (byte >= 0x40 && byte <= 0x7e) {
        written->state = STATE_TEXT;
        written_judge_sequence(written, byte);
    } else if (byte < 0x20 || written->sequence_size == WRITTEN_SEQUENCE_MAX - 1) {
        written->problem = "a broken control sequence";
    } else {
        written->sequence[written->sequence_size++] = byte;
    }
}

static void written_take_byte(struct written *written, char byte) {
    switch (written->state) {
    case STATE_TEXT:
        written_take_text(written, (unsigned char)byte);
        break;
    case STATE_ESCAPE:
        written_take_escape(written, byte);
        break;
    case STATE_CHARSET:
        written->state = STATE_TEXT;
        if (byte != 'B' && byte != '0')
            written->problem = "another character set";
        break;
    case STATE_SEQUENCE:
        written_take_sequence(written, byte);
        break;
    }
}

/* Whether the bytes end with a hostile text's sequence as it was, with its mark. */
static void written_look_for_marks(struct written *written) {
    for (size_t i = 0; i < hostile_text_count; i++) {
        size_t size = strlen(hostile_texts[i]);
        if (hostile_texts[i][0] == '\x1b' && size <= written->tail_size &&
            memcmp(written->tail + written->tail_size - size, hostile_texts[i], size) == 0)
            written->problem = "a sequence of a hostile text";
    }
}

static void written_keep(struct written *written, char byte) {
    if (written->tail_size == WRITTEN_TAIL) {
        memmove(written->tail, written->tail + WRITTEN_TAIL / 2, WRITTEN_TAIL / 2);
        written->tail_size = WRITTEN_TAIL / 2;
    }
    written->tail[written->tail_size++] = byte;
}

void written_take(struct written *written, const char *bytes, size_t size) {
    for (size_t i = 0; i < size && written->problem == NULL; i++) {
        written_keep(written, bytes[i]);
        written_take_byte(written, bytes[i]);
        if (bytes[i] == HOSTILE_MARK[sizeof HOSTILE_MARK - 2])
            written_look_for_marks(written);
    }
}

bool written_has_screen(const struct written *written) {
    for (size_t i = 0; i < WRITTEN_MODES; i++)
        if (written_modes[i].number == MODE_PASTE)
            return written->modes[i];
    return false;
}

void written_end(struct written *written) {
    if (written->state != STATE_TEXT || written->missing > 0)
        written->problem = "it ended within a sequence or a character";
    for (size_t i = 0; i < WRITTEN_MODES; i++)
        if (written_modes[i].number >= 7 && written->modes[i] != written_modes[i].at_first)
            written->problem = "a mode of the terminal was not put back";
}

void written_print_tail(const struct written *written, FILE *out) {
    size_t first = written->tail_size > 400 ? written->tail_size - 400 : 0;
    for (size_t i = first; i < written->tail_size; i++) {
        unsigned char byte = (unsigned char)written->tail[i];
        if (byte >= 0x20 && byte < 0x7f)
            fputc(byte, out);
        else
            fprintf(out, "\\x%02x", byte);
    }
    fputc('\n', out);
}
