/* The arithmetic behind placement, number by number. */
#include "compute/place.h"
#include "compute/splits.h"
#include "tests/lib/suite.h"

#include <math.h>

static void test_an_offer_is_let_pass_until_the_waits_are_over(void)
{
    CU_ASSERT(place_reach(0, 1000, 500) == LOCAL_NODE);
    CU_ASSERT(place_reach(999, 1000, 500) == LOCAL_NODE);
    CU_ASSERT(place_reach(1000, 1000, 500) == LOCAL_RACK);
    CU_ASSERT(place_reach(1499, 1000, 500) == LOCAL_RACK);
    CU_ASSERT(place_reach(1500, 1000, 500) == LOCAL_ANY);
    CU_ASSERT(place_reach(0, 0, 0) == LOCAL_ANY);
}

static void test_fewer_tasks_for_the_weight_come_first(void)
{
    CU_ASSERT(place_fairer(1, 1, 2, 1) < 0);
    CU_ASSERT(place_fairer(3, 4, 1, 1) < 0);
    CU_ASSERT(place_fairer(4, 4, 1, 1) == 0);
    CU_ASSERT(place_fairer(5, 4, 1, 1) > 0);
}

static void test_shares_follow_weights_and_what_one_leaves_goes_to_others(void)
{
    struct place_share a[] = {{.weight = 1, .wants = 100}, {.weight = 3, .wants = 100}};
    struct place_share b[] = {
        {.weight = 1, .wants = 100}, {.weight = 3, .wants = 2}, {.weight = 1, .wants = 100}};
    struct place_share c[] = {{.weight = 1, .wants = 3}, {.weight = 1, .wants = 0}};

    place_shares(a, 2, 16);
    CU_ASSERT(fabs(a[0].share - 4) < 1e-6 && fabs(a[1].share - 12) < 1e-6);
    place_shares(b, 3, 10);
    CU_ASSERT(fabs(b[0].share - 4) < 1e-6);
    CU_ASSERT(fabs(b[1].share - 2) < 1e-6);
    CU_ASSERT(fabs(b[2].share - 4) < 1e-6);
    place_shares(c, 2, 10);
    CU_ASSERT(fabs(c[0].share - 3) < 1e-6 && c[1].share == 0);
}

static void test_blame_is_forgiven_by_halves(void)
{
    CU_ASSERT(fabs(place_blame(4, 0, 1000) - 4) < 1e-9);
    CU_ASSERT(fabs(place_blame(4, 1000, 1000) - 2) < 1e-9);
    CU_ASSERT(fabs(place_blame(4, 3000, 1000) - 0.5) < 1e-9);
}

static void test_a_job_leaves_out_at_most_a_third_of_the_nodes(void)
{
    CU_ASSERT(!place_shun(2, 3, 0, 6));
    CU_ASSERT(place_shun(3, 3, 0, 6));
    CU_ASSERT(place_shun(3, 3, 1, 6));
    CU_ASSERT(!place_shun(3, 3, 2, 6));
    CU_ASSERT(!place_shun(9, 3, 0, 2));
    CU_ASSERT(!place_shun(9, 0, 0, 100));
}

static void test_an_attempt_is_slow_by_its_own_pace(void)
{
    struct place_pace p = {
        .elapsed_ms = 10000, .permille = 100, .done = 5, .mean_ms = 4000, .deviation_ms = 500};

    CU_ASSERT(place_left_ms(&p) == 90000);
    CU_ASSERT(place_slow(&p));
    p.permille = 900; /* 1.1 s more: a new one would take 4 */
    CU_ASSERT(!place_slow(&p));
    p.permille = 0;
    CU_ASSERT(place_left_ms(&p) == UINT64_MAX && place_slow(&p));
    p.permille = 1000; /* has read all, and works on */
    CU_ASSERT(place_slow(&p));
    p.elapsed_ms = 8900;
    CU_ASSERT(!place_slow(&p));
    p.permille = 0;
    p.elapsed_ms = 4400; /* not unusual yet */
    CU_ASSERT(!place_slow(&p));
    p.elapsed_ms = 10000;
    p.min_ms = 11000;
    CU_ASSERT(!place_slow(&p));
    p.min_ms = 0;
    p.done = 0; /* nothing to compare with */
    CU_ASSERT(!place_slow(&p));
}

static void test_second_attempts_have_a_limit(void)
{
    CU_ASSERT(place_twins_max(5, 50) == 10);
    CU_ASSERT(place_twins_max(500, 600) == 50);
    CU_ASSERT(place_twins_max(5, 5000) == 50);
}

static void test_a_data_unit_has_its_cells_of_a_group(void)
{
    const struct dfs_block b = {.cell_bytes = 10, .data_units = 3};
    uint64_t sum;

    CU_ASSERT(splits_unit_bytes(&b, 0, 5) == 5 && splits_unit_bytes(&b, 1, 5) == 0);
    CU_ASSERT(splits_unit_bytes(&b, 1, 15) == 5 && splits_unit_bytes(&b, 0, 15) == 10);
    CU_ASSERT(splits_unit_bytes(&b, 2, 60) == 20);
    for (uint64_t n = 0; n < 100; n++) {
        sum = 0;
        for (uint32_t u = 0; u < 3; u++)
            sum += splits_unit_bytes(&b, u, n);
        CU_ASSERT(sum == n);
    }
}

SUITE(place, TEST(test_a_data_unit_has_its_cells_of_a_group),
      TEST(test_an_offer_is_let_pass_until_the_waits_are_over),
      TEST(test_fewer_tasks_for_the_weight_come_first),
      TEST(test_shares_follow_weights_and_what_one_leaves_goes_to_others),
      TEST(test_blame_is_forgiven_by_halves),
      TEST(test_a_job_leaves_out_at_most_a_third_of_the_nodes),
      TEST(test_an_attempt_is_slow_by_its_own_pace), TEST(test_second_attempts_have_a_limit))
