/* op_list.c -- listings: a page of one directory, and pages that go on from one to the next. */
#include <stdlib.h>

#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"
#include "namenode/namespace/inode.h"
#include "common/md5.h"
#include "namenode/calls/op_snapshot.h"
#include "namenode/calls/status.h"

/* ---- one directory ---- */

/* As Hadoop's listings show it: an entry's own, else the listed directory's, both as they are now, also
 * in a snapshot; and a striped file's even if it does not suit one. */
static uint8_t listed_policy(struct op *op, const struct inode_info *info,
                             const struct inode_info *dir)
{
    struct inode_info now = *info;

    if (info->snapshot != SNAPSHOT_NOW)
        ns_info(op->nn->ns, info->id, &now);
    return now.storage_policy && info->kind != INODE_SYMLINK ? now.storage_policy
                                                             : status_policy(op, dir);
}

/* A listing with locations stops early when it has shown enough replicas.  @dir: what is listed, NULL for a
 * file that lists itself. */
static int list_entry(struct op *op, const struct ns_entry *entry, int snapshot, bool locations,
                      const struct inode_info *dir, int64_t *budget, Pb__DirectoryListingProto *out)
{
    struct inode_info info;
    Pb__HdfsFileStatusProto *s;

    MUST(ns_info_at(op->nn->ns, entry->id, snapshot, &info));
    if (!(s = status_of(op, &info, entry->name, entry->name_n)))
        return op_nomem(op);
    if (dir)
        s->storagepolicy = listed_policy(op, &info, dir);
    if (locations && info.kind == INODE_FILE) {
        if (!(s->locations = status_locate(op, &info, 0, UINT64_MAX)))
            return op_nomem(op);
        *budget -= (int64_t)info.block_count * info.replication;
    }
    out->partiallisting[out->n_partiallisting++] = s;
    return 0;
}

enum { COUNT_MAX = 4096 };

/* How many entries come after @after, or COUNT_MAX for so many and more: from the second page
 * on clients only ask whether there are any. */
static uint32_t count_after(struct op *op, const struct inode_info *dir, const char *after,
                            unsigned after_n)
{
    struct ns_entry entries[512], last = {.name = after, .name_n = after_n};
    uint32_t total = 0;
    int n = 512;

    while (total < COUNT_MAX && n == 512) {
        n = ns_list_at(op->nn->ns, dir->id, dir->snapshot, last.name, last.name_n, entries, 512);
        total += (uint32_t)n;
        if (n > 0)
            last = entries[n - 1];
    }
    return total;
}

static int list_dir(struct op *op, const struct inode_info *dir, const char *after,
                    unsigned after_n, bool locations, Pb__DirectoryListingProto *out)
{
    int limit = (int)conf_int(op->nn->conf, OPT_ls_limit), n;
    int64_t budget = limit;
    struct ns_entry *entries = arena_alloc(op->arena, ((size_t)limit + 1) * sizeof *entries);

    if (!entries)
        return op_nomem(op);
    n = ns_list_at(op->nn->ns, dir->id, dir->snapshot, after, after_n, entries, limit + 1);
    out->partiallisting = arena_alloc(op->arena, ((size_t)n + 1) * sizeof *out->partiallisting);
    if (!out->partiallisting)
        return op_nomem(op);
    for (int i = 0; i < n && i < limit && budget > 0; i++) {
        int rc = list_entry(op, &entries[i], dir->snapshot, locations, dir, &budget, out);

        if (rc < 0)
            return rc;
    }
    if ((size_t)n <= out->n_partiallisting)
        return 0;
    if (after_n == 0) {
        out->remainingentries = dir->child_count - (uint32_t)out->n_partiallisting;
    } else {
        const Pb__HdfsFileStatusProto *last = out->partiallisting[out->n_partiallisting - 1];

        out->remainingentries =
            count_after(op, dir, (const char *)last->path.data, (unsigned)last->path.len);
    }
    return 0;
}

/* startAfter may be /.reserved/.inodes/ID: the entry with that id. */
static int start_after(struct op *op, const ProtobufCBinaryData *given, const char **name,
                       unsigned *n)
{
    static const char prefix[] = "/.reserved/.inodes/";
    char *text;
    struct inode_info info;

    *name = (const char *)given->data;
    *n = (unsigned)given->len;
    if (given->len < sizeof prefix || memcmp(given->data, prefix, sizeof prefix - 1) != 0)
        return 0;
    text = arena_strndup(op->arena, (const char *)given->data, given->len);
    if (!text)
        return op_nomem(op);
    if (!ns_info(op->nn->ns, strtoull(text + sizeof prefix - 1, NULL, 10), &info))
        return err_set_class(&op->err, ERR_NOENT,
                             "org.apache.hadoop.fs.DirectoryListingStartAfterNotFoundException",
                             "Can't find startAfter %s", text);
    *name = arena_strndup(op->arena, info.name, info.name_n);
    *n = info.name_n;
    return *name ? 0 : op_nomem(op);
}

