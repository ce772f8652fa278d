/* The reader threads answer what may take long: history pages and searches, each with read-only
 * handles of its own. One thread takes the pages, the other the searches, so that a slow search
 * keeps nobody from opening a room. Answers go to the asking session's worker as INBOX_READ_DONE.
 */
#ifndef SERVER_READERS_H
#define SERVER_READERS_H

#include "queue.h"
#include "request.h"

struct readers;

/* Starts the threads. NULL with a report. */
struct readers *readers_start(const char *folder, const char *log_path,
                              struct queue *const *inboxes);

/* Hands over a `history` or a `search`, whose `rooms` say what it may see. Never waits: how many
 * may be under way is bounded per session, by the worker. Any thread. */
void readers_push(struct readers *readers, struct request *request);

/* Does not look for what a session that has ended still waits for. Any thread. */
void readers_forget(struct readers *readers, uint64_t session);

/* Ends what is under way and joins the threads. */
void readers_stop(struct readers *readers);

#endif
