/* Keys, TLS, folders and clocks, as the system gives them or not: when OpenSSL gets no memory, at
 * one of its requests, what could not be made is said, and what was made works. */
#include "test.h"
#include "clock.h"
#include "key_file.h"
#include "paths.h"
#include "tls.h"

#include <openssl/crypto.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EVERY = 7 };

static long first_place;        /* of each test, by chance */
static long until_failure = -1; /* requests that are still met; below 0: all */

static bool strikes(void) {
    return until_failure >= 0 && until_failure-- == 0;
}

static void *test_allocate(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return strikes() ? NULL : malloc(size);
}

static void *test_resize(void *memory, size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return strikes() ? NULL : realloc(memory, size);
}

static void test_release(void *memory, const char *file, int line) {
    (void)file;
    (void)line;
    free(memory);
}

static char folder[] = "/tmp/chat-memory-XXXXXX";
static char key_path[64], certificate_path[64];

/* Each makes something and says whether that worked. */
static bool makes_a_key(void) {
    struct link_problem problem = {{0}, 0};
    char path[64];
    snprintf(path, sizeof path, "%s/new.pem", folder);
    EVP_PKEY *key = key_file_open(path, &problem);
    unlink(path);
    EVP_PKEY_free(key);
    assert_true(key != NULL || problem.text[0] != '\0');
    return key != NULL;
}

