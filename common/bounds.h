/* The sizes both sides agree on. Each is named beside what it bounds; docs/protocol.md repeats them
 * and a test compares the two. Bytes unless the name says otherwise. */
#ifndef COMMON_BOUNDS_H
#define COMMON_BOUNDS_H

/*    name                    value   what it bounds */
#define LIMITS(LIMIT)                                                                              \
    LIMIT(FRAME_PAYLOAD_MAX, 65536, "payload of one frame")                                        \
    LIMIT(GREETING_BYTES_MAX, 1024, "payload of a hello, and of whatever comes before one")        \
    LIMIT(BODY_BYTES_MAX, 16384, "body of a message")                                              \
    LIMIT(TOPIC_BYTES_MAX, 1024, "topic of a room")                                                \
    LIMIT(NAME_CHARACTERS_MAX, 32, "characters of a nick, or of a room name after its #")          \
    LIMIT(NAME_BYTES_MAX, 256, "a nick or a room name in UTF-8")                                   \
    LIMIT(SEARCH_BYTES_MAX, 512, "the words of a search")                                          \
    LIMIT(SEARCH_TERMS_MAX, 32, "words, phrases and beginnings of a search")                       \
    LIMIT(SECRET_BYTES, 32, "the secret of a session")                                             \
    LIMIT(DEVICE_NAME_BYTES_MAX, 64, "the name of a device; a longer one is cut")                  \
    LIMIT(DEVICES_PER_PERSON_MAX, 32, "devices of a person")                                       \
    LIMIT(PAGE_BYTES_MAX, 61440, "the events of one history page")                                 \
    LIMIT(PAGE_MESSAGES_MAX, 500, "messages of one history page")                                  \
    LIMIT(ROOMS_PER_PERSON_MAX, 1000, "rooms a person may be in by joining or opening them")       \
    LIMIT(PEOPLE_PER_PAGE, 200, "nicks or room names of one answer")                               \
    LIMIT(POSTS_IN_FLIGHT_MAX, 256, "posts a client sends ahead of their acknowledgement")         \
    LIMIT(REQUESTS_IN_FLIGHT_MAX, 4, "history pages and searches one connection waits for")

enum {
#define LIMIT(name, value, what) name = (value),
    LIMITS(LIMIT)
#undef LIMIT
};

#endif
