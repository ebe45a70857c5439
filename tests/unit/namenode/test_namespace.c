#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/namespace.h"
#include "tests/lib/suite.h"

static struct err err;

static struct namespace *fresh(void)
{
    struct namespace *ns = NULL;

    CU_ASSERT_FATAL(ns_new(NULL, &ns, &err) == 0);
    return ns;
}

static int mkdir_op(struct namespace *ns, const char *path, uint64_t when)
{
    struct edit_op op = {.code = EDIT_MKDIR,
                         .path = path,
                         .inode_id = ns_last_inode_id(ns) + 1,
                         .user = "u",
                         .group = "g",
                         .mode = 0755,
                         .mtime_ms = when};

    return ns_apply(ns, &op, &err);
}

static int create_op(struct namespace *ns, const char *path, const char *holder, bool overwrite)
{
    struct edit_op op = {.code = EDIT_ADD,
                         .path = path,
                         .inode_id = ns_last_inode_id(ns) + 1,
                         .user = "u",
                         .group = "g",
                         .mode = 0644,
                         .mtime_ms = 5,
                         .atime_ms = 5,
                         .replication = 3,
                         .block_size = 128 << 20,
                         .client_name = holder,
                         .client_machine = "host",
                         .overwrite = overwrite};

    return ns_apply(ns, &op, &err);
}

static int add_block_op(struct namespace *ns, const char *path, uint64_t last_length)
{
    struct edit_block blocks[2];
    uint64_t file = ns_lookup(ns, path), ids[64];
    uint32_t n = ns_file_blocks(ns, file, ids, 0, 64);
    struct edit_op op = {.code = EDIT_ADD_BLOCK, .path = path, .blocks = blocks};

    if (n)
        blocks[op.block_count++] = (struct edit_block){ids[n - 1], last_length, ns_gs(ns)};
    blocks[op.block_count++] = (struct edit_block){ns_last_block_id(ns) + 1, 0, ns_gs(ns) + 1};
    return ns_apply(ns, &op, &err);
}

static int close_op(struct namespace *ns, const char *path, uint64_t last_length)
{
    struct edit_block blocks[64];
    uint64_t file = ns_lookup(ns, path), ids[64];
    uint32_t n = ns_file_blocks(ns, file, ids, 0, 64);
    struct edit_op op = {.code = EDIT_CLOSE,
                         .path = path,
                         .mtime_ms = 9,
                         .atime_ms = 5,
                         .blocks = blocks,
                         .block_count = (int)n};

    for (uint32_t k = 0; k < n; k++) {
        struct block_info b;

        ns_block(ns, ids[k], &b);
        blocks[k] = (struct edit_block){ids[k], k == n - 1 ? last_length : b.length, b.gs};
    }
    return ns_apply(ns, &op, &err);
}

static int delete_op(struct namespace *ns, const char *path)
{
    struct edit_op op = {.code = EDIT_DELETE, .path = path, .mtime_ms = 20};

    return ns_apply(ns, &op, &err);
}

static void test_a_file_lives_from_create_to_delete(void)
{
    struct namespace *ns = fresh();
    struct inode_info in;
    struct open_file open;
    struct block_info b;
    uint64_t id, ids[4];

    CU_ASSERT(mkdir_op(ns, "/d", 3) == 0);
    CU_ASSERT(create_op(ns, "/d/f", "writer", false) == 0);
    id = ns_lookup(ns, "/d/f");
    CU_ASSERT_FATAL(ns_open_file(ns, id, &open));
    CU_ASSERT_STRING_EQUAL(open.client_name, "writer");
    CU_ASSERT(add_block_op(ns, "/d/f", 0) == 0);
    CU_ASSERT(add_block_op(ns, "/d/f", 128 << 20) == 0);
    CU_ASSERT(add_block_op(ns, "/d/f", 128 << 20) == 0);
    CU_ASSERT(close_op(ns, "/d/f", 7) == 0);
    ns_check(ns);
    CU_ASSERT_FATAL(ns_info(ns, id, &in));
    CU_ASSERT(in.length == (2ull << 27) + 7 && in.block_count == 3 && !in.under_construction);
    CU_ASSERT(in.mtime_ms == 9 && in.atime_ms == 5 && in.replication == 3);
    CU_ASSERT(in.name_n == 1 && in.name[0] == 'f');
    CU_ASSERT(ns_file_blocks(ns, id, ids, 0, 4) == 3 && ids[0] == 1073741825);
    CU_ASSERT(ns_block(ns, ids[2], &b) && b.file == id && b.length == 7 && b.gs == 1003);
    CU_ASSERT(ns_info(ns, ns_lookup(ns, "/d"), &in) && in.mtime_ms == 5);
    CU_ASSERT(delete_op(ns, "/d") == 0);
    ns_check(ns);
    CU_ASSERT(ns_inode_count(ns) == 1 && ns_block_count(ns) == 0 && ns_file_count(ns) == 0);
    ns_free(ns);
}

