/* test_peer_stats.c -- which datanodes are slow at taking packets. */
#include <stdio.h>
#include <string.h>

#include "datanode/peer_stats.h"
#include "tests/lib/suite.h"

static struct env world;
static struct env_ops ops;
static uint64_t now_ms;

static uint64_t fake_mono(struct env *e)
{
    (void)e;
    return now_ms * 1000000;
}

static struct peer_stats *begin(bool on)
{
    struct conf_args args = {0};
    struct conf *c;
    struct peer_stats *s;
    struct err err;

    world = *env_posix();
    ops = *world.ops;
    ops.mono_ns = fake_mono;
    world.ops = &ops;
    now_ms = 1;
    CU_ASSERT_FATAL(conf_load(&args, &c, &err) == 0);
    conf_set(c, "dfs.datanode.peer.stats.enabled", on ? "true" : "false", &err);
    conf_set(c, "dfs.datanode.peer.metrics.min.outlier.detection.samples", "10", &err);
    conf_set(c, "dfs.datanode.min.outlier.detection.nodes", "5", &err);
    s = peer_stats_new(&world, c);
    conf_free(c);
    return s;
}

/* @n writes to each of @peers, the i-th taking (i + 1) times @each ns; the first alone @first. */
static void writes(struct peer_stats *s, int peers, int n, uint64_t first, uint64_t each)
{
    char name[32];

    for (int i = 0; i < peers; i++) {
        snprintf(name, sizeof name, "10.0.0.%d:9864", i + 1);
        for (int k = 0; k < n; k++)
            peer_stats_add(s, name, i == 0 ? first : each + (uint64_t)i * 1000);
    }
}

static void test_one_far_above_the_others_is_slow(void)
{
    struct peer_stats *s = begin(true);
    struct slow_peer slow[4];

    writes(s, 6, 10, 40000000, 1000000);
    CU_ASSERT_FATAL(peer_stats_slow(s, slow, 4) == 1);
    CU_ASSERT_STRING_EQUAL(slow[0].name, "10.0.0.1:9864");
    CU_ASSERT(slow[0].average_ms > 39 && slow[0].median_ms > 0.9 && slow[0].median_ms < 1.1);
    CU_ASSERT(slow[0].limit_ms == 5);
    now_ms += 36 * 300 * 1000; /* all that is forgotten */
    CU_ASSERT(peer_stats_slow(s, slow, 4) == 0);
    peer_stats_free(s);
}

static void test_nobody_is_slow_below_the_threshold_or_among_few(void)
{
    struct peer_stats *s = begin(true);
    struct slow_peer slow[4];

    writes(s, 6, 10, 4000000, 10000); /* four milliseconds are not slow */
    CU_ASSERT(peer_stats_slow(s, slow, 4) == 0);
    peer_stats_free(s);
    s = begin(true);
    writes(s, 4, 10, 40000000, 10000); /* four are too few to compare */
    CU_ASSERT(peer_stats_slow(s, slow, 4) == 0);
    peer_stats_free(s);
    s = begin(true);
    writes(s, 6, 9, 40000000, 10000); /* and so are nine writes */
    CU_ASSERT(peer_stats_slow(s, slow, 4) == 0);
    peer_stats_free(s);
}

static void test_without_the_setting_there_is_nothing(void)
{
    struct slow_peer slow[4];

    CU_ASSERT_PTR_NULL(begin(false));
    peer_stats_add(NULL, "x", 1);
    CU_ASSERT(peer_stats_slow(NULL, slow, 4) == 0);
}

SUITE(peer_stats, TEST(test_one_far_above_the_others_is_slow),
      TEST(test_nobody_is_slow_below_the_threshold_or_among_few),
      TEST(test_without_the_setting_there_is_nothing));
