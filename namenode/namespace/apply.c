/* apply.c -- carries out one edit record; the only code that changes the namespace.
 *
 * Each function checks all that can be wrong first, then changes. What a record does to times is
 * Hadoop's: a directory's mtime becomes that of the change, if that is later.
 */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/apply.h"
#include "namenode/namespace/cache_table.h"
#include "namenode/namespace/dir.h"
#include "namenode/namespace/ns_quota.h"

/* ---- what a record refers to ---- */

static int no_such(struct err *err, const struct edit_op *op, const char *path)
{
    return err_set(err, ERR_INCONSISTENT, "record %llu (op %d): %s: no such file or directory",
                   (unsigned long long)op->txid, op->code, path);
}

int apply_find(const struct namespace *ns, const struct edit_op *op, const char *path,
               uint64_t *out, struct err *err)
{
    uint64_t id = path ? ns_lookup(ns, path) : 0;

    if (!id)
        return no_such(err, op, path ? path : "(no path)");
    *out = id;
    return 0;
}

int apply_find_file(const struct namespace *ns, const struct edit_op *op, const char *path,
                    uint64_t *out, struct err *err)
{
    int rc = apply_find(ns, op, path, out, err);

    if (rc == 0 && ns_kind(ns, *out) != INODE_FILE)
        return err_set(err, ERR_INCONSISTENT, "record %llu (op %d): %s: not a file",
                       (unsigned long long)op->txid, op->code, path);
    return rc;
}

/* The directory that @path's last name is in, and that name. */
static int find_parent(const struct namespace *ns, const struct edit_op *op, const char *path,
                       uint64_t *dir, const char **name, unsigned *n, struct err *err)
{
    size_t len = path ? strlen(path) : 0, cut;
    char up[NS_PATH_MAX + 2];

    while (len > 1 && path[len - 1] == '/')
        len--;
    for (cut = len; cut > 0 && path[cut - 1] != '/'; cut--)
        ;
    if (cut == 0 || cut == len || cut > NS_PATH_MAX)
        return err_set(err, ERR_INCONSISTENT, "record %llu (op %d): path \"%.100s\"",
                       (unsigned long long)op->txid, op->code, path ? path : "");
    memcpy(up, path, cut);
    up[cut] = 0;
    *dir = ns_lookup(ns, up);
    if (!*dir || ns_kind(ns, *dir) != INODE_DIR)
        return no_such(err, op, up);
    *name = path + cut;
    *n = (unsigned)(len - cut);
    return 0;
}

/* Logs of Hadoop 1 name no inode: those get the next one. */
static uint64_t id_of_new(const struct namespace *ns, const struct edit_op *op)
{
    return op->inode_id ? op->inode_id : ns->last_inode + 1;
}

/* A directory gets a name at @when; as in Hadoop, snapshots show this time, too. */
static int touch_dir_unseen(struct namespace *ns, uint64_t dir, uint64_t when, struct err *err)
{
    if (when == UINT64_MAX || inode_mtime(ns, dir) >= when)
        return 0;
    return inode_set_times(ns, dir, when, UINT64_MAX, err);
}

int apply_touch_dir(struct namespace *ns, uint64_t dir, uint64_t when, struct err *err)
{
    if (when == UINT64_MAX || inode_mtime(ns, dir) >= when)
        return 0;
    history_touch(ns, dir);
    return inode_set_times(ns, dir, when, UINT64_MAX, err);
}

/* ---- files being written ---- */

static int open_by(struct namespace *ns, uint64_t file, const char *holder, const char *machine,
                   struct err *err)
{
    int rc = lease_give(ns->leases, file, holder ? holder : "", machine, err);

    if (rc == 0)
        ns_inode(ns, file)->flags |= INODE_OPEN;
    return rc;
}

static void close_file(struct namespace *ns, uint64_t file)
{
    file_end_cut(ns, file);
    lease_end(ns->leases, file);
    ns_inode(ns, file)->flags &= (uint8_t)~INODE_OPEN;
}

/* A block that is not full is written on; else the next one will be a new one. */
static void reopen_last_block(struct namespace *ns, uint64_t file)
{
    const struct inode *i = ns_inode(ns, file);
    uint32_t n = file_block_count(ns, i);
    struct block *b = n ? block_get(&ns->blocks, file_block_number(ns, i, n - 1)) : NULL;

    if (b && get48(b->length) < ns_attr(ns, i)->block_size)
        b->bits = (uint8_t)((b->bits & ~BLOCK_STATE_MASK) | BLOCK_UNDER_CONSTRUCTION);
}