static int gone;
static void count_gone(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    (void)ctx;
    gone += b->storage_count == 5 && storages[4] == 104;
}

static void test_replicas_are_added_once_and_told_of_when_they_go(void)
{
    struct namespace *ns = fresh();
    uint64_t id;
    uint16_t s[8];

    ns_on_block_gone(ns, count_gone, NULL);
    create_op(ns, "/f", "w", false);
    add_block_op(ns, "/f", 0);
    id = ns_last_block_id(ns);
    for (uint16_t k = 0; k < 5; k++) {
        CU_ASSERT(ns_block_add_storage(ns, id, (uint16_t)(100 + k)));
        CU_ASSERT(!ns_block_add_storage(ns, id, (uint16_t)(100 + k)));
    }
    CU_ASSERT(ns_block_storages(ns, id, s, 8) == 5 && s[0] == 100 && s[4] == 104);
    CU_ASSERT(ns_block_remove_storage(ns, id, 101) && ns_block_remove_storage(ns, id, 103));
    CU_ASSERT(!ns_block_remove_storage(ns, id, 101));
    CU_ASSERT(ns_block_storages(ns, id, s, 8) == 3 && s[1] == 102 && s[2] == 104);
    ns_block_add_storage(ns, id, 101);
    ns_block_add_storage(ns, id, 104);
    ns_block_add_storage(ns, id, 103);
    CU_ASSERT(ns_block_remove_storage(ns, id, 104) && ns_block_add_storage(ns, id, 104));
    gone = 0;
    CU_ASSERT(delete_op(ns, "/f") == 0 && gone == 1);
    ns_check(ns);
    ns_free(ns);
}

static void test_records_that_do_not_fit_change_nothing(void)
{
    static const struct edit_block other[] = {{1073741999, 1, 1001}};
    const struct edit_op bad[] = {
        {.code = EDIT_MKDIR, .path = "/no/such", .inode_id = 20000, .user = "u", .group = "g"},
        {.code = EDIT_MKDIR, .path = "/d", .inode_id = 20000, .user = "u", .group = "g"},
        {.code = EDIT_MKDIR, .path = "/x", .inode_id = 16385, .user = "u", .group = "g"},
        {.code = EDIT_ADD, .path = "/d", .inode_id = 20000, .user = "u", .group = "g"},
        {.code = EDIT_ADD, .path = "/d/f/g", .inode_id = 20000, .user = "u", .group = "g"},
        {.code = EDIT_DELETE, .path = "/"},
        {.code = EDIT_DELETE, .path = "/nothing"},
        {.code = EDIT_CLOSE, .path = "/d"},
        {.code = EDIT_CLOSE, .path = "/d/f", .blocks = other, .block_count = 1},
        {.code = EDIT_ADD_BLOCK, .path = "/d/f"},
        {.code = EDIT_RENAME, .path = "/d", .path2 = "/d/e"},
        {.code = EDIT_RENAME, .path = "/d", .path2 = "/e"},
        {.code = EDIT_RENAME, .path = "/d/f", .path2 = "/d", .rename_options = RENAME_OVERWRITE},
        {.code = EDIT_TRUNCATE, .path = "/d/f", .new_length = 1ull << 40},
        {.code = EDIT_REASSIGN_LEASE, .path = "/e", .new_holder = "x"},
        {.code = (enum edit_code)200},
        {.code = EDIT_SET_OWNER},
        {.code = EDIT_SET_QUOTA, .path = "/d/f", .ns_quota = 1},
    };
    struct namespace *ns = fresh();
    uint64_t before;

    mkdir_op(ns, "/d", 1);
    create_op(ns, "/d/f", "w", false);
    add_block_op(ns, "/d/f", 0);
    mkdir_op(ns, "/e", 1);
    before = ns_digest(ns);
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        CU_ASSERT(ns_apply(ns, &bad[k], &err) < 0);
        CU_ASSERT(ns_digest(ns) == before);
        ns_check(ns);
    }
    ns_free(ns);
}

