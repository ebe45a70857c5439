/* Upgrades: what was before is kept, comes back and goes, whatever single call to the disk fails and then the datanode with it. */
#include "datanode/upgrade.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datanode/dataset_parts.h"
#include "tests/lib/fault_env.h"
#include "tests/unit/datanode/dn_world.h"

enum { ID = 5, LATER = 6, STAMP = 1001, BYTES = 3000, MORE = 4000, NTH_MAX = 400 };

static struct pool_info newer_pool(void)
{
    struct pool_info pool = test_pool;

    pool.ctime_ms += 1000;
    return pool;
}

static struct dataset *open_with(struct env *env, const char *dir, const struct pool_info *pool,
                                 bool roll_back, struct err *err)
{
    char *dirs[] = {(char *)(uintptr_t)dir};
    struct dataset_options o = {
        .env = env, .dirs = dirs, .dir_count = 1, .sync_on_close = true, .roll_back = roll_back};
    struct dataset *ds;

    if (dataset_open(&o, &ds, err) < 0)
        return NULL;
    if (dataset_join(ds, pool, err) == 0)
        return ds;
    dataset_close(ds);
    return NULL;
}

static struct dataset *open_new(const char *dir, bool roll_back)
{
    struct pool_info pool = newer_pool();

    return open_with(env_posix(), dir, &pool, roll_back, NULL);
}

static bool there(const char *dir, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/current/" POOL "/%s", dir, name);
    return access(path, F_OK) == 0;
}

static uint64_t length_of(struct dataset *ds, uint64_t id)
{
    struct replica_facts f;

    return dataset_facts(ds, id, &f, NULL) == 0 ? f.block.bytes : 0;
}

static const char *formatted(void)
{
    const char *dir = suite_tmp_dir();
    struct dataset *ds = open_dataset(env_posix(), dir, NULL);

    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(make_replica(env_posix(), ds, ID, STAMP, BYTES) == 0);
    dataset_close(ds);
    return dir;
}

/* ---- previous ---- */

static void test_an_upgrade_keeps_what_was_and_goes_back_to_it(void)
{
    const char *dir = formatted();
    struct dataset *ds = open_new(dir, false);
    struct write_want want = want_of(ID, STAMP);
    struct replica_facts f;
    struct draft *d;

    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(there(dir, "previous/VERSION"));
    CU_ASSERT(length_of(ds, ID) == BYTES);
    want.block.bytes = want.min_bytes = want.max_bytes = BYTES;
    want.new_stamp = STAMP + 1;
    CU_ASSERT_FATAL(dataset_append(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), ds, d, MORE) == 0);
    CU_ASSERT(dataset_finalize(ds, d, &f, NULL) == 0);
    dataset_release(ds, d, false);
    CU_ASSERT(length_of(ds, ID) == MORE);
    CU_ASSERT(make_replica(env_posix(), ds, LATER, STAMP, BYTES) == 0);
    dataset_close(ds);

    ds = open_with(env_posix(), dir, &test_pool, true, NULL);
    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(length_of(ds, ID) == BYTES);
    CU_ASSERT(length_of(ds, LATER) == 0);
    CU_ASSERT(!there(dir, "previous"));
    CU_ASSERT(!there(dir, "removed.tmp"));
    dataset_close(ds);
}

static void test_a_block_cut_in_an_upgrade_is_whole_in_what_was(void)
{
    const char *dir = formatted();
    struct dataset *ds = open_new(dir, false);
    const struct block b = {.id = ID, .stamp = STAMP, .bytes = BYTES};
    struct replica_facts f;

    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(dataset_init_recovery(ds, &b, STAMP + 1, &f, NULL) == 0);
    CU_ASSERT(dataset_finish_recovery(ds, &b, STAMP + 1, 0, BYTES - 700, &f, NULL) == 0);
    CU_ASSERT(length_of(ds, ID) == BYTES - 700);
    dataset_close(ds);
    ds = open_with(env_posix(), dir, &test_pool, true, NULL);
    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(length_of(ds, ID) == BYTES);
    dataset_close(ds);
}

static void test_a_deleted_block_is_back_and_final_it_is_not(void)
{
    const char *dir = formatted();
    struct dataset *ds = open_new(dir, false);

    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(dataset_delete(ds, &(struct block){.id = ID, .stamp = STAMP}, NULL) == 0);
    dataset_close(ds);
    ds = open_new(dir, false);
    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(length_of(ds, ID) == 0);
    CU_ASSERT(there(dir, "previous"));
    dataset_close(ds);
    ds = open_with(env_posix(), dir, &test_pool, true, NULL);
    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(length_of(ds, ID) == BYTES);
    dataset_close(ds);

    ds = open_new(dir, false);
    CU_ASSERT_FATAL(ds != NULL);
    dataset_finalize_upgrade(ds);
    CU_ASSERT(!there(dir, "previous"));
    for (int i = 0; i < 500 && there(dir, "finalized.tmp"); i++)
        usleep(10000);
    CU_ASSERT(!there(dir, "finalized.tmp"));
    CU_ASSERT(length_of(ds, ID) == BYTES);
    dataset_close(ds);
}

