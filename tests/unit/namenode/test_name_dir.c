#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/env.h"
#include "namenode/image/image.h"
#include "namenode/edits/journal.h"
#include "namenode/edits/name_dir.h"
#include "namenode/edits/name_dir_parts.h"
#include "tests/lib/fault_env.h"
#include "tests/lib/suite.h"

#define GOLDEN "tests/golden/name/current/"
enum { FILE_MAX = 4 << 20, PATH = 1024 };

static const char *const golden_files[] = {
    "VERSION",
    "seen_txid",
    "fsimage_0000000000000000000",
    "fsimage_0000000000000000000.md5",
    "edits_0000000000000000001-0000000000000000003",
    "edits_0000000000000000004-0000000000000000007",
    "edits_0000000000000000008-0000000000000000187",
    "edits_0000000000000000188-0000000000000000189",
    "fsimage_0000000000000000189",
    "fsimage_0000000000000000189.md5",
};
enum { GOLDEN_FILES = sizeof golden_files / sizeof *golden_files, GOLDEN_IMAGE = 8 };

static struct env *env(void)
{
    return env_posix();
}

static void put_file(const char *path, const char *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CU_ASSERT_FATAL(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

static void copy_file(const char *from, const char *to)
{
    char *bytes;
    size_t n;

    CU_ASSERT_FATAL(env_read_file(env(), from, FILE_MAX, &bytes, &n, NULL) == 0);
    put_file(to, bytes, n);
    free(bytes);
}

/* A directory with the first @count golden files. */
static char *golden_dir(int count)
{
    static char dir[PATH];
    char from[PATH], to[PATH + 100];

    snprintf(dir, sizeof dir, "%s", suite_tmp_dir());
    snprintf(to, sizeof to, "%s/current", dir);
    CU_ASSERT_FATAL(env_mkdir(env(), to, 0700, NULL) == 0);
    for (int i = 0; i < count; i++) {
        snprintf(from, sizeof from, GOLDEN "%s", golden_files[i]);
        snprintf(to, sizeof to, "%s/current/%s", dir, golden_files[i]);
        copy_file(from, to);
    }
    return dir;
}

struct loaded {
    struct name_dirs *dirs;
    struct namespace *ns;
    struct load_result result;
    struct err err;
    int rc;
};

static struct loaded load(struct env *e, char *const *paths, int count)
{
    struct loaded l = {0};

    l.rc = name_dirs_open(e, paths, count, &l.dirs, &l.err);
    if (l.rc == 0)
        l.rc = ns_new(NULL, &l.ns, &l.err);
    if (l.rc == 0)
        l.rc = name_dirs_load(l.dirs, l.ns, NULL, NULL, &l.result, &l.err);
    if (l.rc == 0)
        ns_check(l.ns);
    return l;
}

static void unload(struct loaded *l)
{
    ns_free(l->ns);
    name_dirs_close(l->dirs);
}

static uint64_t digest_of(char *dir, uint64_t *txid)
{
    struct loaded l = load(env(), &dir, 1);
    uint64_t digest;

    if (l.rc < 0)
        fprintf(stderr, "%s\n", l.err.text);
    CU_ASSERT_FATAL(l.rc == 0);
    digest = ns_digest(l.ns);
    if (txid)
        *txid = l.result.last_txid;
    unload(&l);
    return digest;
}

/* ---- Hadoop's directory ---- */

static void test_hadoops_edits_lead_to_hadoops_image(void)
{
    uint64_t by_edits_txid, by_image_txid, by_edits, by_image;

    by_edits = digest_of(golden_dir(GOLDEN_IMAGE), &by_edits_txid);
    by_image = digest_of(golden_dir(GOLDEN_FILES), &by_image_txid);
    CU_ASSERT(by_edits_txid == 189 && by_image_txid == 189);
    CU_ASSERT(by_edits == by_image);
}

static bool same_buf(const struct buf *a, const struct buf *b)
{
    return a->n == b->n && a->n > 0 && memcmp(a->bytes, b->bytes, a->n) == 0;
}

/* Policies and tokens: what the edits make of the first image's sections are the bytes of
 * Hadoop's later image. */
static void test_what_is_only_carried_follows_the_edits_too(void)
{
    char edits[PATH], image[PATH], *by_edits = edits, *by_image = image;
    struct buf policies[2];
    struct loaded a, b;
    int differing = 0;

    strcpy(edits, golden_dir(GOLDEN_IMAGE));
    strcpy(image, golden_dir(GOLDEN_FILES));
    a = load(env(), &by_edits, 1);
    b = load(env(), &by_image, 1);
    CU_ASSERT_FATAL(a.rc == 0 && b.rc == 0);
    CU_ASSERT(a.result.carried == 8);
    for (int i = 0; i < 2; i++) {
        buf_init(&policies[i], 1 << 20);
        ec_save(ns_ec_policies(i ? b.ns : a.ns), &policies[i]);
    }
    CU_ASSERT(same_buf(&policies[0], &policies[1]));
    buf_done(&policies[0]);
    buf_done(&policies[1]);
    /* Hadoop moved the expiry of the third key without a record when it made the fourth: those
     * six bytes alone differ. */
    CU_ASSERT_FATAL(a.dirs->extras.secret_manager.n == b.dirs->extras.secret_manager.n);
    for (size_t i = 0; i < b.dirs->extras.secret_manager.n; i++)
        differing +=
            a.dirs->extras.secret_manager.bytes[i] != b.dirs->extras.secret_manager.bytes[i];
    CU_ASSERT(differing <= 6);
    unload(&a);
    unload(&b);
}

static void test_hadoops_version_is_understood(void)
{
    char *dir = golden_dir(GOLDEN_FILES);
    struct loaded l = load(env(), &dir, 1);
    const struct name_identity *id;

    CU_ASSERT_FATAL(l.rc == 0);
    id = name_dirs_identity(l.dirs);
    CU_ASSERT(id->layout_version == -67 && strncmp(id->cluster_id, "CID-", 4) == 0);
    CU_ASSERT(strncmp(id->pool_id, "BP-1232741485-127.0.0.1-", 24) == 0);
    CU_ASSERT(l.result.image_txid == 189 && l.result.replayed == 0);
    unload(&l);
}

/* What Hadoop's image says of a few inodes, by hand from tour.xml. */
static void test_hadoops_image_is_understood(void)
{
    char *dir = golden_dir(GOLDEN_FILES);
    struct loaded l = load(env(), &dir, 1);
    struct inode_info i;
    struct arena arena;
    struct edit_xattr *x;
    int64_t names, space, types[NS_STORAGE_TYPES];

    CU_ASSERT_FATAL(l.rc == 0);
    arena_init(&arena, 1 << 20);
    CU_ASSERT(ns_info(l.ns, ns_lookup(l.ns, "/dir/f1"), &i));
    CU_ASSERT(i.replication == 3 && i.mode == 0640 && i.mtime_ms == 1500000000123);
    CU_ASSERT(i.length == 321 && i.block_count == 2 && i.storage_policy == 10);
    CU_ASSERT(strcmp(i.user, "alice") == 0 && strcmp(i.group, "staff") == 0);
    CU_ASSERT(ns_info(l.ns, ns_lookup(l.ns, "/dir/a"), &i));
    CU_ASSERT(i.storage_policy == 5 && i.has_acl && !i.has_xattrs && i.has_quota);
    CU_ASSERT(ns_quota(l.ns, &i, &names, &space) && names == 100 && space == 1LL << 40);
    CU_ASSERT(ns_type_quotas(l.ns, &i, types) && types[1] == 1 << 30 && types[0] == -1);
    CU_ASSERT(ns_info(l.ns, ns_lookup(l.ns, "/dir/link"), &i));
    CU_ASSERT(i.kind == INODE_SYMLINK && strcmp(i.target, "/dir/f1") == 0);
    CU_ASSERT(ns_lookup(l.ns, "/dir/\xc3\xbcml\xc3\xa4ut \xf0\x9f\x98\x80") != 0);
    CU_ASSERT(ns_info(l.ns, ns_lookup(l.ns, "/dir/open1"), &i) && i.under_construction);
    CU_ASSERT(ns_info(l.ns, ns_lookup(l.ns, "/ec/striped"), &i) && i.ec_policy == 4);
    CU_ASSERT(ns_info(l.ns, ns_lookup(l.ns, "/dir/f6"), &i) && ns_xattrs(l.ns, &i, &x) == 2);
    arena_done(&arena);
    unload(&l);
}

/* ---- images of our own ---- */

static void image_path(char *out, const char *dir, uint64_t txid)
{
    snprintf(out, PATH, "%s/current/fsimage_%019llu", dir, (unsigned long long)txid);
}

static void test_a_saved_image_loads_as_what_was_saved(void)
{
    char *dir = golden_dir(GOLDEN_FILES), path[PATH], *a, *b;
    struct loaded l = load(env(), &dir, 1);
    uint64_t digest, again;
    size_t a_n, b_n;

    CU_ASSERT_FATAL(l.rc == 0);
    digest = ns_digest(l.ns);
    CU_ASSERT_FATAL(name_dirs_save_image(l.dirs, l.ns, 200, &l.err) == 0);
    CU_ASSERT(name_dirs_image_txid(l.dirs) == 189);
    CU_ASSERT_FATAL(name_dirs_image_done(l.dirs, 200, 2, 1000000, &l.err) == 0);
    CU_ASSERT(name_dirs_image_txid(l.dirs) == 200);
    unload(&l);
    again = digest_of(dir, NULL);
    CU_ASSERT(again == digest);

    /* And it is as long as Hadoop's: the same fields in the same order. */
    image_path(path, dir, 200);
    CU_ASSERT_FATAL(env_read_file(env(), path, FILE_MAX, &a, &a_n, NULL) == 0);
    image_path(path, dir, 189);
    CU_ASSERT_FATAL(env_read_file(env(), path, FILE_MAX, &b, &b_n, NULL) == 0);
    CU_ASSERT(a_n > b_n * 9 / 10 && a_n < b_n * 11 / 10);
    free(a);
    free(b);
}

static int load_bytes(const char *bytes, size_t n, struct err *err)
{
    static char path[PATH];
    struct image_extras extras;
    struct image_info info;
    struct namespace *ns;
    int rc;

    if (!*path)
        snprintf(path, sizeof path, "%s/image", suite_tmp_dir());
    CU_ASSERT_FATAL(ns_new(NULL, &ns, NULL) == 0);
    image_extras_init(&extras);
    put_file(path, bytes, n);
    rc = image_load(env(), path, NULL, ns, &extras, &info, err);
    if (rc < 0)
        CU_ASSERT(strstr(err->text, path) != NULL || rc != -ERR_CORRUPT);
    image_extras_done(&extras);
    ns_free(ns);
    return rc;
}

/* Without the sum: the parser alone must survive everything. */
static void test_every_truncated_image_is_refused(void)
{
    struct err err;
    char *bytes;
    size_t n;

    CU_ASSERT_FATAL(env_read_file(env(), GOLDEN "fsimage_0000000000000000189", FILE_MAX, &bytes, &n,
                                  NULL) == 0);
    for (size_t k = 0; k < n; k++)
        CU_ASSERT(load_bytes(bytes, k, &err) < 0);
    CU_ASSERT(load_bytes(bytes, n, &err) == 0);
    free(bytes);
}

static void test_a_flipped_bit_never_breaks_the_reader(void)
{
    struct err err;
    char *bytes;
    size_t n;

    CU_ASSERT_FATAL(env_read_file(env(), GOLDEN "fsimage_0000000000000000189", FILE_MAX, &bytes, &n,
                                  NULL) == 0);
    for (size_t bit = 0; bit < n * 8; bit += 3) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        load_bytes(bytes, n, &err);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    free(bytes);
}

static void flip(const char *path, size_t at)
{
    char *bytes;
    size_t n;

    CU_ASSERT_FATAL(env_read_file(env(), path, FILE_MAX, &bytes, &n, NULL) == 0);
    bytes[at % n] ^= 1;
    put_file(path, bytes, n);
    free(bytes);
}

static void test_a_flipped_bit_in_the_image_stops_the_start(void)
{
    char path[PATH];

    for (size_t at = 0; at < 2443; at += 97) {
        char *dir = golden_dir(GOLDEN_FILES);
        struct loaded l;

        image_path(path, dir, 189);
        flip(path, at);
        l = load(env(), &dir, 1);
        CU_ASSERT(l.rc < 0 && strstr(l.err.text, "fsimage_0000000000000000189"));
        unload(&l);
    }
}

static void test_a_second_directory_stands_in_for_a_damaged_one(void)
{
    char one[PATH], two[PATH], path[PATH + 100], *paths[] = {one, two};
    struct loaded l;

    strcpy(one, golden_dir(GOLDEN_FILES));
    strcpy(two, golden_dir(GOLDEN_FILES));
    image_path(path, one, 189);
    flip(path, 500);
    l = load(env(), paths, 2);
    CU_ASSERT(l.rc == 0 && l.result.last_txid == 189);
    unload(&l);

    strcpy(one, golden_dir(GOLDEN_IMAGE));
    strcpy(two, golden_dir(GOLDEN_IMAGE));
    snprintf(path, sizeof path, "%s/current/%s", two, golden_files[6]);
    flip(path, 5000);
    l = load(env(), paths, 2);
    CU_ASSERT(l.rc == 0 && l.result.last_txid == 189);
    unload(&l);
}

static void test_missing_edits_are_an_error(void)
{
    char path[PATH], *dir = golden_dir(GOLDEN_IMAGE);
    struct loaded l;

    snprintf(path, sizeof path, "%s/current/%s", dir, golden_files[6]);
    unlink(path);
    l = load(env(), &dir, 1);
    CU_ASSERT(l.rc == -ERR_INCONSISTENT && strstr(l.err.text, "transactions 8 to 187"));
    unload(&l);
    /* Also at the end, where seen_txid tells. */
    dir = golden_dir(GOLDEN_IMAGE - 1);
    l = load(env(), &dir, 1);
    CU_ASSERT(l.rc == -ERR_INCONSISTENT && strstr(l.err.text, "transactions 188 to 189"));
    unload(&l);
}

static void test_snapshots_are_refused_with_a_sentence(void)
{
    char to[PATH + 100], *dir = golden_dir(GOLDEN_FILES);
    struct loaded l;

    /* Segments 190 to 193 hold nothing that matters; the copy's name follows on directly. */
    snprintf(to, sizeof to, "%s/current/edits_%019d-%019d", dir, 190, 193);
    copy_file("tests/golden/edits/snapshots.edits", to);
    l = load(env(), &dir, 1);
    CU_ASSERT(l.rc == -ERR_CORRUPT && strstr(l.err.text, "transaction 194 where 190 is due"));
    unload(&l);
}

/* ---- formatting and locking ---- */

static int format(struct env *e, char *const *dirs, int count, const char *cluster_id, bool force,
                  struct name_identity *out, struct err *err)
{
    return name_dirs_format(
        e, dirs, count,
        &(struct name_format){
            .cluster_id = cluster_id, .owner = "root", .group = "supergroup", .force = force},
        out, err);
}

static void test_a_formatted_store_opens_and_loads(void)
{
    char one[PATH], two[PATH], *paths[] = {one, two};
    struct name_identity id;
    struct loaded l;
    struct err err = {0};

    strcpy(one, suite_tmp_dir());
    strcpy(two, suite_tmp_dir());
    CU_ASSERT_FATAL(format(env(), paths, 2, "CID-x:y=z", false, &id, &err) == 0);
    CU_ASSERT(id.namespace_id != 0 && strncmp(id.pool_id, "BP-", 3) == 0);
    l = load(env(), paths, 2);
    CU_ASSERT_FATAL(l.rc == 0);
    CU_ASSERT(strcmp(name_dirs_identity(l.dirs)->cluster_id, "CID-x:y=z") == 0);
    CU_ASSERT(name_dirs_identity(l.dirs)->created_ms == id.created_ms);
    CU_ASSERT(l.result.last_txid == 0 && ns_inode_count(l.ns) == 1);
    unload(&l);
    CU_ASSERT(format(env(), paths, 2, NULL, false, &id, &err) == -ERR_EXISTS);
    CU_ASSERT(format(env(), paths, 2, NULL, true, &id, &err) == 0);
    l = load(env(), paths, 2);
    CU_ASSERT(l.rc == 0 && strncmp(name_dirs_identity(l.dirs)->cluster_id, "CID-", 4) == 0);
    unload(&l);
}

static void test_directories_of_two_stores_are_refused(void)
{
    char one[PATH], two[PATH], *paths[] = {one, two};
    char *first = one, *second = two;
    struct name_identity id;
    struct loaded l;

    strcpy(one, suite_tmp_dir());
    strcpy(two, suite_tmp_dir());
    CU_ASSERT_FATAL(format(env(), &first, 1, NULL, false, &id, NULL) == 0);
    CU_ASSERT_FATAL(format(env(), &second, 1, NULL, false, &id, NULL) == 0);
    l = load(env(), paths, 2);
    CU_ASSERT(l.rc == -ERR_INCONSISTENT && strstr(l.err.text, one) && strstr(l.err.text, two));
    unload(&l);
}

static void test_an_empty_directory_joins_the_others(void)
{
    char one[PATH], two[PATH], *paths[] = {one, two}, *second = two;
    struct loaded l;
    uint64_t digest;

    strcpy(one, golden_dir(GOLDEN_FILES));
    strcpy(two, suite_tmp_dir());
    l = load(env(), &second, 1);
    CU_ASSERT(l.rc == -ERR_STATE);
    unload(&l);
    l = load(env(), paths, 2);
    CU_ASSERT_FATAL(l.rc == 0);
    digest = ns_digest(l.ns);
    CU_ASSERT_FATAL(name_dirs_save_image(l.dirs, l.ns, 189, NULL) == 0);
    CU_ASSERT_FATAL(name_dirs_image_done(l.dirs, 189, 2, 0, NULL) == 0);
    unload(&l);
    CU_ASSERT(digest_of(two, NULL) == digest);
}

static void test_a_directory_in_use_names_its_holder(void)
{
    char *dir = golden_dir(GOLDEN_FILES), want[64];
    struct name_dirs *mine, *again = NULL;
    struct err err = {0};
    int status;
    pid_t child;

    CU_ASSERT_FATAL(name_dirs_open(env(), &dir, 1, &mine, &err) == 0);
    snprintf(want, sizeof want, "in use by %d@", (int)getpid());
    CU_ASSERT(name_dirs_open(env(), &dir, 1, &again, &err) == -ERR_LOCKED);
    CU_ASSERT(strstr(err.text, want) != NULL);
    child = fork();
    if (child == 0) {
        struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        char path[PATH];
        int fd;

        /* What a Java process does: the classic lock of the whole file. */
        snprintf(path, sizeof path, "%s/in_use.lock", dir);
        fd = open(path, O_RDWR);
        _exit(fd >= 0 && fcntl(fd, F_SETLK, &all) < 0 ? 0 : 1);
    }
    CU_ASSERT(waitpid(child, &status, 0) == child && status == 0);
    name_dirs_close(mine);
    CU_ASSERT(name_dirs_open(env(), &dir, 1, &again, &err) == 0);
    name_dirs_close(again);
}

/* ---- faults ---- */

static void test_no_fault_makes_a_half_formatted_store(void)
{
    bool fired = true;

    for (int nth = 0; fired && nth < 500; nth++) {
        char one[PATH], two[PATH], *paths[] = {one, two};
        struct fault_env w;
        struct name_identity id;
        struct loaded l;
        int rc;

        strcpy(one, suite_tmp_dir());
        strcpy(two, suite_tmp_dir());
        fault_env_init(&w, nth);
        w.dead = nth & 1;
        w.torn = true;
        rc = format(&w.env, paths, 2, NULL, false, &id, NULL);
        fired = w.fired;
        CU_ASSERT(fired || rc == 0);
        /* Whole, or nothing at all. */
        l = load(env(), paths, 2);
        CU_ASSERT(l.rc == 0 || l.rc == -ERR_STATE);
        CU_ASSERT(rc < 0 || l.rc == 0);
        unload(&l);
    }
    CU_ASSERT(!fired);
}

/* Loads, changes something, checkpoints, changes something more. */
struct story {
    uint64_t acked;
    int rc;
};

static uint64_t mkdir_acked(struct loaded *l, struct journal *j, const char *path, uint64_t acked)
{
    struct edit_op op = {.code = EDIT_MKDIR,
                         .path = path,
                         .inode_id = ns_last_inode_id(l->ns) + 1,
                         .user = "u",
                         .group = "g",
                         .mode = 0755,
                         .mtime_ms = 1};
    uint64_t txid;

    if (ns_apply(l->ns, &op, NULL) < 0)
        return acked;
    txid = journal_append(j, &op);
    return journal_wait(j, txid, NULL) == 0 ? acked + 1 : acked;
}

static uint64_t tell(struct env *e, char *dir)
{
    struct loaded l = load(e, &dir, 1);
    const char *paths[] = {dir};
    struct journal_options o = {
        .env = e, .dirs = paths, .dir_count = 1, .next_txid = l.result.last_txid + 1};
    struct journal *j = NULL;
    uint64_t acked = 0, first;

    if (l.rc == 0 && journal_open(&o, &j, NULL) == 0) {
        acked = mkdir_acked(&l, j, "/one", acked);
        if (journal_roll(j, &first, NULL) == 0 &&
            name_dirs_save_image(l.dirs, l.ns, first - 1, NULL) == 0)
            name_dirs_image_done(l.dirs, first - 1, 1, 0, NULL);
        acked = mkdir_acked(&l, j, "/two", acked);
        journal_close(j, NULL);
    }
    unload(&l);
    return acked;
}

static void test_no_fault_loses_what_was_acknowledged(void)
{
    bool fired = true;

    for (int nth = 0; fired && nth < 500; nth++) {
        char *dir = golden_dir(GOLDEN_FILES);
        struct fault_env w;
        struct loaded l;
        uint64_t acked;

        fault_env_init(&w, nth);
        w.dead = nth % 3 == 0;
        w.torn = true;
        acked = tell(&w.env, dir);
        fired = w.fired;
        CU_ASSERT(fired || acked == 2);
        l = load(env(), &dir, 1);
        CU_ASSERT_FATAL(l.rc == 0);
        CU_ASSERT(acked < 1 || ns_lookup(l.ns, "/one") != 0);
        CU_ASSERT(acked < 2 || ns_lookup(l.ns, "/two") != 0);
        CU_ASSERT(ns_lookup(l.ns, "/dir/f1") != 0);
        unload(&l);
    }
    CU_ASSERT(!fired);
}

/* Upgrades, finalizes every other time; then goes back from another one. */
static int upgrade_and_more(struct env *e, char *dir, bool finalize)
{
    struct loaded l = load(e, &dir, 1);
    int rc = l.rc;

    if (rc == 0)
        rc = name_dirs_upgrade(l.dirs, l.ns, l.result.last_txid, NULL);
    if (rc == 0 && finalize)
        rc = name_dirs_finalize(l.dirs, NULL);
    unload(&l);
    return rc < 0 || finalize ? rc : name_dirs_rollback(e, &dir, 1, NULL);
}

static void test_no_fault_in_an_upgrade_loses_the_store(void)
{
    uint64_t want = digest_of(golden_dir(GOLDEN_FILES), NULL);

    for (int finalize = 0; finalize < 2; finalize++) {
        bool fired = true;

        for (int nth = 0; fired && nth < 500; nth++) {
            char *dir = golden_dir(GOLDEN_FILES);
            struct fault_env w;
            int rc;

            fault_env_init(&w, nth);
            w.dead = nth % 3 == 0;
            w.torn = true;
            rc = upgrade_and_more(&w.env, dir, finalize);
            fired = w.fired;
            CU_ASSERT(fired || rc == 0);
            CU_ASSERT(digest_of(dir, NULL) == want);
        }
        CU_ASSERT(!fired);
    }
}

static void test_old_images_and_edits_are_dropped(void)
{
    char *dir = golden_dir(GOLDEN_FILES), path[PATH];
    struct loaded l = load(env(), &dir, 1);
    struct env_stat st;

    CU_ASSERT_FATAL(l.rc == 0);
    CU_ASSERT_FATAL(name_dirs_save_image(l.dirs, l.ns, 200, NULL) == 0);
    CU_ASSERT_FATAL(name_dirs_image_done(l.dirs, 200, 2, 3, NULL) == 0);
    unload(&l);
    image_path(path, dir, 0);
    CU_ASSERT(env_stat(env(), path, &st, NULL) == -ERR_NOENT);
    image_path(path, dir, 189);
    CU_ASSERT(env_stat(env(), path, &st, NULL) == 0);
    snprintf(path, sizeof path, "%s/current/%s", dir, golden_files[5]);
    CU_ASSERT(env_stat(env(), path, &st, NULL) == -ERR_NOENT);
    snprintf(path, sizeof path, "%s/current/%s", dir, golden_files[6]);
    CU_ASSERT(env_stat(env(), path, &st, NULL) == 0);
}

SUITE(
    name_dir, TEST(test_hadoops_edits_lead_to_hadoops_image),
    TEST(test_what_is_only_carried_follows_the_edits_too), TEST(test_hadoops_version_is_understood),
    TEST(test_hadoops_image_is_understood), TEST(test_a_saved_image_loads_as_what_was_saved),
    TEST(test_every_truncated_image_is_refused), TEST(test_a_flipped_bit_never_breaks_the_reader),
    TEST(test_a_flipped_bit_in_the_image_stops_the_start),
    TEST(test_a_second_directory_stands_in_for_a_damaged_one),
    TEST(test_missing_edits_are_an_error), TEST(test_snapshots_are_refused_with_a_sentence),
    TEST(test_a_formatted_store_opens_and_loads), TEST(test_directories_of_two_stores_are_refused),
    TEST(test_an_empty_directory_joins_the_others), TEST(test_a_directory_in_use_names_its_holder),
    TEST(test_no_fault_makes_a_half_formatted_store),
    TEST(test_no_fault_loses_what_was_acknowledged),
    TEST(test_no_fault_in_an_upgrade_loses_the_store), TEST(test_old_images_and_edits_are_dropped))
