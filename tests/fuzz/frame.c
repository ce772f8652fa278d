/* However a stream is cut into pieces, and wherever its reader stops in between, the frames are the
 * same as those of the whole. The input's first eight bytes say how it is cut. */
#include "fuzz.h"
#include "frame.h"

#include <stdlib.h>
#include <string.h>

struct cutting {
    struct wire_blob plan;
    size_t step;
};

static unsigned cutting_next(struct cutting *cutting) {
    return cutting->plan.size > 0 ? cutting->plan.data[cutting->step++ % cutting->plan.size] : 1;
}

/* The whole stream again, as far as it was read, and how that ended. */
struct expected {
    struct wire_reader rest;
    enum frame_result result;
};

/* Compares what the reader found with the next frame of the whole. */
static void expect_same(struct expected *expected, enum frame_result result,
                        struct wire_blob payload) {
    struct wire_blob wanted = {0};
    expected->result = frame_take(&expected->rest, &wanted);
    FUZZ_CHECK(expected->result == result);
    if (result == FRAME_READY)
        FUZZ_CHECK(wanted.size == payload.size &&
                   memcmp(wanted.data, payload.data, payload.size) == 0);
}

/* Reads all frames that are there; false when the stream is lost. */
static bool read_frames(struct frame_reader *reader, struct expected *expected,
                        struct cutting *cutting, uint8_t *piece, size_t size) {
    struct wire_blob payload = {0};
    for (;;) {
        if (cutting_next(cutting) % 5 == 0) {
            FUZZ_CHECK(frame_reader_keep(reader) == FRAME_READY);
            memset(piece, 0xA5, size);
        }
        enum frame_result result = frame_reader_next(reader, &payload);
        if (result == FRAME_MORE)
            return true;
        expect_same(expected, result, payload);
        if (result != FRAME_READY)
            return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_reader input = {data, data + size};
    struct cutting cutting = {fuzz_piece(&input, 8), 0};
    struct expected expected = {input, FRAME_MORE};
    struct frame_reader reader = {0};
    bool goes_on = true;
    while (input.at < input.end && goes_on) {
        struct wire_blob part = fuzz_piece(&input, cutting_next(&cutting) + 1u);
        uint8_t *piece = malloc(part.size);
        FUZZ_CHECK(piece != NULL);
        memcpy(piece, part.data, part.size);
        frame_reader_feed(&reader, piece, part.size);
        goes_on = read_frames(&reader, &expected, &cutting, piece, part.size);
        free(piece);
    }
    if (goes_on) {
        struct wire_blob none;
        FUZZ_CHECK(frame_take(&expected.rest, &none) == FRAME_MORE);
        FUZZ_CHECK(frame_reader_is_midway(&reader) == (expected.rest.at < expected.rest.end));
        FUZZ_CHECK(reader.kept.size <= FRAME_HEAD + FRAME_PAYLOAD_MAX + 256);
    }
    frame_reader_free(&reader);
    return 0;
}
