/* mkdir.c -- dfs mkdir: new directories. */
#include <string.h>

#include "client/shell/shell.h"

static int exists(struct shell *sh, struct item *it)
{
    if (!item_is_dir(it))
        return sh_fail(sh, "`%s': Is not a directory", it->shown);
    return sh_has(sh, "p") ? 0 : sh_fail(sh, "`%s': File exists", it->shown);
}

static int make(struct shell *sh, struct item *it)
{
    struct err err;
    bool there = true;

    if (!sh_has(sh, "p")) {
        if (item_parent_exists(it, &there, &err) < 0)
            return sh_fail_err(sh, &err);
        if (!there)
            return sh_fail(sh, "`%s%.*s': No such file or directory", it->store->prefix,
                           (int)(strrchr(it->path, '/') - it->path), it->path);
    }
    return store_mkdirs(it->store, it->path, &err) < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_mkdir(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, exists, make);
}
