/* Random records go to the namespace and to a small reference of it: a list of paths. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/namespace.h"
#include "tests/lib/suite.h"

enum { ENTRIES = 300, BLOCKS = 12, PATH = 48, STEPS = 4000, RUNS = 12, BLOCK_SIZE = 1000 };

struct entry {
    char path[PATH];
    enum inode_kind kind;
    uint64_t id, mtime, atime;
    uint16_t mode, replication;
    uint8_t policy;
    char user[4], writer[4];
    uint64_t cut; /* the last block is being cut to it; 0: it is not */
    struct edit_block blocks[BLOCKS];
    uint32_t block_count;
    int64_t ns_quota, ds_quota;
};

static struct {
    struct entry at[ENTRIES];
    int n;
    uint64_t last_inode, last_block, gs;
} model;

static uint64_t state, seed;

/* Says which seed replays a failure. */
#define HOLDS(x)                                                                                   \
    do {                                                                                           \
        bool holds_ = (x);                                                                         \
        if (!holds_)                                                                               \
            printf("SEED=%llu replays this\n", (unsigned long long)seed);                          \
        CU_ASSERT_FATAL(holds_ &&#x);                                                              \
    } while (0)

static unsigned chance(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

/* ---- the reference ---- */

static struct entry *find(const char *path)
{
    for (int k = 0; k < model.n; k++)
        if (strcmp(model.at[k].path, path) == 0)
            return &model.at[k];
    return NULL;
}

static struct entry *find_file(const char *path)
{
    struct entry *e = find(path);

    return e && e->kind == INODE_FILE ? e : NULL;
}

static bool is_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strcmp(top, "/") == 0 || (strncmp(path, top, n) == 0 && (path[n] == '/' || !path[n]));
}

static struct entry *parent_of(const char *path)
{
    char up[PATH];
    char *cut;

    strcpy(up, path);
    cut = strrchr(up, '/');
    cut[cut == up] = 0;
    return find(up);
}

static bool can_make(const char *path)
{
    struct entry *up = parent_of(path);

    return up && up->kind == INODE_DIR && model.n < ENTRIES - 1;
}

static void touch(struct entry *dir, uint64_t when)
{
    if (when > dir->mtime)
        dir->mtime = when;
}

static void remove_tree(const char *path)
{
    char top[PATH];

    strcpy(top, path);
    for (int k = 0; k < model.n;)
        if (is_below(model.at[k].path, top))
            model.at[k] = model.at[--model.n];
        else
            k++;
}

static struct entry *make(const struct edit_op *op, enum inode_kind kind)
{
    struct entry *e = &model.at[model.n++];

    *e = (struct entry){.kind = kind,
                        .id = op->inode_id,
                        .mtime = op->mtime_ms,
                        .mode = op->mode,
                        .ns_quota = -1,
                        .ds_quota = -1};
    strcpy(e->path, op->path);
    strcpy(e->user, op->user);
    model.last_inode = op->inode_id;
    touch(parent_of(op->path), op->mtime_ms);
    return e;
}

static bool do_mkdir(const struct edit_op *op)
{
    if (find(op->path) || !can_make(op->path))
        return false;
    make(op, INODE_DIR);
    return true;
}

static bool do_symlink(const struct edit_op *op)
{
    if (find(op->path) || !can_make(op->path))
        return false;
    make(op, INODE_SYMLINK)->atime = op->atime_ms;
    return true;
}

static bool do_add(const struct edit_op *op)
{
    struct entry *old = find(op->path), *e;

    if ((old && old->kind != INODE_FILE) || (!old && !can_make(op->path)))
        return false;
    if (old)
        remove_tree(op->path);
    e = make(op, INODE_FILE);
    e->atime = op->atime_ms;
    e->replication = op->replication;
    strcpy(e->writer, op->client_name);
    return true;
}

static bool do_add_block(const struct edit_op *op)
{
    struct entry *e = find_file(op->path);

    if (!e || (e->block_count > 0) != (op->block_count == 2))
        return false;
    if (e->block_count) {
        if (e->blocks[e->block_count - 1].id != op->blocks[0].id)
            return false;
        e->blocks[e->block_count - 1] = op->blocks[0];
    }
    e->blocks[e->block_count++] = op->blocks[op->block_count - 1];
    model.last_block = e->blocks[e->block_count - 1].id;
    model.gs = e->blocks[e->block_count - 1].gs;
    return true;
}

static bool do_close(const struct edit_op *op)
{
    struct entry *e = find_file(op->path);

    if (!e)
        return false;
    e->mtime = op->mtime_ms;
    e->atime = op->atime_ms;
    memcpy(e->blocks, op->blocks, (size_t)op->block_count * sizeof *op->blocks);
    e->writer[0] = 0;
    e->cut = 0;
    return true;
}

static bool do_append(const struct edit_op *op)
{
    struct entry *e = find_file(op->path);

    if (e && !e->writer[0])
        strcpy(e->writer, op->client_name);
    return e != NULL;
}

static bool do_truncate(const struct edit_op *op)
{
    struct entry *e = find_file(op->path);
    uint64_t total = 0;
    uint32_t keep = 0;

    if (!e)
        return false;
    for (; keep < e->block_count && total < op->new_length; keep++)
        total += e->blocks[keep].length;
    if (total < op->new_length)
        return false;
    if (total > op->new_length && op->block_count != 1)
        return false;
    e->block_count = keep;
    e->mtime = op->mtime_ms;
    if (total > op->new_length) {
        strcpy(e->writer, op->client_name);
        e->cut = op->new_length - (total - e->blocks[keep - 1].length);
        model.gs = op->blocks[0].gs;
    }
    return true;
}

static bool do_delete(const struct edit_op *op)
{
    struct entry *up;

    if (!find(op->path) || strcmp(op->path, "/") == 0)
        return false;
    up = parent_of(op->path);
    touch(up, op->mtime_ms);
    remove_tree(op->path);
    return true;
}

static void move(const char *from, const char *to)
{
    size_t n = strlen(from);
    char rest[PATH], moved[PATH * 3];

    for (int k = 0; k < model.n; k++) {
        if (!is_below(model.at[k].path, from))
            continue;
        strcpy(rest, model.at[k].path + n);
        snprintf(moved, sizeof moved, "%s%s", to, rest);
        HOLDS(strlen(moved) < PATH);
        strcpy(model.at[k].path, moved);
    }
}

static bool do_rename(const struct edit_op *op)
{
    struct entry *src = find(op->path), *dst = find(op->path2), *up;
    char from[PATH], to[PATH * 2];

    strcpy(from, op->path);
    strcpy(to, op->path2);
    if (!src)
        return false;
    if (op->code == EDIT_RENAME_OLD && dst && dst->kind == INODE_DIR) {
        snprintf(to, sizeof to, "%s%s", strcmp(dst->path, "/") ? dst->path : "",
                 strrchr(from, '/'));
        dst = find(to);
    }
    if (strcmp(from, "/") == 0 || strcmp(to, "/") == 0)
        return false;
    up = parent_of(to);
    if (!up || up->kind != INODE_DIR || is_below(up->path, from))
        return false;
    if (dst == src)
        return true;
    if (dst && (!(op->rename_options & RENAME_OVERWRITE) || is_below(from, dst->path)))
        return false;
    touch(parent_of(from), op->mtime_ms);
    touch(up, op->mtime_ms);
    touch(up, src->mtime);
    if (dst)
        remove_tree(to);
    move(from, to);
    return true;
}

static bool do_concat(const struct edit_op *op)
{
    struct entry *to = find_file(op->path), *from = find_file(op->sources[0]);

    if (!to || !from || to == from)
        return false;
    memcpy(to->blocks + to->block_count, from->blocks, from->block_count * sizeof *from->blocks);
    to->block_count += from->block_count;
    to->mtime = op->mtime_ms;
    touch(parent_of(op->path), op->mtime_ms);
    remove_tree(op->sources[0]);
    return true;
}

static bool do_attribute(const struct edit_op *op)
{
    struct entry *e = find(op->path);

    if (!e)
        return false;
    switch ((int)op->code) {
    case EDIT_SET_PERMISSIONS: e->mode = op->mode; break;
    case EDIT_SET_OWNER: strcpy(e->user, op->user); break;
    case EDIT_SET_REPLICATION: e->replication = op->replication; break;
    case EDIT_SET_STORAGE_POLICY: e->policy = op->storage_policy; break;
    case EDIT_TIMES:
        e->mtime = op->mtime_ms;
        if (op->atime_ms != UINT64_MAX)
            e->atime = op->atime_ms;
        break;
    case EDIT_SET_QUOTA:
        if (e->kind != INODE_DIR)
            return false;
        e->ns_quota = op->ns_quota;
        e->ds_quota = op->ds_quota;
    }
    return true;
}

static bool do_reassign(const struct edit_op *op)
{
    struct entry *e = find_file(op->path);

    if (!e || !e->writer[0])
        return false;
    strcpy(e->writer, op->new_holder);
    return true;
}

/* ---- one random record ---- */

static void random_path(char *out)
{
    unsigned depth = 1 + chance(3);
    char *at = out;

    if (chance(60) == 0) {
        strcpy(out, "/");
        return;
    }
    while (depth-- > 0)
        at += sprintf(at, "/%c%c", "abc"[chance(3)], "\x01z\xe9"[chance(3)]);
}

typedef bool (*doer)(const struct edit_op *op);

static const struct {
    enum edit_code code;
    doer run;
    unsigned weight;
} kinds[] = {
    {EDIT_MKDIR, do_mkdir, 14},
    {EDIT_ADD, do_add, 16},
    {EDIT_ADD_BLOCK, do_add_block, 30},
    {EDIT_CLOSE, do_close, 12},
    {EDIT_DELETE, do_delete, 6},
    {EDIT_RENAME, do_rename, 8},
    {EDIT_RENAME_OLD, do_rename, 8},
    {EDIT_APPEND, do_append, 6},
    {EDIT_TRUNCATE, do_truncate, 6},
    {EDIT_SYMLINK, do_symlink, 3},
    {EDIT_CONCAT_DELETE, do_concat, 4},
    {EDIT_SET_PERMISSIONS, do_attribute, 4},
    {EDIT_SET_OWNER, do_attribute, 3},
    {EDIT_SET_REPLICATION, do_attribute, 3},
    {EDIT_SET_STORAGE_POLICY, do_attribute, 5},
    {EDIT_TIMES, do_attribute, 3},
    {EDIT_SET_QUOTA, do_attribute, 4},
    {EDIT_REASSIGN_LEASE, do_reassign, 3},
};

struct record {
    char path[PATH], path2[PATH];
    const char *sources[1];
    struct edit_block blocks[BLOCKS + 1];
    struct edit_op op;
};

/* A truncate that ends inside a block names that block, with another stamp. */
static void name_block_to_cut(struct record *r, const struct entry *e)
{
    uint64_t at = 0;

    for (uint32_t k = 0; k < e->block_count && at < r->op.new_length; k++) {
        at += e->blocks[k].length;
        r->blocks[0] = e->blocks[k];
    }
    r->blocks[0].gs = model.gs + 1;
    r->op.block_count = at > r->op.new_length;
}

/* The record as a namenode would make it: blocks are those of the file. Returns its doer, or NULL
 * when it would outgrow the reference. */
static doer random_record(struct record *r)
{
    static const char *const users[] = {"u", "v", "w"};
    static const uint8_t policies[] = {0, 2, 5, 7, 10, 12, 15};
    unsigned pick = chance(138), k = 0;
    struct entry *e;

    for (; pick >= kinds[k].weight; k++)
        pick -= kinds[k].weight;
    random_path(r->path);
    random_path(r->path2);
    r->sources[0] = r->path2;
    e = find_file(r->path);
    r->op = (struct edit_op){.code = kinds[k].code,
                             .path = r->path,
                             .path2 = r->path2,
                             .sources = r->sources,
                             .source_count = 1,
                             .inode_id = model.last_inode + 1 + chance(3),
                             .mtime_ms = 1000 + chance(1000),
                             .atime_ms = chance(4) ? chance(1000) : UINT64_MAX,
                             .mode = (uint16_t)chance(01000),
                             .replication = (uint16_t)(1 + chance(4)),
                             .block_size = BLOCK_SIZE,
                             .user = users[chance(3)],
                             .group = "g",
                             .client_name = users[chance(3)],
                             .client_machine = "m",
                             .new_holder = users[chance(3)],
                             .overwrite = true,
                             .new_block = chance(2),
                             .rename_options = chance(2),
                             .new_length = chance(3000),
                             .ns_quota = (int64_t)chance(5) - 1,
                             .ds_quota = (int64_t)chance(3) - 1,
                             .blocks = r->blocks};
    if (r->op.code == EDIT_SET_STORAGE_POLICY)
        r->op.storage_policy = policies[chance(7)];
    if (r->op.code == EDIT_ADD || r->op.code == EDIT_SYMLINK || r->op.code == EDIT_CLOSE)
        r->op.atime_ms = chance(1000);
    if (r->op.code == EDIT_CLOSE && e) {
        memcpy(r->blocks, e->blocks, e->block_count * sizeof *r->blocks);
        r->op.block_count = (int)e->block_count;
        if (e->block_count)
            r->blocks[e->block_count - 1].length = chance(BLOCK_SIZE);
    }
    if (r->op.code == EDIT_ADD_BLOCK) {
        if (e && e->block_count) {
            r->blocks[r->op.block_count] = e->blocks[e->block_count - 1];
            r->blocks[r->op.block_count++].length = chance(BLOCK_SIZE);
        }
        r->blocks[r->op.block_count++] = (struct edit_block){model.last_block + 1, 0, model.gs + 1};
        if (e && e->block_count == BLOCKS / 2)
            return NULL;
    }
    if (r->op.code == EDIT_TRUNCATE && e)
        name_block_to_cut(r, e);
    if (r->op.code == EDIT_CONCAT_DELETE && e && find_file(r->path2) &&
        e->block_count + find_file(r->path2)->block_count > BLOCKS / 2)
        return NULL;
    /* Names of two characters, four deep at most: a tree that is moved must still fit. */
    if (strlen(r->path2) > 9 && (r->op.code == EDIT_RENAME || r->op.code == EDIT_RENAME_OLD))
        return NULL;
    return kinds[k].run;
}

/* ---- comparing ---- */

static int by_name(const void *a, const void *b)
{
    const char *x = (*(struct entry *const *)a)->path, *y = (*(struct entry *const *)b)->path;

    while (*x && *x == *y)
        x++, y++;
    return !*x || !*y ? !!*x - !!*y : (int8_t)*x - (int8_t)*y; /* as Java's bytes */
}

static bool is_child(const struct entry *e, const struct entry *dir)
{
    return e != dir && parent_of(e->path) == dir;
}

static void compare_children(const struct namespace *ns, const struct entry *dir)
{
    const struct entry *expect[ENTRIES];
    uint64_t ids[ENTRIES];
    int n = 0;

    for (int k = 0; k < model.n; k++)
        if (is_child(&model.at[k], dir))
            expect[n++] = &model.at[k];
    qsort(expect, (size_t)n, sizeof *expect, by_name);
    HOLDS(ns_children(ns, dir->id, "", 0, ids, ENTRIES) == n);
    for (int k = 0; k < n; k++)
        HOLDS(ids[k] == expect[k]->id);
}

static void compare_usage(const struct namespace *ns, const struct entry *dir)
{
    struct ns_usage used;
    int64_t names = 0;

    HOLDS(ns_quota_usage(ns, dir->id, &used) == (dir->ns_quota >= 0 || dir->ds_quota >= 0));
    if (dir->ns_quota < 0 && dir->ds_quota < 0)
        return;
    for (int k = 0; k < model.n; k++)
        names += is_below(model.at[k].path, dir->path);
    HOLDS(used.names == names);
}

static void compare_file(const struct namespace *ns, const struct entry *e,
                         const struct inode_info *in)
{
    uint64_t ids[BLOCKS], length = 0;
    struct open_file open;
    struct block_info b;

    HOLDS(in->replication == e->replication && in->atime_ms == e->atime);
    HOLDS(in->storage_policy == e->policy);
    HOLDS(ns_file_blocks(ns, e->id, ids, 0, BLOCKS) == e->block_count);
    for (uint32_t k = 0; k < e->block_count; k++) {
        HOLDS(ids[k] == e->blocks[k].id && ns_block(ns, ids[k], &b));
        HOLDS(b.length == e->blocks[k].length && b.gs == e->blocks[k].gs);
        HOLDS(b.file == e->id);
        length += b.length;
    }
    HOLDS(in->length == length && in->under_construction == (e->writer[0] != 0));
    HOLDS(ns_open_file(ns, e->id, &open) == in->under_construction);
    if (e->writer[0])
        HOLDS(strcmp(open.client_name, e->writer) == 0 && open.cut_to == e->cut);
}

static void compare(const struct namespace *ns)
{
    uint64_t files = 0;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (int k = 0; k < model.n; k++) {
        const struct entry *e = &model.at[k];
        struct inode_info in;

        HOLDS(ns_lookup(ns, e->path) == e->id && ns_info(ns, e->id, &in));
        HOLDS(strcmp(ns_path_of(ns, e->id, &arena), e->path) == 0);
        HOLDS(in.kind == e->kind && in.mtime_ms == e->mtime && in.mode == e->mode);
        HOLDS(strcmp(in.user, e->user) == 0);
        if (e->kind == INODE_DIR) {
            compare_children(ns, e);
            compare_usage(ns, e);
        }
        if (e->kind == INODE_FILE) {
            compare_file(ns, e, &in);
            files++;
        }
    }
    HOLDS(ns_inode_count(ns) == (uint64_t)model.n && ns_file_count(ns) == files);
    arena_done(&arena);
}

static void run(struct namespace *ns)
{
    for (int step = 0; step < STEPS; step++) {
        struct record r = {.op = {0}};
        doer d = random_record(&r);

        if (!d)
            continue;
        HOLDS((ns_apply(ns, &r.op, NULL) == 0) == d(&r.op));
        if (step % 40 == 0) {
            compare(ns);
            ns_check(ns);
        }
    }
    compare(ns);
    ns_check(ns);
}

static void test_random_records_do_what_they_do_to_a_list_of_paths(void)
{
    const char *text = getenv("SEED");

    seed = text ? strtoull(text, NULL, 10) : 1;
    for (int k = 0; k < RUNS; k++, seed++) {
        struct namespace *ns = NULL;

        state = seed;
        HOLDS(ns_new(NULL, &ns, NULL) == 0);
        memset(&model, 0, sizeof model);
        model.n = 1;
        model.at[0] = (struct entry){.path = "/",
                                     .kind = INODE_DIR,
                                     .id = NS_ROOT_ID,
                                     .mode = 0755,
                                     .ns_quota = -1,
                                     .ds_quota = -1};
        model.last_inode = NS_ROOT_ID;
        model.last_block = NS_FIRST_BLOCK;
        model.gs = NS_FIRST_GS;
        run(ns);
        ns_free(ns);
    }
}

SUITE(namespace_model, TEST(test_random_records_do_what_they_do_to_a_list_of_paths));
