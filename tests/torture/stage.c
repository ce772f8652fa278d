#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STAGE_HISTORY = 200 }; /* messages a puppet fetches when it begins */

void stage_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("torture: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

/* splitmix64: small, and the same everywhere. */
unsigned stage_random(struct stage *stage, unsigned below) {
    uint64_t mixed = stage->random += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return (unsigned)((mixed ^ mixed >> 31) % below);
}

const char *stage_path(const struct stage *stage, const char *name) {
    static char paths[4][PATH_MAX + 64];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", stage->folder, name);
    return path;
}

/* Both ends are closed in programs started from here, but where they become a stdin or stdout. */
static void stage_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0)
        stage_fail("cannot make a pipe: %s", strerror(errno));
}

void stage_end_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it was faster */
        _exit(EXIT_FAILURE);
}

/* Begins a child that ends with us, with its standard streams in place; 0 in the child. */
static pid_t stage_fork(const struct stage *stage, int input, int output, const char *log) {
    pid_t self = getpid();
    pid_t process = fork();
    if (process < 0)
        stage_fail("cannot start a process: %s", strerror(errno));
    if (process != 0)
        return process;
    stage_end_with(self);
    int error = open(stage_path(stage, log), O_WRONLY | O_CREAT | O_APPEND, 0600);
    int nothing = open("/dev/null", O_RDWR);
    if (error < 0 || nothing < 0 || dup2(input >= 0 ? input : nothing, STDIN_FILENO) < 0 ||
        dup2(output >= 0 ? output : nothing, STDOUT_FILENO) < 0 || dup2(error, STDERR_FILENO) < 0)
        _exit(127);
    return 0;
}

static void stage_exec(const struct stage *stage, const char *program, char *const arguments[]) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", stage->build, program);
    execv(path, arguments);
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    _exit(127);
}

/* The child's side of stage_start_server. */
static void stage_be_server(const struct stage *stage) {
    char port[16];
    char data[PATH_MAX + 16];
    bool faulty = stage->faults != NULL;
    snprintf(port, sizeof port, "%d", stage->server_port);
    snprintf(data, sizeof data, "%s/data", stage->folder);
    if (faulty)
        setenv("CHAT_FAULT", stage->faults, 1);
    if (stage->preload != NULL) {
        setenv("LD_PRELOAD", stage->preload, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1); /* it would want to be first */
    }
    char address[STAGE_ADDRESS_MAX];
    snprintf(address, sizeof address, "%s", stage->address);
    char *const arguments[] = {"chat-server", "--plaintext", "--limit", "none", "--data",
                               data,          address,       port,      NULL};
    stage_exec(stage, faulty ? "chat-server-faulty" : "chat-server", arguments);
}

/* Reads the line that says where the server listens. */
static void stage_await_listening(struct stage *stage, int output) {
    char line[128] = "";
    size_t size = 0;
    struct pollfd wait = {output, POLLIN, 0};
    while (size < sizeof line - 1 && memchr(line, '\n', size) == NULL) {
        ssize_t got = -1;
        if (poll(&wait, 1, STAGE_PATIENCE) > 0)
            got = read(output, line + size, sizeof line - 1 - size);
        if (got <= 0)
            stage_fail("the server did not start; see %s", stage_path(stage, "server.log"));
        size += (size_t)got;
    }
    line[size] = '\0';
    const char *colon = strrchr(line, ':');
    if (colon == NULL || sscanf(colon, ":%d", &stage->server_port) != 1)
        stage_fail("the server said: %s", line);
    close(output);
}

void stage_start_server(struct stage *stage) {
    int ends[2];
    stage_pipe(ends);
    stage->server = stage_fork(stage, -1, ends[1], "server.log");
    if (stage->server == 0)
        stage_be_server(stage);
    close(ends[1]);
    stage_await_listening(stage, ends[0]);
}

/* Waits for a child's end; its status. */
static int stage_reap(pid_t process) {
    int status = 0;
    if (waitpid(process, &status, 0) != process)
        stage_fail("cannot wait for a process: %s", strerror(errno));
    return status;
}

void stage_signal_server(struct stage *stage, int signal) {
    if (kill(stage->server, signal) != 0)
        stage_fail("cannot signal the server: %s", strerror(errno));
}

void stage_kill_server(struct stage *stage) {
    stage_signal_server(stage, SIGKILL);
    stage_reap(stage->server);
    stage->server = 0;
}

