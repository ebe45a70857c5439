/* test_striped.c -- block groups: how they lie, what is known of their units, and what is done when
 * units are lost, corrupt, twice there, or where they should not be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/blocks/block.h"
#include "namenode/blocks/group.h"
#include "tests/lib/suite.h"
#include "tests/unit/namenode/block_world.h"

enum { CELL = 1 << 20 };

static struct world w;

static struct group look(uint64_t id)
{
    struct block_info b;
    struct group g = {0};

    CU_ASSERT_FATAL(ns_block(w.ns, id, &b));
    CU_ASSERT_FATAL(group_look(w.bm, &b, &g));
    return g;
}

static Pb__LocatedBlockProto located(uint64_t group)
{
    Pb__LocatedBlockProto lb;
    struct block_info b;

    CU_ASSERT_FATAL(ns_block(w.ns, group, &b));
    pb__located_block_proto__init(&lb);
    bm_locate(w.bm, &b, 0, NULL, &w.arena, &lb);
    return lb;
}

static void lose(struct model *m)
{
    m->up = false;
    world_pass(&w, 90000);
}

/* ---- how a group lies ---- */

static void test_the_units_of_a_group_hold_its_bytes_cell_by_cell(void)
{
    const struct striping s = {6, 3, CELL};
    const struct {
        uint64_t length, unit[9];
        unsigned used;
    } rows[] = {
        {1, {1, 0, 0, 0, 0, 0, 1, 1, 1}, 1},
        {CELL, {CELL, 0, 0, 0, 0, 0, CELL, CELL, CELL}, 1},
        {CELL + 5, {CELL, 5, 0, 0, 0, 0, CELL, CELL, CELL}, 2},
        {6 * CELL, {CELL, CELL, CELL, CELL, CELL, CELL, CELL, CELL, CELL}, 6},
        {6 * CELL + 7, {CELL + 7, CELL, CELL, CELL, CELL, CELL, CELL + 7, CELL + 7, CELL + 7}, 6},
    };

    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < 9; i++) {
            CU_ASSERT(striping_unit_length(&s, rows[k].length, i) == rows[k].unit[i]);
            CU_ASSERT(striping_has_unit(&s, rows[k].length, i) == (rows[k].unit[i] > 0));
            sum += rows[k].unit[i];
        }
        CU_ASSERT(striping_space(&s, rows[k].length) == sum);
        CU_ASSERT(striping_data_used(&s, rows[k].length) == rows[k].used);
    }
    CU_ASSERT(!striping_has_unit(&s, 6 * CELL, 9));
}

static void test_the_record_of_a_group_knows_which_unit_each_storage_has(void)
{
    enum { MAX = 40 };
    uint16_t storages[MAX];
    uint8_t units[MAX];
    struct block_map m;
    struct slab slab;
    struct block *b;
    struct err err;

    CU_ASSERT_FATAL(slab_init(&slab, 8, 1 << 30, 0, &err) == 0);
    block_map_init(&m, &slab);
    b = block_put(&m, BLOCK_GROUP_BIT | 1);
    CU_ASSERT_FATAL(b != NULL);
    for (unsigned i = 0; i < 20; i++) {
        CU_ASSERT(block_add_storage(&m, b, (uint16_t)(100 + i / 2), (uint8_t)(i % 14)));
        CU_ASSERT(!block_add_storage(&m, b, (uint16_t)(100 + i / 2), (uint8_t)(i % 14)));
    }
    CU_ASSERT(block_units(&m, b, storages, units, MAX) == 20);
    for (unsigned i = 0; i < 20; i++)
        CU_ASSERT(storages[i] == 100 + i / 2 && units[i] == i % 14);
    CU_ASSERT(!block_remove_storage(&m, b, 100, 2) && block_remove_storage(&m, b, 100, 1));
    for (unsigned i = 19; i > 1; i--)
        CU_ASSERT(block_remove_storage(&m, b, (uint16_t)(100 + i / 2), (uint8_t)(i % 14)));
    CU_ASSERT(block_units(&m, b, storages, units, MAX) == 1 && storages[0] == 100 && units[0] == 0);
    CU_ASSERT(block_remove_storage(&m, b, 100, 0) && slab.objects == 1);
    block_drop(&m, BLOCK_GROUP_BIT | 1);
    CU_ASSERT(slab.objects == 0);
    slab_done(&slab);
}

