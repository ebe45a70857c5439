#include "fuse/links.h"

#include <stdlib.h>
#include <string.h>

#include "fuse/stats.h"

static const char attribute[] = "user.ashlar.symlink";
enum { LINK_MODE = 01777 };

int link_make(struct dfs *fs, const char *path, const char *target, struct err *err)
{
    const struct dfs_create how = {.mode = LINK_MODE, .exact_mode = true, .stays_empty = true};
    struct dfs_file *f;
    int rc = dfs_create(fs, path, &how, &f, err);

    if (rc < 0)
        return rc;
    rc = dfs_close(f, err);
    if (rc == 0)
        rc = dfs_xattr_set(fs, path, attribute, target, strlen(target), err);
    if (rc == 0)
        rc = dfs_chmod(fs, path, LINK_MODE, err); /* a default ACL may have changed it */
    if (rc < 0)
        dfs_delete(fs, path, false, NULL, NULL);
    return rc;
}

int link_resolve(struct dfs *fs, const char *path, struct dfs_stat *st, struct err *err)
{
    struct dfs_xattr *list = NULL;
    size_t count = 0;

    if (!stat_may_be_link(st))
        return 0;
    if (dfs_xattr_get(fs, path, attribute, &list, &count, NULL) < 0)
        return 0; /* a file like others */
    if (count == 1) {
        free(st->target);
        st->target = strndup((const char *)list[0].value, list[0].n);
        st->kind = DFS_SYMLINK;
        st->mode = 0777;
    }
    dfs_xattrs_free(list, count);
    return st->kind == DFS_SYMLINK && !st->target ? err_set(err, ERR_NOMEM, "link") : 0;
}
