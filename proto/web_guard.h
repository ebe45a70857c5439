/* web_guard.h -- what WebHDFS tells and asks of browsers, by configuration.
 *
 *   dfs.webhdfs.rest-csrf.*      a browser must send a header that a form of another site can't
 *   hadoop.http.cross-origin.*   which other sites' pages may read answers
 *   dfs.xframe.*                 in whose frames an answer may be shown
 *
 * Thread:  any.
 */
#ifndef DFS_PROTO_WEB_GUARD_H
#define DFS_PROTO_WEB_GUARD_H

#include "common/conf.h"
#include "proto/http.h"

#define WEB_GUARD_REFUSAL "Missing Required Header for CSRF Vulnerability Protection\n"
enum { WEB_GUARD_HEADERS_MAX = 2048 };

/* Whether the request may be served: no browser sent it, or it has the header, or changes nothing. */
bool web_guard_admit(const struct conf *conf, const struct http_request *req);

/* The headers of a namenode's answer, as http_begin takes them. */
void web_guard_headers(const struct conf *conf, const struct http_request *req, char *out,
                       size_t n);

#endif
