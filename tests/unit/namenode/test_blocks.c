/* test_blocks.c -- what the block manager promises, on modelled datanodes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tests/unit/namenode/block_world.h"

static struct world w;

static int index_of(uint16_t storage)
{
    return (int)(strtol(storage_at(w.bm, storage)->node->uuid + 5, NULL, 10));
}
/* ---- writing ---- */

static int fired, fired_ok;
static void waiter(void *ctx, bool ok)
{
    (void)ctx;
    fired++;
    fired_ok += ok;
}

static void test_a_waiter_hears_as_soon_as_one_copy_is_reported(void)
{
    uint16_t s[3];
    struct block_info b;
    uint64_t block;

    fired = fired_ok = 0;
    world_start(&w, 3, NULL);
    block = world_begin_file(&w, "/f", 3, NULL);
    CU_ASSERT(!bm_is_complete_enough(w.bm, block));
    ns_block(w.ns, block, &b);
    ns_block_commit(w.ns, block, 100, b.gs);
    bm_wait_complete(w.bm, block, 5000, waiter, NULL);
    CU_ASSERT(fired == 0);
    CU_ASSERT(bm_expected(w.bm, block, s, 3) == 3);
    model_put(&w.nodes[1], block, b.gs, 100);
    model_received(&w, &w.nodes[1], model_holds(&w.nodes[1], block));
    CU_ASSERT(fired == 1 && fired_ok == 1);
    ns_block(w.ns, block, &b);
    CU_ASSERT(b.state == BLOCK_COMPLETE);
    /* the other two are expected: nobody is told to copy */
    world_pass(&w, 10000);
    CU_ASSERT(w.nodes[1].copies == 0);
    world_close(&w);
}

static void test_a_waiter_is_let_go_when_time_is_over_or_the_block_is(void)
{
    uint64_t block;

    fired = fired_ok = 0;
    world_start(&w, 1, NULL);
    block = world_begin_file(&w, "/f", 1, NULL);
    bm_wait_complete(w.bm, block, 2000, waiter, NULL);
    world_pass(&w, 4000);
    CU_ASSERT(fired == 1 && fired_ok == 0);
    bm_wait_complete(w.bm, block, 60000, waiter, NULL);
    world_delete(&w, "/f");
    CU_ASSERT(fired == 2 && fired_ok == 0);
    world_close(&w);
}

static void test_a_node_that_lies_about_the_length_has_no_copy(void)
{
    struct bm_replicas r;
    struct block_info b;
    struct model *liar;
    uint16_t s[2];
    uint64_t block;

    world_start(&w, 3, NULL);
    block = world_begin_file(&w, "/f", 2, NULL);
    ns_block(w.ns, block, &b);
    CU_ASSERT_FATAL(bm_expected(w.bm, block, s, 2) == 2);
    liar = &w.nodes[index_of(s[0])];
    for (int i = 0; i < 2; i++) {
        struct model *m = &w.nodes[index_of(s[i])];

        model_put(m, block, b.gs, m == liar ? 99 : 100);
        model_received(&w, m, model_holds(m, block));
    }
    ns_block_commit(w.ns, block, 100, b.gs);
    CU_ASSERT(bm_is_complete_enough(w.bm, block));
    bm_count_replicas(w.bm, block, &r);
    CU_ASSERT(r.live == 1 && r.corrupt == 1);
    /* a good copy is made elsewhere, then the bad one goes */
    world_pass(&w, 30000);
    CU_ASSERT(world_live(&w, block) == 2);
    CU_ASSERT(!model_holds(liar, block) || model_holds(liar, block)->length == 100);
    world_close(&w);
}

static void test_only_liars_complete_nothing(void)
{
    struct block_info b;
    uint64_t block;

    world_start(&w, 1, NULL);
    block = world_begin_file(&w, "/f", 1, NULL);
    ns_block(w.ns, block, &b);
    model_put(&w.nodes[0], block, b.gs, 5);
    model_received(&w, &w.nodes[0], model_holds(&w.nodes[0], block));
    ns_block_commit(w.ns, block, 100, b.gs);
    CU_ASSERT(!bm_is_complete_enough(w.bm, block));
    world_close(&w);
}

/* ---- healing ---- */

static void test_blocks_of_a_dead_node_are_copied_elsewhere(void)
{
    uint64_t blocks[20];
    struct bm_stats stats;
    char path[16];

    world_start(&w, 5, "aabbb");
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        blocks[i] = world_file(&w, path, 3, 100);
    }
    w.nodes[0].up = false;
    world_pass(&w, 61000);
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.dead == 1 && stats.live == 4);
    world_pass(&w, 60000);
    for (int i = 0; i < 20; i++) {
        CU_ASSERT(world_live(&w, blocks[i]) == 3);
        CU_ASSERT(world_held(&w, blocks[i]) == 3);
    }
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.under_replicated == 0 && stats.missing_blocks == 0);
    /* it comes back with what it had: one copy of each is too many then */
    w.nodes[0].up = true;
    world_pass(&w, 60000);
    for (int i = 0; i < 20; i++) {
        struct bm_replicas r;

        bm_count_replicas(w.bm, blocks[i], &r);
        CU_ASSERT(r.live == 3 && r.excess == 0 && r.racks_enough);
        CU_ASSERT(world_held(&w, blocks[i]) == 3);
    }
    world_close(&w);
}

