/* What the mount's own calls promise: blocks of a file replaced, or two names exchanged, in one step; and plain
 * Hadoop's log as long as nobody asks for either. */
#include <stdlib.h>
#include <string.h>

#include "op_world.h"
#include "tests/lib/suite.h"

enum { CREATE = 1, BLOCKS_MAX = 8, LENGTH = 1000 };

static struct op_world o;
static struct model *m;

/* A closed file of @n blocks; the last one is a byte shorter. */
static void make_file(const char *path, int n)
{
    Pb__ExtendedBlockProto last = PB__EXTENDED_BLOCK_PROTO__INIT, *previous = NULL;

    CU_ASSERT_FATAL(says_create(&o, path, "c1", CREATE));
    for (int k = 0; k < n; k++) {
        Pb__LocatedBlockProto *lb = says_add_block(&o, path, "c1", previous);
        struct held h;

        CU_ASSERT_FATAL(lb != NULL);
        h = (struct held){lb->b->blockid, lb->b->generationstamp, LENGTH - (k == n - 1),
                          PB__REPLICA_STATE_PROTO__FINALIZED};
        model_put(m, h.id, h.gs, h.length);
        model_received(&o.w, m, &h);
        last = *lb->b;
        last.has_numbytes = 1;
        last.numbytes = h.length;
        previous = &last;
    }
    CU_ASSERT_FATAL(says_complete(&o, path, "c1", previous));
}

static void begin(void)
{
    op_world_open(&o);
    m = world_node(&o.w);
    make_file("/f", 4);
    make_file("/s", 2);
}

static void end(void)
{
    ns_check(o.nn.ns);
    op_world_close(&o);
}

static uint32_t blocks_of(const char *path, uint64_t *ids)
{
    return ns_file_blocks(o.nn.ns, ns_lookup(o.nn.ns, path), ids, 0, BLOCKS_MAX);
}

/* Replaces @drop blocks from number @at on by all of @source; knows them by @ids. */
static bool says_splice(const char *source, uint32_t at, uint32_t drop, uint32_t take,
                        const uint64_t *ids)
{
    Pb__SpliceFileRequestProto rq = PB__SPLICE_FILE_REQUEST_PROTO__INIT;
    Pb__SpliceRunProto run = PB__SPLICE_RUN_PROTO__INIT, *runs = &run;
    Pb__SplicedBlockProto replaced[BLOCKS_MAX], *list[BLOCKS_MAX];
    uint64_t now[BLOCKS_MAX];

    for (uint32_t k = 0; k < drop; k++) {
        struct block_info b = {0};

        ns_block(o.nn.ns, ids[at + k], &b);
        pb__spliced_block_proto__init(&replaced[k]);
        replaced[k].blockid = ids[at + k];
        replaced[k].genstamp = b.gs;
        replaced[k].numbytes = b.length;
        list[k] = &replaced[k];
    }
    run.at = at, run.drop = drop, run.take = take;
    rq.src = (char *)"/f";
    rq.source = (char *)(uintptr_t)source;
    rq.runs = &runs;
    rq.n_runs = 1;
    rq.replaced = list;
    rq.n_replaced = drop;
    rq.blockcount = blocks_of("/f", now);
    return op_world_call(&o, "spliceFile", &rq) != NULL;
}

static bool says_exchange(const char *a, const char *b)
{
    Pb__ExchangeRequestProto rq = PB__EXCHANGE_REQUEST_PROTO__INIT;

    rq.src = (char *)(uintptr_t)a;
    rq.dst = (char *)(uintptr_t)b;
    return op_world_call(&o, "exchange", &rq) != NULL;
}

/* The file as it is, and as a restart finds it. */
static void check_blocks(const uint64_t *want, uint32_t n)
{
    for (int restarted = 0; restarted < 2; restarted++) {
        uint64_t got[BLOCKS_MAX];

        CU_ASSERT_FATAL(blocks_of("/f", got) == n);
        CU_ASSERT(memcmp(got, want, n * sizeof *got) == 0);
        CU_ASSERT(ns_lookup(o.nn.ns, "/s") == 0);
        ns_check(o.nn.ns);
        if (!restarted)
            op_world_restart(&o);
    }
}

static void test_blocks_in_the_middle_are_replaced_in_one_step(void)
{
    uint64_t f[BLOCKS_MAX], s[BLOCKS_MAX], id;
    struct block_info b;

    begin();
    id = ns_lookup(o.nn.ns, "/f");
    blocks_of("/f", f);
    blocks_of("/s", s);
    CU_ASSERT(says_splice("/s", 1, 1, 2, f));
    CU_ASSERT(!ns_block(o.nn.ns, f[1], &b)); /* nobody has it any more */
    CU_ASSERT(ns_lookup(o.nn.ns, "/f") == id);
    CU_ASSERT(says_info(&o, "/f")->length == 3 * LENGTH - 1 + 2 * LENGTH - 1);
    check_blocks((uint64_t[]){f[0], s[0], s[1], f[2], f[3]}, 5);
    end();
}

