/* ns_snapshot.c -- looking at which snapshots there are. */
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/ns_state.h"

bool ns_snapshot_dir(const struct namespace *ns, uint64_t dir, struct ns_snapshot_dir *out)
{
    const struct snapshot_dir *d = snapshot_dir_get(&ns->snapshots, dir);

    if (d)
        *out = (struct ns_snapshot_dir){d->dir, d->n, d->quota};
    return d != NULL;
}

int ns_snapshot_dirs(const struct namespace *ns, struct arena *arena, struct ns_snapshot_dir **out)
{
    struct snapshot_dir *d, *next;
    int n = 0;

    *out = arena_alloc(arena, (HASH_COUNT(ns->snapshots.dirs) + 1) * sizeof **out);
    if (!*out)
        return -ERR_NOMEM;
    HASH_ITER(hh, ns->snapshots.dirs, d, next)
    {
        (*out)[n++] = (struct ns_snapshot_dir){d->dir, d->n, d->quota};
    }
    return n;
}

bool ns_snapshot(const struct namespace *ns, uint64_t dir, uint32_t index, struct inode_info *out)
{
    const struct snapshot_dir *d = snapshot_dir_get(&ns->snapshots, dir);

    if (!d || index >= d->n || !ns_info_at(ns, dir, d->by_name[index]->id, out))
        return false;
    out->child_count = dir_count(ns, dir);
    out->name = d->by_name[index]->name;
    out->name_n = (unsigned)strlen(out->name);
    return true;
}

void ns_each_lost(const struct namespace *ns, uint64_t dir,
                  void (*visit)(void *ctx, uint64_t inode, int snapshot), void *ctx)
{
    const struct history *h = history_get(ns, dir);

    for (uint32_t k = 0; h && k < h->n; k++)
        for (uint32_t l = 0; l < h->diffs[k]->lost.n; l++) {
            const struct past_name *p = &h->diffs[k]->lost.list[l];

            visit(ctx, p->id, p->moved ? h->diffs[k]->snapshot : SNAPSHOT_NOW);
        }
}

int ns_snapshot_named(const struct namespace *ns, uint64_t dir, const char *name)
{
    const struct snapshot_dir *d = snapshot_dir_get(&ns->snapshots, dir);
    const struct snapshot *s = d ? snapshot_by_name(d, name, (unsigned)strlen(name)) : NULL;

    return s ? s->id : SNAPSHOT_NONE;
}

int ns_next_snapshot_id(const struct namespace *ns)
{
    return ns->snapshots.next_id;
}

uint32_t ns_snapshot_count(const struct namespace *ns)
{
    return snapshot_count(&ns->snapshots);
}

bool ns_is_in_snapshot(const struct namespace *ns, uint64_t id)
{
    return ns->snapshots.all && history_cover(ns, id) != SNAPSHOT_NONE;
}

bool ns_snapshot_needs_block(const struct namespace *ns, uint64_t file, uint32_t index)
{
    return ns->snapshots.all && history_needs_block(ns, file, index);
}
