/* test_leaving.c -- nodes that leave, pause, or are slow: what readers are told, what is copied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tests/unit/namenode/block_world.h"

static struct world w;
static char hosts_path[300];

static void hosts_say(const char *json)
{
    CU_ASSERT_FATAL(env_write_file(env_posix(), hosts_path, json, strlen(json), &w.err) == 0);
}

/* Nodes 10.0.0.1 to 10.0.0.@nodes, and a hosts file that says nothing yet. */
static void begin(int nodes, const char *racks)
{
    static char setting[400];

    world_init(&w);
    snprintf(hosts_path, sizeof hosts_path, "%s/hosts", suite_tmp_dir());
    snprintf(setting, sizeof setting, "dfs.hosts=%s", hosts_path);
    world_set(&w, setting);
    world_set(&w, "dfs.namenode.hosts.provider.classname="
                  "org.apache.hadoop.hdfs.server.blockmanagement.CombinedHostFileManager");
    if (racks)
        world_racks(&w, racks);
    hosts_say("[]");
    world_open(&w);
    for (int i = 0; i < nodes; i++)
        world_node(&w);
}

static struct model *holder_of(uint64_t block)
{
    for (int i = 0; i < w.node_count; i++)
        if (model_holds(&w.nodes[i], block))
            return &w.nodes[i];
    return NULL;
}

static admin_state state_of(const struct model *m)
{
    return datanode_find(w.bm, m->uuid)->admin;
}

static void say_of(const struct model *m, const char *state, uint64_t until_ms)
{
    char json[400];

    snprintf(
        json, sizeof json,
        "[{\"hostName\": \"%s\", \"adminState\": \"%s\", \"maintenanceExpireTimeInMS\": %llu}]",
        m->ip, state, (unsigned long long)until_ms);
    hosts_say(json);
    CU_ASSERT(bm_refresh_nodes(w.bm, &w.err) == 0);
}

static int locations(uint64_t block, const char *reader, Pb__LocatedBlockProto *out)
{
    struct block_info b;

    ns_block(w.ns, block, &b);
    bm_locate(w.bm, &b, 0, reader, &w.arena, out);
    return (int)out->n_locs;
}

static void test_copies_of_a_node_in_maintenance_count_though_it_is_dead(void)
{
    Pb__LocatedBlockProto out;
    struct model *away;
    struct bm_stats stats;
    uint64_t block, end_ms;

    begin(4, NULL);
    block = world_file(&w, "/f", 3, 100);
    away = holder_of(block);
    end_ms = env_now_ms(&w.env) + 3600000;
    say_of(away, "IN_MAINTENANCE", end_ms);
    CU_ASSERT(state_of(away) == ADMIN_ENTERING);
    world_pass(&w, 10000);
    CU_ASSERT(state_of(away) == ADMIN_AWAY);
    CU_ASSERT(locations(block, NULL, &out) == 2);
    away->up = false;
    world_pass(&w, 1200000); /* dead for long */
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.away_dead == 1 && stats.under_replicated == 0);
    CU_ASSERT(world_held(&w, block) == 2);
    world_pass(&w, 3600000); /* its time is over, and it is not back */
    CU_ASSERT(state_of(away) == ADMIN_NORMAL);
    CU_ASSERT(world_live(&w, block) == 3 && world_held(&w, block) == 3);
    world_close(&w);
}

static void test_the_only_copy_is_made_elsewhere_before_maintenance_begins(void)
{
    struct model *away;
    uint64_t block;

    begin(3, NULL);
    block = world_file(&w, "/f", 1, 100);
    away = holder_of(block);
    say_of(away, "IN_MAINTENANCE", env_now_ms(&w.env) + 3600000);
    world_pass(&w, 20000);
    CU_ASSERT(state_of(away) == ADMIN_AWAY);
    CU_ASSERT(world_held(&w, block) == 2 && world_live(&w, block) == 1);
    hosts_say("[]");
    CU_ASSERT(bm_refresh_nodes(w.bm, &w.err) == 0);
    world_pass(&w, 20000);
    CU_ASSERT(state_of(away) == ADMIN_NORMAL && world_held(&w, block) == 1);
    world_close(&w);
}