static void test_the_last_copy_is_looked_after_first(void)
{
    uint64_t two, one;

    world_start(&w, 3, NULL);
    two = world_file(&w, "/two", 3, 100);
    one = world_file(&w, "/one", 3, 100);
    model_deleted(&w, &w.nodes[0], two, model_holds(&w.nodes[0], two)->gs);
    model_deleted(&w, &w.nodes[0], one, model_holds(&w.nodes[0], one)->gs);
    model_deleted(&w, &w.nodes[1], one, model_holds(&w.nodes[1], one)->gs);
    CU_ASSERT(((struct block_entry *)block_table_find(&w.bm->needed, one))->list == NEED_HIGHEST);
    CU_ASSERT(((struct block_entry *)block_table_find(&w.bm->needed, two))->list == NEED_LOW);
    model_deleted(&w, &w.nodes[2], one, model_holds(&w.nodes[2], one)->gs);
    CU_ASSERT(((struct block_entry *)block_table_find(&w.bm->needed, one))->list == NEED_LOST);
    world_pass(&w, 30000);
    CU_ASSERT(world_live(&w, two) == 3);
    CU_ASSERT(world_live(&w, one) == 0);
    world_close(&w);
}

static void test_a_reported_corrupt_copy_goes_only_when_others_are_enough(void)
{
    struct block_info b;
    uint64_t block;

    world_start(&w, 2, NULL);
    block = world_file(&w, "/f", 2, 100);
    ns_block(w.ns, block, &b);
    bm_report_bad(w.bm, block, "node-0", "DS-0", "test");
    world_pass(&w, 20000);
    CU_ASSERT(model_holds(&w.nodes[0], block) != NULL); /* nowhere to copy to: it stays */
    world_node(&w);
    world_pass(&w, 20000);
    CU_ASSERT(model_holds(&w.nodes[0], block) == NULL);
    CU_ASSERT(world_live(&w, block) == 2);
    world_close(&w);
}

static void test_readers_see_corrupt_copies_only_when_there_are_no_others(void)
{
    Pb__LocatedBlockProto out;
    struct block_info b;
    uint64_t block;

    world_start(&w, 2, NULL);
    block = world_file(&w, "/f", 2, 100);
    bm_report_bad(w.bm, block, "node-0", "DS-0", "test");
    ns_block(w.ns, block, &b);
    bm_locate(w.bm, &b, 0, "10.0.0.1", &w.arena, &out);
    CU_ASSERT(out.n_locs == 1 && !out.corrupt);
    CU_ASSERT_STRING_EQUAL(out.locs[0]->id->datanodeuuid, "node-1");
    bm_report_bad(w.bm, block, "node-1", "DS-1", "test");
    bm_locate(w.bm, &b, 0, "10.0.0.1", &w.arena, &out);
    CU_ASSERT(out.n_locs == 2 && out.corrupt);
    world_close(&w);
}

static void test_fewer_copies_wanted_means_some_are_deleted_but_no_rack_lost(void)
{
    uint64_t blocks[10];
    struct bm_replicas r;
    char path[16];

    world_start(&w, 6, "aaabbb");
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        blocks[i] = world_file(&w, path, 4, 100);
        world_set_replication(&w, path, 2);
    }
    world_pass(&w, 10000);
    for (int i = 0; i < 10; i++) {
        bm_count_replicas(w.bm, blocks[i], &r);
        CU_ASSERT(r.live == 2 && r.excess == 0 && r.racks_enough);
        CU_ASSERT(world_held(&w, blocks[i]) == 2);
    }
    world_set_replication(&w, "/f0", 5);
    world_pass(&w, 30000);
    CU_ASSERT(world_held(&w, blocks[0]) == 5);
    world_close(&w);
}

static void test_nothing_is_deleted_while_a_holder_has_not_reported(void)
{
    uint64_t block;

    world_start(&w, 3, NULL);
    block = world_file(&w, "/f", 3, 100);
    CU_ASSERT(model_register(&w, &w.nodes[0]) == 0); /* restarted: its report is to come */
    world_set_replication(&w, "/f", 2);
    world_pass(&w, 12000);
    CU_ASSERT(world_held(&w, block) == 3);
    CU_ASSERT(model_report(&w, &w.nodes[0]) == 0);
    world_pass(&w, 12000);
    CU_ASSERT(world_held(&w, block) == 2);
    world_close(&w);
}

