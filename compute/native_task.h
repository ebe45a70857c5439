/* native_task.h -- inside the process that runs a native task: the object, and what serves it.
 *
 * Thread:  one, the process's only one.
 * Errors:  `err` of the task; the first sentence stays.
 */
#ifndef DFS_COMPUTE_NATIVE_TASK_H
#define DFS_COMPUTE_NATIVE_TASK_H

#include "compute/job.h"
#include "compute/native.h"
#include "compute/sorter.h"

struct native_file; /* one that the object reads from */

struct native_task {
    struct job_task task; /* what the object sees; first, so that it leads back here */
    const struct job_native *ops;
    const Pb__NativeTaskProto *order;
    struct arena arena;
    struct conf *conf;
    struct store *store;
    struct err err; /* why it failed */
    int rc;
    struct native_file *files;

    /* where emit goes: to the sorter, to a spill while combining, or to the part */
    struct sorter *sorter;
    struct spill_writer *combined;
    uint8_t *last_key; /* that the combiner gave */
    size_t last_key_n, last_key_cap;
    bool any_combined;
    struct native_part part;
    uint64_t emitted, emitted_bytes, combine_in, combine_out;
    uint32_t told_permille;

    /* prepare */
    Pb__SplitProto **splits;
    size_t split_count, split_cap;
    bool own_splits;
};

/* Loads the object, the configuration and the store. */
int native_task_open(struct native_task *n, const Pb__NativeTaskProto *order, bool needs_store);
void native_task_done(struct native_task *n);
/* Keeps the first failure; returns it. */
int native_task_fail(struct native_task *n, int rc, const struct err *err);
const char *native_task_setting(const struct native_task *n, const char *key);
/* A line for the parent: count GROUP NAME N. */
void native_tell_count(const char *group, const char *name, int64_t n);
void native_tell_progress(struct native_task *n, uint64_t done, uint64_t of);

int native_map_main(struct native_task *n);
int native_reduce_main(struct native_task *n);

#endif