static void note_block(struct namespace *ns, const struct edit_block *b)
{
    if (b->id >> 63) {
        if (b->id > ns->last_group || !ns->last_group)
            ns->last_group = b->id;
    } else if (b->id > ns->last_block) {
        ns->last_block = b->id;
    }
    if (b->gs > ns->gs)
        ns->gs = b->gs;
}

/* Adds a block at the end of a file, or changes nothing. */
static int add_block(struct namespace *ns, uint64_t file, const struct edit_block *b,
                     enum block_state state, struct err *err)
{
    int rc = file_make_block(ns, file, b, state, err);

    if (rc < 0)
        return rc;
    rc = file_add_block(ns, file, block_number(b->id), err);
    if (rc < 0) {
        block_drop(&ns->blocks, block_number(b->id));
        return rc;
    }
    note_block(ns, b);
    return 0;
}

static void update_block(struct namespace *ns, const struct edit_block *in, bool complete)
{
    struct block *b = block_get(&ns->blocks, block_number(in->id));

    put48(b->length, in->length);
    put48(b->gs, in->gs);
    if (complete)
        b->bits &= (uint8_t)~BLOCK_STATE_MASK;
    note_block(ns, in);
}

static int check_blocks(const struct namespace *ns, const struct edit_op *op, uint64_t file,
                        struct err *err)
{
    const struct inode *i = ns_inode(ns, file);
    uint32_t have = file_block_count(ns, i);

    for (int k = 0; k < op->block_count; k++) {
        const struct edit_block *b = &op->blocks[k];
        uint64_t number = block_number(b->id);

        if (number == BLOCK_NONE || b->gs > U48_MAX || b->length > U48_MAX)
            return err_set(err, ERR_INCONSISTENT, "record %llu: %s: blk_%lld can't be kept",
                           (unsigned long long)op->txid, op->path, (long long)b->id);
        if ((uint32_t)k < have && file_block_number(ns, i, (uint32_t)k) != number)
            return err_set(
                err, ERR_INCONSISTENT, "record %llu: %s: block %d is blk_%lld, not blk_%lld",
                (unsigned long long)op->txid, op->path, k,
                (long long)block_id_of(file_block_number(ns, i, (uint32_t)k)), (long long)b->id);
        if ((uint32_t)k >= have && block_get(&ns->blocks, number))
            return err_set(err, ERR_INCONSISTENT,
                           "record %llu: %s: blk_%lld belongs to another file",
                           (unsigned long long)op->txid, op->path, (long long)b->id);
    }
    return 0;
}

/* Makes the file's blocks those of the record. The last one stays unfinished unless the record
 * closes the file. */
static int set_blocks(struct namespace *ns, const struct edit_op *op, uint64_t file, bool closing,
                      struct err *err)
{
    uint32_t have = file_block_count(ns, ns_inode(ns, file));
    int rc = check_blocks(ns, op, file, err);

    for (int k = 0; k < op->block_count && rc == 0; k++) {
        bool last = k == op->block_count - 1;
        bool done = !last || closing;

        if ((uint32_t)k < have)
            update_block(ns, &op->blocks[k], done);
        else
            rc = add_block(ns, file, &op->blocks[k],
                           done ? BLOCK_COMPLETE : BLOCK_UNDER_CONSTRUCTION, err);
    }
    for (; rc == 0 && have > (uint32_t)op->block_count; have--)
        file_drop_last_block(ns, file);
    return rc;
}

/* ---- creating and closing ---- */

static int create_file(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct new_inode in = {.id = id_of_new(ns, op),
                           .kind = INODE_FILE,
                           .user = op->user,
                           .group = op->group,
                           .mode = op->mode,
                           .replication = op->replication,
                           .block_size = op->block_size,
                           .mtime_ms = op->mtime_ms,
                           .atime_ms = op->atime_ms,
                           .storage_policy = op->storage_policy,
                           .ec_policy = op->ec_policy};
    const char *name;
    uint64_t dir;
    unsigned n;
    int rc = find_parent(ns, op, op->path, &dir, &name, &n, err);

    if (rc == 0)
        rc = ns_make_inode(ns, &in, err);
    if (rc < 0)
        return rc;
    rc = apply_acl(ns, in.id, op->acl, op->acl_count, err);
    if (rc == 0)
        rc = apply_xattrs(ns, in.id, op->xattrs, op->xattr_count, err);
    if (rc == 0 && op->client_name && op->client_name[0])
        rc = open_by(ns, in.id, op->client_name, op->client_machine, err);
    if (rc == 0)
        rc = set_blocks(ns, op, in.id, false, err);
    if (rc == 0)
        rc = touch_dir_unseen(ns, dir, op->mtime_ms, err);
    if (rc == 0)
        rc = ns_link(ns, dir, in.id, name, n, err);
    if (rc == 0) {
        quota_charge_tree(ns, in.id, dir, 1);
        history_gain(ns, in.id);
    }
    if (rc < 0) {
        lease_end(ns->leases, in.id);
        ns->file_count--;
        ns_drop_inode(ns, in.id);
    }
    return rc;
}

