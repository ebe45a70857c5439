#include "namenode/dir.h"

#include <string.h>

#include "namenode/ns_state.h"

struct chunk {
    uint16_t n, cap;
    uint8_t ids[][6];
};

struct list {
    uint32_t total;    /* children */
    uint32_t n, cap;   /* chunks */
    uint32_t chunks[]; /* references */
};

/* Where an id stands, or would stand. */
struct place {
    uint32_t chunk, at;
    bool found;
};

static size_t chunk_bytes(unsigned cap)
{
    return sizeof(struct chunk) + (size_t)cap * 6;
}

static size_t list_bytes(uint32_t cap)
{
    return sizeof(struct list) + (size_t)cap * sizeof(uint32_t);
}

static struct list *list_of(const struct namespace *ns, uint64_t dir)
{
    const struct inode *i = ns_inode(ns, dir);
    uint32_t ref = (uint32_t)get48(i->data);

    return ref ? slab_at(&ns->tree, ref) : NULL;
}

static struct chunk *chunk_at(const struct namespace *ns, const struct list *l, uint32_t k)
{
    return slab_at(&ns->tree, l->chunks[k]);
}

static int compare(const struct namespace *ns, uint64_t id, const char *name, unsigned n)
{
    unsigned have;
    const char *mine = inode_name(ns, ns_inode(ns, id), &have);
    int order = memcmp(mine, name, have < n ? have : n);

    return order ? order : (have > n) - (have < n);
}

static struct place search(const struct namespace *ns, const struct list *l, const char *name,
                           unsigned n)
{
    uint32_t low = 0, high = l->n; /* the chunk is the last whose first name is not above */
    struct chunk *c = chunk_at(ns, l, l->n - 1);
    int last = compare(ns, get48(c->ids[c->n - 1]), name, n);

    if (last <= 0) /* names that come in order, and trees taken apart, need not search */
        return (struct place){l->n - 1, c->n - (last == 0), last == 0};
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;

        if (compare(ns, get48(chunk_at(ns, l, mid)->ids[0]), name, n) <= 0)
            low = mid;
        else
            high = mid;
    }
    c = chunk_at(ns, l, low);
    uint32_t from = 0, to = c->n;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int order = compare(ns, get48(c->ids[mid]), name, n);

        if (order == 0)
            return (struct place){low, mid, true};
        if (order < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return (struct place){low, from, false};
}

uint64_t dir_find(const struct namespace *ns, uint64_t dir, const char *name, unsigned n)
{
    const struct list *l = list_of(ns, dir);
    struct place p;

    if (!l)
        return 0;
    p = search(ns, l, name, n);
    return p.found ? get48(chunk_at(ns, l, p.chunk)->ids[p.at]) : 0;
}

uint32_t dir_count(const struct namespace *ns, uint64_t dir)
{
    const struct list *l = list_of(ns, dir);

    return l ? l->total : 0;
}

uint64_t dir_last(const struct namespace *ns, uint64_t dir)
{
    const struct list *l = list_of(ns, dir);
    const struct chunk *c;

    if (!l)
        return 0;
    c = chunk_at(ns, l, l->n - 1);
    return get48(c->ids[c->n - 1]);
}

/* ---- growing ---- */

static unsigned chunk_cap_for(unsigned n)
{
    unsigned cap = 2;

    while (cap < n)
        cap += cap < 16 ? cap : cap < 64 ? 16 : 32;
    return cap;
}

static uint32_t new_chunk(struct namespace *ns, unsigned cap)
{
    uint32_t ref = slab_alloc(&ns->tree, chunk_bytes(cap));

    if (ref)
        *(struct chunk *)slab_at(&ns->tree, ref) = (struct chunk){.cap = (uint16_t)cap};
    return ref;
}

static void free_chunk(struct namespace *ns, uint32_t ref)
{
    struct chunk *c = slab_at(&ns->tree, ref);

    slab_free(&ns->tree, ref, chunk_bytes(c->cap));
}

static void put_list(struct namespace *ns, uint64_t dir, uint32_t ref)
{
    put48(ns_inode(ns, dir)->data, ref);
}

/* The list, with room for one more chunk; NULL when memory is short. */
static struct list *list_room(struct namespace *ns, uint64_t dir)
{
    struct list *old = list_of(ns, dir), *l;
    uint32_t cap = old ? old->cap + old->cap / 2 + 1 : 1, ref;

    if (old && old->n < old->cap)
        return old;
    ref = slab_alloc(&ns->tree, list_bytes(cap));
    if (!ref)
        return NULL;
    if (list_bytes(cap) > ns->longest_list)
        ns->longest_list = list_bytes(cap);
    l = slab_at(&ns->tree, ref);
    *l = (struct list){0};
    if (old) {
        memcpy(l, old, list_bytes(old->n));
        slab_free(&ns->tree, (uint32_t)get48(ns_inode(ns, dir)->data), list_bytes(old->cap));
    }
    l->cap = cap;
    put_list(ns, dir, ref);
    return l;
}

static void list_insert(struct list *l, uint32_t at, uint32_t ref)
{
    memmove(l->chunks + at + 1, l->chunks + at, (l->n - at) * sizeof *l->chunks);
    l->chunks[at] = ref;
    l->n++;
}

/* A chunk with room for one more, in place of chunk @k. */
static struct chunk *chunk_room(struct namespace *ns, struct list *l, uint32_t k)
{
    struct chunk *old = chunk_at(ns, l, k), *c;
    uint32_t ref;

    if (old->n < old->cap)
        return old;
    ref = new_chunk(ns, chunk_cap_for(old->n + 1u));
    if (!ref)
        return NULL;
    c = slab_at(&ns->tree, ref);
    c->n = old->n;
    memcpy(c->ids, old->ids, (size_t)old->n * 6);
    free_chunk(ns, l->chunks[k]);
    l->chunks[k] = ref;
    return c;
}

