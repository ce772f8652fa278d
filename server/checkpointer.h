/* A thread that moves the write-ahead log into the database while the log thread goes on writing.
 */
#ifndef SERVER_CHECKPOINTER_H
#define SERVER_CHECKPOINTER_H

#include <stdint.h>

struct checkpointer;

/* Starts the thread with a handle of its own. NULL when it cannot. */
struct checkpointer *checkpointer_start(const char *log_path);

/* There is something to move, `commit` counting up; any thread. */
void checkpointer_raise(struct checkpointer *checkpointer, uint64_t commit);

void checkpointer_stop(struct checkpointer *checkpointer);

#endif
