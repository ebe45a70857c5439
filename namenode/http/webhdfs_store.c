/* webhdfs_store.c -- the store as a whole over WebHDFS: homes, trash, defaults, room, tokens. */
#include "encryption.pb-c.h"
#include "namenode/http/web_status.h"
#include "namenode/http/web_token.h"
#include "namenode/http/webhdfs.h"

static int failed(const struct web_call *c)
{
    return -(int)c->err.code;
}

/* ---- homes and trash ---- */

static char *home_of(struct web_call *c, const char *user)
{
    return arena_printf(&c->arena, "/user/%s", user);
}

static int path_answer(struct web_call *c, const char *path)
{
    return path ? web_answer(c, json_pack("{s:s}", "Path", path)) : web_nomem(c);
}

int web_get_home_directory(struct web_call *c)
{
    return path_answer(c, home_of(c, c->user));
}

/* What is deleted inside an encryption zone stays there. */
int web_get_trash_root(struct web_call *c)
{
    Pb__GetEZForPathRequestProto rq = PB__GET_EZFOR_PATH_REQUEST_PROTO__INIT;
    const char *slash = strrchr(c->path, '/');
    const Pb__GetEZForPathResponseProto *rs;
    const char *zone;

    rq.src = slash > c->path ? arena_strndup(&c->arena, c->path, (size_t)(slash - c->path)) : "/";
    if (!rq.src)
        return web_nomem(c);
    rs = web_ask(c, "getEZForPath", &rq);
    if (!rs || !rs->zone)
        return path_answer(c, arena_printf(&c->arena, "/user/%s/.Trash", c->user));
    zone = strcmp(rs->zone->path, "/") == 0 ? "" : rs->zone->path;
    return path_answer(c, arena_printf(&c->arena, "%s/.Trash/%s", zone, c->user));
}

static const Pb__HdfsFileStatusProto *status_at(struct web_call *c, const char *path)
{
    Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    const Pb__GetFileInfoResponseProto *rs;

    rq.src = (char *)path;
    rs = path ? web_ask(c, "getFileInfo", &rq) : NULL;
    return rs ? rs->fs : NULL;
}

static void add_trash(struct web_call *c, const char *home, json_t *list)
{
    const char *path = arena_printf(&c->arena, "%s/.Trash", home);
    const Pb__HdfsFileStatusProto *s = status_at(c, path);

    if (s)
        json_array_append_new(list, web_old_status_json(s, path));
}

static void add_all_trash(struct web_call *c, json_t *list)
{
    Pb__GetListingRequestProto rq = PB__GET_LISTING_REQUEST_PROTO__INIT;
    const Pb__GetListingResponseProto *rs;

    rq.src = "/user";
    do {
        if (!(rs = web_ask(c, "getListing", &rq)) || !rs->dirlist)
            return;
        for (size_t i = 0; i < rs->dirlist->n_partiallisting; i++) {
            rq.startafter = rs->dirlist->partiallisting[i]->path;
            add_trash(c,
                      arena_printf(&c->arena, "/user/%.*s", (int)rq.startafter.len,
                                   (const char *)rq.startafter.data),
                      list);
        }
    } while (rs->dirlist->remainingentries > 0);
}

int web_get_trash_roots(struct web_call *c)
{
    json_t *list = json_array();

    if (web_number(c, WEB_allusers))
        add_all_trash(c, list);
    else
        add_trash(c, home_of(c, c->user), list);
    if (json_array_size(list) == 0) {
        json_decref(list);
        list = json_null();
    }
    return web_answer(c, json_pack("{s:o}", "Paths", list));
}

/* ---- defaults and room ---- */

