/* job_spec.h -- Hadoop Streaming's command line, as a job.
 *
 * Every option of the Streaming manual is known, and an unknown one is an error.  Settings come from -D
 * (and -jobconf); options that Hadoop's client turns into settings become those here, too.
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
    char **archives;        /* the same, to be unpacked */
    size_t input_count, file_count, archive_count;
    const char *output, *mapper, *combiner, *reducer, *fs;
    const char *input_format, *output_format, *partitioner, *io, *input_reader;
    const char *map_debug, *reduce_debug;
    const char *more_settings; /* a file of them */
    const char **conf;         /* "key=value" */
    const char **env;
    size_t conf_count, env_count;
    int reduces; /* -1: not given */
    bool local, background, verbose, help, as_hadoop, lazy;
};

/* Reads the words after `job run`. */
int job_options_parse(int argc, char **argv, struct arena *a, struct job_options *out,
                      struct err *err);

/* The job that the options describe (which gain the settings that they stand for), without its splits; ships nothing yet (job_files_pack). */
int job_spec_make(struct job_options *o, const struct conf *conf, struct store *store,
                  const char *user, struct arena *a, Pb__JobSpecProto **out, struct err *err);

#endif
