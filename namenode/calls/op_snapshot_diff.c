/* op_snapshot_diff.c -- what changed between two snapshots, as a whole and a page at a time.
 *
 * The tree of the earlier snapshot is walked, whatever order they are asked in, and what had no
 * history is passed by.  Paths are those of the earlier snapshot; only where something was moved
 * to is told as of the later one.  What was deleted, or moved out of sight, is not walked. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/namespace/inode.h"
#include "namenode/namespace/ns_diff.h"
#include "namenode/namespace/sorted.h"
#include "namenode/calls/op_snapshot.h"

/* A name on the way from the top. */
struct step {
    const char *name;
    unsigned name_n;
    const struct step *above;
};

/* Something that changed. */
struct found {
    uint64_t id;
    bool is_dir;
    char *path;
    struct ns_changes changes; /* directories */
    char **targets;            /* where what went has been moved to; NULL: nowhere in sight */
};

enum { GO_ON, STOP }; /* or an error */

struct walk {
    struct op *op;
    uint64_t top;
    int earlier, later;
    bool forward;       /* asked for from the earlier to the later one */
    const char *resume; /* what is left of the path to go on at; NULL: that has been reached */
    int index;          /* of the name there to go on at; -1: with itself */
    int (*tell)(struct walk *w, const struct found *f);
    void *ctx;
};

/* ---- walking ---- */

static char *path_of(struct op *op, const struct step *at)
{
    size_t n = 0;
    char *path;

    for (const struct step *s = at; s; s = s->above)
        n += s->name_n + (s->above ? 1u : 0);
    if (!(path = arena_alloc(op->arena, n + 1)))
        return NULL;
    path[n] = 0;
    for (const struct step *s = at; s; s = s->above) {
        n -= s->name_n;
        memcpy(path + n, s->name, s->name_n);
        if (s->above)
            path[--n] = '/';
    }
    return path;
}

static int find_targets(struct walk *w, struct found *f)
{
    const struct ns_changes *c = &f->changes;
    int rc = 0;

    f->targets = arena_zalloc(w->op->arena, (c->went_count + 1u) * sizeof *f->targets);
    if (!f->targets)
        return op_nomem(w->op);
    for (uint32_t k = 0; k < c->went_count && rc == 0; k++)
        if (c->went[k].moved)
            rc = ns_path_at(w->op->nn->ns, c->went[k].id, w->later, w->top, w->op->arena,
                            &f->targets[k]);
    return rc < 0 ? op_nomem(w->op) : 0;
}

static int tell(struct walk *w, struct found *f, const struct step *at)
{
    if (w->resume)
        return GO_ON;
    if (!(f->path = path_of(w->op, at)))
        return op_nomem(w->op);
    return w->tell(w, f);
}

static int went_order(const void *list, uint32_t at, const void *key)
{
    const struct ns_change *c = (const struct ns_change *)list + at;
    const struct sorted_name *name = key;

    return name_order(c->name, c->name_n, name->text, name->n);
}

/* Is the name still there in the later snapshot, or moved to where it can be seen? */
static bool is_kept(const struct found *f, const struct ns_entry *e)
{
    bool went;
    uint32_t at = sorted_place(f->changes.went, f->changes.went_count,
                               &(struct sorted_name){e->name, e->name_n}, went_order, &went);

    return !went || f->targets[at] != NULL;
}

/* Looking for the place to go on at: false when this name comes before it.  When it is not there
 * any more, the walk goes on with what comes after it. */
static bool is_reached(struct walk *w, const struct ns_entry *e)
{
    unsigned n;
    int order;

    if (!w->resume)
        return true;
    n = (unsigned)strcspn(w->resume, "/");
    order = name_order(e->name, e->name_n, w->resume, n);
    if (order < 0)
        return false;
    w->resume = order > 0 ? NULL : w->resume + n + (w->resume[n] == '/');
    w->index = order > 0 ? -1 : w->index;
    return true;
}

static int walk_from(struct walk *w, uint64_t id, const struct step *at);

