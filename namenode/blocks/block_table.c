/* block_table.c -- chained hashing over one array of records; see block_table.h. */
#include "namenode/blocks/block_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

enum { FIRST_ROOM = 64 };

static struct block_entry *entry_at(const struct block_table *t, uint32_t number)
{
    return block_table_at(t, number);
}

static uint32_t number_of(const struct block_table *t, const void *entry)
{
    return (uint32_t)((size_t)((const uint8_t *)entry - t->entries) / t->entry_bytes);
}

/* Linear hashing: the table grows by one bucket with each record, so that no insertion ever has
 * to move many.  Buckets from 0 to split are told apart by one more bit of the hash than the
 * rest.  Ids are handed out in sequence: multiplied by an odd constant they spread. */
static uint32_t bucket_of(const struct block_table *t, uint64_t block)
{
    uint32_t hash = (uint32_t)((block * 0x9e3779b97f4a7c15u) >> 32);
    uint32_t b = hash & (2 * t->base - 1);

    return b < t->bucket_count ? b : hash & (t->base - 1);
}

void block_table_init(struct block_table *t, size_t entry_bytes, uint32_t max)
{
    *t = (struct block_table){.entry_bytes = entry_bytes, .max = max, .made = 1};
}

void block_table_done(struct block_table *t)
{
    free(t->entries);
    free(t->buckets);
    block_table_init(t, t->entry_bytes, t->max);
}

void block_table_check(const struct block_table *t)
{
    uint64_t listed = 0;

    for (int i = 0; i < BLOCK_TABLE_LISTS; i++) {
        uint32_t seen = 0;

        for (void *e = block_table_first(t, (uint32_t)i); e; e = block_table_next(t, e)) {
            MUST(block_table_find(t, ((struct block_entry *)e)->block) == e);
            seen++;
        }
        MUST(seen == t->lists[i].count);
        listed += seen;
    }
    MUST(listed == t->count);
}

void *block_table_find(const struct block_table *t, uint64_t block)
{
    if (t->count == 0)
        return NULL;
    for (uint32_t n = t->buckets[bucket_of(t, block)]; n; n = entry_at(t, n)->chain)
        if (entry_at(t, n)->block == block)
            return entry_at(t, n);
    return NULL;
}

static void unlink_entry(struct block_table *t, struct block_entry *e)
{
    struct block_list *l = &t->lists[e->list];

    *(e->prev ? &entry_at(t, e->prev)->next : &l->head) = e->next;
    *(e->next ? &entry_at(t, e->next)->prev : &l->tail) = e->prev;
    l->count--;
}

static void link_last(struct block_table *t, struct block_entry *e, uint32_t list)
{
    struct block_list *l = &t->lists[list];
    uint32_t n = number_of(t, e);

    e->list = list;
    e->prev = l->tail;
    e->next = 0;
    *(l->tail ? &entry_at(t, l->tail)->next : &l->head) = n;
    l->tail = n;
    l->count++;
}

static bool grow_entries(struct block_table *t)
{
    uint32_t room = t->room ? t->room * 2 : FIRST_ROOM;
    uint8_t *entries = realloc(t->entries, (size_t)room * t->entry_bytes);

    if (!entries)
        return false;
    t->entries = entries;
    t->room = room;
    return true;
}

static bool room_for_bucket(struct block_table *t)
{
    uint32_t room = t->bucket_room ? t->bucket_room * 2 : FIRST_ROOM;
    uint32_t *grown;

    if (t->bucket_count < t->bucket_room)
        return true;
    grown = realloc(t->buckets, room * sizeof *grown);
    if (!grown)
        return false;
    t->buckets = grown;
    t->bucket_room = room;
    return true;
}

/* Adds the next bucket and moves there what belongs to it from the one it is split off. */
static bool add_bucket(struct block_table *t)
{
    uint32_t from, n, added = t->bucket_count;

    if (!room_for_bucket(t))
        return false;
    t->buckets[added] = 0;
    t->bucket_count++;
    if (added == 0) {
        t->base = 1;
        return true;
    }
    if (added == 2 * t->base)
        t->base *= 2;
    from = added - t->base;
    n = t->buckets[from];
    t->buckets[from] = 0;
    while (n) {
        struct block_entry *e = entry_at(t, n);
        uint32_t next = e->chain, b = bucket_of(t, e->block);

        e->chain = t->buckets[b];
        t->buckets[b] = n;
        n = next;
    }
    return true;
}

static uint32_t take_number(struct block_table *t)
{
    uint32_t n = t->free_head;

    if (n) {
        t->free_head = entry_at(t, n)->chain;
        return n;
    }
    if (t->made >= t->room && !grow_entries(t))
        return 0;
    return t->made++;
}

void *block_table_add(struct block_table *t, uint64_t block, bool *made)
{
    struct block_entry *e = block_table_find(t, block);
    uint32_t n, b;

    *made = false;
    if (e)
        return e;
    if (t->count >= t->max || (t->count >= t->bucket_count && !add_bucket(t)))
        return NULL;
    n = take_number(t);
    if (!n)
        return NULL;
    e = entry_at(t, n);
    memset(e, 0, t->entry_bytes);
    b = bucket_of(t, block);
    e->block = block;
    e->chain = t->buckets[b];
    t->buckets[b] = n;
    link_last(t, e, 0);
    t->count++;
    *made = true;
    return e;
}

void block_table_remove(struct block_table *t, void *entry)
{
    struct block_entry *e = entry;
    uint32_t n = number_of(t, e);
    uint32_t *at = &t->buckets[bucket_of(t, e->block)];

    while (*at != n) {
        MUST(*at != 0);
        at = &entry_at(t, *at)->chain;
    }
    *at = e->chain;
    unlink_entry(t, e);
    e->chain = t->free_head;
    t->free_head = n;
    t->count--;
}

void block_table_move(struct block_table *t, void *entry, uint32_t list)
{
    unlink_entry(t, entry);
    link_last(t, entry, list);
}

void *block_table_first(const struct block_table *t, uint32_t list)
{
    return t->lists[list].head ? entry_at(t, t->lists[list].head) : NULL;
}

void *block_table_next(const struct block_table *t, const void *entry)
{
    uint32_t n = ((const struct block_entry *)entry)->next;

    return n ? entry_at(t, n) : NULL;
}
