#include "namenode/namespace/attr.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/err.h"

struct name_row {
    char *text;
    uint32_t number;
    UT_hash_handle hh;
};

struct attr_row {
    struct attr attr; /* the hash key: always made from zeroed memory */
    uint32_t number;
    uint64_t held;
    UT_hash_handle hh;
};

struct attr_table {
    struct name_row *names_by_text, **names;
    struct attr_row *attrs_by_value, **attrs;
    uint32_t name_count, name_cap, attr_count, attr_cap;
    uint32_t *unused; /* numbers of combinations that nothing has any more */
    uint32_t unused_count;
    /* What was asked for last: inodes that come together are much alike. */
    struct name_row *recent_names[2];
    struct attr_row *recent;
};

/* Room for one more pointer; number 0 is never given. */
static void **room(void **rows, uint32_t count, uint32_t *cap)
{
    void **grown;

    if (count + 1 < *cap)
        return rows;
    grown = realloc(rows, ((size_t)*cap * 2 + 16) * sizeof *rows);
    if (grown)
        *cap = *cap * 2 + 16;
    return grown;
}

struct attr_table *attr_table_new(void)
{
    return calloc(1, sizeof(struct attr_table));
}

void attr_table_free(struct attr_table *t)
{
    if (!t)
        return;
    HASH_CLEAR(hh, t->names_by_text);
    HASH_CLEAR(hh, t->attrs_by_value);
    for (uint32_t i = 1; i <= t->name_count; i++) {
        free(t->names[i]->text);
        free(t->names[i]);
    }
    for (uint32_t i = 1; i <= t->attr_count; i++)
        free(t->attrs[i]);
    free(t->names);
    free(t->attrs);
    free(t->unused);
    free(t);
}

uint32_t attr_name_number(struct attr_table *t, const char *name)
{
    struct name_row *r, **names;

    for (int k = 0; k < 2; k++)
        if (t->recent_names[k] && strcmp(t->recent_names[k]->text, name) == 0)
            return t->recent_names[k]->number;
    t->recent_names[1] = t->recent_names[0];
    HASH_FIND_STR(t->names_by_text, name, r);
    t->recent_names[0] = r;
    if (r)
        return r->number;
    names = (struct name_row **)room((void **)t->names, t->name_count, &t->name_cap);
    if (!names)
        return 0;
    t->names = names;
    r = calloc(1, sizeof *r);
    if (!r || !(r->text = strdup(name))) {
        free(r);
        return 0;
    }
    r->number = ++t->name_count;
    names[r->number] = r;
    HASH_ADD_KEYPTR(hh, t->names_by_text, r->text, strlen(r->text), r);
    return r->number;
}

const char *attr_name(const struct attr_table *t, uint32_t number)
{
    return t->names[number]->text;
}

/* A row for @key, with a number that nothing else has; NULL: no memory. */
static struct attr_row *new_row(struct attr_table *t, const struct attr *key)
{
    struct attr_row *r = calloc(1, sizeof *r), **attrs;
    uint32_t *unused;

    if (!r)
        return NULL;
    memcpy(&r->attr, key, sizeof *key);
    if (t->unused_count > 0) {
        r->number = t->unused[--t->unused_count];
    } else {
        attrs = (struct attr_row **)room((void **)t->attrs, t->attr_count, &t->attr_cap);
        if (attrs)
            t->attrs = attrs;
        /* Room to give every number back, so that dropping can't fail. */
        unused = attrs ? realloc(t->unused, t->attr_cap * sizeof *unused) : NULL;
        if (!unused) {
            free(r);
            return NULL;
        }
        t->unused = unused;
        r->number = ++t->attr_count;
    }
    t->attrs[r->number] = r;
    HASH_ADD(hh, t->attrs_by_value, attr, sizeof *key, r);
    return r;
}

uint32_t attr_hold(struct attr_table *t, const struct attr *a)
{
    struct attr_row *r = t->recent;
    struct attr key;

    memset(&key, 0, sizeof key);
    key.user = a->user;
    key.group = a->group;
    key.mode = a->mode;
    key.replication = a->replication;
    key.storage_policy = a->storage_policy;
    key.ec_policy = a->ec_policy;
    key.block_size = a->block_size;
    if (!r || memcmp(&r->attr, &key, sizeof key) != 0)
        HASH_FIND(hh, t->attrs_by_value, &key, sizeof key, r);
    if (!r)
        r = new_row(t, &key);
    if (!r)
        return 0;
    t->recent = r;
    r->held++;
    return r->number;
}

void attr_drop(struct attr_table *t, uint32_t number)
{
    struct attr_row *r = t->attrs[number];

    MUST(r && r->held > 0);
    if (--r->held > 0)
        return;
    if (t->recent == r)
        t->recent = NULL;
    HASH_DEL(t->attrs_by_value, r);
    t->attrs[number] = NULL;
    t->unused[t->unused_count++] = number;
    free(r);
}

uint32_t attr_count(const struct attr_table *t)
{
    return HASH_COUNT(t->attrs_by_value);
}

const struct attr *attr_get(const struct attr_table *t, uint32_t number)
{
    return &t->attrs[number]->attr;
}

void attr_check(const struct attr_table *t, uint64_t holders)
{
    struct attr_row *r, *next;

    HASH_ITER(hh, t->attrs_by_value, r, next)
    {
        MUST(r->held > 0 && t->attrs[r->number] == r);
        holders -= r->held;
    }
    MUST(holders == 0);
    MUST(HASH_COUNT(t->attrs_by_value) + t->unused_count == t->attr_count);
}
