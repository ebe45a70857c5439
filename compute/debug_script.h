/* debug_script.h -- -mapdebug and -reducedebug: a script that looks at a task that has failed.
 *
 * It runs in the task's directory as Hadoop runs it, SCRIPT STDOUT STDERR SYSLOG JOBCONF, and what it prints is added to the
 * task's last words, which the job's failure, `job logs` and the web page show.
 *
 * Thread:  the task's.
 */
#ifndef DFS_COMPUTE_DEBUG_SCRIPT_H
#define DFS_COMPUTE_DEBUG_SCRIPT_H

#include "compute/task.h"

/* Nothing when the job has no script for this kind of task, or nobody's program failed. */
void debug_script_run(struct task *t);

#endif