/* Splits the full chunk that @p points into, so that p fits; at the very end of the directory a
 * new chunk is begun instead. */
static struct list *split(struct namespace *ns, uint64_t dir, struct place *p)
{
    struct list *l = list_room(ns, dir);
    struct chunk *left, *right;
    uint32_t ref;
    unsigned moved;

    if (!l)
        return NULL;
    left = chunk_at(ns, l, p->chunk);
    moved = p->chunk == l->n - 1 && p->at == left->n ? 0 : left->n / 2u;
    ref = new_chunk(ns, moved ? DIR_CHUNK_MAX : 2);
    if (!ref)
        return NULL;
    right = slab_at(&ns->tree, ref);
    right->n = (uint16_t)moved;
    left->n = (uint16_t)(left->n - moved);
    memcpy(right->ids, left->ids[left->n], (size_t)moved * 6);
    list_insert(l, p->chunk + 1, ref);
    if (!moved || p->at > left->n) {
        p->at -= left->n;
        p->chunk++;
    }
    return l;
}

int dir_insert(struct namespace *ns, uint64_t dir, uint64_t id, struct err *err)
{
    unsigned n;
    const char *name = inode_name(ns, ns_inode(ns, id), &n);
    struct list *l = list_of(ns, dir);
    struct place p = {0};
    struct chunk *c;

    if (!l) {
        uint32_t ref = new_chunk(ns, 2);

        l = ref ? list_room(ns, dir) : NULL;
        if (!l) {
            if (ref)
                free_chunk(ns, ref);
            return err_set(err, ERR_NOMEM, "directory");
        }
        list_insert(l, 0, ref);
    } else {
        p = search(ns, l, name, n);
        MUST(!p.found);
        if (chunk_at(ns, l, p.chunk)->n == DIR_CHUNK_MAX && !(l = split(ns, dir, &p)))
            return err_set(err, ERR_NOMEM, "directory");
    }
    c = chunk_room(ns, l, p.chunk);
    if (!c)
        return err_set(err, ERR_NOMEM, "directory");
    memmove(c->ids[p.at + 1], c->ids[p.at], (c->n - p.at) * 6);
    put48(c->ids[p.at], id);
    c->n++;
    l->total++;
    return 0;
}

/* ---- shrinking ---- */

static void drop_chunk(struct namespace *ns, struct list *l, uint32_t k)
{
    free_chunk(ns, l->chunks[k]);
    l->n--;
    memmove(l->chunks + k, l->chunks + k + 1, (l->n - k) * sizeof *l->chunks);
}

/* Pours chunk @k into the one before it when both fit well into one. */
static void merge(struct namespace *ns, struct list *l, uint32_t k)
{
    struct chunk *right = chunk_at(ns, l, k), *left = chunk_at(ns, l, k - 1);

    if (left->n + right->n > DIR_CHUNK_MAX / 2 || left->cap < left->n + right->n)
        return;
    memcpy(left->ids[left->n], right->ids, (size_t)right->n * 6);
    left->n = (uint16_t)(left->n + right->n);
    drop_chunk(ns, l, k);
}

void dir_remove(struct namespace *ns, uint64_t dir, uint64_t id)
{
    unsigned n;
    const char *name = inode_name(ns, ns_inode(ns, id), &n);
    struct list *l = list_of(ns, dir);
    struct place p = search(ns, l, name, n);
    struct chunk *c;

    MUST(p.found);
    c = chunk_at(ns, l, p.chunk);
    MUST(get48(c->ids[p.at]) == id);
    c->n--;
    memmove(c->ids[p.at], c->ids[p.at + 1], (c->n - p.at) * 6);
    l->total--;
    if (c->n == 0)
        drop_chunk(ns, l, p.chunk);
    else if (p.chunk > 0)
        merge(ns, l, p.chunk);
    if (l->n == 0) {
        slab_free(&ns->tree, (uint32_t)get48(ns_inode(ns, dir)->data), list_bytes(l->cap));
        put_list(ns, dir, 0);
    }
}

/* ---- reading ---- */

int dir_list(const struct namespace *ns, uint64_t dir, const char *after, unsigned after_n,
             uint64_t *ids, int max)
{
    const struct list *l = list_of(ns, dir);
    struct place p = {0};
    int got = 0;

    if (!l)
        return 0;
    if (after_n) {
        p = search(ns, l, after, after_n);
        p.at += p.found;
    }
    for (; p.chunk < l->n && got < max; p.chunk++, p.at = 0) {
        const struct chunk *c = chunk_at(ns, l, p.chunk);

        for (; p.at < c->n && got < max; p.at++)
            ids[got++] = get48(c->ids[p.at]);
    }
    return got;
}

void dir_check(const struct namespace *ns, uint64_t dir)
{
    const struct list *l = list_of(ns, dir);
    uint64_t before = 0;
    uint32_t total = 0;

    for (uint32_t k = 0; l && k < l->n; k++) {
        const struct chunk *c = chunk_at(ns, l, k);

        MUST(c->n > 0 && c->n <= c->cap);
        for (unsigned i = 0; i < c->n; i++) {
            uint64_t id = get48(c->ids[i]);
            const struct inode *child = ns_inode(ns, id);
            unsigned n;
            const char *name;

            MUST(child && get48(child->parent) == dir);
            name = inode_name(ns, child, &n);
            MUST(!before || compare(ns, before, name, n) < 0);
            before = id;
            total++;
        }
    }
    MUST(!l || (l->n > 0 && l->total == total));
}
