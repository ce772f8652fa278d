/* manager SOCKET MILLISECONDS PROGRAM ARGUMENTS...: starts a program as a service manager does,
 * prints what it is told by it, a line each, and ends it when its sign of life stays out for that
 * long. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("manager");
        exit(EXIT_FAILURE);
    }
    return descriptor;
}

static pid_t start(const char *path, long patience, char **program) {
    pid_t child = fork();
    if (child != 0)
        return child;
    char number[32];
    setenv("NOTIFY_SOCKET", path, 1);
    snprintf(number, sizeof number, "%ld", patience * 1000);
    setenv("WATCHDOG_USEC", number, 1);
    snprintf(number, sizeof number, "%ld", (long)getpid());
    setenv("WATCHDOG_PID", number, 1);
    execv(program[0], program);
    perror(program[0]);
    _exit(127);
}

/* Prints one message; whether it is the sign of life. */
static bool take(int descriptor) {
    char text[512];
    ssize_t size = recv(descriptor, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    printf("%s\n", text);
    fflush(stdout);
    return strcmp(text, "WATCHDOG=1") == 0 || strcmp(text, "READY=1") == 0;
}

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    const long patience = strtol(argv[2], NULL, 10);
    struct pollfd told = {.fd = listen_at(argv[1]), .events = POLLIN};
    pid_t child = start(argv[1], patience, argv + 3);
    long long last = 0; /* the watch begins when the program is ready */
    int status;
    printf("started %ld\n", (long)child);
    fflush(stdout);
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (poll(&told, 1, 20) == 1 && take(told.fd))
            last = now_milliseconds();
        if (last != 0 && now_milliseconds() - last > patience) {
            printf("gave it up\n");
            kill(child, SIGKILL);
            last = 0;
        }
    }
    unlink(argv[1]);
    printf("ended %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return EXIT_SUCCESS;
}
