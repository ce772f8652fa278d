/* The log's file: made whole, brought up from an older version, refused when newer or damaged,
 * copied. */
#include "test.h"
#include "archive.h"
#include "backup.h"
#include "inspect.h"
#include "page_guard.h"
#include "schema.h"
#include "state.h"
#include "store.h"

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

static char folder[32];
static char path[64];
static struct store_problem problem;

static int remove_entry(const char *entry, const struct stat *status, int kind, struct FTW *at) {
    (void)status;
    (void)kind;
    (void)at;
    return remove(entry);
}

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/store-test-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/log.db", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A message of room 1 as a segment of its own. */
static void add_message(struct store *store, uint64_t id, const char *body) {
    struct message event = {.type = MESSAGE_MESSAGE};
    struct buffer frame = {0};
    event.event.id = id;
    event.event.room = 1;
    event.event.actor = 1;
    event.message.nick = wire_text("ada");
    event.message.body = wire_text(body);
    message_encode(&frame, &event);
    struct segment *segment = segment_new(&frame);
    assert_non_null(segment);
    segment->room = 1;
    segment->first_id = segment->last_id = id;
    store_begin(store);
    store_add_segment(store, segment, id);
    assert_true(store_commit(store));
    segment_drop(segment);
    buffer_free(&frame);
}

static void fill_log(unsigned messages) {
    struct store *store = store_open(folder, &problem);
    char body[200];
    assert_non_null(store);
    store_begin(store);
    store_add_room(store, 1, ROOM_PUBLIC, "#lobby", 0);
    assert_true(store_commit(store));
    for (unsigned i = 1; i <= messages; i++) {
        memset(body, 'a' + (int)(i % 26), sizeof body - 1);
        body[sizeof body - 1] = '\0';
        add_message(store, i, body);
    }
    store_close(store);
}

