#include "frame.h"

#include <string.h>

static enum frame_result frame_take_up_to(struct wire_reader *reader, uint32_t most,
                                          struct wire_blob *payload) {
    struct wire_reader trial = *reader;
    uint32_t size;
    if (!wire_get_u32(&trial, &size))
        return FRAME_MORE;
    if (size == 0 || size > most)
        return FRAME_BAD_SIZE;
    if ((size_t)(trial.end - trial.at) < size)
        return FRAME_MORE;
    *payload = (struct wire_blob){trial.at, size};
    reader->at = trial.at + size;
    return FRAME_READY;
}

enum frame_result frame_take(struct wire_reader *reader, struct wire_blob *payload) {
    return frame_take_up_to(reader, FRAME_PAYLOAD_MAX, payload);
}

static uint32_t frame_reader_most(const struct frame_reader *reader) {
    return reader->payload_max != 0 ? reader->payload_max : FRAME_PAYLOAD_MAX;
}

void frame_reader_feed(struct frame_reader *reader, const uint8_t *data, size_t size) {
    reader->input = (struct wire_reader){data, data + size};
}

static size_t frame_reader_input_size(const struct frame_reader *reader) {
    return (size_t)(reader->input.end - reader->input.at);
}

/* Moves up to `size` bytes from the input behind the kept ones. */
static enum frame_result frame_reader_move(struct frame_reader *reader, size_t size) {
    size_t available = frame_reader_input_size(reader);
    if (size > available)
        size = available;
    buffer_append(&reader->kept, reader->input.at, size);
    if (reader->kept.failed)
        return FRAME_NO_MEMORY;
    if (size > 0)
        reader->input.at += size;
    return FRAME_READY;
}

/* Looks for a frame in the kept bytes, completing them from the input with no byte more than
 * needed. */
static enum frame_result frame_reader_next_kept(struct frame_reader *reader,
                                                struct wire_blob *payload) {
    for (;;) {
        const uint8_t *start = reader->kept.data + reader->kept_from;
        struct wire_reader kept = {start, reader->kept.data + reader->kept.size};
        enum frame_result result = frame_take_up_to(&kept, frame_reader_most(reader), payload);
        if (result == FRAME_READY)
            reader->kept_from += (size_t)(kept.at - start);
        if (result != FRAME_MORE || frame_reader_input_size(reader) == 0)
            return result;
        size_t have = (size_t)(kept.end - start);
        size_t want = FRAME_HEAD;
        uint32_t size;
        if (wire_get_u32(&kept, &size))
            want += size;
        result = frame_reader_move(reader, want - have);
        if (result != FRAME_READY)
            return result;
    }
}

/* Gives back what the last frame needed of the kept bytes; their memory too once they are used up.
 */
static void frame_reader_tidy(struct frame_reader *reader) {
    if (reader->kept_from == 0)
        return;
    size_t rest = reader->kept.size - reader->kept_from;
    if (rest == 0) {
        buffer_free(&reader->kept);
    } else if (reader->kept_from >= rest) {
        memmove(reader->kept.data, reader->kept.data + reader->kept_from, rest);
        reader->kept.size = rest;
    } else {
        return;
    }
    reader->kept_from = 0;
}

enum frame_result frame_reader_next(struct frame_reader *reader, struct wire_blob *payload) {
    frame_reader_tidy(reader);
    if (reader->kept.size > 0)
        return frame_reader_next_kept(reader, payload);
    enum frame_result result = frame_take_up_to(&reader->input, frame_reader_most(reader), payload);
    if (result == FRAME_MORE && frame_reader_keep(reader) != FRAME_READY)
        return FRAME_NO_MEMORY;
    return result;
}

enum frame_result frame_reader_keep(struct frame_reader *reader) {
    return frame_reader_move(reader, frame_reader_input_size(reader));
}

bool frame_reader_is_midway(const struct frame_reader *reader) {
    return reader->kept.size > reader->kept_from || frame_reader_input_size(reader) > 0;
}

void frame_reader_free(struct frame_reader *reader) {
    buffer_free(&reader->kept);
    *reader = (struct frame_reader){0};
}
