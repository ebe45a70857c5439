/* Images that are merged elsewhere and come back: the golden directory without its newest image, which is then
 * uploaded. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "namenode/edits/name_upload.h"
#include "tests/lib/fault_env.h"
#include "tests/lib/suite.h"

#define GOLDEN "tests/golden/name/current/"
#define IMAGE GOLDEN "fsimage_0000000000000000189"
enum { TXID = 189, LAST = 189, FILE_MAX = 4 << 20, PATH = 1024 };

static char *golden_dir(void)
{
    static const char *const names[] = {"VERSION",
                                        "seen_txid",
                                        "fsimage_0000000000000000000",
                                        "fsimage_0000000000000000000.md5",
                                        "edits_0000000000000000001-0000000000000000003",
                                        "edits_0000000000000000004-0000000000000000007",
                                        "edits_0000000000000000008-0000000000000000187",
                                        "edits_0000000000000000188-0000000000000000189"};
    static char dir[PATH];
    char path[PATH + 100], *bytes;
    size_t n;

    snprintf(dir, sizeof dir, "%s", suite_tmp_dir());
    snprintf(path, sizeof path, "%s/current", dir);
    CU_ASSERT_FATAL(env_mkdir(env_posix(), path, 0700, NULL) == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, GOLDEN "%s", names[i]);
        CU_ASSERT_FATAL(env_read_file(env_posix(), path, FILE_MAX, &bytes, &n, NULL) == 0);
        snprintf(path, sizeof path, "%s/current/%s", dir, names[i]);
        CU_ASSERT_FATAL(env_write_file(env_posix(), path, bytes, n, NULL) == 0);
        free(bytes);
    }
    return dir;
}

struct loaded {
    struct name_dirs *dirs;
    struct namespace *ns;
    struct load_result result;
    uint64_t digest;
};

static void load(struct loaded *l, struct env *env, char *dir)
{
    *l = (struct loaded){0};
    CU_ASSERT_FATAL(name_dirs_open(env, &dir, 1, &l->dirs, NULL) == 0);
    CU_ASSERT_FATAL(ns_new(NULL, &l->ns, NULL) == 0);
    CU_ASSERT_FATAL(name_dirs_load(l->dirs, l->ns, NULL, NULL, &l->result, NULL) == 0);
    l->digest = ns_digest(l->ns);
}

static void unload(struct loaded *l)
{
    ns_free(l->ns);
    name_dirs_close(l->dirs);
}

static void digest_is(char *dir, uint64_t want, uint64_t image)
{
    struct loaded l;

    load(&l, env_posix(), dir);
    CU_ASSERT(l.digest == want);
    CU_ASSERT(l.result.image_txid == image);
    CU_ASSERT(l.result.last_txid == LAST);
    unload(&l);
}

struct sent {
    const char *bytes;
    size_t n;
    uint64_t txid;
    const uint8_t *md5;
};

static int upload(struct name_dirs *dirs, const struct sent *s, struct err *err)
{
    struct name_upload *u = NULL;
    int rc = name_upload_begin(dirs, s->txid, LAST, &u, err);

    for (size_t at = 0; rc == 0 && at < s->n; at += 100) {
        size_t n = s->n - at < 100 ? s->n - at : 100;

        rc = name_upload_write(u, s->bytes + at, n, err);
    }
    if (rc == 0)
        rc = name_upload_check(u, s->md5, err);
    if (rc == 0)
        rc = name_upload_take(u, 2, 1000000, err);
    name_upload_free(u);
    return rc;
}

static void count_file(void *ctx, const char *name)
{
    CU_ASSERT(!strstr(name, ".upload_") && !strstr(name, ".ckpt_"));
    ++*(int *)ctx;
}

static int files_in(const char *dir)
{
    char path[PATH + 100];
    int count = 0;

    snprintf(path, sizeof path, "%s/current", dir);
    CU_ASSERT(env_list(env_posix(), path, count_file, &count, NULL) == 0);
    return count;
}

static struct sent golden_image(void)
{
    struct sent s = {.txid = TXID};

    CU_ASSERT_FATAL(env_read_file(env_posix(), IMAGE, FILE_MAX, (char **)&s.bytes, &s.n, NULL) ==
                    0);
    return s;
}

static void test_an_uploaded_image_is_what_the_next_start_loads(void)
{
    char *dir = golden_dir();
    struct sent s = golden_image();
    struct loaded l;
    uint64_t want;

    load(&l, env_posix(), dir);
    want = l.digest;
    CU_ASSERT(l.result.image_txid == 0);
    CU_ASSERT(upload(l.dirs, &s, NULL) == 0);
    CU_ASSERT(name_dirs_image_txid(l.dirs) == TXID);
    unload(&l);
    digest_is(dir, want, TXID);
    free((char *)s.bytes);
}

/* Each is refused, and the directory holds what it held. */
static void refused(struct name_dirs *dirs, const char *dir, struct sent s, const char *why)
{
    struct err err;
    int before = files_in(dir);

    CU_ASSERT(upload(dirs, &s, &err) < 0);
    if (!strstr(err.text, why))
        fprintf(stderr, "%s: %s\n", why, err.text);
    CU_ASSERT(strstr(err.text, why) != NULL);
    CU_ASSERT(files_in(dir) == before);
    CU_ASSERT(name_dirs_image_txid(dirs) == 0);
}