static int walk_children(struct walk *w, const struct found *dir, const struct step *at)
{
    struct ns_entry list[16] = {{0}}, last = {0};
    int n, rc = GO_ON;

    while (rc == GO_ON && (n = ns_list_at(w->op->nn->ns, dir->id, w->earlier, last.name,
                                          last.name_n, list, 16)) > 0) {
        for (int k = 0; k < n && rc == GO_ON; k++) {
            const struct step here = {list[k].name, list[k].name_n, at};

            if (is_reached(w, &list[k]) && is_kept(dir, &list[k]))
                rc = walk_from(w, list[k].id, &here);
        }
        last = list[n - 1];
    }
    w->resume = NULL;
    return rc;
}

static int walk_from(struct walk *w, uint64_t id, const struct step *at)
{
    const struct namespace *ns = w->op->nn->ns;
    enum inode_kind kind = ns_kind(ns, id);
    struct found f = {.id = id, .is_dir = kind == INODE_DIR};
    int rc = GO_ON, changed;

    if (w->resume && !*w->resume)
        w->resume = NULL;
    if (kind == INODE_DIR)
        changed = ns_dir_changes(ns, id, w->earlier, w->later, w->op->arena, &f.changes);
    else
        changed = kind == INODE_FILE && ns_file_changed(ns, id, w->earlier, w->later);
    if (changed < 0)
        return op_nomem(w->op);
    if (changed && ((rc = find_targets(w, &f)) < 0 || (rc = tell(w, &f, at)) != GO_ON))
        return rc;
    if (!w->resume)
        w->index = -1;
    return kind == INODE_DIR ? walk_children(w, &f, at) : GO_ON;
}

/* ---- what is asked ---- */

/* All of what is compared must be readable, as each of the two shows it. */
static int check_view(struct op *op, const struct place *dir, const char *name)
{
    static const struct access all = {.target = MAY_READ, .subtree = MAY_READ};
    struct place p;
    char *path;
    int rc;

    if (!*name)
        return access_check(op, dir, &all);
    path =
        arena_printf(op->arena, "%s/.snapshot/%s", strcmp(dir->path, "/") ? dir->path : "", name);
    if (!path)
        return op_nomem(op);
    rc = op_resolve(op, path, FOR_READ, &p);
    return rc < 0 ? rc : access_check(op, &p, &all);
}

static int find_root(struct op *op, const struct place *p, uint64_t *root)
{
    bool ends = p->id == 0 && p->at.found < p->at.count; /* the first name that is not there */
    const char *path = ends ? place_prefix(op, p, p->at.found + 1) : p->path;
    struct ns_snapshot_dir dir;

    if (!path)
        return op_nomem(op);
    if (!p->id || p->info.kind != INODE_DIR)
        return op_not_snapshottable(op, p->id, path);
    *root = p->id;
    if (p->id == NS_ROOT_ID || ns_snapshot_dir(op->nn->ns, p->id, &dir))
        return 0;
    if (!conf_bool(op->nn->conf, OPT_snapshot_diff_below))
        return op_not_snapshottable(op, p->id, p->path);
    if ((*root = op_snapshot_root(op, p->id)))
        return 0;
    return err_set(&op->err, ERR_SNAPSHOT,
                   "The path %s is neither snapshottable nor under a snapshot root!", p->path);
}

static int find_snapshot(struct op *op, uint64_t root, const char *name, int *out)
{
    const char *path;

    *out = *name ? ns_snapshot_named(op->nn->ns, root, name) : SNAPSHOT_NOW;
    if (*out != SNAPSHOT_NONE)
        return 0;
    if (!(path = ns_path_of(op->nn->ns, root, op->arena)))
        return op_nomem(op);
    return err_set(&op->err, ERR_SNAPSHOT, "Cannot find the snapshot of directory %s with name %s",
                   path, name);
}

/* *root is 0 when both are the same, which differ in nothing. */
static int prepare(struct walk *w, const char *dir, const char *from, const char *to,
                   uint64_t *root)
{
    struct op *op = w->op;
    struct place p;
    int rc, a, b;

    if ((rc = op_resolve(op, dir, FOR_READ, &p)) < 0)
        return rc;
    if (conf_bool(op->nn->conf, OPT_permissions) &&
        ((rc = check_view(op, &p, from)) < 0 || (rc = check_view(op, &p, to)) < 0))
        return rc;
    if ((rc = find_root(op, &p, root)) < 0 || (rc = find_snapshot(op, *root, from, &a)) < 0 ||
        (rc = find_snapshot(op, *root, to, &b)) < 0)
        return rc;
    if (a == b)
        *root = 0;
    w->top = p.id;
    w->forward = a < b;
    w->earlier = a < b ? a : b;
    w->later = a < b ? b : a;
    return 0;
}

