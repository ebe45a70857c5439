/* op_ec.h -- policies of erasure codes, as the answers to other questions need them.
 *
 * A policy may be used when it is enabled; the configured default
 * (dfs.namenode.ec.system.default.policy) is, unless a record has turned it off.
 *
 * Thread:  with the namespace lock held.
 */
#ifndef DFS_NAMENODE_OP_EC_H
#define DFS_NAMENODE_OP_EC_H

#include "namenode/calls/op.h"

/* The policy in force for an inode; NULL: it is not coded.  For a file that is its own, for a
 * directory its own or the nearest one from above. */
const struct ec_policy *op_ec_in_force(struct op *op, const struct inode_info *info);

/* What getContentSummary calls it. */
const char *op_ec_summary_name(struct op *op, const struct inode_info *info);

/* ERR_HADOOP_ARG with Hadoop's sentence unless @name is the name of a policy that may be used, or
 * of EC_REPLICATION. */
int op_ec_check_enabled(struct op *op, const char *name);

/* As Hadoop's messages write a policy. */
const char *op_ec_text(struct op *op, const struct ec_policy *p);

Pb__ErasureCodingPolicyProto *op_ec_message(struct op *op,
                                            const struct ec_policy *p); /* NULL: no memory */

#endif
