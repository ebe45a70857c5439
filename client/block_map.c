#include "client/block_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_datanode.pb-c.h"
#include "common/net.h"
#include "proto/stripe.h"

void replica_address(const struct dfs *fs, const Pb__DatanodeIDProto *id, struct net_addr *out)
{
    const char *host = conf_bool(fs->conf, OPT_client_use_hostname) ? id->hostname : id->ipaddr;

    *out = (struct net_addr){.port = (uint16_t)id->xferport};
    snprintf(out->host, sizeof out->host, "%s", host);
}

/* Asks one datanode how much of a block that is being written readers may see. */
static int ask_visible(struct dfs *fs, const Pb__DatanodeIDProto *node,
                       Pb__ExtendedBlockProto *block, uint64_t *out, struct err *err)
{
    Pb__GetReplicaVisibleLengthRequestProto req =
        PB__GET_REPLICA_VISIBLE_LENGTH_REQUEST_PROTO__INIT;
    Pb__GetReplicaVisibleLengthResponseProto *answer;
    struct rpc_client *c;
    struct net_addr at;
    char address[FS_URI_MAX];
    struct arena arena;
    int rc;

    replica_address(fs, node, &at);
    snprintf(address, sizeof address, "%s:%u", at.host, node->ipcport);
    struct rpc_client_options o = {
        .address = address,
        .bind_host = fs->bind_host,
        .protocol = "org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol",
        .version = 1,
        .user = fs->user,
        .connect_timeout_ms = (int)conf_int(fs->conf, OPT_client_timeout),
        .call_timeout_ms = (int)conf_int(fs->conf, OPT_client_timeout),
    };
    rc = rpc_client_new(&o, &c, err);
    if (rc < 0)
        return rc;
    arena_init(&arena, 1 << 20);
    req.block = block;
    rc = rpc_call_method(c, "getReplicaVisibleLength", &req.base,
                         &pb__get_replica_visible_length_response_proto__descriptor, &arena,
                         (ProtobufCMessage **)&answer, err);
    if (rc == 0)
        *out = answer->length;
    arena_done(&arena);
    rpc_client_free(c);
    return rc;
}

/* Adds the last block's visible bytes; of a group that is being written none are.  Any datanode that answers will do; when those that answer
 * know of no replica yet, nothing was written; when none answers, that is the error. */
static int add_last_block(struct dfs *fs, struct block_map *m, struct err *err)
{
    const Pb__LocatedBlockProto *last = m->blocks->lastblock;
    int rc = 0;

    if (m->blocks->islastblockcomplete || !last || m->blocks->ecpolicy)
        return 0;
    for (size_t i = 0; i < last->n_locs; i++) {
        struct err why;
        int got = ask_visible(fs, last->locs[i]->id, last->b, &m->last_visible, &why);

        if (got == 0 || why.code == ERR_NO_REPLICA) {
            rc = 0;
            break;
        }
        rc = err_set(err, why.code, "length of the last block: %.900s", why.text);
    }
    m->file_length += m->last_visible;
    return rc;
}

int block_map_fetch(struct dfs *fs, const char *path, uint64_t offset, uint64_t length,
                    struct block_map **out, struct err *err)
{
    Pb__GetBlockLocationsRequestProto req = PB__GET_BLOCK_LOCATIONS_REQUEST_PROTO__INIT;
    Pb__GetBlockLocationsResponseProto *answer;
    struct block_map *m = calloc(1, sizeof *m);
    int rc;

    if (!m)
        return err_set(err, ERR_NOMEM, "block locations");
    arena_init(&m->arena, FS_ANSWER_MAX);
    atomic_init(&m->refs, 1);
    rc = fs_path(fs, path, &m->arena, &req.src, err);
    req.offset = offset;
    req.length = length;
    if (rc == 0)
        rc = FS_ASK(fs, "getBlockLocations", &req, get_block_locations, &m->arena, &answer, err);
    if (rc == 0 && !answer->locations)
        rc = err_set(err, ERR_NOENT, "File does not exist: %s", req.src);
    if (rc == 0) {
        m->blocks = answer->locations;
        m->file_length = m->blocks->filelength;
        rc = add_last_block(fs, m, err);
    }
    if (rc < 0) {
        block_map_drop(m);
        return rc;
    }
    m->from = offset;
    m->to = offset + length < m->file_length ? offset + length : m->file_length;
    *out = m;
    return 0;
}

struct block_map *block_map_hold(struct block_map *m)
{
    atomic_fetch_add(&m->refs, 1);
    return m;
}

void block_map_drop(struct block_map *m)
{
    if (m && atomic_fetch_sub(&m->refs, 1) == 1) {
        arena_done(&m->arena);
        free(m);
    }
}

uint64_t block_map_length(const struct block_map *m, const Pb__LocatedBlockProto *b)
{
    const Pb__LocatedBlockProto *last = m->blocks->lastblock;

    if (!m->blocks->islastblockcomplete && last && last->b->blockid == b->b->blockid)
        return m->last_visible;
    if (b->offset <= m->file_length && b->b->numbytes > m->file_length - b->offset)
        return m->file_length -
               b->offset; /* a snapshot's file ends inside a block that grew since */
    return b->b->numbytes;
}

static bool holds(const struct block_map *m, const Pb__LocatedBlockProto *b, uint64_t offset)
{
    return offset >= b->offset && offset - b->offset < block_map_length(m, b);
}

