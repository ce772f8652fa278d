/* A file of ours is followed in memory by the file of SQLite's own layer, to which everything is
 * passed on; only whole pages are looked at on their way. */
#include "page_guard.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

enum {
    GUARD_BYTES = 8,      /* at the end of a page; SQLite keeps its hands off them */
    GUARD_PAGE = 4096,    /* what SQLite makes; a file with other pages goes unguarded */
    GUARD_HEADER = 100,   /* bytes of a database's header, at the beginning of its first page */
    GUARD_PAGE_SIZE = 16, /* where the header has the page size, and the bytes kept free */
    GUARD_RESERVED = 20,
    GUARD_AHEAD = 1 << 20, /* bytes by which a write-ahead log grows at a time */
    GUARD_ZEROS = 1 << 16  /* and which are written at a time for it */
};

/* Numbers of pages have a zero in front up to here. */
#define GUARD_SMALL ((sqlite3_int64)GUARD_PAGE << 24)

static const char guard_magic[] = "SQLite format 3";

struct guarded_file {
    sqlite3_file base;
    bool guarded;  /* the header says that pages have room for a checksum */
    bool expected; /* it will, once it is written; what is written before gets one already */
    bool is_log;   /* a write-ahead log, */
    sqlite3_int64 reserved; /* which needs no more room up to here */
};

static sqlite3_file *guard_inner(sqlite3_file *file) {
    return (sqlite3_file *)((struct guarded_file *)file + 1);
}

/* The checksum of a page depends on its place, so that a page written to the wrong one is found. */
static uint64_t guard_sum(const uint8_t *page, sqlite3_int64 offset) {
    return XXH3_64bits_withSeed(page, GUARD_PAGE - GUARD_BYTES, (XXH64_hash_t)offset);
}

static void guard_read_header(struct guarded_file *file, const uint8_t *header) {
    bool is_database = memcmp(header, guard_magic, sizeof guard_magic) == 0;
    int page_size = header[GUARD_PAGE_SIZE] << 8 | header[GUARD_PAGE_SIZE + 1];
    file->guarded = is_database && page_size == GUARD_PAGE && header[GUARD_RESERVED] == GUARD_BYTES;
}

static bool guard_is_page(int size, sqlite3_int64 offset) {
    return size == GUARD_PAGE && offset % GUARD_PAGE == 0;
}

static int guard_number(const uint8_t *bytes) {
    return bytes[0] << 8 | bytes[1];
}

/* Zeroes what lies between the last pointer to a row and the first row of a page: copies of rows
 * that SQLite has moved, and perhaps deleted since. A page that is not of rows begins with the
 * number of another page, which is below all their kinds in a file of this size. */
static void guard_wipe_gap(uint8_t *page, sqlite3_int64 offset) {
    const uint8_t *header = page + (offset == 0 ? GUARD_HEADER : 0);
    bool leaf = header[0] == 0x0A || header[0] == 0x0D;
    bool interior = header[0] == 0x02 || header[0] == 0x05;
    if (!leaf && !interior)
        return;
    int begin = (int)(header - page) + (leaf ? 8 : 12) + 2 * guard_number(header + 3);
    int end = guard_number(header + 5);
    if (begin < end && end <= GUARD_PAGE)
        memset(page + begin, 0, (size_t)(end - begin));
}

/* A page that the file ends in the middle of. Beyond the end SQLite takes what is not there for
 * zeros, rightly. */
static bool guard_is_cut(sqlite3_file *inner, sqlite3_int64 offset) {
    sqlite3_int64 end = 0;
    return inner->pMethods->xFileSize(inner, &end) == SQLITE_OK && end > offset;
}

static int guard_damaged(sqlite3_int64 offset) {
    sqlite3_log(SQLITE_IOERR_DATA, "page %lld is damaged", offset / GUARD_PAGE + 1);
    return SQLITE_IOERR_DATA;
}

