/* The image that a rolling upgrade goes back to, and the upgrade's records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "namenode/image/image.h"
#include "namenode/edits/name_dir.h"
#include "namenode/namespace/namespace.h"
#include "tests/lib/fault_env.h"
#include "tests/lib/suite.h"

struct store {
    char dir[512];
    struct name_dirs *dirs;
    struct namespace *ns;
};

static int store_load(struct store *s, struct env *env)
{
    char *paths[] = {s->dir};
    struct load_result r;

    CU_ASSERT_FATAL(name_dirs_open(env, paths, 1, &s->dirs, NULL) == 0);
    CU_ASSERT_FATAL(ns_new(NULL, &s->ns, NULL) == 0);
    return name_dirs_load(s->dirs, s->ns, NULL, NULL, &r, NULL);
}

static void store_close(struct store *s)
{
    ns_free(s->ns);
    name_dirs_close(s->dirs);
}

static void store_open(struct store *s)
{
    char *paths[] = {s->dir};

    snprintf(s->dir, sizeof s->dir, "%s", suite_tmp_dir());
    CU_ASSERT_FATAL(name_dirs_format(env_posix(), paths, 1, &(struct name_format){.owner = "o"},
                                     NULL, NULL) == 0);
    CU_ASSERT_FATAL(store_load(s, env_posix()) == 0);
}

static void apply(struct store *s, enum edit_code code, uint64_t time)
{
    CU_ASSERT(ns_apply(s->ns, &(struct edit_op){.code = code, .mtime_ms = time}, NULL) == 0);
}

static bool is_there(struct store *s, const char *name)
{
    struct env_stat st;
    char path[700];

    snprintf(path, sizeof path, "%s/current/%s", s->dir, name);
    return env_stat(env_posix(), path, &st, NULL) == 0;
}

static void test_the_image_of_a_rollback_has_a_name_of_its_own_until_the_end(void)
{
    struct store s;
    char path[700], *text;

    store_open(&s);
    CU_ASSERT(!name_dirs_has_rollback(s.dirs));
    CU_ASSERT(name_dirs_save_image(s.dirs, s.ns, 9, NULL) == 0);
    CU_ASSERT(name_dirs_rollback_done(s.dirs, 9, NULL) == 0);
    CU_ASSERT(name_dirs_has_rollback(s.dirs) && name_dirs_image_txid(s.dirs) == 9);
    CU_ASSERT(is_there(&s, "fsimage_rollback_0000000000000000009"));
    CU_ASSERT(!is_there(&s, "fsimage_0000000000000000009.md5"));
    snprintf(path, sizeof path, "%s/current/fsimage_rollback_0000000000000000009.md5", s.dir);
    CU_ASSERT_FATAL(env_read_file(env_posix(), path, 1000, &text, NULL, NULL) == 0);
    CU_ASSERT(strstr(text, " *fsimage_rollback_0000000000000000009\n") != NULL);
    free(text);
    CU_ASSERT(name_dirs_rollback_end(s.dirs, NULL) == 0 && !name_dirs_has_rollback(s.dirs));
    CU_ASSERT(is_there(&s, "fsimage_0000000000000000009"));
    CU_ASSERT(is_there(&s, "fsimage_0000000000000000009.md5"));
    store_close(&s);
}

static void test_an_upgrade_that_is_under_way_is_in_the_image(void)
{
    struct store s;

    store_open(&s);
    apply(&s, EDIT_ROLLING_UPGRADE_START, 1234);
    CU_ASSERT(ns_rolling_upgrade(s.ns) == 1234 && !ns_rolling_upgrade_is_over(s.ns));
    CU_ASSERT(name_dirs_save_image(s.dirs, s.ns, 9, NULL) == 0);
    CU_ASSERT(name_dirs_rollback_done(s.dirs, 9, NULL) == 0);
    store_close(&s);
    /* seen_txid is 1: nothing is missing behind this image */
    CU_ASSERT(store_load(&s, env_posix()) == 0 && ns_rolling_upgrade(s.ns) == 1234);
    apply(&s, EDIT_ROLLING_UPGRADE_FINALIZE, 2345);
    CU_ASSERT(ns_rolling_upgrade(s.ns) == 0 && ns_rolling_upgrade_is_over(s.ns));
    store_close(&s);
}

/* Whatever fails, what is there can be loaded, and the end can be tried again. */
static void test_any_single_fault_leaves_an_image_to_load(void)
{
    bool fired = true;

    for (int nth = 0; fired; nth++) {
        struct fault_env faults;
        struct store s;

        store_open(&s);
        CU_ASSERT(name_dirs_save_image(s.dirs, s.ns, 9, NULL) == 0);
        store_close(&s);
        fault_env_init(&faults, -1);
        CU_ASSERT_FATAL(store_load(&s, &faults.env) == 0);
        faults.nth = nth;
        faults.calls = 0;
        faults.fired = false;
        if (name_dirs_rollback_done(s.dirs, 9, NULL) == 0)
            name_dirs_rollback_end(s.dirs, NULL);
        fired = faults.fired;
        store_close(&s);
        CU_ASSERT(store_load(&s, env_posix()) == 0);
        CU_ASSERT(name_dirs_rollback_end(s.dirs, NULL) == 0 && !name_dirs_has_rollback(s.dirs));
        store_close(&s);
        CU_ASSERT(store_load(&s, env_posix()) == 0);
        store_close(&s);
    }
}

SUITE(rollback, TEST(test_the_image_of_a_rollback_has_a_name_of_its_own_until_the_end),
      TEST(test_an_upgrade_that_is_under_way_is_in_the_image),
      TEST(test_any_single_fault_leaves_an_image_to_load))
