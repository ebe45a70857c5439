/* job_run.h -- `job run`: from the command line to a finished job.
 *
 * The client looks at the paths, cuts the splits, ships the files and submits; then it waits and
 * shows progress.  What can be refused is refused before anything runs.
 *
 * Exit codes are Hadoop Streaming's: 0 done, 1 failed or wrong arguments, 4 the output exists, 5 the job
 * could not be started.
 *
 * Thread:  the program's only one.
 */
#ifndef DFS_COMPUTE_JOB_RUN_H
#define DFS_COMPUTE_JOB_RUN_H

#include "compute/local_run.h"

struct job_program {
    struct conf *conf;
    struct conf_args *args;
};

int job_run_main(struct job_program *p, int argc, char **argv);
int job_rerun_main(struct job_program *p, int argc, char **argv);

#endif
