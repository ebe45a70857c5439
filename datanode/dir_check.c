#include "datanode/dir_check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/dataset_parts.h"
#include "datanode/reports.h"

enum { SLICE = 64, LOOKS = 3, SETTLE_MS = 200 };

struct dir_check {
    struct datanode *dn;
    uint64_t interval_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* of @stop */
    pthread_cond_t changed;
    bool stop;
};

enum finding { FILES_WELL, BLOCK_GONE, META_GONE, OTHER_LENGTH };
static const char *const findings[] = {"", "block file missing", "meta file missing",
                                       "block file has another length"};

static enum finding look(struct env *env, const struct replica_facts *f, uint64_t *bytes)
{
    char path[REPLICA_PATH_MAX];
    struct env_stat st;
    int rc;

    volume_block_path(f->volume, f->home, f->block.id, path, sizeof path);
    rc = env_stat(env, path, &st, NULL);
    if (rc < 0)
        return rc == -ERR_NOENT ? BLOCK_GONE : FILES_WELL; /* else the disk's trouble */
    *bytes = st.size_bytes;
    if (st.size_bytes != f->block.bytes)
        return OTHER_LENGTH;
    volume_meta_path(f->volume, f->home, f->block.id, f->block.stamp, path, sizeof path);
    rc = env_stat(env, path, &st, NULL);
    return rc == -ERR_NOENT ? META_GONE : FILES_WELL;
}

static void tell(struct datanode *dn, const struct replica_facts *f, enum finding what,
                 uint64_t bytes)
{
    struct err err;

    count(COUNT_files_lost, 1);
    LOG_WARN("dn.files",
             "block=blk_%lld_%llu volume=%s err=\"%s\" known=%llu found=%llu next=\"%s\"",
             (long long)f->block.id, (unsigned long long)f->block.stamp, f->volume->root,
             findings[what], (unsigned long long)f->block.bytes, (unsigned long long)bytes,
             what == BLOCK_GONE ? "forget it and tell the namenode" : "report it bad");
    if (what != BLOCK_GONE)
        report_bad(dn, f->volume, &f->block);
    else if (dataset_delete(dn->ds, &f->block, &err) < 0)
        LOG_WARN("dn.files", "err=\"%s\" next=\"at the next look\"", err.text);
}

/* A replica that is appended to or moved is not where it was a moment ago: only what is found
 * again, with the replica unchanged in between, counts. */
bool dir_check_replica(struct datanode *dn, uint64_t id)
{
    struct replica_facts f, now;
    enum finding what = FILES_WELL, again;
    uint64_t bytes = 0;

    if (dataset_facts(dn->ds, id, &f, NULL) < 0 || f.state != REPLICA_FINALIZED ||
        !volume_serves(f.volume))
        return true;
    for (int i = 0; i < LOOKS; i++) {
        again = look(dn->env, &f, &bytes);
        if (again == FILES_WELL || (i > 0 && again != what))
            return true;
        what = again;
        usleep(1000);
        if (dataset_facts(dn->ds, id, &now, NULL) < 0 || now.state != REPLICA_FINALIZED ||
            now.block.stamp != f.block.stamp || now.block.bytes != f.block.bytes ||
            now.volume != f.volume)
            return true;
    }
    /* A whole directory that is gone is a disk that is: its blocks are then reported together. */
    if (dataset_disk_error(dn->ds, f.volume, -ERR_IO))
        return false;
    tell(dn, &f, what, bytes);
    return false;
}

static void take(struct datanode *dn, struct volume *v, const struct stray *b, unsigned *notify)
{
    struct replica_facts f;

    if (dataset_take_stray(dn->ds, v, b, &f) < 0)
        return;
    count(COUNT_files_found, 1);
    LOG_WARN("dn.files", "block=blk_%lld_%llu volume=%s err=\"%s\" next=\"%s\"", (long long)b->id,
             (unsigned long long)b->stamp, v->root,
             b->has_block ? "files that nobody knew of" : "meta file without a block",
             b->has_block ? "it is a replica now" : "remove it");
    if (b->has_block && *notify > 0) {
        report_received(dn, &f, NULL);
        --*notify;
    }
}

void dir_check_strays(struct datanode *dn, unsigned settle_ms, unsigned notify_max)
{
    struct strays found;
    struct err err;

    for (unsigned i = 0; i < dataset_volume_count(dn->ds); i++) {
        struct volume *v = dataset_volume(dn->ds, i);

        if (!volume_serves(v))
            continue;
        if (dataset_find_strays(dn->ds, v, &found, &err) < 0) {
            LOG_WARN("dn.files", "volume=%s err=\"%s\" next=\"at the next look\"", v->root,
                     err.text);
            continue;
        }
        if (found.count)
            usleep(settle_ms * 1000);
        for (unsigned k = 0; k < found.count; k++)
            take(dn, v, &found.list[k], &notify_max);
        strays_done(&found);
    }
}

static bool stopping(struct dir_check *c)
{
    bool stop;

    pthread_mutex_lock(&c->lock);
    stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static void check_all(struct dir_check *c)
{
    struct replica_facts slice[SLICE];
    size_t cursor = 0;
    int n;

    while (!stopping(c) && (n = dataset_list(c->dn->ds, &cursor, slice, SLICE)) > 0)
        for (int i = 0; i < n; i++)
            dir_check_replica(c->dn, slice[i].block.id);
}

static void wait_for_next(struct dir_check *c)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(c->interval_ms / 1000);
    until.tv_nsec += (long)(c->interval_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&c->lock);
    while (!c->stop && pthread_cond_timedwait(&c->changed, &c->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&c->lock);
}

static void *run(void *arg)
{
    struct dir_check *c = arg;

    while (!stopping(c)) {
        wait_for_next(c);
        check_all(c);
        if (!stopping(c))
            dir_check_strays(c->dn, SETTLE_MS,
                             (unsigned)conf_int(c->dn->conf, OPT_dn_dir_scan_notify));
    }
    return NULL;
}

int dir_check_start(struct datanode *dn, uint64_t interval_ms, struct dir_check **out,
                    struct err *err)
{
    struct dir_check *c;
    pthread_condattr_t attr;
    int e;

    if (interval_ms == 0)
        return 0;
    c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_NOMEM, "directory check");
    c->dn = dn;
    c->interval_ms = interval_ms;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    if ((e = pthread_create(&c->thread, NULL, run, c)) != 0) {
        free(c);
        return err_sys(err, e, "thread of the directory check");
    }
    *out = c;
    return 0;
}

void dir_check_stop(struct dir_check *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
