/* history_clean.c -- letting go of what no snapshot sees any more.
 *
 * A list is taken off its diff, and the diff off its row, before what the list kept is freed: that
 * can free the very directory whose diff it was, when it had been moved below its own child.
 */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/history.h"
#include "namenode/namespace/ns_quota.h"
#include "namenode/namespace/ns_state.h"

/* ---- blocks of files ---- */

struct numbers {
    uint64_t *list;
    uint32_t n, cap;
};

static void put(struct numbers *l, uint64_t number)
{
    if (l->n == l->cap) {
        l->cap = l->cap * 2 + 8;
        l->list = realloc(l->list, l->cap * sizeof *l->list);
        MUST(l->list);
    }
    l->list[l->n++] = number;
}

static bool is_listed(const struct namespace *ns, uint64_t file, uint64_t number)
{
    const struct inode *i = ns_inode(ns, file);

    for (uint32_t k = file_block_count(ns, i); k > 0; k--)
        if (file_block_number(ns, i, k - 1) == number)
            return true;
    return file_keeps_block(ns, file, number);
}

static void forget_unlisted(struct namespace *ns, uint64_t file, struct numbers *l)
{
    for (uint32_t k = 0; k < l->n; k++)
        if (block_get(&ns->blocks, l->list[k]) && !is_listed(ns, file, l->list[k]))
            file_forget_block(ns, l->list[k]);
    free(l->list);
}

/* How many of a diff's blocks are needed for @length bytes. */
static uint32_t blocks_for(const struct namespace *ns, const uint64_t *numbers, uint32_t n,
                           uint64_t length)
{
    uint64_t sum = 0;
    uint32_t k = 0;

    for (; k < n && sum < length; k++)
        sum += get48(block_get(&ns->blocks, numbers[k])->length);
    return k;
}

static void cut_present(struct namespace *ns, uint64_t file, uint64_t length, struct numbers *cut)
{
    const struct inode *i = ns_inode(ns, file);
    uint32_t n = file_block_count(ns, i), need;
    struct numbers all = {0};

    for (uint32_t k = 0; k < n; k++)
        put(&all, file_block_number(ns, i, k));
    need = blocks_for(ns, all.list, n, length);
    for (uint32_t k = need; k < n; k++)
        put(cut, all.list[k]);
    if (need < n)
        MUST(file_set_blocks(ns, file, all.list, need, NULL) == 0);
    free(all.list);
}

/* Each list keeps what the longest of the lengths that lean on it needs; the present list is cut
 * in the same way when neither the present nor a snapshot after the last diff shows it. */
static void trim_file(struct namespace *ns, uint64_t file)
{
    const struct history *h = history_get(ns, file);
    struct quota_use before = quota_of_file(ns, file), now;
    struct numbers cut = {0};
    uint64_t need = 0;

    for (uint32_t k = 0; h && k < h->n; k++) {
        struct diff *d = h->diffs[k];

        need = d->length > need ? d->length : need;
        if (!d->has_blocks)
            continue;
        for (uint32_t keep = blocks_for(ns, d->blocks, d->block_count, need); d->block_count > keep;
             d->block_count--)
            put(&cut, d->blocks[d->block_count - 1]);
        need = 0;
    }
    if (h && h->n > 0 && !history_is_present(ns, file) &&
        history_cover(ns, file) <= h->diffs[h->n - 1]->snapshot)
        cut_present(ns, file, need, &cut);
    forget_unlisted(ns, file, &cut);
    now = quota_of_file(ns, file);
    quota_charge(ns, get48(ns_inode(ns, file)->parent), &now, &before);
}

/* ---- places ---- */

/* @id is on no list any more, but still has its parent. */
static void release_place(struct namespace *ns, uint64_t id)
{
    quota_charge_tree(ns, id, get48(ns_inode(ns, id)->parent), -1);
    put48(ns_inode(ns, id)->parent, 0);
    if (history_is_held(ns, id))
        history_detach(ns, id);
    else
        ns_destroy(ns, id);
}

void history_detach(struct namespace *ns, uint64_t id)
{
    struct inode *i = ns_inode(ns, id);

    put48(i->parent, 0);
    i->flags |= INODE_PAST;
    history_clean(ns, id);
}

