#include "news.h"
#include "frame.h"

#include <stdlib.h>

struct news *news_new(enum news_kind kind, size_t size) {
    struct news *news = calloc(1, sizeof *news + size);
    if (news == NULL)
        return NULL;
    news->kind = kind;
    news->size = size;
    news->item.cost = sizeof *news + size;
    return news;
}

void news_free(struct news *news) {
    free(news);
}

bool news_next_event(struct wire_blob *frames, struct message *event) {
    struct wire_reader reader = {frames->data, frames->data + frames->size};
    struct wire_blob payload;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        *frames = (struct wire_blob){reader.at, (size_t)(reader.end - reader.at)};
        if (message_decode(payload, event) == ERROR_NONE && message_is_event(event->type))
            return true;
    }
    return false;
}
