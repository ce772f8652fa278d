/* Gives a target every file of its corpus, without a fuzzer: what was found once stays mended.
 * TARGET-replay [FOLDER...]; without folders the corpus, and as one test the seeds that were made
 * beside the program. */
#include "fuzz.h"

#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tests;

static void say_ok(const char *name) {
    printf("ok %d - %s\n", ++tests, name);
}

static bool replay_file(const char *path) {
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    /* A block of exactly its size, so that a sanitizer sees what is read behind it. */
    uint8_t *exact = malloc(size + (size == 0));
    if (exact == NULL)
        return false;
    memcpy(exact, bytes, size);
    printf("# %s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return true;
}

static bool replay_folder(const char *folder, bool each_is_a_test) {
    struct dirent **entries;
    bool all = true;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        bool replayed = entries[i]->d_name[0] != '.' && replay_file(path);
        if (replayed && each_is_a_test)
            say_ok(entries[i]->d_name);
        all = (replayed || entries[i]->d_name[0] == '.') && all;
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return all;
}

int main(int argc, char **argv) {
    char folder[4096], target[256];
    bool all = true;
    for (int i = 1; i < argc; i++)
        all = replay_folder(argv[i], true) && all;
    if (argc == 1) {
        char *copy = strdup(argv[0]);
        if (copy == NULL)
            return EXIT_FAILURE;
        snprintf(target, sizeof target, "%s", basename(copy));
        target[strcspn(target, "-")] = '\0';
        snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", target);
        all = replay_folder(folder, true);
        snprintf(folder, sizeof folder, "%s/seeds/%s", dirname(strcpy(copy, argv[0])), target);
        if (access(folder, F_OK) == 0) {
            all = replay_folder(folder, false) && all;
            say_ok("seeds");
        }
        free(copy);
    }
    return all && tests > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
