/* A read-only handle on the log: history pages and single events. Each thread that reads has its
 * own. */
#ifndef SERVER_ARCHIVE_H
#define SERVER_ARCHIVE_H

#include "buffer.h"
#include "protocol.h"

#include <sqlite3.h>
#include <stdbool.h>

struct archive;

/* Opens the log at `path`, which its writer has made; NULL when it cannot. */
struct archive *archive_open(const char *path);
void archive_close(struct archive *archive);

/* Ends what the handle is doing; any thread. It may be used again afterwards. */
void archive_interrupt(struct archive *archive);

/* Appends the events of a history request, oldest first, as frames, and says whether there are more
 * in its direction. False when the log cannot be read. */
bool archive_page(struct archive *archive, const struct message_history *wish,
                  struct buffer *events, bool *more);

enum archive_result {
    ARCHIVE_FOUND,
    ARCHIVE_NONE,  /* there is no event with that id */
    ARCHIVE_FAILED /* the log cannot be read, or there is no memory */
};

/* Appends the frame of one event. */
enum archive_result archive_event(struct archive *archive, uint64_t id, struct buffer *event);

/* Walks the segments after an id in order, for the index: `visit` gets the frames and the id of the
 * last one, and says whether to go on. False when the log cannot be read. */
bool archive_walk(struct archive *archive, uint64_t after,
                  bool (*visit)(void *context, struct wire_blob frames, uint64_t last_id),
                  void *context);

/* Which log it is, see store.h, and where it begins and ends. */
struct archive_origin {
    uint64_t identity;
    uint64_t epoch;
    uint64_t cut; /* events up to here were removed by retention */
    uint64_t last_id;
};
bool archive_read_origin(struct archive *archive, struct archive_origin *origin);

#endif
