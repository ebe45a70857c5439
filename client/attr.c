/* attr.c -- access control lists and extended attributes, asked of the namenode. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acl.pb-c.h"
#include "client/fs.h"
#include "xattr.pb-c.h"

/* ---- access control lists ---- */

void dfs_acl_free(struct dfs_acl_entry *entries, size_t count)
{
    for (size_t i = 0; entries && i < count; i++)
        free(entries[i].name);
    free(entries);
}

int dfs_acl_get(struct dfs *fs, const char *path, struct dfs_acl_entry **out, size_t *count,
                struct err *err)
{
    Pb__GetAclStatusRequestProto req = PB__GET_ACL_STATUS_REQUEST_PROTO__INIT;
    Pb__GetAclStatusResponseProto *answer;
    struct dfs_acl_entry *list = NULL;
    struct path_question q;
    size_t n = 0;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        req.src = q.path;
        rc = FS_ASK(fs, "getAclStatus", &req, get_acl_status, &q.arena, &answer, err);
    }
    if (rc == 0) {
        n = answer->result->n_entries;
        list = calloc(n + 1, sizeof *list);
        rc = list ? 0 : err_set(err, ERR_NOMEM, "access control list of %s", path);
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        const Pb__AclEntryProto *e = answer->result->entries[i];

        list[i] = (struct dfs_acl_entry){
            .type = (enum dfs_acl_type)e->type,
            .is_default = e->scope == PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__DEFAULT,
            .perm = (uint8_t)(e->permissions & 7),
            .name = e->name && *e->name ? strdup(e->name) : NULL,
        };
    }
    if (rc == 0) {
        *out = list;
        *count = n;
    }
    return question_end(&q, rc);
}

static Pb__AclEntryProto **entries_from(struct arena *arena, const struct dfs_acl_entry *entries,
                                        size_t count)
{
    Pb__AclEntryProto **list = arena_alloc(arena, (count + 1) * sizeof *list);
    Pb__AclEntryProto *all = arena_alloc(arena, (count + 1) * sizeof *all);

    if (!list || !all)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        pb__acl_entry_proto__init(&all[i]);
        all[i].type = (Pb__AclEntryProto__AclEntryTypeProto)entries[i].type;
        all[i].scope = entries[i].is_default ? PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__DEFAULT
                                             : PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__ACCESS;
        all[i].permissions = (Pb__AclEntryProto__FsActionProto)entries[i].perm;
        all[i].name = entries[i].name;
        list[i] = &all[i];
    }
    return list;
}

int dfs_acl_change(struct dfs *fs, const char *path, enum dfs_acl_change change,
                   const struct dfs_acl_entry *entries, size_t count, struct err *err)
{
    /* the requests of the five methods: a path, and for the first three entries behind it */
    static const struct {
        const char *method;
        const ProtobufCMessageDescriptor *request, *answer;
    } methods[] = {
        [DFS_ACL_SET] = {"setAcl", &pb__set_acl_request_proto__descriptor,
                         &pb__set_acl_response_proto__descriptor},
        [DFS_ACL_ADD] = {"modifyAclEntries", &pb__modify_acl_entries_request_proto__descriptor,
                         &pb__modify_acl_entries_response_proto__descriptor},
        [DFS_ACL_TAKE] = {"removeAclEntries", &pb__remove_acl_entries_request_proto__descriptor,
                          &pb__remove_acl_entries_response_proto__descriptor},
        [DFS_ACL_NO_DEFAULT] = {"removeDefaultAcl",
                                &pb__remove_default_acl_request_proto__descriptor,
                                &pb__remove_default_acl_response_proto__descriptor},
        [DFS_ACL_NONE] = {"removeAcl", &pb__remove_acl_request_proto__descriptor,
                          &pb__remove_acl_response_proto__descriptor},
    };
    Pb__SetAclRequestProto with = PB__SET_ACL_REQUEST_PROTO__INIT;
    Pb__RemoveAclRequestProto without = PB__REMOVE_ACL_REQUEST_PROTO__INIT;
    bool has_entries = change <= DFS_ACL_TAKE;
    ProtobufCMessage *req = has_entries ? &with.base : &without.base, *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0) {
        with.src = without.src = q.path;
        with.aclspec = entries_from(&q.arena, entries, count);
        with.n_aclspec = count;
        req->descriptor = methods[change].request;
        rc = with.aclspec ? fs_ask(fs, methods[change].method, req, methods[change].answer,
                                   &q.arena, &answer, err)
                          : err_set(err, ERR_NOMEM, "access control list of %s", path);
    }
    return question_end(&q, rc);
}

/* ---- extended attributes ---- */