static void test_all_in_one_rack_is_mended(void)
{
    struct bm_replicas r;
    uint64_t block;

    world_start(&w, 2, "aab");
    block = world_file(&w, "/f", 2, 100);
    world_node(&w); /* a second rack */
    world_pass(&w, 30000);
    bm_count_replicas(w.bm, block, &r);
    CU_ASSERT(r.racks_enough && r.live == 2);
    CU_ASSERT(world_held(&w, block) == 2);
    world_close(&w);
}

/* ---- reports ---- */

static void test_deleted_files_leave_the_datanodes(void)
{
    uint64_t block;

    world_start(&w, 3, NULL);
    block = world_file(&w, "/f", 3, 100);
    world_delete(&w, "/f");
    world_pass(&w, 6000);
    CU_ASSERT(world_held(&w, block) == 0);
    world_close(&w);
}

static void test_a_report_ends_what_it_does_not_name_and_unknown_blocks(void)
{
    uint64_t block, kept;

    world_start(&w, 3, NULL);
    block = world_file(&w, "/f", 2, 100);
    kept = world_file(&w, "/kept", 3, 100);
    for (int i = 0; i < 3; i++) {
        model_drop(&w.nodes[i], block);
        model_put(&w.nodes[i], 1073745000, 4711, 5); /* of no file */
        CU_ASSERT((i ? model_report_numbers : model_report)(&w, &w.nodes[i]) == 0);
    }
    CU_ASSERT(world_live(&w, block) == 0);
    CU_ASSERT(world_live(&w, kept) == 3);
    world_pass(&w, 6000);
    CU_ASSERT(world_held(&w, 1073745000) == 0);
    CU_ASSERT(world_held(&w, kept) == 3);
    CU_ASSERT(w.nodes[0].finalized > 0);
    world_close(&w);
}

static void test_both_forms_of_a_report_say_the_same(void)
{
    uint64_t block, open;
    struct block_info b;

    for (int form = 0; form < 2; form++) {
        world_start(&w, 1, NULL);
        block = world_file(&w, "/f", 1, 100);
        open = world_begin_file(&w, "/open", 1, NULL);
        ns_block(w.ns, open, &b);
        model_put(&w.nodes[0], open, b.gs, 50);
        model_holds(&w.nodes[0], open)->state = PB__REPLICA_STATE_PROTO__RBW;
        CU_ASSERT(model_register(&w, &w.nodes[0]) == 0);
        CU_ASSERT((form ? model_report_numbers : model_report)(&w, &w.nodes[0]) == 0);
        CU_ASSERT(world_live(&w, block) == 1);
        CU_ASSERT(writing_find(w.bm, open)->replicas[0].length == 50);
        world_close(&w);
    }
}

/* The bytes between the fences after the marker; a new line begins a new buffer. */
static int read_sample(uint8_t *bytes, ProtobufCBinaryData *buffers, int max)
{
    const char *root = getenv("ROOT");
    char path[300], *text, *line, *rest;
    bool inside = false;
    int n = 0;

    snprintf(path, sizeof path, "%s/docs/formats/block-report.md", root ? root : ".");
    if (env_read_file(env_posix(), path, 1 << 20, &text, NULL, &w.err) < 0)
        return 0;
    line = strstr(text, "<!-- sample: packed -->\n```\n");
    for (line = line ? strtok_r(line, "\n", &rest) : NULL; line && n < max;
         line = strtok_r(NULL, "\n", &rest)) {
        unsigned byte;
        int used;

        if (strncmp(line, "```", 3) == 0) {
            if (inside)
                break;
            inside = true;
            continue;
        }
        if (!inside)
            continue;
        buffers[n] = (ProtobufCBinaryData){.data = bytes};
        for (char *p = line; sscanf(p, "%2x%n", &byte, &used) == 1; p += used)
            buffers[n].data[buffers[n].len++] = (uint8_t)byte;
        bytes += buffers[n++].len;
    }
    free(text);
    return n;
}

static void test_the_sample_of_the_format_page_is_understood(void)
{
    Pb__StorageBlockReportProto s = PB__STORAGE_BLOCK_REPORT_PROTO__INIT;
    Pb__DatanodeStorageProto storage = PB__DATANODE_STORAGE_PROTO__INIT;
    ProtobufCBinaryData buffers[4];
    uint8_t bytes[256];

    world_start(&w, 1, NULL);
    CU_ASSERT_FATAL(world_file(&w, "/a", 1, 1048576) == 1073741825);
    CU_ASSERT_FATAL(world_file(&w, "/b", 1, 1048576) == 1073741826);
    CU_ASSERT_FATAL(world_file(&w, "/c", 1, 902848) == 1073741827);
    for (uint64_t id = 1073741825; id <= 1073741827; id++)
        model_deleted(&w, &w.nodes[0], id, id - 1073740824);
    storage.storageuuid = w.nodes[0].storage;
    s.storage = &storage;
    s.has_numberofblocks = true;
    s.numberofblocks = 3;
    s.blocksbuffers = buffers;
    s.n_blocksbuffers = (size_t)read_sample(bytes, buffers, 4);
    CU_ASSERT_FATAL(s.n_blocksbuffers == 2);
    CU_ASSERT(world_live(&w, 1073741826) == 0);
    CU_ASSERT(report_full(w.bm, "node-0", &s, &w.err) == 0);
    for (uint64_t id = 1073741825; id <= 1073741827; id++)
        CU_ASSERT(world_live(&w, id) == 1);
    world_close(&w);
}

