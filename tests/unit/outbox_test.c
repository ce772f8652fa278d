#include "test.h"
#include "outbox.h"

#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/outbox-test-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL || setenv("XDG_STATE_HOME", folder, 1) != 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static int remove_folder(void **state) {
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static struct outbox *open_as(const char *nick) {
    struct outbox *outbox = outbox_open("127.0.0.1", "8000", nick, false);
    assert_non_null(outbox);
    assert_null(outbox_problem(outbox));
    return outbox;
}

static struct outbox *open_with_key(const char *nick) {
    struct outbox *outbox = outbox_open("127.0.0.1", "8000", nick, true);
    assert_non_null(outbox);
    assert_null(outbox_problem(outbox));
    return outbox;
}

static void add(struct outbox *outbox, uint32_t room, const char *body) {
    assert_non_null(outbox_add(outbox, room, wire_text(body)));
    outbox_flush(outbox);
}

/* The waiting posts, as "number:room:body" joined by blanks. */
static void expect_posts(const struct outbox *outbox, const char *expected) {
    char posts[512] = "";
    size_t used = 0;
    for (const struct outbox_post *post = outbox_first(outbox); post != NULL; post = post->next)
        used += (size_t)snprintf(posts + used, sizeof posts - used, "%s%llu:%u:%.*s",
                                 used > 0 ? " " : "", (unsigned long long)post->number, post->room,
                                 (int)post->size, post->body);
    assert_string_equal(posts, expected);
}

static void posts_wait_across_a_restart_until_they_are_stored(void **state) {
    (void)state;
    struct outbox *outbox = open_as("restart");
    uint64_t id = outbox_id(outbox);
    add(outbox, 1, "one");
    add(outbox, 2, "two");
    add(outbox, 1, "three");
    outbox_stored(outbox, 1);
    outbox_close(outbox);
    outbox = open_as("restart");
    assert_true(outbox_id(outbox) == id);
    expect_posts(outbox, "2:2:two 3:1:three");
    assert_int_equal(outbox_next_number(outbox), 4);
    outbox_stored(outbox, 3);
    expect_posts(outbox, "");
    add(outbox, 1, "four");
    expect_posts(outbox, "4:1:four");
    outbox_close(outbox);
}

static void a_refused_post_gives_its_number_to_the_next(void **state) {
    (void)state;
    struct outbox *outbox = open_as("refused");
    add(outbox, 1, "one");
    add(outbox, 1, "two");
    add(outbox, 1, "three");
    outbox_refused(outbox, 2);
    expect_posts(outbox, "1:1:one 2:1:three");
    outbox_refused(outbox, 2);
    add(outbox, 1, "four");
    outbox_close(outbox);
    outbox = open_as("refused");
    expect_posts(outbox, "1:1:one 2:1:four");
    outbox_close(outbox);
}

static void the_start_room_gets_its_number_later(void **state) {
    (void)state;
    struct outbox *outbox = open_as("bind");
    add(outbox, 0, "early");
    add(outbox, 5, "other");
    outbox_bind(outbox, 3);
    outbox_close(outbox);
    outbox = open_as("bind");
    expect_posts(outbox, "1:3:early 2:5:other");
    outbox_close(outbox);
}

static void two_clients_at_once_have_outboxes_of_their_own(void **state) {
    (void)state;
    struct outbox *first = open_as("twice");
    struct outbox *second = open_as("twice");
    assert_true(outbox_id(first) != outbox_id(second));
    uint64_t id = outbox_id(first);
    add(first, 1, "mine");
    expect_posts(second, "");
    outbox_close(first);
    first = open_as("twice");
    assert_true(outbox_id(first) == id);
    outbox_close(first);
    outbox_close(second);
}

static enum outbox_log welcome(struct outbox *outbox, uint64_t server, uint64_t epoch,
                               const uint8_t secret[SECRET_BYTES]) {
    const struct message_welcome message = {
        .server = server, .epoch = epoch, .secret = {secret, SECRET_BYTES}};
    return outbox_welcome(outbox, &message);
}

static void the_secret_and_the_server_are_remembered(void **state) {
    (void)state;
    uint8_t secret[SECRET_BYTES];
    memset(secret, 7, sizeof secret);
    struct outbox *outbox = open_as("secret");
    assert_int_equal(outbox_secret(outbox).size, 0);
    assert_int_equal(welcome(outbox, 42, 5, secret), OUTBOX_SAME_LOG);
    outbox_close(outbox);
    outbox = open_as("secret");
    assert_int_equal(outbox_secret(outbox).size, SECRET_BYTES);
    assert_memory_equal(outbox_secret(outbox).data, secret, SECRET_BYTES);
    assert_int_equal(welcome(outbox, 42, 5, secret), OUTBOX_SAME_LOG);
    assert_int_equal(welcome(outbox, 42, 6, secret), OUTBOX_OTHER_EPOCH);
    assert_int_equal(welcome(outbox, 42, 6, secret), OUTBOX_SAME_LOG);
    assert_int_equal(welcome(outbox, 43, 6, secret), OUTBOX_OTHER_SERVER);
    outbox_close(outbox);
}

