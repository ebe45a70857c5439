/* sps.c -- dfs sps: has the blocks of files move to the kinds of storage that their policy names.
 *
 * Takes path after path from the namenode (NamenodeProtocol.getNextSPSPath: what somebody asked
 * satisfyStoragePolicy for), looks where the blocks of its files are, and has datanodes fetch them:
 * REPLACE_BLOCK, to another kind of storage of the same datanode when it has room there, else to
 * another datanode, which makes the namenode drop the old replica.  A path that is done loses its
 * mark, the attribute user.hdfs.sps.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/block_map.h"
#include "client/shell/shell.h"
#include "client/shell/tool.h"
#include "client/shell/storage_type.h"
#include "common/net.h"
#include "namenode.pb-c.h"
#include "proto/xfer.h"

enum { TYPES = 7, REPLICAS = 512, IDLE_S = 3 };

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
    (void)sig;
    stopped = 1;
}

struct sps {
    struct dfs *fs;
    struct rpc_client *namenode;
    struct arena arena; /* policies, for good */
    struct arena turn;  /* of the path that is looked after: what the datanodes have */
    const Pb__GetStoragePoliciesResponseProto *policies;
    const Pb__GetDatanodeStorageReportResponseProto *nodes;
    uint64_t moved, failed;
};

/* A replica in the wrong place. */
struct misplaced {
    const Pb__DatanodeInfoProto *node;
    Pb__StorageTypeProto type;
};

/* ---- what is, and what should be ---- */

static const Pb__BlockStoragePolicyProto *policy_of(const struct sps *s, uint8_t id)
{
    enum { HOT = 7 };

    for (size_t i = 0; i < s->policies->n_policies; i++)
        if (s->policies->policies[i]->policyid == (id ? id : HOT))
            return s->policies->policies[i];
    return NULL;
}

/* How many replicas should be on each kind; RAM, which forgets, is passed over. */
static void wanted_types(const Pb__BlockStoragePolicyProto *p, unsigned replication,
                         unsigned want[TYPES])
{
    const Pb__StorageTypesProto *list = p->creationpolicy;
    size_t at = 0;

    memset(want, 0, TYPES * sizeof *want);
    while (replication > 0 && list && at < list->n_storagetypes) {
        Pb__StorageTypeProto type = list->storagetypes[at];
        bool last = at + 1 == list->n_storagetypes;

        if (type != PB__STORAGE_TYPE_PROTO__RAM_DISK && (unsigned)type < TYPES) {
            want[type]++;
            replication--;
        } else if (last) {
            return;
        }
        at += last ? 0 : 1;
    }
}

/* Takes what is right out of @want; what is wrong goes to @out. */
static int find_misplaced(const Pb__LocatedBlockProto *b, unsigned want[TYPES],
                          struct misplaced out[REPLICAS])
{
    int n = 0;

    for (size_t i = 0; i < b->n_locs && i < b->n_storagetypes && n < REPLICAS; i++) {
        Pb__StorageTypeProto type = b->storagetypes[i];

        if ((unsigned)type < TYPES && want[type] > 0)
            want[type]--;
        else if (type != PB__STORAGE_TYPE_PROTO__RAM_DISK)
            out[n++] = (struct misplaced){b->locs[i], type};
    }
    return n;
}

/* ---- where to ---- */

static bool has_room(const Pb__DatanodeStorageReportProto *node, Pb__StorageTypeProto type,
                     uint64_t bytes)
{
    for (size_t i = 0; i < node->n_storagereports; i++) {
        const Pb__StorageReportProto *r = node->storagereports[i];

        if (r->storage && r->storage->storagetype == type && !r->failed && r->remaining > bytes)
            return true;
    }
    return false;
}

static bool is_same(const Pb__DatanodeInfoProto *a, const Pb__DatanodeInfoProto *b)
{
    return strcmp(a->id->datanodeuuid, b->id->datanodeuuid) == 0;
}

static bool holds(const Pb__LocatedBlockProto *b, const Pb__DatanodeInfoProto *node)
{
    for (size_t i = 0; i < b->n_locs; i++)
        if (is_same(b->locs[i], node))
            return true;
    return false;
}

/* The same datanode is best, then one of its rack, then any. */
enum { SAME_NODE, SAME_RACK, ANYWHERE, NEARNESSES };

static bool is_near(const Pb__LocatedBlockProto *b, const Pb__DatanodeInfoProto *from,
                    const Pb__DatanodeInfoProto *to, int nearness)
{
    if (nearness == SAME_NODE)
        return is_same(from, to);
    if (holds(b, to))
        return false;
    return nearness == ANYWHERE ||
           strcmp(from->location ? from->location : "", to->location ? to->location : "") == 0;
}

