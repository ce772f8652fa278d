/* The faults a test build can be asked for, in CHAT_FAULT, separated by blanks:
 * "PLACE:sleep=MILLISECONDS", "PLACE:kill", "PLACE:kill=N" to die at the N-th passage,
 * "PLACE:hang=N" to stay there for ever, "PLACE:until=PATH" to stay until that file is there, or
 * "PLACE:try=NAME" to try what a confined process may not, say on stderr how it went, and end. */
#include "../../server/fault.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FAULTS_MAX = 8 };

struct wish {
    const char *place; /* in the environment, up to its colon */
    size_t size;
    long sleep;  /* milliseconds; 0: none */
    long kill;   /* the passage; 0: never */
    long hang;   /* the same */
    char *until; /* NULL: no file is waited for */
    const struct attempt *attempt;
    atomic_long passages;
};

/* What somebody who has taken a process over would try next; below 0 when it is refused. */
struct attempt {
    const char *name;
    long (*make)(void);
};

static long attempt_program(void) {
    return execl("/bin/true", "true", (char *)NULL);
}

static long attempt_process(void) {
    return fork();
}

static long attempt_debugger(void) {
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long attempt_socket(void) {
    return socket(AF_INET, SOCK_STREAM, 0);
}

static long attempt_runnable_memory(void) {
    void *memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? -1 : 0;
}

static long attempt_owner(void) {
    return setuid(0);
}

static long attempt_local_socket(void) {
    return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static long attempt_listener(void) {
    return listen(-1, 1);
}

/* TCP connects by it, as by connect. */
static long attempt_fast_open(void) {
    return sendto(-1, "x", 1, MSG_FASTOPEN, NULL, 0);
}

static long attempt_datagram(void) {
    const struct sockaddr nowhere = {.sa_family = AF_UNIX};
    return sendto(-1, "x", 1, 0, &nowhere, sizeof nowhere);
}

static long attempt_other_process(void) {
    return syscall(SYS_tgkill, getppid(), getppid(), 0);
}

/* Nothing is sent by signal 0: it is only asked whether it might be. */
static long attempt_other_signal(void) {
    return kill(getppid(), 0);
}

static long attempt_all_signal(void) {
    return kill(-1, 0);
}

/* The calls of 32-bit programs, which have other numbers: this one asks for the process's own. */
static long attempt_other_architecture(void) {
#ifdef __x86_64__
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result;
#else
    raise(SIGSYS);
    return -1;
#endif
}

/* The file that CHAT_FAULT_FILE names, and one beside it. */
static long attempt_file(void) {
    return open(getenv("CHAT_FAULT_FILE"), O_RDONLY | O_CLOEXEC);
}

static long attempt_new_file(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s.new", getenv("CHAT_FAULT_FILE"));
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static const struct attempt attempts[] = {
    {"program", attempt_program},
    {"process", attempt_process},
    {"debugger", attempt_debugger},
    {"socket", attempt_socket},
    {"local-socket", attempt_local_socket},
    {"listener", attempt_listener},
    {"fast-open", attempt_fast_open},
    {"datagram", attempt_datagram},
    {"other-process", attempt_other_process},
    {"other-signal", attempt_other_signal},
    {"all-signal", attempt_all_signal},
    {"other-architecture", attempt_other_architecture},
    {"runnable-memory", attempt_runnable_memory},
    {"owner", attempt_owner},
    {"file", attempt_file},
    {"new-file", attempt_new_file},
};

static struct wish wishes[FAULTS_MAX];
static size_t wish_count;
static pthread_once_t wishes_read = PTHREAD_ONCE_INIT;

static void wish_read(const char *text) {
    const char *colon = strchr(text, ':');
    if (colon == NULL || wish_count == FAULTS_MAX)
        return;
    struct wish *wish = &wishes[wish_count++];
    wish->place = text;
    wish->size = (size_t)(colon - text);
    if (strncmp(colon, ":sleep=", 7) == 0)
        wish->sleep = strtol(colon + 7, NULL, 10);
    else if (strncmp(colon, ":hang=", 6) == 0)
        wish->hang = strtol(colon + 6, NULL, 10);
    else if (strncmp(colon, ":until=", 7) == 0)
        wish->until = strndup(colon + 7, strcspn(colon + 7, " "));
    else if (strncmp(colon, ":kill=", 6) == 0)
        wish->kill = strtol(colon + 6, NULL, 10);
    else if (strncmp(colon, ":kill", 5) == 0)
        wish->kill = 1;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        if (strncmp(colon, ":try=", 5) == 0 && strcmp(colon + 5, attempts[i].name) == 0)
            wish->attempt = &attempts[i];
}

static void wishes_read_all(void) {
    for (const char *text = getenv("CHAT_FAULT"); text != NULL && *text != '\0';) {
        wish_read(text);
        text = strchr(text, ' ');
        text = text != NULL ? text + 1 : NULL;
    }
}

static void fault_try(const struct attempt *attempt) {
    long result = attempt->make();
    fprintf(stderr, "%s: %s\n", attempt->name, result < 0 ? strerror(errno) : "went through");
    _exit(EXIT_SUCCESS);
}

static void fault_sleep(long milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

void fault_point(const char *place) {
    pthread_once(&wishes_read, wishes_read_all);
    for (size_t i = 0; i < wish_count; i++) {
        struct wish *wish = &wishes[i];
        if (strlen(place) != wish->size || strncmp(place, wish->place, wish->size) != 0)
            continue;
        if (wish->sleep > 0)
            fault_sleep(wish->sleep);
        while (wish->until != NULL && access(wish->until, F_OK) != 0)
            fault_sleep(10);
        if (wish->attempt != NULL)
            fault_try(wish->attempt);
        long passage = atomic_fetch_add(&wish->passages, 1) + 1;
        if (passage == wish->kill)
            raise(SIGKILL);
        while (passage == wish->hang)
            fault_sleep(1000);
    }
}
