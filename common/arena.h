/* arena.h -- memory for one request: taken in small pieces, given back all at once.
 *
 * Always true: what arena_alloc returns stays valid, and where it is, until arena_reset or
 * arena_done.  A reset arena keeps its first chunk, so a busy connection stops calling malloc.
 *
 * Thread:  one at a time.
 * Memory:  chunks from malloc; allocations are aligned to 16 bytes and not zeroed.
 * Errors:  NULL when the maximum is reached or malloc fails.
 */
#ifndef DFS_COMMON_ARENA_H
#define DFS_COMMON_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *first, *current;
    size_t used, total, max;
    ProtobufCAllocator pb; /* hands this arena to protobuf-c: its free does nothing */
};

void arena_init(struct arena *a, size_t max_bytes);
void arena_done(struct arena *a);
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
