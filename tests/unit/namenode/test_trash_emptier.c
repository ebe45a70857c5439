/* The trash: checkpoints are made and go when they are old. */
#include <stdlib.h>
#include <string.h>

#include "namenode/calls/trash_emptier.h"
#include "op_world.h"
#include "proto/trash_name.h"
#include "tests/lib/suite.h"

enum { MINUTE = 60000 };

static const uint64_t noon = 1600000000000;

static void open_with_trash(struct op_world *o)
{
    op_world_open(o);
    world_set(&o->w, "fs.trash.interval=60");
    op_world_restart(o);
    CU_ASSERT(says_mkdirs(o, "/user/ann/.Trash/Current/a", 0700));
    CU_ASSERT(says_mkdirs(o, "/user/bob", 0700));
    CU_ASSERT(says_mkdirs(o, "/user/eve/.Trash/Current", 0700));
}

static const char *checkpoint(const char *user, uint64_t ms, unsigned attempt, char *out)
{
    char name[TRASH_NAME_MAX];

    trash_name_of(ms, attempt, name);
    snprintf(out, 100, "/user/%s/.Trash/%s", user, name);
    return out;
}

static void test_current_becomes_a_checkpoint_with_the_time_as_its_name(void)
{
    char path[100], inside[110];
    struct op_world o;

    open_with_trash(&o);
    trash_emptier_round(&o.nn, noon);
    snprintf(inside, sizeof inside, "%s/a", checkpoint("ann", noon, 0, path));
    CU_ASSERT(says_info(&o, inside) != NULL);
    CU_ASSERT(says_info(&o, checkpoint("eve", noon, 0, path)) != NULL);
    CU_ASSERT(says_info(&o, "/user/ann/.Trash/Current") == NULL);
    CU_ASSERT(says_info(&o, "/user/bob/.Trash") == NULL);
    op_world_close(&o);
}

static void test_a_checkpoint_goes_when_it_is_older_than_the_interval(void)
{
    char path[100];
    struct op_world o;

    open_with_trash(&o);
    trash_emptier_round(&o.nn, noon);
    trash_emptier_round(&o.nn, noon + 60 * MINUTE);
    CU_ASSERT(says_info(&o, checkpoint("ann", noon, 0, path)) != NULL);
    trash_emptier_round(&o.nn, noon + 60 * MINUTE + 1000);
    CU_ASSERT(says_info(&o, checkpoint("ann", noon, 0, path)) == NULL);
    CU_ASSERT(says_info(&o, "/user/ann/.Trash") != NULL);
    op_world_restart(&o); /* and it is in the log */
    CU_ASSERT(says_info(&o, path) == NULL);
    op_world_close(&o);
}

static void test_a_checkpoint_of_the_same_second_gets_a_number(void)
{
    char path[100];
    struct op_world o;

    open_with_trash(&o);
    trash_emptier_round(&o.nn, noon);
    CU_ASSERT(says_mkdirs(&o, "/user/ann/.Trash/Current", 0700));
    trash_emptier_round(&o.nn, noon);
    CU_ASSERT(says_info(&o, checkpoint("ann", noon, 0, path)) != NULL);
    CU_ASSERT(says_info(&o, checkpoint("ann", noon, 1, path)) != NULL);
    trash_emptier_round(&o.nn, noon + 61 * MINUTE);
    CU_ASSERT(says_info(&o, checkpoint("ann", noon, 1, path)) == NULL);
    op_world_close(&o);
}

static void test_what_is_no_checkpoint_is_not_lost(void)
{
    char *tree;
    struct op_world o;

    open_with_trash(&o);
    CU_ASSERT(says_mkdirs(&o, "/user/ann/.Trash/mine/b", 0700));
    trash_emptier_round(&o.nn, noon);
    CU_ASSERT(says_info(&o, "/user/ann/.Trash/mine") == NULL);
    tree = op_world_tree(&o);
    CU_ASSERT(strstr(tree, "/user/ann/.Trash/mine/b") != NULL);
    free(tree);
    op_world_close(&o);
}

static void test_names_of_checkpoints_are_times(void)
{
    char name[TRASH_NAME_MAX];
    uint64_t ms;

    trash_name_of(noon + 999, 0, name);
    CU_ASSERT(trash_name_time(name, &ms) && ms == noon);
    trash_name_of(noon, 12, name);
    CU_ASSERT(trash_name_time(name, &ms) && ms == noon);
    name[10] = 0; /* without the seconds, as in old times */
    CU_ASSERT(trash_name_time(name, &ms) && ms == noon / MINUTE * MINUTE);
    CU_ASSERT(!trash_name_time("Current", &ms));
    CU_ASSERT(!trash_name_time("", &ms));
    CU_ASSERT(!trash_name_time("2009", &ms));
    CU_ASSERT(!trash_name_time("20200913122640000", &ms));
}

SUITE(trash_emptier, TEST(test_current_becomes_a_checkpoint_with_the_time_as_its_name),
      TEST(test_a_checkpoint_goes_when_it_is_older_than_the_interval),
      TEST(test_a_checkpoint_of_the_same_second_gets_a_number),
      TEST(test_what_is_no_checkpoint_is_not_lost), TEST(test_names_of_checkpoints_are_times))
