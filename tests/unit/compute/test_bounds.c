/* Control groups of both versions, in a directory that looks like /sys/fs/cgroup: what is written where. */
#include "compute/bounds.h"
#include "tests/lib/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64], group[256];

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[600];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    CU_ASSERT_FATAL(f != NULL);
    fputs(text, f);
    fclose(f);
}

static const char *text_of(const char *dir, const char *name)
{
    static char text[256];
    char path[600];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    text[0] = 0;
    if (f && !fgets(text, sizeof text, f))
        text[0] = 0;
    if (f)
        fclose(f);
    return text;
}

static void begin(const char *line)
{
    snprintf(root, sizeof root, "/tmp/ashlar-bounds.XXXXXX");
    CU_ASSERT_FATAL(mkdtemp(root) != NULL);
    write_file(root, "proc", line);
}

static void end(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -rf %s", root);
    CU_ASSERT(system(command) == 0);
}

/* DIR, and in it the group of an attempt, with files as the kernel would make them. */
static void make_group(const char *dir, const char *a, const char *b)
{
    mkdir(dir, 0755);
    snprintf(group, sizeof group, "%.180s/ashlar-%d-attempt", dir, (int)getpid());
    mkdir(group, 0755);
    write_file(group, a, "");
    if (b)
        write_file(group, b, "");
}

static void find(struct bounds_home *h, const char *given)
{
    char proc[100];

    snprintf(proc, sizeof proc, "%s/proc", root);
    bounds_find(h, root, proc, given);
}

static void test_version_two_bounds_both_in_one_group(void)
{
    struct bounds b = {0};
    struct bounds_home h;
    char dir[100];

    begin("0::/worker\n");
    snprintf(dir, sizeof dir, "%s/worker", root);
    make_group(dir, "memory.max", "cpu.max");
    write_file(root, "cgroup.controllers", "cpuset cpu memory\n");
    write_file(dir, "cgroup.controllers", "cpu memory\n");
    write_file(dir, "cgroup.subtree_control", "cpu memory\n");
    find(&h, "");
    CU_ASSERT(h.version == 2);
    bounds_limit(&b, &h, "attempt", 64, 2);
    CU_ASSERT_STRING_EQUAL(b.memory, group);
    CU_ASSERT_STRING_EQUAL(text_of(group, "memory.max"), "67108864");
    CU_ASSERT_STRING_EQUAL(text_of(group, "cpu.max"), "200000 100000");
    CU_ASSERT(b.joins[0] && strcmp(b.joins[0] + strlen(group), "/cgroup.procs") == 0);
    CU_ASSERT(b.joins[1] == NULL);
    CU_ASSERT(!bounds_ran_out(&b));
    write_file(group, "memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n");
    write_file(group, "memory.events", "oom_kill 1\n");
    CU_ASSERT(bounds_ran_out(&b));
    end();
}

static void test_controllers_are_handed_down(void)
{
    struct bounds_home h;
    char dir[100];

    begin("0::/worker\n");
    snprintf(dir, sizeof dir, "%s/worker", root);
    mkdir(dir, 0755);
    write_file(root, "cgroup.controllers", "cpu memory\n");
    write_file(dir, "cgroup.controllers", "cpu memory\n");
    write_file(dir, "cgroup.subtree_control", "\n");
    find(&h, "");
    CU_ASSERT(h.version == 2);
    CU_ASSERT_STRING_EQUAL(h.memory, dir);
    CU_ASSERT(strstr(text_of(dir, "cgroup.subtree_control"), "cpu") != NULL);
    end();
}

static void test_a_group_without_controllers_bounds_nothing(void)
{
    struct bounds b = {0};
    struct bounds_home h;
    char dir[100];

    begin("0::/worker\n");
    snprintf(dir, sizeof dir, "%s/worker", root);
    mkdir(dir, 0755);
    write_file(root, "cgroup.controllers", "hugetlb\n");
    write_file(dir, "cgroup.controllers", "hugetlb\n");
    find(&h, "");
    CU_ASSERT(h.version == 0);
    bounds_limit(&b, &h, "attempt", 64, 2);
    CU_ASSERT(b.joins[0] == NULL && !bounds_ran_out(&b));
    bounds_done(&b);
    end();
}

static void test_version_one_has_a_group_for_each(void)
{
    struct bounds b = {0};
    struct bounds_home h;
    char dir[100], memory[256];

    begin("4:memory:/here\n1:cpu,cpuacct:/\n");
    snprintf(dir, sizeof dir, "%s/memory", root);
    mkdir(dir, 0755);
    snprintf(dir, sizeof dir, "%s/memory/here", root);
    make_group(dir, "memory.limit_in_bytes", NULL);
    memcpy(memory, group, sizeof memory);
    snprintf(dir, sizeof dir, "%s/cpu", root);
    make_group(dir, "cpu.cfs_quota_us", NULL);
    find(&h, "");
    CU_ASSERT(h.version == 1);
    bounds_limit(&b, &h, "attempt", 1, 3);
    CU_ASSERT_STRING_EQUAL(text_of(memory, "memory.limit_in_bytes"), "1048576");
    CU_ASSERT_STRING_EQUAL(text_of(group, "cpu.cfs_quota_us"), "300000");
    CU_ASSERT(b.joins[0] && b.joins[1]);
    end();
}

static void test_a_group_that_is_named_is_used(void)
{
    struct bounds_home h;
    char dir[100];

    begin("0::/worker\n");
    write_file(root, "cgroup.controllers", "cpu memory\n");
    snprintf(dir, sizeof dir, "%s/tasks", root);
    mkdir(dir, 0755);
    write_file(dir, "cgroup.controllers", "cpu memory\n");
    write_file(dir, "cgroup.subtree_control", "cpu memory\n");
    find(&h, "tasks");
    CU_ASSERT_STRING_EQUAL(h.memory, dir);
    find(&h, "/tasks");
    CU_ASSERT_STRING_EQUAL(h.memory, dir);
    find(&h, "/nowhere");
    CU_ASSERT(h.version == 0);
    end();
}

SUITE(bounds, TEST(test_version_two_bounds_both_in_one_group),
      TEST(test_controllers_are_handed_down), TEST(test_a_group_without_controllers_bounds_nothing),
      TEST(test_version_one_has_a_group_for_each), TEST(test_a_group_that_is_named_is_used))
