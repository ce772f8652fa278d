/* In comes only that the log has changed; what is new the thread reads through its own archive
 * handle, and adds in transactions of bounded size, so that it can stop between two. */
#include "indexer.h"
#include "archive.h"
#include "clock.h"
#include "frame.h"
#include "index_file.h"
#include "metrics.h"
#include "nudge.h"
#include "paths.h"
#include "report.h"
#include "thread.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    INDEXER_STEP_EVENTS = 2000,
    INDEXER_GATHER_MILLISECONDS =
        25, /* behind a step: many small ones cost more than a large one */
    INDEXER_AGAIN_MILLISECONDS = 1000, /* after a failure */
    INDEXER_PURGE_SHARE = 10 /* a purge takes a tenth of the time at most, however many there are */
};

struct indexer {
    /* set once */
    pthread_t thread;
    struct archive *archive;
    struct metrics *metrics;
    struct nudge nudge;

    /* the index thread's */
    struct index_file *file;
    struct index_mark mark;
    struct index_mark next; /* what the mark will be when the step is committed */
    unsigned step_events;
    bool step_failed;
    bool failed;      /* the last step */
    bool purging;     /* a purge is under way; */
    bool purge_again; /* what was taken out meanwhile needs another */
    uint64_t purge_began;
    uint64_t purge_at; /* when the next may begin */
};

static void indexer_want_purge(struct indexer *indexer) {
    indexer->next.purge = true;
    indexer->purge_again = indexer->purging;
}

/* Brings the row of an amended message up to what the log says now. */
static bool indexer_amend(struct indexer *indexer, uint64_t target) {
    struct buffer frame = {0};
    struct message event;
    bool changed = false;
    enum archive_result result = archive_event(indexer->archive, target, &frame);
    /* One that is gone has been cut by retention, and goes out of the index with the rest. */
    bool done = result != ARCHIVE_FAILED;
    if (result == ARCHIVE_FOUND) {
        const struct wire_blob payload = {frame.data + FRAME_HEAD, frame.size - FRAME_HEAD};
        done = message_decode(payload, &event) != ERROR_NONE || event.type != MESSAGE_MESSAGE ||
               index_file_change(indexer->file, &event.message, &changed);
    }
    if (changed)
        indexer_want_purge(indexer);
    buffer_free(&frame);
    return done;
}

static bool indexer_take(struct indexer *indexer, const struct message *event) {
    switch ((int)event->type) {
    case MESSAGE_MESSAGE:
        return index_file_add(indexer->file, &event->message);
    case MESSAGE_EDITED:
        return indexer_amend(indexer, event->edited.target);
    case MESSAGE_DELETED:
        return indexer_amend(indexer, event->deleted.target);
    default:
        return true;
    }
}

static bool indexer_visit(void *context, struct wire_blob frames, uint64_t last_id) {
    struct indexer *indexer = context;
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    struct wire_blob payload;
    struct message message;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        indexer->step_events++;
        if (message_decode(payload, &message) == ERROR_NONE && !indexer_take(indexer, &message)) {
            indexer->step_failed = true;
            return false;
        }
    }
    indexer->next.last_id = last_id;
    return indexer->step_events < INDEXER_STEP_EVENTS;
}

/* Takes out what retention has removed from the log; `more` says whether any of it is left. */
static bool indexer_cut(struct indexer *indexer, bool *more) {
    struct archive_origin origin;
    if (!archive_read_origin(indexer->archive, &origin))
        return false;
    if (origin.cut <= indexer->next.cut)
        return true;
    bool done = index_file_cut(indexer->file, origin.cut, more);
    if (!*more)
        indexer->next.cut = origin.cut;
    indexer_want_purge(indexer);
    return done;
}

/* Says so once when the index cannot be written, and once when it can again. */
static void indexer_note(struct indexer *indexer, bool failed) {
    static const char advice[] = "searches miss what is new until the disk takes it again";
    if (failed && !indexer->failed)
        report(REPORT_INDEX_FAILED, "reason", index_file_error(indexer->file), "advice", advice,
               NULL);
    else if (!failed && indexer->failed)
        report(REPORT_INDEXING_AGAIN, NULL);
    indexer->failed = failed;
}

/* Puts what the log has more into the open transaction, up to a bound. */
static bool indexer_follow(struct indexer *indexer, bool *more) {
    bool cut_more = false;
    indexer->next = indexer->mark;
    indexer->step_events = 0;
    indexer->step_failed = false;
    if (!archive_walk(indexer->archive, indexer->mark.last_id, indexer_visit, indexer) ||
        indexer->step_failed || !indexer_cut(indexer, &cut_more))
        return false;
    *more = cut_more || indexer->step_events >= INDEXER_STEP_EVENTS;
    return true;
}

