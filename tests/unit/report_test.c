/* A line of the log is one line, printable and whole, whatever its values hold. */
#include "test.h"
#include "report.h"

#include <unistd.h>

static char line[4096];

/* What `report` writes to stderr, into `line`. */
static void take_line(const char *first, const char *second) {
    int ends[2];
    int kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    report(REPORT_LISTENING, "address", first, "data", second, NULL);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(ends[1]);
    ssize_t size = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    assert_true(size > 0);
    line[size] = '\0';
}

static unsigned count_quotes(void) {
    unsigned count = 0;
    for (const char *at = line; *at != '\0'; at++) {
        if (*at == '\\')
            at++;
        else
            count += *at == '"';
    }
    return count;
}

static void expect_one_line(void) {
    size_t size = strlen(line);
    assert_ptr_equal(strchr(line, '\n'), line + size - 1);
    for (size_t i = 0; i + 1 < size; i++)
        assert_true(line[i] >= ' ' && line[i] <= '~');
}

static void values_are_quoted(void **state) {
    (void)state;
    take_line("a \"b\" \\", "\n\x1b[31m\xc3\xa9");
    expect_one_line();
    assert_non_null(strstr(
        line, "event=listening address=\"a \\\"b\\\" \\\\\" data=\"\\x0a\\x1b[31m\\xc3\\xa9\"\n"));
}

/* Every length at which a cut might go through an escape, a key or a quote. */
static void a_long_value_is_cut_and_ends(void **state) {
    (void)state;
    static char value[4000];
    for (size_t size = 1800; size < 2200; size++) {
        for (int kind = 0; kind < 3; kind++) {
            memset(value, kind == 0 ? 'x' : kind == 1 ? '"' : '\x01', size);
            value[size] = '\0';
            take_line(value, "behind");
            expect_one_line();
            assert_int_equal(count_quotes() % 2, 0);
            assert_int_equal(line[strlen(line) - 2], '"');
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_quoted),
        cmocka_unit_test(a_long_value_is_cut_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
