/* A datanode's part in agreeing on a block's length and stamp after its writer died. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "datanode/dataset_parts.h"
#include "datanode/tree.h"
#include "datanode/upgrade.h"

static int64_t room_of(uint64_t bytes)
{
    return (int64_t)(bytes + META_HEADER_BYTES + (bytes + 511) / 512 * 4);
}

static int check_can_recover(const struct replica *r, const struct block *b, uint64_t recovery_id,
                             const struct draft *d, struct err *err)
{
    char text[REPLICA_TEXT_MAX];

    if (r->state == REPLICA_TEMPORARY)
        return err_set(err, ERR_IO, "blk_%lld_%llu is a copy being made, not to be recovered",
                       (long long)r->id, (unsigned long long)r->stamp);
    if (r->stamp < b->stamp)
        return err_set(err, ERR_IO,
                       "replica.getGenerationStamp() < block.getGenerationStamp(), "
                       "block=blk_%lld_%llu, replica=%s",
                       (long long)b->id, (unsigned long long)b->stamp, replica_text(r, text));
    if (r->stamp >= recovery_id)
        return err_set(err, ERR_IO,
                       "THIS IS NOT SUPPOSED TO HAPPEN: replica.getGenerationStamp() >= recoveryId "
                       "= %llu, block=blk_%lld_%llu, replica=%s",
                       (unsigned long long)recovery_id, (long long)b->id,
                       (unsigned long long)b->stamp, replica_text(r, text));
    if (r->state == REPLICA_RUR && d->recovery_id >= recovery_id)
        return err_set(err, ERR_RECOVERING,
                       "rur.getRecoveryID() >= recoveryId = %llu, "
                       "block=blk_%lld_%llu, rur=%s",
                       (unsigned long long)recovery_id, (long long)b->id,
                       (unsigned long long)b->stamp, replica_text(r, text));
    return 0;
}

static int begin_locked(struct dataset *ds, struct replica *r, uint64_t recovery_id,
                        struct err *err)
{
    struct draft *d = draft_of(ds, r);

    if (r->state != REPLICA_RUR) {
        enum replica_state was = (enum replica_state)r->state;

        if (was == REPLICA_RBW) {
            r->bytes = d->received & 0xffffffffffff;
        } else {
            d = draft_attach_locked(ds, r);
            if (!d)
                return err_set(err, ERR_NOMEM, "draft");
            d->counted = room_of(r->bytes);
        }
        d->recovered_from = was;
        replica_move(r, REPLICA_RUR);
    }
    d->recovery_id = recovery_id;
    return 0;
}

int dataset_init_recovery(struct dataset *ds, const struct block *b, uint64_t recovery_id,
                          struct replica_facts *out, struct err *err)
{
    struct replica *r;
    struct draft *d;
    int rc = 0;

    pthread_mutex_lock(&ds->lock);
    while ((r = dataset_find_locked(ds, b->id, err)) && (d = draft_of(ds, r)) && d->writing &&
           rc == 0)
        rc = draft_stop_writer_locked(ds, d, err);
    if (!r)
        rc = -ERR_NO_REPLICA;
    if (rc == 0)
        rc = check_can_recover(r, b, recovery_id, draft_of(ds, r), err);
    if (rc == 0)
        rc = begin_locked(ds, r, recovery_id, err);
    if (rc == 0) {
        facts_of(ds, r, out);
        out->state = draft_of(ds, r)->recovered_from;
    }
    pthread_mutex_unlock(&ds->lock);
    return rc;
}

static int check_can_finish(const struct replica *r, const struct draft *d, const struct block *b,
                            uint64_t recovery_id, uint64_t new_bytes, struct err *err)
{
    char text[REPLICA_TEXT_MAX];

    if (r->state != REPLICA_RUR)
        return err_set(err, ERR_IO, "replica.getState() != RUR, replica=%s", replica_text(r, text));
    if (r->bytes != b->bytes)
        return err_set(err, ERR_IO,
                       "THIS IS NOT SUPPOSED TO HAPPEN: replica.getBytesOnDisk() != "
                       "block.getNumBytes(), block=blk_%lld_%llu of %llu, replica of %llu",
                       (long long)b->id, (unsigned long long)b->stamp, (unsigned long long)b->bytes,
                       (unsigned long long)r->bytes);
    if (d->recovery_id != recovery_id)
        return err_set(err, ERR_IO, "rur.getRecoveryID() != recoveryId = %llu, rur=%s",
                       (unsigned long long)recovery_id, replica_text(r, text));
    if (r->bytes < new_bytes)
        return err_set(err, ERR_IO,
                       "rur.getNumBytes() < newlength = %llu, rur=ReplicaUnderRecovery, "
                       "blk_%lld_%llu, RUR",
                       (unsigned long long)new_bytes, (long long)r->id,
                       (unsigned long long)recovery_id);
    return 0;
}

static int cut(struct dataset *ds, const struct replica_facts *f, uint64_t bytes, struct err *err)
{
    char path[REPLICA_PATH_MAX];
    struct checksum sum;
    int data_fd, meta_fd, rc;

    if (f->block.bytes == bytes)
        return 0;
    rc = upgrade_unshare(f->volume, f->home, f->block.id, f->block.stamp, err);
    if (rc < 0)
        return rc;
    volume_block_path(f->volume, f->home, f->block.id, path, sizeof path);
    data_fd = env_open(ds->env, path, O_RDWR, 0, err);
    if (data_fd < 0)
        return data_fd;
    volume_meta_path(f->volume, f->home, f->block.id, f->block.stamp, path, sizeof path);
    meta_fd = env_open(ds->env, path, O_RDWR, 0, err);
    rc = meta_fd < 0 ? meta_fd : meta_header_read(ds->env, meta_fd, &sum, err);
    if (rc == 0)
        rc = meta_truncate(ds->env, data_fd, meta_fd, &sum, bytes, NULL, err);
    env_close(ds->env, data_fd, NULL);
    if (meta_fd >= 0)
        env_close(ds->env, meta_fd, NULL);
    return rc;
}

/* The copy's files are in their place: it becomes a replica, or what one of an attempt before was
 * (whose data file it has replaced). *old is the stamp of such a one. */
