/* What the last step of a conversion promises: a file gets the blocks and the layout of another in one step and stays what it
 * is, or nothing changes. */
#include <stdlib.h>
#include <string.h>

#include "op_world.h"
#include "tests/lib/suite.h"

enum { CREATE = 1, BLOCKS_MAX = 8, LENGTH = 1000, UNITS = 5 };

#define POLICY "RS-3-2-1024k"

static struct op_world o;

static void begin(void)
{
    Pb__EnableErasureCodingPolicyRequestProto rq =
        PB__ENABLE_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;

    op_world_open(&o);
    for (int i = 0; i < UNITS; i++)
        world_node(&o.w);
    rq.ecpolicyname = (char *)POLICY;
    CU_ASSERT_FATAL(op_world_call(&o, "enableErasureCodingPolicy", &rq) != NULL);
    says_mkdirs(&o, "/d", 0755);
}

static void end(void)
{
    ns_check(o.nn.ns);
    op_world_close(&o);
}

static void create(const char *path, const char *policy)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__CreateRequestProto rq = PB__CREATE_REQUEST_PROTO__INIT;

    perm.perm = 0600;
    rq.src = (char *)path;
    rq.masked = &perm;
    rq.clientname = (char *)"c1";
    rq.createflag = CREATE;
    rq.createparent = 1;
    rq.replication = 2;
    rq.blocksize = 1 << 20;
    rq.ecpolicyname = (char *)policy;
    CU_ASSERT_FATAL(op_world_call(&o, "create", &rq) != NULL);
}

/* One more block; every datanode that it was given to has its part. */
static Pb__ExtendedBlockProto add_block(const char *path, const Pb__ExtendedBlockProto *previous,
                                        bool striped)
{
    Pb__LocatedBlockProto *lb = says_add_block(&o, path, "c1", previous);
    Pb__ExtendedBlockProto b;
    uint16_t storages[16];
    int n;

    CU_ASSERT_FATAL(lb != NULL);
    b = *lb->b;
    b.has_numbytes = 1;
    b.numbytes = LENGTH;
    n = bm_expected(o.nn.bm, b.blockid, storages, 16);
    for (int i = 0; i < n; i++) {
        const struct striping s = {3, 2, 1 << 20};
        struct model *m = world_node_of(&o.w, storages[i]);
        uint64_t id = b.blockid + (striped ? (unsigned)i : 0);

        if (striped && !striping_has_unit(&s, LENGTH, (unsigned)i))
            continue;
        model_put(m, id, b.generationstamp, LENGTH);
        model_received(&o.w, m, model_holds(m, id));
    }
    return b;
}

/* A file of @n blocks, open or closed. */
static void make(const char *path, const char *policy, int n, bool close)
{
    Pb__ExtendedBlockProto last = PB__EXTENDED_BLOCK_PROTO__INIT, *previous = NULL;

    create(path, policy);
    for (int k = 0; k < n; k++) {
        last = add_block(path, previous, policy != NULL);
        previous = &last;
    }
    if (close)
        CU_ASSERT_FATAL(says_complete(&o, path, "c1", previous));
}

static uint32_t blocks_of(const char *path, uint64_t *ids)
{
    return ns_file_blocks(o.nn.ns, ns_lookup(o.nn.ns, path), ids, 0, BLOCKS_MAX);
}

/* Gives @path all blocks of @source; @seen is what it is believed to have. */
static bool says_convert(const char *path, const char *source, const uint64_t *seen, uint32_t n)
{
    Pb__SpliceFileRequestProto rq = PB__SPLICE_FILE_REQUEST_PROTO__INIT;
    Pb__SpliceRunProto run = PB__SPLICE_RUN_PROTO__INIT, *runs = &run;
    Pb__SplicedBlockProto replaced[BLOCKS_MAX], *list[BLOCKS_MAX];
    uint64_t ids[BLOCKS_MAX];

    for (uint32_t k = 0; k < n; k++) {
        struct block_info b = {0};

        ns_block(o.nn.ns, seen[k], &b);
        pb__spliced_block_proto__init(&replaced[k]);
        replaced[k].blockid = seen[k];
        replaced[k].genstamp = b.gs;
        replaced[k].numbytes = b.length;
        list[k] = &replaced[k];
    }
    run.drop = n;
    run.take = blocks_of(source, ids);
    rq.src = (char *)(uintptr_t)path;
    rq.source = (char *)(uintptr_t)source;
    rq.runs = &runs;
    rq.n_runs = 1;
    rq.replaced = list;
    rq.n_replaced = n;
    rq.blockcount = n;
    rq.has_takelayout = rq.takelayout = 1;
    return op_world_call(&o, "spliceFile", &rq) != NULL;
}

