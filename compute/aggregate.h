/* aggregate.h -- Hadoop's aggregate package: keys that begin with how their values are put together.
 *
 * A mapper prints "LongValueSum:word TAB 1"; the reducer's output is "word TAB sum".  There are LongValueSum,
 * LongValueMax, LongValueMin, DoubleValueSum, StringValueMax, StringValueMin, UniqValueCount and
 * ValueHistogram (how many values, and of their counts the least, the median, the most, the mean and
 * the standard deviation).
 *
 * Thread:  one at a time.
 * Memory:  what UniqValueCount and ValueHistogram have to remember is kept once for each value.
 * Errors:  ERR_REMOTE, with the key or the value that makes no sense.
 */
#ifndef DFS_COMPUTE_AGGREGATE_H
#define DFS_COMPUTE_AGGREGATE_H

#include "compute/record.h"
#include "compute/shape.h"

typedef int (*aggregate_out)(void *ctx, const struct datum *key, const struct datum *value,
                             struct err *err);

/* The whole stream; `partial`: as a combiner, whose output is read again.  Counts records and groups. */
int aggregate_run(struct record_stream *in, bool partial, aggregate_out out, void *ctx,
                  uint64_t *records, uint64_t *groups, struct err *err);

#endif
