/* crowd PORT COUNT: holds COUNT greeted connections to a server on 127.0.0.1, prints "ready" when
 * each has its welcome, reads what comes without looking at it, and ends when the server has closed
 * them all or its standard input ends. */
#include "frame.h"
#include "link.h"
#include "protocol.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void greet(struct link *link, int number) {
    struct buffer frame = {0};
    char nick[32];
    struct message hello = {.type = MESSAGE_HELLO};
    snprintf(nick, sizeof nick, "crowd%d", number);
    hello.hello.magic = PROTOCOL_MAGIC;
    hello.hello.version = PROTOCOL_VERSION;
    hello.hello.nick = wire_text(nick);
    message_encode(&frame, &hello);
    struct iovec piece = {frame.data, frame.size};
    if (link_write(link, &piece, 1) != (ssize_t)frame.size)
        exit(EXIT_FAILURE);
    buffer_free(&frame);
}

int main(int argc, char **argv) {
    int count = argc > 2 ? atoi(argv[2]) : 0;
    struct link *links = calloc((size_t)count, sizeof *links);
    struct pollfd *waits = calloc((size_t)count + 1, sizeof *waits);
    bool *welcomed = calloc((size_t)count, sizeof *welcomed);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < count; i++) {
        struct link_problem problem;
        if (!link_connect("127.0.0.1", argv[1], 5000, NULL, &links[i], &problem)) {
            fprintf(stderr, "%s\n", problem.text);
            return EXIT_FAILURE;
        }
        greet(&links[i], i);
        waits[i] = (struct pollfd){links[i].descriptor, POLLIN, 0};
    }
    waits[count] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    for (int left = count, silent = count; left > 0;) {
        static char bytes[65536];
        poll(waits, (nfds_t)count + 1, -1);
        if (waits[count].revents != 0 && read(STDIN_FILENO, bytes, sizeof bytes) <= 0)
            return EXIT_SUCCESS;
        for (int i = 0; i < count; i++) {
            ssize_t got =
                waits[i].revents != 0 ? link_read(&links[i], bytes, sizeof bytes) : LINK_AGAIN;
            if (got == LINK_AGAIN)
                continue;
            if (got <= 0) {
                waits[i].fd = -1;
                left--;
            } else if (!welcomed[i]) {
                welcomed[i] = true;
                if (--silent == 0) {
                    puts("ready");
                    fflush(stdout);
                }
            }
        }
    }
    return EXIT_SUCCESS;
}
