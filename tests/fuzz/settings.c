/* A command line of any words, each ended by a zero byte, is understood within its bounds or
 * refused with a status. */
#include "fuzz.h"
#include "key_file.h"
#include "options.h"
#include "settings.h"
#include "state.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 32 };

/* The words behind the program's name; returns how many there are. */
static int take_words(char *text, size_t size, char **words) {
    static char program[] = "chat-server";
    int count = 0;
    words[count++] = program;
    for (size_t at = 0; at < size && count < WORDS_MAX; at += strlen(text + at) + 1)
        words[count++] = text + at;
    words[count] = NULL;
    return count;
}

static void check_settings(int count, char **words) {
    struct settings settings = {0};
    int status = -1;
    long port;
    optind = 0; /* getopt begins anew */
    if (!settings_read(&settings, count, words, &status)) {
        FUZZ_CHECK(status == 1 || status == 2);
    } else if (!settings.help && !settings.version) {
        FUZZ_CHECK(settings.host != NULL && settings.data != NULL);
        FUZZ_CHECK(options_number(settings.port, 0, 65535, &port));
        FUZZ_CHECK(settings.workers >= 1 && settings.workers <= STATE_WORKERS_MAX);
        FUZZ_CHECK((settings.certificate == NULL) == (settings.key == NULL));
        FUZZ_CHECK(!settings.insecure_network || settings.plaintext);
        FUZZ_CHECK(settings.retention.messages == 0 || settings.retention.milliseconds == 0);
    }
    settings_free(&settings);
}

static void check_values(const char *text) {
    struct retention retention;
    uint8_t hash[LINK_KEY_BYTES];
    char written[KEY_FINGERPRINT_SIZE];
    long number;
    if (retention_parse(text, &retention))
        FUZZ_CHECK((retention.messages > 0) != (retention.milliseconds > 0));
    if (options_number(text, -5, 5, &number))
        FUZZ_CHECK(number >= -5 && number <= 5);
    if (key_fingerprint_read(text, hash)) {
        key_fingerprint(hash, written);
        FUZZ_CHECK(strcasecmp(text, written) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool silent;
    char *words[WORDS_MAX + 1];
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL);
    if (!silent)
        fuzz_be_silent();
    silent = true;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    int count = take_words(text, size, words);
    for (int i = 1; i < count; i++)
        check_values(words[i]);
    check_settings(count, words);
    free(text);
    return 0;
}
