/* The data folder: the lock that keeps a second server out of it, and the mark of a log that turned
 * out to be damaged while it was served. Any thread. */
#ifndef SERVER_FOLDER_H
#define SERVER_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the folder if need be and takes its lock: the descriptor that holds it until it is closed,
 * however the process ends; -1 with the problem in words. */
int folder_lock(const char *folder, char *problem, size_t size);

/* Leaves a mark, so that the next start reads the log whole before it serves anything. */
void folder_mark_suspect(const char *folder);
bool folder_is_suspect(const char *folder);
void folder_clear_suspicion(const char *folder);

#endif
