/* What clients are shown: listings in pages, open files, names below /.reserved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op_world.h"
#include "tests/lib/suite.h"

enum { CREATE = 1 };

/* ---- several directories in one call ---- */

static const Pb__GetBatchedListingResponseProto *list_batch(struct op_world *o, char **paths,
                                                            size_t count,
                                                            const ProtobufCBinaryData *key)
{
    Pb__GetBatchedListingRequestProto rq = PB__GET_BATCHED_LISTING_REQUEST_PROTO__INIT;

    rq.paths = paths;
    rq.n_paths = count;
    if (key)
        rq.startafter = *key;
    return op_world_call(o, "getBatchedListing", &rq);
}

/* Directories /d0, /d1 ... with so many entries each. */
static void make_dirs(struct op_world *o, const int *entries, int count)
{
    for (int d = 0; d < count; d++)
        for (int i = -1; i < entries[d]; i++) {
            char path[40];

            snprintf(path, sizeof path, i < 0 ? "/d%d" : "/d%d/e%02d", d, i);
            CU_ASSERT(says_mkdirs(o, path, 0755));
        }
}

static void test_pages_of_many_directories_show_each_entry_once(void)
{
    static const int entries[] = {3, 0, 9, 1, 4, 12};
    char *paths[] = {"/d0", "/d1", "/d2", "/d3", "/d4", "/d5"};
    int seen[6] = {0}, pages = 0;
    const Pb__GetBatchedListingResponseProto *rs;
    ProtobufCBinaryData key = {0};
    struct op_world o;

    op_world_open(&o);
    world_set(&o.w, "dfs.ls.limit=4");
    op_world_restart(&o);
    make_dirs(&o, entries, 6);
    do {
        rs = list_batch(&o, paths, 6, &key);
        CU_ASSERT_FATAL(rs != NULL);
        for (size_t i = 0; i < rs->n_listings; i++) {
            CU_ASSERT(rs->listings[i]->n_partiallisting <= 4 && !rs->listings[i]->exception);
            seen[rs->listings[i]->parentidx] += (int)rs->listings[i]->n_partiallisting;
        }
        key = rs->startafter;
        pages++;
    } while (rs->hasmore && pages < 50);
    CU_ASSERT(memcmp(seen, entries, sizeof seen) == 0);
    CU_ASSERT(pages > 3 && key.len == 0);
    op_world_close(&o);
}

static void test_a_key_fits_only_the_paths_that_it_came_from(void)
{
    static const int entries[] = {9, 2};
    char *paths[] = {"/d0", "/d1"}, *others[] = {"/d1", "/d0"};
    const Pb__GetBatchedListingResponseProto *rs;
    ProtobufCBinaryData key;
    struct op_world o;

    op_world_open(&o);
    world_set(&o.w, "dfs.ls.limit=4");
    op_world_restart(&o);
    make_dirs(&o, entries, 2);
    rs = list_batch(&o, paths, 2, NULL);
    CU_ASSERT_FATAL(rs && rs->hasmore);
    key = rs->startafter;
    CU_ASSERT(list_batch(&o, others, 2, &key) == NULL && o.err.code == ERR_ARGUMENT);
    key.len--;
    CU_ASSERT(list_batch(&o, paths, 2, &key) == NULL && o.err.code == ERR_ARGUMENT);
    op_world_close(&o);
}

static void test_one_bad_path_does_not_spoil_the_others(void)
{
    static const int entries[] = {2};
    char *paths[] = {"/none", "/d0"};
    const Pb__GetBatchedListingResponseProto *rs;
    struct op_world o;

    op_world_open(&o);
    make_dirs(&o, entries, 1);
    rs = list_batch(&o, paths, 2, NULL);
    CU_ASSERT_FATAL(rs && rs->n_listings == 2 && rs->listings[0]->exception);
    CU_ASSERT_STRING_EQUAL(rs->listings[0]->exception->classname, "java.io.FileNotFoundException");
    CU_ASSERT(rs->listings[1]->n_partiallisting == 2 && !rs->listings[1]->exception);
    op_world_close(&o);
}

/* ---- open files ---- */

static const Pb__ListOpenFilesResponseProto *list_open(struct op_world *o, int64_t after,
                                                       Pb__OpenFilesTypeProto type, char *under)
{
    Pb__ListOpenFilesRequestProto rq = PB__LIST_OPEN_FILES_REQUEST_PROTO__INIT;

    rq.id = after;
    rq.types = &type;
    rq.n_types = 1;
    rq.path = under;
    return op_world_call(o, "listOpenFiles", &rq);
}

static void test_open_files_come_in_pages_that_only_count_what_is_asked_for(void)
{
    const Pb__ListOpenFilesResponseProto *rs;
    int64_t after = 0;
    struct op_world o;
    int found = 0, pages = 0;

    op_world_open(&o);
    world_set(&o.w, "dfs.namenode.list.openfiles.num.responses=3");
    op_world_restart(&o);
    for (int i = 0; i < 20; i++) {
        char path[40];

        snprintf(path, sizeof path, "/%s/f%d", i % 2 ? "a" : "ab", i);
        CU_ASSERT(says_create(&o, path, "c", CREATE));
    }
    do {
        rs = list_open(&o, after, PB__OPEN_FILES_TYPE_PROTO__ALL_OPEN_FILES, "/a");
        CU_ASSERT_FATAL(rs != NULL);
        CU_ASSERT(rs->n_entries == 3 || !rs->hasmore);
        for (size_t i = 0; i < rs->n_entries; i++)
            CU_ASSERT(strncmp(rs->entries[i]->path, "/a/", 3) == 0 && rs->entries[i]->id > after);
        found += (int)rs->n_entries;
        after = rs->n_entries ? rs->entries[rs->n_entries - 1]->id : INT64_MAX - 1;
    } while (rs->hasmore && ++pages < 20);
    CU_ASSERT(found == 10);
    op_world_close(&o);
}

