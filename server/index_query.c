#include "index_query.h"
#include "index_keys.h"

static bool is_blank(char character) {
    return character == ' ' || character == '\t' || character == '\n';
}

/* Appends text as an FTS5 string, which has no syntax but its quotes. */
static void query_add_string(struct buffer *query, const char *text, size_t size) {
    buffer_append_string(query, "\"");
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0')
            continue;
        buffer_append(query, &text[i], 1);
        if (text[i] == '"')
            buffer_append_string(query, "\"");
    }
    buffer_append_string(query, "\"");
}

/* Takes the next word or phrase off the words; false at their end. */
static bool query_next_term(struct wire_text *words, struct wire_text *term, bool *beginning) {
    const char *at = words->data;
    const char *end = at + words->size;
    while (at < end && is_blank(*at))
        at++;
    if (at == end)
        return false;
    bool quoted = *at == '"';
    const char *start = quoted ? at + 1 : at;
    const char *stop = start;
    while (stop < end && (quoted ? *stop != '"' : !is_blank(*stop) && *stop != '"'))
        stop++;
    at = quoted && stop < end ? stop + 1 : stop;
    *beginning = false;
    if (!quoted && stop > start && stop[-1] == '*') {
        *beginning = true;
        stop--;
    } else if (quoted && at < end && *at == '*') {
        *beginning = true;
        at++;
    }
    *term = (struct wire_text){start, (size_t)(stop - start)};
    *words = (struct wire_text){at, (size_t)(end - at)};
    return true;
}

unsigned index_query_count_terms(struct wire_text words) {
    struct wire_text term;
    bool beginning;
    unsigned count = 0;
    while (query_next_term(&words, &term, &beginning))
        count += term.size > 0;
    return count;
}

bool index_query_next_beginning(struct wire_text *words, struct wire_text *beginning) {
    bool is_beginning;
    while (query_next_term(words, beginning, &is_beginning))
        if (is_beginning && beginning->size > 0)
            return true;
    return false;
}

/* Begins a part of the expression, all of which must hold. */
static void query_begin_part(struct buffer *query) {
    buffer_append_string(query, query->size > 0 ? " AND (" : "(");
}

/* A fence is a match of each part: were it one beside them all, FTS5 would look for where they meet
 * before it came to the fence. */
static void query_end_part(struct buffer *query) {
    buffer_append_string(query, " OR keys : ");
    index_keys_add_fence(query);
    buffer_append_string(query, ")");
}

static void query_add_words(struct buffer *query, struct wire_text words) {
    struct wire_text term;
    bool beginning;
    while (query_next_term(&words, &term, &beginning)) {
        if (term.size == 0)
            continue;
        query_begin_part(query);
        buffer_append_string(query, "body : ");
        query_add_string(query, term.data, term.size);
        buffer_append_string(query, beginning ? " *" : "");
        query_end_part(query);
    }
}

static void query_add_nick(struct buffer *query, struct wire_text nick) {
    query_begin_part(query);
    buffer_append_string(query, "keys : ");
    size_t before = query->size;
    index_keys_add_nick(query, nick);
    /* What cannot be a nick is nobody's. */
    if (query->size == before)
        buffer_append_string(query, "nobody");
    query_end_part(query);
}

void index_query_write(struct buffer *query, const struct message_search *wish, uint32_t room) {
    query_add_words(query, wish->words);
    if (wish->from.size > 0)
        query_add_nick(query, wish->from);
    if (room == 0)
        return;
    query_begin_part(query);
    buffer_append_string(query, "keys : ");
    index_keys_add_room(query, room);
    query_end_part(query);
}
