/* Setting fields of a message by the table, for tests that fill any message. */
#ifndef TESTS_FIELD_H
#define TESTS_FIELD_H

#include "protocol.h"

/* Puts what fits of the number into a field that is one; false, and nothing is done, for others. */
static inline bool field_set_number(void *place, enum field_type type, uint64_t number) {
    switch (type) {
    case FIELD_u8:
        *(uint8_t *)place = (uint8_t)number;
        return true;
    case FIELD_u16:
        *(uint16_t *)place = (uint16_t)number;
        return true;
    case FIELD_u32:
        *(uint32_t *)place = (uint32_t)number;
        return true;
    case FIELD_u64:
        *(uint64_t *)place = number;
        return true;
    default:
        return false;
    }
}

#endif
