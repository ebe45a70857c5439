/* calls.c -- each kind of call, with parameters by chance, to both; see calls.h. */
#include "tests/model/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 6 };

/* ---- what to call it with ---- */

const char *const clients[MODEL_CLIENTS] = {"c1", "c2", "c3"};
static const char *const names[] = {"a", "b", "c", "d"};
static const char *const snapshot_names[] = {"s1", "s2", "s3"};
const char *const users[REF_NAMED] = {"bob", "eve"};
static const struct {
    const char *name;
    unsigned id;
} policies[] = {{"HOT", 7}, {"WARM", 5}, {"ALL_SSD", 12}, {"ONE_SSD", 10}};

static struct ref_node *some_node(struct ref_node *t)
{
    while (t->n > 0 && chance(4) > 0)
        t = t->kids[chance((unsigned)t->n)];
    return t;
}

static int depth(const struct ref_node *n)
{
    int d = 0;

    for (; n->up; n = n->up)
        d++;
    return d;
}

static int height(const struct ref_node *n)
{
    int most = 0;

    for (int k = 0; k < n->n; k++)
        most = height(n->kids[k]) >= most ? height(n->kids[k]) + 1 : most;
    return most;
}

/* A path of something that is there, or of a name in it; now and then one in a snapshot. */
static const char *some_path(char out[REF_PATH])
{
    struct ref_node *n = some_node(ref.root);

    ref_path(n, out);
    if (ref.snapshot_count > 0 && chance(12) == 0) {
        const struct ref_snapshot *s = &ref.snapshots[chance((unsigned)ref.snapshot_count)];

        for (n = ref.root; n && n->id != s->dir;) /* it is somewhere: look along all */
            n = some_node(ref.root);
        ref_path(n, out);
        snprintf(out + strlen(out), REF_PATH - strlen(out), "%s.snapshot/%s", n->up ? "/" : "",
                 s->name);
        for (n = s->tree; n->n > 0 && chance(3) > 0;) {
            n = n->kids[chance((unsigned)n->n)];
            snprintf(out + strlen(out), REF_PATH - strlen(out), "/%s", n->name);
        }
        return out;
    }
    if (depth(n) < DEPTH_MAX - 1 && chance(2))
        for (int more = 1 + (chance(6) == 0); more > 0; more--)
            snprintf(out + strlen(out), REF_PATH - strlen(out), "/%s", names[chance(4)]);
    return out[1] == '/' ? memmove(out, out + 1, strlen(out)) : out;
}

/* ---- calling, and comparing answers ---- */

/* Calls; the code of its failure, or 0. */
static int ask(const char *method, const void *request, void **reply)
{
    *reply = op_world_call(&o, method, request);
    return *reply ? 0 : (int)o.err.code;
}

static void same(int expected, int got)
{
    if (expected == got) {
        total->refused += got != 0;
        return;
    }
    printf("expected %s, got %s %s\n", expected ? err_name((enum err_code)expected) : "success",
           got ? err_name((enum err_code)got) : "success", got ? o.err.text : "");
    fail("the reply");
}

/* Calls with the request @rq, expects the code @rc; runs what follows when both succeed. */
#define CALL(method, rq, rc)                                                                       \
    do {                                                                                           \
        int code_ = ask(method, &(rq), (void **)&rs);                                              \
        same(rc, code_);                                                                           \
    } while (0)

static void received(const struct model *m, uint64_t id, uint64_t gs, uint64_t length)
{
    const struct held h = {id, gs, length, PB__REPLICA_STATE_PROTO__FINALIZED};

    model_received(&o.w, (struct model *)m, &h);
}

static const struct model *node_by_uuid(const char *uuid)
{
    for (int i = 0; i < o.w.node_count; i++)
        if (strcmp(o.w.nodes[i].uuid, uuid) == 0)
            return &o.w.nodes[i];
    fail("a datanode that exists");
}

static bool last_block(uint64_t file, Pb__ExtendedBlockProto *out)
{
    struct inode_info in;
    struct block_info b;
    uint64_t id;

    HOLDS(ns_info(o.nn.ns, file, &in));
    if (in.block_count == 0)
        return false;
    ns_file_blocks(o.nn.ns, file, &id, in.block_count - 1, 1);
    HOLDS(ns_block(o.nn.ns, id, &b));
    pb__extended_block_proto__init(out);
    out->poolid = (char *)"BP-1-127.0.0.1-1";
    out->blockid = id;
    out->generationstamp = b.gs;
    out->has_numbytes = true;
    out->numbytes = b.length;
    return true;
}

