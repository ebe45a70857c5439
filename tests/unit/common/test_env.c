#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "tests/lib/fault_env.h"
#include "tests/lib/suite.h"

static void test_a_file_is_replaced_whole_or_not_at_all(void)
{
    char path[256], *got;
    bool fired = true;

    for (int torn = 0; torn < 2; torn++) {
        fired = true;
        for (int nth = 0; fired; nth++) {
            struct fault_env w;
            size_t n;
            int rc;

            snprintf(path, sizeof path, "%s/f", suite_tmp_dir());
            CU_ASSERT_FATAL(env_write_file(env_posix(), path, "old", 3, NULL) == 0);
            fault_env_init(&w, nth);
            w.torn = torn;
            rc = env_write_file(&w.env, path, "newer", 5, NULL);
            fired = w.fired;
            CU_ASSERT(fired == (rc < 0));
            CU_ASSERT_FATAL(env_read_file(env_posix(), path, 100, &got, &n, NULL) == 0);
            /* A failure after the rename leaves the new bytes: whole, but perhaps not durable. */
            CU_ASSERT(strcmp(got, "newer") == 0 || (rc < 0 && strcmp(got, "old") == 0));
            free(got);
        }
    }
}

static void test_a_file_longer_than_expected_is_refused(void)
{
    char path[256], *got;
    struct err err;

    snprintf(path, sizeof path, "%s/f", suite_tmp_dir());
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, "0123456789", 10, NULL) == 0);
    CU_ASSERT(env_read_file(env_posix(), path, 9, &got, NULL, &err) == -ERR_LIMIT);
    CU_ASSERT(strstr(err.text, "at most 9 expected") != NULL);
}

static void test_directories_are_made_with_their_parents(void)
{
    char path[256];
    struct env_stat st;

    snprintf(path, sizeof path, "%s/a/b/c", suite_tmp_dir());
    CU_ASSERT(env_mkdirs(env_posix(), path, 0755, NULL) == 0);
    CU_ASSERT(env_mkdirs(env_posix(), path, 0755, NULL) == 0);
    CU_ASSERT(env_stat(env_posix(), path, &st, NULL) == 0 && st.is_dir);
}

SUITE(env, TEST(test_a_file_is_replaced_whole_or_not_at_all),
      TEST(test_a_file_longer_than_expected_is_refused),
      TEST(test_directories_are_made_with_their_parents));
