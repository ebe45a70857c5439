#include "namenode/namespace/access.h"

#include <stdio.h>

static bool is_exempt(const struct op *op)
{
    return op->user->is_super || !conf_bool(op->nn->conf, OPT_permissions);
}

/* ---- one inode ---- */

/* Named users and groups; the mode's group bits are the mask. */
static bool acl_allows(struct op *op, const struct inode_info *i, int want)
{
    struct edit_acl_entry *acl = NULL;
    int n = ns_acl(op->nn->ns, i, &acl);
    int mask = i->mode >> 3 & 7;
    bool matched = false;

    for (int k = 0; k < n; k++) {
        const char *name = acl[k].name;

        if (acl[k].scope != PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__ACCESS)
            continue;
        if (acl[k].type == PB__ACL_ENTRY_PROTO__ACL_ENTRY_TYPE_PROTO__USER && name &&
            strcmp(name, op->user->name) == 0)
            return (acl[k].permissions & mask & want) == want;
        if (acl[k].type != PB__ACL_ENTRY_PROTO__ACL_ENTRY_TYPE_PROTO__GROUP ||
            !user_in_group(op->user, name ? name : i->group))
            continue;
        matched = true;
        if ((acl[k].permissions & mask & want) == want)
            return true;
    }
    return !matched && (i->mode & want) == want;
}

static bool allows(struct op *op, const struct inode_info *i, int want)
{
    if (strcmp(op->user->name, i->user) == 0)
        return (i->mode >> 6 & want) == want;
    if (i->has_acl)
        return acl_allows(op, i, want);
    if (user_in_group(op->user, i->group))
        return (i->mode >> 3 & want) == want;
    return (i->mode & want) == want;
}

static const char *mode_text(unsigned mode, char out[10])
{
    static const char bits[] = "rwxrwxrwx";

    for (int i = 0; i < 9; i++)
        out[i] = mode & (0400u >> i) ? bits[i] : '-';
    if (mode & 01000)
        out[8] = mode & 1 ? 't' : 'T';
    out[9] = 0;
    return out;
}

static const char *want_text(int want)
{
    static const char *const names[] = {"NONE", "EXECUTE",      "WRITE",      "WRITE_EXECUTE",
                                        "READ", "READ_EXECUTE", "READ_WRITE", "ALL"};
    return names[want & 7];
}

int access_inode(struct op *op, const struct inode_info *i, int want, const char *path)
{
    char mode[10];

    if (is_exempt(op) || allows(op, i, want))
        return 0;
    return err_set(&op->err, ERR_ACCESS,
                   "Permission denied: user=%s, access=%s, inode=\"%s\":%s:%s:%c%s", op->user->name,
                   want_text(want), path, i->user, i->group, i->kind == INODE_DIR ? 'd' : '-',
                   mode_text(i->mode, mode));
}

static int check_at(struct op *op, const struct place *p, int index, int want)
{
    struct inode_info i;

    if (index >= p->at.found || !ns_path_info(op->nn->ns, &p->at, index, &i))
        return 0;
    if (allows(op, &i, want))
        return 0;
    return access_inode(op, &i, want, place_prefix(op, p, index + 1));
}

/* ---- the way there ---- */

static int not_a_directory(struct op *op, const struct place *p)
{
    return err_set(&op->err, ERR_PARENT_NOTDIR, "%s (is not a directory)",
                   place_prefix(op, p, p->at.found));
}

static int symlink_met(struct op *op, const struct place *p, const struct inode_info *link)
{
    return err_set(&op->err, ERR_SYMLINK, "Unresolved path: %s leads to %s",
                   place_prefix(op, p, p->at.found), link->target ? link->target : "?");
}