static void another_server_gets_none_of_what_waits_for_the_one_before(void **state) {
    (void)state;
    uint8_t secret[SECRET_BYTES] = {1};
    struct outbox *outbox = open_as("moved");
    welcome(outbox, 42, 5, secret);
    add(outbox, 1, "one");
    outbox_stored(outbox, 1);
    add(outbox, 1, "two");
    add(outbox, 1, "three");
    assert_int_equal(welcome(outbox, 42, 6, secret), OUTBOX_OTHER_EPOCH);
    expect_posts(outbox, "2:1:two 3:1:three");
    assert_int_equal(welcome(outbox, 43, 6, secret), OUTBOX_OTHER_SERVER);
    for (int time = 0; time < 2; time++) {
        expect_posts(outbox, "");
        assert_int_equal(outbox_next_number(outbox), 2);
        outbox_close(outbox);
        outbox = open_as("moved");
    }
    assert_int_equal(welcome(outbox, 43, 6, secret), OUTBOX_SAME_LOG);
    add(outbox, 1, "four");
    expect_posts(outbox, "2:1:four");
    outbox_close(outbox);
}

static void all_clients_of_a_person_share_the_secret(void **state) {
    (void)state;
    uint8_t secret[SECRET_BYTES], other[SECRET_BYTES];
    memset(secret, 3, sizeof secret);
    memset(other, 4, sizeof other);
    struct outbox *first = open_as("shared");
    struct outbox *second = open_as("shared");
    assert_false(outbox_read_secret(second));
    welcome(first, 42, 5, secret);
    assert_true(outbox_read_secret(second));
    assert_memory_equal(outbox_secret(second).data, secret, SECRET_BYTES);
    /* The one that is welcomed last has the word. */
    welcome(second, 42, 5, other);
    assert_true(outbox_read_secret(first));
    assert_memory_equal(outbox_secret(first).data, other, SECRET_BYTES);
    assert_false(outbox_read_secret(first));
    outbox_close(first);
    outbox_close(second);
}

/* A server that does not know us, on the wrong folder perhaps, does not cost us the account. */
static void a_secret_that_is_replaced_is_kept(void **state) {
    (void)state;
    char path[256];
    uint8_t found[SECRET_BYTES + 1];
    for (uint8_t i = 1; i <= 3; i++) {
        uint8_t secret[SECRET_BYTES];
        memset(secret, i, sizeof secret);
        struct outbox *outbox = open_as("replaced");
        welcome(outbox, 40u + i, 5, secret);
        assert_true((outbox_problem(outbox) != NULL) == (i > 1));
        if (i > 1)
            assert_non_null(strstr(outbox_problem(outbox), "you are a new person"));
        outbox_close(outbox);
    }
    for (uint8_t i = 1; i <= 2; i++) {
        snprintf(path, sizeof path, "%s/chat-tui/127.0.0.1_8000/replaced/identity.%d", folder, i);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_int_equal(fread(found, 1, sizeof found, file), SECRET_BYTES);
        assert_int_equal(found[0], i);
        fclose(file);
    }
}

static bool file_holds(const char *path, const char *bytes) {
    static char content[1 << 20];
    FILE *file = fopen(path, "r");
    size_t size = file != NULL ? fread(content, 1, sizeof content, file) : 0;
    if (file != NULL)
        fclose(file);
    return size > 0 && memmem(content, size, bytes, strlen(bytes)) != NULL;
}

/* What the server has, it may delete: no copy stays here. */
static void what_was_sent_leaves_the_disk(void **state) {
    (void)state;
    char path[2][256];
    struct outbox *outbox = open_as("sent");
    for (size_t i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s/chat-tui/127.0.0.1_8000/sent/0.db%s", folder,
                 i == 0 ? "" : "-wal");
    add(outbox, 1, "xyzzy-secret");
    assert_true(file_holds(path[0], "xyzzy-secret") || file_holds(path[1], "xyzzy-secret"));
    outbox_stored(outbox, 1);
    assert_false(file_holds(path[0], "xyzzy-secret"));
    assert_false(file_holds(path[1], "xyzzy-secret"));
    outbox_close(outbox);
}

