/* slow_peers.c -- which datanodes are slow, as others tell in their heartbeats.
 *
 * A report holds for three of the intervals that datanodes report in.  The slowest are those that
 * the most others complain of. */
#include "namenode/blocks/bm_parts.h"

#include <stdlib.h>
#include <string.h>

enum { REPORTERS_MAX = 64, SLOW_MAX = 10000, REPORTS_HOLD = 3 };

struct slow_peer {
    UT_hash_handle hh;
    int count;
    struct {
        const struct datanode *by; /* only compared: it may be gone */
        uint64_t since_ms;
    } reports[REPORTERS_MAX];
    char name[]; /* address and HTTP port */
};

static bool holds(const struct block_manager *bm, uint64_t since_ms, uint64_t now)
{
    return now - since_ms <= REPORTS_HOLD * bm->slow_interval_ms;
}

/* Drops what no longer holds; how many complain. */
static int complaints(const struct block_manager *bm, struct slow_peer *p, uint64_t now)
{
    for (int i = 0; i < p->count; i++)
        if (!holds(bm, p->reports[i].since_ms, now))
            p->reports[i--] = p->reports[--p->count];
    return p->count;
}

static void add_report(struct block_manager *bm, const struct datanode *by, const char *name)
{
    struct slow_peer *p;
    int i = 0;

    HASH_FIND_STR(bm->slow_peers, name, p);
    if (!p) {
        if (HASH_COUNT(bm->slow_peers) >= SLOW_MAX ||
            !(p = calloc(1, sizeof *p + strlen(name) + 1)))
            return;
        strcpy(p->name, name);
        HASH_ADD_KEYPTR(hh, bm->slow_peers, p->name, strlen(p->name), p);
    }
    while (i < p->count && p->reports[i].by != by)
        i++;
    if (i == REPORTERS_MAX)
        return;
    p->count += i == p->count;
    p->reports[i].by = by;
    p->reports[i].since_ms = bm_now(bm);
}

void slow_peers_reported(struct block_manager *bm, const struct datanode *by,
                         Pb__SlowPeerReportProto *const *reports, size_t n)
{
    for (size_t i = 0; bm->slow_interval_ms && i < n; i++)
        if (reports[i]->datanodeid)
            add_report(bm, by, reports[i]->datanodeid);
}

static struct datanode *node_named(struct block_manager *bm, const char *name)
{
    const char *colon = strrchr(name, ':');
    size_t n = colon ? (size_t)(colon - name) : strlen(name);
    struct datanode *on_host = NULL;

    for (int i = 0; i < bm->node_count; i++) {
        struct datanode *node = bm->nodes[i];

        if (strlen(node->ip) != n || strncmp(node->ip, name, n) != 0)
            continue;
        on_host = node;
        if (colon && (uint32_t)strtoul(colon + 1, NULL, 10) == node->info_port)
            return node;
    }
    return on_host;
}

int slow_peers_worst(struct block_manager *bm, struct datanode **out, int max)
{
    int counts[SLOW_SHOWN_MAX], n = 0;
    struct slow_peer *p, *next;
    uint64_t now = bm_now(bm);

    if (max > SLOW_SHOWN_MAX)
        max = SLOW_SHOWN_MAX;
    HASH_ITER(hh, bm->slow_peers, p, next)
    {
        struct datanode *node = node_named(bm, p->name);
        int at, count = complaints(bm, p, now);

        if (count == 0) {
            HASH_DEL(bm->slow_peers, p);
            free(p);
            continue;
        }
        for (at = n; at > 0 && counts[at - 1] < count; at--)
            ;
        if (!node || at == max)
            continue;
        n += n < max;
        memmove(&counts[at + 1], &counts[at], (size_t)(n - 1 - at) * sizeof *counts);
        memmove(&out[at + 1], &out[at], (size_t)(n - 1 - at) * sizeof *out);
        counts[at] = count;
        out[at] = node;
    }
    return n;
}

void slow_peers_mark(struct block_manager *bm)
{
    struct datanode *worst[SLOW_SHOWN_MAX];
    int n;

    if (!bm->slow_interval_ms)
        return;
    n = slow_peers_worst(bm, worst, bm->slow_avoided);
    for (int i = 0; i < bm->node_count; i++)
        bm->nodes[i]->slow = false;
    for (int i = 0; i < n; i++)
        worst[i]->slow = true;
}

void slow_peers_free(struct block_manager *bm)
{
    struct slow_peer *p, *next;

    HASH_ITER(hh, bm->slow_peers, p, next)
    {
        HASH_DEL(bm->slow_peers, p);
        free(p);
    }
}

bool bm_slow_datanodes(struct block_manager *bm, struct arena *arena, Pb__DatanodeInfoProto ***out,
                       size_t *count)
{
    struct datanode *worst[SLOW_SHOWN_MAX];
    int n = slow_peers_worst(bm, worst, bm->slow_shown);

    *count = 0;
    if (!(*out = arena_alloc(arena, (size_t)n * sizeof **out + 1)))
        return false;
    for (int i = 0; i < n; i++)
        (*out)[(*count)++] = (Pb__DatanodeInfoProto *)&datanode_card(bm, worst[i])->info;
    return true;
}
