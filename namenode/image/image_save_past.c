/* image_save_past.c -- snapshots into an image: SNAPSHOT, SNAPSHOT_DIFF and INODE_REFERENCE.
 *
 * Format:  docs/formats/fsimage.md
 */
#include <stdlib.h>
#include <string.h>

#include "namenode/image/image_saver.h"
#include "namenode/namespace/ns_state.h"

/* ---- references ---- */

bool saver_is_referred(const struct saver *s, uint64_t id)
{
    return s->ns->snapshots.all && history_is_held(s->ns, id);
}

size_t saver_refer(struct saver *s, uint64_t id, const struct ns_entry *name, int snapshot)
{
    struct image_reference r = {.id = id, .snapshot = (uint32_t)snapshot};

    if (s->reference_count == s->reference_cap) {
        size_t cap = s->reference_cap * 2 + 64;
        struct image_reference *grown = realloc(s->references, cap * sizeof *grown);

        if (!grown) {
            saver_fail(s, err_set(s->err, ERR_NOMEM, "image"));
            return 0;
        }
        s->references = grown;
        s->reference_cap = cap;
    }
    if (name) {
        r.name = name->name;
        r.name_n = name->name_n;
    } else {
        r.snapshot = (uint32_t)history_get(s->ns, id)->moved_at;
    }
    s->references[s->reference_count] = r;
    return s->reference_count++;
}

static void save_references(struct saver *s)
{
    saver_begin(s);
    for (size_t k = 0; k < s->reference_count; k++) {
        const struct image_reference *r = &s->references[k];

        buf_clear(&s->body);
        pb_put_number(&s->body, 1, r->id);
        if (r->name)
            pb_put_bytes(&s->body, 2, r->name, r->name_n);
        pb_put_number(&s->body, r->name ? 4 : 3, r->snapshot);
        saver_put(s, &s->body);
    }
    saver_end(s, "INODE_REFERENCE");
}

/* ---- which snapshots there are ---- */

/* The directory as it was, under the snapshot's name. */
static void save_snapshot(struct saver *s, const struct snapshot *snapshot)
{
    struct inode_info root;
    struct buf whole;

    MUST(ns_info_at(s->ns, snapshot->dir, snapshot->id, &root));
    buf_clear(&s->body);
    saver_make_directory(s, &root);
    buf_init(&whole, s->body.max);
    pb_put_number(&whole, 1, 2); /* INode.Type.DIRECTORY */
    pb_put_number(&whole, 2, snapshot->dir);
    pb_put_bytes(&whole, 3, snapshot->name, strlen(snapshot->name));
    pb_put_bytes(&whole, 5, s->body.bytes, s->body.n);
    buf_clear(&s->body);
    pb_put_number(&s->body, 1, (uint64_t)snapshot->id);
    pb_put_bytes(&s->body, 2, whole.bytes, whole.n);
    s->body.bad |= whole.bad;
    buf_done(&whole);
    saver_put(s, &s->body);
}

static void save_snapshots(struct saver *s)
{
    const struct snapshot_table *t = &s->ns->snapshots;
    struct snapshot_dir *d, *next;

    saver_begin(s);
    buf_clear(&s->body);
    buf_clear(&s->part);
    pb_put_number(&s->body, 1, (uint64_t)t->next_id);
    HASH_ITER(hh, t->dirs, d, next)
    {
        buf_put_varint(&s->part, d->dir);
    }
    if (s->part.n > 0)
        pb_put_bytes(&s->body, 2, s->part.bytes, s->part.n);
    pb_put_number(&s->body, 3, snapshot_count(t));
    saver_put(s, &s->body);
    HASH_ITER(hh, t->dirs, d, next)
    {
        for (uint32_t k = 0; k < d->n; k++)
            save_snapshot(s, d->by_name[k]);
    }
    saver_end(s, "SNAPSHOT");
}

/* ---- diffs ---- */

static void save_entry(struct saver *s, const struct history *h, unsigned type)
{
    buf_clear(&s->body);
    pb_put_number(&s->body, 1, type);
    pb_put_number(&s->body, 2, h->inode);
    pb_put_number(&s->body, 3, h->n);
    saver_put(s, &s->body);
}

