/* image_load_past.c -- snapshots out of an image: INODE_REFERENCE, SNAPSHOT and SNAPSHOT_DIFF.
 *
 * Format:  docs/formats/fsimage.md
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/image/image_loader.h"
#include "namenode/namespace/ns_state.h"

static int no_fit(const struct loader *l, struct err *err, const char *what, uint64_t id)
{
    return err_set(err, ERR_INCONSISTENT, "%s: snapshots: %s (inode %" PRIu64 ")", l->file.path,
                   what, id);
}

static struct inode *inode_of(const struct loader *l, uint64_t id, enum inode_kind kind)
{
    struct inode *i = id >> IDMAP_ID_BITS ? NULL : ns_inode(l->ns, id);

    return i && (kind == INODE_NONE || inode_kind_of(i) == kind) ? i : NULL;
}

/* ---- references ---- */

static bool take_reference(struct loader *l, struct rd m, struct loaded_reference *out)
{
    struct pb_field f = {0};

    *out = (struct loaded_reference){.snapshot = (uint32_t)SNAPSHOT_NOW};
    while (pb_next(&m, &f)) {
        switch (f.number) {
        case 1: out->id = f.v; break;
        case 2:
            out->name_n = (unsigned)rd_left(&f.slice);
            out->name = arena_strndup(&l->names_arena, (const char *)f.slice.at, out->name_n);
            if (!out->name || out->name_n == 0 || out->name_n > UINT16_MAX)
                return false;
            break;
        case 3: out->snapshot = (uint32_t)f.v; break;
        default: break;
        }
    }
    return !m.bad;
}

int loader_references(struct loader *l, struct err *err)
{
    struct image_reader r;
    struct rd m;
    uint32_t cap = 0;
    int rc = image_reader_open(&r, &l->file, "INODE_REFERENCE", err);

    while (rc >= 0 && (rc = image_reader_next(&r, &m, err)) == 1) {
        if (l->reference_count == cap) {
            struct loaded_reference *grown =
                realloc(l->references, (cap = cap ? cap * 2 : 64) * sizeof *grown);

            if (!grown) {
                rc = err_set(err, ERR_NOMEM, "%s", l->file.path);
                break;
            }
            l->references = grown;
        }
        if (!take_reference(l, m, &l->references[l->reference_count++]))
            rc = image_reader_bad(&r, err, "does not parse");
    }
    image_reader_close(&r);
    return rc;
}

/* ---- which snapshots there are ---- */

static struct past_attrs *past_attrs_of(struct loader *l, const struct ns_load_inode *in)
{
    const struct inode_info *i = &in->info;
    struct past_attrs *a = calloc(1, sizeof *a);
    struct attr attr = {.user = attr_name_number(l->ns->attrs, i->user),
                        .group = attr_name_number(l->ns->attrs, i->group),
                        .mode = i->mode,
                        .replication = i->replication,
                        .block_size = i->block_size,
                        .storage_policy = i->storage_policy,
                        .ec_policy = i->ec_policy};
    struct feature row = {.acl = (struct edit_acl_entry *)(uintptr_t)in->acl,
                          .acl_count = in->acl_count,
                          .xattrs = (struct edit_xattr *)(uintptr_t)in->xattrs,
                          .xattr_count = in->xattr_count,
                          .has_quota = i->has_quota,
                          .ns_quota = in->ns_quota,
                          .ds_quota = in->ds_quota};

    MUST(a && attr.user && attr.group && (a->attr = attr_hold(l->ns->attrs, &attr)));
    a->mtime_ms = i->mtime_ms;
    a->atime_ms = i->atime_ms;
    for (int t = 0; t < STORAGE_TYPES; t++)
        row.type_quota[t] = in->has_type_quotas ? in->type_quotas[t] : -1;
    if (!feature_is_empty(&row))
        MUST(a->more = feature_copy(&row));
    return a;
}

