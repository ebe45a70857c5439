#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "namenode/edits/edit_codec.h"
#include "namenode/edits/edit_segment.h"
#include "namenode/edits/journal.h"
#include "tests/lib/fault_env.h"
#include "tests/lib/suite.h"

enum { DIRS = 2 };

/* A journal in fresh directories, and what it told. */
struct world {
    char dirs[DIRS][512];
    const char *paths[DIRS];
    struct journal *journal;
    uint64_t durable; /* as announced */
    int failures;
};

static void on_durable(void *ctx, uint64_t txid)
{
    struct world *w = ctx;

    __atomic_store_n(&w->durable, txid, __ATOMIC_RELEASE);
}

static void on_failed(void *ctx, const struct err *err)
{
    struct world *w = ctx;

    CU_ASSERT(err->code != ERR_NONE);
    __atomic_add_fetch(&w->failures, 1, __ATOMIC_RELAXED);
}

static void world_init(struct world *w)
{
    char current[600];

    *w = (struct world){0};
    for (int i = 0; i < DIRS; i++) {
        snprintf(w->dirs[i], sizeof w->dirs[i], "%s", suite_tmp_dir());
        w->paths[i] = w->dirs[i];
        snprintf(current, sizeof current, "%s/current", w->dirs[i]);
        CU_ASSERT_FATAL(env_mkdir(env_posix(), current, 0700, NULL) == 0);
    }
}

static int world_open(struct world *w, struct env *env, int dirs, uint64_t first)
{
    struct journal_options o = {.env = env,
                                .dirs = w->paths,
                                .dir_count = dirs,
                                .next_txid = first,
                                .on_durable = on_durable,
                                .on_failed = on_failed,
                                .ctx = w};

    return journal_open(&o, &w->journal, NULL);
}

static uint64_t append(struct journal *j, const char *path)
{
    struct edit_op op = {.code = EDIT_DELETE, .path = path, .mtime_ms = 1, .call_id = -2};

    return journal_append(j, &op);
}

static void path_of(char *out, size_t n, const char *dir, uint64_t first, uint64_t last)
{
    if (last)
        snprintf(out, n, "%s/current/edits_%019llu-%019llu", dir, (unsigned long long)first,
                 (unsigned long long)last);
    else
        snprintf(out, n, "%s/current/edits_inprogress_%019llu", dir, (unsigned long long)first);
}

static bool segment_is_whole(const char *dir, uint64_t first, uint64_t last)
{
    char path[700];
    struct edit_segment s;
    bool whole;

    path_of(path, sizeof path, dir, first, last);
    if (edit_segment_open(env_posix(), path, first, last, &s, NULL) < 0)
        return false;
    whole = s.n == s.whole;
    edit_segment_done(&s);
    return whole;
}

static void test_what_was_appended_is_in_the_segment(void)
{
    struct world w;
    struct env_stat st;
    char path[700];

    world_init(&w);
    CU_ASSERT_FATAL(world_open(&w, env_posix(), 1, 5) == 0);
    CU_ASSERT(append(w.journal, "/a") == 6);
    CU_ASSERT(append(w.journal, "/b") == 7);
    CU_ASSERT(journal_wait(w.journal, 7, NULL) == 0);
    CU_ASSERT(journal_durable_txid(w.journal) == 7 && journal_last_txid(w.journal) == 7);
    path_of(path, sizeof path, w.dirs[0], 5, 0);
    CU_ASSERT(env_stat(env_posix(), path, &st, NULL) == 0);
    CU_ASSERT(st.size_bytes == JOURNAL_FILL_BYTES);
    CU_ASSERT(journal_close(w.journal, NULL) == 0);
    CU_ASSERT(segment_is_whole(w.dirs[0], 5, 8));
    CU_ASSERT(w.failures == 0 && w.durable == 8);
}

static void test_a_roll_ends_one_segment_and_begins_the_next(void)
{
    struct world w;
    uint64_t first = 0;
    char path[700], *seen;

    world_init(&w);
    CU_ASSERT_FATAL(world_open(&w, env_posix(), DIRS, 1) == 0);
    append(w.journal, "/a");
    CU_ASSERT(journal_roll(w.journal, &first, NULL) == 0 && first == 4);
    append(w.journal, "/b");
    CU_ASSERT(journal_close(w.journal, NULL) == 0);
    for (int i = 0; i < DIRS; i++) {
        CU_ASSERT(segment_is_whole(w.dirs[i], 1, 3));
        CU_ASSERT(segment_is_whole(w.dirs[i], 4, 6));
        snprintf(path, sizeof path, "%s/current/seen_txid", w.dirs[i]);
        CU_ASSERT_FATAL(env_read_file(env_posix(), path, 100, &seen, NULL, NULL) == 0);
        CU_ASSERT_STRING_EQUAL(seen, "4\n");
        free(seen);
    }
}

static void test_a_segment_outgrows_its_first_megabyte(void)
{
    struct world w;
    char path[4000];
    uint64_t last = 0;

    world_init(&w);
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = 0;
    CU_ASSERT_FATAL(world_open(&w, env_posix(), 1, 1) == 0);
    for (int i = 0; i < 600; i++)
        last = append(w.journal, path);
    CU_ASSERT(journal_wait(w.journal, last, NULL) == 0);
    CU_ASSERT(journal_close(w.journal, NULL) == 0);
    CU_ASSERT(segment_is_whole(w.dirs[0], 1, last + 1));
}