/* ---- the whole report ---- */

/* What changed, in the order in which it is told. */
struct line {
    struct found found;
    const char **names; /* of the path to where it is now, the deepest last */
    unsigned *lengths;
    int depth;
    struct line *next;
};

struct moved {
    uint64_t id;
    UT_hash_handle hh;
};

struct report {
    struct line *lines;
    size_t count, entries;
    struct moved *moved;
    Pb__SnapshotDiffReportProto *out;
};

static int find_order(struct op *op, struct line *l)
{
    struct inode_info info;

    for (uint64_t id = l->found.id; id; id = ns_parent(op->nn->ns, id))
        l->depth++;
    l->names = arena_alloc(op->arena, (size_t)l->depth * sizeof *l->names);
    l->lengths = arena_alloc(op->arena, (size_t)l->depth * sizeof *l->lengths);
    if (!l->names || !l->lengths)
        return op_nomem(op);
    for (uint64_t id = l->found.id, k = (uint64_t)l->depth; k > 0; k--) {
        MUST(ns_info(op->nn->ns, id, &info));
        l->names[k - 1] = info.name;
        l->lengths[k - 1] = info.name_n;
        id = ns_parent(op->nn->ns, id);
    }
    return 0;
}

/* Hadoop's order: what is less deep first, else by the names from the root down, of now. */
static int in_order(const void *a, const void *b)
{
    const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
    int order = (x->depth > y->depth) - (x->depth < y->depth);

    for (int k = 0; order == 0 && k < x->depth; k++)
        order = name_order(x->names[k], x->lengths[k], y->names[k], y->lengths[k]);
    return order;
}

static int keep_line(struct walk *w, const struct found *f)
{
    struct report *r = w->ctx;
    struct line *l = arena_zalloc(w->op->arena, sizeof *l);

    if (!l)
        return op_nomem(w->op);
    l->found = *f;
    l->next = r->lines;
    r->lines = l;
    r->count++;
    r->entries += 1u + f->changes.came_count + f->changes.went_count;
    for (uint32_t k = 0; k < f->changes.went_count; k++) {
        struct moved *m;

        if (!f->targets[k])
            continue;
        if (!(m = arena_zalloc(w->op->arena, sizeof *m)))
            return op_nomem(w->op);
        m->id = f->changes.went[k].id;
        HASH_ADD(hh, r->moved, id, sizeof m->id, m);
    }
    return find_order(w->op, l);
}

static char *join(struct op *op, const char *dir, const struct ns_change *c)
{
    return arena_printf(op->arena, "%s%s%.*s", dir, *dir ? "/" : "", (int)c->name_n, c->name);
}

static int add_entry(struct op *op, struct report *r, const char *label, char *path, char *target)
{
    Pb__SnapshotDiffReportEntryProto *e = arena_alloc(op->arena, sizeof *e);

    if (!e || !path)
        return op_nomem(op);
    pb__snapshot_diff_report_entry_proto__init(e);
    e->modificationlabel = (char *)(uintptr_t)label;
    e->fullpath = (ProtobufCBinaryData){strlen(path), (uint8_t *)path};
    if (target) {
        e->has_targetpath = true;
        e->targetpath = (ProtobufCBinaryData){strlen(target), (uint8_t *)target};
    }
    r->out->diffreportentries[r->out->n_diffreportentries++] = e;
    return 0;
}

static int add_line(struct walk *w, const struct found *f)
{
    struct report *r = w->ctx;
    const struct ns_changes *c = &f->changes;
    int rc = add_entry(w->op, r, "M", f->path, NULL);

    for (uint32_t k = 0; k < c->came_count && rc == 0; k++) {
        struct moved *m;

        HASH_FIND(hh, r->moved, &c->came[k].id, sizeof m->id, m);
        if (!m)
            rc = add_entry(w->op, r, w->forward ? "+" : "-", join(w->op, f->path, &c->came[k]),
                           NULL);
    }
    for (uint32_t k = 0; k < c->went_count && rc == 0; k++) {
        char *path = join(w->op, f->path, &c->went[k]), *target = f->targets[k];

        if (!target)
            rc = add_entry(w->op, r, w->forward ? "-" : "+", path, NULL);
        else if (path)
            rc = add_entry(w->op, r, "R", w->forward ? path : target, w->forward ? target : path);
        else
            rc = op_nomem(w->op);
    }
    return rc;
}