static void execute(const char *sql) {
    sqlite3 *database;
    assert_int_equal(page_guard_open(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static char *read_whole(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    char *content = calloc(1, *size + 1);
    assert_non_null(content);
    assert_int_equal(fread(content, 1, *size, file), *size);
    fclose(file);
    return content;
}

static void assert_refused(const char *reason) {
    assert_null(store_open(folder, &problem));
    if (strstr(problem.text, reason) == NULL)
        fail_msg("'%s' does not say '%s'", problem.text, reason);
}

static void a_folder_of_the_previous_version_is_brought_up(void **state) {
    (void)state;
    size_t size;
    char *sql = read_whole("tests/data/log-version-1.sql", &size);
    execute(sql);
    free(sql);
    struct store *store = store_open(folder, &problem);
    assert_string_equal(problem.text, "");
    assert_non_null(store);
    const char *reason;
    struct state *loaded = state_new(&reason);
    assert_true(state_load(loaded, store));
    const struct room *lobby = state_room_by_name(loaded, "#lobby");
    const struct room *den = state_room_by_name(loaded, "#den");
    assert_int_equal(lobby->messages, 4);
    assert_int_equal(lobby->owner, 0);
    assert_string_equal(lobby->topic, "old times");
    assert_int_equal(den->messages, 1);
    assert_int_equal(den->owner, 1);
    const struct account *ben = state_account_by_nick(loaded, "ben");
    assert_int_equal(account_reading(ben, lobby->id)->messages, lobby->messages);
    assert_int_equal(account_reading(ben, lobby->id)->read, lobby->newest);
    state_free(loaded);
    store_close(store);
    /* Its pages are guarded from here on, and its events are what they were. */
    assert_int_equal(backup_check(folder), 0);
    char *content = read_whole(path, &size);
    assert_int_equal(content[20], 8);
    free(content);
    struct archive *archive = archive_open(path);
    struct buffer events = {0};
    assert_int_equal(archive_event(archive, 12, &events), ARCHIVE_FOUND);
    assert_non_null(memmem(events.data, events.size, "third words", 11));
    buffer_free(&events);
    archive_close(archive);
}

static void a_folder_of_version_2_is_brought_up_and_everybody_is_a_guest(void **state) {
    (void)state;
    size_t size;
    const char *reason;
    char *sql = read_whole("tests/data/log-version-2.sql", &size);
    execute(sql);
    free(sql);
    struct store *store = store_open(folder, &problem);
    assert_string_equal(problem.text, "");
    assert_non_null(store);
    struct state *loaded = state_new(&reason);
    assert_true(state_load(loaded, store));
    const struct room *lobby = state_room_by_name(loaded, "#lobby");
    const struct account *ada = state_account_by_nick(loaded, "ada");
    assert_int_equal(lobby->messages, 4);
    assert_int_equal(account_reading(state_account_by_nick(loaded, "ben"), 1)->messages, 3);
    assert_null(ada->devices);
    assert_int_equal(state_owner(loaded), 0);
    assert_int_equal(state_admission(loaded), ADMISSION_OPEN);
    /* A nick belongs to nobody yet. */
    struct name name;
    struct account *holder;
    assert_true(name_nick(wire_text("ada"), &name));
    assert_true(state_find_holder(loaded, &name, NULL, &holder));
    assert_null(holder);
    state_free(loaded);
    store_close(store);
    assert_int_equal(backup_check(folder), 0);
}

/* Appends messages to a log of version 1, as that version stored them. */
static void fill_older_log(uint64_t from, uint64_t to) {
    sqlite3 *database;
    sqlite3_stmt *add;
    char body[400];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(database, "INSERT INTO segments VALUES(?,1,?,?)", -1, &add, NULL),
        SQLITE_OK);
    for (uint64_t id = from; id <= to; id++) {
        struct message event = {.type = MESSAGE_MESSAGE};
        struct buffer frame = {0};
        event.event = (struct event_head){.id = id, .room = 1, .actor = 1};
        event.message.nick = wire_text("ada");
        event.message.body = wire_text(body);
        message_encode(&frame, &event);
        sqlite3_bind_int64(add, 1, (sqlite3_int64)id);
        sqlite3_bind_int64(add, 2, (sqlite3_int64)id);
        sqlite3_bind_blob(add, 3, frame.data, (int)frame.size, SQLITE_TRANSIENT);
        assert_int_equal(sqlite3_step(add), SQLITE_DONE);
        sqlite3_reset(add);
        buffer_free(&frame);
    }
    sqlite3_finalize(add);
    assert_int_equal(sqlite3_exec(database, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

/* One that does not fit the memory SQLite takes for it. */
static void a_large_folder_of_the_previous_version_is_brought_up(void **state) {
    (void)state;
    size_t size;
    char *sql = read_whole("tests/data/log-version-1.sql", &size);
    execute(sql);
    free(sql);
    fill_older_log(18, 20000);
    struct store *store = store_open(folder, &problem);
    assert_string_equal(problem.text, "");
    uint64_t last_id = 0;
    assert_true(store_last_id(store, &last_id));
    assert_int_equal(last_id, 20000);
    store_close(store);
    assert_int_equal(backup_check(folder), 0);
    store = store_open(folder, &problem);
    assert_non_null(store);
    store_close(store);
}

/* A kill between the two halves of it: the pages have their checksums, the tables are the old. */
static void an_upgrade_that_was_interrupted_goes_on(void **state) {
    (void)state;
    size_t size;
    char *sql = read_whole("tests/data/log-version-1.sql", &size);
    execute(sql);
    free(sql);
    sqlite3 *database;
    assert_int_equal(page_guard_open(path, &database, SQLITE_OPEN_READWRITE), SQLITE_OK);
    assert_int_equal(schema_version(database), 1);
    assert_true(page_guard_request(database));
    assert_int_equal(sqlite3_exec(database, "VACUUM", NULL, NULL, NULL), SQLITE_OK);
    assert_true(page_guard_is_on(database));
    sqlite3_close(database);
    struct store *store = store_open(folder, &problem);
    assert_string_equal(problem.text, "");
    store_close(store);
    assert_int_equal(backup_check(folder), 0);
}

static void a_log_that_says_it_has_no_checksums_is_refused(void **state) {
    (void)state;
    fill_log(3);
    int file = open(path, O_WRONLY);
    assert_int_equal(pwrite(file, "", 1, 20), 1);
    close(file);
    assert_refused("damaged");
}

/* What deleted rows leave between the rows of a page when the others are moved. */
static void nothing_of_a_deleted_row_is_left_in_the_file(void **state) {
    (void)state;
    struct store *store = store_open(folder, &problem);
    char body[300];
    size_t size;
    assert_non_null(store);
    store_begin(store);
    store_add_room(store, 1, ROOM_PUBLIC, "#lobby", 0);
    assert_true(store_commit(store));
    for (uint64_t i = 1; i <= 3000; i++) {
        memset(body, i % 3 == 0 ? '!' : 'a', sizeof body);
        memcpy(body, i % 3 == 0 ? "to-be-deleted" : "to-stay", i % 3 == 0 ? 13 : 7);
        body[20 + i * 37 % 250] = '\0';
        add_message(store, i, body);
        if (i > 30 && i % 3 == 0) {
            store_begin(store);
            store_remove_segment(store, i - 30);
            assert_true(store_commit(store));
        }
    }
    for (uint64_t i = 3; i <= 3000; i += 3) {
        store_begin(store);
        store_remove_segment(store, i);
        assert_true(store_commit(store));
    }
    store_close(store);
    char *content = read_whole(path, &size);
    assert_non_null(memmem(content, size, "to-stay", 7));
    assert_null(memmem(content, size, "to-be-deleted", 13));
    free(content);
}

static void an_upgrade_that_fails_changes_nothing(void **state) {
    (void)state;
    size_t size;
    char *sql = read_whole("tests/data/log-version-1.sql", &size);
    execute(sql);
    free(sql);
    execute("CREATE TABLE edits(in_the_way)");
    assert_refused("edits already exists");
    sqlite3 *database;
    assert_int_equal(page_guard_open(path, &database, SQLITE_OPEN_READWRITE), SQLITE_OK);
    assert_int_equal(schema_version(database), 1);
    assert_int_equal(sqlite3_exec(database, "SELECT owner FROM rooms", NULL, NULL, NULL),
                     SQLITE_ERROR);
    sqlite3_close(database);
}

static void a_newer_folder_is_refused(void **state) {
    (void)state;
    fill_log(3);
    execute("PRAGMA user_version=4");
    assert_refused("written by a newer chat-server");
}

static void something_else_is_refused(void **state) {
    (void)state;
    FILE *file = fopen(path, "w");
    fputs("Dear diary, today I wrote a chat server and it was good.\n", file);
    fclose(file);
    assert_refused("is not a database");
    assert_int_equal(truncate(path, 0), 0);
    assert_refused("is empty");
}

/* Every page, a bit in it at a place that moves on with the pages. */
static void a_flipped_bit_anywhere_is_refused(void **state) {
    (void)state;
    fill_log(60);
    size_t size;
    char *content = read_whole(path, &size);
    for (size_t page = 0; page * 4096 < size; page++) {
        size_t place = page * 4096 + page * 613 % 4096;
        int file = open(path, O_WRONLY);
        char flipped = (char)(content[place] ^ (1 << (page % 8)));
        assert_int_equal(pwrite(file, &flipped, 1, (off_t)place), 1);
        assert_null(store_open(folder, &problem));
        assert_int_equal(pwrite(file, &content[place], 1, (off_t)place), 1);
        close(file);
    }
    free(content);
    struct store *store = store_open(folder, &problem);
    assert_non_null(store);
    store_close(store);
}

static void a_log_cut_short_is_refused(void **state) {
    (void)state;
    fill_log(60);
    size_t size;
    char *content = read_whole(path, &size);
    for (size_t cut = 1; cut < size; cut = cut * 2 + 1) {
        assert_int_equal(truncate(path, (off_t)(size - cut)), 0);
        assert_null(store_open(folder, &problem));
        int file = open(path, O_WRONLY);
        assert_int_equal(pwrite(file, content, size, 0), size);
        close(file);
    }
    free(content);
}

static void a_half_made_log_is_made_anew(void **state) {
    (void)state;
    char unfinished[80];
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    FILE *file = fopen(unfinished, "w");
    fputs("half", file);
    fclose(file);
    fill_log(1);
    assert_int_equal(access(unfinished, F_OK), -1);
}

static void a_backup_is_the_log_of_that_moment(void **state) {
    (void)state;
    char copy[80];
    fill_log(60);
    struct store *store = store_open(folder, &problem);
    uint64_t epoch = store_epoch(store);
    uint64_t identity = store_identity(store);
    add_message(store, 61, "in the write-ahead log only");
    snprintf(copy, sizeof copy, "%s/backup", folder);
    assert_int_equal(backup_make(folder, copy), 0);
    assert_int_not_equal(backup_make(folder, copy), 0); /* never over another */
    add_message(store, 62, "after the backup");
    store_close(store);
    assert_int_equal(rename(copy, path), 0);
    store = store_open(folder, &problem);
    assert_non_null(store);
    uint64_t last_id = 0;
    assert_true(store_last_id(store, &last_id));
    assert_int_equal(last_id, 61);
    assert_true(store_identity(store) == identity);
    assert_false(store_epoch(store) == epoch);
    store_close(store);
}

static void a_damaged_log_is_not_backed_up(void **state) {
    (void)state;
    char copy[80];
    fill_log(60);
    snprintf(copy, sizeof copy, "%s/backup", folder);
    int file = open(path, O_WRONLY);
    assert_int_equal(pwrite(file, "XXXX", 4, 5 * 4096 + 100), 4);
    close(file);
    assert_int_not_equal(backup_make(folder, copy), 0);
    assert_int_equal(access(copy, F_OK), -1);
    assert_int_not_equal(backup_check(folder), 0);
}

static bool count_outbox(void *context, uint32_t account, uint64_t outbox, uint64_t up_to) {
    uint64_t *seen = context;
    (void)up_to;
    seen[account] |= 1u << outbox;
    return true;
}

static bool pass_account(void *context, uint32_t id, const char *nick, const uint8_t *hash) {
    (void)context;
    (void)id;
    (void)nick;
    (void)hash;
    return true;
}

static bool pass_room(void *context, const struct stored_room *room) {
    (void)context;
    (void)room;
    return true;
}

static bool pass_member(void *context, const struct stored_member *member) {
    (void)context;
    (void)member;
    return true;
}

static bool pass_device(void *context, const struct stored_device *device) {
    (void)context;
    (void)device;
    return true;
}

static bool pass_rule(void *context, uint32_t owner, int admission) {
    (void)context;
    (void)owner;
    (void)admission;
    return true;
}

static void the_outboxes_used_last_are_kept_whatever_the_clock_says(void **state) {
    (void)state;
    uint64_t seen[3] = {0};
    const struct store_visitor visitor = {.context = seen,
                                          .account = pass_account,
                                          .room = pass_room,
                                          .member = pass_member,
                                          .outbox = count_outbox,
                                          .device = pass_device,
                                          .rule = pass_rule};
    struct store *store = store_open(folder, &problem);
    assert_non_null(store);
    store_begin(store);
    for (uint64_t outbox = 1; outbox <= 5; outbox++)
        store_set_outbox(store, 1, outbox, 7, 1000 - outbox); /* the first was used last */
    store_set_outbox(store, 2, 1, 7, 0);
    store_forget_outboxes(store, 3);
    assert_true(store_commit(store));
    assert_true(store_visit(store, &visitor));
    assert_int_equal(seen[1], 1 << 1 | 1 << 2 | 1 << 3);
    assert_int_equal(seen[2], 1 << 1);
    store_close(store);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_folder_of_the_previous_version_is_brought_up),
        IN_A_FOLDER(a_folder_of_version_2_is_brought_up_and_everybody_is_a_guest),
        IN_A_FOLDER(a_large_folder_of_the_previous_version_is_brought_up),
        IN_A_FOLDER(an_upgrade_that_was_interrupted_goes_on),
        IN_A_FOLDER(a_log_that_says_it_has_no_checksums_is_refused),
        IN_A_FOLDER(nothing_of_a_deleted_row_is_left_in_the_file),
        IN_A_FOLDER(an_upgrade_that_fails_changes_nothing),
        IN_A_FOLDER(a_newer_folder_is_refused),
        IN_A_FOLDER(something_else_is_refused),
        IN_A_FOLDER(a_flipped_bit_anywhere_is_refused),
        IN_A_FOLDER(a_log_cut_short_is_refused),
        IN_A_FOLDER(a_half_made_log_is_made_anew),
        IN_A_FOLDER(a_backup_is_the_log_of_that_moment),
        IN_A_FOLDER(a_damaged_log_is_not_backed_up),
        IN_A_FOLDER(the_outboxes_used_last_are_kept_whatever_the_clock_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
