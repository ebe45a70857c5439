#include "tests/model/reference_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the tree ---- */

void ref_init(struct ref *r)
{
    *r = (struct ref){.last_id = 16385, .now = 1};
    r->root = calloc(1, sizeof *r->root);
    *r->root = (struct ref_node){.dir = true,
                                 .id = 16385,
                                 .mode = 0755,
                                 .ns_quota = -1,
                                 .ds_quota = -1,
                                 .group = "supergroup"};
}

void ref_free_tree(struct ref_node *t)
{
    for (int k = 0; k < t->n; k++)
        ref_free_tree(t->kids[k]);
    free(t);
}

void ref_done(struct ref *r)
{
    for (int k = 0; k < r->snapshot_count; k++)
        ref_free_tree(r->snapshots[k].tree);
    ref_free_tree(r->root);
}

static struct ref_node *child(const struct ref_node *dir, const char *name, size_t n)
{
    for (int k = 0; k < dir->n; k++)
        if (strlen(dir->kids[k]->name) == n && memcmp(dir->kids[k]->name, name, n) == 0)
            return dir->kids[k];
    return NULL;
}

static struct ref_node *snapshot_of(const struct ref *r, uint64_t dir, const char *name, size_t n)
{
    for (int k = 0; k < r->snapshot_count; k++)
        if (r->snapshots[k].dir == dir && strlen(r->snapshots[k].name) == n &&
            memcmp(r->snapshots[k].name, name, n) == 0)
            return r->snapshots[k].tree;
    return NULL;
}

/* A path followed as far as it goes. */
struct walk {
    struct ref_node *node;   /* what it names, or NULL */
    struct ref_node *parent; /* of it, where that is there; NULL: a parent is missing */
    struct ref_node *last;   /* the deepest that is there */
    char name[8];            /* the last component */
    bool through_file, in_snapshot;
};

static struct walk follow(const struct ref *r, const char *path)
{
    struct walk w = {.node = r->root, .last = r->root};

    for (const char *p = path + 1; *p;) {
        size_t n = strcspn(p, "/");
        const struct ref_node *dir = w.node;

        snprintf(w.name, sizeof w.name, "%.*s", (int)n, p);
        w.through_file |= w.last && !w.last->dir;
        w.parent = w.node;
        if (dir && dir->snapshottable && n == 9 && memcmp(p, ".snapshot", 9) == 0) {
            p += n + (p[n] == '/');
            n = strcspn(p, "/");
            w.in_snapshot = true;
            w.node = snapshot_of(r, dir->id, p, n);
        } else {
            w.node = dir && dir->dir ? child(dir, p, n) : NULL;
        }
        if (w.node)
            w.last = w.node;
        p += n + (p[n] == '/');
    }
    return w;
}

struct ref_node *ref_find(const struct ref *r, const char *path)
{
    return follow(r, path).node;
}

bool ref_is_within(const struct ref_node *n, const struct ref_node *top)
{
    while (n && n != top)
        n = n->up;
    return n == top;
}

void ref_path(const struct ref_node *n, char out[REF_PATH])
{
    size_t at;

    strcpy(out, "/");
    if (!n->up)
        return;
    ref_path(n->up, out);
    at = strlen(out);
    snprintf(out + at, REF_PATH - at, "%s%s", n->up->up ? "/" : "", n->name);
}

uint64_t ref_length(const struct ref_node *f)
{
    uint64_t sum = 0;

    for (int k = 0; k < f->blocks; k++)
        sum += f->lengths[k];
    return sum;
}

/* A block that is being written counts as a whole one. */
int64_t ref_space_of(const struct ref_node *f)
{
    uint64_t sum = ref_length(f);

    if (f->last_open)
        sum += REF_BLOCK_BYTES - f->lengths[f->blocks - 1];
    return (int64_t)(sum * f->replication);
}

