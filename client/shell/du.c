/* du.c -- dfs du: the space of files and directories, once and with all replicas. */
#include <inttypes.h>
#include <stdlib.h>

#include "client/shell/shell.h"

static struct table *rows;
static bool summary;

static int add_row(struct shell *sh, struct item *it)
{
    char length[HUMAN_MAX], space[HUMAN_MAX];
    const char *cells[] = {length, space, it->shown};
    struct dfs_content c;
    struct err err;

    if (store_content(it->store, it->path, &c, &err) < 0)
        return sh_fail_err(sh, &err);
    if (sh_has(sh, "x")) {
        c.length -= c.snapshot_length;
        c.space -= c.snapshot_space;
    }
    sh_size(sh, c.length, length);
    sh_size(sh, c.space, space);
    free(c.ec_policy);
    return table_add(rows, cells);
}

static int add_item(struct shell *sh, struct item *it)
{
    struct item *items;
    struct err err;
    size_t count;

    if (summary || !item_is_dir(it))
        return add_row(sh, it);
    if (item_children(it, &items, &count, &err) < 0)
        return sh_fail_err(sh, &err);
    for (size_t i = 0; i < count; i++)
        add_row(sh, &items[i]);
    items_free(items, count);
    return 0;
}

int cmd_du(struct shell *sh, char **args, int count)
{
    static const char *const titles[] = {"SIZE", "DISK_SPACE_CONSUMED_WITH_ALL_REPLICAS",
                                         "FULL_PATH_NAME"};
    static char here[] = ".", *home[] = {here};
    int rc;

    summary = summary || sh_has(sh, "s");
    rows = table_new(3, 0);
    if (sh_has(sh, "v"))
        table_add(rows, titles);
    rc = count > 0 ? each_item(sh, args, count, add_item, NULL)
                   : each_item(sh, home, 1, add_item, NULL);
    if (rc == 0 && table_rows(rows) > (sh_has(sh, "v") ? 1 : 0))
        table_print(rows, stdout);
    else
        table_free(rows);
    return rc;
}

int cmd_dus(struct shell *sh, char **args, int count)
{
    fprintf(stderr, "dus: DEPRECATED: Please use 'du -s' instead.\n");
    summary = true;
    return cmd_du(sh, args, count);
}
