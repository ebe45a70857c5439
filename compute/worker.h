/* worker.h -- runs tasks for a scheduler, and keeps map output for reducers.
 *
 * A thread asks the scheduler for work, one call after the other; each answer comes when there
 * is something to do, or after a second.  Each attempt has a thread of its own, which reports how it
 * ended until the scheduler has heard it.  Another thread tells how the running ones are
 * doing.
 *
 * Always true: an attempt is known to the worker from the answer that brought it until its end was
 * heard by the scheduler; every poll names all that are known, so that nothing can be lost or
 * run twice by an answer that went astray.
 *
 * Thread:  worker_start/worker_stop from one.
 * Design:  docs/design/jobs.md
 */
#ifndef DFS_COMPUTE_WORKER_H
#define DFS_COMPUTE_WORKER_H

#include "common/conf.h"
#include "common/err.h"

struct worker_daemon;

int worker_start(const struct conf *conf, struct worker_daemon **out, struct err *err);
void worker_stop(struct worker_daemon *w); /* kills what runs */

#endif