static int apply_add(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t old = op->path ? ns_lookup(ns, op->path) : 0;
    int rc;

    if (old && ns_kind(ns, old) != INODE_FILE)
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s is there and no file",
                       (unsigned long long)op->txid, op->path);
    if (old && !op->overwrite) { /* an older way to write: blocks of an open file, or append */
        rc = check_blocks(ns, op, old, err);
        if (rc == 0)
            history_touch(ns, old);
        if (rc == 0 && !(ns_inode(ns, old)->flags & INODE_OPEN)) {
            rc = open_by(ns, old, op->client_name, op->client_machine, err);
            if (rc == 0)
                reopen_last_block(ns, old);
        }
        if (rc == 0)
            rc = inode_set_times(ns, old, op->mtime_ms, op->atime_ms, err);
        return rc == 0 ? set_blocks(ns, op, old, false, err) : rc;
    }
    if (ns_inode(ns, op->inode_id))
        return err_set(err, ERR_INCONSISTENT, "record %llu: inode %llu is there already",
                       (unsigned long long)op->txid, (unsigned long long)op->inode_id);
    if (old)
        ns_delete_tree(ns, old);
    return create_file(ns, op, err);
}

static int apply_close(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t file;
    int rc = apply_find_file(ns, op, op->path, &file, err);

    if (rc == 0)
        rc = check_blocks(ns, op, file, err);
    if (rc == 0)
        rc = set_blocks(ns, op, file, true, err);
    if (rc == 0)
        history_touch(ns, file); /* with the length it has become */
    if (rc == 0)
        rc = inode_set_times(ns, file, op->mtime_ms, op->atime_ms, err);
    if (rc == 0)
        close_file(ns, file);
    return rc;
}

/* The record names the block before the new one, with its final length, and the new one. */
static int apply_add_block(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    const struct edit_block *last = op->block_count ? &op->blocks[op->block_count - 1] : NULL;
    uint64_t file;
    uint32_t have;
    int rc = apply_find_file(ns, op, op->path, &file, err);

    if (rc < 0)
        return rc;
    have = file_block_count(ns, ns_inode(ns, file));
    if (!last || op->block_count > 2)
        return err_set(err, ERR_INCONSISTENT, "record %llu: %d blocks in ADD_BLOCK",
                       (unsigned long long)op->txid, op->block_count);
    if ((have > 0) != (op->block_count == 2))
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s: has %u blocks, the record names %d",
                       (unsigned long long)op->txid, op->path, have, op->block_count);
    if (have > 0) {
        uint64_t number = file_block_number(ns, ns_inode(ns, file), have - 1);

        if (number != block_number(op->blocks[0].id) || op->blocks[0].length > U48_MAX)
            return err_set(err, ERR_INCONSISTENT, "record %llu: %s: blk_%lld is not its last block",
                           (unsigned long long)op->txid, op->path, (long long)op->blocks[0].id);
    }
    rc = add_block(ns, file, last, BLOCK_UNDER_CONSTRUCTION, err);
    if (rc == 0 && have > 0) {
        /* Its state follows from what datanodes report; a replay has nobody to wait for. */
        struct block *b = block_get(&ns->blocks, block_number(op->blocks[0].id));
        bool known = (b->bits & BLOCK_STATE_MASK) == BLOCK_COMMITTED;

        update_block(ns, &op->blocks[0], !known);
    }
    return rc;
}

static int apply_update_blocks(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t file;
    int rc = apply_find_file(ns, op, op->path, &file, err);

    return rc == 0 ? set_blocks(ns, op, file, false, err) : rc;
}

