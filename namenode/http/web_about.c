#include "namenode/http/web_about.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/namenode.h"
#include "proto/web_json.h"

enum { PAGE_MAX = 16 << 20, ARENA_MAX = 64 << 20 };

static const char TEXT[] = "text/plain; charset=UTF-8", JSON[] = "application/json; charset=UTF-8",
                  XML[] = "text/xml;charset=utf-8";

static bool wants_json(const struct http_request *req)
{
    const char *accept = http_header(req, "Accept");

    return accept && strstr(accept, "application/json") != NULL;
}

static void send(struct http_request *req, const char *type, struct buf *out)
{
    if (out->bad)
        http_reply(req, 500, "text/plain", "page too large\n", 15);
    else
        http_reply(req, 200, type, out->bytes, out->n);
}

/* ---- racks ---- */

static int by_place(const void *x, const void *y)
{
    const Pb__DatanodeInfoProto *a = *(Pb__DatanodeInfoProto *const *)x;
    const Pb__DatanodeInfoProto *b = *(Pb__DatanodeInfoProto *const *)y;
    int order = strcmp(a->location, b->location);

    if (order == 0)
        order = strcmp(a->id->ipaddr, b->id->ipaddr);
    return order ? order : (int)a->id->xferport - (int)b->id->xferport;
}

static void topology_text(Pb__DatanodeInfoProto **nodes, size_t count, struct buf *out)
{
    if (count == 0)
        buf_puts(out, "No DataNodes");
    for (size_t i = 0; i < count; i++) {
        const Pb__DatanodeIDProto *id = nodes[i]->id;

        if (i == 0 || strcmp(nodes[i]->location, nodes[i - 1]->location) != 0)
            buf_printf(out, "%sRack: %s\n", i ? "\n" : "", nodes[i]->location);
        buf_printf(out, "   %s:%u", id->ipaddr, id->xferport);
        if (strcmp(id->hostname, id->ipaddr) != 0)
            buf_printf(out, " (%s)", id->hostname);
        buf_puts(out, "\n");
    }
    buf_puts(out, count ? "\n" : "");
}

static json_t *topology_json(Pb__DatanodeInfoProto **nodes, size_t count)
{
    json_t *racks = json_array(), *rack = NULL;

    for (size_t i = 0; i < count; i++) {
        const Pb__DatanodeIDProto *id = nodes[i]->id;

        if (i == 0 || strcmp(nodes[i]->location, nodes[i - 1]->location) != 0) {
            rack = json_array();
            json_array_append_new(racks, json_pack("{s:o}", nodes[i]->location, rack));
        }
        json_array_append_new(rack, json_pack("{s:o, s:s}", "ip",
                                              json_sprintf("%s:%u", id->ipaddr, id->xferport),
                                              "hostname", id->hostname));
    }
    return racks;
}

void web_topology(void *ctx, struct http_request *req)
{
    struct namenode *nn = ctx;
    Pb__DatanodeInfoProto **nodes = NULL;
    struct arena arena;
    struct buf out;
    size_t count = 0;

    arena_init(&arena, ARENA_MAX);
    nn_lock(nn);
    bm_datanode_report(nn->bm, PB__DATANODE_REPORT_TYPE_PROTO__LIVE, &arena, &nodes, &count);
    nn_unlock(nn);
    if (count)
        qsort(nodes, count, sizeof *nodes, by_place);
    if (wants_json(req)) {
        web_json_reply(req, 200, JSON, "", topology_json(nodes, count));
    } else {
        buf_init(&out, PAGE_MAX);
        topology_text(nodes, count, &out);
        send(req, TEXT, &out);
        buf_done(&out);
    }
    arena_done(&arena);
}

/* ---- settings ---- */

struct settings {
    const char *name; /* NULL: all */
    bool found;
    struct buf *xml;
    json_t *json;
};

static void put_xml(struct buf *out, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<': buf_puts(out, "&lt;"); break;
        case '>': buf_puts(out, "&gt;"); break;
        case '&': buf_puts(out, "&amp;"); break;
        default: buf_put(out, s, 1);
        }
}

