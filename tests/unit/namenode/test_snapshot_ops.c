/* Calls about snapshots: what clients are shown of the past, and what they may not do to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op_world.h"
#include "tests/lib/suite.h"

enum { CREATE = 1, OVERWRITE = 2, APPEND = 4 };

static bool says_allow(struct op_world *o, const char *dir)
{
    Pb__AllowSnapshotRequestProto rq = PB__ALLOW_SNAPSHOT_REQUEST_PROTO__INIT;

    rq.snapshotroot = (char *)(uintptr_t)dir;
    return op_world_call(o, "allowSnapshot", &rq) != NULL;
}

static const char *says_snapshot(struct op_world *o, const char *dir, const char *name)
{
    Pb__CreateSnapshotRequestProto rq = PB__CREATE_SNAPSHOT_REQUEST_PROTO__INIT;
    Pb__CreateSnapshotResponseProto *rs;

    rq.snapshotroot = (char *)(uintptr_t)dir;
    rq.snapshotname = (char *)(uintptr_t)name;
    rs = op_world_call(o, "createSnapshot", &rq);
    return rs ? rs->snapshotpath : NULL;
}

static bool says_unsnapshot(struct op_world *o, const char *dir, const char *name)
{
    Pb__DeleteSnapshotRequestProto rq = PB__DELETE_SNAPSHOT_REQUEST_PROTO__INIT;

    rq.snapshotroot = (char *)(uintptr_t)dir;
    rq.snapshotname = (char *)(uintptr_t)name;
    return op_world_call(o, "deleteSnapshot", &rq) != NULL;
}

static Pb__DirectoryListingProto *says_list(struct op_world *o, const char *path)
{
    Pb__GetListingRequestProto rq = PB__GET_LISTING_REQUEST_PROTO__INIT;
    Pb__GetListingResponseProto *rs;

    rq.src = (char *)(uintptr_t)path;
    rs = op_world_call(o, "getListing", &rq);
    return rs ? rs->dirlist : NULL;
}

/* The error's words; empty when the call went well. */
static bool refused(const struct op_world *o, const char *words)
{
    return strstr(o->err.text, words) != NULL;
}

static Pb__LocatedBlocksProto *says_locate(struct op_world *o, const char *path)
{
    Pb__GetBlockLocationsRequestProto rq = PB__GET_BLOCK_LOCATIONS_REQUEST_PROTO__INIT;
    Pb__GetBlockLocationsResponseProto *rs;

    rq.src = (char *)(uintptr_t)path;
    rq.length = 1 << 30;
    rs = op_world_call(o, "getBlockLocations", &rq);
    return rs ? rs->locations : NULL;
}

static void store(struct op_world *o, const Pb__LocatedBlockProto *lb, uint64_t length)
{
    struct held h = {lb->b->blockid, lb->b->generationstamp, length,
                     PB__REPLICA_STATE_PROTO__FINALIZED};

    for (size_t i = 0; i < lb->n_locs; i++)
        for (int k = 0; k < o->w.node_count; k++)
            if (strcmp(o->w.nodes[k].uuid, lb->locs[i]->id->datanodeuuid) == 0) {
                model_put(&o->w.nodes[k], h.id, h.gs, h.length);
                model_received(&o->w, &o->w.nodes[k], &h);
            }
}

/* A file of one block of @length bytes. */
static void write_file(struct op_world *o, const char *path, uint64_t length)
{
    Pb__LocatedBlockProto *lb;

    CU_ASSERT_FATAL(says_create(o, path, "c", CREATE));
    CU_ASSERT_FATAL((lb = says_add_block(o, path, "c", NULL)) != NULL);
    lb->b->has_numbytes = 1;
    lb->b->numbytes = length;
    store(o, lb, length);
    CU_ASSERT_FATAL(says_complete(o, path, "c", lb->b));
}

static void test_a_snapshot_shows_what_was_deleted_and_not_what_came(void)
{
    struct op_world o;
    Pb__DirectoryListingProto *list;

    op_world_open(&o);
    world_node(&o.w);
    CU_ASSERT(says_mkdirs(&o, "/d/sub", 0755) && says_allow(&o, "/d"));
    write_file(&o, "/d/f", 100);
    CU_ASSERT(strcmp(says_snapshot(&o, "/d", "s1"), "/d/.snapshot/s1") == 0);
    CU_ASSERT(says_delete(&o, "/d/f", false) && says_mkdirs(&o, "/d/new", 0755));
    CU_ASSERT(says_info(&o, "/d/f") == NULL);
    CU_ASSERT(says_info(&o, "/d/.snapshot/s1/f")->length == 100);
    CU_ASSERT(says_info(&o, "/d/.snapshot/s1/new") == NULL);
    CU_ASSERT(says_locate(&o, "/d/.snapshot/s1/f")->n_blocks == 1);
    list = says_list(&o, "/d/.snapshot/s1");
    CU_ASSERT(list && list->n_partiallisting == 2);
    list = says_list(&o, "/d/.snapshot");
    CU_ASSERT(list && list->n_partiallisting == 1);
    op_world_restart(&o);
    CU_ASSERT(says_info(&o, "/d/.snapshot/s1/f")->length == 100);
    CU_ASSERT(ns_block_count(o.nn.ns) == 1);
    CU_ASSERT(says_unsnapshot(&o, "/d", "s1") && ns_block_count(o.nn.ns) == 0);
    op_world_close(&o);
}

