/* job_json.h -- a job as JSON, for pages, `job status -json` and the history.
 *
 * Thread:  any.
 * Memory:  the caller owns what is returned (json_decref).
 * Format:  docs/formats/jobs.md, "JSON"
 */
#ifndef DFS_COMPUTE_JOB_JSON_H
#define DFS_COMPUTE_JOB_JSON_H

#include <jansson.h>

#include "job.pb-c.h"

json_t *job_json_status(const Pb__JobStatusProto *st);
json_t *job_json_attempt(const Pb__AttemptReportProto *a);

#endif
