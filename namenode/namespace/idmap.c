#include "namenode/namespace/idmap.h"

#include <stdbool.h>
#include <string.h>

enum { LEAF_BITS = 6, NODE_BITS = 10, FANOUT = 1 << NODE_BITS, HEIGHT_MAX = 4 };

struct leaf {
    uint64_t bits;
    uint8_t records[]; /* room for step_for() as many as there are bits */
};

struct node {
    uint32_t count; /* children that exist */
    uint32_t child[FANOUT];
};

/* A leaf grows and shrinks in these steps. The room follows from the count, so it is not stored;
 * without that byte a run of the slab holds thirty full leaves of inodes instead of 29. */
static unsigned step_for(unsigned n)
{
    return n <= 2 ? n : n <= 16 ? (n + 3) & ~3u : (n + 7) & ~7u;
}

static size_t leaf_bytes(const struct idmap *m, unsigned count)
{
    return sizeof(struct leaf) + (size_t)step_for(count) * m->stride;
}

static unsigned count_of(const struct leaf *l)
{
    return (unsigned)__builtin_popcountll(l->bits);
}

static struct leaf *leaf_at(const struct idmap *m, uint32_t ref)
{
    return slab_at(m->slab, ref);
}

static struct node *node_at(const struct idmap *m, uint32_t ref)
{
    return slab_at(m->slab, ref);
}

void idmap_init(struct idmap *m, struct slab *slab, unsigned stride)
{
    *m = (struct idmap){.slab = slab, .stride = stride};
}

static unsigned slot(uint64_t id, unsigned level)
{
    return (unsigned)(id >> (LEAF_BITS + NODE_BITS * (level - 1))) & (FANOUT - 1);
}

static bool fits(const struct idmap *m, uint64_t id)
{
    return id >> (LEAF_BITS + NODE_BITS * m->height) == 0;
}

static unsigned place_of(const struct leaf *l, unsigned bit)
{
    return (unsigned)__builtin_popcountll(l->bits & (((uint64_t)1 << bit) - 1));
}

void *idmap_get(const struct idmap *m, uint64_t id)
{
    uint32_t ref = m->root;
    struct leaf *l;
    unsigned bit = id & 63;

    if (!fits(m, id))
        return NULL;
    for (unsigned level = m->height; level > 0 && ref; level--)
        ref = node_at(m, ref)->child[slot(id, level)];
    if (!ref)
        return NULL;
    l = leaf_at(m, ref);
    if (!(l->bits >> bit & 1))
        return NULL;
    return l->records + (size_t)place_of(l, bit) * m->stride;
}

static uint32_t new_node(struct idmap *m)
{
    uint32_t ref = slab_alloc(m->slab, sizeof(struct node));

    if (ref)
        memset(node_at(m, ref), 0, sizeof(struct node));
    return ref;
}

/* Makes the tree tall enough for @id. */
static bool grow(struct idmap *m, uint64_t id)
{
    while (!fits(m, id)) {
        if (m->root) {
            uint32_t ref = new_node(m);

            if (!ref)
                return false;
            node_at(m, ref)->child[0] = m->root;
            node_at(m, ref)->count = 1;
            m->root = ref;
        }
        m->height++;
        MUST(m->height <= HEIGHT_MAX);
    }
    return true;
}

/* Makes the leaf at *ref, with @count records, as roomy as for @next of them; it may move. */
static struct leaf *leaf_resize(struct idmap *m, uint32_t *ref, unsigned count, unsigned next)
{
    size_t before = leaf_bytes(m, count), after = leaf_bytes(m, next);
    uint32_t moved;
    struct leaf *l;

    if (*ref && before == after)
        return leaf_at(m, *ref);
    moved = next < count ? slab_alloc_spare(m->slab, after) : slab_alloc(m->slab, after);
    if (!moved)
        return NULL;
    l = leaf_at(m, moved);
    if (*ref) {
        memcpy(l, leaf_at(m, *ref), before < after ? before : after);
        slab_free(m->slab, *ref, before);
    } else {
        l->bits = 0;
    }
    *ref = moved;
    return l;
}

/* Drops nodes on the way to @id that have no children. */
static void prune(struct idmap *m, uint64_t id)
{
    uint32_t *path[HEIGHT_MAX + 1] = {0}, *ref = &m->root;

    for (unsigned level = m->height; level > 0 && *ref; level--) {
        path[level] = ref;
        ref = &node_at(m, *ref)->child[slot(id, level)];
    }
    for (unsigned level = 1; level <= m->height; level++) {
        struct node *n = path[level] ? node_at(m, *path[level]) : NULL;

        if (!n)
            continue;
        if (n->count)
            return;
        slab_free(m->slab, *path[level], sizeof *n);
        *path[level] = 0;
        if (level < m->height)
            node_at(m, *path[level + 1])->count--;
    }
}

