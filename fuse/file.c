#include "fuse/file.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/env.h"
#include "fuse/changes.h"
#include "fuse/nodes.h"

enum { BUCKETS = 1024 };

struct files {
    struct mount *m;
    pthread_mutex_t lock; /* table, handles */
    struct file *table[BUCKETS];
    atomic_llong held, staged; /* bytes of all */
    atomic_int count, streams;
};

enum flushing {
    FLUSH_DESCRIPTOR, /* one of maybe several was closed */
    FLUSH_IDLE,
    FLUSH_LAST,
};

static uint64_t now_ms(void)
{
    return env_now_ms(env_posix());
}

/* ---- the table ---- */

int files_new(struct mount *m, struct files **out, struct err *err)
{
    struct files *all = calloc(1, sizeof *all);

    if (!all)
        return err_set(err, ERR_NOMEM, "open files");
    all->m = m;
    pthread_mutex_init(&all->lock, NULL);
    *out = all;
    return 0;
}

static struct file *find(struct files *all, fuse_ino_t ino)
{
    struct file *f = all->table[ino % BUCKETS];

    while (f && f->ino != ino)
        f = f->next;
    return f;
}

/* With the table's lock. */
static struct file *take(struct file *f)
{
    f->handles++;
    f->taken++;
    return f;
}

/* With the table's lock. A file's own comes before that, so it is only tried: false, somebody is busy
 * with the file. */
static bool peek(struct file *f, enum file_state *state, uint64_t *used_ms)
{
    if (pthread_mutex_trylock(&f->lock) != 0)
        return false;
    *state = f->state;
    *used_ms = f->used_ms;
    pthread_mutex_unlock(&f->lock);
    return true;
}

struct file *files_find(struct files *all, fuse_ino_t ino)
{
    struct file *f;

    pthread_mutex_lock(&all->lock);
    f = find(all, ino);
    if (f)
        take(f);
    pthread_mutex_unlock(&all->lock);
    return f;
}

int files_open(struct files *all, fuse_ino_t ino, struct dfs *fs, uint64_t size, uint64_t asked,
               struct file **out, struct err *err)
{
    struct file *f = files_find(all, ino), *fresh;

    if (f) {
        pthread_mutex_lock(&f->lock);
        if (f->state == FILE_CLEAN && !changes_since(all->m->changes, ino, asked))
            f->size = size;
        pthread_mutex_unlock(&f->lock);
        *out = f;
        return 0;
    }
    fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return err_set(err, ERR_NOMEM, "open file");
    pthread_mutex_init(&fresh->lock, NULL);
    fresh->m = all->m;
    fresh->ino = ino;
    fresh->fs = fs;
    fresh->size = size;
    if (!node_path(all->m->nodes, ino, fresh->path)) {
        free(fresh);
        return err_set(err, ERR_NOENT, "no such inode");
    }
    pthread_mutex_lock(&all->lock);
    f = find(all, ino);
    if (f) {
        take(f);
        free(fresh);
    } else {
        f = take(fresh);
        f->next = all->table[ino % BUCKETS];
        all->table[ino % BUCKETS] = f;
        atomic_fetch_add(&all->count, 1);
    }
    pthread_mutex_unlock(&all->lock);
    *out = f;
    return 0;
}

bool files_any(struct files *all)
{
    return atomic_load(&all->count) > 0;
}

static void drop_held(struct file *f)
{
    atomic_fetch_sub(&f->m->files->held, (long long)f->held_cap);
    free(f->held);
    f->held = NULL;
    f->held_cap = 0;
}

void file_count_staged(struct file *f, uint64_t before)
{
    uint64_t after = f->stage ? f->stage->bytes : 0;

    atomic_fetch_add(&f->m->files->staged, (long long)after - (long long)before);
}

static void drop_stage(struct file *f)
{
    uint64_t before = f->stage ? f->stage->bytes : 0;

    stage_free(f->stage);
    f->stage = NULL;
    file_count_staged(f, before);
    dfs_close(f->base, NULL);
    f->base = NULL;
}

