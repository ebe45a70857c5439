#include "datanode/locked.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "common/log.h"
#include "datanode/datanode.h"
#include "datanode/meta_file.h"
#include "datanode/short_circuit.h"

enum entry_state { LOADING, CACHED, LEAVING };

struct entry {
    UT_hash_handle hh;
    uint64_t id;
    enum entry_state state;
    void *at; /* NULL: not mapped */
    size_t n, reserved;
    uint64_t leaves_until_ms; /* no longer, whoever reads it; 0: it was not looked at yet */
    struct entry *next;       /* in the queue of the thread */
    bool queued;
};

struct locked {
    struct datanode *dn;
    uint64_t max, used;
    size_t page;
    struct entry *entries;
    struct entry *first, **last; /* what the thread has to look at */
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t thread;
    bool stop;
};

/* ---- the queue ---- */

static void enqueue(struct locked *l, struct entry *e)
{
    if (e->queued)
        return;
    e->queued = true;
    e->next = NULL;
    *l->last = e;
    l->last = &e->next;
    pthread_cond_signal(&l->work);
}

static struct entry *dequeue(struct locked *l)
{
    struct entry *e = l->first;

    l->first = e->next;
    if (!l->first)
        l->last = &l->first;
    e->queued = false;
    return e;
}

/* ---- one block ---- */

static int stopped(void *ctx, uint64_t bytes)
{
    const struct locked *l = ctx;

    (void)bytes;
    return __atomic_load_n(&l->stop, __ATOMIC_RELAXED);
}

/* Maps, locks and checks; without the lock of this file. */
static int load(struct locked *l, uint64_t id, size_t reserved, void **at, size_t *n,
                struct err *err)
{
    struct reading r;
    void *p;
    int rc = dataset_read(l->dn->ds, &(struct block){.id = id}, &r, err);

    if (rc < 0)
        return rc;
    *n = (size_t)r.on_disk;
    p = r.state == REPLICA_FINALIZED && *n > 0 && *n <= reserved
            ? mmap(NULL, *n, PROT_READ, MAP_SHARED, r.files->data_fd, 0)
            : MAP_FAILED;
    if (p == MAP_FAILED) {
        rc = err_set(err, ERR_NO_REPLICA, "blk_%lld is not there whole", (long long)id);
    } else if (mlock(p, *n) < 0) {
        rc = err_sys(err, errno, "mlock of %zu bytes", *n);
    } else {
        rc = meta_verify_all(l->dn->env, r.files->data_fd, r.on_disk, r.files->meta_fd, stopped, l,
                             err);
    }
    reading_done(&r);
    if (rc < 0 && p != MAP_FAILED)
        munmap(p, *n);
    *at = p;
    return rc;
}

static void drop_entry(struct locked *l, struct entry *e)
{
    if (e->at)
        munmap(e->at, e->n);
    l->used -= e->reserved;
    HASH_DEL(l->entries, e);
    free(e);
}

/* With the lock, given away while the block is read; @e may be LEAVING when it is back. */
static void load_entry(struct locked *l, struct entry *e)
{
    struct err err = {0};
    uint64_t id = e->id;
    void *at = NULL;
    size_t n = 0;
    int rc;

    pthread_mutex_unlock(&l->lock);
    rc = load(l, id, e->reserved, &at, &n, &err);
    pthread_mutex_lock(&l->lock);
    if (rc < 0) {
        LOG_WARN("dn.cache", "block=blk_%lld err=\"%s\" next=\"leave it on disk\"", (long long)id,
                 err.text);
        drop_entry(l, e);
        return;
    }
    e->at = at;
    e->n = n;
    if (e->state == LEAVING) {
        drop_entry(l, e);
        return;
    }
    e->state = CACHED;
    pthread_mutex_unlock(&l->lock);
    short_circuit_pin(l->dn->short_circuit, id);
    pthread_mutex_lock(&l->lock);
}

static void nap(struct locked *l, uint64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&l->work, &l->lock, &until);
}

/* The entry goes, unless a client reads it and has time to let go. */
static void end_entry(struct locked *l, struct entry *e)
{
    uint64_t now = env_mono_ms(l->dn->env);
    bool held;

    if (e->leaves_until_ms == 0)
        e->leaves_until_ms = now + 1 + (uint64_t)conf_int(l->dn->conf, OPT_dn_revoke);
    pthread_mutex_unlock(&l->lock);
    held = e->at && short_circuit_unpin(l->dn->short_circuit, e->id);
    pthread_mutex_lock(&l->lock);
    if (!held || now >= e->leaves_until_ms) {
        if (held)
            LOG_WARN("dn.cache",
                     "block=blk_%lld err=\"a client still reads it\" next=\"unlock it\"",
                     (long long)e->id);
        drop_entry(l, e);
        return;
    }
    enqueue(l, e);
    nap(l, (uint64_t)conf_int(l->dn->conf, OPT_dn_revoke_poll));
}

