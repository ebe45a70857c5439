/* ns_quota.c -- how much each directory with a quota uses, and whether a change would exceed it.
 *
 * A directory with a quota carries what its tree uses; every change is charged to those above it,
 * so asking costs a walk to the root. Without any quota nothing is counted at all.
 */
#include "namenode/ns_quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/dir.h"

/* ---- what a file takes on the datanodes ---- */

/* Hadoop's erasure coding policies by number: units of data and parity in a group of 1 MiB cells. */
static const struct {
    uint8_t data, parity;
} striped[] = {[1] = {6, 3}, [2] = {3, 2}, [3] = {6, 3}, [4] = {2, 1}, [5] = {10, 4}};

enum { CELL_BYTES = 1 << 20 };

static bool is_striped(const struct attr *a)
{
    return a->ec_policy && a->ec_policy < sizeof striped / sizeof striped[0];
}

static uint64_t group_space(const struct attr *a, uint64_t length)
{
    uint64_t stripe = (uint64_t)striped[a->ec_policy].data * CELL_BYTES;
    uint64_t rest = length % stripe;
    uint64_t each = length / stripe * CELL_BYTES + (rest < CELL_BYTES ? rest : CELL_BYTES);

    return length + each * striped[a->ec_policy].parity;
}

static uint64_t block_space(const struct attr *a, uint64_t length)
{
    return is_striped(a) ? group_space(a, length) : length * a->replication;
}

/* A block that is being written counts as a whole one: it may become that. */
static uint64_t unfinished_space(const struct attr *a)
{
    unsigned units = 0;

    if (is_striped(a))
        units = (unsigned)striped[a->ec_policy].data + striped[a->ec_policy].parity;
    return a->block_size * (units ? units : a->replication);
}

uint64_t ns_file_space(const struct namespace *ns, uint64_t id)
{
    const struct inode *i = ns_inode(ns, id);
    const struct attr *a = ns_attr(ns, i);
    uint64_t sum = 0;
    uint32_t n;

    if (inode_kind_of(i) != INODE_FILE)
        return 0;
    n = file_block_count(ns, i);
    for (uint32_t k = 0; k < n; k++) {
        const struct block *b = block_get(&ns->blocks, file_block_number(ns, i, k));
        unsigned state = b->bits & BLOCK_STATE_MASK;
        bool written = state == BLOCK_UNDER_CONSTRUCTION || state == BLOCK_UNDER_RECOVERY;

        sum += k == n - 1 && written ? unfinished_space(a) : block_space(a, get48(b->length));
    }
    return sum;
}

/* ---- counting a tree ---- */

struct todo {
    uint64_t *dirs;
    size_t n, cap;
};

static void push(struct todo *t, uint64_t dir)
{
    if (t->n == t->cap) {
        t->cap = t->cap * 2 + 64;
        t->dirs = realloc(t->dirs, t->cap * sizeof *t->dirs);
        MUST(t->dirs);
    }
    t->dirs[t->n++] = dir;
}

static void count_children(const struct namespace *ns, uint64_t dir, struct todo *t,
                           struct quota_use *sum)
{
    uint64_t ids[256];
    const char *after = "";
    unsigned after_n = 0;
    int n;

    do {
        n = dir_list(ns, dir, after, after_n, ids, 256);
        for (int k = 0; k < n; k++) {
            sum->names++;
            if (inode_kind_of(ns_inode(ns, ids[k])) == INODE_DIR)
                push(t, ids[k]);
            else
                sum->space += (int64_t)ns_file_space(ns, ids[k]);
        }
        if (n > 0)
            after = inode_name(ns, ns_inode(ns, ids[n - 1]), &after_n);
    } while (n == 256);
}

struct quota_use quota_count(const struct namespace *ns, uint64_t id)
{
    struct quota_use sum = {.names = 1};
    struct todo t = {0};

    if (inode_kind_of(ns_inode(ns, id)) != INODE_DIR)
        sum.space = (int64_t)ns_file_space(ns, id);
    else
        push(&t, id);
    while (t.n > 0)
        count_children(ns, t.dirs[--t.n], &t, &sum);
    free(t.dirs);
    return sum;
}