static Pb__ContentSummaryProto *says_summary(struct op_world *o, const char *path)
{
    Pb__GetContentSummaryRequestProto rq = PB__GET_CONTENT_SUMMARY_REQUEST_PROTO__INIT;
    Pb__GetContentSummaryResponseProto *rs;

    rq.path = (char *)(uintptr_t)path;
    rs = op_world_call(o, "getContentSummary", &rq);
    return rs ? rs->summary : NULL;
}

static void test_a_summary_of_a_snapshot_counts_what_was_there(void)
{
    struct op_world o;

    op_world_open(&o);
    world_node(&o.w);
    CU_ASSERT(says_mkdirs(&o, "/d/sub", 0755) && says_allow(&o, "/d"));
    write_file(&o, "/d/sub/f", 100);
    write_file(&o, "/d/g", 7);
    CU_ASSERT(says_snapshot(&o, "/d", "s") != NULL);
    CU_ASSERT(says_delete(&o, "/d/sub/f", false) && says_rename(&o, "/d/g", "/d/h"));
    CU_ASSERT(says_mkdirs(&o, "/d/new", 0755));
    CU_ASSERT(says_summary(&o, "/d/.snapshot/s")->filecount == 2);
    CU_ASSERT(says_summary(&o, "/d/.snapshot/s")->length == 107);
    CU_ASSERT(says_summary(&o, "/d/.snapshot/s")->directorycount == 2);
    CU_ASSERT(says_summary(&o, "/d/.snapshot/s/sub")->length == 100);
    op_world_close(&o);
}

static void test_snapshots_are_read_only(void)
{
    static const char *const paths[] = {"/d/.snapshot", "/d/.snapshot/s1", "/d/.snapshot/s1/sub",
                                        "/d/.snapshot/none/x"};
    struct op_world o;

    op_world_open(&o);
    CU_ASSERT(says_mkdirs(&o, "/d/sub", 0755) && says_allow(&o, "/d"));
    CU_ASSERT(says_snapshot(&o, "/d", "s1") != NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        CU_ASSERT(!says_delete(&o, paths[i], true) && o.err.code == ERR_SNAP_ACCESS);
        CU_ASSERT(!says_mkdirs(&o, paths[i], 0755) && o.err.code == ERR_SNAP_ACCESS);
        CU_ASSERT(!says_rename(&o, paths[i], "/x") && o.err.code == ERR_SNAP_ACCESS);
        CU_ASSERT(!says_create(&o, paths[i], "c", CREATE) && o.err.code == ERR_SNAP_ACCESS);
        CU_ASSERT(refused(&o, "Modification on a read-only snapshot is disallowed"));
    }
    CU_ASSERT(!says_mkdirs(&o, "/d/sub/.snapshot", 0755) && refused(&o, "reserved name"));
    op_world_close(&o);
}

static void test_a_directory_with_snapshots_stays_where_it_is(void)
{
    struct op_world o;

    op_world_open(&o);
    CU_ASSERT(says_mkdirs(&o, "/a/d/sub", 0755) && says_allow(&o, "/a/d"));
    CU_ASSERT(!says_allow(&o, "/a/d/sub") && refused(&o, "the ancestor /a/d is already"));
    CU_ASSERT(!says_allow(&o, "/a") && refused(&o, "the subdirectory /a/d is already"));
    CU_ASSERT(says_rename(&o, "/a/d", "/a/e")); /* it has none yet */
    CU_ASSERT(says_snapshot(&o, "/a/e", "s") != NULL);
    CU_ASSERT(!says_delete(&o, "/a", true) && refused(&o, "is snapshottable and already has"));
    CU_ASSERT(!says_rename(&o, "/a", "/b") && o.err.code == ERR_SNAPSHOT);
    CU_ASSERT(says_snapshot(&o, "/a/e", "s") == NULL && refused(&o, "the same name \"s\""));
    CU_ASSERT(says_snapshot(&o, "/a/e", "..") == NULL && o.err.code == ERR_INVALID_PATH);
    CU_ASSERT(says_snapshot(&o, "/a", "s") == NULL && refused(&o, "not a snapshottable directory"));
    CU_ASSERT(says_snapshot(&o, "/", "s") == NULL && refused(&o, "snapshot quota is 0"));
    CU_ASSERT(says_unsnapshot(&o, "/a/e", "s") && says_delete(&o, "/a", true));
    op_world_close(&o);
}

