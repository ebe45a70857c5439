/* libdfs_probe -- promises of libdfs that the shell alone can't show; used by client.sh.
 *
 *   libdfs_probe flushes FILE PATH    odd pieces, flushed and synced in between, read while open
 *   libdfs_probe appends FILE PATH    the file made by many appends
 *   libdfs_probe preads PATH FILE     random reads by four threads, compared with the local file
 *   libdfs_probe range PATH AT N      those bytes, by positional reads, to standard output
 *   libdfs_probe seeks PATH FILE      reads after seeking to and fro
 *   libdfs_probe stats PATH           bytes read: local, remote, short-circuit
 *   libdfs_probe blocks PATH          names of its blocks' files
 *   libdfs_probe first PATH           datanodeN: the first datanode of its last block
 *   libdfs_probe slow FILE PATH MS    a write that takes its time
 *   libdfs_probe steps FILE PATH      a write in three parts, flushed; waits for a line before each
 *   libdfs_probe pipeline PATH        datanodeN of each datanode of the last block
 *   libdfs_probe recover PATH         recoverLease until the file is closed, then its length
 *   libdfs_probe sums                 lines "PATH [to N] md5|crc ...": the same with its checksums
 *   libdfs_probe small FILE DIR N     N copies of the file by eight threads, each read back
 *   libdfs_probe names DIR N          N empty directories in it, by eight threads
 *   libdfs_probe splice PATH N SOURCE  block N makes way for the one block of SOURCE
 *   libdfs_probe exchange A B         two names change places
 *
 * Exits 1 with a sentence when a promise is broken.  Configuration as every program's.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/dfs.h"

enum { THREADS = 4, READS = 400, READ_MAX = 300000, PIECES_READ_BACK = 20 };

static struct err err;
static struct dfs *fs;

static void must(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, err.text);
        exit(1);
    }
}

static void hold(bool promise, const char *what)
{
    if (!promise) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

struct local {
    const uint8_t *bytes;
    size_t n;
};

static struct local map_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    struct local f;

    hold(fd >= 0 && fstat(fd, &st) == 0, path);
    f.n = (size_t)st.st_size;
    f.bytes = mmap(NULL, f.n + 1, PROT_READ, MAP_PRIVATE, fd, 0);
    hold(f.bytes != MAP_FAILED, path);
    close(fd);
    return f;
}

static size_t piece(size_t i, size_t left)
{
    size_t n = 1 + i * 7919 % 70001;

    return n < left ? n : left;
}

/* Another reader sees at least what was flushed, and those very bytes. */
static void check_visible(const char *path, struct local f, size_t flushed)
{
    struct dfs_file *in;
    uint8_t tail[1000];
    size_t n = flushed < sizeof tail ? flushed : sizeof tail;

    must(dfs_open(fs, path, &in, &err), "open while it is written");
    hold(dfs_length(in) >= flushed, "a reader sees less than was flushed");
    hold(dfs_pread(in, tail, n, flushed - n, &err) == (ssize_t)n, "a reader gets fewer bytes");
    hold(memcmp(tail, f.bytes + flushed - n, n) == 0, "a reader gets other bytes");
    dfs_close(in, NULL);
}

static void flushes(const char *local, const char *path)
{
    struct dfs_create how = {.overwrite = true, .make_parents = true};
    struct local f = map_file(local);
    struct dfs_file *out;
    size_t at = 0;

    must(dfs_create(fs, path, &how, &out, &err), "create");
    for (size_t i = 0; at < f.n; i++) {
        size_t n = piece(i, f.n - at);

        must(dfs_write(out, f.bytes + at, n, &err), "write");
        at += n;
        if (i % 3 == 0)
            must(dfs_hflush(out, &err), "hflush");
        if (i % 7 == 0)
            must(dfs_hsync(out, &err), "hsync");
        if (i % 3 == 0 && i / 3 < PIECES_READ_BACK)
            check_visible(path, f, at);
    }
    must(dfs_close(out, &err), "close");
}

static void appends(const char *local, const char *path)
{
    struct dfs_create how = {.overwrite = true, .make_parents = true};
    struct local f = map_file(local);
    struct dfs_file *out;
    size_t at = 0;

    for (size_t i = 0; at < f.n || i == 0; i++) {
        size_t n = piece(i * 31, f.n - at);

        must(dfs_create(fs, path, &how, &out, &err), "append");
        hold(dfs_tell(out) == at, "an append begins at the wrong place");
        must(dfs_write(out, f.bytes + at, n, &err), "write");
        at += n;
        if (i % 2 == 0) {
            must(dfs_hflush(out, &err), "hflush in an append");
            check_visible(path, f, at);
        }
        must(dfs_close(out, &err), "close");
        how.append = true;
    }
}

