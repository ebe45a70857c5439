/* op_acl.c -- access control lists.
 *
 * An inode that has more than mode bits keeps, as in Hadoop, the entries that the mode can't say:
 * named users, the group's own entry, named groups, and a directory's default entries.  The
 * mode's group bits are then the mask.  What is recorded is the whole list, in Hadoop's order.
 */
#include <stdlib.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/calls/op_new.h"

enum { ACL_MAX = 32, SPEC_MAX = 1024 };
enum {
    ACCESS = PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__ACCESS,
    DEFAULT = PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__DEFAULT
};
enum {
    USER = PB__ACL_ENTRY_PROTO__ACL_ENTRY_TYPE_PROTO__USER,
    GROUP = PB__ACL_ENTRY_PROTO__ACL_ENTRY_TYPE_PROTO__GROUP,
    MASK = PB__ACL_ENTRY_PROTO__ACL_ENTRY_TYPE_PROTO__MASK,
    OTHER = PB__ACL_ENTRY_PROTO__ACL_ENTRY_TYPE_PROTO__OTHER
};

struct list {
    struct edit_acl_entry e[SPEC_MAX];
    int n;
};

/* ---- lists ---- */

/* Access before default; owner, users, group, groups, mask, other; unnamed before named. */
static int compare(const void *pa, const void *pb)
{
    const struct edit_acl_entry *a = pa, *b = pb;

    if (a->scope != b->scope)
        return a->scope < b->scope ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (!a->name || !b->name)
        return (a->name != NULL) - (b->name != NULL);
    return strcmp(a->name, b->name);
}

static void list_sort(struct list *l)
{
    qsort(l->e, (size_t)l->n, sizeof l->e[0], compare);
}

static struct edit_acl_entry *list_find(struct list *l, int scope, int type, const char *name)
{
    const struct edit_acl_entry key = {
        .scope = (uint8_t)scope, .type = (uint8_t)type, .name = name};

    for (int i = 0; i < l->n; i++)
        if (compare(&l->e[i], &key) == 0)
            return &l->e[i];
    return NULL;
}

static void list_put(struct list *l, int scope, int type, const char *name, int permissions)
{
    struct edit_acl_entry *e = list_find(l, scope, type, name);

    if (!e && l->n < SPEC_MAX)
        e = &l->e[l->n++];
    if (e)
        *e = (struct edit_acl_entry){.scope = (uint8_t)scope,
                                     .type = (uint8_t)type,
                                     .permissions = (uint8_t)(permissions & 7),
                                     .name = name};
}

static void list_remove(struct list *l, const struct edit_acl_entry *e)
{
    size_t at = (size_t)(e - l->e);

    memmove(&l->e[at], &l->e[at + 1], ((size_t)l->n - at - 1) * sizeof l->e[0]);
    l->n--;
}

static void list_remove_scope(struct list *l, int scope)
{
    for (int i = l->n; i-- > 0;)
        if (l->e[i].scope == scope)
            list_remove(l, &l->e[i]);
}

static bool has_scope(const struct list *l, int scope)
{
    for (int i = 0; i < l->n; i++)
        if (l->e[i].scope == scope)
            return true;
    return false;
}

/* More than owner, group and other? */
static bool is_extended(const struct list *l, int scope)
{
    for (int i = 0; i < l->n; i++)
        if (l->e[i].scope == scope && (l->e[i].name || l->e[i].type == MASK))
            return true;
    return false;
}

/* ---- the list of an inode ---- */

static int stored(struct op *op, const struct inode_info *i, struct list *out)
{
    struct edit_acl_entry *acl = NULL;

    out->n = i->has_acl ? ns_acl(op->nn->ns, i, &acl) : 0;
    if (out->n < 0 || out->n > SPEC_MAX)
        return op_nomem(op);
    for (int k = 0; k < out->n; k++) {
        out->e[k] = acl[k];
        /* the record outlives what is stored now */
        if (acl[k].name && !(out->e[k].name = op_copy(op, acl[k].name)))
            return op_nomem(op);
    }
    return 0;
}

