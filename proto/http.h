/* http.h -- the HTTP server of a daemon: civetweb behind a small door.
 *
 * A daemon registers handlers by path prefix; the longest prefix wins.  Each request runs on a
 * thread of the server and may wait.  Bodies stream in both directions.
 *
 * Thread:  http_start/http_stop from one; handlers on the server's threads.
 * Errors:  a handler that returns without answering gets a 500.
 */
#ifndef DFS_PROTO_HTTP_H
#define DFS_PROTO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct http_server;

struct http_request {
    const char *method, *path; /* path decoded, without the query */
    const char *query;         /* as sent, "" when none */
    const char *remote_ip;
    int64_t body_bytes; /* -1: unknown (chunked or none) */
    void *conn;         /* civetweb's */
};

typedef void (*http_handler)(void *ctx, struct http_request *req);

struct http_route {
    const char *prefix;
    http_handler handle;
    void *ctx;
};

/* Listens on @host:@port (0: a free one, put into *out_port); routes are copied. */
int http_start(const char *host, uint16_t port, const struct http_route *routes, int count,
               struct http_server **out, uint16_t *out_port, struct err *err);
void http_stop(struct http_server *server); /* waits for running handlers; NULL is allowed */

/* Value of a query parameter, decoded; false when absent or too long. */
bool http_query(const struct http_request *req, const char *name, char *out, size_t n);
const char *http_header(const struct http_request *req, const char *name); /* NULL: absent */

/* Whole answer in one. */
void http_reply(struct http_request *req, int status, const char *type, const void *body, size_t n);
/* Status and headers ("Name: value\r\n" each, may be ""), then the body by http_write;
 * @length -1 sends it chunked. */
void http_begin(struct http_request *req, int status, const char *type, const char *headers,
                int64_t length);
int http_write(struct http_request *req, const void *bytes, size_t n, struct err *err);
void http_end(struct http_request *req);
ssize_t http_read(struct http_request *req, void *buf, size_t n, struct err *err); /* 0: end */

#endif
