/* op_xattr.c -- extended attributes.
 *
 * user.* belong to who may write the file (or owns it, in a sticky directory); trusted.* to the
 * superuser; raw.* exist only below /.reserved/raw; system.* and security.* are the namenode's.
 */
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"

enum {
    NS_USER = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__USER,
    NS_TRUSTED = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__TRUSTED,
    NS_SECURITY = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__SECURITY,
    NS_SYSTEM = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__SYSTEM,
    NS_RAW = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__RAW
};
enum {
    FLAG_CREATE = PB__XATTR_SET_FLAG_PROTO__XATTR_CREATE,
    FLAG_REPLACE = PB__XATTR_SET_FLAG_PROTO__XATTR_REPLACE
};

static const char UNREADABLE[] = "hdfs.unreadable.by.superuser";

static const char *space_name(int ns)
{
    static const char *const names[] = {"user", "trusted", "security", "system", "raw"};

    return names[ns >= 0 && ns <= NS_RAW ? ns : NS_USER];
}

static bool is_unreadable_mark(int ns, const char *name)
{
    return ns == NS_SECURITY && strcmp(name, UNREADABLE) == 0;
}

/* May the user name this attribute at all? */
static bool may_name(const struct op *op, int ns, const char *name, bool raw)
{
    return ns == NS_USER || (ns == NS_TRUSTED && op->user->is_super) || (ns == NS_RAW && raw) ||
           is_unreadable_mark(ns, name);
}

static int check_name(struct op *op, const char *src, const Pb__XAttrProto *x)
{
    if (may_name(op, (int)x->namespace_, x->name, op_is_raw(src)))
        return 0;
    return err_set(&op->err, ERR_ACCESS, "User doesn't have permission for xattr: %s.%s",
                   space_name((int)x->namespace_), x->name);
}

static int check_enabled(struct op *op)
{
    if (conf_bool(op->nn->conf, OPT_xattrs))
        return 0;
    return err_set(
        &op->err, ERR_IO,
        "The XAttr operation has been rejected.  Support for XAttrs has been disabled by "
        "setting dfs.namenode.xattrs.enabled to false.");
}

/* Who may change it: user.* the writer, or the owner of what is sticky; trusted.* is checked. */
static int check_change(struct op *op, const struct place *p, int ns)
{
    if (ns == NS_USER && p->id && p->info.kind == INODE_DIR && (p->info.mode & 01000))
        return access_owner(op, p);
    if (ns == NS_TRUSTED)
        return 0;
    return access_target(op, p, MAY_WRITE);
}

static int begin(struct op *op, const char *what, const char *src, const Pb__XAttrProto *x,
                 struct place *p)
{
    int rc;

    if ((rc = check_enabled(op)) < 0)
        return rc;
    if (!x || !*x->name)
        return err_set(&op->err, ERR_HADOOP_ARG, "XAttr name cannot be empty.");
    if ((rc = check_name(op, src, x)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot %s on %s", what, src)) < 0 ||
        (rc = op_resolve(op, src, FOR_WRITE, p)) < 0 ||
        (rc = check_change(op, p, (int)x->namespace_)) < 0)
        return rc;
    return p->id ? 0 : op_cannot_find(op, p->path);
}

static int stored(struct op *op, const struct place *p, struct edit_xattr **out)
{
    *out = NULL;
    return p->info.has_xattrs ? ns_xattrs(op->nn->ns, &p->info, out) : 0;
}

static const struct edit_xattr *find(const struct edit_xattr *list, int n, const Pb__XAttrProto *x)
{
    for (int i = 0; i < n; i++)
        if (list[i].ns == (unsigned)x->namespace_ && strcmp(list[i].name, x->name) == 0)
            return &list[i];
    return NULL;
}

/* ---- set and remove ---- */

static int check_flags(struct op *op, uint32_t flag, const Pb__XAttrProto *x, bool exists)
{
    if (exists && !(flag & FLAG_REPLACE))
        return err_set(&op->err, ERR_IO,
                       "XAttr: %s already exists. The REPLACE flag must be "
                       "specified.",
                       x->name);
    if (!exists && !(flag & FLAG_CREATE))
        return err_set(&op->err, ERR_IO,
                       "XAttr: %s does not exist. The CREATE flag must be "
                       "specified.",
                       x->name);
    return 0;
}

static int check_size(struct op *op, const Pb__XAttrProto *x, int count, bool exists)
{
    int64_t size = (int64_t)(strlen(x->name) + (x->has_value ? x->value.len : 0));
    int64_t size_max = conf_int(op->nn->conf, OPT_xattr_size_max);
    int64_t count_max = conf_int(op->nn->conf, OPT_xattrs_max);

    if (size > size_max)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "The XAttr is too big. The maximum combined size of the name and value is "
                       "%lld, but the total size is %lld",
                       (long long)size_max, (long long)size);
    if (!exists && count >= count_max)
        return err_set(&op->err, ERR_IO,
                       "Cannot add additional XAttr to inode, would exceed limit of %lld",
                       (long long)count_max);
    return 0;
}