void ref_count(const struct ref_node *n, struct ref_usage *add)
{
    add->dirs += n->dir;
    add->files += !n->dir;
    if (!n->dir) {
        add->length += (int64_t)ref_length(n);
        add->space += ref_space_of(n);
    }
    for (int k = 0; k < n->n; k++)
        ref_count(n->kids[k], add);
}

static void unhang(struct ref_node *n)
{
    struct ref_node *up = n->up;
    int k = 0;

    while (up->kids[k] != n)
        k++;
    memmove(up->kids + k, up->kids + k + 1, (size_t)(--up->n - k) * sizeof *up->kids);
}

static void hang(struct ref_node *up, struct ref_node *n)
{
    n->up = up;
    up->kids[up->n++] = n;
}

void ref_touch(struct ref_node *dir, uint64_t when)
{
    if (when > dir->mtime)
        dir->mtime = when;
}

struct ref_node *ref_copy_tree(const struct ref_node *t, struct ref_node *up)
{
    struct ref_node *n = malloc(sizeof *n);

    *n = *t;
    n->up = up;
    n->snapshottable = false;
    for (int k = 0; k < t->n; k++)
        n->kids[k] = ref_copy_tree(t->kids[k], n);
    return n;
}

/* ---- what stands in the way ---- */

static int through_file(const struct walk *w, bool create)
{
    if (w->through_file)
        return create ? ERR_PARENT_NOTDIR : ERR_ACCESS;
    return 0;
}

int ref_look(const struct ref *r, const char *path)
{
    struct walk w = follow(r, path);

    return through_file(&w, false);
}

/* For a change of what is there. */
static int find(const struct ref *r, const char *path, struct walk *w)
{
    int rc;

    *w = follow(r, path);
    rc = through_file(w, false);
    return rc ? rc : w->in_snapshot ? ERR_SNAP_ACCESS : 0;
}

static int find_to_create(const struct ref *r, const char *path, struct walk *w)
{
    int rc;

    *w = follow(r, path);
    rc = through_file(w, true);
    return rc ? rc : w->in_snapshot ? ERR_SNAP_ACCESS : 0;
}

/* Would @names and @space more be too much somewhere from @dir upwards, as far as @stop? */
int ref_over_quota(const struct ref_node *dir, const struct ref_node *stop, int64_t names,
                   int64_t space)
{
    for (; dir && dir != stop; dir = dir->up) {
        struct ref_usage u = {0};

        if (dir->ns_quota < 0 && dir->ds_quota < 0)
            continue;
        ref_count(dir, &u);
        if (names > 0 && dir->ns_quota >= 0 && u.files + u.dirs + names > dir->ns_quota)
            return ERR_NS_QUOTA;
        if (space > 0 && dir->ds_quota >= 0 && u.space + space > dir->ds_quota)
            return ERR_DS_QUOTA;
    }
    return 0;
}

static bool has_snapshots(const struct ref *r, const struct ref_node *t)
{
    for (int k = 0; k < r->snapshot_count; k++)
        if (r->snapshots[k].dir == t->id)
            return true;
    for (int k = 0; k < t->n; k++)
        if (has_snapshots(r, t->kids[k]))
            return true;
    return false;
}

bool ref_has_snapshottable(const struct ref_node *t)
{
    bool has = t->snapshottable;

    for (int k = 0; k < t->n && !has; k++)
        has = ref_has_snapshottable(t->kids[k]);
    return has;
}

bool ref_is_below_snapshottable(const struct ref_node *t)
{
    while (t && !t->snapshottable)
        t = t->up;
    return t != NULL;
}

static bool tree_has_id(const struct ref_node *t, uint64_t id)
{
    bool has = t->id == id;

    for (int k = 0; k < t->n && !has; k++)
        has = tree_has_id(t->kids[k], id);
    return has;
}

static bool is_in_snapshot(const struct ref *r, uint64_t id)
{
    for (int k = 0; k < r->snapshot_count; k++)
        if (tree_has_id(r->snapshots[k].tree, id))
            return true;
    return false;
}

/* ---- names ---- */

