/* Random calls by several clients go to a namenode and to a reference of a few hundred lines: the same
 * answers, the same tree, in snapshots too; what always holds is checked after each call; and in the end the
 * log is replayed and an image of it loaded, and all of them are the same.
 *
 *   SEED=n replays one run, FIRST_SEED=n begins there; MODEL_CALLS=n makes so many calls (in CI 2,000,000).
 *
 * Runs are shared out among as many processes as there are processors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tests/model/calls.h"

enum { CALLS_A_RUN = 10000, COMPARE_EACH = 16, NODES = 3 };
#ifdef __SANITIZE_ADDRESS__
enum { CALLS = 100000 };
#else
enum { CALLS = 2000000 };
#endif

struct op_world o;
struct ref ref;
bool snapshots;
char last_call[300];
struct model_total *total;
static uint64_t first_seed, seed, state;

void fail(const char *what)
{
    printf("SEED=%llu replays this: %s\n  after %s\n", (unsigned long long)seed, what, last_call);
    fflush(stdout);
    _exit(1);
}

unsigned chance(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

/* ---- the whole tree ---- */

static void compare_file(const struct namespace *ns, const struct ref_node *n,
                         const struct inode_info *in)
{
    struct open_file open;
    uint64_t ids[REF_BLOCKS];

    HOLDS(in->replication == n->replication && in->atime_ms == n->atime);
    if (in->snapshot != SNAPSHOT_NOW) { /* one that was open then goes on growing, as in Hadoop */
        HOLDS(n->writer[0] || in->length == ref_length(n));
        return;
    }
    HOLDS(in->block_count == (uint32_t)n->blocks && in->length == ref_length(n));
    ns_file_blocks(ns, n->id, ids, 0, REF_BLOCKS);
    HOLDS(in->under_construction == (n->writer[0] != 0));
    if (n->writer[0])
        HOLDS(ns_open_file(ns, n->id, &open) && strcmp(open.client_name, n->writer) == 0);
    for (int k = 0; k < n->blocks; k++) {
        struct block_info b;

        HOLDS(ns_block(ns, ids[k], &b) && b.length == n->lengths[k] && b.file == n->id);
    }
}

static void compare_features(const struct namespace *ns, const struct ref_node *n,
                             const struct inode_info *in)
{
    struct edit_acl_entry *acl;
    struct edit_xattr *x;
    int named = 0;

    HOLDS(in->has_xattrs == (n->xattr_count > 0));
    if (n->xattr_count) {
        int count = ns_xattrs(ns, in, &x), found = 0;

        for (int k = 0; k < count; k++)
            for (int m = 0; m < n->xattr_count; m++)
                found += strcmp(n->xattrs[m].name, x[k].name) == 0 &&
                         strlen(n->xattrs[m].value) == x[k].value_n &&
                         memcmp(n->xattrs[m].value, x[k].value, x[k].value_n) == 0;
        HOLDS(count == n->xattr_count && found == count);
    }
    HOLDS(in->has_acl == n->acl.there);
    if (!n->acl.there)
        return;
    for (int k = 0; k < REF_NAMED; k++)
        named += n->acl.named[k] >= 0;
    int count = ns_acl(ns, in, &acl), found = 0;

    for (int k = 0; k < count; k++) {
        for (int m = 0; m < REF_NAMED; m++)
            found += acl[k].name && strcmp(acl[k].name, users[m]) == 0 &&
                     acl[k].permissions == n->acl.named[m];
        if (!acl[k].name && acl[k].type == 1)
            HOLDS(acl[k].permissions == n->acl.group);
    }
    HOLDS(found == named);
}

static void compare(const struct namespace *ns, const struct ref_node *n, int snapshot)
{
    struct ns_entry list[REF_KIDS + 1];
    struct ref_node *kids[REF_KIDS];
    struct inode_info in;

    HOLDS(ns_info_at(ns, n->id, snapshot, &in));
    HOLDS((in.kind == INODE_DIR) == n->dir && in.mode == n->mode);
    /* as Hadoop's: names that come and go in a directory change its time in snapshots, too */
    HOLDS(in.mtime_ms == n->mtime || (n->dir && snapshot != SNAPSHOT_NOW));
    HOLDS(strcmp(in.group, n->group) == 0 && in.storage_policy == n->policy);
    compare_features(ns, n, &in);
    if (!n->dir) {
        compare_file(ns, n, &in);
        return;
    }
    HOLDS(ns_list_at(ns, n->id, snapshot, NULL, 0, list, REF_KIDS + 1) == n->n);
    memcpy(kids, n->kids, sizeof kids);
    qsort(kids, (size_t)n->n, sizeof *kids, by_name);
    for (int k = 0; k < n->n; k++) {
        HOLDS(list[k].id == kids[k]->id && list[k].name_n == strlen(kids[k]->name));
        HOLDS(memcmp(list[k].name, kids[k]->name, list[k].name_n) == 0);
        compare(ns, kids[k], snapshot);
    }
}

