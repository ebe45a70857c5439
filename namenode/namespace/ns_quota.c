/* ns_quota.c -- how much each directory with a quota uses, and whether a change would exceed it.
 *
 * A directory with a quota carries what its tree uses; every change is charged to those above it,
 * so asking costs a walk to the root. Without any quota nothing is counted at all.
 */
#include "namenode/namespace/ns_quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/blocks/policy.h"

/* ---- what a file takes on the datanodes ---- */

/* A file's striping; of a replicated one data is 0. */
static struct striping striping_by(const struct namespace *ns, const struct attr *a)
{
    struct striping s = {0};

    if (a->ec_policy)
        ec_striping(ns->ec, a->ec_policy, &s);
    return s;
}

static uint64_t block_space(const struct attr *a, const struct striping *s, uint64_t length)
{
    return s->data ? striping_space(s, length) : length * a->replication;
}

/* A block that is being written counts as a whole one: it may become that. */
static uint64_t unfinished_space(const struct attr *a, const struct striping *s)
{
    return a->block_size * (s->data ? (unsigned)s->data + s->parity : a->replication);
}

static void add_use(struct quota_use *sum, const struct quota_use *u, int sign)
{
    sum->names += sign * u->names;
    sum->space += sign * u->space;
    for (int t = 0; t < STORAGE_TYPES; t++)
        sum->types[t] += sign * u->types[t];
}

/* @bytes of a replicated file, so many copies each, on the kinds that @policy says. */
static void spread(struct quota_use *sum, uint8_t policy, unsigned copies, int64_t bytes)
{
    const struct storage_policy *p = policy ? policy_by_id(policy) : NULL;
    unsigned per_type[POLICY_TYPES];

    if (!p)
        return;
    policy_spread(p, copies, per_type);
    for (int t = 0; t < STORAGE_TYPES; t++)
        sum->types[t] += bytes * per_type[t];
}

static bool is_written(const struct block *b)
{
    unsigned state = b->bits & BLOCK_STATE_MASK;

    return state == BLOCK_UNDER_CONSTRUCTION || state == BLOCK_UNDER_RECOVERY;
}

/* Is the block in the present list, or in that of a diff before number @upto? */
static bool is_listed(const struct namespace *ns, const struct inode *i, const struct history *h,
                      uint32_t upto, uint64_t number)
{
    uint32_t n = file_block_count(ns, i);

    for (uint32_t k = 0; k < n; k++)
        if (file_block_number(ns, i, k) == number)
            return true;
    for (uint32_t k = 0; k < upto; k++)
        for (uint32_t b = 0; b < h->diffs[k]->block_count; b++)
            if (h->diffs[k]->blocks[b] == number)
                return true;
    return false;
}

/* The bytes of blocks that only snapshots need, and what they take on datanodes. */
static uint64_t past_bytes(const struct namespace *ns, uint64_t id, const struct attr *a,
                           uint64_t *space)
{
    const struct striping s = striping_by(ns, a);
    const struct history *h = history_get(ns, id);
    const struct inode *i = ns_inode(ns, id);
    uint64_t sum = 0;

    *space = 0;
    for (uint32_t k = 0; h && k < h->n; k++)
        for (uint32_t b = 0; b < h->diffs[k]->block_count; b++) {
            uint64_t number = h->diffs[k]->blocks[b], length;

            if (is_listed(ns, i, h, k, number))
                continue;
            length = get48(block_get(&ns->blocks, number)->length);
            sum += length;
            *space += block_space(a, &s, length);
        }
    return sum;
}

/* The attributes that count: with the most copies that the file has in any view. */
static struct attr attr_that_counts(const struct namespace *ns, uint64_t id)
{
    struct attr a = *ns_attr(ns, ns_inode(ns, id));

    a.replication = ns_replication(ns, id);
    return a;
}

static struct quota_use file_use(const struct namespace *ns, uint64_t id, uint8_t policy)
{
    const struct inode *i = ns_inode(ns, id);
    const struct attr most = attr_that_counts(ns, id), *a = &most;
    const struct striping s = striping_by(ns, a);
    struct quota_use use = {0};
    uint64_t past;
    int64_t bytes;
    uint32_t n;

