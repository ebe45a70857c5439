/* test.c -- dfs test: a question about a path, answered by the exit code. */
#include <string.h>
#include <unistd.h>

#include "client/shell/shell.h"

static int answer; /* exit code */

static bool may(const struct item *it, unsigned bit)
{
    if (!it->store->dfs)
        return access(it->path, bit == 4 ? R_OK : W_OK) == 0;
    return dfs_access(it->store->dfs, it->path, bit, NULL) == 0;
}

static int ask(struct shell *sh, struct item *it)
{
    bool is_file = it->stat.kind == DFS_FILE, yes = false;

    switch (sh->given[0][0]) {
    case 'e': yes = true; break;
    case 'd': yes = !is_file; break;
    case 'f': yes = is_file; break;
    case 's': yes = it->stat.length > 0; break;
    case 'z': yes = it->stat.length == 0; break;
    case 'r': yes = may(it, 4); break;
    case 'w': yes = may(it, 2); break;
    }
    if (!yes)
        answer = 1;
    return 0;
}

static int not_there(struct shell *sh, struct item *it)
{
    (void)sh;
    (void)it;
    answer = 1;
    return 0;
}

int cmd_test(struct shell *sh, char **args, int count)
{
    int rc;

    if (sh->given_count == 0)
        return sh_misused(sh, "No test flag given");
    if (sh->given_count > 1)
        return sh_misused(sh, "Only one test flag is allowed");
    answer = 0;
    rc = each_item(sh, args, count, ask, not_there);
    return rc ? rc : answer;
}
