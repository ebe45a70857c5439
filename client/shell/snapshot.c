/* snapshot.c -- dfs createSnapshot, deleteSnapshot, renameSnapshot. */
#include <stdlib.h>

#include "client/shell/shell.h"

/* The directory that the command is about: 0, or what has been said. */
static int find_dir(struct shell *sh, const char *text, struct item *it)
{
    struct err err;
    int rc = item_from(sh, text, it, &err);

    if (rc < 0)
        return sh_fail_err(sh, &err);
    if (!it->exists)
        rc = sh_fail(sh, "`%s': No such file or directory", it->shown);
    else if (!item_is_dir(it))
        rc = sh_fail(sh, "`%s': Is not a directory", it->shown);
    else if (!it->store->dfs)
        rc = sh_fail(sh, "%s doesn't support snapshots", "LocalFileSystem");
    if (rc != 0)
        item_done(it);
    return rc;
}

int cmd_create_snapshot(struct shell *sh, char **args, int count)
{
    struct err err;
    struct item it;
    char *path = NULL;
    int rc;

    if (count < 1)
        return sh_misused(sh, "<snapshotDir> is missing.");
    if (count > 2)
        return sh_misused(sh, "Too many arguments.");
    if ((rc = find_dir(sh, args[0], &it)) != 0)
        return rc;
    rc = dfs_create_snapshot(it.store->dfs, it.path, count == 2 ? args[1] : NULL, &path, &err);
    if (rc == 0)
        printf("Created snapshot %s\n", path);
    free(path);
    item_done(&it);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_delete_snapshot(struct shell *sh, char **args, int count)
{
    struct err err;
    struct item it;
    int rc;

    if (count != 2)
        return sh_misused(sh, "Incorrect number of arguments.");
    if ((rc = find_dir(sh, args[0], &it)) != 0)
        return rc;
    rc = dfs_delete_snapshot(it.store->dfs, it.path, args[1], &err);
    if (rc == 0)
        printf("Deleted snapshot %s under %s%s\n", args[1], it.store->prefix, it.path);
    item_done(&it);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_rename_snapshot(struct shell *sh, char **args, int count)
{
    struct err err;
    struct item it;
    int rc;

    if (count != 3)
        return sh_misused(sh, "Incorrect number of arguments.");
    if ((rc = find_dir(sh, args[0], &it)) != 0)
        return rc;
    rc = dfs_rename_snapshot(it.store->dfs, it.path, args[1], args[2], &err);
    if (rc == 0)
        printf("Renamed snapshot %s to %s under %s%s\n", args[1], args[2], it.store->prefix,
               it.path);
    item_done(&it);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}
