/* chown.c -- dfs chown and chgrp. */
#include <stdlib.h>
#include <string.h>

#include "client/shell/shell.h"

static char owner_text[256], *owner, group_text[256], *group;

static size_t name_length(const char *p)
{
    return strspn(p, "-_./@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

/* [OWNER][:[GROUP]] */
static bool parse(const char *text)
{
    size_t n = name_length(text), k = 0;

    if (text[n] == ':')
        k = name_length(text + n + 1);
    if (text[n] && (text[n] != ':' || text[n + 1 + k]))
        return false;
    snprintf(owner_text, sizeof owner_text, "%.*s", (int)n, text);
    snprintf(group_text, sizeof group_text, "%.*s", (int)k, text[n] ? text + n + 1 : "");
    owner = n > 0 ? owner_text : NULL;
    group = k > 0 ? group_text : NULL;
    return true;
}

/* Nothing is asked for what is so already. */
static int change(struct shell *sh, struct item *it)
{
    const char *o = owner && strcmp(owner, it->stat.owner) != 0 ? owner : NULL;
    const char *g = group && strcmp(group, it->stat.group) != 0 ? group : NULL;
    struct err err;

    if ((o || g) && store_chown(it->store, it->path, o, g, &err) < 0)
        return sh_fail_err(sh, &err);
    return 0;
}

static int change_all(struct shell *sh, struct item *it)
{
    return walk_items(sh, it, sh_has(sh, "R"), change);
}

int cmd_chown(struct shell *sh, char **args, int count)
{
    if (!parse(args[0]))
        return sh_misused(sh, "'%s' does not match expected pattern for [owner][:group].", args[0]);
    if (!owner && !group)
        return sh_misused(sh, "'%s' does not specify owner or group.", args[0]);
    return each_item(sh, args + 1, count - 1, change_all, NULL);
}

int cmd_chgrp(struct shell *sh, char **args, int count)
{
    size_t n = name_length(args[0]);

    if (n == 0 || args[0][n])
        return sh_misused(sh, "'%s' does not match expected pattern for group", args[0]);
    owner = NULL;
    group = args[0];
    return each_item(sh, args + 1, count - 1, change_all, NULL);
}
