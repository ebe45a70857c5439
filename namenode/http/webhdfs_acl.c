/* webhdfs_acl.c -- access control lists over WebHDFS: as text, [default:]user:bob:rw-,... */
#include <stdio.h>

#include "namenode/http/webhdfs.h"

enum { ENTRIES_MAX = 1024, SPEC_PARTS = 4 };

static const char *const types[] = {"user", "group", "mask", "other"};

/* ---- text to entries ---- */

static int bad_spec(struct web_call *c, const char *text)
{
    return err_set(&c->err, ERR_HADOOP_ARG, "Invalid <aclSpec> : %s", text);
}

/* What the pattern dfs.webhdfs.acl.provider.permission.pattern has let through. */
static int parse_entry(struct web_call *c, char *text, bool with_permission, Pb__AclEntryProto *out)
{
    const char *whole = arena_strndup(&c->arena, text, strlen(text));
    char *type, *name, *bits;
    size_t t = 0;

    if (!whole)
        return web_nomem(c);
    pb__acl_entry_proto__init(out);
    type = strsep(&text, ":");
    if (strcmp(type, "default") == 0 && text) {
        out->scope = PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__DEFAULT;
        type = strsep(&text, ":");
    }
    name = text ? strsep(&text, ":") : NULL;
    bits = text ? strsep(&text, ":") : NULL;
    while (t < sizeof types / sizeof *types && strcmp(type, types[t]) != 0)
        t++;
    if (t == sizeof types / sizeof *types || text ||
        with_permission != (bits && strlen(bits) == 3) || (!with_permission && bits && *bits))
        return bad_spec(c, whole);
    out->type = (Pb__AclEntryProto__AclEntryTypeProto)t;
    out->name = name && *name ? name : NULL;
    if (with_permission)
        out->permissions =
            (Pb__AclEntryProto__FsActionProto)(4 * (bits[0] == 'r') + 2 * (bits[1] == 'w') +
                                               (bits[2] == 'x'));
    return 0;
}

static int parse_spec(struct web_call *c, bool with_permission, Pb__AclEntryProto ***out,
                      size_t *count)
{
    char *text = web_text(c, WEB_aclspec), *one;
    int rc = web_need(c, WEB_aclspec);

    *count = 0;
    *out = arena_alloc(&c->arena, ENTRIES_MAX * sizeof **out);
    if (rc == 0 && !*out)
        rc = web_nomem(c);
    while (rc == 0 && (one = strsep(&text, ","))) {
        Pb__AclEntryProto *e = arena_alloc(&c->arena, sizeof *e);

        if (!e)
            return web_nomem(c);
        if (*count == ENTRIES_MAX)
            return bad_spec(c, one);
        rc = parse_entry(c, one, with_permission, e);
        (*out)[(*count)++] = e;
    }
    return rc;
}

/* ---- entries to text ---- */

static json_t *entry_json(const Pb__AclEntryProto *e)
{
    char text[600];

    snprintf(text, sizeof text, "%s%s:%s:%c%c%c",
             e->scope == PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__DEFAULT ? "default:" : "",
             types[(unsigned)e->type < 4 ? (unsigned)e->type : 3], e->name ? e->name : "",
             e->permissions & 4 ? 'r' : '-', e->permissions & 2 ? 'w' : '-',
             e->permissions & 1 ? 'x' : '-');
    return json_string(text);
}

int web_get_acl_status(struct web_call *c)
{
    Pb__GetAclStatusRequestProto rq = PB__GET_ACL_STATUS_REQUEST_PROTO__INIT;
    const Pb__GetAclStatusResponseProto *rs;
    const Pb__AclStatusProto *acl;
    json_t *entries;
    char mode[16];

    rq.src = (char *)c->path;
    if (!(rs = web_ask(c, "getAclStatus", &rq)))
        return -(int)c->err.code;
    acl = rs->result;
    entries = json_array();
    for (size_t i = 0; i < acl->n_entries; i++)
        json_array_append_new(entries, entry_json(acl->entries[i]));
    snprintf(mode, sizeof mode, "%o", acl->permission ? acl->permission->perm & 01777 : 0);
    return web_answer(c, json_pack("{s:{s:o, s:s, s:s, s:s, s:b}}", "AclStatus", "entries", entries,
                                   "group", acl->group, "owner", acl->owner, "permission", mode,
                                   "stickyBit", (int)acl->sticky));
}

/* ---- changes ---- */

int web_modify_acl_entries(struct web_call *c)
{
    Pb__ModifyAclEntriesRequestProto rq = PB__MODIFY_ACL_ENTRIES_REQUEST_PROTO__INIT;
    int rc = parse_spec(c, true, &rq.aclspec, &rq.n_aclspec);

    rq.src = (char *)c->path;
    return rc < 0 ? rc : web_ask(c, "modifyAclEntries", &rq) ? 0 : -(int)c->err.code;
}

int web_remove_acl_entries(struct web_call *c)
{
    Pb__RemoveAclEntriesRequestProto rq = PB__REMOVE_ACL_ENTRIES_REQUEST_PROTO__INIT;
    int rc = parse_spec(c, false, &rq.aclspec, &rq.n_aclspec);

    rq.src = (char *)c->path;
    return rc < 0 ? rc : web_ask(c, "removeAclEntries", &rq) ? 0 : -(int)c->err.code;
}

int web_set_acl(struct web_call *c)
{
    Pb__SetAclRequestProto rq = PB__SET_ACL_REQUEST_PROTO__INIT;
    int rc = parse_spec(c, true, &rq.aclspec, &rq.n_aclspec);

    rq.src = (char *)c->path;
    return rc < 0 ? rc : web_ask(c, "setAcl", &rq) ? 0 : -(int)c->err.code;
}

int web_remove_default_acl(struct web_call *c)
{
    Pb__RemoveDefaultAclRequestProto rq = PB__REMOVE_DEFAULT_ACL_REQUEST_PROTO__INIT;

    rq.src = (char *)c->path;
    return web_ask(c, "removeDefaultAcl", &rq) ? 0 : -(int)c->err.code;
}

int web_remove_acl(struct web_call *c)
{
    Pb__RemoveAclRequestProto rq = PB__REMOVE_ACL_REQUEST_PROTO__INIT;

    rq.src = (char *)c->path;
    return web_ask(c, "removeAcl", &rq) ? 0 : -(int)c->err.code;
}
