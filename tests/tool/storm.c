/* storm PORT COUNT: connects so many times to a server on 127.0.0.1 and goes again: at once, after
 * a byte, after half a greeting, or after what no server of ours understands. At most a hundred at
 * a time. */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STORM_AT_ONCE = 100 };

static const struct {
    const char *bytes;
    size_t size;
} beginnings[] = {
    {"", 0},
    {"\0", 1},
    {"\0\0\0\x40\x01\x43\x48\x41", 8},
    {"GET / HTTP/1.1\r\n\r\n", 18},
    {"\x16\x03\x01\x02\x00\x01", 6},
};

int main(int argc, char **argv) {
    struct link links[STORM_AT_ONCE] = {{0}};
    struct link_problem problem;
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    for (long i = 0; i < count; i++) {
        struct link *link = &links[i % STORM_AT_ONCE];
        size_t which = (size_t)i % (sizeof beginnings / sizeof *beginnings);
        const struct iovec piece = {(void *)(uintptr_t)beginnings[which].bytes,
                                    beginnings[which].size};
        if (i >= STORM_AT_ONCE)
            link_close(link);
        if (!link_connect("127.0.0.1", argv[1], 20000, NULL, link, &problem)) {
            fprintf(stderr, "storm: %s\n", problem.text);
            return EXIT_FAILURE;
        }
        if (piece.iov_len > 0)
            link_write(link, &piece, 1);
    }
    for (long i = 0; i < count && i < STORM_AT_ONCE; i++)
        link_close(&links[i]);
    return EXIT_SUCCESS;
}
