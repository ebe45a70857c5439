#include "namenode/namespace/dir.h"

#include <string.h>

#include "namenode/namespace/ns_state.h"

enum { FINGER_REACH = 3 }; /* children around the finger that are looked at */

/* Behind the room for ids there is that for as many tags: a byte of each name's hash. */
struct chunk {
    uint16_t n, cap;
    uint8_t ids[][6];
};

/* A chunk, and where its first child has its name: to find the chunk no inode need be looked at. */
struct entry {
    uint32_t chunk, name;
    uint8_t name_n;
};

struct list {
    uint32_t total;  /* children */
    uint32_t n, cap; /* chunks */
    struct entry entries[];
};

/* Where an id stands, or would stand. */
struct place {
    uint32_t chunk, at;
    bool found;
};

static size_t chunk_bytes(unsigned cap)
{
    return sizeof(struct chunk) + (size_t)cap * 7;
}

static uint8_t *tags_of(struct chunk *c)
{
    return c->ids[c->cap];
}

static uint8_t tag_of(uint64_t dir, const char *name, unsigned n)
{
    return (uint8_t)dcache_hash(dir, name, n);
}

static size_t list_bytes(uint32_t cap)
{
    return sizeof(struct list) + (size_t)cap * sizeof(struct entry);
}

static struct list *list_of(const struct namespace *ns, uint64_t dir)
{
    const struct inode *i = ns_inode(ns, dir);
    uint32_t ref = (uint32_t)get48(i->data);

    return ref ? slab_at(&ns->tree, ref) : NULL;
}

static struct chunk *chunk_at(const struct namespace *ns, const struct list *l, uint32_t k)
{
    return slab_at(&ns->tree, l->entries[k].chunk);
}

/* A directory must be in Hadoop's order in an image too, for Hadoop searches it there without
 * sorting it. */
static int compare(const struct namespace *ns, uint64_t id, const char *name, unsigned n)
{
    unsigned have;
    const char *mine = inode_name(ns, ns_inode(ns, id), &have);

    return name_order(mine, have, name, n);
}

/* ---- searching ---- */

static bool is_below(const struct namespace *ns, const struct list *l, uint32_t chunk,
                     const char *name, unsigned n)
{
    unsigned have;
    const char *first = name_text(ns, l->entries[chunk].name, l->entries[chunk].name_n, &have);

    return name_order(first, have, name, n) <= 0;
}

/* The last chunk whose first name is not above @name, or else the first one: the one that the
 * finger is in, as often as not. */
