/* attr.h -- owner, group, mode, replication, block size and policies, interned to one number.
 *
 * Millions of files share few combinations, so an inode holds the number of its combination.
 * User and group names are numbers too. A combination lives as long as an inode has it; names of
 * users and groups are never forgotten.
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

/* The number of @a, held once more: each holder lets go of it with attr_drop(). 0: no memory. */
uint32_t attr_hold(struct attr_table *t, const struct attr *a);
void attr_drop(struct attr_table *t, uint32_t number);
uint32_t attr_count(const struct attr_table *t);               /* combinations that are held */
void attr_check(const struct attr_table *t, uint64_t holders); /* that many hold one each */
const struct attr *attr_get(const struct attr_table *t, uint32_t number);

#endif