static void test_a_report_cut_short_takes_nothing_off(void)
{
    Pb__StorageBlockReportProto s = PB__STORAGE_BLOCK_REPORT_PROTO__INIT;
    Pb__DatanodeStorageProto storage = PB__DATANODE_STORAGE_PROTO__INIT;
    uint8_t bytes[] = {0x81, 0x80, 0x80};
    ProtobufCBinaryData data = {.len = sizeof bytes, .data = bytes};
    uint64_t numbers[] = {UINT64_MAX, 7, 1};
    uint64_t block;

    world_start(&w, 1, NULL);
    block = world_file(&w, "/f", 1, 100);
    storage.storageuuid = w.nodes[0].storage;
    s.storage = &storage;
    s.has_numberofblocks = true;
    s.numberofblocks = 3;
    s.blocksbuffers = &data;
    s.n_blocksbuffers = 1;
    CU_ASSERT(report_full(w.bm, "node-0", &s, &w.err) == -ERR_PROTOCOL);
    s.has_numberofblocks = false;
    s.blocks = numbers;
    for (s.n_blocks = 1; s.n_blocks <= 3; s.n_blocks++)
        CU_ASSERT(report_full(w.bm, "node-0", &s, &w.err) == -ERR_PROTOCOL);
    CU_ASSERT(world_live(&w, block) == 1);
    world_close(&w);
}

static void test_slices_end_by_the_clock_and_the_report_is_whole(void)
{
    uint64_t block = 0;
    char path[16];

    world_start(&w, 1, NULL);
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        block = world_file(&w, path, 1, 100);
    }
    w.step_ns = 2 * SLICE_NS; /* each look at the clock ends a slice */
    model_drop(&w.nodes[0], block);
    CU_ASSERT(model_report(&w, &w.nodes[0]) == 0);
    CU_ASSERT(w.nodes[0].held_count == 999);
    CU_ASSERT(storage_at(w.bm, 1)->block_count == 999);
    world_close(&w);
}

static void test_an_older_version_of_a_block_is_corrupt(void)
{
    struct block_info b;
    uint64_t block;

    world_start(&w, 3, NULL);
    block = world_file(&w, "/f", 3, 100);
    ns_block(w.ns, block, &b);
    model_holds(&w.nodes[2], block)->gs = b.gs - 1;
    CU_ASSERT(model_report(&w, &w.nodes[2]) == 0);
    CU_ASSERT(world_live(&w, block) == 2);
    world_pass(&w, 20000);
    CU_ASSERT(world_live(&w, block) == 3);
    CU_ASSERT(model_holds(&w.nodes[2], block)->gs == b.gs);
    world_close(&w);
}

/* ---- who may join ---- */

static void test_strangers_are_refused_with_both_ids(void)
{
    Pb__DatanodeRegistrationProto reg;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto s;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;

    world_start(&w, 1, NULL);
    model_fill_registration(&w, &w.nodes[0], &reg, &id, &s, &keys, &key);
    s.clusterid = (char *)"CID-other";
    CU_ASSERT(datanode_join(w.bm, &reg, "10.0.0.9", &w.err) == -ERR_UNREGISTERED);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "CID-other"));
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "CID-world"));
    s.clusterid = (char *)"CID-world";
    s.namespceid = 78;
    CU_ASSERT(datanode_join(w.bm, &reg, "10.0.0.9", &w.err) == -ERR_UNREGISTERED);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "NS-78-"));
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "NS-77-"));
    s.namespceid = 77;
    reg.softwareversion = (char *)"2.10.1";
    CU_ASSERT(datanode_join(w.bm, &reg, "10.0.0.9", &w.err) == -ERR_VERSION);
    world_close(&w);
}

static void test_a_node_moves_to_another_address_with_its_blocks(void)
{
    Pb__LocatedBlockProto out;
    struct block_info b;
    uint64_t block;

    world_start(&w, 1, NULL);
    block = world_file(&w, "/f", 1, 100);
    strcpy(w.nodes[0].ip, "10.0.0.99");
    CU_ASSERT(model_register(&w, &w.nodes[0]) == 0);
    CU_ASSERT(model_report(&w, &w.nodes[0]) == 0);
    CU_ASSERT(w.bm->node_count == 1);
    ns_block(w.ns, block, &b);
    bm_locate(w.bm, &b, 0, NULL, &w.arena, &out);
    CU_ASSERT(out.n_locs == 1);
    CU_ASSERT_STRING_EQUAL(out.locs[0]->id->ipaddr, "10.0.0.99");
    world_close(&w);
}

