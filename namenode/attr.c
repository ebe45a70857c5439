#include "namenode/attr.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct name_row {
    char *text;
    uint32_t number;
    UT_hash_handle hh;
};

struct attr_row {
    struct attr attr; /* the hash key: always made from zeroed memory */
    uint32_t number;
    UT_hash_handle hh;
};

struct attr_table {
    struct name_row *names_by_text, **names;
    struct attr_row *attrs_by_value, **attrs;
    uint32_t name_count, name_cap, attr_count, attr_cap;
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
    free(t);
}

uint32_t attr_name_number(struct attr_table *t, const char *name)
{
    struct name_row *r, **names;

    HASH_FIND_STR(t->names_by_text, name, r);
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

uint32_t attr_number(struct attr_table *t, const struct attr *a)
{
    struct attr key;
    struct attr_row *r, **attrs;

    memset(&key, 0, sizeof key);
    key.user = a->user;
    key.group = a->group;
    key.mode = a->mode;
    key.replication = a->replication;
    key.storage_policy = a->storage_policy;
    key.ec_policy = a->ec_policy;
    key.block_size = a->block_size;
    HASH_FIND(hh, t->attrs_by_value, &key, sizeof key, r);
    if (r)
        return r->number;
    attrs = (struct attr_row **)room((void **)t->attrs, t->attr_count, &t->attr_cap);
    if (!attrs)
        return 0;
    t->attrs = attrs;
    r = calloc(1, sizeof *r);
    if (!r)
        return 0;
    memcpy(&r->attr, &key, sizeof key);
    r->number = ++t->attr_count;
    attrs[r->number] = r;
    HASH_ADD(hh, t->attrs_by_value, attr, sizeof key, r);
    return r->number;
}

const struct attr *attr_get(const struct attr_table *t, uint32_t number)
{
    return &t->attrs[number]->attr;
}
