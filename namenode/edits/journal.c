#include "namenode/edits/journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "namenode/edits/edit_codec.h"

enum { DIRS_MAX = 16, KEPT_BYTES = 4 << 20 };

/* One directory's copy of the segment that is being written. */
struct copy {
    char *current;      /* DIR/current */
    int fd;             /* -1: none */
    bool dropped;       /* failed once; used again only when journal_restore() says so */
    uint64_t end;       /* where the next record goes */
    uint64_t allocated; /* how far the file is filled with padding */
};

struct journal {
    struct env *env;
    struct copy copies[DIRS_MAX];
    int copy_count;
    void (*on_durable)(void *ctx, uint64_t txid);
    void (*on_failed)(void *ctx, const struct err *err);
    void *ctx;

    /* The journal's thread only. */
    struct buf writing;
    uint8_t *padding;
    uint64_t segment_first;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;     /* the journal's thread waits for something to write */
    pthread_cond_t progress; /* the others wait until something is durable */

    /* Under @lock. */
    struct buf filling;
    uint64_t last_txid; /* also read without it */
    bool rolling;       /* from journal_roll_begin() until both segments are on disk */
    bool roll_queued;   /* the old segment ends at @roll_at in @filling */
    size_t roll_at;
    uint64_t roll_first; /* the txid that begins the new one */
    bool idle, stop, dead;
    bool unflushed; /* appended while the thread was idle; also read without the lock */
    struct err failure;
    struct journal_stats stats;

    uint64_t durable_txid; /* atomic */
    bool restoring;        /* atomic */
};

/* ---- one directory ---- */

static void segment_path(char *out, size_t n, const struct copy *c, uint64_t first, uint64_t last)
{
    if (last)
        snprintf(out, n, "%s/edits_%019" PRIu64 "-%019" PRIu64, c->current, first, last);
    else
        snprintf(out, n, "%s/edits_inprogress_%019" PRIu64, c->current, first);
}

/* Fills the file with padding until @need bytes lie within it. */
static int copy_allocate(struct journal *j, struct copy *c, uint64_t need, struct err *err)
{
    int rc = 0;

    while (rc == 0 && c->allocated < need) {
        rc = env_pwrite(j->env, c->fd, j->padding, JOURNAL_FILL_BYTES, c->allocated, err);
        c->allocated += JOURNAL_FILL_BYTES;
    }
    return rc;
}

static int copy_write(struct journal *j, struct copy *c, const void *bytes, size_t n,
                      struct err *err)
{
    int rc = copy_allocate(j, c, c->end + n, err);

    if (rc == 0)
        rc = env_pwrite(j->env, c->fd, bytes, n, c->end, err);
    if (rc == 0)
        rc = env_sync(j->env, c->fd, err);
    c->end += n;
    return rc;
}

/* Begins a segment: a header, padding, and the name made durable.  The sync of the first record
 * covers the header. */
static int copy_begin(struct journal *j, struct copy *c, uint64_t first, struct err *err)
{
    uint8_t header[EDIT_HEADER_BYTES] = {0};
    char path[PATH_MAX], seen[PATH_MAX], text[32];
    int rc;

    segment_path(path, sizeof path, c, first, 0);
    rc = env_open(j->env, path, O_RDWR | O_CREAT | O_EXCL, 0644, err);
    if (rc < 0)
        return rc;
    c->fd = rc;
    c->end = 0;
    c->allocated = 0;
    put_be(header, (uint32_t)EDIT_LAYOUT, 4);
    rc = copy_allocate(j, c, sizeof header, err);
    if (rc == 0)
        rc = env_pwrite(j->env, c->fd, header, sizeof header, 0, err);
    if (rc == 0)
        rc = env_sync_dir(j->env, c->current, err);
    c->end = sizeof header;
    if (rc < 0)
        return err_wrap(err, rc, "%s", path);
    snprintf(seen, sizeof seen, "%s/seen_txid", c->current);
    return env_write_file(j->env, seen, text,
                          (size_t)snprintf(text, sizeof text, "%" PRIu64 "\n", first), err);
}

/* Ends the segment: nothing but records is left in the file, and its name says which. */
static int copy_end(struct journal *j, struct copy *c, uint64_t last, struct err *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    int rc = env_truncate(j->env, c->fd, c->end, err), closed;

    if (rc == 0)
        rc = env_sync(j->env, c->fd, err);
    closed = env_close(j->env, c->fd, rc == 0 ? err : NULL);
    c->fd = -1;
    if (rc == 0)
        rc = closed;
    segment_path(from, sizeof from, c, j->segment_first, 0);
    segment_path(to, sizeof to, c, j->segment_first, last);
    if (rc == 0)
        rc = env_rename(j->env, from, to, err);
    return rc < 0 ? rc : env_sync_dir(j->env, c->current, err);
}

