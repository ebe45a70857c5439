#include "migrate/lacking.h"

#include <string.h>

enum { XATTR_RAW = 4, POLICY_PROVIDED = 1, PATH_ARENA_MAX = 16 << 20 };

struct look {
    struct namespace *ns;
    struct report *r;
    struct arena arena;
    const char *kind, *lacks;
};

static const char *path_of(struct look *l, uint64_t id)
{
    const char *path;

    arena_reset(&l->arena);
    path = ns_path_of(l->ns, id, &l->arena);
    return path ? path : "in a snapshot only";
}

static void found(void *ctx, uint64_t inode)
{
    struct look *l = ctx;

    report_finding(l->r, "%s: %s: %s", l->kind, path_of(l, inode), l->lacks);
}

static void by_xattr(struct look *l, const char *name, const char *kind, const char *lacks)
{
    struct edit_xattr x = {.ns = XATTR_RAW, .name = name};

    l->kind = kind;
    l->lacks = lacks;
    ns_each_xattr(l->ns, &x, found, l);
    report_end_of_kind(l->r);
}

static void see_provided(void *ctx, const struct inode_info *info)
{
    if (info->storage_policy == POLICY_PROVIDED)
        found(ctx, info->id);
}

static bool is_codec_known(const char *codec)
{
    return strcmp(codec, "rs") == 0 || strcmp(codec, "xor") == 0 || strcmp(codec, "rs-legacy") == 0;
}

static void see_codec(void *ctx, const struct inode_info *info)
{
    struct look *l = ctx;
    const struct ec_policy *p =
        info->ec_policy ? ec_by_id(ns_ec_policies(l->ns), info->ec_policy) : NULL;

    if (p && !is_codec_known(p->codec))
        found(ctx, info->id);
}

static void by_inode(struct look *l, void (*see)(void *ctx, const struct inode_info *info),
                     const char *kind, const char *lacks)
{
    l->kind = kind;
    l->lacks = lacks;
    for (uint64_t from = 0; (from = ns_inode_scan(l->ns, from, 1 << 20, see, l)) != 0;)
        ;
    report_end_of_kind(l->r);
}

void lacking_report(struct namespace *ns, int tokens, struct report *r)
{
    struct look l = {.ns = ns, .r = r};

    arena_init(&l.arena, PATH_ARENA_MAX);
    by_xattr(&l, "hdfs.crypto.encryption.zone", "encryption zone",
             "new files in it are not encrypted");
    by_xattr(&l, "hdfs.crypto.file.encryption.info", "encrypted file",
             "its bytes are served as they are stored");
    by_inode(&l, see_provided, "provided storage", "its blocks are nowhere for Ashlar");
    by_inode(&l, see_codec, "erasure code", "its codec is none of rs, rs-legacy and xor");
    if (tokens > 0)
        report_finding(
            r, "delegation tokens: %d: kept for Hadoop, but Ashlar lets nobody in by one", tokens);
    report_end_of_kind(r);
    arena_done(&l.arena);
}
