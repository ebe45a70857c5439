/* dataset_volumes.c -- the volumes of a dataset: opened, given to the pool, read, dropped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/dataset_parts.h"
#include "datanode/upgrade.h"

/* ---- at the start ---- */

/* Every directory that can't be opened counts as a failed volume. */
static int open_volumes(struct dataset *ds, struct err *err)
{
    int failures = 0, rc = 0;
    struct err first = {0};

    for (int i = 0; i < ds->options.dir_count && i < VOLUMES_MAX - 1; i++) {
        struct volume *v;
        struct err why;

        rc = volume_open(ds->env, ds->volume_count, ds->options.dirs[i], ds->options.reserve_bytes,
                         &v, &why);
        if (rc == 0) {
            v->roll_back = ds->options.roll_back;
            atomic_store(&v->stage, VOLUME_SERVES);
            ds->volumes[ds->volume_count++] = v;
            continue;
        }
        if (failures++ == 0)
            first = why;
        LOG_WARN("dn.volume", "dir=%s err=\"%s\" next=\"go on without\"", ds->options.dirs[i],
                 why.text);
    }
    if (failures > ds->options.failures_tolerated || ds->volume_count == 0) {
        if (failures == 0)
            return err_set(err, ERR_CONFIG, "dfs.datanode.data.dir names no directory");
        *err = first;
        return -(int)first.code;
    }
    return 0;
}