/* A directory that failed is left as it is: its last records are those of the others. */
static void copy_drop(struct journal *j, struct copy *c)
{
    if (c->fd >= 0)
        env_close(j->env, c->fd, NULL);
    c->fd = -1;
    c->dropped = true;
    pthread_mutex_lock(&j->lock);
    j->stats.failed_dirs++;
    pthread_mutex_unlock(&j->lock);
}

/* ---- all of them ---- */

enum step { STEP_WRITE, STEP_BEGIN, STEP_END };

static int copy_step(struct journal *j, struct copy *c, enum step step, const void *bytes, size_t n,
                     uint64_t txid, struct err *err)
{
    switch (step) {
    case STEP_WRITE: return copy_write(j, c, bytes, n, err);
    case STEP_BEGIN: return copy_begin(j, c, txid, err);
    case STEP_END: return copy_end(j, c, txid, err);
    }
    return 0;
}

void journal_restore(struct journal *j, bool on)
{
    __atomic_store_n(&j->restoring, on, __ATOMIC_RELEASE);
}

bool journal_restores(const struct journal *j)
{
    return __atomic_load_n(&j->restoring, __ATOMIC_ACQUIRE);
}

static bool copy_take_back(struct journal *j, struct copy *c)
{
    if (!journal_restores(j))
        return false;
    c->dropped = false;
    pthread_mutex_lock(&j->lock);
    j->stats.failed_dirs--;
    pthread_mutex_unlock(&j->lock);
    return true;
}

/* Does one thing in every directory.  Those that fail are dropped; it failed when none is left. */
static int each_copy(struct journal *j, enum step step, const void *bytes, size_t n, uint64_t txid,
                     struct err *err)
{
    struct err why = {0};
    int left = 0, rc = -ERR_IO;

    for (int i = 0; i < j->copy_count; i++) {
        struct copy *c = &j->copies[i];
        int copy_rc;

        if (c->dropped && !(step == STEP_BEGIN && copy_take_back(j, c)))
            continue;
        copy_rc = copy_step(j, c, step, bytes, n, txid, &why);
        if (copy_rc < 0) {
            rc = err_wrap(&why, copy_rc, "%s", c->current);
            copy_drop(j, c);
        } else {
            left++;
        }
    }
    if (left > 0)
        return 0;
    if (err)
        *err = why;
    return rc;
}

static int write_all(struct journal *j, const uint8_t *bytes, size_t n, struct err *err)
{
    uint64_t start;
    int rc;

    if (n == 0)
        return 0;
    start = env_mono_ns(j->env);
    rc = each_copy(j, STEP_WRITE, bytes, n, 0, err);
    pthread_mutex_lock(&j->lock);
    j->stats.sync_ns += env_mono_ns(j->env) - start;
    j->stats.syncs++;
    j->stats.bytes += n;
    pthread_mutex_unlock(&j->lock);
    return rc;
}

/* ---- the journal's thread ---- */

/* What the thread takes over when it swaps the buffers. */
struct batch {
    uint64_t last_txid;
    bool roll;
    size_t roll_at;
    uint64_t roll_first;
};

static bool take_batch(struct journal *j, struct batch *b)
{
    struct buf empty;

    pthread_mutex_lock(&j->lock);
    while (j->filling.n == 0 && !j->stop) {
        j->idle = true;
        pthread_cond_wait(&j->work, &j->lock);
    }
    j->idle = false;
    __atomic_store_n(&j->unflushed, false, __ATOMIC_RELAXED);
    empty = j->writing;
    j->writing = j->filling;
    j->filling = empty;
    *b = (struct batch){.last_txid = j->last_txid,
                        .roll = j->roll_queued,
                        .roll_at = j->roll_at,
                        .roll_first = j->roll_first};
    j->roll_queued = false;
    pthread_mutex_unlock(&j->lock);
    return j->writing.n > 0;
}