static int apply_append(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t file;
    int rc = apply_find_file(ns, op, op->path, &file, err);

    /* Hadoop passes over the record of a file that is open already. */
    if (rc < 0 || ns_inode(ns, file)->flags & INODE_OPEN)
        return rc;
    history_touch(ns, file);
    rc = open_by(ns, file, op->client_name, op->client_machine, err);
    if (rc == 0 && !op->new_block)
        reopen_last_block(ns, file);
    return rc;
}

/* A snapshot, or a rolling upgrade that may be undone, needs the last block as it is: a copy of it
 * with an id of its own, cut to @length, takes its place. */
static int begin_copy(struct namespace *ns, const struct edit_op *op, uint64_t file,
                      uint64_t length, struct err *err)
{
    struct edit_block copy = {.id = op->blocks[0].id, .length = length, .gs = op->blocks[0].gs};
    uint32_t n = file_block_count(ns, ns_inode(ns, file));
    uint64_t source = file_block_number(ns, ns_inode(ns, file), n - 1);
    int rc;

    if (block_get(&ns->blocks, block_number(copy.id)))
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s: blk_%lld is not its last block",
                       (unsigned long long)op->txid, op->path, (long long)copy.id);
    rc = open_by(ns, file, op->client_name, op->client_machine, err);
    if (rc < 0)
        return rc;
    lease_set_cut(ns->leases, file, (struct lease_cut){.length = length, .source = source});
    file_drop_last_block(ns, file);
    return add_block(ns, file, &copy, BLOCK_UNDER_RECOVERY, err);
}

/* A truncate that ends inside the @k-th block: the file is open until its replicas have been cut to
 * @length, and keeps what it has of that block till then. The record's block says under which stamp.
 */
static int begin_cut(struct namespace *ns, const struct edit_op *op, uint64_t file, uint32_t k,
                     uint64_t length, struct err *err)
{
    uint64_t number = file_block_number(ns, ns_inode(ns, file), k);
    struct block *b = block_get(&ns->blocks, number);
    int rc;

    if (op->block_count != 1)
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s: %d blocks in TRUNCATE",
                       (unsigned long long)op->txid, op->path, op->block_count);
    if (block_number(op->blocks[0].id) != number)
        return begin_copy(ns, op, file, length, err);
    rc = open_by(ns, file, op->client_name, op->client_machine, err);
    if (rc < 0)
        return rc;
    lease_set_cut(ns->leases, file, (struct lease_cut){.length = length});
    b->bits = (uint8_t)((b->bits & ~BLOCK_STATE_MASK) | BLOCK_UNDER_RECOVERY);
    note_block(ns, &op->blocks[0]);
    return 0;
}

static int apply_truncate(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t file, total = 0, at = 0;
    uint32_t n, keep = 0;
    int rc = apply_find_file(ns, op, op->path, &file, err);

    if (rc < 0)
        return rc;
    n = file_block_count(ns, ns_inode(ns, file));
    for (; keep < n && total < op->new_length; keep++) {
        at = total;
        total +=
            get48(block_get(&ns->blocks, file_block_number(ns, ns_inode(ns, file), keep))->length);
    }
    if (total < op->new_length)
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s: truncated to %llu, has %llu bytes",
                       (unsigned long long)op->txid, op->path, (unsigned long long)op->new_length,
                       (unsigned long long)total);
    history_touch_blocks(ns, file);
    for (uint32_t behind = n; behind > keep; behind--)
        file_drop_last_block(ns, file);
    if (total > op->new_length)
        rc = begin_cut(ns, op, file, keep - 1, op->new_length - at, err);
    if (rc < 0)
        return rc;
    return inode_set_times(ns, file, op->mtime_ms, UINT64_MAX, err);
}

static int apply_reassign_lease(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    const char *machine;
    uint64_t file;
    int rc = apply_find_file(ns, op, op->path, &file, err);

    if (rc < 0)
        return rc;
    machine = lease_machine(ns->leases, file);
    if (!machine)
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s has no writer",
                       (unsigned long long)op->txid, op->path);
    return lease_give(ns->leases, file, op->new_holder ? op->new_holder : "", machine, err);
}

/* ---- names ---- */

static int make_named(struct namespace *ns, const struct edit_op *op, struct new_inode *in,
                      struct err *err)
{
    const char *name;
    uint64_t dir;
    unsigned n;
    int rc = find_parent(ns, op, op->path, &dir, &name, &n, err);

