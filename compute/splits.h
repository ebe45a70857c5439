/* splits.h -- a job's input paths, as pieces for map tasks.
 *
 * As Hadoop's FileInputFormat does it: paths may be globs and lists with commas; of a directory its
 * files are taken, but not those whose names begin with "_" or "."; a file is cut where its blocks
 * end, and a last piece up to a tenth longer than the others stays whole.  Each piece
 * knows the hosts that hold most of its bytes.
 *
 * Packed files are one piece each, but for bzip2.  NLineInputFormat cuts behind every so many lines, and
 * CombineTextInputFormat puts files together that lie on one host.
 *
 * Thread:  any that may wait.
 * Memory:  splits live in the arena.
 * Errors:  ERR_NOENT with Hadoop's words, "Input path does not exist: hdfs://...".
 */
#ifndef DFS_COMPUTE_SPLITS_H
#define DFS_COMPUTE_SPLITS_H

#include "common/arena.h"
#include "compute/record_input.h"
#include "compute/store.h"
#include "job.pb-c.h"

struct split_rule {
    uint64_t min_bytes, max_bytes; /* 0: none */
    uint32_t maps_wanted;          /* mapreduce.job.maps; 0 counts as 1 */
    bool recursive;
    enum input_kind kind;
    uint64_t lines; /* for each map, of NLineInputFormat */
    bool by_size;   /* the largest pieces come first, as Hadoop numbers them */
};

/* How many of the first @n bytes of a block group lie in its data unit @unit. */
uint64_t splits_unit_bytes(const struct dfs_block *b, uint32_t unit, uint64_t n);

int splits_make(struct store *store, char *const *inputs, size_t input_count,
                const struct split_rule *rule, struct arena *a, Pb__SplitProto ***out,
                size_t *count, struct err *err);

#endif