static int write_batch(struct journal *j, const struct batch *b, struct err *err)
{
    const uint8_t *bytes = j->writing.bytes;
    size_t n = j->writing.n;
    int rc;

    if (!b->roll)
        return write_all(j, bytes, n, err);
    rc = write_all(j, bytes, b->roll_at, err);
    if (rc == 0)
        rc = each_copy(j, STEP_END, NULL, 0, b->roll_first - 1, err);
    if (rc == 0)
        rc = each_copy(j, STEP_BEGIN, NULL, 0, b->roll_first, err);
    if (rc == 0)
        j->segment_first = b->roll_first;
    return rc < 0 ? rc : write_all(j, bytes + b->roll_at, n - b->roll_at, err);
}

/* A buffer that grew in a rush is given back. */
static void clear_writing(struct journal *j)
{
    if (j->writing.cap > KEPT_BYTES)
        buf_done(&j->writing);
    else
        buf_clear(&j->writing);
}

static void announce(struct journal *j, const struct batch *b)
{
    pthread_mutex_lock(&j->lock);
    if (b->roll)
        j->rolling = false;
    __atomic_store_n(&j->durable_txid, b->last_txid, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&j->progress);
    pthread_mutex_unlock(&j->lock);
    if (j->on_durable)
        j->on_durable(j->ctx, b->last_txid);
}

static void die(struct journal *j, const struct err *err)
{
    pthread_mutex_lock(&j->lock);
    j->dead = true;
    j->failure = *err;
    buf_done(&j->filling);
    pthread_cond_broadcast(&j->progress);
    pthread_mutex_unlock(&j->lock);
    if (j->on_failed)
        j->on_failed(j->ctx, err);
}

static void *run(void *arg)
{
    struct journal *j = arg;
    struct err err;
    struct batch b;

    while (take_batch(j, &b)) {
        err_clear(&err);
        if (write_batch(j, &b, &err) < 0) {
            die(j, &err);
            break;
        }
        clear_writing(j);
        announce(j, &b);
    }
    return NULL;
}

/* ---- the others ---- */

/* With @lock held. */
static uint64_t append_locked(struct journal *j, struct edit_op *op)
{
    struct err err;

    op->txid = j->last_txid + 1;
    __atomic_store_n(&j->last_txid, op->txid, __ATOMIC_RELEASE);
    if (j->dead)
        return op->txid;
    if (edit_encode(&j->filling, op, &err) < 0)
        must_failed(err.text, __FILE__, __LINE__);
    j->stats.records++;
    if (j->idle)
        __atomic_store_n(&j->unflushed, true, __ATOMIC_RELAXED);
    return op->txid;
}

static void flush_locked(struct journal *j)
{
    if (j->unflushed)
        pthread_cond_signal(&j->work);
    __atomic_store_n(&j->unflushed, false, __ATOMIC_RELAXED);
}

uint64_t journal_append(struct journal *j, struct edit_op *op)
{
    uint64_t txid;

    pthread_mutex_lock(&j->lock);
    while (j->filling.n > JOURNAL_BUFFER_MAX && !j->dead) {
        flush_locked(j);
        pthread_cond_wait(&j->progress, &j->lock);
    }
    txid = append_locked(j, op);
    pthread_mutex_unlock(&j->lock);
    return txid;
}

void journal_flush(struct journal *j)
{
    if (!__atomic_load_n(&j->unflushed, __ATOMIC_RELAXED))
        return; /* what this thread appended is taken, or will be without sleep between */
    pthread_mutex_lock(&j->lock);
    flush_locked(j);
    pthread_mutex_unlock(&j->lock);
}

uint64_t journal_last_txid(const struct journal *j)
{
    return __atomic_load_n(&j->last_txid, __ATOMIC_ACQUIRE);
}

uint64_t journal_durable_txid(const struct journal *j)
{
    return __atomic_load_n(&j->durable_txid, __ATOMIC_ACQUIRE);
}

int journal_wait(struct journal *j, uint64_t txid, struct err *err)
{
    int rc = 0;

    pthread_mutex_lock(&j->lock);
    flush_locked(j);
    while (j->durable_txid < txid && !j->dead)
        pthread_cond_wait(&j->progress, &j->lock);
    if (j->durable_txid < txid) {
        if (err)
            *err = j->failure;
        rc = -(int)j->failure.code;
    }
    pthread_mutex_unlock(&j->lock);
    return rc;
}

uint64_t journal_roll_begin(struct journal *j)
{
    struct edit_op end = {.code = EDIT_END_LOG_SEGMENT}, start = {.code = EDIT_START_LOG_SEGMENT};
    uint64_t first = 0;

    pthread_mutex_lock(&j->lock);
    if (!j->rolling && !j->dead) {
        append_locked(j, &end);
        j->roll_at = j->filling.n;
        j->roll_first = first = append_locked(j, &start);
        j->rolling = j->roll_queued = true;
        flush_locked(j);
    }
    pthread_mutex_unlock(&j->lock);
    return first;
}

