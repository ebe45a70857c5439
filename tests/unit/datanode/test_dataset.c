/* What becomes of replicas: written, closed, appended to, recovered, deleted, found again. */
#include "datanode/dataset.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datanode/meta_file.h"
#include "tests/lib/fault_env.h"
#include "tests/unit/datanode/dn_world.h"

static bool holds(struct dataset *ds, uint64_t id, uint64_t stamp, enum replica_state state,
                  uint64_t bytes)
{
    struct replica_facts f;

    return dataset_facts(ds, id, &f, NULL) == 0 && f.state == state && f.block.stamp == stamp &&
           f.block.bytes == bytes;
}

static bool reads_well(struct dataset *ds, uint64_t id, uint64_t stamp)
{
    const struct block b = {.id = id, .stamp = stamp};
    struct reading r;
    int rc = dataset_read(ds, &b, &r, NULL);

    if (rc < 0)
        return false;
    rc = meta_verify_all(env_posix(), r.files->data_fd, r.on_disk, r.files->meta_fd, NULL, NULL,
                         NULL);
    reading_done(&r);
    return rc == 0;
}

static void test_a_finalized_replica_is_found_after_a_restart(void)
{
    const char *dir = suite_tmp_dir();
    struct dataset *ds = open_dataset(env_posix(), dir, NULL);

    CU_ASSERT(make_replica(env_posix(), ds, 1073741825, 1001, 70000) == 0);
    CU_ASSERT(holds(ds, 1073741825, 1001, REPLICA_FINALIZED, 70000));
    dataset_close(ds);
    ds = open_dataset(env_posix(), dir, NULL);
    CU_ASSERT(holds(ds, 1073741825, 1001, REPLICA_FINALIZED, 70000));
    CU_ASSERT(reads_well(ds, 1073741825, 1001));
    CU_ASSERT(dataset_block_count(ds) == 1);
    dataset_close(ds);
}

static void test_an_unfinished_replica_waits_for_recovery_after_a_restart(void)
{
    const char *dir = suite_tmp_dir();
    struct dataset *ds = open_dataset(env_posix(), dir, NULL);
    struct write_want want = want_of(5, 1001);
    struct draft *d;

    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), ds, d, 1300) == 0);
    dataset_close(ds); /* as a kill leaves it */
    ds = open_dataset(env_posix(), dir, NULL);
    CU_ASSERT(holds(ds, 5, 1001, REPLICA_RWR, 1300));
    dataset_close(ds);
}

/* The writer died after the data of a packet, before its sums: what was acked must come back. */
static void test_acked_bytes_survive_a_kill_between_data_and_sums(void)
{
    const char *dir = suite_tmp_dir();
    struct dataset *ds = open_dataset(env_posix(), dir, NULL);
    struct write_want want = want_of(5, 1001);
    uint8_t *more = pattern_bytes(1300, 900);
    struct draft *d;

    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), ds, d, 1300) == 0);
    CU_ASSERT(pwrite(d->data_fd, more, 900, 1300) == 900);
    dataset_close(ds);
    ds = open_dataset(env_posix(), dir, NULL);
    CU_ASSERT(holds(ds, 5, 1001, REPLICA_RWR, 1300));
    dataset_close(ds);
    free(more);
}

/* And between the two renames that finish a block. */
static void test_a_kill_between_the_renames_of_a_close_loses_nothing(void)
{
    const char *dir = suite_tmp_dir();
    struct dataset *ds = open_dataset(env_posix(), dir, NULL);
    struct write_want want = want_of(5, 1001);
    char from[5000], to[5000];
    struct draft *d;

    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), ds, d, 1300) == 0);
    volume_meta_path(d->volume, HOME_RBW, 5, 1001, from, sizeof from);
    volume_meta_path(d->volume, HOME_FINALIZED, 5, 1001, to, sizeof to);
    CU_ASSERT(volume_rename(d->volume, from, to, NULL) == 0);
    dataset_close(ds);
    ds = open_dataset(env_posix(), dir, NULL);
    CU_ASSERT(holds(ds, 5, 1001, REPLICA_RWR, 1300));
    dataset_close(ds);
}

static void test_a_copy_that_was_being_made_is_gone_after_a_restart(void)
{
    const char *dir = suite_tmp_dir();
    struct dataset *ds = open_dataset(env_posix(), dir, NULL);
    struct write_want want = want_of(5, 1001);
    struct draft *d;

    want.temporary = true;
    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), ds, d, 1300) == 0);
    dataset_close(ds);
    ds = open_dataset(env_posix(), dir, NULL);
    CU_ASSERT(dataset_block_count(ds) == 0);
    dataset_close(ds);
}