static void test_the_end_is_replaced_or_cut_off(void)
{
    uint64_t f[BLOCKS_MAX], s[BLOCKS_MAX];

    begin();
    blocks_of("/f", f);
    blocks_of("/s", s);
    CU_ASSERT(says_splice("/s", 4, 0, 2, f)); /* behind it */
    check_blocks((uint64_t[]){f[0], f[1], f[2], f[3], s[0], s[1]}, 6);
    blocks_of("/f", f);
    CU_ASSERT(says_splice(NULL, 1, 5, 0, f)); /* nothing instead */
    check_blocks(f, 1);
    end();
}

static void test_what_has_changed_meanwhile_is_not_replaced(void)
{
    uint64_t f[BLOCKS_MAX], now[BLOCKS_MAX];

    begin();
    blocks_of("/f", f);
    f[1]++; /* not the block that is there */
    CU_ASSERT(!says_splice("/s", 1, 1, 2, f));
    CU_ASSERT(o.err.code == ERR_INVALID_REQUEST);
    f[1]--;
    CU_ASSERT(!says_splice("/s", 1, 1, 1, f)); /* one of the source's would be left over */
    CU_ASSERT(o.err.code == ERR_INVALID_REQUEST);
    CU_ASSERT(!says_splice("/s", 4, 2, 2, f)); /* behind the end */
    CU_ASSERT(!says_splice("/f", 0, 1, 4, f));
    CU_ASSERT(!says_splice("/none", 0, 1, 1, f) && o.err.code == ERR_NOENT);
    CU_ASSERT(blocks_of("/f", now) == 4 && memcmp(now, f, sizeof *f * 4) == 0);
    CU_ASSERT(ns_lookup(o.nn.ns, "/s") != 0);
    end();
}

static void test_a_snapshot_keeps_the_blocks_that_were_replaced(void)
{
    Pb__AllowSnapshotRequestProto allow = PB__ALLOW_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__CreateSnapshotRequestProto snap = PB__CREATE_SNAPSHOT_REQUEST_PROTO__INIT;
    uint64_t f[BLOCKS_MAX];
    struct block_info b;

    begin();
    blocks_of("/f", f);
    allow.snapshotroot = snap.snapshotroot = (char *)"/";
    snap.snapshotname = (char *)"s1";
    CU_ASSERT(op_world_call(&o, "allowSnapshot", &allow) != NULL);
    CU_ASSERT(op_world_call(&o, "createSnapshot", &snap) != NULL);
    CU_ASSERT(!says_splice("/s", 1, 1, 2, f)); /* the snapshot has the source */
    make_file("/t", 1);
    CU_ASSERT(says_splice("/t", 1, 1, 1, f));
    CU_ASSERT(ns_block(o.nn.ns, f[1], &b));
    CU_ASSERT(says_info(&o, "/.snapshot/s1/f")->length == 4 * LENGTH - 1);
    CU_ASSERT(says_info(&o, "/f")->length == 4 * LENGTH - 2);
    op_world_restart(&o);
    CU_ASSERT(says_info(&o, "/.snapshot/s1/f")->length == 4 * LENGTH - 1);
    CU_ASSERT(says_info(&o, "/f")->length == 4 * LENGTH - 2);
    end();
}

static void test_who_may_not_write_may_not_replace(void)
{
    uint64_t f[BLOCKS_MAX];
    const char *owner;

    begin();
    blocks_of("/f", f);
    owner = o.user;
    o.user = "mallory";
    CU_ASSERT(!says_splice("/s", 1, 1, 2, f) && o.err.code == ERR_ACCESS);
    CU_ASSERT(!says_exchange("/f", "/s") && o.err.code == ERR_ACCESS);
    o.user = owner;
    end();
}

static void test_names_change_places_in_one_step(void)
{
    uint64_t f, s;

    begin();
    CU_ASSERT(says_mkdirs(&o, "/d/e", 0755));
    f = ns_lookup(o.nn.ns, "/f");
    s = ns_lookup(o.nn.ns, "/s");
    CU_ASSERT(says_exchange("/f", "/s"));
    CU_ASSERT(says_exchange("/s", "/d/e")); /* a file and a directory */
    CU_ASSERT(!says_exchange("/d", "/d/e"));
    CU_ASSERT(!says_exchange("/f", "/none") && o.err.code == ERR_NOENT);
    for (int restarted = 0; restarted < 2; restarted++) {
        CU_ASSERT(ns_lookup(o.nn.ns, "/f") == s && ns_lookup(o.nn.ns, "/d/e") == f);
        CU_ASSERT(ns_kind(o.nn.ns, ns_lookup(o.nn.ns, "/s")) == INODE_DIR);
        ns_check(o.nn.ns);
        if (!restarted)
            op_world_restart(&o);
    }
    end();
}

SUITE(mount_ops, TEST(test_blocks_in_the_middle_are_replaced_in_one_step),
      TEST(test_the_end_is_replaced_or_cut_off),
      TEST(test_what_has_changed_meanwhile_is_not_replaced),
      TEST(test_a_snapshot_keeps_the_blocks_that_were_replaced),
      TEST(test_who_may_not_write_may_not_replace), TEST(test_names_change_places_in_one_step))