static int guard_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset) {
    struct guarded_file *file = (struct guarded_file *)base;
    sqlite3_file *inner = guard_inner(base);
    const uint8_t *bytes = data;
    uint64_t stored;
    int result = inner->pMethods->xRead(inner, data, size, offset);
    if (result == SQLITE_IOERR_SHORT_READ && file->guarded && guard_is_page(size, offset) &&
        guard_is_cut(inner, offset))
        return guard_damaged(offset);
    if (result != SQLITE_OK)
        return result;
    if (offset == 0 && size >= GUARD_HEADER)
        guard_read_header(file, bytes);
    if (!file->guarded || !guard_is_page(size, offset))
        return SQLITE_OK;
    memcpy(&stored, bytes + GUARD_PAGE - GUARD_BYTES, GUARD_BYTES);
    if (stored == guard_sum(bytes, offset))
        return SQLITE_OK;
    return guard_damaged(offset);
}

static bool guard_is_small(sqlite3_file *inner) {
    sqlite3_int64 end = 0;
    return inner->pMethods->xFileSize(inner, &end) == SQLITE_OK && end < GUARD_SMALL;
}

/* Makes room in a write-ahead log for more than is written now, so that to sync a commit is to sync
 * its bytes, and not the new size of the file as well, which takes as long again. What SQLite has
 * not written there it knows by its checksums. A disk without that much room may still have enough.
 */
static void guard_reserve(struct guarded_file *file, sqlite3_int64 end) {
    static const uint8_t zeros[GUARD_ZEROS];
    sqlite3_file *inner = guard_inner(&file->base);
    sqlite3_int64 until = (end / GUARD_AHEAD + 1) * GUARD_AHEAD;
    sqlite3_int64 at = 0;
    file->reserved = end;
    if (inner->pMethods->xFileSize(inner, &at) != SQLITE_OK || at > end)
        file->reserved = at;
    while (file->reserved < until &&
           inner->pMethods->xWrite(inner, zeros, GUARD_ZEROS - (int)(file->reserved % GUARD_ZEROS),
                                   file->reserved) == SQLITE_OK)
        file->reserved += GUARD_ZEROS - file->reserved % GUARD_ZEROS;
}

static int guard_write_log(struct guarded_file *file, const void *data, int size,
                           sqlite3_int64 offset) {
    sqlite3_file *inner = guard_inner(&file->base);
    /* It begins anew, or another handle has emptied it. */
    if (offset == 0)
        file->reserved = 0;
    int result = inner->pMethods->xWrite(inner, data, size, offset);
    if (result == SQLITE_OK && offset + size > file->reserved)
        guard_reserve(file, offset + size);
    return result;
}

static int guard_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset) {
    struct guarded_file *file = (struct guarded_file *)base;
    sqlite3_file *inner = guard_inner(base);
    uint8_t page[GUARD_PAGE];
    if (file->is_log)
        return guard_write_log(file, data, size, offset);
    if (offset == 0 && size >= GUARD_HEADER) {
        guard_read_header(file, data);
        file->expected = false;
    }
    if (!(file->guarded || file->expected) || !guard_is_page(size, offset))
        return inner->pMethods->xWrite(inner, data, size, offset);
    memcpy(page, data, GUARD_PAGE);
    if (guard_is_small(inner))
        guard_wipe_gap(page, offset);
    uint64_t sum = guard_sum(page, offset);
    memcpy(page + GUARD_PAGE - GUARD_BYTES, &sum, GUARD_BYTES);
    return inner->pMethods->xWrite(inner, page, size, offset);
}

static int guard_close(sqlite3_file *file) {
    return guard_inner(file)->pMethods->xClose(guard_inner(file));
}

static int guard_truncate(sqlite3_file *file, sqlite3_int64 size) {
    ((struct guarded_file *)file)->reserved = size;
    return guard_inner(file)->pMethods->xTruncate(guard_inner(file), size);
}

static int guard_sync(sqlite3_file *file, int flags) {
    return guard_inner(file)->pMethods->xSync(guard_inner(file), flags);
}

static int guard_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    return guard_inner(file)->pMethods->xFileSize(guard_inner(file), size);
}

static int guard_lock(sqlite3_file *file, int level) {
    return guard_inner(file)->pMethods->xLock(guard_inner(file), level);
}

static int guard_unlock(sqlite3_file *file, int level) {
    return guard_inner(file)->pMethods->xUnlock(guard_inner(file), level);
}

static int guard_check_lock(sqlite3_file *file, int *reserved) {
    return guard_inner(file)->pMethods->xCheckReservedLock(guard_inner(file), reserved);
}