static void file_free(struct file *f)
{
    atomic_fetch_sub(&f->m->files->streams, f->state == FILE_STREAM);
    dfs_abandon(f->writer);
    drop_held(f);
    drop_stage(f);
    pthread_mutex_destroy(&f->lock);
    free(f->hidden);
    free(f);
}

/* Nobody can reach it any more. */
static void give_up(struct file *f)
{
    if (f->hidden)
        dfs_delete(f->fs, f->hidden, false, NULL, NULL);
    file_free(f);
}

void files_free(struct files *all)
{
    for (int i = 0; all && i < BUCKETS; i++)
        for (struct file *f = all->table[i], *next; f; f = next) {
            next = f->next;
            while (f->open)
                handle_free(f->open);
            give_up(f);
        }
    if (all)
        pthread_mutex_destroy(&all->lock);
    free(all);
}

static int flush(struct file *f, enum flushing how, struct err *err);

/* One handle fewer. Whoever has the last one commits first, and again when others had one meanwhile: what they
 * wrote is not lost because they left while this one was still there. */
static bool was_last(struct file *f)
{
    struct files *all = f->m->files;
    struct file **link;
    uint64_t seen = 0;
    bool last;

    pthread_mutex_lock(&all->lock);
    while (f->handles == 1 && f->taken != seen) {
        seen = f->taken;
        pthread_mutex_unlock(&all->lock);
        flush(f, FLUSH_LAST, NULL); /* nobody is left to hear of an error: close() has told */
        pthread_mutex_lock(&all->lock);
    }
    last = --f->handles == 0;
    if (last) {
        for (link = &all->table[f->ino % BUCKETS]; *link != f; link = &(*link)->next)
            ;
        *link = f->next;
        atomic_fetch_sub(&all->count, 1);
    }
    pthread_mutex_unlock(&all->lock);
    return last;
}

void files_close(struct file *f)
{
    if (was_last(f))
        give_up(f);
}

void files_show(struct files *all, fuse_ino_t ino, struct stat *st)
{
    struct file *f = files_find(all, ino);

    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    if (f->state != FILE_CLEAN) {
        uint64_t m = f->has_times && f->set_mtime_ms >= 0 ? (uint64_t)f->set_mtime_ms : f->mtime_ms;

        st->st_size = (off_t)f->size;
        if (m > 0)
            st->st_mtim = (struct timespec){.tv_sec = (time_t)(m / 1000),
                                            .tv_nsec = (long)(m % 1000) * 1000000};
        if (f->has_times && f->set_atime_ms >= 0)
            st->st_atim = (struct timespec){.tv_sec = f->set_atime_ms / 1000,
                                            .tv_nsec = f->set_atime_ms % 1000 * 1000000};
    }
    if (f->hidden)
        st->st_nlink = 0;
    pthread_mutex_unlock(&f->lock);
    files_close(f);
}

/* With the table's lock. @idle_ms 0: whatever is not committed, also what somebody is just writing. */
static bool wants_commit(struct file *f, uint64_t idle_ms, uint64_t now)
{
    enum file_state state;
    uint64_t used_ms;

    if (!peek(f, &state, &used_ms))
        return idle_ms == 0;
    return state != FILE_CLEAN && (idle_ms == 0 || used_ms + idle_ms <= now);
}

int files_commit_idle(struct files *all, uint64_t idle_ms)
{
    uint64_t now = now_ms();
    int failed = 0;

    for (int i = 0; i < BUCKETS; i++) {
        struct file *list[64];
        int n = 0;

        pthread_mutex_lock(&all->lock);
        for (struct file *f = all->table[i]; f && n < 64; f = f->next)
            if (wants_commit(f, idle_ms, now))
                list[n++] = take(f);
        pthread_mutex_unlock(&all->lock);
        for (int k = 0; k < n; k++) {
            failed += flush(list[k], FLUSH_IDLE, NULL) < 0;
            files_close(list[k]);
        }
    }
    return failed;
}

/* ---- how a file changes its state; with the lock ---- */

static void set_state(struct file *f, enum file_state to)
{
    atomic_fetch_add(&f->m->files->streams, (to == FILE_STREAM) - (f->state == FILE_STREAM));
    if (to == FILE_CLEAN) /* from now on the store's answers count, but not those of before */
        changes_touch(f->m->changes, f->ino);
    f->state = to;
}

