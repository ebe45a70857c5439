/* Replicas, their life, and the map that holds them. */
#include "datanode/replica.h"

#include <malloc.h>

#include "datanode/replica_map.h"
#include "tests/lib/suite.h"

static void test_a_replica_never_leaves_the_table_of_moves(void)
{
    CU_ASSERT(replica_move_reason(REPLICA_RBW, REPLICA_FINALIZED) != NULL);
    CU_ASSERT(replica_move_reason(REPLICA_RWR, REPLICA_RUR) != NULL);
    CU_ASSERT(replica_move_reason(REPLICA_RWR, REPLICA_FINALIZED) == NULL);
    CU_ASSERT(replica_move_reason(REPLICA_FINALIZED, REPLICA_TEMPORARY) == NULL);
    CU_ASSERT(replica_move_reason(REPLICA_TEMPORARY, REPLICA_RUR) == NULL);
}

static void test_two_hundred_thousand_replicas_take_at_most_forty_bytes_each(void)
{
    enum { COUNT = 200000 };
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, after;
    struct replica_map *map = replica_map_new();

    for (uint64_t id = 0; id < COUNT; id++)
        CU_ASSERT_FATAL(replica_map_add(map, 1073741825 + id) != NULL);
    after = mallinfo2().uordblks + mallinfo2().hblkhd;
    CU_ASSERT((after - before) / COUNT <= 40);
    CU_ASSERT(replica_map_count(map) == COUNT);
    for (uint64_t id = 0; id < COUNT; id++)
        CU_ASSERT_FATAL(replica_map_find(map, 1073741825 + id)->id == 1073741825 + id);
    CU_ASSERT(replica_map_find(map, 7) == NULL);
    replica_map_free(map);
}

static void test_what_is_removed_is_gone_and_what_stays_is_walked_once(void)
{
    struct replica_map *map = replica_map_new();
    struct replica *r;
    size_t cursor = 0, seen = 0;

    for (uint64_t id = 1; id <= 10000; id++)
        replica_map_add(map, id * 16);
    for (uint64_t id = 2; id <= 10000; id += 2)
        replica_map_remove(map, replica_map_find(map, id * 16));
    while ((r = replica_map_next(map, &cursor))) {
        CU_ASSERT(r->id / 16 % 2 == 1);
        seen++;
    }
    CU_ASSERT(seen == 5000 && replica_map_count(map) == 5000);
    CU_ASSERT(replica_map_find(map, 32) == NULL && replica_map_find(map, 16) != NULL);
    CU_ASSERT(replica_map_add(map, 32) != NULL && replica_map_count(map) == 5001);
    replica_map_free(map);
}

SUITE(replica, TEST(test_a_replica_never_leaves_the_table_of_moves),
      TEST(test_two_hundred_thousand_replicas_take_at_most_forty_bytes_each),
      TEST(test_what_is_removed_is_gone_and_what_stays_is_walked_once))
