#include "known_servers.h"
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char known_authorities[] = "authorities";

/* Reads one line; true when it is about the server. */
static bool known_read(char *line, const char *host, const char *port,
                       struct known_server *server) {
    static const char blanks[] = " \t\r\n";
    char *rest = NULL;
    const char *line_host = strtok_r(line, blanks, &rest);
    const char *line_port = strtok_r(NULL, blanks, &rest);
    const char *word = strtok_r(NULL, blanks, &rest);
    if (line_host == NULL || line_host[0] == '#' || strcasecmp(line_host, host) != 0 ||
        line_port == NULL || strcmp(line_port, port) != 0)
        return false;
    server->kind = KNOWN_UNCLEAR;
    if (word == NULL || strtok_r(NULL, blanks, &rest) != NULL)
        return true;
    if (strcmp(word, known_authorities) == 0)
        server->kind = KNOWN_BY_AUTHORITY;
    else if (key_fingerprint_read(word, server->key))
        server->kind = KNOWN_BY_KEY;
    return true;
}

/* Takes over the stream. */
static struct known_server known_find(FILE *stream, const char *host, const char *port) {
    struct known_server server = {.kind = KNOWN_NOT};
    char *line = NULL;
    size_t size = 0;
    bool found = false;
    errno = 0;
    while (!found && getline(&line, &size, stream) >= 0) {
        server.line++;
        found = known_read(line, host, port, &server);
    }
    if (!found && ferror(stream))
        server.kind = KNOWN_FAILED;
    int reason = errno;
    free(line);
    fclose(stream);
    errno = reason;
    return server;
}

struct known_server known_servers_find(const char *path, const char *host, const char *port) {
    FILE *stream = fopen(path, "re");
    if (stream != NULL)
        return known_find(stream, host, port);
    return (struct known_server){.kind = errno == ENOENT ? KNOWN_NOT : KNOWN_FAILED};
}

/* Writes behind what is there, whose last line somebody may have left without its end. */
static bool known_append(int file, const char *path, const char *line) {
    char last = '\n';
    off_t size = lseek(file, 0, SEEK_END);
    if (size > 0 && pread(file, &last, 1, size - 1) != 1)
        return false;
    char *whole = NULL;
    int length = asprintf(&whole, "%s%s", last == '\n' ? "" : "\n", line);
    if (length < 0)
        return false;
    bool written = write(file, whole, (size_t)length) == length && fsync(file) == 0;
    int reason = errno;
    free(whole);
    if (!written && size >= 0 && truncate(path, size) != 0)
        reason = errno;
    errno = reason;
    return written;
}

bool known_servers_add(const char *path, const char *host, const char *port,
                       const uint8_t key[LINK_KEY_BYTES]) {
    char fingerprint[KEY_FINGERPRINT_SIZE] = "";
    char *line = NULL;
    if (key != NULL)
        key_fingerprint(key, fingerprint);
    if (asprintf(&line, "%s %s %s\n", host, port, key != NULL ? fingerprint : known_authorities) <
        0)
        return false;
    int file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool added = false;
    if (file >= 0 && flock(file, LOCK_EX) == 0) {
        enum known_kind kind = known_servers_find(path, host, port).kind;
        added =
            kind != KNOWN_FAILED &&
            (kind != KNOWN_NOT || (known_append(file, path, line) && path_sync_folder_of(path)));
    }
    int reason = errno;
    if (file >= 0)
        close(file);
    free(line);
    errno = reason;
    return added;
}