int access_traverse(struct op *op, const struct place *p, bool follow_link)
{
    struct inode_info last;

    /* the last component is not passed through, unless more was asked of it */
    int dirs = p->at.found == p->at.count ? p->at.found - 1 : p->at.found;

    if (!is_exempt(op)) {
        for (int i = 0; i < dirs; i++) {
            int rc;

            if (p->at.through_file && i == p->at.found - 1)
                break;
            if ((rc = check_at(op, p, i, MAY_EXECUTE)) < 0)
                return rc;
        }
    }
    if (p->at.through_file || (follow_link && p->id && p->info.kind == INODE_SYMLINK)) {
        if (!ns_path_info(op->nn->ns, &p->at, p->at.found - 1, &last))
            return 0;
        return last.kind == INODE_SYMLINK ? symlink_met(op, p, &last) : not_a_directory(op, p);
    }
    return 0;
}

/* ---- sticky directories ---- */

static int check_sticky(struct op *op, const struct inode_info *dir, const struct inode_info *child,
                        const char *dir_path, const char *child_path)
{
    char a[10], b[10];

    if (!(dir->mode & 01000) || strcmp(op->user->name, dir->user) == 0 ||
        strcmp(op->user->name, child->user) == 0)
        return 0;
    return err_set(&op->err, ERR_ACCESS,
                   "Permission denied by sticky bit: user=%s, path=\"%s\":%s:%s:%s%s, "
                   "parent=\"%s\":%s:%s:%s%s",
                   op->user->name, child_path, child->user, child->group,
                   child->kind == INODE_DIR ? "d" : "-", mode_text(child->mode, a), dir_path,
                   dir->user, dir->group, dir->kind == INODE_DIR ? "d" : "-",
                   mode_text(dir->mode, b));
}

static int check_sticky_at(struct op *op, const struct place *p)
{
    struct inode_info dir;

    if (!p->id || p->at.count < 2 || !ns_info(op->nn->ns, place_parent(p), &dir))
        return 0;
    return check_sticky(op, &dir, &p->info, place_prefix(op, p, p->at.count - 1), p->path);
}

/* ---- a whole tree ---- */

static int check_subtree(struct op *op, uint64_t id, int snapshot, int want, bool ignore_empty)
{
    struct namespace *ns = op->nn->ns;
    struct inode_info dir, child;
    struct ns_entry list[64], last = {0};
    int rc = 0, n;

    if (!ns_info_at(ns, id, snapshot, &dir) || dir.kind != INODE_DIR)
        return 0;
    if (!(ignore_empty && dir.child_count == 0) && !allows(op, &dir, want))
        return access_inode(op, &dir, want, ns_path_of(ns, id, op->arena));
    while (rc == 0 && (n = ns_list_at(ns, id, snapshot, last.name, last.name_n, list, 64)) > 0) {
        for (int i = 0; i < n && rc == 0; i++) {
            MUST(ns_info_at(ns, list[i].id, snapshot, &child));
            if (dir.mode & 01000)
                rc = check_sticky(op, &dir, &child, ns_path_of(ns, id, op->arena),
                                  ns_path_of(ns, list[i].id, op->arena));
            if (rc == 0 && child.kind == INODE_DIR)
                rc = check_subtree(op, list[i].id, snapshot, want, ignore_empty);
        }
        last = list[n - 1];
    }
    return rc;
}

/* ---- all together, in Hadoop's order ---- */

int access_check(struct op *op, const struct place *p, const struct access *want)
{
    int rc = 0;

    if (is_exempt(op))
        return 0;
    if (want->parent & MAY_WRITE)
        rc = check_sticky_at(op, p);
    if (rc == 0 && want->ancestor && p->at.count > 1)
        rc = check_at(op, p, (p->at.found < p->at.count ? p->at.found : p->at.count - 1) - 1,
                      want->ancestor);
    if (rc == 0 && want->parent && p->at.count > 1)
        rc = check_at(op, p, p->at.count - 2, want->parent);
    if (rc == 0 && want->target && p->id)
        rc = check_at(op, p, p->at.count - 1, want->target);
    if (rc == 0 && want->subtree && p->id)
        rc = check_subtree(op, p->id, p->info.snapshot, want->subtree, want->ignore_empty);
    if (rc == 0 && want->owner && p->id && strcmp(op->user->name, p->info.user) != 0)
        rc =
            err_set(&op->err, ERR_ACCESS, "Permission denied. user=%s is not the owner of inode=%s",
                    op->user->name, p->path);
    return rc;
}
