#include "test.h"
#include "field.h"
#include "frame.h"
#include "protocol.h"
#include "rights.h"

static uint64_t seed = 20261124;

static uint64_t random_number(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static char scratch[4096];

static struct wire_text random_text(void) {
    return (struct wire_text){scratch, random_number() % 200};
}

/* Fills a field with a random, an empty or a maximal value. */
static void fill_field(void *value, enum field_type type, struct buffer *texts) {
    uint64_t number = random_number() % 3 == 0 ? UINT64_MAX : random_number();
    if (field_set_number(value, type, number))
        return;
    if (type == FIELD_text) {
        *(struct wire_text *)value = random_text();
    } else if (type == FIELD_blob) {
        *(struct wire_blob *)value =
            (struct wire_blob){(const uint8_t *)scratch, random_number() % 500};
    } else {
        uint16_t count = (uint16_t)(random_number() % 5);
        buffer_clear(texts);
        for (uint16_t i = 0; i < count; i++)
            wire_put_text(texts, random_text());
        *(struct wire_texts *)value = (struct wire_texts){texts->data, texts->size, count};
    }
}

static void fill_message(struct message *message, const struct message_entry *entry,
                         struct buffer *texts) {
    memset(message, 0, sizeof *message);
    message->type = entry->type;
    for (size_t i = 0; i < entry->field_count; i++)
        fill_field((char *)message + entry->fields[i].offset, entry->fields[i].type, texts);
}

static struct wire_blob payload_of(const struct buffer *frame) {
    return (struct wire_blob){frame->data + FRAME_HEAD, frame->size - FRAME_HEAD};
}

static void every_message_survives_the_round_trip(void **state) {
    (void)state;
    struct buffer texts = {0}, first = {0}, second = {0};
    for (size_t round = 0; round < 200; round++)
        for (size_t i = 0; i < message_table_size; i++) {
            struct message message, decoded;
            fill_message(&message, &message_table[i], &texts);
            buffer_clear(&first);
            buffer_clear(&second);
            message_encode(&first, &message);
            assert_false(first.failed);
            assert_int_equal(message_decode(payload_of(&first), &decoded), ERROR_NONE);
            message_encode(&second, &decoded);
            assert_int_equal(first.size, second.size);
            assert_memory_equal(first.data, second.data, first.size);
        }
    buffer_free(&texts);
    buffer_free(&first);
    buffer_free(&second);
}

/* A version before the message's LATER fields ended here. */
static bool is_an_older_version(const struct message *decoded, struct wire_blob prefix) {
    struct buffer again = {0};
    message_encode(&again, decoded);
    bool same = again.size - FRAME_HEAD >= prefix.size &&
                memcmp(again.data + FRAME_HEAD, prefix.data, prefix.size) == 0;
    for (size_t i = FRAME_HEAD + prefix.size; same && i < again.size; i++)
        same = again.data[i] == 0;
    buffer_free(&again);
    return same;
}

static void every_prefix_is_malformed_or_an_older_version(void **state) {
    (void)state;
    struct buffer texts = {0}, frame = {0};
    for (size_t i = 0; i < message_table_size; i++) {
        struct message message, decoded;
        fill_message(&message, &message_table[i], &texts);
        buffer_clear(&frame);
        message_encode(&frame, &message);
        struct wire_blob payload = payload_of(&frame);
        size_t older = 0;
        for (size_t field = 0; field < message_table[i].field_count; field++)
            older += message_table[i].fields[field].later;
        for (size_t size = 0; size < payload.size; size++) {
            /* A copy of just that size, so that a read beyond it is seen by the sanitizers. */
            uint8_t *exact = malloc(size > 0 ? size : 1);
            memcpy(exact, payload.data, size);
            enum error_code error = message_decode((struct wire_blob){exact, size}, &decoded);
            if (error == ERROR_NONE &&
                is_an_older_version(&decoded, (struct wire_blob){exact, size}))
                older--;
            else
                assert_int_equal(error, ERROR_MALFORMED);
            free(exact);
        }
        assert_int_equal(older, 0);
    }
    buffer_free(&texts);
    buffer_free(&frame);
}

static void fields_behind_the_last_known_one_are_skipped(void **state) {
    (void)state;
    struct buffer texts = {0}, frame = {0};
    for (size_t i = 0; i < message_table_size; i++) {
        struct message message, decoded;
        fill_message(&message, &message_table[i], &texts);
        buffer_clear(&frame);
        message_encode(&frame, &message);
        buffer_append_string(&frame, "from a later version");
        assert_int_equal(message_decode(payload_of(&frame), &decoded), ERROR_NONE);
        assert_int_equal(decoded.type, message.type);
    }
    buffer_free(&texts);
    buffer_free(&frame);
}

static void any_bytes_decode_to_a_message_or_a_named_error(void **state) {
    (void)state;
    struct buffer printed = {0};
    for (size_t round = 0; round < 300000; round++) {
        size_t size = random_number() % 80;
        uint8_t *bytes = malloc(size > 0 ? size : 1);
        struct message message;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(random_number() % (round % 2 ? 256 : 8));
        if (size > 0 && round % 3 != 0)
            bytes[0] = (uint8_t)message_table[random_number() % message_table_size].type;
        enum error_code error = message_decode((struct wire_blob){bytes, size}, &message);
        assert_true(error == ERROR_NONE || error == ERROR_MALFORMED || error == ERROR_UNKNOWN_TYPE);
        if (error == ERROR_NONE) {
            buffer_clear(&printed);
            message_print(&printed, &message);
            message_text_is_valid(&message);
        }
        free(bytes);
    }
    buffer_free(&printed);
}

static void text_that_is_not_utf8_is_found_in_every_text_field(void **state) {
    (void)state;
    struct buffer texts = {0};
    wire_put_text(&texts, wire_text("good"));
    wire_put_text(&texts, wire_text("a\xC3(b"));
    for (size_t i = 0; i < message_table_size; i++)
        for (size_t field = 0; field < message_table[i].field_count; field++) {
            const struct message_field *at = &message_table[i].fields[field];
            struct message message = {.type = message_table[i].type};
            void *place = (char *)&message + at->offset;
            assert_true(message_text_is_valid(&message));
            if (at->type == FIELD_text)
                *(struct wire_text *)place = wire_text("a\xC3(b");
            else if (at->type == FIELD_texts)
                *(struct wire_texts *)place = (struct wire_texts){texts.data, texts.size, 2};
            else
                continue;
            assert_false(message_text_is_valid(&message));
        }
    buffer_free(&texts);
}

static void a_message_that_does_not_fit_a_frame_is_not_encoded(void **state) {
    (void)state;
    static char large[FRAME_PAYLOAD_MAX];
    struct buffer frame = {0};
    struct message page = {.type = MESSAGE_PAGE};
    page.page.events = (struct wire_blob){(const uint8_t *)large, sizeof large};
    message_encode(&frame, &page);
    assert_true(frame.failed);
    buffer_free(&frame);
}

static void the_id_of_an_encoded_event_can_be_set(void **state) {
    (void)state;
    struct buffer frame = {0};
    struct message event = {.type = MESSAGE_MESSAGE}, decoded;
    event.message.body = wire_text("hello");
    message_encode(&frame, &event);
    event_set_id(frame.data, 0x0102030405060708u);
    assert_int_equal(message_decode(payload_of(&frame), &decoded), ERROR_NONE);
    assert_true(decoded.event.id == 0x0102030405060708u);
    assert_true(wire_text_equal(decoded.message.body, wire_text("hello")));
    buffer_free(&frame);
}

static void the_position_of_an_encoded_room_can_be_set(void **state) {
    (void)state;
    struct buffer frame = {0};
    struct message room = {.type = MESSAGE_ROOM}, decoded;
    room.room.tag = 7;
    room.room.room = 9;
    room.room.name = wire_text("#lobby");
    room.room.moderator = 3;
    message_encode(&frame, &room);
    room_set_position(frame.data, frame.size, 11, 13, 15, 17);
    assert_int_equal(message_decode(payload_of(&frame), &decoded), ERROR_NONE);
    assert_int_equal(decoded.room.tag, 7);
    assert_int_equal(decoded.room.room, 9);
    assert_int_equal(decoded.room.position, 11);
    assert_int_equal(decoded.room.newest, 13);
    assert_int_equal(decoded.room.read, 15);
    assert_int_equal(decoded.room.moderator, 3);
    assert_int_equal(decoded.room.unread, 17);
    buffer_free(&frame);
}

static void every_error_has_a_sentence(void **state) {
    (void)state;
#define ERROR(number, NAME, text) assert_string_equal(error_text(ERROR_##NAME), text);
#include "protocol.def"
    assert_string_equal(error_text(60000), "an error without a name");
}

static void texts_are_equal_when_all_their_bytes_are(void **state) {
    (void)state;
    assert_true(wire_text_equal(wire_text("same"), wire_text("same")));
    assert_false(wire_text_equal(wire_text("same"), wire_text("sane")));
    assert_false(wire_text_equal(wire_text("same"), wire_text("sam")));
    assert_true(wire_text_equal((struct wire_text){NULL, 0}, wire_text("")));
}

static void what_has_no_place_in_a_table_is_said_to_be_unknown(void **state) {
    (void)state;
    struct buffer text = {0};
    const struct message unknown = {.type = (enum message_type)200};
    message_print(&text, &unknown);
    assert_string_equal(buffer_string(&text), "unknown");
    assert_false(message_is_event(200));
    assert_true(message_is_event(MESSAGE_MESSAGE));
    assert_false(message_is_event(MESSAGE_POST));
    assert_string_equal(role_name((enum role)200), "?");
    assert_string_equal(standing_name((enum standing)200), "?");
    buffer_free(&text);
}

static void each_right_is_described_by_who_has_it(void **state) {
    (void)state;
    struct buffer text = {0};
    for (size_t i = 0; i < right_count; i++) {
        buffer_clear(&text);
        right_describe(&text, &rights[i]);
        const char *words = buffer_string(&text);
        assert_null(strchr(words, '?'));
        const char *first =
            rights[i].of_room ? role_name(rights[i].in_public) : standing_name(rights[i].least);
        assert_int_equal(strncmp(words, first, strlen(first)), 0);
        assert_true((strstr(words, "read-only") != NULL) ==
                    (rights[i].of_room && rights[i].in_read_only != rights[i].in_public));
        assert_true((strstr(words, "private") != NULL) ==
                    (rights[i].of_room && rights[i].in_private != rights[i].in_public));
    }
    buffer_free(&text);
}

static void a_buffer_that_cannot_grow_stays_failed_and_whole(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_append_string(&buffer, "kept");
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    buffer_append_string(&buffer, "lost");
    buffer_append_format(&buffer, "%d", 17);
    assert_true(buffer.failed);
    assert_int_equal(buffer.size, 4);
    assert_string_equal(buffer_string(&buffer), "");
    buffer_clear(&buffer);
    buffer_append_format(&buffer, "%d", 17);
    assert_string_equal(buffer_string(&buffer), "17");
    buffer_free(&buffer);
}

int main(void) {
    memset(scratch, 'x', sizeof scratch);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_survives_the_round_trip),
        cmocka_unit_test(every_prefix_is_malformed_or_an_older_version),
        cmocka_unit_test(fields_behind_the_last_known_one_are_skipped),
        cmocka_unit_test(any_bytes_decode_to_a_message_or_a_named_error),
        cmocka_unit_test(text_that_is_not_utf8_is_found_in_every_text_field),
        cmocka_unit_test(a_message_that_does_not_fit_a_frame_is_not_encoded),
        cmocka_unit_test(the_id_of_an_encoded_event_can_be_set),
        cmocka_unit_test(the_position_of_an_encoded_room_can_be_set),
        cmocka_unit_test(every_error_has_a_sentence),
        cmocka_unit_test(texts_are_equal_when_all_their_bytes_are),
        cmocka_unit_test(what_has_no_place_in_a_table_is_said_to_be_unknown),
        cmocka_unit_test(each_right_is_described_by_who_has_it),
        cmocka_unit_test(a_buffer_that_cannot_grow_stays_failed_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
