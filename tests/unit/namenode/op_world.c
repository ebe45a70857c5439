#include "op_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/edits/edit_tail.h"
#include "namenode/edits/journal.h"
#include "namenode/blocks/lease_recovery.h"
#include "namenode/calls/users.h"
#include "tests/lib/suite.h"

static const char POOL_ID[] = "BP-1-127.0.0.1-1"; /* block_world's */

static void journal_failed(void *ctx, const struct err *err)
{
    (void)ctx;
    fprintf(stderr, "journal: %s\n", err->text);
    MUST(!"the journal of a test failed");
}

static void durable(void *ctx, uint64_t txid)
{
    (void)ctx, (void)txid;
}

/* ---- making one ---- */

static void load(struct op_world *o)
{
    struct namenode *nn = &o->nn;
    char *dirs[] = {o->dir};
    struct load_result loaded;

    CU_ASSERT_FATAL(name_dirs_open(env_posix(), dirs, 1, &nn->dirs, &o->err) == 0);
    CU_ASSERT_FATAL(ns_new(&(struct namespace_limits){.capture_open_files = o->capture_open_files},
                           &nn->ns, &o->err) == 0);
    if (name_dirs_load(nn->dirs, nn->ns, NULL, NULL, &loaded, &o->err) < 0) {
        fprintf(stderr, "load: %s\n", o->err.text);
        CU_FAIL_FATAL("the log that was written can be read");
    }
    CU_ASSERT_FATAL(journal_open(&(struct journal_options){.env = env_posix(),
                                                           .dirs = (const char *const *)dirs,
                                                           .dir_count = 1,
                                                           .next_txid = loaded.last_txid + 1,
                                                           .on_durable = durable,
                                                           .on_failed = journal_failed,
                                                           .ctx = o},
                                 &nn->journal, &o->err) == 0);
    nn->edit_tail = edit_tail_new(env_posix(), nn->dirs);
    CU_ASSERT_FATAL(nn->edit_tail != NULL);
    o->w.ns = nn->ns;
    world_open(&o->w);
    nn->bm = o->w.bm;
    nn->env = &o->w.env;
    nn->conf = o->w.conf;
    CU_ASSERT_FATAL(users_new(nn->env, nn->conf, &nn->users, &o->err) == 0);
    snprintf(nn->identity.pool_id, sizeof nn->identity.pool_id, "%s", POOL_ID);
    arena_init(&o->answers, 256 << 20);
    if (!o->user)
        o->user = strdup(users_owner(nn->users));
}

void op_world_open_as(struct op_world *o, void (*configure)(struct world *w))
{
    static int count;
    char *dirs[] = {o->dir};
    struct name_identity id;

    memset(o, 0, sizeof *o);
    world_init(&o->w);
    world_set(&o->w, "dfs.namenode.fs-limits.min-block-size=1");
    world_set(&o->w, "hadoop.user.group.static.mapping.overrides=bob=staff;eve=staff;root=wheel");
    if (configure)
        configure(&o->w);
    o->w.on_recovered = lease_recovered;
    o->w.recovered_ctx = &o->nn;
    snprintf(o->dir, sizeof o->dir, "%s/ops-%d", suite_tmp_dir(), count++);
    pthread_mutex_init(&o->nn.lock, NULL);
    CU_ASSERT_FATAL(name_dirs_format(env_posix(), dirs, 1,
                                     &(struct name_format){.owner = "root", .group = "supergroup"},
                                     &id, &o->err) == 0);
    load(o);
}

void op_world_open(struct op_world *o)
{
    op_world_open_as(o, NULL);
}

static void unload(struct op_world *o)
{
    CU_ASSERT(journal_close(o->nn.journal, &o->err) == 0);
    edit_tail_free(o->nn.edit_tail);
    name_dirs_close(o->nn.dirs);
    users_free(o->nn.users);
    arena_done(&o->answers);
}

void op_world_close(struct op_world *o)
{
    unload(o);
    world_close(&o->w);
    free((char *)o->user);
    pthread_mutex_destroy(&o->nn.lock);
}

void op_world_restart(struct op_world *o)
{
    unload(o);
    bm_check(o->w.bm);
    ns_check(o->w.ns);
    bm_free(o->w.bm);
    ns_free(o->w.ns);
    conf_free(o->w.conf);
    arena_done(&o->w.arena);
    load(o);
    for (int i = 0; i < o->w.node_count; i++) {
        CU_ASSERT(model_register(&o->w, &o->w.nodes[i]) == 0);
        model_beat(&o->w, &o->w.nodes[i]);
        CU_ASSERT(model_report(&o->w, &o->w.nodes[i]) == 0);
    }
}

/* ---- calls ---- */

static void answered(struct op *op, int rc)
{
    struct op_world *o = op->done_ctx;

    o->later_rc = rc;
    o->later_reply = rc == 0 ? op->reply : NULL;
    if (rc < 0)
        o->err = op->err;
}

/* A request lives as long as its call, which may be longer than the test's function. */
static void *keep(struct op_world *o, const ProtobufCMessage *rq)
{
    size_t n = protobuf_c_message_get_packed_size(rq);
    uint8_t *bytes = arena_alloc(&o->answers, n + 1);

    protobuf_c_message_pack(rq, bytes);
    return protobuf_c_message_unpack(rq->descriptor, &o->answers.pb, n, bytes);
}

