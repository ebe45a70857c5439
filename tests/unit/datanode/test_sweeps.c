/* Whatever single call to the disk fails while a block is recovered, cut by a copy, given a new stamp or moved to another kind
 * of storage, or a writer comes back to it: its bytes are there, and the same asked once more is done, at once and after a
 * restart. */
#include <stdio.h>
#include <string.h>

#include "datanode/dataset_parts.h"
#include "datanode/meta_file.h"
#include "tests/lib/fault_env.h"
#include "tests/unit/datanode/dn_world.h"

enum { ID = 5, COPY = 9, STAMP = 1001, BYTES = 3000, CUT = 2900, NTH_MAX = 300 };

/* A datanode with a disk and an archive. */
struct place {
    char disk[600], archive[600];
};

static struct dataset *open_both(struct env *env, const struct place *p)
{
    char *dirs[] = {(char *)(uintptr_t)p->disk, (char *)(uintptr_t)p->archive};
    struct dataset_options o = {.env = env, .dirs = dirs, .dir_count = 2, .sync_on_close = true};
    struct dataset *ds;

    if (dataset_open(&o, &ds, NULL) < 0)
        return NULL;
    if (dataset_join(ds, &test_pool, NULL) == 0)
        return ds;
    dataset_close(ds);
    return NULL;
}

static void place_init(struct place *p)
{
    const char *top = suite_tmp_dir();

    snprintf(p->disk, sizeof p->disk, "%s/disk", top);
    snprintf(p->archive, sizeof p->archive, "[ARCHIVE]%s/archive", top);
}

/* The replica's bytes up to @n are what was written, by its sums, too. */
static bool is_whole(struct dataset *ds, uint64_t id, uint64_t stamp, uint64_t least)
{
    const struct block b = {.id = id, .stamp = stamp};
    struct reading r;
    uint8_t bytes[BYTES];
    bool is;

    if (dataset_read(ds, &b, &r, NULL) < 0)
        return false;
    is = r.on_disk >= least && r.on_disk <= BYTES &&
         meta_verify_all(env_posix(), r.files->data_fd, r.on_disk, r.files->meta_fd, NULL, NULL,
                         NULL) == 0 &&
         env_pread(env_posix(), r.files->data_fd, bytes, r.on_disk, 0, NULL) == (ssize_t)r.on_disk;
    for (uint64_t i = 0; is && i < r.on_disk; i++)
        is = bytes[i] == pattern(i);
    reading_done(&r);
    return is;
}

static void leave_unfinished(struct dataset *ds)
{
    struct write_want want = want_of(ID, STAMP);
    struct draft *d;

    CU_ASSERT_FATAL(dataset_create(ds, &want, &d, NULL) == 0);
    CU_ASSERT(write_draft(env_posix(), ds, d, BYTES) == 0);
    dataset_release(ds, d, false);
}

static void finish(struct dataset *ds)
{
    CU_ASSERT(make_replica(env_posix(), ds, ID, STAMP, BYTES) == 0);
}

/* The one under test: returns whether it was done; asked for the @try-th time. */
typedef bool (*action)(struct dataset *ds, int try);

static bool recover(struct dataset *ds, int try)
{
    const struct block b = {.id = ID, .stamp = STAMP, .bytes = BYTES};
    struct replica_facts f;
    struct block was;

    if (dataset_init_recovery(ds, &b, 1005 + (uint64_t)try, &f, NULL) < 0)
        return false;
    was = f.block;
    return dataset_finish_recovery(ds, &was, 1005 + (uint64_t)try, 0, CUT, &f, NULL) == 0 &&
           is_whole(ds, ID, 1005 + (uint64_t)try, CUT);
}

static bool cut_by_copy(struct dataset *ds, int try)
{
    const struct block b = {.id = ID, .stamp = STAMP, .bytes = BYTES};
    struct replica_facts f;

    return dataset_init_recovery(ds, &b, 1005 + (uint64_t)try, &f, NULL) == 0 &&
           dataset_finish_recovery(ds, &b, 1005 + (uint64_t)try, COPY, CUT, &f, NULL) == 0 &&
           is_whole(ds, ID, STAMP, BYTES) && is_whole(ds, COPY, 1005 + (uint64_t)try, CUT);
}