int file_settle(struct file *f, int rc, struct err *err)
{
    if (rc < 0)
        return rc;
    set_state(f, FILE_CLEAN);
    f->gen++;
    drop_held(f);
    drop_stage(f);
    if (f->has_times) {
        f->has_times = false;
        rc = dfs_utimes(f->fs, f->path, f->set_mtime_ms, f->set_atime_ms, err);
        if (rc == -ERR_ACCESS)
            rc = dfs_utimes(f->m->own, f->path, f->set_mtime_ms, f->set_atime_ms, err);
        changes_touch(f->m->changes, f->ino);
    }
    return rc;
}

/* A stream that failed can't go on: what is not acknowledged is lost. */
static int stream_failed(struct file *f, int rc, const struct err *why)
{
    if (rc < 0 && !f->failed.code)
        f->failed = *why;
    return rc;
}

static int close_stream(struct file *f, struct err *err)
{
    struct dfs_file *w = f->writer;
    struct err why = {0};
    int rc;

    f->writer = NULL;
    rc = stream_failed(f, dfs_close(w, &why), &why);
    if (rc < 0) {
        set_state(f, FILE_CLEAN);
        f->gen++;
        if (err)
            *err = why;
        return rc;
    }
    return file_settle(f, 0, err);
}

static int begin_stage(struct file *f, struct err *err)
{
    struct dfs_file *base = NULL;
    int rc = f->m->can_splice
                 ? 0
                 : err_set(err, ERR_UNSUPPORTED, "this namenode lets files only be appended to");

    if (rc == 0 && f->state == FILE_CLEAN)
        rc = file_open_reader(f, f->fs, &base, err);
    if (rc == 0)
        rc = stage_new(f->m->o.stage_dir, &f->stage, err);
    if (rc < 0) {
        dfs_close(base, NULL);
        return rc;
    }
    f->base = base;
    f->base_length = base ? dfs_length(base) : 0;
    if (base)
        f->size = f->base_length;
    set_state(f, FILE_STAGED);
    return 0;
}

/* From whichever state. */
static int to_stage(struct file *f, struct err *err)
{
    int rc = 0;

    if (f->state == FILE_STAGED)
        return 0;
    if (f->state == FILE_STREAM)
        rc = close_stream(f, err);
    if (rc == 0)
        rc = begin_stage(f, err);
    if (rc == 0 && f->held) {
        rc = stage_write(f->stage, f->held, (size_t)f->size, 0, err);
        file_count_staged(f, 0);
        drop_held(f);
    }
    return rc;
}

/* HELD becomes STREAM. Somebody else may have put bytes into the file meanwhile: then ours go over
 * them. */
static int to_stream(struct file *f, struct err *err)
{
    int rc = f->writer ? 0 : file_append(f, &f->writer, err);

    if (rc < 0)
        return rc;
    if (dfs_tell(f->writer) != 0) {
        uint64_t size = f->size, other = dfs_tell(f->writer);

        rc = dfs_close(f->writer, err);
        f->writer = NULL;
        if (rc == 0)
            rc = to_stage(f, err);
        if (rc == 0) {
            f->size = size > other ? size : other;
            f->base_length = other;
            rc = file_open_reader(f, f->fs, &f->base, err);
        }
        return rc;
    }
    set_state(f, FILE_STREAM);
    f->visible = 0;
    rc = f->size > 0 ? dfs_write(f->writer, f->held, (size_t)f->size, err) : 0;
    drop_held(f);
    return stream_failed(f, rc, err);
}

/* ---- writing; with the lock ---- */

static bool hold(struct file *f, uint64_t size)
{
    struct files *all = f->m->files;
    size_t cap = f->held_cap ? f->held_cap : 4096;
    char *more;

    if (size > HELD_MAX)
        return false;
    while (cap < size)
        cap *= 2;
    if (cap == f->held_cap)
        return true;
    if (atomic_load(&all->held) + (long long)(cap - f->held_cap) > HELD_ALL_MAX ||
        !(more = realloc(f->held, cap)))
        return false;
    memset(more + f->held_cap, 0, cap - f->held_cap);
    atomic_fetch_add(&all->held, (long long)(cap - f->held_cap));
    f->held = more;
    f->held_cap = cap;
    return true;
}

