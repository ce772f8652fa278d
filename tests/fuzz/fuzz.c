#include "fuzz.h"
#include "frame.h"
#include "protocol.h"
#include "text.h"

#include <ftw.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unistd.h>
#include <unistr.h>

/* Widths depend on it; libFuzzer has a main of its own. */
__attribute__((constructor)) static void fuzz_set_locale(void) {
    setlocale(LC_ALL, "C.UTF-8");
}

void fuzz_fail(const char *condition, const char *file, int line) {
    dprintf(STDERR_FILENO, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

uint8_t fuzz_u8(struct wire_reader *input) {
    uint8_t value = 0;
    wire_get_u8(input, &value);
    return value;
}

uint16_t fuzz_u16(struct wire_reader *input) {
    unsigned high = fuzz_u8(input);
    return (uint16_t)(high << 8 | fuzz_u8(input));
}

struct wire_blob fuzz_piece(struct wire_reader *input, size_t size) {
    size_t left = (size_t)(input->end - input->at);
    struct wire_blob piece = {input->at, size < left ? size : left};
    if (piece.size > 0)
        input->at += piece.size;
    return piece;
}

static int is_shown(uint32_t character) {
    return !uc_is_general_category_withtable(
               character, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Cs |
                              UC_CATEGORY_MASK_Cn | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp) &&
           !uc_is_property_default_ignorable_code_point(character) &&
           !uc_is_property_bidi_control(character);
}

void fuzz_check_shown(struct wire_text text, int newlines) {
    FUZZ_CHECK(text.size == 0 || u8_check((const uint8_t *)text.data, text.size) == NULL);
    for (uint32_t character; text_next(&text, &character);)
        FUZZ_CHECK(is_shown(character) || (newlines && character == '\n'));
}

void fuzz_check_frames(struct wire_blob frames) {
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    struct buffer again = {0};
    struct message message;
    struct wire_blob payload;
    while (reader.at < reader.end) {
        FUZZ_CHECK(frame_take(&reader, &payload) == FRAME_READY);
        FUZZ_CHECK(message_decode(payload, &message) == ERROR_NONE);
        FUZZ_CHECK(message_text_is_valid(&message));
        buffer_clear(&again);
        message_encode(&again, &message);
        FUZZ_CHECK(!again.failed && again.size == payload.size + FRAME_HEAD);
        FUZZ_CHECK(memcmp(again.data + FRAME_HEAD, payload.data, payload.size) == 0);
    }
    buffer_free(&again);
}

void fuzz_be_silent(void) {
    FILE *nowhere = fopen("/dev/null", "w");
    FUZZ_CHECK(nowhere != NULL);
    stderr = nowhere;
}

static char fuzz_folder_path[256];

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static void fuzz_remove_folder(void) {
    nftw(fuzz_folder_path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void) {
    const char *place = getenv("TMPDIR");
    if (fuzz_folder_path[0] != '\0')
        return fuzz_folder_path;
    if (access("/dev/shm", W_OK) == 0)
        place = "/dev/shm";
    snprintf(fuzz_folder_path, sizeof fuzz_folder_path, "%s/chat-fuzz-XXXXXX",
             place != NULL ? place : "/tmp");
    FUZZ_CHECK(mkdtemp(fuzz_folder_path) != NULL);
    atexit(fuzz_remove_folder);
    return fuzz_folder_path;
}