static bool converts(const char *path, const char *source)
{
    uint64_t seen[BLOCKS_MAX];
    uint32_t n = blocks_of(path, seen);

    return says_convert(path, source, seen, n);
}

static bool is_coded(const char *path)
{
    const Pb__HdfsFileStatusProto *st = says_info(&o, path);

    return st && st->ecpolicy;
}

/* As it now is, and as a restart finds it. */
#define BOTH_TIMES(checks)                                                                         \
    do {                                                                                           \
        for (int restarted = 0; restarted < 2; restarted++) {                                      \
            checks;                                                                                \
            ns_check(o.nn.ns);                                                                     \
            if (!restarted)                                                                        \
                op_world_restart(&o);                                                              \
        }                                                                                          \
    } while (0)

static void test_a_file_gets_other_blocks_and_stays_what_it_is(void)
{
    uint64_t was[BLOCKS_MAX], fresh[BLOCKS_MAX], now[BLOCKS_MAX], id, mtime;
    struct block_info b;

    begin();
    make("/d/f", NULL, 2, true);
    make("/d/.h", POLICY, 2, true);
    id = ns_lookup(o.nn.ns, "/d/f");
    mtime = says_info(&o, "/d/f")->modification_time;
    blocks_of("/d/f", was);
    blocks_of("/d/.h", fresh);
    world_pass(&o.w, 5000);
    CU_ASSERT(converts("/d/f", "/d/.h"));
    CU_ASSERT(!ns_block(o.nn.ns, was[0], &b) && !ns_block(o.nn.ns, was[1], &b));
    BOTH_TIMES({
        CU_ASSERT(ns_lookup(o.nn.ns, "/d/f") == id && ns_lookup(o.nn.ns, "/d/.h") == 0);
        CU_ASSERT(blocks_of("/d/f", now) == 2 && memcmp(now, fresh, 2 * sizeof *now) == 0);
        CU_ASSERT(is_coded("/d/f") && says_info(&o, "/d/f")->length == 2 * LENGTH);
        CU_ASSERT(says_info(&o, "/d/f")->modification_time == mtime);
    });
    end();
}

static void test_a_striped_file_is_replicated_again(void)
{
    begin();
    make("/d/f", POLICY, 1, true);
    make("/d/.h", NULL, 1, true);
    CU_ASSERT(converts("/d/f", "/d/.h"));
    BOTH_TIMES({
        CU_ASSERT(!is_coded("/d/f") && says_info(&o, "/d/f")->block_replication == 2);
        CU_ASSERT(says_info(&o, "/d/f")->length == LENGTH);
    });
    end();
}

static void test_an_empty_file_changes_its_layout_too(void)
{
    begin();
    make("/d/f", NULL, 0, true);
    make("/d/.h", POLICY, 0, true);
    CU_ASSERT(converts("/d/f", "/d/.h"));
    BOTH_TIMES(CU_ASSERT(is_coded("/d/f")));
    end();
}

