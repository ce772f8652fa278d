#include "confine.h"
#include "report.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What serving takes. Names that a machine's kernel does not have are passed over. */
static const char *const calls[] = {
    /* connections */
    "accept4",
    "close",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "eventfd2",
    "getpeername",
    "getsockname",
    "getsockopt",
    "poll",
    "ppoll",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "setsockopt",
    "shutdown",
    "write",
    "writev",
    /* the log, its index, a certificate read again */
    "access",
    "faccessat",
    "faccessat2",
    "fallocate",
    "fchmod",
    "fchown",
    "fcntl",
    "fdatasync",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents64",
    "lseek",
    "lstat",
    "newfstatat",
    "open",
    "openat",
    "pread64",
    "pwrite64",
    "readlink",
    "readlinkat",
    "stat",
    "statx",
    "unlink",
    "unlinkat",
    /* memory */
    "brk",
    "madvise",
    "mremap",
    "munmap",
    /* threads that are there already, signals, the end */
    "alarm",
    "exit",
    "exit_group",
    "futex",
    "getpid",
    "gettid",
    "nanosleep",
    "clock_nanosleep",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_yield",
    "setitimer",
    "rseq",
    "set_robust_list",
    /* who and when */
    "clock_gettime",
    "getegid",
    "geteuid",
    "getgid",
    "getrandom",
    "getrusage",
    "getuid",
    "gettimeofday",
    "sysinfo",
    "time",
    "uname",
};

/* Memory may be asked for, but none that can be run. */
static const char *const memory_calls[] = {"mmap", "mmap2", "mprotect"};

static int add_plain(scmp_filter_ctx filter) {
    int result = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls && result == 0; i++) {
        int number = seccomp_syscall_resolve_name(calls[i]);
        if (number != __NR_SCMP_ERROR)
            result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    return result;
}

static int add_memory(scmp_filter_ctx filter) {
    int result = 0;
    for (size_t i = 0; i < sizeof memory_calls / sizeof *memory_calls && result == 0; i++) {
        int number = seccomp_syscall_resolve_name(memory_calls[i]);
        if (number != __NR_SCMP_ERROR)
            result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
                                      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
    return result;
}

/* Calls that may do one thing only. */
static const struct {
    const char *name;
    unsigned argument;
    uint64_t value;
} narrow_calls[] = {
    {"ioctl", 1, TCGETS},      /* by stdio, of a terminal or /dev/null */
    {"ioctl", 1, FIONBIO},     /* by the HTTP library, */
    {"prctl", 0, PR_SET_NAME}, /* which also names its thread */
};

/* What is sent goes where the socket is connected to: to nobody else, and it makes no connection.
 */
static int add_sending(scmp_filter_ctx filter) {
    int result =
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 2,
                         SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0), SCMP_A4(SCMP_CMP_EQ, 0, 0));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
    return result;
}

/* The process may end itself, in order or by abort, and no other one. */
static int add_end(scmp_filter_ctx filter) {
    const struct scmp_arg_cmp itself = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
    int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, itself);
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, itself);
    return result;
}

static int add_narrow(scmp_filter_ctx filter) {
    int result = 0;
    for (size_t i = 0; i < sizeof narrow_calls / sizeof *narrow_calls && result == 0; i++)
        result = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(narrow_calls[i].name), 1,
            SCMP_CMP(narrow_calls[i].argument, SCMP_CMP_EQ, narrow_calls[i].value, 0));
    return result;
}

bool confine_calls(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int result = filter == NULL ? -ENOMEM : 0;
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* The calls of another architecture, as the processor has them too, are none of these. */
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0)
        result = add_plain(filter);
    if (result == 0)
        result = add_memory(filter);
    if (result == 0)
        result = add_narrow(filter);
    if (result == 0)
        result = add_sending(filter);
    if (result == 0)
        result = add_end(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    if (result != 0)
        report(REPORT_CANNOT_CONFINE, "what", "calls", "reason", strerror(-result), "advice",
               "--unconfined serves without", NULL);
    return result == 0;
}