static int add_lines(struct walk *w)
{
    struct report *r = w->ctx;
    struct line **sorted = arena_alloc(w->op->arena, (r->count + 1) * sizeof(struct line *));
    size_t n = 0;
    int rc = 0;

    r->out->diffreportentries =
        arena_alloc(w->op->arena, (r->entries + 1) * sizeof *r->out->diffreportentries);
    if (!sorted || !r->out->diffreportentries)
        return op_nomem(w->op);
    for (struct line *l = r->lines; l; l = l->next)
        sorted[n++] = l;
    qsort(sorted, n, sizeof *sorted, in_order);
    for (size_t k = 0; k < n && rc == 0; k++)
        rc = add_line(w, &sorted[k]->found);
    return rc;
}

static int fill_report(struct op *op, const Pb__GetSnapshotDiffReportRequestProto *rq,
                       Pb__SnapshotDiffReportProto *out)
{
    struct report r = {.out = out};
    struct walk w = {.op = op, .index = -1, .tell = keep_line, .ctx = &r};
    uint64_t root = 0;
    int rc = prepare(&w, rq->snapshotroot, rq->fromsnapshot, rq->tosnapshot, &root);

    if (rc < 0)
        return rc;
    out->fromsnapshot = op_copy(op, rq->fromsnapshot);
    out->tosnapshot = op_copy(op, rq->tosnapshot);
    out->snapshotroot =
        root ? ns_path_of(op->nn->ns, root, op->arena) : op_copy(op, rq->snapshotroot);
    if (!out->fromsnapshot || !out->tosnapshot || !out->snapshotroot)
        return op_nomem(op);
    if (root && (rc = walk_from(&w, w.top, NULL)) == 0)
        rc = add_lines(&w);
    HASH_CLEAR(hh, r.moved);
    return rc;
}

int op_get_snapshot_diff_report(struct op *op, const Pb__GetSnapshotDiffReportRequestProto *rq,
                                Pb__GetSnapshotDiffReportResponseProto *rs)
{
    int rc;

    if (!(rs->diffreport = arena_alloc(op->arena, sizeof *rs->diffreport)))
        return op_nomem(op);
    pb__snapshot_diff_report_proto__init(rs->diffreport);
    nn_lock(op->nn);
    rc = fill_report(op, rq, rs->diffreport);
    op_unlock(op);
    return rc;
}

/* ---- a page of it ---- */

struct page {
    size_t room;
    Pb__SnapshotDiffReportListingProto *out;
};

typedef Pb__SnapshotDiffReportListingEntryProto Entry;

static int list_entry(struct walk *w, Entry **list, size_t *n, Entry what, char *path, char *target)
{
    struct page *page = w->ctx;
    Entry *e = arena_alloc(w->op->arena, sizeof *e);

    if (!e || !path)
        return op_nomem(w->op);
    *e = what;
    e->has_fileid = true;
    e->fullpath = (ProtobufCBinaryData){strlen(path), (uint8_t *)path};
    if (target) {
        e->has_targetpath = true;
        e->targetpath = (ProtobufCBinaryData){strlen(target), (uint8_t *)target};
    }
    list[(*n)++] = e;
    page->room--;
    return GO_ON;
}

static int list_itself(struct walk *w, const struct found *f)
{
    Pb__SnapshotDiffReportListingProto *out = ((struct page *)w->ctx)->out;
    Entry e = PB__SNAPSHOT_DIFF_REPORT_LISTING_ENTRY_PROTO__INIT;

    e.dirid = e.fileid = f->id;
    e.isreference = f->is_dir;
    return list_entry(w, out->modifiedentries, &out->n_modifiedentries, e, f->path, NULL);
}