/* Lets files grow by so many bytes at most, as a full disk does. */
static void limit_files(rlim_t bytes) {
    const struct rlimit limit = {bytes, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_a_full_disk_did_not_take_is_written_when_it_does(void **state) {
    (void)state;
    struct outbox *outbox = open_as("full");
    add(outbox, 1, "one");
    limit_files(1);
    add(outbox, 1, "two");
    assert_non_null(outbox_problem(outbox));
    outbox_stored(outbox, 1);
    outbox_flush(outbox);
    assert_non_null(outbox_problem(outbox));
    limit_files(RLIM_INFINITY);
    outbox_flush(outbox);
    assert_null(outbox_problem(outbox));
    outbox_close(outbox);
    outbox = open_as("full");
    expect_posts(outbox, "2:1:two");
    outbox_close(outbox);
}

/* What was sent and could not be forgotten must not be sent again. */
static void an_outbox_that_cannot_forget_is_given_up(void **state) {
    (void)state;
    struct outbox *outbox = open_as("stubborn");
    add(outbox, 1, "one");
    limit_files(1);
    outbox_stored(outbox, 1);
    outbox_close(outbox);
    limit_files(RLIM_INFINITY);
    outbox = open_as("stubborn");
    expect_posts(outbox, "");
    outbox_close(outbox);
}

static void half_a_secret_is_none(void **state) {
    (void)state;
    char path[256];
    uint8_t secret[SECRET_BYTES];
    memset(secret, 5, sizeof secret);
    outbox_close(open_as("half"));
    snprintf(path, sizeof path, "%s/chat-tui/127.0.0.1_8000/half/identity", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(secret, 1, sizeof secret - 1, file);
    fclose(file);
    struct outbox *outbox = open_as("half");
    assert_int_equal(outbox_secret(outbox).size, 0);
    welcome(outbox, 42, 5, secret);
    outbox_close(outbox);
    outbox = open_as("half");
    assert_memory_equal(outbox_secret(outbox).data, secret, SECRET_BYTES);
    outbox_close(outbox);
}

/* As version 0 wrote it: no epoch, and the secret in the file itself. */
static void make_old_file(const char *path, const char *secret) {
    sqlite3 *database;
    char sql[1024];
    snprintf(sql, sizeof sql,
             "CREATE TABLE client(one INTEGER PRIMARY KEY CHECK(one=1), outbox INTEGER NOT NULL,"
             "  next_number INTEGER NOT NULL, server INTEGER NOT NULL, secret BLOB NOT NULL);"
             "CREATE TABLE posts(number INTEGER PRIMARY KEY, room INTEGER NOT NULL,"
             "  body BLOB NOT NULL);"
             "INSERT INTO client VALUES(1, 77, 9, 42, x'%s');"
             "INSERT INTO posts VALUES(8, 3, 'waits');",
             secret);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void a_file_of_the_version_before_is_taken_over(void **state) {
    (void)state;
    char path[256];
    uint8_t secret[SECRET_BYTES];
    memset(secret, 0xab, sizeof secret);
    outbox_close(open_as("old"));
    snprintf(path, sizeof path, "%s/chat-tui/127.0.0.1_8000/old/0.db", folder);
    assert_int_equal(remove(path), 0);
    char hex[2 * SECRET_BYTES + 1] = "";
    for (size_t i = 0; i < SECRET_BYTES; i++)
        strcat(hex, "ab");
    make_old_file(path, hex);
    for (int time = 0; time < 2; time++) {
        struct outbox *outbox = open_as("old");
        assert_int_equal(outbox_id(outbox), 77);
        assert_int_equal(outbox_next_number(outbox), 9);
        assert_int_equal(outbox_secret(outbox).size, SECRET_BYTES);
        assert_memory_equal(outbox_secret(outbox).data, secret, SECRET_BYTES);
        expect_posts(outbox, "8:3:waits");
        /* Which epoch it saw last it does not know: any is the same log. */
        assert_int_equal(welcome(outbox, 42, 6, secret), OUTBOX_SAME_LOG);
        outbox_close(outbox);
    }
}

static void begun_anew_the_posts_are_numbered_from_one_under_another_id(void **state) {
    (void)state;
    struct outbox *outbox = open_as("renew");
    uint64_t id = outbox_id(outbox);
    add(outbox, 1, "one");
    add(outbox, 1, "two");
    outbox_stored(outbox, 1);
    outbox_renew(outbox);
    assert_true(outbox_id(outbox) != id);
    expect_posts(outbox, "1:1:two");
    outbox_close(outbox);
}

static void files_are_the_users_alone_whatever_the_umask(void **state) {
    (void)state;
    struct stat status;
    char path[256];
    umask(0);
    struct outbox *outbox = open_as("modes");
    snprintf(path, sizeof path, "%s/chat-tui/127.0.0.1_8000/modes/0.db", folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    uint8_t secret[SECRET_BYTES] = {1};
    welcome(outbox, 42, 5, secret);
    snprintf(path, sizeof path, "%s/chat-tui/127.0.0.1_8000/modes/identity", folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/chat-tui", folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    outbox_close(outbox);
}

static void a_name_never_becomes_a_path(void **state) {
    (void)state;
    struct stat status;
    char path[256];
    struct outbox *outbox = open_as("../../escape");
    snprintf(path, sizeof path, "%s/chat-tui/127.0.0.1_8000/%%2E.%%2F..%%2Fescape", folder);
    assert_int_equal(stat(path, &status), 0);
    outbox_close(outbox);
}

static void who_shows_a_key_has_one_outbox_whatever_the_nick(void **state) {
    (void)state;
    struct outbox *outbox = open_with_key("keyed");
    uint64_t id = outbox_id(outbox);
    add(outbox, 1, "one");
    outbox_close(outbox);
    outbox = open_with_key("called otherwise");
    assert_true(outbox_id(outbox) == id);
    expect_posts(outbox, "1:1:one");
    outbox_stored(outbox, 1);
    outbox_close(outbox);
}

static void what_waits_from_before_there_were_keys_goes_first(void **state) {
    (void)state;
    static const uint8_t secret[SECRET_BYTES] = {1, 2, 3};
    struct message_welcome welcome = {.server = 5, .secret = {secret, sizeof secret}};
    struct outbox *guest = open_as("older");
    struct outbox *second = open_as("older");
    outbox_welcome(guest, &welcome);
    uint64_t id = outbox_id(second);
    add(second, 1, "waits");
    outbox_close(guest);
    outbox_close(second);
    struct outbox *outbox = open_with_key("older");
    assert_true(outbox_id(outbox) == id);
    expect_posts(outbox, "1:1:waits");
    assert_memory_equal(outbox_secret(outbox).data, secret, SECRET_BYTES);
    /* Another client at that time has nothing of it. */
    struct outbox *other = open_with_key("older");
    expect_posts(other, "");
    outbox_close(other);
    outbox_stored(outbox, 1);
    outbox_close(outbox);
    outbox = open_with_key("older");
    assert_true(outbox_id(outbox) != id);
    outbox_close(outbox);
}

static void without_a_disk_it_keeps_to_memory_and_says_so(void **state) {
    (void)state;
    setenv("XDG_STATE_HOME", "/proc/nowhere", 1);
    struct outbox *outbox = outbox_open("h", "1", "n", false);
    assert_non_null(outbox);
    assert_non_null(outbox_problem(outbox));
    add(outbox, 1, "one");
    expect_posts(outbox, "1:1:one");
    outbox_close(outbox);
    setenv("XDG_STATE_HOME", folder, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_wait_across_a_restart_until_they_are_stored),
        cmocka_unit_test(a_refused_post_gives_its_number_to_the_next),
        cmocka_unit_test(the_start_room_gets_its_number_later),
        cmocka_unit_test(two_clients_at_once_have_outboxes_of_their_own),
        cmocka_unit_test(the_secret_and_the_server_are_remembered),
        cmocka_unit_test(another_server_gets_none_of_what_waits_for_the_one_before),
        cmocka_unit_test(all_clients_of_a_person_share_the_secret),
        cmocka_unit_test(a_secret_that_is_replaced_is_kept),
        cmocka_unit_test(what_was_sent_leaves_the_disk),
        cmocka_unit_test(what_a_full_disk_did_not_take_is_written_when_it_does),
        cmocka_unit_test(an_outbox_that_cannot_forget_is_given_up),
        cmocka_unit_test(half_a_secret_is_none),
        cmocka_unit_test(a_file_of_the_version_before_is_taken_over),
        cmocka_unit_test(begun_anew_the_posts_are_numbered_from_one_under_another_id),
        cmocka_unit_test(files_are_the_users_alone_whatever_the_umask),
        cmocka_unit_test(a_name_never_becomes_a_path),
        cmocka_unit_test(who_shows_a_key_has_one_outbox_whatever_the_nick),
        cmocka_unit_test(what_waits_from_before_there_were_keys_goes_first),
        cmocka_unit_test(without_a_disk_it_keeps_to_memory_and_says_so),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
