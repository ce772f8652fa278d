#include "report.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Without memory of its own making, because that memory has run out must be sayable too. */
struct line {
    char text[2048];
    size_t size;
};

const char *const report_levels[REPORT_LEVELS] = {"info", "warning", "error"};

const struct report_entry report_table[REPORT_COUNT] = {
#define REPORT(NAME, event, level, about, remedy)                                                  \
    [REPORT_##NAME] = {event, REPORT_##level, about, remedy},
#include "reports.def"
#undef REPORT
};

static atomic_int report_least = REPORT_INFO; /* any thread reads it, the main thread sets it */

void report_set_level(enum report_level level) {
    atomic_store(&report_least, (int)level);
}

bool report_is_said(enum report_kind kind) {
    return (int)report_table[kind].level >= atomic_load(&report_least);
}

enum { LINE_END = sizeof "\"\n", BYTE_MAX = sizeof "\\x00" };

static bool line_has_room(const struct line *line, size_t size) {
    return sizeof line->text - line->size > size + LINE_END;
}

/* What does not fit is left away. */
static void line_add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void line_add(struct line *line, const char *format, ...) {
    size_t room = sizeof line->text - line->size;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->text + line->size, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        line->size += (size_t)length < room ? (size_t)length : room - 1;
}

/* One that is too long is cut, and ends all the same. */
static void line_add_value(struct line *line, const char *value) {
    line_add(line, "\"");
    for (; *value != '\0' && line_has_room(line, BYTE_MAX); value++) {
        unsigned char byte = (unsigned char)*value;
        if (byte == '"' || byte == '\\')
            line_add(line, "\\%c", byte);
        else if (byte < 0x20 || byte >= 0x7F)
            line_add(line, "\\x%02x", byte);
        else
            line_add(line, "%c", byte);
    }
    line_add(line, "\"");
}

void report(enum report_kind kind, ...) {
    const struct report_entry *entry = &report_table[kind];
    struct line line = {.size = 0};
    if (!report_is_said(kind))
        return;
    struct timespec now;
    struct tm utc;
    char stamp[32] = "";
    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc) != NULL)
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    line_add(&line, "time=%s.%03ldZ level=%s event=%s", stamp, now.tv_nsec / 1000000,
             report_levels[entry->level], entry->event);
    va_list pairs;
    va_start(pairs, kind);
    for (const char *key; (key = va_arg(pairs, const char *)) != NULL;) {
        const char *value = va_arg(pairs, const char *);
        if (!line_has_room(&line, strlen(key) + BYTE_MAX))
            break;
        line_add(&line, " %s=", key);
        line_add_value(&line, value);
    }
    va_end(pairs);
    line.text[line.size++] = '\n';
    /* A log that cannot be written has nowhere to say so. */
    ssize_t written = write(STDERR_FILENO, line.text, line.size);
    (void)written;
}