    if (inode_kind_of(i) != INODE_FILE)
        return use;
    bytes = (int64_t)past_bytes(ns, id, a, &past);
    use.space = (int64_t)past;
    n = file_block_count(ns, i);
    for (uint32_t k = 0; k < n; k++) {
        const struct block *b = block_get(&ns->blocks, file_block_number(ns, i, k));
        bool whole = k == n - 1 && is_written(b);
        uint64_t length = get48(b->length);

        use.space += (int64_t)(whole ? unfinished_space(a, &s) : block_space(a, &s, length));
        bytes += (int64_t)(whole ? a->block_size : length);
    }
    if (!s.data)
        spread(&use, policy, a->replication, bytes);
    return use;
}

/* Of the present blocks, as many copies of each as @a says. */
static uint64_t present_space(const struct namespace *ns, uint64_t file, const struct attr *a)
{
    const struct inode *i = ns_inode(ns, file);
    const struct striping s = striping_by(ns, a);
    uint32_t n = inode_kind_of(i) == INODE_FILE ? file_block_count(ns, i) : 0;
    uint64_t sum = 0;

    for (uint32_t k = 0; k < n; k++) {
        const struct block *b = block_get(&ns->blocks, file_block_number(ns, i, k));
        bool complete = (b->bits & BLOCK_STATE_MASK) == BLOCK_COMPLETE;

        sum += complete ? block_space(a, &s, get48(b->length)) : unfinished_space(a, &s);
    }
    return sum;
}

uint64_t ns_file_space(const struct namespace *ns, const struct inode_info *info)
{
    const struct history *h = history_get(ns, info->id);
    const struct attr most = attr_that_counts(ns, info->id);
    uint64_t past;

    if (h && h->n > 0 && info->snapshot != SNAPSHOT_NOW)
        return info->length * info->replication;
    past_bytes(ns, info->id, &most, &past);
    return present_space(ns, info->id, &most) + past;
}

struct quota_use quota_of_file(const struct namespace *ns, uint64_t file)
{
    return file_use(ns, file, ns_storage_policy(ns, file));
}

/* ---- counting a tree ---- */

struct todo {
    struct {
        uint64_t dir;
        uint8_t policy; /* that its children have if they have none of their own */
    } * dirs;
    size_t n, cap;
};

static void push(struct todo *t, uint64_t dir, uint8_t policy)
{
    if (t->n == t->cap) {
        t->cap = t->cap * 2 + 64;
        t->dirs = realloc(t->dirs, t->cap * sizeof *t->dirs);
        MUST(t->dirs);
    }
    t->dirs[t->n].dir = dir;
    t->dirs[t->n++].policy = policy;
}

/* @id's own policy, or the one of those above. */
static uint8_t policy_below(const struct namespace *ns, uint64_t id, uint8_t above)
{
    const struct inode *i = ns_inode(ns, id);
    uint8_t own = inode_kind_of(i) == INODE_SYMLINK ? 0 : ns_attr(ns, i)->storage_policy;

    return own ? own : above;
}

static void count_one(const struct namespace *ns, uint64_t id, uint8_t policy, struct todo *t,
                      struct quota_use *sum)
{
    uint8_t below = policy_below(ns, id, policy);
    struct quota_use use;

    sum->names++;
    if (inode_kind_of(ns_inode(ns, id)) == INODE_DIR) {
        push(t, id, below);
        return;
    }
    use = file_use(ns, id, below);
    add_use(sum, &use, 1);
}

/* What was deleted and is kept by a snapshot still counts where it was; moved names do not. */
static void count_lost(const struct namespace *ns, uint64_t dir, uint8_t policy, struct todo *t,
                       struct quota_use *sum)
{
    const struct history *h = history_get(ns, dir);

    for (uint32_t k = 0; h && k < h->n; k++)
        for (uint32_t l = 0; l < h->diffs[k]->lost.n; l++)
            if (!h->diffs[k]->lost.list[l].moved)
                count_one(ns, h->diffs[k]->lost.list[l].id, policy, t, sum);
}

static void count_children(const struct namespace *ns, uint64_t dir, uint8_t policy, struct todo *t,
                           struct quota_use *sum)
{
    uint64_t ids[256];
    const char *after = "";
    unsigned after_n = 0;
    int n;

