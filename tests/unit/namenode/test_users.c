/* Who may act for whom, and that the rules can be changed while the namenode runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/env.h"
#include "namenode/calls/users.h"
#include "tests/lib/suite.h"

struct world {
    char dir[512];
    struct conf *conf;
    struct users *users;
};

static void write_rules(struct world *w, const char *users, const char *hosts)
{
    char path[600], xml[1000];

    snprintf(path, sizeof path, "%s/core-site.xml", w->dir);
    snprintf(xml, sizeof xml,
             "<configuration><property><name>hadoop.proxyuser.hive.users</name><value>%s</value>"
             "</property><property><name>hadoop.proxyuser.hive.hosts</name><value>%s</value>"
             "</property></configuration>",
             users, hosts);
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, xml, strlen(xml), NULL) == 0);
}

static void world_open(struct world *w, const char *users, const char *hosts)
{
    static const char *defines[] = {"hadoop.user.group.static.mapping.overrides=bob=staff;eve=dev",
                                    "hadoop.proxyuser.oozie.groups=staff",
                                    "hadoop.proxyuser.oozie.hosts=10.1.0.0/16"};
    struct conf_args args = {.dir = w->dir, .defines = defines, .define_count = 3};

    snprintf(w->dir, sizeof w->dir, "%s", suite_tmp_dir());
    write_rules(w, users, hosts);
    CU_ASSERT_FATAL(conf_load(&args, &w->conf, NULL) == 0);
    CU_ASSERT_FATAL(users_new(env_posix(), w->conf, &w->users, NULL) == 0);
}

static void world_close(struct world *w)
{
    users_free(w->users);
    conf_free(w->conf);
}

static int may(struct world *w, const char *real, const char *user, const char *ip)
{
    return users_may_impersonate(w->users, real, user, ip, NULL);
}

static void test_a_rule_names_users_or_groups_and_hosts(void)
{
    struct world w;

    world_open(&w, "bob", "127.0.0.1");
    CU_ASSERT(may(&w, "hive", "bob", "127.0.0.1") == 0);
    CU_ASSERT(may(&w, "hive", "eve", "127.0.0.1") == -ERR_AUTHORIZE);
    CU_ASSERT(may(&w, "hive", "bob", "127.0.0.2") == -ERR_AUTHORIZE);
    CU_ASSERT(may(&w, "spark", "bob", "127.0.0.1") == -ERR_AUTHORIZE);
    CU_ASSERT(may(&w, "oozie", "bob", "10.1.2.3") == 0);
    CU_ASSERT(may(&w, "oozie", "eve", "10.1.2.3") == -ERR_AUTHORIZE);
    CU_ASSERT(may(&w, "oozie", "bob", "10.2.2.3") == -ERR_AUTHORIZE);
    world_close(&w);
}

static void test_rules_change_when_told_and_not_before(void)
{
    struct world w;

    world_open(&w, "bob", "*");
    write_rules(&w, "eve", "*");
    CU_ASSERT(may(&w, "hive", "bob", "10.0.0.1") == 0);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(users_reload_proxies(w.users, NULL) == 0);
        CU_ASSERT(may(&w, "hive", "bob", "10.0.0.1") == -ERR_AUTHORIZE);
        CU_ASSERT(may(&w, "hive", "eve", "10.0.0.1") == 0);
        CU_ASSERT(may(&w, "oozie", "bob", "10.1.2.3") == 0); /* what -D said stands */
    }
    world_close(&w);
}

static void test_files_that_cannot_be_read_leave_the_rules_as_they_were(void)
{
    struct world w;
    char path[600];

    world_open(&w, "bob", "*");
    snprintf(path, sizeof path, "%s/core-site.xml", w.dir);
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, "<configuration><", 16, NULL) == 0);
    CU_ASSERT(users_reload_proxies(w.users, NULL) < 0);
    CU_ASSERT(may(&w, "hive", "bob", "10.0.0.1") == 0);
    world_close(&w);
}

SUITE(users, TEST(test_a_rule_names_users_or_groups_and_hosts),
      TEST(test_rules_change_when_told_and_not_before),
      TEST(test_files_that_cannot_be_read_leave_the_rules_as_they_were))
