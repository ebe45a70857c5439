/* change_storage.c -- a replica goes to another kind of storage of the same datanode: to an archive, say.
 *
 * The copy is made under tmp/, synced, and moved to finalized/; then the map says so, under the
 * lock, and only then the old files are removed.  A stop in between leaves two whole copies, of
 * which the next start keeps one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "datanode/dataset_parts.h"
#include "datanode/tree.h"

struct change {
    struct dataset *ds;
    struct replica_facts from;
    struct volume *to;
    int64_t bytes; /* of both files */
};

static int may_change_locked(struct change *c, const struct block *b, Pb__StorageTypeProto type,
                             struct err *err)
{
    struct replica *r = dataset_find_locked(c->ds, b->id, err);

    if (!r)
        return -ERR_NO_REPLICA;
    if (r->state != REPLICA_FINALIZED)
        return err_set(err, ERR_NO_REPLICA, "Cannot append to an unfinalized replica blk_%lld_%llu",
                       (long long)b->id, (unsigned long long)b->stamp);
    facts_of(c->ds, r, &c->from);
    if (c->from.volume->type == type)
        return err_set(err, ERR_REPLICA_EXISTS,
                       "Replica blk_%lld_%llu already exists on storage %s", (long long)b->id,
                       (unsigned long long)r->stamp, storage_type_name(type));
    if (b->bytes && r->bytes != b->bytes)
        return err_set(err, ERR_IO,
                       "Corrupted replica blk_%lld_%llu with a length of %" PRIu64
                       " expected length is %" PRIu64,
                       (long long)b->id, (unsigned long long)r->stamp, (uint64_t)r->bytes,
                       b->bytes);
    c->to = volume_for_locked(c->ds, type, r->bytes, err);
    if (!c->to)
        return -ERR_NO_DISK;
    atomic_fetch_add(&c->to->promised, (int64_t)c->from.block.bytes);
    return 0;
}

static int copy_files(struct change *c, struct err *err)
{
    const struct block *b = &c->from.block;
    char from[REPLICA_PATH_MAX], to[REPLICA_PATH_MAX];
    uint64_t bytes = 0;
    int rc;

    volume_block_path(c->from.volume, HOME_FINALIZED, b->id, from, sizeof from);
    volume_block_path(c->to, HOME_TMP, b->id, to, sizeof to);
    rc = tree_copy_file(c->ds->env, from, to, &bytes, err);
    if (rc == 0) {
        volume_meta_path(c->from.volume, HOME_FINALIZED, b->id, b->stamp, from, sizeof from);
        volume_meta_path(c->to, HOME_TMP, b->id, b->stamp, to, sizeof to);
        rc = tree_copy_file(c->ds->env, from, to, &bytes, err);
    }
    c->bytes += (int64_t)bytes;
    return rc;
}

static void remove_copy(const struct change *c, enum replica_home home)
{
    char path[REPLICA_PATH_MAX];

    volume_block_path(c->to, home, c->from.block.id, path, sizeof path);
    env_unlink(c->ds->env, path, NULL);
    volume_meta_path(c->to, home, c->from.block.id, c->from.block.stamp, path, sizeof path);
    env_unlink(c->ds->env, path, NULL);
}

/* The copy is the replica from now on, unless that has changed since it was looked at. */
static int take_over(struct change *c, struct replica_facts *out, struct err *err)
{
    const struct replica_facts *was = &c->from;
    struct replica *r;
    int rc = 0;

    pthread_mutex_lock(&c->ds->lock);
    r = replica_map_find(c->ds->map, was->block.id);
    if (!r || r->state != REPLICA_FINALIZED || r->stamp != was->block.stamp ||
        r->bytes != was->block.bytes || c->ds->volumes[r->volume] != was->volume) {
        rc = err_set(err, ERR_NO_REPLICA, "blk_%lld_%llu changed while it was copied",
                     (long long)was->block.id, (unsigned long long)was->block.stamp);
    } else if (!volume_serves(c->to)) {
        rc = err_set(err, ERR_NO_DISK, "%s failed while blk_%lld_%llu was copied to it",
                     c->to->root, (long long)was->block.id, (unsigned long long)was->block.stamp);
    } else {
        dataset_changed(c->ds, r->id);
        r->volume = c->to->index & 0xff;
        atomic_fetch_sub(&was->volume->blocks, 1);
        atomic_fetch_add(&c->to->blocks, 1);
        atomic_fetch_add(&c->to->used, c->bytes);
        facts_of(c->ds, r, out);
    }
    pthread_mutex_unlock(&c->ds->lock);
    return rc;
}

static int copy_over(struct change *c, struct replica_facts *out, struct err *err)
{
    const struct replica_place tmp = {HOME_TMP, c->from.block.stamp};
    const struct replica_place final = {HOME_FINALIZED, c->from.block.stamp};
    int rc = copy_files(c, err);

    if (rc == 0)
        rc = replica_relocate(c->to, c->from.block.id, tmp, final, err);
    if (rc == 0) /* before the original goes */
        rc = volume_sync_names(c->to, HOME_FINALIZED, c->from.block.id, err);
    if (rc < 0) {
        remove_copy(c, HOME_TMP);
        remove_copy(c, HOME_FINALIZED);
        dataset_disk_error(c->ds, c->to, rc);
        return rc;
    }
    rc = take_over(c, out, err);
    if (rc < 0)
        remove_copy(c, HOME_FINALIZED);
    return rc;
}

int dataset_change_storage(struct dataset *ds, const struct block *b, Pb__StorageTypeProto type,
                           struct replica_facts *out, struct err *err)
{
    struct change c = {.ds = ds};
    int rc;

    pthread_mutex_lock(&ds->lock);
    rc = may_change_locked(&c, b, type, err);
    pthread_mutex_unlock(&ds->lock);
    if (rc < 0)
        return rc;
    reaper_finish(ds->reaper, b->id); /* it may have been on that storage before */
    rc = copy_over(&c, out, err);
    atomic_fetch_sub(&c.to->promised, (int64_t)c.from.block.bytes);
    if (rc == 0)
        reaper_add(ds->reaper, &(struct corpse){.volume = c.from.volume,
                                                .home = HOME_FINALIZED,
                                                .id = c.from.block.id,
                                                .stamp = c.from.block.stamp,
                                                .bytes = c.from.block.bytes,
                                                .counted = c.bytes});
    return rc;
}
