#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/dfs.h"
#include "common/net.h"
#include "proto/web_error.h"
#include "proto/web_guard.h"
#include "proto/web_json.h"
#include "proto/web_params.h"

enum { ARENA_MAX = 1 << 20, HEADERS_MAX = 32768, SUM_BYTES = 32, FILE_MODE = 0644 };

static const char PREFIX[] = "/webhdfs/v1";
static const char JSON[] = "application/json; charset=utf-8";
static const char CLOSES[] = "Connection: close\r\n";

struct visit {
    const struct conf *conf;
    struct http_request *req;
    struct arena arena;
    struct web_params params;
    const char *path;
    struct dfs *fs;
    void *buffer;
    struct err err;
};

/* ---- the request ---- */

static int check(struct visit *v, const enum web_param *ids, int count)
{
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        rc = web_param_check(&v->params, ids[i], &v->err);
    return rc;
}

static int no_host(struct visit *v, const char *name)
{
    return err_set(&v->err, ERR_ARGUMENT, "java.net.UnknownHostException: %s", name);
}

static int connect_to_namenode(struct visit *v)
{
    const char *address = v->params.text[WEB_namenode], *user = v->params.text[WEB_user];
    const char *other = v->params.text[WEB_doas];
    struct net_addr at;
    char uri[NET_HOST_MAX + 32], ip[64];

    if (!address || !*address)
        return no_host(v, "null");
    if (net_addr_parse(address, 8020, &at, NULL) < 0)
        return no_host(v, address);
    if (net_resolve_ip(at.host, ip, sizeof ip, NULL) < 0)
        return no_host(v, at.host);
    snprintf(uri, sizeof uri, "hdfs://%s:%u", at.host, at.port);
    if (!user || !*user)
        user = conf_text(v->conf, OPT_http_user);
    if (other && *other)
        return dfs_connect_as(v->conf, uri, user, other, &v->fs, &v->err);
    return dfs_connect(v->conf, uri, user, &v->fs, &v->err);
}

static int find_path(struct visit *v)
{
    const char *raw = v->req->raw_path + strlen(PREFIX);

    v->path = web_decode(&v->arena, raw, strlen(raw), false, false, &v->err);
    if (v->path && *v->path != '/')
        v->path = "/";
    return v->path ? 0 : -(int)v->err.code;
}

/* ---- reading ---- */

static int64_t bytes_wanted(struct visit *v, struct dfs_file *f, int64_t offset)
{
    int64_t left = (int64_t)dfs_length(f) - offset;
    int64_t wanted = v->params.number[WEB_length];

    return wanted < left ? wanted : left;
}

static int send_bytes(struct visit *v, struct dfs_file *f, int64_t n)
{
    while (n > 0) {
        ssize_t k =
            dfs_read(f, v->buffer, n < GATEWAY_BUFFER ? (size_t)n : GATEWAY_BUFFER, &v->err);

        if (k <= 0)
            return k < 0 ? (int)k : err_set(&v->err, ERR_CLOSED, "the file has become shorter");
        if (http_write(v->req, v->buffer, (size_t)k, &v->err) < 0)
            return -ERR_CLOSED;
        n -= k;
    }
    return 0;
}

/* The connection closes behind the bytes, so that a client sees when they are cut short. */
static int send_file(struct visit *v, struct dfs_file *f)
{
    static const char headers[] = "Access-Control-Allow-Methods: GET\r\n"
                                  "Access-Control-Allow-Origin: *\r\nConnection: close\r\n";
    int64_t offset = v->params.number[WEB_offset], n;

    if ((uint64_t)offset > dfs_length(f))
        return err_set(&v->err, ERR_CLOSED, "Cannot seek after EOF");
    if (dfs_seek(f, (uint64_t)offset, &v->err) < 0)
        return -(int)v->err.code;
    n = bytes_wanted(v, f, offset);
    http_begin(v->req, 200, "application/octet-stream", headers, n);
    http_cut(v->req);
    send_bytes(v, f, n);
    return 0;
}

static int on_open(struct visit *v)
{
    static const enum web_param ids[] = {WEB_offset, WEB_length};
    struct dfs_file *f;
    int rc;

    if ((rc = check(v, ids, 2)) < 0 || (rc = connect_to_namenode(v)) < 0 ||
        (rc = dfs_open(v->fs, v->path, &f, &v->err)) < 0)
        return rc;
    rc = send_file(v, f);
    dfs_close(f, NULL);
    return rc;
}

