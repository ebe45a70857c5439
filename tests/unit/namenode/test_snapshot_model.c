/* Random changes and snapshots, in the namespace and in a reference that copies the whole tree at
 * each snapshot.  After each step every snapshot must look like its copy, and exactly the inodes
 * and blocks that some view shows are there.  A second namespace goes along that is saved into an
 * image and loaded again now and then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "namenode/image/image.h"
#include "namenode/namespace/inode.h"
#include "namenode/namespace/namespace.h"
#include "tests/lib/suite.h"

enum { KIDS = 8, BLOCKS = 8, SNAPSHOTS = 6, STEPS = 600, RUNS = 25, DEPTH = 4, NODES = 4096 };
enum { BLOCK_SIZE = 1000 };

struct node {
    uint64_t id;
    bool dir;
    char name[4];
    uint16_t mode, replication;
    uint64_t mtime;
    int xattr; /* the value of user.x; 0: none */
    struct edit_block blocks[BLOCKS];
    int block_count;
    struct node *kids[KIDS], *up;
    int n;
};

struct copy {
    char name[8];
    uint64_t dir;
    struct node *tree;
};

static struct {
    struct node *root;
    uint64_t allowed[8];
    int allowed_count;
    struct copy copies[SNAPSHOTS];
    int copy_count;
    uint64_t last_inode, last_block, gs, now;
} model;

static struct namespace *both[2];
static struct image_extras extras;
static uint64_t state, seed;