/* The attributes of @info, as a message of their own inside the diff that is being made. */
static void put_copy(struct saver *s, struct buf *out, unsigned field, unsigned name_field,
                     const struct inode_info *info)
{
    buf_clear(&s->body);
    if (info->kind == INODE_FILE)
        saver_make_file(s, info);
    else
        saver_make_directory(s, info);
    pb_put_bytes(out, name_field, info->name, info->name_n);
    pb_put_bytes(out, field, s->body.bytes, s->body.n);
    out->bad |= s->body.bad;
}

static void save_file_diff(struct saver *s, const struct diff *d)
{
    struct inode_info info;
    struct block_info b;
    struct buf out;

    MUST(ns_info_at(s->ns, d->inode, d->snapshot, &info));
    buf_init(&out, s->body.max);
    pb_put_number(&out, 1, (uint64_t)d->snapshot);
    pb_put_number(&out, 2, d->length);
    if (d->attrs)
        put_copy(s, &out, 4, 3, &info);
    buf_clear(&s->body);
    for (uint32_t k = 0; k < d->block_count; k++) {
        MUST(ns_block(s->ns, block_id_of(d->blocks[k]), &b));
        saver_put_block(&s->body, 5, &b);
    }
    buf_put(&out, s->body.bytes, s->body.n);
    out.bad |= s->body.bad;
    saver_put(s, &out);
    buf_done(&out);
}

static void put_lost(struct saver *s, struct buf *out, const struct diff *d)
{
    buf_clear(&s->part);
    buf_clear(&s->body);
    for (uint32_t k = 0; k < d->lost.n; k++) {
        const struct past_name *p = &d->lost.list[k];
        struct ns_entry name = {p->id, p->text, p->n};

        if (p->moved)
            buf_put_varint(&s->body, saver_refer(s, p->id, &name, d->snapshot));
        else if (saver_is_referred(s, p->id))
            buf_put_varint(&s->body, saver_refer(s, p->id, NULL, 0));
        else
            buf_put_varint(&s->part, p->id);
    }
    if (s->part.n > 0)
        pb_put_bytes(out, 7, s->part.bytes, s->part.n);
    if (s->body.n > 0)
        pb_put_bytes(out, 8, s->body.bytes, s->body.n);
    out->bad |= s->part.bad || s->body.bad;
}

static void save_gained(struct saver *s, const struct diff *d)
{
    for (uint32_t k = 0; k < d->gained.n; k++) {
        buf_clear(&s->body);
        pb_put_bytes(&s->body, 1, d->gained.list[k].text, d->gained.list[k].n);
        saver_put(s, &s->body);
    }
}

static void save_dir_diff(struct saver *s, const struct diff *d)
{
    bool is_root = snapshot_by_id(&s->ns->snapshots, d->snapshot)->dir == d->inode;
    struct inode_info info;
    struct buf out;

    MUST(ns_info_at(s->ns, d->inode, d->snapshot, &info));
    buf_init(&out, s->body.max);
    pb_put_number(&out, 1, (uint64_t)d->snapshot);
    pb_put_number(&out, 2, info.child_count);
    pb_put_number(&out, 3, is_root);
    if (!is_root && d->attrs)
        put_copy(s, &out, 5, 4, &info);
    pb_put_number(&out, 6, d->gained.n);
    put_lost(s, &out, d);
    saver_put(s, &out);
    buf_done(&out);
    save_gained(s, d);
}

/* The last diff comes first: a gained name is then looked for in those that were read before. */
static void save_diffs(struct saver *s)
{
    const struct history *h, *next;

    saver_begin(s);
    HASH_ITER(hh, s->ns->histories.rows, h, next)
    {
        bool file = inode_kind_of(ns_inode(s->ns, h->inode)) == INODE_FILE;

        if (h->n == 0 || s->rc < 0)
            continue;
        save_entry(s, h, file ? 1 : 2);
        for (uint32_t k = h->n; k > 0; k--) {
            if (file)
                save_file_diff(s, h->diffs[k - 1]);
            else
                save_dir_diff(s, h->diffs[k - 1]);
        }
    }
    saver_end(s, "SNAPSHOT_DIFF");
}

void saver_save_past(struct saver *s)
{
    save_snapshots(s);
    if (s->ns->snapshots.all)
        save_diffs(s);
    save_references(s);
}
