#include "namenode/http/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/status.h"
#include "namenode/http/fsck.h"
#include "namenode/http/web_about.h"
#include "namenode/http/web_image.h"
#include "namenode/http/web_view.h"
#include "namenode/http/webhdfs.h"
#include "proto/web_loglevel.h"

enum { PAGE_MAX = 64 << 20, ARENA_MAX = 64 << 20, ENTRIES = 1000 };

static const char HEAD[] =
    "<!doctype html><meta charset=utf-8><title>namenode</title><style>"
    "body{font:15px/1.5 sans-serif;margin:2em;max-width:75em;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.15em .9em .15em 0;text-align:left}"
    "tr:hover{background:#f3f3f3}h1{font-size:1.4em}h2{font-size:1.1em}"
    ".warn{background:#fe9;padding:.5em}</style>\n";

/* ---- pages of the whole store ---- */

typedef void (*draw_fn)(const struct web_view *v, const char *query, struct buf *out);

static void draw_metrics(const struct web_view *v, const char *query, struct buf *out)
{
    (void)query;
    web_metrics(v, out);
}

static void draw_overview(const struct web_view *v, const char *query, struct buf *out)
{
    (void)query;
    buf_puts(out, HEAD);
    web_overview(v, out);
}

static void send(struct http_request *req, const char *type, struct buf *out)
{
    if (out->bad)
        http_reply(req, 500, "text/plain", "page too large\n", 15);
    else
        http_reply(req, 200, type, out->bytes, out->n);
}

static void draw(struct namenode *nn, struct http_request *req, const char *type, draw_fn fn,
                 const char *query)
{
    struct arena arena;
    struct web_view *v;
    struct buf out;

    arena_init(&arena, ARENA_MAX);
    buf_init(&out, PAGE_MAX);
    if ((v = arena_alloc(&arena, sizeof *v))) {
        web_view_take(nn, &arena, v);
        fn(v, query, &out);
    } else {
        out.bad = true;
    }
    send(req, type, &out);
    buf_done(&out);
    arena_done(&arena);
}

static void handle_metrics(void *nn, struct http_request *req)
{
    draw(nn, req, "text/plain; version=0.0.4; charset=utf-8", draw_metrics, "");
}

static void handle_jmx(void *nn, struct http_request *req)
{
    char query[512] = "";

    http_query(req, "qry", query, sizeof query);
    draw(nn, req, "application/json; charset=utf-8", web_jmx, query);
}

static void handle_health(void *nn, struct http_request *req)
{
    (void)nn;
    http_reply(req, 200, "text/plain", "ok\n", 3);
}

static void not_found(struct http_request *req, const char *why)
{
    http_reply(req, 404, "text/plain; charset=utf-8", why, strlen(why));
}

static void handle_root(void *nn, struct http_request *req)
{
    if (strcmp(req->path, "/") == 0 || strcmp(req->path, "/index.html") == 0 ||
        strcmp(req->path, "/dfshealth.html") == 0)
        draw(nn, req, "text/html; charset=utf-8", draw_overview, "");
    else
        not_found(req, "no such page\n");
}

/* ---- browsing ---- */

static void put_html(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        switch (s[i]) {
        case '<': buf_puts(out, "&lt;"); break;
        case '>': buf_puts(out, "&gt;"); break;
        case '&': buf_puts(out, "&amp;"); break;
        case '"': buf_puts(out, "&quot;"); break;
        default: buf_put(out, &s[i], 1);
        }
}

