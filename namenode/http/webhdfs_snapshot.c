/* webhdfs_snapshot.c -- snapshots over WebHDFS. */
#include "namenode/http/web_status.h"
#include "namenode/http/webhdfs.h"

static int failed(const struct web_call *c)
{
    return -(int)c->err.code;
}

static json_t *text_of(const ProtobufCBinaryData *b)
{
    return web_json_text(b->data, b->len);
}

/* ---- making and removing ---- */

int web_allow_snapshot(struct web_call *c)
{
    Pb__AllowSnapshotRequestProto rq = PB__ALLOW_SNAPSHOT_REQUEST_PROTO__INIT;

    rq.snapshotroot = (char *)c->path;
    return web_ask(c, "allowSnapshot", &rq) ? 0 : failed(c);
}

int web_disallow_snapshot(struct web_call *c)
{
    Pb__DisallowSnapshotRequestProto rq = PB__DISALLOW_SNAPSHOT_REQUEST_PROTO__INIT;

    rq.snapshotroot = (char *)c->path;
    return web_ask(c, "disallowSnapshot", &rq) ? 0 : failed(c);
}

int web_create_snapshot(struct web_call *c)
{
    Pb__CreateSnapshotRequestProto rq = PB__CREATE_SNAPSHOT_REQUEST_PROTO__INIT;
    const Pb__CreateSnapshotResponseProto *rs;

    rq.snapshotroot = (char *)c->path;
    if (!web_param_is_empty(&c->params, WEB_snapshotname))
        rq.snapshotname = web_text(c, WEB_snapshotname);
    if (!(rs = web_ask(c, "createSnapshot", &rq)))
        return failed(c);
    return web_answer(c, json_pack("{s:s}", "Path", rs->snapshotpath));
}

int web_rename_snapshot(struct web_call *c)
{
    Pb__RenameSnapshotRequestProto rq = PB__RENAME_SNAPSHOT_REQUEST_PROTO__INIT;
    int rc;

    if ((rc = web_need(c, WEB_oldsnapshotname)) < 0 || (rc = web_need(c, WEB_snapshotname)) < 0)
        return rc;
    rq.snapshotroot = (char *)c->path;
    rq.snapshotoldname = web_text(c, WEB_oldsnapshotname);
    rq.snapshotnewname = web_text(c, WEB_snapshotname);
    return web_ask(c, "renameSnapshot", &rq) ? 0 : failed(c);
}

int web_delete_snapshot(struct web_call *c)
{
    Pb__DeleteSnapshotRequestProto rq = PB__DELETE_SNAPSHOT_REQUEST_PROTO__INIT;
    int rc = web_need(c, WEB_snapshotname);

    if (rc < 0)
        return rc;
    rq.snapshotroot = (char *)c->path;
    rq.snapshotname = web_text(c, WEB_snapshotname);
    return web_ask(c, "deleteSnapshot", &rq) ? 0 : failed(c);
}

/* ---- lists ---- */

int web_get_snapshottable_directory_list(struct web_call *c)
{
    const Pb__GetSnapshottableDirListingRequestProto rq =
        PB__GET_SNAPSHOTTABLE_DIR_LISTING_REQUEST_PROTO__INIT;
    const Pb__GetSnapshottableDirListingResponseProto *rs =
        web_ask(c, "getSnapshottableDirListing", &rq);
    const Pb__SnapshottableDirectoryListingProto *l;
    json_t *list;

    if (!rs)
        return failed(c);
    l = rs->snapshottabledirlist;
    list = l ? json_array() : json_null();
    for (size_t i = 0; l && i < l->n_snapshottabledirlisting; i++) {
        const Pb__SnapshottableDirectoryStatusProto *d = l->snapshottabledirlisting[i];

        json_array_append_new(
            list, json_pack("{s:o, s:o, s:i, s:i}", "dirStatus", web_status_json(d->dirstatus),
                            "parentFullPath", text_of(&d->parent_fullpath), "snapshotNumber",
                            (int)d->snapshot_number, "snapshotQuota", (int)d->snapshot_quota));
    }
    return web_answer(c, json_pack("{s:o}", "SnapshottableDirectoryList", list));
}

static json_t *snapshot_json(struct web_call *c, const Pb__SnapshotStatusProto *s)
{
    const char *path =
        arena_printf(&c->arena, "%.*s/.snapshot/%.*s", (int)s->parent_fullpath.len,
                     (const char *)s->parent_fullpath.data, (int)s->dirstatus->path.len,
                     (const char *)s->dirstatus->path.data);

    return json_pack("{s:s, s:o, s:o, s:i}", "deletionStatus", s->isdeleted ? "DELETED" : "ACTIVE",
                     "dirStatus", web_status_json(s->dirstatus), "fullPath",
                     path ? web_json_text(path, strlen(path)) : NULL, "snapshotID",
                     (int)s->snapshotid);
}

