/* policy.h -- Hadoop's storage policies: which kinds of storage a file's replicas go to.
 *
 * Thread:  any; the table is constant.
 */
#ifndef DFS_NAMENODE_POLICY_H
#define DFS_NAMENODE_POLICY_H

#include "common/arena.h"
#include "hdfs.pb-c.h"

enum { POLICY_HOT = 7, POLICY_COUNT = 8 };

struct storage_policy {
    uint8_t id;
    const char *name;
    /* Kinds as the first letters of PROVIDED, ARCHIVE, DISK, SSD, NVDIMM, RAM_DISK; the last one
     * stands for all further replicas. */
    const char *creation, *creation_fallback, *replication_fallback;
};

const struct storage_policy *policy_at(int index);
const struct storage_policy *policy_by_id(uint8_t id);         /* NULL: none */
const struct storage_policy *policy_by_name(const char *name); /* in any case of letters */
Pb__BlockStoragePolicyProto *policy_message(const struct storage_policy *p, struct arena *arena);

#endif
