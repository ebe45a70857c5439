#include "namenode/block.h"

#include <string.h>

#include "namenode/inode.h"

/* A list of more than three storages. */
struct more {
    uint16_t count, cap;
    uint16_t storages[];
};

void block_map_init(struct block_map *m, struct slab *slab)
{
    m->slab = slab;
    idmap_init(&m->blocks, slab, sizeof(struct block));
    idmap_init(&m->groups, slab, sizeof(struct block));
}

uint64_t block_number(uint64_t id)
{
    uint64_t group;

    if (id >> 63 == 0)
        return id && id < BLOCK_GROUP_BIT ? id : BLOCK_NONE;
    group = (id - ((uint64_t)1 << 63)) >> 4;
    return group < BLOCK_GROUP_BIT ? group | BLOCK_GROUP_BIT : BLOCK_NONE;
}

uint64_t block_id_of(uint64_t number)
{
    if (number & BLOCK_GROUP_BIT)
        return ((uint64_t)1 << 63) + ((number & ~BLOCK_GROUP_BIT) << 4);
    return number;
}

struct block *block_get(const struct block_map *m, uint64_t number)
{
    if (number == BLOCK_NONE)
        return NULL;
    return number & BLOCK_GROUP_BIT ? idmap_get(&m->groups, number & ~BLOCK_GROUP_BIT)
                                    : idmap_get(&m->blocks, number);
}

struct block *block_put(struct block_map *m, uint64_t number)
{
    return number & BLOCK_GROUP_BIT ? idmap_put(&m->groups, number & ~BLOCK_GROUP_BIT)
                                    : idmap_put(&m->blocks, number);
}

static uint32_t more_ref(const struct block *b)
{
    uint32_t ref;

    memcpy(&ref, b->storages, sizeof ref);
    return ref;
}

static size_t more_bytes(unsigned cap)
{
    return sizeof(struct more) + cap * sizeof(uint16_t);
}

void block_drop(struct block_map *m, uint64_t number)
{
    struct block *b = block_get(m, number);

    if (b->bits & BLOCK_MORE) {
        struct more *list = slab_at(m->slab, more_ref(b));

        slab_free(m->slab, more_ref(b), more_bytes(list->cap));
    }
    if (number & BLOCK_GROUP_BIT)
        idmap_remove(&m->groups, number & ~BLOCK_GROUP_BIT);
    else
        idmap_remove(&m->blocks, number);
}

static unsigned inline_count(const struct block *b)
{
    return (b->bits & BLOCK_COUNT_MASK) >> BLOCK_COUNT_SHIFT;
}

static void set_inline_count(struct block *b, unsigned n)
{
    b->bits = (uint8_t)((b->bits & ~BLOCK_COUNT_MASK) | n << BLOCK_COUNT_SHIFT);
}

unsigned block_storages(const struct block_map *m, const struct block *b, uint16_t *out,
                        unsigned max)
{
    unsigned n = inline_count(b);
    const void *from = b->storages;

    if (b->bits & BLOCK_MORE) {
        const struct more *list = slab_at(m->slab, more_ref(b));

        n = list->count;
        from = list->storages;
    }
    memcpy(out, from, (n < max ? n : max) * sizeof *out);
    return n;
}

/* Turns three inline storages into a list with room for more. */
static bool spill(struct block_map *m, struct block *b)
{
    enum { FIRST_CAP = 6 };
    uint32_t ref = slab_alloc(m->slab, more_bytes(FIRST_CAP));
    struct more *list;

    if (!ref)
        return false;
    list = slab_at(m->slab, ref);
    list->cap = FIRST_CAP;
    list->count = 3;
    memcpy(list->storages, b->storages, sizeof b->storages);
    memset(b->storages, 0, sizeof b->storages);
    memcpy(b->storages, &ref, sizeof ref);
    b->bits |= BLOCK_MORE;
    set_inline_count(b, 0);
    return true;
}

static bool more_add(struct block_map *m, struct block *b, uint16_t storage)
{
    struct more *list = slab_at(m->slab, more_ref(b)), *bigger;
    uint32_t ref;

    if (list->count == list->cap) {
        ref = slab_alloc(m->slab, more_bytes(list->cap * 2u));
        if (!ref)
            return false;
        bigger = slab_at(m->slab, ref);
        memcpy(bigger, list, more_bytes(list->cap));
        bigger->cap = (uint16_t)(list->cap * 2);
        slab_free(m->slab, more_ref(b), more_bytes(list->cap));
        memcpy(b->storages, &ref, sizeof ref);
        list = bigger;
    }
    list->storages[list->count++] = storage;
    return true;
}

/* Where @storage stands, or -1. */
static int find(const uint16_t *list, unsigned n, uint16_t storage)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i] == storage)
            return (int)i;
    return -1;
}

bool block_add_storage(struct block_map *m, struct block *b, uint16_t storage)
{
    uint16_t have[3];
    unsigned n;

    if (b->bits & BLOCK_MORE) {
        struct more *list = slab_at(m->slab, more_ref(b));

        return find(list->storages, list->count, storage) < 0 && more_add(m, b, storage);
    }
    n = block_storages(m, b, have, 3);
    if (find(have, n, storage) >= 0)
        return false;
    if (n == 3)
        return spill(m, b) && more_add(m, b, storage);
    memcpy(b->storages + n * 2, &storage, 2);
    set_inline_count(b, n + 1);
    return true;
}

static bool more_remove(struct block_map *m, struct block *b, uint16_t storage)
{
    struct more *list = slab_at(m->slab, more_ref(b));
    int at = find(list->storages, list->count, storage);
    uint16_t back[3];

    if (at < 0)
        return false;
    memmove(list->storages + at, list->storages + at + 1,
            (list->count - (unsigned)at - 1) * sizeof storage);
    list->count--;
    if (list->count == 3) {
        memcpy(back, list->storages, sizeof back);
        slab_free(m->slab, more_ref(b), more_bytes(list->cap));
        memcpy(b->storages, back, sizeof back);
        b->bits &= (uint8_t)~BLOCK_MORE;
        set_inline_count(b, 3);
    }
    return true;
}

bool block_remove_storage(struct block_map *m, struct block *b, uint16_t storage)
{
    uint16_t have[3];
    unsigned n;
    int at;

    if (b->bits & BLOCK_MORE)
        return more_remove(m, b, storage);
    n = block_storages(m, b, have, 3);
    at = find(have, n, storage);
    if (at < 0)
        return false;
    memmove(have + at, have + at + 1, (n - (unsigned)at - 1) * sizeof *have);
    memcpy(b->storages, have, sizeof have);
    set_inline_count(b, n - 1);
    return true;
}

void block_unpack(const struct block_map *m, const struct block *b, uint64_t number,
                  struct block_info *out)
{
    unsigned n = inline_count(b);

    if (b->bits & BLOCK_MORE)
        n = ((const struct more *)slab_at(m->slab, more_ref(b)))->count;
    *out = (struct block_info){.id = block_id_of(number),
                               .gs = get48(b->gs),
                               .length = get48(b->length),
                               .file = get48(b->file),
                               .state = b->bits & BLOCK_STATE_MASK,
                               .storage_count = n};
}
