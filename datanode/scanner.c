#include "datanode/scanner.h"

#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "datanode/dir_check.h"
#include "datanode/meta_file.h"
#include "datanode/reports.h"
#include "datanode/throttle.h"

enum { SUSPECTS_MAX = 256, SLICE = 64, HOUR_MS = 3600 * 1000, DEFAULT_HOURS = 504 };

struct scanner {
    struct datanode *dn;
    struct throttle *throttle;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool stop;
    uint64_t period_ms; /* 0: only suspects */
    uint64_t suspects[SUSPECTS_MAX];
    unsigned suspect_count;
    size_t cursor;
    bool in_round;
    uint64_t round_began_ms;
};

void scanner_suspect(struct scanner *s, uint64_t block_id)
{
    bool known = false;

    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->suspect_count; i++)
        known = known || s->suspects[i] == block_id;
    if (!known && s->suspect_count < SUSPECTS_MAX) {
        s->suspects[s->suspect_count++] = block_id;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
}

static int pass(void *ctx, uint64_t bytes)
{
    struct scanner *s = ctx;

    throttle_pass(s->throttle, bytes);
    return s->stop;
}

static int check_files(struct scanner *s, const struct replica_facts *f, bool hurry,
                       struct err *err)
{
    struct reading r;
    int rc = dataset_read(s->dn->ds, &f->block, &r, err);

    if (rc < 0)
        return rc;
    rc = meta_verify_all(s->dn->env, r.files->data_fd, r.on_disk, r.files->meta_fd,
                         hurry ? NULL : pass, s, err);
    reading_done(&r);
    return rc;
}

/* Finalized replicas alone: what is being written is checked by its writer. */
static void check(struct scanner *s, uint64_t id, bool hurry)
{
    struct replica_facts f, now;
    struct err err;
    int rc;

    if (dataset_facts(s->dn->ds, id, &f, NULL) < 0 || f.state != REPLICA_FINALIZED)
        return;
    rc = check_files(s, &f, hurry, &err);
    if (rc == -ERR_INTERRUPTED)
        return;
    if (rc == 0) {
        count(COUNT_blocks_verified, 1);
        return;
    }
    /* It may have been deleted or appended to meanwhile. */
    if (dataset_facts(s->dn->ds, id, &now, NULL) < 0 || now.state != REPLICA_FINALIZED ||
        now.block.stamp != f.block.stamp)
        return;
    if (!dir_check_replica(s->dn, id))
        return;
    if (rc != -ERR_CORRUPT && rc != -ERR_NOENT) {
        dataset_disk_error(s->dn->ds, f.volume, rc);
        return;
    }
    count(COUNT_blocks_corrupt, 1);
    LOG_WARN("dn.scan", "block=blk_%lld_%llu volume=%s err=\"%s\" next=\"report it bad\"",
             (long long)f.block.id, (unsigned long long)f.block.stamp, f.volume->root, err.text);
    report_bad(s->dn, f.volume, &f.block);
}

static bool take_suspect(struct scanner *s, uint64_t *id)
{
    bool any;

    pthread_mutex_lock(&s->lock);
    any = s->suspect_count > 0;
    if (any)
        *id = s->suspects[--s->suspect_count];
    pthread_mutex_unlock(&s->lock);
    return any;
}

/* Checks a few; false when the round is over. */
static bool scan_slice(struct scanner *s)
{
    struct replica_facts slice[SLICE];
    int n = dataset_list(s->dn->ds, &s->cursor, slice, SLICE);

    for (int i = 0; i < n && !s->stop; i++) {
        uint64_t id;

        while (take_suspect(s, &id))
            check(s, id, true);
        check(s, slice[i].block.id, false);
    }
    return n > 0;
}

/* Until somebody is suspect, at most so long. */
static void wait_ms(struct scanner *s, uint64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&s->lock);
    while (!s->stop && s->suspect_count == 0)
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&s->lock);
}

static void *run(void *arg)
{
    struct scanner *s = arg;

    while (!s->stop) {
        uint64_t id, since = env_mono_ms(s->dn->env) - s->round_began_ms;

        while (take_suspect(s, &id))
            check(s, id, true);
        if (s->in_round) {
            s->in_round = scan_slice(s);
        } else if (s->period_ms && since >= s->period_ms) {
            s->in_round = true;
            s->cursor = 0;
            s->round_began_ms += since;
        } else {
            wait_ms(s, s->period_ms ? s->period_ms - since : HOUR_MS);
        }
    }
    return NULL;
}

uint64_t scanner_period_ms(const struct conf *conf)
{
    int64_t ms = conf_int(conf, OPT_dn_scan_period_ms), hours = conf_int(conf, OPT_dn_scan_period);

    if (ms > 0)
        return (uint64_t)ms;
    if (hours == 0)
        hours = DEFAULT_HOURS;
    return hours < 0 ? 0 : (uint64_t)hours * HOUR_MS;
}

int scanner_start(struct datanode *dn, uint64_t period_ms, uint64_t bytes_per_s,
                  struct scanner **out, struct err *err)
{
    struct scanner *s = calloc(1, sizeof *s);
    pthread_condattr_t attr;

    if (!s)
        return err_set(err, ERR_NOMEM, "scanner");
    s->dn = dn;
    s->period_ms = bytes_per_s == 0 ? 0 : period_ms;
    s->in_round = s->period_ms > 0;
    s->round_began_ms = env_mono_ms(dn->env);
    s->throttle = throttle_new(dn->env, bytes_per_s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (!s->throttle || pthread_create(&s->thread, NULL, run, s) != 0) {
        throttle_free(s->throttle);
        free(s);
        return err_set(err, ERR_NOMEM, "scanner");
    }
    *out = s;
    return 0;
}

void scanner_stop(struct scanner *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    throttle_free(s->throttle);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}
