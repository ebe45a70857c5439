/* Whose a directory is, and what it holds. */
#include "datanode/volume.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datanode/properties.h"
#include "tests/unit/datanode/dn_world.h"

static struct volume *open_at(const char *dir)
{
    struct volume *v = NULL;

    CU_ASSERT_FATAL(volume_open(env_posix(), 0, dir, 0, &v, NULL) == 0);
    return v;
}

static void test_a_fresh_directory_is_formatted_as_hadoops(void)
{
    const char *dir = suite_tmp_dir();
    struct volume *v = open_at(dir);
    struct properties p;
    char path[512], uuid[ID_TEXT_MAX];

    CU_ASSERT(volume_owner(v, uuid, NULL) == 0 && uuid[0] == 0);
    CU_ASSERT_FATAL(volume_join(v, &test_pool, "uuid-1", NULL) == 0);
    snprintf(path, sizeof path, "%s/current/VERSION", dir);
    CU_ASSERT_FATAL(properties_read(env_posix(), path, &p, NULL) == 0);
    CU_ASSERT_STRING_EQUAL(properties_get(&p, "clusterID"), "CID-test");
    CU_ASSERT_STRING_EQUAL(properties_get(&p, "datanodeUuid"), "uuid-1");
    CU_ASSERT_STRING_EQUAL(properties_get(&p, "storageType"), "DATA_NODE");
    CU_ASSERT_STRING_EQUAL(properties_get(&p, "layoutVersion"), "-57");
    CU_ASSERT_STRING_EQUAL(properties_get(&p, "cTime"), "0");
    CU_ASSERT(strncmp(properties_get(&p, "storageID"), "DS-", 3) == 0);
    snprintf(path, sizeof path, "%s/current/" POOL "/current/VERSION", dir);
    CU_ASSERT_FATAL(properties_read(env_posix(), path, &p, NULL) == 0);
    CU_ASSERT_STRING_EQUAL(properties_get(&p, "namespaceID"), "77");
    CU_ASSERT_STRING_EQUAL(properties_get(&p, "blockpoolID"), POOL);
    CU_ASSERT_STRING_EQUAL(properties_get(&p, "cTime"), "5");
    snprintf(path, sizeof path, "%s/current/" POOL "/current/rbw", dir);
    CU_ASSERT(access(path, F_OK) == 0);
    snprintf(path, sizeof path, "%s/current/" POOL "/tmp", dir);
    CU_ASSERT(access(path, F_OK) == 0);
    CU_ASSERT(volume_owner(v, uuid, NULL) == 0);
    CU_ASSERT_STRING_EQUAL(uuid, "uuid-1");
    volume_close(v);
}

static void test_a_directory_of_another_cluster_is_refused_with_both_ids(void)
{
    const char *dir = suite_tmp_dir();
    struct pool_info other = test_pool;
    struct volume *v = open_at(dir);
    struct err err;

    CU_ASSERT(volume_join(v, &test_pool, "uuid-1", NULL) == 0);
    snprintf(other.cluster_id, sizeof other.cluster_id, "CID-other");
    CU_ASSERT(volume_join(v, &other, "uuid-1", &err) == -ERR_BAD_POOL);
    CU_ASSERT(strstr(err.text, "CID-other") && strstr(err.text, "CID-test"));
    other = test_pool;
    other.namespace_id = 78;
    CU_ASSERT(volume_join(v, &other, "uuid-1", &err) == -ERR_BAD_POOL);
    CU_ASSERT(strstr(err.text, "namenode namespaceID = 78") && strstr(err.text, "= 77"));
    CU_ASSERT(volume_join(v, &test_pool, "uuid-2", &err) == -ERR_INCONSISTENT);
    CU_ASSERT(strstr(err.text, "uuid-1") && strstr(err.text, "uuid-2"));
    CU_ASSERT(volume_join(v, &test_pool, "uuid-1", &err) == 0);
    volume_close(v);
}

static void test_a_layout_from_the_future_is_refused(void)
{
    const char *dir = suite_tmp_dir();
    struct volume *v = open_at(dir);
    struct properties p;
    char path[512];

    CU_ASSERT(volume_join(v, &test_pool, "uuid-1", NULL) == 0);
    snprintf(path, sizeof path, "%s/current/VERSION", dir);
    CU_ASSERT(properties_read(env_posix(), path, &p, NULL) == 0);
    properties_set(&p, "layoutVersion", "-58");
    CU_ASSERT(properties_write(env_posix(), path, &p, NULL) == 0);
    CU_ASSERT(volume_join(v, &test_pool, "uuid-1", NULL) == -ERR_VERSION);
    volume_close(v);
}