static void count_seen(void *ctx, const struct inode_info *info)
{
    (void)info;
    ++*(int *)ctx;
}

static void test_a_large_tree_goes_at_once_and_is_freed_in_slices(void)
{
    struct namespace *ns = fresh();
    struct inode_info in;
    char path[64];
    int slices = 0, seen = 0;
    uint64_t inside, digest;

    mkdir_op(ns, "/big", 1);
    for (int i = 0; i < 5000; i++) {
        snprintf(path, sizeof path, "/big/%d", i);
        create_op(ns, path, i == 7 ? "writer" : "", false);
    }
    ns_check(ns);
    CU_ASSERT(ns_open_file_count(ns) == 1);
    inside = ns_lookup(ns, "/big/7");
    CU_ASSERT(delete_op(ns, "/big") == 0);
    CU_ASSERT(!ns_info(ns, inside, &in) && ns_kind(ns, inside) == INODE_NONE);
    CU_ASSERT(ns_inode_scan(ns, 0, 10000, count_seen, &seen) == 0 && seen == 1);
    digest = ns_digest(ns);
    CU_ASSERT(ns_lookup(ns, "/big") == 0 && ns_lookup(ns, "/big/7") == 0);
    CU_ASSERT(ns_open_file_count(ns) == 0);
    ns_check(ns);
    while (ns_reclaim(ns, 500)) {
        slices++;
        ns_check(ns);
        CU_ASSERT(ns_digest(ns) == digest);
    }
    CU_ASSERT(ns_digest(ns) == digest);
    CU_ASSERT(slices == 8);
    CU_ASSERT(ns_inode_count(ns) == 1);
    ns_check(ns);
    ns_free(ns);
}

/* Java's bytes have a sign. */
static int signed_order(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return !*a || !*b ? !!*a - !!*b : (int8_t)*a - (int8_t)*b;
}

static void test_names_are_listed_in_the_order_of_their_signed_bytes(void)
{
    enum { N = 3000 };
    static uint64_t ids[N + 1];
    struct namespace *ns = fresh();
    char path[400], before[400] = "";
    int n;

    srand(11);
    mkdir_op(ns, "/d", 1);
    for (int i = 0; i < N; i++) {
        int len = 1 + rand() % 300;

        strcpy(path, "/d/");
        for (int k = 0; k < len; k++)
            path[3 + k] = (char)("abc\xe9\xff"[rand() % 5]);
        path[3 + len] = 0;
        if (ns_lookup(ns, path) == 0)
            CU_ASSERT_FATAL(mkdir_op(ns, path, 1) == 0);
    }
    ns_check(ns);
    n = ns_children(ns, ns_lookup(ns, "/d"), "", 0, ids, N + 1);
    for (int k = 0; k < n; k++) {
        struct inode_info in;
        uint64_t next;

        ns_info(ns, ids[k], &in);
        snprintf(path, sizeof path, "%.*s", (int)in.name_n, in.name);
        CU_ASSERT(signed_order(before, path) < 0);
        strcpy(before, path);
        CU_ASSERT(ns_child(ns, in.parent, in.name, in.name_n) == ids[k]);
        if (k + 1 < n)
            CU_ASSERT(ns_children(ns, in.parent, path, (unsigned)strlen(path), &next, 1) == 1 &&
                      next == ids[k + 1]);
    }
    for (int k = 0; k < n; k += 2) {
        struct arena a;

        arena_init(&a, 1 << 20);
        CU_ASSERT(delete_op(ns, ns_path_of(ns, ids[k], &a)) == 0);
        arena_done(&a);
    }
    ns_check(ns);
    ns_free(ns);
}