struct reader {
    struct dfs_file *file;
    struct local local;
    unsigned seed;
};

static void *read_at_random(void *arg)
{
    struct reader *r = arg;
    uint8_t *buf = malloc(READ_MAX);
    struct err why;

    for (int i = 0; i < READS; i++) {
        size_t at = (size_t)rand_r(&r->seed) * 31 % r->local.n;
        size_t n = (size_t)rand_r(&r->seed) % (i % 8 ? 5000 : READ_MAX), left = r->local.n - at;
        ssize_t got = dfs_pread(r->file, buf, n, at, &why);

        if (got < 0) {
            fprintf(stderr, "pread at %zu: %s\n", at, why.text);
            exit(1);
        }
        hold((size_t)got == (n < left ? n : left), "pread got fewer bytes");
        hold(memcmp(buf, r->local.bytes + at, (size_t)got) == 0, "pread got other bytes");
    }
    free(buf);
    return NULL;
}

static void preads(const char *path, const char *local)
{
    struct reader readers[THREADS];
    pthread_t threads[THREADS];
    struct dfs_file *f;

    must(dfs_open(fs, path, &f, &err), "open");
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.file = f, .local = map_file(local), .seed = i + 1};
        hold(pthread_create(&threads[i], NULL, read_at_random, &readers[i]) == 0, "thread");
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dfs_close(f, NULL);
}

static void range(const char *path, const char *at_text, const char *n_text)
{
    uint64_t at = strtoull(at_text, NULL, 10);
    size_t left = strtoull(n_text, NULL, 10);
    char *buf = malloc(left + 1);
    struct dfs_file *f;

    must(dfs_open(fs, path, &f, &err), "open");
    while (left > 0) {
        ssize_t n = dfs_pread(f, buf, left, at, &err);

        must(n < 0 ? (int)n : 0, "pread");
        if (n == 0 || fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
            break;
        at += (uint64_t)n;
        left -= (size_t)n;
    }
    dfs_close(f, NULL);
    free(buf);
}

static void seeks(const char *path, const char *local)
{
    struct local f = map_file(local);
    uint8_t buf[10000];
    struct dfs_file *in;
    unsigned seed = 5;

    must(dfs_open(fs, path, &in, &err), "open");
    for (int i = 0; i < READS; i++) {
        size_t at = i % 3 ? dfs_tell(in) + (size_t)rand_r(&seed) % 100000
                          : (size_t)rand_r(&seed) * 31 % f.n;
        size_t n = 1 + (size_t)rand_r(&seed) % sizeof buf, left;
        ssize_t got;

        if (at > f.n)
            at = f.n;
        left = f.n - at;
        must(dfs_seek(in, at, &err), "seek");
        got = dfs_read(in, buf, n, &err);
        must((int)got, "read");
        hold((size_t)got == (n < left ? n : left), "a read after a seek got fewer bytes");
        hold(memcmp(buf, f.bytes + at, (size_t)got) == 0, "a read after a seek got other bytes");
    }
    hold(dfs_seek(in, f.n + 1, &err) < 0, "a seek behind the end went well");
    dfs_close(in, NULL);
}

static void stats(const char *path)
{
    static uint8_t buf[1 << 20];
    struct dfs_read_stats s;
    struct dfs_file *in;
    ssize_t n;

    must(dfs_open(fs, path, &in, &err), "open");
    while ((n = dfs_read(in, buf, sizeof buf, &err)) > 0)
        ;
    must((int)n, "read");
    dfs_file_read_stats(in, &s);
    printf("local=%" PRIu64 " remote=%" PRIu64 " short_circuit=%" PRIu64 "\n", s.local_bytes,
           s.remote_bytes, s.short_circuit_bytes);
    dfs_close(in, NULL);
}

static void blocks(const char *path)
{
    struct dfs_block *list;
    size_t n;

    must(dfs_blocks(fs, path, 0, INT64_MAX, &list, &n, &err), "blocks");
    for (size_t i = 0; i < n; i++)
        printf("blk_%" PRIu64 "\n", list[i].block_id);
    dfs_blocks_free(list, n);
}

/* tools/cluster gives datanode N the address 127.0.0.(11 + N). */
static void first(const char *path)
{
    struct dfs_block *list;
    size_t n;

    must(dfs_blocks(fs, path, 0, INT64_MAX, &list, &n, &err), "blocks");
    hold(n > 0 && list[n - 1].host_count > 0, "no datanode has it");
    printf("datanode%d\n", atoi(strrchr(list[n - 1].hosts[0].ip, '.') + 1) - 11);
    dfs_blocks_free(list, n);
}

static void slow(const char *local, const char *path, const char *ms)
{
    struct dfs_create how = {.overwrite = true, .make_parents = true};
    struct local f = map_file(local);
    struct timespec ts = {.tv_nsec = atol(ms) * 1000000 / 50};
    struct dfs_file *out;

    must(dfs_create(fs, path, &how, &out, &err), "create");
    for (size_t i = 0; i < 50; i++) {
        size_t from = f.n * i / 50, to = f.n * (i + 1) / 50;

        must(dfs_write(out, f.bytes + from, to - from, &err), "write");
        if (i == 0) {
            must(dfs_hflush(out, &err), "hflush");
            printf("started\n");
            fflush(stdout);
        }
        nanosleep(&ts, NULL);
    }
    must(dfs_close(out, &err), "close");
}

enum { WRITERS = 8 };
struct writer {
    struct local local;
    const char *dir;
    int first, end;
};

static void *write_small(void *arg)
{
    struct dfs_create how = {.make_parents = true};
    const struct writer *w = arg;
    uint8_t *back = malloc(w->local.n + 1);
    struct dfs_file *f;
    char path[1000];
    struct err why;

    for (int i = w->first; i < w->end; i++) {
        snprintf(path, sizeof path, "%s/%d", w->dir, i);
        hold(dfs_create(fs, path, &how, &f, &why) == 0 &&
                 dfs_write(f, w->local.bytes, w->local.n, &why) == 0 && dfs_close(f, &why) == 0,
             why.text);
        hold(dfs_open(fs, path, &f, &why) == 0, why.text);
        hold(dfs_pread(f, back, w->local.n + 1, 0, &why) == (ssize_t)w->local.n &&
                 memcmp(back, w->local.bytes, w->local.n) == 0,
             "a small file has other bytes");
        dfs_close(f, NULL);
    }
    free(back);
    return NULL;
}

static void small(const char *local, const char *dir, const char *count)
{
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    int n = atoi(count);

    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){map_file(local), dir, .first = n * i / WRITERS,
                                     .end = n * (i + 1) / WRITERS};
        hold(pthread_create(&threads[i], NULL, write_small, &writers[i]) == 0, "thread");
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
}

