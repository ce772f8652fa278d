#include "settings_file.h"
#include "buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTINGS_NAME_MAX = 64 };

struct setter {
    bool (*set)(void *context, const char *section, const char *name, const char *value);
    void *context;
    struct complaint *complaint;
    struct buffer names; /* "SECTION.NAME\n" for each line so far, and a zero */
    bool failed;
};

/* Notes the name; false when it was set before. A line that goes on with the one before it, for
 * its beginning with blanks, comes with that one's name. */
static bool setter_note(struct setter *setter, const char *section, const char *name) {
    char line[2 * SETTINGS_NAME_MAX];
    int size = snprintf(line, sizeof line, "\n%.*s.%.*s\n", SETTINGS_NAME_MAX - 4, section,
                        SETTINGS_NAME_MAX - 4, name);
    const char *names = (const char *)setter->names.data;
    if (names != NULL && strstr(names, line) != NULL)
        return complain(setter->complaint, "%s is set a second time", name);
    setter->names.size -= names != NULL; /* the zero */
    buffer_append(&setter->names, line, (size_t)size + 1);
    return !setter->names.failed || complain(setter->complaint, "%s", strerror(ENOMEM));
}

/* The library goes on after an error; what comes then is of no interest. */
static int settings_file_line(void *context, const char *section, const char *name,
                              const char *value) {
    struct setter *setter = context;
    if (setter->failed)
        return 1;
    setter->failed =
        !setter_note(setter, section, name) || !setter->set(setter->context, section, name, value);
    return !setter->failed;
}

/* The first line that the library would cut in two; 0 for none, -1 when the file cannot be read. */
static int settings_file_long_line(FILE *file) {
    char *line = NULL;
    size_t capacity = 0;
    int found = 0;
    ssize_t size;
    for (int number = 1; found == 0 && (size = getline(&line, &capacity, file)) >= 0; number++)
        if (size > ini_max_line - 2)
            found = number;
    free(line);
    if (ferror(file))
        return -1;
    rewind(file);
    return found;
}

/* A folder can be opened too, and reads as if nothing were in it. */
static FILE *settings_file_open(const char *path, struct complaint *complaint) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool regular = file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    FILE *stream = regular ? fdopen(file, "r") : NULL;
    if (stream == NULL)
        complain(complaint, "cannot read %s: %s", path,
                 file >= 0 && !regular ? "it is not a file" : strerror(errno));
    if (stream == NULL && file >= 0)
        close(file);
    return stream;
}

/* What is wrong with a line, after where it is. */
static bool settings_file_blame(struct setter *setter, const char *path, int line) {
    const struct complaint why = *setter->complaint;
    return complain(setter->complaint, "%s, line %d: %s", path, line,
                    setter->failed ? why.text : "it is not NAME = VALUE, nor [SECTION]");
}

bool settings_file_read(const char *path,
                        bool (*set)(void *context, const char *section, const char *name,
                                    const char *value),
                        void *context, struct complaint *complaint) {
    struct setter setter = {.set = set, .context = context, .complaint = complaint};
    FILE *file = settings_file_open(path, complaint);
    if (file == NULL)
        return false;
    int long_line = settings_file_long_line(file);
    int line = long_line == 0 ? ini_parse_file(file, settings_file_line, &setter) : 0;
    bool failed = long_line < 0 || ferror(file);
    fclose(file);
    buffer_free(&setter.names);
    if (failed)
        return complain(complaint, "cannot read %s: %s", path, strerror(EIO));
    if (long_line > 0)
        return complain(complaint, "%s, line %d: it is too long", path, long_line);
    if (line > 0)
        return settings_file_blame(&setter, path, line);
    return line == 0 || complain(complaint, "cannot read %s: %s", path, strerror(ENOMEM));
}