static void put_link(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            strchr("/-_.~", c))
            buf_put(out, &s[i], 1);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static void put_entry(struct buf *out, const char *dir, const struct inode_info *i)
{
    char when[32] = "";
    time_t t = (time_t)(i->mtime_ms / 1000);
    struct tm tm;

    if (gmtime_r(&t, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
    buf_printf(out, "<tr><td>%c%03o<td>", i->kind == INODE_DIR ? 'd' : '-', i->mode);
    put_html(out, i->user, strlen(i->user));
    buf_puts(out, "<td>");
    put_html(out, i->group, strlen(i->group));
    if (i->kind == INODE_FILE)
        buf_printf(out, "<td>%llu<td>%u", (unsigned long long)i->length, i->replication);
    else
        buf_puts(out, "<td><td>");
    buf_printf(out, "<td>%s<td>", when);
    if (i->kind == INODE_DIR) {
        buf_puts(out, "<a href=\"/browse");
        put_link(out, dir, strlen(dir));
        put_link(out, i->name, i->name_n);
        buf_puts(out, "/\">");
    }
    put_html(out, i->name, i->name_n);
    buf_puts(out, i->kind == INODE_DIR ? "/</a>\n" : "\n");
}

/* A page of a directory: what the HTTP user (hadoop.http.staticuser.user) may read. */
static int browse(struct op *op, const char *path, const char *after, struct buf *out)
{
    struct namespace *ns = op->nn->ns;
    uint64_t ids[ENTRIES];
    struct inode_info info;
    struct place p;
    const char *dir;
    int rc, n;

    if ((rc = op_resolve(op, path, FOR_READ, &p)) < 0)
        return rc;
    if (!p.id)
        return op_no_such_file(op, p.path);
    if (p.info.kind != INODE_DIR)
        return err_set(&op->err, ERR_NOTDIR, "%s is a file of %llu bytes", p.path,
                       (unsigned long long)p.info.length);
    if ((rc = access_target(op, &p, MAY_READ | MAY_EXECUTE)) < 0)
        return rc;
    dir = p.id == NS_ROOT_ID ? "/" : arena_printf(op->arena, "%s/", p.path);
    buf_puts(out, HEAD);
    buf_puts(out, "<h1>");
    put_html(out, p.path, strlen(p.path));
    buf_puts(out, "</h1>\n<p><a href=\"/\">Overview</a>");
    if (p.id != NS_ROOT_ID)
        buf_puts(out, " <a href=\"..\">Up</a>");
    buf_puts(out,
             "\n<table>\n<tr><th>Mode<th>Owner<th>Group<th>Size<th>Copies<th>Modified<th>Name\n");
    n = ns_children(ns, p.id, *after ? after : NULL, (unsigned)strlen(after), ids, ENTRIES);
    for (int i = 0; i < n; i++)
        if (ns_info(ns, ids[i], &info))
            put_entry(out, dir, &info);
    buf_puts(out, "</table>\n");
    if (n == ENTRIES) {
        buf_puts(out, "<p><a href=\"?after=");
        put_link(out, info.name, info.name_n);
        buf_puts(out, "\">More</a>\n");
    }
    return 0;
}

static void handle_browse(void *ctx, struct http_request *req)
{
    struct namenode *nn = ctx;
    const char *path = req->path + strlen("/browse");
    char after[1024] = "";
    struct arena arena;
    struct buf out;
    struct op *op;
    int rc;

    http_query(req, "after", after, sizeof after);
    arena_init(&arena, ARENA_MAX);
    buf_init(&out, PAGE_MAX);
    op = arena_zalloc(&arena, sizeof *op);
    if (op) {
        op->nn = nn;
        op->arena = &arena;
        op->now_ms = env_now_ms(nn->env);
        op->user = users_get(nn->users, conf_text(nn->conf, OPT_http_user));
    }
    if (!op || !op->user) {
        http_reply(req, 500, "text/plain", "no memory\n", 10);
    } else {
        nn_lock(nn);
        rc = browse(op, *path ? path : "/", after, &out);
        nn_unlock(nn);
        if (rc < 0)
            http_reply(req, rc == -ERR_ACCESS ? 403 : 404, "text/plain; charset=utf-8",
                       op->err.text, strlen(op->err.text));
        else
            send(req, "text/html; charset=utf-8", &out);
    }
    buf_done(&out);
    arena_done(&arena);
}

int web_start(struct namenode *nn, const char *host, uint16_t port, uint16_t *out_port,
              struct err *err)
{
    const struct http_route routes[] = {
        {"/", handle_root, nn},
        {"/browse", handle_browse, nn},
        {"/metrics", handle_metrics, nn},
        {"/jmx", handle_jmx, nn},
        {"/health", handle_health, nn},
        {"/webhdfs/v1", webhdfs_serve, nn},
        {"/fsck", fsck_serve, nn},
        {"/imagetransfer", web_image_serve, nn},
        {"/topology", web_topology, nn},
        {"/conf", web_conf, nn},
        {"/startupProgress", web_startup, nn},
        {"/isActive", web_is_active, nn},
        {"/logLevel", web_loglevel_serve, NULL},
    };

    return http_start(host, port, routes, sizeof routes / sizeof routes[0], &nn->http, out_port,
                      err);
}