static void test_a_new_uuid_at_an_address_replaces_the_old_node(void)
{
    struct model *m;
    uint64_t block;

    world_start(&w, 2, NULL);
    block = world_file(&w, "/f", 2, 100);
    m = &w.nodes[0];
    strcpy(m->uuid, "node-5");
    strcpy(m->storage, "DS-5");
    m->held_count = 0; /* an empty disk was put in */
    CU_ASSERT(model_register(&w, m) == 0);
    CU_ASSERT(model_beat(&w, m) == 0 && model_report(&w, m) == 0);
    CU_ASSERT(w.bm->node_count == 2);
    world_pass(&w, 20000);
    CU_ASSERT(world_live(&w, block) == 2);
    CU_ASSERT(storage_at(w.bm, 1) == NULL); /* its number is free again */
    world_close(&w);
}

static void test_a_storage_no_longer_reported_is_a_lost_volume(void)
{
    uint64_t block;

    world_start(&w, 3, NULL);
    block = world_file(&w, "/f", 2, 100);
    for (int i = 0; i < 3; i++)
        if (model_holds(&w.nodes[i], block)) {
            strcpy(w.nodes[i].storage, "DS-new");
            w.nodes[i].held_count = 0;
            break;
        }
    world_pass(&w, 20000);
    CU_ASSERT(world_live(&w, block) == 2);
    world_close(&w);
}

/* ---- emptying a node ---- */

static void write_hosts(const char *path, const char *text)
{
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, text, strlen(text), &w.err) == 0);
}

static void test_a_node_is_emptied_before_it_goes(void)
{
    char path[300], setting[400];
    struct bm_stats stats;
    uint64_t block;

    world_init(&w);
    snprintf(path, sizeof path, "%s/exclude", suite_tmp_dir());
    snprintf(setting, sizeof setting, "dfs.hosts.exclude=%s", path);
    world_set(&w, setting);
    write_hosts(path, "# none\n");
    world_open(&w);
    for (int i = 0; i < 3; i++)
        world_node(&w);
    block = world_file(&w, "/f", 2, 100);
    for (int i = 0; i < 3; i++)
        if (model_holds(&w.nodes[i], block)) {
            write_hosts(path, w.nodes[i].ip);
            break;
        }
    CU_ASSERT(bm_refresh_nodes(w.bm, &w.err) == 0);
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.decommissioning == 1);
    world_pass(&w, 30000);
    bm_get_stats(w.bm, &stats);
    CU_ASSERT(stats.decommissioning == 0);
    CU_ASSERT(world_live(&w, block) == 2);
    CU_ASSERT(world_held(&w, block) == 3);
    write_hosts(path, "\n"); /* it may stay after all: one copy is too many */
    CU_ASSERT(bm_refresh_nodes(w.bm, &w.err) == 0);
    world_pass(&w, 20000);
    CU_ASSERT(world_held(&w, block) == 2);
    world_close(&w);
}

static void test_who_is_not_listed_may_not_join_or_stay(void)
{
    char path[300], setting[400];

    world_init(&w);
    snprintf(path, sizeof path, "%s/include", suite_tmp_dir());
    snprintf(setting, sizeof setting, "dfs.hosts=%s", path);
    world_set(&w, setting);
    write_hosts(path, "10.0.0.1 10.0.0.2\n10.0.0.77:9866\n");
    world_open(&w);
    world_node(&w);
    world_node(&w);
    strcpy(w.nodes[1].ip, "10.0.0.66");
    strcpy(w.nodes[1].uuid, "node-6");
    CU_ASSERT(model_register(&w, &w.nodes[1]) == -ERR_DISALLOWED);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "not in the include-list"));
    write_hosts(path, "10.0.0.2\n");
    CU_ASSERT(bm_refresh_nodes(w.bm, &w.err) == 0);
    CU_ASSERT(model_beat(&w, &w.nodes[0]) == -ERR_DISALLOWED);
    world_close(&w);
}

/* ---- safe mode ---- */

/* As after a restart: the namespace has blocks, no datanode has told anything. */
static uint64_t forget_all(int files)
{
    struct namespace *ns;
    uint64_t first = 0;
    struct model *nodes = calloc(WORLD_NODES, sizeof *nodes);
    char path[16];

    world_start(&w, 1, NULL);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        uint64_t block = world_file(&w, path, 1, 100);
        first = first ? first : block;
    }
    model_register(&w, &w.nodes[0]); /* and dies */
    w.nodes[0].up = false;
    world_pass(&w, 70000);
    memcpy(nodes, w.nodes, WORLD_NODES * sizeof *nodes);
    ns = w.ns;
    bm_free(w.bm);
    conf_free(w.conf);
    arena_done(&w.arena);
    free(w.nodes);
    world_init(&w);
    free(w.nodes);
    w.nodes = nodes;
    w.ns = ns;
    return first;
}

