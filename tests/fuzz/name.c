/* A name that is let in is harmless on a screen, is the same name when it is read again, as shown
 * or folded, and has keys by which those that look alike are found. */
#include "fuzz.h"
#include "looks.h"
#include "text.h"

#include <string.h>

static void check_unchanged(struct wire_text shown) {
    struct buffer clean = {0};
    text_clean(&clean, shown, TEXT_ONE_LINE);
    FUZZ_CHECK(clean.size == shown.size && memcmp(clean.data, shown.data, shown.size) == 0);
    buffer_free(&clean);
}

static void check_looks(const struct name *name) {
    static struct looks *looks;
    static struct looks_keys keys;
    const char *reason = "";
    if (looks == NULL)
        looks = looks_open(&reason);
    FUZZ_CHECK(looks != NULL && looks_find_keys(looks, name, &keys));
    FUZZ_CHECK(keys.count > 0 && keys.count <= LOOKS_KEYS_MAX);
    for (size_t i = 0; i < keys.count; i++)
        FUZZ_CHECK(strlen(keys.keys[i]) <= LOOKS_KEY_BYTES_MAX);
}

static void check_name(bool (*is_name)(struct wire_text text, struct name *name),
                       struct wire_text text) {
    struct name name, again;
    if (!is_name(text, &name))
        return;
    fuzz_check_shown(wire_text(name.shown), 0);
    check_unchanged(wire_text(name.shown));
    FUZZ_CHECK(is_name(wire_text(name.shown), &again));
    FUZZ_CHECK(strcmp(name.shown, again.shown) == 0 && strcmp(name.folded, again.folded) == 0);
    if (is_name(wire_text(name.folded), &again))
        FUZZ_CHECK(strcmp(name.folded, again.folded) == 0);
    check_looks(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_text text = {(const char *)data, size};
    check_name(name_nick, text);
    check_name(name_room, text);
    return 0;
}
