/* webhdfs_redirect.c -- operations that move data: which datanode carries them out, and the address
 * that says so. */
#include <inttypes.h>
#include <strings.h>

#include "namenode/http/webhdfs.h"

static int failed(const struct web_call *c)
{
    return -(int)c->err.code;
}

/* ---- which datanode ---- */

/* excludedatanodes is a list of addresses or names, with the data port or without. */
static bool is_excluded(struct web_call *c, const Pb__DatanodeIDProto *id)
{
    const char *list = web_text(c, WEB_excluded);
    const char *names[] = {id->hostname, id->ipaddr,
                           arena_printf(&c->arena, "%s:%u", id->hostname, id->xferport),
                           arena_printf(&c->arena, "%s:%u", id->ipaddr, id->xferport)};

    while (*list) {
        size_t n = strcspn(list, ",");

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (names[i] && strlen(names[i]) == n && strncasecmp(list, names[i], n) == 0)
                return true;
        list += n + (list[n] == ',');
    }
    return false;
}

static bool serves(const Pb__DatanodeInfoProto *d)
{
    return d->adminstate != PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSIONED &&
           d->adminstate != PB__DATANODE_INFO_PROTO__ADMIN_STATE__IN_MAINTENANCE && d->id->infoport;
}

/* One beside the client, else any. */
static const Pb__DatanodeIDProto *any_datanode(struct web_call *c)
{
    Pb__GetDatanodeReportRequestProto rq = PB__GET_DATANODE_REPORT_REQUEST_PROTO__INIT;
    const Pb__GetDatanodeReportResponseProto *rs;
    const Pb__DatanodeIDProto *chosen = NULL;
    uint64_t seen = 0;

    rq.type = PB__DATANODE_REPORT_TYPE_PROTO__LIVE;
    if (!(rs = web_ask_as_owner(c, "getDatanodeReport", &rq)))
        return NULL;
    for (size_t i = 0; i < rs->n_di; i++) {
        const Pb__DatanodeIDProto *id = rs->di[i]->id;

        if (!serves(rs->di[i]) || is_excluded(c, id))
            continue;
        if (strcmp(id->ipaddr, c->req->remote_ip) == 0)
            return id;
        if (env_random_u64(c->nn->env) % ++seen == 0)
            chosen = id;
    }
    if (!chosen)
        err_set(&c->err, ERR_IO,
                "Failed to find datanode, suggest to check cluster health. excludeDatanodes=%s",
                web_param_is_empty(&c->params, WEB_excluded) ? "null" : web_text(c, WEB_excluded));
    return chosen;
}

/* The nearest that has the block at @offset. */
static const Pb__DatanodeIDProto *datanode_with(struct web_call *c, uint64_t offset)
{
    Pb__GetBlockLocationsRequestProto rq = PB__GET_BLOCK_LOCATIONS_REQUEST_PROTO__INIT;
    const Pb__GetBlockLocationsResponseProto *rs;
    const Pb__LocatedBlockProto *b;

    rq.src = (char *)c->path;
    rq.offset = offset;
    rq.length = 1;
    if (!(rs = web_ask(c, "getBlockLocations", &rq)))
        return NULL;
    if (!rs->locations || rs->locations->n_blocks == 0)
        return any_datanode(c);
    b = rs->locations->blocks[0];
    for (size_t i = 0; i < b->n_locs; i++)
        if (serves(b->locs[i]) && !is_excluded(c, b->locs[i]->id))
            return b->locs[i]->id;
    err_set(&c->err, ERR_IO, "No active nodes contain this block");
    return NULL;
}

static const Pb__DatanodeIDProto *datanode_of_file(struct web_call *c, bool reads)
{
    Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    uint64_t offset = (uint64_t)web_number(c, WEB_offset), length;
    const Pb__GetFileInfoResponseProto *rs;

    rq.src = (char *)c->path;
    if (!(rs = web_ask(c, "getFileInfo", &rq)))
        return NULL;
    if (!rs->fs) {
        err_set(&c->err, ERR_NOENT, "File %s not found.", c->path);
        return NULL;
    }
    length = rs->fs->length;
    if (reads && length > 0 && offset >= length) {
        err_set(&c->err, ERR_IO,
                "Offset=%" PRIu64 " out of the range [0, %" PRIu64 "); %s, path=%s", offset, length,
                c->op->name, c->path);
        return NULL;
    }
    return length == 0 ? any_datanode(c) : datanode_with(c, reads ? offset : length - 1);
}

