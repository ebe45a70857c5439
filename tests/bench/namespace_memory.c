/* namespace_memory [FILES] -- bytes of resident memory for a file, everything counted.
 *
 * Files with names of 20 characters, a thousand in a directory, one block each with three
 * replicas reported, put in through edit records as clients would; resident set less that of the
 * empty namespace, divided by the files. Then looks files up at random. Exits 1 over the limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "namenode/namespace/namespace.h"

enum { LIMIT_BYTES = 100, PER_DIR = 1000 };

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double resident(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long size, pages;

    if (!f || fscanf(f, "%ld %ld", &size, &pages) != 2)
        exit(2);
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void must(struct namespace *ns, const struct edit_op *op)
{
    struct err err;

    if (ns_apply(ns, op, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
}

static void add_file(struct namespace *ns, long i)
{
    char path[80];
    struct edit_block block;
    struct edit_op op = {.path = path, .user = "user", .group = "group", .mtime_ms = 1700000000000};

    if (i % PER_DIR == 0) {
        snprintf(path, sizeof path, "/dir%ld", i / PER_DIR);
        op.code = EDIT_MKDIR;
        op.mode = 0755;
        op.inode_id = ns_last_inode_id(ns) + 1;
        must(ns, &op);
    }
    snprintf(path, sizeof path, "/dir%ld/file-%015ld", i / PER_DIR, i);
    op.code = EDIT_ADD;
    op.mode = 0644;
    op.inode_id = ns_last_inode_id(ns) + 1;
    op.atime_ms = op.mtime_ms;
    op.replication = 3;
    op.block_size = 128 << 20;
    op.client_name = "bench";
    op.client_machine = "localhost";
    must(ns, &op);
    block = (struct edit_block){ns_last_block_id(ns) + 1, 0, ns_gs(ns) + 1};
    op.code = EDIT_ADD_BLOCK;
    op.blocks = &block;
    op.block_count = 1;
    must(ns, &op);
    block.length = 1000;
    op.code = EDIT_CLOSE;
    must(ns, &op);
    for (uint16_t s = 0; s < 3; s++)
        ns_block_add_storage(ns, block.id, (uint16_t)(s + i % 100));
}

/* How long a checkpoint's fork keeps the core. */
static double fork_ms(void)
{
    struct timespec a, b;
    pid_t pid;

    clock_gettime(CLOCK_MONOTONIC, &a);
    pid = fork();
    if (pid == 0)
        _exit(0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    waitpid(pid, NULL, 0);
    return (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
}

int main(int argc, char **argv)
{
    long files = argc > 1 ? atol(argv[1]) : 10000000, found = 0;
    struct namespace *ns;
    double before, bytes, t;
    char path[80];

    if (ns_new(NULL, &ns, NULL) < 0)
        return 2;
    before = resident();
    t = now();
    for (long i = 0; i < files; i++)
        add_file(ns, i);
    t = now() - t;
    bytes = (resident() - before) / (double)files;
    printf("files=%ld bytes_per_file=%.1f limit=%d cpu_us_per_file=%.2f (3 records, 3 replicas)\n",
           files, bytes, LIMIT_BYTES, t * 1e6 / (double)files);
    srand(1);
    t = now();
    for (long k = 0; k < 1000000; k++) {
        long i = (long)((double)rand() / RAND_MAX * (double)(files - 1));

        snprintf(path, sizeof path, "/dir%ld/file-%015ld", i / PER_DIR, i);
        found += ns_lookup(ns, path) != 0;
    }
    printf("lookup_at_random_ns=%.0f found=%ld\n", (now() - t) * 1e3, found);
    t = now();
    for (long k = 0; k < 1000000; k++) {
        long i = k % 10000;

        snprintf(path, sizeof path, "/dir%ld/file-%015ld", i / PER_DIR, i);
        found += ns_lookup(ns, path) != 0;
    }
    printf("lookup_warm_ns=%.0f (path made in the loop: about 150)\n", (now() - t) * 1e3);
    printf("fork_ms=%.1f\n", fork_ms());
    return bytes <= LIMIT_BYTES ? 0 : 1;
}
