/* http.h -- the HTTP server of a daemon: civetweb behind a small door.
 *
 * A daemon registers handlers by path prefix; the longest prefix wins.  Each request runs on a
 * thread of the server, at most 64 at a time, and may wait; further ones wait until one is done.  Bodies
 * stream in both directions.
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

#include "common/bytes.h"
#include "common/err.h"

struct http_server;

struct http_request {
    const char *method;
    const char *path;     /* decoded, without the query; ends at a %00 */
    const char *raw_path; /* as sent, without the query */
    const char *query;    /* as sent, "" when none */
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

/* What this process's HTTP servers were asked, as rows of Prometheus' text. */
void http_metrics(struct buf *out);

/* Value of a query parameter, decoded; false when absent or too long. */
bool http_query(const struct http_request *req, const char *name, char *out, size_t n);
const char *http_header(const struct http_request *req, const char *name); /* NULL: absent */

/* Tells a client that waits for it (Expect: 100-continue) to send its body. */
void http_continue(struct http_request *req);

/* Whole answer in one. */
void http_reply(struct http_request *req, int status, const char *type, const void *body, size_t n);
/* Status and headers ("Name: value\r\n" each, may be ""), then the body by http_write;
 * @length -1 sends it chunked.  @type NULL: none, for an answer without a body. */
void http_begin(struct http_request *req, int status, const char *type, const char *headers,
                int64_t length);
int http_write(struct http_request *req, const void *bytes, size_t n, struct err *err);
void http_end(struct http_request *req);
/* Ends an answer that can't be finished: the connection closes, and the client sees that it is cut. */
void http_cut(struct http_request *req);
/* Bytes of the body; 0: its end.  A client that went away before that is ERR_CLOSED. */
ssize_t http_read(struct http_request *req, void *buf, size_t n, struct err *err);

#endif
