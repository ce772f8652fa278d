/* A configuration file: NAME = VALUE, a line each, with the names of the options; limits in a
 * section [limits]. Main thread. */
#ifndef SERVER_SETTINGS_FILE_H
#define SERVER_SETTINGS_FILE_H

#include "complaint.h"

#include <stdbool.h>

/* Calls `set` for each line, in order, until it complains and returns false; the complaint then
 * begins with the file and the line. `section` is "" before any. False with a complaint also when
 * the file cannot be read, or has a name twice. */
bool settings_file_read(const char *path,
                        bool (*set)(void *context, const char *section, const char *name,
                                    const char *value),
                        void *context, struct complaint *complaint);

#endif
