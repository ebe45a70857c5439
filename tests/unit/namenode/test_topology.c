#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "namenode/blocks/hosts.h"
#include "namenode/blocks/topology.h"
#include "tests/lib/suite.h"

static struct err err;
static char path[300], define[2][400];

static struct conf *conf_with(const char *key, const char *value)
{
    const char *defines[1] = {define[0]};
    struct conf_args args = {.defines = defines, .define_count = 1};
    struct conf *c = NULL;

    snprintf(define[0], sizeof define[0], "%s=%s", key, value);
    CU_ASSERT_FATAL(conf_load(&args, &c, &err) == 0);
    return c;
}

static void put(const char *leaf, const char *text)
{
    snprintf(path, sizeof path, "%s/%s", suite_tmp_dir(), leaf);
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, text, strlen(text), &err) == 0);
}

static void test_without_settings_all_are_in_the_default_rack(void)
{
    struct conf *c = conf_with("dfs.replication", "3");
    struct topology *t;

    CU_ASSERT_FATAL(topology_new(env_posix(), c, &t, &err) == 0);
    CU_ASSERT_STRING_EQUAL(topology_resolve(t, "10.1.2.3", "h"), DEFAULT_RACK);
    CU_ASSERT_STRING_EQUAL(topology_known(t, "10.9.9.9"), DEFAULT_RACK);
    topology_free(t);
    conf_free(c);
}

static void test_the_table_is_asked_by_address_and_by_name(void)
{
    struct topology *t;
    struct conf *c;

    put("table", "# hosts\n10.0.0.1   /dc1/r1\nhost-b\t/dc1/r2/\nbroken\n");
    c = conf_with("net.topology.table.file.name", path);
    CU_ASSERT_FATAL(topology_new(env_posix(), c, &t, &err) == 0);
    CU_ASSERT_STRING_EQUAL(topology_known(t, "10.0.0.1"), "/dc1/r1");
    CU_ASSERT_STRING_EQUAL(topology_resolve(t, "10.0.0.1", "x"), "/dc1/r1");
    CU_ASSERT_STRING_EQUAL(topology_resolve(t, "10.0.0.2", "host-b"), "/dc1/r2");
    CU_ASSERT_STRING_EQUAL(topology_resolve(t, "10.0.0.3", "broken"), DEFAULT_RACK);
    CU_ASSERT_STRING_EQUAL(topology_known(t, "10.0.0.1"), "/dc1/r1");
    topology_free(t);
    conf_free(c);
}

static void test_the_script_is_asked_once_and_its_failure_is_the_default_rack(void)
{
    struct topology *t;
    struct conf *c;
    struct env_stat st;
    char count[310];

    snprintf(count, sizeof count, "%s/count", suite_tmp_dir());
    char script[1000];
    snprintf(script, sizeof script,
             "#!/bin/sh\necho x >> %s\n[ $1 = 10.0.0.9 ] && exit 1\necho /rack-$1\n", count);
    put("script", script);
    CU_ASSERT_FATAL(chmod(path, 0755) == 0);
    c = conf_with("net.topology.script.file.name", path);
    CU_ASSERT_FATAL(topology_new(env_posix(), c, &t, &err) == 0);
    CU_ASSERT_PTR_NULL(topology_known(t, "10.0.0.1")); /* wanted now */
    topology_resolve_wanted(t);
    CU_ASSERT_STRING_EQUAL(topology_known(t, "10.0.0.1"), "/rack-10.0.0.1");
    CU_ASSERT_STRING_EQUAL(topology_resolve(t, "10.0.0.1", NULL), "/rack-10.0.0.1");
    CU_ASSERT(env_stat(env_posix(), count, &st, &err) == 0 && st.size_bytes == 2);
    CU_ASSERT_STRING_EQUAL(topology_resolve(t, "10.0.0.9", NULL), DEFAULT_RACK);
    topology_free(t);
    conf_free(c);
}

static void test_distance_counts_the_steps_through_the_tree(void)
{
    CU_ASSERT(topology_distance("/a", "/a") == 0);
    CU_ASSERT(topology_distance("/a", "/b") == 2);
    CU_ASSERT(topology_distance("/d1/a", "/d1/b") == 2);
    CU_ASSERT(topology_distance("/d1/a", "/d2/a") == 4);
    CU_ASSERT(topology_distance("/rack1", "/rack10") == 2);
    CU_ASSERT(topology_distance("/d1/rack1", "/d1/rack12") == 2);
    CU_ASSERT(topology_distance("/d1", "/d12/a") == 3);
}

static void test_host_lists_match_names_addresses_and_ports(void)
{
    struct hosts *h;
    struct conf *c;

    put("include", "10.0.0.1 host-b # the old ones\n\n127.0.0.1:9866\n");
    c = conf_with("dfs.hosts", path);
    CU_ASSERT_FATAL(hosts_load(env_posix(), c, &h, &err) == 0);
    CU_ASSERT(hosts_may_join(h, "10.0.0.1", "x", 1));
    CU_ASSERT(hosts_may_join(h, "10.0.0.7", "HOST-B", 1));
    CU_ASSERT(hosts_may_join(h, "127.0.0.1", "x", 9866));
    CU_ASSERT(!hosts_may_join(h, "127.0.0.1", "x", 9867));
    CU_ASSERT(!hosts_may_join(h, "10.0.0.8", "old", 1));
    CU_ASSERT(!hosts_excluded(h, "10.0.0.1", "x", 1));
    CU_ASSERT_STRING_EQUAL(hosts_included_at(h, 1)->name, "host-b");
    CU_ASSERT_PTR_NULL(hosts_included_at(h, 3));
    hosts_free(h);
    conf_free(c);
    c = conf_with("dfs.hosts", "/no/such/file");
    CU_ASSERT(hosts_load(env_posix(), c, &h, &err) == -ERR_NOENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/no/such/file"));
    conf_free(c);
}

SUITE(topology, TEST(test_without_settings_all_are_in_the_default_rack),
      TEST(test_the_table_is_asked_by_address_and_by_name),
      TEST(test_the_script_is_asked_once_and_its_failure_is_the_default_rack),
      TEST(test_distance_counts_the_steps_through_the_tree),
      TEST(test_host_lists_match_names_addresses_and_ports))
