/* What a truncate inside a block may rely on: it is carried out, whatever happens meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "namenode/blocks/lease_recovery.h"
#include "op_world.h"
#include "tests/lib/suite.h"

enum { CREATE = 1, WHOLE = 4000, CUT = 1500 };

static struct op_world o;
static struct model *m;
static uint64_t block, old_gs;

static bool says_truncate(uint64_t length, const char *client)
{
    Pb__TruncateRequestProto rq = PB__TRUNCATE_REQUEST_PROTO__INIT;
    const Pb__TruncateResponseProto *rs;

    rq.src = (char *)"/f";
    rq.newlength = length;
    rq.clientname = (char *)client;
    rs = op_world_call(&o, "truncate", &rq);
    return rs && rs->result;
}

static bool is_closed(void)
{
    Pb__IsFileClosedRequestProto rq = PB__IS_FILE_CLOSED_REQUEST_PROTO__INIT;
    const Pb__IsFileClosedResponseProto *rs;

    rq.src = (char *)"/f";
    rs = op_world_call(&o, "isFileClosed", &rq);
    CU_ASSERT_FATAL(rs != NULL);
    return rs->result;
}

static bool is_refused(enum err_code code, const char *words)
{
    bool is = o.err.code == code && strstr(o.err.text, words);

    if (!is)
        fprintf(stderr, "said %s: \"%s\"\n", err_name(o.err.code), o.err.text);
    o.err.code = 0;
    return is;
}

/* A file of one block of WHOLE bytes on one datanode. */
static void begin(void)
{
    Pb__LocatedBlockProto *lb;
    struct held h;

    op_world_open(&o);
    m = world_node(&o.w);
    CU_ASSERT(says_create(&o, "/f", "c1", CREATE));
    lb = says_add_block(&o, "/f", "c1", NULL);
    CU_ASSERT_FATAL(lb != NULL);
    block = lb->b->blockid;
    old_gs = lb->b->generationstamp;
    h = (struct held){block, old_gs, WHOLE, PB__REPLICA_STATE_PROTO__FINALIZED};
    model_put(m, h.id, h.gs, h.length);
    model_received(&o.w, m, &h);
    lb->b->has_numbytes = 1;
    lb->b->numbytes = WHOLE;
    CU_ASSERT(says_complete(&o, "/f", "c1", lb->b));
}

/* The datanode does as it was told. */
static void carry_out_cut(void)
{
    struct held h = {block, m->recovery_id, m->cut_to, PB__REPLICA_STATE_PROTO__FINALIZED};
    uint64_t mark = 0;

    CU_ASSERT(m->recover == block);
    model_put(m, m->copy_to, h.gs, h.length);
    CU_ASSERT(model_end_recovery(&o.w, m, &h, &mark) == 0);
    CU_ASSERT(mark > 0);
}

static void check_is_cut(void)
{
    struct block_info b;

    CU_ASSERT(is_closed());
    CU_ASSERT(says_info(&o, "/f")->length == CUT);
    CU_ASSERT_FATAL(ns_block(o.nn.ns, block, &b));
    CU_ASSERT(b.length == CUT && b.gs == m->recovery_id && b.gs > old_gs);
    ns_check(o.nn.ns);
}

static void test_a_cut_is_not_yet_until_the_datanodes_have_made_it(void)
{
    begin();
    CU_ASSERT(!says_truncate(CUT, "c1"));
    CU_ASSERT(!is_closed() && says_info(&o, "/f")->length == WHOLE);
    world_pass(&o.w, 3000);
    CU_ASSERT(m->recoveries == 1 && m->cut_to == CUT && m->recovery_id > old_gs);
    carry_out_cut();
    check_is_cut();
    op_world_restart(&o);
    check_is_cut();
    op_world_close(&o);
}

static void test_asking_again_for_the_same_cut_is_no_fault_and_for_another_is(void)
{
    begin();
    CU_ASSERT(!says_truncate(CUT, "c1"));
    o.err.code = 0;
    CU_ASSERT(!says_truncate(CUT, "c2") && o.err.code == 0);
    CU_ASSERT(!says_truncate(CUT - 1, "c1") && is_refused(ERR_WRITER, "/f is being truncated."));
    CU_ASSERT(!says_truncate(0, "c1") && is_refused(ERR_WRITER, "/f is being truncated."));
    world_pass(&o.w, 3000);
    carry_out_cut();
    check_is_cut();
    op_world_close(&o);
}

