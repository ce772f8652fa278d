/* What a puppet and its driver share: commands, progress, and evidence.
 *
 *     puppet HOST PORT NICK HISTORY LIFE EVIDENCE PROGRESS
 *
 * is a client without a screen: the client's own network thread, its outbox below XDG_STATE_HOME,
 * moved by lines on stdin:
 *     talk COUNT PAUSE SIZE   post COUNT messages (0: without end), one every PAUSE microseconds,
 *                             of SIZE bytes
 *     hush                    post no more
 *     keep                    note when what was asked for so far is on disk
 *     deaf, hear              take no news, so that the network thread stops reading; go on
 *     eager, patient          reconnect at once, or after the client's own pause
 *     retry                   reconnect now
 *     quit                    end as a client ends
 * A body is "NICK LIFE INDEX" and dots. What it was shown and told goes to the file EVIDENCE record
 * by record, so that whoever kills it has all of it; PROGRESS is a file both have mapped. */
#ifndef TESTS_TORTURE_PUPPET_H
#define TESTS_TORTURE_PUPPET_H

#include <stdint.h>

/* It talks in two rooms by turns: the lobby, and one that the puppets make. */
enum { PUPPET_ROOMS = 2 };
#define PUPPET_SECOND_ROOM "#puppets"

/* Counted within one life, but for the link's state; zeroed by the driver. */
struct progress {
    _Atomic uint64_t commands;     /* carried out */
    _Atomic uint64_t asked;        /* posts given to the network thread */
    _Atomic uint64_t waiting;      /* posts not yet acknowledged, those of earlier lives too */
    _Atomic uint64_t acknowledged; /* posts said to be stored, those of earlier lives too */
    _Atomic uint64_t kept;         /* answers to `keep` */
    _Atomic uint64_t talking;      /* 1 while there are posts to come */
    _Atomic uint64_t last_ids[PUPPET_ROOMS]; /* of the last events shown */
    _Atomic uint64_t welcomes;
    _Atomic uint64_t online; /* 1 while connected and welcomed, and in both rooms */
};

enum record_kind {
    RECORD_ASKED,        /* number: the post's key, LIFE << 32 | INDEX; its room, 0 for the lobby */
    RECORD_PENDING,      /* the same: it was in the outbox when this life began */
    RECORD_KEPT,         /* number: posts of this life that are on disk */
    RECORD_ACKNOWLEDGED, /* number: the post's key */
    RECORD_REFUSED,      /* number: the post's key */
    RECORD_SHOWN         /* bytes: event frames */
};

enum { RECORD_RESET = 1, RECORD_MORE = 2 }; /* flags of RECORD_SHOWN, as in news.h */

struct record {
    uint32_t kind;
    uint32_t size; /* of the bytes that follow */
    uint64_t number;
    uint32_t room;
    uint32_t flags;
};

#endif
