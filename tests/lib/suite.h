/* suite.h -- a unit test is a sentence; a file of tests is a suite.
 *
 *   static void test_a_full_buffer_says_so(void) { ... CU_ASSERT(...); }
 *   SUITE(bytes, TEST(test_a_full_buffer_says_so), TEST(...));
 *
 * All suites of a folder link into one program, B/tests/unit-FOLDER, which prints a line
 * "PASS suite.test" or "FAIL suite.test: where and what" for each and exits 1 if any failed.
 * An argument runs only the tests whose suite.name holds it.
 */
#ifndef TESTS_LIB_SUITE_H
#define TESTS_LIB_SUITE_H

#include <CUnit/CUnit.h>

struct suite_test {
    const char *name;
    void (*run)(void);
};
#define TEST(fn)                                                                                   \
    {                                                                                              \
#fn, fn                                                                                    \
    }
#define SUITE(suite, ...)                                                                          \
    __attribute__((constructor)) static void suite_##suite(void)                                   \
    {                                                                                              \
        static const struct suite_test tests[] = {__VA_ARGS__, {0}};                               \
        suite_add(#suite, tests);                                                                  \
    }
void suite_add(const char *name, const struct suite_test *tests);

/* A directory of this test's own under $TMPDIR, removed when the program ends. */
const char *suite_tmp_dir(void);

/* Runs @run(0), @run(1), … @run(runs - 1) in as many processes as there are processors, each with a
 * directory for its files that is gone afterwards, in memory where there is such a place. Returns
 * how many of the processes failed. */
int suite_share_out(int runs, void (*run)(int number));

#endif
