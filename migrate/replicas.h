/* replicas.h -- a stopped datanode's directory beside the blocks that the namespace knows.
 *
 * Each replica that fits its block counts as one in the namespace (as storage 0), so that afterwards the blocks without any can be
 * told.  Nothing is written, and of a replica only names, sizes and the head of its checksums are read.
 *
 * Thread:  one.
 * Format:  docs/formats/block-files.md
 */
#ifndef DFS_MIGRATE_REPLICAS_H
#define DFS_MIGRATE_REPLICAS_H

#include "common/env.h"
#include "migrate/report.h"
#include "namenode/edits/name_dir.h"

struct replica_totals {
    uint64_t replicas, bytes, unfinished, foreign;
};

/* Looks at the data directory @dir.  @id: whose blocks @ns holds. */
void replicas_check(struct env *env, const char *dir, struct namespace *ns,
                    const struct name_identity *id, struct replica_totals *totals,
                    struct report *r);
/* After all directories: blocks that have no replica, or of which too few units are there. */
void replicas_missing(struct namespace *ns, struct report *r);

#endif