/* Each algorithm has the number that Java gives it. */
int web_get_server_defaults(struct web_call *c)
{
    const Pb__GetServerDefaultsRequestProto rq = PB__GET_SERVER_DEFAULTS_REQUEST_PROTO__INIT;
    const Pb__GetServerDefaultsResponseProto *rs = web_ask(c, "getServerDefaults", &rq);
    const Pb__FsServerDefaultsProto *d;

    if (!rs)
        return failed(c);
    d = rs->serverdefaults;
    return web_answer(
        c, json_pack("{s:{s:i, s:b, s:i, s:i, s:i, s:i, s:I, s:s, s:I, s:i}}", "FsServerDefaults",
                     "replication", (int)d->replication, "encryptDataTransfer",
                     (int)d->encryptdatatransfer, "defaultStoragePolicyId", (int)d->policyid,
                     "writePacketSize", (int)d->writepacketsize, "fileBufferSize",
                     (int)d->filebuffersize, "checksumType", (int)d->checksumtype, "trashInterval",
                     (json_int_t)d->trashinterval, "keyProviderUri",
                     d->keyprovideruri ? d->keyprovideruri : "", "blockSize",
                     (json_int_t)d->blocksize, "bytesPerChecksum", (int)d->bytesperchecksum));
}

int web_get_status(struct web_call *c)
{
    const Pb__GetFsStatusRequestProto rq = PB__GET_FS_STATUS_REQUEST_PROTO__INIT;
    const Pb__GetFsStatsResponseProto *rs = web_ask(c, "getFsStats", &rq);

    if (!rs)
        return failed(c);
    return web_answer(c, json_pack("{s:{s:I, s:I, s:I}}", "FsStatus", "used", (json_int_t)rs->used,
                                   "remaining", (json_int_t)rs->remaining, "capacity",
                                   (json_int_t)rs->capacity));
}

/* ---- delegation tokens ---- */

/* The token gets the kind of this protocol's, and what the request says of kind and service. */
int web_get_delegation_token(struct web_call *c)
{
    Pb__GetDelegationTokenRequestProto rq = PB__GET_DELEGATION_TOKEN_REQUEST_PROTO__INIT;
    const Pb__GetDelegationTokenResponseProto *rs;
    Pb__TokenProto token;

    if (!web_param_is_empty(&c->params, WEB_delegation))
        return err_set(&c->err, ERR_ARGUMENT, "delegation parameter is not null.");
    rq.renewer =
        web_param_is_empty(&c->params, WEB_renewer) ? (char *)c->user : web_text(c, WEB_renewer);
    if (!(rs = web_ask(c, "getDelegationToken", &rq)))
        return failed(c);
    if (!rs->token)
        return web_answer(c, json_pack("{s:n}", "Token"));
    token = *rs->token;
    token.kind =
        web_param_is_empty(&c->params, WEB_kind) ? "WEBHDFS delegation" : web_text(c, WEB_kind);
    if (!web_param_is_empty(&c->params, WEB_service))
        token.service = web_text(c, WEB_service);
    return web_answer(c, json_pack("{s:o}", "Token", web_token_json(&token)));
}

static int take_token(struct web_call *c, Pb__TokenProto *out)
{
    int rc = web_need(c, WEB_token);

    return rc < 0 ? rc : web_token_parse(web_text(c, WEB_token), &c->arena, out, &c->err);
}

int web_renew_delegation_token(struct web_call *c)
{
    Pb__RenewDelegationTokenRequestProto rq = PB__RENEW_DELEGATION_TOKEN_REQUEST_PROTO__INIT;
    const Pb__RenewDelegationTokenResponseProto *rs;
    Pb__TokenProto token;
    int rc = take_token(c, &token);

    if (rc < 0)
        return rc;
    rq.token = &token;
    if (!(rs = web_ask(c, "renewDelegationToken", &rq)))
        return failed(c);
    return web_answer(c, json_pack("{s:I}", "long", (json_int_t)rs->newexpirytime));
}

int web_cancel_delegation_token(struct web_call *c)
{
    Pb__CancelDelegationTokenRequestProto rq = PB__CANCEL_DELEGATION_TOKEN_REQUEST_PROTO__INIT;
    Pb__TokenProto token;
    int rc = take_token(c, &token);

    if (rc < 0)
        return rc;
    rq.token = &token;
    return web_ask(c, "cancelDelegationToken", &rq) ? 0 : failed(c);
}