static int guard_control(sqlite3_file *file, int operation, void *argument) {
    return guard_inner(file)->pMethods->xFileControl(guard_inner(file), operation, argument);
}

static int guard_sector_size(sqlite3_file *file) {
    return guard_inner(file)->pMethods->xSectorSize(guard_inner(file));
}

static int guard_device(sqlite3_file *file) {
    return guard_inner(file)->pMethods->xDeviceCharacteristics(guard_inner(file));
}

static int guard_shm_map(sqlite3_file *file, int page, int size, int extend,
                         void volatile **memory) {
    return guard_inner(file)->pMethods->xShmMap(guard_inner(file), page, size, extend, memory);
}

static int guard_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return guard_inner(file)->pMethods->xShmLock(guard_inner(file), offset, count, flags);
}

static void guard_shm_barrier(sqlite3_file *file) {
    guard_inner(file)->pMethods->xShmBarrier(guard_inner(file));
}

static int guard_shm_unmap(sqlite3_file *file, int remove) {
    return guard_inner(file)->pMethods->xShmUnmap(guard_inner(file), remove);
}

/* Version 2: no memory mapping, which would go past the checksums. */
static const sqlite3_io_methods guard_methods = {
    .iVersion = 2,
    .xClose = guard_close,
    .xRead = guard_read,
    .xWrite = guard_write,
    .xTruncate = guard_truncate,
    .xSync = guard_sync,
    .xFileSize = guard_file_size,
    .xLock = guard_lock,
    .xUnlock = guard_unlock,
    .xCheckReservedLock = guard_check_lock,
    .xFileControl = guard_control,
    .xSectorSize = guard_sector_size,
    .xDeviceCharacteristics = guard_device,
    .xShmMap = guard_shm_map,
    .xShmLock = guard_shm_lock,
    .xShmBarrier = guard_shm_barrier,
    .xShmUnmap = guard_shm_unmap,
};

/* Set once, by guard_register. */
static sqlite3_vfs guard_vfs;
static sqlite3_vfs *guard_system;
static int guard_registered = SQLITE_NOMEM;

static int guard_open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                           int *out_flags) {
    struct guarded_file *file = (struct guarded_file *)base;
    (void)vfs;
    /* Journals and temporary files have no pages of ours. */
    if ((flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0)
        return guard_system->xOpen(guard_system, name, base, flags, out_flags);
    *file = (struct guarded_file){.is_log = (flags & SQLITE_OPEN_WAL) != 0};
    int result = guard_system->xOpen(guard_system, name, guard_inner(base), flags, out_flags);
    if (guard_inner(base)->pMethods != NULL)
        base->pMethods = &guard_methods;
    return result;
}

static void guard_register(void) {
    /* Counting memory takes a lock that all threads with a handle share, and nobody asks. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_initialize() != SQLITE_OK)
        return;
    guard_system = sqlite3_vfs_find(NULL);
    guard_vfs = *guard_system;
    guard_vfs.pNext = NULL;
    guard_vfs.zName = "guarded";
    guard_vfs.szOsFile = (int)sizeof(struct guarded_file) + guard_system->szOsFile;
    guard_vfs.xOpen = guard_open_file;
    guard_registered = sqlite3_vfs_register(&guard_vfs, 0);
}

int page_guard_open(const char *path, sqlite3 **database, int flags) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    *database = NULL;
    pthread_once(&once, guard_register);
    return guard_registered == SQLITE_OK ? sqlite3_open_v2(path, database, flags, guard_vfs.zName)
                                         : guard_registered;
}

static struct guarded_file *guard_of(sqlite3 *database) {
    sqlite3_file *file = NULL;
    sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return file != NULL && file->pMethods == &guard_methods ? (struct guarded_file *)file : NULL;
}

bool page_guard_expect(sqlite3 *database) {
    struct guarded_file *file = guard_of(database);
    if (file != NULL)
        file->expected = true;
    return file != NULL;
}

bool page_guard_request(sqlite3 *database) {
    int bytes = GUARD_BYTES;
    return sqlite3_file_control(database, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes) ==
               SQLITE_OK &&
           page_guard_expect(database);
}

bool page_guard_is_on(sqlite3 *database) {
    const struct guarded_file *file = guard_of(database);
    return file != NULL && file->guarded;
}