static int load_snapshot(struct loader *l, const struct image_reader *r, struct rd m,
                         struct err *err)
{
    struct ns_load_inode root = {0};
    struct pb_field f = {0};
    struct snapshot_dir *dir;
    uint64_t id = UINT64_MAX;
    char *name;
    struct diff *d;

    while (pb_next(&m, &f)) {
        if (f.number == 1)
            id = f.v;
        else if (f.number == 2 && !loader_take_inode(l, f.slice, &root))
            m.bad = true;
    }
    if (m.bad || root.info.kind != INODE_DIR || root.info.name_n == 0 || id > SNAPSHOT_ID_MAX)
        return image_reader_bad(r, err, "a snapshot that does not parse");
    dir = snapshot_dir_get(&l->ns->snapshots, root.info.id);
    if (!dir || dir->n >= dir->quota || snapshot_by_id(&l->ns->snapshots, (int)id) ||
        snapshot_by_name(dir, root.info.name, root.info.name_n))
        return no_fit(l, err, "a snapshot that its directory can't have", root.info.id);
    name = arena_strndup(&l->inode_arena, root.info.name, root.info.name_n);
    MUST(name);
    snapshot_add(&l->ns->snapshots, dir, (int)id, name);
    d = history_add(l->ns, dir->dir, (int)id);
    d->attrs = past_attrs_of(l, &root);
    return 1;
}

static int allow(struct loader *l, const Img__SnapshotSection *s, struct err *err)
{
    for (size_t k = 0; k < s->n_snapshottabledir; k++) {
        if (!inode_of(l, s->snapshottabledir[k], INODE_DIR))
            return no_fit(l, err, "what is no directory can't have any", s->snapshottabledir[k]);
        snapshot_dir_allow(&l->ns->snapshots, s->snapshottabledir[k]);
    }
    return 0;
}

static int load_snapshots(struct loader *l, struct err *err)
{
    struct image_reader r;
    struct arena arena;
    ProtobufCMessage *head = NULL;
    uint32_t announced = 0;
    struct rd m;
    int rc;

    if (!image_file_find(&l->file, "SNAPSHOT"))
        return 0;
    arena_init(&arena, 64 << 20);
    rc = image_reader_open(&r, &l->file, "SNAPSHOT", err);
    if (rc == 0)
        rc = loader_read_first(&r, &img__snapshot_section__descriptor, &arena, &head, err);
    if (rc == 0) {
        const Img__SnapshotSection *s = (const void *)head;

        announced = s->numsnapshots;
        if (s->snapshotcounter <= SNAPSHOT_ID_MAX + 1u)
            l->ns->snapshots.next_id = (int)s->snapshotcounter;
        rc = allow(l, s, err);
    }
    while (rc >= 0 && (rc = image_reader_next(&r, &m, err)) == 1) {
        rc = load_snapshot(l, &r, m, err);
        arena_reset(&l->inode_arena);
    }
    if (rc == 0 && snapshot_count(&l->ns->snapshots) != announced)
        rc = image_reader_bad(&r, err, "holds another number of snapshots than it says");
    image_reader_close(&r);
    arena_done(&arena);
    return rc;
}

/* ---- diffs of files ---- */

static int take_past_blocks(struct loader *l, struct diff *d, struct rd m, struct err *err)
{
    struct pb_field f = {0};
    struct edit_block b;
    int rc = 0;

    while (rc == 0 && pb_next(&m, &f)) {
        uint64_t number, *grown;
        const struct block *have;

        if (f.number != 5)
            continue;
        if (!loader_take_block(f.slice, &b) || (number = block_number(b.id)) == BLOCK_NONE)
            return no_fit(l, err, "a block that can't be kept", d->inode);
        have = block_get(&l->ns->blocks, number);
        if (have && get48(have->file) != d->inode)
            return no_fit(l, err, "a block of another file", d->inode);
        if (!have)
            rc = file_make_block(l->ns, d->inode, &b, BLOCK_COMPLETE, err);
        grown = realloc(d->blocks, (d->block_count + 1) * sizeof *grown);
        MUST(grown);
        d->blocks = grown;
        if (rc == 0)
            d->blocks[d->block_count++] = number;
        d->has_blocks = true;
    }
    return rc;
}

