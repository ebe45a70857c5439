/* web_view.h -- a picture of the namenode for those who look from outside.
 *
 * Taken once for each page, under the lock; what is made of it then needs no lock.
 *
 * Thread:  any that may wait for the lock.
 */
#ifndef DFS_NAMENODE_WEB_VIEW_H
#define DFS_NAMENODE_WEB_VIEW_H

#include "common/arena.h"
#include "common/bytes.h"
#include "namenode/image/checkpoint.h"
#include "namenode/namenode.h"
#include "namenode/calls/retry_cache.h"
#include "proto/rpc_server.h"

struct web_view {
    struct namenode *nn;
    struct bm_stats bm;
    struct journal_stats journal;
    struct checkpoint_stats checkpoint;
    struct retry_cache_stats retry;
    char ec_policies[1024]; /* that are enabled */
    uint64_t inodes, blocks, groups, open_files, told_not_yet, last_txid, durable_txid, now_ms;
    bool safe_mode, resources_low;
    char safe_mode_tip[1024];                  /* empty when not in it */
    Pb__DatanodeStorageReportProto **nodes[2]; /* alive, dead */
    size_t node_count[2];
};

/* @arena keeps the datanodes' pictures. */
void web_view_take(struct namenode *nn, struct arena *arena, struct web_view *out);

void web_metrics(const struct web_view *v, struct buf *out);
void web_jmx(const struct web_view *v, const char *query, struct buf *out);
void web_overview(const struct web_view *v, struct buf *out); /* HTML */

#endif
