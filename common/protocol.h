/* The messages of protocol.def as C: one struct each, one encoder, one decoder, one printer, all
 * driven by the table. Pure; any thread. */
#ifndef COMMON_PROTOCOL_H
#define COMMON_PROTOCOL_H

#include "buffer.h"
#include "bounds.h"
#include "wire.h"

#define PROTOCOL_MAGIC 0x43484154u /* "CHAT" */
enum { PROTOCOL_VERSION = 1 };
#define PROTOCOL_END UINT64_MAX /* `before` of a history or search that begins at the end */

enum room_kind { ROOM_PUBLIC = 0, ROOM_DIRECT = 1 };

enum message_type {
#define MESSAGE(number, NAME, name, sender, about) MESSAGE_##NAME = (number),
#include "protocol.def"
};

enum error_code {
    ERROR_NONE = 0,
#define ERROR(number, NAME, text) ERROR_##NAME = (number),
#include "protocol.def"
};

/* What every event begins with, in the order of EVENT_HEAD. */
struct event_head {
    uint64_t id;
    uint64_t time;
    uint32_t room;
    uint32_t actor;
};

typedef uint8_t field_u8;
typedef uint16_t field_u16;
typedef uint32_t field_u32;
typedef uint64_t field_u64;
typedef struct wire_text field_text;
typedef struct wire_blob field_blob;
typedef struct wire_texts field_texts;

#define MESSAGE(number, NAME, name, sender, about) struct message_##name {
#define FIELD(name, type, field, about)            field_##type field;
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "protocol.def"

/* A decoded message. Its texts and blobs are views into the payload it was decoded from. */
struct message {
    enum message_type type;
    union {
        struct event_head event; /* valid for every type that message_is_event */
#define MESSAGE(number, NAME, name, sender, about) struct message_##name name;
#include "protocol.def"
    };
};

enum message_sender { SENT_BY_CLIENT, SENT_BY_SERVER, SENT_BY_BOTH, SENT_AS_EVENT };

enum field_type { FIELD_u8, FIELD_u16, FIELD_u32, FIELD_u64, FIELD_text, FIELD_blob, FIELD_texts };

struct message_field {
    const char *name;
    const char *about;
    size_t offset; /* in struct message */
    enum field_type type;
    bool later; /* may be missing at the end of a message */
};

/* One entry of the table, as the encoder, the printer, the tests and the documents read it. */
struct message_entry {
    const char *name;
    const char *about;
    const struct message_field *fields;
    size_t field_count;
    enum message_type type;
    enum message_sender sender;
};

extern const struct message_entry message_table[];
extern const size_t message_table_size;

/* The entry of a type, NULL when there is none. */
const struct message_entry *message_find(unsigned type);

/* Appends the message as a whole frame. A message that does not fit a frame, or a text that does
 * not fit its length, fails the buffer, which is then to be thrown away. */
void message_encode(struct buffer *out, const struct message *message);

/* Decodes any payload: ERROR_NONE, ERROR_MALFORMED or ERROR_UNKNOWN_TYPE. Bytes behind the last
 * known field are skipped, and a LATER field may be missing. On an error nothing but message->type
 * may be used. */
enum error_code message_decode(struct wire_blob payload, struct message *message);

/* False when one of the message's texts is not valid UTF-8. */
bool message_text_is_valid(const struct message *message);

bool message_is_event(unsigned type);

/* Appends the message as one printable line without its end, for logs and failed tests. */
void message_print(struct buffer *out, const struct message *message);

/* Writes the id into an encoded event frame, and reads it again. */
void event_set_id(uint8_t *frame, uint64_t id);

/* Writes position, newest, read and unread into an encoded `room` frame of `size` bytes. */
void room_set_position(uint8_t *frame, size_t size, uint64_t position, uint64_t newest,
                       uint64_t read, uint32_t unread);

/* Writes unread into an encoded `seen` frame of `size` bytes. */
void seen_set_unread(uint8_t *frame, size_t size, uint32_t unread);

/* The sentence of an error code. */
const char *error_text(unsigned code);

#endif
