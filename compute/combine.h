/* combine.h -- the combiner of a map task: a program, or aggregate's, over each partition of each spill.
 *
 * What it gives must be in the order of its input; what does not is refused with the two keys.
 *
 * Thread:  the task's.
 */
#ifndef DFS_COMPUTE_COMBINE_H
#define DFS_COMPUTE_COMBINE_H

#include "compute/sorter.h"
#include "compute/task.h"

/* For sorter_options.combiner; ctx is the task. */
int combine_partition(void *task, uint32_t partition, struct record_stream *in,
                      struct spill_writer *out, struct err *err);

#endif
