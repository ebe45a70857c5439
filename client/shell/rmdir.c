/* rmdir.c -- dfs rmdir: deleting empty directories. */
#include "client/shell/shell.h"

static int remove_dir(struct shell *sh, struct item *it)
{
    struct item *items;
    struct err err;
    bool was_there;
    size_t count;

    if (!item_is_dir(it))
        return sh_fail(sh, "`%s': Is not a directory", it->shown);
    if (item_children(it, &items, &count, &err) < 0)
        return sh_fail_err(sh, &err);
    items_free(items, count);
    if (count > 0)
        return sh_has(sh, "-ignore-fail-on-non-empty")
                   ? 0
                   : sh_fail(sh, "`%s': Directory is not empty", it->shown);
    if (store_delete(it->store, it->path, false, &was_there, &err) < 0)
        return sh_fail_err(sh, &err);
    return 0;
}

int cmd_rmdir(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, remove_dir, NULL);
}
