#include "namenode/http/webhdfs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/web_error.h"
#include "proto/web_guard.h"

enum { ARENA_MAX = 256 << 20 };

static const char PREFIX[] = "/webhdfs/v1";
static const char JSON[] = "application/json", BYTES[] = "application/octet-stream",
                  BYTES_UTF8[] = "application/octet-stream; charset=utf-8";

#define GET WEB_GET
#define PUT WEB_PUT
#define POST WEB_POST
#define DELETE WEB_DELETE
static const struct web_op ops[] = {
#define WEB(verb_, name_, stem, text) {.name = #name_, .verb = verb_, .handle = web_##stem},
#include "namenode/http/webhdfs.def"
#undef WEB
};
#undef GET
#undef PUT
#undef POST
#undef DELETE

/* ---- for the handlers ---- */

int web_nomem(struct web_call *c)
{
    return err_set(&c->err, ERR_NOMEM, "answer too large");
}

int web_answer(struct web_call *c, json_t *json)
{
    c->json = json;
    return json ? 0 : web_nomem(c);
}

void web_begin_json(struct web_call *c)
{
    char headers[WEB_GUARD_HEADERS_MAX];

    web_guard_headers(c->nn->conf, c->req, headers, sizeof headers);
    http_begin(c->req, 200, JSON, headers, -1);
    c->answered = true;
}

int web_answer_bool(struct web_call *c, bool yes)
{
    return web_answer(c, json_pack("{s:b}", "boolean", yes));
}

int web_need(struct web_call *c, enum web_param id)
{
    if (!web_param_is_empty(&c->params, id) && strcmp(c->params.text[id], "null") != 0)
        return 0;
    return err_set(&c->err, ERR_ARGUMENT, "Required param %s for op: %s is null or empty",
                   web_param_name(id), c->op->name);
}

/* An answer as a client unpacks it: parts of it may be ready-made bytes (bm_locate_packed), or point into
 * what others may change. */
static const void *as_received(struct web_call *c, const ProtobufCMessage *reply)
{
    size_t n = protobuf_c_message_get_packed_size(reply);
    uint8_t *bytes = arena_alloc(c->answers, n + 1);
    const void *out = NULL;

    if (bytes && protobuf_c_message_pack(reply, bytes) == n)
        out = protobuf_c_message_unpack(reply->descriptor, &c->answers->pb, n, bytes);
    if (!out)
        web_nomem(c);
    return out;
}

const void *web_ask(struct web_call *c, const char *method, const void *request)
{
    const struct op_inside in = {.nn = c->nn,
                                 .method = method,
                                 .user = c->user,
                                 .peer_ip = c->req->remote_ip,
                                 .arena = c->answers};
    uint64_t txid;
    void *reply;

    if (op_call(&in, request, &reply, &c->err) < 0)
        return NULL;
    txid = journal_last_txid(c->nn->journal);
    return journal_wait(c->nn->journal, txid, &c->err) == 0 ? as_received(c, reply) : NULL;
}

const void *web_ask_as_owner(struct web_call *c, const char *method, const void *request)
{
    const char *user = c->user;
    const void *reply;

    c->user = users_owner(c->nn->users);
    reply = web_ask(c, method, request);
    c->user = user;
    return reply;
}

/* ---- who asks, and for what ---- */

/* hadoop.http.staticuser.user is whoever does not say who they are. */
static int find_user(struct web_call *c)
{
    const char *name = c->params.user, *other = c->params.doas;
    int rc;

    if ((rc = web_param_check(&c->params, WEB_user, &c->err)) < 0)
        return web_param_wrap(WEB_user, rc, &c->err);
    if ((name && !*name) || (other && !*other))
        return err_set(&c->err, ERR_STATE, "Null user");
    if (!name)
        name = conf_text(c->nn->conf, OPT_http_user);
    c->user = other ? other : name;
    return other ? users_may_impersonate(c->nn->users, name, other, c->req->remote_ip, &c->err) : 0;
}

static int find_op(struct web_call *c, enum web_verb verb, const char *verb_name)
{
    const char *name = web_text(c, WEB_op);

    if (!*name || strcasecmp(name, "NULL") == 0)
        return err_set(&c->err, ERR_UNSUPPORTED, "op=NULL is not supported");
    for (size_t i = 0; i < sizeof ops / sizeof *ops && !c->op; i++)
        if (ops[i].verb == verb && strcasecmp(name, ops[i].name) == 0)
            c->op = &ops[i];
    if (c->op)
        return 0;
    return err_set(&c->err, ERR_ARGUMENT,
                   "Invalid value for webhdfs parameter \"op\": %s is not a valid %s operation.",
                   name, verb_name);
}