/* ---- names ---- */

static void do_mkdirs(void)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__MkdirsRequestProto rq = PB__MKDIRS_REQUEST_PROTO__INIT;
    const Pb__MkdirsResponseProto *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path), .flag = chance(3) > 0, .number = chance(01000)};

    SHOW("mkdirs %s", path);
    rq.src = path;
    rq.createparent = c.flag;
    perm.perm = c.number;
    rq.masked = &perm;
    CALL("mkdirs", rq, ref_mkdirs(&ref, &c));
    HOLDS(!rs || rs->result);
}

static void do_create(void)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__CreateRequestProto rq = PB__CREATE_REQUEST_PROTO__INIT;
    const Pb__CreateResponseProto *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path),
                         .flag = chance(2),
                         .flag2 = chance(3) == 0,
                         .number = 1 + chance(2),
                         .client = clients[chance(3)]};

    SHOW("create %s by %s overwrite=%d", path, c.client, c.flag2);
    perm.perm = 0644;
    rq.src = path;
    rq.masked = &perm;
    rq.clientname = (char *)c.client;
    rq.createflag = c.flag2 ? 3 : 1;
    rq.createparent = c.flag;
    rq.replication = c.number;
    rq.blocksize = REF_BLOCK_BYTES;
    CALL("create", rq, ref_create(&ref, &c));
    HOLDS(!rs || rs->fs->fileid == ref.last_id);
}

static void do_delete(void)
{
    Pb__DeleteRequestProto rq = PB__DELETE_REQUEST_PROTO__INIT;
    const Pb__DeleteResponseProto *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path), .flag = chance(3) > 0};
    bool yes;

    SHOW("delete %s recursive=%d", path, c.flag);
    rq.src = path;
    rq.recursive = c.flag;
    CALL("delete", rq, ref_delete(&ref, &c, &yes));
    HOLDS(!rs || rs->result == yes);
}

static bool too_deep(const char *from, const char *to)
{
    const struct ref_node *n = ref_find(&ref, from);
    int d = 1;

    for (const char *p = to; *p; p++)
        d += *p == '/';
    return n && d + height(n) > DEPTH_MAX;
}

static void do_rename(void)
{
    Pb__RenameRequestProto rq = PB__RENAME_REQUEST_PROTO__INIT;
    const Pb__RenameResponseProto *rs;
    char path[REF_PATH], path2[REF_PATH];
    struct ref_call c = {.path = some_path(path), .path2 = some_path(path2)};
    bool yes;

    if (too_deep(path, path2))
        return;
    SHOW("rename %s %s", path, path2);
    rq.src = path;
    rq.dst = path2;
    CALL("rename", rq, ref_rename(&ref, &c, &yes));
    HOLDS(!rs || rs->result == yes);
}

static void do_rename2(void)
{
    Pb__Rename2RequestProto rq = PB__RENAME2_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH], path2[REF_PATH];
    struct ref_call c = {.path = some_path(path), .path2 = some_path(path2), .flag = chance(3) > 0};

    if (too_deep(path, path2))
        return;
    SHOW("rename2 %s %s overwrite=%d", path, path2, c.flag);
    rq.src = path;
    rq.dst = path2;
    rq.overwritedest = c.flag;
    CALL("rename2", rq, ref_rename2(&ref, &c));
}

static void do_symlink(void)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__CreateSymlinkRequestProto rq = PB__CREATE_SYMLINK_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];

    SHOW("createSymlink");
    rq.target = (char *)"/a";
    rq.link = (char *)some_path(path);
    rq.dirperm = &perm;
    CALL("createSymlink", rq, ERR_UNSUPPORTED);
}

/* ---- files ---- */

static const char *some_writer(const struct ref_node *n)
{
    return n && n->writer[0] && chance(8) ? n->writer : clients[chance(3)];
}

