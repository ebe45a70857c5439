/* shuffle.h -- map output on its way to the reducers: served over HTTP, fetched, checked.
 *
 *   GET /shuffle?map=attempt_1_0001_m_000003_0&reduce=2
 *
 * answers with one run of the map's output file as it lies there, its number of records in
 * X-Records; 404 when there is no such output here, 500 when its index is damaged.  Who fetches checks every
 * frame (spill.h): a run with a flipped bit is reported to the scheduler, which runs the map again.
 *
 * Thread:  serving on the HTTP server's threads; fetching on the reduce task's.
 * Design:  docs/design/jobs.md, "Shuffle"; format: docs/formats/spill.md
 */
#ifndef DFS_COMPUTE_SHUFFLE_H
#define DFS_COMPUTE_SHUFFLE_H

#include "compute/task.h"
#include "proto/http.h"

/* For a route; @ctx is the directory of the worker's jobs (a string). */
void shuffle_serve(void *ctx, struct http_request *req);

/* One map's output, wherever it is: opened as a reader. */
struct shuffle_from {
    struct task_id map;
    const char *address;   /* host:port */
    const char *local_dir; /* of the worker's jobs, when the output is on this worker; else NULL */
    const char *spill_dir; /* where a run is put that is too large for memory */
    size_t memory_bytes;   /* what may still be held in memory */
};

struct shuffle; /* a connection cache; one for each reduce task */
int shuffle_new(struct shuffle **out, struct err *err);
void shuffle_free(struct shuffle *s);

/* ERR_CORRUPT: the bytes are wrong; anything else: they could not be had. */
int shuffle_fetch(struct shuffle *s, const struct shuffle_from *from, uint32_t reduce,
                  const _Atomic bool *cancelled, struct spill_reader *out, uint64_t *bytes,
                  struct err *err);

#endif
