#include "namenode/blocks/block.h"

#include <string.h>

#include "namenode/namespace/inode.h"

/* A list of more than three storages, or of a group's: then cap units of one byte follow. */
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
    struct block *b;

    if (!(number & BLOCK_GROUP_BIT))
        return idmap_put(&m->blocks, number);
    b = idmap_put(&m->groups, number & ~BLOCK_GROUP_BIT);
    if (b)
        b->bits = BLOCK_GROUP;
    return b;
}

static uint32_t more_ref(const struct block *b)
{
    uint32_t ref;

    memcpy(&ref, b->storages, sizeof ref);
    return ref;
}

static size_t more_bytes(const struct block *b, unsigned cap)
{
    size_t each = sizeof(uint16_t) + (b->bits & BLOCK_GROUP ? sizeof(uint8_t) : 0);

    return sizeof(struct more) + cap * each;
}

static uint8_t *units_in(struct more *list)
{
    return (uint8_t *)(list->storages + list->cap);
}

void block_drop(struct block_map *m, uint64_t number)
{
    struct block *b = block_get(m, number);

    if (b->bits & BLOCK_MORE) {
        struct more *list = slab_at(m->slab, more_ref(b));

        slab_free(m->slab, more_ref(b), more_bytes(b, list->cap));
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

unsigned block_units(const struct block_map *m, const struct block *b, uint16_t *out,
                     uint8_t *units, unsigned max)
{
    unsigned n = block_storages(m, b, out, max), fit = n < max ? n : max;

    if (b->bits & BLOCK_GROUP && b->bits & BLOCK_MORE)
        memcpy(units, units_in(slab_at(m->slab, more_ref(b))), fit);
    else
        memset(units, 0, fit);
    return n;
}

/* Gives @b a list with room for @cap; what it has is copied. */
static struct more *make_list(struct block_map *m, struct block *b, unsigned cap)
{
    uint32_t ref = slab_alloc(m->slab, more_bytes(b, cap));
    struct more *list = ref ? slab_at(m->slab, ref) : NULL, *old;

    if (!list)
        return NULL;
    list->cap = (uint16_t)cap;
    if (b->bits & BLOCK_MORE) {
        old = slab_at(m->slab, more_ref(b));
        list->count = old->count;
        memcpy(list->storages, old->storages, old->count * sizeof *old->storages);
        if (b->bits & BLOCK_GROUP)
            memcpy(units_in(list), units_in(old), old->count);
        slab_free(m->slab, more_ref(b), more_bytes(b, old->cap));
    } else {
        list->count = (uint16_t)inline_count(b);
        memcpy(list->storages, b->storages, list->count * sizeof *list->storages);
        memset(b->storages, 0, sizeof b->storages);
        set_inline_count(b, 0);
    }
    memcpy(b->storages, &ref, sizeof ref);
    b->bits |= BLOCK_MORE;
    return list;
}

/* Most groups have as many units as one of these steps. */
static unsigned next_cap(const struct block *b, unsigned cap)
{
    enum { FIRST_CAP = 6, GROUP_STEP = 3 };

    if (b->bits & BLOCK_GROUP)
        return cap + GROUP_STEP;
    return cap ? cap * 2 : FIRST_CAP;
}

static bool more_add(struct block_map *m, struct block *b, uint16_t storage, uint8_t unit)
{
    struct more *list = b->bits & BLOCK_MORE ? slab_at(m->slab, more_ref(b)) : NULL;

    if (!list || list->count == list->cap)
        list = make_list(m, b, next_cap(b, list ? list->cap : 0));
    if (!list)
        return false;
    if (b->bits & BLOCK_GROUP)
        units_in(list)[list->count] = unit;
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

static int more_find(const struct block *b, struct more *list, uint16_t storage, uint8_t unit)
{
    if (!(b->bits & BLOCK_GROUP))
        return find(list->storages, list->count, storage);
    for (unsigned i = 0; i < list->count; i++)
        if (list->storages[i] == storage && units_in(list)[i] == unit)
            return (int)i;
    return -1;
}

bool block_add_storage(struct block_map *m, struct block *b, uint16_t storage, uint8_t unit)
{
    uint16_t have[3];
    unsigned n;

    if (b->bits & BLOCK_MORE)
        return more_find(b, slab_at(m->slab, more_ref(b)), storage, unit) < 0 &&
               more_add(m, b, storage, unit);
    if (b->bits & BLOCK_GROUP)
        return more_add(m, b, storage, unit);
    n = block_storages(m, b, have, 3);
    if (find(have, n, storage) >= 0)
        return false;
    if (n == 3)
        return more_add(m, b, storage, unit);
    memcpy(b->storages + n * 2, &storage, 2);
    set_inline_count(b, n + 1);
    return true;
}

static bool more_remove(struct block_map *m, struct block *b, uint16_t storage, uint8_t unit)
{
    struct more *list = slab_at(m->slab, more_ref(b));
    int at = more_find(b, list, storage, unit);
    unsigned stays = b->bits & BLOCK_GROUP ? 0 : 3; /* as many stand in the record */
    uint16_t back[3] = {0};

    if (at < 0)
        return false;
    memmove(list->storages + at, list->storages + at + 1,
            (list->count - (unsigned)at - 1) * sizeof storage);
    if (b->bits & BLOCK_GROUP)
        memmove(units_in(list) + at, units_in(list) + at + 1, list->count - (unsigned)at - 1);
    list->count--;
    if (list->count == stays) {
        memcpy(back, list->storages, stays * sizeof *back);
        slab_free(m->slab, more_ref(b), more_bytes(b, list->cap));
        memcpy(b->storages, back, sizeof back);
        b->bits &= (uint8_t)~BLOCK_MORE;
        set_inline_count(b, stays);
    }
    return true;
}

bool block_remove_storage(struct block_map *m, struct block *b, uint16_t storage, uint8_t unit)
{
    uint16_t have[3];
    unsigned n;
    int at;

    if (b->bits & BLOCK_MORE)
        return more_remove(m, b, storage, unit);
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
