/* Readers and writers of single fields, in pairs. Integers are big-endian; a text is a u16 length
 * and its bytes, a blob a u32 length and its bytes, texts a u16 count and that many texts. A reader
 * checks the bound first and moves the cursor only when it succeeds; nothing else in the project
 * indexes a payload. What it yields are views into the bytes read, which the caller keeps alive.
 * Pure; any thread. */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_text {
    const char *data; /* not terminated, not yet known to be UTF-8 */
    size_t size;
};

struct wire_blob {
    const uint8_t *data;
    size_t size;
};

struct wire_texts {
    const uint8_t *data; /* `count` encoded texts, already checked to lie within `size` bytes */
    size_t size;
    uint16_t count;
};

struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
};

bool wire_get_u8(struct wire_reader *reader, uint8_t *value);
bool wire_get_u16(struct wire_reader *reader, uint16_t *value);
bool wire_get_u32(struct wire_reader *reader, uint32_t *value);
bool wire_get_u64(struct wire_reader *reader, uint64_t *value);
bool wire_get_text(struct wire_reader *reader, struct wire_text *value);
bool wire_get_blob(struct wire_reader *reader, struct wire_blob *value);
bool wire_get_texts(struct wire_reader *reader, struct wire_texts *value);

void wire_put_u8(struct buffer *buffer, uint8_t value);
void wire_put_u16(struct buffer *buffer, uint16_t value);
void wire_put_u32(struct buffer *buffer, uint32_t value);
void wire_put_u64(struct buffer *buffer, uint64_t value);
/* A text longer than a u16 can say, or a blob longer than a u32, fails the buffer. */
void wire_put_text(struct buffer *buffer, struct wire_text value);
void wire_put_blob(struct buffer *buffer, struct wire_blob value);
void wire_put_texts(struct buffer *buffer, struct wire_texts value);

/* Writes a u32 or u64 over bytes that are there already. */
void wire_set_u32(uint8_t *at, uint32_t value);
void wire_set_u64(uint8_t *at, uint64_t value);

/* A view of a C string. */
struct wire_text wire_text(const char *string);

/* Compares bytes. */
bool wire_text_equal(struct wire_text a, struct wire_text b);

/* Takes the next text off a list; false at its end. */
bool wire_texts_next(struct wire_texts *texts, struct wire_text *text);

#endif
