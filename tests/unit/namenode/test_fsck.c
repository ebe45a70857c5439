/* test_fsck.c -- what fsck's report says in numbers and words that no small cluster gets to. */
#include <string.h>

#include "namenode/http/fsck.h"
#include "tests/lib/suite.h"
#include "tests/unit/namenode/block_world.h"

static void test_shares_are_written_as_java_writes_floats(void)
{
    struct fsck_result r = {.blocks = 17, .replicas = 24, .expected = 26, .missing_replicas = 2};
    struct buf out;

    buf_init(&out, 4096);
    r.under_replicated = 2;
    fsck_put_result(&out, &r, false, 3, 1);
    CU_ASSERT(NULL != strstr(buf_cstr(&out), "Under-replicated blocks:\t2 (11.764706 %)\n"));
    CU_ASSERT(NULL != strstr(buf_cstr(&out), "Average block replication:\t1.4117647\n"));
    CU_ASSERT(NULL != strstr(buf_cstr(&out), "Missing replicas:\t\t2 (7.6923075 %)\n"));
    buf_done(&out);
}

/* As Hadoop's StoragePolicySummary has them: by how many there are, what does not suit apart. */
static void test_kinds_of_storage_are_told_by_their_policies(void)
{
    enum { DISK = 1, SSD = 2, ARCHIVE = 3 };
    static struct fsck_policies p;
    struct buf out;

    buf_init(&out, 4096);
    memset(&p, 0, sizeof p);
    for (int i = 0; i < 3; i++)
        fsck_add_combination(&p, 0, (uint8_t[]){DISK, DISK, DISK}, 3);
    fsck_add_combination(&p, 10, (uint8_t[]){DISK, SSD, DISK}, 3);
    fsck_put_policies(&out, &p);
    CU_ASSERT(NULL != strstr(buf_cstr(&out),
                             "DISK:3(HOT)                        3              75.0000%\n"
                             "SSD:1,DISK:2(ONE_SSD)              1              25.0000%\n"
                             "\nAll blocks satisfy specified storage policy.\n"));
    fsck_add_combination(&p, 2, (uint8_t[]){ARCHIVE, DISK}, 2);
    buf_clear(&out);
    fsck_put_policies(&out, &p);
    CU_ASSERT(NULL !=
              strstr(buf_cstr(&out),
                     "\nBlocks NOT satisfying the specified storage policy:\n"
                     "Storage Policy                  Specified Storage Policy      # of blocks   "
                     "    % of blocks\n"
                     "DISK:1,ARCHIVE:1(WARM)              COLD                          1       "
                     "       20.0000%\n"));
    buf_done(&out);
}

static void test_copies_in_one_rack_of_two_are_too_near(void)
{
    static struct world w;
    struct bm_replica r[8];
    struct block_info b;
    uint64_t block;
    uint16_t s[2];
    int used, all;

    world_start(&w, 3, "aab");
    block = world_begin_file(&w, "/f", 2, NULL);
    ns_block(w.ns, block, &b);
    CU_ASSERT_FATAL(bm_expected(w.bm, block, s, 2) == 2);
    for (int i = 0; i < 2; i++) { /* written to one rack, whatever was chosen */
        model_put(&w.nodes[i], block, b.gs, 100);
        model_received(&w, &w.nodes[i], model_holds(&w.nodes[i], block));
    }
    ns_block_commit(w.ns, block, 100, b.gs);
    CU_ASSERT(bm_is_complete_enough(w.bm, block));
    CU_ASSERT(bm_list_replicas(w.bm, block, r, 8) == 2);
    CU_ASSERT(!r[0].corrupt && !r[0].excess && !r[0].stale_node);
    CU_ASSERT(!bm_racks_of(w.bm, block, 2, &used, &all));
    CU_ASSERT(used == 1 && all == 2);
    CU_ASSERT(bm_racks_of(w.bm, block, 1, &used, &all));
    world_close(&w);
}

SUITE(fsck, TEST(test_shares_are_written_as_java_writes_floats),
      TEST(test_kinds_of_storage_are_told_by_their_policies),
      TEST(test_copies_in_one_rack_of_two_are_too_near));
