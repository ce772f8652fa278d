/* What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput: libFuzzer calls it
 * with bytes of its own making, replay.c with the files of the corpus. It says by FUZZ_CHECK what
 * must hold whatever the bytes are, and leaves nothing behind for the next input. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "buffer.h"
#include "wire.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert it is always there. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

/* Takes numbers and pieces off the front of an input; at its end zeros and what is left. */
uint8_t fuzz_u8(struct wire_reader *input);
uint16_t fuzz_u16(struct wire_reader *input);
struct wire_blob fuzz_piece(struct wire_reader *input, size_t size);

/* Fails unless the text is valid UTF-8 that any terminal shows: no controls (but newlines, if they
 * are let), nothing invisible, nothing that changes the direction. */
void fuzz_check_shown(struct wire_text text, int newlines);

/* Fails unless the bytes are whole frames that decode, encode to the same bytes, and have valid
 * UTF-8 in their texts. */
void fuzz_check_frames(struct wire_blob frames);

/* What the program says on stderr goes nowhere; what libFuzzer and sanitizers say is still seen. */
void fuzz_be_silent(void);

/* A folder of this process, in memory where there is such a place; removed at its end. */
const char *fuzz_folder(void);

#endif
