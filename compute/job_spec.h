/* job_spec.h -- Hadoop Streaming's command line, as a job.
 *
 * Every option of the Streaming manual is known: those that are not served yet say so, and an
 * unknown one is an error.  Settings come from -D (and -jobconf).
 *
 * Thread:  any.
 * Memory:  the spec and what it points to live in the arena; arguments are borrowed.
 */
#ifndef DFS_COMPUTE_JOB_SPEC_H
#define DFS_COMPUTE_JOB_SPEC_H

#include "common/arena.h"
#include "compute/store.h"
#include "job.pb-c.h"

struct job_options {
    char **inputs, **files; /* files: local paths, "path#name" allowed */
    size_t input_count, file_count;
    const char *output, *mapper, *combiner, *reducer, *fs;
    const char **conf; /* "key=value" */
    const char **env;
    size_t conf_count, env_count;
    int reduces; /* -1: not given */
    bool local, background, verbose, help;
};

/* Reads the words after `job run`. */
int job_options_parse(int argc, char **argv, struct arena *a, struct job_options *out,
                      struct err *err);

/* The job that the options describe, without its splits; ships nothing yet (job_files_pack). */
int job_spec_make(const struct job_options *o, const struct conf *conf, struct store *store,
                  const char *user, struct arena *a, Pb__JobSpecProto **out, struct err *err);

#endif
