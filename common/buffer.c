#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST = 64 };

uint8_t *buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->failed || more > SIZE_MAX / 2 - buffer->size) {
        buffer->failed = true;
        return NULL;
    }
    size_t wanted = buffer->size + more;
    if (wanted > buffer->capacity) {
        size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_FIRST;
        while (capacity < wanted)
            capacity *= 2;
        uint8_t *data = realloc(buffer->data, capacity);
        if (data == NULL) {
            buffer->failed = true;
            return NULL;
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size) {
    if (size == 0)
        return;
    uint8_t *end = buffer_reserve(buffer, size);
    if (end == NULL)
        return;
    memcpy(end, data, size);
    buffer->size += size;
}

void buffer_append_string(struct buffer *buffer, const char *string) {
    buffer_append(buffer, string, strlen(string));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buffer->failed = true;
        return;
    }
    uint8_t *end = buffer_reserve(buffer, (size_t)length + 1);
    if (end == NULL)
        return;
    va_start(arguments, format);
    vsnprintf((char *)end, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->size += (size_t)length;
}

const char *buffer_string(struct buffer *buffer) {
    uint8_t *end = buffer_reserve(buffer, 1);
    if (end == NULL)
        return "";
    *end = '\0';
    return (const char *)buffer->data;
}

void buffer_clear(struct buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
