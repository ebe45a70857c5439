/* web_error.h -- errors as WebHDFS says them: a status, and {"RemoteException": {...}}.
 *
 * The status follows the Java class, as in Hadoop: what is no file is 404, an argument or an operation
 * that is not possible 400, any other exception of input or output, and of security, 403, and the rest
 * 500.
 *
 * Thread:  any.
 */
#ifndef DFS_PROTO_WEB_ERROR_H
#define DFS_PROTO_WEB_ERROR_H

#include "common/err.h"
#include "proto/http.h"

int web_error_status(const struct err *err);

/* Answers with @err.  @headers as for http_begin. */
void web_error_reply(struct http_request *req, const struct err *err, const char *type,
                     const char *headers);

#endif