static void *run(void *arg)
{
    struct locked *l = arg;

    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        struct entry *e;

        if (!l->first) {
            pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        e = dequeue(l);
        if (e->state == LOADING)
            load_entry(l, e);
        else if (e->state == LEAVING)
            end_entry(l, e);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- starting ---- */

static int check_limit(uint64_t max, struct err *err)
{
    struct rlimit may;

    if (getrlimit(RLIMIT_MEMLOCK, &may) < 0 || may.rlim_cur == RLIM_INFINITY || may.rlim_cur >= max)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "Cannot start datanode because the configured max locked memory size "
                   "(dfs.datanode.max.locked.memory) of %llu bytes is more than the datanode's "
                   "available RLIMIT_MEMLOCK ulimit of %llu bytes.",
                   (unsigned long long)max, (unsigned long long)may.rlim_cur);
}

int locked_start(struct datanode *dn, struct locked **out, struct err *err)
{
    uint64_t max = (uint64_t)conf_int(dn->conf, OPT_dn_locked_memory);
    struct locked *l;
    int rc;

    *out = NULL;
    if (max == 0)
        return 0;
    if ((rc = check_limit(max, err)) < 0)
        return rc;
    if (!(l = calloc(1, sizeof *l)))
        return err_set(err, ERR_NOMEM, "cache");
    l->dn = dn;
    l->page = (size_t)sysconf(_SC_PAGESIZE);
    l->max = max / l->page * l->page;
    l->last = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    if (pthread_create(&l->thread, NULL, run, l) != 0) {
        free(l);
        return err_set(err, ERR_NOMEM, "thread of the cache");
    }
    *out = l;
    return 0;
}

void locked_stop(struct locked *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    __atomic_store_n(&l->stop, true, __ATOMIC_RELAXED);
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
}

void locked_free(struct locked *l)
{
    struct entry *e, *next;

    if (!l)
        return;
    HASH_ITER(hh, l->entries, e, next)
    {
        drop_entry(l, e);
    }
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- what the namenode wants ---- */

static struct entry *find(struct locked *l, uint64_t id)
{
    struct entry *e;

    HASH_FIND(hh, l->entries, &id, sizeof id, e);
    return e;
}

static void want_one(struct locked *l, uint64_t id)
{
    struct replica_facts f;
    struct entry *e;
    size_t reserved;

    if (dataset_facts(l->dn->ds, id, &f, NULL) < 0 || f.state != REPLICA_FINALIZED)
        return;
    reserved = (size_t)((f.block.bytes + l->page - 1) / l->page * l->page);
    pthread_mutex_lock(&l->lock);
    if (find(l, id)) {
        pthread_mutex_unlock(&l->lock);
        return;
    }
    if (l->used + reserved > l->max) {
        LOG_INFO("dn.cache", "block=blk_%lld used=%llu max=%llu next=\"leave it on disk: full\"",
                 (long long)id, (unsigned long long)l->used, (unsigned long long)l->max);
    } else if (reserved > 0 && (e = calloc(1, sizeof *e)) != NULL) {
        e->id = id;
        e->reserved = reserved;
        l->used += reserved;
        HASH_ADD(hh, l->entries, id, sizeof e->id, e);
        enqueue(l, e);
    }
    pthread_mutex_unlock(&l->lock);
}

void locked_want(struct locked *l, const uint64_t *ids, size_t n)
{
    for (size_t i = 0; l && i < n; i++)
        want_one(l, ids[i]);
}

void locked_forget(struct locked *l, uint64_t id)
{
    struct entry *e;

    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    e = find(l, id);
    if (e && e->state != LEAVING) {
        bool busy = e->state == LOADING && !e->queued; /* the thread has it: it looks afterwards */

        e->state = LEAVING;
        if (!busy)
            enqueue(l, e);
    }
    pthread_mutex_unlock(&l->lock);
}

void locked_drop(struct locked *l, const uint64_t *ids, size_t n)
{
    for (size_t i = 0; l && i < n; i++)
        locked_forget(l, ids[i]);
}

/* ---- telling ---- */

bool locked_has(struct locked *l, uint64_t id)
{
    const struct entry *e;
    bool has;

    if (!l)
        return false;
    pthread_mutex_lock(&l->lock);
    e = find(l, id);
    has = e && e->state == CACHED;
    pthread_mutex_unlock(&l->lock);
    return has;
}

uint64_t locked_bytes_max(const struct locked *l)
{
    return l ? l->max : 0;
}

uint64_t locked_bytes_used(struct locked *l)
{
    uint64_t used;

    if (!l)
        return 0;
    pthread_mutex_lock(&l->lock);
    used = l->used;
    pthread_mutex_unlock(&l->lock);
    return used;
}

size_t locked_list(struct locked *l, uint64_t **out)
{
    struct entry *e, *next;
    size_t n = 0;

    *out = NULL;
    if (!l)
        return 0;
    pthread_mutex_lock(&l->lock);
    if (HASH_COUNT(l->entries) > 0 &&
        (*out = malloc(HASH_COUNT(l->entries) * sizeof **out)) != NULL) {
        HASH_ITER(hh, l->entries, e, next)
        {
            if (e->state == CACHED)
                (*out)[n++] = e->id;
        }
    }
    pthread_mutex_unlock(&l->lock);
    return n;
}
