/* history_view.c -- looking back: what an inode was like in a snapshot, and which see it. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/history.h"
#include "namenode/namespace/ns_state.h"

/* ---- names ---- */

uint64_t history_child(const struct namespace *ns, uint64_t dir, int snapshot, const char *name,
                       unsigned n)
{
    const struct history *h = history_get(ns, dir);

    for (uint32_t k = history_first(h, snapshot); h && k < h->n; k++) {
        const struct past_name *lost = past_names_find(&h->diffs[k]->lost, name, n);

        if (lost)
            return lost->id;
        if (past_names_find(&h->diffs[k]->gained, name, n))
            return 0;
    }
    return ns_child_of(ns, dir, name, n);
}

/* Lists are merged: the smallest name behind @after among the present children and all that were
 * lost since; then it is looked up as of the snapshot, for it may have been gained since. */
struct merge {
    const struct namespace *ns;
    const struct history *h;
    uint64_t dir;
    uint32_t from; /* the first diff */
    uint64_t ids[64];
    int n, at; /* present children that have been read ahead */
};

/* The first present child behind @after. */
static bool next_present(struct merge *m, const struct ns_entry *after, struct ns_entry *out)
{
    if (m->at == m->n) {
        m->n = dir_list(m->ns, m->dir, after->name, after->name_n, m->ids, 64);
        m->at = 0;
    }
    if (m->at == m->n)
        return false;
    out->id = m->ids[m->at];
    out->name = inode_name(m->ns, ns_inode(m->ns, out->id), &out->name_n);
    return true;
}

static int order_of(const struct ns_entry *a, const struct ns_entry *b)
{
    return name_order(a->name, a->name_n, b->name, b->name_n);
}

/* The next name after *entry, wherever it stands; false: no more. */
static bool next_name(struct merge *m, struct ns_entry *entry)
{
    struct ns_entry present, best = {0};
    bool has_present = next_present(m, entry, &present), found = has_present;

    if (has_present)
        best = present;
    for (uint32_t k = m->from; m->h && k < m->h->n; k++) {
        const struct past_names *l = &m->h->diffs[k]->lost;
        bool same = false;
        uint32_t at = entry->name_n ? past_names_place(l, entry->name, entry->name_n, &same) : 0;
        struct ns_entry lost;

        if (at + same == l->n)
            continue;
        lost =
            (struct ns_entry){l->list[at + same].id, l->list[at + same].text, l->list[at + same].n};
        if (!found || order_of(&lost, &best) < 0)
            best = lost;
        found = true;
    }
    m->at += has_present && order_of(&present, &best) == 0;
    *entry = best;
    return found;
}

int ns_list_at(const struct namespace *ns, uint64_t dir, int snapshot, const char *after,
               unsigned after_n, struct ns_entry *out, int max)
{
    struct merge m = {.ns = ns, .dir = dir, .h = history_get(ns, dir)};
    struct ns_entry at = {.name = after, .name_n = after_n};
    int got = 0;

    if (inode_kind_of(ns_inode(ns, dir)) != INODE_DIR)
        return 0;
    m.from = history_first(m.h, snapshot);
    while (got < max && next_name(&m, &at)) {
        uint64_t id = history_child(ns, dir, snapshot, at.name, at.name_n);

        if (id)
            out[got++] = (struct ns_entry){id, at.name, at.name_n};
    }
    return got;
}

/* ---- attributes and blocks ---- */

const struct past_attrs *history_attrs(const struct namespace *ns, uint64_t id, int snapshot)
{
    const struct history *h = history_get(ns, id);

    for (uint32_t k = history_first(h, snapshot); h && k < h->n; k++)
        if (h->diffs[k]->attrs)
            return h->diffs[k]->attrs;
    return NULL;
}

const struct diff *history_file(const struct namespace *ns, uint64_t file, int snapshot)
{
    const struct history *h = history_get(ns, file);
    uint32_t k = history_first(h, snapshot);

    return h && k < h->n ? h->diffs[k] : NULL;
}

uint32_t history_blocks(const struct namespace *ns, uint64_t file, int snapshot, uint64_t *numbers,
                        uint32_t from, uint32_t max)
{
    const struct history *h = history_get(ns, file);
    const struct inode *i = ns_inode(ns, file);
    const struct diff *d = NULL;
    uint32_t n;

    for (uint32_t k = history_first(h, snapshot); h && k < h->n && !d; k++)
        if (h->diffs[k]->has_blocks)
            d = h->diffs[k];
    n = d ? d->block_count : file_block_count(ns, i);
    for (uint32_t k = from; k < n && k - from < max; k++)
        numbers[k - from] = d ? d->blocks[k] : file_block_number(ns, i, k);
    return n;
}

bool history_has_block(const struct namespace *ns, uint64_t file, uint64_t number)
{
    const struct history *h = history_get(ns, file);

    for (uint32_t k = 0; h && k < h->n; k++)
        for (uint32_t b = 0; b < h->diffs[k]->block_count; b++)
            if (h->diffs[k]->blocks[b] == number)
                return true;
    return false;
}

