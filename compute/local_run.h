/* local_run.h -- a whole job in one process: `job run --local`, and one task again: `job rerun-task`.
 *
 * No scheduler and no worker: map tasks run on a few threads, then reduce tasks, with the same
 * code for splitting, sorting, merging and committing as on a cluster.  A task is tried once.
 *
 * Thread:  the caller's, which waits.
 */
#ifndef DFS_COMPUTE_LOCAL_RUN_H
#define DFS_COMPUTE_LOCAL_RUN_H

#include "compute/task.h"

struct local_job {
    struct store *store;
    const struct conf *conf;
    Pb__JobSpecProto *spec;
    Pb__SplitProto **splits;
    size_t split_count;
    int threads; /* 0: one for each core */
    void (*progress)(void *ctx, uint32_t map_permille, uint32_t reduce_permille);
    void *ctx;
};

/* Runs the job and commits its output; adds what was counted to @counters. */
int local_run(struct local_job *job, struct counters *counters, struct err *err);

/* Runs one task of the job, its part to @part_path (a file: URI), nothing committed.  A reduce
 * task runs all maps first, for their output is long gone. */
int local_rerun(struct local_job *job, const struct task_id *id, const char *part_uri,
                struct counters *counters, struct err *err);

#endif
