/* webhdfs.h -- the namenode's part of WebHDFS: /webhdfs/v1/PATH?op=OP&user.name=USER
 *
 * webhdfs.def lists the operations; each has a handler, by subject:
 *
 *   webhdfs_names.c     what is there, making, renaming, removing     webhdfs_snapshot.c  snapshots
 *   webhdfs_attr.c      mode, owner, times, replication, quotas       webhdfs_store.c     the store, tokens
 *   webhdfs_acl.c       access control lists                          webhdfs_policy.c    storage policies and
 *   webhdfs_xattr.c     extended attributes                                               erasure coding
 *   webhdfs_redirect.c  what a datanode does: the way there
 *
 * A handler takes its parameters from the request, asks the method of ClientProtocol that does it by
 * web_ask(), and makes JSON of the answer.  An answer goes out when everything that it may show is
 * durable.  Formats: docs/formats/webhdfs.md
 *
 * Thread:  the HTTP server's; handlers may wait, and hold no lock.
 */
#ifndef DFS_NAMENODE_WEBHDFS_H
#define DFS_NAMENODE_WEBHDFS_H

#include <jansson.h>

#include "namenode/calls/client_protocol.h"
#include "proto/http.h"
#include "proto/web_json.h"
#include "proto/web_params.h"

struct web_op;

struct web_call {
    struct namenode *nn;
    struct http_request *req;
    struct arena arena;
    struct arena *answers; /* of methods; that above, unless the handler has another */
    struct web_params params;
    const struct web_op *op;
    const char *user;     /* effective */
    const char *path;     /* "//" in it is one "/", and there is none at its end */
    const char *raw_path; /* with all of them */
    json_t *json;         /* the answer; NULL: an empty one */
    const char *location; /* of the datanode that does it */
    bool answered;        /* the handler has sent it already */
    struct err err;
};

struct web_op {
    const char *name;
    enum web_verb verb;
    int (*handle)(struct web_call *c);
};

#define WEB(verb, name, stem, text) int web_##stem(struct web_call *c);
#include "namenode/http/webhdfs.def"
#undef WEB

/* Serves req->path, which begins with /webhdfs/v1; @nn is a struct namenode. */
void webhdfs_serve(void *nn, struct http_request *req);

/* ---- for the handlers ---- */

/* Carries out @method of ClientProtocol as the request's user; NULL: it failed, and c->err says why. */
const void *web_ask(struct web_call *c, const char *method, const void *request);

/* The same as the namenode itself. */
const void *web_ask_as_owner(struct web_call *c, const char *method, const void *request);

/* Fails unless @id was given: IllegalArgumentException. */
int web_need(struct web_call *c, enum web_param id);
int web_nomem(struct web_call *c);
/* c->json becomes @json; fails when that is NULL. */
int web_answer(struct web_call *c, json_t *json);
/* The head of an answer whose body, JSON, the handler writes and ends itself. */
void web_begin_json(struct web_call *c);
int web_answer_bool(struct web_call *c, bool yes);

/* The parameters as a message has them. */
static inline char *web_text(const struct web_call *c, enum web_param id)
{
    return (char *)(c->params.text[id] ? c->params.text[id] : "");
}
static inline int64_t web_number(const struct web_call *c, enum web_param id)
{
    return c->params.number[id];
}

#endif