int journal_roll(struct journal *j, uint64_t *first_of_new, struct err *err)
{
    uint64_t first;
    int rc;

    pthread_mutex_lock(&j->lock);
    while (j->rolling && !j->dead)
        pthread_cond_wait(&j->progress, &j->lock);
    pthread_mutex_unlock(&j->lock);
    first = journal_roll_begin(j);
    if (first == 0) /* another one was faster: its new segment is as good */
        first = journal_last_txid(j);
    rc = journal_wait(j, first, err);
    if (rc == 0 && first_of_new)
        *first_of_new = first;
    return rc;
}

void journal_get_stats(struct journal *j, struct journal_stats *out)
{
    pthread_mutex_lock(&j->lock);
    *out = j->stats;
    out->buffered_bytes = j->filling.n;
    pthread_mutex_unlock(&j->lock);
}

/* ---- making and unmaking ---- */

static void journal_free(struct journal *j)
{
    for (int i = 0; i < j->copy_count; i++) {
        if (j->copies[i].fd >= 0)
            env_close(j->env, j->copies[i].fd, NULL);
        free(j->copies[i].current);
    }
    buf_done(&j->filling);
    buf_done(&j->writing);
    free(j->padding);
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->progress);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

static struct journal *journal_new(const struct journal_options *o)
{
    struct journal *j = calloc(1, sizeof *j);

    if (!j)
        return NULL;
    j->env = o->env;
    j->on_durable = o->on_durable;
    j->on_failed = o->on_failed;
    j->ctx = o->ctx;
    j->segment_first = o->next_txid;
    j->last_txid = j->durable_txid = o->next_txid - 1;
    buf_init(&j->filling, JOURNAL_BUFFER_MAX + EDIT_BYTES_MAX);
    buf_init(&j->writing, JOURNAL_BUFFER_MAX + EDIT_BYTES_MAX);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->work, NULL);
    pthread_cond_init(&j->progress, NULL);
    j->padding = malloc(JOURNAL_FILL_BYTES);
    if (j->padding)
        memset(j->padding, 0xff, JOURNAL_FILL_BYTES);
    for (int i = 0; i < o->dir_count; i++, j->copy_count++) {
        struct copy *c = &j->copies[i];

        *c = (struct copy){.fd = -1};
        if (asprintf(&c->current, "%s/current", o->dirs[i]) < 0)
            c->current = NULL;
        if (!c->current)
            break;
    }
    if (!j->padding || j->copy_count < o->dir_count) {
        journal_free(j);
        return NULL;
    }
    return j;
}

int journal_open(const struct journal_options *o, struct journal **out, struct err *err)
{
    struct edit_op start = {.code = EDIT_START_LOG_SEGMENT};
    struct journal *j;
    int rc;

    if (o->dir_count < 1 || o->dir_count > DIRS_MAX)
        return err_set(err, ERR_ARGUMENT, "a journal in %d directories, 1 to %d are possible",
                       o->dir_count, DIRS_MAX);
    MUST(o->next_txid > 0);
    j = journal_new(o);
    if (!j)
        return err_set(err, ERR_NOMEM, "journal");
    rc = each_copy(j, STEP_BEGIN, NULL, 0, o->next_txid, err);
    if (rc < 0) {
        journal_free(j);
        return err_wrap(err, rc, "begin the edit log at transaction %" PRIu64, o->next_txid);
    }
    rc = pthread_create(&j->thread, NULL, run, j);
    if (rc != 0) {
        journal_free(j);
        return err_sys(err, rc, "start the journal's thread");
    }
    rc = journal_wait(j, journal_append(j, &start), err);
    if (rc < 0) {
        pthread_join(j->thread, NULL);
        journal_free(j);
        return rc;
    }
    *out = j;
    return 0;
}

int journal_close(struct journal *j, struct err *err)
{
    struct edit_op end = {.code = EDIT_END_LOG_SEGMENT};
    uint64_t last;
    int rc;

    if (!j)
        return 0;
    last = journal_append(j, &end);
    rc = journal_wait(j, last, err);
    pthread_mutex_lock(&j->lock);
    j->stop = true;
    pthread_cond_signal(&j->work);
    pthread_mutex_unlock(&j->lock);
    pthread_join(j->thread, NULL);
    if (rc == 0)
        rc = each_copy(j, STEP_END, NULL, 0, last, err);
    journal_free(j);
    return rc;
}