static void test_an_older_namenode_is_refused_with_both_times(void)
{
    const char *dir = formatted();
    struct pool_info much_older = test_pool;
    struct dataset *ds = open_new(dir, false);
    struct err err;

    CU_ASSERT_FATAL(ds != NULL);
    dataset_close(ds);
    CU_ASSERT(open_with(env_posix(), dir, &test_pool, false, &err) == NULL);
    CU_ASSERT(err.code == ERR_INCONSISTENT);
    CU_ASSERT(strstr(err.text, "CTime = 1005 is newer than the namespace state: CTime = 5") !=
              NULL);
    much_older.ctime_ms = 1;
    CU_ASSERT(open_with(env_posix(), dir, &much_older, true, &err) == NULL);
    CU_ASSERT(strstr(err.text, "Cannot rollback to a newer state") != NULL);
    CU_ASSERT(there(dir, "previous/VERSION"));
}

/* One way, each call in it failing, and with @dead every one after it: after a restart the block is there, before and after going back. */
static void sweep(bool back, bool dead)
{
    static struct fault_env w;
    struct pool_info pool = newer_pool();
    int nth = 0;

    for (bool fired = true; fired && nth < NTH_MAX; nth++) {
        const char *dir = formatted();
        struct dataset *ds;

        if (back) {
            ds = open_new(dir, false);
            CU_ASSERT_FATAL(ds != NULL);
            dataset_close(ds);
        }
        fault_env_init(&w, nth);
        w.dead = dead;
        ds = open_with(&w.env, dir, back ? &test_pool : &pool, back, NULL);
        fired = w.fired;
        dataset_close(ds);

        if (back) { /* it begins again where it was, or has arrived */
            ds = open_with(env_posix(), dir, &test_pool, true, NULL);
        } else {
            ds = open_new(dir, false);
            CU_ASSERT(there(dir, "previous/VERSION"));
        }
        CU_ASSERT_FATAL(ds != NULL);
        CU_ASSERT(length_of(ds, ID) == BYTES);
        CU_ASSERT(!there(dir, "previous.tmp") && !there(dir, "removed.tmp"));
        dataset_close(ds);
        if (!back) {
            ds = open_with(env_posix(), dir, &test_pool, true, NULL);
            CU_ASSERT_FATAL(ds != NULL);
            CU_ASSERT(length_of(ds, ID) == BYTES);
            dataset_close(ds);
        }
    }
    CU_ASSERT(nth > 20 && nth < NTH_MAX);
}

static void test_an_upgrade_that_dies_anywhere_is_made_at_the_next_start(void)
{
    sweep(false, true);
    sweep(false, false);
}

static void test_going_back_that_dies_anywhere_is_done_at_the_next_start(void)
{
    sweep(true, true);
    sweep(true, false);
}

/* ---- rolling ---- */

static void test_what_is_deleted_in_a_rolling_upgrade_comes_back(void)
{
    const char *dir = formatted();
    struct dataset *ds = open_dataset(env_posix(), dir, NULL);
    const char trashed[] = "trash/finalized/subdir0/subdir0/blk_5";

    CU_ASSERT_FATAL(ds != NULL);
    dataset_rolling_upgrade(ds, true);
    CU_ASSERT(there(dir, "RollingUpgradeInProgress"));
    CU_ASSERT(dataset_delete(ds, &(struct block){.id = ID, .stamp = STAMP}, NULL) == 0);
    dataset_close(ds); /* what waits to be deleted is, first */
    CU_ASSERT(there(dir, trashed));
    CU_ASSERT(there(dir, "trash/finalized/subdir0/subdir0/blk_5_1001.meta"));

    ds = open_dataset(env_posix(), dir, NULL);
    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(length_of(ds, ID) == 0);
    dataset_close(ds);
    ds = open_with(env_posix(), dir, &test_pool, true, NULL);
    CU_ASSERT_FATAL(ds != NULL);
    CU_ASSERT(length_of(ds, ID) == BYTES);
    CU_ASSERT(!there(dir, "trash"));

    dataset_rolling_upgrade(ds, true);
    CU_ASSERT(dataset_delete(ds, &(struct block){.id = ID, .stamp = STAMP}, NULL) == 0);
    for (int i = 0; i < 500 && dataset_deletes_pending(ds); i++)
        usleep(10000);
    CU_ASSERT(there(dir, trashed));
    dataset_rolling_upgrade(ds, false);
    for (int i = 0; i < 500 && there(dir, "trash"); i++)
        usleep(10000);
    CU_ASSERT(!there(dir, "trash"));
    CU_ASSERT(!there(dir, "RollingUpgradeInProgress"));
    dataset_close(ds);
}

SUITE(upgrade, TEST(test_an_upgrade_keeps_what_was_and_goes_back_to_it),
      TEST(test_a_block_cut_in_an_upgrade_is_whole_in_what_was),
      TEST(test_a_deleted_block_is_back_and_final_it_is_not),
      TEST(test_an_older_namenode_is_refused_with_both_times),
      TEST(test_an_upgrade_that_dies_anywhere_is_made_at_the_next_start),
      TEST(test_going_back_that_dies_anywhere_is_done_at_the_next_start),
      TEST(test_what_is_deleted_in_a_rolling_upgrade_comes_back));
