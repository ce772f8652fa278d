/* Statements that a connection to SQLite keeps prepared, one for each text of a table. The thread
 * of the connection. */
#ifndef SERVER_STATEMENTS_H
#define SERVER_STATEMENTS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* Prepares `count` texts into the places beside them, which are NULL before. False when one cannot
 * be; what was prepared is freed by statements_free all the same. */
bool statements_prepare(sqlite3 *database, const char *const *texts, size_t count,
                        sqlite3_stmt **statements);

void statements_free(sqlite3_stmt **statements, size_t count);

#endif