/* Hadoop shows the 28 bytes of a sum in a buffer of 32. */
static int on_checksum(struct visit *v)
{
    struct dfs_checksum sum = {.n = 0};
    char hex[2 * sizeof sum.bytes + 1] = "";
    int rc;

    if ((rc = connect_to_namenode(v)) < 0 ||
        (rc = dfs_file_checksum(v->fs, v->path, &sum, &v->err)) < 0)
        return rc;
    for (size_t i = 0; i < sum.n || i < SUM_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", i < sum.n ? sum.bytes[i] : 0);
    web_json_reply(v->req, 200, JSON, CLOSES,
                   json_pack("{s:{s:s, s:s, s:i}}", "FileChecksum", "algorithm", sum.algorithm,
                             "bytes", hex, "length", (int)sum.n));
    return 0;
}

/* ---- writing ---- */

/* Writes the body to @f and closes it, also when the body ends too early. */
static int take_body(struct visit *v, struct dfs_file *f)
{
    ssize_t n;
    int rc = 0;

    http_continue(v->req);
    while (rc == 0 && (n = http_read(v->req, v->buffer, GATEWAY_BUFFER, NULL)) > 0)
        rc = dfs_write(f, v->buffer, (size_t)n, &v->err);
    if (rc == 0)
        return dfs_close(f, &v->err);
    dfs_abandon(f);
    return rc;
}

/* Hadoop's CreateFlag words; the namenode has sent them on encoded twice. */
static int take_flags(struct visit *v)
{
    const char *flags = v->params.text[WEB_createflag];

    if (!flags)
        return 0;
    v->params.text[WEB_createflag] =
        web_decode(&v->arena, flags, strlen(flags), true, true, &v->err);
    return v->params.text[WEB_createflag] ? 0 : -(int)v->err.code;
}

static void say_created(struct visit *v)
{
    struct buf b;

    buf_init(&b, HEADERS_MAX);
    buf_printf(&b, "Location: hdfs://%s", v->params.text[WEB_namenode]);
    web_put_path(&b, v->path);
    buf_puts(&b, "\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n");
    http_begin(v->req, 201, NULL, b.bad ? CLOSES : buf_cstr(&b), 0);
    http_cut(v->req);
    buf_done(&b);
}

static int on_create(struct visit *v)
{
    static const enum web_param ids[] = {WEB_buffersize, WEB_replication, WEB_blocksize,
                                         WEB_permission, WEB_unmasked,    WEB_createparent,
                                         WEB_overwrite,  WEB_createflag};
    struct web_params *p = &v->params;
    struct dfs_create how;
    struct dfs_file *f;
    int rc;

    if ((rc = take_flags(v)) < 0 || (rc = check(v, ids, sizeof ids / sizeof *ids)) < 0 ||
        (rc = connect_to_namenode(v)) < 0)
        return rc;
    how = (struct dfs_create){
        .overwrite = p->number[WEB_overwrite] != 0,
        .make_parents = p->number[WEB_createparent] != 0,
        .mode = (p->has[WEB_permission] ? (uint16_t)p->number[WEB_permission] : FILE_MODE) & 0777,
        .exact_mode = true,
        .full_mode = (p->has[WEB_unmasked] ? (uint16_t)p->number[WEB_unmasked] : 0) & 0777,
        .replication = (uint32_t)p->number[WEB_replication],
        .block_size = (uint64_t)p->number[WEB_blocksize],
        .flags = p->has[WEB_createflag] ? (uint32_t)p->number[WEB_createflag] : 0};
    if ((rc = dfs_create(v->fs, v->path, &how, &f, &v->err)) < 0 || (rc = take_body(v, f)) < 0)
        return rc;
    say_created(v);
    return 0;
}

static int on_append(struct visit *v)
{
    static const enum web_param ids[] = {WEB_buffersize};
    const struct dfs_create how = {.append = true};
    struct dfs_file *f;
    int rc;

    if ((rc = check(v, ids, 1)) < 0 || (rc = connect_to_namenode(v)) < 0 ||
        (rc = dfs_create(v->fs, v->path, &how, &f, &v->err)) < 0 || (rc = take_body(v, f)) < 0)
        return rc;
    http_begin(v->req, 200, NULL, CLOSES, 0);
    http_cut(v->req);
    return 0;
}

/* A page of another site asks whether it may create a file here. */
static int on_preflight(struct visit *v)
{
    http_begin(v->req, 200, NULL,
               "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: accept\r\n"
               "Access-Control-Allow-Methods: PUT\r\nAccess-Control-Max-Age: 1728000\r\n",
               0);
    return 0;
}

/* ---- all of them ---- */

static const struct {
    const char *method, *op;
    int (*handle)(struct visit *v);
} operations[] = {{"GET", "OPEN", on_open},
                  {"GET", "GETFILECHECKSUM", on_checksum},
                  {"PUT", "CREATE", on_create},
                  {"POST", "APPEND", on_append},
                  {"OPTIONS", "CREATE", on_preflight}};

static int run(struct visit *v)
{
    const char *op;
    int rc;

    if ((rc = find_path(v)) < 0 ||
        (rc = web_params_read(v->req->query, false, v->conf, &v->arena, &v->params, &v->err)) < 0 ||
        (rc = web_param_check(&v->params, WEB_user, &v->err)) < 0)
        return rc;
    op = v->params.text[WEB_op];
    for (size_t i = 0; op && i < sizeof operations / sizeof *operations; i++)
        if (strcasecmp(op, operations[i].op) == 0 &&
            strcmp(v->req->method, operations[i].method) == 0)
            return operations[i].handle(v);
    return err_set(&v->err, ERR_ARGUMENT, "Invalid operation %s", op ? op : "null");
}

static void serve(struct visit *v)
{
    if (run(v) < 0) {
        web_error_reply(v->req, &v->err, JSON, CLOSES);
        http_cut(v->req);
    }
    dfs_disconnect(v->fs);
}

void gateway_serve(void *conf, struct http_request *req)
{
    struct visit *v = calloc(1, sizeof *v);

    if (strncmp(req->raw_path, PREFIX, sizeof PREFIX - 1) != 0)
        http_reply(req, 404, "text/plain", "not found\n", 10);
    else if (!web_guard_admit(conf, req))
        http_reply(req, 400, "text/plain", WEB_GUARD_REFUSAL, sizeof WEB_GUARD_REFUSAL - 1);
    else if (v && (v->buffer = malloc(GATEWAY_BUFFER))) {
        v->conf = conf;
        v->req = req;
        arena_init(&v->arena, ARENA_MAX);
        serve(v);
        arena_done(&v->arena);
    }
    if (v)
        free(v->buffer);
    free(v);
}