static int load_file_diff(struct loader *l, uint64_t file, struct rd m, struct err *err)
{
    struct ns_load_inode copy = {.info.id = file, .ns_quota = -1, .ds_quota = -1};
    struct pb_field f = {0};
    struct rd whole = m;
    uint64_t id = UINT64_MAX, length = 0;
    struct diff *d;
    bool has_copy = false;

    while (pb_next(&m, &f)) {
        switch (f.number) {
        case 1: id = f.v; break;
        case 2: length = f.v; break;
        case 4: has_copy = loader_take_file(l, f.slice, &copy); break;
        default: break;
        }
    }
    if (m.bad || id > SNAPSHOT_ID_MAX || !snapshot_by_id(&l->ns->snapshots, (int)id) ||
        history_diff(l->ns, file, (int)id))
        return no_fit(l, err, "a diff of a file", file);
    d = history_add(l->ns, file, (int)id);
    d->length = length;
    if (has_copy)
        d->attrs = past_attrs_of(l, &copy);
    else
        diff_keep_attrs(l->ns, d, file);
    return take_past_blocks(l, d, whole, err);
}

/* ---- diffs of directories ---- */

static struct past_name named(uint64_t id, const char *text, unsigned n)
{
    struct past_name p = {.id = id, .n = (uint16_t)n, .text = malloc(n + 1u)};

    MUST(p.text);
    memcpy(p.text, text, n);
    p.text[n] = 0;
    return p;
}

static bool insert(struct past_names *l, struct past_name p)
{
    if (past_names_find(l, p.text, p.n)) {
        free(p.text);
        return false;
    }
    past_names_insert(l, p);
    return true;
}

/* @id has left the present, and @d has its name. */
static bool lose_place(struct loader *l, struct diff *d, uint64_t id)
{
    struct inode *i = inode_of(l, id, INODE_NONE);
    unsigned n;
    const char *name;

    if (!i || get48(i->parent) || id == NS_ROOT_ID || i->flags & INODE_PAST)
        return false;
    name = inode_name(l->ns, i, &n);
    put48(i->parent, d->inode);
    i->flags |= INODE_PAST;
    return n > 0 && insert(&d->lost, named(id, name, n));
}

static bool lose_reference(struct loader *l, struct diff *d, uint64_t k)
{
    const struct loaded_reference *r = k < l->reference_count ? &l->references[k] : NULL;
    struct past_name p;

    if (!r || !inode_of(l, r->id, INODE_NONE))
        return false;
    if (!r->name)
        return lose_place(l, d, r->id);
    p = named(r->id, r->name, r->name_n);
    p.moved = true;
    if (!insert(&d->lost, p))
        return false;
    history_ref_add(l->ns, &p, d->inode, d->snapshot);
    return true;
}

static bool take_lost(struct loader *l, struct diff *d, struct rd m)
{
    struct pb_field f = {0};
    bool good = true;

    while (good && pb_next(&m, &f)) {
        if (f.number != 7 && f.number != 8)
            continue;
        while (good && f.slice.at < f.slice.end && !f.slice.bad) {
            uint64_t v = pb_varint(&f.slice);

            good = f.number == 7 ? lose_place(l, d, v) : lose_reference(l, d, v);
        }
        good = good && !f.slice.bad;
    }
    return good && !m.bad;
}

/* Names that were gained, one a message: found in the diffs after this one, or in the present. */
static int take_gained(struct loader *l, struct image_reader *r, struct diff *d, uint64_t count,
                       struct err *err)
{
    struct pb_field f = {0};
    struct rd m;
    int rc = 1;

