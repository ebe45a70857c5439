/* ec_policy.h -- the policies of erasure codes: which there are, and which may be used.
 *
 * Five come with Hadoop and are known by their number; up to 64 more can be added, which are named
 * after what they are: RS-4-2-64k.  A policy is enabled, disabled or removed; what was removed
 * still describes the files that were written with it, so it stays in the table.
 *
 * The table is part of the namespace's state: records change it, the image keeps it.  Which policy
 * is in force for a directory is an extended attribute of it (EC_XATTR), and for a file its number.
 *
 * Thread:  with the namespace lock held.
 * Memory:  policies belong to the table and stay where they are.
 * Format:  docs/formats/fsimage.md, "ERASURE_CODING"; edits.md, OP_ADD_ERASURE_CODING_POLICY
 */
#ifndef DFS_NAMENODE_EC_POLICY_H
#define DFS_NAMENODE_EC_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"
#include "namenode/edits/edit_op.h"
#include "namenode/namespace/striping.h"

enum {
    EC_POLICIES_MAX = 127,
    EC_FIRST_OWN_ID = 64, /* of those that were added */
    EC_UNITS_MAX = 16     /* data and parity together */
};

/* A directory's policy: an xattr of the namespace SYSTEM, its value a 4-byte length and a name. */
#define EC_XATTR_NAME "hdfs.erasurecoding.policy"
enum { EC_XATTR_NS = 3 };
/* The policy of files that are not coded, for a directory below one that has another. */
#define EC_REPLICATION "replication"

enum ec_state { EC_DISABLED = 1, EC_ENABLED, EC_REMOVED }; /* ErasureCodingPolicyState */

struct ec_policy {
    uint8_t id;
    enum ec_state state; /* as the image has it */
    bool is_system;
    bool turned_off; /* by a record of this life: the configured default is on without one */
    char *name, *codec;
    uint32_t data_units, parity_units, cell_bytes;
    struct edit_ec_option *options;
    int option_count;
};

struct ec_table;

struct ec_table *ec_table_new(void); /* NULL: no memory */
void ec_table_free(struct ec_table *t);

/* What one of the five is, which messages name by their number alone; NULL: it is not one of them. */
const struct edit_ec_policy *ec_known(uint32_t id);

/* In the order of their names; NULL: there is none. */
const struct ec_policy *ec_at(const struct ec_table *t, int i);
const struct ec_policy *ec_by_name(const struct ec_table *t, const char *name);
const struct ec_policy *ec_by_id(const struct ec_table *t, uint8_t id);

/* How groups of the policy @id lie on datanodes; false: it is of no policy, so not striped. */
bool ec_striping(const struct ec_table *t, uint8_t id, struct striping *out);

/* What a policy is called; into @out. */
enum { EC_NAME_MAX = 320 };
void ec_name(const struct edit_ec_policy *p, char out[EC_NAME_MAX]);

/* Carries out a record of the four that change the table.  Adding one that is there changes
 * nothing; one that names no policy is ERR_INCONSISTENT. */
int ec_apply(struct ec_table *t, const struct edit_op *op, struct err *err);

/* The image's section: one delimited message. */
int ec_load(struct ec_table *t, const void *bytes, size_t n, struct err *err);
void ec_save(const struct ec_table *t, struct buf *out);

#endif
