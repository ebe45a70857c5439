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

/* Waits until each of the jobs "job_...,job_..." has succeeded; ERR_STATE when one did not. */
int job_client_after(const struct conf *conf, const char *jobs, struct err *err);

/* What a task needs to run again; everything lives in the arena. */
int job_client_get_task(const struct conf *conf, const struct task_id *id, struct arena *a,
                        Pb__JobSpecProto **spec, Pb__SplitProto ***splits, size_t *count,
                        struct err *err);

/* Every attempt of a job; everything lives in the arena. */
int job_client_attempts(const struct conf *conf, const struct task_id *id, struct arena *a,
                        Pb__GetAttemptsResponseProto **out, struct err *err);

/* `job status` or `job logs` of a job that the scheduler has forgotten, from its history in the store
 * (job_history.c); an exit code. */
int job_history_show(const struct conf *conf, const struct task_id *id, bool logs, bool as_json);
/* The whole log of an attempt, when it was too long for the scheduler and was kept in the store. */
bool job_history_log(const struct conf *conf, const struct task_id *id);

/* The commands: list, status, kill, logs, explain (job_explain.c).  Exit codes. */
int job_list_main(const struct conf *conf, int argc, char **argv);
int job_status_main(const struct conf *conf, int argc, char **argv);
int job_kill_main(const struct conf *conf, int argc, char **argv);
int job_logs_main(const struct conf *conf, int argc, char **argv);
int job_explain_main(const struct conf *conf, int argc, char **argv);

#endif
