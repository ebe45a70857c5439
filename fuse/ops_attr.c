#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "fuse/acl.h"
#include "fuse/changes.h"
#include "fuse/errnos.h"
#include "fuse/nodes.h"
#include "fuse/ops.h"
#include "fuse/stats.h"

static const char access_acl[] = "system.posix_acl_access";
static const char default_acl[] = "system.posix_acl_default";
static const char link_attribute[] = "user.ashlar.symlink";

static bool is_acl(const char *name)
{
    return strcmp(name, access_acl) == 0 || strcmp(name, default_acl) == 0;
}

/* What programs may name: HDFS has user, trusted, security and system, of which only the first two are
 * anybody's to set. */
static bool is_known(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strncmp(name, "trusted.", 8) == 0;
}

static void answer_bytes(fuse_req_t req, const void *bytes, size_t n, size_t size)
{
    if (size == 0)
        fuse_reply_xattr(req, n);
    else if (n > size)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, bytes, n);
}

static void get_acl(struct call *c, fuse_req_t req, bool is_default, size_t size)
{
    uint8_t text[ACL_TEXT_MAX];
    ssize_t n = acl_get(c->m, c->fs, c->path, is_default, text, &c->err);

    if (n < 0)
        call_end(c, req, (int)n);
    else if (n == 0)
        fuse_reply_err(req, ENODATA);
    else
        answer_bytes(req, text, (size_t)n, size);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    struct dfs_xattr *list = NULL;
    size_t count = 0;
    struct call c;
    int rc;

    /* the kernel asks for this one before every write */
    if (!is_acl(name) && !is_known(name)) {
        fuse_reply_err(req, strncmp(name, "security.", 9) == 0 ? ENODATA : EOPNOTSUPP);
        return;
    }
    if (!call_begin(&c, req, ino))
        return;
    if (is_acl(name)) {
        get_acl(&c, req, strcmp(name, default_acl) == 0, size);
        return;
    }
    /* all of them: to ask for one that is not there is an error with a sentence */
    rc = dfs_xattr_get(c.fs, c.path, NULL, &list, &count, &c.err);
    if (rc < 0) {
        call_end(&c, req, rc);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0) {
            answer_bytes(req, list[i].value, list[i].n, size);
            dfs_xattrs_free(list, count);
            return;
        }
    dfs_xattrs_free(list, count);
    fuse_reply_err(req, ENODATA);
}

/* The mode shows a part of it. */
static void change_acl(struct call *c, fuse_req_t req, fuse_ino_t ino, const char *name,
                       const uint8_t *value, size_t n)
{
    int rc = acl_set(c->m, c->fs, c->path, strcmp(name, default_acl) == 0, value, n, &c->err);

    changes_touch(c->m->changes, ino);
    call_end(c, req, rc);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t n,
                 int flags)
{
    unsigned how = flags & XATTR_CREATE    ? DFS_XATTR_CREATE
                   : flags & XATTR_REPLACE ? DFS_XATTR_REPLACE
                                           : DFS_XATTR_CREATE | DFS_XATTR_REPLACE;
    struct call c;

    if (!call_begin(&c, req, ino))
        return;
    if (node_is_past(ino))
        fuse_reply_err(req, EROFS);
    else if (is_acl(name))
        change_acl(&c, req, ino, name, (const uint8_t *)value, n);
    else if (!is_known(name))
        fuse_reply_err(req, EOPNOTSUPP);
    else
        call_end(&c, req, dfs_xattr_set_how(c.fs, c.path, name, value, n, how, &c.err));
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    struct call c;

    if (!call_begin(&c, req, ino))
        return;
    if (node_is_past(ino))
        fuse_reply_err(req, EROFS);
    else if (is_acl(name))
        change_acl(&c, req, ino, name, NULL, 0);
    else if (!is_known(name))
        fuse_reply_err(req, EOPNOTSUPP);
    else
        call_end(&c, req, dfs_xattr_remove(c.fs, c.path, name, &c.err));
}

/* Adds a name with its zero byte. */
static int add_name(char **text, size_t *n, const char *name)
{
    size_t more = strlen(name) + 1;
    char *longer = realloc(*text, *n + more);

    if (!longer)
        return -ERR_NOMEM;
    memcpy(longer + *n, name, more);
    *text = longer;
    *n += more;
    return 0;
}

static int add_acl_names(struct call *c, char **text, size_t *n)
{
    struct dfs_acl_entry *list;
    bool has[2] = {false, false};
    struct dfs_stat st;
    size_t count;
    int rc = dfs_stat(c->fs, c->path, &st, &c->err);

    if (rc < 0)
        return rc;
    rc = st.has_acl ? dfs_acl_get(c->fs, c->path, &list, &count, &c->err) : 0;
    if (rc == 0 && st.has_acl) {
        for (size_t i = 0; i < count; i++)
            has[list[i].is_default] = true;
        dfs_acl_free(list, count);
    }
    if (rc == 0 && has[0])
        rc = add_name(text, n, access_acl);
    if (rc == 0 && has[1])
        rc = add_name(text, n, default_acl);
    dfs_stat_done(&st);
    return rc;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    struct dfs_xattr *list = NULL;
    size_t count = 0, n = 0;
    char *text = NULL;
    struct call c;
    int rc;

    if (!call_begin(&c, req, ino))
        return;
    rc = dfs_xattr_get(c.fs, c.path, NULL, &list, &count, &c.err);
    for (size_t i = 0; i < count && rc == 0; i++)
        if (is_known(list[i].name) && strcmp(list[i].name, link_attribute) != 0)
            rc = add_name(&text, &n, list[i].name);
    dfs_xattrs_free(list, count);
    if (rc == 0)
        rc = add_acl_names(&c, &text, &n);
    if (rc < 0)
        call_end(&c, req, rc);
    else
        answer_bytes(req, text ? text : "", n, size);
    free(text);
}
