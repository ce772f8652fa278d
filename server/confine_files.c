#include "confine.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

/* Rights on files by the version of Landlock that has them first. Older headers know fewer than the
 * kernel; of the kernel's none may be named that it does not know. */
enum { LANDLOCK_WITH_REFER = 2, LANDLOCK_WITH_TRUNCATE = 3, LANDLOCK_WITH_TCP = 4 };

#define RIGHTS_TO_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_TO_KEEP                                                                             \
    (RIGHTS_TO_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define RIGHTS_OF_FIRST_VERSION ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/* As the kernel has it since version 4; the headers of a system may be older. */
struct ruleset_with_network {
    uint64_t files;
    uint64_t network;
};

enum { NETWORK_BIND_TCP = 1, NETWORK_CONNECT_TCP = 2 };

static uint64_t rights_of_version(int version) {
    uint64_t rights = RIGHTS_OF_FIRST_VERSION;
    if (version >= LANDLOCK_WITH_REFER)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= LANDLOCK_WITH_TRUNCATE)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return rights;
}

/* Neither is there a listener to come nor anybody to be called. */
static int ruleset_new(int version) {
    struct ruleset_with_network ruleset = {.files = rights_of_version(version)};
    size_t size = sizeof ruleset.files;
    if (version >= LANDLOCK_WITH_TCP) {
        ruleset.network = NETWORK_BIND_TCP | NETWORK_CONNECT_TCP;
        size = sizeof ruleset;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

static bool ruleset_allow(int ruleset, const char *folder, uint64_t rights) {
    struct landlock_path_beneath_attr rule = {.allowed_access = rights,
                                              .parent_fd = open(folder, O_PATH | O_CLOEXEC)};
    bool allowed = rule.parent_fd >= 0 && syscall(SYS_landlock_add_rule, ruleset,
                                                  LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    if (rule.parent_fd >= 0)
        close(rule.parent_fd);
    return allowed;
}

/* The folder, since a file is exchanged by putting another in its place. What is not there needs no
 * right; whoever reads it says so. Consumes `file`. */
static bool ruleset_allow_beside(int ruleset, char *file) {
    bool allowed = (file != NULL && ruleset_allow(ruleset, dirname(file), RIGHTS_TO_READ)) ||
                   errno == ENOENT || errno == ENOTDIR;
    free(file);
    return allowed;
}

/* Where the name is and, should it be a link, where the file is. */
static bool ruleset_allow_file(int ruleset, const char *file) {
    return ruleset_allow_beside(ruleset, strdup(file)) &&
           ruleset_allow_beside(ruleset, realpath(file, NULL));
}

static bool ruleset_allow_files(int ruleset, const char *const *files, size_t file_count) {
    bool allowed = true;
    for (size_t i = 0; i < file_count && allowed; i++)
        allowed = files[i] == NULL || ruleset_allow_file(ruleset, files[i]);
    return allowed;
}

static bool confine_failed(const char *what) {
    report(REPORT_CANNOT_CONFINE, "what", what, "reason", strerror(errno), "advice",
           "--unconfined serves without", NULL);
    return false;
}

bool confine_files(const char *folder, const char *const *files, size_t file_count) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return confine_failed("privileges");
    int version =
        (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        report(REPORT_FILES_NOT_CONFINED, "reason", "this kernel has no Landlock", NULL);
        return true;
    }
    int ruleset = ruleset_new(version);
    bool confined = ruleset >= 0 &&
                    ruleset_allow(ruleset, folder, RIGHTS_TO_KEEP & rights_of_version(version)) &&
                    ruleset_allow_files(ruleset, files, file_count) &&
                    syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    if (!confined)
        confine_failed("files");
    if (ruleset >= 0)
        close(ruleset);
    return confined;
}