static void test_files_that_keep_a_datanode_from_leaving_are_named(void)
{
    const Pb__ListOpenFilesResponseProto *rs;
    char path[400], setting[500], line[100];
    struct op_world o;
    struct model *m;

    op_world_open(&o);
    snprintf(path, sizeof path, "%s/leaving", suite_tmp_dir());
    snprintf(setting, sizeof setting, "dfs.hosts.exclude=%s", path);
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, "", 0, NULL) == 0);
    world_set(&o.w, setting);
    op_world_restart(&o);
    m = world_node(&o.w);
    world_node(&o.w);
    CU_ASSERT(says_create(&o, "/open", "c", CREATE) && says_create(&o, "/empty", "c", CREATE));
    CU_ASSERT_FATAL(says_add_block(&o, "/open", "c", NULL) != NULL);
    rs = list_open(&o, 0, PB__OPEN_FILES_TYPE_PROTO__BLOCKING_DECOMMISSION, "/");
    CU_ASSERT(rs && rs->n_entries == 0);
    model_put(m, 1073741825, 1001, 10);
    m->held[0].state = PB__REPLICA_STATE_PROTO__RBW;
    model_received(&o.w, m, &m->held[0]);
    snprintf(line, sizeof line, "%s\n", m->ip);
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, line, strlen(line), NULL) == 0);
    CU_ASSERT(bm_refresh_nodes(o.w.bm, NULL) == 0);
    rs = list_open(&o, 0, PB__OPEN_FILES_TYPE_PROTO__BLOCKING_DECOMMISSION, "/");
    CU_ASSERT_FATAL(rs && rs->n_entries == 1);
    CU_ASSERT_STRING_EQUAL(rs->entries[0]->path, "/open");
    op_world_close(&o);
}

/* ---- reserved names ---- */

static void test_an_inode_is_found_by_its_number_and_so_is_what_is_above(void)
{
    struct op_world o;
    char path[80];
    uint64_t id;

    op_world_open(&o);
    says_mkdirs(&o, "/a/b/c", 0755);
    id = says_info(&o, "/a/b")->fileid;
    snprintf(path, sizeof path, "/.reserved/.inodes/%llu/c", (unsigned long long)id);
    CU_ASSERT(says_info(&o, path)->fileid == says_info(&o, "/a/b/c")->fileid);
    snprintf(path, sizeof path, "/.reserved/.inodes/%llu/..", (unsigned long long)id);
    CU_ASSERT(says_info(&o, path)->fileid == says_info(&o, "/a")->fileid);
    CU_ASSERT(says_info(&o, "/.reserved/.inodes/16385/..")->fileid == NS_ROOT_ID);
    CU_ASSERT(says_info(&o, "/.reserved/.inodes/-2") == NULL && o.err.code == ERR_NOENT);
    CU_ASSERT(says_info(&o, "/.reserved")->fileid == UINT64_MAX);
    op_world_close(&o);
}

static void test_raw_attributes_live_below_raw_and_outlive_a_restart(void)
{
    Pb__SetXAttrRequestProto set = PB__SET_XATTR_REQUEST_PROTO__INIT;
    Pb__GetXAttrsRequestProto get = PB__GET_XATTRS_REQUEST_PROTO__INIT;
    Pb__XAttrProto x = PB__XATTR_PROTO__INIT;
    const Pb__GetXAttrsResponseProto *rs;
    struct op_world o;

    op_world_open(&o);
    says_mkdirs(&o, "/a", 0755);
    x.namespace_ = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__RAW;
    x.name = "k";
    set.xattr = &x;
    set.src = "/a";
    set.has_flag = 1;
    set.flag = PB__XATTR_SET_FLAG_PROTO__XATTR_CREATE;
    CU_ASSERT(op_world_call(&o, "setXAttr", &set) == NULL && o.err.code == ERR_ACCESS);
    set.src = "/.reserved/raw/a";
    CU_ASSERT(op_world_call(&o, "setXAttr", &set) != NULL);
    op_world_restart(&o);
    get.src = "/.reserved/raw/a";
    rs = op_world_call(&o, "getXAttrs", &get);
    CU_ASSERT(rs && rs->n_xattrs == 1);
    get.src = "/a";
    rs = op_world_call(&o, "getXAttrs", &get);
    CU_ASSERT(rs && rs->n_xattrs == 0);
    op_world_close(&o);
}

SUITE(look, TEST(test_pages_of_many_directories_show_each_entry_once),
      TEST(test_a_key_fits_only_the_paths_that_it_came_from),
      TEST(test_one_bad_path_does_not_spoil_the_others),
      TEST(test_open_files_come_in_pages_that_only_count_what_is_asked_for),
      TEST(test_files_that_keep_a_datanode_from_leaving_are_named),
      TEST(test_an_inode_is_found_by_its_number_and_so_is_what_is_above),
      TEST(test_raw_attributes_live_below_raw_and_outlive_a_restart))
