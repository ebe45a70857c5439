#include <stdlib.h>

#include "namenode/blocks/block_table.h"
#include "tests/lib/suite.h"

struct record {
    struct block_entry e;
    uint64_t value;
};

static void test_records_are_found_until_they_are_removed(void)
{
    enum { IDS = 5000, STEPS = 200000 };
    static uint64_t values[IDS]; /* 0: not there */
    struct block_table t;
    unsigned seed = 7;
    uint32_t count = 0;

    block_table_init(&t, sizeof(struct record), 1 << 20);
    for (int step = 0; step < STEPS; step++) {
        uint64_t id = (uint64_t)rand_r(&seed) % IDS;
        struct record *r = block_table_find(&t, 1073741824 + id);
        bool made;

        CU_ASSERT_FATAL((r != NULL) == (values[id] != 0));
        CU_ASSERT(!r || r->value == values[id]);
        if (rand_r(&seed) % 3 == 0 && r) {
            block_table_remove(&t, r);
            values[id] = 0;
            count--;
            continue;
        }
        r = block_table_add(&t, 1073741824 + id, &made);
        CU_ASSERT_FATAL(r && made == (values[id] == 0));
        CU_ASSERT(!made || r->value == 0);
        count += made;
        r->value = values[id] = (uint64_t)step + 1;
        if (rand_r(&seed) % 4 == 0)
            block_table_move(&t, r, (uint32_t)rand_r(&seed) % BLOCK_TABLE_LISTS);
    }
    CU_ASSERT(t.count == count);
    block_table_check(&t);
    block_table_done(&t);
}

static void test_lists_keep_the_order_of_arrival(void)
{
    struct block_table t;
    uint64_t last = 0;
    bool made;

    block_table_init(&t, sizeof(struct record), 100);
    for (uint64_t i = 1; i <= 10; i++)
        block_table_add(&t, i, &made);
    block_table_move(&t, block_table_find(&t, 3), 0); /* to the end */
    block_table_move(&t, block_table_find(&t, 5), 2);
    CU_ASSERT(t.lists[0].count == 9 && t.lists[2].count == 1);
    for (struct block_entry *e = block_table_first(&t, 0); e; e = block_table_next(&t, e)) {
        CU_ASSERT(e->block > last || e->block == 3);
        last = e->block;
    }
    CU_ASSERT(last == 3);
    block_table_done(&t);
}

static void test_a_full_table_takes_no_more(void)
{
    struct block_table t;
    bool made;

    block_table_init(&t, sizeof(struct record), 3);
    for (uint64_t i = 1; i <= 3; i++)
        CU_ASSERT(block_table_add(&t, i, &made) && made);
    CU_ASSERT(block_table_add(&t, 4, &made) == NULL);
    CU_ASSERT(block_table_add(&t, 2, &made) && !made);
    block_table_remove(&t, block_table_find(&t, 2));
    CU_ASSERT(block_table_add(&t, 4, &made) && made);
    block_table_done(&t);
}

SUITE(block_table, TEST(test_records_are_found_until_they_are_removed),
      TEST(test_lists_keep_the_order_of_arrival), TEST(test_a_full_table_takes_no_more))
