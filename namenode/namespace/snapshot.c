#include "namenode/namespace/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "namenode/namespace/inode.h"
#include "namenode/namespace/sorted.h"

static void free_dir(struct snapshot_table *t, struct snapshot_dir *d)
{
    HASH_DEL(t->dirs, d);
    free(d->by_name);
    free(d->by_id);
    free(d);
}

void snapshot_table_done(struct snapshot_table *t)
{
    struct snapshot *s, *next;
    struct snapshot_dir *d, *next_dir;

    HASH_ITER(hh, t->all, s, next)
    {
        HASH_DEL(t->all, s);
        free(s->name);
        free(s);
    }
    HASH_ITER(hh, t->dirs, d, next_dir)
    {
        free_dir(t, d);
    }
}

/* ---- directories ---- */

struct snapshot_dir *snapshot_dir_get(const struct snapshot_table *t, uint64_t dir)
{
    struct snapshot_dir *d;

    HASH_FIND(hh, t->dirs, &dir, sizeof dir, d);
    return d;
}

struct snapshot_dir *snapshot_dir_allow(struct snapshot_table *t, uint64_t dir)
{
    struct snapshot_dir *d = snapshot_dir_get(t, dir);

    if (!d) {
        d = calloc(1, sizeof *d);
        MUST(d);
        d->dir = dir;
        HASH_ADD(hh, t->dirs, dir, sizeof d->dir, d);
    }
    d->quota = SNAPSHOT_QUOTA;
    return d;
}

void snapshot_dir_disallow(struct snapshot_table *t, uint64_t dir)
{
    struct snapshot_dir *d = snapshot_dir_get(t, dir);

    MUST(!d || d->n == 0);
    if (d)
        free_dir(t, d);
}

/* ---- finding ---- */

struct snapshot *snapshot_by_id(const struct snapshot_table *t, int id)
{
    struct snapshot *s;

    HASH_FIND_INT(t->all, &id, s);
    return s;
}

static int by_name_order(const void *list, uint32_t at, const void *key)
{
    const char *name = ((struct snapshot *const *)list)[at]->name;
    const struct sorted_name *wanted = key;

    return name_order(name, (unsigned)strlen(name), wanted->text, wanted->n);
}

/* Where the name stands among the names, or would stand. */
static uint32_t name_place(const struct snapshot_dir *d, const char *name, unsigned n, bool *found)
{
    return sorted_place(d->by_name, d->n, &(struct sorted_name){name, n}, by_name_order, found);
}

struct snapshot *snapshot_by_name(const struct snapshot_dir *d, const char *name, unsigned n)
{
    bool found;
    uint32_t at = name_place(d, name, n, &found);

    return found ? d->by_name[at] : NULL;
}

int snapshot_last(const struct snapshot_dir *d)
{
    return d && d->n > 0 ? d->by_id[d->n - 1]->id : SNAPSHOT_NONE;
}

static int by_id_order(const void *list, uint32_t at, const void *key)
{
    int id = ((struct snapshot *const *)list)[at]->id, wanted = *(const int *)key;

    return (id > wanted) - (id < wanted);
}

/* How many have a number below @id. */
static uint32_t id_place(const struct snapshot_dir *d, int id)
{
    bool found;

    return sorted_place(d->by_id, d->n, &id, by_id_order, &found);
}

int snapshot_before(const struct snapshot_dir *d, int id)
{
    uint32_t at = d ? id_place(d, id) : 0;

    return at > 0 ? d->by_id[at - 1]->id : SNAPSHOT_NONE;
}

/* ---- adding and removing ---- */

static void insert(struct snapshot **list, uint32_t n, uint32_t at, struct snapshot *s)
{
    memmove(list + at + 1, list + at, (n - at) * sizeof *list);
    list[at] = s;
}

static void take_out(struct snapshot **list, uint32_t n, struct snapshot *s)
{
    uint32_t at = 0;

    while (list[at] != s)
        at++;
    memmove(list + at, list + at + 1, (n - at - 1) * sizeof *list);
}

static void make_room(struct snapshot_dir *d)
{
    if (d->n < d->cap)
        return;
    d->cap = d->cap * 2 + 4;
    d->by_name = realloc(d->by_name, d->cap * sizeof *d->by_name);
    d->by_id = realloc(d->by_id, d->cap * sizeof *d->by_id);
    MUST(d->by_name && d->by_id);
}

struct snapshot *snapshot_add(struct snapshot_table *t, struct snapshot_dir *d, int id,
                              const char *name)
{
    struct snapshot *s = calloc(1, sizeof *s);
    bool found;

    MUST(s && (s->name = strdup(name)) && !snapshot_by_id(t, id));
    s->id = id;
    s->dir = d->dir;
    make_room(d);
    insert(d->by_name, d->n, name_place(d, name, (unsigned)strlen(name), &found), s);
    MUST(!found);
    insert(d->by_id, d->n, id_place(d, id), s);
    d->n++;
    HASH_ADD_INT(t->all, id, s);
    if (t->next_id <= id)
        t->next_id = id + 1;
    return s;
}

void snapshot_rename(struct snapshot_dir *d, struct snapshot *s, const char *name)
{
    char *copy = strdup(name);
    bool found;

    MUST(copy);
    take_out(d->by_name, d->n, s);
    free(s->name);
    s->name = copy;
    d->n--;
    insert(d->by_name, d->n, name_place(d, name, (unsigned)strlen(name), &found), s);
    MUST(!found);
    d->n++;
}

void snapshot_hide(struct snapshot_dir *d, struct snapshot *s)
{
    take_out(d->by_name, d->n, s);
    take_out(d->by_id, d->n, s);
    d->n--;
}

void snapshot_free(struct snapshot_table *t, struct snapshot *s)
{
    MUST(!s->diffs);
    HASH_DEL(t->all, s);
    free(s->name);
    free(s);
}

void snapshot_check(const struct snapshot_table *t)
{
    struct snapshot_dir *d, *next;
    uint32_t total = 0;

    HASH_ITER(hh, t->dirs, d, next)
    {
        MUST(d->n <= d->cap && d->n <= d->quota);
        for (uint32_t k = 0; k < d->n; k++) {
            const struct snapshot *s = d->by_name[k];
            struct sorted_name name = {s->name, (unsigned)strlen(s->name)};

            MUST(s->dir == d->dir && s->id < t->next_id && snapshot_by_id(t, s->id) == s);
            MUST(k == 0 || by_name_order(d->by_name, k - 1, &name) < 0);
            MUST(k == 0 || d->by_id[k - 1]->id < d->by_id[k]->id);
            MUST(d->by_id[id_place(d, s->id)] == s);
        }
        total += d->n;
    }
    MUST(total == HASH_COUNT(t->all));
}