void *op_world_call(struct op_world *o, const char *method, const void *request)
{
    const struct op_inside in = {.nn = &o->nn,
                                 .method = method,
                                 .user = o->user,
                                 .peer_ip = "10.0.0.1",
                                 .arena = &o->answers,
                                 .done = answered,
                                 .done_ctx = o};
    void *reply = NULL;
    int rc;

    err_clear(&o->err);
    o->later_rc = 1;
    rc = op_call(&in, keep(o, request), &reply, &o->err);
    if (rc == OP_LATER)
        return o->later_rc == 0 ? o->later_reply : NULL;
    return rc == 0 ? reply : NULL;
}

bool says_mkdirs(struct op_world *o, const char *path, unsigned mode)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__MkdirsRequestProto rq = PB__MKDIRS_REQUEST_PROTO__INIT;
    const Pb__MkdirsResponseProto *rs;

    perm.perm = mode;
    rq.src = (char *)path;
    rq.masked = &perm;
    rq.createparent = 1;
    rs = op_world_call(o, "mkdirs", &rq);
    return rs && rs->result;
}

bool says_create(struct op_world *o, const char *path, const char *client, unsigned flags)
{
    Pb__FsPermissionProto perm = PB__FS_PERMISSION_PROTO__INIT;
    Pb__CreateRequestProto rq = PB__CREATE_REQUEST_PROTO__INIT;

    perm.perm = 0644;
    rq.src = (char *)path;
    rq.masked = &perm;
    rq.clientname = (char *)client;
    rq.createflag = flags;
    rq.createparent = 1;
    rq.replication = 2;
    rq.blocksize = 1 << 20;
    return op_world_call(o, "create", &rq) != NULL;
}

Pb__LocatedBlockProto *says_add_block(struct op_world *o, const char *path, const char *client,
                                      const Pb__ExtendedBlockProto *previous)
{
    Pb__AddBlockRequestProto rq = PB__ADD_BLOCK_REQUEST_PROTO__INIT;
    const Pb__AddBlockResponseProto *rs;

    rq.src = (char *)path;
    rq.clientname = (char *)client;
    rq.previous = (Pb__ExtendedBlockProto *)previous;
    rs = op_world_call(o, "addBlock", &rq);
    return rs ? rs->block : NULL;
}

bool says_complete(struct op_world *o, const char *path, const char *client,
                   const Pb__ExtendedBlockProto *last)
{
    Pb__CompleteRequestProto rq = PB__COMPLETE_REQUEST_PROTO__INIT;
    const Pb__CompleteResponseProto *rs;

    rq.src = (char *)path;
    rq.clientname = (char *)client;
    rq.last = (Pb__ExtendedBlockProto *)last;
    rs = op_world_call(o, "complete", &rq);
    return rs && rs->result;
}

bool says_rename(struct op_world *o, const char *from, const char *to)
{
    Pb__RenameRequestProto rq = PB__RENAME_REQUEST_PROTO__INIT;
    const Pb__RenameResponseProto *rs;

    rq.src = (char *)from;
    rq.dst = (char *)to;
    rs = op_world_call(o, "rename", &rq);
    return rs && rs->result;
}

bool says_delete(struct op_world *o, const char *path, bool recursive)
{
    Pb__DeleteRequestProto rq = PB__DELETE_REQUEST_PROTO__INIT;
    const Pb__DeleteResponseProto *rs;

    rq.src = (char *)path;
    rq.recursive = recursive;
    rs = op_world_call(o, "delete", &rq);
    return rs && rs->result;
}

Pb__HdfsFileStatusProto *says_info(struct op_world *o, const char *path)
{
    Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    const Pb__GetFileInfoResponseProto *rs;

    rq.src = (char *)path;
    rs = op_world_call(o, "getFileInfo", &rq);
    return rs ? rs->fs : NULL;
}

/* ---- the whole tree ---- */

static void put_tree(struct op_world *o, uint64_t dir, struct buf *out)
{
    uint64_t ids[256];
    int n = ns_children(o->nn.ns, dir, NULL, 0, ids, 256);

    for (int i = 0; i < n; i++) {
        struct inode_info f;

        CU_ASSERT_FATAL(ns_info(o->nn.ns, ids[i], &f));
        buf_printf(out,
                   "%s id=%llu kind=%d %s:%s %o len=%llu rep=%u mtime=%llu open=%d blocks=%u\n",
                   ns_path_of(o->nn.ns, ids[i], &o->answers), (unsigned long long)f.id, f.kind,
                   f.user, f.group, f.mode, (unsigned long long)f.length, f.replication,
                   (unsigned long long)f.mtime_ms, f.under_construction, f.block_count);
        if (f.kind == INODE_DIR)
            put_tree(o, ids[i], out);
    }
}

char *op_world_tree(struct op_world *o)
{
    struct buf out;
    char *text;

    buf_init(&out, 16 << 20);
    put_tree(o, NS_ROOT_ID, &out);
    text = strdup(buf_cstr(&out));
    buf_done(&out);
    return text;
}