/* A name that @dir lost, and that nothing sees there any more. */
static void release_lost(struct namespace *ns, uint64_t dir, int snapshot, struct past_name *lost)
{
    uint64_t id = lost->id;

    if (!lost->moved) {
        free(lost->text);
        release_place(ns, id);
        return;
    }
    history_ref_remove(ns, id, dir, snapshot);
    free(lost->text);
    if (history_is_present(ns, id))
        return;
    if (get48(ns_inode(ns, id)->parent) || history_is_held(ns, id))
        history_clean(ns, id);
    else
        ns_destroy(ns, id);
}

/* ---- what has left the present ---- */

/* Names that came after the last snapshot that sees this directory. */
static void drop_unseen(struct namespace *ns, uint64_t dir)
{
    int cover = history_cover(ns, dir);

    while (ns_inode(ns, dir)) {
        const struct history *h = history_get(ns, dir);
        struct diff *last = h && h->n > 0 ? h->diffs[h->n - 1] : NULL;
        struct past_name *gained;
        uint64_t id;

        if (!last || last->snapshot < cover || last->gained.n == 0)
            return;
        gained = &last->gained.list[last->gained.n - 1];
        id = gained->id;
        past_names_remove(&last->gained, gained);
        dir_remove(ns, dir, id);
        release_place(ns, id);
    }
}

static void clean_file(struct namespace *ns, uint64_t file)
{
    const struct inode *i = ns_inode(ns, file);
    uint32_t n = file_block_count(ns, i);
    const struct block *last = n ? block_get(&ns->blocks, file_block_number(ns, i, n - 1)) : NULL;

    struct quota_use before, now;

    if (last && (last->bits & BLOCK_STATE_MASK) == BLOCK_UNDER_CONSTRUCTION &&
        get48(last->length) == 0) {
        before = quota_of_file(ns, file);
        file_drop_last_block(ns, file); /* nothing was written to it */
        now = quota_of_file(ns, file);
        quota_charge(ns, get48(i->parent), &now, &before);
    }
    trim_file(ns, file);
}

static void clean_tree(struct namespace *ns, uint64_t id)
{
    uint64_t ids[32];
    unsigned n = 0;
    const char *after = NULL;
    int got = 32;

    if (inode_kind_of(ns_inode(ns, id)) == INODE_FILE)
        clean_file(ns, id);
    if (inode_kind_of(ns_inode(ns, id)) != INODE_DIR)
        return;
    drop_unseen(ns, id);
    while (got == 32 && ns_inode(ns, id)) {
        got = dir_list(ns, id, after, n, ids, 32);
        for (int k = 0; k < got; k++)
            clean_tree(ns, ids[k]);
        if (got > 0)
            after = inode_name(ns, ns_inode(ns, ids[got - 1]), &n);
    }
}

void history_clean(struct namespace *ns, uint64_t id)
{
    ns_end_leases(ns, id);
    clean_tree(ns, id);
}

/* ---- everything goes ---- */

void history_forget(struct namespace *ns, uint64_t id)
{
    struct history *h;
    struct numbers cut = {0};

    while ((h = history_get(ns, id)) && h->n > 0) {
        struct diff *d = h->diffs[h->n - 1];
        struct past_names lost = d->lost;
        int snapshot = d->snapshot;

        for (uint32_t k = 0; k < d->block_count; k++)
            put(&cut, d->blocks[k]);
        d->lost = (struct past_names){0};
        history_remove(ns, h, h->n - 1);
        for (uint32_t k = 0; k < lost.n; k++)
            release_lost(ns, id, snapshot, &lost.list[k]);
        free(lost.list);
    }
    history_drop_if_empty(ns, id);
    forget_unlisted(ns, id, &cut);
}

/* ---- deleting a snapshot ---- */

static void chained_to(struct namespace *ns, struct diff *d, int snapshot)
{
    for (uint32_t k = 0; k < d->lost.n; k++)
        if (d->lost.list[k].moved)
            history_ref_change(ns, d->lost.list[k].id, d->inode, d->snapshot, snapshot);
    diff_unchain(ns, d);
    d->snapshot = snapshot;
    diff_chain(ns, d);
}

/* Fewer snapshots see these names now. */
static void clean_lost(struct namespace *ns, const uint64_t *ids, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        if (ns_inode(ns, ids[k]) && !history_is_present(ns, ids[k]))
            history_clean(ns, ids[k]);
}