static void test_what_does_not_fit_changes_nothing(void)
{
    uint64_t seen[BLOCKS_MAX], now[BLOCKS_MAX];
    const char *owner;
    uint32_t n;

    begin();
    make("/d/f", NULL, 2, true);
    make("/d/.short", POLICY, 1, true);
    make("/d/.h", POLICY, 2, true);
    make("/d/.open", POLICY, 1, false);
    make("/d/open", NULL, 1, false);
    make("/d/.one", POLICY, 1, true);
    n = blocks_of("/d/f", seen);
    CU_ASSERT(!converts("/d/f", "/d/.short") && o.err.code == ERR_INVALID_REQUEST);
    CU_ASSERT(!says_convert("/d/f", "/d/.h", seen, 1) && o.err.code == ERR_INVALID_REQUEST);
    seen[1]++; /* somebody else was faster */
    CU_ASSERT(!says_convert("/d/f", "/d/.h", seen, n) && o.err.code == ERR_INVALID_REQUEST);
    seen[1]--;
    CU_ASSERT(!converts("/d/f", "/d/.open") && o.err.code == ERR_WRITER);
    CU_ASSERT(!converts("/d/open", "/d/.one") && o.err.code == ERR_WRITER);
    CU_ASSERT(!converts("/d", "/d/.h") && o.err.code == ERR_NOENT);
    owner = o.user;
    o.user = "mallory";
    CU_ASSERT(!converts("/d/f", "/d/.h") && o.err.code == ERR_ACCESS);
    o.user = owner;
    CU_ASSERT(blocks_of("/d/f", now) == 2 && memcmp(now, seen, 2 * sizeof *now) == 0);
    CU_ASSERT(!is_coded("/d/f") && is_coded("/d/.h"));
    CU_ASSERT(converts("/d/f", "/d/.h"));
    end();
}

static void dress(const char *path)
{
    Pb__SetOwnerRequestProto owner = PB__SET_OWNER_REQUEST_PROTO__INIT;
    Pb__SetTimesRequestProto times = PB__SET_TIMES_REQUEST_PROTO__INIT;
    Pb__SetXAttrRequestProto xattr = PB__SET_XATTR_REQUEST_PROTO__INIT;
    Pb__XAttrProto x = PB__XATTR_PROTO__INIT;
    Pb__ModifyAclEntriesRequestProto acl = PB__MODIFY_ACL_ENTRIES_REQUEST_PROTO__INIT;
    Pb__AclEntryProto e = PB__ACL_ENTRY_PROTO__INIT, *entries[] = {&e};

    owner.src = times.src = xattr.src = acl.src = (char *)(uintptr_t)path;
    owner.username = (char *)"ada";
    owner.groupname = (char *)"poets";
    CU_ASSERT(op_world_call(&o, "setOwner", &owner) != NULL);
    x.namespace_ = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__USER;
    x.name = (char *)"colour";
    x.has_value = 1;
    x.value.data = (uint8_t *)"red";
    x.value.len = 3;
    xattr.xattr = &x;
    xattr.has_flag = 1;
    xattr.flag = 1;
    CU_ASSERT(op_world_call(&o, "setXAttr", &xattr) != NULL);
    e.name = (char *)"bob";
    e.permissions = 6;
    acl.aclspec = entries;
    acl.n_aclspec = 1;
    CU_ASSERT(op_world_call(&o, "modifyAclEntries", &acl) != NULL);
    times.mtime = 12345;
    times.atime = 54321;
    CU_ASSERT(op_world_call(&o, "setTimes", &times) != NULL);
}

