/* What chat-server was started with: its command line, from one table. The main thread's. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "peer_limits.h"
#include "retention.h"

#include <stdbool.h>

struct settings {
    const char *host;
    const char *port;
    const char *named_data;
    char *data;
    long workers;
    struct retention retention;
    const char *backup;
    const char *certificate; /* files of the operator's own, or both NULL */
    const char *key;
    struct peer_limits limits;
    const char *metrics; /* HOST:PORT, or NULL */
    bool plaintext;
    bool insecure_network;
    bool unconfined;
    bool fingerprint;
    bool owner_token;
    bool check;
    bool help;
    bool version;
};

/* Reads the command line. False after saying on stderr what is wrong; the program then ends with
 * `status`. What the settings hold is freed by settings_free. */
bool settings_read(struct settings *settings, int argc, char **argv, int *status);
void settings_free(struct settings *settings);

void settings_print_help(void);

#endif