static int write_held(struct file *f, const void *bytes, size_t n, uint64_t at, bool *done,
                      struct err *err)
{
    *done = hold(f, at + n > f->size ? at + n : f->size);
    if (*done) {
        memcpy(f->held + at, bytes, n);
        if (at + n > f->size)
            f->size = at + n;
        return 0;
    }
    return at >= f->size && at - f->size <= GAP_MAX ? to_stream(f, err) : to_stage(f, err);
}

static int write_zeros(struct file *f, uint64_t n, struct err *err)
{
    static const char zeros[64 << 10];
    int rc = 0;

    while (rc == 0 && n > 0) {
        size_t k = n < sizeof zeros ? (size_t)n : sizeof zeros;

        rc = dfs_write(f->writer, zeros, k, err);
        n -= k;
    }
    return rc;
}

static int write_stream(struct file *f, const void *bytes, size_t n, uint64_t at, bool *done,
                        struct err *err)
{
    struct err why = {0};
    int rc = 0;

    *done = at >= f->size && at - f->size <= GAP_MAX;
    if (!*done)
        return to_stage(f, err);
    if (at > f->size)
        rc = write_zeros(f, at - f->size, &why);
    if (rc == 0)
        rc = dfs_write(f->writer, bytes, n, &why);
    if (rc == 0)
        f->size = at + n;
    else if (err)
        *err = why;
    return stream_failed(f, rc, &why);
}

static int write_staged(struct file *f, const void *bytes, size_t n, uint64_t at, struct err *err)
{
    uint64_t before = f->stage->bytes;
    struct err why = {0};
    int rc = stage_write(f->stage, bytes, n, at, &why);

    file_count_staged(f, before);
    if (rc == 0 && at + n > f->size)
        f->size = at + n;
    if (rc == 0 && atomic_load(&f->m->files->staged) <= (long long)f->m->o.stage_max)
        return 0;
    if (rc == 0 || rc == -ERR_LIMIT || rc == -ERR_NO_DISK) {
        bool again = rc < 0;

        rc = file_commit_stage(f, false, err);
        if (rc == 0 && again)
            rc = to_stage(f, err);
        return rc == 0 && again ? stage_write(f->stage, bytes, n, at, err) : rc;
    }
    if (err)
        *err = why;
    return rc;
}

/* A closed file: which way is this write the beginning of? */
static int begin_writing(struct file *f, uint64_t at, bool append, struct err *err)
{
    int rc;

    if (f->size == 0 && !append) {
        set_state(f, FILE_HELD);
        return 0;
    }
    if (!append && at < f->size)
        return to_stage(f, err);
    rc = file_append(f, &f->writer, err);
    if (rc < 0)
        return rc;
    set_state(f, FILE_STREAM);
    f->size = f->visible = dfs_tell(f->writer); /* others may have written, too */
    return 0;
}

static int write_locked(struct file *f, const char *bytes, size_t n, uint64_t at, bool append,
                        struct err *err)
{
    bool done = false;
    int rc = 0;

    if (f->state == FILE_CLEAN) {
        bool again = f->used_ms > 0 && f->gen > 0;

        rc = begin_writing(f, at, append, err);
        f->shared = f->shared || (again && f->state == FILE_STREAM);
    }
    if (rc == 0 && append)
        at = f->size;
    for (int tries = 0; rc == 0 && !done && tries < 4; tries++) {
        switch (f->state) {
        case FILE_HELD: rc = write_held(f, bytes, n, at, &done, err); break;
        case FILE_STREAM: rc = write_stream(f, bytes, n, at, &done, err); break;
        default: rc = write_staged(f, bytes, n, at, err); done = true;
        }
    }
    return rc;
}