/* ---- its address ---- */

/* Hadoop encodes a text as a form, and all of the query again as part of a URI. */
static void put_text(struct web_call *c, struct buf *out, enum web_param id, const char *value)
{
    struct buf form;

    buf_init(&form, 1 << 20);
    web_put_form(&form, value);
    buf_printf(out, "&%s=", web_param_name(id));
    for (size_t i = 0; i < form.n; i++)
        if (form.bytes[i] == '%')
            buf_puts(out, "%25");
        else
            buf_put(out, &form.bytes[i], 1);
    out->bad = out->bad || form.bad;
    buf_done(&form);
    (void)c;
}

static void put_words(struct web_call *c, struct buf *out)
{
    char *list =
        arena_strndup(&c->arena, web_text(c, WEB_createflag), strlen(web_text(c, WEB_createflag)));

    for (char *at = list; at && *at; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    put_text(c, out, WEB_createflag, list ? list : "");
}

static void put_number(struct web_call *c, struct buf *out, enum web_param id, const char *format)
{
    if (!c->params.has[id])
        return;
    buf_printf(out, "&%s=", web_param_name(id));
    buf_printf(out, format, web_number(c, id));
}

#define DECIMAL "%" PRId64
#define OCTAL "%" PRIo64

static void put_create(struct web_call *c, struct buf *out)
{
    put_number(c, out, WEB_blocksize, DECIMAL);
    put_number(c, out, WEB_buffersize, DECIMAL);
    put_words(c, out);
    buf_printf(out, "&createparent=%s", web_number(c, WEB_createparent) ? "true" : "false");
    buf_printf(out, "&overwrite=%s", web_number(c, WEB_overwrite) ? "true" : "false");
    put_number(c, out, WEB_permission, OCTAL);
    put_number(c, out, WEB_replication, DECIMAL);
    put_number(c, out, WEB_unmasked, OCTAL);
}

static void put_read(struct web_call *c, struct buf *out)
{
    put_number(c, out, WEB_buffersize, DECIMAL);
    put_number(c, out, WEB_length, DECIMAL);
    buf_printf(out, "&offset=" DECIMAL, web_number(c, WEB_offset));
}

static void put_buffer(struct web_call *c, struct buf *out)
{
    put_number(c, out, WEB_buffersize, DECIMAL);
}

static void put_nothing(struct web_call *c, struct buf *out)
{
    (void)c;
    (void)out;
}

static int redirect(struct web_call *c, const Pb__DatanodeIDProto *to,
                    void (*put_params)(struct web_call *, struct buf *))
{
    struct buf out;

    if (!to)
        return failed(c);
    buf_init(&out, 1 << 20);
    buf_printf(&out, "http://%s:%u/webhdfs/v1", to->hostname, to->infoport);
    web_put_path(&out, c->raw_path);
    buf_printf(&out, "?op=%s", c->op->name);
    if (c->params.text[WEB_doas])
        put_text(c, &out, WEB_doas, c->params.text[WEB_doas]);
    if (c->params.text[WEB_user])
        put_text(c, &out, WEB_user, c->params.text[WEB_user]);
    buf_printf(&out, "&namenoderpcaddress=%s", c->nn->rpc_address);
    put_params(c, &out);
    c->location = out.bad ? NULL : arena_strndup(&c->arena, (char *)out.bytes, out.n);
    buf_done(&out);
    return c->location ? 0 : web_nomem(c);
}

static int check_name(struct web_call *c)
{
    if (op_name_is_valid(c->raw_path))
        return 0;
    return err_set(&c->err, ERR_INVALID_PATH, "Invalid path name %s", c->raw_path);
}

int web_open(struct web_call *c)
{
    int rc = check_name(c);

    return rc < 0 ? rc : redirect(c, datanode_of_file(c, true), put_read);
}

int web_get_file_checksum(struct web_call *c)
{
    int rc = check_name(c);

    return rc < 0 ? rc : redirect(c, datanode_of_file(c, false), put_nothing);
}

int web_create(struct web_call *c)
{
    int rc = check_name(c);

    return rc < 0 ? rc : redirect(c, any_datanode(c), put_create);
}

int web_append(struct web_call *c)
{
    int rc = check_name(c);

    return rc < 0 ? rc : redirect(c, datanode_of_file(c, false), put_buffer);
}