/* All that holds for the inode, mode bits included. */
static int logical(struct op *op, const struct inode_info *i, struct list *out)
{
    int rc = stored(op, i, out);

    if (rc < 0)
        return rc;
    list_put(out, ACCESS, USER, NULL, i->mode >> 6);
    list_put(out, ACCESS, OTHER, NULL, i->mode);
    if (list_find(out, ACCESS, GROUP, NULL)) /* then the mode's group bits are the mask */
        list_put(out, ACCESS, MASK, NULL, i->mode >> 3);
    else
        list_put(out, ACCESS, GROUP, NULL, i->mode >> 3);
    list_sort(out);
    return 0;
}

int op_whole_acl(struct op *op, const struct inode_info *inode, struct edit_op *out)
{
    struct list *l = arena_alloc(op->arena, sizeof *l);
    int rc = l ? logical(op, inode, l) : op_nomem(op);

    if (rc == 0) {
        out->acl = l->e;
        out->acl_count = l->n;
    }
    return rc;
}

/* ---- what clients send ---- */

static int refuse(struct op *op, const struct place *p, const char *why)
{
    return err_set(&op->err, ERR_ACL, "Invalid ACL: %s Path: %s", why, p->path);
}

static int refuse_name(struct op *op, const struct place *p, const Pb__AclEntryProto *e)
{
    static const char *const actions[] = {"---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"};

    return err_set(&op->err, ERR_ACL,
                   "Invalid ACL: this entry type must not have a name: %s%s:%s:%s. Path: %s",
                   e->scope == (unsigned)DEFAULT ? "default:" : "",
                   e->type == (unsigned)MASK ? "mask" : "other", e->name, actions[e->permissions],
                   p->path);
}

static int read_spec(struct op *op, const struct place *p, Pb__AclEntryProto *const *spec, size_t n,
                     struct list *out)
{
    out->n = 0;
    if (n > SPEC_MAX)
        return refuse(op, p, "ACL has too many entries.");
    for (size_t i = 0; i < n; i++) {
        const char *name = spec[i]->name && *spec[i]->name ? spec[i]->name : NULL;

        /* the wire lets any number through */
        if (spec[i]->type > (unsigned)OTHER || spec[i]->scope > (unsigned)DEFAULT ||
            spec[i]->permissions > 7)
            return refuse(op, p, "an entry of unknown type, scope or permissions.");
        if (list_find(out, (int)spec[i]->scope, (int)spec[i]->type, name))
            return refuse(op, p, "multiple entries with same scope, type and name.");
        if (name && (spec[i]->type == (unsigned)MASK || spec[i]->type == (unsigned)OTHER))
            return refuse_name(op, p, spec[i]);
        if (spec[i]->scope == (unsigned)DEFAULT && p->info.kind != INODE_DIR)
            return err_set(
                &op->err, ERR_ACL,
                "Invalid ACL: only directories may have a default ACL. Path: %s Path: %s", p->path,
                p->path);
        list_put(out, (int)spec[i]->scope, (int)spec[i]->type, name, (int)spec[i]->permissions);
    }
    return 0;
}

/* ---- making a list whole ---- */

static int need(struct op *op, const struct place *p, struct list *l, int scope)
{
    if (list_find(l, scope, USER, NULL) && list_find(l, scope, GROUP, NULL) &&
        list_find(l, scope, OTHER, NULL))
        return 0;
    return err_set(&op->err, ERR_ACL,
                   "Invalid %sACL: the user, group and other entries are required. Path: %s",
                   scope == DEFAULT ? "default " : "", p->path);
}

/* A default ACL takes what it lacks from the access ACL. */
static void complete_defaults(struct list *l)
{
    static const int types[] = {USER, GROUP, OTHER};

    if (!has_scope(l, DEFAULT))
        return;
    for (int i = 0; i < 3; i++) {
        const struct edit_acl_entry *e = list_find(l, ACCESS, types[i], NULL);

        if (e && !list_find(l, DEFAULT, types[i], NULL))
            list_put(l, DEFAULT, types[i], NULL, e->permissions);
    }
}

/* What is known of each scope's mask while a list is changed. */
struct masks {
    bool known[2];   /* there is one: given by the client, or there before */
    bool given[2];   /* the client named the mask, to set it or to remove it */
    bool changed[2]; /* the client changed the scope */
    int permissions[2];
};