/* Is the name of number @k found exactly when it is there?  The directory itself is asked, without
 * the cache in front of it. */
static void look_for(const struct namespace *ns, uint64_t dir, int k, bool there)
{
    char name[20];
    uint64_t id = dir_find(ns, dir, name, (unsigned)snprintf(name, sizeof name, "n%04d", k));
    struct inode_info in;

    CU_ASSERT((id != 0) == there);
    if (id)
        CU_ASSERT(ns_info(ns, id, &in) && in.name_n == 5 && memcmp(in.name, name, 5) == 0);
}

/* Chunks of 128 and tags of 256 values: both meet their like many times over. */
static void test_a_name_is_found_wherever_the_last_search_ended(void)
{
    enum { N = 1500 };
    static bool there[N];
    struct namespace *ns = fresh();
    uint64_t dir;
    char path[20];

    srand(12);
    mkdir_op(ns, "/d", 1);
    dir = ns_lookup(ns, "/d");
    for (int i = 0; i < 12 * N; i++) {
        int k = rand() % N, near = k + rand() % 5 - 2;

        snprintf(path, sizeof path, "/d/n%04d", k);
        if (rand() % 3)
            look_for(ns, dir, near < 0 || near >= N ? k : near,
                     there[near < 0 || near >= N ? k : near]);
        if (i % 4 == 0) /* mostly there at first, mostly gone in the end */
            continue;
        if (there[k] && rand() % (12 * N) < i) {
            CU_ASSERT(delete_op(ns, path) == 0);
            there[k] = false;
        } else if (!there[k] && rand() % (12 * N) > i) {
            CU_ASSERT(mkdir_op(ns, path, 1) == 0);
            there[k] = true;
        }
        look_for(ns, dir, k, there[k]);
    }
    for (int k = 0; k < N; k++)
        look_for(ns, dir, k, there[k]);
    ns_check(ns);
    ns_free(ns);
}

static void test_paths_are_followed_as_far_as_they_exist(void)
{
    struct namespace *ns = fresh();
    struct arena a;
    struct ns_path p;
    char path[100];

    arena_init(&a, 1 << 20);
    mkdir_op(ns, "/a", 1);
    create_op(ns, "/a/f", "", false);
    CU_ASSERT(ns_resolve(ns, "/", &a, &p, &err) == 0 && p.count == 1 && p.found == 1);
    CU_ASSERT(ns_resolve(ns, "//a//f/", &a, &p, &err) == 0 && p.count == 3 && p.found == 3);
    CU_ASSERT(ns_resolve(ns, "/a/x/y", &a, &p, &err) == 0 && p.count == 4 && p.found == 2);
    CU_ASSERT(!p.through_file);
    CU_ASSERT(ns_resolve(ns, "/a/f/y", &a, &p, &err) == 0 && p.found == 3 && p.through_file);
    CU_ASSERT(ns_resolve(ns, "/a/../f", &a, &p, &err) == -ERR_INVALID_PATH);
    CU_ASSERT(ns_resolve(ns, "a", &a, &p, &err) == -ERR_INVALID_PATH);
    snprintf(path, sizeof path, "/.reserved/.inodes/%llu/f",
             (unsigned long long)ns_lookup(ns, "/a"));
    CU_ASSERT(ns_resolve(ns, path, &a, &p, &err) == 0 && p.found == 3 &&
              p.ids[2] == ns_lookup(ns, "/a/f"));
    CU_ASSERT(ns_lookup(ns, path) == ns_lookup(ns, "/a/f"));
    CU_ASSERT(ns_resolve(ns, "/.reserved/.inodes/99999", &a, &p, &err) == -ERR_NOENT);
    CU_ASSERT_STRING_EQUAL(ns_path_of(ns, p.ids[2], &a), "/a/f");
    CU_ASSERT_STRING_EQUAL(ns_path_of(ns, NS_ROOT_ID, &a), "/");
    arena_done(&a);
    ns_free(ns);
}

static void set_quota(struct namespace *ns, const char *path, int64_t names, int64_t space)
{
    struct edit_op op = {
        .code = EDIT_SET_QUOTA, .path = path, .ns_quota = names, .ds_quota = space};

    CU_ASSERT(ns_apply(ns, &op, &err) == 0);
}

