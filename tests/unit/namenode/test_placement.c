/* test_placement.c -- where new copies go, on modelled datanodes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tests/unit/namenode/block_world.h"

static struct world w;

static int index_of(uint16_t storage)
{
    return (int)(strtol(storage_at(w.bm, storage)->node->uuid + 5, NULL, 10));
}

static const char *rack_of(uint16_t storage)
{
    return storage_at(w.bm, storage)->node->place;
}

static void test_first_copy_is_local_second_in_another_rack_third_beside_it(void)
{
    uint16_t s[3];
    struct bm_target_request r = {.writer_host = "10.0.0.2", .count = 3, .block_size = 1 << 20};

    world_start(&w, 6, "aaabbb");
    for (int i = 0; i < 50; i++) {
        CU_ASSERT_FATAL(bm_choose_targets(w.bm, &r, s, &w.err) == 3);
        CU_ASSERT(index_of(s[0]) == 1);
        CU_ASSERT_STRING_EQUAL(rack_of(s[1]), "/rb");
        CU_ASSERT_STRING_EQUAL(rack_of(s[2]), "/rb");
        CU_ASSERT(s[1] != s[2]);
    }
    world_close(&w);
}

static void test_no_rack_gets_more_than_its_share(void)
{
    uint16_t s[6];
    struct bm_target_request r = {.writer_host = NULL, .count = 4, .block_size = 1 << 20};

    world_start(&w, 8, "aaaaaabb");
    for (int i = 0; i < 50; i++) {
        int in_a = 0;

        CU_ASSERT_FATAL(bm_choose_targets(w.bm, &r, s, &w.err) >= 3);
        for (int k = 0; k < 3; k++)
            in_a += strcmp(rack_of(s[k]), "/ra") == 0;
        CU_ASSERT(in_a < 4);
    }
    world_close(&w);
}

static void test_failing_to_place_says_why_node_by_node(void)
{
    const char *gone[] = {"node-1"};
    uint16_t s[3];
    struct bm_target_request r = {
        .path = "/f", .count = 3, .block_size = 1 << 20, .excluded = gone, .excluded_count = 1};

    world_start(&w, 2, NULL);
    w.nodes[0].remaining = 1000;
    model_beat(&w, &w.nodes[0]);
    CU_ASSERT(bm_choose_targets(w.bm, &r, s, &w.err) == -ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(w.err.text, "File /f could only be written to 0 of the 1 minReplication nodes. "
                           "There are 2 datanode(s) running and 2 node(s) are excluded in this "
                           "operation."));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(w.err.text, "10.0.0.1:9866 was passed over: it has not enough space"));
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "10.0.0.2:9866 was passed over: it is excluded"));
    world_close(&w);
}

static void test_busy_nodes_are_passed_over(void)
{
    uint16_t s[1];
    struct bm_target_request r = {.count = 1, .block_size = 1 << 20};

    world_start(&w, 4, NULL);
    for (int i = 0; i < 4; i++) {
        w.nodes[i].xceivers = i == 3 ? 40 : 4;
        model_beat(&w, &w.nodes[i]);
    }
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_FATAL(bm_choose_targets(w.bm, &r, s, &w.err) == 1);
        CU_ASSERT(index_of(s[0]) != 3);
    }
    world_close(&w);
}

static void test_a_few_connections_are_no_load(void)
{
    uint16_t s[3];
    struct bm_target_request r = {.count = 3, .block_size = 1 << 20};

    world_start(&w, 3, NULL);
    for (int i = 0; i < 3; i++) {
        w.nodes[i].xceivers = i == 2 ? 2 : 0;
        model_beat(&w, &w.nodes[i]);
    }
    CU_ASSERT(bm_choose_targets(w.bm, &r, s, &w.err) == 3);
    world_close(&w);
}

static void test_more_nodes_are_found_beside_those_chosen(void)
{
    const char *there[] = {"node-0", "node-1"};
    uint16_t s[1];
    struct bm_target_request r = {
        .count = 1, .block_size = 1 << 20, .chosen = there, .chosen_count = 2};

    world_start(&w, 3, NULL);
    CU_ASSERT(bm_choose_targets(w.bm, &r, s, &w.err) == 1 && index_of(s[0]) == 2);
    world_close(&w);
}

static void test_no_local_write_keeps_every_copy_off_the_writers_node(void)
{
    struct bm_target_request r = {
        .writer_host = "10.0.0.2", .count = 3, .block_size = 1 << 20, .no_local_write = true};
    uint16_t s[4];

    world_start(&w, 4, "aabb");
    for (int i = 0; i < 50; i++) {
        CU_ASSERT_FATAL(bm_choose_targets(w.bm, &r, s, &w.err) == 3);
        for (int k = 0; k < 3; k++)
            CU_ASSERT(index_of(s[k]) != 1);
    }
    r.count = 4; /* there are no four others: as if nothing had been said */
    CU_ASSERT(bm_choose_targets(w.bm, &r, s, &w.err) >= 3 && index_of(s[0]) == 1);
    world_close(&w);
}

SUITE(placement, TEST(test_first_copy_is_local_second_in_another_rack_third_beside_it),
      TEST(test_no_rack_gets_more_than_its_share),
      TEST(test_failing_to_place_says_why_node_by_node), TEST(test_busy_nodes_are_passed_over),
      TEST(test_a_few_connections_are_no_load), TEST(test_more_nodes_are_found_beside_those_chosen),
      TEST(test_no_local_write_keeps_every_copy_off_the_writers_node));