/* Takes the masks out of @l, for they are put back by compute_mask(). */
static void take_masks(struct list *l, struct masks *m)
{
    for (int scope = ACCESS; scope <= DEFAULT; scope++) {
        struct edit_acl_entry *e = list_find(l, scope, MASK, NULL);

        if (!e)
            continue;
        m->known[scope] = true;
        m->permissions[scope] = e->permissions;
        list_remove(l, e);
    }
}

/* A mask that the client gave, or one of a scope that it did not change, stays as it is; else it
 * becomes the union of what it masks, when it masks anybody or was there before. */
static int compute_mask(struct op *op, const struct place *p, struct list *l, int scope,
                        const struct masks *m)
{
    bool named = false;
    int all = 0;

    for (int i = 0; i < l->n; i++) {
        const struct edit_acl_entry *e = &l->e[i];

        if (e->scope == scope && (e->type == GROUP || e->name))
            all |= e->permissions;
        named |= e->scope == scope && e->name;
    }
    if (!m->known[scope] && named && m->given[scope])
        return refuse(op, p, "mask is required and cannot be deleted.");
    if (m->known[scope] && (!m->changed[scope] || m->given[scope]))
        list_put(l, scope, MASK, NULL, m->permissions[scope]);
    else if (has_scope(l, scope) && (named || m->known[scope]))
        list_put(l, scope, MASK, NULL, all);
    return 0;
}

static int finish(struct op *op, const struct place *p, struct list *l, const struct masks *m)
{
    int counts[2] = {0, 0}, rc;

    complete_defaults(l);
    if ((rc = compute_mask(op, p, l, ACCESS, m)) < 0 ||
        (rc = compute_mask(op, p, l, DEFAULT, m)) < 0)
        return rc;
    list_sort(l);
    if ((rc = need(op, p, l, ACCESS)) < 0 ||
        (has_scope(l, DEFAULT) && (rc = need(op, p, l, DEFAULT)) < 0))
        return rc;
    for (int i = 0; i < l->n; i++)
        counts[l->e[i].scope]++;
    for (int s = ACCESS; s <= DEFAULT; s++)
        if (counts[s] > ACL_MAX)
            return err_set(&op->err, ERR_ACL,
                           "Invalid ACL: ACL has %d %s entries, which exceeds maximum of %d. "
                           "Path: %s",
                           counts[s], s == ACCESS ? "access" : "default", ACL_MAX, p->path);
    return 0;
}

/* ---- the methods ---- */

static int begin(struct op *op, const char *what, const char *src, struct place *p)
{
    int rc;

    if (!conf_bool(op->nn->conf, OPT_acls))
        return err_set(
            &op->err, ERR_ACL,
            "The ACL operation has been rejected.  Support for ACLs has been disabled by "
            "setting dfs.namenode.acls.enabled to false.");
    if ((rc = op_check_safe_mode(op, "Cannot %s on %s", what, src)) < 0 ||
        (rc = op_resolve(op, src, FOR_WRITE, p)) < 0 || (rc = access_owner(op, p)) < 0)
        return rc;
    return p->id ? 0 : err_set(&op->err, ERR_NOENT, "Directory/File does not exist %s", p->path);
}

static int record(struct op *op, const struct place *p, struct list *l)
{
    struct edit_acl_entry *copy = arena_alloc(op->arena, ((size_t)l->n + 1) * sizeof *copy);

    if (!copy)
        return op_nomem(op);
    memcpy(copy, l->e, (size_t)l->n * sizeof *copy);
    return op_commit(
        op,
        &(struct edit_op){.code = EDIT_SET_ACL, .path = p->path, .acl = copy, .acl_count = l->n});
}

/* Puts what the client gave into @acl, a mask into @m. */
static void put_spec(struct list *acl, const struct list *spec, struct masks *m)
{
    for (int i = 0; i < spec->n; i++) {
        const struct edit_acl_entry *e = &spec->e[i];

        m->changed[e->scope] = true;
        if (e->type != MASK) {
            list_put(acl, e->scope, e->type, e->name, e->permissions);
            continue;
        }
        m->known[e->scope] = m->given[e->scope] = true;
        m->permissions[e->scope] = e->permissions;
    }
}