static bool uses(struct namespace *ns, const char *path, int64_t names, int64_t space)
{
    struct ns_usage u;

    return ns_quota_usage(ns, ns_lookup(ns, path), &u) && u.names == names && u.space == space;
}

static void test_a_quota_counts_its_tree_and_refuses_what_exceeds_it(void)
{
    const int64_t block = 3ll << 27; /* three replicas of one whole block */
    const struct edit_op more_names = {.code = EDIT_MKDIR, .path = "/q/x/y"};
    const struct edit_op more_space = {.code = EDIT_ADD_BLOCK, .path = "/q/d/f"};
    const struct edit_op move_in = {.code = EDIT_RENAME_OLD, .path = "/out", .path2 = "/q/out"};
    const struct edit_op within = {.code = EDIT_RENAME_OLD, .path = "/q/d/f", .path2 = "/q/g"};
    struct namespace *ns = fresh();
    uint64_t ids[1];

    mkdir_op(ns, "/q", 1);
    mkdir_op(ns, "/q/d", 1);
    mkdir_op(ns, "/out", 1);
    set_quota(ns, "/q", 3, block + 5000);
    CU_ASSERT(uses(ns, "/q", 2, 0));
    create_op(ns, "/q/d/f", "w", false);
    CU_ASSERT(uses(ns, "/q", 3, 0));
    CU_ASSERT(ns_check_quota(ns, &more_names, &err) == -ERR_NS_QUOTA);
    CU_ASSERT_STRING_EQUAL(err.text, "The NameSpace quota (directories and files) of directory /q "
                                     "is exceeded: quota=3 file count=4");
    CU_ASSERT(ns_check_quota(ns, &move_in, &err) == -ERR_NS_QUOTA);
    CU_ASSERT(ns_check_quota(ns, &within, &err) == 0);
    CU_ASSERT(ns_check_quota(ns, &more_space, &err) == 0);
    add_block_op(ns, "/q/d/f", 0);
    CU_ASSERT(uses(ns, "/q", 3, block));
    CU_ASSERT(ns_check_quota(ns, &more_space, &err) == -ERR_DS_QUOTA);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "The DiskSpace quota of /q is exceeded: quota = 402658184 B = 384.00 MB "
                           "but diskspace consumed = 805306368 B = 768 MB");
    ns_file_blocks(ns, ns_lookup(ns, "/q/d/f"), ids, 0, 1);
    ns_block_commit(ns, ids[0], 1000, ns_gs(ns));
    CU_ASSERT(uses(ns, "/q", 3, 3000));
    close_op(ns, "/q/d/f", 1000);
    set_quota(ns, "/", 100, -1);
    CU_ASSERT(uses(ns, "/", 5, 3000) && uses(ns, "/q", 3, 3000));
    delete_op(ns, "/q/d");
    CU_ASSERT(uses(ns, "/", 3, 0) && uses(ns, "/q", 1, 0));
    ns_check(ns);
    delete_op(ns, "/q");
    CU_ASSERT(uses(ns, "/", 2, 0));
    set_quota(ns, "/", -1, -1);
    CU_ASSERT(!uses(ns, "/", 2, 0) && ns_check_quota(ns, &more_names, &err) == 0);
    ns_check(ns);
    ns_free(ns);
}

static void set_policy(struct namespace *ns, const char *path, uint8_t policy)
{
    const struct edit_op op = {
        .code = EDIT_SET_STORAGE_POLICY, .path = path, .storage_policy = policy};

    CU_ASSERT(ns_apply(ns, &op, &err) == 0);
}

static void set_type_quota(struct namespace *ns, const char *path, uint8_t type, int64_t space)
{
    const struct edit_op op = {.code = EDIT_SET_QUOTA_BY_STORAGETYPE,
                               .path = path,
                               .storage_type = type,
                               .ds_quota = space};

    CU_ASSERT(ns_apply(ns, &op, &err) == 0);
}

static bool uses_types(struct namespace *ns, const char *path, int64_t disk, int64_t ssd,
                       int64_t archive)
{
    struct ns_usage u;

    ns_check(ns);
    return ns_quota_usage(ns, ns_lookup(ns, path), &u) && u.types[0] == disk && u.types[1] == ssd &&
           u.types[2] == archive;
}