static bool name_of_place_is_dot_snapshot(const struct place *p)
{
    const struct ns_name *name = place_name(p);

    return name->n == 9 && memcmp(name->text, ".snapshot", 9) == 0;
}

static bool comes_after(const struct inode_info *i, const char *name, unsigned n)
{
    return name_order(i->name, i->name_n, name, n) > 0;
}

/* The snapshots of the directory that ".snapshot" was asked of. */
static int list_snapshots(struct op *op, const struct place *p, const char *after, unsigned after_n,
                          Pb__DirectoryListingProto *out)
{
    uint32_t limit = (uint32_t)conf_int(op->nn->conf, OPT_ls_limit), k = 0;
    uint64_t id = place_parent(p);
    struct ns_snapshot_dir dir = {.dir = id};
    struct inode_info s;

    if (!place_is_dot_snapshot(p))
        return op_not_snapshottable(op, id, place_prefix(op, p, p->at.count - 1));
    ns_snapshot_dir(op->nn->ns, id, &dir);
    out->partiallisting = arena_alloc(op->arena, (limit + 1) * sizeof *out->partiallisting);
    if (!out->partiallisting)
        return op_nomem(op);
    while (after_n && ns_snapshot(op->nn->ns, id, k, &s) && !comes_after(&s, after, after_n))
        k++;
    for (; out->n_partiallisting < limit && ns_snapshot(op->nn->ns, id, k, &s); k++)
        if (!(out->partiallisting[out->n_partiallisting++] = status_of(op, &s, s.name, s.name_n)))
            return op_nomem(op);
    out->remainingentries = dir.count - k;
    return 0;
}

/* *found: false when there is nothing at @src. */
static int list_path(struct op *op, const char *src, const ProtobufCBinaryData *after,
                     bool locations, Pb__DirectoryListingProto *out, bool *found)
{
    struct place p;
    const char *name;
    unsigned name_n;
    int64_t budget = INT64_MAX;
    int rc;

    if ((*found = op_is_reserved_listing(src)))
        return op_reserved_listing(op, out);
    if ((rc = start_after(op, after, &name, &name_n)) < 0 ||
        (rc = op_resolve(op, src, FOR_READ, &p)) < 0)
        return rc;
    if (name_of_place_is_dot_snapshot(&p)) {
        *found = true;
        return list_snapshots(op, &p, name, name_n, out);
    }
    if (!p.id)
        return 0;
    *found = true;
    if (p.info.kind == INODE_DIR) {
        if ((rc = access_target(op, &p, MAY_READ | MAY_EXECUTE)) < 0)
            return rc;
        return list_dir(op, &p.info, name_n ? name : NULL, name_n, locations, out);
    }
    if (!(out->partiallisting = arena_alloc(op->arena, sizeof *out->partiallisting)))
        return op_nomem(op);
    rc = list_entry(op, &(struct ns_entry){p.id, "", 0}, p.info.snapshot, locations, NULL, &budget,
                    out);
    if (rc == 0)
        out->partiallisting[0]->path.len = 0; /* a file lists itself, under no name */
    return rc;
}

int op_get_listing(struct op *op, const Pb__GetListingRequestProto *rq,
                   Pb__GetListingResponseProto *rs)
{
    Pb__DirectoryListingProto *page = arena_alloc(op->arena, sizeof *page);
    bool found;
    int rc;

    if (!page)
        return op_nomem(op);
    pb__directory_listing_proto__init(page);
    rc = list_path(op, rq->src, &rq->startafter, rq->needlocation, page, &found);
    if (rc == 0 && found)
        rs->dirlist = page;
    return rc;
}

/* ---- several directories in one call ---- */

/* Where the next call goes on: in which of the paths, after which name.  The sum says that they
 * are the same paths. */
struct batch_key {
    uint8_t sum[MD5_BYTES];
    uint32_t index;
    ProtobufCBinaryData after;
};

static int sum_of_paths(struct op *op, const Pb__GetBatchedListingRequestProto *rq,
                        uint8_t sum[MD5_BYTES])
{
    struct md5 *m = md5_new();

    if (!m)
        return op_nomem(op);
    for (size_t i = 0; i < rq->n_paths; i++)
        md5_add(m, rq->paths[i], strlen(rq->paths[i]) + 1);
    md5_end(m, sum);
    md5_free(m);
    return 0;
}

