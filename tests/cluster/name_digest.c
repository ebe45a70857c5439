/* name_digest DIR [list] -- loads a name directory and prints the last transaction and
 * ns_digest(); with "list" every inode too, for finding out where two digests differ. */
#include <inttypes.h>
#include <stdio.h>

#include "namenode/edits/name_dir.h"

static struct namespace *ns;

static void show_more(const struct inode_info *i)
{
    struct edit_acl_entry *acl;
    struct edit_xattr *xattrs;
    int64_t names, space;
    int n = ns_acl(ns, i, &acl);

    for (int k = 0; k < n; k++)
        printf("    acl %d %d %d %s\n", acl[k].scope, acl[k].type, acl[k].permissions,
               acl[k].name ? acl[k].name : "");
    n = ns_xattrs(ns, i, &xattrs);
    for (int k = 0; k < n; k++)
        printf("    xattr %d %s %u bytes\n", xattrs[k].ns, xattrs[k].name, xattrs[k].value_n);
    if (ns_quota(ns, i, &names, &space))
        printf("    quota %" PRId64 " %" PRId64 "\n", names, space);
}

static void show(void *ctx, const struct inode_info *i)
{
    uint64_t ids[100];
    uint32_t n = ns_file_blocks(ns, i->id, ids, 0, 100);
    struct open_file open;

    (void)ctx;
    printf("%" PRIu64 " in %" PRIu64 " %.*s kind=%d %s:%s %o m=%" PRIu64 " a=%" PRIu64
           " rep=%d bs=%" PRIu64 " policy=%d ec=%d\n",
           i->id, i->parent, (int)i->name_n, i->name, i->kind, i->user, i->group, i->mode,
           i->mtime_ms, i->atime_ms, i->replication, i->block_size, i->storage_policy,
           i->ec_policy);
    if (ns_open_file(ns, i->id, &open))
        printf("    open by %s at %s\n", open.client_name, open.client_machine);
    for (uint32_t k = 0; k < n && k < 100; k++) {
        struct block_info b;

        ns_block(ns, ids[k], &b);
        printf("    blk_%" PRId64 "_%" PRIu64 " %" PRIu64 " bytes\n", (int64_t)b.id, b.gs,
               b.length);
    }
    show_more(i);
}

int main(int argc, char **argv)
{
    struct name_dirs *dirs = NULL;
    struct load_result result;
    struct err err;

    if (argc < 2) {
        fprintf(stderr, "usage: name_digest DIR [list]\n");
        return 2;
    }
    if (name_dirs_open(env_posix(), &argv[1], 1, &dirs, &err) < 0 || ns_new(NULL, &ns, &err) < 0 ||
        name_dirs_load(dirs, ns, NULL, NULL, &result, &err) < 0) {
        fprintf(stderr, "name_digest: %s\n", err.text);
        return 1;
    }
    ns_check(ns);
    if (argc > 2)
        ns_inode_scan(ns, 0, INT32_MAX, show, NULL);
    printf("txid=%" PRIu64 " replayed=%" PRIu64 " inodes=%" PRIu64 " blocks=%" PRIu64
           " open=%" PRIu64 " digest=%016" PRIx64 "\n",
           result.last_txid, result.replayed, ns_inode_count(ns), ns_block_count(ns),
           ns_open_file_count(ns), ns_digest(ns));
    ns_free(ns);
    name_dirs_close(dirs);
    return 0;
}