static void test_a_quota_of_a_storage_type_counts_by_policy(void)
{
    enum { DISK, SSD, ARCHIVE, WARM = 5, ONE_SSD = 10, BLOCK = 1 << 27 };
    const struct edit_op more = {.code = EDIT_ADD_BLOCK, .path = "/q/f"};
    const struct edit_op inside = {.code = EDIT_TRUNCATE, .path = "/q/f", .new_length = 500};
    const struct edit_op in = {.code = EDIT_RENAME_OLD, .path = "/plain", .path2 = "/q/plain"};
    const char *sources[] = {"/q/g"};
    const struct edit_op join = {
        .code = EDIT_CONCAT_DELETE, .path = "/q/f", .sources = sources, .source_count = 1};
    struct namespace *ns = fresh();

    mkdir_op(ns, "/q", 1);
    create_op(ns, "/plain", "", false);
    add_block_op(ns, "/plain", 0);
    close_op(ns, "/plain", 1000);
    set_type_quota(ns, "/q", SSD, BLOCK + 1000);
    create_op(ns, "/q/f", "w", false);
    add_block_op(ns, "/q/f", 0);
    CU_ASSERT(uses_types(ns, "/q", 0, 0, 0)); /* no policy: on no kind of storage */
    CU_ASSERT(ns_check_quota(ns, &more, &err) == 0);
    set_policy(ns, "/q", ONE_SSD);
    CU_ASSERT(uses_types(ns, "/q", 2ll * BLOCK, BLOCK, 0));
    CU_ASSERT(ns_check_quota(ns, &more, &err) == -ERR_TYPE_QUOTA);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "Quota by storage type : SSD on path : /q is exceeded. quota = "
                           "128.00 MB but space consumed = 256 MB");
    close_op(ns, "/q/f", 1000);
    CU_ASSERT(uses_types(ns, "/q", 2000, 1000, 0));
    CU_ASSERT(ns_check_quota(ns, &inside, &err) == 0); /* the cut block counts as a whole one */
    CU_ASSERT(ns_check_quota(ns, &in, &err) == 0);
    set_type_quota(ns, "/q", SSD, 1500);
    CU_ASSERT(ns_check_quota(ns, &inside, &err) == -ERR_TYPE_QUOTA);
    CU_ASSERT(ns_check_quota(ns, &in, &err) == -ERR_TYPE_QUOTA); /* by the policy it would get */
    set_policy(ns, "/plain", WARM);
    CU_ASSERT(ns_check_quota(ns, &in, &err) == 0);
    CU_ASSERT(ns_apply(ns, &in, &err) == 0 && uses_types(ns, "/q", 3000, 1000, 2000));
    create_op(ns, "/q/g", "w", false);
    set_policy(ns, "/q/g", WARM);
    add_block_op(ns, "/q/g", 0);
    close_op(ns, "/q/g", 700);
    CU_ASSERT(uses_types(ns, "/q", 3700, 1000, 3400));
    CU_ASSERT(ns_check_quota(ns, &join, &err) == -ERR_TYPE_QUOTA);
    CU_ASSERT(ns_apply(ns, &join, &err) == 0 && uses_types(ns, "/q", 4400, 1700, 2000));
    set_policy(ns, "/q", 0);
    set_policy(ns, "/", WARM); /* inherited: what is inside counts otherwise too */
    CU_ASSERT(uses_types(ns, "/q", 2700, 0, 5400));
    ns_free(ns);
}

