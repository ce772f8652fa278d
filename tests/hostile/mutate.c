#include "mutate.h"
#include "field.h"
#include "frame.h"
#include "protocol.h"
#include "written.h"

#include <string.h>

enum { POOL_FRAMES = 64 };

static uint64_t random_state;

/* Frames of earlier sessions, as the server sent them. */
static struct buffer pool[POOL_FRAMES];
static size_t pool_count;
static struct buffer held; /* to be sent after the next one */

void mutate_seed(uint64_t seed) {
    random_state = seed;
}

/* splitmix64 */
static uint64_t random_next(void) {
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

size_t mutate_random(size_t bound) {
    return (size_t)(random_next() % bound);
}

static void flip_bits(struct buffer *frame) {
    for (size_t flips = 1 + mutate_random(8); flips > 0; flips--)
        frame->data[FRAME_HEAD + mutate_random(frame->size - FRAME_HEAD)] ^=
            (uint8_t)(1u << mutate_random(8));
}

/* Cut, with a length that says so. */
static void cut_short(struct buffer *frame) {
    frame->size = FRAME_HEAD + 1 + mutate_random(frame->size - FRAME_HEAD);
    wire_set_u32(frame->data, (uint32_t)(frame->size - FRAME_HEAD));
}

static void cut_off(struct buffer *frame) {
    frame->size = 1 + mutate_random(frame->size);
}

static void lie_about_length(struct buffer *frame) {
    uint32_t size = (uint32_t)(frame->size - FRAME_HEAD);
    const uint32_t lies[] = {
        0, size - 1, size + 1, FRAME_PAYLOAD_MAX, FRAME_PAYLOAD_MAX + 1, UINT32_MAX, size << 8, 1};
    wire_set_u32(frame->data, lies[mutate_random(sizeof lies / sizeof *lies)]);
}

static void change_type(struct buffer *frame) {
    frame->data[FRAME_HEAD] = mutate_random(2) == 0
                                  ? (uint8_t)random_next()
                                  : (uint8_t)message_table[mutate_random(message_table_size)].type;
}

static void fill_with_noise(struct buffer *frame) {
    for (size_t i = FRAME_HEAD + 1; i < frame->size; i++)
        frame->data[i] = (uint8_t)random_next();
}

static void double_it(struct buffer *frame) {
    size_t size = frame->size;
    struct buffer copy = {0};
    buffer_append(&copy, frame->data, size);
    for (size_t copies = 1 + mutate_random(3); copies > 0; copies--)
        buffer_append(frame, copy.data, size);
    buffer_free(&copy);
}

static void hold_back(struct buffer *frame) {
    struct buffer before = held;
    held = *frame;
    *frame = before;
}

static void take_from_pool(struct buffer *frame) {
    const struct buffer *other = &pool[mutate_random(pool_count)];
    buffer_append(frame, other->data, other->size);
}

static void drop_it(struct buffer *frame) {
    buffer_clear(frame);
}

static uint64_t extreme_number(void) {
    static const uint64_t numbers[] = {
        0,          1,         2,          7,        UINT8_MAX, UINT16_MAX, INT32_MAX,
        UINT32_MAX, INT64_MAX, UINT64_MAX, 1u << 30, 1u << 31,  86400000,   1764000000000};
    return numbers[mutate_random(sizeof numbers / sizeof *numbers)];
}

static struct wire_text hostile_text(void) {
    static char long_text[BODY_BYTES_MAX];
    size_t choice = mutate_random(hostile_text_count + 2);
    if (choice < hostile_text_count)
        return wire_text(hostile_texts[choice]);
    const char *unit = choice == hostile_text_count ? "e\xcc\x81\xcc\x82" : "\xe4\xb8\xad w";
    size_t size = 0;
    for (size_t limit = mutate_random(sizeof long_text - 8); size < limit; size += strlen(unit))
        memcpy(long_text + size, unit, strlen(unit));
    return (struct wire_text){long_text, size};
}

/* Puts something else into fields of a message: hostile texts, numbers at the edges. */
static void put_hostile(struct buffer *frame) {
    struct message message;
    struct buffer texts = {0}, changed = {0};
    struct wire_blob payload = {frame->data + FRAME_HEAD, frame->size - FRAME_HEAD};
    if (message_decode(payload, &message) != ERROR_NONE)
        return;
    const struct message_entry *entry = message_find(message.type);
    bool numbers_too = mutate_random(3) == 0;
    for (size_t i = 0; i < entry->field_count; i++) {
        void *place = (char *)&message + entry->fields[i].offset;
        bool this_number = numbers_too && mutate_random(3) == 0;
        if (entry->fields[i].type == FIELD_text)
            *(struct wire_text *)place = hostile_text();
        else if (entry->fields[i].type == FIELD_texts) {
            for (int each = 0; each < 5; each++)
                wire_put_text(&texts, hostile_text());
            *(struct wire_texts *)place = (struct wire_texts){texts.data, texts.size, 5};
        } else if (this_number)
            field_set_number(place, entry->fields[i].type, extreme_number());
    }
    message_encode(&changed, &message);
    if (!changed.failed) {
        buffer_clear(frame);
        buffer_append(frame, changed.data, changed.size);
    }
    buffer_free(&texts);
    buffer_free(&changed);
}

/* The same for the events within a page or among hits. */
static void put_hostile_within(struct buffer *frame) {
    struct message message;
    struct buffer events = {0}, event = {0}, changed = {0};
    struct wire_blob payload = {frame->data + FRAME_HEAD, frame->size - FRAME_HEAD};
    if (message_decode(payload, &message) != ERROR_NONE ||
        (message.type != MESSAGE_PAGE && message.type != MESSAGE_HITS)) {
        put_hostile(frame);
        return;
    }
    struct wire_blob *inner =
        message.type == MESSAGE_PAGE ? &message.page.events : &message.hits.events;
    struct wire_reader reader = {inner->data, inner->data + inner->size};
    while (frame_take(&reader, &payload) == FRAME_READY && events.size < PAGE_BYTES_MAX / 2) {
        buffer_clear(&event);
        wire_put_blob(&event, payload);
        if (mutate_random(3) == 0)
            flip_bits(&event);
        else if (mutate_random(2) == 0)
            put_hostile(&event);
        buffer_append(&events, event.data, event.size);
    }
    *inner = (struct wire_blob){events.data, events.size};
    message_encode(&changed, &message);
    if (!changed.failed) {
        buffer_clear(frame);
        buffer_append(frame, changed.data, changed.size);
    }
    buffer_free(&events);
    buffer_free(&event);
    buffer_free(&changed);
}

static void (*const mutations[])(struct buffer *frame) = {
    flip_bits,          cut_short,   cut_off,     lie_about_length, change_type,
    fill_with_noise,    double_it,   hold_back,   drop_it,          take_from_pool,
    put_hostile,        put_hostile, put_hostile, put_hostile,      put_hostile_within,
    put_hostile_within,
};

static void keep_in_pool(const struct buffer *frame) {
    struct buffer *place =
        &pool[pool_count < POOL_FRAMES ? pool_count++ : mutate_random(POOL_FRAMES)];
    buffer_clear(place);
    buffer_append(place, frame->data, frame->size);
}

bool mutate_frame(struct buffer *out, struct wire_blob payload, size_t one_in) {
    struct buffer frame = {0};
    bool changes = mutate_random(one_in) == 0;
    wire_put_blob(&frame, payload);
    keep_in_pool(&frame);
    if (changes) {
        mutations[mutate_random(sizeof mutations / sizeof *mutations)](&frame);
    } else if (held.size > 0) {
        buffer_append(&frame, held.data, held.size);
        buffer_clear(&held);
    }
    buffer_append(out, frame.data, frame.size);
    buffer_free(&frame);
    return changes;
}

void mutate_end(void) {
    buffer_clear(&held);
}