static struct ref_node *add(struct ref *r, struct ref_node *up, const char *name, bool dir,
                            unsigned mode)
{
    struct ref_node *n = calloc(1, sizeof *n);

    *n = (struct ref_node){.dir = dir,
                           .id = ++r->last_id,
                           .mtime = r->now,
                           .atime = dir ? 0 : r->now,
                           .mode = mode,
                           .ns_quota = -1,
                           .ds_quota = -1};
    memcpy(n->group, up->group, sizeof n->group);
    snprintf(n->name, sizeof n->name, "%s", name);
    hang(up, n);
    ref_touch(up, r->now);
    return n;
}

static int make(struct ref *r, struct ref_node *up, const char *name, bool dir, unsigned mode,
                struct ref_node **out)
{
    int rc = ref_over_quota(up, NULL, 1, 0);

    if (rc == 0)
        *out = add(r, up, name, dir, mode);
    return rc;
}

/* The directories above @path that are missing, and then @up. */
static int make_parents(struct ref *r, const char *path, unsigned mode, bool of_parent,
                        struct ref_node **up)
{
    struct ref_node *at = r->root;

    if (of_parent)
        mode = follow(r, path).last->mode & 0777;
    for (const char *p = path + 1; strchr(p, '/'); p += strcspn(p, "/") + 1) {
        size_t n = strcspn(p, "/");
        struct ref_node *next = child(at, p, n);
        char name[8];
        int rc;

        snprintf(name, sizeof name, "%.*s", (int)n, p);
        if (!next && (rc = make(r, at, name, true, mode | 0300, &next)) != 0)
            return rc;
        at = next;
    }
    *up = at;
    return 0;
}

int ref_mkdirs(struct ref *r, const struct ref_call *c)
{
    struct ref_node *up, *made;
    struct walk w;
    int rc = find_to_create(r, c->path, &w);

    if (rc)
        return rc;
    if (w.node)
        return w.node->dir ? 0 : ERR_EXISTS;
    if (!c->flag && !w.parent)
        return ERR_NOENT;
    rc = make_parents(r, c->path, c->number, false, &up);
    return rc ? rc : make(r, up, w.name, true, c->number, &made);
}

int ref_create(struct ref *r, const struct ref_call *c)
{
    struct ref_node *up, *f;
    struct walk w;
    int rc = find_to_create(r, c->path, &w);

    if (rc)
        return rc;
    if (!w.node && !c->flag && !w.parent)
        return ERR_NOENT;
    if (w.node && w.node->dir)
        return ERR_EXISTS;
    if (w.node && !c->flag2)
        return w.node->writer[0] ? ERR_WRITER : ERR_EXISTS;
    if (w.node) { /* one for another is within any quota */
        up = w.node->up;
        unhang(w.node);
        ref_free_tree(w.node);
        f = add(r, up, w.name, false, 0644);
    } else if ((rc = make_parents(r, c->path, 0, true, &up)) != 0 ||
               (rc = make(r, up, w.name, false, 0644, &f)) != 0) {
        return rc;
    }
    f->replication = c->number;
    snprintf(f->writer, sizeof f->writer, "%s", c->client);
    return 0;
}

int ref_delete(struct ref *r, const struct ref_call *c, bool *yes)
{
    struct walk w;
    int rc = find(r, c->path, &w);

    if (rc)
        return rc;
    *yes = false;
    if (w.node && !c->flag && w.node->n > 0)
        return ERR_NOTEMPTY;
    if (!w.node || w.node == r->root)
        return 0;
    if (has_snapshots(r, w.node))
        return ERR_SNAPSHOT;
    *yes = true;
    ref_touch(w.node->up, r->now);
    unhang(w.node);
    ref_free_tree(w.node);
    return 0;
}

/* What both renames do in the end. */
static int move(struct ref *r, struct ref_node *src, struct ref_node *up, const char *name,
                struct ref_node *old)
{
    struct ref_node *common = up;
    struct ref_usage u = {0}, gone = {0};
    int rc;

