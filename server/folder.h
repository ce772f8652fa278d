/* The data folder, and the lock that keeps a second server out of it. */
#ifndef SERVER_FOLDER_H
#define SERVER_FOLDER_H

#include <stddef.h>

/* Makes the folder if need be and takes its lock: the descriptor that holds it until it is closed,
 * however the process ends; -1 with the problem in words. */
int folder_lock(const char *folder, char *problem, size_t size);

#endif
