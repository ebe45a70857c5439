/* ns_quota.h -- what the files behind namespace.h need to keep usage up to date.
 *
 * Always true, and checked by ns_check(): a directory with a quota (is_counted) carries the names
 * in its tree, itself included, and the space that its files take.
 *
 * Thread:  namespace lock.
 */
#ifndef DFS_NAMENODE_NS_QUOTA_H
#define DFS_NAMENODE_NS_QUOTA_H

#include "namenode/ns_state.h"

struct quota_use {
    int64_t names, space;
};

struct quota_use quota_count(const struct namespace *ns, uint64_t id); /* walks the whole tree */

/* @dir's tree, and so those above it, grew by this. Costs nothing while there is no quota. */
void quota_charge(struct namespace *ns, uint64_t dir, int64_t names, int64_t space);
/* The tree at @id came to @dir (sign 1), or leaves it (-1). */
void quota_charge_tree(struct namespace *ns, uint64_t id, uint64_t dir, int sign);
/* The quotas of @dir were set or cleared. */
void quota_begin_or_end(struct namespace *ns, uint64_t dir);

#endif