/* Somebody else decides what happens in between. */
static void steps(const char *local, const char *path)
{
    struct dfs_create how = {.overwrite = true, .make_parents = true};
    struct local f = map_file(local);
    struct dfs_file *out;
    char line[16];

    must(dfs_create(fs, path, &how, &out, &err), "create");
    for (size_t i = 0; i < 3; i++) {
        size_t from = f.n * i / 3, to = f.n * (i + 1) / 3;

        hold(fgets(line, sizeof line, stdin) != NULL, "nobody says go on");
        must(dfs_write(out, f.bytes + from, to - from, &err), "write");
        must(dfs_hflush(out, &err), "hflush");
        printf("flushed %zu\n", to);
        fflush(stdout);
    }
    hold(fgets(line, sizeof line, stdin) != NULL, "nobody says close");
    must(dfs_close(out, &err), "close");
    printf("closed\n");
}

static void pipeline(const char *path)
{
    struct dfs_block *b;
    size_t n;

    must(dfs_blocks(fs, path, 0, INT64_MAX, &b, &n, &err), "blocks");
    hold(n > 0, "no blocks");
    for (int i = 0; i < b[n - 1].host_count; i++)
        printf("datanode%d\n", atoi(strrchr(b[n - 1].hosts[i].ip, '.') + 1) - 11);
    dfs_blocks_free(b, n);
}

static void recover(const char *path)
{
    const struct timespec ts = {.tv_nsec = 50000000};
    struct dfs_stat st;
    bool closed;

    for (must(dfs_recover_lease(fs, path, &closed, &err), "recoverLease"); !closed;
         must(dfs_recover_lease(fs, path, &closed, &err), "recoverLease"))
        nanosleep(&ts, NULL);
    must(dfs_stat(fs, path, &st, &err), "stat");
    printf("%" PRIu64 "\n", st.length);
    dfs_stat_done(&st);
}

