/* The documents say what the tables say. With UPDATE=1 in the environment the tables of
 * docs/protocol.md and docs/rights.md are written anew instead (make protocol-doc). Runs in the
 * project's folder. */
#include "test.h"
#include "bounds.h"
#include "commands.h"
#include "keys.h"
#include "metrics.h"
#include "peer_limits.h"
#include "protocol.h"
#include "report.h"
#include "rights.h"

static const char tables_begin[] = "<!-- tables: written by `make protocol-doc` -->\n";
static const char tables_end[] = "<!-- end of tables -->\n";

static char *file_read(const char *path) {
    struct buffer content = {0};
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    char piece[4096];
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;)
        buffer_append(&content, piece, got);
    fclose(file);
    char *text = strdup(buffer_string(&content));
    buffer_free(&content);
    return text;
}

static const char *const senders[] = {"client", "server", "both", "server, event"};
static const char *const types[] = {"u8", "u16", "u32", "u64", "text", "blob", "texts"};

static void write_messages(struct buffer *out) {
    for (size_t i = 0; i < message_table_size; i++) {
        const struct message_entry *entry = &message_table[i];
        buffer_append_format(out,
                             "### %d `%s` (%s)\n\n%s\n\n| field | type | what |\n|---|---|---|\n",
                             (int)entry->type, entry->name, senders[entry->sender], entry->about);
        for (size_t field = 0; field < entry->field_count; field++)
            buffer_append_format(out, "| `%s` | %s%s | %s |\n", entry->fields[field].name,
                                 types[entry->fields[field].type],
                                 entry->fields[field].later ? ", later" : "",
                                 entry->fields[field].about);
        buffer_append_string(out, "\n");
    }
}

