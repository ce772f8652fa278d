/* Nicks and room names: what is one, and when two are the same. Pure; any thread.
 *
 * A nick has 1 to NAME_CHARACTERS_MAX characters: letters and decimal digits, - and _, and one
 * letter or digit at least. The letters are of one script (Latin, Cyrillic and so on; Japanese and
 * Korean, which write with several, count as one), the digits of one system. Marks belong to their
 * letter, four at most that take no space. What is written from right to left begins with a letter
 * and ends with a letter or digit. Nothing in it is invisible, and width and style are not kept: it
 * is RFC 8265 with NFKC and case folding. A room name is a # and then the same.
 *
 * Which names look like another one is for the server to judge, see looks.h. */
#ifndef COMMON_NAME_H
#define COMMON_NAME_H

#include "bounds.h"
#include "wire.h"

#include <stdbool.h>

/* A name as it is shown (NFKC) and as it is compared (case folded too). Both end in a zero. */
struct name {
    char shown[NAME_BYTES_MAX + 1];
    char folded[NAME_BYTES_MAX + 1];
};

/* False when the text is not a nick, or not a room name. */
bool name_nick(struct wire_text text, struct name *name);
bool name_room(struct wire_text text, struct name *name);

/* A nick as clients show it in a list of rooms, "@ada", without its mark; any other name as it is.
 */
const char *name_without_mark(const char *name);

#endif