static bool shows_a_key(void) {
    struct link_problem problem = {{0}, 0};
    uint8_t of_key[LINK_KEY_BYTES], of_certificate[LINK_KEY_BYTES];
    EVP_PKEY *key = key_file_open(key_path, &problem);
    assert_true(key != NULL || problem.text[0] != '\0');
    X509 *certificate = key != NULL ? key_certificate(key, "test") : NULL;
    bool shown =
        certificate != NULL && key_hash(key, of_key) && key_hash_of(certificate, of_certificate);
    if (shown)
        assert_memory_equal(of_key, of_certificate, sizeof of_key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return shown;
}

static bool serves_what_is_in_files(void) {
    struct link_problem problem = {{0}, 0};
    struct tls *tls = tls_server_read(certificate_path, key_path, &problem);
    assert_true(tls != NULL || problem.text[0] != '\0');
    if (tls != NULL)
        tls_drop(tls);
    return tls != NULL;
}

static bool any_server(void *context, const struct tls_peer *peer) {
    (void)context;
    (void)peer;
    return true;
}

/* What was made can be used, with all the memory that takes: OpenSSL's own handshake does not stand
 * to be without. */
static bool talk(struct link *one, struct link *other) {
    const struct iovec piece = {"word", 4};
    char heard[8];
    int first = LINK_AGAIN, second = LINK_AGAIN;
    long left = until_failure;
    until_failure = -1;
    for (int turn = 0; turn < 5 && first != LINK_FAILED; turn++) {
        first = link_handshake(one);
        second = link_handshake(other);
    }
    if (first == LINK_READY && second == LINK_READY) {
        assert_int_equal(link_write(one, &piece, 1), 4);
        assert_int_equal(link_read(other, heard, sizeof heard), 4);
        assert_memory_equal(heard, "word", 4);
    } else {
        assert_string_not_equal(link_failure(first == LINK_FAILED ? one : other), "");
    }
    until_failure = left;
    return first == LINK_READY && second == LINK_READY;
}

static bool secures_a_connection(void) {
    static const struct tls_judge judge = {"127.0.0.1", any_server, NULL};
    struct link_problem problem = {{0}, 0};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct link one = link_plain(ends[0]), other = link_plain(ends[1]);
    EVP_PKEY *key = key_file_open(key_path, &problem);
    X509 *certificate = key != NULL ? key_certificate(key, "test") : NULL;
    struct tls *client = certificate != NULL ? tls_client(key, certificate, &problem) : NULL;
    struct tls *server = client != NULL ? tls_server(key, certificate, &problem) : NULL;
    bool secured = server != NULL && tls_connect(client, &one, &judge) &&
                   tls_accept(server, &other) && talk(&one, &other);
    link_close(&one);
    link_close(&other);
    tls_drop(server);
    tls_drop(client);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return secured;
}

/* Fails a request, then a later one, and so on until none is left to fail. */
static void fail_each(bool (*attempt)(void)) {
    bool struck = true;
    assert_true(attempt());
    for (long place = first_place; struck; place += EVERY) {
        until_failure = place;
        attempt();
        struck = until_failure < 0;
        until_failure = -1;
    }
    assert_true(attempt());
}

static void a_key_is_made_or_not_made(void **state) {
    (void)state;
    fail_each(makes_a_key);
}

static void a_key_is_shown_or_not_shown(void **state) {
    (void)state;
    fail_each(shows_a_key);
}

static void a_server_has_its_files_or_says_why_not(void **state) {
    (void)state;
    fail_each(serves_what_is_in_files);
}

static void a_connection_is_secured_or_not(void **state) {
    (void)state;
    fail_each(secures_a_connection);
}

static void what_is_wrong_with_an_operators_key_is_said(void **state) {
    (void)state;
    struct link_problem problem;
    char missing[96], below[96];
    snprintf(missing, sizeof missing, "%s/missing.pem", folder);
    snprintf(below, sizeof below, "%s/below.pem", key_path);
    assert_null(key_file_read(missing, &problem));
    assert_non_null(strstr(problem.text, "cannot be read: No such file"));
    assert_null(key_file_open(below, &problem));
    assert_non_null(strstr(problem.text, "cannot be read: Not a directory"));
    assert_null(key_file_read(folder, &problem));
    assert_non_null(strstr(problem.text, "is not a file"));
    chmod(key_path, 0604);
    assert_null(key_file_read(key_path, &problem));
    assert_non_null(strstr(problem.text, "chmod o="));
    chmod(key_path, 0640);
    EVP_PKEY *key = key_file_read(key_path, &problem);
    assert_non_null(key);
    EVP_PKEY_free(key);
    chmod(key_path, 0600);
}

static void a_folder_is_made_only_where_it_can_be(void **state) {
    (void)state;
    char below[96];
    snprintf(below, sizeof below, "%s/deeper/still", key_path);
    assert_false(path_make_folders(below));
    assert_int_equal(errno, ENOTDIR);
    char dangling[96];
    snprintf(dangling, sizeof dangling, "%s/dangling", folder);
    assert_int_equal(symlink("nowhere", dangling), 0);
    assert_false(path_make_folders(dangling));
    assert_int_equal(errno, ENOENT);
    unlink(dangling);
    assert_false(path_make_folders("/proc/no such folder"));
    assert_false(path_sync_folder_of(below));
    assert_true(path_sync_folder_of(key_path));
}

static void a_users_folder_is_where_the_environment_says(void **state) {
    (void)state;
    static const struct {
        const char *variable, *home, *path;
    } rows[] = {
        {"/data", "/home/ann", "/data/chat"},
        {NULL, "/home/ann", "/home/ann/.local/chat"},
        {"data", "/home/ann", "/home/ann/.local/chat"},
        {NULL, "home", NULL},
        {NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsetenv("TEST_DATA");
        unsetenv("HOME");
        if (rows[i].variable != NULL)
            setenv("TEST_DATA", rows[i].variable, 1);
        if (rows[i].home != NULL)
            setenv("HOME", rows[i].home, 1);
        char *path = path_for_user("TEST_DATA", ".local", "chat");
        assert_true((path == NULL) == (rows[i].path == NULL));
        if (path != NULL)
            assert_string_equal(path, rows[i].path);
        free(path);
    }
}

static void the_clocks_agree(void **state) {
    (void)state;
    uint64_t before = clock_monotonic();
    uint64_t between = clock_microseconds();
    uint64_t after = clock_monotonic();
    assert_in_range(between / 1000, before, after);
    uint64_t wall = clock_wall() / 1000;
    assert_in_range(wall, time(NULL) - 1, time(NULL) + 1);
    struct timespec deadline = clock_deadline(1500);
    uint64_t until = (uint64_t)deadline.tv_sec * 1000 + (uint64_t)deadline.tv_nsec / 1000000;
    assert_in_range(until, after + 1499, clock_monotonic() + 1501);
}

static int make_files(void **state) {
    (void)state;
    struct link_problem problem;
    if (mkdtemp(folder) == NULL)
        return 1;
    /* The system's authorities are ten thousands of requests. */
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", folder, 1);
    snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    snprintf(certificate_path, sizeof certificate_path, "%s/certificate.pem", folder);
    EVP_PKEY *key = key_file_open(key_path, &problem);
    X509 *certificate = key_certificate(key, "test");
    FILE *file = fopen(certificate_path, "w");
    bool made = file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made ? 0 : 1;
}

static int remove_files(void **state) {
    (void)state;
    unlink(key_path);
    unlink(certificate_path);
    return rmdir(folder);
}

/* OpenSSL loses some of what it has when it does not get more. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "detect_leaks=0";
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_made_or_not_made),
        cmocka_unit_test(a_key_is_shown_or_not_shown),
        cmocka_unit_test(a_server_has_its_files_or_says_why_not),
        cmocka_unit_test(a_connection_is_secured_or_not),
        cmocka_unit_test(what_is_wrong_with_an_operators_key_is_said),
        cmocka_unit_test(a_folder_is_made_only_where_it_can_be),
        cmocka_unit_test(a_users_folder_is_where_the_environment_says),
        cmocka_unit_test(the_clocks_agree),
    };
    first_place = time(NULL) % EVERY;
    print_message("from request %ld on, each %dth\n", first_place, EVERY);
    if (CRYPTO_set_mem_functions(test_allocate, test_resize, test_release) != 1)
        return EXIT_FAILURE;
    /* What it did not get, it may free twice when it cleans up. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