static void write_tables(struct buffer *out) {
    buffer_append_string(out, "## Messages\n\n");
    write_messages(out);
    buffer_append_string(out, "## Errors\n\n| code | name | what |\n|--:|---|---|\n");
#define ERROR(number, NAME, text)                                                                  \
    buffer_append_format(out, "| %d | `%s` | %s |\n", number, #NAME, text);
#include "protocol.def"
    buffer_append_string(out, "\n## Limits\n\n| name | value | of |\n|---|--:|---|\n");
#define LIMIT(name, value, what)                                                                   \
    buffer_append_format(out, "| `%s` | %d | %s |\n", #name, value, what);
    LIMITS(LIMIT)
#undef LIMIT
}

static void update(const char *path, const char *text, const char *from, const char *to,
                   const char *tables) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%.*s%s%s", (int)(from - text), text, tables, to);
    fclose(file);
}

static const char *least_in(const struct right_entry *entry, enum room_kind kind, unsigned access) {
    return role_name(right_least_role(entry, kind, access));
}

static void write_rights(struct buffer *out) {
    buffer_append_string(
        out, "## In a room\n\n| right | to | public | private | read-only | of two people "
             "|\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < right_count; i++)
        if (rights[i].of_room)
            buffer_append_format(out, "| `%s` | %s | %s | %s | %s | %s |\n", rights[i].name,
                                 rights[i].about, least_in(&rights[i], ROOM_PUBLIC, 0),
                                 least_in(&rights[i], ROOM_PUBLIC, ACCESS_PRIVATE),
                                 least_in(&rights[i], ROOM_PUBLIC, ACCESS_READ_ONLY),
                                 least_in(&rights[i], ROOM_DIRECT, 0));
    buffer_append_string(out, "\n## On the server\n\n| right | to | who may |\n|---|---|---|\n");
    for (size_t i = 0; i < right_count; i++)
        if (!rights[i].of_room)
            buffer_append_format(out, "| `%s` | %s | %s |\n", rights[i].name, rights[i].about,
                                 standing_name(rights[i].least));
    buffer_append_string(out, "\n");
}

static void write_peer_limits(struct buffer *out) {
    static const char *const units[] = {"", " s", " a minute"};
    buffer_append_string(out, "| limit | unless set | of |\n|---|--:|---|\n");
    for (size_t i = 0; i < PEER_LIMIT_COUNT; i++)
        buffer_append_format(out, "| `%s` | %u%s | %s |\n", peer_limit_table[i].name,
                             peer_limit_table[i].value, units[peer_limit_table[i].unit],
                             peer_limit_table[i].about);
}

static void write_operations(struct buffer *out) {
    static const char *const kinds[] = {"counter", "gauge"};
    buffer_append_string(out, "## Figures\n\n| name | type | what |\n|---|---|---|\n");
    for (size_t i = 0; i < METRIC_COUNT; i++)
        buffer_append_format(out, "| `%s` | %s | %s |\n", metric_table[i].name,
                             kinds[metric_table[i].type], metric_table[i].about);
    buffer_append_string(
        out, "| `chat_limit_met_total{limit=}` | counter | times a limit was met |\n"
             "| `chat_commit_seconds` | histogram | how long commits took |\n"
             "| `chat_queue_bytes{queue=,number=}` | gauge | what waits in a queue |\n\n"
             "## Lines of the log\n\n| event | level | means | to do |\n|---|---|---|---|\n");
    for (size_t i = 0; i < REPORT_COUNT; i++)
        buffer_append_format(out, "| `%s` | %s | %s | %s |\n", report_table[i].event,
                             report_levels[report_table[i].level], report_table[i].about,
                             report_table[i].remedy);
}

/* Compares what lies between the marks of a document with the tables, or writes it anew. */
static void expect_tables(const char *path, void (*write)(struct buffer *out)) {
    struct buffer tables = {0};
    char *text = file_read(path);
    char *from = strstr(text, tables_begin);
    char *to = strstr(text, tables_end);
    assert_non_null(from);
    assert_non_null(to);
    from += strlen(tables_begin);
    write(&tables);
    if (getenv("UPDATE") != NULL)
        update(path, text, from, to, buffer_string(&tables));
    else if ((size_t)(to - from) != tables.size || memcmp(from, tables.data, tables.size) != 0)
        fail_msg("%s differs from the tables in common/; run `make protocol-doc`", path);
    buffer_free(&tables);
    free(text);
}

static void the_documents_have_the_tables_as_they_are(void **state) {
    (void)state;
    expect_tables("docs/protocol.md", write_tables);
    expect_tables("docs/rights.md", write_rights);
    expect_tables("docs/security.md", write_peer_limits);
    expect_tables("docs/operations.md", write_operations);
}

static void expect_named(const char *path, const char *text, const char *format, const char *name) {
    char wanted[128];
    snprintf(wanted, sizeof wanted, format, name);
    if (strstr(text, wanted) == NULL)
        fail_msg("%s does not name %s", path, wanted);
}

static void the_manual_names_every_command_and_key(void **state) {
    (void)state;
    char *manual = file_read("docs/chat-tui.1");
    for (size_t i = 0; i < command_count; i++)
        expect_named("docs/chat-tui.1", manual, "/%s", commands[i].name);
    for (size_t i = 0; i < key_count; i++)
        if (key_bindings[i].help != NULL)
            expect_named("docs/chat-tui.1", manual, "%s", key_bindings[i].help);
    free(manual);
}

/* Each option that --help prints is in the manual. */
static void expect_options(const char *program, const char *manual_path) {
    char command[512];
    char line[512];
    const char *build = getenv("BUILD");
    snprintf(command, sizeof command, "%s/%s --help", build != NULL ? build : "build", program);
    char *manual = file_read(manual_path);
    FILE *help = popen(command, "r");
    size_t found = 0;
    assert_non_null(help);
    while (fgets(line, sizeof line, help) != NULL) {
        char option[64];
        if (sscanf(line, " --%60[a-z]", option) != 1)
            continue;
        expect_named(manual_path, manual, "\\-\\-%s", option);
        found++;
    }
    assert_int_equal(pclose(help), 0);
    assert_true(found >= 5);
    free(manual);
}

static void the_manuals_name_every_option(void **state) {
    (void)state;
    expect_options("chat-server", "docs/chat-server.8");
    expect_options("chat-tui", "docs/chat-tui.1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documents_have_the_tables_as_they_are),
        cmocka_unit_test(the_manual_names_every_command_and_key),
        cmocka_unit_test(the_manuals_name_every_option),
    };
    if (getenv("UPDATE") != NULL)
        return cmocka_run_group_tests_name("update", ((const struct CMUnitTest[]){tests[0]}), NULL,
                                           NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
