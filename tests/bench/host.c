#include "host.h"
#include "sample.h"

#include <dirent.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HOST_IDLE_NANOSECONDS = 300000000 };

static void host_become(const char *program, const char *folder, int output) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    execl(program, program, "--plaintext", "--limit", "none", "--data", folder, "127.0.0.1", "0",
          (char *)NULL);
    fprintf(stderr, "growth: cannot run %s: %s\n", program, strerror(errno));
    _exit(EXIT_FAILURE);
}

/* Takes the port off the line "listening on ADDRESS:PORT". */
static bool host_read_port(struct host *host, int input) {
    char line[128];
    FILE *lines = fdopen(input, "r");
    if (lines == NULL) {
        close(input);
        return false;
    }
    bool said = fgets(line, sizeof line, lines) != NULL;
    fclose(lines);
    const char *colon = said ? strrchr(line, ':') : NULL;
    return colon != NULL && sscanf(colon, ":%7[0-9]", host->port) == 1;
}

bool host_start(struct host *host, const char *program, const char *folder) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    double begun = sample_now();
    pid_t process = fork();
    if (process == 0)
        host_become(program, folder, ends[1]);
    close(ends[1]);
    host->process = process > 0 ? process : 0;
    bool started = host_read_port(host, ends[0]) && process > 0;
    host->start_milliseconds = sample_now() - begun;
    if (!started)
        fprintf(stderr, "growth: %s does not start in %s\n", program, folder);
    return started;
}

bool host_stop(struct host *host) {
    int status = 0;
    /* 0 and below are no process but many. */
    if (host->process <= 0)
        return false;
    kill(host->process, SIGTERM);
    waitpid(host->process, &status, 0);
    host->process = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* Ticks of processor time it has had. */
static unsigned long host_ticks(const struct host *host) {
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)host->process);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system) != 2)
        user = system = 0;
    fclose(file);
    return user + system;
}

void host_wait_idle(const struct host *host) {
    const struct timespec pause = {.tv_nsec = HOST_IDLE_NANOSECONDS};
    unsigned long before;
    do {
        before = host_ticks(host);
        nanosleep(&pause, NULL);
    } while (host_ticks(host) != before);
}

uint64_t host_processor_time(const struct host *host) {
    char path[300];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)host->process);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        unsigned long long spent = 0;
        if (entry->d_name[0] == '.')
            continue; /* ".." has a schedstat too: the first thread's */
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)host->process,
                 entry->d_name);
        FILE *file = fopen(path, "r");
        if (file != NULL && fscanf(file, "%llu", &spent) == 1)
            sum += spent;
        if (file != NULL)
            fclose(file);
    }
    if (folder != NULL)
        closedir(folder);
    return sum;
}

long host_memory(const struct host *host, const char *line) {
    char path[64];
    char text[256];
    long kibibytes = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)host->process);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(text, sizeof text, file) != NULL)
        if (strncmp(text, line, strlen(line)) == 0)
            kibibytes = strtol(text + strlen(line), NULL, 10);
    if (file != NULL)
        fclose(file);
    return kibibytes;
}

bool host_forget_file(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool forgotten =
        file >= 0 && fdatasync(file) == 0 && posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0;
    if (file >= 0)
        close(file);
    return forgotten;
}

unsigned host_descriptors(const struct host *host) {
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)host->process);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    if (folder != NULL)
        closedir(folder);
    return count;
}