static const Pb__DatanodeInfoProto *find_target(const struct sps *s, const Pb__LocatedBlockProto *b,
                                                const struct misplaced *m,
                                                const unsigned want[TYPES],
                                                Pb__StorageTypeProto *type)
{
    for (int nearness = 0; nearness < NEARNESSES; nearness++)
        for (int t = 1; t < TYPES; t++)
            for (size_t i = 0; want[t] > 0 && i < s->nodes->n_datanodestoragereports; i++) {
                const Pb__DatanodeStorageReportProto *node = s->nodes->datanodestoragereports[i];

                if (is_near(b, m->node, node->datanodeinfo, nearness) &&
                    has_room(node, (Pb__StorageTypeProto)t, b->b->numbytes)) {
                    *type = (Pb__StorageTypeProto)t;
                    return node->datanodeinfo;
                }
            }
    return NULL;
}

/* ---- moving ---- */

/* A datanode that is busy with it says so now and then. */
static int wait_moved(int fd, struct err *err)
{
    Pb__BlockOpResponseProto *answer;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    arena_init(&arena, 1 << 20);
    do {
        rc = xfer_recv_message(fd, &pb__block_op_response_proto__descriptor, &arena, &m, err);
        answer = (Pb__BlockOpResponseProto *)m;
    } while (rc == 0 && answer->status == PB__STATUS__IN_PROGRESS);
    if (rc == 0 && answer->status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, answer->status, answer->message);
    arena_done(&arena);
    return rc;
}

static int move(struct sps *s, const Pb__LocatedBlockProto *b, const struct misplaced *m,
                const Pb__DatanodeInfoProto *to, Pb__StorageTypeProto type, struct err *err)
{
    Pb__OpReplaceBlockProto op = PB__OP_REPLACE_BLOCK_PROTO__INIT;
    Pb__BaseHeaderProto header = PB__BASE_HEADER_PROTO__INIT;
    struct net_addr at;
    int fd, rc;

    replica_address(s->fs, to->id, &at);
    fd = net_connect(&at, s->fs->bind_host, (int)conf_int(s->fs->conf, OPT_client_timeout), err);
    if (fd < 0)
        return fd;
    header.block = b->b;
    header.token = b->blocktoken;
    op.header = &header;
    op.delhint = m->node->id->datanodeuuid;
    op.source = (Pb__DatanodeInfoProto *)m->node;
    op.has_storagetype = 1;
    op.storagetype = type;
    rc = xfer_send_op(fd, XFER_REPLACE_BLOCK, &op.base, err);
    if (rc == 0)
        rc = wait_moved(fd, err);
    close(fd);
    return rc;
}

/* ---- one file, one tree ---- */

static void satisfy_block(struct sps *s, const char *path, const Pb__BlockStoragePolicyProto *p,
                          unsigned replication, const Pb__LocatedBlockProto *b)
{
    struct misplaced wrong[REPLICAS];
    unsigned want[TYPES];
    int n;

    wanted_types(p, replication, want);
    n = find_misplaced(b, want, wrong);
    if (b->n_locs < replication) /* some may still be reported, or copied */
        s->failed++;
    for (int i = 0; i < n; i++) {
        struct err err = {0};
        Pb__StorageTypeProto type = 0;
        const Pb__DatanodeInfoProto *to = find_target(s, b, &wrong[i], want, &type);

        if (!to) /* none wanted, or no room */
            continue;
        if (move(s, b, &wrong[i], to, type, &err) < 0) {
            fprintf(stderr, "sps: %s: blk_%" PRIu64 ": %s\n", path, b->b->blockid, err.text);
            s->failed++;
            continue;
        }
        want[type]--;
        s->moved++;
    }
}

static int satisfy_file(struct sps *s, const struct dfs_stat *st, struct err *err)
{
    const Pb__BlockStoragePolicyProto *p = policy_of(s, st->storage_policy);
    struct block_map *map;
    int rc;

    if (!p || st->is_erasure_coded || st->length == 0)
        return 0;
    rc = block_map_fetch(s->fs, st->path, 0, st->length, &map, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < map->blocks->n_blocks; i++)
        satisfy_block(s, st->path, p, st->replication, map->blocks->blocks[i]);
    block_map_drop(map);
    return 0;
}

static int satisfy_tree(struct sps *s, const char *path, struct err *err)
{
    struct dfs_stat *list;
    size_t count;
    int rc = dfs_list(s->fs, path, &list, &count, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (rc == 0 && list[i].kind == DFS_FILE)
            rc = satisfy_file(s, &list[i], err);
        else if (rc == 0 && list[i].kind == DFS_DIR)
            rc = satisfy_tree(s, list[i].path, err);
        if (rc == -ERR_NOENT) /* it went meanwhile */
            rc = 0;
        dfs_stat_done(&list[i]);
    }
    free(list);
    return rc;
}

static int look_at_nodes(struct sps *s, struct err *err)
{
    Pb__GetDatanodeStorageReportRequestProto req =
        PB__GET_DATANODE_STORAGE_REPORT_REQUEST_PROTO__INIT;

    req.type = PB__DATANODE_REPORT_TYPE_PROTO__LIVE;
    return FS_ASK(s->fs, "getDatanodeStorageReport", &req, get_datanode_storage_report, &s->turn,
                  &s->nodes, err);
}

/* Once more for what failed and for blocks that lack replicas, as often as the configuration
 * says; then the mark goes, as with Hadoop, whatever is left. */
