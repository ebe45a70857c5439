/* chmod.c -- dfs chmod: permissions, by octal digits or by [ugoa][+-=][rwxXt]. */
#include "client/shell/mode.h"
#include "client/shell/shell.h"

static const char *text;

static int change(struct shell *sh, struct item *it)
{
    struct err err;
    uint16_t mode;

    MUST(mode_apply(text, it->stat.mode, item_is_dir(it), &mode));
    if (mode != it->stat.mode && store_chmod(it->store, it->path, mode, &err) < 0)
        return sh_fail_err(sh, &err);
    return 0;
}

static int change_all(struct shell *sh, struct item *it)
{
    return walk_items(sh, it, sh_has(sh, "R"), change);
}

int cmd_chmod(struct shell *sh, char **args, int count)
{
    uint16_t mode;

    text = args[0];
    if (!mode_apply(text, 0, false, &mode))
        return sh_misused(sh, "chmod : mode '%s' does not match the expected pattern.", text);
    return each_item(sh, args + 1, count - 1, change_all, NULL);
}