static void do_add_block(void)
{
    Pb__AddBlockRequestProto rq = PB__ADD_BLOCK_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto before;
    const Pb__AddBlockResponseProto *rs;
    char path[REF_PATH];
    const struct ref_node *f = ref_find(&ref, some_path(path));
    struct ref_call c = {.path = path, .client = some_writer(f), .length = 1 + chance(1000)};

    if (f && f->blocks == REF_BLOCKS)
        return;
    SHOW("addBlock %s by %s", path, c.client);
    rq.src = path;
    rq.clientname = (char *)c.client;
    if (f && !f->dir && !strstr(path, ".snapshot") && last_block(f->id, &before)) {
        if (f->last_open)
            before.numbytes = f->written;
        rq.previous = &before;
    }
    CALL("addBlock", rq, ref_add_block(&ref, &c));
    for (size_t i = 0; rs && i < rs->block->n_locs; i++)
        received(node_by_uuid(rs->block->locs[i]->id->datanodeuuid), rs->block->b->blockid,
                 rs->block->b->generationstamp, c.length);
}

static void do_complete(void)
{
    Pb__CompleteRequestProto rq = PB__COMPLETE_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto last;
    const Pb__CompleteResponseProto *rs;
    char path[REF_PATH];
    const struct ref_node *f = ref_find(&ref, some_path(path));
    struct ref_call c = {.path = path, .client = some_writer(f)};

    if (f && !f->dir && !f->writer[0])
        return; /* twice: test_ops.c */
    SHOW("complete %s by %s", path, c.client);
    rq.src = path;
    rq.clientname = (char *)c.client;
    if (f && !f->dir && !strstr(path, ".snapshot") && last_block(f->id, &last)) {
        if (f->last_open)
            last.numbytes = f->written;
        rq.last = &last;
    }
    CALL("complete", rq, ref_complete(&ref, &c));
    HOLDS(!rs || rs->result);
}

/* A pipeline over the nodes that have the block goes on under a fresh stamp. */
static void go_on(const Pb__LocatedBlockProto *lb, const char *client, uint64_t length)
{
    Pb__UpdateBlockForPipelineRequestProto ask_gs =
        PB__UPDATE_BLOCK_FOR_PIPELINE_REQUEST_PROTO__INIT;
    Pb__UpdatePipelineRequestProto update = PB__UPDATE_PIPELINE_REQUEST_PROTO__INIT;
    Pb__ExtendedBlockProto old = *lb->b, fresh = *lb->b;
    Pb__DatanodeIDProto *ids[8];
    const Pb__UpdateBlockForPipelineResponseProto *stamp;
    void *rs;

    old.has_numbytes = fresh.has_numbytes = true;
    ask_gs.block = &old;
    ask_gs.clientname = update.clientname = (char *)client;
    CALL("updateBlockForPipeline", ask_gs, 0);
    stamp = rs;
    fresh.generationstamp = stamp->block->b->generationstamp;
    update.oldblock = &old;
    update.newblock = &fresh;
    update.n_newnodes = update.n_storageids = lb->n_locs;
    update.newnodes = ids;
    update.storageids = lb->storageids;
    for (size_t i = 0; i < lb->n_locs; i++)
        ids[i] = lb->locs[i]->id;
    CALL("updatePipeline", update, 0);
    for (size_t i = 0; i < lb->n_locs; i++)
        received(node_by_uuid(ids[i]->datanodeuuid), fresh.blockid, fresh.generationstamp, length);
}

static void do_append(void)
{
    Pb__AppendRequestProto rq = PB__APPEND_REQUEST_PROTO__INIT;
    const Pb__AppendResponseProto *rs;
    char path[REF_PATH];
    struct ref_call c = {
        .path = some_path(path), .client = clients[chance(3)], .length = chance(1000)};

    SHOW("append %s by %s", path, c.client);
    rq.src = path;
    rq.clientname = (char *)c.client;
    CALL("append", rq, ref_append(&ref, &c));
    if (rs && rs->block)
        go_on(rs->block, c.client, ref_find(&ref, path)->written);
    HOLDS(!rs || (rs->block != NULL) == ref_find(&ref, path)->last_open);
}

