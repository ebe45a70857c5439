#include <errno.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "tests/lib/suite.h"

static void test_each_level_adds_what_it_knows(void)
{
    struct err e;
    int rc = err_set(&e, ERR_ACCESS, "permission denied");

    rc = err_wrap(&e, rc, "/a/b");
    rc = err_wrap(&e, rc, "rename");
    CU_ASSERT(rc == -ERR_ACCESS);
    CU_ASSERT_STRING_EQUAL(e.text, "rename: /a/b: permission denied");
    CU_ASSERT_STRING_EQUAL(err_java_class(&e), "org.apache.hadoop.security.AccessControlException");
    CU_ASSERT(err_to_errno(e.code) == EACCES);
}

static void test_java_exceptions_become_codes_and_keep_their_class(void)
{
    struct err e;

    CU_ASSERT(err_from_java(&e, "java.io.FileNotFoundException", "File does not exist: /x") ==
              -ERR_NOENT);
    CU_ASSERT(err_from_java(&e, "com.example.Strange", NULL) == -ERR_REMOTE);
    CU_ASSERT_STRING_EQUAL(err_java_class(&e), "com.example.Strange");
}

static void test_the_systems_errors_end_with_its_words(void)
{
    struct err e;

    CU_ASSERT(err_sys(&e, ENOSPC, "write %s", "/x") == -ERR_NO_DISK);
    CU_ASSERT_STRING_EQUAL(e.text, "write /x: No space left on device");
}

static void test_an_arena_stops_at_its_maximum_and_starts_anew(void)
{
    struct arena a;

    arena_init(&a, 64 << 10);
    for (int round = 0; round < 3; round++) {
        size_t got = 0;

        while (arena_alloc(&a, 1000))
            got += 1000;
        CU_ASSERT(got > 32 << 10 && got <= 64 << 10);
        arena_reset(&a);
    }
    CU_ASSERT(arena_alloc(&a, 1 << 20) == NULL);
    CU_ASSERT_STRING_EQUAL(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    arena_done(&a);
}

SUITE(err, TEST(test_each_level_adds_what_it_knows),
      TEST(test_java_exceptions_become_codes_and_keep_their_class),
      TEST(test_the_systems_errors_end_with_its_words),
      TEST(test_an_arena_stops_at_its_maximum_and_starts_anew));
