#include "namenode/namespace/lease.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct holder;

struct lease_file {
    uint64_t inode;
    struct holder *holder;
    char *machine;
    struct lease_cut cut;
    struct lease_file *prev, *next; /* of the same holder */
    UT_hash_handle hh;
};

struct holder {
    char *name;
    uint64_t renewed_ms; /* 0: never looked at */
    struct lease_file *files;
    UT_hash_handle hh;
};

struct lease_table {
    struct lease_file *files;
    struct holder *holders;
    uint64_t cuts; /* files with one */
};

struct lease_table *lease_table_new(void)
{
    return calloc(1, sizeof(struct lease_table));
}

static struct lease_file *file_of(const struct lease_table *t, uint64_t inode)
{
    struct lease_file *f;

    HASH_FIND(hh, t->files, &inode, sizeof inode, f);
    return f;
}

static struct holder *holder_of(const struct lease_table *t, const char *name)
{
    struct holder *h;

    HASH_FIND_STR(t->holders, name, h);
    return h;
}

static struct holder *make_holder(struct lease_table *t, const char *name)
{
    struct holder *h = holder_of(t, name);

    if (h)
        return h;
    h = calloc(1, sizeof *h);
    if (!h || !(h->name = strdup(name))) {
        free(h);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, t->holders, h->name, strlen(h->name), h);
    return h;
}

static void drop_holder_if_idle(struct lease_table *t, struct holder *h)
{
    if (h->files)
        return;
    HASH_DEL(t->holders, h);
    free(h->name);
    free(h);
}

int lease_give(struct lease_table *t, uint64_t inode, const char *holder, const char *machine,
               struct err *err)
{
    struct lease_file *f = file_of(t, inode);
    struct holder *h = make_holder(t, holder), *before = f ? f->holder : NULL;
    char *copy = strdup(machine ? machine : "");

    if (!h || !copy || (!f && !(f = calloc(1, sizeof *f)))) {
        free(copy);
        if (h)
            drop_holder_if_idle(t, h);
        return err_set(err, ERR_NOMEM, "lease of %s", holder);
    }
    if (before) {
        DL_DELETE(before->files, f);
    } else {
        f->inode = inode;
        HASH_ADD(hh, t->files, inode, sizeof f->inode, f);
    }
    free(f->machine);
    f->machine = copy;
    f->holder = h;
    DL_APPEND(h->files, f);
    if (before)
        drop_holder_if_idle(t, before);
    return 0;
}

void lease_end(struct lease_table *t, uint64_t inode)
{
    struct lease_file *f = file_of(t, inode);
    struct holder *h;

    if (!f)
        return;
    h = f->holder;
    t->cuts -= f->cut.length != 0;
    DL_DELETE(h->files, f);
    HASH_DEL(t->files, f);
    free(f->machine);
    free(f);
    drop_holder_if_idle(t, h);
}

void lease_end_where(struct lease_table *t, bool (*ended)(void *ctx, uint64_t inode), void *ctx)
{
    struct lease_file *f, *next;

    HASH_ITER(hh, t->files, f, next)
    if (ended(ctx, f->inode))
        lease_end(t, f->inode);
}

void lease_table_free(struct lease_table *t)
{
    struct lease_file *f, *next;

    if (!t)
        return;
    HASH_ITER(hh, t->files, f, next)
    lease_end(t, f->inode);
    free(t);
}

const char *lease_holder(const struct lease_table *t, uint64_t inode)
{
    const struct lease_file *f = file_of(t, inode);

    return f ? f->holder->name : NULL;
}

const char *lease_machine(const struct lease_table *t, uint64_t inode)
{
    const struct lease_file *f = file_of(t, inode);

    return f ? f->machine : NULL;
}

void lease_set_cut(struct lease_table *t, uint64_t inode, struct lease_cut cut)
{
    struct lease_file *f = file_of(t, inode);

    MUST(f);
    t->cuts += (cut.length != 0) - (f->cut.length != 0);
    f->cut = cut;
}

struct lease_cut lease_cut(const struct lease_table *t, uint64_t inode)
{
    const struct lease_file *f = file_of(t, inode);

    return f ? f->cut : (struct lease_cut){0};
}

uint64_t lease_next_cut(const struct lease_table *t, uint64_t from)
{
    struct lease_file *f, *next;
    uint64_t first = 0;

    if (t->cuts == 0)
        return 0;
    HASH_ITER(hh, t->files, f, next)
    if (f->cut.length && f->inode >= from && (!first || f->inode < first))
        first = f->inode;
    return first;
}

uint64_t lease_count(const struct lease_table *t)
{
    return HASH_COUNT(t->files);
}

void lease_renew(struct lease_table *t, const char *holder, uint64_t now_ms)
{
    struct holder *h = holder_of(t, holder);

    if (h)
        h->renewed_ms = now_ms;
}

static bool older(struct holder *h, uint64_t now_ms, uint64_t limit_ms)
{
    if (h->renewed_ms == 0)
        h->renewed_ms = now_ms;
    return now_ms > h->renewed_ms && now_ms - h->renewed_ms > limit_ms;
}

bool lease_is_older(struct lease_table *t, const char *holder, uint64_t now_ms, uint64_t limit_ms)
{
    struct holder *h = holder_of(t, holder);

    return h && older(h, now_ms, limit_ms);
}

uint64_t lease_expired(struct lease_table *t, uint64_t now_ms, uint64_t limit_ms)
{
    struct holder *h, *next;

    HASH_ITER(hh, t->holders, h, next)
    if (older(h, now_ms, limit_ms))
        return h->files->inode;
    return 0;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

int lease_files(const struct lease_table *t, const char *holder, uint64_t from, uint64_t *ids,
                int max)
{
    uint64_t *all = malloc((HASH_COUNT(t->files) + 1) * sizeof *all);
    struct lease_file *f, *next;
    size_t n = 0;
    int got = 0;

    if (!all)
        return 0;
    HASH_ITER(hh, t->files, f, next)
    if (f->inode >= from && (!holder || strcmp(f->holder->name, holder) == 0))
        all[n++] = f->inode;
    qsort(all, n, sizeof *all, by_id);
    for (; got < max && (size_t)got < n; got++)
        ids[got] = all[got];
    free(all);
    return got;
}

void lease_check(const struct lease_table *t)
{
    struct holder *h, *next;
    uint64_t files = 0, cuts = 0;

    HASH_ITER(hh, t->holders, h, next)
    {
        struct lease_file *f;

        MUST(h->files);
        DL_FOREACH(h->files, f)
        {
            MUST(f->holder == h && file_of(t, f->inode) == f);
            files++;
            cuts += f->cut.length != 0;
        }
    }
    MUST(files == HASH_COUNT(t->files) && cuts == t->cuts);
}
