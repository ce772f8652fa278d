/* Two queues, pages and searches, with a thread each; nothing is shared between them. Pages are
 * answered as they come, searches in turns (search_turns.h). A thread ends at a REQUEST_STOP;
 * readers_stop interrupts what would keep it from getting there. */
#include "readers.h"
#include "archive.h"
#include "clock.h"
#include "fault.h"
#include "frame.h"
#include "inbox.h"
#include "index_search.h"
#include "report.h"
#include "search_turns.h"
#include "thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { READER_SEARCH_MILLISECONDS = 50 };

enum reader_kind { READER_PAGES, READER_SEARCHES, READER_COUNT };

struct reader {
    /* set once */
    enum reader_kind kind;
    struct queue *queue;
    struct queue *const *inboxes;
    struct archive *archive;
    struct index_search *search; /* NULL for pages */
    struct search_turns turns;   /* the thread's */
    struct request *stop;        /* made at the start, when it may fail */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
};

struct readers {
    struct reader each[READER_COUNT];
};

static void reader_answer(struct reader *reader, const struct request *request,
                          const struct message *answer) {
    struct buffer frame = {0};
    message_encode(&frame, answer);
    struct segment *segment = segment_new(&frame);
    buffer_free(&frame);
    struct inbox_item *item;
    struct queue_chain chain = {0};
    /* Its session waits for it; one without a segment ends the session. */
    enum inbox_kind kind = reader->kind == READER_SEARCHES ? INBOX_SEARCH_DONE : INBOX_READ_DONE;
    uint32_t room = reader->kind == READER_PAGES ? request->message.history.room : 0;
    while ((item = inbox_new(kind, request->session, room, segment)) == NULL)
        clock_pause();
    item->tag = request->message.history.tag; /* as every request begins with its own */
    item->departures = request->departures;
    queue_chain_add(&chain, &item->item);
    queue_push(reader->inboxes[session_worker(request->session)], &chain);
}

static void reader_refuse(struct reader *reader, const struct request *request, uint32_t tag,
                          enum error_code code) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = tag;
    error.error.code = (uint16_t)code;
    error.error.reason = wire_text(error_text(code));
    reader_answer(reader, request, &error);
}

static void reader_page(struct reader *reader, struct request *request) {
    struct message_history *wish = &request->message.history;
    struct buffer events = {0};
    bool more = false;
    if (wish->limit > PAGE_MESSAGES_MAX)
        wish->limit = PAGE_MESSAGES_MAX;
    FAULT_POINT("reader-page");
    if (archive_page(reader->archive, wish, &events, &more)) {
        struct message page = {.type = MESSAGE_PAGE};
        page.page.tag = wish->tag;
        page.page.room = wish->room;
        page.page.more = more;
        page.page.events = (struct wire_blob){events.data, events.size};
        reader_answer(reader, request, &page);
    } else {
        reader_refuse(reader, request, wish->tag, ERROR_FAILED);
    }
    buffer_free(&events);
}

/* When an event was stored; 0 when that cannot be told. */
static uint64_t reader_time(struct reader *reader, uint64_t id) {
    struct buffer frame = {0};
    struct message event = {0};
    uint64_t time = 0;
    if (archive_event(reader->archive, id, &frame) == ARCHIVE_FOUND &&
        message_decode((struct wire_blob){frame.data + FRAME_HEAD, frame.size - FRAME_HEAD},
                       &event) == ERROR_NONE)
        time = event.event.time;
    buffer_free(&frame);
    return time;
}

static const enum error_code reader_search_errors[] = {
    [INDEX_NO_WORDS] = ERROR_SEARCH_INVALID,
    [INDEX_TOO_WIDE] = ERROR_SEARCH_TOO_WIDE,
    [INDEX_FAILED] = ERROR_FAILED,
};

static void reader_search(struct reader *reader, struct request *request) {
    struct message_search *wish = &request->message.search;
    struct buffer events = {0};
    uint64_t looked_to = 0;
    FAULT_POINT("reader-search");
    if (wish->limit > PAGE_MESSAGES_MAX)
        wish->limit = PAGE_MESSAGES_MAX;
    enum index_result result = INDEX_NO_WORDS;
    if (wish->words.size <= SEARCH_BYTES_MAX)
        result = index_search_run(reader->search, reader->archive, wish, request->rooms,
                                  request->room_count, &events, &looked_to);
    if (result == INDEX_FOUND) {
        struct message hits = {.type = MESSAGE_HITS};
        hits.hits.tag = wish->tag;
        hits.hits.more = looked_to != 0;
        hits.hits.looked_to = looked_to;
        hits.hits.looked_time = looked_to != 0 ? reader_time(reader, looked_to) : 0;
        hits.hits.events = (struct wire_blob){events.data, events.size};
        reader_answer(reader, request, &hits);
    } else {
        reader_refuse(reader, request, wish->tag, reader_search_errors[result]);
    }
    buffer_free(&events);
}

