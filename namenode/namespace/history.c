/* history.c -- the rows of history.h: diffs, their chains, lists of names. */
#include "namenode/namespace/history.h"

#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/ns_state.h"
#include "namenode/namespace/sorted.h"

/* ---- lists of names ---- */

static int past_name_order(const void *list, uint32_t at, const void *key)
{
    const struct past_name *p = (const struct past_name *)list + at;
    const struct sorted_name *name = key;

    return name_order(p->text, p->n, name->text, name->n);
}

uint32_t past_names_place(const struct past_names *l, const char *name, unsigned n, bool *found)
{
    return sorted_place(l->list, l->n, &(struct sorted_name){name, n}, past_name_order, found);
}

struct past_name *past_names_find(const struct past_names *l, const char *name, unsigned n)
{
    bool found;
    uint32_t at = past_names_place(l, name, n, &found);

    return found ? &l->list[at] : NULL;
}

void past_names_insert(struct past_names *l, struct past_name name)
{
    bool found;
    uint32_t at = past_names_place(l, name.text, name.n, &found);

    MUST(!found);
    if (l->n == l->cap) {
        l->cap = l->cap * 2 + 2;
        l->list = realloc(l->list, l->cap * sizeof *l->list);
        MUST(l->list);
    }
    memmove(l->list + at + 1, l->list + at, (l->n - at) * sizeof *l->list);
    l->list[at] = name;
    l->n++;
}

void past_names_remove(struct past_names *l, struct past_name *at)
{
    size_t behind = l->n - (size_t)(at - l->list) - 1;

    free(at->text);
    memmove(at, at + 1, behind * sizeof *at);
    l->n--;
}

static void names_done(struct past_names *l)
{
    for (uint32_t k = 0; k < l->n; k++)
        free(l->list[k].text);
    free(l->list);
}

/* ---- attributes ---- */

void diff_keep_attrs(struct namespace *ns, struct diff *d, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);
    struct past_attrs *a;

    if (d->attrs)
        return;
    a = calloc(1, sizeof *a);
    MUST(a);
    a->attr = attr_hold(ns->attrs, ns_attr(ns, i));
    a->mtime_ms = inode_mtime(ns, id);
    a->atime_ms = inode_atime(ns, id);
    MUST(a->attr);
    if (i->flags & INODE_FEATURE) {
        a->more = feature_copy(feature_get(ns->features, id));
        MUST(a->more);
        a->more->has_times = false; /* they are above */
        if (feature_is_empty(a->more)) {
            feature_free(a->more);
            a->more = NULL;
        }
    }
    d->attrs = a;
}

void past_attrs_free(struct namespace *ns, struct past_attrs *a)
{
    if (!a)
        return;
    attr_drop(ns->attrs, a->attr);
    feature_free(a->more);
    free(a);
}

/* ---- diffs ---- */

void diff_chain(struct namespace *ns, struct diff *d)
{
    struct snapshot *s = snapshot_by_id(&ns->snapshots, d->snapshot);

    MUST(s);
    d->before = NULL;
    d->after = s->diffs;
    if (s->diffs)
        s->diffs->before = d;
    s->diffs = d;
}

void diff_unchain(struct namespace *ns, struct diff *d)
{
    if (d->after)
        d->after->before = d->before;
    if (d->before)
        d->before->after = d->after;
    else
        snapshot_by_id(&ns->snapshots, d->snapshot)->diffs = d->after;
    d->before = d->after = NULL;
}

static void free_diff(struct namespace *ns, struct diff *d)
{
    past_attrs_free(ns, d->attrs);
    names_done(&d->gained);
    names_done(&d->lost);
    free(d->blocks);
    free(d);
}

/* ---- rows ---- */

struct history *history_get(const struct namespace *ns, uint64_t id)
{
    struct history *h;

    if (!(ns_inode(ns, id)->flags & INODE_HISTORY))
        return NULL;
    HASH_FIND(hh, ns->histories.rows, &id, sizeof id, h);
    MUST(h);
    return h;
}

struct history *history_make(struct namespace *ns, uint64_t id)
{
    struct history *h = history_get(ns, id);

    if (h)
        return h;
    h = calloc(1, sizeof *h);
    MUST(h);
    h->inode = id;
    h->moved_at = SNAPSHOT_NOW;
    HASH_ADD(hh, ns->histories.rows, inode, sizeof h->inode, h);
    ns_inode(ns, id)->flags |= INODE_HISTORY;
    return h;
}

