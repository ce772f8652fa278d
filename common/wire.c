#include "wire.h"

#include <string.h>

static bool wire_get_integer(struct wire_reader *reader, size_t size, uint64_t *value) {
    if ((size_t)(reader->end - reader->at) < size)
        return false;
    uint64_t result = 0;
    for (size_t i = 0; i < size; i++)
        result = result << 8 | reader->at[i];
    reader->at += size;
    *value = result;
    return true;
}

bool wire_get_u8(struct wire_reader *reader, uint8_t *value) {
    uint64_t wide;
    if (!wire_get_integer(reader, sizeof *value, &wide))
        return false;
    *value = (uint8_t)wide;
    return true;
}

bool wire_get_u16(struct wire_reader *reader, uint16_t *value) {
    uint64_t wide;
    if (!wire_get_integer(reader, sizeof *value, &wide))
        return false;
    *value = (uint16_t)wide;
    return true;
}

bool wire_get_u32(struct wire_reader *reader, uint32_t *value) {
    uint64_t wide;
    if (!wire_get_integer(reader, sizeof *value, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

bool wire_get_u64(struct wire_reader *reader, uint64_t *value) {
    return wire_get_integer(reader, sizeof *value, value);
}

bool wire_get_text(struct wire_reader *reader, struct wire_text *value) {
    struct wire_reader trial = *reader;
    uint16_t size;
    if (!wire_get_u16(&trial, &size) || (size_t)(trial.end - trial.at) < size)
        return false;
    *value = (struct wire_text){(const char *)trial.at, size};
    reader->at = trial.at + size;
    return true;
}

bool wire_get_blob(struct wire_reader *reader, struct wire_blob *value) {
    struct wire_reader trial = *reader;
    uint32_t size;
    if (!wire_get_u32(&trial, &size) || (size_t)(trial.end - trial.at) < size)
        return false;
    *value = (struct wire_blob){trial.at, size};
    reader->at = trial.at + size;
    return true;
}

bool wire_get_texts(struct wire_reader *reader, struct wire_texts *value) {
    struct wire_reader trial = *reader;
    uint16_t count;
    if (!wire_get_u16(&trial, &count))
        return false;
    const uint8_t *first = trial.at;
    struct wire_text skipped;
    for (uint16_t i = 0; i < count; i++)
        if (!wire_get_text(&trial, &skipped))
            return false;
    *value = (struct wire_texts){first, (size_t)(trial.at - first), count};
    reader->at = trial.at;
    return true;
}

static void wire_put_integer(struct buffer *buffer, size_t size, uint64_t value) {
    uint8_t *at = buffer_reserve(buffer, size);
    if (at == NULL)
        return;
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    buffer->size += size;
}

void wire_put_u8(struct buffer *buffer, uint8_t value) {
    wire_put_integer(buffer, sizeof value, value);
}

void wire_put_u16(struct buffer *buffer, uint16_t value) {
    wire_put_integer(buffer, sizeof value, value);
}

void wire_put_u32(struct buffer *buffer, uint32_t value) {
    wire_put_integer(buffer, sizeof value, value);
}

void wire_put_u64(struct buffer *buffer, uint64_t value) {
    wire_put_integer(buffer, sizeof value, value);
}

void wire_put_text(struct buffer *buffer, struct wire_text value) {
    if (value.size > UINT16_MAX) {
        buffer->failed = true;
        return;
    }
    wire_put_u16(buffer, (uint16_t)value.size);
    buffer_append(buffer, value.data, value.size);
}

void wire_put_blob(struct buffer *buffer, struct wire_blob value) {
    if (value.size > UINT32_MAX) {
        buffer->failed = true;
        return;
    }
    wire_put_u32(buffer, (uint32_t)value.size);
    buffer_append(buffer, value.data, value.size);
}

void wire_put_texts(struct buffer *buffer, struct wire_texts value) {
    wire_put_u16(buffer, value.count);
    buffer_append(buffer, value.data, value.size);
}

void wire_set_u32(uint8_t *at, uint32_t value) {
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * (3 - i)));
}

void wire_set_u64(uint8_t *at, uint64_t value) {
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * (7 - i)));
}

struct wire_text wire_text(const char *string) {
    return (struct wire_text){string, strlen(string)};
}

bool wire_text_equal(struct wire_text a, struct wire_text b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool wire_texts_next(struct wire_texts *texts, struct wire_text *text) {
    struct wire_reader reader = {texts->data, texts->data + texts->size};
    if (texts->count == 0 || !wire_get_text(&reader, text))
        return false;
    texts->size -= (size_t)(reader.at - texts->data);
    texts->data = reader.at;
    texts->count--;
    return true;
}
