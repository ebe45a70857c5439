/* hedge.h -- one stretch of a block, read from several datanodes at once; the first good answer counts.
 *
 * A positional read begins with the nearest datanode.  When that one has not answered after
 * dfs.client.hedged.read.threshold.millis, the next is asked as well.  Each try is a thread with a
 * buffer of its own, of dfs.client.hedged.read.threadpool.size (0: no hedged reads) for a connection;
 * when all are busy the caller's thread reads.  Who loses is cut off: its connection is shut down.
 *
 *   race = race_new(hedge, map, block, offset, length);
 *   race_start(race, node);
 *   while (race_wait(race, ms, &done)) ...     done: a try that ended
 *   race_drop(race);
 *
 * Thread:  a race belongs to one thread; a hedge to any number.
 * Memory:  the bytes of a try are good until race_drop().
 */
#ifndef DFS_CLIENT_HEDGE_H
#define DFS_CLIENT_HEDGE_H

#include "client/block_map.h"
#include "client/block_reader.h"

enum { RACE_TRIES_MAX = 8 };

struct hedge;
struct race;

struct race_try {
    struct race *race;
    const Pb__DatanodeInfoProto *node;
    struct read_cut cut;
    uint8_t *bytes;
    enum block_reader_kind kind;
    bool ended, told;
    int rc;
    struct err err;
};

/* NULL in @out when hedged reads are off. */
int hedge_new(struct dfs *fs, struct hedge **out, struct err *err);
void hedge_free(struct hedge *h); /* waits for the tries that are under way, which are cut off */
void hedge_stats(struct hedge *h, struct dfs_hedge_stats *out);
long hedge_threshold_ms(const struct hedge *h);

int race_new(struct hedge *h, struct block_map *map, const Pb__LocatedBlockProto *block,
             uint64_t offset, uint64_t length, struct race **out, struct err *err);
/* False when there were RACE_TRIES_MAX already. */
bool race_start(struct race *r, const Pb__DatanodeInfoProto *node);
bool race_has(const struct race *r, const Pb__DatanodeInfoProto *node);
/* The next try that ended, each once; NULL when none did within @ms (-1: for ever), or none runs. */
struct race_try *race_wait(struct race *r, long ms);
void race_won(struct race *r, const struct race_try *t); /* for the figures */
void race_drop(struct race *r);

#endif