/* ---- writing ---- */

static void test_a_group_is_complete_with_its_data_units_and_whole_with_all(void)
{
    uint64_t group;
    struct block_info b;
    uint16_t storages[16];
    int n;

    world_start(&w, 9, NULL);
    group = world_begin_striped(&w, "/f", "RS-6-3-1024k");
    CU_ASSERT(group == (uint64_t)INT64_MIN + GROUP_UNITS);
    n = bm_expected(w.bm, group, storages, 16);
    CU_ASSERT(n == 9);
    CU_ASSERT_FATAL(ns_block(w.ns, group, &b));
    ns_block_commit(w.ns, group, 6 * CELL, b.gs);
    for (int i = 0; i < n; i++) {
        struct model *m = world_node_of(&w, storages[i]);

        CU_ASSERT(bm_is_complete_enough(w.bm, group) == (i >= 6));
        model_put(m, group + (unsigned)i, b.gs, CELL);
        model_received(&w, m, model_holds(m, group + (unsigned)i));
    }
    CU_ASSERT(look(group).replicas.live == 9);
    ns_block(w.ns, group, &b);
    CU_ASSERT(b.state == BLOCK_COMPLETE);
    CU_ASSERT(w.bm->needed.count == 0);
    world_close(&w);
}

static void test_a_short_group_has_only_the_units_that_hold_bytes(void)
{
    Pb__LocatedBlockProto lb;
    uint64_t group;

    world_start(&w, 9, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", CELL + 1);
    CU_ASSERT(look(group).wanted == 5 && look(group).replicas.live == 5);
    lb = located(group);
    CU_ASSERT_FATAL(lb.n_locs == 5 && lb.blockindices.len == 5 && lb.n_blocktokens == 5);
    CU_ASSERT(memcmp(lb.blockindices.data, "\0\1\6\7\10", 5) == 0 && !lb.corrupt);
    world_pass(&w, 20000);
    CU_ASSERT(w.bm->needed.count == 0);
    world_close(&w);
}

static void test_units_stand_in_as_many_racks_as_there_are(void)
{
    uint64_t group;
    int per_rack[4] = {0};

    world_start(&w, 12, "aaabbbcccddd");
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    for (unsigned i = 0; i < 9; i++)
        per_rack[(world_holder(&w, group + i) - w.nodes) / 3]++;
    for (int r = 0; r < 4; r++)
        CU_ASSERT(per_rack[r] == 2 || per_rack[r] == 3);
    world_close(&w);
}

static void test_fewer_nodes_than_data_units_are_refused_in_hadoops_words(void)
{
    const struct ec_policy *p;
    struct bm_target_request r = {.path = "/f", .block_size = CELL};
    uint16_t storages[16];

    world_start(&w, 5, NULL);
    p = ec_by_name(ns_ec_policies(w.ns), "RS-6-3-1024k");
    r.coded = p;
    r.count = 9;
    CU_ASSERT(bm_choose_targets(w.bm, &r, storages, &w.err) == -ERR_IO);
    CU_ASSERT(strncmp(w.err.text,
                      "File /f could only be written to 5 of the 6 required nodes for "
                      "RS-6-3-1024k. There are 5 datanode(s) running and 5 node(s) are excluded in "
                      "this operation.",
                      150) == 0);
    world_node(&w);
    CU_ASSERT(bm_choose_targets(w.bm, &r, storages, &w.err) == 6);
    world_close(&w);
}

/* ---- losing units ---- */

static void test_lost_units_are_decoded_in_one_order(void)
{
    uint64_t group;
    int orders = 0, rebuilt = 0;

    world_start(&w, 12, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 60 * CELL + 3);
    world_holder(&w, group + 1)->up = false;
    world_holder(&w, group + 7)->up = false;
    world_holder(&w, group + 0)->up = false;
    world_pass(&w, 120000);
    CU_ASSERT(look(group).replicas.live == 9 && w.bm->needed.count == 0);
    for (int i = 0; i < w.node_count; i++) {
        orders += w.nodes[i].orders;
        rebuilt += w.nodes[i].rebuilt;
    }
    CU_ASSERT(orders == 1 && rebuilt == 3);
    for (unsigned i = 0; i < 9; i++)
        CU_ASSERT(world_held(&w, group + i) == 1);
    world_close(&w);
}

/* Who has been told to decode, and does not come to an end. */
static struct model *order_that_lasts(uint64_t group, unsigned lost)
{
    for (int i = 0; i < w.node_count; i++)
        w.nodes[i].never_done = true;
    lose(world_holder(&w, group + lost));
    for (int i = 0; i < w.node_count; i++)
        if (w.nodes[i].orders > 0)
            return &w.nodes[i];
    return NULL;
}

static void test_an_order_is_cancelled_when_its_units_come_back(void)
{
    struct model *worker, *was;
    uint64_t group;

    world_start(&w, 10, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    was = world_holder(&w, group + 4);
    worker = order_that_lasts(group, 4);
    CU_ASSERT_FATAL(worker != NULL);
    CU_ASSERT(worker->cancelled == 0);
    was->up = true;
    world_pass(&w, 20000);
    CU_ASSERT(worker->cancelled > 0 && look(group).replicas.live == 9);
    for (unsigned i = 0; i < 9; i++)
        CU_ASSERT(world_held(&w, group + i) == 1);
    world_close(&w);
}

static void test_an_order_is_cancelled_when_its_file_goes(void)
{
    struct model *worker;
    uint64_t group;

    world_start(&w, 10, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    worker = order_that_lasts(group, 4);
    CU_ASSERT_FATAL(worker != NULL);
    world_delete(&w, "/f");
    world_pass(&w, 10000);
    CU_ASSERT(worker->cancelled > 0);
    world_close(&w);
}

static void test_the_more_units_are_lost_the_more_urgent_a_group_is(void)
{
    const int lists[] = {NEED_LOW, NEED_VERY_LOW, NEED_HIGHEST, NEED_LOST};
    struct bm_stats stats;
    uint64_t group;

    world_start(&w, 9, NULL); /* nowhere to put a lost one */
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    for (unsigned lost = 0; lost < 4; lost++) {
        lose(world_holder(&w, group + lost));
        CU_ASSERT(w.bm->needed.lists[lists[lost]].count == 1);
    }
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.groups.missing == 1 && stats.groups.low_redundancy == 1);
    CU_ASSERT(stats.replicated.missing == 0 && stats.missing_blocks == 1);
    w.nodes[0].up = w.nodes[1].up = w.nodes[2].up = w.nodes[3].up = true;
    for (int i = 0; i < w.node_count; i++)
        w.nodes[i].up = true;
    world_pass(&w, 20000);
    CU_ASSERT(w.bm->needed.count == 0 && look(group).replicas.live == 9);
    world_close(&w);
}

static void test_a_node_that_returns_makes_a_unit_twice_there_and_one_goes(void)
{
    struct model *was;
    uint64_t group;

    world_start(&w, 10, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    was = world_holder(&w, group + 4);
    lose(was);
    world_pass(&w, 30000);
    CU_ASSERT(look(group).replicas.live == 9);
    was->up = true;
    world_pass(&w, 60000);
    CU_ASSERT(look(group).replicas.live == 9 && look(group).replicas.duplicate == 0);
    CU_ASSERT(world_held(&w, group + 4) == 1 && w.bm->excess.count == 0);
    world_close(&w);
}

static void test_a_corrupt_unit_is_decoded_anew_and_then_deleted(void)
{
    struct model *bad;
    struct bm_stats stats;
    uint64_t group;

    world_start(&w, 10, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    bad = world_holder(&w, group + 2);
    bm_report_bad(w.bm, group + 3, bad->uuid, bad->storage, "not this one"); /* it has another */
    CU_ASSERT(w.bm->corrupt.count == 0);
    bm_report_bad(w.bm, group + 2, bad->uuid, bad->storage, "a reader");
    CU_ASSERT(look(group).count[UNIT_CORRUPT] == 1 && look(group).replicas.live == 8);
    CU_ASSERT(located(group).n_locs == 8 && !located(group).corrupt);
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.groups.corrupt == 1 && stats.replicated.corrupt == 0);
    world_pass(&w, 30000);
    CU_ASSERT(look(group).replicas.live == 9 && w.bm->corrupt.count == 0);
    CU_ASSERT(!model_holds(bad, group + 2) && world_held(&w, group + 2) == 1);
    world_close(&w);
}

static void test_a_unit_of_another_length_or_stamp_is_corrupt_and_one_too_far_is_deleted(void)
{
    struct model *m;
    struct block_info b;
    uint64_t group;

    world_start(&w, 9, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL + 5);
    ns_block(w.ns, group, &b);
    m = world_holder(&w, group + 3);
    model_put(m, group + 3, b.gs, CELL + 5); /* the length of the first */
    CU_ASSERT(model_report(&w, m) == 0);
    CU_ASSERT(look(group).count[UNIT_CORRUPT] == 1);
    model_put(m, group + 3, b.gs, CELL);
    model_put(m, group + 9, b.gs, CELL);
    CU_ASSERT(model_report(&w, m) == 0);
    CU_ASSERT(look(group).count[UNIT_CORRUPT] == 0 && look(group).replicas.live == 9);
    world_pass(&w, 10000);
    CU_ASSERT(!model_holds(m, group + 9));
    world_close(&w);
}

static void test_a_full_report_takes_off_the_units_that_it_does_not_name(void)
{
    struct model *m;
    uint64_t group, other;

    world_start(&w, 9, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    other = world_striped(&w, "/g", "XOR-2-1-1024k", 6 * CELL);
    m = world_holder(&w, group + 8);
    model_drop(m, group + 8);
    CU_ASSERT(model_report_numbers(&w, m) == 0);
    CU_ASSERT(look(group).replicas.live == 8 && look(other).replicas.live == 3);
    CU_ASSERT(look(group).units[8].state == UNIT_MISSING);
    world_close(&w);
}

static void test_units_of_a_leaving_node_are_copied_not_decoded(void)
{
    struct datanode *leaving;
    struct model *m;
    uint64_t group;

    world_start(&w, 10, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    m = world_holder(&w, group + 5);
    leaving = datanode_find(w.bm, m->uuid);
    datanode_set_admin(w.bm, leaving, ADMIN_LEAVING);
    CU_ASSERT(look(group).units[5].state == UNIT_LEAVING);
    world_pass(&w, 60000);
    CU_ASSERT(leaving->admin == ADMIN_LEFT && look(group).replicas.live == 9);
    CU_ASSERT(m->copies == 1);
    for (int i = 0; i < w.node_count; i++)
        CU_ASSERT(w.nodes[i].orders == 0);
    world_close(&w);
}

static void test_a_group_in_too_few_racks_sends_a_unit_to_another(void)
{
    uint64_t group;
    int in_b = 0;

    world_start(&w, 5, "aaaaabbb");
    group = world_striped(&w, "/f", "RS-3-2-1024k", 3 * CELL);
    for (int i = 0; i < 3; i++)
        world_node(&w);
    world_pass(&w, 60000);
    for (int i = 5; i < 8; i++)
        in_b += w.nodes[i].held_count;
    CU_ASSERT(in_b == 1 && look(group).replicas.live == 5 && look(group).replicas.duplicate == 0);
    CU_ASSERT(w.bm->needed.count == 0);
    world_close(&w);
}

static void test_deleting_a_file_deletes_every_unit(void)
{
    struct bm_stats stats;
    uint64_t group;

    world_start(&w, 9, NULL);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    world_delete(&w, "/f");
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.groups.pending_deletion == 9 && stats.replicated.pending_deletion == 0);
    world_pass(&w, 10000);
    for (unsigned i = 0; i < 9; i++)
        CU_ASSERT(world_held(&w, group + i) == 0);
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.groups.pending_deletion == 0);
    world_close(&w);
}

static void test_a_group_is_safe_with_as_many_units_as_it_takes_to_read_it(void)
{
    struct namespace *ns;
    struct model *holders[9];
    struct held units[9];
    uint64_t group;

    world_init(&w);
    world_set(&w, "dfs.namenode.safemode.threshold-pct=1");
    world_open(&w);
    for (int i = 0; i < 9; i++)
        world_node(&w);
    group = world_striped(&w, "/f", "RS-6-3-1024k", 6 * CELL);
    for (unsigned i = 0; i < 9; i++) {
        holders[i] = world_holder(&w, group + i);
        units[i] = *model_holds(holders[i], group + i);
    }
    for (unsigned i = 0; i < 9; i++)
        model_deleted(&w, holders[i], group + i, units[i].gs);
    ns = w.ns; /* the same namespace, a new block manager: a restart */
    bm_free(w.bm);
    conf_free(w.conf);
    arena_done(&w.arena);
    w.ns = ns;
    world_open(&w);
    for (int i = 0; i < w.node_count; i++)
        CU_ASSERT(model_register(&w, &w.nodes[i]) == 0 && model_beat(&w, &w.nodes[i]) == 0);
    for (unsigned i = 0; i < 9; i++) {
        CU_ASSERT(bm_in_safe_mode(w.bm) == (i < 6));
        model_put(holders[i], units[i].id, units[i].gs, units[i].length);
        CU_ASSERT(model_report(&w, holders[i]) == 0);
    }
    CU_ASSERT(look(group).replicas.live == 9);
    world_close(&w);
}

/* ---- a writer that vanished ---- */

static void test_the_recovery_of_a_group_names_the_units(void)
{
    struct model *leader = NULL;
    uint64_t group;

    world_start(&w, 9, NULL);
    group = world_begin_striped(&w, "/f", "RS-3-2-1024k");
    CU_ASSERT(bm_begin_recovery(w.bm, group, 5000));
    world_pass(&w, 6000);
    for (int i = 0; i < w.node_count; i++)
        if (w.nodes[i].recoveries)
            leader = &w.nodes[i];
    CU_ASSERT_FATAL(leader != NULL);
    CU_ASSERT(leader->recovery_id == 5000 && leader->recovery_units == 5);
    world_close(&w);
}

static void test_a_group_that_too_few_have_and_nobody_wrote_to_is_not_recovered(void)
{
    uint16_t two[2], all[9];
    uint64_t group;

    world_start(&w, 9, NULL);
    group = world_begin_striped(&w, "/f", "RS-3-2-1024k");
    CU_ASSERT_FATAL(bm_expected(w.bm, group, all, 9) == 5);
    memcpy(two, all, sizeof two);
    bm_expect(w.bm, group, two, 2);
    CU_ASSERT(!bm_begin_recovery(w.bm, group, 5000));
    world_close(&w);
}

/* ---- anything, in any order ---- */

enum { FILES = 8 };

/* As long as one more unit than needed is readable, so that chance alone never loses a group. */
static bool can_spare(uint64_t group)
{
    struct group g = look(group);

    return group_readable(&g) > g.data_used;
}

static bool all_can_spare(const uint64_t *groups)
{
    for (int i = 0; i < FILES; i++)
        if (!can_spare(groups[i]))
            return false;
    return true;
}

static uint64_t random_length(unsigned *seed)
{
    return 1 + (uint64_t)rand_r(seed) % (8 * CELL);
}

static void do_something(unsigned *seed, uint64_t *groups)
{
    int i = rand_r(seed) % FILES, k = rand_r(seed) % w.node_count;
    struct model *m = &w.nodes[k];
    uint64_t unit = groups[i] + (unsigned)(rand_r(seed) % 5);
    char path[16];

    snprintf(path, sizeof path, "/f%d", i);
    switch (rand_r(seed) % 7) {
    case 0: m->up = m->up && all_can_spare(groups) ? false : true; break;
    case 1: world_pass(&w, 1000 * (uint64_t)(1 + rand_r(seed) % 40)); break;
    case 2:
        world_delete(&w, path);
        for (int n = 0; n < w.node_count; n++)
            w.nodes[n].up = true;
        world_pass(&w, 4000);
        groups[i] = world_striped(&w, path, "RS-3-2-1024k", random_length(seed));
        break;
    case 3:
        if (m->up && model_holds(m, unit) && can_spare(groups[i]))
            bm_report_bad(w.bm, unit, m->uuid, m->storage, "chance");
        break;
    case 4:
        if (m->up && model_holds(m, unit) && can_spare(groups[i]))
            model_deleted(&w, m, unit, model_holds(m, unit)->gs);
        break;
    case 5:
        if (m->up && !m->told_to_register && datanode_find(w.bm, m->uuid)->alive)
            CU_ASSERT(model_report(&w, m) == 0);
        break;
    default:
        if (m->up && model_register(&w, m) == 0)
            CU_ASSERT(model_report(&w, m) == 0);
    }
    bm_check(w.bm);
}

static void check_group(uint64_t group)
{
    struct group g = look(group);

    CU_ASSERT(g.replicas.live == g.wanted && g.replicas.duplicate == 0 && g.replicas.excess == 0);
    CU_ASSERT(g.replicas.corrupt == 0);
    for (unsigned u = 0; u < 5; u++)
        CU_ASSERT(world_held(&w, group + u) == (g.units[u].state == UNIT_LIVE));
    if (g.replicas.live != g.wanted)
        printf("live %d wanted %d corrupt %d\n", g.replicas.live, g.wanted, g.replicas.corrupt);
}

static void test_after_any_trouble_every_group_has_every_unit_once(void)
{
    const char *given = getenv("SEED");
    unsigned first = given ? (unsigned)atoi(given) : 1, last = given ? first : 10;

    for (unsigned seed = first; seed <= last; seed++) {
        unsigned failed = CU_get_number_of_failures(), s = seed;
        uint64_t groups[FILES];
        char path[16];

        world_start(&w, 9, "aabbccddd");
        w.bm->random_state = seed * 0x9e3779b97f4a7c15u;
        for (int i = 0; i < FILES; i++) {
            snprintf(path, sizeof path, "/f%d", i);
            groups[i] = world_striped(&w, path, "RS-3-2-1024k", random_length(&s));
        }
        for (int i = 0; i < 120; i++)
            do_something(&s, groups);
        for (int i = 0; i < w.node_count; i++) {
            w.nodes[i].up = true;
            if (model_register(&w, &w.nodes[i]) == 0)
                model_report(&w, &w.nodes[i]);
        }
        world_pass(&w, 700000); /* what was asked for in vain has to time out */
        for (int i = 0; i < FILES; i++)
            check_group(groups[i]);
        world_close(&w);
        if (CU_get_number_of_failures() != failed)
            printf("SEED=%u replays this\n", seed);
    }
}

SUITE(striped, TEST(test_the_units_of_a_group_hold_its_bytes_cell_by_cell),
      TEST(test_the_record_of_a_group_knows_which_unit_each_storage_has),
      TEST(test_a_group_is_complete_with_its_data_units_and_whole_with_all),
      TEST(test_a_short_group_has_only_the_units_that_hold_bytes),
      TEST(test_units_stand_in_as_many_racks_as_there_are),
      TEST(test_fewer_nodes_than_data_units_are_refused_in_hadoops_words),
      TEST(test_lost_units_are_decoded_in_one_order),
      TEST(test_an_order_is_cancelled_when_its_units_come_back),
      TEST(test_an_order_is_cancelled_when_its_file_goes),
      TEST(test_the_more_units_are_lost_the_more_urgent_a_group_is),
      TEST(test_a_node_that_returns_makes_a_unit_twice_there_and_one_goes),
      TEST(test_a_corrupt_unit_is_decoded_anew_and_then_deleted),
      TEST(test_a_unit_of_another_length_or_stamp_is_corrupt_and_one_too_far_is_deleted),
      TEST(test_a_full_report_takes_off_the_units_that_it_does_not_name),
      TEST(test_units_of_a_leaving_node_are_copied_not_decoded),
      TEST(test_a_group_in_too_few_racks_sends_a_unit_to_another),
      TEST(test_deleting_a_file_deletes_every_unit),
      TEST(test_a_group_is_safe_with_as_many_units_as_it_takes_to_read_it),
      TEST(test_the_recovery_of_a_group_names_the_units),
      TEST(test_a_group_that_too_few_have_and_nobody_wrote_to_is_not_recovered),
      TEST(test_after_any_trouble_every_group_has_every_unit_once));
