/* ns_quota.h -- what the files behind namespace.h need to keep usage up to date.
 *
 * Always true, and checked by ns_check(): a directory with a quota (is_counted) carries the names
 * in its tree, itself included, and the space that its files take.
 *
 * Thread:  namespace lock.
 */
#ifndef DFS_NAMENODE_NS_QUOTA_H
#define DFS_NAMENODE_NS_QUOTA_H

#include "namenode/namespace/ns_state.h"

struct quota_use {
    int64_t names, space;
    int64_t
        types[STORAGE_TYPES]; /* of @space, on each kind; files without a policy count nowhere */
};

struct quota_use quota_count(const struct namespace *ns, uint64_t id); /* walks the whole tree */
struct quota_use quota_of_file(const struct namespace *ns, uint64_t file); /* names 0; 0: none */

/* @dir's tree, and so those above it, grew by @more less @less (NULL: nothing). Costs nothing while
 * there is no quota. */
void quota_charge(struct namespace *ns, uint64_t dir, const struct quota_use *more,
                  const struct quota_use *less);
/* The tree at @id came to @dir (sign 1), or leaves it (-1). */
void quota_charge_tree(struct namespace *ns, uint64_t id, uint64_t dir, int sign);
/* Files in the tree at @id have another policy than before, by themselves or by inheritance: what
 * directories with a quota inside, @id too, use of each kind of storage is counted anew. */
void quota_recount_types(struct namespace *ns, uint64_t id);
/* The quotas of @dir were set or cleared. */
void quota_begin_or_end(struct namespace *ns, uint64_t dir);

#endif
