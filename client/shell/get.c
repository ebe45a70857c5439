/* get.c -- dfs get and copyToLocal: from the store to the local disk. */
#include "client/shell/copy.h"

int cmd_get(struct shell *sh, char **args, int count)
{
    bool keep = sh_has(sh, "p");
    struct copy c = {
        .overwrite = sh_has(sh, "f"),
        .keep_times = keep,
        .keep_owner = keep,
        .keep_mode = keep,
    };
    int rc = copy_take_threads(sh, &c);

    if (rc == 0)
        rc = copy_to_local(sh, &c, args, &count);
    return rc == 0 ? copy_run(sh, &c, args, count) : rc;
}

int cmd_move_to_local(struct shell *sh, char **args, int count)
{
    (void)args;
    (void)count;
    return sh_fail(sh, "Option '-moveToLocal' is not implemented yet.");
}
