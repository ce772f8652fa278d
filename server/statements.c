#include "statements.h"

bool statements_prepare(sqlite3 *database, const char *const *texts, size_t count,
                        sqlite3_stmt **statements) {
    for (size_t i = 0; i < count; i++)
        if (sqlite3_prepare_v3(database, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i],
                               NULL) != SQLITE_OK)
            return false;
    return true;
}

void statements_free(sqlite3_stmt **statements, size_t count) {
    for (size_t i = 0; i < count; i++)
        sqlite3_finalize(statements[i]);
}