    if (rc < 0)
        return rc;
    if (ns_child_of(ns, dir, name, n))
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s is there already",
                       (unsigned long long)op->txid, op->path);
    rc = ns_make_inode(ns, in, err);
    if (rc < 0)
        return rc;
    rc = apply_acl(ns, in->id, op->acl, op->acl_count, err);
    if (rc == 0)
        rc = apply_xattrs(ns, in->id, op->xattrs, op->xattr_count, err);
    if (rc == 0)
        rc = touch_dir_unseen(ns, dir, op->mtime_ms, err);
    if (rc == 0)
        rc = ns_link(ns, dir, in->id, name, n, err);
    if (rc == 0) {
        quota_charge_tree(ns, in->id, dir, 1);
        history_gain(ns, in->id);
    }
    if (rc < 0)
        ns_drop_inode(ns, in->id);
    return rc;
}

static int apply_mkdir(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct new_inode in = {.id = id_of_new(ns, op),
                           .kind = INODE_DIR,
                           .user = op->user,
                           .group = op->group,
                           .mode = op->mode,
                           .mtime_ms = op->mtime_ms};

    return make_named(ns, op, &in, err);
}

static int apply_symlink(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct new_inode in = {.id = id_of_new(ns, op),
                           .kind = INODE_SYMLINK,
                           .user = op->user,
                           .group = op->group,
                           .mode = op->mode,
                           .mtime_ms = op->mtime_ms,
                           .atime_ms = op->atime_ms,
                           .target = op->path2 ? op->path2 : ""};

    return make_named(ns, op, &in, err);
}

static int apply_delete(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t id = 0, dir;
    int rc = apply_find(ns, op, op->path, &id, err);

    if (rc == 0 && id == NS_ROOT_ID)
        return err_set(err, ERR_INCONSISTENT, "record %llu deletes the root",
                       (unsigned long long)op->txid);
    if (rc < 0)
        return rc;
    dir = ns_parent(ns, id);
    rc = apply_touch_dir(ns, dir, op->mtime_ms, err);
    if (rc == 0)
        ns_delete_tree(ns, id);
    return rc;
}

int apply_move(struct namespace *ns, uint64_t id, uint64_t dir, const char *name, unsigned n,
               struct err *err)
{
    uint64_t from = ns_parent(ns, id);
    uint8_t policy = ns_storage_policy(ns, id);
    char old[UINT16_MAX + 1];
    unsigned old_n;
    const char *have = inode_name(ns, ns_inode(ns, id), &old_n);
    int rc;

    memcpy(old, have, old_n);
    if (history_cover_place(ns, id) != SNAPSHOT_NONE)
        history_touch_blocks(ns, id);
    quota_charge_tree(ns, id, from, -1);
    history_lose(ns, id, true);
    ns_unlink(ns, id);
    rc = ns_link(ns, dir, id, name, n, err);
    MUST(rc == 0 || !ns->snapshots.all);
    if (rc < 0)
        MUST(ns_link(ns, from, id, old, old_n, NULL) == 0);
    quota_charge_tree(ns, id, ns_parent(ns, id), 1);
    if (ns_storage_policy(ns, id) != policy)
        quota_recount_types(ns, id);
    if (rc == 0) {
        history_gain(ns, id);
        history_moved_to(ns, id);
    }
    return rc;
}

/* The record's target; with the older rename an existing directory stands for a name inside. */
static int rename_target(const struct namespace *ns, const struct edit_op *op, uint64_t src,
                         uint64_t *dir, const char **name, unsigned *n, struct err *err)
{
    bool may_move_into = op->code == EDIT_RENAME_OLD && op->path2;
    uint64_t dst = may_move_into ? ns_lookup(ns, op->path2) : 0;

    if (dst && ns_kind(ns, dst) == INODE_DIR) {
        *dir = dst;
        *name = inode_name(ns, ns_inode(ns, src), n);
        return 0;
    }
    return find_parent(ns, op, op->path2, dir, name, n, err);
}

static int apply_rename(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t src = 0, dir = 0, from, old;
    char name[UINT16_MAX + 1];
    const char *text;
    unsigned n;
    int rc = apply_find(ns, op, op->path, &src, err);

    if (rc == 0)
        rc = rename_target(ns, op, src, &dir, &text, &n, err);
    if (rc < 0)
        return rc;
    if (src == NS_ROOT_ID || n > UINT16_MAX || ns_is_within(ns, dir, src))
        return err_set(err, ERR_INCONSISTENT, "record %llu moves %s into itself",
                       (unsigned long long)op->txid, op->path);
    memcpy(name, text, n);
    from = ns_parent(ns, src);
    old = ns_child_of(ns, dir, name, n);
    if (old == src)
        return 0;
    if (old && !(op->rename_options & RENAME_OVERWRITE))
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s is there already",
                       (unsigned long long)op->txid, op->path2);
    if (old && ns_is_within(ns, src, old))
        return err_set(err, ERR_INCONSISTENT, "record %llu: %s is above %s",
                       (unsigned long long)op->txid, op->path2, op->path);
    rc = touch_dir_unseen(ns, dir, inode_mtime(ns, src), err);
    if (rc == 0)
        rc = apply_touch_dir(ns, from, op->mtime_ms, err);
    if (rc == 0)
        rc = apply_touch_dir(ns, dir, op->mtime_ms, err);
    if (rc == 0 && old)
        ns_delete_tree(ns, old);
    return rc == 0 ? apply_move(ns, src, dir, name, n, err) : rc;
}

