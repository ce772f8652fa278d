/* What is wrong with what the operator has set, in words for them: said on stderr at the start, in
 * the log when it is found while serving. */
#ifndef SERVER_COMPLAINT_H
#define SERVER_COMPLAINT_H

#include <stdbool.h>

struct complaint {
    char text[512]; /* one line, "" for none; what is longer is cut */
};

/* False, always: for `return complain(...)`. */
bool complain(struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