/* ---- which snapshots see an inode ---- */

bool history_is_present(const struct namespace *ns, uint64_t id)
{
    for (; id != NS_ROOT_ID; id = get48(ns_inode(ns, id)->parent)) {
        const struct inode *i = id ? ns_inode(ns, id) : NULL;

        if (!i || i->flags & (INODE_PAST | INODE_GONE))
            return false;
    }
    return true;
}

/* The diff of @dir that lost @id, which is INODE_PAST with that parent. */
static int lost_in(const struct namespace *ns, uint64_t dir, uint64_t id)
{
    const struct history *h = history_get(ns, dir);
    unsigned n;
    const char *name = inode_name(ns, ns_inode(ns, id), &n);

    for (uint32_t k = h ? h->n : 0; k > 0; k--) {
        const struct past_name *p = past_names_find(&h->diffs[k - 1]->lost, name, n);

        if (p && p->id == id)
            return h->diffs[k - 1]->snapshot;
    }
    return SNAPSHOT_NONE;
}

int history_cover_place(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);
    uint64_t dir = get48(i->parent);
    const char *name;
    unsigned n;
    int cover;

    if (dir == 0 || !ns_inode(ns, dir))
        return SNAPSHOT_NONE;
    if (i->flags & INODE_PAST)
        return lost_in(ns, dir, id);
    cover = history_cover(ns, dir);
    if (cover == SNAPSHOT_NONE || !(ns_inode(ns, dir)->flags & INODE_HISTORY))
        return cover;
    name = inode_name(ns, i, &n);
    return history_child(ns, dir, cover, name, n) == id ? cover : SNAPSHOT_NONE;
}

static int later(int a, int b)
{
    return a > b ? a : b;
}

int history_cover(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);
    int cover = history_cover_place(ns, id);

    if (i->flags & INODE_HISTORY) {
        const struct history *h = history_get(ns, id);

        for (uint32_t k = 0; k < h->ref_count; k++)
            cover = later(cover, h->refs[k].snapshot);
        if (inode_kind_of(i) == INODE_DIR)
            cover = later(cover, snapshot_last(snapshot_dir_get(&ns->snapshots, id)));
    }
    return cover;
}

/* Through the place @name of @dir, seen in no snapshot from @before on. */
static int seen_through(const struct namespace *ns, uint64_t dir, const char *name, unsigned n,
                        uint64_t id, int before)
{
    int s = dir && ns_inode(ns, dir) ? history_seen_before(ns, dir, before) : SNAPSHOT_NONE;

    return s != SNAPSHOT_NONE && history_child(ns, dir, s, name, n) == id ? s : SNAPSHOT_NONE;
}

static int seen_by_ref(const struct namespace *ns, uint64_t id, const struct past_ref *r,
                       int before)
{
    return seen_through(ns, r->dir, r->name, r->name_n, id,
                        r->snapshot < before ? r->snapshot + 1 : before);
}

/* The snapshot after which @id came to its place in @dir; SNAPSHOT_NONE: it is not known. */
static int gained_in(const struct namespace *ns, uint64_t dir, uint64_t id, const char *name,
                     unsigned n)
{
    const struct history *h = dir && ns_inode(ns, dir) ? history_get(ns, dir) : NULL;

    for (uint32_t k = h ? h->n : 0; k > 0; k--) {
        const struct past_name *p = past_names_find(&h->diffs[k - 1]->gained, name, n);

        if (p && p->id == id)
            return h->diffs[k - 1]->snapshot;
    }
    return SNAPSHOT_NONE;
}

static int seen_in_place(const struct namespace *ns, uint64_t id, int before)
{
    const struct inode *i = ns_inode(ns, id);
    uint64_t dir = get48(i->parent);
    unsigned n;
    const char *name = inode_name(ns, i, &n);

    if (dir && i->flags & INODE_PAST) {
        int last = lost_in(ns, dir, id);

        before = last < before ? last + 1 : before;
    }
    if (gained_in(ns, dir, id, name, n) + 1 >= before)
        return SNAPSHOT_NONE;
    return seen_through(ns, dir, name, n, id, before);
}

/* Moved names can lead round in a circle (a directory moved into one that was its child): a row
 * that is being asked already has nothing to add. */
int history_seen_before(const struct namespace *ns, uint64_t id, int before)
{
    struct history *h = history_get(ns, id);
    int seen;

    if (before <= 0 || (h && h->asked))
        return SNAPSHOT_NONE;
    if (h)
        h->asked = true;
    seen = seen_in_place(ns, id, before);
    for (uint32_t k = 0; h && k < h->ref_count; k++)
        seen = later(seen, seen_by_ref(ns, id, &h->refs[k], before));
    if (h)
        h->asked = false;
    if (inode_kind_of(ns_inode(ns, id)) == INODE_DIR && ns->snapshots.dirs)
        seen = later(seen, snapshot_before(snapshot_dir_get(&ns->snapshots, id), before));
    return seen;
}
