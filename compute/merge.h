/* merge.h -- many sorted streams as one.
 *
 * The merged stream is in the order of keys; equal keys come stream by stream, in the order in
 * which the streams were given, so that the result depends only on the input.
 *
 * Thread:  one at a time.
 * Memory:  the merge borrows its streams; a record lives until the next call.
 */
#ifndef DFS_COMPUTE_MERGE_H
#define DFS_COMPUTE_MERGE_H

#include "compute/record.h"

struct merge;

int merge_new(struct record_stream **streams, size_t count, struct merge **out, struct err *err);
struct record_stream *merge_stream(struct merge *m);
void merge_free(struct merge *m);

#endif
