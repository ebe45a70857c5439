/* policy.h -- Hadoop's storage policies: which kinds of storage a file's replicas go to.
 *
 * Thread:  any; the table is constant.
 */
#ifndef DFS_NAMENODE_POLICY_H
#define DFS_NAMENODE_POLICY_H

#include <stdbool.h>

#include "common/arena.h"
#include "hdfs.pb-c.h"

enum { POLICY_HOT = 7, POLICY_LAZY_PERSIST = 15, POLICY_COUNT = 8 };

struct storage_policy {
    uint8_t id;
    const char *name;
    /* Kinds as the first letters of PROVIDED, ARCHIVE, DISK, SSD, NVDIMM, RAM_DISK; the last one
     * stands for all further replicas. */
    const char *creation, *creation_fallback, *replication_fallback;
};

enum { POLICY_TYPES = 6 }; /* kinds of storage, numbered as StorageTypeProto less 1 */

/* How many of @copies go to each kind when every kind has room. RAM, which forgets, is passed over:
 * the next kind counts instead. */
void policy_spread(const struct storage_policy *p, unsigned copies,
                   unsigned per_type[POLICY_TYPES]);

Pb__StorageTypeProto policy_kind(char letter);
const char *policy_type_name(int type); /* "DISK" */
const struct storage_policy *policy_at(int index);
const struct storage_policy *policy_by_id(uint8_t id);         /* NULL: none */
const struct storage_policy *policy_by_name(const char *name); /* in any case of letters */
/* Does it put all units of a block group on one kind of storage? On others it counts as none. */
bool policy_suits_groups(uint8_t id);
/* As Hadoop's messages write a policy: "BlockStoragePolicy{HOT:7, storageTypes=[DISK], ...}". */
const char *policy_text(const struct storage_policy *p, struct arena *arena);
Pb__BlockStoragePolicyProto *policy_message(const struct storage_policy *p, struct arena *arena);

#endif