static void test_a_dead_node_in_maintenance_that_is_given_up_is_copied_elsewhere(void)
{
    struct model *away;
    uint64_t block;

    begin(4, NULL);
    block = world_file(&w, "/f", 3, 100);
    away = holder_of(block);
    away->up = false;
    world_pass(&w, 60000);
    say_of(away, "IN_MAINTENANCE", env_now_ms(&w.env) + 7200000);
    world_pass(&w, 1200000);
    CU_ASSERT(state_of(away) == ADMIN_AWAY);
    say_of(away, "DECOMMISSIONED", 0);
    CU_ASSERT(state_of(away) == ADMIN_LEFT);
    world_pass(&w, 60000);
    CU_ASSERT(world_live(&w, block) == 3);
    world_close(&w);
}

static void test_who_leaves_comes_last_for_readers_even_when_nearest(void)
{
    static const admin_state order[] = {ADMIN_NORMAL, ADMIN_ENTERING, ADMIN_LEAVING, ADMIN_LEFT};
    Pb__LocatedBlockProto out;
    struct datanode *node;
    uint64_t block;

    begin(4, "abcd");
    block = world_file(&w, "/f", 4, 100);
    for (int i = 0; i < 4; i++) {
        node = datanode_find(w.bm, w.nodes[i].uuid);
        node->admin = order[3 - i];
        datanode_new_card(w.bm, node);
    }
    CU_ASSERT_FATAL(locations(block, w.nodes[0].ip, &out) == 4);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(out.locs[i]->adminstate == order[i]);
    world_close(&w);
}

static void test_of_replicas_equally_far_the_idle_or_the_fast_is_named_first(void)
{
    Pb__LocatedBlockProto out;
    uint64_t block;

    begin(3, NULL);
    block = world_file(&w, "/f", 3, 100);
    for (int i = 0; i < 3; i++) {
        w.nodes[i].xceivers = (uint32_t)(30 - 10 * i);
        model_beat(&w, &w.nodes[i]);
    }
    w.bm->read_by_load = true;
    CU_ASSERT_FATAL(locations(block, "10.9.9.9", &out) == 3);
    CU_ASSERT(out.locs[0]->xceivercount == 10 && out.locs[2]->xceivercount == 30);
    CU_ASSERT_FATAL(locations(block, w.nodes[0].ip, &out) == 3); /* but the reader's own is first */
    CU_ASSERT_STRING_EQUAL(out.locs[0]->id->ipaddr, w.nodes[0].ip);
    w.bm->read_by_load = false;
    w.bm->read_by_type = true;
    datanode_find(w.bm, w.nodes[1].uuid)->storages[0]->type = PB__STORAGE_TYPE_PROTO__RAM_DISK;
    datanode_find(w.bm, w.nodes[0].uuid)->storages[0]->type = PB__STORAGE_TYPE_PROTO__ARCHIVE;
    CU_ASSERT_FATAL(locations(block, "10.9.9.9", &out) == 3);
    CU_ASSERT(out.storagetypes[0] == PB__STORAGE_TYPE_PROTO__RAM_DISK);
    CU_ASSERT(out.storagetypes[2] == PB__STORAGE_TYPE_PROTO__ARCHIVE);
    world_close(&w);
}

static void test_slow_nodes_come_after_the_others_when_that_is_wanted(void)
{
    Pb__LocatedBlockProto out;
    uint64_t block;

    begin(3, "abc");
    block = world_file(&w, "/f", 3, 100);
    datanode_find(w.bm, w.nodes[0].uuid)->slow = true;
    CU_ASSERT(locations(block, w.nodes[0].ip, &out) == 3);
    CU_ASSERT_STRING_EQUAL(out.locs[0]->id->ipaddr, w.nodes[0].ip);
    w.bm->avoid_slow_read = true;
    CU_ASSERT(locations(block, w.nodes[0].ip, &out) == 3);
    CU_ASSERT_STRING_EQUAL(out.locs[2]->id->ipaddr, w.nodes[0].ip);
    world_close(&w);
}

static void complain(int by, const char *of)
{
    Pb__SlowPeerReportProto r = PB__SLOW_PEER_REPORT_PROTO__INIT, *list = &r;

    r.datanodeid = (char *)(uintptr_t)of;
    slow_peers_reported(w.bm, datanode_find(w.bm, w.nodes[by].uuid), &list, 1);
}

