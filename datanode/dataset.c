#include "datanode/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/dataset_parts.h"

enum { OPEN_BLOCKS_MAX = 256, LOOKS_MAX = 50 };

static void corpse_removed(void *ctx, const struct corpse *c)
{
    struct dataset *ds = ctx;
    struct block b = {.id = c->id, .stamp = c->stamp, .bytes = c->bytes};

    if (ds->options.deleted)
        ds->options.deleted(ds->options.ctx, c->volume, &b);
}

int dataset_open(const struct dataset_options *o, struct dataset **out, struct err *err)
{
    struct dataset *ds = calloc(1, sizeof *ds);
    struct err why;
    int rc;

    if (!ds)
        return err_set(err, ERR_NOMEM, "dataset");
    ds->env = o->env;
    ds->options = *o;
    pthread_mutex_init(&ds->volumes_lock, NULL);
    pthread_mutex_init(&ds->lock, NULL);
    pthread_cond_init(&ds->writer_gone, NULL);
    ds->map = replica_map_new();
    ds->files = block_cache_new(OPEN_BLOCKS_MAX);
    ds->reaper = reaper_new(ds->env, corpse_removed, ds);
    rc = ds->map && ds->files && ds->reaper ? dataset_open_volumes(ds, &why)
                                            : err_set(&why, ERR_NOMEM, "dataset");
    if (rc < 0) {
        dataset_close(ds);
        if (err)
            *err = why;
        return rc;
    }
    *out = ds;
    return 0;
}

void dataset_close(struct dataset *ds)
{
    if (!ds)
        return;
    reaper_free(ds->reaper);
    for (uint32_t i = 1; i < ds->drafts_max; i++)
        free(ds->drafts[i]);
    free(ds->drafts);
    block_cache_free(ds->files);
    replica_map_free(ds->map);
    for (unsigned i = 0; i < ds->volume_count; i++)
        volume_close(ds->volumes[i]);
    free(ds);
}

const struct pool_info *dataset_pool(const struct dataset *ds)
{
    return ds->joined ? &ds->pool : NULL;
}

const char *dataset_uuid(const struct dataset *ds)
{
    return ds->uuid;
}

size_t dataset_block_count(struct dataset *ds)
{
    size_t n;

    pthread_mutex_lock(&ds->lock);
    n = replica_map_count(ds->map);
    pthread_mutex_unlock(&ds->lock);
    return n;
}

struct replica *dataset_find_locked(struct dataset *ds, uint64_t id, struct err *err)
{
    struct replica *r = replica_map_find(ds->map, id);

    if (!r)
        err_set(err, ERR_NO_REPLICA, "Replica does not exist %s:%lld", ds->pool.pool_id,
                (long long)id);
    return r;
}

void facts_of(const struct dataset *ds, const struct replica *r, struct replica_facts *out)
{
    struct draft *d = draft_of(ds, r);

    *out = (struct replica_facts){
        .block = {.id = r->id, .stamp = r->stamp, .bytes = r->bytes},
        .state = (enum replica_state)r->state,
        .volume = ds->volumes[r->volume],
        .home = (enum replica_home)r->home,
        .visible = r->bytes,
    };
    if (d && r->state != REPLICA_RUR) {
        pthread_mutex_lock(&d->lock);
        out->block.bytes = d->received;
        out->visible = d->acked;
        pthread_mutex_unlock(&d->lock);
    }
}

int dataset_facts(struct dataset *ds, uint64_t id, struct replica_facts *out, struct err *err)
{
    struct replica *r;

    pthread_mutex_lock(&ds->lock);
    r = dataset_find_locked(ds, id, err);
    if (r)
        facts_of(ds, r, out);
    pthread_mutex_unlock(&ds->lock);
    return r ? 0 : -ERR_NO_REPLICA;
}

int dataset_list(struct dataset *ds, size_t *cursor, struct replica_facts *out, int max)
{
    struct replica *r = NULL;
    int n = 0;

    pthread_mutex_lock(&ds->lock);
    while (n < max && (r = replica_map_next(ds->map, cursor))) {
        facts_of(ds, r, &out[n]);
        /* A replica under recovery goes by what it was. */
        if (r->state == REPLICA_RUR)
            out[n].state = draft_of(ds, r)->recovered_from;
        n++;
    }
    pthread_mutex_unlock(&ds->lock);
    return n;
}

/* ---- reading ---- */

static int open_files(struct dataset *ds, const struct replica_facts *f, struct reading *out,
                      struct err *err)
{
    char path[REPLICA_PATH_MAX];
    struct checksum sum = {PB__CHECKSUM_TYPE_PROTO__CHECKSUM_NULL, 512};
    int data_fd, meta_fd, rc;

    volume_block_path(f->volume, f->home, f->block.id, path, sizeof path);
    data_fd = env_open(ds->env, path, O_RDONLY, 0, err);
    if (data_fd < 0)
        return data_fd;
    volume_meta_path(f->volume, f->home, f->block.id, f->block.stamp, path, sizeof path);
    meta_fd = env_open(ds->env, path, O_RDONLY, 0, err);
    rc = meta_fd < 0 ? meta_fd : meta_header_read(ds->env, meta_fd, &sum, err);
    if (rc == 0) {
        out->files = block_files_new(f->block.id, f->block.stamp, data_fd, meta_fd, &sum);
        if (out->files)
            return 0;
        rc = err_set(err, ERR_NOMEM, "open block");
    }
    env_close(ds->env, data_fd, NULL);
    if (meta_fd >= 0)
        env_close(ds->env, meta_fd, NULL);
    return rc;
}