static int find_path(struct web_call *c)
{
    const char *raw = c->req->raw_path + strlen(PREFIX);
    char *path = web_decode(&c->arena, raw, strlen(raw), false, false, &c->err), *to;

    if (!path)
        return -(int)c->err.code;
    if (!(path = arena_printf(&c->arena, "%s%s", *path == '/' ? "" : "/", path)) ||
        !(c->path = to = arena_strndup(&c->arena, path, strlen(path))))
        return web_nomem(c);
    c->raw_path = path;
    for (; *path; path++)
        if (*path != '/' || to == c->path || to[-1] != '/')
            *to++ = *path;
    if (to > c->path + 1 && to[-1] == '/')
        to--;
    *to = 0;
    return 0;
}

static int run(struct web_call *c, enum web_verb verb, const char *verb_name)
{
    int rc;

    if ((rc = find_path(c)) < 0 ||
        (rc = web_params_read(c->req->query, true, c->nn->conf, &c->arena, &c->params, &c->err)) <
            0 ||
        (rc = find_user(c)) < 0 || (rc = find_op(c, verb, verb_name)) < 0 ||
        (rc = web_params_check(&c->params, verb, &c->err)) < 0)
        return rc;
    return c->op->handle(c);
}

/* ---- answering ---- */

static void redirect(struct web_call *c, const char *headers)
{
    char *more;

    if (web_number(c, WEB_noredirect)) {
        web_json_reply(c->req, 200, JSON, headers, json_pack("{s:s}", "Location", c->location));
        return;
    }
    more = arena_printf(&c->arena, "%sLocation: %s\r\n", headers, c->location);
    http_begin(c->req, 307, BYTES, more ? more : headers, 0);
}

/* An AssertionError crosses Hadoop's web server inside an IOException. */
static void fail(struct web_call *c, const char *headers)
{
    const char *java_class = err_java_class(&c->err);
    size_t n = strlen(java_class);
    struct err outer;

    if (n > 5 && strcmp(java_class + n - 5, "Error") == 0) {
        err_set(&outer, ERR_IO, "%s: %.800s", java_class, c->err.text);
        c->err = outer;
    }
    web_error_reply(c->req, &c->err, JSON, headers);
}

static void answer(struct web_call *c, enum web_verb verb, const char *headers)
{
    if (c->answered)
        return;
    if (c->location)
        redirect(c, headers);
    else if (c->json)
        web_json_reply(c->req, 200, JSON, headers, c->json);
    else
        http_begin(c->req, 200, verb & (WEB_PUT | WEB_DELETE) ? BYTES : BYTES_UTF8, headers, 0);
}

static enum web_verb verb_of(const char *method)
{
    static const struct {
        const char *method;
        enum web_verb verb;
    } verbs[] = {{"GET", WEB_GET},
                 {"HEAD", WEB_GET},
                 {"PUT", WEB_PUT},
                 {"POST", WEB_POST},
                 {"DELETE", WEB_DELETE}};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(method, verbs[i].method) == 0)
            return verbs[i].verb;
    return 0;
}

static void refuse_method(struct http_request *req, const char *headers)
{
    web_json_reply(req, 500, JSON, headers,
                   json_pack("{s:{s:s, s:s, s:n}}", "RemoteException", "exception",
                             "WebApplicationException", "javaClassName",
                             "javax.ws.rs.WebApplicationException", "message"));
}

void webhdfs_serve(void *nn, struct http_request *req)
{
    enum web_verb verb = verb_of(req->method);
    struct web_call *c = calloc(1, sizeof *c);
    char headers[WEB_GUARD_HEADERS_MAX];

    if (!c)
        return;
    c->nn = nn;
    c->req = req;
    c->answers = &c->arena;
    arena_init(&c->arena, ARENA_MAX);
    web_guard_headers(c->nn->conf, req, headers, sizeof headers);
    if (strncmp(req->raw_path, PREFIX, sizeof PREFIX - 1) != 0)
        http_reply(req, 404, "text/plain", "not found\n", 10);
    else if (!web_guard_admit(c->nn->conf, req))
        http_reply(req, 400, "text/html;charset=iso-8859-1", WEB_GUARD_REFUSAL,
                   sizeof WEB_GUARD_REFUSAL - 1);
    else if (strcmp(req->method, "OPTIONS") == 0)
        http_begin(req, 200, "application/vnd.sun.wadl+xml", headers, 0);
    else if (!verb)
        refuse_method(req, headers);
    else if (run(c, verb, strcmp(req->method, "HEAD") == 0 ? "GET" : req->method) < 0)
        fail(c, headers);
    else
        answer(c, verb, headers);
    arena_done(&c->arena);
    free(c);
}
