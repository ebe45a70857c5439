/* mv.c -- dfs mv: renaming within one store. */
#include "client/shell/copy.h"

static int move(struct shell *sh, struct item *src, struct item *target)
{
    struct err err;
    bool moved;

    if (src->store != target->store)
        return sh_fail(sh, "`%s': Does not match target filesystem", src->shown);
    if (target->exists)
        return sh_fail(sh, "`%s': File exists", target->shown);
    if (store_rename(src->store, src->path, target->path, &moved, &err) < 0)
        return sh_fail_err(sh, &err);
    return moved ? 0 : sh_fail(sh, "`%s': Input/output error", src->shown);
}

int cmd_mv(struct shell *sh, char **args, int count)
{
    struct copy c = {.move = move};
    int rc = copy_to_store(sh, &c, args, &count);

    return rc == 0 ? copy_run(sh, &c, args, count) : rc;
}
