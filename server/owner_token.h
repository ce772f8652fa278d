/* The token with which somebody makes a server their own. Its hash lies beside the log until the
 * token is used or another one is made. */
#ifndef SERVER_OWNER_TOKEN_H
#define SERVER_OWNER_TOKEN_H

#include "link.h"
#include "wire.h"

#include <stdbool.h>

enum { OWNER_TOKEN_SIZE = 65 };

/* Makes a token in the data folder, of which a server may be using it. False with the problem. */
bool owner_token_make(const char *folder, char token[OWNER_TOKEN_SIZE],
                      struct link_problem *problem);

/* Whether the token is the one beside the log at `log_path`; it is used up then. */
bool owner_token_take(const char *log_path, struct wire_text token);

#endif
