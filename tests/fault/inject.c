/* Preloaded into a program, makes calls of it fail that the kernel or the C library may fail:
 *   CHAT_INJECT="CALL:FIRST:HOW[:TIMES]"  the FIRST call and TIMES - 1 more (1; "all") fail with
 * HOW, an errno by name, or come out "short" by one byte CHAT_INJECT_COUNTS=FILE               at
 * exit gets a line "CALL NUMBER" for each call, and "struck NUMBER" for those that were made to
 * fail Calls are counted over all threads. "memory" is malloc, calloc and realloc, whoever calls
 * them: the C library and SQLite too. Those on an eventfd pass, for they cannot fail as it is used
 * here. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { INJECT_SHORT = -1, INJECT_DESCRIPTORS = 1024 };

enum call {
    CALL_WRITE,
    CALL_PWRITE,
    CALL_READ,
    CALL_PREAD,
    CALL_FSYNC,
    CALL_FDATASYNC,
    CALL_FTRUNCATE,
    CALL_OPEN,
    CALL_RENAME,
    CALL_MMAP,
    CALL_SENDMSG,
    CALL_RECV,
    CALL_ACCEPT,
    CALL_EPOLL_WAIT,
    CALL_EPOLL_CTL,
    CALL_EVENTFD,
    CALL_THREAD,
    CALL_MEMORY,
    CALL_COUNT
};

static const char *const call_names[CALL_COUNT] = {
    "write",     "pwrite",     "read",      "pread",   "fsync",          "fdatasync",
    "ftruncate", "open",       "rename",    "mmap",    "sendmsg",        "recv",
    "accept4",   "epoll_wait", "epoll_ctl", "eventfd", "pthread_create", "memory",
};

/* Set before main begins. */
static bool inject_ready;
static int inject_call = CALL_COUNT;
static unsigned long inject_first;
static unsigned long inject_times = 1;
static int inject_how;

static atomic_ulong call_counts[CALL_COUNT];
static atomic_ulong inject_struck;
static atomic_bool is_eventfd[INJECT_DESCRIPTORS];

static int how_of(const char *name) {
    if (strcmp(name, "short") == 0)
        return INJECT_SHORT;
    for (int number = 1; number < 200; number++)
        if (strerrorname_np(number) != NULL && strcmp(strerrorname_np(number), name) == 0)
            return number;
    return 0;
}

static void inject_parse(const char *wish) {
    char call[16];
    char how[16];
    char times[16] = "1";
    if (sscanf(wish, "%15[a-z0-9_]:%lu:%15[A-Za-z]:%15s", call, &inject_first, how, times) < 3)
        abort();
    while (inject_call-- > 0 && strcmp(call_names[inject_call], call) != 0)
        ;
    inject_times = strcmp(times, "all") == 0 ? ~0ul : strtoul(times, NULL, 10);
    inject_how = how_of(how);
    if (inject_call < 0 || inject_first == 0 || inject_times == 0 || inject_how == 0)
        abort();
}

__attribute__((constructor)) static void inject_begin(void) {
    if (getenv("CHAT_INJECT") != NULL)
        inject_parse(getenv("CHAT_INJECT"));
    inject_ready = true;
}

__attribute__((destructor)) static void inject_end(void) {
    const char *path = getenv("CHAT_INJECT_COUNTS");
    inject_ready = false;
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL)
        return;
    for (size_t i = 0; i < CALL_COUNT; i++)
        fprintf(file, "%s %lu\n", call_names[i], atomic_load(&call_counts[i]));
    fprintf(file, "struck %lu\n", atomic_load(&inject_struck));
    fclose(file);
}

/* Counts a call. What is to become of it: 0 for nothing, INJECT_SHORT, or an errno, which is set.
 */
static int inject(enum call call) {
    if (!inject_ready)
        return 0;
    unsigned long number = atomic_fetch_add(&call_counts[call], 1) + 1;
    if ((int)call != inject_call || number < inject_first || number - inject_first >= inject_times)
        return 0;
    atomic_fetch_add(&inject_struck, 1);
    if (inject_how > 0)
        errno = inject_how;
    return inject_how;
}

static bool is_spared(int descriptor) {
    return descriptor >= 0 && descriptor < INJECT_DESCRIPTORS &&
           atomic_load(&is_eventfd[descriptor]);
}

#define NEXT(name)                                                                                 \
    ({                                                                                             \
        static __typeof__(name) *next;                                                             \
        if (next == NULL)                                                                          \
            next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);                                    \
        next;                                                                                      \
    })

static size_t less(size_t size, int how) {
    return how == INJECT_SHORT && size > 1 ? size - 1 : size;
}