const Pb__LocatedBlockProto *block_map_find(const struct block_map *m, uint64_t offset)
{
    size_t low = 0, high = m->blocks->n_blocks;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (m->blocks->blocks[mid]->offset > offset)
            high = mid;
        else
            low = mid + 1;
    }
    if (low > 0 && holds(m, m->blocks->blocks[low - 1], offset))
        return m->blocks->blocks[low - 1];
    if (!m->blocks->islastblockcomplete && m->blocks->lastblock &&
        holds(m, m->blocks->lastblock, offset))
        return m->blocks->lastblock;
    return NULL;
}

/* ---- for callers of libdfs ---- */

static int host_from(const Pb__DatanodeInfoProto *from, struct dfs_host *out, struct err *err)
{
    *out = (struct dfs_host){
        .name = strdup(from->id->hostname),
        .ip = strdup(from->id->ipaddr),
        .rack = strdup(from->location ? from->location : "/default-rack"),
        .uuid = strdup(from->id->datanodeuuid),
        .port = (uint16_t)from->id->xferport,
        .leaving = from->has_adminstate &&
                   from->adminstate != PB__DATANODE_INFO_PROTO__ADMIN_STATE__NORMAL,
    };
    if (!out->name || !out->ip || !out->rack || !out->uuid)
        return err_set(err, ERR_NOMEM, "datanode %s", from->id->hostname);
    return 0;
}

static int hosts_from(Pb__DatanodeInfoProto **from, size_t count, struct dfs_host **out,
                      struct err *err)
{
    struct dfs_host *hosts = calloc(count + 1, sizeof *hosts);
    int rc = hosts ? 0 : err_set(err, ERR_NOMEM, "%zu datanodes", count);

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = host_from(from[i], &hosts[i], err);
    if (rc < 0) {
        dfs_hosts_free(hosts, hosts ? count : 0);
        return rc;
    }
    *out = hosts;
    return 0;
}

void dfs_hosts_free(struct dfs_host *hosts, size_t count)
{
    for (size_t i = 0; hosts && i < count; i++) {
        free(hosts[i].name);
        free(hosts[i].ip);
        free(hosts[i].rack);
        free(hosts[i].uuid);
    }
    free(hosts);
}

/* Which units of a group, and which replicas in memory, the hosts have. */
static void host_details(const struct block_map *m, const Pb__LocatedBlockProto *b,
                         struct dfs_block *out)
{
    struct stripe_policy p;

    for (size_t i = 0; i < b->n_locs; i++) {
        if (b->has_blockindices && i < b->blockindices.len)
            out->hosts[i].unit = b->blockindices.data[i];
        out->hosts[i].cached = i < b->n_iscached && b->iscached[i];
    }
    if (m->blocks->ecpolicy && stripe_policy_from(m->blocks->ecpolicy, &p, NULL) == 0) {
        out->cell_bytes = p.cell_bytes;
        out->data_units = p.data;
    }
}

int dfs_blocks(struct dfs *fs, const char *path, uint64_t offset, uint64_t length,
               struct dfs_block **out, size_t *count, struct err *err)
{
    struct dfs_block *list = NULL;
    struct block_map *m;
    size_t n = 0;
    int rc = block_map_fetch(fs, path, offset, length, &m, err);

    if (rc < 0)
        return rc;
    list = calloc(m->blocks->n_blocks + 1, sizeof *list);
    if (!list)
        rc = err_set(err, ERR_NOMEM, "%zu blocks", m->blocks->n_blocks);
    for (; n < m->blocks->n_blocks && rc == 0; n++) {
        const Pb__LocatedBlockProto *b = m->blocks->blocks[n];

        list[n] = (struct dfs_block){
            .offset = b->offset,
            .length = block_map_length(m, b),
            .block_id = b->b->blockid,
            .gs = b->b->generationstamp,
            .corrupt = b->corrupt,
            .host_count = (int)b->n_locs,
        };
        rc = hosts_from(b->locs, b->n_locs, &list[n].hosts, err);
        if (rc == 0)
            host_details(m, b, &list[n]);
    }
    block_map_drop(m);
    if (rc < 0) {
        dfs_blocks_free(list, n);
        return rc;
    }
    *out = list;
    *count = n;
    return 0;
}

void dfs_blocks_free(struct dfs_block *blocks, size_t count)
{
    for (size_t i = 0; blocks && i < count; i++)
        dfs_hosts_free(blocks[i].hosts, (size_t)blocks[i].host_count);
    free(blocks);
}

int dfs_datanodes(struct dfs *fs, struct dfs_host **out, size_t *count, struct err *err)
{
    Pb__GetDatanodeReportRequestProto req = PB__GET_DATANODE_REPORT_REQUEST_PROTO__INIT;
    Pb__GetDatanodeReportResponseProto *answer;
    struct arena arena;
    int rc;

    arena_init(&arena, FS_ANSWER_MAX);
    req.type = PB__DATANODE_REPORT_TYPE_PROTO__LIVE;
    rc = FS_ASK(fs, "getDatanodeReport", &req, get_datanode_report, &arena, &answer, err);
    if (rc == 0)
        rc = hosts_from(answer->di, answer->n_di, out, err);
    if (rc == 0)
        *count = answer->n_di;
    arena_done(&arena);
    return rc;
}