static void test_a_block_is_created_once(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct write_want want = want_of(5, 1001);
    struct draft *d;
    struct err err;

    CU_ASSERT(make_replica(env_posix(), ds, 5, 1001, 100) == 0);
    CU_ASSERT(dataset_create(ds, &want, &d, &err) == -ERR_REPLICA_EXISTS);
    CU_ASSERT(strstr(err.text, "already exists in state FINALIZED") != NULL);
    dataset_close(ds);
}

static void test_an_append_takes_the_new_stamp_and_keeps_the_bytes(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct write_want want = want_of(5, 1001);
    struct replica_facts f;
    struct draft *d;

    CU_ASSERT(make_replica(env_posix(), ds, 5, 1001, 1300) == 0);
    CU_ASSERT(reads_well(ds, 5, 1001)); /* now its files are cached */
    want.new_stamp = 1002;
    want.min_bytes = 1299;
    CU_ASSERT(dataset_append(ds, &want, &d, NULL) < 0);
    want.min_bytes = 1300;
    CU_ASSERT_FATAL(dataset_append(ds, &want, &d, NULL) == 0);
    CU_ASSERT(holds(ds, 5, 1002, REPLICA_RBW, 1300));
    CU_ASSERT(write_draft(env_posix(), ds, d, 2000) == 0);
    CU_ASSERT(dataset_finalize(ds, d, &f, NULL) == 0);
    dataset_release(ds, d, false);
    CU_ASSERT(holds(ds, 5, 1002, REPLICA_FINALIZED, 2000));
    CU_ASSERT(reads_well(ds, 5, 1002));
    CU_ASSERT(!reads_well(ds, 5, 1003));
    dataset_close(ds);
}

static void test_a_writer_with_a_wrong_stamp_is_refused(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct write_want want = want_of(5, 1002);
    struct draft *d;
    struct err err;

    CU_ASSERT(make_replica(env_posix(), ds, 5, 1001, 1300) == 0);
    want.new_stamp = 1003;
    want.min_bytes = 1300;
    CU_ASSERT(dataset_append(ds, &want, &d, &err) == -ERR_NO_REPLICA);
    CU_ASSERT(strstr(err.text, "unexpected generation stamp") != NULL);
    want.block.id = 6;
    CU_ASSERT(dataset_append(ds, &want, &d, &err) == -ERR_NO_REPLICA);
    CU_ASSERT(dataset_recover_rbw(ds, &want, &d, &err) == -ERR_NO_REPLICA);
    dataset_close(ds);
}

static void test_a_pipeline_recovery_cuts_what_was_not_acked(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct write_want want = want_of(5, 1001);
    struct replica_facts f;
    struct draft *d;

    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), ds, d, 3000) == 0);
    d->acked = 1300;
    dataset_release(ds, d, false);
    want.new_stamp = 1002;
    want.min_bytes = 1400;
    want.max_bytes = 3000;
    CU_ASSERT(dataset_recover_rbw(ds, &want, &d, NULL) == -ERR_NO_REPLICA);
    want.min_bytes = 1000;
    CU_ASSERT_FATAL(dataset_recover_rbw(ds, &want, &d, NULL) == 0);
    CU_ASSERT(holds(ds, 5, 1002, REPLICA_RBW, 1300));
    CU_ASSERT(dataset_finalize(ds, d, &f, NULL) == 0);
    dataset_release(ds, d, false);
    CU_ASSERT(holds(ds, 5, 1002, REPLICA_FINALIZED, 1300) && reads_well(ds, 5, 1002));
    dataset_close(ds);
}

static void test_a_block_recovery_agrees_on_length_and_stamp(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct write_want want = want_of(5, 1001);
    struct replica_facts f;
    struct draft *d;
    struct err err;

    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), ds, d, 3000) == 0);
    dataset_release(ds, d, false);
    CU_ASSERT(dataset_init_recovery(ds, &want.block, 1005, &f, NULL) == 0);
    CU_ASSERT(f.state == REPLICA_RBW && f.block.bytes == 3000);
    CU_ASSERT(dataset_init_recovery(ds, &want.block, 1004, &f, &err) == -ERR_RECOVERING);
    CU_ASSERT(dataset_init_recovery(ds, &want.block, 1006, &f, NULL) == 0);
    const struct block was = {5, 1001, 3000};
    CU_ASSERT(dataset_finish_recovery(ds, &was, 1005, 0, 2900, &f, NULL) < 0);
    CU_ASSERT(dataset_finish_recovery(ds, &was, 1006, 0, 3001, &f, NULL) < 0);
    CU_ASSERT(dataset_finish_recovery(ds, &was, 1006, 0, 2900, &f, NULL) == 0);
    CU_ASSERT(holds(ds, 5, 1006, REPLICA_FINALIZED, 2900) && reads_well(ds, 5, 1006));
    dataset_close(ds);
}