static int enter_copy(struct dataset *ds, const struct replica_facts *f, const struct block *copy,
                      uint64_t *old, struct replica_facts *out, struct err *err)
{
    struct replica *r;
    int rc = 0;

    pthread_mutex_lock(&ds->lock);
    r = replica_map_find(ds->map, copy->id);
    *old = r ? r->stamp : 0;
    if (r) {
        atomic_fetch_sub(&f->volume->used, room_of(r->bytes));
        dataset_changed(ds, r->id);
    } else if ((r = replica_map_add(ds->map, copy->id))) {
        atomic_fetch_add(&f->volume->blocks, 1);
    }
    if (r) {
        r->stamp = copy->stamp;
        r->bytes = copy->bytes & 0xffffffffffff;
        r->volume = f->volume->index & 0xff;
        r->home = HOME_FINALIZED;
        replica_move(r, REPLICA_FINALIZED);
        atomic_fetch_add(&f->volume->used, room_of(copy->bytes));
        facts_of(ds, r, out);
    } else {
        rc = err_set(err, ERR_NOMEM, "replica");
    }
    pthread_mutex_unlock(&ds->lock);
    return rc;
}

/* Only the copy of an attempt before may be there already. */
static int check_can_copy(struct dataset *ds, const struct replica_facts *f, uint64_t new_id,
                          uint64_t stamp, struct err *err)
{
    struct replica *r;
    bool is;

    pthread_mutex_lock(&ds->lock);
    r = replica_map_find(ds->map, new_id);
    is = !r || (r->state == REPLICA_FINALIZED && r->stamp < stamp &&
                r->volume == (f->volume->index & 0xff));
    pthread_mutex_unlock(&ds->lock);
    return is ? 0
              : err_set(err, ERR_REPLICA_EXISTS, "blk_%lld is there already", (long long)new_id);
}

/* A truncate of a block that a snapshot shares makes a shorter copy under another id. */
static int copy_shorter(struct dataset *ds, const struct replica_facts *f, uint64_t new_id,
                        uint64_t stamp, uint64_t bytes, struct replica_facts *out, struct err *err)
{
    char from[REPLICA_PATH_MAX], to[REPLICA_PATH_MAX];
    struct replica_facts copy = *f;
    uint64_t old = 0;
    int rc = check_can_copy(ds, f, new_id, stamp, err);

    if (rc < 0)
        return rc;
    reaper_finish(ds->reaper, new_id);
    copy.block = (struct block){.id = new_id, .stamp = stamp, .bytes = f->block.bytes};
    copy.home = HOME_TMP;
    volume_meta_path(f->volume, f->home, f->block.id, f->block.stamp, from, sizeof from);
    volume_meta_path(f->volume, HOME_TMP, new_id, stamp, to, sizeof to);
    rc = tree_copy_file(ds->env, from, to, NULL, err);
    if (rc == 0) {
        volume_block_path(f->volume, f->home, f->block.id, from, sizeof from);
        volume_block_path(f->volume, HOME_TMP, new_id, to, sizeof to);
        rc = tree_copy_file(ds->env, from, to, NULL, err);
    }
    if (rc == 0)
        rc = cut(ds, &copy, bytes, err);
    if (rc == 0)
        rc = replica_relocate(f->volume, new_id, (struct replica_place){HOME_TMP, stamp},
                              (struct replica_place){HOME_FINALIZED, stamp}, err);
    if (rc == 0)
        rc = volume_sync_names(f->volume, HOME_FINALIZED, new_id, err);
    if (rc == 0)
        rc = enter_copy(ds, f, &(struct block){.id = new_id, .stamp = stamp, .bytes = bytes}, &old,
                        out, err);
    if (rc == 0 && old) {
        volume_meta_path(f->volume, HOME_FINALIZED, new_id, old, to, sizeof to);
        env_unlink(ds->env, to, NULL);
    }
    return rc;
}