int web_get_snapshot_list(struct web_call *c)
{
    Pb__GetSnapshotListingRequestProto rq = PB__GET_SNAPSHOT_LISTING_REQUEST_PROTO__INIT;
    const Pb__GetSnapshotListingResponseProto *rs;
    const Pb__SnapshotListingProto *l;
    json_t *list;

    rq.snapshotroot = (char *)c->path;
    if (!(rs = web_ask(c, "getSnapshotListing", &rq)))
        return failed(c);
    l = rs->snapshotlist;
    list = l ? json_array() : json_null();
    for (size_t i = 0; l && i < l->n_snapshotlisting; i++)
        json_array_append_new(list, snapshot_json(c, l->snapshotlisting[i]));
    return web_answer(c, json_pack("{s:o}", "SnapshotList", list));
}

/* ---- differences ---- */

static const char *change_name(const char *label)
{
    switch (*label) {
    case '+': return "CREATE";
    case '-': return "DELETE";
    case 'R': return "RENAME";
    default: return "MODIFY";
    }
}

static int no_diff(struct web_call *c)
{
    return web_answer(c, json_pack("{s:{s:[], s:n, s:s, s:n}}", "SnapshotDiffReport", "diffList",
                                   "fromSnapshot", "snapshotRoot", c->path, "toSnapshot"));
}

int web_get_snapshot_diff(struct web_call *c)
{
    Pb__GetSnapshotDiffReportRequestProto rq = PB__GET_SNAPSHOT_DIFF_REPORT_REQUEST_PROTO__INIT;
    const Pb__GetSnapshotDiffReportResponseProto *rs;
    const Pb__SnapshotDiffReportProto *d;
    json_t *list;

    rq.snapshotroot = (char *)c->path;
    rq.fromsnapshot = web_text(c, WEB_oldsnapshotname);
    rq.tosnapshot = web_text(c, WEB_snapshotname);
    if (!c->params.text[WEB_oldsnapshotname] && !c->params.text[WEB_snapshotname])
        return no_diff(c);
    if (!(rs = web_ask(c, "getSnapshotDiffReport", &rq)))
        return failed(c);
    d = rs->diffreport;
    list = json_array();
    for (size_t i = 0; i < d->n_diffreportentries; i++) {
        const Pb__SnapshotDiffReportEntryProto *e = d->diffreportentries[i];
        json_t *one = json_pack("{s:o, s:s}", "sourcePath", text_of(&e->fullpath), "type",
                                change_name(e->modificationlabel));

        if (one && e->has_targetpath && e->targetpath.len)
            json_object_set_new(one, "targetPath", text_of(&e->targetpath));
        json_array_append_new(list, one);
    }
    return web_answer(c, json_pack("{s:{s:o, s:s, s:s, s:s}}", "SnapshotDiffReport", "diffList",
                                   list, "fromSnapshot", d->fromsnapshot, "snapshotRoot",
                                   d->snapshotroot, "toSnapshot", d->tosnapshot));
}

static json_t *entries_json(Pb__SnapshotDiffReportListingEntryProto **entries, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        const Pb__SnapshotDiffReportListingEntryProto *e = entries[i];
        json_t *one = json_pack("{s:I, s:I, s:b, s:o}", "dirId", (json_int_t)e->dirid, "fileId",
                                (json_int_t)e->fileid, "isReference", (int)e->isreference,
                                "sourcePath", text_of(&e->fullpath));

        if (one && e->has_targetpath)
            json_object_set_new(one, "targetPath", text_of(&e->targetpath));
        json_array_append_new(list, one);
    }
    return list;
}

int web_get_snapshot_diff_listing(struct web_call *c)
{
    Pb__GetSnapshotDiffReportListingRequestProto rq =
        PB__GET_SNAPSHOT_DIFF_REPORT_LISTING_REQUEST_PROTO__INIT;
    Pb__SnapshotDiffReportCursorProto cursor = PB__SNAPSHOT_DIFF_REPORT_CURSOR_PROTO__INIT;
    const Pb__GetSnapshotDiffReportListingResponseProto *rs;
    const Pb__SnapshotDiffReportListingProto *d;
    const char *start = web_text(c, WEB_diffpath);

    rq.snapshotroot = (char *)c->path;
    rq.fromsnapshot = web_text(c, WEB_oldsnapshotname);
    rq.tosnapshot = web_text(c, WEB_snapshotname);
    cursor.startpath = (ProtobufCBinaryData){.data = (uint8_t *)start, .len = strlen(start)};
    cursor.index = (int32_t)web_number(c, WEB_diffindex);
    rq.cursor = &cursor;
    if (!(rs = web_ask(c, "getSnapshotDiffReportListing", &rq)))
        return failed(c);
    d = rs->diffreport;
    return web_answer(
        c,
        json_pack("{s:{s:o, s:o, s:b, s:i, s:o, s:o}}", "SnapshotDiffReportListing", "createList",
                  entries_json(d->createdentries, d->n_createdentries), "deleteList",
                  entries_json(d->deletedentries, d->n_deletedentries), "isFromEarlier",
                  (int)d->isfromearlier, "lastIndex", d->cursor ? d->cursor->index : -1, "lastPath",
                  d->cursor ? text_of(&d->cursor->startpath) : json_string(""), "modifyList",
                  entries_json(d->modifiedentries, d->n_modifiedentries)));
}