/* ---- joining files ---- */

/* All that can be wrong with the sources; how many blocks there will be. */
static int check_sources(const struct namespace *ns, const struct edit_op *op, uint64_t target,
                         uint64_t *ids, uint64_t *blocks, struct err *err)
{
    *blocks = file_block_count(ns, ns_inode(ns, target));
    for (int k = 0; k < op->source_count; k++) {
        int rc = apply_find_file(ns, op, op->sources[k], &ids[k], err);

        if (rc < 0)
            return rc;
        for (int j = 0; j < k; j++)
            if (ids[j] == ids[k])
                return err_set(err, ERR_INCONSISTENT, "record %llu: %s is joined twice",
                               (unsigned long long)op->txid, op->sources[k]);
        if (ids[k] == target || history_cover(ns, ids[k]) != SNAPSHOT_NONE)
            return err_set(err, ERR_INCONSISTENT,
                           "record %llu: %s is joined to itself, or %s "
                           "is in a snapshot",
                           (unsigned long long)op->txid, op->path, op->sources[k]);
        *blocks += file_block_count(ns, ns_inode(ns, ids[k]));
    }
    return *blocks > UINT32_MAX ? err_set(err, ERR_LIMIT, "%s: too many blocks", op->path) : 0;
}

static uint32_t gather(const struct namespace *ns, uint64_t file, uint64_t *numbers, uint32_t at)
{
    const struct inode *i = ns_inode(ns, file);
    uint32_t n = file_block_count(ns, i);

    for (uint32_t k = 0; k < n; k++)
        numbers[at + k] = file_block_number(ns, i, k);
    return at + n;
}

/* Blocks of the sources go over to the target, in order; the sources go. */
static int join(struct namespace *ns, const struct edit_op *op, uint64_t target,
                const uint64_t *ids, uint64_t *numbers, struct err *err)
{
    uint32_t own = gather(ns, target, numbers, 0), n = own;
    int rc;

    for (int k = 0; k < op->source_count; k++)
        n = gather(ns, ids[k], numbers, n);
    /* Nothing has changed yet: this is no NOMEM in the middle. */
    if (slab_reserve(&ns->tree, ((size_t)n * 6 + 8) * 2, NULL) < 0)
        return err_set(err, ERR_LIMIT, "%s: no memory to list %u blocks", op->path, n);
    for (int k = 0; k < op->source_count; k++) {
        const struct quota_use none = {0}, use = quota_of_file(ns, ids[k]);

        quota_charge(ns, ns_parent(ns, ids[k]), &none, &use);
    }
    history_touch(ns, target);
    rc = file_set_blocks(ns, target, numbers, n, err);
    if (rc < 0)
        return rc;
    for (uint32_t k = own; k < n; k++)
        put48(block_get(&ns->blocks, numbers[k])->file, target);
    for (int k = 0; k < op->source_count; k++) {
        file_free_list(ns, ns_inode(ns, ids[k]));
        ns_delete_tree(ns, ids[k]);
    }
    rc = inode_set_times(ns, target, op->mtime_ms, UINT64_MAX, err);
    return rc == 0 ? apply_touch_dir(ns, ns_parent(ns, target), op->mtime_ms, err) : rc;
}

static int apply_concat(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t target, blocks = 0, *numbers = NULL;
    uint64_t *ids = calloc((size_t)op->source_count + 1, sizeof *ids);
    int rc = ids ? apply_find_file(ns, op, op->path, &target, err)
                 : err_set(err, ERR_LIMIT, "%s: no memory to join files", op->path);

    if (rc == 0)
        rc = check_sources(ns, op, target, ids, &blocks, err);
    if (rc == 0 && !(numbers = calloc(blocks + 1, sizeof *numbers)))
        rc = err_set(err, ERR_LIMIT, "%s: no memory to join files", op->path);
    if (rc == 0)
        rc = join(ns, op, target, ids, numbers, err);
    free(numbers);
    free(ids);
    return rc;
}

