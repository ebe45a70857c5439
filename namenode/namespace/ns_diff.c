#include "namenode/namespace/ns_diff.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "namenode/namespace/history.h"
#include "namenode/namespace/ns_state.h"

/* The diffs that lie between two views. */
struct span {
    const struct history *h;
    uint32_t from, to;
};

static struct span span_of(const struct namespace *ns, uint64_t id, int earlier, int later)
{
    struct span s = {.h = history_get(ns, id)};

    s.from = history_first(s.h, earlier);
    s.to = history_first(s.h, later);
    return s;
}

/* ---- attributes ---- */

struct own {
    const struct attr *attr;
    const struct feature *more;
};

static struct own own_now(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);

    return (struct own){ns_attr(ns, i),
                        i->flags & INODE_FEATURE ? feature_get(ns->features, id) : NULL};
}

static struct own own_then(const struct namespace *ns, const struct past_attrs *a)
{
    return (struct own){attr_get(ns->attrs, a->attr), a->more};
}

static bool same_acl(const struct feature *a, const struct feature *b)
{
    if (a->acl_count != b->acl_count)
        return false;
    for (int k = 0; k < a->acl_count; k++) {
        const struct edit_acl_entry *x = &a->acl[k], *y = &b->acl[k];

        if (x->scope != y->scope || x->type != y->type || x->permissions != y->permissions ||
            strcmp(x->name ? x->name : "", y->name ? y->name : "") != 0)
            return false;
    }
    return true;
}

static bool same_xattrs(const struct feature *a, const struct feature *b)
{
    if (a->xattr_count != b->xattr_count)
        return false;
    for (int k = 0; k < a->xattr_count; k++) {
        const struct edit_xattr *x = &a->xattrs[k], *y = &b->xattrs[k];

        if (x->ns != y->ns || strcmp(x->name, y->name) != 0 || x->value_n != y->value_n ||
            (x->value_n && memcmp(x->value, y->value, x->value_n) != 0))
            return false;
    }
    return true;
}

static bool same_quotas(const struct feature *a, const struct feature *b)
{
    if (a->has_quota != b->has_quota)
        return false;
    return !a->has_quota || (a->ns_quota == b->ns_quota && a->ds_quota == b->ds_quota &&
                             memcmp(a->type_quota, b->type_quota, sizeof a->type_quota) == 0);
}

/* Combinations of attributes are interned: the same ones are at the same place. */
static bool same_own(struct own a, struct own b)
{
    static const struct feature none;
    const struct feature *x = a.more ? a.more : &none, *y = b.more ? b.more : &none;

    return a.attr == b.attr && same_acl(x, y) && same_xattrs(x, y) && same_quotas(x, y);
}

static bool own_changed(const struct namespace *ns, uint64_t dir, const struct span *s)
{
    const struct past_attrs *first = NULL;

    for (uint32_t k = s->from; k < s->to; k++) {
        const struct past_attrs *a = s->h->diffs[k]->attrs;

        if (first && a && !same_own(own_then(ns, first), own_then(ns, a)))
            return true;
        first = first ? first : a;
    }
    if (!first)
        return false;
    for (uint32_t k = s->to; k < s->h->n; k++) {
        const struct past_attrs *a = s->h->diffs[k]->attrs;

        if (a && !same_own(own_then(ns, first), own_then(ns, a)))
            return true;
    }
    return !same_own(own_then(ns, first), own_now(ns, dir));
}

bool ns_file_changed(const struct namespace *ns, uint64_t file, int earlier, int later)
{
    struct span s = span_of(ns, file, earlier, later);
    const struct past_attrs *first = NULL, *then = history_attrs(ns, file, later);
    struct inode_info before, after;

    if (s.from >= s.to || !ns_info_at(ns, file, earlier, &before) ||
        !ns_info_at(ns, file, later, &after))
        return false;
    if (before.length != after.length)
        return true;
    for (uint32_t k = s.from; k < s.to && !first; k++)
        first = s.h->diffs[k]->attrs;
    return first && !same_own(own_then(ns, first), then ? own_then(ns, then) : own_now(ns, file));
}

/* ---- names ---- */

static bool is_mentioned(const struct span *s, uint32_t from, uint32_t to,
                         const struct past_name *p)
{
    for (uint32_t k = from; k < to; k++)
        if (past_names_find(&s->h->diffs[k]->lost, p->text, p->n) ||
            past_names_find(&s->h->diffs[k]->gained, p->text, p->n))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct ns_change *x = a, *y = b;

    return name_order(x->name, x->name_n, y->name, y->name_n);
}