ssize_t write(int descriptor, const void *data, size_t size) {
    int how = is_spared(descriptor) ? 0 : inject(CALL_WRITE);
    return how > 0 ? -1 : NEXT(write)(descriptor, data, less(size, how));
}

ssize_t read(int descriptor, void *data, size_t size) {
    int how = is_spared(descriptor) ? 0 : inject(CALL_READ);
    return how > 0 ? -1 : NEXT(read)(descriptor, data, less(size, how));
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    int how = inject(CALL_PWRITE);
    return how > 0 ? -1 : NEXT(pwrite64)(descriptor, data, less(size, how), offset);
}

ssize_t pread64(int descriptor, void *data, size_t size, off64_t offset) {
    int how = inject(CALL_PREAD);
    return how > 0 ? -1 : NEXT(pread64)(descriptor, data, less(size, how), offset);
}

int fsync(int descriptor) {
    return inject(CALL_FSYNC) > 0 ? -1 : NEXT(fsync)(descriptor);
}

int fdatasync(int descriptor) {
    return inject(CALL_FDATASYNC) > 0 ? -1 : NEXT(fdatasync)(descriptor);
}

int ftruncate64(int descriptor, off64_t size) {
    return inject(CALL_FTRUNCATE) > 0 ? -1 : NEXT(ftruncate64)(descriptor, size);
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return inject(CALL_OPEN) > 0 ? -1 : NEXT(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return inject(CALL_OPEN) > 0 ? -1 : NEXT(open64)(path, flags, mode);
}

int rename(const char *from, const char *to) {
    return inject(CALL_RENAME) > 0 ? -1 : NEXT(rename)(from, to);
}

void *mmap64(void *where, size_t size, int protection, int flags, int descriptor, off64_t offset) {
    return inject(CALL_MMAP) > 0 ? MAP_FAILED
                                 : NEXT(mmap64)(where, size, protection, flags, descriptor, offset);
}

/* One byte less of the last piece that has any. */
static ssize_t send_short(int descriptor, const struct msghdr *message, int flags) {
    struct iovec pieces[IOV_MAX];
    struct msghdr shorter = *message;
    size_t total = 0;
    memcpy(pieces, message->msg_iov, message->msg_iovlen * sizeof *pieces);
    for (size_t i = 0; i < message->msg_iovlen; i++)
        total += pieces[i].iov_len;
    shorter.msg_iov = pieces;
    for (size_t i = message->msg_iovlen; i > 0 && total > 1; i--) {
        if (pieces[i - 1].iov_len == 0)
            continue;
        pieces[i - 1].iov_len--;
        break;
    }
    return NEXT(sendmsg)(descriptor, &shorter, flags);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    int how = inject(CALL_SENDMSG);
    if (how == INJECT_SHORT)
        return send_short(descriptor, message, flags);
    return how > 0 ? -1 : NEXT(sendmsg)(descriptor, message, flags);
}

ssize_t recv(int descriptor, void *data, size_t size, int flags) {
    int how = inject(CALL_RECV);
    /* A short one leaves a byte of what there is, so that frames come in halves. */
    if (how == INJECT_SHORT) {
        ssize_t there = NEXT(recv)(descriptor, data, size, flags | MSG_PEEK);
        size = there > 1 ? (size_t)there - 1 : size;
    }
    return how > 0 ? -1 : NEXT(recv)(descriptor, data, size, flags);
}

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags) {
    return inject(CALL_ACCEPT) > 0 ? -1 : NEXT(accept4)(listener, address, size, flags);
}

int epoll_wait(int epoll, struct epoll_event *events, int count, int milliseconds) {
    return inject(CALL_EPOLL_WAIT) > 0 ? -1 : NEXT(epoll_wait)(epoll, events, count, milliseconds);
}

int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event) {
    return inject(CALL_EPOLL_CTL) > 0 ? -1 : NEXT(epoll_ctl)(epoll, operation, descriptor, event);
}

int eventfd(unsigned first, int flags) {
    int descriptor = inject(CALL_EVENTFD) > 0 ? -1 : NEXT(eventfd)(first, flags);
    if (descriptor >= 0 && descriptor < INJECT_DESCRIPTORS)
        atomic_store(&is_eventfd[descriptor], true);
    return descriptor;
}

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < INJECT_DESCRIPTORS)
        atomic_store(&is_eventfd[descriptor], false);
    return NEXT(close)(descriptor);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
    int how = inject(CALL_THREAD);
    return how > 0 ? how : NEXT(pthread_create)(thread, attributes, run, argument);
}

/* The C library's own names for these, for dlsym itself asks for memory. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size) {
    return inject(CALL_MEMORY) > 0 ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return inject(CALL_MEMORY) > 0 ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    return inject(CALL_MEMORY) > 0 ? NULL : __libc_realloc(block, size);
}