/* Locks of one process don't keep that process out, so another one tries. */
static void test_a_directory_in_use_is_refused(void)
{
    const char *dir = suite_tmp_dir();
    struct volume *v = open_at(dir);
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct volume *second;
        struct err err;
        int rc = volume_open(env_posix(), 0, dir, 0, &second, &err);

        _exit(rc == -ERR_LOCKED && strstr(err.text, dir) ? 0 : 1);
    }
    CU_ASSERT(waitpid(child, &status, 0) == child && status == 0);
    volume_close(v);
}

static void test_a_half_formatted_directory_is_formatted_again(void)
{
    const char *dir = suite_tmp_dir();
    char path[512];
    struct volume *v;

    snprintf(path, sizeof path, "%s/current/" POOL "/current", dir);
    CU_ASSERT(env_mkdirs(env_posix(), path, 0755, NULL) == 0);
    snprintf(path, sizeof path, "%s/current/VERSION.tmp", dir);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    v = open_at(dir);
    CU_ASSERT(volume_join(v, &test_pool, "uuid-1", NULL) == 0);
    snprintf(path, sizeof path, "%s/current/VERSION", dir);
    CU_ASSERT(access(path, F_OK) == 0);
    volume_close(v);
}

static void test_a_directory_with_replicas_that_lost_its_version_is_refused(void)
{
    static const char *const lost[] = {"current/" POOL "/current/VERSION", "current/VERSION"};

    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        const char *dir = suite_tmp_dir();
        struct volume *v = open_at(dir);
        char path[512];
        struct err err;

        CU_ASSERT(volume_join(v, &test_pool, "uuid-1", NULL) == 0);
        volume_block_path(v, HOME_RBW, 5, path, sizeof path);
        close(open(path, O_CREAT | O_WRONLY, 0644));
        volume_close(v);
        snprintf(path, sizeof path, "%s/%s", dir, lost[i]);
        CU_ASSERT(unlink(path) == 0);
        v = open_at(dir);
        CU_ASSERT(volume_join(v, &test_pool, "uuid-1", &err) == -ERR_INCONSISTENT);
        CU_ASSERT(strstr(err.text, dir) != NULL && access(path, F_OK) < 0);
        volume_close(v);
    }
}

static void test_the_type_of_a_storage_stands_in_front_of_its_path(void)
{
    char spec[512];
    struct volume *v;
    struct err err;

    snprintf(spec, sizeof spec, "[SSD]file://%s/", suite_tmp_dir());
    v = open_at(spec);
    CU_ASSERT(v->type == PB__STORAGE_TYPE_PROTO__SSD && strstr(v->root, "ashlar-") != NULL);
    volume_close(v);
    CU_ASSERT(volume_open(env_posix(), 0, "[FLOPPY]/tmp/x", 0, &v, &err) == -ERR_CONFIG);
    CU_ASSERT(strstr(err.text, "FLOPPY") != NULL);
}

static void test_blocks_lie_where_hadoop_looks_for_them(void)
{
    struct volume *v = open_at(suite_tmp_dir());
    char path[5000];

    CU_ASSERT(volume_join(v, &test_pool, "uuid-1", NULL) == 0);
    volume_block_path(v, HOME_FINALIZED, 1073741825 + 0x30500, path, sizeof path);
    CU_ASSERT(strstr(path, "/current/finalized/subdir3/subdir5/blk_1073939713") != NULL);
    volume_meta_path(v, HOME_RBW, 12, 1001, path, sizeof path);
    CU_ASSERT(strstr(path, "/current/rbw/blk_12_1001.meta") != NULL);
    volume_block_path(v, HOME_TMP, (uint64_t)-16, path, sizeof path);
    CU_ASSERT(strstr(path, "/tmp/blk_-16") != NULL);
    volume_close(v);
}

SUITE(volume, TEST(test_a_fresh_directory_is_formatted_as_hadoops),
      TEST(test_a_directory_of_another_cluster_is_refused_with_both_ids),
      TEST(test_a_layout_from_the_future_is_refused), TEST(test_a_directory_in_use_is_refused),
      TEST(test_a_half_formatted_directory_is_formatted_again),
      TEST(test_a_directory_with_replicas_that_lost_its_version_is_refused),
      TEST(test_the_type_of_a_storage_stands_in_front_of_its_path),
      TEST(test_blocks_lie_where_hadoop_looks_for_them))
