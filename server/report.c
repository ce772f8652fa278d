#include "report.h"
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const report_levels[] = {"info", "warning", "error"};

static void report_value(struct buffer *line, const char *value) {
    buffer_append_string(line, "\"");
    for (; *value != '\0'; value++) {
        unsigned char byte = (unsigned char)*value;
        if (byte == '"' || byte == '\\')
            buffer_append_format(line, "\\%c", byte);
        else if (byte < 0x20 || byte >= 0x7F)
            buffer_append_format(line, "\\x%02x", byte);
        else
            buffer_append(line, &byte, 1);
    }
    buffer_append_string(line, "\"");
}

void report(enum report_level level, const char *event, ...) {
    struct buffer line = {0};
    struct timespec now;
    struct tm utc;
    char stamp[32] = "";
    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc) != NULL)
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    buffer_append_format(&line, "time=%s.%03ldZ level=%s event=%s", stamp, now.tv_nsec / 1000000,
                         report_levels[level], event);
    va_list pairs;
    va_start(pairs, event);
    for (const char *key; (key = va_arg(pairs, const char *)) != NULL;) {
        buffer_append_format(&line, " %s=", key);
        report_value(&line, va_arg(pairs, const char *));
    }
    va_end(pairs);
    buffer_append_string(&line, "\n");
    if (!line.failed) {
        /* A log that cannot be written has nowhere to say so. */
        ssize_t written = write(STDERR_FILENO, line.data, line.size);
        (void)written;
    }
    buffer_free(&line);
}
