/* sched_web.h -- the scheduler's web page: jobs for people at /, one at /show?id=JOB, as JSON at /jobs, and
 * /metrics.
 *
 * Thread:  the HTTP server's; takes the scheduler's lock for a moment.
 */
#ifndef DFS_COMPUTE_SCHED_WEB_H
#define DFS_COMPUTE_SCHED_WEB_H

#include "compute/sched.h"
#include "proto/http.h"

enum { SCHED_ROUTES = 4 };
void sched_web_job(void *ctx, struct http_request *req); /* sched_page.c */
void sched_web_text(struct buf *b, const char *s);       /* as HTML; NULL is empty */
void sched_web_routes(struct sched *s, struct http_route out[SCHED_ROUTES]);

#endif
