/* webhdfs_attr.c -- modes, owners, times, replication, quotas and sizes over WebHDFS. */
#include <ctype.h>

#include "namenode/http/webhdfs.h"

static int failed(const struct web_call *c)
{
    return -(int)c->err.code;
}

/* ---- one inode ---- */

int web_set_permission(struct web_call *c)
{
    Pb__SetPermissionRequestProto rq = PB__SET_PERMISSION_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto mode = PB__FS_PERMISSION_PROTO__INIT;

    mode.perm = (uint32_t)web_number(c, WEB_permission);
    rq.src = (char *)c->path;
    rq.permission = &mode;
    return web_ask(c, "setPermission", &rq) ? 0 : failed(c);
}

int web_set_owner(struct web_call *c)
{
    Pb__SetOwnerRequestProto rq = PB__SET_OWNER_REQUEST_PROTO__INIT;

    if (web_param_is_empty(&c->params, WEB_owner) && web_param_is_empty(&c->params, WEB_group))
        return err_set(&c->err, ERR_ARGUMENT, "Both owner and group are empty.");
    rq.src = (char *)c->path;
    if (!web_param_is_empty(&c->params, WEB_owner))
        rq.username = web_text(c, WEB_owner);
    if (!web_param_is_empty(&c->params, WEB_group))
        rq.groupname = web_text(c, WEB_group);
    return web_ask(c, "setOwner", &rq) ? 0 : failed(c);
}

int web_set_times(struct web_call *c)
{
    Pb__SetTimesRequestProto rq = PB__SET_TIMES_REQUEST_PROTO__INIT;

    rq.src = (char *)c->path;
    rq.mtime = (uint64_t)web_number(c, WEB_mtime);
    rq.atime = (uint64_t)web_number(c, WEB_atime);
    return web_ask(c, "setTimes", &rq) ? 0 : failed(c);
}

int web_set_replication(struct web_call *c)
{
    Pb__SetReplicationRequestProto rq = PB__SET_REPLICATION_REQUEST_PROTO__INIT;
    const Pb__SetReplicationResponseProto *rs;

    rq.src = (char *)c->path;
    rq.replication =
        (uint32_t)(c->params.has[WEB_replication] ? web_number(c, WEB_replication)
                                                  : conf_int(c->nn->conf, OPT_replication));
    rs = web_ask(c, "setReplication", &rq);
    return rs ? web_answer_bool(c, rs->result) : failed(c);
}

/* ---- quotas ---- */

int web_set_quota(struct web_call *c)
{
    Pb__SetQuotaRequestProto rq = PB__SET_QUOTA_REQUEST_PROTO__INIT;

    rq.path = (char *)c->path;
    rq.namespacequota = (uint64_t)web_number(c, WEB_namequota);
    rq.storagespacequota = (uint64_t)web_number(c, WEB_spacequota);
    return web_ask(c, "setQuota", &rq) ? 0 : failed(c);
}

static int parse_storage_type(struct web_call *c, Pb__StorageTypeProto *out)
{
    char *name = web_text(c, WEB_storagetype);
    const ProtobufCEnumValue *v;

    for (char *at = name; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    v = protobuf_c_enum_descriptor_get_value_by_name(&pb__storage_type_proto__descriptor, name);
    if (!v)
        return err_set(&c->err, ERR_ARGUMENT,
                       "No enum constant org.apache.hadoop.fs.StorageType.%s", name);
    *out = (Pb__StorageTypeProto)v->value;
    return 0;
}

int web_set_quota_by_storage_type(struct web_call *c)
{
    Pb__SetQuotaRequestProto rq = PB__SET_QUOTA_REQUEST_PROTO__INIT;
    int rc;

    if ((rc = web_need(c, WEB_storagetype)) < 0 ||
        (rc = parse_storage_type(c, &rq.storagetype)) < 0)
        return rc;
    rq.path = (char *)c->path;
    rq.namespacequota = INT64_MAX; /* as it is */
    rq.storagespacequota = (uint64_t)web_number(c, WEB_spacequota);
    rq.has_storagetype = true;
    return web_ask(c, "setQuota", &rq) ? 0 : failed(c);
}

/* ---- sizes ---- */

static json_t *type_quotas(const Pb__StorageTypeQuotaInfosProto *infos)
{
    json_t *json = json_object();

    for (size_t i = 0; infos && i < infos->n_typequotainfo; i++) {
        const Pb__StorageTypeQuotaInfoProto *q = infos->typequotainfo[i];
        const ProtobufCEnumValue *v =
            protobuf_c_enum_descriptor_get_value(&pb__storage_type_proto__descriptor, (int)q->type);

        if (v && (int64_t)q->quota >= 0)
            json_object_set_new(json, v->name,
                                json_pack("{s:I, s:I}", "consumed", (json_int_t)q->consumed,
                                          "quota", (json_int_t)q->quota));
    }
    return json;
}

int web_get_content_summary(struct web_call *c)
{
    Pb__GetContentSummaryRequestProto rq = PB__GET_CONTENT_SUMMARY_REQUEST_PROTO__INIT;
    const Pb__GetContentSummaryResponseProto *rs;
    const Pb__ContentSummaryProto *s;

    rq.path = (char *)c->path;
    if (!(rs = web_ask(c, "getContentSummary", &rq)))
        return failed(c);
    s = rs->summary;
    return web_answer(
        c,
        json_pack("{s:{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}}",
                  "ContentSummary", "directoryCount", (json_int_t)s->directorycount, "ecPolicy",
                  s->erasurecodingpolicy ? s->erasurecodingpolicy : "", "fileCount",
                  (json_int_t)s->filecount, "length", (json_int_t)s->length, "quota",
                  (json_int_t)s->quota, "snapshotDirectoryCount",
                  (json_int_t)s->snapshotdirectorycount, "snapshotFileCount",
                  (json_int_t)s->snapshotfilecount, "snapshotLength", (json_int_t)s->snapshotlength,
                  "snapshotSpaceConsumed", (json_int_t)s->snapshotspaceconsumed, "spaceConsumed",
                  (json_int_t)s->spaceconsumed, "spaceQuota", (json_int_t)s->spacequota,
                  "typeQuota", type_quotas(s->typequotainfos)));
}

int web_get_quota_usage(struct web_call *c)
{
    Pb__GetQuotaUsageRequestProto rq = PB__GET_QUOTA_USAGE_REQUEST_PROTO__INIT;
    const Pb__GetQuotaUsageResponseProto *rs;
    const Pb__QuotaUsageProto *u;

    rq.path = (char *)c->path;
    if (!(rs = web_ask(c, "getQuotaUsage", &rq)))
        return failed(c);
    u = rs->usage;
    return web_answer(
        c, json_pack("{s:{s:I, s:I, s:I, s:I, s:o}}", "QuotaUsage", "fileAndDirectoryCount",
                     (json_int_t)u->fileanddirectorycount, "quota", (json_int_t)u->quota,
                     "spaceConsumed", (json_int_t)u->spaceconsumed, "spaceQuota",
                     (json_int_t)u->spacequota, "typeQuota", type_quotas(u->typequotainfos)));
}
