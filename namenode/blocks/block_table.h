/* block_table.h -- small records by block id, and in lists: for the few blocks of which more is
 * known than the namespace holds (being written, too few, corrupt, on their way).
 *
 * A record begins with a struct block_entry and is zeroed when it is made.  Records are known by
 * numbers, which stay the same until the record is removed; pointers move when one is added.
 * Every record stands in exactly one of the table's lists, in the order it was put there.
 *
 * Always true, and checked by block_table_check():
 *   T1  a record is found by its block, and there is one for a block
 *   T2  the lists' counts sum up to the table's
 *
 * Thread:  one at a time.
 * Memory:  the table's own; grows as needed up to @max records, does not shrink.
 */
#ifndef DFS_NAMENODE_BLOCK_TABLE_H
#define DFS_NAMENODE_BLOCK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOCK_TABLE_LISTS = 6 };
enum { BLOCK_ENTRY_NONE = 0 };

struct block_entry {
    uint64_t block;
    uint32_t chain, prev, next; /* record numbers */
    uint32_t list;
};

struct block_list {
    uint32_t head, tail, count;
};

struct block_table {
    size_t entry_bytes;
    uint32_t max;
    uint8_t *entries; /* number 0 is not used */
    uint32_t made, room, free_head, count;
    uint32_t *buckets, bucket_count, bucket_room;
    uint32_t base; /* a power of two: bucket_count is above it, at most twice as much */
    struct block_list lists[BLOCK_TABLE_LISTS];
};

void block_table_init(struct block_table *t, size_t entry_bytes, uint32_t max);
void block_table_done(struct block_table *t);
void block_table_check(const struct block_table *t);

static inline void *block_table_at(const struct block_table *t, uint32_t number)
{
    return t->entries + (size_t)number * t->entry_bytes;
}
/* NULL when there is none. */
void *block_table_find(const struct block_table *t, uint64_t block);
/* Finds or makes it, at the end of list 0 when new; NULL when full or out of memory. */
void *block_table_add(struct block_table *t, uint64_t block, bool *made);
void block_table_remove(struct block_table *t, void *entry);
/* Puts it at the end of @list. */
void block_table_move(struct block_table *t, void *entry, uint32_t list);
void *block_table_first(const struct block_table *t, uint32_t list); /* NULL: empty */
void *block_table_next(const struct block_table *t, const void *entry);

#endif
