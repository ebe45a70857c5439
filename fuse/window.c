#include "fuse/window.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct windows {
    atomic_int count;
};

struct window {
    struct windows *all;
    struct dfs_file *f;
    pthread_mutex_t lock;
    char *bytes;        /* a ring: byte x of the file is at x % WINDOW_BYTES */
    uint64_t low, high; /* what is in it */
    uint64_t next;      /* where the last read ended */
    unsigned in_order;  /* reads that came where the one before ended, or near it */
};

enum { IN_ORDER_MIN = 2, NEAR = 2 << 20 };

int windows_new(struct windows **out, struct err *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : err_set(err, ERR_NOMEM, "windows");
}

void windows_free(struct windows *all)
{
    free(all);
}

int window_new(struct windows *all, struct dfs_file *f, struct window **out, struct err *err)
{
    struct window *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(err, ERR_NOMEM, "window");
    w->all = all;
    w->f = f;
    pthread_mutex_init(&w->lock, NULL);
    *out = w;
    return 0;
}

static void drop_bytes(struct window *w)
{
    if (!w->bytes)
        return;
    free(w->bytes);
    w->bytes = NULL;
    w->low = w->high = 0;
    atomic_fetch_sub(&w->all->count, 1);
}

void window_free(struct window *w)
{
    if (!w)
        return;
    drop_bytes(w);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static bool want_bytes(struct window *w, uint64_t at)
{
    if (w->bytes)
        return true;
    if (atomic_fetch_add(&w->all->count, 1) >= WINDOWS_MAX || !(w->bytes = malloc(WINDOW_BYTES))) {
        atomic_fetch_sub(&w->all->count, 1);
        return false;
    }
    w->low = w->high = at;
    return true;
}

static void copy_out(const struct window *w, char *to, size_t n, uint64_t at)
{
    size_t start = (size_t)(at % WINDOW_BYTES), first = WINDOW_BYTES - start;

    if (first > n)
        first = n;
    memcpy(to, w->bytes + start, first);
    memcpy(to + first, w->bytes, n - first);
}

/* One step further; 0 at the end of the file. */
static ssize_t fetch(struct window *w, struct err *err)
{
    size_t start = (size_t)(w->high % WINDOW_BYTES), n = WINDOW_STEP - start % WINDOW_STEP;
    ssize_t k;

    if (dfs_tell(w->f) != w->high) {
        int rc = dfs_seek(w->f, w->high, err);

        if (rc < 0)
            return rc;
    }
    k = dfs_read(w->f, w->bytes + start, n, err);
    if (k > 0) {
        w->high += (uint64_t)k;
        if (w->high - w->low > WINDOW_BYTES)
            w->low = w->high - WINDOW_BYTES;
    }
    return k;
}

/* In order: from the ring, which goes on as far as is needed. */
static ssize_t read_in_order(struct window *w, char *buf, size_t n, uint64_t at, struct err *err)
{
    if (at < w->low || at > w->high + NEAR)
        w->low = w->high = at;
    while (w->high < at + n) {
        ssize_t k = fetch(w, err);

        if (k < 0)
            return k;
        if (k == 0)
            break;
    }
    if (at >= w->high)
        return 0;
    if (n > w->high - at)
        n = (size_t)(w->high - at);
    copy_out(w, buf, n, at);
    return (ssize_t)n;
}

ssize_t window_read(struct window *w, void *buf, size_t n, uint64_t at, struct err *err)
{
    ssize_t k = -1;
    bool inside, in_order;

    pthread_mutex_lock(&w->lock);
    inside = w->bytes && at >= w->low && at + n <= w->high;
    in_order = (at >= w->next && at - w->next <= NEAR) || (at < w->next && w->next - at <= NEAR);
    w->in_order = inside || in_order ? w->in_order + 1 : 0;
    w->next = at + n;
    if (w->in_order == 0)
        drop_bytes(w);
    in_order = inside || (w->in_order >= IN_ORDER_MIN && want_bytes(w, at));
    if (in_order)
        k = read_in_order(w, buf, n, at, err);
    pthread_mutex_unlock(&w->lock);
    return in_order ? k : dfs_pread(w->f, buf, n, at, err);
}
