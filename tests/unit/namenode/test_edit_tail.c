/* The log as one who follows it sees it: every record once, in order, whatever happens to the files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/edits/edit_tail.h"
#include "op_world.h"
#include "tests/lib/fault_env.h"
#include "tests/lib/suite.h"

/* A log in a directory of its own, and its reader. */
struct world_of_log {
    char dir[512];
    struct name_dirs *dirs;
    struct journal *journal;
    struct edit_tail *tail;
    uint64_t due; /* the txid that must be seen next */
    int seen, stop_after;
    size_t longest;
};

static void open_log(struct world_of_log *w, struct env *env)
{
    char *paths[] = {w->dir};

    *w = (struct world_of_log){.due = 1};
    snprintf(w->dir, sizeof w->dir, "%s", suite_tmp_dir());
    CU_ASSERT_FATAL(name_dirs_format(env_posix(), paths, 1, &(struct name_format){.owner = "o"},
                                     NULL, NULL) == 0);
    CU_ASSERT_FATAL(name_dirs_open(env_posix(), paths, 1, &w->dirs, NULL) == 0);
    CU_ASSERT_FATAL(journal_open(&(struct journal_options){.env = env_posix(),
                                                           .dirs = (const char *const *)paths,
                                                           .dir_count = 1,
                                                           .next_txid = 1},
                                 &w->journal, NULL) == 0);
    w->tail = edit_tail_new(env, w->dirs);
    CU_ASSERT_FATAL(w->tail != NULL);
}

static void close_log(struct world_of_log *w)
{
    edit_tail_free(w->tail);
    CU_ASSERT(journal_close(w->journal, NULL) == 0);
    name_dirs_close(w->dirs);
}

static void append(struct world_of_log *w, int count)
{
    uint64_t last = 0;

    for (int i = 0; i < count; i++)
        last = journal_append(
            w->journal,
            &(struct edit_op){.code = EDIT_DELETE, .path = "/x", .mtime_ms = 1, .call_id = -2});
    CU_ASSERT(journal_wait(w->journal, last, NULL) == 0);
}

static int see(void *ctx, const struct edit_op *op, struct err *err)
{
    struct world_of_log *w = ctx;

    (void)err;
    CU_ASSERT(op->txid == w->due);
    w->due = op->txid + 1;
    w->seen++;
    if ((size_t)op->source_count > w->longest)
        w->longest = (size_t)op->source_count;
    return w->stop_after && w->seen % w->stop_after == 0;
}

static int follow(struct world_of_log *w)
{
    return edit_tail_read(w->tail, w->due, journal_durable_txid(w->journal), see, w, NULL);
}

static bool has_seen_all(const struct world_of_log *w)
{
    return w->due == journal_durable_txid(w->journal) + 1;
}

static void test_a_follower_sees_every_record_once(void)
{
    struct world_of_log w;

    open_log(&w, env_posix());
    for (int round = 0; round < 6; round++) {
        append(&w, 10 * round + 1);
        CU_ASSERT(follow(&w) == 0 && has_seen_all(&w));
        if (round % 2)
            CU_ASSERT(journal_roll(w.journal, NULL, NULL) == 0);
        CU_ASSERT(follow(&w) == 0 && has_seen_all(&w));
    }
    CU_ASSERT(follow(&w) == 0); /* nothing new: nothing seen */
    w.due = 1;
    CU_ASSERT(follow(&w) == 0 && has_seen_all(&w));
    close_log(&w);
}

static void test_who_stops_goes_on_where_he_was(void)
{
    struct world_of_log w;
    int reads = 0;

    open_log(&w, env_posix());
    append(&w, 50);
    CU_ASSERT(journal_roll(w.journal, NULL, NULL) == 0);
    append(&w, 50);
    for (w.stop_after = 7; !has_seen_all(&w) && reads < 100; reads++)
        CU_ASSERT(follow(&w) == 0);
    CU_ASSERT(has_seen_all(&w) && reads == (w.seen + 6) / 7);
    close_log(&w);
}