static void test_a_directory_that_failed_is_taken_back_when_told(void)
{
    char current[700], away[700];
    struct journal_stats stats;
    struct world w;

    world_init(&w);
    snprintf(current, sizeof current, "%s/current", w.dirs[1]);
    snprintf(away, sizeof away, "%s/away", w.dirs[1]);
    CU_ASSERT_FATAL(world_open(&w, env_posix(), DIRS, 1) == 0);
    CU_ASSERT_FATAL(env_rename(env_posix(), current, away, NULL) == 0);
    CU_ASSERT(journal_roll(w.journal, NULL, NULL) == 0);
    journal_get_stats(w.journal, &stats);
    CU_ASSERT(stats.failed_dirs == 1);
    CU_ASSERT_FATAL(env_rename(env_posix(), away, current, NULL) == 0);
    CU_ASSERT(!journal_restores(w.journal) && journal_roll(w.journal, NULL, NULL) == 0);
    journal_restore(w.journal, true);
    CU_ASSERT(journal_restores(w.journal) && journal_roll(w.journal, NULL, NULL) == 0);
    journal_get_stats(w.journal, &stats);
    CU_ASSERT(stats.failed_dirs == 0);
    CU_ASSERT(journal_close(w.journal, NULL) == 0);
    CU_ASSERT(segment_is_whole(w.dirs[0], 5, 6) && !segment_is_whole(w.dirs[1], 5, 6));
    CU_ASSERT(segment_is_whole(w.dirs[1], 7, 8));
}

static void *append_many(void *arg)
{
    struct journal *j = arg;

    for (int i = 0; i < 200; i++)
        CU_ASSERT(journal_wait(j, append(j, "/x"), NULL) == 0);
    return NULL;
}

static void test_many_appenders_share_syncs(void)
{
    pthread_t threads[8];
    struct journal_stats stats;
    struct world w;

    world_init(&w);
    CU_ASSERT_FATAL(world_open(&w, env_posix(), 1, 1) == 0);
    for (int i = 0; i < 8; i++)
        CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, append_many, w.journal) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    journal_get_stats(w.journal, &stats);
    CU_ASSERT(stats.records == 1601);
    CU_ASSERT(stats.syncs > 0 && stats.syncs < 1200);
    CU_ASSERT(journal_close(w.journal, NULL) == 0);
    CU_ASSERT(segment_is_whole(w.dirs[0], 1, 1602));
}

static void test_a_segment_that_is_there_is_not_overwritten(void)
{
    struct world w, again = {0};

    world_init(&w);
    again.paths[0] = w.paths[0];
    CU_ASSERT_FATAL(world_open(&w, env_posix(), 1, 1) == 0);
    CU_ASSERT(world_open(&again, env_posix(), 1, 1) == -ERR_EXISTS);
    CU_ASSERT(journal_close(w.journal, NULL) == 0);
}

/* The last txid that some directory's files hold, from @first on. */
static uint64_t last_on_disk(const struct world *w, int dirs, uint64_t first, uint64_t roll_end)
{
    uint64_t last = 0;

    for (int i = 0; i < dirs; i++) {
        const uint64_t firsts[] = {first, roll_end + 1};

        for (int k = 0; k < 2; k++) {
            char path[700];
            struct edit_segment s;

            for (uint64_t end = 0; end < 20; end++) {
                path_of(path, sizeof path, w->dirs[i], firsts[k], end);
                if (edit_segment_open(env_posix(), path, firsts[k], end, &s, NULL) < 0)
                    continue;
                if (s.last > last)
                    last = s.last;
                edit_segment_done(&s);
            }
        }
    }
    return last;
}

/* Does a bit of everything; returns the last txid that was acknowledged. */
static uint64_t use(struct world *w, struct env *env, int dirs)
{
    uint64_t acked = 0, txid;

    if (world_open(w, env, dirs, 1) < 0)
        return 0;
    acked = journal_durable_txid(w->journal);
    for (int i = 0; i < 2; i++)
        if (journal_wait(w->journal, txid = append(w->journal, "/a"), NULL) == 0)
            acked = txid;
    if (journal_roll(w->journal, &txid, NULL) == 0)
        acked = txid;
    if (journal_wait(w->journal, txid = append(w->journal, "/b"), NULL) == 0)
        acked = txid;
    if (__atomic_load_n(&w->failures, __ATOMIC_RELAXED))
        CU_ASSERT(journal_wait(w->journal, append(w->journal, "/never"), NULL) < 0);
    journal_close(w->journal, NULL);
    CU_ASSERT(w->durable >= acked);
    return acked;
}

static void sweep(int dirs, bool torn, bool dead)
{
    bool fired = true;

    for (int nth = 0; fired && nth < 500; nth++) {
        struct fault_env env;
        struct world w;
        uint64_t acked;

        world_init(&w);
        fault_env_init(&env, nth);
        env.torn = torn;
        env.dead = dead;
        acked = use(&w, &env.env, dirs);
        fired = env.fired;
        CU_ASSERT(last_on_disk(&w, dirs, 1, 4) >= acked);
        CU_ASSERT(w.failures <= 1);
        if (!fired || (dirs > 1 && !dead)) {
            CU_ASSERT(acked == 6 && w.failures == 0);
        }
    }
    CU_ASSERT(!fired);
}

static void test_any_single_fault_loses_nothing_acknowledged(void)
{
    sweep(1, false, false);
    sweep(1, true, true);
}

static void test_one_of_two_directories_may_fail(void)
{
    sweep(2, true, false);
}

SUITE(journal, TEST(test_what_was_appended_is_in_the_segment),
      TEST(test_a_roll_ends_one_segment_and_begins_the_next),
      TEST(test_a_segment_outgrows_its_first_megabyte), TEST(test_many_appenders_share_syncs),
      TEST(test_a_segment_that_is_there_is_not_overwritten),
      TEST(test_a_directory_that_failed_is_taken_back_when_told),
      TEST(test_any_single_fault_loses_nothing_acknowledged),
      TEST(test_one_of_two_directories_may_fail))