    if (ref_has_snapshottable(src) && ref_is_below_snapshottable(up))
        return ERR_SNAPSHOT;
    while (!ref_is_within(src->up, common))
        common = common->up;
    ref_count(src, &u);
    if (old)
        ref_count(old, &gone);
    rc =
        ref_over_quota(up, common, u.files + u.dirs - gone.files - gone.dirs, u.space - gone.space);
    if (rc)
        return rc;
    ref_touch(src->up, r->now);
    ref_touch(up, r->now);
    if (old) {
        unhang(old);
        ref_free_tree(old);
    }
    unhang(src);
    snprintf(src->name, sizeof src->name, "%s", name);
    hang(up, src);
    return 0;
}

int ref_rename(struct ref *r, const struct ref_call *c, bool *yes)
{
    struct walk s, d;
    char into[REF_PATH];
    int rc = find(r, c->path, &s);

    *yes = false;
    if (rc || (rc = find_to_create(r, c->path2, &d)) != 0)
        return rc;
    if (strcmp(c->path, c->path2) != 0 && d.node && d.node->dir) {
        snprintf(into, sizeof into, "%s/%s", d.node == r->root ? "" : c->path2, s.name);
        if ((rc = find_to_create(r, into, &d)) != 0)
            return rc;
    }
    if (s.node && s.node != r->root && has_snapshots(r, s.node))
        return ERR_SNAPSHOT;
    if (s.node && s.node != r->root && s.node == d.node) {
        *yes = !s.node->dir || strcmp(c->path, c->path2) != 0;
        return 0;
    }
    if (!s.node || s.node == r->root || d.node || !d.parent || ref_is_within(d.parent, s.node))
        return 0;
    rc = move(r, s.node, d.parent, d.name, NULL);
    *yes = rc == 0;
    return rc;
}

int ref_rename2(struct ref *r, const struct ref_call *c)
{
    struct walk s, d;
    int rc = find(r, c->path, &s);

    if (rc || (rc = find_to_create(r, c->path2, &d)) != 0)
        return rc;
    if (!s.node)
        return ERR_NOENT;
    if (s.node == r->root)
        return ERR_IO;
    if (has_snapshots(r, s.node))
        return ERR_SNAPSHOT;
    if (s.node == d.node)
        return ERR_EXISTS;
    if (d.node == r->root || (d.parent && ref_is_within(d.parent, s.node)))
        return ERR_IO;
    if (!d.node && ref_is_within(d.last, s.node))
        return ERR_IO;
    if (d.node) {
        if (s.node->dir != d.node->dir)
            return ERR_IO;
        if (!c->flag)
            return ERR_EXISTS;
        if (d.node->n > 0)
            return ERR_IO;
        if (has_snapshots(r, d.node))
            return ERR_SNAPSHOT;
    } else if (!d.parent) {
        return ERR_NOENT;
    }
    return move(r, s.node, d.parent, d.name, d.node);
}

/* ---- files ---- */

static int check_writer(const struct walk *w, const char *client)
{
    if (!w->node)
        return ERR_NOENT;
    return w->node->dir || strcmp(w->node->writer, client) != 0 ? ERR_LEASE : 0;
}

static void commit_last(struct ref_node *f)
{
    if (f->last_open) {
        f->lengths[f->blocks - 1] = f->written;
        f->last_open = false;
    }
}

/* The client has written c->length bytes of the block by the time that it asks for another. */
int ref_add_block(struct ref *r, const struct ref_call *c)
{
    struct ref_node *f;
    struct walk w;
    int rc = find(r, c->path, &w);

    if (rc || (rc = check_writer(&w, c->client)) != 0)
        return rc;
    f = w.node;
    commit_last(f);
    if ((rc = ref_over_quota(f->up, NULL, 0, (int64_t)REF_BLOCK_BYTES * f->replication)) != 0)
        return rc;
    f->lengths[f->blocks++] = 0;
    f->last_open = true;
    f->written = c->length;
    return 0;
}

