#include "index_keys.h"
#include "name.h"

void index_keys_add_fence(struct buffer *keys) {
    buffer_append_string(keys, "fence");
}

void index_keys_add_room(struct buffer *keys, uint32_t room) {
    buffer_append_format(keys, "r%u", room);
}

void index_keys_add_nick(struct buffer *keys, struct wire_text nick) {
    struct name name;
    if (!name_nick(nick, &name))
        return;
    static const char digits[] = "0123456789abcdef";
    buffer_append_string(keys, "n");
    for (const char *at = name.folded; *at != '\0'; at++) {
        const char pair[] = {digits[(unsigned char)*at >> 4], digits[*at & 15]};
        buffer_append(keys, pair, sizeof pair);
    }
}

int64_t index_keys_quarter(uint64_t time) {
    return (int64_t)(time / (15ull * 60 * 1000));
}
