/* deaf: a server that means no good. Listens on a free port of 127.0.0.1 and prints it; greets the
 * first client, asks it ping after ping and reads none of its answers. Prints "full" when the
 * connection takes no more, "endless" when it has taken 100 MiB, "ended" when the client has gone;
 * stays until its input ends. */
#include "link.h"
#include "protocol.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FULL_MILLISECONDS = 3000, ENDLESS_BYTES = 100 << 20, PINGS = 5000 };

static bool write_whole(struct link *link, const struct buffer *frames, const char **end) {
    for (size_t sent = 0; sent < frames->size;) {
        const struct iovec piece = {frames->data + sent, frames->size - sent};
        struct pollfd wait = {link->descriptor, POLLOUT, 0};
        ssize_t written = link_write(link, &piece, 1);
        if (written > 0) {
            sent += (size_t)written;
        } else if (written != LINK_AGAIN || poll(&wait, 1, FULL_MILLISECONDS) != 1) {
            *end = written == LINK_AGAIN ? "full" : "ended";
            return false;
        }
    }
    return true;
}

static void encode_greeting(struct buffer *frames) {
    static const uint8_t secret[SECRET_BYTES] = {1};
    struct message welcome = {.type = MESSAGE_WELCOME};
    struct message room = {.type = MESSAGE_ROOM};
    welcome.welcome.version = 1;
    welcome.welcome.server = 42;
    welcome.welcome.account = 1;
    welcome.welcome.nick = wire_text("victim");
    welcome.welcome.secret = (struct wire_blob){secret, sizeof secret};
    message_encode(frames, &welcome);
    room.room.room = 1;
    room.room.name = wire_text("#lobby");
    message_encode(frames, &room);
}

static const char *ask(struct link *link) {
    const char *end = "endless";
    const struct message ping = {.type = MESSAGE_PING};
    struct buffer frames = {0};
    encode_greeting(&frames);
    bool goes_on = write_whole(link, &frames, &end);
    buffer_clear(&frames);
    for (int i = 0; i < PINGS; i++)
        message_encode(&frames, &ping);
    for (size_t sent = 0; goes_on && sent < ENDLESS_BYTES; sent += frames.size)
        goes_on = write_whole(link, &frames, &end);
    buffer_free(&frames);
    return end;
}

int main(void) {
    char name[LINK_NAME_MAX];
    struct link_problem problem;
    struct link client;
    char byte;
    int listener = link_bind("127.0.0.1", "0", &problem);
    if (listener < 0 || !link_listen(listener, &problem))
        return EXIT_FAILURE;
    link_name_local(listener, name);
    printf("listening on %s\n", name);
    fflush(stdout);
    struct pollfd wait = {listener, POLLIN, 0};
    while (poll(&wait, 1, -1) != 1 || !link_accept(listener, &client))
        continue;
    puts(ask(&client));
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    link_close(&client);
    return EXIT_SUCCESS;
}