/* Gives the searches that have come their turns; false when one was the stop. */
static bool reader_gather(struct reader *reader) {
    struct queue_chain came = reader->turns.waiting.first == NULL
                                  ? queue_wait_all(reader->queue, -1)
                                  : queue_take_all(reader->queue);
    bool stop = false;
    for (struct queue_item *item; (item = queue_chain_take(&came)) != NULL;) {
        struct request *request = (struct request *)item;
        stop = stop || request->kind == REQUEST_STOP;
        if (request->kind == REQUEST_MESSAGE) {
            search_turns_add(&reader->turns, request);
            continue;
        }
        if (request->kind == REQUEST_GONE)
            search_turns_forget(&reader->turns, request->session);
        request_free(request);
    }
    return !stop;
}

static void *reader_run_searches(void *context) {
    struct reader *reader = context;
    while (reader_gather(reader)) {
        struct request *request = search_turns_take(&reader->turns);
        if (request == NULL)
            continue;
        if (!atomic_load(&reader->stopping))
            reader_search(reader, request);
        request_free(request);
    }
    search_turns_free(&reader->turns);
    return NULL;
}

static void *reader_run_pages(void *context) {
    struct reader *reader = context;
    for (bool stop = false; !stop;) {
        struct request *request = (struct request *)queue_wait_one(reader->queue);
        stop = request->kind == REQUEST_STOP;
        if (!stop && !atomic_load(&reader->stopping))
            reader_page(reader, request);
        request_free(request);
    }
    return NULL;
}

static bool reader_start(struct reader *reader, const char *folder, const char *log_path) {
    atomic_init(&reader->stopping, false);
    reader->queue = queue_new(SIZE_MAX);
    reader->archive = archive_open(log_path);
    if (reader->kind == READER_SEARCHES)
        reader->search = index_search_open(folder, READER_SEARCH_MILLISECONDS);
    bool pages = reader->kind == READER_PAGES;
    reader->stop = request_new(REQUEST_STOP, 0, (struct wire_blob){NULL, 0});
    reader->started = reader->queue != NULL && reader->archive != NULL && reader->stop != NULL &&
                      (reader->search != NULL || pages) &&
                      thread_start(&reader->thread, pages ? "page reader" : "searcher",
                                   pages ? reader_run_pages : reader_run_searches, reader);
    return reader->started;
}

struct readers *readers_start(const char *folder, const char *log_path,
                              struct queue *const *inboxes) {
    struct readers *readers = calloc(1, sizeof *readers);
    if (readers == NULL)
        return NULL;
    bool started = true;
    for (size_t i = 0; i < READER_COUNT && started; i++) {
        readers->each[i].kind = (enum reader_kind)i;
        readers->each[i].inboxes = inboxes;
        started = reader_start(&readers->each[i], folder, log_path);
    }
    if (started)
        return readers;
    report(REPORT_READERS_UNUSABLE, "folder", folder, NULL);
    readers_stop(readers);
    return NULL;
}

static void reader_push(struct reader *reader, struct request *request) {
    struct queue_chain chain = {0};
    queue_chain_add(&chain, &request->item);
    queue_push(reader->queue, &chain);
}

void readers_push(struct readers *readers, struct request *request) {
    bool search = request->message.type == MESSAGE_SEARCH;
    reader_push(&readers->each[search ? READER_SEARCHES : READER_PAGES], request);
}

void readers_forget(struct readers *readers, uint64_t session) {
    struct request *gone;
    /* It must be forgotten, and memory comes back when others are done with theirs. */
    while ((gone = request_new(REQUEST_GONE, session, (struct wire_blob){NULL, 0})) == NULL)
        clock_pause();
    reader_push(&readers->each[READER_SEARCHES], gone);
}

static void reader_stop(struct reader *reader) {
    if (reader->started) {
        atomic_store(&reader->stopping, true);
        archive_interrupt(reader->archive);
        if (reader->search != NULL)
            index_search_interrupt(reader->search);
        reader_push(reader, reader->stop);
        reader->stop = NULL;
        pthread_join(reader->thread, NULL);
    }
    free(reader->stop);
    index_search_close(reader->search);
    archive_close(reader->archive);
    queue_free(reader->queue, request_discard);
}

void readers_stop(struct readers *readers) {
    if (readers == NULL)
        return;
    for (size_t i = 0; i < READER_COUNT; i++)
        reader_stop(&readers->each[i]);
    free(readers);
}
