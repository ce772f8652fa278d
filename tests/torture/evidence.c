#include "evidence.h"
#include "archive.h"
#include "frame.h"
#include "news.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An array of one kind of thing, growing. */
struct list {
    struct buffer bytes;
};

static void list_add(struct list *list, const void *item, size_t size) {
    buffer_append(&list->bytes, item, size);
    if (list->bytes.failed)
        stage_fail("out of memory for the evidence");
}

/* The log, room by room: the lobby and the puppets' own. */
struct log_copy {
    const struct stage *stage;
    struct list events[PUPPET_ROOMS];                    /* struct sighting */
    struct list stored[PUPPET_ROOMS][STAGE_PUPPETS_MAX]; /* uint64_t: keys of each one's posts */
};

/* Which of the two a room is; puppets know the lobby as 0 too. */
static unsigned place_of(uint32_t room) {
    return room == 0 || room == STATE_LOBBY ? 0 : 1;
}

static uint64_t digest(struct wire_blob bytes) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * 0x100000001b3u;
    return hash;
}

/* Says which puppet a body is from, and its key. */
static bool read_body(struct wire_text body, unsigned *puppet, uint64_t *key) {
    char text[64] = "";
    unsigned long long life;
    unsigned long long index;
    memcpy(text, body.data, body.size < sizeof text ? body.size : sizeof text - 1);
    if (sscanf(text, "puppet%u %llu %llu ", puppet, &life, &index) != 3 ||
        *puppet >= STAGE_PUPPETS_MAX)
        return false;
    *key = life << 32 | index;
    return true;
}

static void copy_message(struct log_copy *copy, const struct message_message *message) {
    unsigned puppet;
    uint64_t key;
    if (!read_body(message->body, &puppet, &key))
        stage_fail("the log has a message that nobody posted, event %llu",
                   (unsigned long long)message->id);
    list_add(&copy->stored[place_of(message->room)][puppet], &key, sizeof key);
}

static bool copy_segment(void *context, struct wire_blob frames, uint64_t last_id) {
    struct log_copy *copy = context;
    struct wire_reader reader = {frames.data, frames.data + frames.size};
    struct wire_blob payload;
    struct message event;
    (void)last_id;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        if (message_decode(payload, &event) != ERROR_NONE)
            stage_fail("the log has an event that does not decode");
        if (event.event.room == 0)
            continue; /* the server's own */
        const struct sighting sighting = {event.event.id, digest(payload)};
        list_add(&copy->events[place_of(event.event.room)], &sighting, sizeof sighting);
        if (event.type == MESSAGE_MESSAGE)
            copy_message(copy, &event.message);
    }
    return true;
}

static void copy_log(struct log_copy *copy) {
    const char *path = stage_path(copy->stage, "data/log.db");
    struct archive *archive = archive_open(path);
    if (archive == NULL || !archive_walk(archive, 0, copy_segment, copy))
        stage_fail("cannot read %s", path);
    archive_close(archive);
}

/* What one puppet noted: the posts of all its lives, and what it was shown in one. */
struct notes {
    struct list asks[PUPPET_ROOMS]; /* struct ask */
    uint64_t acknowledged;
    uint64_t deliveries;
    struct list shown[PUPPET_ROOMS]; /* struct sighting */
    bool more[PUPPET_ROOMS];
};

static struct ask *notes_asks(const struct notes *notes, unsigned place, size_t *count) {
    *count = notes->asks[place].bytes.size / sizeof(struct ask);
    return (struct ask *)(void *)notes->asks[place].bytes.data;
}

static int compare_asks(const void *a, const void *b) {
    uint64_t left = ((const struct ask *)a)->key;
    uint64_t right = ((const struct ask *)b)->key;
    return (left > right) - (left < right);
}

static struct ask *notes_find(const struct notes *notes, uint64_t key, unsigned *place) {
    const struct ask wanted = {.key = key};
    for (*place = 0; *place < PUPPET_ROOMS; (*place)++) {
        size_t count;
        struct ask *asks = notes_asks(notes, *place, &count);
        struct ask *found = NULL;
        if (count > 0)
            found = bsearch(&wanted, asks, count, sizeof *asks, compare_asks);
        if (found != NULL)
            return found;
    }
    stage_fail("a puppet was told of a post that it never made");
}

static void read_asked(struct notes *notes, const struct record *record, struct wire_blob bytes) {
    const struct ask ask = {.key = record->number};
    (void)bytes;
    list_add(&notes->asks[place_of(record->room)], &ask, sizeof ask);
}

static void read_pending(struct notes *notes, const struct record *record, struct wire_blob bytes) {
    unsigned place;
    (void)bytes;
    notes_find(notes, record->number, &place)->owed = true;
}

static void read_acknowledged(struct notes *notes, const struct record *record,
                              struct wire_blob bytes) {
    read_pending(notes, record, bytes);
    notes->acknowledged++;
}

/* The last life's first posts, so many of them. */
static void read_kept(struct notes *notes, const struct record *record, struct wire_blob bytes) {
    (void)bytes;
    for (unsigned place = 0; place < PUPPET_ROOMS; place++) {
        size_t count;
        struct ask *asks = notes_asks(notes, place, &count);
        for (size_t i = count; i > 0 && asks[i - 1].key >> 32 == asks[count - 1].key >> 32; i--)
            if ((asks[i - 1].key & UINT32_MAX) < record->number)
                asks[i - 1].owed = true;
    }
}