void stage_start_puppet(struct stage *stage, unsigned index) {
    struct actor *actor = &stage->actors[index];
    int ends[2];
    char port[16];
    char history[16];
    char life[16];
    char name[64];
    char evidence[PATH_MAX + 64];
    stage_pipe(ends);
    snprintf(port, sizeof port, "%d",
             stage->proxy != NULL ? proxy_port(stage->proxy, index) : stage->server_port);
    snprintf(history, sizeof history, "%d", STAGE_HISTORY);
    snprintf(life, sizeof life, "%u", actor->lives);
    snprintf(name, sizeof name, "%s.%u", actor->nick, actor->lives);
    snprintf(evidence, sizeof evidence, "%s", stage_path(stage, name));
    snprintf(name, sizeof name, "%s.progress", actor->nick);
    memset(actor->progress, 0, sizeof *actor->progress);
    actor->told = 0;
    actor->lives++;
    actor->process = stage_fork(stage, ends[0], -1, "puppets.log");
    if (actor->process == 0) {
        char address[STAGE_ADDRESS_MAX];
        snprintf(address, sizeof address, "%s", stage->address);
        setenv("XDG_STATE_HOME", stage->folder, 1);
        char *const arguments[] = {
            "puppet", address, port,     actor->nick,
            history,  life,    evidence, (char *)(uintptr_t)stage_path(stage, name),
            NULL};
        stage_exec(stage, "tests/torture/puppet", arguments);
    }
    close(ends[0]);
    actor->commands = ends[1];
}

void stage_kill_puppet(struct stage *stage, unsigned index) {
    struct actor *actor = &stage->actors[index];
    kill(actor->process, SIGKILL);
    stage_reap(actor->process);
    close(actor->commands);
    actor->process = 0;
}

void stage_tell(struct stage *stage, unsigned index, const char *format, ...) {
    struct actor *actor = &stage->actors[index];
    va_list arguments;
    va_start(arguments, format);
    int written = vdprintf(actor->commands, format, arguments);
    va_end(arguments);
    if (written < 0 || write(actor->commands, "\n", 1) != 1)
        stage_fail("%s does not listen: %s", actor->nick, strerror(errno));
    actor->told++;
}

void stage_tell_all(struct stage *stage, const char *command) {
    for (unsigned i = 0; i < stage->actor_count; i++)
        stage_tell(stage, i, "%s", command);
}

static void stage_make_folder(struct stage *stage, const char *folder) {
    snprintf(stage->folder, sizeof stage->folder, "%s", folder);
    if (mkdir(folder, 0700) != 0)
        stage_fail("cannot make %s: %s", folder, strerror(errno));
}

static void stage_make_actor(struct stage *stage, unsigned index) {
    struct actor *actor = &stage->actors[index];
    char name[64];
    snprintf(actor->nick, sizeof actor->nick, "puppet%u", index);
    snprintf(name, sizeof name, "%s.progress", actor->nick);
    int file = open(stage_path(stage, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *actor->progress) != 0)
        stage_fail("cannot make %s: %s", stage_path(stage, name), strerror(errno));
    actor->progress =
        mmap(NULL, sizeof *actor->progress, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (actor->progress == MAP_FAILED)
        stage_fail("cannot map %s: %s", stage_path(stage, name), strerror(errno));
    close(file);
}

void stage_open(struct stage *stage, const struct stage_plan *plan) {
    pid_t self = getpid();
    *stage =
        (struct stage){.build = plan->build, .actor_count = plan->puppets, .random = plan->seed};
    stage_make_folder(stage, plan->folder);
    snprintf(stage->address, sizeof stage->address, "127.%d.%d.%d", 1 + (self >> 14 & 0x7f),
             self >> 7 & 0x7f, 1 + (self & 0x7f));
    signal(SIGPIPE, SIG_IGN);
    stage_start_server(stage);
    if (plan->proxied)
        stage->proxy = proxy_start(stage->address, stage->server_port, plan->puppets, plan->seed);
    if (plan->proxied && stage->proxy == NULL)
        stage_fail("cannot start the proxy: %s", strerror(errno));
    for (unsigned i = 0; i < plan->puppets; i++) {
        stage_make_actor(stage, i);
        stage_start_puppet(stage, i);
    }
    stage_await_online(stage);
    stage_await_shown(stage);
}

/* Runs `chat-server --check` on what the server has left. */
static void stage_check_log(struct stage *stage) {
    char data[PATH_MAX + 16];
    snprintf(data, sizeof data, "%s/data", stage->folder);
    char *const arguments[] = {"chat-server", "--data", data, "--check", NULL};
    pid_t process = stage_fork(stage, -1, -1, "check.log");
    if (process == 0)
        stage_exec(stage, "chat-server", arguments);
    if (stage_reap(process) != 0)
        stage_fail("the log is not sound; see %s", stage_path(stage, "check.log"));
}

void stage_close(struct stage *stage) {
    stage_tell_all(stage, "hush");
    stage_await_online(stage);
    stage_await_silence(stage);
    stage_await_shown(stage);
    stage_tell_all(stage, "quit");
    for (unsigned i = 0; i < stage->actor_count; i++) {
        if (stage_reap(stage->actors[i].process) != 0)
            stage_fail("%s ended badly; see %s", stage->actors[i].nick,
                       stage_path(stage, "puppets.log"));
        close(stage->actors[i].commands);
    }
    stage_signal_server(stage, SIGTERM);
    if (stage_reap(stage->server) != 0)
        stage_fail("the server ended badly; see %s", stage_path(stage, "server.log"));
    proxy_stop(stage->proxy);
    stage_check_log(stage);
}
