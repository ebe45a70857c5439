#include <string.h>

#include "namenode/namespace/attr.h"
#include "tests/lib/suite.h"

static void test_the_same_combination_has_one_number_as_long_as_it_is_held(void)
{
    struct attr_table *t = attr_table_new();
    struct attr a = {.user = attr_name_number(t, "ann"), .group = attr_name_number(t, "staff")};
    uint32_t first, second;

    a.mode = 0644;
    a.block_size = 1 << 27;
    first = attr_hold(t, &a);
    CU_ASSERT(first != 0 && attr_hold(t, &a) == first && attr_count(t) == 1);
    a.block_size++;
    second = attr_hold(t, &a);
    CU_ASSERT(second != first && attr_get(t, second)->block_size == (1 << 27) + 1);
    CU_ASSERT(attr_get(t, first)->block_size == 1 << 27);
    attr_check(t, 3);
    attr_drop(t, first);
    CU_ASSERT(attr_count(t) == 2);
    attr_drop(t, first);
    CU_ASSERT(attr_count(t) == 1);
    attr_check(t, 1);
    attr_drop(t, second);
    attr_check(t, 0);
    attr_table_free(t);
}

static void test_numbers_are_used_again(void)
{
    struct attr_table *t = attr_table_new();
    struct attr a = {.user = attr_name_number(t, "u"), .group = attr_name_number(t, "g")};
    uint32_t numbers[100], highest = 0;

    for (int round = 0; round < 50; round++) {
        for (unsigned k = 0; k < 100; k++) {
            a.block_size = (uint64_t)round * 1000 + k;
            numbers[k] = attr_hold(t, &a);
            highest = numbers[k] > highest ? numbers[k] : highest;
            CU_ASSERT(attr_get(t, numbers[k])->block_size == a.block_size);
        }
        attr_check(t, 100);
        for (unsigned k = 0; k < 100; k++)
            attr_drop(t, numbers[(k * 37) % 100]);
        attr_check(t, 0);
    }
    CU_ASSERT(highest == 100);
    attr_table_free(t);
}

static void test_names_have_numbers(void)
{
    struct attr_table *t = attr_table_new();
    uint32_t a = attr_name_number(t, "a"), b = attr_name_number(t, "b");
    uint32_t c = attr_name_number(t, "c"), empty = attr_name_number(t, "");

    CU_ASSERT(a && b && c && empty && a != b && b != c && a != c);
    CU_ASSERT(attr_name_number(t, "a") == a && attr_name_number(t, "c") == c);
    CU_ASSERT_STRING_EQUAL(attr_name(t, b), "b");
    CU_ASSERT_STRING_EQUAL(attr_name(t, empty), "");
    attr_table_free(t);
}

SUITE(attr, TEST(test_the_same_combination_has_one_number_as_long_as_it_is_held),
      TEST(test_numbers_are_used_again), TEST(test_names_have_numbers));