static void compare_all(const struct namespace *ns)
{
    compare(ns, ref.root, SNAPSHOT_NOW);
    for (int k = 0; k < ref.snapshot_count; k++) {
        int id = ns_snapshot_named(ns, ref.snapshots[k].dir, ref.snapshots[k].name);

        HOLDS(id != SNAPSHOT_NONE);
        compare(ns, ref.snapshots[k].tree, id);
    }
}

/* ---- one run ---- */

static void step(int number)
{
    o.w.ms++;
    ref.now = env_now_ms(&o.w.env);
    random_call();
    total->calls++;
    arena_reset(&o.answers);
    ns_check(o.nn.ns);
    bm_check(o.w.bm);
    if (number % COMPARE_EACH == 0 || getenv("SEED"))
        compare_all(o.nn.ns);
    if (number % 500 == 0)
        for (int i = 0; i < o.w.node_count; i++)
            HOLDS(model_beat(&o.w, &o.w.nodes[i]) == 0);
    if (number % 1000 == 0)
        renew_leases();
}

/* The log replayed, then an image with what little of the log comes after it. */
static void reload(void)
{
    uint64_t digest = ns_digest(o.nn.ns), first;

    SHOW("the log was replayed");
    compare_all(o.nn.ns);
    op_world_restart(&o);
    HOLDS(ns_digest(o.nn.ns) == digest);
    ns_check(o.nn.ns);
    compare_all(o.nn.ns);
    SHOW("an image was loaded");
    HOLDS(journal_roll(o.nn.journal, &first, &o.err) == 0);
    HOLDS(name_dirs_save_image(o.nn.dirs, o.nn.ns, first - 1, &o.err) == 0);
    HOLDS(name_dirs_image_done(o.nn.dirs, first - 1, 1, 0, &o.err) == 0);
    op_world_restart(&o);
    HOLDS(ns_digest(o.nn.ns) == digest);
    ns_check(o.nn.ns);
    compare_all(o.nn.ns);
}

/* Thousands of runs leave no gigabytes. */
static void remove_files(const char *dir)
{
    char command[400];

    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    HOLDS(system(command) == 0);
}

static void run(int number)
{
    struct inode_info root;

    seed = first_seed + (uint64_t)number;
    state = seed * 2654435761u;
    snapshots = seed % 2;
    op_world_open(&o);
    for (int i = 0; i < NODES; i++)
        world_node(&o.w);
    ref_init(&ref);
    HOLDS(ns_info(o.nn.ns, NS_ROOT_ID, &root));
    ref.root->mtime = root.mtime_ms;
    ref.root->mode = root.mode;
    ref.root->policy = root.storage_policy;
    snprintf(ref.root->group, sizeof ref.root->group, "%s", root.group);
    for (int i = 1; i <= CALLS_A_RUN; i++)
        step(i);
    reload();
    ref_done(&ref);
    op_world_close(&o);
    remove_files(o.dir);
    total->runs++;
}

static void test_random_calls_get_the_reference_s_answers_and_leave_its_tree(void)
{
    const char *one = getenv("SEED"), *from = getenv("FIRST_SEED"), *calls = getenv("MODEL_CALLS");
    int runs = (calls ? atoi(calls) : CALLS) / CALLS_A_RUN;
    int failed;

    if (!from)
        from = one ? one : "1";
    first_seed = strtoull(from, NULL, 10);

    total = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(total != MAP_FAILED);
    failed = suite_share_out(one ? 1 : runs, run);
    fprintf(stderr, "%llu calls in %llu runs, %llu of them refused\n",
            (unsigned long long)total->calls, (unsigned long long)total->runs,
            (unsigned long long)total->refused);
    CU_ASSERT(failed == 0);
    CU_ASSERT(total->runs > 0 && total->refused > total->calls / 100);
    munmap(total, sizeof *total);
}

SUITE(calls, TEST(test_random_calls_get_the_reference_s_answers_and_leave_its_tree));
