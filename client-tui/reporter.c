#include "reporter.h"
#include "frame.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { REPORTER_QUEUE_BYTES = 1 << 20, REPORTER_EVENTS_BYTES = 32768 };

static void news_discard(struct queue_item *item) {
    news_free((struct news *)item);
}

bool reporter_init(struct reporter *reporter) {
    *reporter = (struct reporter){.queue = queue_new(REPORTER_QUEUE_BYTES)};
    reporter->has_room = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return reporter->queue != NULL && reporter->has_room >= 0;
}

void reporter_free(struct reporter *reporter) {
    for (struct queue_item *item; (item = queue_chain_take(&reporter->waiting)) != NULL;)
        news_discard(item);
    queue_free(reporter->queue, news_discard);
    buffer_free(&reporter->events);
    if (reporter->has_room >= 0)
        close(reporter->has_room);
}

static struct news *news_of_frames(enum news_kind kind, uint32_t room, struct wire_blob frames) {
    struct news *news = news_new(kind, frames.size);
    if (news == NULL)
        abort();
    news->room = room;
    if (frames.size > 0)
        memcpy(news->bytes, frames.data, frames.size);
    news->frames = (struct wire_blob){news->bytes, frames.size};
    return news;
}

/* Makes news of the events gathered so far. */
static void reporter_close_events(struct reporter *reporter) {
    if (reporter->events.size == 0)
        return;
    struct news *news =
        news_of_frames(NEWS_EVENTS, reporter->events_room,
                       (struct wire_blob){reporter->events.data, reporter->events.size});
    buffer_clear(&reporter->events);
    queue_chain_add(&reporter->waiting, &news->item);
}

static void reporter_add(struct reporter *reporter, struct news *news) {
    reporter_close_events(reporter);
    if (news != NULL)
        queue_chain_add(&reporter->waiting, &news->item);
}

void reporter_flush(struct reporter *reporter) {
    reporter_close_events(reporter);
    reporter->full = !queue_try_push(reporter->queue, &reporter->waiting, reporter->has_room);
}

bool reporter_is_full(const struct reporter *reporter) {
    return reporter->full;
}

/* News with up to two texts in its bytes. */
static struct news *news_of_texts(enum news_kind kind, struct wire_text text,
                                  struct wire_text suggestion) {
    struct news *news = news_new(kind, text.size + suggestion.size);
    if (news == NULL)
        return NULL;
    if (text.size > 0)
        memcpy(news->bytes, text.data, text.size);
    if (suggestion.size > 0)
        memcpy(news->bytes + text.size, suggestion.data, suggestion.size);
    news->text = (struct wire_text){(const char *)news->bytes, text.size};
    news->suggestion = (struct wire_text){(const char *)news->bytes + text.size, suggestion.size};
    return news;
}

void reporter_link(struct reporter *reporter, enum link_state state, uint32_t milliseconds,
                   const char *why) {
    struct news *news = news_of_texts(NEWS_LINK, wire_text(why), (struct wire_text){0});
    if (news != NULL) {
        news->link_state = state;
        news->milliseconds = milliseconds;
    }
    reporter_add(reporter, news);
}

void reporter_refusal(struct reporter *reporter, unsigned code, struct wire_text reason,
                      struct wire_text suggestion) {
    struct news *news = news_of_texts(NEWS_LINK, reason, suggestion);
    if (news != NULL) {
        news->link_state = LINK_REFUSED;
        news->code = code;
    }
    reporter_add(reporter, news);
}

void reporter_events(struct reporter *reporter, uint32_t room, struct wire_blob frames, bool reset,
                     bool more) {
    if (reset) {
        struct news *news = news_of_frames(NEWS_EVENTS, room, frames);
        news->reset = true;
        news->more = more;
        reporter_add(reporter, news);
        return;
    }
    if (reporter->events_room != room ||
        reporter->events.size + frames.size > REPORTER_EVENTS_BYTES)
        reporter_close_events(reporter);
    reporter->events_room = room;
    buffer_append(&reporter->events, frames.data, frames.size);
    if (reporter->events.failed)
        abort();
}

static struct news *news_of_page(const struct message_history *wish, struct wire_blob frames) {
    struct news *news = news_of_frames(NEWS_PAGE, wish->room, frames);
    news->wish = *wish;
    return news;
}

void reporter_page(struct reporter *reporter, const struct message_history *wish,
                   struct wire_blob frames, bool more) {
    struct news *news = news_of_page(wish, frames);
    news->more = more;
    reporter_add(reporter, news);
}

void reporter_no_page(struct reporter *reporter, const struct message_history *wish,
                      unsigned code) {
    struct news *news = news_of_page(wish, (struct wire_blob){0});
    news->failed = true;
    news->code = code;
    reporter_add(reporter, news);
}

static struct news *news_of_number(enum news_kind kind, uint64_t number, struct wire_text text) {
    struct news *news = news_of_texts(kind, text, (struct wire_text){0});
    if (news != NULL)
        news->number = number;
    return news;
}

void reporter_outbox(struct reporter *reporter, const struct outbox *outbox, uint64_t not_taken) {
    struct news *news =
        news_of_number(NEWS_OUTBOX, outbox_next_number(outbox), (struct wire_text){0});
    if (news != NULL) {
        news->outbox = outbox_id(outbox);
        news->not_taken = not_taken;
    }
    reporter_add(reporter, news);
    for (const struct outbox_post *post = outbox_first(outbox); post != NULL; post = post->next) {
        news =
            news_of_number(NEWS_PENDING, post->number, (struct wire_text){post->body, post->size});
        if (news != NULL)
            news->room = post->room;
        reporter_add(reporter, news);
    }
}

void reporter_stored(struct reporter *reporter, uint64_t up_to) {
    reporter_add(reporter, news_of_number(NEWS_STORED, up_to, (struct wire_text){0}));
}

void reporter_post_refused(struct reporter *reporter, uint64_t number, unsigned code,
                           struct wire_text reason) {
    struct news *news = news_of_number(NEWS_REFUSED, number, reason);
    if (news != NULL)
        news->code = code;
    reporter_add(reporter, news);
}

void reporter_answer(struct reporter *reporter, struct wire_blob payload) {
    struct news *news = news_new(NEWS_ANSWER, payload.size);
    if (news != NULL) {
        memcpy(news->bytes, payload.data, payload.size);
        message_decode((struct wire_blob){news->bytes, payload.size}, &news->message);
    }
    reporter_add(reporter, news);
}

static void reporter_say(struct reporter *reporter, const struct message *message) {
    struct buffer frame = {0};
    message_encode(&frame, message);
    if (!frame.failed)
        reporter_answer(reporter,
                        (struct wire_blob){frame.data + FRAME_HEAD, frame.size - FRAME_HEAD});
    buffer_free(&frame);
}

void reporter_gone(struct reporter *reporter, uint32_t room) {
    struct message gone = {.type = MESSAGE_GONE};
    gone.gone.room = room;
    reporter_say(reporter, &gone);
}

void reporter_error(struct reporter *reporter, uint32_t tag, const char *reason) {
    struct message error = {.type = MESSAGE_ERROR};
    error.error.tag = tag;
    error.error.code = ERROR_FAILED;
    error.error.reason = wire_text(reason);
    reporter_say(reporter, &error);
}