static int satisfy_path(struct sps *s, uint64_t inode, struct err *err)
{
    int64_t tries = conf_int(s->fs->conf, OPT_satisfier_retries);
    char path[64];
    int rc = 0;

    snprintf(path, sizeof path, "/.reserved/.inodes/%" PRIu64, inode);
    for (int64_t i = 0; i <= tries && rc == 0 && !stopped; i++) {
        if (i > 0)
            sleep(IDLE_S);
        s->failed = 0;
        arena_init(&s->turn, FS_ANSWER_MAX);
        rc = look_at_nodes(s, err);
        if (rc == 0)
            rc = satisfy_tree(s, path, err);
        arena_done(&s->turn);
        if (s->failed == 0)
            break;
    }
    return rc == 0 ? dfs_xattr_remove(s->fs, path, "user.hdfs.sps", err) : rc;
}

/* ---- the program ---- */

/* 1 with an inode, 0 when nothing waits. */
static int next_path(struct sps *s, uint64_t *inode, struct err *err)
{
    Pbnn__GetNextSPSPathRequestProto req = PBNN__GET_NEXT_SPSPATH_REQUEST_PROTO__INIT;
    Pbnn__GetNextSPSPathResponseProto *answer;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    arena_init(&arena, 1 << 20);
    rc = rpc_call_method(s->namenode, "getNextSPSPath", &req.base,
                         &pbnn__get_next_spspath_response_proto__descriptor, &arena, &m, err);
    answer = (Pbnn__GetNextSPSPathResponseProto *)m;
    if (rc == 0 && answer->has_spspath) {
        *inode = answer->spspath;
        rc = 1;
    }
    arena_done(&arena);
    return rc;
}

static int begin(struct sps *s, struct conf *conf, struct err *err)
{
    Pb__GetStoragePoliciesRequestProto req = PB__GET_STORAGE_POLICIES_REQUEST_PROTO__INIT;
    struct rpc_client_options o = {
        .protocol = "org.apache.hadoop.hdfs.server.protocol.NamenodeProtocol", .version = 1};
    int rc = dfs_connect(conf, NULL, NULL, &s->fs, err);

    if (rc < 0)
        return rc;
    o.address = s->fs->address;
    o.bind_host = s->fs->bind_host;
    o.user = s->fs->user;
    arena_init(&s->arena, FS_ANSWER_MAX);
    rc = rpc_client_new(&o, &s->namenode, err);
    return rc < 0 ? rc
                  : FS_ASK(s->fs, "getStoragePolicies", &req, get_storage_policies, &s->arena,
                           &s->policies, err);
}

static void end(struct sps *s)
{
    rpc_client_free(s->namenode);
    if (s->fs) {
        arena_done(&s->arena);
        dfs_disconnect(s->fs);
    }
}

/* What is taken from the queue then is lost to it: nothing can be moved nor unmarked. */
static int in_safe_mode(struct sps *s, bool *on, struct err *err)
{
    Pb__SetSafeModeRequestProto req = PB__SET_SAFE_MODE_REQUEST_PROTO__INIT;
    Pb__SetSafeModeResponseProto *answer;
    struct arena arena;
    int rc;

    arena_init(&arena, 1 << 20);
    req.action = PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_GET;
    rc = FS_ASK(s->fs, "setSafeMode", &req, set_safe_mode, &arena, &answer, err);
    if (rc == 0)
        *on = answer->result;
    arena_done(&arena);
    return rc;
}

static int run(struct sps *s, bool once, struct err *err)
{
    bool safe = false;
    uint64_t inode = 0;
    int rc = 0;

    while (!stopped && (rc = in_safe_mode(s, &safe, err)) == 0) {
        if (safe) {
            sleep(1);
            continue;
        }
        if ((rc = next_path(s, &inode, err)) < 0)
            break;
        if (rc == 0 && once)
            break;
        if (rc == 0) {
            sleep(IDLE_S); /* a signal ends it */
            continue;
        }
        s->moved = 0;
        rc = satisfy_path(s, inode, err);
        printf("inode %" PRIu64 ": moved %" PRIu64 ", failed %" PRIu64 "\n", inode, s->moved,
               s->failed);
        fflush(stdout);
        if (rc < 0 && rc != -ERR_NOENT)
            fprintf(stderr, "sps: inode %" PRIu64 ": %s\n", inode, err->text);
    }
    return rc < 0 ? rc : 0;
}

int sps_main(struct conf *conf, int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = stop};
    bool once = argc == 1 && strcmp(argv[0], "-once") == 0;
    struct sps s = {0};
    struct err err;
    int rc;

    if (argc > 0 && !once) {
        fprintf(stderr, "Usage: dfs sps [-once]\n");
        return 1;
    }
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    rc = begin(&s, conf, &err);
    if (rc == 0)
        rc = run(&s, once, &err);
    end(&s);
    if (rc < 0)
        fprintf(stderr, "sps: %.*s\n", (int)strcspn(err.text, "\n"), err.text);
    return rc < 0;
}
