/* Whether a server is the one that is meant: the table of docs/security.md, the file of known
 * servers, and fingerprints. */
#include "test.h"
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/trust-test-XXXXXX";
static char path[64];

static const uint8_t one[LINK_KEY_BYTES] = {1};
static const uint8_t other[LINK_KEY_BYTES] = {2};

enum { VOUCHED = 1, FOR_HOST = 2, IN_TIME = 4 };

static enum trust_verdict decide(enum known_kind kind, const uint8_t *shown, unsigned says) {
    struct known_server known = {.kind = kind, .line = 1};
    struct tls_peer peer = {.by_authority = (says & VOUCHED) != 0,
                            .for_host = (says & FOR_HOST) != 0,
                            .in_time = (says & IN_TIME) != 0};
    memcpy(known.key, one, sizeof one);
    memcpy(peer.key, shown, sizeof peer.key);
    return trust_decide(&known, &peer);
}

static void a_server_that_is_not_known_is_judged_by_its_certificate(void **state) {
    (void)state;
    assert_int_equal(decide(KNOWN_NOT, one, VOUCHED | FOR_HOST | IN_TIME), TRUST_AUTHORITY);
    assert_int_equal(decide(KNOWN_NOT, one, VOUCHED | IN_TIME), TRUST_OTHER_HOST);
    assert_int_equal(decide(KNOWN_NOT, one, IN_TIME), TRUST_FIRST);
    assert_int_equal(decide(KNOWN_NOT, one, FOR_HOST | IN_TIME), TRUST_FIRST);
    assert_int_equal(decide(KNOWN_NOT, one, 0), TRUST_OUT_OF_TIME);
    assert_int_equal(decide(KNOWN_NOT, one, FOR_HOST), TRUST_OUT_OF_TIME);
}

static void a_key_that_is_known_is_all_that_counts(void **state) {
    (void)state;
    for (unsigned says = 0; says < 8; says++) {
        assert_int_equal(decide(KNOWN_BY_KEY, one, says), TRUST_KNOWN);
        assert_int_equal(decide(KNOWN_BY_KEY, other, says), TRUST_CHANGED);
        assert_int_equal(decide(KNOWN_UNCLEAR, one, says), TRUST_UNCLEAR);
        assert_int_equal(decide(KNOWN_FAILED, one, says), TRUST_UNREADABLE);
    }
}

static void who_was_vouched_for_needs_it_each_time(void **state) {
    (void)state;
    for (unsigned says = 0; says < 8; says++)
        assert_int_equal(decide(KNOWN_BY_AUTHORITY, other, says),
                         (says & VOUCHED) && (says & FOR_HOST) ? TRUST_KNOWN : TRUST_NO_VOUCHER);
}

static void write_known(const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_server_is_found_by_host_and_port(void **state) {
    (void)state;
    char fingerprint[KEY_FINGERPRINT_SIZE];
    char text[512];
    key_fingerprint(one, fingerprint);
    snprintf(text, sizeof text,
             "# mine\n\nhost 8000 %s\n  host\t8001\tauthorities\r\nhost 8002 nonsense\n"
             "host 8003\nhost 8000 authorities\nhost 8004 authorities and more",
             fingerprint);
    write_known(text);
    struct known_server known = known_servers_find(path, "HOST", "8000");
    assert_int_equal(known.kind, KNOWN_BY_KEY);
    assert_int_equal(known.line, 3);
    assert_memory_equal(known.key, one, sizeof one);
    assert_int_equal(known_servers_find(path, "host", "8001").kind, KNOWN_BY_AUTHORITY);
    assert_int_equal(known_servers_find(path, "host", "8002").kind, KNOWN_UNCLEAR);
    assert_int_equal(known_servers_find(path, "host", "8003").kind, KNOWN_UNCLEAR);
    assert_int_equal(known_servers_find(path, "host", "8004").kind, KNOWN_UNCLEAR);
    assert_int_equal(known_servers_find(path, "host", "8005").kind, KNOWN_NOT);
    assert_int_equal(known_servers_find(path, "ost", "8000").kind, KNOWN_NOT);
    assert_int_equal(known_servers_find(path, "# mine", "8000").kind, KNOWN_NOT);
    unlink(path);
    assert_int_equal(known_servers_find(path, "host", "8000").kind, KNOWN_NOT);
    assert_int_equal(known_servers_find(folder, "host", "8000").kind, KNOWN_FAILED);
}

static void a_server_is_added_once_and_nothing_is_lost(void **state) {
    (void)state;
    struct stat status;
    write_known("a line without its end");
    mode_t mask = umask(0);
    assert_true(known_servers_add(path, "host", "1", one));
    assert_true(known_servers_add(path, "host", "1", other));
    assert_true(known_servers_add(path, "host", "2", NULL));
    umask(mask);
    assert_memory_equal(known_servers_find(path, "host", "1").key, one, sizeof one);
    assert_int_equal(known_servers_find(path, "host", "1").line, 2);
    assert_int_equal(known_servers_find(path, "host", "2").kind, KNOWN_BY_AUTHORITY);
    unlink(path);
    assert_true(known_servers_add(path, "host", "1", one));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_false(known_servers_add(folder, "host", "1", one));
    unlink(path);
}

static void a_server_that_another_client_met_meanwhile_must_be_that_one(void **state) {
    (void)state;
    struct trust trust = {.host = "host", .port = "1", .path = path};
    struct tls_peer peer = {.in_time = true};
    memcpy(peer.key, one, sizeof one);
    assert_true(trust_accepts(&trust, &peer));
    assert_true(known_servers_add(path, "host", "1", other));
    assert_false(trust_settle(&trust));
    assert_non_null(strstr(trust.text, "Nothing was sent"));
    unlink(path);
    trust = (struct trust){.host = "host", .port = "1", .path = path};
    assert_true(trust_accepts(&trust, &peer));
    assert_true(known_servers_add(path, "host", "1", one));
    assert_true(trust_settle(&trust));
    unlink(path);
}

static void *add_many(void *context) {
    char port[16];
    for (int i = 0; i < 50; i++) {
        snprintf(port, sizeof port, "%d", i);
        assert_true(known_servers_add(path, context, port, one));
    }
    return NULL;
}

static void clients_that_add_at_the_same_time_lose_nothing(void **state) {
    (void)state;
    static char *const hosts[] = {"alpha", "beta", "beta", "gamma"};
    pthread_t threads[4];
    char port[16];
    size_t lines = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, hosts[i]), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 4; i++)
        for (int number = 0; number < 50; number++) {
            snprintf(port, sizeof port, "%d", number);
            struct known_server known = known_servers_find(path, hosts[i], port);
            assert_int_equal(known.kind, KNOWN_BY_KEY);
            lines = known.line > lines ? known.line : lines;
        }
    assert_int_equal(lines, 150);
    unlink(path);
}

