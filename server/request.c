#include "request.h"

#include <stdlib.h>
#include <string.h>

struct request *request_new(enum request_kind kind, uint64_t session, struct wire_blob payload) {
    struct request *request = malloc(sizeof *request + payload.size);
    if (request == NULL)
        return NULL;
    memset(request, 0, sizeof *request);
    request->item.cost = sizeof *request + payload.size;
    request->kind = kind;
    request->session = session;
    if (payload.size > 0)
        memcpy(request->payload, payload.data, payload.size);
    return request;
}

void request_free(struct request *request) {
    free(request->rooms);
    free(request);
}

void request_discard(struct queue_item *item) {
    request_free((struct request *)item);
}
