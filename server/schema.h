/* The tables of the log's file, and how a folder of an older version becomes one of this. */
#ifndef SERVER_SCHEMA_H
#define SERVER_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

enum { SCHEMA_VERSION = 3 };

/* Makes an empty log at `path`: complete, or not at all. False with errno set. */
bool schema_make_file(const char *path);

/* Version of the open file; 0 when it is no log of ours, -1 when it cannot be read. */
int schema_version(sqlite3 *database);

/* Brings an older version up to this one, in one transaction. False with the problem and nothing
 * changed. */
bool schema_upgrade(sqlite3 *database, char *problem, size_t size);

/* Notes in a copy that it is one, so that clients who saw what came later begin anew. */
bool schema_mark_copy(sqlite3 *database);

#endif
