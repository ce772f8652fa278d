/* A layer under SQLite that gives every page of a file a checksum: written into the page's last
 * bytes as it goes to the file, verified as it comes back. A page with a flipped bit, or of another
 * place or moment, is then a read error (SQLITE_IOERR_DATA) and never an answer. The write-ahead
 * log beside the file has SQLite's own checksums, and grows by a MiB at a time. And what deleted
 * rows left between the rows of a page does not reach the file. Any thread. */
#ifndef SERVER_PAGE_GUARD_H
#define SERVER_PAGE_GUARD_H

#include <sqlite3.h>
#include <stdbool.h>

/* Opens a database through the layer; its threads and its errors are sqlite3_open_v2's. */
int page_guard_open(const char *path, sqlite3 **database, int flags);

/* Asks for checksums in a database that is about to be made, or vacuumed: pages that are written
 * get theirs from here on, whatever the file says of itself so far. */
bool page_guard_request(sqlite3 *database);

/* The same for an empty file that is about to be filled with copies of guarded pages. */
bool page_guard_expect(sqlite3 *database);

/* Whether the file's own header says that its pages have checksums; once it was read. */
bool page_guard_is_on(sqlite3 *database);

#endif