/* The datanode's uuid is the one its directories agree on, or a new one. */
static int choose_uuid(struct dataset *ds, struct err *err)
{
    uint8_t b[16];

    for (unsigned i = 0; i < ds->volume_count; i++) {
        char uuid[ID_TEXT_MAX];
        int rc = volume_owner(ds->volumes[i], uuid, err);

        if (rc < 0)
            return rc;
        if (uuid[0] && !ds->uuid[0])
            memcpy(ds->uuid, uuid, sizeof uuid);
    }
    if (ds->uuid[0])
        return 0;
    env_random(ds->env, b, sizeof b);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf(ds->uuid, sizeof ds->uuid,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
    return 0;
}

int dataset_open_volumes(struct dataset *ds, struct err *err)
{
    int rc = open_volumes(ds, err);

    return rc < 0 ? rc : choose_uuid(ds, err);
}

struct scan_job {
    struct dataset *ds;
    struct volume *volume;
    pthread_t thread;
    bool started;
    int rc;
    struct err err;
};

static void *scan_volume(void *arg)
{
    struct scan_job *job = arg;

    job->rc = replica_scan(job->ds, job->volume, &job->err);
    return NULL;
}

/* Each volume is its own disk: they are read side by side. */
static int scan_all(struct dataset *ds, struct err *err)
{
    struct scan_job *jobs = calloc(ds->volume_count, sizeof *jobs);
    int rc = 0;

    if (!jobs)
        return err_set(err, ERR_NOMEM, "scan");
    for (unsigned i = 0; i < ds->volume_count; i++) {
        if (!volume_serves(ds->volumes[i]))
            continue;
        jobs[i] = (struct scan_job){.ds = ds, .volume = ds->volumes[i]};
        jobs[i].started = pthread_create(&jobs[i].thread, NULL, scan_volume, &jobs[i]) == 0;
        if (!jobs[i].started)
            scan_volume(&jobs[i]);
    }
    for (unsigned i = 0; i < ds->volume_count; i++) {
        if (jobs[i].started)
            pthread_join(jobs[i].thread, NULL);
        if (jobs[i].rc < 0 && rc == 0) {
            rc = jobs[i].rc;
            *err = jobs[i].err;
        }
    }
    free(jobs);
    return rc;
}

static int join_all(struct dataset *ds, const struct pool_info *pool, struct err *err)
{
    int rc = 0;

    for (unsigned i = 0; i < ds->volume_count && rc == 0; i++)
        if (volume_serves(ds->volumes[i]))
            rc = volume_join(ds->volumes[i], pool, ds->uuid, err);
    return rc < 0 ? rc : scan_all(ds, err);
}

static int join_locked(struct dataset *ds, const struct pool_info *pool, struct err *err)
{
    uint64_t begin = env_mono_ms(ds->env);
    struct err why;
    int rc;

    if (ds->joined && strcmp(ds->pool.pool_id, pool->pool_id) == 0) {
        /* The namenode has been upgraded: it knows us by its new time only. */
        __atomic_store_n(&ds->pool.ctime_ms, pool->ctime_ms, __ATOMIC_RELAXED);
        return 0;
    }
    if (ds->joined)
        return err_set(err, ERR_BAD_POOL, "namenode blockpoolID = %s; datanode blockpoolID = %s",
                       pool->pool_id, ds->pool.pool_id);
    rc = join_all(ds, pool, &why);
    if (rc < 0) {
        if (err)
            *err = why;
        return rc;
    }
    ds->pool = *pool;
    ds->joined = true;
    LOG_INFO("dn.scan", "pool=%s replicas=%zu volumes=%u ms=%llu next=serve", pool->pool_id,
             replica_map_count(ds->map), ds->volume_count,
             (unsigned long long)(env_mono_ms(ds->env) - begin));
    return 0;
}

int dataset_join(struct dataset *ds, const struct pool_info *pool, struct err *err)
{
    int rc;

    pthread_mutex_lock(&ds->volumes_lock);
    rc = join_locked(ds, pool, err);
    pthread_mutex_unlock(&ds->volumes_lock);
    return rc;
}

unsigned dataset_volume_count(const struct dataset *ds)
{
    return __atomic_load_n(&ds->volume_count, __ATOMIC_ACQUIRE);
}

struct volume *dataset_volume(const struct dataset *ds, unsigned i)
{
    return ds->volumes[i];
}

/* ---- volumes that go ---- */

enum { SLICE = 256, REAP_MS = 10000, WRITERS_S = 60 };

static void forget_locked(struct dataset *ds, struct replica *r)
{
    dataset_changed(ds, r->id);
    if (r->draft) {
        struct draft *d = draft_of(ds, r);

        d->dead = true;
        if (d->writer_fd >= 0)
            shutdown(d->writer_fd, SHUT_RDWR);
        draft_detach_locked(ds, r);
    }
    replica_map_remove(ds->map, r);
}

/* Forgets the replicas of a volume that serves no more; when @tell, says each. */
static void drop_replicas(struct dataset *ds, struct volume *v, bool tell)
{
    struct block gone[SLICE];
    size_t cursor = 0;
    struct replica *r;
    int n;

    do {
        n = 0;
        pthread_mutex_lock(&ds->lock);
        while (n < SLICE && (r = replica_map_next(ds->map, &cursor))) {
            if (r->volume != v->index)
                continue;
            gone[n++] = (struct block){.id = r->id, .stamp = r->stamp, .bytes = r->bytes};
            forget_locked(ds, r);
        }
        pthread_mutex_unlock(&ds->lock);
        for (int i = 0; tell && i < n; i++)
            ds->options.forgotten(ds->options.ctx, v, &gone[i]);
    } while (n == SLICE);
}

bool dataset_disk_error(struct dataset *ds, struct volume *v, int rc)
{
    int serves = VOLUME_SERVES;
    struct volume_room room;
    struct err why;

    if (rc == -ERR_NO_DISK || rc == -ERR_CORRUPT || rc == -ERR_NOMEM || !volume_serves(v))
        return false;
    if (volume_probe(v, &why) == 0)
        return false;
    volume_room(v, &room);
    v->failed_ms = env_now_ms(ds->env);
    v->failed_capacity = room.capacity;
    if (!atomic_compare_exchange_strong(&v->stage, &serves, VOLUME_FAILED))
        return false;
    LOG_ERROR("dn.volume", "dir=%s err=\"%s\" next=\"drop it and report its blocks gone\"", v->root,
              why.text);
    drop_replicas(ds, v, false);
    if (ds->options.volume_failed)
        ds->options.volume_failed(ds->options.ctx, v, why.text);
    return true;
}

static int wait_for_writers(struct dataset *ds, struct volume *v, struct err *err)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WRITERS_S;
    pthread_mutex_lock(&ds->lock);
    while (v->writers > 0 && rc == 0)
        if (pthread_cond_timedwait(&ds->writer_gone, &ds->lock, &until) == ETIMEDOUT && v->writers)
            rc = err_set(err, ERR_TIMEOUT, "writers on %s do not stop within %d s", v->root,
                         WRITERS_S);
    pthread_mutex_unlock(&ds->lock);
    return rc;
}

