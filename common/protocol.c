#include "protocol.h"
#include "frame.h"

#include <string.h>
#include <unistr.h>

#define MESSAGE(number, NAME, name, sender, about)                                                 \
    static const struct message_field fields_of_##name[] = {
#define FIELD(name, type, field, about)                                                            \
    {#field, about, offsetof(struct message, name.field), FIELD_##type, false},
#define LATER(name, type, field, about)                                                            \
    {#field, about, offsetof(struct message, name.field), FIELD_##type, true},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "protocol.def"

#define SENDER_CLIENT SENT_BY_CLIENT
#define SENDER_SERVER SENT_BY_SERVER
#define SENDER_BOTH   SENT_BY_BOTH
#define SENDER_EVENT  SENT_AS_EVENT

const struct message_entry message_table[] = {
#define MESSAGE(number, NAME, name, sender, about)                                                 \
    {#name,                                                                                        \
     about,                                                                                        \
     fields_of_##name,                                                                             \
     sizeof fields_of_##name / sizeof *fields_of_##name,                                           \
     MESSAGE_##NAME,                                                                               \
     SENDER_##sender},
#include "protocol.def"
};
const size_t message_table_size = sizeof message_table / sizeof *message_table;

#define MESSAGE(number, NAME, name, sender, about)                                                 \
    _Static_assert((number) > 0 && (number) < 256, "a message number is one byte");
#include "protocol.def"
_Static_assert(offsetof(struct message_message, id) == offsetof(struct event_head, id) &&
                   offsetof(struct message_message, time) == offsetof(struct event_head, time) &&
                   offsetof(struct message_message, room) == offsetof(struct event_head, room) &&
                   offsetof(struct message_message, actor) == offsetof(struct event_head, actor),
               "struct event_head mirrors EVENT_HEAD");

const struct message_entry *message_find(unsigned type) {
    for (size_t i = 0; i < message_table_size; i++)
        if (message_table[i].type == type)
            return &message_table[i];
    return NULL;
}

static void field_encode(struct buffer *out, enum field_type type, const void *value) {
    switch (type) {
    case FIELD_u8:
        wire_put_u8(out, *(const uint8_t *)value);
        break;
    case FIELD_u16:
        wire_put_u16(out, *(const uint16_t *)value);
        break;
    case FIELD_u32:
        wire_put_u32(out, *(const uint32_t *)value);
        break;
    case FIELD_u64:
        wire_put_u64(out, *(const uint64_t *)value);
        break;
    case FIELD_text:
        wire_put_text(out, *(const struct wire_text *)value);
        break;
    case FIELD_blob:
        wire_put_blob(out, *(const struct wire_blob *)value);
        break;
    case FIELD_texts:
        wire_put_texts(out, *(const struct wire_texts *)value);
        break;
    }
}

static bool field_decode(struct wire_reader *reader, enum field_type type, void *value) {
    switch (type) {
    case FIELD_u8:
        return wire_get_u8(reader, value);
    case FIELD_u16:
        return wire_get_u16(reader, value);
    case FIELD_u32:
        return wire_get_u32(reader, value);
    case FIELD_u64:
        return wire_get_u64(reader, value);
    case FIELD_text:
        return wire_get_text(reader, value);
    case FIELD_blob:
        return wire_get_blob(reader, value);
    case FIELD_texts:
        return wire_get_texts(reader, value);
    }
    return false;
}

/* Of numbers, in a struct message; of all else 0. */
static const size_t field_sizes[] = {[FIELD_u8] = sizeof(uint8_t),
                                     [FIELD_u16] = sizeof(uint16_t),
                                     [FIELD_u32] = sizeof(uint32_t),
                                     [FIELD_u64] = sizeof(uint64_t),
                                     [FIELD_texts] = 0};

static bool field_is_zero(const struct message *message, const struct message_field *field) {
    static const uint64_t zero = 0;
    size_t size = field_sizes[field->type];
    return size > 0 && memcmp((const char *)message + field->offset, &zero, size) == 0;
}

/* An event is kept for good and sent to many: later numbers at its end that are zero, as they
 * mostly are, are left out. */
static size_t message_count_fields(const struct message *message,
                                   const struct message_entry *entry) {
    size_t count = entry != NULL ? entry->field_count : 0;
    bool event = entry != NULL && entry->sender == SENT_AS_EVENT;
    while (event && count > 0 && entry->fields[count - 1].later &&
           field_is_zero(message, &entry->fields[count - 1]))
        count--;
    return count;
}

void message_encode(struct buffer *out, const struct message *message) {
    const struct message_entry *entry = message_find(message->type);
    size_t field_count = message_count_fields(message, entry);
    size_t start = out->size;
    wire_put_u32(out, 0);
    wire_put_u8(out, (uint8_t)message->type);
    for (size_t i = 0; i < field_count; i++)
        field_encode(out, entry->fields[i].type, (const char *)message + entry->fields[i].offset);
    if (out->failed)
        return;
    size_t payload = out->size - start - FRAME_HEAD;
    if (entry == NULL || payload > FRAME_PAYLOAD_MAX) {
        out->failed = true;
        return;
    }
    wire_set_u32(out->data + start, (uint32_t)payload);
}

enum error_code message_decode(struct wire_blob payload, struct message *message) {
    struct wire_reader reader = {payload.data, payload.data + payload.size};
    uint8_t type;
    memset(message, 0, sizeof *message);
    if (!wire_get_u8(&reader, &type))
        return ERROR_MALFORMED;
    const struct message_entry *entry = message_find(type);
    if (entry == NULL)
        return ERROR_UNKNOWN_TYPE;
    message->type = entry->type;
    for (size_t i = 0; i < entry->field_count; i++) {
        const struct message_field *field = &entry->fields[i];
        if (field->later && reader.at == reader.end)
            return ERROR_NONE;
        if (!field_decode(&reader, field->type, (char *)message + field->offset))
            return ERROR_MALFORMED;
    }
    return ERROR_NONE;
}

static bool text_is_utf8(struct wire_text text) {
    return text.size == 0 || u8_check((const uint8_t *)text.data, text.size) == NULL;
}

bool message_text_is_valid(const struct message *message) {
    const struct message_entry *entry = message_find(message->type);
    for (size_t i = 0; entry != NULL && i < entry->field_count; i++) {
        const char *value = (const char *)message + entry->fields[i].offset;
        if (entry->fields[i].type == FIELD_text &&
            !text_is_utf8(*(const struct wire_text *)(const void *)value))
            return false;
        if (entry->fields[i].type != FIELD_texts)
            continue;
        struct wire_texts texts = *(const struct wire_texts *)(const void *)value;
        for (struct wire_text text; wire_texts_next(&texts, &text);)
            if (!text_is_utf8(text))
                return false;
    }
    return true;
}

bool message_is_event(unsigned type) {
    const struct message_entry *entry = message_find(type);
    return entry != NULL && entry->sender == SENT_AS_EVENT;
}

static void text_print(struct buffer *out, struct wire_text text) {
    buffer_append_string(out, "\"");
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\')
            buffer_append_format(out, "\\x%02x", byte);
        else
            buffer_append(out, &byte, 1);
    }
    buffer_append_string(out, "\"");
}

static void field_print(struct buffer *out, enum field_type type, const void *value) {
    switch (type) {
    case FIELD_u8:
        buffer_append_format(out, "%u", *(const uint8_t *)value);
        break;
    case FIELD_u16:
        buffer_append_format(out, "%u", *(const uint16_t *)value);
        break;
    case FIELD_u32:
        buffer_append_format(out, "%u", *(const uint32_t *)value);
        break;
    case FIELD_u64:
        buffer_append_format(out, "%llu", (unsigned long long)*(const uint64_t *)value);
        break;
    case FIELD_text:
        text_print(out, *(const struct wire_text *)value);
        break;
    case FIELD_blob:
        buffer_append_format(out, "<%zu bytes>", ((const struct wire_blob *)value)->size);
        break;
    case FIELD_texts:
        buffer_append_format(out, "<%u texts>", ((const struct wire_texts *)value)->count);
        break;
    }
}

void message_print(struct buffer *out, const struct message *message) {
    const struct message_entry *entry = message_find(message->type);
    buffer_append_string(out, entry != NULL ? entry->name : "unknown");
    for (size_t i = 0; entry != NULL && i < entry->field_count; i++) {
        buffer_append_format(out, " %s=", entry->fields[i].name);
        field_print(out, entry->fields[i].type, (const char *)message + entry->fields[i].offset);
    }
}

void event_set_id(uint8_t *frame, uint64_t id) {
    wire_set_u64(frame + FRAME_HEAD + 1, id);
}

void room_set_position(uint8_t *frame, size_t size, uint64_t position, uint64_t newest,
                       uint64_t read, uint32_t unread) {
    const size_t behind = sizeof(field_u8) + sizeof(field_u8); /* access and role */
    uint8_t *unread_field = frame + size - behind - sizeof unread;
    uint8_t *fields = frame + FRAME_HEAD + 1 + sizeof(uint32_t) + sizeof(uint32_t);
    wire_set_u64(fields, position);
    wire_set_u64(fields + sizeof position, newest);
    wire_set_u64(unread_field - sizeof(field_u8) - sizeof read, read); /* moderator between */
    wire_set_u32(unread_field, unread);
}

void seen_set_unread(uint8_t *frame, size_t size, uint32_t unread) {
    wire_set_u32(frame + size - sizeof unread, unread);
}

const char *error_text(unsigned code) {
    switch (code) {
#define ERROR(number, NAME, text)                                                                  \
    case number:                                                                                   \
        return text;
#include "protocol.def"
    default:
        return "an error without a name";
    }
}