static void test_safe_mode_waits_for_the_blocks_and_says_so(void)
{
    char tip[1024];

    forget_all(10);
    world_set(&w, "dfs.namenode.safemode.threshold-pct=1.0");
    world_set(&w, "dfs.namenode.safemode.extension=5000");
    world_open(&w);
    CU_ASSERT(bm_in_safe_mode(w.bm));
    bm_safe_mode_tip(w.bm, tip, sizeof tip);
    CU_ASSERT_STRING_EQUAL(
        tip, "The reported blocks 0 needs additional 10 blocks to reach the threshold 1.0000 of "
             "total blocks 10.\nThe number of live datanodes 0 has reached the minimum number 0. "
             "Safe mode will be turned off automatically once the thresholds have been reached.");
    w.node_count = 1;
    w.nodes[0].up = true;
    model_register(&w, &w.nodes[0]);
    model_beat(&w, &w.nodes[0]);
    model_put(&w.nodes[0], 1073800000, 1001, 7); /* of no file: kept while in safe mode */
    CU_ASSERT(model_report(&w, &w.nodes[0]) == 0);
    bm_safe_mode_tip(w.bm, tip, sizeof tip);
    CU_ASSERT_STRING_EQUAL(
        tip, "The reported blocks 10 has reached the threshold 1.0000 of total blocks 10. The "
             "number of live datanodes 1 has reached the minimum number 0. In safe mode extension. "
             "Safe mode will be turned off automatically in 5 seconds.");
    world_pass(&w, 4000);
    CU_ASSERT(bm_in_safe_mode(w.bm));
    CU_ASSERT(model_holds(&w.nodes[0], 1073800000) != NULL);
    world_pass(&w, 8000);
    CU_ASSERT(!bm_in_safe_mode(w.bm));
    CU_ASSERT(model_holds(&w.nodes[0], 1073800000) == NULL);
    world_close(&w);
}

static void test_with_nothing_to_wait_for_there_is_no_safe_mode(void)
{
    world_start(&w, 0, NULL);
    CU_ASSERT(!bm_in_safe_mode(w.bm));
    bm_enter_safe_mode(w.bm);
    CU_ASSERT(bm_in_safe_mode(w.bm) && !bm_in_startup_safe_mode(w.bm));
    CU_ASSERT(bm_leave_safe_mode(w.bm, false));
    CU_ASSERT(!bm_in_safe_mode(w.bm));
    world_close(&w);
}

static void test_blocks_from_the_future_keep_safe_mode_until_forced(void)
{
    forget_all(10);
    world_open(&w);
    w.node_count = 1;
    w.nodes[0].up = true;
    model_register(&w, &w.nodes[0]);
    model_beat(&w, &w.nodes[0]);
    model_put(&w.nodes[0], 1073800000, 5000, 7);
    w.nodes[0].held[10] = w.nodes[0].held[0]; /* it comes first, before the others are enough */
    w.nodes[0].held[0] = (struct held){1073800000, 5000, 7, PB__REPLICA_STATE_PROTO__FINALIZED};
    CU_ASSERT(model_report(&w, &w.nodes[0]) == 0);
    world_pass(&w, 5000);
    CU_ASSERT(bm_in_safe_mode(w.bm));
    CU_ASSERT(!bm_leave_safe_mode(w.bm, false));
    CU_ASSERT(bm_leave_safe_mode(w.bm, true));
    CU_ASSERT(!bm_in_safe_mode(w.bm));
    world_close(&w);
}

/* ---- appending ---- */

static void test_what_an_append_left_behind_is_no_copy(void)
{
    struct edit_block eb;
    struct edit_op append = {
        .code = EDIT_APPEND, .path = "/f", .client_name = "c", .client_machine = "h"};
    struct edit_op update = {
        .code = EDIT_UPDATE_BLOCKS, .path = "/f", .blocks = &eb, .block_count = 1};
    struct bm_replicas r;
    struct block_info b;
    uint16_t s[3];
    uint64_t block;

    world_start(&w, 4, NULL);
    block = world_file(&w, "/f", 3, 100);
    CU_ASSERT_FATAL(ns_apply(w.ns, &append, &w.err) == 0);
    CU_ASSERT(ns_block_storages(w.ns, block, s, 3) == 3);
    bm_expect(w.bm, block, s, 3);
    ns_block(w.ns, block, &b);
    CU_ASSERT(b.state == BLOCK_UNDER_CONSTRUCTION);
    eb = (struct edit_block){block, 100, b.gs + 1}; /* the third node broke away */
    CU_ASSERT_FATAL(ns_apply(w.ns, &update, &w.err) == 0);
    bm_expect(w.bm, block, s, 2);
    ns_block_commit(w.ns, block, 150, b.gs + 1);
    CU_ASSERT(!bm_is_complete_enough(w.bm, block)); /* three old replicas complete nothing */
    world_finish_file(&w, "/f", block, 150);
    bm_count_replicas(w.bm, block, &r);
    CU_ASSERT(r.live == 2 && r.corrupt == 1);
    world_pass(&w, 30000);
    bm_count_replicas(w.bm, block, &r);
    CU_ASSERT(r.live == 3 && r.corrupt == 0);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(!model_holds(&w.nodes[i], block) ||
                  model_holds(&w.nodes[i], block)->gs == b.gs + 1);
    world_close(&w);
}

