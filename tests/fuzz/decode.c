/* Any payload gives a message or a named error. What decodes has one encoding, which begins as the
 * payload does: fields that an older sender did not know are zero, those of a newer one are not
 * there. */
#include "fuzz.h"
#include "frame.h"
#include "protocol.h"

#include <string.h>

static void check_printable(const struct message *message) {
    struct buffer line = {0};
    message_print(&line, message);
    FUZZ_CHECK(!line.failed);
    for (size_t i = 0; i < line.size; i++)
        FUZZ_CHECK(line.data[i] >= 0x20 && line.data[i] < 0x7f);
    buffer_free(&line);
}

static void check_same_start(struct wire_blob payload, struct wire_blob encoded) {
    size_t common = payload.size < encoded.size ? payload.size : encoded.size;
    FUZZ_CHECK(memcmp(payload.data, encoded.data, common) == 0);
    for (size_t i = common; i < encoded.size; i++)
        FUZZ_CHECK(encoded.data[i] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_blob payload = {data, size};
    struct message message, again;
    struct buffer frame = {0}, second = {0};
    enum error_code error = message_decode(payload, &message);
    FUZZ_CHECK(error == ERROR_NONE || error == ERROR_MALFORMED || error == ERROR_UNKNOWN_TYPE);
    if (error != ERROR_NONE)
        return 0;
    check_printable(&message);
    message_encode(&frame, &message);
    /* Only fields it did not have can make a payload too long for a frame. */
    FUZZ_CHECK(!frame.failed || size > FRAME_PAYLOAD_MAX - 64);
    if (!frame.failed) {
        struct wire_blob encoded = {frame.data + FRAME_HEAD, frame.size - FRAME_HEAD};
        check_same_start(payload, encoded);
        FUZZ_CHECK(message_decode(encoded, &again) == ERROR_NONE);
        FUZZ_CHECK(message_text_is_valid(&again) == message_text_is_valid(&message));
        message_encode(&second, &again);
        FUZZ_CHECK(second.size == frame.size && memcmp(second.data, frame.data, frame.size) == 0);
    }
    buffer_free(&frame);
    buffer_free(&second);
    return 0;
}