static int sync_path(struct env *env, const char *path, struct err *err)
{
    int fd = env_open(env, path, O_RDWR, 0, err), rc;

    if (fd < 0)
        return fd;
    rc = env_sync(env, fd, err);
    env_close(env, fd, NULL);
    return rc;
}

/* As any other that is closed. */
static int sync_closed(struct dataset *ds, const struct replica_facts *f, uint64_t stamp,
                       struct err *err)
{
    char path[REPLICA_PATH_MAX];
    int rc;

    volume_block_path(f->volume, HOME_FINALIZED, f->block.id, path, sizeof path);
    rc = sync_path(ds->env, path, err);
    volume_meta_path(f->volume, HOME_FINALIZED, f->block.id, stamp, path, sizeof path);
    if (rc == 0)
        rc = sync_path(ds->env, path, err);
    return rc < 0 ? rc : volume_sync_names(f->volume, HOME_FINALIZED, f->block.id, err);
}

/* The file has been cut, whatever else fails. */
static void note_cut(struct dataset *ds, uint64_t id, uint64_t bytes)
{
    struct replica *r;

    pthread_mutex_lock(&ds->lock);
    r = replica_map_find(ds->map, id);
    if (r && r->state == REPLICA_RUR)
        r->bytes = bytes & 0xffffffffffff;
    pthread_mutex_unlock(&ds->lock);
}

/* The replica itself, closed with a new stamp and length. */
static int close_recovered(struct dataset *ds, const struct replica_facts *f, uint64_t stamp,
                           uint64_t bytes, bool was_final, struct replica_facts *out,
                           struct err *err)
{
    const struct replica_place from = {f->home, f->block.stamp}, to = {HOME_FINALIZED, stamp};
    struct replica *r;
    int rc = cut(ds, f, bytes, err);

    if (rc < 0)
        return rc;
    note_cut(ds, f->block.id, bytes);
    rc = replica_relocate(f->volume, f->block.id, from, to, err);
    if (rc < 0)
        return rc;
    if (ds->options.sync_on_close)
        rc = sync_closed(ds, f, stamp, err);
    if (rc < 0) {
        replica_relocate(f->volume, f->block.id, to, from, NULL);
        return rc;
    }
    pthread_mutex_lock(&ds->lock);
    r = dataset_find_locked(ds, f->block.id, err);
    if (r) {
        struct draft *d = draft_of(ds, r);

        d->home = HOME_FINALIZED;
        d->stamp = stamp;
        dataset_changed(ds, r->id);
        r->stamp = stamp;
        r->bytes = bytes & 0xffffffffffff;
        r->home = HOME_FINALIZED;
        draft_detach_locked(ds, r);
        replica_move(r, REPLICA_FINALIZED);
        atomic_fetch_add(&f->volume->blocks, !was_final);
        facts_of(ds, r, out);
    }
    pthread_mutex_unlock(&ds->lock);
    return r ? 0 : -ERR_NO_REPLICA;
}

/* After a copy the original goes on as what it was. */
static void put_back(struct dataset *ds, uint64_t id)
{
    struct replica *r;

    pthread_mutex_lock(&ds->lock);
    r = replica_map_find(ds->map, id);
    if (r && r->state == REPLICA_RUR && draft_of(ds, r)->recovered_from == REPLICA_FINALIZED) {
        draft_detach_locked(ds, r);
        replica_move(r, REPLICA_FINALIZED);
    }
    pthread_mutex_unlock(&ds->lock);
}

int dataset_finish_recovery(struct dataset *ds, const struct block *b, uint64_t recovery_id,
                            uint64_t new_id, uint64_t new_bytes, struct replica_facts *out,
                            struct err *err)
{
    struct replica_facts f;
    struct replica *r;
    bool was_final = false;
    int rc = -ERR_NO_REPLICA;

    pthread_mutex_lock(&ds->lock);
    r = dataset_find_locked(ds, b->id, err);
    if (r) {
        struct draft *d = draft_of(ds, r);

        rc = check_can_finish(r, d, b, recovery_id, new_bytes, err);
        was_final = d && d->recovered_from == REPLICA_FINALIZED;
        facts_of(ds, r, &f);
    }
    pthread_mutex_unlock(&ds->lock);
    if (rc < 0)
        return rc;
    if (new_id && new_id != b->id) {
        rc = copy_shorter(ds, &f, new_id, recovery_id, new_bytes, out, err);
        if (rc == 0)
            put_back(ds, b->id);
        return rc;
    }
    return close_recovered(ds, &f, recovery_id, new_bytes, was_final, out, err);
}
