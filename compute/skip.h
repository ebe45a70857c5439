/* skip.h -- records that a mapper can't take, or groups that a reducer can't: found by running it again and again, and left out.
 *
 * mapreduce.map.skip.maxrecords says how many records around a bad one may be left out, mapreduce.reduce.skip.maxgroups
 * how many groups; 0: none.  After mapreduce.task.skip.start.attempts failed attempts the next one runs the program as
 * often as it takes: over the first half of what it was given when it failed, and on by halves, until little enough lies
 * between a start of the input that goes well and one that fails.  That is left out, and the whole is tried again.  A program
 * that reports what it has done (reporter:counter:SkippingTaskCounters,MapProcessedRecords,1 or ReduceProcessedGroups)
 * is looked at from there on.
 *
 * Thread:  the task's.
 */
#ifndef DFS_COMPUTE_SKIP_H
#define DFS_COMPUTE_SKIP_H

#include <stdbool.h>
#include <stdint.h>

enum { SKIP_RANGES_MAX = 64, SKIP_RUNS_MAX = 300 };

struct skip_range {
    uint64_t from, to;
};

struct skip {
    uint64_t max;   /* records or groups; 0: nothing is left out, and one failure is the end */
    uint64_t limit; /* how many to read in this run; UINT64_MAX: all */
    struct skip_range list[SKIP_RANGES_MAX];
    int count, runs;
    uint64_t good, bad; /* so many records from the start go well; so many fail */
};

void skip_init(struct skip *s, uint64_t max);
/* Whether record or group @index is to be left out. */
bool skip_has(const struct skip *s, uint64_t index);
/* A run ended.  True: run again.  @fed: how many were read; @done: of these, how many were surely
 * taken.  After false, a run that went well is the one that counts. */
bool skip_after(struct skip *s, bool went_well, uint64_t fed, uint64_t done);

#endif
