#include "settings_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct setter {
    bool (*set)(void *context, const char *section, const char *name, const char *value);
    void *context;
    bool failed;
};

/* The library goes on after an error; what comes then is of no interest. */
static int settings_file_line(void *context, const char *section, const char *name,
                              const char *value) {
    struct setter *setter = context;
    if (setter->failed)
        return 1;
    setter->failed = !setter->set(setter->context, section, name, value);
    return !setter->failed;
}

/* Longer ones the library would cut in two. */
static int settings_file_long_line(FILE *file) {
    char *line = NULL;
    size_t capacity = 0;
    int found = 0;
    ssize_t size;
    for (int number = 1; found == 0 && (size = getline(&line, &capacity, file)) >= 0; number++)
        if (size > ini_max_line - 2)
            found = number;
    free(line);
    rewind(file);
    return found;
}

static bool settings_file_say(const char *path, int line, const char *what) {
    fprintf(stderr, "chat-server: line %d of %s %s\n", line, path, what);
    return false;
}

/* A folder can be opened too, and reads as if nothing were in it. */
static FILE *settings_file_open(const char *path) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool regular = file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    FILE *stream = regular ? fdopen(file, "r") : NULL;
    if (stream == NULL)
        fprintf(stderr, "chat-server: cannot read %s: %s\n", path,
                file >= 0 && !regular ? "it is not a file" : strerror(errno));
    if (stream == NULL && file >= 0)
        close(file);
    return stream;
}

bool settings_file_read(const char *path,
                        bool (*set)(void *context, const char *section, const char *name,
                                    const char *value),
                        void *context) {
    struct setter setter = {.set = set, .context = context};
    FILE *file = settings_file_open(path);
    if (file == NULL)
        return false;
    int long_line = settings_file_long_line(file);
    int line = long_line == 0 ? ini_parse_file(file, settings_file_line, &setter) : 0;
    fclose(file);
    if (long_line > 0)
        return settings_file_say(path, long_line, "is too long");
    if (line > 0)
        return settings_file_say(path, line,
                                 setter.failed ? "is where that stands"
                                               : "is not NAME = VALUE, nor [SECTION]");
    if (line < 0)
        fprintf(stderr, "chat-server: cannot read %s: out of memory\n", path);
    return line == 0;
}
