/* A growable run of bytes, owned by whoever holds the struct. Zero-initialised it is empty and
 * valid. Running out of memory latches `failed`: later appends do nothing, so a writer checks once,
 * at the end. Any thread, one at a time. */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
};

/* Makes room for `more` bytes behind the end and returns where they begin; NULL when out of memory.
 */
uint8_t *buffer_reserve(struct buffer *buffer, size_t more);

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_string(struct buffer *buffer, const char *string);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The content as a C string. The buffer keeps ownership; valid until the next append. "" on
 * failure. */
const char *buffer_string(struct buffer *buffer);

/* Forgets the content and a failure, keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* Frees the memory; the buffer is then as zero-initialised. */
void buffer_free(struct buffer *buffer);

#endif
