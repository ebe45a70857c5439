/* image_load [FILES [DIR [keep]]] -- saving and loading an image, in seconds and for each file.
 *
 * A namespace as tests/bench/namespace_memory makes it: names of 20 characters, a thousand files
 * in a directory, one block each.  It is saved to DIR (a temporary one) as a checkpoint would be,
 * by a forked child, and loaded as at a start.  Limit: a microsecond of CPU for each file loaded.
 * With "keep", DIR itself becomes the name directory and stays, for a bench that wants one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/env.h"
#include "namenode/image/image.h"
#include "namenode/image/image_fork.h"
#include "namenode/edits/journal.h"
#include "namenode/edits/name_dir.h"

enum { PER_DIR = 1000 };
static const double LIMIT_US = 1.0;

static double wall(void)
{
    return (double)env_mono_ns(env_posix()) / 1e9;
}

static double cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void must(int rc, const struct err *err)
{
    if (rc < 0) {
        fprintf(stderr, "%s\n", err->text);
        exit(2);
    }
}

static void add(struct namespace *ns, long i)
{
    static uint64_t dir, ids[PER_DIR];
    struct edit_block block = {.id = NS_FIRST_BLOCK + 1 + (uint64_t)i, .length = 10, .gs = 1001};
    struct ns_load_inode in = {.info = {.user = "root",
                                        .group = "supergroup",
                                        .mode = 0755,
                                        .mtime_ms = 1700000000000,
                                        .atime_ms = 1700000000000},
                               .ns_quota = -1,
                               .ds_quota = -1};
    char name[40];
    struct err err;

    if (i % PER_DIR == 0) {
        uint64_t top = NS_ROOT_ID;

        in.info.kind = INODE_DIR;
        in.info.id = dir = ns_last_inode_id(ns) + 1;
        in.info.name_n = (unsigned)snprintf(name, sizeof name, "dir%ld", i / PER_DIR);
        in.info.name = name;
        must(ns_load_inode(ns, &in, &err), &err);
        must(ns_load_children(ns, top, &dir, 1, &err), &err);
    }
    in.info.kind = INODE_FILE;
    in.info.id = ids[i % PER_DIR] = ns_last_inode_id(ns) + 1;
    in.info.name_n = (unsigned)snprintf(name, sizeof name, "file-%015ld", i);
    in.info.name = name;
    in.info.mode = 0644;
    in.info.replication = 3;
    in.info.block_size = 128 << 20;
    in.blocks = &block;
    in.block_count = 1;
    must(ns_load_inode(ns, &in, &err), &err);
    if (i % PER_DIR == PER_DIR - 1)
        must(ns_load_children(ns, dir, ids, PER_DIR, &err), &err);
}

static void save(char *dir, long files)
{
    struct name_format how = {.owner = "root", .group = "supergroup"};
    const char *dirs[] = {dir};
    struct journal_options jo = {.env = env_posix(), .dirs = dirs, .dir_count = 1, .next_txid = 1};
    struct image_fork_options o = {.env = env_posix()};
    struct image_fork *f;
    struct rusage u;
    struct err err;
    double start;

    must(name_dirs_format(env_posix(), &dir, 1, &how, NULL, &err), &err);
    must(name_dirs_open(env_posix(), &dir, 1, &o.dirs, &err), &err);
    must(journal_open(&jo, &o.journal, &err), &err);
    must(ns_new(NULL, &o.ns, &err), &err);
    for (long i = 0; i < files; i++)
        add(o.ns, i);
    ns_load_counters(o.ns, 0, NS_FIRST_BLOCK + (uint64_t)files, 1001);
    start = wall();
    must(image_fork_begin(&o, &f, &err), &err);
    must(image_fork_wait(f, &err), &err);
    getrusage(RUSAGE_CHILDREN, &u);
    printf("save   %6.2f s wall, %6.2f s CPU in the child, core stopped %.2f ms\n", wall() - start,
           (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6 +
               (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec / 1e6,
           (double)image_fork_ns(f) / 1e6);
    must(name_dirs_image_done(o.dirs, image_fork_txid(f), 1, 0, &err), &err);
    image_fork_free(f);
    must(journal_close(o.journal, &err), &err);
    ns_free(o.ns);
    name_dirs_close(o.dirs);
}

static double load(char *dir, long files)
{
    struct load_result r;
    struct name_dirs *d;
    struct namespace *ns;
    struct err err;
    double start, cpu_start, seconds;

    must(name_dirs_open(env_posix(), &dir, 1, &d, &err), &err);
    must(ns_new(NULL, &ns, &err), &err);
    start = wall();
    cpu_start = cpu();
    must(name_dirs_load(d, ns, NULL, NULL, &r, &err), &err);
    seconds = cpu() - cpu_start;
    if (ns_file_count(ns) != (uint64_t)files) {
        fprintf(stderr, "%llu files were loaded\n", (unsigned long long)ns_file_count(ns));
        exit(2);
    }
    printf("load   %6.2f s wall, %6.2f s CPU\n", wall() - start, seconds);
    ns_free(ns);
    name_dirs_close(d);
    return seconds;
}

int main(int argc, char **argv)
{
    long files = argc > 1 ? atol(argv[1]) : 1000000;
    char dir[4000], command[4100];
    bool keep = argc > 3 && strcmp(argv[3], "keep") == 0;
    double us;

    files -= files % PER_DIR;
    snprintf(dir, sizeof dir, keep ? "%s" : "%s/image_load.XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (files < PER_DIR || (!keep && !mkdtemp(dir))) {
        fprintf(stderr, "usage: image_load [FILES, at least %d [DIR]]\n", PER_DIR);
        return 2;
    }
    printf("image of %ld files\n", files);
    save(dir, files);
    us = load(dir, files) / (double)files * 1e6;
    printf("%.3f us of CPU for each file loaded, limit %.1f\n", us, LIMIT_US);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return !keep && (system(command) != 0 || us > LIMIT_US);
}
