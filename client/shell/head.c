/* head.c -- dfs head: the first KiB of a file. */
#include "client/shell/shell.h"

enum { HEAD_BYTES = 1024 };

static int print_head(struct shell *sh, struct item *it)
{
    char bytes[HEAD_BYTES];
    struct stream from;
    struct err err;
    ssize_t n;

    if (item_is_dir(it))
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    if (store_open(it->store, it->path, &from, &err) < 0)
        return sh_fail_err(sh, &err);
    n = stream_read(&from, bytes, sizeof bytes, &err);
    stream_close(&from, NULL);
    if (n < 0)
        return sh_fail_err(sh, &err);
    fwrite(bytes, 1, (size_t)n, stdout);
    return 0;
}

int cmd_head(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, print_head, NULL);
}
