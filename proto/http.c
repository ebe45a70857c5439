#include "proto/http.h"

#include <civetweb.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/metrics.h"

/* Hadoop's limit of a request's head, and what is enough for pages. */
enum { ROUTES_MAX = 32, HEAD_MAX = 65536, THREADS = 64, STACK_BYTES = 4 << 20 };

struct http_server {
    struct mg_context *mg;
    struct http_route routes[ROUTES_MAX];
    int count;
};

/* Of the process. */
static struct metric counters[] = {
    {.name = "http_requests_total", .help = "Requests that a page was found for or not."},
    {.name = "http_errors_total", .help = "Answers of 400 and above."},
    {.name = "http_malformed_total", .help = "What came and was no request."},
};
enum { REQUESTS, ERRORS, MALFORMED, COUNTERS };

void http_metrics(struct buf *out)
{
    metrics_put(counters, COUNTERS, NULL, out);
}

static const struct http_route *route_for(const struct http_server *s, const char *path)
{
    const struct http_route *best = NULL;

    for (int i = 0; i < s->count; i++) {
        size_t n = strlen(s->routes[i].prefix);

        if (strncmp(path, s->routes[i].prefix, n) == 0 && (!best || n > strlen(best->prefix)))
            best = &s->routes[i];
    }
    return best;
}

/* What a handler has said so far; hangs on the connection while one request runs. */
struct reply {
    bool begun, chunked;
    int64_t body_left; /* -1: not known */
};

/* The path as it was meant; mg_url_decode leaves a '%' that introduces nothing as it is. */
static char *decoded(const char *raw)
{
    int n = (int)strlen(raw);
    char *path = malloc((size_t)n + 1);

    if (path)
        mg_url_decode(raw, n, path, n + 1, 0);
    return path;
}

/* A request while it runs. */
struct visit {
    struct http_server *server;
    struct http_request req;
};

static void *run(void *ctx)
{
    struct visit *v = ctx;
    const struct http_route *route = route_for(v->server, v->req.path);

    if (route)
        route->handle(route->ctx, &v->req);
    else
        http_reply(&v->req, 404, "text/plain", "not found\n", 10);
    return NULL;
}

/* civetweb's threads have stacks of 100 KiB, which a path of a thousand names fills alone: the handler
 * gets a thread of its own, and civetweb's waits for it. */
static bool run_aside(struct visit *v)
{
    pthread_attr_t attr;
    pthread_t thread;
    bool ok;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    ok = pthread_create(&thread, &attr, run, v) == 0;
    pthread_attr_destroy(&attr);
    return ok && pthread_join(thread, NULL) == 0;
}

static int on_request(struct mg_connection *conn, void *ctx)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    struct reply reply = {.body_left = info->content_length};
    char *path = decoded(info->request_uri);
    struct visit v = {.server = ctx,
                      .req = {.method = info->request_method,
                              .path = path,
                              .raw_path = info->request_uri,
                              .query = info->query_string ? info->query_string : "",
                              .remote_ip = info->remote_addr,
                              .body_bytes = info->content_length,
                              .conn = conn}};

    metric_add(&counters[REQUESTS], 1);
    mg_set_user_connection_data(conn, &reply);
    if (path && !run_aside(&v))
        http_reply(&v.req, 503, "text/plain", "no thread\n", 10);
    if (!reply.begun)
        http_reply(&v.req, 500, "text/plain", "no answer\n", 10);
    mg_set_user_connection_data(conn, NULL);
    free(path);
    return 200;
}

/* Civetweb's own refusals: of what it can't read as a request. */
static int on_malformed(struct mg_connection *conn, int status, const char *message)
{
    (void)conn;
    (void)status;
    (void)message;
    metric_add(&counters[MALFORMED], 1);
    return 1; /* it shall answer as it would */
}

static int quiet(const struct mg_connection *conn, const char *message)
{
    (void)conn;
    (void)message;
    return 1;
}

int http_start(const char *host, uint16_t port, const struct http_route *routes, int count,
               struct http_server **out, uint16_t *out_port, struct err *err)
{
    struct mg_callbacks callbacks = {
        .log_message = quiet, .log_access = quiet, .http_error = on_malformed};
    struct mg_server_port ports[2];
    struct http_server *s = calloc(1, sizeof *s);
    char listening[300], thread_count[16], head_max[16];
    const char *options[] = {"listening_ports", listening, "num_threads", thread_count,
                             "max_request_size", head_max, "enable_keep_alive", "yes",
                             "keep_alive_timeout_ms", "2000", "request_timeout_ms", "60000",
                             "tcp_nodelay", "1",
                             /* a handler says itself what other origins may */
                             "access_control_allow_origin", "", "access_control_allow_methods", "",
                             "decode_url", "no", NULL};