    for (uint64_t k = 0; k < count && rc == 1; k++) {
        uint64_t id;

        if ((rc = image_reader_next(r, &m, err)) != 1)
            break;
        if (!pb_next(&m, &f) || f.number != 1 || rd_left(&f.slice) > UINT16_MAX)
            return image_reader_bad(r, err, "a created name that does not parse");
        id = history_child(l->ns, d->inode, d->snapshot + 1, (const char *)f.slice.at,
                           (unsigned)rd_left(&f.slice));
        if (!id ||
            !insert(&d->gained, named(id, (const char *)f.slice.at, (unsigned)rd_left(&f.slice))))
            return no_fit(l, err, "a created name that is not there", d->inode);
    }
    return rc == 0 ? image_reader_bad(r, err, "created names are missing") : rc < 0 ? rc : 0;
}

static int load_dir_diff(struct loader *l, struct image_reader *r, uint64_t dir, struct rd m,
                         struct err *err)
{
    struct ns_load_inode copy = {.info.id = dir, .ns_quota = -1, .ds_quota = -1};
    struct pb_field f = {0};
    struct rd whole = m;
    uint64_t id = UINT64_MAX, gained = 0;
    struct diff *d;
    bool has_copy = false;

    while (pb_next(&m, &f)) {
        switch (f.number) {
        case 1: id = f.v; break;
        case 5: has_copy = loader_take_directory(l, f.slice, &copy); break;
        case 6: gained = f.v; break;
        default: break;
        }
    }
    if (m.bad || id > SNAPSHOT_ID_MAX || !snapshot_by_id(&l->ns->snapshots, (int)id))
        return no_fit(l, err, "a diff of a directory", dir);
    d = history_diff(l->ns, dir, (int)id); /* the snapshot's own directory has it already */
    if (!d)
        d = history_add(l->ns, dir, (int)id);
    if (has_copy && !d->attrs)
        d->attrs = past_attrs_of(l, &copy);
    if (!take_lost(l, d, whole))
        return no_fit(l, err, "a deleted name that can't be", dir);
    return take_gained(l, r, d, gained, err);
}

static int load_entry(struct loader *l, struct image_reader *r, struct rd m, struct err *err)
{
    struct pb_field f = {0};
    uint64_t type = 0, id = 0, count = 0;
    int rc = 0;

    while (pb_next(&m, &f)) {
        switch (f.number) {
        case 1: type = f.v; break;
        case 2: id = f.v; break;
        case 3: count = f.v; break;
        default: break;
        }
    }
    if (m.bad || !inode_of(l, id, type == 1 ? INODE_FILE : INODE_DIR))
        return no_fit(l, err, "diffs of no inode", id);
    for (uint64_t k = 0; k < count && rc == 0; k++) {
        if ((rc = image_reader_next(r, &m, err)) != 1)
            return rc < 0 ? rc : image_reader_bad(r, err, "diffs are missing");
        rc = type == 1 ? load_file_diff(l, id, m, err) : load_dir_diff(l, r, id, m, err);
        arena_reset(&l->inode_arena);
    }
    return rc;
}

/* ---- all of it ---- */

/* Inodes that only moved names keep, and where the others were moved to. */
static int settle_references(struct loader *l, struct err *err)
{
    for (uint32_t k = 0; k < l->reference_count; k++) {
        struct inode *i = inode_of(l, l->references[k].id, INODE_NONE);
        struct history *h = i ? history_get(l->ns, l->references[k].id) : NULL;

        if (!i)
            return no_fit(l, err, "a reference to nothing", l->references[k].id);
        if (h && h->ref_count > 0 && !get48(i->parent))
            i->flags |= INODE_PAST;
        if (h && !l->references[k].name)
            h->moved_at = (int)l->references[k].snapshot;
    }
    return 0;
}

int loader_past(struct loader *l, struct err *err)
{
    struct image_reader r;
    struct rd m;
    int rc = load_snapshots(l, err);

    if (rc < 0)
        return rc;
    rc = image_reader_open(&r, &l->file, "SNAPSHOT_DIFF", err);
    while (rc >= 0 && (rc = image_reader_next(&r, &m, err)) == 1)
        if ((rc = load_entry(l, &r, m, err)) < 0)
            break;
    image_reader_close(&r);
    return rc < 0 ? rc : settle_references(l, err);
}