static void test_whoever_asks_again_and_again_does_not_hinder_the_recovery(void)
{
    Pb__RecoverLeaseRequestProto rq = PB__RECOVER_LEASE_REQUEST_PROTO__INIT;
    uint64_t id;

    begin();
    rq.src = (char *)"/f";
    rq.clientname = (char *)"c2";
    says_truncate(CUT, "c1");
    world_pass(&o.w, 3000);
    id = m->recovery_id;
    for (int i = 0; i < 20; i++) {
        const Pb__RecoverLeaseResponseProto *rs = op_world_call(&o, "recoverLease", &rq);

        CU_ASSERT(rs && !rs->result);
        world_pass(&o.w, 1000);
    }
    CU_ASSERT(m->recovery_id == id);
    carry_out_cut();
    check_is_cut();
    op_world_close(&o);
}

static void goes_on_after_a_restart(bool image)
{
    uint64_t digest, tx;

    begin();
    says_truncate(CUT, "c1");
    world_pass(&o.w, 3000);
    digest = ns_digest(o.nn.ns);
    tx = journal_last_txid(o.nn.journal);
    if (image) {
        CU_ASSERT_FATAL(name_dirs_save_image(o.nn.dirs, o.nn.ns, tx, &o.err) == 0);
        CU_ASSERT_FATAL(name_dirs_image_done(o.nn.dirs, tx, 2, 1000000, &o.err) == 0);
    }
    op_world_restart(&o);
    CU_ASSERT(ns_digest(o.nn.ns) == digest);
    CU_ASSERT(!is_closed() && says_info(&o, "/f")->length == WHOLE);
    m->cut_to = 0;
    world_pass(&o.w, 3000);
    lease_monitor_round(&o.nn);
    world_pass(&o.w, 3000);
    CU_ASSERT(m->cut_to == CUT);
    carry_out_cut();
    check_is_cut();
    op_world_close(&o);
}

static void test_a_restart_in_the_middle_goes_on_with_the_cut(void)
{
    goes_on_after_a_restart(false);
}

static void test_a_restart_from_an_image_of_the_middle_goes_on_with_the_cut(void)
{
    goes_on_after_a_restart(true);
}

static void test_a_cut_is_ordered_anew_when_the_leader_came_back_without_it(void)
{
    uint64_t id;

    begin();
    says_truncate(CUT, "c1");
    world_pass(&o.w, 3000);
    id = m->recovery_id;
    lease_monitor_round(&o.nn);
    world_pass(&o.w, 3000);
    CU_ASSERT(m->recovery_id == id);
    CU_ASSERT(model_register(&o.w, m) == 0 && model_report(&o.w, m) == 0);
    lease_monitor_round(&o.nn);
    world_pass(&o.w, 3000);
    CU_ASSERT(m->recovery_id > id && m->cut_to == CUT);
    carry_out_cut();
    check_is_cut();
    op_world_close(&o);
}

/* ---- under a snapshot ---- */

static void snapshot(bool create, const char *name)
{
    Pb__AllowSnapshotRequestProto allow = PB__ALLOW_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__CreateSnapshotRequestProto make = PB__CREATE_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__DeleteSnapshotRequestProto delete = PB__DELETE_SNAPSHOT_REQUEST_PROTO__INIT;

    allow.snapshotroot = make.snapshotroot = delete.snapshotroot = (char *)"/";
    make.snapshotname = delete.snapshotname = (char *)(uintptr_t)name;
    if (create)
        CU_ASSERT(op_world_call(&o, "allowSnapshot", &allow) != NULL);
    CU_ASSERT(create ? op_world_call(&o, "createSnapshot", &make) != NULL
                     : op_world_call(&o, "deleteSnapshot", &delete) != NULL);
}

static void begin_copy(void)
{
    begin();
    snapshot(true, "s");
    CU_ASSERT(!says_truncate(CUT, "c1"));
    CU_ASSERT(!is_closed() && says_info(&o, "/f")->length == CUT);
    world_pass(&o.w, 3000);
    CU_ASSERT(m->recover == block && m->cut_to == CUT && m->copy_to > block);
}

/* The file goes on in the copy; the block is as it was, while a snapshot needs it. */
static void check_is_copied(bool kept)
{
    struct block_info b;

    CU_ASSERT(is_closed() && says_info(&o, "/f")->length == CUT);
    CU_ASSERT_FATAL(ns_block(o.nn.ns, m->copy_to, &b));
    CU_ASSERT(b.length == CUT && b.gs == m->recovery_id);
    CU_ASSERT(ns_block(o.nn.ns, block, &b) == kept);
    CU_ASSERT(!kept || (b.gs == old_gs && b.length == WHOLE));
    CU_ASSERT(!kept || says_info(&o, "/.snapshot/s/f")->length == WHOLE);
    ns_check(o.nn.ns);
}