static void test_a_truncate_with_a_new_id_keeps_the_old_block(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    const struct block was = {5, 1001, 3000};
    struct replica_facts f;

    CU_ASSERT(make_replica(env_posix(), ds, 5, 1001, 3000) == 0);
    CU_ASSERT(dataset_init_recovery(ds, &was, 1005, &f, NULL) == 0);
    CU_ASSERT(dataset_finish_recovery(ds, &was, 1005, 9, 700, &f, NULL) == 0);
    CU_ASSERT(holds(ds, 5, 1001, REPLICA_FINALIZED, 3000) && reads_well(ds, 5, 1001));
    CU_ASSERT(holds(ds, 9, 1005, REPLICA_FINALIZED, 700) && reads_well(ds, 9, 1005));
    dataset_close(ds);
}

static void test_a_truncate_that_is_tried_again_replaces_the_copy_made_before(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct volume *v = dataset_volume(ds, 0);
    const struct block was = {5, 1001, 3000};
    struct replica_facts f;
    int64_t used, blocks;
    char path[5000];

    CU_ASSERT(make_replica(env_posix(), ds, 5, 1001, 3000) == 0);
    CU_ASSERT(dataset_init_recovery(ds, &was, 1005, &f, NULL) == 0);
    CU_ASSERT(dataset_finish_recovery(ds, &was, 1005, 9, 700, &f, NULL) == 0);
    used = atomic_load(&v->used);
    blocks = atomic_load(&v->blocks);
    CU_ASSERT(dataset_init_recovery(ds, &was, 1006, &f, NULL) == 0);
    CU_ASSERT(dataset_finish_recovery(ds, &was, 1006, 9, 700, &f, NULL) == 0);
    CU_ASSERT(holds(ds, 5, 1001, REPLICA_FINALIZED, 3000) && reads_well(ds, 5, 1001));
    CU_ASSERT(holds(ds, 9, 1006, REPLICA_FINALIZED, 700) && reads_well(ds, 9, 1006));
    CU_ASSERT(atomic_load(&v->used) == used && atomic_load(&v->blocks) == blocks);
    volume_meta_path(v, HOME_FINALIZED, 9, 1005, path, sizeof path);
    CU_ASSERT(access(path, F_OK) != 0);
    CU_ASSERT(dataset_init_recovery(ds, &was, 1006, &f, NULL) == 0);
    CU_ASSERT(dataset_finish_recovery(ds, &was, 1006, 9, 700, &f, NULL) == -ERR_REPLICA_EXISTS);
    dataset_close(ds);
}

static void test_a_deleted_replica_frees_its_room_but_a_newer_one_stays(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct volume *v = dataset_volume(ds, 0);
    char path[5000];

    CU_ASSERT(make_replica(env_posix(), ds, 5, 1002, 3000) == 0);
    volume_block_path(v, HOME_FINALIZED, 5, path, sizeof path);
    CU_ASSERT(dataset_delete(ds, &(struct block){5, 1001, 0}, NULL) == -ERR_NO_REPLICA);
    CU_ASSERT(dataset_delete(ds, &(struct block){5, 1002, 0}, NULL) == 0);
    CU_ASSERT(dataset_delete(ds, &(struct block){5, 1002, 0}, NULL) == -ERR_NO_REPLICA);
    while (dataset_deletes_pending(ds) > 0)
        usleep(1000);
    CU_ASSERT(access(path, F_OK) < 0);
    CU_ASSERT(dataset_block_count(ds) == 0);
    dataset_close(ds);
}

static int slow_unlink(struct env *env, const char *path, struct err *err)
{
    (void)env;
    usleep(20000);
    return env_unlink(env_posix(), path, err);
}