/* The last packet is out, a datanode dies, and the pipeline is rebuilt to close the block: the others
 * close it under the new stamp, and report, before the client tells of that pipeline. */
static void test_a_close_through_a_rebuilt_pipeline_counts_what_was_reported_before(void)
{
    struct edit_block eb;
    struct edit_op update = {
        .code = EDIT_UPDATE_BLOCKS, .path = "/f", .blocks = &eb, .block_count = 1};
    struct bm_replicas r;
    struct block_info b;
    uint16_t s[3];
    uint64_t block;

    world_start(&w, 3, NULL);
    block = world_begin_file(&w, "/f", 3, NULL);
    CU_ASSERT(bm_expected(w.bm, block, s, 3) == 3);
    ns_block(w.ns, block, &b);
    for (int gs = 0; gs < 2; gs++)
        for (int i = 0; i < 3 - gs; i++) { /* the third died in between */
            struct model *m = world_node_of(&w, s[i]);
            struct held h = {block, b.gs + (uint64_t)gs, 150, PB__REPLICA_STATE_PROTO__FINALIZED};

            model_put(m, h.id, h.gs, h.length);
            model_received(&w, m, &h);
        }
    eb = (struct edit_block){block, 150, b.gs + 1};
    CU_ASSERT_FATAL(ns_apply(w.ns, &update, &w.err) == 0);
    bm_expect(w.bm, block, s, 2);
    ns_block_commit(w.ns, block, 150, b.gs + 1);
    CU_ASSERT(bm_is_complete_enough(w.bm, block));
    bm_count_replicas(w.bm, block, &r);
    CU_ASSERT(r.live == 2);
    bm_check(w.bm);
    world_close(&w);
}

/* ---- recovery ---- */

static int synchronize(uint64_t block, uint64_t gs, uint64_t length, struct model *m)
{
    uint64_t mark = 0;
    int rc = model_end_recovery(&w, m, &(struct held){block, gs, length, 0}, &mark);

    if (rc == 0)
        CU_ASSERT(mark == 7 || w.recovered_count == 1);
    return rc;
}

static void test_a_block_without_a_writer_is_recovered(void)
{
    struct block_info b;
    struct model *lead = NULL;
    uint64_t block;

    world_start(&w, 2, NULL);
    block = world_begin_file(&w, "/f", 2, NULL);
    ns_block(w.ns, block, &b);
    CU_ASSERT(bm_begin_recovery(w.bm, block, b.gs + 1));
    for (int i = 0; i < 2; i++) {
        model_beat(&w, &w.nodes[i]);
        if (w.nodes[i].recoveries)
            lead = &w.nodes[i];
    }
    CU_ASSERT_FATAL(lead != NULL);
    CU_ASSERT(w.nodes[0].recoveries + w.nodes[1].recoveries == 1);
    CU_ASSERT(lead->recovery_id == b.gs + 1);
    CU_ASSERT(synchronize(block, b.gs + 9, 60, lead) == -ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "does not match current recovery id"));
    model_put(lead, block, b.gs + 1, 60);
    CU_ASSERT(synchronize(block, b.gs + 1, 60, lead) == 0);
    CU_ASSERT(w.recovered_count == 1 && w.recovered.length == 60 && w.recovered.close_file);
    ns_block(w.ns, block, &b);
    CU_ASSERT(b.state == BLOCK_COMPLETE && b.length == 60);
    CU_ASSERT(synchronize(block, b.gs, 60, lead) == 0); /* once more does no harm */
    world_pass(&w, 20000);
    CU_ASSERT(world_live(&w, block) == 2);
    world_close(&w);
}

static void test_a_block_whose_nodes_are_away_is_not_given_up(void)
{
    struct block_info b;
    uint64_t block;

    world_start(&w, 1, NULL);
    block = world_begin_file(&w, "/f", 1, NULL);
    ns_block(w.ns, block, &b);
    w.nodes[0].up = false;
    world_pass(&w, 61000);
    CU_ASSERT(bm_begin_recovery(w.bm, block, b.gs + 1)); /* somebody has some of it */
    w.nodes[0].up = true;
    world_pass(&w, 6000);
    CU_ASSERT(bm_begin_recovery(w.bm, block, b.gs + 2));
    model_beat(&w, &w.nodes[0]);
    CU_ASSERT(w.nodes[0].recovery_id == b.gs + 2);
    world_close(&w);
}

