/* job_dir.h -- where a job's tasks live on this machine.
 *
 *   DIR/job_1_0001/files/mapper.py          what was shipped, executable
 *   DIR/job_1_0001/attempt_..._m_000000_0/  one task's directory: links to the files, its spills
 *   DIR/job_1_0001/attempt_..._0.stderr     what it said
 *
 * Thread:  any; each directory belongs to one task.
 */
#ifndef DFS_COMPUTE_JOB_DIR_H
#define DFS_COMPUTE_JOB_DIR_H

#include "compute/task.h"

/* Puts the shipped files of a job into DIR/JOB/files, fetching from the store what is there. */
int job_dir_make(const char *base, const struct task_id *job, const Pb__JobSpecProto *spec,
                 struct store *store, struct err *err);
int job_dir_task(const char *base, const struct task_id *id, char *out, size_t n, struct err *err);
void job_dir_path(const char *base, const struct task_id *job, char *out, size_t n);
int job_dir_remove(const char *path, struct err *err); /* all below it, too */

/* The files of the command line, as they travel with a job: small ones inside the spec, others are
 * put below @staging in the store (made when needed).  "path#name" names the link.  Archives are
 * unpacked into a directory of that name; a directory travels as an archive. */
struct shipped {
    char *const *files, *const *archives;
    size_t file_count, archive_count;
};
int job_files_pack(struct store *store, const struct shipped *s, const char *staging,
                   struct arena *a, Pb__JobSpecProto *spec, struct err *err);

#endif