static struct ns_change *room(struct arena *arena, uint32_t n)
{
    return arena_alloc(arena, (n + 1u) * sizeof(struct ns_change));
}

/* What the first diff that knows a name lost was there before, what the last one gained is there
 * afterwards; between them names come and go unseen. */
static int names_changed(const struct namespace *ns, const struct span *s, struct arena *arena,
                         struct ns_changes *out)
{
    uint32_t lost = 0, gained = 0;

    for (uint32_t k = s->from; k < s->to; k++) {
        lost += s->h->diffs[k]->lost.n;
        gained += s->h->diffs[k]->gained.n;
    }
    if (!(out->came = room(arena, gained)) || !(out->went = room(arena, lost)))
        return -ERR_NOMEM;
    for (uint32_t k = s->from; k < s->to; k++) {
        const struct past_names *l = &s->h->diffs[k]->lost, *g = &s->h->diffs[k]->gained;

        for (const struct past_name *p = l->list; p < l->list + l->n; p++)
            if (!is_mentioned(s, s->from, k, p))
                out->went[out->went_count++] = (struct ns_change){p->id, p->text, p->n, p->moved};
        for (const struct past_name *p = g->list; p < g->list + g->n; p++)
            if (!is_mentioned(s, k + 1, s->to, p))
                out->came[out->came_count++] =
                    (struct ns_change){p->id, p->text, p->n, history_is_held(ns, p->id)};
    }
    qsort(out->came, out->came_count, sizeof *out->came, by_name);
    qsort(out->went, out->went_count, sizeof *out->went, by_name);
    return 0;
}

int ns_dir_changes(const struct namespace *ns, uint64_t dir, int earlier, int later,
                   struct arena *arena, struct ns_changes *out)
{
    struct span s = span_of(ns, dir, earlier, later);

    memset(out, 0, sizeof *out);
    if (s.from >= s.to)
        return 0;
    if (names_changed(ns, &s, arena, out) < 0)
        return -ERR_NOMEM;
    return out->came_count > 0 || out->went_count > 0 || own_changed(ns, dir, &s);
}

/* ---- where it was ---- */

struct climb {
    const struct namespace *ns;
    struct arena *arena;
    uint64_t top;
    int snapshot;
    char *path;
};

/* The way down from where the climb has got to. */
struct step {
    uint64_t id;
    const char *name;
    unsigned name_n;
    const struct step *below;
};

static int climb_from(struct climb *c, uint64_t id, const struct step *below);

static int arrive(struct climb *c, const struct step *way)
{
    size_t n = 0;
    char *at;

    for (const struct step *s = way; s; s = s->below)
        n += s->name_n + 1u;
    if (!(c->path = at = arena_alloc(c->arena, n + 1)))
        return -ERR_NOMEM;
    for (const struct step *s = way; s; s = s->below) {
        memcpy(at, s->name, s->name_n);
        at += s->name_n;
        if (s->below)
            *at++ = '/';
    }
    *at = 0;
    return 0;
}

/* Moved names can lead round in a circle. */
static bool has_passed(const struct step *way, uint64_t id)
{
    while (way && way->id != id)
        way = way->below;
    return way != NULL;
}

static int try_place(struct climb *c, uint64_t id, uint64_t dir, const char *name, unsigned n,
                     const struct step *below)
{
    const struct step here = {id, name, n, below};

    if (c->path || !dir || !ns_inode(c->ns, dir) || has_passed(below, dir) ||
        history_child(c->ns, dir, c->snapshot, name, n) != id)
        return 0;
    return climb_from(c, dir, &here);
}

/* A place counts when it leads up to the top: a directory that the snapshot does not see tells
 * nothing of it, but then its own place was not there either. */
static int climb_from(struct climb *c, uint64_t id, const struct step *below)
{
    const struct inode *i = ns_inode(c->ns, id);
    const struct history *h;
    const char *name;
    unsigned n;
    int rc;

    if (id == c->top)
        return arrive(c, below);
    name = inode_name(c->ns, i, &n);
    rc = try_place(c, id, get48(i->parent), name, n, below);
    h = history_get(c->ns, id);
    for (uint32_t k = 0; h && k < h->ref_count && rc == 0; k++)
        rc = try_place(c, id, h->refs[k].dir, h->refs[k].name, h->refs[k].name_n, below);
    return rc;
}

int ns_path_at(const struct namespace *ns, uint64_t id, int snapshot, uint64_t top,
               struct arena *arena, char **path)
{
    struct climb c = {.ns = ns, .arena = arena, .top = top, .snapshot = snapshot};
    int rc = climb_from(&c, id, NULL);

    *path = c.path;
    return rc;
}
