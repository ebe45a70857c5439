/* The files of replicas: gone, cut, come back; and a disk that fails while they are looked for. */
#include "datanode/dir_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datanode/dataset_parts.h"
#include "datanode/scanner.h"
#include "tests/lib/fault_env.h"
#include "tests/unit/datanode/dn_world.h"

enum { ID = 5, STAMP = 1001, BYTES = 3000 };

struct look {
    struct dn_world w;
    int64_t lost, found; /* counted before */
    char block[REPLICA_PATH_MAX], meta[REPLICA_PATH_MAX];
    struct volume *volume;
};

static void look_open(struct look *l)
{
    world_open(&l->w, NULL);
    scanner_stop(l->w.dn.scanner); /* it would look, too, and at the world that a test changes */
    l->w.dn.scanner = NULL;
    CU_ASSERT_FATAL(make_replica(env_posix(), l->w.dn.ds, ID, STAMP, BYTES) == 0);
    l->volume = dataset_volume(l->w.dn.ds, 0);
    volume_block_path(l->volume, HOME_FINALIZED, ID, l->block, sizeof l->block);
    volume_meta_path(l->volume, HOME_FINALIZED, ID, STAMP, l->meta, sizeof l->meta);
    l->lost = atomic_load(&counters[COUNT_files_lost].value);
    l->found = atomic_load(&counters[COUNT_files_found].value);
}

static bool is_known(struct look *l)
{
    struct replica_facts f;

    return dataset_facts(l->w.dn.ds, ID, &f, NULL) == 0 && f.state == REPLICA_FINALIZED &&
           f.block.stamp == STAMP && f.block.bytes == BYTES;
}

static int64_t lost(const struct look *l)
{
    return atomic_load(&counters[COUNT_files_lost].value) - l->lost;
}

