/* reference_attr.c -- what inodes have beside a name and bytes, and snapshots; see reference.h. */
#include <stdio.h>
#include <string.h>

#include "tests/model/reference_parts.h"

/* ---- attributes ---- */

int ref_set_permission(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc == 0)
        n->mode = c->number; /* of one with an ACL the middle is the mask */
    return rc;
}

int ref_set_owner(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc == 0)
        snprintf(n->group, sizeof n->group, "%s", c->name);
    return rc;
}

int ref_set_times(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc)
        return rc;
    if (c->mtime != UINT64_MAX)
        n->mtime = c->mtime;
    if (c->atime != UINT64_MAX)
        n->atime = c->atime;
    return 0;
}

int ref_set_replication(struct ref *r, const struct ref_call *c, bool *yes)
{
    struct ref_node *f, one;
    int rc = ref_find_one(r, c->path, &f);

    *yes = false;
    if (rc == ERR_NOENT || (rc == 0 && f->dir))
        return 0;
    if (rc)
        return rc;
    one = *f;
    one.replication = c->number;
    if ((rc = ref_over_quota(f->up, NULL, 0, ref_space_of(&one) - ref_space_of(f))) != 0)
        return rc;
    f->replication = c->number;
    *yes = true;
    return 0;
}

int ref_set_policy(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc == 0)
        n->policy = c->number;
    return rc;
}

int ref_set_quota(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc)
        return rc;
    if (!n->dir)
        return ERR_NOTDIR;
    n->ns_quota = c->ns_quota;
    n->ds_quota = c->ds_quota;
    return 0;
}

static int xattr_at(const struct ref_node *n, const char *name)
{
    int k = 0;

    while (k < n->xattr_count && strcmp(n->xattrs[k].name, name) != 0)
        k++;
    return k;
}

/* flag: CREATE, flag2: REPLACE */
int ref_set_xattr(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n), k;

    if (rc)
        return rc;
    k = xattr_at(n, c->name);
    if (k < n->xattr_count ? !c->flag2 : !c->flag)
        return ERR_IO;
    n->xattr_count += k == n->xattr_count;
    strcpy(n->xattrs[k].name, c->name);
    strcpy(n->xattrs[k].value, c->value);
    return 0;
}

int ref_remove_xattr(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n), k;

    if (rc)
        return rc;
    if ((k = xattr_at(n, c->name)) == n->xattr_count)
        return ERR_IO;
    n->xattr_count--;
    memmove(n->xattrs + k, n->xattrs + k + 1, (size_t)(n->xattr_count - k) * sizeof *n->xattrs);
    return 0;
}

/* ---- ACLs: the owner, two users by name, the group, the mask, others ---- */

static void set_mask(struct ref_node *n)
{
    int mask = n->acl.group;

    for (int k = 0; k < REF_NAMED; k++)
        if (n->acl.named[k] >= 0)
            mask |= n->acl.named[k];
    n->mode = (n->mode & ~070u) | (unsigned)mask << 3;
}

/* The whole ACL anew: owner, the first user by name, group and others. */
int ref_set_acl(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc)
        return rc;
    n->acl = (struct ref_acl){true, {(int)(c->number & 7), -1}, (int)(c->number >> 3 & 7)};
    n->mode = (n->mode & 01000) | (c->number >> 6 & 7) << 6 | (c->number >> 9 & 7);
    set_mask(n);
    return 0;
}

/* The second user by name, more or anew. */
int ref_modify_acl(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc)
        return rc;
    if (!n->acl.there)
        n->acl = (struct ref_acl){true, {-1, -1}, (int)(n->mode >> 3 & 7)};
    n->acl.named[1] = (int)(c->number & 7);
    set_mask(n);
    return 0;
}

int ref_remove_acl(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc || !n->acl.there)
        return rc;
    n->mode = (n->mode & ~070u) | (unsigned)n->acl.group << 3;
    n->acl.there = false;
    return 0;
}

/* ---- snapshots ---- */

static bool is_nested(const struct ref_node *n)
{
    for (int k = 0; k < n->n; k++)
        if (ref_has_snapshottable(n->kids[k]))
            return true;
    return ref_is_below_snapshottable(n->up);
}

int ref_allow_snapshot(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc)
        return rc;
    if (!n->dir)
        return ERR_NOTDIR;
    if (is_nested(n))
        return ERR_SNAPSHOT;
    n->snapshottable = true;
    return 0;
}

static int snapshots_in(const struct ref *r, uint64_t dir)
{
    int n = 0;

    for (int k = 0; k < r->snapshot_count; k++)
        n += r->snapshots[k].dir == dir;
    return n;
}

int ref_disallow_snapshot(struct ref *r, const struct ref_call *c)
{
    struct ref_node *n;
    int rc = ref_find_one(r, c->path, &n);

    if (rc)
        return rc;
    if (!n->dir)
        return ERR_NOTDIR;
    if (snapshots_in(r, n->id) > 0)
        return ERR_SNAPSHOT;
    n->snapshottable = false;
    return 0;
}

static int find_snapshottable(struct ref *r, const char *path, struct ref_node **out)
{
    int rc = ref_find_one(r, path, out);

    if (rc)
        return rc;
    if (!(*out)->dir)
        return ERR_NOTDIR;
    return (*out)->snapshottable || *out == r->root ? 0 : ERR_SNAPSHOT;
}

static struct ref_snapshot *snapshot_named(struct ref *r, uint64_t dir, const char *name)
{
    for (int k = 0; k < r->snapshot_count; k++)
        if (r->snapshots[k].dir == dir && strcmp(r->snapshots[k].name, name) == 0)
            return &r->snapshots[k];
    return NULL;
}

int ref_create_snapshot(struct ref *r, const struct ref_call *c)
{
    struct ref_snapshot *s = &r->snapshots[r->snapshot_count];
    struct ref_node *n;
    int rc = find_snapshottable(r, c->path, &n);

    if (rc)
        return rc;
    if (!n->snapshottable || snapshot_named(r, n->id, c->name))
        return ERR_SNAPSHOT;
    s->dir = n->id;
    strcpy(s->name, c->name);
    ref_touch(n, r->now);
    s->tree = ref_copy_tree(n, NULL);
    r->snapshot_count++;
    return 0;
}

int ref_rename_snapshot(struct ref *r, const struct ref_call *c)
{
    struct ref_snapshot *s;
    struct ref_node *n;
    int rc = find_snapshottable(r, c->path, &n);

    if (rc)
        return rc;
    if (!(s = snapshot_named(r, n->id, c->name)))
        return ERR_SNAPSHOT;
    if (strcmp(c->name, c->value) == 0)
        return 0;
    if (snapshot_named(r, n->id, c->value))
        return ERR_SNAPSHOT;
    strcpy(s->name, c->value);
    s->tree->mtime = r->now;
    return 0;
}

int ref_delete_snapshot(struct ref *r, const struct ref_call *c)
{
    struct ref_snapshot *s;
    struct ref_node *n;
    int rc = find_snapshottable(r, c->path, &n);

    if (rc)
        return rc;
    if (!(s = snapshot_named(r, n->id, c->name)))
        return ERR_SNAPSHOT;
    ref_free_tree(s->tree);
    *s = r->snapshots[--r->snapshot_count];
    ref_touch(n, r->now);
    return 0;
}