int ref_complete(struct ref *r, const struct ref_call *c)
{
    struct walk w;
    int rc = find(r, c->path, &w);

    if (rc || (rc = check_writer(&w, c->client)) != 0)
        return rc;
    commit_last(w.node);
    w.node->writer[0] = 0;
    w.node->mtime = r->now;
    return 0;
}

int ref_append(struct ref *r, const struct ref_call *c)
{
    struct ref_node *f;
    struct walk w;
    uint64_t last;
    int rc = find(r, c->path, &w);

    if (rc)
        return rc;
    if (!(f = w.node))
        return ERR_NOENT;
    if (f->dir)
        return ERR_EXISTS;
    if (f->writer[0])
        return ERR_WRITER;
    last = f->blocks ? f->lengths[f->blocks - 1] : REF_BLOCK_BYTES;
    rc = ref_over_quota(f->up, NULL, 0, (int64_t)(REF_BLOCK_BYTES - last) * f->replication);
    if (rc)
        return rc;
    snprintf(f->writer, sizeof f->writer, "%s", c->client);
    f->last_open = last < REF_BLOCK_BYTES;
    f->written = last + (f->last_open ? c->length % (REF_BLOCK_BYTES - last + 1) : 0);
    return 0;
}

/* When the answer is no, the datanodes have cut the last block before the next call. */
int ref_truncate(struct ref *r, const struct ref_call *c, bool *yes)
{
    uint64_t at = 0;
    struct ref_node *f;
    struct walk w;
    int64_t more;
    int rc = find(r, c->path, &w), keep = 0;

    *yes = false;
    if (rc)
        return rc;
    if (!(f = w.node) || f->dir)
        return ERR_NOENT;
    if (f->writer[0])
        return ERR_WRITER;
    if (c->length > ref_length(f))
        return ERR_HADOOP_ARG;
    *yes = true;
    if (c->length == ref_length(f))
        return 0;
    while (at < c->length)
        at += f->lengths[keep++];
    /* a block that is to be cut is one that is being written, until it is cut */
    more = at > c->length ? (int64_t)(REF_BLOCK_BYTES - f->lengths[keep - 1]) : 0;
    more = (more - (int64_t)(ref_length(f) - at)) * f->replication;
    if ((rc = ref_over_quota(f->up, NULL, 0, more)) != 0)
        return rc;
    f->blocks = keep;
    f->mtime = r->now;
    if (at > c->length) {
        f->lengths[keep - 1] -= at - c->length;
        *yes = false;
    }
    return 0;
}

int ref_concat(struct ref *r, const struct ref_call *c)
{
    struct walk t, s;
    int64_t space;
    int rc = find(r, c->path, &t);

    if (rc)
        return rc;
    if (!t.node || t.node->dir)
        return ERR_NOENT;
    if (t.node->writer[0])
        return ERR_HADOOP_ARG;
    if ((rc = find(r, c->path2, &s)) != 0)
        return rc;
    if (!s.node || s.node->dir)
        return ERR_NOENT;
    if (s.node->up != t.node->up)
        return ERR_HADOOP_ARG;
    if (is_in_snapshot(r, s.node->id))
        return ERR_SNAPSHOT;
    if (s.node == t.node || s.node->writer[0] || s.node->blocks == 0)
        return ERR_HADOOP_ARG;
    space = (int64_t)ref_length(s.node) * ((int)t.node->replication - (int)s.node->replication);
    if ((rc = ref_over_quota(t.node->up, NULL, 0, space)) != 0)
        return rc;
    for (int k = 0; k < s.node->blocks; k++)
        t.node->lengths[t.node->blocks++] = s.node->lengths[k];
    t.node->mtime = r->now;
    ref_touch(t.node->up, r->now);
    unhang(s.node);
    ref_free_tree(s.node);
    return 0;
}

/* The one that is there, or ERR_NOENT. */
int ref_find_one(const struct ref *r, const char *path, struct ref_node **out)
{
    struct walk w;
    int rc = find(r, path, &w);

    *out = w.node;
    return rc ? rc : w.node ? 0 : ERR_NOENT;
}