static uint32_t find_chunk(const struct namespace *ns, uint64_t dir, const struct list *l,
                           const char *name, unsigned n)
{
    uint32_t low = 0, high = l->n, f = ns->finger->chunk;

    if (ns->finger->dir == dir && f < l->n) {
        if (!is_below(ns, l, f, name, n))
            high = f;
        else if (f + 1 < l->n && is_below(ns, l, f + 1, name, n))
            low = f + 1;
        else
            return f;
    }
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;

        if (is_below(ns, l, mid, name, n))
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* Whether @name is one of the children around the finger, or would stand between them. */
static bool finger_fits(const struct namespace *ns, const struct chunk *c, const char *name,
                        unsigned n, struct place *p)
{
    uint32_t from = ns->finger->at - 1, to = from + FINGER_REACH;
    int order = -1;

    if (p->chunk != ns->finger->chunk || ns->finger->at == 0 || to > c->n)
        return false;
    for (p->at = from; p->at < to; p->at++) {
        order = compare(ns, get48(c->ids[p->at]), name, n);
        if (order >= 0)
            break;
    }
    p->found = order == 0;
    return p->found || (order > 0 && p->at > from);
}

static void search_chunk(const struct namespace *ns, const struct chunk *c, const char *name,
                         unsigned n, struct place *p)
{
    uint32_t from = 0, to = c->n;

    p->found = false;
    while (from < to && !p->found) {
        uint32_t mid = from + (to - from) / 2;
        int order = compare(ns, get48(c->ids[mid]), name, n);

        p->found = order == 0;
        if (order < 0)
            from = mid + 1;
        else
            to = mid;
    }
    p->at = to;
}

/* Where @name stands or belongs, by comparing names. */
static struct place search(const struct namespace *ns, uint64_t dir, const struct list *l,
                           const char *name, unsigned n)
{
    const struct chunk *c = chunk_at(ns, l, l->n - 1);
    int order = compare(ns, get48(c->ids[c->n - 1]), name, n);
    struct place p;

    if (order <= 0) /* names that come in order, and trees taken apart, need not search */
        return (struct place){l->n - 1, c->n - (order == 0), order == 0};
    p.chunk = find_chunk(ns, dir, l, name, n);
    c = chunk_at(ns, l, p.chunk);
    if (ns->finger->dir != dir || !finger_fits(ns, c, name, n, &p))
        search_chunk(ns, c, name, n, &p);
    *ns->finger = (struct dir_finger){dir, p.chunk, p.at};
    return p;
}

/* The next of the chunk's tags that is @tag, from @at on; c->n when there is none. */
static uint32_t next_tag(struct chunk *c, uint32_t at, uint8_t tag)
{
    const uint8_t *tags = tags_of(c), *hit = memchr(tags + at, tag, c->n - at);

    return hit ? (uint32_t)(hit - tags) : c->n;
}

/* Tags instead of a search within the chunk: two lines of memory where names take twenty. */
uint64_t dir_find(const struct namespace *ns, uint64_t dir, const char *name, unsigned n)
{
    const struct list *l = list_of(ns, dir);
    uint8_t tag = tag_of(dir, name, n);
    struct chunk *c;
    uint32_t k;

    if (!l)
        return 0;
    k = find_chunk(ns, dir, l, name, n);
    c = chunk_at(ns, l, k);
    if (ns->finger->dir != dir || ns->finger->chunk != k)
        *ns->finger = (struct dir_finger){dir, k, 0};
    for (uint32_t at = next_tag(c, 0, tag); at < c->n; at = next_tag(c, at + 1, tag))
        if (compare(ns, get48(c->ids[at]), name, n) == 0)
            return get48(c->ids[at]);
    return 0;
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

/* Copies @n children of @from, from @first on, to the end of @to. */
static void append(struct chunk *to, struct chunk *from, unsigned first, unsigned n)
{
    memcpy(to->ids[to->n], from->ids[first], (size_t)n * 6);
    memcpy(tags_of(to) + to->n, tags_of(from) + first, n);
    to->n = (uint16_t)(to->n + n);
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
    memmove(l->entries + at + 1, l->entries + at, (l->n - at) * sizeof *l->entries);
    l->entries[at] = (struct entry){.chunk = ref};
    l->n++;
}

/* The chunk @k has another first child than before. */
static void note_first(const struct namespace *ns, struct list *l, uint32_t k)
{
    const struct inode *first = ns_inode(ns, get48(chunk_at(ns, l, k)->ids[0]));

    l->entries[k].name = first->name;
    l->entries[k].name_n = first->name_n;
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
    append(c, old, 0, old->n);
    free_chunk(ns, l->entries[k].chunk);
    l->entries[k].chunk = ref;
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
    left->n = (uint16_t)(left->n - moved);
    append(right, left, left->n, moved);
    list_insert(l, p->chunk + 1, ref);
    if (moved)
        note_first(ns, l, p->chunk + 1);
    if (!moved || p->at > left->n) {
        p->at -= left->n;
        p->chunk++;
    }
    return l;
}

static void put_child(struct chunk *c, uint32_t at, uint64_t id, uint8_t tag)
{
    uint8_t *tags = tags_of(c);

    memmove(c->ids[at + 1], c->ids[at], (c->n - at) * 6);
    memmove(tags + at + 1, tags + at, c->n - at);
    put48(c->ids[at], id);
    tags[at] = tag;
    c->n++;
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
        p = search(ns, dir, l, name, n);
        MUST(!p.found);
        if (chunk_at(ns, l, p.chunk)->n == DIR_CHUNK_MAX && !(l = split(ns, dir, &p)))
            return err_set(err, ERR_NOMEM, "directory");
    }
    c = chunk_room(ns, l, p.chunk);
    if (!c)
        return err_set(err, ERR_NOMEM, "directory");
    put_child(c, p.at, id, tag_of(dir, name, n));
    if (p.at == 0)
        note_first(ns, l, p.chunk);
    l->total++;
    *ns->finger = (struct dir_finger){dir, p.chunk, p.at + 1};
    return 0;
}

/* ---- shrinking ---- */

static void drop_chunk(struct namespace *ns, struct list *l, uint32_t k)
{
    free_chunk(ns, l->entries[k].chunk);
    l->n--;
    memmove(l->entries + k, l->entries + k + 1, (l->n - k) * sizeof *l->entries);
}

/* Pours chunk @k into the one before it when both fit well into one. */
static void merge(struct namespace *ns, struct list *l, uint32_t k)
{
    struct chunk *right = chunk_at(ns, l, k), *left = chunk_at(ns, l, k - 1);

    if (left->n + right->n > DIR_CHUNK_MAX / 2 || left->cap < left->n + right->n)
        return;
    append(left, right, 0, right->n);
    drop_chunk(ns, l, k);
}

/* Where the child @id stands; no names are compared within its chunk. */
static struct place place_of(const struct namespace *ns, uint64_t dir, const struct list *l,
                             uint64_t id)
{
    unsigned n;
    const char *name = inode_name(ns, ns_inode(ns, id), &n);
    uint8_t tag = tag_of(dir, name, n);
    struct place p = {.chunk = find_chunk(ns, dir, l, name, n)};
    struct chunk *c = chunk_at(ns, l, p.chunk);

    p.at = next_tag(c, 0, tag);
    while (p.at < c->n && get48(c->ids[p.at]) != id)
        p.at = next_tag(c, p.at + 1, tag);
    p.found = p.at < c->n;
    return p;
}

static void take_child(struct chunk *c, uint32_t at)
{
    uint8_t *tags = tags_of(c);

    c->n--;
    memmove(c->ids[at], c->ids[at + 1], (c->n - at) * 6);
    memmove(tags + at, tags + at + 1, c->n - at);
}

void dir_remove(struct namespace *ns, uint64_t dir, uint64_t id)
{
    struct list *l = list_of(ns, dir);
    struct place p = place_of(ns, dir, l, id);
    struct chunk *c;

    MUST(p.found);
    c = chunk_at(ns, l, p.chunk);
    take_child(c, p.at);
    if (p.at == 0 && c->n > 0)
        note_first(ns, l, p.chunk);
    l->total--;
    *ns->finger = (struct dir_finger){dir, p.chunk, p.at};
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
        p = search(ns, dir, l, after, after_n);
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
        struct chunk *c = chunk_at(ns, l, k);

        MUST(c->n > 0 && c->n <= c->cap);
        MUST(l->entries[k].name == ns_inode(ns, get48(c->ids[0]))->name &&
             l->entries[k].name_n == ns_inode(ns, get48(c->ids[0]))->name_n);
        for (unsigned i = 0; i < c->n; i++) {
            uint64_t id = get48(c->ids[i]);
            const struct inode *child = ns_inode(ns, id);
            unsigned n;
            const char *name;

            MUST(child && get48(child->parent) == dir);
            name = inode_name(ns, child, &n);
            MUST(tags_of(c)[i] == tag_of(dir, name, n));
            MUST(!before || compare(ns, before, name, n) < 0);
            before = id;
            total++;
        }
    }
    MUST(!l || (l->n > 0 && l->total == total));
}
