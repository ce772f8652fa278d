/* Judges what a client writes to its terminal, byte by byte: text that is valid UTF-8 without
 * controls or anything invisible, and of escape sequences only those that curses and the client
 * have use for. Hostile texts carry a mark, by which a sequence of theirs is known from one of
 * curses. */
#ifndef TESTS_HOSTILE_WRITTEN_H
#define TESTS_HOSTILE_WRITTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { WRITTEN_TAIL = 4096, WRITTEN_MODES = 16, WRITTEN_SEQUENCE_MAX = 64 };

struct written {
    const char *problem; /* NULL while all is well */
    int state;
    char sequence[WRITTEN_SEQUENCE_MAX]; /* the parameters of the one at hand */
    size_t sequence_size;
    uint32_t character;        /* of UTF-8 that has begun */
    int missing;               /* bytes of it that are to come */
    bool modes[WRITTEN_MODES]; /* which are on, in the order of written.c's table */
    char tail[WRITTEN_TAIL];   /* what came last */
    size_t tail_size;
};

/* Texts to be put into whatever a server says; their mark is HOSTILE_MARK. */
#define HOSTILE_MARK "Q7Z"
extern const char *const hostile_texts[];
extern const size_t hostile_text_count;

void written_begin(struct written *written);
void written_take(struct written *written, const char *bytes, size_t size);
/* The client has taken the terminal over: keys are its own from here on. */
bool written_has_screen(const struct written *written);
/* Nothing more comes: the modes must be as they were before. */
void written_end(struct written *written);

/* Prints the last bytes so that they can be read. */
void written_print_tail(const struct written *written, FILE *out);

#endif