static void test_a_block_that_a_snapshot_needs_is_copied(void)
{
    begin_copy();
    carry_out_cut();
    check_is_copied(true);
    op_world_restart(&o);
    check_is_copied(true);
    op_world_close(&o);
}

static void test_a_block_that_came_after_the_snapshot_is_cut_in_place(void)
{
    begin_copy();
    carry_out_cut();
    CU_ASSERT(!says_truncate(CUT - 1, "c1"));
    world_pass(&o.w, 3000);
    CU_ASSERT(m->recover == m->copy_to && m->cut_to == CUT - 1);
    op_world_close(&o);
}

static void copy_goes_on_after_a_restart(bool image)
{
    uint64_t digest, tx;

    begin_copy();
    snapshot(false, "s"); /* the block is needed for the copy alone */
    ns_check(o.nn.ns);
    digest = ns_digest(o.nn.ns);
    tx = journal_last_txid(o.nn.journal);
    if (image) {
        CU_ASSERT_FATAL(name_dirs_save_image(o.nn.dirs, o.nn.ns, tx, &o.err) == 0);
        CU_ASSERT_FATAL(name_dirs_image_done(o.nn.dirs, tx, 2, 1000000, &o.err) == 0);
    }
    op_world_restart(&o);
    CU_ASSERT(ns_digest(o.nn.ns) == digest);
    m->copy_to = 0;
    world_pass(&o.w, 3000);
    lease_monitor_round(&o.nn);
    world_pass(&o.w, 3000);
    CU_ASSERT(m->recover == block && m->cut_to == CUT && m->copy_to > block);
    carry_out_cut();
    check_is_copied(false);
    op_world_close(&o);
}

static void test_a_copy_goes_on_after_a_restart(void)
{
    copy_goes_on_after_a_restart(false);
}

static void test_a_copy_goes_on_after_a_restart_from_an_image(void)
{
    copy_goes_on_after_a_restart(true);
}

static void test_a_file_deleted_while_it_is_copied_stays_whole_in_its_snapshot(void)
{
    struct block_info b;

    begin_copy();
    CU_ASSERT(says_delete(&o, "/f", false));
    CU_ASSERT(!ns_block(o.nn.ns, m->copy_to, &b) && ns_block(o.nn.ns, block, &b));
    CU_ASSERT(says_info(&o, "/.snapshot/s/f")->length == WHOLE);
    snapshot(false, "s");
    CU_ASSERT(!ns_block(o.nn.ns, block, &b));
    ns_check(o.nn.ns);
    op_world_close(&o);
}

static void test_where_a_block_ends_nothing_has_to_be_cut(void)
{
    begin();
    CU_ASSERT(says_truncate(WHOLE, "c1"));
    CU_ASSERT(!says_truncate(WHOLE + 1, "c1") &&
              is_refused(ERR_HADOOP_ARG, "Cannot truncate to a larger file size. Current size: "
                                         "4000, truncate size: 4001."));
    CU_ASSERT(says_truncate(0, "c1") && is_closed() && says_info(&o, "/f")->length == 0);
    world_pass(&o.w, 9000);
    CU_ASSERT(m->recoveries == 0 && m->deletions == 1);
    op_world_close(&o);
}

SUITE(truncate, TEST(test_a_cut_is_not_yet_until_the_datanodes_have_made_it),
      TEST(test_asking_again_for_the_same_cut_is_no_fault_and_for_another_is),
      TEST(test_whoever_asks_again_and_again_does_not_hinder_the_recovery),
      TEST(test_a_restart_in_the_middle_goes_on_with_the_cut),
      TEST(test_a_restart_from_an_image_of_the_middle_goes_on_with_the_cut),
      TEST(test_a_cut_is_ordered_anew_when_the_leader_came_back_without_it),
      TEST(test_a_block_that_a_snapshot_needs_is_copied),
      TEST(test_a_block_that_came_after_the_snapshot_is_cut_in_place),
      TEST(test_a_copy_goes_on_after_a_restart),
      TEST(test_a_copy_goes_on_after_a_restart_from_an_image),
      TEST(test_a_file_deleted_while_it_is_copied_stays_whole_in_its_snapshot),
      TEST(test_where_a_block_ends_nothing_has_to_be_cut))
