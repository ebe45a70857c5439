/* commit.h -- a job's output appears whole, or not at all.
 *
 * Attempts write to OUTPUT/_temporary/JOB/ATTEMPT/part-NNNNN.  When every task has one attempt
 * that succeeded, those parts are renamed to OUTPUT/part-NNNNN, whatever else lies in the directories
 * of these attempts goes to OUTPUT, too, _temporary goes, and an empty
 * OUTPUT/_SUCCESS says that all is there.  Committing again what was half committed, after a
 * crash, ends the same way; parts of attempts that nobody chose are never renamed.
 *
 * Thread:  any that may wait.
 */
#ifndef DFS_COMPUTE_COMMIT_H
#define DFS_COMPUTE_COMMIT_H

#include "compute/task.h"

/* Fails when the output exists: ERR_EXISTS with Hadoop's words. */
int commit_check(struct store *s, const char *output, struct err *err);
int commit_prepare(struct store *s, const char *output, struct err *err);

/* Where an attempt writes its part. */
int commit_part_uri(const Pb__JobSpecProto *spec, const struct task_id *id, char *out, size_t n,
                    struct err *err);

/* @attempts are the chosen ones: one for each of @parts, then those that have no part (maps before
 * reduces), @count in all. */
int commit_job(struct store *s, const Pb__JobSpecProto *spec, const struct task_id *attempts,
               size_t parts, size_t count, struct err *err);
/* Leaves the directory, as Hadoop does, but nothing of ours in it. */
int commit_abort(struct store *s, const char *output, struct err *err);

#endif
