/* web_policy.h -- storage policies and erasure coding policies, as WebHDFS' JSON.
 *
 * Thread:  any.
 * Errors:  NULL for want of memory.
 */
#ifndef DFS_NAMENODE_WEB_POLICY_H
#define DFS_NAMENODE_WEB_POLICY_H

#include <jansson.h>

#include "client_namenode.pb-c.h"

json_t *web_storage_policy_json(const Pb__BlockStoragePolicyProto *p);
json_t *web_storage_types_json(const Pb__StorageTypeProto *types, size_t n); /* their names */

/* The policy alone, with its schema. */
json_t *web_ec_policy_json(const Pb__ErasureCodingPolicyProto *p);
/* The same as a FileStatus has it in. */
json_t *web_ec_policy_object(const Pb__ErasureCodingPolicyProto *p);

#endif