static void test_a_block_that_comes_back_outlives_its_deletion(void)
{
    struct env_ops ops = *env_posix()->ops;
    struct env slow = {&ops};
    struct dataset *ds;
    struct reading r;
    char path[5000];

    ops.unlink = slow_unlink;
    ds = open_dataset(&slow, suite_tmp_dir(), NULL);
    for (uint64_t id = 4; id <= 6; id++)
        CU_ASSERT(make_replica(env_posix(), ds, id, 1001, 3000) == 0);
    for (uint64_t id = 4; id <= 6; id++)
        CU_ASSERT(dataset_delete(ds, &(struct block){id, 1001, 0}, NULL) == 0);
    /* One is being removed, the other waits. */
    CU_ASSERT(make_replica(env_posix(), ds, 4, 1001, 3000) == 0);
    CU_ASSERT(make_replica(env_posix(), ds, 6, 1001, 3000) == 0);
    while (dataset_deletes_pending(ds) > 0)
        usleep(1000);
    for (uint64_t id = 4; id <= 6; id += 2) {
        volume_block_path(dataset_volume(ds, 0), HOME_FINALIZED, id, path, sizeof path);
        CU_ASSERT(access(path, F_OK) == 0);
        CU_ASSERT(dataset_read(ds, &(struct block){id, 1001, 0}, &r, NULL) == 0);
        reading_done(&r);
    }
    volume_block_path(dataset_volume(ds, 0), HOME_FINALIZED, 5, path, sizeof path);
    CU_ASSERT(access(path, F_OK) < 0);
    dataset_close(ds);
}

struct comer {
    struct dataset *ds;
    _Atomic bool begun;
    struct draft *draft;
    int rc;
};

static void *come_back(void *arg)
{
    struct comer *c = arg;
    struct write_want want = want_of(5, 1001);

    atomic_store(&c->begun, true);
    c->rc = dataset_create(c->ds, &want, &c->draft, NULL);
    return NULL;
}

static void test_a_block_comes_back_when_the_writer_of_its_deleted_replica_has_gone(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct write_want want = want_of(5, 1001);
    struct comer c = {.ds = ds};
    struct draft *d;
    struct stat st;
    pthread_t thread;
    char path[5000];

    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(dataset_delete(ds, &(struct block){5, 1001, 0}, NULL) == 0);
    CU_ASSERT_FATAL(pthread_create(&thread, NULL, come_back, &c) == 0);
    while (!atomic_load(&c.begun))
        usleep(1000);
    usleep(20000); /* enough for it to have been made, if it did not wait */
    CU_ASSERT(write_draft(env_posix(), ds, d, 3000) == 0);
    dataset_release(ds, d, true);
    pthread_join(thread, NULL);
    CU_ASSERT_FATAL(c.rc == 0);
    while (dataset_deletes_pending(ds) > 0)
        usleep(1000);
    volume_block_path(dataset_volume(ds, 0), HOME_RBW, 5, path, sizeof path);
    CU_ASSERT(stat(path, &st) == 0 && st.st_size == 0);
    dataset_release(ds, c.draft, true);
    dataset_close(ds);
}

static void test_a_block_bigger_than_the_disk_is_refused_with_figures(void)
{
    struct dataset *ds = open_dataset(env_posix(), suite_tmp_dir(), NULL);
    struct write_want want = want_of(5, 1001);
    struct draft *d;
    struct err err;

    want.block.bytes = UINT64_C(1) << 60;
    CU_ASSERT(dataset_create(ds, &want, &d, &err) == -ERR_NO_DISK);
    CU_ASSERT(strstr(err.text, "Out of space") && strstr(err.text, "1152921504606846976"));
    want.type = PB__STORAGE_TYPE_PROTO__SSD;
    CU_ASSERT(dataset_create(ds, &want, &d, &err) == -ERR_NO_DISK);
    CU_ASSERT(strstr(err.text, "SSD") != NULL);
    dataset_close(ds);
}

/* ---- every outside call failing, one after the other ---- */

static int write_append_close(struct env *env, struct dataset *ds)
{
    struct write_want want = want_of(5, 1001);
    struct replica_facts f;
    struct draft *d;
    int rc = make_replica(env, ds, 5, 1001, 1300);

    if (rc < 0)
        return rc;
    want.new_stamp = 1002;
    want.min_bytes = 1300;
    rc = dataset_append(ds, &want, &d, NULL);
    if (rc < 0)
        return rc;
    rc = write_draft(env, ds, d, 5000);
    if (rc == 0)
        rc = dataset_finalize(ds, d, &f, NULL);
    dataset_release(ds, d, false);
    return rc;
}

