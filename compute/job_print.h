/* job_print.h -- what `job` tells people: progress, counters, tables of jobs and attempts.
 *
 * Thread:  one at a time.
 */
#ifndef DFS_COMPUTE_JOB_PRINT_H
#define DFS_COMPUTE_JOB_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "compute/counters.h"

/* " map 50% reduce 0%", when it differs from what was printed last. */
struct progress_line {
    int map, reduce;
    bool any;
};
void print_progress(struct progress_line *p, uint32_t map_permille, uint32_t reduce_permille);

void print_counters(FILE *out, Pb__CounterProto **list, size_t n);
const char *job_state_name(Pb__JobStateProto state);
void print_job_row(FILE *out, const Pb__JobStatusProto *s);
void print_job(FILE *out, const Pb__JobStatusProto *s);

#endif
