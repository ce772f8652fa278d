#include "session.h"

#include <stdlib.h>

bool session_in_room(const struct session *session, uint32_t room) {
    for (uint32_t i = 0; i < session->membership_count; i++)
        if (session->memberships[i].room == room)
            return true;
    return false;
}

bool session_send(struct session *session, struct segment *frames) {
    return outqueue_push(&session->output, frames);
}

bool session_send_message(struct session *session, const struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    struct segment *segment = segment_new(&frame);
    buffer_free(&frame);
    return segment != NULL && session_send(session, segment);
}

void session_free(struct session *session) {
    link_close(&session->link);
    frame_reader_free(&session->input);
    outqueue_free(&session->output);
    free(session->memberships);
    free(session);
}