/* A datanode cuts the block, or copies it, as the next heartbeat tells it. */
static void end_cut(void)
{
    for (int i = 0; i < o.w.node_count; i++) {
        struct model *m = &o.w.nodes[i];
        int before = m->recoveries;
        uint64_t mark = 0;

        HOLDS(model_beat(&o.w, m) == 0);
        if (m->recoveries == before)
            continue;
        HOLDS(model_end_recovery(&o.w, m,
                                 &(struct held){m->recover, m->recovery_id, m->cut_to,
                                                PB__REPLICA_STATE_PROTO__FINALIZED},
                                 &mark) == 0);
        return;
    }
    fail("a datanode is told to cut");
}

static void do_truncate(void)
{
    Pb__TruncateRequestProto rq = PB__TRUNCATE_REQUEST_PROTO__INIT;
    const Pb__TruncateResponseProto *rs;
    char path[REF_PATH];
    const struct ref_node *f = ref_find(&ref, some_path(path));
    struct ref_call c = {.path = path, .client = clients[chance(3)]};
    bool yes;

    if (f && !f->dir) {
        int keep = (int)chance((unsigned)f->blocks + 1);

        for (int k = 0; k < keep; k++)
            c.length += f->lengths[k];
        if (chance(2))
            c.length = chance((unsigned)ref_length(f) + 2);
    }
    SHOW("truncate %s to %llu", path, (unsigned long long)c.length);
    rq.src = path;
    rq.clientname = (char *)c.client;
    rq.newlength = c.length;
    CALL("truncate", rq, ref_truncate(&ref, &c, &yes));
    HOLDS(!rs || rs->result == yes);
    if (rs && !yes)
        end_cut();
}

static void do_concat(void)
{
    Pb__ConcatRequestProto rq = PB__CONCAT_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH], path2[REF_PATH], *sources[] = {path2};
    const struct ref_node *t = ref_find(&ref, some_path(path)), *s;
    struct ref_call c = {.path = path, .path2 = path2};

    some_path(path2);
    if (t && t->up && t->up->n > 0 && chance(4)) /* most of the time one beside it */
        ref_path(t->up->kids[chance((unsigned)t->up->n)], path2);
    s = ref_find(&ref, path2);
    if (strstr(path, ".snapshot") || strstr(path2, ".snapshot") ||
        (t && s && t->blocks + s->blocks > REF_BLOCKS))
        return;
    SHOW("concat %s %s", path, path2);
    rq.trg = path;
    rq.srcs = sources;
    rq.n_srcs = 1;
    CALL("concat", rq, ref_concat(&ref, &c));
}

/* ---- attributes ---- */

static void do_set_permission(void)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__SetPermissionRequestProto rq = PB__SET_PERMISSION_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path), .number = chance(02000)};

    SHOW("setPermission %s %o", path, c.number);
    rq.src = path;
    perm.perm = c.number;
    rq.permission = &perm;
    CALL("setPermission", rq, ref_set_permission(&ref, &c));
}

static void do_set_owner(void)
{
    Pb__SetOwnerRequestProto rq = PB__SET_OWNER_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path), .name = chance(2) ? "g1" : "g2"};

    SHOW("setOwner %s %s", path, c.name);
    rq.src = path;
    rq.groupname = (char *)c.name;
    CALL("setOwner", rq, ref_set_owner(&ref, &c));
}

static void do_set_times(void)
{
    Pb__SetTimesRequestProto rq = PB__SET_TIMES_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path),
                         .mtime = chance(4) ? chance(1000000) : UINT64_MAX,
                         .atime = chance(4) ? chance(1000000) : UINT64_MAX};

    SHOW("setTimes %s", path);
    rq.src = path;
    rq.mtime = c.mtime;
    rq.atime = c.atime;
    CALL("setTimes", rq, ref_set_times(&ref, &c));
}

static void do_set_replication(void)
{
    Pb__SetReplicationRequestProto rq = PB__SET_REPLICATION_REQUEST_PROTO__INIT;
    const Pb__SetReplicationResponseProto *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path), .number = 1 + chance(3)};
    bool yes;

    SHOW("setReplication %s %u", path, c.number);
    rq.src = path;
    rq.replication = c.number;
    CALL("setReplication", rq, ref_set_replication(&ref, &c, &yes));
    HOLDS(!rs || rs->result == yes);
}