/* What of the replica may be read, under the lock. */
static int look(struct dataset *ds, const struct block *b, struct replica_facts *f,
                struct reading *out, struct err *err)
{
    struct replica *r = dataset_find_locked(ds, b->id, err);
    struct draft *d;

    if (!r)
        return err_set(err, ERR_NO_REPLICA, "Replica not found for %s:blk_%lld_%llu",
                       ds->pool.pool_id, (long long)b->id, (unsigned long long)b->stamp);
    if (r->stamp < b->stamp)
        return err_set(err, ERR_IO,
                       "Replica gen stamp < block genstamp, block=%s:blk_%lld_%llu, replica=%s, "
                       "blk_%lld_%llu",
                       ds->pool.pool_id, (long long)b->id, (unsigned long long)b->stamp,
                       replica_state_name((enum replica_state)r->state), (long long)r->id,
                       (unsigned long long)r->stamp);
    if (r->state == REPLICA_RWR || r->state == REPLICA_TEMPORARY)
        return err_set(err, ERR_IO, "Replica is not readable, block=%s:blk_%lld_%llu, replica=%s",
                       ds->pool.pool_id, (long long)b->id, (unsigned long long)b->stamp,
                       replica_state_name((enum replica_state)r->state));
    facts_of(ds, r, f);
    out->volume = f->volume;
    out->state = f->state;
    out->stamp = r->stamp;
    out->visible = f->visible;
    out->on_disk = f->block.bytes;
    out->has_last_sum = false;
    d = draft_of(ds, r);
    if (d && r->state == REPLICA_RBW) {
        pthread_mutex_lock(&d->lock);
        out->on_disk = d->received;
        out->visible = d->acked;
        out->has_last_sum = d->has_last_sum;
        memcpy(out->last_sum, d->last_sum, 4);
        pthread_mutex_unlock(&d->lock);
    }
    return 0;
}

/* Between the two renames of a move the files are not where the fields say: look again. */
int dataset_read(struct dataset *ds, const struct block *b, struct reading *out, struct err *err)
{
    struct reading got = {0};
    struct replica_facts f;
    int rc = 0;

    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        pthread_mutex_lock(&ds->lock);
        rc = look(ds, b, &f, &got, err);
        pthread_mutex_unlock(&ds->lock);
        if (rc < 0)
            return rc;
        if (f.state == REPLICA_FINALIZED)
            got.files = block_cache_take(ds->files, f.block.id, f.block.stamp);
        if (got.files)
            break;
        rc = open_files(ds, &f, &got, err);
        if (rc == 0 && f.state == REPLICA_FINALIZED)
            block_cache_add(ds->files, got.files);
        if (rc != -ERR_NOENT)
            break;
        usleep(1000);
    }
    if (rc < 0) {
        dataset_disk_error(ds, f.volume, rc == -ERR_NOENT ? -ERR_CORRUPT : rc);
        return rc;
    }
    *out = got;
    return 0;
}

void reading_done(struct reading *r)
{
    block_files_drop(r->files);
    r->files = NULL;
}

/* ---- deleting ---- */

int dataset_delete(struct dataset *ds, const struct block *b, struct err *err)
{
    struct corpse c;
    struct replica *r;
    struct draft *d;

    pthread_mutex_lock(&ds->lock);
    r = dataset_find_locked(ds, b->id, err);
    if (!r || (b->stamp && r->stamp > b->stamp)) {
        uint64_t stamp = r ? r->stamp : 0;

        pthread_mutex_unlock(&ds->lock);
        if (!r)
            return -ERR_NO_REPLICA;
        return err_set(err, ERR_NO_REPLICA,
                       "Failed to delete replica blk_%lld_%llu: GenerationStamp not matched, "
                       "existing replica is blk_%lld_%llu",
                       (long long)b->id, (unsigned long long)b->stamp, (long long)b->id,
                       (unsigned long long)stamp);
    }
    c = (struct corpse){.volume = ds->volumes[r->volume],
                        .home = (enum replica_home)r->home,
                        .id = r->id,
                        .stamp = r->stamp,
                        .bytes = r->bytes,
                        .counted = (int64_t)r->bytes + META_HEADER_BYTES +
                                   (int64_t)((r->bytes + 511) / 512 * 4),
                        .announce = true};
    dataset_changed(ds, r->id);
    atomic_fetch_sub(&c.volume->blocks, r->state == REPLICA_FINALIZED);
    d = draft_of(ds, r);
    if (d) { /* its files go when its writer has gone */
        d->dead = true;
        if (d->writer_fd >= 0)
            shutdown(d->writer_fd, SHUT_RDWR);
        draft_detach_locked(ds, r);
    }
    replica_map_remove(ds->map, r);
    if (!d) /* before anybody can take its files for strays */
        reaper_add(ds->reaper, &c);
    pthread_mutex_unlock(&ds->lock);
    return 0;
}

size_t dataset_deletes_pending(struct dataset *ds)
{
    return reaper_pending(ds->reaper);
}