static void test_a_bad_image_is_refused_and_nothing_has_changed(void)
{
    static const uint8_t other[MD5_BYTES] = {1, 2, 3};
    char *dir = golden_dir();
    struct sent s = golden_image(), bad;
    struct loaded l;
    uint64_t want;

    load(&l, env_posix(), dir);
    want = l.digest;
    bad = s, bad.md5 = other;
    refused(l.dirs, dir, bad, "does not match advertised digest 010203");
    bad = s, bad.txid = 188;
    refused(l.dirs, dir, bad, "as of transaction 189 that was said to be of 188");
    bad = s, bad.txid = LAST + 1;
    refused(l.dirs, dir, bad, "the last one is 189");
    bad = s, bad.txid = 0;
    refused(l.dirs, dir, bad, "has checkpointed");
    for (size_t n = 0; n < s.n; n += 37) {
        bad = s, bad.n = n;
        refused(l.dirs, dir, bad, n < 8 ? "no fsimage" : "");
    }
    unload(&l);
    digest_is(dir, want, 0);
    free((char *)s.bytes);
}

static void test_an_image_of_another_namespace_is_refused(void)
{
    const struct name_format how = {.owner = "root", .group = "supergroup"};
    char dir[PATH], *paths[] = {dir};
    struct sent s = golden_image();
    struct loaded l;

    snprintf(dir, sizeof dir, "%s", suite_tmp_dir());
    CU_ASSERT_FATAL(name_dirs_format(env_posix(), paths, 1, &how, NULL, NULL) == 0);
    load(&l, env_posix(), dir);
    refused(l.dirs, dir, s, "an image of namespace");
    unload(&l);
    free((char *)s.bytes);
}

static void test_two_images_do_not_come_in_at_a_time(void)
{
    char *dir = golden_dir();
    struct name_upload *a, *b;
    struct loaded l;
    struct err err;

    load(&l, env_posix(), dir);
    CU_ASSERT_FATAL(name_upload_begin(l.dirs, 187, LAST, &a, NULL) == 0);
    CU_ASSERT(name_upload_begin(l.dirs, 189, LAST, &b, &err) == -ERR_EXISTS);
    CU_ASSERT(strstr(err.text, "already in the process") && strstr(err.text, "187"));
    name_upload_free(a);
    CU_ASSERT_FATAL(name_upload_begin(l.dirs, 189, LAST, &b, &err) == 0);
    name_upload_free(b);
    unload(&l);
}

static void test_no_fault_while_an_image_comes_in_loses_the_store(void)
{
    struct sent s = golden_image();
    bool fired = true;

    for (int torn = 0; torn < 2; torn++) {
        for (int nth = 0; fired || nth == 0; nth++) {
            char *dir = golden_dir();
            struct fault_env w;
            struct loaded l;
            struct err err;
            uint64_t want;
            int rc;

            fault_env_init(&w, -1);
            load(&l, &w.env, dir);
            want = l.digest;
            w.nth = nth;
            w.calls = 0;
            w.torn = torn;
            w.dead = nth % 2 == 0;
            rc = upload(l.dirs, &s, &err);
            fired = w.fired;
            CU_ASSERT(fired || rc == 0);
            w.dead = false;
            w.nth = -1;
            unload(&l);
            load(&l, env_posix(), dir);
            CU_ASSERT(l.digest == want && l.result.last_txid == LAST);
            CU_ASSERT(rc < 0 || l.result.image_txid == TXID);
            unload(&l);
        }
        fired = true;
    }
    free((char *)s.bytes);
}

SUITE(name_upload, TEST(test_an_uploaded_image_is_what_the_next_start_loads),
      TEST(test_a_bad_image_is_refused_and_nothing_has_changed),
      TEST(test_an_image_of_another_namespace_is_refused),
      TEST(test_two_images_do_not_come_in_at_a_time),
      TEST(test_no_fault_while_an_image_comes_in_loses_the_store))