    if (!s || count > ROUTES_MAX) {
        free(s);
        return err_set(err, ERR_NOMEM, "HTTP server with %d routes", count);
    }
    memcpy(s->routes, routes, (size_t)count * sizeof *routes);
    s->count = count;
    if (!*host || strcmp(host, "0.0.0.0") == 0)
        snprintf(listening, sizeof listening, "%u", port);
    else
        snprintf(listening, sizeof listening, "%s:%u", host, port);
    snprintf(thread_count, sizeof thread_count, "%d", THREADS);
    snprintf(head_max, sizeof head_max, "%d", HEAD_MAX);
    errno = 0;
    s->mg = mg_start(&callbacks, s, options);
    if (!s->mg) {
        free(s);
        return err_sys(err, errno ? errno : EADDRINUSE, "listen for HTTP on %s:%u", host, port);
    }
    mg_set_request_handler(s->mg, "/", on_request, s);
    if (out_port)
        *out_port = mg_get_server_ports(s->mg, 2, ports) > 0 ? (uint16_t)ports[0].port : port;
    *out = s;
    return 0;
}

void http_stop(struct http_server *server)
{
    if (!server)
        return;
    mg_stop(server->mg);
    free(server);
}

bool http_query(const struct http_request *req, const char *name, char *out, size_t n)
{
    return mg_get_var(req->query, strlen(req->query), name, out, n) >= 0;
}

const char *http_header(const struct http_request *req, const char *name)
{
    return mg_get_header(req->conn, name);
}

static struct reply *reply_of(struct http_request *req)
{
    return mg_get_user_connection_data(req->conn);
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {{100, "Continue"},
                   {200, "OK"},
                   {201, "Created"},
                   {206, "Partial Content"},
                   {302, "Found"},
                   {307, "Temporary Redirect"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {409, "Conflict"},
                   {410, "Gone"},
                   {416, "Range Not Satisfiable"},
                   {503, "Service Unavailable"}};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return status >= 500 ? "Internal Server Error" : "Unknown";
}

void http_begin(struct http_request *req, int status, const char *type, const char *headers,
                int64_t length)
{
    struct reply *reply = reply_of(req);
    char framing[64];

    if (status >= 400)
        metric_add(&counters[ERRORS], 1);
    reply->begun = true;
    reply->chunked = length < 0;
    if (length < 0)
        snprintf(framing, sizeof framing, "Transfer-Encoding: chunked");
    else
        snprintf(framing, sizeof framing, "Content-Length: %lld", (long long)length);
    mg_printf(req->conn, "HTTP/1.1 %d %s\r\n", status, reason(status));
    if (type)
        mg_printf(req->conn, "Content-Type: %s\r\n", type);
    mg_printf(req->conn, "%s%s\r\nCache-Control: no-cache\r\n\r\n", headers ? headers : "",
              framing);
}

int http_write(struct http_request *req, const void *bytes, size_t n, struct err *err)
{
    int rc;

    if (n == 0)
        return 0;
    if (n > 1 << 30)
        return err_set(err, ERR_LIMIT, "HTTP body piece of %zu bytes", n);
    rc = reply_of(req)->chunked ? mg_send_chunk(req->conn, bytes, (unsigned)n)
                                : mg_write(req->conn, bytes, n);
    return rc > 0 ? 0 : err_set(err, ERR_CLOSED, "HTTP client went away");
}

void http_end(struct http_request *req)
{
    if (reply_of(req)->chunked)
        mg_send_chunk(req->conn, "", 0);
}

void http_cut(struct http_request *req)
{
    mg_disable_connection_keep_alive(req->conn);
}

void http_reply(struct http_request *req, int status, const char *type, const void *body, size_t n)
{
    http_begin(req, status, type, "", (int64_t)n);
    if (strcmp(req->method, "HEAD") != 0)
        http_write(req, body, n, NULL);
}

void http_continue(struct http_request *req)
{
    const char *expected = http_header(req, "Expect");

    if (expected && strcasecmp(expected, "100-continue") == 0)
        mg_printf(req->conn, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* civetweb answers 0 at the end of the body and also when the client left before it. */
ssize_t http_read(struct http_request *req, void *buf, size_t n, struct err *err)
{
    struct reply *reply = reply_of(req);
    int k;

    if (reply->body_left >= 0 && n > (uint64_t)reply->body_left)
        n = (size_t)reply->body_left;
    if (n == 0)
        return 0;
    k = mg_read(req->conn, buf, n);
    if (k < 0 || (k == 0 && reply->body_left > 0))
        return (ssize_t)err_set(err, ERR_CLOSED, "HTTP client went away");
    if (reply->body_left > 0)
        reply->body_left -= k;
    return k;
}
