/* What is painted is read to its end and no further. */
#include "test.h"
#include "paint.h"

#include <curses.h>
#include <locale.h>
#include <sys/mman.h>
#include <unistd.h>

static char *page; /* behind it there is nothing */
static size_t page_size;

static int set_up(void **state) {
    (void)state;
    FILE *nowhere = fopen("/dev/null", "r+");
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    assert_non_null(nowhere);
    assert_non_null(newterm("xterm-256color", nowhere, nowhere));
    paint_init();
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    page = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    return munmap(page + page_size, page_size);
}

static int tear_down(void **state) {
    (void)state;
    endwin();
    return munmap(page, page_size);
}

static struct wire_text at_the_end(const char *text) {
    size_t size = strlen(text);
    return (struct wire_text){memcpy(page + page_size - size, text, size), size};
}

static void nothing_behind_a_text_is_read(void **state) {
    (void)state;
    assert_int_equal(paint_text(0, 0, 20, at_the_end("hello"), PAINT_PLAIN), 5);
    assert_int_equal(paint_clean(1, 0, 20, at_the_end("gr\xc3\xbc\xc3\x9f"), PAINT_BAR), 4);
    assert_int_equal(paint_nick(2, 0, 20, at_the_end("ann"), true), 3);
    char shown[6] = "";
    mvinnstr(0, 0, shown, 5);
    assert_string_equal(shown, "hello");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_behind_a_text_is_read)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
