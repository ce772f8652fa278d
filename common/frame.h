/* Framing: a frame is a u32 big-endian payload length (1 to FRAME_PAYLOAD_MAX) and the payload.
 *
 * A frame_reader cuts a byte stream into frames, whatever pieces it arrives in. Bytes are looked at
 * where the caller has them; only an unfinished frame at the end of a piece is copied, so an idle
 * connection holds no memory, and memory grows only with bytes that came. Its owner calls, in turn:
 *     frame_reader_feed, then frame_reader_next until it says FRAME_MORE;
 *     or, to stop in between, frame_reader_keep, and later frame_reader_next again.
 * Any thread, one at a time. */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include "buffer.h"
#include "bounds.h"
#include "wire.h"

enum { FRAME_HEAD = 4 };

enum frame_result {
    FRAME_READY,    /* a payload was found */
    FRAME_MORE,     /* the bytes end before the frame does */
    FRAME_BAD_SIZE, /* a length of 0 or above FRAME_PAYLOAD_MAX: the stream is lost */
    FRAME_NO_MEMORY
};

struct frame_reader {
    struct buffer kept;       /* an unfinished frame, or what frame_reader_keep put aside */
    size_t kept_from;         /* where in `kept` the next frame begins */
    struct wire_reader input; /* what was fed and not yet looked at */
    uint32_t payload_max;     /* longer ones are of a bad size; 0: FRAME_PAYLOAD_MAX */
};

/* Takes the frame that begins at reader->at: its payload as a view, the cursor behind it. */
enum frame_result frame_take(struct wire_reader *reader, struct wire_blob *payload);

/* Gives the reader the next piece; the bytes must stay until FRAME_MORE or frame_reader_keep. */
void frame_reader_feed(struct frame_reader *reader, const uint8_t *data, size_t size);

/* The next payload, a view valid until the next call on this reader. */
enum frame_result frame_reader_next(struct frame_reader *reader, struct wire_blob *payload);

/* Copies what was fed and not yet returned, so that the caller may reuse its bytes. */
enum frame_result frame_reader_keep(struct frame_reader *reader);

/* True when a frame has begun and not ended. */
bool frame_reader_is_midway(const struct frame_reader *reader);

void frame_reader_free(struct frame_reader *reader);

#endif
