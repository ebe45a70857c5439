#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/env.h"
#include "tests/lib/suite.h"

static struct err err;

static struct conf *load_text(const char *xml)
{
    const char *dir = suite_tmp_dir();
    struct conf_args args = {.dir = dir};
    struct conf *c = NULL;
    char path[256];

    snprintf(path, sizeof path, "%s/hdfs-site.xml", dir);
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, xml, strlen(xml), NULL) == 0);
    err_clear(&err);
    if (conf_load(&args, &c, &err) < 0)
        return NULL;
    return c;
}

static void test_no_file_at_all_gives_hadoops_defaults(void)
{
    struct conf *c;

    unsetenv("HADOOP_CONF_DIR");
    CU_ASSERT_FATAL(conf_load(NULL, &c, &err) == 0);
    CU_ASSERT(conf_int(c, OPT_replication) == 3);
    CU_ASSERT(conf_int(c, OPT_block_size) == 128 << 20);
    CU_ASSERT(conf_int(c, OPT_heartbeat) == 3000);
    CU_ASSERT(conf_float(c, OPT_safemode_threshold) == 0.999);
    CU_ASSERT(!conf_is_set(c, OPT_replication));
    conf_free(c);
}

static void test_values_have_units_and_variables(void)
{
    struct conf *c = load_text(
        "<configuration><property><name>dfs.blocksize</name><value> 64m </value></property>"
        "<property><name>dfs.heartbeat.interval</name><value>500ms</value></property>"
        "<property><name>base</name><value>/x</value></property>"
        "<property><name>dfs.datanode.data.dir</name><value>${base}/a,[SSD]${base}/b</value>"
        "</property></configuration>");
    char *list[4];
    int n;

    CU_ASSERT_FATAL(c != NULL);
    CU_ASSERT(conf_int(c, OPT_block_size) == 64 << 20);
    CU_ASSERT(conf_int(c, OPT_heartbeat) == 500);
    CU_ASSERT_STRING_EQUAL(conf_text(c, OPT_dn_data_dir), "/x/a,[SSD]/x/b");
    CU_ASSERT_STRING_EQUAL(conf_get(c, "base"), "/x");
    CU_ASSERT(conf_get(c, "nowhere") == NULL);
    n = conf_list(conf_text(c, OPT_dn_data_dir), list, 4);
    CU_ASSERT_FATAL(n == 2);
    CU_ASSERT_STRING_EQUAL(list[1], "[SSD]/x/b");
    free(list[0]);
    free(list[1]);
    conf_free(c);
}

static void test_a_bad_value_names_file_key_and_what_was_expected(void)
{
    struct conf *c = load_text("<configuration><property><name>dfs.replication</name>"
                               "<value>many</value></property></configuration>");

    CU_ASSERT(c == NULL);
    CU_ASSERT(err.code == ERR_CONFIG);
    CU_ASSERT(strstr(err.text, "hdfs-site.xml") != NULL);
    CU_ASSERT(strstr(err.text, "dfs.replication") != NULL);
    CU_ASSERT(strstr(err.text, "a whole number from 1 to 512") != NULL);
}

static void test_a_file_that_does_not_parse_names_its_line(void)
{
    CU_ASSERT(load_text("<configuration>\n<property>\n</configuration>") == NULL);
    CU_ASSERT(strstr(err.text, "line 3") != NULL);
    CU_ASSERT(load_text("") == NULL);
    CU_ASSERT(load_text("<other/>") == NULL);
    CU_ASSERT(strstr(err.text, "<configuration>") != NULL);
}

static void test_the_command_line_wins_over_the_files(void)
{
    char *argv[] = {(char *)"p",
                    (char *)"-D",
                    (char *)"dfs.replication=2",
                    (char *)"x",
                    (char *)"-Ddfs.client.max.block.acquire.failures=5",
                    (char *)"--",
                    (char *)"-D",
                    NULL};
    struct conf_args args;
    struct conf *c;
    int argc = 7;

    CU_ASSERT_FATAL(conf_args_take(&argc, argv, &args, &err) == 0);
    CU_ASSERT(argc == 4 && strcmp(argv[1], "x") == 0 && strcmp(argv[3], "-D") == 0);
    CU_ASSERT_FATAL(conf_load(&args, &c, &err) == 0);
    CU_ASSERT(conf_int(c, OPT_replication) == 2);
    CU_ASSERT(conf_int(c, OPT_client_acquire) == 5);
    conf_free(c);
    conf_args_done(&args);
}

static void test_a_final_property_stays(void)
{
    struct conf *c = load_text(
        "<configuration><property><name>dfs.replication</name><value>2</value><final>true</final>"
        "</property><property><name>dfs.replication</name><value>4</value></property>"
        "</configuration>");

    CU_ASSERT_FATAL(c != NULL);
    CU_ASSERT(conf_int(c, OPT_replication) == 2);
    conf_free(c);
}

static void test_the_namenode_is_found_by_address_or_default_fs(void)
{
    char at[300];
    struct conf *c;

    CU_ASSERT_FATAL(conf_load(NULL, &c, &err) == 0);
    conf_namenode(c, at, sizeof at);
    CU_ASSERT_STRING_EQUAL(at, "127.0.0.1:8020");
    CU_ASSERT(conf_set(c, "fs.defaultFS", "hdfs://nn1/", &err) == 0);
    conf_namenode(c, at, sizeof at);
    CU_ASSERT_STRING_EQUAL(at, "nn1:8020");
    CU_ASSERT(conf_set(c, "dfs.namenode.rpc-address", "nn2:9000", &err) == 0);
    conf_namenode(c, at, sizeof at);
    CU_ASSERT_STRING_EQUAL(at, "nn2:9000");
    conf_free(c);
}

SUITE(conf, TEST(test_no_file_at_all_gives_hadoops_defaults),
      TEST(test_values_have_units_and_variables),
      TEST(test_a_bad_value_names_file_key_and_what_was_expected),
      TEST(test_a_file_that_does_not_parse_names_its_line),
      TEST(test_the_command_line_wins_over_the_files), TEST(test_a_final_property_stays),
      TEST(test_the_namenode_is_found_by_address_or_default_fs));
