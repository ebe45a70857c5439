/* A client that will write at once gets the first block with its new file. */
#include <string.h>

#include "mount.pb-c.h"
#include "op_world.h"
#include "tests/lib/suite.h"

enum { CREATE = 1, WITH_BLOCK = CREATE | PB__OWN_CREATE_FLAG_PROTO__FIRST_BLOCK, BLOCK = 1 << 20 };

static struct op_world o;

/* The block that came with the file; NULL: none did. */
static Pb__LocatedBlockProto *create(const char *path, unsigned flags)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__CreateRequestProto rq = PB__CREATE_REQUEST_PROTO__INIT;
    const Pb__CreateResponseProto *rs;

    perm.perm = 0644;
    rq.src = (char *)path;
    rq.masked = &perm;
    rq.clientname = (char *)"c1";
    rq.createflag = flags;
    rq.replication = 1;
    rq.blocksize = BLOCK;
    rs = op_world_call(&o, "create", &rq);
    CU_ASSERT_FATAL(rs && rs->fs);
    CU_ASSERT(rs->fs->length == 0);
    if (!rs->fs->locations)
        return NULL;
    CU_ASSERT_FATAL(rs->fs->locations->n_blocks == 1);
    return rs->fs->locations->blocks[0];
}

static void write_to(struct model *m, Pb__LocatedBlockProto *lb, uint64_t bytes)
{
    struct held h = {lb->b->blockid, lb->b->generationstamp, bytes,
                     PB__REPLICA_STATE_PROTO__FINALIZED};

    model_put(m, h.id, h.gs, h.length);
    model_received(&o.w, m, &h);
    lb->b->has_numbytes = 1;
    lb->b->numbytes = bytes;
}

static void test_the_first_block_comes_with_the_file_and_is_written_like_any(void)
{
    Pb__LocatedBlockProto *lb;
    struct model *m;

    op_world_open(&o);
    m = world_node(&o.w);
    lb = create("/f", WITH_BLOCK);
    CU_ASSERT_FATAL(lb != NULL);
    CU_ASSERT(lb->n_locs == 1 && lb->b->numbytes == 0);
    write_to(m, lb, 4000);
    CU_ASSERT(says_complete(&o, "/f", "c1", lb->b));
    op_world_restart(&o);
    CU_ASSERT(says_info(&o, "/f")->length == 4000);
    op_world_close(&o);
}

static void test_an_addBlock_that_follows_has_it_as_the_previous_one(void)
{
    Pb__LocatedBlockProto *lb, *again, *next;
    struct model *m;

    op_world_open(&o);
    m = world_node(&o.w);
    lb = create("/f", WITH_BLOCK);
    CU_ASSERT_FATAL(lb != NULL);
    again = says_add_block(&o, "/f", "c1", NULL); /* as if that answer had been lost */
    CU_ASSERT(again && again->b->blockid == lb->b->blockid);
    write_to(m, lb, BLOCK);
    next = says_add_block(&o, "/f", "c1", lb->b);
    CU_ASSERT_FATAL(next != NULL);
    CU_ASSERT(next->b->blockid != lb->b->blockid && next->offset == BLOCK);
    op_world_close(&o);
}

static void abandon(const char *path, Pb__LocatedBlockProto *lb)
{
    Pb__AbandonBlockRequestProto rq = PB__ABANDON_BLOCK_REQUEST_PROTO__INIT;

    rq.b = lb->b;
    rq.src = (char *)path;
    rq.holder = (char *)"c1";
    CU_ASSERT(op_world_call(&o, "abandonBlock", &rq) != NULL);
}

static void test_a_block_given_back_or_deleted_unwritten_takes_no_room(void)
{
    Pb__LocatedBlockProto *lb;
    struct model *m;

    op_world_open(&o);
    m = world_node(&o.w);
    m->remaining = 5 * BLOCK;
    model_beat(&o.w, m);
    for (int i = 0; i < 40; i++) {
        lb = create("/f", WITH_BLOCK);
        CU_ASSERT_FATAL(lb != NULL);
        if (i % 2)
            abandon("/f", lb);
        CU_ASSERT(says_delete(&o, "/f", false));
    }
    op_world_close(&o);
}

static void test_a_file_that_stays_empty_gives_its_block_back(void)
{
    Pb__LocatedBlockProto *lb;

    op_world_open(&o);
    world_node(&o.w);
    lb = create("/f", WITH_BLOCK);
    CU_ASSERT_FATAL(lb != NULL);
    abandon("/f", lb);
    CU_ASSERT(says_complete(&o, "/f", "c1", NULL));
    op_world_restart(&o);
    CU_ASSERT(says_info(&o, "/f")->length == 0);
    op_world_close(&o);
}

static void test_whoever_does_not_ask_for_a_block_gets_none(void)
{
    op_world_open(&o);
    world_node(&o.w);
    CU_ASSERT(create("/f", CREATE) == NULL);
    CU_ASSERT(says_complete(&o, "/f", "c1", NULL));
    op_world_close(&o);
}

static void test_where_there_is_no_room_the_file_is_made_all_the_same(void)
{
    Pb__SetQuotaRequestProto rq = PB__SET_QUOTA_REQUEST_PROTO__INIT;

    op_world_open(&o);
    CU_ASSERT(create("/no-datanodes", WITH_BLOCK) == NULL && o.err.code == 0);
    world_node(&o.w);
    CU_ASSERT(says_mkdirs(&o, "/d", 0755));
    rq.path = (char *)"/d";
    rq.namespacequota = INT64_MAX;
    rq.storagespacequota = BLOCK - 1;
    CU_ASSERT(op_world_call(&o, "setQuota", &rq) != NULL);
    CU_ASSERT(create("/d/f", WITH_BLOCK) == NULL && o.err.code == 0);
    CU_ASSERT(says_complete(&o, "/d/f", "c1", NULL));
    op_world_close(&o);
}

SUITE(first_block, TEST(test_the_first_block_comes_with_the_file_and_is_written_like_any),
      TEST(test_an_addBlock_that_follows_has_it_as_the_previous_one),
      TEST(test_a_block_given_back_or_deleted_unwritten_takes_no_room),
      TEST(test_a_file_that_stays_empty_gives_its_block_back),
      TEST(test_whoever_does_not_ask_for_a_block_gets_none),
      TEST(test_where_there_is_no_room_the_file_is_made_all_the_same))
