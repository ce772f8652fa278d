/* Who is what: in a room by what is kept of them there, and whom somebody does not wish to hear. */
#include "state_parts.h"

#include <stdlib.h>
#include <string.h>

/* Index of the account's mark, or where it would be. */
static size_t room_mark_place(const struct room *room, uint32_t account) {
    size_t low = 0;
    size_t high = room->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (room->marks[middle].account < account)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

unsigned room_marks(const struct room *room, uint32_t account) {
    size_t place = room_mark_place(room, account);
    return place < room->mark_count && room->marks[place].account == account
               ? room->marks[place].marks
               : 0;
}

void state_marks_put(struct room *room, uint32_t account, unsigned marks) {
    size_t place = room_mark_place(room, account);
    bool there = place < room->mark_count && room->marks[place].account == account;
    size_t behind = room->mark_count - place - (there ? 1 : 0);
    struct room_mark *at = room->marks + place;
    if (there && marks == 0) {
        memmove(at, at + 1, behind * sizeof *at);
        room->mark_count--;
    } else if (there) {
        at->marks = marks;
    } else if (marks != 0) {
        memmove(at + 1, at, behind * sizeof *at);
        *at = (struct room_mark){account, marks};
        room->mark_count++;
    }
}

bool state_set_marks(struct state *state, struct room *room, uint32_t account, unsigned marks) {
    void *grown = room->marks;
    bool space = state_grow(&grown, &room->mark_capacity, room->mark_count, sizeof *room->marks);
    room->marks = grown;
    if (!space || !state_undo_reserve(state))
        return false;
    state_undo_note(state, (struct undo){.kind = UNDO_SET_MARKS,
                                         .room = room,
                                         .number = account,
                                         .messages = room_marks(room, account)});
    state_marks_put(room, account, marks);
    return true;
}

bool state_set_access(struct state *state, struct room *room, unsigned access) {
    if (!state_undo_reserve(state))
        return false;
    state_undo_note(state,
                    (struct undo){.kind = UNDO_SET_ACCESS, .room = room, .number = room->access});
    room->access = access;
    return true;
}

bool state_set_room_owner(struct state *state, struct room *room, uint32_t account) {
    if (!state_undo_reserve(state))
        return false;
    state_undo_note(
        state, (struct undo){.kind = UNDO_SET_ROOM_OWNER, .room = room, .number = room->owner});
    room->owner = account;
    return true;
}

enum role state_rank(const struct state *state, const struct room *room, uint32_t account) {
    /* Nobody made the lobby: it is the server's. Other public rooms obey its owner too. */
    bool owns_server = account == state->owner && account != 0;
    bool owner = room->id == STATE_LOBBY ? owns_server : room->owner == account;
    unsigned marks = room_marks(room, account);
    if (owner || (owns_server && !(room->access & ACCESS_PRIVATE)))
        return ROLE_OWNER;
    if (marks & MARK_BANNED)
        return ROLE_BANNED;
    if (marks & MARK_MODERATOR)
        return ROLE_MODERATOR;
    return marks & MARK_MUTED ? ROLE_MUTED : ROLE_MEMBER;
}

enum role state_role(const struct state *state, const struct room *room, uint32_t account) {
    bool member = room_has_member(room, account);
    if (room->kind == ROOM_DIRECT)
        return member ? ROLE_MEMBER : ROLE_STRANGER;
    enum role rank = state_rank(state, room, account);
    if (member || rank == ROLE_BANNED)
        return rank;
    bool may_come = rank >= ROLE_MODERATOR || (room_marks(room, account) & MARK_INVITED) != 0;
    return may_come ? ROLE_INVITED : ROLE_STRANGER;
}

bool account_blocks(const struct account *account, uint32_t other) {
    for (size_t i = 0; i < account->block_count; i++)
        if (account->blocks[i] == other)
            return true;
    return false;
}

void state_block_put(struct account *account, uint32_t other, bool blocks) {
    size_t i = 0;
    while (i < account->block_count && account->blocks[i] != other)
        i++;
    if (blocks && i == account->block_count)
        account->blocks[account->block_count++] = other;
    else if (!blocks && i < account->block_count)
        account->blocks[i] = account->blocks[--account->block_count];
}

bool state_set_block(struct state *state, struct account *account, uint32_t other, bool blocks) {
    void *grown = account->blocks;
    bool space =
        state_grow(&grown, &account->block_capacity, account->block_count, sizeof *account->blocks);
    account->blocks = grown;
    if (!space || !state_undo_reserve(state))
        return false;
    state_undo_note(state, (struct undo){.kind = UNDO_SET_BLOCK,
                                         .account = account,
                                         .number = other,
                                         .messages = account_blocks(account, other)});
    state_block_put(account, other, blocks);
    return true;
}
