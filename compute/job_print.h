/* job_print.h -- what `job` tells people: progress, counters, tables of jobs and attempts.
 *
 * Thread:  one at a time.
 */
#ifndef DFS_COMPUTE_JOB_PRINT_H
#define DFS_COMPUTE_JOB_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "compute/counters.h"

/* Tells a line on standard error: plainly, or, once print_as_hadoop() was called, as a line of log4j that
 * comes from Hadoop's class @logger ("mapreduce.Job"), for programs that read those. */
void print_as_hadoop(void);
bool print_is_as_hadoop(void);
void print_say(const char *logger, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* " map 50% reduce 0%", when it differs from what was printed last. */
struct progress_line {
    int map, reduce;
    bool any;
};
void print_progress(struct progress_line *p, uint32_t map_permille, uint32_t reduce_permille);

/* @logger NULL: to @out without a word in front. */
void print_counters(FILE *out, const char *logger, Pb__CounterProto **list, size_t n);
const char *job_state_name(Pb__JobStateProto state);
void print_job_row(FILE *out, const Pb__JobStatusProto *s);
void print_job(FILE *out, const Pb__JobStatusProto *s);

#endif