/* ---- charging ---- */

static struct feature *quota_row(const struct namespace *ns, uint64_t dir)
{
    struct feature *f =
        ns_inode(ns, dir)->flags & INODE_FEATURE ? feature_get(ns->features, dir) : NULL;

    return f && f->is_counted ? f : NULL;
}

void quota_charge(struct namespace *ns, uint64_t dir, int64_t names, int64_t space)
{
    if (ns->quota_dirs == 0 || (names == 0 && space == 0))
        return;
    for (; dir; dir = get48(ns_inode(ns, dir)->parent)) {
        struct feature *f = quota_row(ns, dir);

        if (f) {
            f->names_used += names;
            f->space_used += space;
        }
    }
}

void quota_charge_tree(struct namespace *ns, uint64_t id, uint64_t dir, int sign)
{
    struct quota_use use;

    if (ns->quota_dirs == 0)
        return;
    use = quota_count(ns, id);
    quota_charge(ns, dir, sign * use.names, sign * use.space);
}

void quota_begin_or_end(struct namespace *ns, uint64_t dir)
{
    struct feature *f = feature_get(ns->features, dir);
    bool wanted = f && f->has_quota;

    for (int k = 0; f && k < STORAGE_TYPES; k++)
        wanted |= f->type_quota[k] >= 0;
    if (!f || wanted == f->is_counted)
        return;
    if (wanted) {
        struct quota_use use = quota_count(ns, dir);

        f->names_used = use.names;
        f->space_used = use.space;
    }
    f->is_counted = wanted;
    ns->quota_dirs = wanted ? ns->quota_dirs + 1 : ns->quota_dirs - 1;
}

bool ns_quota_usage(const struct namespace *ns, uint64_t id, int64_t *names, int64_t *space)
{
    const struct feature *f = ns_kind(ns, id) == INODE_DIR ? quota_row(ns, id) : NULL;

    if (!f)
        return false;
    *names = f->names_used;
    *space = f->space_used;
    return true;
}

/* ---- asking first ---- */

static int names_exceeded(const struct namespace *ns, uint64_t dir, int64_t quota, int64_t would,
                          struct err *err)
{
    struct arena arena;
    const char *path;
    int rc;

    arena_init(&arena, 1 << 20);
    path = ns_path_of(ns, dir, &arena);
    rc = err_set(err, ERR_NS_QUOTA,
                 "The NameSpace quota (directories and files) of directory %s is exceeded: "
                 "quota=%" PRId64 " file count=%" PRId64,
                 path ? path : "?", quota, would);
    arena_done(&arena);
    return rc;
}

