/* history_check.c -- what always holds of history.h's rows, and their part of the digest. */
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/history.h"
#include "namenode/namespace/ns_state.h"

static void check_names(const struct past_names *l)
{
    for (uint32_t k = 0; k < l->n; k++) {
        const struct past_name *p = &l->list[k];

        MUST(past_names_find(l, p->text, p->n) == p);
    }
}

static bool has_ref(const struct namespace *ns, uint64_t id, uint64_t dir, int snapshot)
{
    const struct history *h = history_get(ns, id);

    for (uint32_t k = 0; h && k < h->ref_count; k++)
        if (h->refs[k].dir == dir && h->refs[k].snapshot == snapshot)
            return true;
    return false;
}

static void check_lost(const struct namespace *ns, const struct diff *d)
{
    for (uint32_t k = 0; k < d->lost.n; k++) {
        const struct past_name *p = &d->lost.list[k];
        const struct inode *i = ns_inode(ns, p->id);

        MUST(i);
        if (p->moved)
            MUST(has_ref(ns, p->id, d->inode, d->snapshot));
        else
            MUST(i->flags & INODE_PAST && get48(i->parent) == d->inode);
    }
}

static void check_diff(const struct namespace *ns, const struct history *h, uint32_t at)
{
    const struct diff *d = h->diffs[at];
    const struct snapshot *s = snapshot_by_id(&ns->snapshots, d->snapshot);

    MUST(s && d->inode == h->inode && (at == 0 || h->diffs[at - 1]->snapshot < d->snapshot));
    MUST(d->before ? d->before->after == d : s->diffs == d);
    MUST(history_seen_before(ns, h->inode, d->snapshot + 1) == d->snapshot);
    MUST(d->attrs || inode_kind_of(ns_inode(ns, h->inode)) == INODE_DIR);
    check_names(&d->gained);
    check_names(&d->lost);
    check_lost(ns, d);
    for (uint32_t k = 0; k < d->block_count; k++) {
        const struct block *b = block_get(&ns->blocks, d->blocks[k]);

        MUST(b && get48(b->file) == h->inode);
    }
}

void history_check(const struct namespace *ns)
{
    const struct history *h, *next;
    uint64_t moved = 0, refs = 0;

    HASH_ITER(hh, ns->histories.rows, h, next)
    {
        MUST(ns_inode(ns, h->inode) && ns_inode(ns, h->inode)->flags & INODE_HISTORY);
        MUST(h->n + h->ref_count > 0 && !h->asked);
        refs += h->ref_count;
        for (uint32_t k = 0; k < h->n; k++) {
            check_diff(ns, h, k);
            for (uint32_t l = 0; l < h->diffs[k]->lost.n; l++)
                moved += h->diffs[k]->lost.list[l].moved;
        }
    }
    MUST(moved == refs);
}

/* ---- counts ---- */

static bool is_in(const uint64_t *list, uint32_t n, uint64_t number)
{
    for (uint32_t k = 0; k < n; k++)
        if (list[k] == number)
            return true;
    return false;
}

static uint64_t past_blocks(const struct namespace *ns, const struct history *h)
{
    const struct inode *i = ns_inode(ns, h->inode);
    uint64_t count = 0;

    for (uint32_t k = 0; k < h->n; k++) {
        for (uint32_t b = 0; b < h->diffs[k]->block_count; b++) {
            uint64_t number = h->diffs[k]->blocks[b];
            bool counted = false;

            for (uint32_t p = 0; p < file_block_count(ns, i) && !counted; p++)
                counted = file_block_number(ns, i, p) == number;
            for (uint32_t p = 0; p < k && !counted; p++)
                counted = is_in(h->diffs[p]->blocks, h->diffs[p]->block_count, number);
            count += !counted;
        }
    }
    return count;
}

struct history_count history_count(const struct namespace *ns)
{
    struct history_count c = {0};
    const struct history *h, *next;
    const struct inode *i;

    HASH_ITER(hh, ns->histories.rows, h, next)
    {
        if (inode_kind_of(ns_inode(ns, h->inode)) == INODE_FILE)
            c.blocks += past_blocks(ns, h);
        for (uint32_t k = 0; k < h->n; k++)
            c.attrs += h->diffs[k]->attrs != NULL;
    }
    for (uint64_t id = 0; (i = idmap_next(&ns->inodes, &id)) != NULL; id++)
        c.inodes += (i->flags & INODE_PAST) != 0;
    return c;
}

/* ---- digest ---- */

static uint64_t mix_names(uint64_t h, const struct past_names *l)
{
    h = dcache_mix(h, l->n);
    for (uint32_t k = 0; k < l->n; k++) {
        h = dcache_mix(h, l->list[k].id << 1 | l->list[k].moved);
        h = dcache_mix(h, dcache_hash(l->list[k].n, l->list[k].text, l->list[k].n));
    }
    return h;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
    return dcache_mix(h, dcache_hash(0, s, (unsigned)strlen(s)));
}

static uint64_t mix_attrs(const struct namespace *ns, uint64_t h, const struct past_attrs *a)
{
    const struct attr *attr = attr_get(ns->attrs, a->attr);

    h = mix_text(mix_text(h, attr_name(ns->attrs, attr->user)), attr_name(ns->attrs, attr->group));
    h = dcache_mix(h, (uint64_t)attr->mode << 16 | attr->replication);
    h = dcache_mix(h, (uint64_t)attr->storage_policy << 8 | attr->ec_policy);
    h = dcache_mix(dcache_mix(h, a->mtime_ms), attr->block_size);
    return digest_features(a->more, h);
}

uint64_t history_digest(const struct namespace *ns, uint64_t id, uint64_t h)
{
    const struct history *row = history_get(ns, id);

    for (uint32_t k = 0; row && k < row->n; k++) {
        const struct diff *d = row->diffs[k];

        h = dcache_mix(dcache_mix(h, (uint64_t)d->snapshot), d->length);
        if (d->attrs)
            h = mix_attrs(ns, h, d->attrs);
        h = mix_names(mix_names(h, &d->gained), &d->lost);
        for (uint32_t b = 0; b < d->block_count; b++)
            h = dcache_mix(h, d->blocks[b]);
    }
    return h;
}

uint64_t history_digest_snapshots(const struct namespace *ns, uint64_t h)
{
    struct snapshot_dir *d, *next;
    uint64_t all = 0;

    HASH_ITER(hh, ns->snapshots.dirs, d, next)
    { /* in no order: summed up */
        uint64_t one = dcache_mix(d->dir, d->quota);

        for (uint32_t k = 0; k < d->n; k++)
            one = mix_text(dcache_mix(one, (uint64_t)d->by_name[k]->id), d->by_name[k]->name);
        all += one;
    }
    return dcache_mix(dcache_mix(h, all), (uint64_t)ns->snapshots.next_id);
}
