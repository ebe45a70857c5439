/* Thousands of hours of a cluster in which everything goes wrong: what was acknowledged is kept, what is
 * needed is not deleted, the namenode leaves safe mode exactly when it may, writers that vanish lose
 * their files, and when all is well again every block has the copies that it should, and nothing else is left.
 *
 *   SEED=n replays one run, FIRST_SEED=n begins there; SIM_HOURS=n simulates so many (in CI 2,000); TRACE=1 says what happens.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "namenode/blocks/lease_recovery.h"
#include "tests/lib/suite.h"
#include "tests/sim/sim.h"

enum {
    HOUR_STEPS = 3600 * 1000 / STEP_MS,
    RUN_HOURS = 40,
    CALM_HOURS = 4, /* of those, the last */
    EXTENSION_MS = 30000,
};
#ifdef __SANITIZE_ADDRESS__
enum { HOURS = 160 };
#else
enum { HOURS = 2000 };
#endif

struct sim sim;
struct sim_total *total;
static uint64_t first_seed, seed, state;
static bool tracing;

unsigned chance(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

uint64_t now(void)
{
    return sim.o.w.ms;
}

void sim_fail(const char *fmt, ...)
{
    va_list ap;

    printf("SEED=%llu replays this, at %.3f h: ", (unsigned long long)seed, (double)now() / 3600e3);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

void trace(const char *fmt, ...)
{
    va_list ap;

    if (!tracing)
        return;
    printf("%9.3f ", (double)now() / 3600e3);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

/* ---- the namenode ---- */

static void count_complete(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    (void)storages;
    *(uint64_t *)ctx += b->state == BLOCK_COMPLETE;
}

static uint64_t complete_blocks(void)
{
    uint64_t n = 0;

    HOLDS(ns_block_scan(sim.o.nn.ns, 0, 100000, count_complete, &n) == 0, "too many blocks");
    return n;
}

static void check_files(void)
{
    for (int i = 0; i < FILES; i++) {
        const struct file *f = &sim.files[i];
        struct inode_info in;
        uint64_t ids[FILE_BLOCKS + 1];

        if (f->safe_count == 0)
            continue;
        HOLDS(ns_info(sim.o.nn.ns, f->inode, &in), "%s is lost", f->path);
        HOLDS(ns_lookup(sim.o.nn.ns, f->path) == f->inode, "%s is another file", f->path);
        HOLDS((int)in.block_count >= f->safe_count, "%s has lost blocks", f->path);
        ns_file_blocks(sim.o.nn.ns, f->inode, ids, 0, FILE_BLOCKS);
        for (int k = 0; k < f->safe_count; k++) {
            struct block_info b;

            HOLDS(ids[k] == f->safe[k].id && ns_block(sim.o.nn.ns, ids[k], &b) &&
                      b.length >= f->safe[k].length && b.gs >= f->safe[k].gs,
                  "block %d of %s is not what it was", k, f->path);
        }
    }
}

/* All but files that are open: of those what a writer said last becomes a record with its next call. */
static char *closed_tree(void)
{
    char *text = op_world_tree(&sim.o), *to = text;

    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n') + 1;
        if (memmem(line, (size_t)(end - line), "open=1", 6))
            continue;
        memmove(to, line, (size_t)(end - line));
        to += end - line;
    }
    *to = 0;
    return text;
}

static void start_namenode(void)
{
    uint64_t first;
    char *before, *after;

    if (chance(2)) { /* from an image */
        HOLDS(journal_roll(sim.o.nn.journal, &first, &sim.o.err) == 0, "a roll");
        while (ns_reclaim(sim.o.nn.ns, 1000))
            ;
        HOLDS(name_dirs_save_image(sim.o.nn.dirs, sim.o.nn.ns, first - 1, &sim.o.err) == 0 &&
                  name_dirs_image_done(sim.o.nn.dirs, first - 1, 1, 0, &sim.o.err) == 0,
              "an image: %s", sim.o.err.text);
    }
    before = closed_tree();
    op_world_restart(&sim.o);
    after = closed_tree();
    HOLDS(strcmp(before, after) == 0,
          "the namespace is another after a restart:\n%s\nand it was\n%s", after, before);
    free(before);
    free(after);
    check_files();
    for (int i = 0; i < MACHINES; i++)
        sim.machines[i].registered = false;
    sim.namenode_up = true;
    sim.started_ms = now();
    sim.safe.reached_ms = 0;
    sim.safe.total = complete_blocks();
    total->restarts++;
    trace("the namenode starts: %llu blocks", (unsigned long long)sim.safe.total);
}

static void count_reported(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    struct bm_replicas r;

    (void)storages;
    if (b->state != BLOCK_COMPLETE)
        return;
    bm_count_replicas(sim.o.w.bm, b->id, &r);
    *(uint64_t *)ctx += r.live > 0;
}

/* It leaves safe mode when enough blocks were reported, and some time has gone by since; not before, and
 * not much later. */
static void check_safe_mode(void)
{
    bool in = bm_in_startup_safe_mode(sim.o.w.bm);
    uint64_t reported = 0, wanted = (uint64_t)((double)sim.safe.total * 0.999f);

    if (sim.safe.reached_ms == UINT64_MAX) { /* it has left */
        HOLDS(!in, "safe mode has come back");
        return;
    }
    ns_block_scan(sim.o.nn.ns, 0, 100000, count_reported, &reported);
    if (reported < wanted)
        HOLDS(in || sim.safe.reached_ms, "safe mode was left with %llu of %llu blocks reported",
              (unsigned long long)reported, (unsigned long long)wanted);
    else if (sim.safe.reached_ms == 0)
        sim.safe.reached_ms = now();
    if (in && reported < wanted)
        sim.safe.reached_ms = 0;
    if (in && sim.safe.reached_ms)
        HOLDS(now() - sim.safe.reached_ms <= EXTENSION_MS + 3 * STEP_MS,
              "safe mode lasts, though %llu of %llu blocks are reported; the namenode thinks %llu "
              "of %llu",
              (unsigned long long)reported, (unsigned long long)wanted,
              (unsigned long long)sim.o.w.bm->safe.block_safe,
              (unsigned long long)sim.o.w.bm->safe.block_threshold);
    if (!in && wanted > 0)
        HOLDS(now() - sim.started_ms >= EXTENSION_MS - STEP_MS, "safe mode was left at once");
    if (!in)
        sim.safe.reached_ms = UINT64_MAX;
}

/* ---- what always holds ---- */

static void check_safe(void)
{
    for (int i = 0; i < FILES; i++)
        for (int k = 0; k < sim.files[i].safe_count; k++)
            HOLDS(good_copies(&sim.files[i].safe[k], NULL) > 0, "blk_%llu of %s is lost",
                  (unsigned long long)sim.files[i].safe[k].id, sim.files[i].path);
}

static void step(uint64_t number)
{
    sim.o.w.ms += STEP_MS;
    faults_step();
    if (!sim.namenode_up && now() >= sim.namenode_down_until)
        start_namenode();
    machines_do_tasks();
    if (sim.namenode_up) {
        bm_tick(sim.o.w.bm);
        arena_reset(&sim.o.answers); /* no call waits any more */
        for (int i = 0; i < MACHINES; i++)
            machine_step(&sim.machines[i]);
        bm_tick(sim.o.w.bm);
        lease_monitor_round(&sim.o.nn);
        check_safe_mode();
        if (!bm_in_safe_mode(sim.o.w.bm))
            files_step();
    }
    if (number % 6 == 0)
        check_safe();
    if (number % 60 == 0 && sim.namenode_up) {
        ns_check(sim.o.nn.ns);
        bm_check(sim.o.w.bm);
    }
}

/* ---- what holds in the end ---- */

static void check_block_settled(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    struct bm_replicas r;
    int copies = 0;

    (void)ctx, (void)storages;
    HOLDS(b->state == BLOCK_COMPLETE, "blk_%llu is not complete in the end",
          (unsigned long long)b->id);
    bm_count_replicas(sim.o.w.bm, b->id, &r);
    for (int i = 0; i < MACHINES; i++) {
        const struct copy *c = machine_find(&sim.machines[i], b->id, NULL);

        if (!c)
            continue;
        HOLDS(c->gs == b->gs && c->length == b->length && !c->rotten &&
                  c->state == PB__REPLICA_STATE_PROTO__FINALIZED,
              "%s has a bad copy of blk_%llu left: %llu, %llu bytes, %d%s, not %llu, %llu bytes",
              sim.machines[i].uuid, (unsigned long long)b->id, (unsigned long long)c->gs,
              (unsigned long long)c->length, c->state, c->rotten ? ", rotten" : "",
              (unsigned long long)b->gs, (unsigned long long)b->length);
        copies++;
    }
    HOLDS(r.live == copies && r.excess == 0 && r.corrupt == 0 && r.pending == 0,
          "blk_%llu has %d copies; the namenode knows of %d, %d too many, %d corrupt",
          (unsigned long long)b->id, copies, r.live, r.excess, r.corrupt);
    HOLDS(copies == ns_replication(sim.o.nn.ns, b->file) && r.racks_enough,
          "blk_%llu has %d copies, not %d, or too few racks", (unsigned long long)b->id, copies,
          ns_replication(sim.o.nn.ns, b->file));
}

static void check_end(void)
{
    struct bm_stats s;
    struct block_info b;

    HOLDS(sim.namenode_up && !bm_in_safe_mode(sim.o.w.bm), "safe mode in the end");
    HOLDS(ns_open_file_count(sim.o.nn.ns) == 0, "%llu files are open in the end",
          (unsigned long long)ns_open_file_count(sim.o.nn.ns));
    ns_block_scan(sim.o.nn.ns, 0, 100000, check_block_settled, NULL);
    for (int i = 0; i < MACHINES; i++)
        for (int d = 0; d < DISKS; d++)
            for (int k = 0; k < sim.machines[i].disks[d].n; k++)
                HOLDS(ns_block(sim.o.nn.ns, sim.machines[i].disks[d].at[k].id, &b),
                      "%s keeps blk_%llu, which nobody needs", sim.machines[i].uuid,
                      (unsigned long long)sim.machines[i].disks[d].at[k].id);
    bm_get_stats(sim.o.w.bm, &s);
    HOLDS(s.live == MACHINES && s.under_replicated + s.missing_blocks + s.corrupt_blocks +
                                        s.pending_replication + s.pending_deletion ==
                                    0,
          "%d machines live; blocks: %llu with too few copies, %llu missing, %llu corrupt, %llu "
          "pending, %llu to be deleted",
          s.live, (unsigned long long)s.under_replicated, (unsigned long long)s.missing_blocks,
          (unsigned long long)s.corrupt_blocks, (unsigned long long)s.pending_replication,
          (unsigned long long)s.pending_deletion);
}

/* ---- one run ---- */

static void configure(struct world *w)
{
    static char letters[MACHINES + 1];

    for (int i = 0; i < MACHINES; i++)
        letters[i] = (char)('a' + i % 3);
    world_racks(w, letters);
    world_set(w, "dfs.heartbeat.interval=10");
    world_set(w, "dfs.namenode.heartbeat.recheck-interval=60000"); /* dead after 220 s */
    world_set(w, "dfs.namenode.safemode.extension=30000");
}

/* Thousands of runs leave no gigabytes. */
static void remove_files(const char *dir)
{
    char command[400];

    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    HOLDS(system(command) == 0, "rm");
}

static void run(int number)
{
    seed = first_seed + (uint64_t)number;
    state = seed * 2654435761u;
    memset(&sim, 0, sizeof sim);
    op_world_open_as(&sim.o, configure);
    machines_init();
    sim.namenode_up = true;
    sim.safe.reached_ms = UINT64_MAX;
    for (uint64_t n = 1; n <= RUN_HOURS * HOUR_STEPS; n++) {
        if (n == (RUN_HOURS - CALM_HOURS) * HOUR_STEPS)
            faults_end();
        step(n);
    }
    check_end();
    check_files();
    machines_done();
    op_world_close(&sim.o);
    remove_files(sim.o.dir);
    total->runs++;
    total->hours += RUN_HOURS;
}

static void show(void)
{
    static const char *const names[] = {
        "crash",     "mute",      "late", "twice",     "cut short",  "old state",    "destroyed",
        "disk lost", "disk full", "rot",  "partition", "clock jump", "namenode down"};

    fprintf(stderr,
            "%llu hours: %llu blocks written, %llu files appended to, %llu deleted, %llu writers "
            "vanished, %llu recoveries, %llu copies made, %llu deleted, %llu starts of the "
            "namenode\nfaults:",
            (unsigned long long)total->hours, (unsigned long long)total->written,
            (unsigned long long)total->appended, (unsigned long long)total->deleted,
            (unsigned long long)total->vanished, (unsigned long long)total->recoveries,
            (unsigned long long)total->copies, (unsigned long long)total->deletions,
            (unsigned long long)total->restarts);
    for (int i = 0; i < FAULTS; i++)
        fprintf(stderr, "%s %s %llu", i ? "," : "", names[i], (unsigned long long)total->faults[i]);
    fprintf(stderr, "\n");
}

static void test_what_was_acknowledged_is_kept_while_everything_goes_wrong(void)
{
    const char *one = getenv("SEED"), *from = getenv("FIRST_SEED"), *hours = getenv("SIM_HOURS");
    int runs = (hours ? atoi(hours) : HOURS) / RUN_HOURS;
    int failed;

    if (!from)
        from = one ? one : "1";
    first_seed = strtoull(from, NULL, 10);

    tracing = getenv("TRACE") != NULL;
    total = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(total != MAP_FAILED);
    failed = suite_share_out(one ? 1 : runs, run);
    show();
    CU_ASSERT(failed == 0);
    CU_ASSERT(total->runs > 0 && total->written > 0);
    for (int i = 0; i < FAULTS; i++)
        CU_ASSERT(one || total->faults[i] > 0);
    munmap(total, sizeof *total);
}

SUITE(sim, TEST(test_what_was_acknowledged_is_kept_while_everything_goes_wrong));
