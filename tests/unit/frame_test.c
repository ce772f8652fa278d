#include "test.h"
#include "frame.h"

/* Three frames one behind the other: 1 byte, 300 bytes, 5 bytes of payload. */
static void stream_make(struct buffer *stream) {
    static const uint32_t sizes[] = {1, 300, 5};
    for (size_t i = 0; i < 3; i++) {
        wire_put_u32(stream, sizes[i]);
        for (uint32_t byte = 0; byte < sizes[i]; byte++)
            wire_put_u8(stream, (uint8_t)(i * 100 + byte));
    }
}

static void expect_payload(struct wire_blob payload, size_t number) {
    static const size_t sizes[] = {1, 300, 5};
    assert_int_equal(payload.size, sizes[number]);
    for (size_t i = 0; i < payload.size; i++)
        assert_int_equal(payload.data[i], (uint8_t)(number * 100 + i));
}

static void a_single_byte_begins_a_frame(void **state) {
    (void)state;
    static const uint8_t byte = 0;
    struct frame_reader reader = {0};
    struct wire_blob payload;
    assert_false(frame_reader_is_midway(&reader));
    frame_reader_feed(&reader, &byte, 1);
    assert_true(frame_reader_is_midway(&reader));
    assert_int_equal(frame_reader_next(&reader, &payload), FRAME_MORE);
    assert_true(frame_reader_is_midway(&reader));
    frame_reader_free(&reader);
}

/* Feeds one piece and takes what is complete; returns how many frames have come in all. */
static size_t feed_piece(struct frame_reader *reader, const uint8_t *data, size_t size,
                         size_t seen) {
    struct wire_blob payload;
    enum frame_result result;
    frame_reader_feed(reader, data, size);
    while ((result = frame_reader_next(reader, &payload)) == FRAME_READY)
        expect_payload(payload, seen++);
    assert_int_equal(result, FRAME_MORE);
    return seen;
}

static void frames_come_whole_however_the_stream_is_split_in_two(void **state) {
    (void)state;
    struct buffer stream = {0};
    stream_make(&stream);
    for (size_t split = 0; split <= stream.size; split++) {
        struct frame_reader reader = {0};
        size_t seen = feed_piece(&reader, stream.data, split, 0);
        seen = feed_piece(&reader, stream.data + split, stream.size - split, seen);
        assert_int_equal(seen, 3);
        assert_false(frame_reader_is_midway(&reader));
        frame_reader_free(&reader);
    }
    buffer_free(&stream);
}

static void frames_come_whole_byte_by_byte(void **state) {
    (void)state;
    struct buffer stream = {0};
    struct frame_reader reader = {0};
    size_t seen = 0;
    stream_make(&stream);
    for (size_t i = 0; i < stream.size; i++) {
        /* A fresh copy of each byte, so that a view kept too long is seen by the sanitizers. */
        uint8_t byte = stream.data[i];
        seen = feed_piece(&reader, &byte, 1, seen);
    }
    assert_int_equal(seen, 3);
    frame_reader_free(&reader);
    buffer_free(&stream);
}

static void a_reader_that_stops_midway_goes_on_where_it_was(void **state) {
    (void)state;
    struct buffer stream = {0};
    struct frame_reader reader = {0};
    struct wire_blob payload;
    stream_make(&stream);
    frame_reader_feed(&reader, stream.data, stream.size);
    assert_int_equal(frame_reader_next(&reader, &payload), FRAME_READY);
    expect_payload(payload, 0);
    assert_int_equal(frame_reader_keep(&reader), FRAME_READY);
    memset(stream.data, 0xEE, stream.size);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(frame_reader_next(&reader, &payload), FRAME_READY);
        expect_payload(payload, i);
    }
    assert_int_equal(frame_reader_next(&reader, &payload), FRAME_MORE);
    frame_reader_free(&reader);
    buffer_free(&stream);
}

static void an_idle_reader_holds_no_memory(void **state) {
    (void)state;
    struct buffer stream = {0};
    struct frame_reader reader = {0};
    stream_make(&stream);
    size_t seen = feed_piece(&reader, stream.data, 100, 0);
    assert_non_null(reader.kept.data);
    seen = feed_piece(&reader, stream.data + 100, stream.size - 100, seen);
    assert_int_equal(seen, 3);
    assert_null(reader.kept.data);
    buffer_free(&stream);
}

static void memory_grows_with_bytes_that_came_not_with_the_length_declared(void **state) {
    (void)state;
    struct frame_reader reader = {0};
    struct wire_blob payload;
    const uint8_t head[] = {0, 1, 0, 0, 'x'};
    frame_reader_feed(&reader, head, sizeof head);
    assert_int_equal(frame_reader_next(&reader, &payload), FRAME_MORE);
    assert_in_range(reader.kept.capacity, 1, 1024);
    frame_reader_free(&reader);
}

static void a_length_of_zero_or_too_much_ends_the_stream(void **state) {
    (void)state;
    static const uint8_t heads[][4] = {
        {0, 0, 0, 0}, {0, 1, 0, 1}, {0xFF, 0xFF, 0xFF, 0xFF}, {'G', 'E', 'T', ' '}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct frame_reader reader = {0};
        struct wire_blob payload;
        frame_reader_feed(&reader, heads[i], sizeof heads[i]);
        assert_int_equal(frame_reader_next(&reader, &payload), FRAME_BAD_SIZE);
        frame_reader_free(&reader);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_byte_begins_a_frame),
        cmocka_unit_test(frames_come_whole_however_the_stream_is_split_in_two),
        cmocka_unit_test(frames_come_whole_byte_by_byte),
        cmocka_unit_test(a_reader_that_stops_midway_goes_on_where_it_was),
        cmocka_unit_test(an_idle_reader_holds_no_memory),
        cmocka_unit_test(memory_grows_with_bytes_that_came_not_with_the_length_declared),
        cmocka_unit_test(a_length_of_zero_or_too_much_ends_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