/* By hadoop.security.sensitive-config-keys' default. */
static bool is_secret(const char *key)
{
    static const char *const ends[] = {"secret",     "password",   "ssl.keystore.pass",
                                       "credential", "secret.key", "access.key"};
    size_t n = strlen(key);

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t k = strlen(ends[i]);

        if (n >= k && strcmp(key + n - k, ends[i]) == 0)
            return true;
    }
    return strstr(key, "oauth") && strstr(key, "token");
}

static void add_setting(void *ctx, const char *key, const char *value)
{
    struct settings *s = ctx;

    if (s->name && strcmp(s->name, key) != 0)
        return;
    if (is_secret(key))
        value = "<redacted>";
    s->found = true;
    if (s->json) {
        json_array_append_new(s->json, json_pack("{s:s, s:s, s:b, s:s}", "key", key, "value", value,
                                                 "isFinal", 0, "resource", "namenode"));
        return;
    }
    buf_puts(s->xml, "<property><name>");
    put_xml(s->xml, key);
    buf_puts(s->xml, "</name><value>");
    put_xml(s->xml, value);
    buf_puts(s->xml, "</value><final>false</final><source>namenode</source></property>\n");
}

void web_conf(void *ctx, struct http_request *req)
{
    struct namenode *nn = ctx;
    char name[512], format[16] = "";
    struct settings s = {.name = NULL};
    bool given = http_query(req, "format", format, sizeof format), json;
    struct buf out;

    json = given ? strcmp(format, "json") == 0 : wants_json(req);
    if (given && !json && strcmp(format, "xml") != 0) {
        http_reply(req, 400, "text/plain", "Bad format: only xml and json are known\n", 40);
        return;
    }
    if (http_query(req, "name", name, sizeof name) && *name)
        s.name = name;
    buf_init(&out, PAGE_MAX);
    s.xml = &out;
    s.json = json ? json_array() : NULL;
    buf_puts(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?><configuration>\n");
    conf_each(nn->conf, add_setting, &s);
    buf_puts(&out, "</configuration>\n");
    if (s.name && !s.found) {
        json_decref(s.json);
        http_reply(req, 404, "text/plain", "no such property\n", 17);
    } else if (json && s.name) {
        json_t *one = json_pack("{s:O}", "property", json_array_get(s.json, 0));

        json_decref(s.json);
        web_json_reply(req, 200, JSON, "", one);
    } else if (json) {
        web_json_reply(req, 200, JSON, "", json_pack("{s:o}", "properties", s.json));
    } else {
        send(req, XML, &out);
    }
    buf_done(&out);
}

/* ---- the start ---- */

/* The pages are there when the directories have been read: only safe mode may be going on. */
void web_startup(void *ctx, struct http_request *req)
{
    static const struct {
        const char *name, *desc;
    } phases[] = {{"LoadingFsImage", "Loading fsimage"},
                  {"LoadingEdits", "Loading edits"},
                  {"SavingCheckpoint", "Saving checkpoint"},
                  {"SafeMode", "Safe mode"}};
    struct namenode *nn = ctx;
    json_t *list = json_array();
    bool waiting;

    nn_lock(nn);
    waiting = bm_in_startup_safe_mode(nn->bm);
    nn_unlock(nn);
    for (int i = 0; i < 4; i++) {
        bool done = i < 3 || !waiting;

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:f, s:[]}", "name", phases[i].name,
                                              "desc", phases[i].desc, "status",
                                              done ? "COMPLETE" : "RUNNING", "percentComplete",
                                              done ? 1.0 : 0.0, "steps"));
    }
    web_json_reply(
        req, 200, JSON, "",
        json_pack("{s:f, s:o}", "percentComplete", waiting ? 0.75 : 1.0, "phases", list));
}

void web_is_active(void *nn, struct http_request *req)
{
    static const char text[] = "I am Active!";

    (void)nn;
    http_reply(req, 200, TEXT, text, sizeof text - 1);
}
