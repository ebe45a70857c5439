/* attr.h -- owner, group, mode, replication, block size and policies, interned to one number.
 *
 * Millions of files share few combinations, so an inode holds the number of its combination.
 * User and group names are numbers too. Nothing is ever forgotten: a table of combinations is
 * small beside the files that have them.
 *
 * Thread:  namespace lock.
 * Memory:  malloc; names live as long as the table.
 */
#ifndef DFS_NAMENODE_ATTR_H
#define DFS_NAMENODE_ATTR_H

#include <stdint.h>

struct attr {
    uint32_t user, group; /* numbers of names */
    uint16_t mode;
    uint16_t replication;
    uint8_t storage_policy, ec_policy;
    uint64_t block_size;
};

struct attr_table;

struct attr_table *attr_table_new(void); /* NULL: no memory */
void attr_table_free(struct attr_table *t);

uint32_t attr_name_number(struct attr_table *t, const char *name); /* 0: no memory */
const char *attr_name(const struct attr_table *t, uint32_t number);

uint32_t attr_number(struct attr_table *t, const struct attr *a); /* 0: no memory */
const struct attr *attr_get(const struct attr_table *t, uint32_t number);

#endif