static void a_fingerprint_is_read_as_it_was_written(void **state) {
    (void)state;
    uint8_t hash[LINK_KEY_BYTES], again[LINK_KEY_BYTES];
    char text[KEY_FINGERPRINT_SIZE];
    unsigned seed = 1;
    for (int i = 0; i < 1000; i++) {
        for (size_t each = 0; each < sizeof hash; each++)
            hash[each] = (uint8_t)rand_r(&seed);
        key_fingerprint(hash, text);
        assert_int_equal(strlen(text), KEY_FINGERPRINT_SIZE - 1);
        assert_true(key_fingerprint_read(text, again));
        assert_memory_equal(hash, again, sizeof hash);
        text[i % 64] = text[i % 64] == '-' ? '0' : text[i % 64] == 'Z' ? 'Y' : 'Z';
        assert_true(!key_fingerprint_read(text, again) || memcmp(hash, again, sizeof hash) != 0);
    }
    key_fingerprint(hash, text);
    for (char *at = text; *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    assert_true(key_fingerprint_read(text, again));
    assert_memory_equal(hash, again, sizeof hash);
    assert_false(key_fingerprint_read("", again));
    assert_false(key_fingerprint_read("authorities", again));
}

static void a_key_file_is_made_once_and_for_its_owner_alone(void **state) {
    (void)state;
    char place[96], link_place[96];
    struct link_problem problem;
    struct stat status;
    uint8_t first[LINK_KEY_BYTES], second[LINK_KEY_BYTES];
    snprintf(place, sizeof place, "%s/deep/key.pem", folder);
    snprintf(link_place, sizeof link_place, "%s/link.pem", folder);
    mode_t mask = umask(0);
    EVP_PKEY *key = key_file_open(place, &problem);
    umask(mask);
    assert_non_null(key);
    assert_true(key_hash(key, first));
    EVP_PKEY_free(key);
    assert_int_equal(stat(place, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    key = key_file_open(place, &problem);
    assert_non_null(key);
    assert_true(key_hash(key, second));
    assert_memory_equal(first, second, sizeof first);
    X509 *certificate = key_certificate(key, "test");
    assert_non_null(certificate);
    assert_true(key_hash_of(certificate, second));
    assert_memory_equal(first, second, sizeof first);
    X509_free(certificate);
    EVP_PKEY_free(key);
    assert_int_equal(symlink(place, link_place), 0);
    assert_null(key_file_open(link_place, &problem));
    assert_non_null(strstr(problem.text, "symbolic link"));
    chmod(place, 0640);
    assert_null(key_file_open(place, &problem));
    assert_non_null(strstr(problem.text, "chmod 600"));
    chmod(place, 0600);
    if (geteuid() == 0) {
        assert_int_equal(chown(place, 65534, 65534), 0);
        assert_null(key_file_open(place, &problem));
        assert_non_null(strstr(problem.text, "somebody else"));
    }
    assert_int_equal(truncate(place, 0), 0);
    assert_int_equal(chown(place, geteuid(), getegid()), 0);
    assert_null(key_file_open(place, &problem));
    assert_non_null(strstr(problem.text, "not a private key"));
    assert_null(key_file_open(folder, &problem));
    assert_non_null(strstr(problem.text, "is not a file"));
}

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/known_servers", folder);
    return 0;
}

static int remove_folder(void **state) {
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_not_known_is_judged_by_its_certificate),
        cmocka_unit_test(a_key_that_is_known_is_all_that_counts),
        cmocka_unit_test(who_was_vouched_for_needs_it_each_time),
        cmocka_unit_test(a_server_is_found_by_host_and_port),
        cmocka_unit_test(a_server_is_added_once_and_nothing_is_lost),
        cmocka_unit_test(a_server_that_another_client_met_meanwhile_must_be_that_one),
        cmocka_unit_test(clients_that_add_at_the_same_time_lose_nothing),
        cmocka_unit_test(a_fingerprint_is_read_as_it_was_written),
        cmocka_unit_test(a_key_file_is_made_once_and_for_its_owner_alone),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
