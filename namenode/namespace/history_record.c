/* history_record.c -- what a change leaves behind: called by the code that carries out records,
 * just before it changes something, or just after it linked a name. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/history.h"
#include "namenode/namespace/ns_state.h"

/* The diff of @snapshot, the last one that sees the inode. */
static struct diff *diff_for(struct namespace *ns, uint64_t id, int snapshot)
{
    const struct history *h = history_get(ns, id);

    if (h && h->n > 0 && h->diffs[h->n - 1]->snapshot >= snapshot)
        return h->diffs[h->n - 1];
    return history_add(ns, id, snapshot);
}

static uint64_t length_now(const struct namespace *ns, uint64_t file)
{
    const struct inode *i = ns_inode(ns, file);
    uint32_t n = file_block_count(ns, i);
    uint64_t sum = 0;

    for (uint32_t k = 0; k < n; k++)
        sum += get48(block_get(&ns->blocks, file_block_number(ns, i, k))->length);
    return sum;
}

static struct diff *touch(struct namespace *ns, uint64_t id)
{
    bool is_link = inode_kind_of(ns_inode(ns, id)) == INODE_SYMLINK; /* those have no history */
    int cover = is_link ? SNAPSHOT_NONE : history_cover(ns, id);
    struct diff *d = cover == SNAPSHOT_NONE ? NULL : diff_for(ns, id, cover);

    if (d && !d->attrs) {
        diff_keep_attrs(ns, d, id);
        if (inode_kind_of(ns_inode(ns, id)) == INODE_FILE)
            d->length = length_now(ns, id);
    }
    return d;
}

void history_touch(struct namespace *ns, uint64_t id)
{
    if (ns->snapshots.all)
        touch(ns, id);
}

/* The longest length that leans on the blocks of the last diff. */
static uint64_t length_needed(const struct history *h)
{
    uint64_t need = h->diffs[h->n - 1]->length;

    for (uint32_t k = h->n - 1; k > 0 && !h->diffs[k - 1]->has_blocks; k--)
        need = h->diffs[k - 1]->length > need ? h->diffs[k - 1]->length : need;
    return need;
}

void history_touch_blocks(struct namespace *ns, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);
    struct diff *d = ns->snapshots.all ? touch(ns, id) : NULL;
    uint64_t need, sum = 0;
    uint32_t n;

    if (!d || d->has_blocks || inode_kind_of(i) != INODE_FILE)
        return;
    need = length_needed(history_get(ns, id));
    n = file_block_count(ns, i);
    d->has_blocks = true;
    d->blocks = malloc((n + 1) * sizeof *d->blocks);
    MUST(d->blocks);
    while (d->block_count < n && sum < need) {
        uint64_t number = file_block_number(ns, i, d->block_count);

        sum += get48(block_get(&ns->blocks, number)->length);
        d->blocks[d->block_count++] = number;
    }
}

bool history_needs_block(const struct namespace *ns, uint64_t file, uint32_t index)
{
    int cover = history_cover(ns, file);
    const struct history *h = history_get(ns, file);
    const struct inode *i = ns_inode(ns, file);
    uint64_t need, at = 0;

    if (cover == SNAPSHOT_NONE)
        return false;
    if (!h || h->n == 0 || h->diffs[h->n - 1]->snapshot < cover)
        return true; /* that snapshot sees the file as it is */
    if (h->diffs[h->n - 1]->has_blocks)
        return history_has_block(ns, file, file_block_number(ns, i, index));
    need = length_needed(h);
    for (uint32_t k = 0; k < index; k++)
        at += get48(block_get(&ns->blocks, file_block_number(ns, i, k))->length);
    return at < need;
}

static struct past_name name_of(const struct namespace *ns, uint64_t id)
{
    struct past_name p = {.id = id};
    unsigned n;
    const char *text = inode_name(ns, ns_inode(ns, id), &n);

    p.n = (uint16_t)n;
    p.text = malloc(n + 1u);
    MUST(p.text);
    memcpy(p.text, text, n);
    p.text[n] = 0;
    return p;
}

void history_gain(struct namespace *ns, uint64_t id)
{
    uint64_t dir = get48(ns_inode(ns, id)->parent);
    int cover = ns->snapshots.all ? history_cover(ns, dir) : SNAPSHOT_NONE;

    if (cover != SNAPSHOT_NONE)
        past_names_insert(&diff_for(ns, dir, cover)->gained, name_of(ns, id));
}

bool history_lose(struct namespace *ns, uint64_t id, bool moved)
{
    uint64_t dir = get48(ns_inode(ns, id)->parent);
    int cover = ns->snapshots.all ? history_cover(ns, dir) : SNAPSHOT_NONE;
    struct past_name name, *gained;
    struct diff *d;

    if (cover == SNAPSHOT_NONE)
        return false;
    d = diff_for(ns, dir, cover);
    name = name_of(ns, id);
    gained = past_names_find(&d->gained, name.text, name.n);
    if (gained) { /* it came after the snapshot */
        free(name.text);
        past_names_remove(&d->gained, gained);
        return false;
    }
    name.moved = moved;
    past_names_insert(&d->lost, name);
    if (moved)
        history_ref_add(ns, &name, dir, d->snapshot);
    return true;
}

void history_moved_to(struct namespace *ns, uint64_t id)
{
    struct history *h = history_get(ns, id);
    int cover;

    if (!h || h->ref_count == 0)
        return;
    cover = history_cover(ns, get48(ns_inode(ns, id)->parent));
    h->moved_at = cover == SNAPSHOT_NONE ? SNAPSHOT_NOW : cover;
}
