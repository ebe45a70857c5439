/* partitioner.h -- which reducer a record goes to, as the job's partitioner says.
 *
 *   HashPartitioner            hash of the key (datum_hash)
 *   KeyFieldBasedPartitioner   hash of some of its fields (key_fields.h)
 *   TotalOrderPartitioner      between which of the keys of a sequence file it lies
 *
 * Thread:  read by any, once made.
 * Errors:  ERR_ARGUMENT when the partition file does not fit the job; those of the store.
 */
#ifndef DFS_COMPUTE_PARTITIONER_H
#define DFS_COMPUTE_PARTITIONER_H

#include "compute/shape.h"

struct partitioner;

/* @dir: the task's directory, where a partition file may have been shipped to. */
int partitioner_new(const Pb__JobSpecProto *spec, const struct shape *shape, struct store *store,
                    const char *dir, uint32_t partitions, struct partitioner **out,
                    struct err *err);
void partitioner_free(struct partitioner *p); /* NULL is allowed */
uint32_t partitioner_find(struct partitioner *p, const struct datum *key);

#endif