/* Asks again for what each line tells, by a client of its own for each kind of sum. */
static void sums(const struct conf_args *args)
{
    char line[256], path[128], kind[8];
    struct dfs *by[2]; /* md5, crc */
    struct conf *conf[2];
    struct dfs_checksum sum;

    for (int i = 0; i < 2; i++) {
        must(conf_load(args, &conf[i], &err), "configuration");
        must(
            conf_set(conf[i], "dfs.checksum.combine.mode", i ? "COMPOSITE_CRC" : "MD5MD5CRC", &err),
            "combine mode");
        must(dfs_connect(conf[i], NULL, NULL, &by[i], &err), "connect");
    }
    while (fgets(line, sizeof line, stdin)) {
        uint64_t to = INT64_MAX;
        char cut[32] = "";

        if (sscanf(line, "%127s to %" SCNu64 " %7s", path, &to, kind) == 3)
            snprintf(cut, sizeof cut, " to %" PRIu64, to);
        else
            hold(sscanf(line, "%127s %7s", path, kind) == 2, "a line of another form");
        must(dfs_file_checksum_to(by[strcmp(kind, "crc") == 0], path, to, &sum, &err), line);
        printf("%s%s %s %s ", path, cut, kind, sum.algorithm);
        for (size_t i = 0; i < sum.n; i++)
            printf("%02x", sum.bytes[i]);
        printf("\n");
    }
    for (int i = 0; i < 2; i++) {
        dfs_disconnect(by[i]);
        conf_free(conf[i]);
    }
}

static struct {
    const char *dir;
    long count;
    atomic_long next;
} names;

static void *make_names(void *arg)
{
    struct err why;

    for (long i; (i = atomic_fetch_add(&names.next, 1)) < names.count;) {
        char path[256];

        snprintf(path, sizeof path, "%s/entry%07ld", names.dir, i);
        if (dfs_mkdir(fs, path, 0755, 0755, &why) < 0) {
            fprintf(stderr, "%s\n", why.text);
            return arg;
        }
    }
    return NULL;
}

static void many_names(const char *dir, const char *count)
{
    pthread_t thread[2 * THREADS];
    void *failed, *any = NULL;

    names.dir = dir;
    names.count = atol(count);
    for (int i = 0; i < 2 * THREADS; i++)
        hold(pthread_create(&thread[i], NULL, make_names, &names) == 0, "a thread");
    for (int i = 0; i < 2 * THREADS; i++) {
        pthread_join(thread[i], &failed);
        any = failed ? failed : any;
    }
    hold(!any, "all names are made");
}

static void splice_one(const char *path, const char *number, const char *source)
{
    struct dfs_splice_run run = {.at = (uint32_t)atoi(number), .drop = 1, .take = 1};
    struct dfs_block *list;
    size_t n;

    must(dfs_blocks(fs, path, 0, INT64_MAX, &list, &n, &err), "blocks");
    must(dfs_splice(fs, path, source, &run, 1, list, n, &err), "splice");
    dfs_blocks_free(list, n);
}

int main(int argc, char **argv)
{
    struct conf_args args;
    struct conf *conf;
    const char *what;

    must(conf_args_take(&argc, argv, &args, &err), "arguments");
    must(conf_load(&args, &conf, &err), "configuration");
    must(dfs_connect(conf, NULL, NULL, &fs, &err), "connect");
    what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "flushes") == 0 && argc == 4)
        flushes(argv[2], argv[3]);
    else if (strcmp(what, "appends") == 0 && argc == 4)
        appends(argv[2], argv[3]);
    else if (strcmp(what, "preads") == 0 && argc == 4)
        preads(argv[2], argv[3]);
    else if (strcmp(what, "seeks") == 0 && argc == 4)
        seeks(argv[2], argv[3]);
    else if (strcmp(what, "range") == 0 && argc == 5)
        range(argv[2], argv[3], argv[4]);
    else if (strcmp(what, "sums") == 0)
        sums(&args);
    else if (argc < 3)
        hold(false, "usage: see the head of libdfs_probe.c");
    else if (strcmp(what, "stats") == 0)
        stats(argv[2]);
    else if (strcmp(what, "blocks") == 0)
        blocks(argv[2]);
    else if (strcmp(what, "first") == 0)
        first(argv[2]);
    else if (strcmp(what, "steps") == 0 && argc == 4)
        steps(argv[2], argv[3]);
    else if (strcmp(what, "pipeline") == 0)
        pipeline(argv[2]);
    else if (strcmp(what, "recover") == 0)
        recover(argv[2]);
    else if (strcmp(what, "slow") == 0 && argc == 5)
        slow(argv[2], argv[3], argv[4]);
    else if (strcmp(what, "splice") == 0 && argc == 5)
        splice_one(argv[2], argv[3], argv[4]);
    else if (strcmp(what, "names") == 0 && argc == 4)
        many_names(argv[2], argv[3]);
    else if (strcmp(what, "exchange") == 0 && argc == 4)
        must(dfs_exchange(fs, argv[2], argv[3], &err), "exchange");
    else if (strcmp(what, "small") == 0 && argc == 5)
        small(argv[2], argv[3], argv[4]);
    else
        hold(false, "usage: see the head of libdfs_probe.c");
    dfs_disconnect(fs);
    conf_free(conf);
    conf_args_done(&args);
    return 0;
}
