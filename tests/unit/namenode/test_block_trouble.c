/* test_block_trouble.c -- random trouble, and every block as it should be at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tests/unit/namenode/block_world.h"

static struct world w;

/* ---- anything, in any order ---- */

static void do_something(unsigned *seed, uint64_t *blocks, int files)
{
    int i = rand_r(seed) % files, k = rand_r(seed) % w.node_count;
    struct model *m = &w.nodes[k];
    char path[16];
    int down = 0;

    for (int n = 0; n < w.node_count; n++)
        down += !w.nodes[n].up;
    snprintf(path, sizeof path, "/f%d", i);
    switch (rand_r(seed) % 8) {
    case 0: m->up = m->up && down < 2 ? false : true; break;
    case 1: world_pass(&w, 1000 * (uint64_t)(1 + rand_r(seed) % 40)); break;
    case 2: world_set_replication(&w, path, 2 + rand_r(seed) % 3); break;
    case 3:
        world_delete(&w, path);
        blocks[i] = world_file(&w, path, 3, 100);
        break;
    case 4:
        if (world_live(&w, blocks[i]) > 1)
            bm_report_bad(w.bm, blocks[i], m->uuid, m->storage, "chance");
        break;
    case 5:
        if (m->up && model_holds(m, blocks[i]) && world_live(&w, blocks[i]) > 2)
            model_drop(m, blocks[i]); /* and says nothing until it reports */
        break;
    case 6:
        if (m->up && !m->told_to_register && datanode_find(w.bm, m->uuid)->alive)
            CU_ASSERT(model_report(&w, m) == 0);
        break;
    default:
        if (m->up && model_register(&w, m) == 0)
            CU_ASSERT(model_report(&w, m) == 0);
    }
    bm_check(w.bm);
}

static void one_random_life(unsigned seed)
{
    enum { FILES = 12, STEPS = 150 };
    uint64_t blocks[FILES];
    struct inode_info in;
    struct bm_replicas r;
    char path[16];

    world_start(&w, 6, "aabbcc");
    w.bm->random_state = seed * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        blocks[i] = world_file(&w, path, 3, 100);
    }
    for (int i = 0; i < STEPS; i++)
        do_something(&seed, blocks, FILES);
    for (int i = 0; i < w.node_count; i++) {
        w.nodes[i].up = true;
        if (model_register(&w, &w.nodes[i]) == 0)
            model_report(&w, &w.nodes[i]);
    }
    world_pass(&w, 700000); /* what was asked for in vain has to time out */
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "/f%d", i);
        ns_info(w.ns, ns_lookup(w.ns, path), &in);
        bm_count_replicas(w.bm, blocks[i], &r);
        if (r.live == 0)
            continue; /* chance took every copy while others were silent */
        CU_ASSERT(r.live == in.replication && r.corrupt == 0 && r.excess == 0);
        CU_ASSERT(world_held(&w, blocks[i]) == in.replication);
        if (r.live != in.replication || world_held(&w, blocks[i]) != in.replication)
            printf("block %d: wanted %d live %d held %d corrupt %d excess %d pending %d\n", i,
                   in.replication, r.live, world_held(&w, blocks[i]), r.corrupt, r.excess,
                   r.pending);
    }
    world_close(&w);
}

static void test_after_any_trouble_every_block_is_as_it_should_be(void)
{
    const char *given = getenv("SEED");
    unsigned first = given ? (unsigned)atoi(given) : 1, last = given ? first : 20;

    for (unsigned seed = first; seed <= last; seed++) {
        unsigned failed = CU_get_number_of_failures();

        one_random_life(seed);
        if (CU_get_number_of_failures() != failed)
            printf("SEED=%u replays this\n", seed);
    }
}

SUITE(block_trouble, TEST(test_after_any_trouble_every_block_is_as_it_should_be));
