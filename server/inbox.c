#include "inbox.h"
#include "tls.h"

#include <stdlib.h>

struct inbox_item *inbox_new(enum inbox_kind kind, uint64_t session, uint32_t room,
                             struct segment *frames) {
    struct inbox_item *item = calloc(1, sizeof *item);
    if (item == NULL)
        return NULL;
    item->item.cost = sizeof *item + (frames != NULL ? frames->size : 0);
    item->kind = kind;
    item->session = session;
    item->room = room;
    item->frames = frames;
    item->link.descriptor = -1;
    return item;
}

void inbox_add_brief(struct inbox_item *item, struct segment *brief) {
    item->brief = brief;
    item->item.cost += brief->size;
}

void inbox_free(struct inbox_item *item) {
    segment_drop(item->frames);
    segment_drop(item->brief);
    tls_drop(item->tls);
    free(item);
}

void inbox_discard(struct queue_item *queued) {
    struct inbox_item *item = (struct inbox_item *)queued;
    link_close(&item->link);
    inbox_free(item);
}