/* The reference to @id's leaf, its nodes made; NULL when memory is short. */
static uint32_t *leaf_ref(struct idmap *m, uint64_t id)
{
    uint32_t *ref = &m->root;

    for (unsigned level = m->height; level > 0; level--) {
        struct node *n;

        if (!*ref) {
            uint32_t made = new_node(m);

            if (!made)
                return NULL;
            *ref = made;
            if (level < m->height)
                ((struct node *)((uint8_t *)ref - slot(id, level + 1) * sizeof *ref -
                                 offsetof(struct node, child)))
                    ->count++;
        }
        n = node_at(m, *ref);
        ref = &n->child[slot(id, level)];
    }
    return ref;
}

void *idmap_put(struct idmap *m, uint64_t id)
{
    unsigned bit = id & 63, place, n;
    uint32_t *ref;
    struct leaf *l;
    bool is_new;
    uint8_t *r;

    MUST(id >> IDMAP_ID_BITS == 0);
    if (!grow(m, id))
        return NULL;
    ref = leaf_ref(m, id);
    if (!ref) {
        if (m->height && m->root)
            prune(m, id);
        return NULL;
    }
    is_new = *ref == 0;
    n = is_new ? 0 : count_of(leaf_at(m, *ref));
    l = leaf_resize(m, ref, n, n + 1);
    if (!l) {
        if (m->height && is_new)
            prune(m, id);
        return NULL;
    }
    if (is_new && m->height)
        ((struct node *)((uint8_t *)ref - slot(id, 1) * sizeof *ref - offsetof(struct node, child)))
            ->count++;
    MUST(!(l->bits >> bit & 1));
    place = place_of(l, bit);
    r = l->records + (size_t)place * m->stride;
    memmove(r + m->stride, r, (size_t)(n - place) * m->stride);
    memset(r, 0, m->stride);
    l->bits |= (uint64_t)1 << bit;
    m->count++;
    return r;
}

void idmap_remove(struct idmap *m, uint64_t id)
{
    uint32_t *ref = &m->root;
    struct node *parent = NULL;
    unsigned bit = id & 63, place, n;
    struct leaf *l;
    uint8_t *r;

    MUST(fits(m, id));
    for (unsigned level = m->height; level > 0; level--) {
        MUST(*ref);
        parent = node_at(m, *ref);
        ref = &parent->child[slot(id, level)];
    }
    MUST(*ref);
    l = leaf_at(m, *ref);
    MUST(l->bits >> bit & 1);
    n = count_of(l);
    place = place_of(l, bit);
    r = l->records + (size_t)place * m->stride;
    memmove(r, r + m->stride, (size_t)(n - place - 1) * m->stride);
    l->bits &= ~((uint64_t)1 << bit);
    m->count--;
    if (l->bits) {
        leaf_resize(m, ref, n, n - 1);
        return;
    }
    slab_free(m->slab, *ref, leaf_bytes(m, 1));
    *ref = 0;
    if (parent) {
        parent->count--;
        prune(m, id);
    }
}

/* The first leaf at or after *id below @ref; *id moves to the start of what it covers. */
static uint32_t next_leaf(const struct idmap *m, uint32_t ref, unsigned level, uint64_t *id)
{
    const struct node *n;
    unsigned shift = LEAF_BITS + NODE_BITS * (level - 1);

    if (level == 0 || !ref)
        return ref;
    n = node_at(m, ref);
    for (unsigned i = slot(*id, level); i < FANOUT; i++) {
        uint32_t leaf = n->child[i] ? next_leaf(m, n->child[i], level - 1, id) : 0;

        if (leaf)
            return leaf;
        *id = ((*id >> shift) + 1) << shift;
        if (i == FANOUT - 1)
            *id -= (uint64_t)1 << shift; /* the caller steps over the whole node */
    }
    return 0;
}

void *idmap_next(const struct idmap *m, uint64_t *id)
{
    uint64_t end = (uint64_t)1 << (LEAF_BITS + NODE_BITS * m->height);

    while (m->root && *id < end) {
        uint32_t ref = next_leaf(m, m->root, m->height, id);
        const struct leaf *l;
        uint64_t left;

        if (!ref)
            return NULL;
        l = leaf_at(m, ref);
        left = l->bits >> (*id & 63) << (*id & 63);
        if (left) {
            unsigned bit = (unsigned)__builtin_ctzll(left);

            *id = (*id & ~(uint64_t)63) | bit;
            return (uint8_t *)(uintptr_t)l->records + (size_t)place_of(l, bit) * m->stride;
        }
        *id = (*id | 63) + 1;
    }
    return NULL;
}

static uint64_t check_below(const struct idmap *m, uint32_t ref, unsigned level)
{
    uint64_t sum = 0;
    uint32_t children = 0;

    if (level == 0) {
        const struct leaf *l = leaf_at(m, ref);

        MUST(l->bits);
        return count_of(l);
    }
    for (unsigned i = 0; i < FANOUT; i++)
        if (node_at(m, ref)->child[i]) {
            sum += check_below(m, node_at(m, ref)->child[i], level - 1);
            children++;
        }
    MUST(children > 0 && children == node_at(m, ref)->count);
    return sum;
}

void idmap_check(const struct idmap *m)
{
    MUST((m->root ? check_below(m, m->root, m->height) : 0) == m->count);
}
