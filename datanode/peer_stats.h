/* peer_stats.h -- how long it takes to hand packets on to other datanodes, and which of them are slow.
 *
 * An average for each over the last three hours.  A datanode is slow when its average is far above
 * those of the others: above three times their median, and three (scaled) median deviations above
 * it, and above dfs.datanode.slowpeer.low.threshold.ms.  With few to compare none is.
 *
 * Thread:  any.
 * Memory:  a few kilobytes for each datanode that was written to.
 */
#ifndef DFS_DATANODE_PEER_STATS_H
#define DFS_DATANODE_PEER_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/env.h"

struct peer_stats;

struct slow_peer {
    char name[320]; /* address and HTTP port, as Hadoop tells it */
    double average_ms, median_ms, deviation_ms, limit_ms;
};

/* NULL when dfs.datanode.peer.stats.enabled is off, or memory short; so it may be below. */
struct peer_stats *peer_stats_new(struct env *env, const struct conf *conf);
void peer_stats_free(struct peer_stats *s);
/* What makes one slow, as it is set now. */
void peer_stats_read_settings(struct peer_stats *s, const struct conf *conf);

void peer_stats_add(struct peer_stats *s, const char *name, uint64_t took_ns);
/* Writes those that are slow now, at most @max, and returns how many. */
size_t peer_stats_slow(struct peer_stats *s, struct slow_peer *out, size_t max);

#endif
