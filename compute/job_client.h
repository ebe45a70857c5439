/* job_client.h -- asking the scheduler: submit and follow a job, list, kill, logs.
 *
 * A scheduler that is away is waited for: a job that was accepted goes on when it is back.
 *
 * Thread:  one at a time.
 */
#ifndef DFS_COMPUTE_JOB_CLIENT_H
#define DFS_COMPUTE_JOB_CLIENT_H

#include "common/arena.h"
#include "common/conf.h"
#include "compute/task.h"

/* Where the scheduler is: ashlar.scheduler.address. */
void job_scheduler_address(const struct conf *conf, char *out, size_t n);

/* Submits and, unless @background, follows to the end; returns an exit code. */
int job_client_run(const struct conf *conf, Pb__JobSpecProto *spec, Pb__SplitProto **splits,
                   size_t split_count, bool background);

/* What a task needs to run again; everything lives in the arena. */
int job_client_get_task(const struct conf *conf, const struct task_id *id, struct arena *a,
                        Pb__JobSpecProto **spec, Pb__SplitProto ***splits, size_t *count,
                        struct err *err);

/* The commands: list, status, kill, logs.  Exit codes. */
int job_list_main(const struct conf *conf, int argc, char **argv);
int job_status_main(const struct conf *conf, int argc, char **argv);
int job_kill_main(const struct conf *conf, int argc, char **argv);
int job_logs_main(const struct conf *conf, int argc, char **argv);

#endif
