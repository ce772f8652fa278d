/* Nicks and room names: what is one, and when two are the same. Pure; any thread.
 *
 * A nick has 1 to NAME_CHARACTERS_MAX characters: letters and decimal digits of one script, - and
 * _. Marks belong to their letter; Latin, Cyrillic and so on are scripts; Japanese and Korean,
 * which write with several, count as one. A room name is a # and then the same. */
#ifndef COMMON_NAME_H
#define COMMON_NAME_H

#include "bounds.h"
#include "wire.h"

#include <stdbool.h>

/* A name as it is shown (NFC) and as it is compared (NFKC, case folded). Both end in a zero. */
struct name {
    char shown[NAME_BYTES_MAX + 1];
    char folded[NAME_BYTES_MAX + 1];
};

/* False when the text is not a nick, or not a room name. */
bool name_nick(struct wire_text text, struct name *name);
bool name_room(struct wire_text text, struct name *name);

#endif