int op_modify_acl_entries(struct op *op, const Pb__ModifyAclEntriesRequestProto *rq,
                          Pb__ModifyAclEntriesResponseProto *rs)
{
    struct masks masks = {0};
    struct list spec, acl;
    struct place p;
    int rc;

    (void)rs;
    if ((rc = begin(op, "modify ACL entries", rq->src, &p)) < 0 ||
        (rc = read_spec(op, &p, rq->aclspec, rq->n_aclspec, &spec)) < 0 ||
        (rc = logical(op, &p.info, &acl)) < 0)
        return rc;
    take_masks(&acl, &masks);
    put_spec(&acl, &spec, &masks);
    if ((rc = finish(op, &p, &acl, &masks)) < 0)
        return rc;
    return record(op, &p, &acl);
}

int op_remove_acl_entries(struct op *op, const Pb__RemoveAclEntriesRequestProto *rq,
                          Pb__RemoveAclEntriesResponseProto *rs)
{
    struct masks masks = {0};
    struct list spec, acl;
    struct place p;
    int rc;

    (void)rs;
    if ((rc = begin(op, "remove ACL entries", rq->src, &p)) < 0 ||
        (rc = read_spec(op, &p, rq->aclspec, rq->n_aclspec, &spec)) < 0 ||
        (rc = logical(op, &p.info, &acl)) < 0)
        return rc;
    take_masks(&acl, &masks);
    for (int i = 0; i < spec.n; i++) {
        const struct edit_acl_entry *e = &spec.e[i];
        struct edit_acl_entry *found = list_find(&acl, e->scope, e->type, e->name);

        if (e->type == MASK && masks.known[e->scope]) {
            masks.known[e->scope] = false;
            masks.given[e->scope] = masks.changed[e->scope] = true;
        } else if (found) {
            list_remove(&acl, found);
            masks.changed[e->scope] = true;
        }
    }
    if ((rc = finish(op, &p, &acl, &masks)) < 0)
        return rc;
    return record(op, &p, &acl);
}

int op_remove_default_acl(struct op *op, const Pb__RemoveDefaultAclRequestProto *rq,
                          Pb__RemoveDefaultAclResponseProto *rs)
{
    struct list acl;
    struct place p;
    int rc;

    (void)rs;
    if ((rc = begin(op, "remove default ACL entries", rq->src, &p)) < 0 ||
        (rc = logical(op, &p.info, &acl)) < 0)
        return rc;
    list_remove_scope(&acl, DEFAULT);
    return record(op, &p, &acl);
}

/* A record without entries: it restores the group's own bits. */
int op_remove_acl(struct op *op, const Pb__RemoveAclRequestProto *rq,
                  Pb__RemoveAclResponseProto *rs)
{
    struct list none = {.n = 0};
    struct place p;
    int rc = begin(op, "remove ACL", rq->src, &p);

    (void)rs;
    return rc < 0 ? rc : record(op, &p, &none);
}

int op_set_acl(struct op *op, const Pb__SetAclRequestProto *rq, Pb__SetAclResponseProto *rs)
{
    struct masks masks = {0};
    struct list spec, acl;
    struct place p;
    int rc;

    (void)rs;
    if ((rc = begin(op, "set ACL", rq->src, &p)) < 0 ||
        (rc = read_spec(op, &p, rq->aclspec, rq->n_aclspec, &spec)) < 0 ||
        (rc = logical(op, &p.info, &acl)) < 0)
        return rc;
    /* the scopes that are given are replaced, the others stay */
    for (int s = ACCESS; s <= DEFAULT; s++)
        if (has_scope(&spec, s))
            list_remove_scope(&acl, s);
    take_masks(&acl, &masks);
    put_spec(&acl, &spec, &masks);
    if ((rc = finish(op, &p, &acl, &masks)) < 0)
        return rc;
    return record(op, &p, &acl);
}

