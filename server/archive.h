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

/* Appends the frame of one event. False when there is none with that id. */
bool archive_event(struct archive *archive, uint64_t id, struct buffer *event);

/* Walks the segments after an id in order, for the index: `visit` gets the frames and the id of the
 * last one, and says whether to go on. False when the log cannot be read. */
bool archive_walk(struct archive *archive, uint64_t after,
                  bool (*visit)(void *context, struct wire_blob frames, uint64_t last_id),
                  void *context);

/* The log's identity and epoch, see store.h, and the id up to which retention has removed events.
 */
bool archive_origin(struct archive *archive, uint64_t *identity, uint64_t *epoch, uint64_t *cut);

#endif
