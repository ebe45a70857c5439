/* client_load -- what a program does with libdfs, as fast as it goes; run by client_budgets.py.
 *
 *   client_load files DIR FILES THREADS BYTES   FILES files of BYTES each, written and closed; prints files a second
 *   client_load fill DIR ENTRIES THREADS        ENTRIES directories in DIR
 *   client_load list DIR                        reads all names and what is known of them; entries a second
 *   client_load hflush FILE FLUSHES BYTES       appends BYTES and hflushes, so many times; microseconds of each: median, p99
 *   client_load append FILE TIMES BYTES         opens for append, writes, hflushes and closes
 *
 * Configuration as every program's (HADOOP_CONF_DIR).
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/dfs.h"

static struct dfs *fs;
static const char *dir;
static long total, taken, bytes;
static char *content;

static void must(int rc, const struct err *err, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, err->text);
        exit(1);
    }
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *write_files(void *arg)
{
    struct dfs_create how = {.overwrite = true, .make_parents = true};
    struct dfs_file *f;
    struct err err;
    char path[300];
    long i;

    while ((i = __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED)) < total) {
        snprintf(path, sizeof path, "%s/f%ld", dir, i);
        must(dfs_create(fs, path, &how, &f, &err), &err, path);
        must(dfs_write(f, content, (size_t)bytes, &err), &err, path);
        must(dfs_close(f, &err), &err, path);
    }
    return arg;
}

static void *make_dirs(void *arg)
{
    struct err err;
    char path[300];
    long i;

    while ((i = __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED)) < total) {
        snprintf(path, sizeof path, "%s/entry-%07ld", dir, i);
        must(dfs_mkdirs(fs, path, 0755, true, &err), &err, path);
    }
    return arg;
}

static double in_threads(void *(*run)(void *), int count)
{
    pthread_t threads[64];
    double begin = now_s();

    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, run, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return now_s() - begin;
}

static void list(void)
{
    const struct dfs_stat *st;
    struct dfs_dir *d;
    struct err err;
    double begin = now_s();
    uint64_t sum = 0;
    long n = 0;
    int rc;

    must(dfs_opendir(fs, dir, &d, &err), &err, dir);
    while ((rc = dfs_readdir(d, &st, &err)) == 1) {
        sum += st->inode_id + st->mtime_ms + (uint64_t)st->path[strlen(st->path) - 1];
        n++;
    }
    must(rc, &err, dir);
    dfs_closedir(d);
    begin = now_s() - begin;
    printf("entries=%ld s=%.3f per_s=%.0f sum=%" PRIu64 "\n", n, begin, (double)n / begin, sum);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_latency(double *us, long n)
{
    qsort(us, (size_t)n, sizeof *us, by_size);
    printf("n=%ld median_us=%.1f p99_us=%.1f\n", n, us[n / 2], us[n * 99 / 100]);
}

static void flush_often(bool reopen)
{
    struct dfs_create make = {.overwrite = true, .make_parents = true}, append = {.append = true};
    double *us = calloc((size_t)total, sizeof *us);
    struct dfs_file *f;
    struct err err;

    must(dfs_create(fs, dir, &make, &f, &err), &err, dir);
    must(dfs_write(f, content, (size_t)bytes, &err), &err, dir);
    if (reopen)
        must(dfs_close(f, &err), &err, dir);
    for (long i = 0; i < total; i++) {
        double begin = now_s();

        if (reopen)
            must(dfs_create(fs, dir, &append, &f, &err), &err, dir);
        must(dfs_write(f, content, (size_t)bytes, &err), &err, dir);
        must(dfs_hflush(f, &err), &err, dir);
        if (reopen)
            must(dfs_close(f, &err), &err, dir);
        us[i] = (now_s() - begin) * 1e6;
    }
    if (!reopen)
        must(dfs_close(f, &err), &err, dir);
    print_latency(us, total);
    free(us);
}

static void load(int argc, char **argv)
{
    const char *what = argv[1];

    total = argc > 3 ? atol(argv[3]) : 0;
    bytes = argc > 4 ? atol(argv[argc - 1]) : 0;
    content = calloc(1, (size_t)bytes + 1);
    if (strcmp(what, "files") == 0 && argc == 6)
        printf("per_s=%.0f\n", (double)total / in_threads(write_files, atoi(argv[4])));
    else if (strcmp(what, "fill") == 0 && argc == 5)
        printf("per_s=%.0f\n", (double)total / in_threads(make_dirs, atoi(argv[4])));
    else if (strcmp(what, "list") == 0)
        list();
    else if (strcmp(what, "hflush") == 0 || strcmp(what, "append") == 0)
        flush_often(what[0] == 'a');
    free(content);
}

int main(int argc, char **argv)
{
    struct conf_args args = {0};
    struct conf *conf;
    struct err err;

    must(conf_args_take(&argc, argv, &args, &err), &err, "arguments");
    if (argc < 3) {
        fprintf(stderr, "client_load: files|fill|list|hflush|append PATH ...\n");
        return 2;
    }
    must(conf_load(&args, &conf, &err), &err, "configuration");
    must(dfs_connect(conf, NULL, NULL, &fs, &err), &err, "connect");
    dir = argv[2];
    load(argc, argv);
    dfs_disconnect(fs);
    conf_free(conf);
    conf_args_done(&args);
    return 0;
}
