#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "namenode/image/image_fork.h"
#include "tests/lib/fault_env.h"
#include "tests/lib/suite.h"

/* A fresh store, loaded, with its journal open: a namenode's durable half. */
struct world {
    char dir[512];
    struct name_dirs *dirs;
    struct namespace *ns;
    struct journal *journal;
};

static void world_reopen(struct world *w, struct env *env)
{
    char *paths[] = {w->dir};
    const char *journal_dirs[] = {w->dir};
    struct load_result r;
    struct journal_options o = {.env = env, .dirs = journal_dirs, .dir_count = 1};

    CU_ASSERT_FATAL(name_dirs_open(env, paths, 1, &w->dirs, NULL) == 0);
    CU_ASSERT_FATAL(ns_new(NULL, &w->ns, NULL) == 0);
    CU_ASSERT_FATAL(name_dirs_load(w->dirs, w->ns, NULL, NULL, &r, NULL) == 0);
    o.next_txid = r.last_txid + 1;
    CU_ASSERT_FATAL(journal_open(&o, &w->journal, NULL) == 0);
}

static void world_open(struct world *w, struct env *env)
{
    const struct name_format how = {.owner = "root", .group = "supergroup"};
    char *paths[] = {w->dir};

    snprintf(w->dir, sizeof w->dir, "%s", suite_tmp_dir());
    CU_ASSERT_FATAL(name_dirs_format(env_posix(), paths, 1, &how, NULL, NULL) == 0);
    world_reopen(w, env);
}

static void world_close(struct world *w)
{
    journal_close(w->journal, NULL);
    ns_free(w->ns);
    name_dirs_close(w->dirs);
}

static void make_dirs(struct world *w, const char *prefix, int count)
{
    for (int i = 0; i < count; i++) {
        char path[64];
        struct edit_op op = {.code = EDIT_MKDIR,
                             .path = path,
                             .inode_id = ns_last_inode_id(w->ns) + 1,
                             .user = "u",
                             .group = "g",
                             .mode = 0755,
                             .mtime_ms = 1};

        snprintf(path, sizeof path, "/%s%d", prefix, i);
        CU_ASSERT_FATAL(ns_apply(w->ns, &op, NULL) == 0);
        journal_append(w->journal, &op);
    }
}

static int begin(struct world *w, struct env *env, struct image_fork **out, struct err *err)
{
    struct image_fork_options o = {.env = env, .dirs = w->dirs, .ns = w->ns, .journal = w->journal};

    return image_fork_begin(&o, out, err);
}

/* Waits for it and makes it known. */
static int finish(struct world *w, struct image_fork *f, struct err *err)
{
    int rc = image_fork_wait(f, err);

    return rc < 0 ? rc : name_dirs_image_done(w->dirs, image_fork_txid(f), 2, 0, err);
}

static void test_a_checkpoint_holds_the_state_at_its_beginning(void)
{
    struct world w, again;
    struct image_fork *f;
    struct err err = {0};
    uint64_t digest, txid;

    world_open(&w, env_posix());
    make_dirs(&w, "before", 1000);
    CU_ASSERT_FATAL(begin(&w, env_posix(), &f, &err) == 0);
    txid = image_fork_txid(f);
    make_dirs(&w, "after", 10);
    CU_ASSERT(finish(&w, f, &err) == 0);
    CU_ASSERT(name_dirs_image_txid(w.dirs) == txid);
    image_fork_free(f);
    digest = ns_digest(w.ns);
    world_close(&w);
    again = w;
    world_reopen(&again, env_posix());
    CU_ASSERT(name_dirs_image_txid(again.dirs) == txid);
    CU_ASSERT(ns_digest(again.ns) == digest);
    world_close(&again);
}

static void test_a_tree_that_is_being_taken_apart_is_not_in_the_image(void)
{
    struct edit_op delete = {.code = EDIT_DELETE, .path = "/tree", .mtime_ms = 2};
    struct world w;
    struct image_fork *f;
    struct err err = {0};

    world_open(&w, env_posix());
    {
        struct edit_op op = {.code = EDIT_MKDIR,
                             .path = "/tree",
                             .inode_id = ns_last_inode_id(w.ns) + 1,
                             .user = "u",
                             .group = "g"};

        CU_ASSERT_FATAL(ns_apply(w.ns, &op, NULL) == 0);
        journal_append(w.journal, &op);
    }
    make_dirs(&w, "tree/", 20000);
    CU_ASSERT_FATAL(ns_apply(w.ns, &delete, NULL) == 0);
    journal_append(w.journal, &delete);
    CU_ASSERT_FATAL(begin(&w, env_posix(), &f, &err) == 0);
    CU_ASSERT(finish(&w, f, &err) == 0);
    image_fork_free(f);
    CU_ASSERT(ns_reclaim(w.ns, 1)); /* the parent still has it */
    world_close(&w);
    world_reopen(&w, env_posix());
    CU_ASSERT(ns_inode_count(w.ns) == 1);
    world_close(&w);
}

static void test_a_failing_child_is_reported_and_leaves_the_store_as_it_was(void)
{
    bool fired = true;

    for (int nth = 0; fired && nth < 100; nth++) {
        struct fault_env env;
        struct world w;
        struct image_fork *f;
        struct err err = {0};
        int rc;

        fault_env_init(&env, -1);
        world_open(&w, &env.env);
        make_dirs(&w, "d", 3);
        CU_ASSERT_FATAL(journal_wait(w.journal, journal_last_txid(w.journal), NULL) == 0);
        env.calls = 0;
        env.nth = nth; /* the journal's thread counts as well: which call it is varies */
        if (begin(&w, &env.env, &f, &err) == 0) {
            rc = finish(&w, f, &err);
            CU_ASSERT(rc == 0 || err.text[0] != 0);
            fired = env.fired || rc < 0;
            CU_ASSERT(rc < 0 || name_dirs_image_txid(w.dirs) == image_fork_txid(f));
            image_fork_free(f);
        }
        env.nth = -1;
        world_close(&w);
        world_reopen(&w, env_posix());
        CU_ASSERT(ns_lookup(w.ns, "/d2") != 0);
        world_close(&w);
    }
    CU_ASSERT(!fired);
}

static void test_a_checkpoint_given_up_does_no_harm(void)
{
    struct world w;
    struct image_fork *f;
    struct err err = {0};

    world_open(&w, env_posix());
    make_dirs(&w, "d", 20000);
    CU_ASSERT_FATAL(begin(&w, env_posix(), &f, &err) == 0);
    image_fork_free(f);
    CU_ASSERT(journal_roll(w.journal, NULL, NULL) == 0);
    CU_ASSERT_FATAL(begin(&w, env_posix(), &f, &err) == 0);
    CU_ASSERT(finish(&w, f, &err) == 0);
    image_fork_free(f);
    world_close(&w);
    world_reopen(&w, env_posix());
    CU_ASSERT(ns_lookup(w.ns, "/d19999") != 0);
    world_close(&w);
}

SUITE(image_fork, TEST(test_a_checkpoint_holds_the_state_at_its_beginning),
      TEST(test_a_tree_that_is_being_taken_apart_is_not_in_the_image),
      TEST(test_a_failing_child_is_reported_and_leaves_the_store_as_it_was),
      TEST(test_a_checkpoint_given_up_does_no_harm))
