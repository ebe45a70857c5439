/* counters.h -- what a datanode counts: the rows of counters.def.
 *
 * Thread:  any.
 */
#ifndef DFS_DATANODE_COUNTERS_H
#define DFS_DATANODE_COUNTERS_H

#include "common/metrics.h"

enum counter {
#define COUNTER(id, name, jmx, text) COUNT_##id,
#include "datanode/counters.def"
#undef COUNTER
    COUNT_MAX
};

extern struct metric counters[COUNT_MAX];

static inline void count(enum counter which, int64_t n)
{
    metric_add(&counters[which], n);
}

#endif