/* Its sender knows that it is not stored; it may not be in the log now. */
static void read_refused(struct notes *notes, const struct record *record, struct wire_blob bytes) {
    unsigned place;
    size_t count;
    struct ask *refused = notes_find(notes, record->number, &place);
    struct ask *asks = notes_asks(notes, place, &count);
    (void)bytes;
    memmove(refused, refused + 1, (size_t)(asks + count - (refused + 1)) * sizeof *asks);
    notes->asks[place].bytes.size -= sizeof *asks;
}

static void read_shown(struct notes *notes, const struct record *record, struct wire_blob bytes) {
    struct wire_reader reader = {bytes.data, bytes.data + bytes.size};
    struct wire_blob payload;
    struct message event;
    unsigned place = place_of(record->room);
    if (record->flags & RECORD_RESET)
        notes->more[place] = (record->flags & RECORD_MORE) != 0;
    while (frame_take(&reader, &payload) == FRAME_READY) {
        if (message_decode(payload, &event) != ERROR_NONE)
            stage_fail("a puppet was shown an event that does not decode");
        const struct sighting sighting = {event.event.id, digest(payload)};
        list_add(&notes->shown[place], &sighting, sizeof sighting);
        notes->deliveries += event.type == MESSAGE_MESSAGE;
    }
}

static void (*const record_readers[])(struct notes *notes, const struct record *record,
                                      struct wire_blob bytes) = {
    [RECORD_ASKED] = read_asked,     [RECORD_PENDING] = read_pending,
    [RECORD_KEPT] = read_kept,       [RECORD_ACKNOWLEDGED] = read_acknowledged,
    [RECORD_REFUSED] = read_refused, [RECORD_SHOWN] = read_shown,
};

/* A puppet that was killed at once has left no file, or nothing in it. */
static void read_file(const char *path, struct buffer *content) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status = {.st_size = 0};
    if (file < 0 && errno == ENOENT)
        return;
    if (file < 0 || fstat(file, &status) != 0)
        stage_fail("cannot read %s: %s", path, strerror(errno));
    size_t size = (size_t)status.st_size;
    uint8_t *room = buffer_reserve(content, size + 1);
    if (room == NULL || read(file, room, size) != (ssize_t)size)
        stage_fail("cannot read %s: %s", path, strerror(errno));
    content->size = size;
    close(file);
}

/* Reads one life. A puppet that was killed may have left half a record, its last. */
static void notes_read(struct notes *notes, const char *path) {
    struct buffer content = {0};
    read_file(path, &content);
    for (unsigned place = 0; place < PUPPET_ROOMS; place++) {
        buffer_clear(&notes->shown[place].bytes);
        notes->more[place] = false;
    }
    for (size_t at = 0; content.size - at >= sizeof(struct record);) {
        struct record record;
        memcpy(&record, content.data + at, sizeof record);
        at += sizeof record;
        if (record.size > content.size - at)
            break;
        record_readers[record.kind](notes, &record,
                                    (struct wire_blob){content.data + at, record.size});
        at += record.size;
    }
    buffer_free(&content);
}

static struct sightings list_sightings(const struct list *list) {
    const struct sighting *events = (const struct sighting *)(const void *)list->bytes.data;
    return (struct sightings){events, list->bytes.size / sizeof *events};
}

static void judge_posts(const struct log_copy *copy, unsigned index, const struct notes *notes,
                        struct findings *findings) {
    for (unsigned place = 0; place < PUPPET_ROOMS; place++) {
        const struct list *stored = &copy->stored[place][index];
        size_t ask_count;
        const struct ask *asks = notes_asks(notes, place, &ask_count);
        findings->posts +=
            verdict_posts(&findings->verdict, copy->stage->actors[index].nick, asks, ask_count,
                          (const uint64_t *)(const void *)stored->bytes.data,
                          stored->bytes.size / sizeof(uint64_t));
    }
}

static void judge_puppet(const struct log_copy *copy, unsigned index, struct findings *findings) {
    const struct actor *actor = &copy->stage->actors[index];
    struct notes notes = {.acknowledged = 0};
    char who[64];
    for (unsigned life = 0; life < actor->lives; life++) {
        snprintf(who, sizeof who, "%s.%u", actor->nick, life);
        notes_read(&notes, stage_path(copy->stage, who));
        for (unsigned place = 0; place < PUPPET_ROOMS; place++)
            verdict_shown(&findings->verdict, who, list_sightings(&copy->events[place]),
                          list_sightings(&notes.shown[place]), notes.more[place],
                          life + 1 == actor->lives);
    }
    judge_posts(copy, index, &notes, findings);
    findings->acknowledged += notes.acknowledged;
    findings->deliveries += notes.deliveries;
    for (unsigned place = 0; place < PUPPET_ROOMS; place++) {
        buffer_free(&notes.asks[place].bytes);
        buffer_free(&notes.shown[place].bytes);
    }
}

void evidence_judge(const struct stage *stage, struct findings *findings) {
    struct log_copy copy = {.stage = stage};
    copy_log(&copy);
    for (unsigned i = 0; i < stage->actor_count; i++)
        judge_puppet(&copy, i, findings);
    for (unsigned place = 0; place < PUPPET_ROOMS; place++) {
        for (unsigned i = 0; i < STAGE_PUPPETS_MAX; i++)
            buffer_free(&copy.stored[place][i].bytes);
        buffer_free(&copy.events[place].bytes);
    }
}