int dataset_remove_volume(struct dataset *ds, struct volume *v, struct err *err)
{
    int rc;

    pthread_mutex_lock(&ds->volumes_lock);
    atomic_store(&v->stage, VOLUME_REMOVED);
    drop_replicas(ds, v, ds->options.forgotten != NULL);
    for (int ms = 0; ms < REAP_MS && reaper_pending(ds->reaper) > 0; ms++)
        usleep(1000);
    rc = wait_for_writers(ds, v, err);
    if (rc == 0)
        volume_unlock(v);
    pthread_mutex_unlock(&ds->volumes_lock);
    LOG_INFO("dn.volume", "dir=%s next=\"%s\"", v->root,
             rc == 0 ? "it is let go" : "it is let go at the end");
    return rc;
}

/* ---- volumes that come ---- */

/* By its first look: two names of one directory would undo each other's lock. */
static int check_not_ours(struct dataset *ds, const char *spec, struct err *err)
{
    Pb__StorageTypeProto type;
    struct stat was, is;
    const char *path;
    int rc = volume_spec_parse(spec, &type, &path, err);

    if (rc < 0 || stat(path, &is) < 0)
        return rc;
    for (unsigned i = 0; i < ds->volume_count; i++) {
        struct volume *v = ds->volumes[i];

        if (v->lock_fd >= 0 && stat(v->root, &was) == 0 && was.st_dev == is.st_dev &&
            was.st_ino == is.st_ino)
            return err_set(err, ERR_LOCKED,
                           "Cannot lock storage %s. The directory is already locked", path);
    }
    return 0;
}

static int give_to_pool(struct dataset *ds, struct volume *v, struct err *err)
{
    int rc = ds->joined ? volume_join(v, &ds->pool, ds->uuid, err) : 0;

    if (rc < 0) {
        volume_close(v);
        return rc;
    }
    pthread_mutex_lock(&ds->lock);
    ds->volumes[ds->volume_count] = v;
    pthread_mutex_unlock(&ds->lock);
    rc = ds->joined ? replica_scan(ds, v, err) : 0;
    if (rc < 0) {
        drop_replicas(ds, v, false);
        volume_unlock(v);
    }
    /* From here on its slot is taken: somebody may have come by its replicas already. */
    pthread_mutex_lock(&ds->lock);
    atomic_store(&v->stage, rc < 0 ? VOLUME_REMOVED : VOLUME_SERVES);
    __atomic_store_n(&ds->volume_count, ds->volume_count + 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&ds->lock);
    return rc;
}

int dataset_add_volume(struct dataset *ds, const char *spec, struct err *err)
{
    struct volume *v;
    int rc = 0;

    pthread_mutex_lock(&ds->volumes_lock);
    if (ds->volume_count >= VOLUMES_MAX - 1)
        rc = err_set(err, ERR_LIMIT, "more than %d directories since the start", VOLUMES_MAX - 1);
    if (rc == 0)
        rc = check_not_ours(ds, spec, err);
    if (rc == 0)
        rc = volume_open(ds->env, ds->volume_count, spec, ds->options.reserve_bytes, &v, err);
    if (rc == 0)
        rc = give_to_pool(ds, v, err);
    if (rc == 0)
        LOG_INFO("dn.volume", "dir=%s storage=%s replicas=%lld next=serve", v->root, v->storage_id,
                 (long long)atomic_load(&v->blocks));
    pthread_mutex_unlock(&ds->volumes_lock);
    return rc;
}

/* ---- upgrades ---- */

void dataset_rolling_upgrade(struct dataset *ds, bool under_way)
{
    for (unsigned i = 0; i < dataset_volume_count(ds); i++)
        if (volume_serves(dataset_volume(ds, i)))
            upgrade_rolling(dataset_volume(ds, i), under_way);
}

void dataset_finalize_upgrade(struct dataset *ds)
{
    struct err err;

    for (unsigned i = 0; i < dataset_volume_count(ds); i++)
        if (volume_serves(dataset_volume(ds, i)) &&
            upgrade_finalize(dataset_volume(ds, i), &err) < 0)
            LOG_WARN("dn.upgrade", "dir=%s err=\"%s\" next=\"the namenode says it again\"",
                     dataset_volume(ds, i)->root, err.text);
}