/* ---- counters and segments ---- */

static int apply_gs(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    (void)err;
    if (op->code == EDIT_SET_GENSTAMP_V1)
        ns->gs_v1 = op->gs;
    else
        ns->gs = op->gs;
    return 0;
}

static int apply_block_id(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    (void)err;
    if (op->block_id >> 63)
        ns->last_group = op->block_id;
    else
        ns->last_block = op->block_id;
    return 0;
}

/* The record carries the time: of the beginning, or of the end. */
static int apply_rolling_upgrade(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    (void)err;
    ns->rolling_upgrade_ms = op->code == EDIT_ROLLING_UPGRADE_START ? op->mtime_ms : 0;
    ns->rolling_upgrade_is_over = op->code == EDIT_ROLLING_UPGRADE_FINALIZE;
    return 0;
}

static int apply_ec_policy(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    return ec_apply(ns->ec, op, err);
}

static int apply_nothing(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    (void)ns;
    (void)op;
    (void)err;
    return 0;
}

static int apply_cache(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    return cache_apply(ns->cache, op, err);
}

/* ---- the table ---- */

typedef int (*applier)(struct namespace *ns, const struct edit_op *op, struct err *err);

static const applier table[] = {
    [EDIT_ADD] = apply_add,
    [EDIT_CLOSE] = apply_close,
    [EDIT_ADD_BLOCK] = apply_add_block,
    [EDIT_UPDATE_BLOCKS] = apply_update_blocks,
    [EDIT_APPEND] = apply_append,
    [EDIT_TRUNCATE] = apply_truncate,
    [EDIT_REASSIGN_LEASE] = apply_reassign_lease,
    [EDIT_MKDIR] = apply_mkdir,
    [EDIT_SYMLINK] = apply_symlink,
    [EDIT_DELETE] = apply_delete,
    [EDIT_RENAME_OLD] = apply_rename,
    [EDIT_RENAME] = apply_rename,
    [EDIT_CONCAT_DELETE] = apply_concat,
    [EDIT_SET_REPLICATION] = apply_attributes,
    [EDIT_SET_PERMISSIONS] = apply_attributes,
    [EDIT_SET_OWNER] = apply_attributes,
    [EDIT_SET_STORAGE_POLICY] = apply_attributes,
    [EDIT_TIMES] = apply_times,
    [EDIT_SET_ACL] = apply_set_acl,
    [EDIT_SET_XATTR] = apply_set_xattr,
    [EDIT_REMOVE_XATTR] = apply_remove_xattr,
    [EDIT_SET_QUOTA] = apply_quota,
    [EDIT_SET_NS_QUOTA] = apply_quota,
    [EDIT_CLEAR_NS_QUOTA] = apply_quota,
    [EDIT_SET_QUOTA_BY_STORAGETYPE] = apply_quota,
    [EDIT_SET_GENSTAMP_V1] = apply_gs,
    [EDIT_SET_GENSTAMP_V2] = apply_gs,
    [EDIT_ALLOCATE_BLOCK_ID] = apply_block_id,
    [EDIT_START_LOG_SEGMENT] = apply_nothing,
    [EDIT_END_LOG_SEGMENT] = apply_nothing,
    [EDIT_GET_DELEGATION_TOKEN] = apply_nothing,
    [EDIT_RENEW_DELEGATION_TOKEN] = apply_nothing,
    [EDIT_CANCEL_DELEGATION_TOKEN] = apply_nothing,
    [EDIT_UPDATE_MASTER_KEY] = apply_nothing,
    [EDIT_ADD_CACHE_DIRECTIVE] = apply_cache,
    [EDIT_REMOVE_CACHE_DIRECTIVE] = apply_cache,
    [EDIT_MODIFY_CACHE_DIRECTIVE] = apply_cache,
    [EDIT_ADD_CACHE_POOL] = apply_cache,
    [EDIT_MODIFY_CACHE_POOL] = apply_cache,
    [EDIT_REMOVE_CACHE_POOL] = apply_cache,
    [EDIT_ROLLING_UPGRADE_START] = apply_rolling_upgrade,
    [EDIT_ROLLING_UPGRADE_FINALIZE] = apply_rolling_upgrade,
    [EDIT_ADD_EC_POLICY] = apply_ec_policy,
    [EDIT_ENABLE_EC_POLICY] = apply_ec_policy,
    [EDIT_DISABLE_EC_POLICY] = apply_ec_policy,
    [EDIT_REMOVE_EC_POLICY] = apply_ec_policy,
    [EDIT_ALLOW_SNAPSHOT] = apply_allow_snapshot,
    [EDIT_DISALLOW_SNAPSHOT] = apply_disallow_snapshot,
    [EDIT_CREATE_SNAPSHOT] = apply_create_snapshot,
    [EDIT_DELETE_SNAPSHOT] = apply_delete_snapshot,
    [EDIT_RENAME_SNAPSHOT] = apply_rename_snapshot,
    [EDIT_SPLICE] = apply_splice,
    [EDIT_EXCHANGE] = apply_exchange,
};