/* Hadoop's way to write bytes for people: two decimals and a unit of 1024. */
static const char *bytes_text(int64_t n, char out[32])
{
    static const char units[] = "BKMGTPE";
    double v = (double)n;
    int unit = 0;

    while (v >= 1024 && unit < 6) {
        v /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(out, 32, "%" PRId64 " B", n);
    else if (v == (double)(int64_t)v)
        snprintf(out, 32, "%" PRId64 " %cB", (int64_t)v, units[unit]);
    else
        snprintf(out, 32, "%.2f %cB", v, units[unit]);
    return out;
}

static int space_exceeded(const struct namespace *ns, uint64_t dir, int64_t quota, int64_t would,
                          struct err *err)
{
    struct arena arena;
    char a[32], b[32];
    const char *path;
    int rc;

    arena_init(&arena, 1 << 20);
    path = ns_path_of(ns, dir, &arena);
    rc = err_set(err, ERR_DS_QUOTA,
                 "The DiskSpace quota of %s is exceeded: quota = %" PRId64
                 " B = %s but diskspace consumed = %" PRId64 " B = %s",
                 path ? path : "?", quota, bytes_text(quota, a), would, bytes_text(would, b));
    arena_done(&arena);
    return rc;
}

/* May @more be added below @dir? Directories from @stop on upwards are not asked. */
static int admits(const struct namespace *ns, uint64_t dir, uint64_t stop, struct quota_use more,
                  struct err *err)
{
    for (; dir && dir != stop; dir = get48(ns_inode(ns, dir)->parent)) {
        const struct feature *f = quota_row(ns, dir);

        if (!f || !f->has_quota)
            continue;
        if (f->ns_quota >= 0 && more.names > 0 && f->names_used + more.names > f->ns_quota)
            return names_exceeded(ns, dir, f->ns_quota, f->names_used + more.names, err);
        if (f->ds_quota >= 0 && more.space > 0 && f->space_used + more.space > f->ds_quota)
            return space_exceeded(ns, dir, f->ds_quota, f->space_used + more.space, err);
    }
    return 0;
}

/* The deepest directory of @path that exists; what is to be made hangs there. */
static uint64_t deepest(const struct namespace *ns, const char *path)
{
    char up[NS_PATH_MAX + 1];
    size_t n = strlen(path);
    uint64_t id = 0;

    if (n > NS_PATH_MAX)
        return NS_ROOT_ID;
    memcpy(up, path, n + 1);
    while (!id && n > 1) {
        while (n > 1 && up[n - 1] != '/')
            n--;
        up[n > 1 ? --n : n] = 0;
        id = ns_lookup(ns, up);
    }
    return id ? id : NS_ROOT_ID;
}

static int admits_rename(const struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t src = ns_lookup(ns, op->path), old = ns_lookup(ns, op->path2), common;
    uint64_t dir = old && ns_kind(ns, old) == INODE_DIR ? old : deepest(ns, op->path2);
    struct quota_use more, less = {0};

    if (!src || src == NS_ROOT_ID)
        return 0;
    if (old && op->rename_options & RENAME_OVERWRITE) {
        dir = ns_parent(ns, old);
        less = quota_count(ns, old);
    }
    more = quota_count(ns, src);
    more.names -= less.names;
    more.space -= less.space;
    for (common = dir; common && !ns_is_within(ns, src, common);)
        common = ns_parent(ns, common);
    return admits(ns, dir, common, more, err);
}

/* How much more a file would take if this were its replication. */
static int64_t replication_growth(const struct namespace *ns, uint64_t file, uint16_t replication)
{
    uint16_t now = ns_attr(ns, ns_inode(ns, file))->replication;

    if (ns_kind(ns, file) != INODE_FILE || now == 0 || replication <= now)
        return 0;
    return (int64_t)(ns_file_space(ns, file) / now * (replication - now));
}

/* What appending to the last block would count more than now, as it becomes an unfinished one. */
static int64_t append_growth(const struct namespace *ns, uint64_t file)
{
    const struct inode *i = ns_inode(ns, file);
    const struct attr *a = ns_attr(ns, i);
    uint32_t n = file_block_count(ns, i);
    uint64_t last = n ? get48(block_get(&ns->blocks, file_block_number(ns, i, n - 1))->length) : 0;

    return n && last < a->block_size ? (int64_t)(unfinished_space(a) - block_space(a, last)) : 0;
}

int ns_check_quota(const struct namespace *ns, const struct edit_op *op, struct err *err)
{
    uint64_t id = ns->quota_dirs && op->path ? ns_lookup(ns, op->path) : 0;
    struct quota_use more = {0};

    if (ns->quota_dirs == 0 || !op->path)
        return 0;
    switch (op->code) {
    case EDIT_RENAME:
    case EDIT_RENAME_OLD: return op->path2 ? admits_rename(ns, op, err) : 0;
    case EDIT_MKDIR:
    case EDIT_SYMLINK:
    case EDIT_ADD:
        if (!id)
            return admits(ns, deepest(ns, op->path), 0, (struct quota_use){.names = 1}, err);
        break;
    case EDIT_ADD_BLOCK:
        if (id)
            more.space = (int64_t)unfinished_space(ns_attr(ns, ns_inode(ns, id)));
        break;
    case EDIT_SET_REPLICATION:
        if (id)
            more.space = replication_growth(ns, id, op->replication);
        break;
    case EDIT_APPEND:
        if (id && !op->new_block && ns_kind(ns, id) == INODE_FILE)
            more.space = append_growth(ns, id);
        break;
    default: break;
    }
    return id && more.space > 0 ? admits(ns, ns_parent(ns, id), 0, more, err) : 0;
}