static void do_set_policy(void)
{
    Pb__SetStoragePolicyRequestProto rq = PB__SET_STORAGE_POLICY_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    unsigned k = chance(4);
    struct ref_call c = {.path = some_path(path), .number = policies[k].id};

    SHOW("setStoragePolicy %s %s", path, policies[k].name);
    rq.src = path;
    rq.policyname = (char *)policies[k].name;
    CALL("setStoragePolicy", rq, ref_set_policy(&ref, &c));
}

static void do_set_quota(void)
{
    Pb__SetQuotaRequestProto rq = PB__SET_QUOTA_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path),
                         .ns_quota = chance(2) ? (int64_t)chance(20) + 1 : -1,
                         .ds_quota = chance(2) ? (int64_t)chance(20) * REF_BLOCK_BYTES : -1};

    if (snapshots || !path[1])
        return; /* what only snapshots keep counts, too: test_snapshot_ops.c */
    SHOW("setQuota %s %lld %lld", path, (long long)c.ns_quota, (long long)c.ds_quota);
    rq.path = path;
    rq.namespacequota = (uint64_t)c.ns_quota;
    rq.storagespacequota = (uint64_t)c.ds_quota;
    CALL("setQuota", rq, ref_set_quota(&ref, &c));
}

static void do_set_xattr(void)
{
    Pb__SetXAttrRequestProto rq = PB__SET_XATTR_REQUEST_PROTO__INIT;
    Pb__XAttrProto x = PB__XATTR_PROTO__INIT;
    const void *rs;
    char path[REF_PATH], value[4];
    static const char *const xattrs[REF_XATTRS] = {"x", "y", "z"};
    struct ref_call c = {.path = some_path(path),
                         .name = xattrs[chance(REF_XATTRS)],
                         .value = value,
                         .flag = chance(3) > 0,
                         .flag2 = chance(3) > 0};

    snprintf(value, sizeof value, "%u", chance(900));
    SHOW("setXAttr %s %s", path, c.name);
    x.namespace_ = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__USER;
    x.name = (char *)c.name;
    x.has_value = true;
    x.value = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
    rq.src = path;
    rq.xattr = &x;
    rq.has_flag = true;
    rq.flag = (c.flag ? 1 : 0) | (c.flag2 ? 2 : 0);
    CALL("setXAttr", rq, ref_set_xattr(&ref, &c));
}

static void do_remove_xattr(void)
{
    Pb__RemoveXAttrRequestProto rq = PB__REMOVE_XATTR_REQUEST_PROTO__INIT;
    Pb__XAttrProto x = PB__XATTR_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path), .name = chance(2) ? "x" : "y"};

    SHOW("removeXAttr %s %s", path, c.name);
    x.namespace_ = PB__XATTR_PROTO__XATTR_NAMESPACE_PROTO__USER;
    x.name = (char *)c.name;
    rq.src = path;
    rq.xattr = &x;
    CALL("removeXAttr", rq, ref_remove_xattr(&ref, &c));
}

static Pb__AclEntryProto entry(int type, const char *name, unsigned permissions)
{
    Pb__AclEntryProto e = PB__ACL_ENTRY_PROTO__INIT;

    e.type = (Pb__AclEntryProto__AclEntryTypeProto)type;
    e.scope = PB__ACL_ENTRY_PROTO__ACL_ENTRY_SCOPE_PROTO__ACCESS;
    e.name = (char *)name;
    e.permissions = (Pb__AclEntryProto__FsActionProto)permissions;
    return e;
}

static void do_set_acl(void)
{
    Pb__SetAclRequestProto rq = PB__SET_ACL_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path), .number = chance(010000)};
    Pb__AclEntryProto e[] = {entry(0, NULL, c.number >> 6 & 7), entry(0, users[0], c.number & 7),
                             entry(1, NULL, c.number >> 3 & 7), entry(3, NULL, c.number >> 9 & 7)};
    Pb__AclEntryProto *list[] = {&e[0], &e[1], &e[2], &e[3]};

    SHOW("setAcl %s", path);
    rq.src = path;
    rq.aclspec = list;
    rq.n_aclspec = 4;
    CALL("setAcl", rq, ref_set_acl(&ref, &c));
}

