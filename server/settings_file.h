/* A configuration file: NAME = VALUE, a line each, with the names of the options; limits in a
 * section [limits]. Main thread. */
#ifndef SERVER_SETTINGS_FILE_H
#define SERVER_SETTINGS_FILE_H

#include <stdbool.h>

/* Calls `set` for each line, in order, until it says on stderr what is wrong and returns false;
 * then says which line that was. `section` is "" before any. False also when the file cannot be
 * read. */
bool settings_file_read(const char *path,
                        bool (*set)(void *context, const char *section, const char *name,
                                    const char *value),
                        void *context);

#endif
