/* df.c -- dfs df: the capacity of a store, and what is left of it. */
#include <inttypes.h>
#include <sys/statvfs.h>

#include "client/shell/shell.h"

static struct table *rows;

static int space_of(struct item *it, struct dfs_space *out, struct err *err)
{
    struct statvfs v;

    if (it->store->dfs)
        return dfs_space(it->store->dfs, out, err);
    if (statvfs(it->path, &v) < 0)
        return err_set(err, ERR_IO, "%s", it->shown);
    *out = (struct dfs_space){
        .capacity = v.f_blocks * v.f_frsize,
        .used = (v.f_blocks - v.f_bfree) * v.f_frsize,
        .remaining = v.f_bavail * v.f_frsize,
    };
    return 0;
}

static int add_row(struct shell *sh, struct item *it)
{
    char size[HUMAN_MAX], used[HUMAN_MAX], left[HUMAN_MAX], percent[16];
    const char *cells[] = {it->store->dfs ? it->store->prefix : "file:///", size, used, left,
                           percent};
    struct dfs_space s;
    struct err err;

    if (space_of(it, &s, &err) < 0)
        return sh_fail_err(sh, &err);
    sh_size(sh, s.capacity, size);
    sh_size(sh, s.used, used);
    sh_size(sh, s.remaining, left);
    snprintf(percent, sizeof percent, "%.0f%%",
             s.capacity ? 100.0 * (double)s.used / (double)s.capacity : 0.0);
    return table_add(rows, cells);
}

int cmd_df(struct shell *sh, char **args, int count)
{
    static const char *const titles[] = {"Filesystem", "Size", "Used", "Available", "Use%"};
    static char root[] = "/", *all[] = {root};
    int rc;

    rows = table_new(5, 0x1e);
    table_add(rows, titles);
    rc = each_item(sh, count > 0 ? args : all, count > 0 ? count : 1, add_row, NULL);
    if (rc == 0 && table_rows(rows) > 1)
        table_print(rows, stdout);
    else
        table_free(rows);
    return rc;
}