#define HOLDS(x)                                                                                   \
    do {                                                                                           \
        bool holds_ = (x);                                                                         \
        if (!holds_)                                                                               \
            printf("SEED=%llu replays this: line %d\n", (unsigned long long)seed, __LINE__);       \
        CU_ASSERT_FATAL(holds_ &&#x);                                                              \
    } while (0)

static unsigned chance(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

/* ---- the reference ---- */

static struct node *copy_tree(const struct node *from, struct node *up)
{
    struct node *to = malloc(sizeof *to);

    *to = *from;
    to->up = up;
    for (int k = 0; k < from->n; k++)
        to->kids[k] = copy_tree(from->kids[k], to);
    return to;
}

static void free_tree(struct node *t)
{
    for (int k = 0; k < t->n; k++)
        free_tree(t->kids[k]);
    free(t);
}

static void unhang(struct node *t)
{
    struct node *up = t->up;
    int k = 0;

    while (up->kids[k] != t)
        k++;
    up->kids[k] = up->kids[--up->n];
}

static void hang(struct node *up, struct node *t)
{
    t->up = up;
    up->kids[up->n++] = t;
}

static struct node *child(const struct node *dir, const char *name)
{
    for (int k = 0; k < dir->n; k++)
        if (strcmp(dir->kids[k]->name, name) == 0)
            return dir->kids[k];
    return NULL;
}

static int depth(const struct node *t)
{
    return t->up ? 1 + depth(t->up) : 0;
}

static bool is_within(const struct node *t, const struct node *top)
{
    for (; t; t = t->up)
        if (t == top)
            return true;
    return false;
}

static void path_of(const struct node *t, char *out)
{
    if (!t->up) {
        strcpy(out, "/");
        return;
    }
    path_of(t->up, out);
    if (t->up->up)
        strcat(out, "/");
    strcat(out, t->name);
}

static void gather(struct node *t, struct node **out, int *n)
{
    HOLDS(*n < NODES);
    out[(*n)++] = t;
    for (int k = 0; k < t->n; k++)
        gather(t->kids[k], out, n);
}

static struct node *any_of(int kind) /* 0: file, 1: directory, 2: any but the root */
{
    static struct node *all[NODES];
    int n = 0, m = 0;

    gather(model.root, all, &n);
    for (int k = 0; k < n; k++)
        if (kind == 2 ? all[k]->up != NULL : all[k]->dir == (kind == 1))
            all[m++] = all[k];
    return m ? all[chance((unsigned)m)] : NULL;
}

static bool is_allowed(uint64_t dir)
{
    for (int k = 0; k < model.allowed_count; k++)
        if (model.allowed[k] == dir)
            return true;
    return false;
}

static bool holds_allowed(const struct node *t)
{
    for (int k = 0; k < t->n; k++)
        if (holds_allowed(t->kids[k]))
            return true;
    return is_allowed(t->id);
}

static bool holds_snapshots(const struct node *t)
{
    for (int k = 0; k < model.copy_count; k++)
        if (model.copies[k].dir == t->id)
            return true;
    for (int k = 0; k < t->n; k++)
        if (holds_snapshots(t->kids[k]))
            return true;
    return false;
}

static bool below_allowed(const struct node *t)
{
    for (; t; t = t->up)
        if (is_allowed(t->id))
            return true;
    return false;
}

static void disallow_in(const struct node *t)
{
    for (int k = 0; k < model.allowed_count; k++)
        if (model.allowed[k] == t->id)
            model.allowed[k] = model.allowed[--model.allowed_count];
    for (int k = 0; k < t->n; k++)
        disallow_in(t->kids[k]);
}

/* ---- records ---- */

static void apply(struct edit_op op)
{
    op.call_id = -2;
    for (int k = 0; k < 2; k++) {
        struct err err;

        if (ns_apply(both[k], &op, &err) < 0) {
            printf("SEED=%llu: %s\n", (unsigned long long)seed, err.text);
            HOLDS(false);
        }
    }
}

static const char *const names[] = {"a", "b", "c", "d", "e", "\xc3\xa9"};

static void name_in(const struct node *dir, char *name, char *path)
{
    strcpy(name, names[chance(sizeof names / sizeof *names)]);
    path_of(dir, path);
    if (dir->up)
        strcat(path, "/");
    strcat(path, name);
}

static void do_mkdir(void)
{
    struct node *dir = any_of(1), *t;
    char name[4], path[64];

    name_in(dir, name, path);
    if (child(dir, name) || dir->n == KIDS || depth(dir) >= DEPTH)
        return;
    apply((struct edit_op){.code = EDIT_MKDIR,
                           .path = path,
                           .inode_id = ++model.last_inode,
                           .mtime_ms = model.now,
                           .user = "u",
                           .group = "g",
                           .mode = 0755});
    t = calloc(1, sizeof *t);
    *t = (struct node){.id = model.last_inode, .dir = true, .mode = 0755};
    strcpy(t->name, name);
    hang(dir, t);
}

static void close_file(struct node *t, const char *path)
{
    apply((struct edit_op){.code = EDIT_CLOSE,
                           .path = path,
                           .mtime_ms = model.now,
                           .atime_ms = model.now,
                           .blocks = t->blocks,
                           .block_count = t->block_count});
    t->mtime = model.now;
}

/* A block behind others: those are full, as a writer leaves them. */
static void add_block(struct node *t, const char *path)
{
    struct edit_block b = {++model.last_block, 0, ++model.gs}, two[2];
    int n = 0;

    if (t->block_count > 0) {
        t->blocks[t->block_count - 1].length = BLOCK_SIZE;
        two[n++] = t->blocks[t->block_count - 1];
    }
    two[n++] = b;
    apply((struct edit_op){.code = EDIT_ADD_BLOCK, .path = path, .blocks = two, .block_count = n});
    b.length = 1 + chance(BLOCK_SIZE);
    t->blocks[t->block_count++] = b;
}

static void do_create(void)
{
    struct node *dir = any_of(1), *t, *old;
    char name[4], path[64];

    name_in(dir, name, path);
    old = child(dir, name);
    if ((old && old->dir) || (!old && dir->n == KIDS))
        return;
    apply((struct edit_op){.code = EDIT_ADD,
                           .path = path,
                           .inode_id = ++model.last_inode,
                           .mtime_ms = model.now,
                           .atime_ms = model.now,
                           .user = "u",
                           .group = "g",
                           .mode = 0644,
                           .replication = 3,
                           .block_size = BLOCK_SIZE,
                           .client_name = "w",
                           .client_machine = "m",
                           .overwrite = true});
    if (old) {
        unhang(old);
        free_tree(old);
    }
    t = calloc(1, sizeof *t);
    *t = (struct node){.id = model.last_inode, .mode = 0644, .replication = 3};
    strcpy(t->name, name);
    hang(dir, t);
    for (unsigned k = chance(3); k > 0; k--)
        add_block(t, path);
    close_file(t, path);
}

static void do_append(void)
{
    struct node *t = any_of(0);
    char path[64];

    if (!t || t->block_count >= BLOCKS - 2)
        return;
    path_of(t, path);
    apply((struct edit_op){.code = EDIT_APPEND,
                           .path = path,
                           .client_name = "w",
                           .client_machine = "m",
                           .new_block = t->block_count == 0});
    if (t->block_count > 0 && t->blocks[t->block_count - 1].length < BLOCK_SIZE) {
        struct edit_block *last = &t->blocks[t->block_count - 1];

        last->length += 1 + chance((unsigned)(BLOCK_SIZE - last->length));
        last->gs = ++model.gs;
    }
    if (chance(2))
        add_block(t, path);
    close_file(t, path);
}

static void do_truncate(void)
{
    struct node *t = any_of(0);
    uint64_t length = 0;
    struct edit_op op = {
        .code = EDIT_TRUNCATE, .client_name = "w", .client_machine = "m", .mtime_ms = model.now};
    struct edit_block cut;
    char path[64];
    int keep;

    if (!t || t->block_count == 0)
        return;
    path_of(t, path);
    op.path = path;
    keep = (int)chance((unsigned)t->block_count + 1);
    for (int k = 0; k < keep; k++)
        length += t->blocks[k].length;
    op.new_length = length;
    if (keep > 0 && chance(2) && t->blocks[keep - 1].length > 1) { /* inside that block */
        cut = t->blocks[keep - 1];
        op.new_length -= 1 + chance((unsigned)cut.length - 1);
        cut.length -= length - op.new_length;
        cut.gs = ++model.gs;
        if (ns_snapshot_needs_block(both[0], t->id, (uint32_t)keep - 1) || chance(4) == 0)
            cut.id = ++model.last_block; /* also where a rolling upgrade wants it, not a snapshot */
        op.blocks = &cut;
        op.block_count = 1;
    } else if (keep == t->block_count) {
        return;
    }
    apply(op);
    t->mtime = model.now;
    t->block_count = keep;
    if (op.block_count) {
        t->blocks[keep - 1] = cut;
        close_file(t, path);
    }
}

static void do_attributes(void)
{
    struct node *t = any_of(2);
    char path[64], value[12];
    struct edit_xattr x = {.ns = 0, .name = "x", .value = (uint8_t *)value};

    if (!t)
        return;
    path_of(t, path);
    switch (chance(4)) {
    case 0:
        t->mode = (uint16_t)chance(01000);
        apply((struct edit_op){.code = EDIT_SET_PERMISSIONS, .path = path, .mode = t->mode});
        break;
    case 1:
        if (t->dir)
            return;
        t->replication = (uint16_t)(1 + chance(5));
        apply((struct edit_op){
            .code = EDIT_SET_REPLICATION, .path = path, .replication = t->replication});
        break;
    case 2:
        t->xattr = 1 + (int)chance(1000);
        x.value_n = (uint32_t)sprintf(value, "%d", t->xattr) + 1;
        apply(
            (struct edit_op){.code = EDIT_SET_XATTR, .path = path, .xattrs = &x, .xattr_count = 1});
        break;
    default:
        if (!t->dir)
            return;
        apply((struct edit_op){.code = EDIT_SET_QUOTA,
                               .path = path,
                               .ns_quota = chance(2) ? 1000 : -1,
                               .ds_quota = -1});
    }
}

static void do_delete(void)
{
    struct node *t = any_of(2);
    char path[64];

    if (!t || holds_snapshots(t))
        return;
    path_of(t, path);
    apply((struct edit_op){.code = EDIT_DELETE, .path = path, .mtime_ms = model.now});
    disallow_in(t);
    unhang(t);
    free_tree(t);
}

static int height(const struct node *t)
{
    int most = 0;

    for (int k = 0; k < t->n; k++)
        most = height(t->kids[k]) >= most ? height(t->kids[k]) + 1 : most;
    return most;
}

static void do_rename(void)
{
    struct node *t = any_of(2), *dir = any_of(1), *old;
    char from[64], to[64], name[4];

    if (!t || holds_snapshots(t) || is_within(dir, t) || depth(dir) + 1 + height(t) > DEPTH + 1)
        return;
    if (holds_allowed(t) && below_allowed(dir))
        return;
    name_in(dir, name, to);
    old = child(dir, name);
    if (old && (old == t || old->dir != t->dir || old->n > 0 || holds_snapshots(old)))
        return;
    if (!old && dir->n == KIDS)
        return;
    path_of(t, from);
    apply((struct edit_op){.code = EDIT_RENAME,
                           .path = from,
                           .path2 = to,
                           .mtime_ms = model.now,
                           .rename_options = RENAME_OVERWRITE});
    if (old) {
        disallow_in(old);
        unhang(old);
        free_tree(old);
    }
    unhang(t);
    strcpy(t->name, name);
    hang(dir, t);
}

static void do_allow(void)
{
    struct node *t = any_of(1);
    char path[64];

    if (model.allowed_count == 4 || !t->up || below_allowed(t) || holds_allowed(t))
        return;
    path_of(t, path);
    apply((struct edit_op){.code = EDIT_ALLOW_SNAPSHOT, .path = path});
    model.allowed[model.allowed_count++] = t->id;
}

static struct node *by_id(struct node *t, uint64_t id)
{
    struct node *found = t->id == id ? t : NULL;

    for (int k = 0; k < t->n && !found; k++)
        found = by_id(t->kids[k], id);
    return found;
}

static void do_snapshot(void)
{
    struct copy *c = &model.copies[model.copy_count];
    static unsigned number;
    struct node *t;
    char path[64];

    if (model.copy_count == SNAPSHOTS || model.allowed_count == 0)
        return;
    t = by_id(model.root, model.allowed[chance((unsigned)model.allowed_count)]);
    HOLDS(t != NULL);
    path_of(t, path);
    sprintf(c->name, "s%u", number++ % 100000);
    apply((struct edit_op){
        .code = EDIT_CREATE_SNAPSHOT, .path = path, .snapshot = c->name, .mtime_ms = model.now});
    c->dir = t->id;
    c->tree = copy_tree(t, NULL);
    model.copy_count++;
}

static void delete_snapshot(int at)
{
    struct copy *c = &model.copies[at];
    char path[64];

    path_of(by_id(model.root, c->dir), path);
    apply((struct edit_op){
        .code = EDIT_DELETE_SNAPSHOT, .path = path, .snapshot = c->name, .mtime_ms = model.now});
    free_tree(c->tree);
    *c = model.copies[--model.copy_count];
}

static void do_unsnapshot(void)
{
    if (model.copy_count > 0)
        delete_snapshot((int)chance((unsigned)model.copy_count));
}

static void do_rename_snapshot(void)
{
    struct copy *c = &model.copies[model.copy_count ? chance((unsigned)model.copy_count) : 0];
    char path[64], name[8];

    if (model.copy_count == 0)
        return;
    sprintf(name, "r%u", chance(100000));
    path_of(by_id(model.root, c->dir), path);
    for (int k = 0; k < model.copy_count; k++)
        if (strcmp(model.copies[k].name, name) == 0)
            return;
    apply((struct edit_op){.code = EDIT_RENAME_SNAPSHOT,
                           .path = path,
                           .snapshot = c->name,
                           .snapshot2 = name,
                           .mtime_ms = model.now});
    strcpy(c->name, name);
}

/* ---- comparing ---- */

static struct {
    uint64_t inodes[NODES], blocks[NODES];
    int inode_count, block_count;
} seen;

static void compare_file(const struct namespace *ns, const struct node *t,
                         const struct inode_info *in)
{
    uint64_t ids[BLOCKS], length = 0;

    HOLDS(in->replication == t->replication && in->mtime_ms == t->mtime);
    HOLDS(in->block_count == (uint32_t)t->block_count);
    ns_file_blocks_at(ns, in, ids, 0, BLOCKS);
    for (int k = 0; k < t->block_count; k++) {
        HOLDS(ids[k] == t->blocks[k].id);
        length += t->blocks[k].length;
        seen.blocks[seen.block_count++] = ids[k];
    }
    HOLDS(in->length == length);
}

static int by_name(const void *a, const void *b)
{
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

    return name_order(x->name, (unsigned)strlen(x->name), y->name, (unsigned)strlen(y->name));
}

static void compare(const struct namespace *ns, const struct node *t, int snapshot)
{
    struct ns_entry list[KIDS + 1];
    struct node *kids[KIDS];
    struct inode_info in;
    struct edit_xattr *x;

    HOLDS(seen.inode_count < NODES && seen.block_count < NODES - BLOCKS);
    seen.inodes[seen.inode_count++] = t->id;
    HOLDS(ns_info_at(ns, t->id, snapshot, &in) && (in.kind == INODE_DIR) == t->dir);
    HOLDS(in.mode == t->mode && in.has_xattrs == (t->xattr != 0));
    if (t->xattr)
        HOLDS(ns_xattrs(ns, &in, &x) == 1 && atoi((const char *)x->value) == t->xattr);
    if (!t->dir) {
        compare_file(ns, t, &in);
        return;
    }
    HOLDS(in.child_count == (uint32_t)t->n);
    HOLDS(ns_list_at(ns, t->id, snapshot, NULL, 0, list, KIDS + 1) == t->n);
    memcpy(kids, t->kids, sizeof kids);
    qsort(kids, (size_t)t->n, sizeof *kids, by_name);
    for (int k = 0; k < t->n; k++) {
        HOLDS(list[k].id == kids[k]->id && list[k].name_n == strlen(kids[k]->name));
        HOLDS(memcmp(list[k].name, kids[k]->name, list[k].name_n) == 0);
        compare(ns, kids[k], snapshot);
    }
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t distinct(uint64_t *list, int n)
{
    uint64_t count = 0;

    qsort(list, (size_t)n, sizeof *list, by_number);
    for (int k = 0; k < n; k++)
        count += k == 0 || list[k] != list[k - 1];
    return count;
}

static void compare_all(const struct namespace *ns)
{
    seen.inode_count = seen.block_count = 0;
    compare(ns, model.root, SNAPSHOT_NOW);
    for (int k = 0; k < model.copy_count; k++) {
        int id = ns_snapshot_named(ns, model.copies[k].dir, model.copies[k].name);

        HOLDS(id != SNAPSHOT_NONE);
        compare(ns, model.copies[k].tree, id);
    }
    ns_check(ns);
    HOLDS(ns_block_count(ns) == distinct(seen.blocks, seen.block_count));
    HOLDS(ns_inode_count(ns) == distinct(seen.inodes, seen.inode_count));
}

/* ---- through an image ---- */

static int write_image(void *ctx, const void *bytes, size_t n, struct err *err)
{
    (void)err;
    return fwrite(bytes, 1, n, ctx) == n ? 0 : -ERR_IO;
}

static void reload_second(void)
{
    char path[] = "/tmp/ashlar-snapshots.XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "wb");
    struct image_sink sink = {write_image, f};
    struct image_info info = {.namespace_id = 1};
    struct err err;
    uint64_t digest = ns_digest(both[1]);

    HOLDS(f && image_save(both[1], &info, &extras, &sink, NULL) == 0 && fclose(f) == 0);
    ns_free(both[1]);
    both[1] = NULL;
    HOLDS(ns_new(NULL, &both[1], NULL) == 0);
    if (image_load(env_posix(), path, NULL, both[1], &extras, &info, &err) < 0) {
        printf("SEED=%llu: %s\n", (unsigned long long)seed, err.text);
        HOLDS(false);
    }
    unlink(path);
    HOLDS(ns_digest(both[1]) == digest);
}

/* ---- all of it ---- */

static void (*const steps[])(void) = {
    do_mkdir,      do_mkdir,      do_create,   do_create,   do_create,     do_append,
    do_truncate,   do_attributes, do_delete,   do_rename,   do_rename,     do_rename,
    do_attributes, do_allow,      do_snapshot, do_snapshot, do_unsnapshot, do_rename_snapshot,
};

static void run(void)
{
    for (int step = 0; step < STEPS; step++) {
        model.now++;
        steps[chance(sizeof steps / sizeof *steps)]();
        compare_all(both[0]);
        HOLDS(ns_digest(both[0]) == ns_digest(both[1]));
        if (step % 50 == 49)
            reload_second();
    }
    while (model.copy_count > 0) {
        delete_snapshot((int)chance((unsigned)model.copy_count));
        compare_all(both[0]);
    }
    while (model.root->n > 0) {
        do_delete();
        compare_all(both[0]);
    }
    HOLDS(ns_inode_count(both[0]) == 1 && ns_block_count(both[0]) == 0);
    HOLDS(ns_digest(both[0]) == ns_digest(both[1]));
}

static void test_snapshots_show_what_was_there_and_nothing_else_is_kept(void)
{
    const char *text = getenv("SEED");

    seed = text ? strtoull(text, NULL, 10) : 1;
    image_extras_init(&extras);
    for (int k = 0; k < (text ? 1 : RUNS); k++, seed++) {
        state = seed;
        for (int b = 0; b < 2; b++)
            HOLDS(ns_new(NULL, &both[b], NULL) == 0);
        memset(&model, 0, sizeof model);
        model.root = calloc(1, sizeof *model.root);
        *model.root = (struct node){.id = NS_ROOT_ID, .dir = true, .mode = 0755};
        model.last_inode = NS_ROOT_ID;
        model.last_block = NS_FIRST_BLOCK;
        model.gs = NS_FIRST_GS;
        model.now = 1;
        run();
        free_tree(model.root);
        for (int b = 0; b < 2; b++)
            ns_free(both[b]);
    }
    image_extras_done(&extras);
}

SUITE(snapshot_model, TEST(test_snapshots_show_what_was_there_and_nothing_else_is_kept));
