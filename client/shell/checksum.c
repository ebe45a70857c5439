/* checksum.c -- dfs checksum: of whole files, as the datanodes work them out. */
#include <inttypes.h>

#include "client/shell/shell.h"

static int print_sum(struct shell *sh, struct item *it)
{
    struct dfs_checksum sum;
    struct err err;

    if (item_is_dir(it))
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    if (it->store->dfs && dfs_file_checksum(it->store->dfs, it->path, &sum, &err) < 0)
        return sh_fail_err(sh, &err);
    if (!it->store->dfs || sum.n == 0) {
        printf("%s\tNONE\n", it->shown);
        return 0;
    }
    printf("%s\t%s\t", it->shown, sum.algorithm);
    for (size_t i = 0; i < sum.n; i++)
        printf("%02x", sum.bytes[i]);
    if (sh_has(sh, "v"))
        printf("\tBlockSize=%" PRIu64, it->stat.block_size);
    putchar('\n');
    return 0;
}

int cmd_checksum(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, print_sum, NULL);
}
