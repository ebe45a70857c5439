/* rm.c -- dfs rm: deleting, by way of the trash if there is one. */
#include "client/glob.h"
#include "client/shell/trash.h"

static bool with_dirs;

static int remove_item(struct shell *sh, struct item *it)
{
    bool moved = false, was_there;
    struct err err;

    if (item_is_dir(it) && !with_dirs)
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    if (!sh_has(sh, "skipTrash") && item_refresh(it, &err) == 0 && !it->exists)
        return sh_fail(sh, "File does not exist: %s%s", it->store->prefix, it->path);
    if (!sh_has(sh, "skipTrash") && trash_move(sh, it, &moved, &err) < 0)
        return err.code == ERR_NOENT
                   ? sh_fail_err(sh, &err)
                   : sh_fail(sh,
                             "Failed to move to trash: %s%s: %.900s. Consider using -skipTrash "
                             "option",
                             it->store->prefix, it->path, err.text);
    if (moved)
        return 0;
    if (store_delete(it->store, it->path, with_dirs, &was_there, &err) < 0)
        return sh_fail_err(sh, &err);
    if (!was_there)
        return sh_fail(sh, "`%s': Input/output error", it->shown);
    printf("Deleted %s\n", it->shown);
    return 0;
}

static int not_there(struct shell *sh, struct item *it)
{
    return sh_has(sh, "f") ? 0 : sh_fail(sh, "`%s': No such file or directory", it->shown);
}

/* With -f a pattern that matches nothing is fine as well. */
static int remove_pattern(struct shell *sh, char *arg)
{
    struct dfs_stat *list;
    struct item probe;
    struct err err;
    size_t n;

    if (sh_has(sh, "f") && glob_has_wildcards(arg) && item_from(sh, arg, &probe, &err) == 0) {
        int rc = store_glob(probe.store, probe.path, &list, &n, &err);

        item_done(&probe);
        if (rc == 0)
            dfs_stats_free(list, n);
        if (rc == 0 && n == 0)
            return 0;
    }
    return each_item(sh, &arg, 1, remove_item, not_there);
}

int cmd_rm(struct shell *sh, char **args, int count)
{
    int rc = 0;

    with_dirs = with_dirs || sh_has(sh, "r") || sh_has(sh, "R");
    for (int i = 0; i < count && rc != SHELL_USAGE; i++)
        rc = remove_pattern(sh, args[i]);
    return rc == SHELL_USAGE ? rc : 0;
}

int cmd_rmr(struct shell *sh, char **args, int count)
{
    fprintf(stderr, "rmr: DEPRECATED: Please use '-rm -r' instead.\n");
    with_dirs = true;
    return cmd_rm(sh, args, count);
}
