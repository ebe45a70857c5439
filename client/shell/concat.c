/* concat.c -- dfs concat: files moved to the end of another. */
#include <stdlib.h>

#include "client/shell/shell.h"

static bool is_file(const struct item *it)
{
    return it->exists && it->stat.kind == DFS_FILE;
}

int cmd_concat(struct shell *sh, char **args, int count)
{
    struct item target, source;
    const char **paths;
    struct err err;
    int rc = 0;

    if (count < 1)
        return sh_fail(sh, "Target path not specified. <target path> <src path> <src path> ...");
    if (count < 3)
        return sh_fail(sh, "The number of source paths is less than 2. <target path> <src path> "
                           "<src path> ...");
    if (item_from(sh, args[0], &target, &err) < 0)
        return sh_fail_err(sh, &err);
    if (!is_file(&target)) {
        sh_fail(sh, "Target path %s%s does not exist or is not file.", target.store->prefix,
                target.path);
        item_done(&target);
        return -1;
    }
    paths = calloc((size_t)count, sizeof *paths);
    MUST(paths);
    for (int i = 1; i < count && rc == 0; i++) {
        rc = item_from(sh, args[i], &source, &err);
        if (rc == 0 && !is_file(&source))
            rc = err_set(&err, ERR_NOENT, "%s%.900s does not exist or is not file.",
                         source.store->prefix, source.path);
        if (rc == 0) {
            paths[i - 1] = source.path;
            source.path = NULL;
            item_done(&source);
        }
    }
    if (rc == 0 && !target.store->dfs)
        rc = err_set(&err, ERR_UNSUPPORTED, "Not implemented by the local file system");
    if (rc == 0)
        rc = dfs_concat(target.store->dfs, target.path, paths, (size_t)count - 1, &err);
    for (int i = 0; i < count - 1; i++)
        free((void *)(uintptr_t)paths[i]);
    free(paths);
    item_done(&target);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}
