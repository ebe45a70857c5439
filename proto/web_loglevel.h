/* web_loglevel.h -- /logLevel: how much a daemon logs, as `hadoop daemonlog` asks and sets it.
 *
 *   GET /logLevel?log=NAME[&level=DEBUG|INFO|WARN|ERROR]
 *
 * A daemon has one level for all of its events: whatever name is asked for has that one, and setting it for any name sets it
 * for all.  TRACE and ALL count as DEBUG, FATAL and OFF as ERROR.  Whoever reaches the port may, as with a Hadoop without security.
 *
 * Thread:  any (an http_handler).
 */
#ifndef DFS_PROTO_WEB_LOGLEVEL_H
#define DFS_PROTO_WEB_LOGLEVEL_H

#include "proto/http.h"

void web_loglevel_serve(void *ctx, struct http_request *req); /* ctx is not looked at */

#endif