int op_set_xattr(struct op *op, const Pb__SetXAttrRequestProto *rq, Pb__SetXAttrResponseProto *rs)
{
    const Pb__XAttrProto *x = rq->xattr;
    struct edit_xattr *list, one;
    struct place p;
    int rc, n;
    bool exists;

    (void)rs;
    if ((rc = begin(op, "set XAttr", rq->src, x, &p)) < 0)
        return rc;
    if (is_unreadable_mark((int)x->namespace_, x->name) && x->has_value && x->value.len)
        return err_set(&op->err, ERR_ACCESS,
                       "Attempt to set a value for 'security.hdfs.unreadable.by.superuser'. Values "
                       "are not allowed for this xattr.");
    if ((n = stored(op, &p, &list)) < 0)
        return op_nomem(op);
    exists = find(list, n, x) != NULL;
    if ((rc = check_flags(op, rq->has_flag ? rq->flag : 0, x, exists)) < 0 ||
        (rc = check_size(op, x, n, exists)) < 0)
        return rc;
    one = (struct edit_xattr){.ns = (uint8_t)x->namespace_,
                              .name = x->name,
                              .value = x->has_value ? x->value.data : NULL,
                              .value_n = x->has_value ? (uint32_t)x->value.len : 0};
    return op_commit(op,
                     &(struct edit_op){
                         .code = EDIT_SET_XATTR, .path = p.path, .xattrs = &one, .xattr_count = 1});
}

int op_remove_xattr(struct op *op, const Pb__RemoveXAttrRequestProto *rq,
                    Pb__RemoveXAttrResponseProto *rs)
{
    const Pb__XAttrProto *x = rq->xattr;
    struct edit_xattr *list, one;
    struct place p;
    int rc, n;

    (void)rs;
    if ((rc = begin(op, "remove XAttr entry", rq->src, x, &p)) < 0)
        return rc;
    if (is_unreadable_mark((int)x->namespace_, x->name))
        return err_set(&op->err, ERR_ACCESS,
                       "The xattr 'security.hdfs.unreadable.by.superuser' can not be deleted.");
    if ((n = stored(op, &p, &list)) < 0)
        return op_nomem(op);
    if (!find(list, n, x))
        return err_set(&op->err, ERR_IO, "No matching attributes found for remove operation");
    one = (struct edit_xattr){.ns = (uint8_t)x->namespace_, .name = x->name};
    return op_commit(
        op, &(struct edit_op){
                .code = EDIT_REMOVE_XATTR, .path = p.path, .xattrs = &one, .xattr_count = 1});
}

/* ---- get and list ---- */

static Pb__XAttrProto *message(struct op *op, const struct edit_xattr *x)
{
    Pb__XAttrProto *m = arena_alloc(op->arena, sizeof *m);

    if (!m)
        return NULL;
    pb__xattr_proto__init(m);
    m->namespace_ = (Pb__XAttrProto__XAttrNamespaceProto)x->ns;
    if (!(m->name = op_copy(op, x->name)))
        return NULL;
    if (x->value) {
        m->has_value = 1;
        m->value.len = x->value_n;
        if (!(m->value.data =
                  (uint8_t *)arena_strndup(op->arena, (const char *)x->value, x->value_n)))
            return NULL;
    }
    return m;
}

/* Puts those of @list into @out that the user may see by the name @src. */
static int visible(struct op *op, const char *src, const struct edit_xattr *list, int n,
                   Pb__XAttrProto **out, size_t *count)
{
    bool raw = op_is_raw(src);

    for (int i = 0; i < n; i++)
        if (may_name(op, list[i].ns, list[i].name, raw) &&
            !(out[(*count)++] = message(op, &list[i])))
            return op_nomem(op);
    return 0;
}

int op_get_xattrs(struct op *op, const Pb__GetXAttrsRequestProto *rq,
                  Pb__GetXAttrsResponseProto *rs)
{
    struct edit_xattr *list;
    struct place p;
    int rc, n;

    if ((rc = check_enabled(op)) < 0)
        return rc;
    for (size_t i = 0; i < rq->n_xattrs; i++)
        if ((rc = check_name(op, rq->src, rq->xattrs[i])) < 0)
            return rc;
    if ((rc = op_resolve(op, rq->src, FOR_READ, &p)) < 0 ||
        (rc = access_target(op, &p, MAY_READ)) < 0)
        return rc;
    if (!p.id)
        return op_cannot_find(op, p.path);
    if ((n = stored(op, &p, &list)) < 0 ||
        !(rs->xattrs = arena_alloc(op->arena, ((size_t)n + rq->n_xattrs + 1) * sizeof(void *))))
        return op_nomem(op);
    if (rq->n_xattrs == 0)
        return visible(op, rq->src, list, n, rs->xattrs, &rs->n_xattrs);
    for (size_t i = 0; i < rq->n_xattrs; i++) {
        const struct edit_xattr *x = find(list, n, rq->xattrs[i]);

        if (!x)
            return err_set_class(&op->err, ERR_IO,
                                 "org.apache.hadoop.hdfs.protocol.XAttrNotFoundException",
                                 "At least one of the attributes provided was not found.");
        if (!(rs->xattrs[rs->n_xattrs++] = message(op, x)))
            return op_nomem(op);
    }
    return 0;
}

int op_list_xattrs(struct op *op, const Pb__ListXAttrsRequestProto *rq,
                   Pb__ListXAttrsResponseProto *rs)
{
    struct edit_xattr *list;
    struct place p;
    int rc, n;

    /* only the way there is checked, as in Hadoop: names are not secret */
    if ((rc = check_enabled(op)) < 0 || (rc = op_resolve(op, rq->src, FOR_READ, &p)) < 0 ||
        (rc = access_check(op, &p, &(struct access){.parent = MAY_EXECUTE})) < 0)
        return rc;
    if (!p.id)
        return op_cannot_find(op, p.path);
    if ((n = stored(op, &p, &list)) < 0 ||
        !(rs->xattrs = arena_alloc(op->arena, ((size_t)n + 1) * sizeof(void *))))
        return op_nomem(op);
    return visible(op, rq->src, list, n, rs->xattrs, &rs->n_xattrs);
}