static uint64_t *ids_of(const struct past_names *l)
{
    uint64_t *ids = malloc((l->n + 1) * sizeof *ids);

    MUST(ids);
    for (uint32_t k = 0; k < l->n; k++)
        ids[k] = l->list[k].id;
    return ids;
}

/* What came after the earlier snapshot and went after the later one was only in the later one. */
static void join_names(struct namespace *ns, struct diff *to, struct diff *from,
                       struct past_names *only)
{
    for (uint32_t k = 0; k < from->lost.n; k++) {
        struct past_name *p = &from->lost.list[k];
        struct past_name *gained = past_names_find(&to->gained, p->text, p->n);

        if (gained) {
            past_names_remove(&to->gained, gained);
            past_names_insert(only, *p);
            continue;
        }
        if (p->moved)
            history_ref_change(ns, p->id, from->inode, from->snapshot, to->snapshot);
        past_names_insert(&to->lost, *p);
    }
    for (uint32_t k = 0; k < from->gained.n; k++)
        past_names_insert(&to->gained, from->gained.list[k]);
    free(from->lost.list);
    free(from->gained.list);
    from->lost = from->gained = (struct past_names){0};
}

/* The diff at @at, whose snapshot goes, becomes part of the one before it. */
static void join(struct namespace *ns, struct history *h, uint32_t at)
{
    struct diff *to = h->diffs[at - 1], *from = h->diffs[at];
    uint64_t dir = from->inode, *kept = ids_of(&from->lost);
    uint32_t kept_n = from->lost.n;
    struct past_names only = {0};
    struct numbers cut = {0};
    int snapshot = from->snapshot;

    if (!to->attrs) {
        to->attrs = from->attrs;
        from->attrs = NULL;
    }
    if (!to->has_blocks && from->has_blocks) {
        to->has_blocks = true;
        to->blocks = from->blocks;
        to->block_count = from->block_count;
        from->blocks = NULL;
        from->block_count = 0;
    }
    for (uint32_t k = 0; k < from->block_count; k++)
        put(&cut, from->blocks[k]);
    join_names(ns, to, from, &only);
    history_remove(ns, h, at);
    forget_unlisted(ns, dir, &cut);
    for (uint32_t k = 0; k < only.n; k++)
        release_lost(ns, dir, snapshot, &only.list[k]);
    free(only.list);
    clean_lost(ns, kept, kept_n);
    free(kept);
}

/* No snapshot before the one that goes sees the inode. */
static void drop_first(struct namespace *ns, struct history *h)
{
    struct diff *d = h->diffs[0];
    struct past_names lost = d->lost;
    struct numbers cut = {0};
    uint64_t id = d->inode;
    int snapshot = d->snapshot;

    for (uint32_t k = 0; k < d->block_count; k++)
        put(&cut, d->blocks[k]);
    d->lost = (struct past_names){0};
    history_remove(ns, h, 0);
    history_drop_if_empty(ns, id);
    forget_unlisted(ns, id, &cut);
    for (uint32_t k = 0; k < lost.n; k++)
        release_lost(ns, id, snapshot, &lost.list[k]);
    free(lost.list);
}

static void settle(struct namespace *ns, struct diff *d)
{
    uint64_t id = d->inode, *lost = NULL;
    uint32_t lost_n = 0;
    struct history *h = history_get(ns, id);
    uint32_t at = history_first(h, d->snapshot);
    int prior = history_seen_before(ns, id, d->snapshot);
    struct quota_use before = quota_of_file(ns, id), now;

    if (at > 0 && h->diffs[at - 1]->snapshot >= prior) {
        join(ns, h, at);
    } else if (prior == SNAPSHOT_NONE) {
        drop_first(ns, h);
    } else {
        lost = ids_of(&d->lost);
        lost_n = d->lost.n;
        chained_to(ns, d, prior);
        clean_lost(ns, lost, lost_n);
    }
    free(lost);
    if (!ns_inode(ns, id))
        return;
    if (inode_kind_of(ns_inode(ns, id)) == INODE_FILE) {
        now = quota_of_file(ns, id);
        quota_charge(ns, get48(ns_inode(ns, id)->parent), &now, &before);
        trim_file(ns, id);
    } else if (!history_is_present(ns, id)) {
        drop_unseen(ns, id);
    }
}

void history_delete_snapshot(struct namespace *ns, struct snapshot *s)
{
    while (s->diffs)
        settle(ns, s->diffs);
    snapshot_free(&ns->snapshots, s);
}