static void test_any_single_fault_leaves_whole_replicas(void)
{
    bool fired = true;

    for (int nth = 0; fired && nth < 200; nth++) {
        const char *dir = suite_tmp_dir();
        struct fault_env w;
        struct dataset *ds;
        struct replica_facts f;
        int rc = -1;

        fault_env_init(&w, nth);
        ds = open_dataset(&w.env, dir, NULL);
        if (ds) {
            rc = write_append_close(&w.env, ds);
            dataset_close(ds);
        }
        fired = w.fired;
        CU_ASSERT(fired || rc == 0);
        ds = open_dataset(env_posix(), dir, NULL);
        CU_ASSERT_FATAL(ds != NULL);
        if (dataset_facts(ds, 5, &f, NULL) == 0 && f.state == REPLICA_FINALIZED)
            CU_ASSERT(reads_well(ds, 5, f.block.stamp));
        if (rc == 0)
            CU_ASSERT(holds(ds, 5, 1002, REPLICA_FINALIZED, 5000));
        dataset_close(ds);
    }
    CU_ASSERT(!fired);
}

/* ---- what is on disk is found there under its name ---- */

static char synced_dirs[4096];
static int note_sync_dir(struct env *e, const char *path, struct err *err)
{
    size_t n = strlen(synced_dirs);

    (void)e;
    snprintf(synced_dirs + n, sizeof synced_dirs - n, "%s\n", path);
    return env_posix()->ops->sync_dir(env_posix(), path, err);
}

static void write_and_close(bool on_close, bool sync)
{
    static struct env_ops ops;
    static struct env env = {&ops};
    const char *dir = suite_tmp_dir();
    char *dirs[] = {(char *)(uintptr_t)dir};
    struct dataset_options o = {
        .env = &env, .dirs = dirs, .dir_count = 1, .sync_on_close = on_close};
    struct write_want want = want_of(5, 1001);
    struct replica_facts f;
    struct dataset *ds;
    struct draft *d;

    ops = *env_posix()->ops;
    ops.sync_dir = note_sync_dir;
    CU_ASSERT_FATAL(dataset_open(&o, &ds, NULL) == 0 && dataset_join(ds, &test_pool, NULL) == 0);
    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(&env, ds, d, 700) == 0);
    synced_dirs[0] = 0;
    if (sync) {
        CU_ASSERT(dataset_sync(ds, d, NULL) == 0);
        CU_ASSERT(strstr(synced_dirs, "/rbw\n") != NULL);
        synced_dirs[0] = 0;
    }
    CU_ASSERT(dataset_finalize(ds, d, &f, NULL) == 0);
    dataset_release(ds, d, false);
    dataset_close(ds);
}

static void test_the_name_of_a_block_that_was_synced_survives_a_power_cut(void)
{
    write_and_close(false, false);
    CU_ASSERT(strstr(synced_dirs, "finalized") == NULL); /* nobody asked for it */
    write_and_close(true, false);
    CU_ASSERT(strstr(synced_dirs, "/finalized\n") && strstr(synced_dirs, "/subdir0/subdir0\n"));
    write_and_close(false, true);
    CU_ASSERT(strstr(synced_dirs, "/finalized\n") && strstr(synced_dirs, "/subdir0/subdir0\n"));
}

SUITE(dataset, TEST(test_the_name_of_a_block_that_was_synced_survives_a_power_cut),
      TEST(test_a_finalized_replica_is_found_after_a_restart),
      TEST(test_an_unfinished_replica_waits_for_recovery_after_a_restart),
      TEST(test_acked_bytes_survive_a_kill_between_data_and_sums),
      TEST(test_a_kill_between_the_renames_of_a_close_loses_nothing),
      TEST(test_a_copy_that_was_being_made_is_gone_after_a_restart),
      TEST(test_a_block_is_created_once),
      TEST(test_an_append_takes_the_new_stamp_and_keeps_the_bytes),
      TEST(test_a_writer_with_a_wrong_stamp_is_refused),
      TEST(test_a_pipeline_recovery_cuts_what_was_not_acked),
      TEST(test_a_block_recovery_agrees_on_length_and_stamp),
      TEST(test_a_truncate_with_a_new_id_keeps_the_old_block),
      TEST(test_a_truncate_that_is_tried_again_replaces_the_copy_made_before),
      TEST(test_a_deleted_replica_frees_its_room_but_a_newer_one_stays),
      TEST(test_a_block_that_comes_back_outlives_its_deletion),
      TEST(test_a_block_comes_back_when_the_writer_of_its_deleted_replica_has_gone),
      TEST(test_a_block_bigger_than_the_disk_is_refused_with_figures),
      TEST(test_any_single_fault_leaves_whole_replicas))