static void test_a_record_longer_than_what_is_read_at_a_time_is_whole(void)
{
    enum { SOURCES = 40000 };
    static const char *sources[SOURCES];
    struct world_of_log w;

    open_log(&w, env_posix());
    for (int i = 0; i < SOURCES; i++)
        sources[i] = "/a/path/of/some/length/so/that/many/of/them/need/megabytes/of/the/edit/log";
    append(&w, 3);
    journal_append(w.journal, &(struct edit_op){.code = EDIT_CONCAT_DELETE,
                                                .path = "/t",
                                                .sources = sources,
                                                .source_count = SOURCES,
                                                .mtime_ms = 1,
                                                .call_id = -2});
    append(&w, 3);
    CU_ASSERT(follow(&w) == 0 && has_seen_all(&w) && w.longest == SOURCES);
    close_log(&w);
}

static void test_what_is_gone_is_passed_over_to_the_oldest_that_is_there(void)
{
    struct world_of_log w;
    char path[700];

    open_log(&w, env_posix());
    append(&w, 5);
    CU_ASSERT(journal_roll(w.journal, NULL, NULL) == 0);
    append(&w, 5);
    snprintf(path, sizeof path, "%s/current/edits_%019d-%019d", w.dir, 1, 7);
    CU_ASSERT_FATAL(env_unlink(env_posix(), path, NULL) == 0);
    w.due = 8;
    CU_ASSERT(edit_tail_read(w.tail, 3, journal_durable_txid(w.journal), see, &w, NULL) == 0);
    CU_ASSERT(has_seen_all(&w));
    close_log(&w);
}

static void test_any_single_fault_leaves_out_nothing(void)
{
    bool fired = true;

    for (int nth = 0; fired; nth++) {
        struct fault_env faults;
        struct world_of_log w;

        fault_env_init(&faults, nth);
        open_log(&w, &faults.env);
        append(&w, 20);
        CU_ASSERT(journal_roll(w.journal, NULL, NULL) == 0);
        append(&w, 20);
        if (follow(&w) < 0)
            CU_ASSERT(faults.fired && follow(&w) == 0);
        CU_ASSERT(has_seen_all(&w));
        fired = faults.fired;
        close_log(&w);
    }
}

/* ---- as events ---- */

static void test_events_come_in_pages_without_a_gap(void)
{
    Pb__GetEditsFromTxidRequestProto rq = PB__GET_EDITS_FROM_TXID_REQUEST_PROTO__INIT;
    int made = 0, pages = 0;
    int64_t last = 0;
    struct op_world o;

    op_world_open(&o);
    world_set(&o.w, "dfs.namenode.inotify.max.events.per.rpc=4");
    op_world_restart(&o);
    for (int i = 0; i < 30; i++) {
        char path[20];

        snprintf(path, sizeof path, "/d%d", i);
        says_mkdirs(&o, path, 0755);
    }
    CU_ASSERT(journal_wait(o.nn.journal, journal_last_txid(o.nn.journal), NULL) == 0);
    do {
        const Pb__GetEditsFromTxidResponseProto *rs;

        rq.txid = last + 1;
        rs = op_world_call(&o, "getEditsFromTxid", &rq);
        CU_ASSERT_FATAL(rs != NULL && rs->eventslist->n_batch <= 4);
        CU_ASSERT(rs->eventslist->firsttxid == last + 1);
        last = rs->eventslist->lasttxid;
        made += (int)rs->eventslist->n_batch;
        pages++;
    } while (last < (int64_t)journal_last_txid(o.nn.journal) && pages < 100);
    CU_ASSERT(made == 30 && pages == 8);
    rq.txid = last + 1;
    CU_ASSERT(((Pb__GetEditsFromTxidResponseProto *)op_world_call(&o, "getEditsFromTxid", &rq))
                  ->eventslist->firsttxid == -1);
    op_world_close(&o);
}

SUITE(edit_tail, TEST(test_a_follower_sees_every_record_once),
      TEST(test_who_stops_goes_on_where_he_was),
      TEST(test_a_record_longer_than_what_is_read_at_a_time_is_whole),
      TEST(test_what_is_gone_is_passed_over_to_the_oldest_that_is_there),
      TEST(test_any_single_fault_leaves_out_nothing), TEST(test_events_come_in_pages_without_a_gap))
