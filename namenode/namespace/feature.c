#include "namenode/namespace/feature.h"

#include <stdlib.h>
#include <string.h>

struct feature *feature_get(struct feature_table *t, uint64_t inode)
{
    struct feature *f;

    HASH_FIND(hh, t->rows, &inode, sizeof inode, f);
    return f;
}

struct feature *feature_make(struct feature_table *t, uint64_t inode)
{
    struct feature *f = feature_get(t, inode);

    if (f)
        return f;
    f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->inode = inode;
    f->ns_quota = f->ds_quota = -1;
    for (int i = 0; i < STORAGE_TYPES; i++)
        f->type_quota[i] = -1;
    HASH_ADD(hh, t->rows, inode, sizeof f->inode, f);
    return f;
}

static void free_acl(struct edit_acl_entry *acl, int count)
{
    for (int i = 0; acl && i < count; i++)
        free((char *)(uintptr_t)acl[i].name);
    free(acl);
}

static void free_xattrs(struct edit_xattr *xattrs, int count)
{
    for (int i = 0; xattrs && i < count; i++) {
        free((char *)(uintptr_t)xattrs[i].name);
        free((uint8_t *)(uintptr_t)xattrs[i].value);
    }
    free(xattrs);
}

void feature_free(struct feature *f)
{
    if (!f)
        return;
    free_acl(f->acl, f->acl_count);
    free_xattrs(f->xattrs, f->xattr_count);
    free(f);
}

void feature_drop(struct feature_table *t, uint64_t inode)
{
    struct feature *f = feature_get(t, inode);

    if (!f)
        return;
    HASH_DEL(t->rows, f);
    feature_free(f);
}

bool feature_is_empty(const struct feature *f)
{
    for (int i = 0; i < STORAGE_TYPES; i++)
        if (f->type_quota[i] >= 0)
            return false;
    return !f->acl_count && !f->xattr_count && !f->has_quota && !f->has_times;
}

void feature_table_done(struct feature_table *t)
{
    struct feature *f, *next;

    HASH_ITER(hh, t->rows, f, next)
    {
        HASH_DEL(t->rows, f);
        feature_free(f);
    }
}

bool feature_set_acl(struct feature *f, const struct edit_acl_entry *acl, int count)
{
    struct edit_acl_entry *copy = calloc((size_t)count + 1, sizeof *copy);

    if (!copy)
        return false;
    for (int i = 0; i < count; i++) {
        copy[i] = acl[i];
        if (acl[i].name && !(copy[i].name = strdup(acl[i].name))) {
            free_acl(copy, i);
            return false;
        }
    }
    free_acl(f->acl, f->acl_count);
    f->acl = copy;
    f->acl_count = count;
    return true;
}

static bool copy_xattr(struct edit_xattr *out, const struct edit_xattr *in)
{
    uint8_t *value = malloc(in->value_n + 1u);

    *out = *in;
    out->name = strdup(in->name);
    out->value = value;
    if (!out->name || !value)
        return false;
    if (in->value_n)
        memcpy(value, in->value, in->value_n);
    return true;
}

bool feature_set_xattrs(struct feature *f, const struct edit_xattr *xattrs, int count)
{
    struct edit_xattr *copy = calloc((size_t)count + 1, sizeof *copy);

    if (!copy)
        return false;
    for (int i = 0; i < count; i++)
        if (!copy_xattr(&copy[i], &xattrs[i])) {
            free_xattrs(copy, i + 1);
            return false;
        }
    free_xattrs(f->xattrs, f->xattr_count);
    f->xattrs = copy;
    f->xattr_count = count;
    return true;
}

struct feature *feature_copy(const struct feature *f)
{
    struct feature *copy = malloc(sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *f;
    copy->acl = NULL;
    copy->xattrs = NULL;
    copy->acl_count = copy->xattr_count = 0;
    if (!feature_set_acl(copy, f->acl, f->acl_count) ||
        !feature_set_xattrs(copy, f->xattrs, f->xattr_count)) {
        feature_free(copy);
        return NULL;
    }
    return copy;
}