static void test_acls_and_attributes_are_kept_beside_the_mode(void)
{
    const struct edit_acl_entry acl[] = {
        {0, 0, 7, NULL}, {0, 0, 4, "bob"}, {1, 0, 5, NULL}, {2, 0, 6, NULL}, {3, 0, 0, NULL}};
    const struct edit_xattr x = {.ns = 0, .name = "k", .value = (const uint8_t *)"v", .value_n = 1};
    struct edit_op op = {.code = EDIT_SET_ACL, .path = "/d", .acl = acl, .acl_count = 5};
    struct namespace *ns = fresh();
    struct edit_acl_entry *got;
    struct inode_info in;
    uint64_t id;

    mkdir_op(ns, "/d", 1);
    id = ns_lookup(ns, "/d");
    CU_ASSERT(ns_apply(ns, &op, &err) == 0);
    CU_ASSERT(ns_info(ns, id, &in) && in.mode == 0760 && in.has_acl);
    CU_ASSERT(ns_acl(ns, &in, &got) == 2 && strcmp(got[0].name, "bob") == 0);
    op.acl_count = 0;
    CU_ASSERT(ns_apply(ns, &op, &err) == 0);
    CU_ASSERT(ns_info(ns, id, &in) && in.mode == 0750 && !in.has_acl);
    op = (struct edit_op){.code = EDIT_SET_XATTR, .path = "/d", .xattrs = &x, .xattr_count = 1};
    CU_ASSERT(ns_apply(ns, &op, &err) == 0 && ns_apply(ns, &op, &err) == 0);
    CU_ASSERT(ns_info(ns, id, &in) && in.has_xattrs);
    op.code = EDIT_REMOVE_XATTR;
    CU_ASSERT(ns_apply(ns, &op, &err) == 0 && ns_info(ns, id, &in) && !in.has_xattrs);
    ns_check(ns);
    op = (struct edit_op){
        .code = EDIT_TIMES, .path = "/d", .mtime_ms = 1ull << 60, .atime_ms = UINT64_MAX};
    CU_ASSERT(ns_apply(ns, &op, &err) == 0);
    CU_ASSERT(ns_info(ns, id, &in) && in.mtime_ms == 1ull << 60 && in.atime_ms == 0);
    ns_check(ns);
    ns_free(ns);
}

/* A truncate that ends inside a block names that block, with another stamp. */
static int names_block_to_cut(struct namespace *ns, const uint64_t *ids, uint32_t n,
                              uint64_t length, struct edit_block *out)
{
    struct block_info b;
    uint64_t at = 0;

    for (uint32_t k = 0; k < n && k < 100 && at < length; k++, at += b.length) {
        CU_ASSERT_FATAL(ns_block(ns, ids[k], &b));
        *out = (struct edit_block){b.id, b.length, ns_gs(ns) + 1};
    }
    return at > length;
}

/* Random records; each namespace gets the same ones, so both must be the same all the time. */
static void random_step(struct namespace *ns, struct namespace *twin)
{
    char a[64], b[64];
    struct edit_block blocks[2];
    struct edit_op op = {.mtime_ms = (uint64_t)rand() % 1000, .user = "u", .group = "g"};
    uint64_t file, ids[100];
    uint32_t n;
    int first, second;

    snprintf(a, sizeof a, "/%d%s%d", rand() % 4, rand() % 3 ? "/" : "/1/", rand() % 9);
    snprintf(b, sizeof b, "/%d%s%d", rand() % 4, rand() % 3 ? "/" : "/1/", rand() % 9);
    if (rand() % 20 == 0)
        a[2] = 0;
    op.path = a;
    op.path2 = b;
    op.inode_id = ns_last_inode_id(ns) + 1;
    file = ns_lookup(ns, a);
    n = file ? ns_file_blocks(ns, file, ids, 0, 100) : 0;
    switch (rand() % 10) {
    case 0: op.code = EDIT_MKDIR; break;
    case 9:
        op.code = rand() % 2 ? EDIT_SET_QUOTA : EDIT_SET_REPLICATION;
        op.ns_quota = rand() % 3 - 1;
        op.ds_quota = rand() % 2 ? -1 : 1000;
        op.replication = (uint16_t)(1 + rand() % 5);
        break;
    case 1:
    case 2:
        op.code = EDIT_ADD;
        op.client_name = "w";
        op.client_machine = "m";
        op.overwrite = rand() % 2;
        break;
    case 3: op.code = EDIT_DELETE; break;
    case 4:
        op.code = rand() % 2 ? EDIT_RENAME : EDIT_RENAME_OLD;
        op.rename_options = (uint32_t)rand() % 2;
        break;
    case 5:
        op.code = EDIT_ADD_BLOCK;
        op.blocks = blocks;
        if (n && n < 90)
            blocks[op.block_count++] =
                (struct edit_block){ids[n - 1], (uint64_t)rand() % 999, 1001};
        blocks[op.block_count++] = (struct edit_block){ns_last_block_id(ns) + 1, 0, ns_gs(ns) + 1};
        break;
    case 6:
        op.code = EDIT_APPEND;
        op.client_name = "x";
        break;
    case 7:
        op.code = EDIT_SET_PERMISSIONS;
        op.mode = (uint16_t)(rand() % 01000);
        break;
    default:
        op.code = EDIT_TRUNCATE;
        op.new_length = (uint64_t)rand() % 500;
        op.client_name = "t";
        op.blocks = blocks;
        op.block_count = names_block_to_cut(ns, ids, n, op.new_length, blocks);
    }
    first = ns_apply(ns, &op, NULL);
    second = ns_apply(twin, &op, NULL);
    CU_ASSERT_FATAL(first == second);
}