/* A directory that was listed to its end has an empty name in the key: the next one follows. */
static int read_key(struct op *op, const ProtobufCBinaryData *given, struct batch_key *key)
{
    const Pb__BatchedListingKeyProto *k;

    key->index = 0;
    key->after = (ProtobufCBinaryData){0};
    if (given->len == 0)
        return 0;
    k = pb__batched_listing_key_proto__unpack(&op->arena->pb, given->len, given->data);
    if (!k)
        return err_set_class(&op->err, ERR_ARGUMENT,
                             "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException",
                             "Protocol message contained an invalid tag (zero).");
    if (k->checksum.len != MD5_BYTES || memcmp(k->checksum.data, key->sum, MD5_BYTES) != 0)
        return err_set(&op->err, ERR_ARGUMENT, "java.lang.IllegalArgumentException");
    key->index = k->pathindex + (k->startafter.len == 0);
    key->after = k->startafter;
    return 0;
}

static int write_key(struct op *op, struct batch_key *key, ProtobufCBinaryData *out)
{
    Pb__BatchedListingKeyProto k = PB__BATCHED_LISTING_KEY_PROTO__INIT;

    k.checksum = (ProtobufCBinaryData){MD5_BYTES, key->sum};
    k.pathindex = key->index;
    k.startafter = key->after;
    out->len = pb__batched_listing_key_proto__get_packed_size(&k);
    if (!(out->data = arena_alloc(op->arena, out->len)))
        return op_nomem(op);
    pb__batched_listing_key_proto__pack(&k, out->data);
    return 0;
}

/* What went wrong with one path stands in its place; the others are listed. */
static int put_exception(struct op *op, Pb__BatchedDirectoryListingProto *out)
{
    Pb__RemoteExceptionProto *e = arena_alloc(op->arena, sizeof *e);

    if (!e)
        return op_nomem(op);
    pb__remote_exception_proto__init(e);
    e->classname = op_copy(op, err_java_class(&op->err));
    e->message = op_copy(op, op->err.text);
    out->exception = e;
    err_clear(&op->err);
    return e->classname && e->message ? 0 : op_nomem(op);
}

/* Lists one of the paths; *listing is empty when that failed. */
static int list_one(struct op *op, const char *src, const ProtobufCBinaryData *after,
                    bool locations, Pb__DirectoryListingProto *listing,
                    Pb__BatchedDirectoryListingProto *out)
{
    bool found;
    int rc = list_path(op, src, after, locations, listing, &found);

    if (rc == 0 && !found)
        rc = err_set(&op->err, ERR_NOENT, "Path %s does not exist", src);
    if (rc == -ERR_NOMEM)
        return rc;
    if (rc < 0) {
        listing->n_partiallisting = listing->remainingentries = 0;
        return put_exception(op, out);
    }
    out->partiallisting = listing->partiallisting;
    out->n_partiallisting = listing->n_partiallisting;
    return 0;
}

static int list_batch(struct op *op, const Pb__GetBatchedListingRequestProto *rq,
                      struct batch_key *key, Pb__GetBatchedListingResponseProto *rs)
{
    size_t limit = (size_t)conf_int(op->nn->conf, OPT_ls_limit), entries = 0;
    Pb__DirectoryListingProto last = PB__DIRECTORY_LISTING_PROTO__INIT;

    for (; key->index < rq->n_paths && entries < limit; key->index++) {
        Pb__BatchedDirectoryListingProto *one = arena_alloc(op->arena, sizeof *one);
        int rc;

        if (!one)
            return op_nomem(op);
        pb__batched_directory_listing_proto__init(one);
        pb__directory_listing_proto__init(&last);
        one->parentidx = key->index;
        rc = list_one(op, rq->paths[key->index], &key->after, rq->needlocation, &last, one);
        if (rc < 0)
            return rc;
        key->after = (ProtobufCBinaryData){0};
        entries += last.n_partiallisting;
        rs->listings[rs->n_listings++] = one;
    }
    if (rs->n_listings > 0)
        key->index--; /* the one that was listed last */
    rs->hasmore = last.remainingentries > 0 || key->index + 1 < rq->n_paths;
    if (last.remainingentries > 0)
        key->after = last.partiallisting[last.n_partiallisting - 1]->path;
    return rs->hasmore ? write_key(op, key, &rs->startafter) : 0;
}

int op_get_batched_listing(struct op *op, const Pb__GetBatchedListingRequestProto *rq,
                           Pb__GetBatchedListingResponseProto *rs)
{
    int64_t limit = conf_int(op->nn->conf, OPT_batched_ls_limit);
    struct batch_key key;
    int rc;

    if (rq->n_paths > (size_t)limit)
        return err_set(&op->err, ERR_ARGUMENT, "Too many source paths (%zu > %lld)", rq->n_paths,
                       (long long)limit);
    if ((rc = sum_of_paths(op, rq, key.sum)) < 0 || (rc = read_key(op, &rq->startafter, &key)) < 0)
        return rc;
    rs->listings = arena_alloc(op->arena, (rq->n_paths + 1) * sizeof *rs->listings);
    if (!rs->listings)
        return op_nomem(op);
    return rq->n_paths == 0 ? 0 : list_batch(op, rq, &key, rs);
}
