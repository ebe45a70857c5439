/* cat.c -- dfs cat: files to standard output. */
#include <stdio.h>
#include <unistd.h>

#include "client/shell/shell.h"

enum { MOVE_BYTES = 8 << 20 };

static int print_file(struct shell *sh, struct item *it)
{
    struct stream from, out = {.fd = STDOUT_FILENO};
    struct err err;
    ssize_t n;

    if (item_is_dir(it))
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    if (store_open(it->store, it->path, &from, &err) < 0)
        return sh_fail_err(sh, &err);
    fflush(stdout);
    while ((n = stream_move(&from, &out, MOVE_BYTES, &err)) > 0)
        ;
    stream_close(&from, NULL);
    return n < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_cat(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, print_file, NULL);
}