static void test_who_most_complain_of_is_reported_first_for_a_while(void)
{
    Pb__DatanodeInfoProto **slow;
    size_t n;
    char of_1[40], of_2[40];

    begin(4, NULL);
    complain(2, w.nodes[0].ip); /* nobody asks: the setting is off */
    CU_ASSERT(bm_slow_datanodes(w.bm, &w.arena, &slow, &n) && n == 0);
    w.bm->slow_interval_ms = 60000;
    snprintf(of_1, sizeof of_1, "%s:1", w.nodes[0].ip);
    snprintf(of_2, sizeof of_2, "%s:1", w.nodes[1].ip);
    complain(2, of_1);
    complain(2, of_2);
    complain(3, of_2);
    complain(3, "10.77.77.77:1"); /* whoever that is */
    CU_ASSERT_FATAL(bm_slow_datanodes(w.bm, &w.arena, &slow, &n) && n == 2);
    CU_ASSERT_STRING_EQUAL(slow[0]->id->ipaddr, w.nodes[1].ip);
    CU_ASSERT_STRING_EQUAL(slow[1]->id->ipaddr, w.nodes[0].ip);
    w.bm->slow_avoided = 1;
    slow_peers_mark(w.bm);
    CU_ASSERT(datanode_find(w.bm, w.nodes[1].uuid)->slow);
    CU_ASSERT(!datanode_find(w.bm, w.nodes[0].uuid)->slow);
    world_pass(&w, 200000);
    CU_ASSERT(bm_slow_datanodes(w.bm, &w.arena, &slow, &n) && n == 0);
    CU_ASSERT(!datanode_find(w.bm, w.nodes[1].uuid)->slow);
    world_close(&w);
}

static void test_bad_json_is_refused_and_nothing_changes(void)
{
    static const char *const bad[] = {
        "[{\"hostName\": \"10.0.0.1\"}",
        "[{\"hostName\": \"10.0.0.1\", \"port\": \"many\"}]",
        "[{\"hostName\": \"10.0.0.1\", \"port\": 70000}]",
        "[{\"port\": 9866}]",
        "[{\"hostName\": \"10.0.0.1\", \"colour\": \"red\"}]",
        "[17]",
        "nothing",
    };

    begin(2, NULL);
    say_of(&w.nodes[1], "DECOMMISSIONED", 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hosts_say(bad[i]);
        CU_ASSERT(bm_refresh_nodes(w.bm, &w.err) == -ERR_IO);
        CU_ASSERT(hosts_excluded(w.bm->hosts, w.nodes[1].ip, "", 1));
    }
    /* The older form: no array, one object after the other. */
    hosts_say(
        "{\"hostName\": \"10.0.0.1\"}\n{\"hostName\": \"10.0.0.2\", \"upgradeDomain\": \"u2\"}\n");
    CU_ASSERT(bm_refresh_nodes(w.bm, &w.err) == 0);
    CU_ASSERT(!hosts_may_join(w.bm->hosts, "10.0.0.3", "x", 1));
    CU_ASSERT_STRING_EQUAL(hosts_upgrade_domain(w.bm->hosts, "10.0.0.2", "x", 1), "u2");
    CU_ASSERT_STRING_EQUAL(
        datanode_card(w.bm, datanode_find(w.bm, w.nodes[1].uuid))->info.upgradedomain, "u2");
    world_close(&w);
}

SUITE(leaving, TEST(test_copies_of_a_node_in_maintenance_count_though_it_is_dead),
      TEST(test_the_only_copy_is_made_elsewhere_before_maintenance_begins),
      TEST(test_a_dead_node_in_maintenance_that_is_given_up_is_copied_elsewhere),
      TEST(test_who_leaves_comes_last_for_readers_even_when_nearest),
      TEST(test_of_replicas_equally_far_the_idle_or_the_fast_is_named_first),
      TEST(test_slow_nodes_come_after_the_others_when_that_is_wanted),
      TEST(test_who_most_complain_of_is_reported_first_for_a_while),
      TEST(test_bad_json_is_refused_and_nothing_changes));
