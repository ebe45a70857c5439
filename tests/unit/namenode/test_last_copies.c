/* What is known to be needed is neither deleted nor taken out of a file. Found by tests/sim. */
#include <stdio.h>
#include <string.h>

#include "namenode/blocks/lease_recovery.h"
#include "op_world.h"
#include "tests/lib/suite.h"

static struct world w;

static void test_a_copy_that_was_one_too_many_is_spared_when_it_is_needed_again(void)
{
    struct bm_replicas r;
    uint64_t block;

    world_start(&w, 3, NULL);
    block = world_file(&w, "/f", 3, 100);
    world_set_replication(&w, "/f", 2);
    bm_count_replicas(w.bm, block, &r);
    CU_ASSERT(r.excess == 1 && r.live == 2);
    world_set_replication(&w, "/f", 3); /* before the datanode asks what it is to do */
    world_pass(&w, 30000);
    bm_count_replicas(w.bm, block, &r);
    CU_ASSERT(r.excess == 0 && r.live == 3);
    for (int i = 0; i < 3; i++)
        CU_ASSERT(w.nodes[i].deletions == 0 && w.nodes[i].copies == 0);
    world_close(&w);
}

/* A block that is written to again waits in no queue: nobody could copy it. */
static void test_a_block_that_is_opened_again_is_not_among_those_with_too_few_copies(void)
{
    struct bm_stats s;
    uint16_t storages[2];
    uint64_t block;

    world_start(&w, 1, NULL);
    block = world_file(&w, "/f", 2, 100);
    bm_get_stats(w.bm, &s);
    CU_ASSERT(s.under_replicated == 1);
    CU_ASSERT(
        ns_apply(w.ns,
                 &(struct edit_op){
                     .code = EDIT_APPEND, .path = "/f", .client_name = "c", .client_machine = "h"},
                 &w.err) == 0);
    bm_expect(w.bm, block, storages, (int)ns_block_storages(w.ns, block, storages, 2));
    bm_get_stats(w.bm, &s);
    CU_ASSERT(s.under_replicated == 0);
    world_close(&w);
}

/* ---- a block that those who were asked have not ---- */

static struct op_world o;

static bool says(const char *method, const void *rq)
{
    return op_world_call(&o, method, rq) != NULL;
}

/* A file of one block, on as many datanodes as it goes. */
static struct held write_file(const char *path, uint64_t length)
{
    Pb__LocatedBlockProto *lb;
    struct held h;

    CU_ASSERT(says_create(&o, path, "c", 1));
    lb = says_add_block(&o, path, "c", NULL);
    CU_ASSERT_FATAL(lb != NULL);
    h = (struct held){lb->b->blockid, lb->b->generationstamp, length, 0};
    for (size_t i = 0; i < lb->n_locs; i++)
        for (int k = 0; k < o.w.node_count; k++)
            if (strcmp(o.w.nodes[k].uuid, lb->locs[i]->id->datanodeuuid) == 0) {
                model_put(&o.w.nodes[k], h.id, h.gs, h.length);
                model_received(&o.w, &o.w.nodes[k], &h);
            }
    lb->b->has_numbytes = 1;
    lb->b->numbytes = length;
    CU_ASSERT(says_complete(&o, path, "c", lb->b));
    return h;
}

static int no_datanode_has_it(struct model *m)
{
    Pb__CommitBlockSynchronizationRequestProto r =
        PB__COMMIT_BLOCK_SYNCHRONIZATION_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto eb = PB__EXTENDED_BLOCK_PROTO__INIT;
    uint64_t mark;

    eb.poolid = (char *)WORLD_POOL;
    eb.blockid = m->recover;
    r.block = &eb;
    r.newgenstamp = m->recovery_id;
    r.closefile = r.deleteblock = true;
    return writing_synchronized(o.w.bm, &r, &mark, &o.w.err);
}

/* The file is opened again by a client that vanishes, and its block's recovery is led by a datanode that has
 * lost it; returns the leader. */
static struct model *reopen_and_lose(void)
{
    Pb__AppendRequestProto append = PB__APPEND_REQUEST_PROTO__INIT;
    Pb__RecoverLeaseRequestProto recover = PB__RECOVER_LEASE_REQUEST_PROTO__INIT;
    struct model *m = &o.w.nodes[0];

    append.src = recover.src = (char *)"/f";
    append.clientname = (char *)"c2";
    recover.clientname = (char *)"c3";
    CU_ASSERT_FATAL(says("append", &append));
    CU_ASSERT_FATAL(says("recoverLease", &recover));
    world_pass(&o.w, 3000);
    CU_ASSERT_FATAL(m->recoveries == 1);
    return m;
}

static void test_a_block_with_acknowledged_bytes_stays_in_its_file_when_nobody_has_it_now(void)
{
    struct inode_info in;
    struct bm_stats s;
    struct held h;

    op_world_open(&o);
    world_node(&o.w);
    h = write_file("/f", 700);
    CU_ASSERT(no_datanode_has_it(reopen_and_lose()) == 0);
    CU_ASSERT_FATAL(ns_info(o.nn.ns, ns_lookup(o.nn.ns, "/f"), &in));
    CU_ASSERT(!in.under_construction && in.block_count == 1 && in.length == 700);
    model_drop(&o.w.nodes[0], h.id);
    CU_ASSERT(model_report(&o.w, &o.w.nodes[0]) == 0);
    bm_get_stats(o.w.bm, &s);
    CU_ASSERT(s.missing_blocks == 1);
    model_put(&o.w.nodes[0], h.id, h.gs, h.length); /* here it is after all */
    CU_ASSERT(model_report(&o.w, &o.w.nodes[0]) == 0);
    bm_get_stats(o.w.bm, &s);
    CU_ASSERT(s.missing_blocks == 0);
    op_world_close(&o);
}

/* ---- safe mode ---- */

static void long_extension(struct world *of)
{
    world_set(of, "dfs.namenode.safemode.extension=1000000");
    world_set(of, "dfs.namenode.safemode.replication.min=1");
}

/* Datanodes that die and come back while the namenode starts are counted right. */
static void test_the_count_of_safe_blocks_survives_nodes_that_die_and_come_back(void)
{
    char path[8];

    op_world_open_as(&o, long_extension);
    for (int i = 0; i < 4; i++)
        world_node(&o.w);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        write_file(path, 10);
    }
    op_world_restart(&o); /* all nodes report */
    CU_ASSERT(o.w.bm->safe.block_safe == 20);
    for (int i = 0; i < 3; i++)
        o.w.nodes[i].up = false;
    world_pass(&o.w, 70000);
    CU_ASSERT(o.w.bm->safe.block_safe < 20);
    for (int i = 0; i < 3; i++)
        o.w.nodes[i].up = true;
    world_pass(&o.w, 30000);
    CU_ASSERT(o.w.bm->safe.block_safe == 20 && bm_in_startup_safe_mode(o.w.bm));
    op_world_close(&o);
}

SUITE(last_copies, TEST(test_a_copy_that_was_one_too_many_is_spared_when_it_is_needed_again),
      TEST(test_a_block_that_is_opened_again_is_not_among_those_with_too_few_copies),
      TEST(test_a_block_with_acknowledged_bytes_stays_in_its_file_when_nobody_has_it_now),
      TEST(test_the_count_of_safe_blocks_survives_nodes_that_die_and_come_back));