/* ---- memory ---- */

/* Runs of the slab that one record may need: each size of object that it makes or moves can begin
 * a run of its own. */
enum { RUNS_FOR_NAMES = 4, RUNS_FOR_TREE = 16, RUNS_FOR_BLOCKS = 4, RUNS_FOR_EACH_BLOCK = 2 };

static int new_blocks(const struct namespace *ns, const struct edit_op *op)
{
    int n = 0;

    for (int k = 0; k < op->block_count; k++)
        n += !block_get(&ns->blocks, block_number(op->blocks[k].id));
    return n;
}

/* What only takes away or changes in place must go on when memory is full. */
static bool takes_memory(const struct edit_op *op, int blocks)
{
    switch (op->code) {
    case EDIT_ADD:
    case EDIT_MKDIR:
    case EDIT_SYMLINK:
    case EDIT_RENAME:
    case EDIT_RENAME_OLD:
    case EDIT_EXCHANGE: return true;
    default: return blocks > 0;
    }
}

/* Once this is had, carrying out the record can't run out of memory half-way. */
static int reserve_for(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    size_t lists = ns->longest_list * 2 + (size_t)op->block_count * 16;
    int blocks = new_blocks(ns, op), rc;

    if (!takes_memory(op, blocks))
        return 0;
    rc = slab_reserve(&ns->names, RUNS_FOR_NAMES * SLAB_RUN_BYTES, err);
    if (rc == 0)
        rc = slab_reserve(&ns->tree, RUNS_FOR_TREE * SLAB_RUN_BYTES + lists, err);
    if (rc == 0)
        rc = slab_reserve(&ns->block_slab,
                          ((size_t)blocks * RUNS_FOR_EACH_BLOCK + RUNS_FOR_BLOCKS) * SLAB_RUN_BYTES,
                          err);
    return rc;
}

/* What the record may change without a name coming or going: a file's space, or by its policy what
 * a whole tree has on which kind of storage. */
static struct quota_use use_of(const struct namespace *ns, const struct edit_op *op, uint64_t id)
{
    if (op->code == EDIT_RENAME || op->code == EDIT_RENAME_OLD || op->code == EDIT_EXCHANGE)
        return (struct quota_use){0}; /* charged where it went from and to */
    if (ns_kind(ns, id) == INODE_FILE)
        return quota_of_file(ns, id);
    if (op->code == EDIT_SET_STORAGE_POLICY && ns_kind(ns, id) == INODE_DIR)
        return quota_count(ns, id);
    return (struct quota_use){0};
}

/* The index and attributes are small and come from malloc; when that has nothing left in the
 * middle of a change, nobody can say what has changed, and the process stops. */
int ns_apply(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    unsigned code = (unsigned)op->code;
    struct quota_use before = {0}, now;
    uint64_t counted;
    int rc;

    if (code >= sizeof table / sizeof table[0] || !table[code])
        return err_set(err, ERR_INCONSISTENT, "record %llu has the unknown code %u",
                       (unsigned long long)op->txid, code);
    rc = reserve_for(ns, op, err);
    if (rc < 0)
        return rc;
    counted = ns->quota_dirs && op->path ? ns_lookup(ns, op->path) : 0;
    if (counted)
        before = use_of(ns, op, counted);
    rc = table[code](ns, op, err);
    MUST(rc != -ERR_NOMEM);
    if (counted && ns_kind(ns, counted) != INODE_NONE && history_is_present(ns, counted)) {
        now = use_of(ns, op, counted);
        quota_charge(ns, ns_parent(ns, counted), &now, &before);
    }
    if (counted && op->code == EDIT_SET_STORAGE_POLICY)
        quota_recount_types(ns, counted);
    return rc;
}
