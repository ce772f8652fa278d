/* Where a client's frame goes: to the log thread, to a reader, or answered at once. One table says
 * which. A worker's alone. */
#ifndef SERVER_DISPATCH_H
#define SERVER_DISPATCH_H

#include "readers.h"
#include "session.h"

struct dispatch {
    struct queue_chain requests; /* for the log thread, gathered until the worker hands them over */
    struct readers *readers;
    uint64_t position; /* of the last event that the worker's sessions could have got; what came
                        * after it is not for a page either, for it may be that they may not know */
};

/* Sends one payload on its way. What it returns other than ERROR_NONE breaks the protocol: the peer
 * is to be told and the session to end. */
enum error_code dispatch_frame(struct dispatch *dispatch, struct session *session,
                               struct wire_blob payload);

/* Tells the log thread that a session has ended. */
void dispatch_gone(struct dispatch *dispatch, const struct session *session);

/* Tells the log thread that nothing more comes. */
void dispatch_stop(struct dispatch *dispatch);

#endif