static int64_t found(const struct look *l)
{
    return atomic_load(&counters[COUNT_files_found].value) - l->found;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void move(const char *from, const char *to)
{
    CU_ASSERT(rename(from, to) == 0);
}

/* ---- what should be there ---- */

static void test_a_whole_replica_is_well(void)
{
    struct look l;

    look_open(&l);
    CU_ASSERT(dir_check_replica(&l.w.dn, ID));
    CU_ASSERT(dir_check_replica(&l.w.dn, 4711)); /* nobody's */
    CU_ASSERT(is_known(&l) && lost(&l) == 0);
    world_close(&l.w);
}

static void test_a_replica_without_its_block_file_is_forgotten(void)
{
    struct look l;

    look_open(&l);
    CU_ASSERT(unlink(l.block) == 0);
    CU_ASSERT(!dir_check_replica(&l.w.dn, ID));
    CU_ASSERT(!is_known(&l) && lost(&l) == 1);
    world_close(&l.w);
}

static void test_what_may_be_the_last_copy_is_told_and_kept(void)
{
    struct look l;

    look_open(&l);
    CU_ASSERT(unlink(l.meta) == 0);
    CU_ASSERT(!dir_check_replica(&l.w.dn, ID));
    CU_ASSERT(is_known(&l) && lost(&l) == 1 && exists(l.block));
    world_close(&l.w);
    look_open(&l);
    CU_ASSERT(truncate(l.block, BYTES - 1) == 0);
    CU_ASSERT(!dir_check_replica(&l.w.dn, ID));
    CU_ASSERT(is_known(&l) && lost(&l) == 1 && exists(l.block));
    world_close(&l.w);
}

static void test_what_is_being_written_is_not_looked_at(void)
{
    struct write_want want = want_of(6, STAMP);
    struct draft *d;
    struct look l;

    look_open(&l);
    CU_ASSERT_FATAL(dataset_create(l.w.dn.ds, &want, &d, NULL) == 0);
    CU_ASSERT(dir_check_replica(&l.w.dn, 6));
    CU_ASSERT(lost(&l) == 0);
    dataset_release(l.w.dn.ds, d, true);
    world_close(&l.w);
}

/* That a file can't be looked at says nothing about it: a disk in trouble loses no replica. */
static void test_any_fault_while_looking_loses_no_replica(void)
{
    bool fired = true;

    for (int nth = 0; fired; nth++) {
        struct fault_env f;
        struct look l;

        look_open(&l);
        fault_env_init(&f, nth);
        l.w.dn.env = &f.env;
        dir_check_replica(&l.w.dn, ID);
        fired = f.fired;
        l.w.dn.env = env_posix();
        CU_ASSERT(is_known(&l) && lost(&l) == 0 && exists(l.block) && exists(l.meta));
        CU_ASSERT(dir_check_replica(&l.w.dn, ID));
        world_close(&l.w);
    }
}

/* Nor does it when the file is gone, but only the first look could tell. */
static void test_any_fault_forgets_at_most_what_is_gone(void)
{
    bool fired = true;

    for (int nth = 0; fired; nth++) {
        struct fault_env f;
        struct look l;

        look_open(&l);
        CU_ASSERT(make_replica(env_posix(), l.w.dn.ds, ID + 1, STAMP, BYTES) == 0);
        CU_ASSERT(unlink(l.block) == 0);
        fault_env_init(&f, nth);
        l.w.dn.env = &f.env;
        dir_check_replica(&l.w.dn, ID);
        dir_check_replica(&l.w.dn, ID + 1);
        fired = f.fired;
        l.w.dn.env = env_posix();
        CU_ASSERT(lost(&l) <= 1);
        CU_ASSERT(dir_check_replica(&l.w.dn, ID + 1));
        dir_check_replica(&l.w.dn, ID);
        CU_ASSERT(!is_known(&l) && lost(&l) == 1);
        world_close(&l.w);
    }
}

/* ---- what is there besides ---- */

/* Takes the replica out of a datanode that forgets it, its files being elsewhere meanwhile. */
static void put_away(struct look *l, char *block, char *meta, size_t n)
{
    snprintf(block, n, "%s/block-away", l->w.dir);
    snprintf(meta, n, "%s/meta-away", l->w.dir);
    move(l->block, block);
    move(l->meta, meta);
    CU_ASSERT(!dir_check_replica(&l->w.dn, ID));
    while (reaper_pending(l->w.dn.ds->reaper))
        usleep(1000);
}

static void test_files_that_come_back_are_a_replica_again(void)
{
    char block[REPLICA_PATH_MAX], meta[REPLICA_PATH_MAX];
    struct look l;

    look_open(&l);
    put_away(&l, block, meta, sizeof block);
    CU_ASSERT(!is_known(&l));
    dir_check_strays(&l.w.dn, 0, 5);
    CU_ASSERT(!is_known(&l) && found(&l) == 0);
    move(block, l.block);
    move(meta, l.meta);
    dir_check_strays(&l.w.dn, 0, 5);
    CU_ASSERT(is_known(&l) && found(&l) == 1);
    CU_ASSERT(dir_check_replica(&l.w.dn, ID));
    dir_check_strays(&l.w.dn, 0, 5);
    CU_ASSERT(found(&l) == 1);
    world_close(&l.w);
}

static void test_files_in_a_wrong_directory_are_put_where_they_belong(void)
{
    char block[REPLICA_PATH_MAX], meta[REPLICA_PATH_MAX], path[REPLICA_PATH_MAX];
    struct look l;

    look_open(&l);
    put_away(&l, block, meta, sizeof block);
    snprintf(path, sizeof path, "%s/current/finalized/blk_%d", l.volume->pool_dir, ID);
    move(block, path);
    snprintf(path, sizeof path, "%s/current/finalized/blk_%d_%d.meta", l.volume->pool_dir, ID,
             STAMP);
    move(meta, path);
    dir_check_strays(&l.w.dn, 0, 0);
    CU_ASSERT(is_known(&l) && exists(l.block) && exists(l.meta) && !exists(path));
    world_close(&l.w);
}

static void test_a_meta_file_without_a_block_goes(void)
{
    char block[REPLICA_PATH_MAX], meta[REPLICA_PATH_MAX];
    struct look l;

    look_open(&l);
    put_away(&l, block, meta, sizeof block);
    move(meta, l.meta);
    dir_check_strays(&l.w.dn, 0, 5);
    CU_ASSERT(!exists(l.meta) && !is_known(&l) && found(&l) == 1);
    world_close(&l.w);
}

static void test_a_deleted_replica_does_not_come_back(void)
{
    struct look l;

    look_open(&l);
    for (uint64_t id = 100; id < 400; id++) {
        const struct block b = {.id = id, .stamp = STAMP};

        CU_ASSERT(make_replica(env_posix(), l.w.dn.ds, id, STAMP, 10) == 0);
        CU_ASSERT(dataset_delete(l.w.dn.ds, &b, NULL) == 0);
        if (id % 20 == 0)
            dir_check_strays(&l.w.dn, 0, 5);
    }
    CU_ASSERT(dataset_block_count(l.w.dn.ds) == 1 && found(&l) == 0);
    world_close(&l.w);
}

static void test_the_thread_finds_both_and_ends_when_told(void)
{
    char block[REPLICA_PATH_MAX], meta[REPLICA_PATH_MAX];
    struct dir_check *c = NULL;
    struct look l;

    look_open(&l);
    put_away(&l, block, meta, sizeof block);
    CU_ASSERT(dir_check_start(&l.w.dn, 0, &c, NULL) == 0 && !c);
    CU_ASSERT_FATAL(dir_check_start(&l.w.dn, 10, &c, NULL) == 0);
    move(meta,
         l.meta); /* both before the next look, or not: a meta file that is alone settles first */
    move(block, l.block);
    for (int i = 0; i < 3000 && !is_known(&l); i++)
        usleep(10000);
    CU_ASSERT(exists(l.block));
    CU_ASSERT(unlink(l.block) == 0);
    for (int i = 0; i < 3000 && lost(&l) < 2; i++)
        usleep(10000);
    CU_ASSERT(lost(&l) >= 2);
    dir_check_stop(c);
    dir_check_stop(NULL);
    world_close(&l.w);
}

SUITE(dir_check, TEST(test_a_whole_replica_is_well),
      TEST(test_a_replica_without_its_block_file_is_forgotten),
      TEST(test_what_may_be_the_last_copy_is_told_and_kept),
      TEST(test_what_is_being_written_is_not_looked_at),
      TEST(test_any_fault_while_looking_loses_no_replica),
      TEST(test_any_fault_forgets_at_most_what_is_gone),
      TEST(test_files_that_come_back_are_a_replica_again),
      TEST(test_files_in_a_wrong_directory_are_put_where_they_belong),
      TEST(test_a_meta_file_without_a_block_goes), TEST(test_a_deleted_replica_does_not_come_back),
      TEST(test_the_thread_finds_both_and_ends_when_told))
