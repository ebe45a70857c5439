#include "tests/lib/suite.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SUITES_MAX = 200, TMP_DIRS = 2000 };

static struct {
    const char *name;
    const struct suite_test *tests;
} suites[SUITES_MAX];
static int suite_count;
static char *tmp_dirs[TMP_DIRS];
static int tmp_count;

void suite_add(const char *name, const struct suite_test *tests)
{
    if (suite_count == SUITES_MAX)
        abort();
    suites[suite_count].name = name;
    suites[suite_count++].tests = tests;
}

const char *suite_tmp_dir(void)
{
    const char *base = getenv("TMPDIR");
    char *path;

    if (tmp_count == TMP_DIRS || asprintf(&path, "%s/ashlar-XXXXXX", base ? base : "/tmp") < 0 ||
        !mkdtemp(path))
        abort();
    return tmp_dirs[tmp_count++] = path;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* Random tests sync a log again and again. */
static void use_own_dir(void)
{
    const char *base = getenv("TMPDIR");
    char path[256];

    if (!base)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof path, "%s/ashlar-XXXXXX", base);
    if (!mkdtemp(path) || setenv("TMPDIR", path, 1) < 0)
        abort();
}

/* There when coverage is measured: _exit() alone would forget what a child has reached. */
extern void __gcov_dump(void) __attribute__((weak));

int suite_share_out(int runs, void (*run)(int number))
{
    int processes = (int)sysconf(_SC_NPROCESSORS_ONLN), failed = 0, status;

    if (processes > runs)
        processes = runs;
    fflush(stdout);
    for (int p = 0; p < processes; p++) {
        if (fork() != 0)
            continue;
        use_own_dir();
        for (int k = p; k < runs; k += processes)
            run(k);
        nftw(getenv("TMPDIR"), remove_one, 20, FTW_DEPTH | FTW_PHYS);
        if (__gcov_dump)
            __gcov_dump();
        _exit(0);
    }
    for (int p = 0; p < processes; p++) {
        wait(&status);
        failed += status != 0;
    }
    return failed;
}

static void show(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
    if (!failure)
        printf("PASS %s.%s\n", suite->pName, test->pName);
    for (CU_pFailureRecord f = failure; f; f = f->pNext)
        printf("%s %s.%s: %s:%u: %s\n", f == failure ? "FAIL" : "    ", suite->pName, test->pName,
               f->strFileName, f->uiLineNumber, f->strCondition);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    unsigned failed;

    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    for (int i = 0; i < suite_count; i++) {
        CU_pSuite s = CU_add_suite(suites[i].name, NULL, NULL);

        for (const struct suite_test *t = suites[i].tests; t->name; t++) {
            char full[512];

            snprintf(full, sizeof full, "%s.%s", suites[i].name, t->name);
            if (argc < 2 || strstr(full, argv[1]))
                CU_add_test(s, t->name, t->run);
        }
    }
    CU_set_test_complete_handler(show);
    CU_run_all_tests();
    failed = CU_get_number_of_tests_failed();
    CU_cleanup_registry();
    for (int i = 0; i < tmp_count; i++) {
        nftw(tmp_dirs[i], remove_one, 20, FTW_DEPTH | FTW_PHYS);
        free(tmp_dirs[i]);
    }
    return failed ? 1 : 0;
}
