/* counter PORT: a proxy in front of a server on 127.0.0.1, for one connection after the other.
 * Prints its own port as ":PORT", and for each connection a line with the TLS records that came
 * from the client, each as TYPE:BYTES in the order of their coming. Ends when its standard input
 * ends. */
#include "link.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECORD_HEAD = 5 };

/* Where the proxy is in the client's stream of records. */
struct records {
    unsigned char head[RECORD_HEAD];
    size_t head_size;
    size_t left; /* bytes of the present record */
};

static void count(struct records *records, const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (records->left > 0) {
            records->left--;
            continue;
        }
        records->head[records->head_size++] = bytes[i];
        if (records->head_size < RECORD_HEAD)
            continue;
        records->left = (size_t)records->head[3] << 8 | records->head[4];
        records->head_size = 0;
        printf("%d:%zu ", records->head[0], records->left);
    }
}

static bool forward(struct link *from, struct link *to, struct records *records) {
    unsigned char bytes[16384];
    ssize_t got = link_read(from, bytes, sizeof bytes);
    if (got == LINK_AGAIN)
        return true;
    if (got <= 0)
        return false;
    if (records != NULL)
        count(records, bytes, (size_t)got);
    struct iovec piece = {bytes, (size_t)got};
    return link_write(to, &piece, 1) == got;
}

static void serve(struct link *client, const char *port) {
    struct link_problem problem;
    struct records records = {.left = 0};
    struct link server;
    if (!link_connect("127.0.0.1", port, 5000, NULL, &server, &problem)) {
        fprintf(stderr, "%s\n", problem.text);
        exit(EXIT_FAILURE);
    }
    struct pollfd waits[] = {{client->descriptor, POLLIN, 0}, {server.descriptor, POLLIN, 0}};
    bool open = true;
    while (open) {
        poll(waits, 2, -1);
        open = (waits[0].revents == 0 || forward(client, &server, &records)) &&
               (waits[1].revents == 0 || forward(&server, client, NULL));
    }
    printf("end\n");
    fflush(stdout);
    link_close(&server);
}

int main(int argc, char **argv) {
    struct link_problem problem;
    char name[LINK_NAME_MAX];
    int listener = link_bind("127.0.0.1", "0", &problem);
    if (argc != 2 || listener < 0 || !link_listen(listener, &problem))
        return EXIT_FAILURE;
    link_name_local(listener, name);
    printf("%s\n", name);
    fflush(stdout);
    struct pollfd waits[] = {{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    while (poll(waits, 2, -1) > 0 && waits[1].revents == 0) {
        struct link client;
        if (!link_accept(listener, &client))
            continue;
        serve(&client, argv[1]);
        link_close(&client);
    }
    return EXIT_SUCCESS;
}