static void do_modify_acl(void)
{
    Pb__ModifyAclEntriesRequestProto rq = PB__MODIFY_ACL_ENTRIES_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path), .number = chance(8)};
    Pb__AclEntryProto e = entry(0, users[1], c.number), *list[] = {&e};

    SHOW("modifyAclEntries %s", path);
    rq.src = path;
    rq.aclspec = list;
    rq.n_aclspec = 1;
    CALL("modifyAclEntries", rq, ref_modify_acl(&ref, &c));
}

static void do_remove_acl(void)
{
    Pb__RemoveAclRequestProto rq = PB__REMOVE_ACL_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path)};

    SHOW("removeAcl %s", path);
    rq.src = path;
    CALL("removeAcl", rq, ref_remove_acl(&ref, &c));
}

/* ---- snapshots ---- */

static void do_allow(void)
{
    Pb__AllowSnapshotRequestProto rq = PB__ALLOW_SNAPSHOT_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path)};

    SHOW("allowSnapshot %s", path);
    rq.snapshotroot = path;
    if (snapshots)
        CALL("allowSnapshot", rq, ref_allow_snapshot(&ref, &c));
}

static void do_disallow(void)
{
    Pb__DisallowSnapshotRequestProto rq = PB__DISALLOW_SNAPSHOT_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = some_path(path)};

    SHOW("disallowSnapshot %s", path);
    rq.snapshotroot = path;
    if (snapshots && chance(4) == 0)
        CALL("disallowSnapshot", rq, ref_disallow_snapshot(&ref, &c));
}

/* Mostly a directory that may have snapshots, where there is one along the way. */
static const char *snapshot_root(char path[REF_PATH])
{
    struct ref_node *n = some_node(ref.root);

    while (n->up && !n->snapshottable)
        n = n->up;
    ref_path(n, path);
    return chance(8) ? path : some_path(path);
}

static void do_create_snapshot(void)
{
    Pb__CreateSnapshotRequestProto rq = PB__CREATE_SNAPSHOT_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = snapshot_root(path), .name = snapshot_names[chance(3)]};

    if (!snapshots || ref.snapshot_count == REF_SNAPSHOTS)
        return;
    SHOW("createSnapshot %s %s", path, c.name);
    rq.snapshotroot = path;
    rq.snapshotname = (char *)c.name;
    CALL("createSnapshot", rq, ref_create_snapshot(&ref, &c));
}

static void do_rename_snapshot(void)
{
    Pb__RenameSnapshotRequestProto rq = PB__RENAME_SNAPSHOT_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = snapshot_root(path),
                         .name = snapshot_names[chance(3)],
                         .value = snapshot_names[chance(3)]};

    if (!snapshots)
        return;
    SHOW("renameSnapshot %s %s %s", path, c.name, c.value);
    rq.snapshotroot = path;
    rq.snapshotoldname = (char *)c.name;
    rq.snapshotnewname = (char *)c.value;
    CALL("renameSnapshot", rq, ref_rename_snapshot(&ref, &c));
}

static void do_delete_snapshot(void)
{
    Pb__DeleteSnapshotRequestProto rq = PB__DELETE_SNAPSHOT_REQUEST_PROTO__INIT;
    const void *rs;
    char path[REF_PATH];
    struct ref_call c = {.path = snapshot_root(path), .name = snapshot_names[chance(3)]};

    if (!snapshots)
        return;
    SHOW("deleteSnapshot %s %s", path, c.name);
    rq.snapshotroot = path;
    rq.snapshotname = (char *)c.name;
    CALL("deleteSnapshot", rq, ref_delete_snapshot(&ref, &c));
}

/* ---- looking ---- */

static void compare_status(const Pb__HdfsFileStatusProto *s, const struct ref_node *n)
{
    bool past = strstr(last_call, ".snapshot") != NULL;

    HOLDS(s->fileid == n->id);
    HOLDS(s->permission->perm == n->mode && strcmp(s->group, n->group) == 0);
    HOLDS(s->modification_time == n->mtime || (n->dir && past));
    HOLDS(n->dir ? s->length == 0 : s->length == ref_length(n) || (past && n->writer[0]));
    HOLDS(n->dir || (s->block_replication == n->replication && s->access_time == n->atime));
}

