/* read.c -- handles, and what they read: bytes that wait here, or the store's. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/file.h"
#include "fuse/stats.h"

struct reading {
    atomic_int refs;
    struct dfs_file *f;
    struct window *window;
    uint64_t gen;
};

static void reading_drop(struct reading *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) > 1)
        return;
    window_free(r->window);
    dfs_close(r->f, NULL);
    free(r);
}

static int reading_new(struct mount *m, struct dfs_file *reader, uint64_t gen, struct reading **out,
                       struct err *err)
{
    struct reading *r = calloc(1, sizeof *r);
    int rc = r ? window_new(m->windows, reader, &r->window, err)
               : err_set(err, ERR_NOMEM, "a file to read");

    if (rc < 0) {
        free(r);
        return rc;
    }
    r->f = reader;
    r->gen = gen;
    atomic_store(&r->refs, 1);
    *out = r;
    return 0;
}

int handle_new(struct file *f, struct dfs *fs, int flags, struct dfs_file *reader,
               struct handle **out, struct err *err)
{
    struct handle *h = calloc(1, sizeof *h);
    int rc = h ? 0 : err_set(err, ERR_NOMEM, "open file");

    pthread_mutex_lock(&f->lock);
    if (rc == 0 && reader)
        rc = reading_new(f->m, reader, f->gen, &h->reading, err);
    if (rc == 0) {
        h->f = f;
        h->fs = fs;
        h->flags = flags;
        pthread_mutex_init(&h->lock, NULL);
        h->next = f->open;
        h->link = &f->open;
        if (h->next)
            h->next->link = &h->next;
        f->open = h;
        *out = h;
    }
    pthread_mutex_unlock(&f->lock);
    if (rc < 0)
        free(h);
    return rc;
}

void handle_free(struct handle *h)
{
    pthread_mutex_lock(&h->f->lock);
    *h->link = h->next;
    if (h->next)
        h->next->link = h->link;
    pthread_mutex_unlock(&h->f->lock);
    reading_drop(h->reading);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* Something to read bytes up to @end from, of generation @gen or later. */
static int reading_take(struct handle *h, uint64_t gen, uint64_t end, struct reading **out,
                        struct err *err)
{
    struct reading *r;
    int rc = 0;

    pthread_mutex_lock(&h->lock);
    r = h->reading;
    if (!r || r->gen != gen ||
        (end > dfs_length(r->f) && seen_last_length(h->f->m->seen, h->f->ino) > dfs_length(r->f))) {
        struct dfs_file *reader = NULL;

        rc = file_open_reader(h->f, h->fs, &reader, err);
        if (rc == 0)
            rc = reading_new(h->f->m, reader, gen, &r, err);
        if (rc == 0) {
            reading_drop(h->reading);
            h->reading = r;
        } else {
            dfs_close(reader, NULL);
        }
    }
    if (rc == 0) {
        atomic_fetch_add(&r->refs, 1);
        *out = r;
    }
    pthread_mutex_unlock(&h->lock);
    return rc;
}

static ssize_t read_store(struct handle *h, uint64_t gen, void *buf, size_t n, uint64_t at,
                          struct err *err)
{
    struct reading *r = NULL;
    ssize_t k = reading_take(h, gen, at + n, &r, err);

    if (k < 0)
        return k;
    k = window_read(r->window, buf, n, at, err);
    reading_drop(r);
    return k;
}

ssize_t file_read(struct handle *h, void *buf, size_t n, uint64_t at, struct err *err)
{
    struct file *f = h->f;
    ssize_t k = 0;
    uint64_t gen;

    pthread_mutex_lock(&f->lock);
    if (f->state != FILE_CLEAN) {
        if (at >= f->size)
            n = 0;
        else if (n > f->size - at)
            n = (size_t)(f->size - at);
    }
    if (f->state == FILE_HELD && n > 0) {
        memcpy(buf, f->held + at, n);
        k = (ssize_t)n;
        n = 0;
    } else if (f->state == FILE_STAGED && n > 0) {
        k = file_read_staged(f, buf, n, at, err);
        k = k < 0 ? k : (ssize_t)n;
        n = 0;
    } else if (f->state == FILE_STREAM && at + n > f->visible) {
        k = file_flush_writer(f, 0, err);
        if (k == 0) {
            f->visible = f->size;
            f->gen++;
        }
    }
    gen = f->gen;
    pthread_mutex_unlock(&f->lock);
    return k < 0 || n == 0 ? k : read_store(h, gen, buf, n, at, err);
}