    do {
        n = dir_list(ns, dir, after, after_n, ids, 256);
        for (int k = 0; k < n; k++)
            count_one(ns, ids[k], policy, t, sum);
        if (n > 0)
            after = inode_name(ns, ns_inode(ns, ids[n - 1]), &after_n);
    } while (n == 256);
}

/* What the tree would use where files without a policy had @above. */
static struct quota_use count_as(const struct namespace *ns, uint64_t id, uint8_t above)
{
    uint8_t policy = policy_below(ns, id, above);
    struct quota_use sum = {0};
    struct todo t = {0};

    if (inode_kind_of(ns_inode(ns, id)) != INODE_DIR)
        sum = file_use(ns, id, policy);
    else
        push(&t, id, policy);
    sum.names = 1;
    while (t.n > 0) {
        uint64_t dir = t.dirs[--t.n].dir;
        uint8_t below = t.dirs[t.n].policy;

        count_children(ns, dir, below, &t, &sum);
        count_lost(ns, dir, below, &t, &sum);
    }
    free(t.dirs);
    return sum;
}

struct quota_use quota_count(const struct namespace *ns, uint64_t id)
{
    return count_as(ns, id, ns_storage_policy(ns, id));
}

/* ---- charging ---- */

static struct feature *quota_row(const struct namespace *ns, uint64_t dir)
{
    struct feature *f =
        ns_inode(ns, dir)->flags & INODE_FEATURE ? feature_get(ns->features, dir) : NULL;

    return f && f->is_counted ? f : NULL;
}

void quota_charge(struct namespace *ns, uint64_t dir, const struct quota_use *more,
                  const struct quota_use *less)
{
    struct quota_use change = *more;

    if (ns->quota_dirs == 0)
        return;
    if (less)
        add_use(&change, less, -1);
    for (; dir; dir = get48(ns_inode(ns, dir)->parent)) {
        struct feature *f = quota_row(ns, dir);

        if (!f)
            continue;
        f->names_used += change.names;
        f->space_used += change.space;
        for (int t = 0; t < STORAGE_TYPES; t++)
            f->type_used[t] += change.types[t];
    }
}

void quota_charge_tree(struct namespace *ns, uint64_t id, uint64_t dir, int sign)
{
    const struct quota_use none = {0};
    struct quota_use use;

    if (ns->quota_dirs == 0)
        return;
    use = quota_count(ns, id);
    quota_charge(ns, dir, sign > 0 ? &use : &none, sign > 0 ? NULL : &use);
}

void quota_recount_types(struct namespace *ns, uint64_t id)
{
    struct feature *f, *next;

    if (ns->quota_dirs == 0)
        return;
    HASH_ITER(hh, ns->features->rows, f, next)
    {
        struct quota_use use;

        if (!f->is_counted || !ns_is_within(ns, f->inode, id))
            continue;
        use = quota_count(ns, f->inode);
        memcpy(f->type_used, use.types, sizeof f->type_used);
    }
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
        memcpy(f->type_used, use.types, sizeof f->type_used);
    }
    f->is_counted = wanted;
    ns->quota_dirs = wanted ? ns->quota_dirs + 1 : ns->quota_dirs - 1;
}

