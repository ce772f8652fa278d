/* What chat-server was started with: its command line and its configuration file, from one table.
 * The main thread's. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "peer_limits.h"
#include "report.h"
#include "retention.h"

#include <stdbool.h>

enum { SETTINGS_KEPT_MAX = 64 };

struct settings {
    const char *host;
    const char *port;
    const char *config; /* or NULL */
    enum report_level log_level;
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
    bool told_how_to_serve; /* by the command line: how many workers, or what to retain */
    bool help;
    bool version;
    char *kept[SETTINGS_KEPT_MAX]; /* texts of the configuration file */
    size_t kept_count;
    struct complaint complaint; /* why they could not be read */
};

/* Reads the command line, and the configuration file that it may name, over which it wins; also
 * once more, into other settings. False with a complaint, or after saying on stderr what is wrong
 * with the command line; the program then ends with `status`. What the settings hold is freed by
 * settings_free. */
bool settings_read(struct settings *settings, int argc, char **argv, int *status);
void settings_free(struct settings *settings);

enum { SETTINGS_NAMES_SIZE = 256 };

/* The settings that differ and can be changed by a new start only: "workers, data", or "". */
void settings_name_fixed(const struct settings *before, const struct settings *after,
                         char names[SETTINGS_NAMES_SIZE]);

void settings_print_help(void);

#endif
