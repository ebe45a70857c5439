/* crew.h -- threads for work that waits: each job gets a thread, parked ones first.
 *
 * Thread:  crew_run from any.
 */
#ifndef DFS_DATANODE_CREW_H
#define DFS_DATANODE_CREW_H

#include <stdbool.h>

#include "common/err.h"

struct crew;

struct crew *crew_new(int threads_max);             /* NULL: out of memory */
void crew_set_max(struct crew *c, int threads_max); /* what runs goes on */
void crew_free(struct crew *c);                     /* waits for running jobs */

/* Runs @job(arg) on a thread; ERR_LIMIT when all are busy (the job will not run then). */
int crew_run(struct crew *c, void (*job)(void *arg), void *arg, struct err *err);
/* Waits until no job runs, at most so long; false when some still do. */
bool crew_rest(struct crew *c, int timeout_ms);

#endif