bool ns_quota_usage(const struct namespace *ns, uint64_t id, struct ns_usage *out)
{
    const struct feature *f = ns_kind(ns, id) == INODE_DIR ? quota_row(ns, id) : NULL;

    if (!f)
        return false;
    out->names = f->names_used;
    out->space = f->space_used;
    memcpy(out->types, f->type_used, sizeof out->types);
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
    if (unit == 0) {
        snprintf(out, 32, "%" PRId64 " B", n);
    } else if ((n & (((int64_t)1 << 10 * unit) - 1)) == 0) {
        snprintf(out, 32, "%" PRId64 " %cB", n >> 10 * unit, units[unit]);
    } else {
        snprintf(out, 32, "%.2f %cB", v, units[unit]);
        if (strncmp(out, "1024", 4) == 0) /* rounded up to the next unit */
            snprintf(out, 32, "%.2f %cB", v / 1024, units[unit + 1]);
    }
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

static int type_exceeded(const struct namespace *ns, uint64_t dir, int type, int64_t would,
                         struct err *err)
{
    int64_t quota = quota_row(ns, dir)->type_quota[type];
    struct arena arena;
    char a[32], b[32];
    const char *path;
    int rc;

    arena_init(&arena, 1 << 20);
    path = ns_path_of(ns, dir, &arena);
    rc = err_set(err, ERR_TYPE_QUOTA,
                 "Quota by storage type : %s on path : %s is exceeded. quota = %s but space "
                 "consumed = %s",
                 policy_type_name(type), path ? path : "?", bytes_text(quota, a),
                 bytes_text(would, b));
    arena_done(&arena);
    return rc;
}

/* In Hadoop's order: the fast kinds first. */
static const uint8_t types_in_order[] = {5, 1, 0, 2, 4};

static int admits_types(const struct namespace *ns, uint64_t dir, const struct quota_use *more,
                        struct err *err)
{
    const struct feature *f = quota_row(ns, dir);

    for (size_t k = 0; k < sizeof types_in_order; k++) {
        int t = types_in_order[k];

        if (f->type_quota[t] >= 0 && more->types[t] > 0 &&
            f->type_used[t] > f->type_quota[t] - more->types[t])
            return type_exceeded(ns, dir, t, f->type_used[t] + more->types[t], err);
    }
    return 0;
}

/* May @more be added below @dir? Directories from @stop on upwards are not asked. */
static int admits(const struct namespace *ns, uint64_t dir, uint64_t stop, struct quota_use more,
                  struct err *err)
{
    int rc;

    for (; dir && dir != stop; dir = get48(ns_inode(ns, dir)->parent)) {
        const struct feature *f = quota_row(ns, dir);

        if (!f)
            continue;
        if (f->ns_quota >= 0 && more.names > 0 && f->names_used + more.names > f->ns_quota)
            return names_exceeded(ns, dir, f->ns_quota, f->names_used + more.names, err);
        if (f->ds_quota >= 0 && more.space > 0 && f->space_used + more.space > f->ds_quota)
            return space_exceeded(ns, dir, f->ds_quota, f->space_used + more.space, err);
        rc = admits_types(ns, dir, &more, err);
        if (rc < 0)
            return rc;
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
    more = count_as(ns, src, ns_storage_policy(ns, dir));
    add_use(&more, &less, -1);
    for (common = dir; common && !ns_is_within(ns, src, common);)
        common = ns_parent(ns, common);
    return admits(ns, dir, common, more, err);
}

/* ---- how much more a record would make a file take ---- */

static struct quota_use new_block_growth(const struct namespace *ns, uint64_t file)
{
    const struct attr *a = ns_attr(ns, ns_inode(ns, file));
    const struct striping s = striping_by(ns, a);
    struct quota_use more = {.space = (int64_t)unfinished_space(a, &s)};

    if (!s.data)
        spread(&more, ns_storage_policy(ns, file), a->replication, (int64_t)a->block_size);
    return more;
}

/* Of one copy, by the number of copies that there are more; some kinds may lose what others gain. */
static struct quota_use replication_growth(const struct namespace *ns, uint64_t file,
                                           uint16_t replication)
{
    const struct attr *a = ns_attr(ns, ns_inode(ns, file));
    uint16_t now = a->replication;
    uint8_t policy = ns_storage_policy(ns, file);
    struct quota_use more = {0};
    int64_t each;

    if (now == 0 || replication <= now)
        return more;
    each = (int64_t)present_space(ns, file, a) / now;
    more.space = each * (replication - now);
    spread(&more, policy, replication, each);
    spread(&more, policy, now, -each);
    return more;
}

/* A block that is written again counts as a whole one, whatever it was. */
static struct quota_use reopened_growth(const struct namespace *ns, uint64_t file, uint32_t index)
{
    const struct inode *i = ns_inode(ns, file);
    const struct attr *a = ns_attr(ns, i);
    uint64_t length = get48(block_get(&ns->blocks, file_block_number(ns, i, index))->length);
    const struct striping s = striping_by(ns, a);
    struct quota_use more = {0};

    if (length >= a->block_size || s.data) /* to a group nothing is appended */
        return more;
    more.space = (int64_t)(unfinished_space(a, &s) - block_space(a, &s, length));
    spread(&more, ns_storage_policy(ns, file), a->replication, (int64_t)(a->block_size - length));
    return more;
}

static struct quota_use append_growth(const struct namespace *ns, uint64_t file, bool new_block)
{
    uint32_t n = file_block_count(ns, ns_inode(ns, file));

    return n && !new_block ? reopened_growth(ns, file, n - 1) : (struct quota_use){0};
}

/* Blocks behind the new end go; the one that it is in is cut by a recovery, as a whole one. */
static struct quota_use truncate_growth(const struct namespace *ns, uint64_t file,
                                        uint64_t new_length)
{
    const struct inode *i = ns_inode(ns, file);
    const struct attr *a = ns_attr(ns, i);
    const struct striping s = striping_by(ns, a);
    uint8_t policy = ns_storage_policy(ns, file);
    struct quota_use more = {0};
    uint32_t n = file_block_count(ns, i);
    uint64_t at = 0;

    for (uint32_t k = 0; k < n; k++) {
        uint64_t length = get48(block_get(&ns->blocks, file_block_number(ns, i, k))->length);

        if (at < new_length && at + length > new_length)
            more = reopened_growth(ns, file, k);
        at += length;
        if (at - length < new_length)
            continue;
        more.space -= (int64_t)block_space(a, &s, length);
        spread(&more, policy, a->replication, -(int64_t)length);
    }
    return more;
}

/* Blocks get the replication and the policy of the file that they go to. */
static struct quota_use concat_growth(const struct namespace *ns, uint64_t file,
                                      const struct edit_op *op)
{
    const struct attr *a = ns_attr(ns, ns_inode(ns, file));
    uint8_t policy = ns_storage_policy(ns, file);
    struct quota_use more = {.names = -op->source_count};

    for (int k = 0; k < op->source_count && !a->ec_policy; k++) {
        uint64_t source = ns_lookup(ns, op->sources[k]);
        uint16_t copies = source ? ns_replication(ns, source) : 0;
        struct quota_use now;
        int64_t bytes;

        if (copies == 0)
            continue;
        now = quota_of_file(ns, source);
        bytes = now.space / copies;
        more.space += bytes * a->replication;
        spread(&more, policy, a->replication, bytes);
        add_use(&more, &now, -1);
    }
    return more;
}

/* Where the source is coded otherwise, what the file has goes and the source is what it has then. */
static struct quota_use splice_growth(const struct namespace *ns, uint64_t file,
                                      const struct edit_op *op)
{
    uint64_t source = op->source_count ? ns_lookup(ns, op->sources[0]) : 0;
    struct quota_use more, now;

    if (!source || ns_kind(ns, source) != INODE_FILE ||
        ns_ec_policy(ns, source) == ns_ec_policy(ns, file))
        return concat_growth(ns, file, op);
    more = count_as(ns, source, ns_storage_policy(ns, file));
    now = quota_of_file(ns, source);
    add_use(&more, &now, -1);
    now = quota_of_file(ns, file);
    add_use(&more, &now, -1);
    more.names = -1;
    return more;
}

static struct quota_use file_growth(const struct namespace *ns, uint64_t file,
                                    const struct edit_op *op)
{
    switch (op->code) {
    case EDIT_ADD_BLOCK: return new_block_growth(ns, file);
    case EDIT_SET_REPLICATION: return replication_growth(ns, file, op->replication);
    case EDIT_APPEND: return append_growth(ns, file, op->new_block);
    case EDIT_TRUNCATE: return truncate_growth(ns, file, op->new_length);
    case EDIT_SPLICE: return splice_growth(ns, file, op);
    case EDIT_CONCAT_DELETE: return concat_growth(ns, file, op);
    default: return (struct quota_use){0};
    }
}

int ns_check_quota(const struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct quota_use more;
    uint64_t id;

    if (ns->quota_dirs == 0 || !op->path)
        return 0;
    id = ns_lookup(ns, op->path);
    switch (op->code) {
    case EDIT_RENAME:
    case EDIT_RENAME_OLD: return op->path2 ? admits_rename(ns, op, err) : 0;
    case EDIT_MKDIR:
    case EDIT_SYMLINK:
    case EDIT_ADD:
        more = (struct quota_use){.names = 1};
        return id ? 0 : admits(ns, deepest(ns, op->path), 0, more, err);
    default: break;
    }
    if (!id || ns_kind(ns, id) != INODE_FILE)
        return 0;
    more = file_growth(ns, id, op);
    return admits(ns, ns_parent(ns, id), 0, more, err);
}