/* Everything but blocks and layout. */
static void check_alike(const char *a, const char *b)
{
    struct inode_info i, k;
    struct edit_acl_entry *ia, *ka;
    struct edit_xattr *ix, *kx;
    struct place p = {0};
    int n;

    CU_ASSERT_FATAL(ns_resolve(o.nn.ns, a, &o.answers, &p.at, NULL) == 0);
    CU_ASSERT_FATAL(ns_path_info(o.nn.ns, &p.at, p.at.count - 1, &i));
    CU_ASSERT_FATAL(ns_resolve(o.nn.ns, b, &o.answers, &p.at, NULL) == 0);
    CU_ASSERT_FATAL(ns_path_info(o.nn.ns, &p.at, p.at.count - 1, &k));
    CU_ASSERT(strcmp(i.user, k.user) == 0 && strcmp(i.group, k.group) == 0 && i.mode == k.mode);
    CU_ASSERT(i.mtime_ms == k.mtime_ms && i.atime_ms == k.atime_ms && i.length == k.length);
    n = ns_acl(o.nn.ns, &i, &ia);
    CU_ASSERT_FATAL(n > 0 && ns_acl(o.nn.ns, &k, &ka) == n);
    for (int e = 0; e < n; e++) {
        CU_ASSERT(ia[e].permissions == ka[e].permissions && ia[e].type == ka[e].type);
        CU_ASSERT(strcmp(ia[e].name ? ia[e].name : "", ka[e].name ? ka[e].name : "") == 0);
    }
    CU_ASSERT(ns_xattrs(o.nn.ns, &i, &ix) == 1 && ns_xattrs(o.nn.ns, &k, &kx) == 1);
    CU_ASSERT(strcmp(ix->name, kx->name) == 0 && ix->value_n == kx->value_n);
}

static void test_a_snapshot_keeps_the_file_as_it_was_coded(void)
{
    Pb__AllowSnapshotRequestProto allow = PB__ALLOW_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__CreateSnapshotRequestProto snap = PB__CREATE_SNAPSHOT_REQUEST_PROTO__INIT;
    uint64_t was;

    begin();
    make("/d/f", NULL, 2, true);
    dress("/d/f");
    was = ns_lookup(o.nn.ns, "/d/f");
    allow.snapshotroot = snap.snapshotroot = (char *)"/d";
    snap.snapshotname = (char *)"s1";
    CU_ASSERT(op_world_call(&o, "allowSnapshot", &allow) != NULL);
    CU_ASSERT(op_world_call(&o, "createSnapshot", &snap) != NULL);
    make("/d/.h", POLICY, 2, true);
    CU_ASSERT(converts("/d/f", "/d/.h"));
    BOTH_TIMES({
        CU_ASSERT(ns_lookup(o.nn.ns, "/d/.h") == 0 && ns_lookup(o.nn.ns, "/d/f") != was);
        CU_ASSERT(is_coded("/d/f") && !is_coded("/d/.snapshot/s1/f"));
        CU_ASSERT(says_info(&o, "/d/.snapshot/s1/f")->fileid == was);
        check_alike("/d/f", "/d/.snapshot/s1/f");
    });
    end();
}

static uint64_t space_used(void)
{
    Pb__GetQuotaUsageRequestProto rq = PB__GET_QUOTA_USAGE_REQUEST_PROTO__INIT;
    Pb__GetQuotaUsageResponseProto *rs;

    rq.path = (char *)"/d";
    rs = op_world_call(&o, "getQuotaUsage", &rq);
    return rs ? rs->usage->spaceconsumed : 0;
}

/* A quota that is full to the last byte does not stop what makes room. */
static void test_a_quota_counts_what_the_file_takes_then(void)
{
    Pb__SetQuotaRequestProto rq = PB__SET_QUOTA_REQUEST_PROTO__INIT;
    const uint64_t replicated = 2 * 2 * LENGTH,
                   coded = 2 * 3 * LENGTH; /* a cell and two parities */

    begin();
    make("/d/f", NULL, 2, true);
    make("/d/.h", POLICY, 2, true);
    rq.path = (char *)"/d";
    rq.namespacequota = 3;
    rq.storagespacequota = replicated + coded;
    CU_ASSERT(op_world_call(&o, "setQuota", &rq) != NULL);
    CU_ASSERT(space_used() == replicated + coded);
    CU_ASSERT(converts("/d/f", "/d/.h"));
    BOTH_TIMES(CU_ASSERT(space_used() == coded));
    end();
}

SUITE(convert, TEST(test_a_file_gets_other_blocks_and_stays_what_it_is),
      TEST(test_a_striped_file_is_replicated_again),
      TEST(test_an_empty_file_changes_its_layout_too), TEST(test_what_does_not_fit_changes_nothing),
      TEST(test_a_snapshot_keeps_the_file_as_it_was_coded),
      TEST(test_a_quota_counts_what_the_file_takes_then))
