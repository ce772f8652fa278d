/* Where a program keeps its files, by the XDG base directory specification. Any thread. */
#ifndef COMMON_PATHS_H
#define COMMON_PATHS_H

#include <stdbool.h>

/* A new string: $VARIABLE/NAME, or $HOME/FALLBACK/NAME when the variable is unset or not absolute.
 * NULL when there is no home either, or no memory. The caller frees it. */
char *path_for_user(const char *variable, const char *fallback, const char *name);

/* A new string: FOLDER/NAME. NULL when out of memory. The caller frees it. */
char *path_join(const char *folder, const char *name);

/* Makes the folder and those above it, each new one with mode 0700. False with errno set. */
bool path_make_folders(const char *folder);

/* Makes the name of a file in its folder lasting. False with errno set. */
bool path_sync_folder_of(const char *path);

#endif