static const char *const spaces[] = {"user.", "trusted.", "security.", "system.", "raw."};
enum { SPACES = sizeof spaces / sizeof *spaces };

/* The name on the wire is without its namespace. */
static int name_from(const char *name, Pb__XAttrProto *out, struct err *err)
{
    pb__xattr_proto__init(out);
    for (int i = 0; i < SPACES; i++) {
        size_t n = strlen(spaces[i]);

        if (strncasecmp(name, spaces[i], n) != 0)
            continue;
        if (!name[n])
            return err_set(err, ERR_ARGUMENT, "XAttr name cannot be empty.");
        out->namespace_ = (Pb__XAttrProto__XAttrNamespaceProto)i;
        out->name = (char *)(uintptr_t)(name + n);
        return 0;
    }
    return err_set(err, ERR_ARGUMENT,
                   "An XAttr name must be prefixed with user/trusted/security/system/raw, followed "
                   "by a '.'");
}

int dfs_xattr_set(struct dfs *fs, const char *path, const char *name, const void *value, size_t n,
                  struct err *err)
{
    return dfs_xattr_set_how(fs, path, name, value, n, DFS_XATTR_CREATE | DFS_XATTR_REPLACE, err);
}

/* enum dfs_xattr_set has the protocol's numbers. */
int dfs_xattr_set_how(struct dfs *fs, const char *path, const char *name, const void *value,
                      size_t n, unsigned how, struct err *err)
{
    Pb__SetXAttrRequestProto req = PB__SET_XATTR_REQUEST_PROTO__INIT;
    Pb__SetXAttrResponseProto *answer;
    Pb__XAttrProto attr;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0)
        rc = name_from(name, &attr, err);
    if (rc == 0) {
        attr.has_value = n > 0;
        attr.value = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)value, .len = n};
        req.src = q.path;
        req.xattr = &attr;
        req.has_flag = true;
        req.flag = how;
        rc = FS_ASK(fs, "setXAttr", &req, set_xattr, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_xattr_remove(struct dfs *fs, const char *path, const char *name, struct err *err)
{
    Pb__RemoveXAttrRequestProto req = PB__REMOVE_XATTR_REQUEST_PROTO__INIT;
    Pb__RemoveXAttrResponseProto *answer;
    Pb__XAttrProto attr;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0)
        rc = name_from(name, &attr, err);
    if (rc == 0) {
        req.src = q.path;
        req.xattr = &attr;
        rc = FS_ASK(fs, "removeXAttr", &req, remove_xattr, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

void dfs_xattrs_free(struct dfs_xattr *list, size_t count)
{
    for (size_t i = 0; list && i < count; i++) {
        free(list[i].name);
        free(list[i].value);
    }
    free(list);
}

static int attr_from(const Pb__XAttrProto *from, struct dfs_xattr *out, struct err *err)
{
    const char *space = (unsigned)from->namespace_ < SPACES ? spaces[from->namespace_] : "";
    size_t n = strlen(space) + strlen(from->name) + 1;

    out->name = malloc(n);
    out->value = malloc(from->value.len + 1);
    if (!out->name || !out->value)
        return err_set(err, ERR_NOMEM, "extended attribute %s", from->name);
    snprintf(out->name, n, "%s%s", space, from->name);
    memcpy(out->value, from->value.data ? from->value.data : (const uint8_t *)"", from->value.len);
    out->value[from->value.len] = 0;
    out->n = from->value.len;
    return 0;
}

int dfs_xattr_get(struct dfs *fs, const char *path, const char *name, struct dfs_xattr **out,
                  size_t *count, struct err *err)
{
    Pb__GetXAttrsRequestProto req = PB__GET_XATTRS_REQUEST_PROTO__INIT;
    Pb__GetXAttrsResponseProto *answer;
    Pb__XAttrProto attr, *attrs = &attr;
    struct dfs_xattr *list = NULL;
    struct path_question q;
    size_t n = 0;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0 && name)
        rc = name_from(name, &attr, err);
    if (rc == 0) {
        req.src = q.path;
        req.n_xattrs = name != NULL;
        req.xattrs = &attrs;
        rc = FS_ASK(fs, "getXAttrs", &req, get_xattrs, &q.arena, &answer, err);
    }
    if (rc == 0) {
        list = calloc(answer->n_xattrs + 1, sizeof *list);
        rc = list ? 0 : err_set(err, ERR_NOMEM, "extended attributes of %s", path);
    }
    while (rc == 0 && n < answer->n_xattrs) {
        rc = attr_from(answer->xattrs[n], &list[n], err);
        n++;
    }
    if (rc < 0)
        dfs_xattrs_free(list, n);
    else {
        *out = list;
        *count = n;
    }
    return question_end(&q, rc);
}