/* The names that came, then those that went, are counted through. */
static int list_name(struct walk *w, const struct found *f, uint32_t index)
{
    Pb__SnapshotDiffReportListingProto *out = ((struct page *)w->ctx)->out;
    const struct ns_changes *c = &f->changes;
    bool came = index < c->came_count;
    uint32_t k = came ? index : index - c->came_count;
    const struct ns_change *what = came ? &c->came[k] : &c->went[k];
    char *path = join(w->op, f->path, what), *target = came ? NULL : f->targets[k];
    Entry e = PB__SNAPSHOT_DIFF_REPORT_LISTING_ENTRY_PROTO__INIT;

    e.dirid = f->id;
    e.fileid = what->id;
    e.isreference = came ? what->moved : target != NULL;
    return came ? list_entry(w, out->createdentries, &out->n_createdentries, e, path, NULL)
                : list_entry(w, out->deletedentries, &out->n_deletedentries, e, path, target);
}

static int stop_at(struct walk *w, const struct found *f, int index)
{
    Pb__SnapshotDiffReportCursorProto *c = ((struct page *)w->ctx)->out->cursor;

    c->startpath = (ProtobufCBinaryData){strlen(f->path), (uint8_t *)f->path};
    c->index = index;
    return STOP;
}

static int list_found(struct walk *w, const struct found *f)
{
    const struct page *page = w->ctx;
    uint32_t all = f->changes.came_count + f->changes.went_count;
    int rc = GO_ON;

    if (w->index < 0) {
        if (page->room == 0)
            return stop_at(w, f, -1);
        rc = list_itself(w, f);
    }
    for (uint32_t k = w->index < 0 ? 0 : (uint32_t)w->index; k < all && rc == GO_ON; k++) {
        if (page->room == 0)
            return stop_at(w, f, (int)k);
        rc = list_name(w, f, k);
    }
    return rc;
}

static int make_page(struct op *op, Pb__SnapshotDiffReportListingProto *out, size_t room)
{
    size_t n = room * sizeof(Entry *);

    out->modifiedentries = arena_alloc(op->arena, n);
    out->createdentries = arena_alloc(op->arena, n);
    out->deletedentries = arena_alloc(op->arena, n);
    out->cursor = arena_alloc(op->arena, sizeof *out->cursor);
    if (!out->modifiedentries || !out->createdentries || !out->deletedentries || !out->cursor)
        return op_nomem(op);
    pb__snapshot_diff_report_cursor_proto__init(out->cursor);
    out->cursor->startpath.data = (uint8_t *)op_copy(op, "");
    out->cursor->index = -1;
    return 0;
}

static int fill_page(struct op *op, const Pb__GetSnapshotDiffReportListingRequestProto *rq,
                     Pb__SnapshotDiffReportListingProto *out)
{
    struct page page = {.room = (size_t)conf_int(op->nn->conf, OPT_snapshot_diff_limit),
                        .out = out};
    struct walk w = {.op = op, .index = -1, .tell = list_found, .ctx = &page};
    uint64_t root = 0;
    int rc = make_page(op, out, page.room);

    if (rc < 0 ||
        (rc = prepare(&w, rq->snapshotroot, rq->fromsnapshot, rq->tosnapshot, &root)) < 0 || !root)
        return rc;
    out->isfromearlier = w.forward;
    if (rq->cursor) {
        const ProtobufCBinaryData *start = &rq->cursor->startpath;

        if (!(w.resume = arena_strndup(op->arena, (const char *)start->data, start->len)))
            return op_nomem(op);
        w.index = rq->cursor->index;
    }
    rc = walk_from(&w, w.top, NULL);
    return rc < 0 ? rc : 0;
}

int op_get_snapshot_diff_report_listing(struct op *op,
                                        const Pb__GetSnapshotDiffReportListingRequestProto *rq,
                                        Pb__GetSnapshotDiffReportListingResponseProto *rs)
{
    int rc;

    if (!(rs->diffreport = arena_alloc(op->arena, sizeof *rs->diffreport)))
        return op_nomem(op);
    pb__snapshot_diff_report_listing_proto__init(rs->diffreport);
    nn_lock(op->nn);
    rc = fill_page(op, rq, rs->diffreport);
    op_unlock(op);
    return rc;
}