static void do_info(void)
{
    Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    const Pb__GetFileInfoResponseProto *rs;
    char path[REF_PATH];
    const struct ref_node *n = ref_find(&ref, some_path(path));

    SHOW("getFileInfo %s", path);
    rq.src = path;
    CALL("getFileInfo", rq, 0); /* below a file, too, as the contract of a file system wants it */
    HOLDS((rs->fs != NULL) == (n != NULL));
    if (n)
        compare_status(rs->fs, n);
}

int by_name(const void *a, const void *b)
{
    return strcmp((*(struct ref_node *const *)a)->name, (*(struct ref_node *const *)b)->name);
}

static void do_listing(void)
{
    Pb__GetListingRequestProto rq = PB__GET_LISTING_REQUEST_PROTO__INIT;
    const Pb__GetListingResponseProto *rs;
    char path[REF_PATH];
    struct ref_node *n = ref_find(&ref, some_path(path)), *kids[REF_KIDS];

    SHOW("getListing %s", path);
    rq.src = path;
    rq.startafter = (ProtobufCBinaryData){0, (uint8_t *)""};
    CALL("getListing", rq, ref_look(&ref, path));
    if (!rs)
        return;
    HOLDS((rs->dirlist != NULL) == (n != NULL));
    if (!n)
        return;
    HOLDS((int)rs->dirlist->n_partiallisting == (n->dir ? n->n : 1));
    memcpy(kids, n->kids, sizeof kids);
    qsort(kids, (size_t)n->n, sizeof *kids, by_name);
    for (int k = 0; k < n->n; k++)
        compare_status(rs->dirlist->partiallisting[k], kids[k]);
}

static void do_summary(void)
{
    Pb__GetContentSummaryRequestProto rq = PB__GET_CONTENT_SUMMARY_REQUEST_PROTO__INIT;
    const Pb__GetContentSummaryResponseProto *rs;
    char path[REF_PATH];
    const struct ref_node *n = ref_find(&ref, some_path(path));
    struct ref_usage u = {0};

    if (snapshots)
        return;
    SHOW("getContentSummary %s", path);
    rq.path = path;
    CALL("getContentSummary", rq, ref_look(&ref, path) ? ref_look(&ref, path) : n ? 0 : ERR_NOENT);
    if (!rs)
        return;
    ref_count(n, &u);
    HOLDS((int64_t)rs->summary->filecount == u.files);
    HOLDS((int64_t)rs->summary->directorycount == u.dirs);
    HOLDS((int64_t)rs->summary->length == u.length);
    HOLDS((int64_t)rs->summary->quota ==
          (n->dir && n->up ? n->ns_quota : (int64_t)rs->summary->quota));
}

static const struct {
    void (*run)(void);
    unsigned weight;
} steps[] = {
    {do_mkdirs, 8},          {do_create, 10},
    {do_add_block, 12},      {do_complete, 10},
    {do_append, 5},          {do_truncate, 4},
    {do_concat, 3},          {do_delete, 6},
    {do_rename, 6},          {do_rename2, 7},
    {do_symlink, 1},         {do_set_permission, 3},
    {do_set_owner, 2},       {do_set_times, 2},
    {do_set_replication, 3}, {do_set_policy, 2},
    {do_set_quota, 3},       {do_set_xattr, 4},
    {do_remove_xattr, 2},    {do_set_acl, 2},
    {do_modify_acl, 2},      {do_remove_acl, 1},
    {do_allow, 3},           {do_disallow, 1},
    {do_create_snapshot, 3}, {do_rename_snapshot, 2},
    {do_delete_snapshot, 2}, {do_info, 5},
    {do_listing, 3},         {do_summary, 2},
};

void random_call(void)
{
    unsigned all = 0, pick, k = 0;

    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++)
        all += steps[i].weight;
    for (pick = chance(all); pick >= steps[k].weight; k++)
        pick -= steps[k].weight;
    steps[k].run();
}

void renew_leases(void)
{
    for (int i = 0; i < MODEL_CLIENTS; i++) {
        Pb__RenewLeaseRequestProto rq = PB__RENEW_LEASE_REQUEST_PROTO__INIT;
        const void *rs;

        rq.clientname = (char *)clients[i];
        CALL("renewLease", rq, 0);
    }
}
