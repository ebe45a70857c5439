/* cp.c -- dfs cp: copying between stores, and within one. */
#include <string.h>

#include "client/shell/copy.h"

/* -p keeps times, owner and permission; -pto only what its letters name. */
static void set_kept(struct shell *sh, struct copy *c)
{
    for (int i = 0; i < sh->given_count; i++) {
        const char *letters = sh->given[i];

        if (letters[0] != 'p')
            continue;
        letters = letters[1] ? letters + 1 : "top";
        c->keep_times = strchr(letters, 't') != NULL;
        c->keep_owner = strchr(letters, 'o') != NULL;
        c->keep_mode = strchr(letters, 'p') != NULL;
    }
}

int cmd_cp(struct shell *sh, char **args, int count)
{
    struct copy c = {.overwrite = sh_has(sh, "f"), .direct = sh_has(sh, "d")};
    int rc;

    set_kept(sh, &c);
    rc = copy_to_store(sh, &c, args, &count);
    return rc == 0 ? copy_run(sh, &c, args, count) : rc;
}