int op_get_acl_status(struct op *op, const Pb__GetAclStatusRequestProto *rq,
                      Pb__GetAclStatusResponseProto *rs)
{
    Pb__AclStatusProto *out = arena_alloc(op->arena, sizeof *out);
    Pb__AclEntryProto **entries;
    struct list acl;
    struct place p;
    int rc;

    if (!conf_bool(op->nn->conf, OPT_acls))
        return begin(op, "", rq->src, &p);
    if ((rc = op_resolve(op, rq->src, FOR_READ, &p)) < 0)
        return rc;
    if (!p.id)
        return op_cannot_find(op, p.path);
    if ((rc = stored(op, &p.info, &acl)) < 0)
        return rc;
    entries = arena_alloc(op->arena, ((size_t)acl.n + 1) * sizeof(void *));
    if (!out || !entries)
        return op_nomem(op);
    pb__acl_status_proto__init(out);
    out->entries = entries;
    list_sort(&acl);
    for (int i = 0; i < acl.n; i++) {
        Pb__AclEntryProto *e = arena_alloc(op->arena, sizeof *e);

        if (!e)
            return op_nomem(op);
        pb__acl_entry_proto__init(e);
        e->type = (Pb__AclEntryProto__AclEntryTypeProto)acl.e[i].type;
        e->scope = (Pb__AclEntryProto__AclEntryScopeProto)acl.e[i].scope;
        e->permissions = (Pb__AclEntryProto__FsActionProto)acl.e[i].permissions;
        e->name = acl.e[i].name ? op_copy(op, acl.e[i].name) : NULL;
        out->entries[out->n_entries++] = e;
    }
    out->owner = op_copy(op, p.info.user);
    out->group = op_copy(op, p.info.group);
    out->sticky = (p.info.mode & 01000) != 0;
    out->permission = arena_alloc(op->arena, sizeof *out->permission);
    if (!out->owner || !out->group || !out->permission)
        return op_nomem(op);
    pb__fs_permission_proto__init(out->permission);
    out->permission->perm = p.info.mode;
    rs->result = out;
    return 0;
}

/* ---- what a new inode inherits ---- */

int op_new_acl(struct op *op, const struct inode_info *parent, const struct new_mode *mode,
               bool is_dir, struct edit_op *e)
{
    bool inherit = conf_bool(op->nn->conf, OPT_posix_acl_inherit) && mode->has_unmasked;
    struct edit_acl_entry *copy;
    struct list from, to = {.n = 0};
    int rc, wanted;
    bool minimal;

    e->mode = (uint16_t)mode->masked;
    if (!parent->has_acl)
        return 0;
    if ((rc = stored(op, parent, &from)) < 0 || !has_scope(&from, DEFAULT))
        return rc;
    wanted = (int)(inherit ? mode->unmasked : mode->masked);
    minimal = !is_extended(&from, DEFAULT);
    for (int i = 0; i < from.n; i++) {
        const struct edit_acl_entry *d = &from.e[i];
        int perm = d->permissions;

        if (d->scope != DEFAULT)
            continue;
        if (d->type == USER && !d->name)
            perm &= wanted >> 6;
        else if (d->type == MASK || (d->type == GROUP && !d->name && minimal))
            perm &= wanted >> 3;
        else if (d->type == OTHER)
            perm &= wanted;
        list_put(&to, ACCESS, d->type, d->name, perm);
        if (is_dir)
            list_put(&to, DEFAULT, d->type, d->name, d->permissions);
    }
    list_sort(&to);
    if (!(copy = arena_alloc(op->arena, ((size_t)to.n + 1) * sizeof *copy)))
        return op_nomem(op);
    memcpy(copy, to.e, (size_t)to.n * sizeof *copy);
    rc = wanted & 01000;
    for (int i = 0; i < to.n; i++)
        if (copy[i].scope == ACCESS && !copy[i].name)
            switch ((int)copy[i].type) {
            case USER: rc |= copy[i].permissions << 6; break;
            case GROUP: rc |= minimal ? copy[i].permissions << 3 : 0; break;
            case MASK: rc |= copy[i].permissions << 3; break;
            default: rc |= copy[i].permissions;
            }
    e->mode = (uint16_t)rc;
    if (is_dir || !minimal) {
        e->acl = copy;
        e->acl_count = to.n;
    }
    return 0;
}
