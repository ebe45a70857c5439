/* cp.c -- dfs cp: copying between stores, and within one. */
#include "client/shell/copy.h"

/* -p keeps times, owner and permission; -pto only what its letters name. */
static int set_kept(struct shell *sh, struct copy *c)
{
    for (int i = 0; i < sh->given_count; i++) {
        const char *letters = sh->given[i];

        if (letters[0] != 'p')
            continue;
        for (letters = letters[1] ? letters + 1 : "top"; *letters; letters++)
            switch (*letters | 0x20) {
            case 't': c->keep_times = true; break;
            case 'o': c->keep_owner = true; break;
            case 'p': c->keep_mode = true; break;
            case 'a': c->keep_acl = true; break;
            case 'x': c->keep_xattrs = true; break;
            default:
                return sh_broken(sh, "java.util.NoSuchElementException: No attribute for %c",
                                 *letters);
            }
    }
    return 0;
}

int cmd_cp(struct shell *sh, char **args, int count)
{
    struct copy c = {.overwrite = sh_has(sh, "f"), .direct = sh_has(sh, "d")};
    int rc = set_kept(sh, &c);

    if (rc == 0)
        rc = copy_take_threads(sh, &c);
    if (rc == 0)
        rc = copy_to_store(sh, &c, args, &count);
    return rc == 0 ? copy_run(sh, &c, args, count) : rc;
}
