/* ec_message.h -- a policy of erasure codes as the wire's message.
 *
 * Thread:  with the namespace lock held.
 * Memory:  from the arena; strings are copied.
 */
#ifndef DFS_NAMENODE_EC_MESSAGE_H
#define DFS_NAMENODE_EC_MESSAGE_H

#include "common/arena.h"
#include "hdfs.pb-c.h"
#include "namenode/namespace/ec_policy.h"

/* One that everybody knows by its number needs no more than that. NULL: no memory. */
Pb__ErasureCodingPolicyProto *ec_message(const struct ec_policy *p, struct arena *arena);

#endif
