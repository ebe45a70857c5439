/* namespace_ops [FILES] -- what the namespace itself takes for a look-up and for a change, in
 * nanoseconds of CPU.
 *
 * FILES files (default ten million) of 20-character names, a thousand in a directory. Everything is
 * done at random places, so that nearly nothing is in any cache, the namespace's or the
 * processor's. A change is what an RPC does of it: the path is resolved, then the record is carried out. The
 * limits are there to notice what got slower; Hadoop's share is measured by namenode_ops.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "namenode/namespace/namespace.h"

enum { PER_DIR = 1000, CALLS = 200000, WARM_FILES = 1000 };

static struct namespace *ns;
static long files;
static unsigned failed;

static double cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void must(const struct edit_op *op)
{
    struct err err;

    if (ns_apply(ns, op, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
}

static void path_of(long i, const char *suffix, char *out, size_t n)
{
    snprintf(out, n, "/dir%ld/file-%015ld%s", i / PER_DIR, i, suffix);
}

static void add(long i)
{
    char path[80];
    struct edit_op op = {.path = path,
                         .user = "user",
                         .group = "group",
                         .mtime_ms = 1700000000000,
                         .atime_ms = 1700000000000,
                         .replication = 3,
                         .block_size = 128 << 20,
                         .mode = 0755};

    if (i % PER_DIR == 0) {
        snprintf(path, sizeof path, "/dir%ld", i / PER_DIR);
        op.code = EDIT_MKDIR;
        op.inode_id = ns_last_inode_id(ns) + 1;
        must(&op);
    }
    path_of(i, "", path, sizeof path);
    op.code = EDIT_ADD;
    op.inode_id = ns_last_inode_id(ns) + 1;
    must(&op);
}

/* A permutation of the first files, the same every time: each is met at most once. */
static long at_random(long k, long among)
{
    return (long)((uint64_t)k * 2654435761u % (uint64_t)among);
}

static void resolve(struct arena *arena, const char *path)
{
    struct ns_path found;

    arena_reset(arena);
    if (ns_resolve(ns, path, arena, &found, NULL) < 0)
        exit(2);
}

enum work { LOOK, LOOK_FOR_NOTHING, MAKE, MOVE, DELETE };

static void work(enum work what, long i, struct arena *arena)
{
    char path[80], target[80];
    struct edit_op op = {.path = path, .path2 = target, .mtime_ms = 1700000000001};

    path_of(i, what == LOOK_FOR_NOTHING || what == MAKE ? ".new" : "", path, sizeof path);
    path_of(i, ".moved", target, sizeof target);
    resolve(arena, what == DELETE ? target : path);
    switch (what) {
    case LOOK:
    case LOOK_FOR_NOTHING: return;
    case MAKE:
        op.code = EDIT_MKDIR;
        op.user = "user";
        op.group = "group";
        op.mode = 0755;
        op.inode_id = ns_last_inode_id(ns) + 1;
        break;
    case MOVE:
        resolve(arena, target);
        op.code = EDIT_RENAME;
        break;
    case DELETE:
        op.code = EDIT_DELETE;
        op.path = target;
        break;
    }
    must(&op);
}

static void measure(const char *name, enum work what, long among, double limit_ns)
{
    long calls = among < CALLS ? among : CALLS;
    long rounds = what == LOOK || what == LOOK_FOR_NOTHING ? CALLS / calls : 1;
    struct arena arena;
    double t, ns_each;

    arena_init(&arena, 1 << 20);
    t = cpu_ns();
    for (long r = 0; r < rounds; r++)
        for (long k = 0; k < calls; k++)
            work(what, at_random(k, among), &arena);
    ns_each = (cpu_ns() - t) / (double)(calls * rounds);
    arena_done(&arena);
    printf("%s %-42s %6.0f ns   limit %.0f\n", ns_each <= limit_ns ? "PASS" : "FAIL", name, ns_each,
           limit_ns);
    failed += ns_each > limit_ns;
}

int main(int argc, char **argv)
{
    files = argc > 1 ? atol(argv[1]) : 10000000;
    if (files < CALLS || ns_new(NULL, &ns, NULL) < 0)
        return 2;
    for (long i = 0; i < files; i++)
        add(i);
    measure("look up, warm", LOOK, WARM_FILES, 500);
    measure("look up, cold", LOOK, files, 6000);
    measure("look for what is not there, cold", LOOK_FOR_NOTHING, files, 6000);
    measure("make a directory between others, cold", MAKE, files, 12000);
    measure("move, cold", MOVE, files, 12000);
    measure("delete, cold", DELETE, files, 9000);
    return failed > 0;
}