static void test_another_node_leads_when_the_first_does_not_answer(void)
{
    struct block_info b;
    uint64_t block;

    world_start(&w, 2, NULL);
    block = world_begin_file(&w, "/f", 2, NULL);
    ns_block(w.ns, block, &b);
    CU_ASSERT(bm_begin_recovery(w.bm, block, b.gs + 1));
    CU_ASSERT(bm_begin_recovery(w.bm, block, b.gs + 2));
    for (int i = 0; i < 2; i++) {
        model_beat(&w, &w.nodes[i]);
        CU_ASSERT(w.nodes[i].recoveries == 1);
        CU_ASSERT(w.nodes[i].recovery_id == b.gs + 2);
    }
    world_close(&w);
}

/* ---- telling readers ---- */

static void test_the_nearest_copy_comes_first(void)
{
    Pb__LocatedBlockProto out;
    struct block_info b;
    uint64_t block;

    world_start(&w, 6, "aabbcc");
    block = world_begin_file(&w, "/f", 3, "10.0.0.3");
    world_finish_file(&w, "/f", block, 100);
    ns_block(w.ns, block, &b);
    for (int i = 0; i < 20; i++) {
        bm_locate(w.bm, &b, 7, "10.0.0.3", &w.arena, &out);
        CU_ASSERT(out.n_locs == 3 && out.offset == 7);
        CU_ASSERT_STRING_EQUAL(out.locs[0]->id->ipaddr, "10.0.0.3");
        bm_locate(w.bm, &b, 7, "10.0.0.4", &w.arena, &out);
        CU_ASSERT_STRING_EQUAL(out.locs[0]->location, "/rb");
    }
    world_close(&w);
}

static void test_packed_locations_unpack_to_the_same(void)
{
    Pb__LocatedBlockProto out, *back;
    uint8_t bytes[4096];
    struct block_info b;
    uint64_t block;
    size_t n;

    world_start(&w, 3, NULL);
    block = world_file(&w, "/f", 3, 100);
    ns_block(w.ns, block, &b);
    bm_locate_packed(w.bm, &b, 0, "10.0.0.2", &w.arena, &out);
    n = pb__located_block_proto__get_packed_size(&out);
    CU_ASSERT_FATAL(n < sizeof bytes);
    CU_ASSERT(pb__located_block_proto__pack(&out, bytes) == n);
    back = pb__located_block_proto__unpack(&w.arena.pb, n, bytes);
    CU_ASSERT_FATAL(back != NULL && back->n_locs == 3 && back->n_storageids == 3);
    CU_ASSERT_STRING_EQUAL(back->locs[0]->id->ipaddr, "10.0.0.2");
    CU_ASSERT(back->locs[0]->capacity == 100ull << 30);
    CU_ASSERT(back->base.n_unknown_fields == 0);
    world_close(&w);
}
SUITE(blocks, TEST(test_a_waiter_hears_as_soon_as_one_copy_is_reported),
      TEST(test_a_waiter_is_let_go_when_time_is_over_or_the_block_is),
      TEST(test_a_node_that_lies_about_the_length_has_no_copy),
      TEST(test_only_liars_complete_nothing), TEST(test_blocks_of_a_dead_node_are_copied_elsewhere),
      TEST(test_the_last_copy_is_looked_after_first),
      TEST(test_a_reported_corrupt_copy_goes_only_when_others_are_enough),
      TEST(test_readers_see_corrupt_copies_only_when_there_are_no_others),
      TEST(test_fewer_copies_wanted_means_some_are_deleted_but_no_rack_lost),
      TEST(test_nothing_is_deleted_while_a_holder_has_not_reported),
      TEST(test_all_in_one_rack_is_mended), TEST(test_deleted_files_leave_the_datanodes),
      TEST(test_a_report_ends_what_it_does_not_name_and_unknown_blocks),
      TEST(test_both_forms_of_a_report_say_the_same),
      TEST(test_the_sample_of_the_format_page_is_understood),
      TEST(test_a_report_cut_short_takes_nothing_off),
      TEST(test_slices_end_by_the_clock_and_the_report_is_whole),
      TEST(test_an_older_version_of_a_block_is_corrupt),
      TEST(test_strangers_are_refused_with_both_ids),
      TEST(test_a_node_moves_to_another_address_with_its_blocks),
      TEST(test_a_new_uuid_at_an_address_replaces_the_old_node),
      TEST(test_a_storage_no_longer_reported_is_a_lost_volume),
      TEST(test_a_node_is_emptied_before_it_goes),
      TEST(test_who_is_not_listed_may_not_join_or_stay),
      TEST(test_safe_mode_waits_for_the_blocks_and_says_so),
      TEST(test_with_nothing_to_wait_for_there_is_no_safe_mode),
      TEST(test_blocks_from_the_future_keep_safe_mode_until_forced),
      TEST(test_what_an_append_left_behind_is_no_copy),
      TEST(test_a_close_through_a_rebuilt_pipeline_counts_what_was_reported_before),
      TEST(test_a_block_without_a_writer_is_recovered),
      TEST(test_a_block_whose_nodes_are_away_is_not_given_up),
      TEST(test_another_node_leads_when_the_first_does_not_answer),
      TEST(test_the_nearest_copy_comes_first), TEST(test_packed_locations_unpack_to_the_same));