static bool marks_differ(const struct index_mark *a, const struct index_mark *b) {
    return a->last_id != b->last_id || a->cut != b->cut || a->purge != b->purge;
}

/* Follows the log by one step; false when it could not. `more`: there is more to do. */
static bool indexer_step(struct indexer *indexer, bool *more) {
    bool stepped = index_file_begin(indexer->file) && indexer_follow(indexer, more);
    if (stepped && (*more || marks_differ(&indexer->next, &indexer->mark)))
        stepped = index_file_commit(indexer->file, &indexer->next);
    indexer_note(indexer, !stepped);
    index_file_abandon(indexer->file);
    if (stepped)
        indexer->mark = indexer->next;
    if (stepped && indexer->metrics != NULL)
        metrics_set(indexer->metrics, METRIC_INDEXED_ID, indexer->mark.last_id);
    *more = *more && stepped;
    return stepped;
}

/* A purge is due, and is not to wait any longer. */
static bool indexer_may_purge(const struct indexer *indexer) {
    return indexer->mark.purge && (indexer->purging || clock_monotonic() >= indexer->purge_at);
}

static bool indexer_purge(struct indexer *indexer) {
    bool done = false;
    if (!indexer->purging) {
        indexer->purging = true;
        indexer->purge_again = false;
        indexer->purge_began = clock_monotonic();
    }
    bool worked = index_file_purge(indexer->file, &done);
    indexer_note(indexer, !worked);
    if (!worked || !done)
        return worked;
    uint64_t now = clock_monotonic();
    indexer->purging = false;
    indexer->purge_at = now + (now - indexer->purge_began) * (INDEXER_PURGE_SHARE - 1);
    indexer->mark.purge = indexer->purge_again;
    return index_file_begin(indexer->file) && index_file_commit(indexer->file, &indexer->mark);
}

/* How long the thread may wait for the log to change; -1: for ever. */
static int indexer_patience(const struct indexer *indexer, bool worked) {
    uint64_t now = clock_monotonic();
    if (!worked)
        return INDEXER_AGAIN_MILLISECONDS;
    if (!indexer->mark.purge)
        return -1;
    return indexer->purge_at > now ? (int)(indexer->purge_at - now) : 0;
}

static void *indexer_run(void *context) {
    struct indexer *indexer = context;
    uint64_t seen = 0;
    int patience = 0;
    while (nudge_wait(&indexer->nudge, &seen, patience)) {
        bool more = false;
        bool worked = indexer_step(indexer, &more);
        if (worked && !more && indexer_may_purge(indexer))
            worked = indexer_purge(indexer);
        bool goes_on = worked && (more || indexer->purging);
        uint64_t unreached = UINT64_MAX;
        if (!goes_on && !nudge_wait(&indexer->nudge, &unreached, INDEXER_GATHER_MILLISECONDS))
            break;
        patience = goes_on ? 0 : indexer_patience(indexer, worked);
    }
    return NULL;
}

static void indexer_free(struct indexer *indexer) {
    index_file_close(indexer->file);
    archive_close(indexer->archive);
    nudge_free(&indexer->nudge);
    free(indexer);
}

static bool indexer_open(struct indexer *indexer, const char *folder, const char *log_path) {
    struct archive_origin origin;
    char *path = path_join(folder, "search.db");
    indexer->archive = archive_open(log_path);
    if (path != NULL && indexer->archive != NULL && archive_read_origin(indexer->archive, &origin))
        indexer->file = index_file_open(path, &origin, &indexer->mark);
    free(path);
    return indexer->file != NULL;
}

struct indexer *indexer_start(const char *folder, const char *log_path, struct metrics *metrics) {
    struct indexer *indexer = calloc(1, sizeof *indexer);
    if (indexer == NULL)
        return NULL;
    indexer->metrics = metrics;
    nudge_init(&indexer->nudge);
    if (indexer_open(indexer, folder, log_path) &&
        thread_start(&indexer->thread, "indexer", indexer_run, indexer))
        return indexer;
    report(REPORT_INDEX_UNUSABLE, "folder", folder, "advice",
           "search.db must be a file this user may write, on a disk with room; it may be removed",
           NULL);
    indexer_free(indexer);
    return NULL;
}

void indexer_raise(struct indexer *indexer, uint64_t change) {
    nudge_raise(&indexer->nudge, change);
}

void indexer_stop(struct indexer *indexer) {
    if (indexer == NULL)
        return;
    nudge_stop(&indexer->nudge);
    pthread_join(indexer->thread, NULL);
    indexer_free(indexer);
}
