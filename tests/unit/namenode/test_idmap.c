#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/idmap.h"
#include "tests/lib/suite.h"

enum { IDS = 20000 };

struct record {
    uint64_t id;
    uint8_t more[5];
} __attribute__((packed));

static void check_against(const struct idmap *m, const bool *there, uint64_t base)
{
    uint64_t id = 0, expect = 0;
    struct record *r;

    idmap_check(m);
    while ((r = idmap_next(m, &id)) != NULL) {
        while (expect < IDS && !there[expect])
            expect++;
        CU_ASSERT_FATAL(expect < IDS && id == base + expect && r->id == id);
        expect++;
        id++;
    }
    for (; expect < IDS; expect++)
        CU_ASSERT(!there[expect]);
}

static void run(uint64_t base, unsigned seed)
{
    static bool there[IDS];
    struct slab slab;
    struct idmap m;

    memset(there, 0, sizeof there);
    srand(seed);
    CU_ASSERT_FATAL(slab_init(&slab, 8, 1 << 28, 0, NULL) == 0);
    idmap_init(&m, &slab, sizeof(struct record));
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 30000; i++) {
            int k = rand() % IDS;
            struct record *r = idmap_get(&m, base + (uint64_t)k);

            CU_ASSERT_FATAL((r != NULL) == there[k]);
            if (r && round % 2) {
                idmap_remove(&m, base + (uint64_t)k);
                there[k] = false;
            } else if (!r && round % 2 == 0) {
                r = idmap_put(&m, base + (uint64_t)k);
                CU_ASSERT_FATAL(r != NULL && r->id == 0);
                r->id = base + (uint64_t)k;
                there[k] = true;
            }
        }
        check_against(&m, there, base);
    }
    for (int k = 0; k < IDS; k++)
        if (there[k])
            idmap_remove(&m, base + (uint64_t)k);
    idmap_check(&m);
    CU_ASSERT(m.count == 0 && m.root == 0 && slab.used == 0);
    slab_done(&slab);
}

static void test_it_holds_what_was_put_and_nothing_else(void)
{
    run(16385, 1);
    run(1073741825, 2);
    run(((uint64_t)1 << 45) + 12345, 3);
}

static void test_a_full_slab_changes_nothing(void)
{
    /* Every limit from nothing up to enough for all: the map is whole wherever it runs out. */
    for (uint64_t limit = SLAB_RUN_BYTES; limit < 40 * SLAB_RUN_BYTES; limit += SLAB_RUN_BYTES) {
        struct slab slab;
        struct idmap m;
        uint64_t n = 0;

        CU_ASSERT_FATAL(slab_init(&slab, 8, 1 << 28, limit, NULL) == 0);
        idmap_init(&m, &slab, 34);
        for (uint64_t k = 0; k < 500; k++)
            n += idmap_put(&m, k * 37 % 5000 * 100) != NULL;
        idmap_check(&m);
        CU_ASSERT(m.count == n);
        slab_done(&slab);
    }
}

static void test_objects_of_a_slab_never_overlap(void)
{
    enum { N = 3000 };
    static struct {
        uint32_t ref;
        size_t n;
    } live[N];
    struct slab slab;

    srand(5);
    CU_ASSERT_FATAL(slab_init(&slab, 4, 1 << 28, 0, NULL) == 0);
    memset(live, 0, sizeof live);
    for (int i = 0; i < 60000; i++) {
        int k = rand() % N;

        if (live[k].ref) {
            const uint8_t *p = slab_at(&slab, live[k].ref);

            CU_ASSERT(p[0] == (uint8_t)k && p[live[k].n - 1] == (uint8_t)k);
            slab_free(&slab, live[k].ref, live[k].n);
            live[k].ref = 0;
        } else {
            live[k].n = rand() % 50 ? 4 + (size_t)rand() % 300 : (size_t)rand() % 100000 + 4;
            live[k].ref = slab_alloc(&slab, live[k].n);
            CU_ASSERT_FATAL(live[k].ref != 0);
            memset(slab_at(&slab, live[k].ref), k, live[k].n);
        }
    }
    for (int k = 0; k < N; k++)
        if (live[k].ref)
            slab_free(&slab, live[k].ref, live[k].n);
    CU_ASSERT(slab.used == 0);
    slab_done(&slab);
}

SUITE(idmap, TEST(test_it_holds_what_was_put_and_nothing_else),
      TEST(test_a_full_slab_changes_nothing), TEST(test_objects_of_a_slab_never_overlap));