static bool close_again(struct dataset *ds, int try)
{
    struct write_want want = want_of(ID, STAMP);
    struct replica_facts f;

    want.new_stamp = 1005 + (uint64_t)try;
    want.min_bytes = BYTES;
    return dataset_recover_close(ds, &want, &f, NULL) == 0 &&
           is_whole(ds, ID, want.new_stamp, BYTES);
}

static bool move(struct dataset *ds, int try)
{
    const struct block b = {.id = ID, .stamp = STAMP, .bytes = BYTES};
    struct replica_facts f;
    int rc = dataset_change_storage(ds, &b, PB__STORAGE_TYPE_PROTO__ARCHIVE, &f, NULL);

    (void)try;
    return (rc == 0 || rc == -ERR_REPLICA_EXISTS) && is_whole(ds, ID, STAMP, BYTES);
}

/* A client appends, and when that failed recovers its append.  What a restart left unfinished waits for a recovery. */
static bool append(struct dataset *ds, int try)
{
    struct write_want want = want_of(ID, STAMP);
    struct replica_facts f;
    struct draft *d;
    int rc = dataset_facts(ds, ID, &f, NULL);

    if (rc == 0 && f.state == REPLICA_RWR)
        return recover(ds, try);
    want.new_stamp = 1005 + (uint64_t)try;
    want.min_bytes = BYTES;
    if (rc == 0)
        rc = f.state == REPLICA_RBW ? dataset_recover_append(ds, &want, &d, NULL)
                                    : dataset_append(ds, &want, &d, NULL);
    if (rc < 0)
        return false;
    rc = dataset_finalize(ds, d, &f, NULL);
    dataset_release(ds, d, false);
    return rc == 0 && is_whole(ds, ID, want.new_stamp, BYTES);
}

/* Each call fails twice: once the same is asked again before the restart, and once only after it. */
static void sweep(void (*before)(struct dataset *ds), action act, uint64_t least)
{
    bool fired = true;
    int turn = 0;

    for (; fired && turn < 2 * NTH_MAX; turn++) {
        int nth = turn / 2, half = turn % 2;

        struct replica_facts f;
        struct fault_env w;
        struct dataset *ds;
        struct place p;
        bool done;

        place_init(&p);
        fault_env_init(&w, -1);
        CU_ASSERT_FATAL((ds = open_both(&w.env, &p)) != NULL);
        before(ds);
        w.calls = 0;
        w.nth = nth;
        done = act(ds, 0);
        fired = w.fired;
        CU_ASSERT(fired || done);
        CU_ASSERT(least < BYTES || is_whole(ds, ID, STAMP, BYTES));
        if (half == 1) /* once more, with no restart in between */
            CU_ASSERT(act(ds, 1));
        dataset_close(ds);
        CU_ASSERT_FATAL((ds = open_both(env_posix(), &p)) != NULL);
        CU_ASSERT(dataset_facts(ds, ID, &f, NULL) == 0 && f.block.bytes >= least &&
                  f.block.bytes <= BYTES);
        CU_ASSERT(act(ds, 2)); /* once more */
        dataset_close(ds);
    }
    CU_ASSERT(!fired && turn > 6);
}

static void test_any_single_fault_in_a_recovery_leaves_it_to_be_done_again(void)
{
    sweep(leave_unfinished, recover, CUT);
}

static void test_any_single_fault_in_a_cut_by_copy_leaves_the_block_whole(void)
{
    sweep(finish, cut_by_copy, BYTES);
}

static void test_any_single_fault_in_a_repeated_close_leaves_the_block_whole(void)
{
    sweep(finish, close_again, BYTES);
}

static void test_any_single_fault_in_a_move_leaves_the_block_whole(void)
{
    sweep(finish, move, BYTES);
}

static void test_any_single_fault_in_an_append_leaves_the_block_whole(void)
{
    sweep(finish, append, BYTES);
}

SUITE(sweeps, TEST(test_any_single_fault_in_a_recovery_leaves_it_to_be_done_again),
      TEST(test_any_single_fault_in_a_cut_by_copy_leaves_the_block_whole),
      TEST(test_any_single_fault_in_a_repeated_close_leaves_the_block_whole),
      TEST(test_any_single_fault_in_a_move_leaves_the_block_whole),
      TEST(test_any_single_fault_in_an_append_leaves_the_block_whole));