static void test_a_file_moved_out_of_a_snapshot_is_in_both_places(void)
{
    struct op_world o;

    op_world_open(&o);
    world_node(&o.w);
    CU_ASSERT(says_mkdirs(&o, "/d", 0755) && says_mkdirs(&o, "/e", 0755) && says_allow(&o, "/d"));
    write_file(&o, "/d/f", 10);
    CU_ASSERT(says_snapshot(&o, "/d", "s") != NULL);
    CU_ASSERT(says_rename(&o, "/d/f", "/e/g"));
    CU_ASSERT(says_info(&o, "/d/.snapshot/s/f")->fileid == says_info(&o, "/e/g")->fileid);
    CU_ASSERT(says_delete(&o, "/e/g", false) && says_info(&o, "/d/.snapshot/s/f")->length == 10);
    CU_ASSERT(ns_block_count(o.nn.ns) == 1);
    CU_ASSERT(says_unsnapshot(&o, "/d", "s") && ns_block_count(o.nn.ns) == 0);
    ns_check(o.nn.ns);
    op_world_close(&o);
}

static void test_what_a_writer_holds_ends_when_only_a_snapshot_has_it(void)
{
    struct op_world o;

    op_world_open(&o);
    world_node(&o.w);
    CU_ASSERT(says_mkdirs(&o, "/d", 0755) && says_allow(&o, "/d"));
    CU_ASSERT(says_create(&o, "/d/open", "c", CREATE));
    CU_ASSERT(says_add_block(&o, "/d/open", "c", NULL) != NULL);
    CU_ASSERT(says_snapshot(&o, "/d", "s") != NULL);
    CU_ASSERT(says_delete(&o, "/d/open", false));
    CU_ASSERT(ns_open_file_count(o.nn.ns) == 0 && ns_block_count(o.nn.ns) == 0);
    CU_ASSERT(!says_complete(&o, "/d/open", "c", NULL) && o.err.code == ERR_NOENT);
    CU_ASSERT(says_info(&o, "/d/.snapshot/s/open")->length == 0);
    op_world_close(&o);
}

/* A writer has told how long its block is (hsync with a new length), a snapshot is made, more
 * comes: how long the snapshot shows the file. */
static uint64_t length_while_written(bool capture)
{
    Pb__FsyncRequestProto rq = PB__FSYNC_REQUEST_PROTO__INIT;
    const Pb__LocatedBlockProto *lb;
    struct op_world o;
    uint64_t length;

    op_world_open(&o);
    o.capture_open_files = capture;
    op_world_restart(&o);
    for (int i = 0; i < 3; i++)
        world_node(&o.w);
    CU_ASSERT(says_mkdirs(&o, "/d", 0755) && says_allow(&o, "/d"));
    CU_ASSERT(says_create(&o, "/d/open", "c", CREATE));
    lb = says_add_block(&o, "/d/open", "c", NULL);
    CU_ASSERT_FATAL(lb != NULL);
    rq.src = (char *)(uintptr_t) "/d/open";
    rq.client = (char *)(uintptr_t) "c";
    rq.has_lastblocklength = 1;
    rq.lastblocklength = 700;
    CU_ASSERT(op_world_call(&o, "fsync", &rq) != NULL);
    CU_ASSERT(says_snapshot(&o, "/d", "s") != NULL);
    rq.lastblocklength = 900;
    CU_ASSERT(op_world_call(&o, "fsync", &rq) != NULL);
    op_world_restart(&o);
    length = says_info(&o, "/d/.snapshot/s/open")->length;
    ns_check(o.nn.ns);
    op_world_close(&o);
    return length;
}

static void test_a_snapshot_keeps_the_length_of_an_open_file_when_it_is_told_to(void)
{
    CU_ASSERT(length_while_written(true) == 700);
    CU_ASSERT(length_while_written(false) == 900);
}

SUITE(snapshot_ops, TEST(test_a_snapshot_shows_what_was_deleted_and_not_what_came),
      TEST(test_a_summary_of_a_snapshot_counts_what_was_there), TEST(test_snapshots_are_read_only),
      TEST(test_a_directory_with_snapshots_stays_where_it_is),
      TEST(test_a_file_moved_out_of_a_snapshot_is_in_both_places),
      TEST(test_what_a_writer_holds_ends_when_only_a_snapshot_has_it),
      TEST(test_a_snapshot_keeps_the_length_of_an_open_file_when_it_is_told_to));