static void test_the_same_records_give_the_same_state(void)
{
    const char *text = getenv("SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 10) : 4711;

    srand(seed);
    for (int run = 0; run < 20; run++) {
        struct namespace *ns = fresh(), *twin = fresh();

        for (int step = 0; step < 2000; step++) {
            random_step(ns, twin);
            if (step % 50 == 0) {
                ns_check(ns);
                CU_ASSERT_FATAL(ns_digest(ns) == ns_digest(twin));
            }
        }
        ns_check(ns);
        CU_ASSERT(ns_digest(ns) == ns_digest(twin));
        ns_free(ns);
        ns_free(twin);
    }
}

/* Makes things until there is no memory; what fails must have changed nothing. */
static int fill(struct namespace *ns)
{
    char path[300];
    int rc = 0;

    for (int i = 0; i < 20000 && rc == 0; i++) {
        uint64_t before = i % 64 == 0 ? ns_digest(ns) : 0;

        snprintf(path, sizeof path, i % 100 ? "/%d/file-%0*d" : "/%d", i / 100, i % 200, i);
        rc = i % 100 ? create_op(ns, path, i % 3 ? "w" : "", false) : mkdir_op(ns, path, 1);
        if (rc == 0 && i % 100 > 50)
            rc = add_block_op(ns, path, 0);
        if (rc < 0 && i % 64 == 0)
            CU_ASSERT(ns_digest(ns) == before);
    }
    return rc;
}

static void test_running_out_of_memory_changes_nothing_and_deleting_helps(void)
{
    for (uint64_t runs = 17; runs < 40; runs++) {
        struct namespace_limits limits = {.memory_max_bytes = runs << 16};
        struct edit_op link = {.code = EDIT_SYMLINK, .path = "/l", .path2 = "t", .user = "u"};
        struct namespace *ns;
        uint64_t before;

        CU_ASSERT_FATAL(ns_new(&limits, &ns, NULL) == 0);
        CU_ASSERT(fill(ns) == -ERR_NOMEM);
        ns_check(ns);
        before = ns_digest(ns);
        link.inode_id = ns_last_inode_id(ns) + 1;
        if (ns_apply(ns, &link, &err) < 0)
            CU_ASSERT(ns_digest(ns) == before);
        for (uint64_t id; (id = ns_lookup(ns, "/0")) != 0;)
            CU_ASSERT_FATAL(delete_op(ns, "/0") == 0);
        ns_check(ns);
        ns_free(ns);
    }
}

SUITE(namespace, TEST(test_a_file_lives_from_create_to_delete),
      TEST(test_replicas_are_added_once_and_told_of_when_they_go),
      TEST(test_records_that_do_not_fit_change_nothing),
      TEST(test_a_large_tree_goes_at_once_and_is_freed_in_slices),
      TEST(test_names_are_listed_in_the_order_of_their_signed_bytes),
      TEST(test_a_name_is_found_wherever_the_last_search_ended),
      TEST(test_paths_are_followed_as_far_as_they_exist),
      TEST(test_a_quota_counts_its_tree_and_refuses_what_exceeds_it),
      TEST(test_a_quota_of_a_storage_type_counts_by_policy),
      TEST(test_acls_and_attributes_are_kept_beside_the_mode),
      TEST(test_the_same_records_give_the_same_state),
      TEST(test_running_out_of_memory_changes_nothing_and_deleting_helps));
