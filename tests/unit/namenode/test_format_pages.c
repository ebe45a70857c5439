/* The samples in docs/formats/{edits,fsimage,name-directory}.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/env.h"
#include "namenode/edits/edit_codec.h"
#include "namenode/edits/edit_segment.h"
#include "namenode/image/image.h"
#include "namenode/edits/storage_info.h"
#include "tests/lib/suite.h"

enum { PAGE_MAX_BYTES = 1 << 20 };

/* What stands between the fences after "<!-- KIND: NAME -->". */
static char *fenced(const char *page, const char *mark)
{
    char path[256], *text, *at, *end, *copy;

    snprintf(path, sizeof path, "docs/formats/%s", page);
    CU_ASSERT_FATAL(env_read_file(env_posix(), path, PAGE_MAX_BYTES, &text, NULL, NULL) == 0);
    at = strstr(text, mark);
    CU_ASSERT_FATAL(at != NULL);
    at = strstr(at, "```\n") + 4;
    end = strstr(at, "```");
    CU_ASSERT_FATAL(end != NULL);
    copy = strndup(at, (size_t)(end - at));
    free(text);
    return copy;
}

/* A file of the sample's bytes; returns its path. */
static const char *sample_file(const char *page, const char *mark)
{
    static char path[600];
    char *text = fenced(page, mark), *rest = text;
    struct buf b;

    buf_init(&b, PAGE_MAX_BYTES);
    for (char *word; (word = strsep(&rest, " \n")) != NULL;)
        if (*word)
            buf_put_be(&b, strtoul(word, NULL, 16), 1);
    snprintf(path, sizeof path, "%s/sample", suite_tmp_dir());
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, b.bytes, b.n, NULL) == 0);
    buf_done(&b);
    free(text);
    return path;
}

static int collect(void *ctx, const struct edit_op *op, struct err *err)
{
    struct edit_op **next = ctx;

    (void)err;
    *(*next)++ = *op;
    return 0;
}

static void test_the_segment_of_the_page_is_read(void)
{
    const char *path = sample_file("edits.md", "<!-- sample: segment -->");
    struct edit_op ops[8], *next = ops;
    struct edit_segment s;

    CU_ASSERT_FATAL(edit_segment_open(env_posix(), path, 228, 230, &s, NULL) == 0);
    CU_ASSERT(s.layout == EDIT_LAYOUT && s.whole == s.n);
    CU_ASSERT(edit_segment_replay(&s, 0, collect, &next, NULL) == 0);
    CU_ASSERT_FATAL(next - ops == 3);
    CU_ASSERT(ops[0].code == EDIT_START_LOG_SEGMENT && ops[0].txid == 228);
    CU_ASSERT(ops[1].code == EDIT_ROLLING_UPGRADE_FINALIZE && ops[1].mtime_ms == 1795247461667);
    CU_ASSERT(ops[2].code == EDIT_END_LOG_SEGMENT && ops[2].txid == 230);
    edit_segment_done(&s);
}

static int to_buf(void *ctx, const void *bytes, size_t n, struct err *err)
{
    (void)err;
    buf_put(ctx, bytes, n);
    return 0;
}

/* Every byte of it: what we write of an empty namespace is what Hadoop wrote. */
static void test_the_image_of_the_page_is_read_and_written(void)
{
    const char *path = sample_file("fsimage.md", "<!-- sample: empty -->");
    struct image_extras extras;
    struct image_info info;
    struct namespace *ns;
    struct buf out;
    struct image_sink sink = {to_buf, &out};
    char *bytes;
    size_t n;

    buf_init(&out, PAGE_MAX_BYTES);
    image_extras_init(&extras);
    CU_ASSERT_FATAL(env_read_file(env_posix(), path, PAGE_MAX_BYTES, &bytes, &n, NULL) == 0);
    CU_ASSERT_FATAL(ns_new(NULL, &ns, NULL) == 0);
    CU_ASSERT_FATAL(image_load(env_posix(), path, NULL, ns, &extras, &info, NULL) == 0);
    CU_ASSERT(info.namespace_id == 987817110 && info.txid == 0 && ns_inode_count(ns) == 1);
    CU_ASSERT(image_save(ns, &info, &extras, &sink, NULL) == 0);
    /* The strings stand in the order of a hash table, Java's and ours. */
    CU_ASSERT(out.n == n && memcmp(out.bytes, bytes, 0x90) == 0);
    image_extras_done(&extras);
    buf_done(&out);
    ns_free(ns);
    free(bytes);
}

static void test_the_version_of_the_page_is_read(void)
{
    char *text = fenced("name-directory.md", "<!-- text: version -->"), path[600];
    struct name_identity id, again;

    snprintf(path, sizeof path, "%s/VERSION", suite_tmp_dir());
    CU_ASSERT_FATAL(env_write_file(env_posix(), path, text, strlen(text), NULL) == 0);
    CU_ASSERT_FATAL(storage_info_read(env_posix(), path, &id, NULL) == 0);
    CU_ASSERT(id.namespace_id == 987817110 && id.created_ms == 1795247403873);
    CU_ASSERT_STRING_EQUAL(id.pool_id, "BP-1232741485-127.0.0.1-1795247403873");
    CU_ASSERT_STRING_EQUAL(id.cluster_id, "CID-bf7313cd-6ecc-4351-b6d8-fc7d86d12888");
    CU_ASSERT_FATAL(storage_info_write(env_posix(), path, &id, NULL) == 0);
    CU_ASSERT_FATAL(storage_info_read(env_posix(), path, &again, NULL) == 0);
    CU_ASSERT(memcmp(&id, &again, sizeof id) == 0);
    free(text);
}

static void test_a_version_file_that_is_wrong_is_refused_by_name(void)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {{"layoutVersion=-67", "layoutVersion=-68", "layout version -68"},
                 {"layoutVersion=-67", "layoutVersion=x", "layoutVersion=x"},
                 {"NAME_NODE", "DATA_NODE", "storageType=DATA_NODE"},
                 {"clusterID", "cluster", "clusterID is missing"},
                 {"cTime=1", "cTime=-1", "cTime=-1"},
                 {"namespaceID=987817110", "namespaceID=98781711000", "namespaceID=98781711000"}};

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = fenced("name-directory.md", "<!-- text: version -->"), path[600];
        char *at = strstr(text, cases[i].from);
        struct name_identity id;
        struct err err = {0};
        struct buf b;

        CU_ASSERT_FATAL(at != NULL);
        buf_init(&b, 4096);
        buf_put(&b, text, (size_t)(at - text));
        buf_puts(&b, cases[i].to);
        buf_puts(&b, at + strlen(cases[i].from));
        snprintf(path, sizeof path, "%s/VERSION", suite_tmp_dir());
        CU_ASSERT_FATAL(env_write_file(env_posix(), path, b.bytes, b.n, NULL) == 0);
        CU_ASSERT(storage_info_read(env_posix(), path, &id, &err) == -ERR_INCONSISTENT);
        CU_ASSERT(strstr(err.text, cases[i].says) && strstr(err.text, path));
        buf_done(&b);
        free(text);
    }
}

SUITE(format_pages, TEST(test_the_segment_of_the_page_is_read),
      TEST(test_the_image_of_the_page_is_read_and_written),
      TEST(test_the_version_of_the_page_is_read),
      TEST(test_a_version_file_that_is_wrong_is_refused_by_name))