/* The stream that nobody has written to for longest is ended; it may go on later. */
static void end_one_stream(struct files *all, const struct file *but)
{
    struct file *oldest = NULL;
    uint64_t used_ms, oldest_ms = UINT64_MAX;
    enum file_state state;

    pthread_mutex_lock(&all->lock);
    for (int i = 0; i < BUCKETS; i++)
        for (struct file *f = all->table[i]; f; f = f->next)
            if (f != but && peek(f, &state, &used_ms) && state == FILE_STREAM &&
                used_ms < oldest_ms) {
                oldest = f;
                oldest_ms = used_ms;
            }
    if (oldest)
        take(oldest);
    pthread_mutex_unlock(&all->lock);
    if (!oldest)
        return;
    if (pthread_mutex_trylock(&oldest->lock) == 0) { /* a busy one is not idle */
        if (oldest->state == FILE_STREAM)
            close_stream(oldest, NULL); /* the next call on it says what went wrong */
        pthread_mutex_unlock(&oldest->lock);
    }
    files_close(oldest);
}

int file_write(struct file *f, struct dfs *fs, const void *bytes, size_t n, uint64_t at,
               bool append, struct err *err)
{
    struct err why = {0};
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    f->fs = fs;
    if (f->failed.code) {
        why = f->failed;
        rc = -(int)why.code;
    } else if (n > 0) {
        rc = write_locked(f, bytes, n, at, append, &why);
        f->used_ms = f->mtime_ms = now_ms();
        f->set_mtime_ms = -1;
    }
    pthread_mutex_unlock(&f->lock);
    if (atomic_load(&f->m->files->streams) > STREAMS_MAX)
        end_one_stream(f->m->files, f);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

static int resize(struct file *f, uint64_t size, struct err *err)
{
    int rc = 0;
    bool done;

    if (f->state == FILE_CLEAN && size == 0) {
        rc = dfs_truncate(f->fs, f->path, 0, &done, err);
        if (rc == 0) {
            f->size = 0;
            f->gen++;
            changes_touch(f->m->changes, f->ino);
        }
        if (rc !=
            -ERR_UNSUPPORTED) /* a striped file is not truncated, but its blocks can be replaced */
            return rc;
    }
    if (f->state == FILE_CLEAN && f->size == 0 && size <= HELD_MAX)
        set_state(f, FILE_HELD);
    if (f->state == FILE_HELD && hold(f, size)) {
        if (size < f->size)
            memset(f->held + size, 0, (size_t)(f->size - size));
        f->size = size;
        return 0;
    }
    rc = to_stage(f, err);
    if (rc < 0)
        return rc;
    if (size < f->size) {
        uint64_t before = f->stage->bytes;

        stage_cut(f->stage, size);
        file_count_staged(f, before);
        if (size < f->base_length)
            f->base_length = size;
    }
    f->size = size;
    return 0;
}

int file_truncate(struct file *f, struct dfs *fs, uint64_t size, struct err *err)
{
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    f->fs = fs;
    if (size != f->size || f->state == FILE_CLEAN) {
        rc = resize(f, size, err);
        f->used_ms = f->mtime_ms = now_ms();
        f->set_mtime_ms = -1;
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

int file_zero(struct file *f, struct dfs *fs, uint64_t from, uint64_t to, struct err *err)
{
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    f->fs = fs;
    if (to > f->size)
        to = f->size;
    if (from < to && f->state == FILE_HELD) {
        memset(f->held + from, 0, (size_t)(to - from));
    } else if (from < to && (rc = to_stage(f, err)) == 0) {
        uint64_t before = f->stage->bytes;

        rc = stage_zero(f->stage, from, to, err);
        file_count_staged(f, before);
    }
    f->used_ms = f->mtime_ms = now_ms();
    pthread_mutex_unlock(&f->lock);
    return rc;
}

/* ---- committing ---- */

/* A file that was closed without: its last block is opened once more; those before are on disks. */
static int sync_closed(struct file *f, struct err *err)
{
    struct dfs_file *w;
    int rc, closed;

    if (f->size == 0 || f->synced_gen == f->gen + 1)
        return 0;
    rc = file_append(f, &w, err);
    if (rc < 0)
        return rc;
    rc = dfs_flush(w, DFS_FLUSH_SYNC, err);
    closed = dfs_close(w, rc == 0 ? err : NULL);
    f->gen++;
    f->synced_gen = f->gen + 1;
    return rc < 0 ? rc : closed;
}

int file_sync(struct file *f, bool may_write, struct err *err)
{
    struct err why = {0};
    int rc;

    pthread_mutex_lock(&f->lock);
    why = f->failed;
    rc = -(int)f->failed.code;
    if (rc == 0 && f->state == FILE_HELD && f->size > 0)
        rc = to_stream(f, &why);
    if (rc == 0 && f->state == FILE_CLEAN && may_write && !f->hidden) {
        rc = sync_closed(f, &why);
    } else if (rc == 0 && f->state == FILE_STREAM) {
        rc = stream_failed(f, file_flush_writer(f, DFS_FLUSH_SYNC | DFS_FLUSH_LENGTH, &why), &why);
        if (rc == 0 && f->visible < f->size) {
            f->visible = f->size;
            f->gen++;
        }
    } else if (rc == 0 && f->state == FILE_STAGED) {
        rc = file_commit_stage(f, true, &why);
        f->synced_gen = f->gen + 1;
    }
    pthread_mutex_unlock(&f->lock);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

static int flush_stream(struct file *f, struct err *err)
{
    int rc;

    if (!f->shared)
        return close_stream(f, err);
    rc = stream_failed(f, file_flush_writer(f, DFS_FLUSH_LENGTH, err), err);
    if (rc == 0 && f->visible < f->size) {
        f->visible = f->size;
        f->gen++;
    }
    return rc;
}

static int flush(struct file *f, enum flushing how, struct err *err)
{
    struct err why = {0};
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    if (f->hidden && how != FLUSH_IDLE) {
        pthread_mutex_unlock(&f->lock);
        return 0;
    }
    if (how != FLUSH_DESCRIPTOR)
        f->shared = false;
    if (f->failed.code) {
        why = f->failed;
        rc = -(int)why.code;
    }
    if (rc == 0 && f->state == FILE_HELD && f->size > 0)
        rc = to_stream(f, &why);
    else if (rc == 0 && f->state == FILE_HELD)
        rc = f->writer ? close_stream(f, &why) : file_settle(f, 0, &why);
    if (rc == 0 && f->state == FILE_STREAM)
        rc = flush_stream(f, &why);
    else if (rc == 0 && f->state == FILE_STAGED)
        rc = file_commit_stage(f, false, &why);
    pthread_mutex_unlock(&f->lock);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

int file_flush(struct file *f, struct err *err)
{
    return flush(f, FLUSH_DESCRIPTOR, err);
}

void file_made(struct file *f, struct dfs_file *writer)
{
    pthread_mutex_lock(&f->lock);
    f->writer = writer;
    set_state(f, FILE_HELD);
    f->size = 0;
    f->mtime_ms = f->used_ms = now_ms();
    f->set_mtime_ms = f->set_atime_ms = -1;
    pthread_mutex_unlock(&f->lock);
}

uint64_t file_size(struct file *f)
{
    uint64_t size;

    pthread_mutex_lock(&f->lock);
    size = f->size;
    pthread_mutex_unlock(&f->lock);
    return size;
}

bool file_is_written(struct file *f)
{
    bool is;

    pthread_mutex_lock(&f->lock);
    is = f->state != FILE_CLEAN;
    pthread_mutex_unlock(&f->lock);
    return is;
}

bool file_is_hidden(struct file *f)
{
    bool is;

    pthread_mutex_lock(&f->lock);
    is = f->hidden != NULL;
    pthread_mutex_unlock(&f->lock);
    return is;
}

void file_hide(struct file *f, struct dfs *fs, const char *path)
{
    pthread_mutex_lock(&f->lock);
    if (fs)
        f->fs = fs;
    free(f->hidden);
    f->hidden = strdup(path);
    pthread_mutex_unlock(&f->lock);
}

bool file_set_times(struct file *f, int64_t mtime_ms, int64_t atime_ms)
{
    bool waits;

    pthread_mutex_lock(&f->lock);
    waits = f->state != FILE_CLEAN;
    if (waits) {
        if (!f->has_times)
            f->set_mtime_ms = f->set_atime_ms = -1;
        f->has_times = true;
        if (mtime_ms >= 0)
            f->set_mtime_ms = mtime_ms;
        if (atime_ms >= 0)
            f->set_atime_ms = atime_ms;
    }
    pthread_mutex_unlock(&f->lock);
    return waits;
}
