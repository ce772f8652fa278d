/* The devices of an account, each of which has a key that lets it in. */
#include "judge_parts.h"

#include <stdlib.h>
#include <string.h>

enum { DEVICE_CODE_MILLISECONDS = 10 * 60 * 1000 };

/* A name as it came, cut between two characters. */
static char *device_name(struct wire_text wished) {
    size_t size = wished.size < DEVICE_NAME_BYTES_MAX ? wished.size : DEVICE_NAME_BYTES_MAX;
    while (size < wished.size && size > 0 && ((unsigned char)wished.data[size] & 0xC0) == 0x80)
        size--;
    return size > 0 ? strndup(wished.data, size) : strdup("device");
}

/* Ends the account's sessions that showed the device's key, or (NULL) none. */
static void judge_end_sessions(struct judge *judge, const struct account *account,
                               const struct device *device, enum error_code code) {
    for (struct presence *each = account->presences; each != NULL;) {
        struct presence *next = each->next;
        if (each->device == device) {
            judge_end(judge, each->session, code, "");
            judge_fail_memory(judge, state_detach(judge->state, each));
        }
        each = next;
    }
}

static bool device_is_online(const struct device *device) {
    const struct presence *presence = device->account->presences;
    while (presence != NULL && presence->device != device)
        presence = presence->next;
    return presence != NULL;
}

static void judge_send_device(struct judge *judge, const struct presence *presence, uint32_t tag,
                              const struct device *device) {
    struct message answer = {.type = MESSAGE_DEVICE};
    answer.device.tag = tag;
    answer.device.number = device->number;
    answer.device.name = wire_text(device->name);
    answer.device.added = device->added;
    answer.device.online = device == presence->device ? 2 : device_is_online(device);
    batch_reply(&judge->batch, INBOX_REPLY, presence->session, &answer);
}

struct device *judge_add_device(struct judge *judge, struct account *account,
                                const struct request *request) {
    char *name = device_name(request->message.hello.device);
    struct stored_device stored = {.account = account->id,
                                   .number = account->last_device + 1,
                                   .name = name,
                                   .added = judge->batch.time};
    memcpy(stored.key, request->origin.key, STORE_HASH_BYTES);
    judge_end_sessions(judge, account, NULL, ERROR_TAKEN_OVER);
    struct device *device = name != NULL ? state_add_device(judge->state, account, &stored) : NULL;
    if (device == NULL) {
        judge_fail_memory(judge, false);
        free(name);
        return NULL;
    }
    struct message added = judge_event_by(MESSAGE_DEVICE_ADDED, account);
    added.device_added.number = device->number;
    added.device_added.key = (struct wire_blob){device->key, STORE_HASH_BYTES};
    added.device_added.name = wire_text(device->name);
    store_add_device(judge->store, &stored);
    batch_event(&judge->batch, NULL, &added);
    /* Nobody joins an account without its person seeing it. */
    for (const struct presence *each = account->presences; each != NULL; each = each->next)
        judge_send_device(judge, each, 0, device);
    free(name);
    return device;
}

void judge_remove_device(struct judge *judge, struct device *device, enum error_code code) {
    struct message removed = judge_event_by(MESSAGE_DEVICE_REMOVED, device->account);
    removed.device_removed.number = device->number;
    judge_end_sessions(judge, device->account, device, code);
    judge_fail_memory(judge, state_remove_device(judge->state, device));
    store_remove_device(judge->store, device->key);
    /* Nor does it come back by a code that it asked for. */
    store_forget_codes(judge->store, device->account->id);
    batch_event(&judge->batch, NULL, &removed);
}

bool judge_has_room_for_device(const struct account *account) {
    size_t count = 0;
    for (const struct device *device = account->devices; device != NULL; device = device->next)
        count++;
    return count < DEVICES_PER_PERSON_MAX;
}

void judge_device_add(struct judge *judge, const struct request *request,
                      struct presence *presence) {
    if (judge_has_room_for_device(presence->account))
        judge_answer_code(judge, request, presence->account->id, DEVICE_CODE_MILLISECONDS);
    else
        judge_error(judge, request, request->message.act.tag, ERROR_TOO_MANY_DEVICES);
}

void judge_device_list(struct judge *judge, const struct request *request,
                       struct presence *presence) {
    for (const struct device *device = presence->account->devices; device != NULL;
         device = device->next)
        judge_send_device(judge, presence, request->message.act.tag, device);
    judge_done(judge, request, request->message.act.tag);
}

/* The device that a text names by its number; NULL when there is none. */
static struct device *device_named(const struct account *account, struct wire_text text) {
    uint32_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 9)
            return NULL;
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    return account_device(account, number);
}

void judge_device_remove(struct judge *judge, const struct request *request,
                         struct presence *presence) {
    const struct message_act *act = &request->message.act;
    struct account *account = presence->account;
    struct device *device = device_named(account, act->subject);
    enum error_code error = ERROR_NONE;
    if (device == NULL)
        error = ERROR_NO_SUCH_DEVICE;
    else if (account->devices->next == NULL)
        error = ERROR_LAST_DEVICE;
    else if (judge->read_only)
        error = ERROR_STORAGE;
    if (error != ERROR_NONE) {
        judge_error(judge, request, act->tag, error);
        return;
    }
    judge_done(judge, request, act->tag);
    judge_remove_device(judge, device, ERROR_KEY_REMOVED);
}