static void free_row(struct history *h)
{
    free(h->diffs);
    free(h->refs);
    free(h);
}

void history_drop_if_empty(struct namespace *ns, uint64_t id)
{
    struct history *h = history_get(ns, id);

    if (!h || h->n > 0 || h->ref_count > 0)
        return;
    HASH_DEL(ns->histories.rows, h);
    free_row(h);
    ns_inode(ns, id)->flags &= (uint8_t)~INODE_HISTORY;
}

void history_free_all(struct namespace *ns)
{
    struct history *h, *next;

    HASH_ITER(hh, ns->histories.rows, h, next)
    {
        HASH_DEL(ns->histories.rows, h);
        for (uint32_t k = 0; k < h->n; k++)
            free_diff(ns, h->diffs[k]);
        free_row(h);
    }
}

static int diff_order(const void *list, uint32_t at, const void *key)
{
    const struct diff *const *diffs = list;
    int snapshot = *(const int *)key;

    return (diffs[at]->snapshot > snapshot) - (diffs[at]->snapshot < snapshot);
}

uint32_t history_first(const struct history *h, int snapshot)
{
    bool found;

    return h ? sorted_place(h->diffs, h->n, &snapshot, diff_order, &found) : 0;
}

struct diff *history_diff(const struct namespace *ns, uint64_t id, int snapshot)
{
    const struct history *h = history_get(ns, id);
    uint32_t at = history_first(h, snapshot);

    return h && at < h->n && h->diffs[at]->snapshot == snapshot ? h->diffs[at] : NULL;
}

struct diff *history_add(struct namespace *ns, uint64_t id, int snapshot)
{
    struct history *h = history_make(ns, id);
    struct diff *d = calloc(1, sizeof *d);
    uint32_t at = history_first(h, snapshot);

    MUST(d && (at == h->n || h->diffs[at]->snapshot != snapshot));
    if (h->n == h->cap) {
        h->cap = h->cap * 2 + 1;
        h->diffs = realloc(h->diffs, h->cap * sizeof(struct diff *));
        MUST(h->diffs);
    }
    d->inode = id;
    d->snapshot = snapshot;
    memmove(h->diffs + at + 1, h->diffs + at, (h->n - at) * sizeof(struct diff *));
    h->diffs[at] = d;
    h->n++;
    diff_chain(ns, d);
    return d;
}

void history_remove(struct namespace *ns, struct history *h, uint32_t at)
{
    struct diff *d = h->diffs[at];

    memmove(h->diffs + at, h->diffs + at + 1, (h->n - at - 1) * sizeof(struct diff *));
    h->n--;
    diff_unchain(ns, d);
    free_diff(ns, d);
}

/* ---- moved names that point to an inode ---- */

void history_ref_add(struct namespace *ns, const struct past_name *name, uint64_t dir, int snapshot)
{
    struct history *h = history_make(ns, name->id);

    if (h->ref_count == h->ref_cap) {
        h->ref_cap = h->ref_cap * 2 + 1;
        h->refs = realloc(h->refs, h->ref_cap * sizeof *h->refs);
        MUST(h->refs);
    }
    h->refs[h->ref_count++] = (struct past_ref){dir, snapshot, name->n, name->text};
}

static struct past_ref *find_ref(const struct history *h, uint64_t dir, int snapshot)
{
    uint32_t k = 0;

    MUST(h);
    while (k < h->ref_count && (h->refs[k].dir != dir || h->refs[k].snapshot != snapshot))
        k++;
    MUST(k < h->ref_count);
    return &h->refs[k];
}

void history_ref_change(struct namespace *ns, uint64_t id, uint64_t dir, int snapshot, int to)
{
    find_ref(history_get(ns, id), dir, snapshot)->snapshot = to;
}

void history_ref_remove(struct namespace *ns, uint64_t id, uint64_t dir, int snapshot)
{
    struct history *h = history_get(ns, id);

    *find_ref(h, dir, snapshot) = h->refs[h->ref_count - 1];
    h->ref_count--;
    history_drop_if_empty(ns, id);
}

bool history_is_held(const struct namespace *ns, uint64_t id)
{
    const struct history *h = history_get(ns, id);

    return h && h->ref_count > 0;
}
