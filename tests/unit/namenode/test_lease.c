#include <stdio.h>
#include <string.h>

#include "namenode/namespace/lease.h"
#include "tests/lib/suite.h"

static struct lease_table *with(const char *holder, uint64_t inode)
{
    struct lease_table *t = lease_table_new();

    CU_ASSERT_FATAL(t && lease_give(t, inode, holder, "host", NULL) == 0);
    return t;
}

static void test_a_file_has_one_holder_and_a_holder_without_files_does_not_exist(void)
{
    struct lease_table *t = with("a", 7);

    CU_ASSERT(lease_give(t, 8, "a", NULL, NULL) == 0 && lease_count(t) == 2);
    CU_ASSERT_STRING_EQUAL(lease_holder(t, 7), "a");
    CU_ASSERT_STRING_EQUAL(lease_machine(t, 7), "host");
    CU_ASSERT_STRING_EQUAL(lease_machine(t, 8), "");
    CU_ASSERT(lease_holder(t, 9) == NULL && lease_machine(t, 9) == NULL);
    lease_end(t, 7);
    lease_end(t, 7);
    CU_ASSERT(lease_holder(t, 7) == NULL && lease_count(t) == 1);
    lease_end(t, 8);
    lease_renew(t, "a", 5);
    CU_ASSERT(!lease_is_older(t, "a", 1000, 1));
    lease_check(t);
    lease_table_free(t);
}

static void test_a_lease_that_is_given_to_another_passes_over(void)
{
    struct lease_table *t = with("a", 7);
    uint64_t ids[2];

    CU_ASSERT(lease_give(t, 7, "b", "there", NULL) == 0 && lease_count(t) == 1);
    CU_ASSERT_STRING_EQUAL(lease_holder(t, 7), "b");
    CU_ASSERT_STRING_EQUAL(lease_machine(t, 7), "there");
    CU_ASSERT(lease_files(t, "a", 0, ids, 2) == 0 && lease_files(t, "b", 0, ids, 2) == 1);
    lease_check(t);
    lease_table_free(t);
}

static void test_the_files_of_a_holder_expire_together(void)
{
    struct lease_table *t = with("a", 7);
    uint64_t first;

    lease_give(t, 9, "a", "host", NULL);
    CU_ASSERT(lease_expired(t, 1000, 60) == 0); /* seen for the first time */
    lease_renew(t, "a", 2000);
    CU_ASSERT(lease_expired(t, 2060, 60) == 0 && !lease_is_older(t, "a", 2060, 60));
    CU_ASSERT(lease_is_older(t, "a", 2061, 60));
    first = lease_expired(t, 2061, 60);
    CU_ASSERT(first == 7 || first == 9);
    lease_end(t, first);
    CU_ASSERT(lease_expired(t, 2061, 60) == 16 - first);
    lease_end(t, 16 - first);
    CU_ASSERT(lease_expired(t, 2061, 60) == 0);
    lease_check(t);
    lease_table_free(t);
}

static void test_files_are_listed_in_the_order_of_their_ids(void)
{
    struct lease_table *t = with("a", 500);
    uint64_t ids[10];
    char name[8];

    for (uint64_t i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "h%d", (int)i % 3);
        lease_give(t, i * 37 % 101 + 1, name, "", NULL);
    }
    CU_ASSERT(lease_files(t, NULL, 0, ids, 10) == 10 && ids[0] == 1);
    for (int i = 1; i < 10; i++)
        CU_ASSERT(ids[i] > ids[i - 1]);
    CU_ASSERT(lease_files(t, NULL, 102, ids, 10) == 1 && ids[0] == 500);
    CU_ASSERT(lease_files(t, "a", 0, ids, 10) == 1 && ids[0] == 500);
    lease_check(t);
    lease_table_free(t);
}

static bool is_even(void *ctx, uint64_t inode)
{
    ++*(int *)ctx;
    return inode % 2 == 0;
}

static void test_leases_end_where_asked(void)
{
    struct lease_table *t = with("a", 2);
    int asked = 0;

    for (uint64_t i = 3; i < 12; i++)
        lease_give(t, i, i < 6 ? "a" : "b", "", NULL);
    lease_end_where(t, is_even, &asked);
    CU_ASSERT(asked == 10 && lease_count(t) == 5 && !lease_holder(t, 4) && lease_holder(t, 5));
    lease_check(t);
    lease_table_free(t);
}

SUITE(lease, TEST(test_a_file_has_one_holder_and_a_holder_without_files_does_not_exist),
      TEST(test_a_lease_that_is_given_to_another_passes_over),
      TEST(test_the_files_of_a_holder_expire_together),
      TEST(test_files_are_listed_in_the_order_of_their_ids), TEST(test_leases_end_where_asked));
