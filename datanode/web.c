#include "datanode/web.h"

#include <inttypes.h>
#include <string.h>

#include "datanode/namenodes.h"
#include "proto/http.h"
#include "proto/rpc_server.h"
#include "proto/web_loglevel.h"

enum { PAGE_MAX = 4 << 20, PAGES = 4, ALSO_MAX = 4 };

/* ---- gauges: asked for when somebody looks ---- */

static struct volume_room total_room(struct datanode *dn)
{
    struct volume_room all = {0};

    for (unsigned i = 0; i < dataset_volume_count(dn->ds); i++) {
        struct volume *v = dataset_volume(dn->ds, i);
        struct volume_room room;

        if (!volume_serves(v))
            continue;
        volume_room(v, &room);
        all.capacity += room.capacity;
        all.used += room.used;
        all.available += room.available;
    }
    return all;
}

static int64_t capacity(void *dn)
{
    return (int64_t)total_room(dn).capacity;
}

static int64_t used(void *dn)
{
    return (int64_t)total_room(dn).used;
}

static int64_t available(void *dn)
{
    return (int64_t)total_room(dn).available;
}

static int64_t replicas(void *ctx)
{
    struct datanode *dn = ctx;

    return (int64_t)dataset_block_count(dn->ds);
}

static int64_t failed_volumes(void *ctx)
{
    struct datanode *dn = ctx;
    int64_t n = 0;

    for (unsigned i = 0; i < dataset_volume_count(dn->ds); i++)
        n += volume_failed(dataset_volume(dn->ds, i));
    return n;
}

static int64_t transfers(void *ctx)
{
    struct datanode *dn = ctx;

    return atomic_load(&dn->xceivers);
}

static int64_t deletes_pending(void *ctx)
{
    struct datanode *dn = ctx;

    return (int64_t)dataset_deletes_pending(dn->ds);
}

static int64_t namenodes_up(void *ctx)
{
    struct datanode *dn = ctx;
    int64_t n = 0;

    for (unsigned i = 0; dn->namenodes && i < dn->namenodes->count; i++)
        n += atomic_load(&dn->namenodes->actors[i]->registered) &&
             atomic_load(&dn->namenodes->actors[i]->healthy);
    return n;
}

#define STATE "Hadoop:service=DataNode,name=FSDatasetState"
#define INFO "Hadoop:service=DataNode,name=DataNodeInfo"
#define GAUGE(prom, text, bean, jmx, fn)                                                           \
    {                                                                                              \
        .name = prom, .help = text, .kind = METRIC_GAUGE, .jmx_bean = bean, .jmx_name = jmx,       \
        .read = fn                                                                                 \
    }
static struct metric gauges[] = {
    GAUGE("datanode_capacity_bytes", "Room of all volumes.", STATE, "Capacity", capacity),
    GAUGE("datanode_used_bytes", "Bytes of block and meta files.", STATE, "DfsUsed", used),
    GAUGE("datanode_remaining_bytes", "Room left for blocks.", STATE, "Remaining", available),
    GAUGE("datanode_replicas", "Replicas on all volumes.", STATE, "NumBlocks", replicas),
    GAUGE("datanode_failed_volumes", "Volumes dropped.", STATE, "NumFailedVolumes", failed_volumes),
    GAUGE("datanode_deletes_pending", "Replicas whose files are still to be removed.", STATE,
          "PendingDeletes", deletes_pending),
    GAUGE("datanode_transfers", "Data connections open.", INFO, "XceiverCount", transfers),
    GAUGE("datanode_namenodes_up", "Namenodes that answer.", INFO, "NamenodesUp", namenodes_up),
};
enum { GAUGES = sizeof gauges / sizeof *gauges };

/* ---- pages ---- */

/* Two tables make one: what is counted, and what is asked for. */
static struct metric *gather(struct metric all[COUNT_MAX + GAUGES])
{
    for (int i = 0; i < COUNT_MAX + GAUGES; i++) {
        struct metric *from = i < COUNT_MAX ? &counters[i] : &gauges[i - COUNT_MAX];

        all[i].name = from->name;
        all[i].help = from->help;
        all[i].kind = from->kind;
        all[i].jmx_bean = from->jmx_bean;
        all[i].jmx_name = from->jmx_name;
        all[i].read = from->read;
        metric_set(&all[i], atomic_load(&from->value));
    }
    return all;
}

static void metrics_page(void *ctx, struct http_request *req)
{
    struct metric all[COUNT_MAX + GAUGES];
    struct buf b;

    buf_init(&b, PAGE_MAX);
    metrics_prometheus(gather(all), COUNT_MAX + GAUGES, ctx, &b);
    rpc_server_metrics(((struct datanode *)ctx)->rpc, "datanode", &b);
    http_metrics(&b);
    http_reply(req, b.bad ? 500 : 200, "text/plain; version=0.0.4", b.bytes, b.n);
    buf_done(&b);
}

static void jmx_page(void *ctx, struct http_request *req)
{
    struct metric all[COUNT_MAX + GAUGES];
    char query[256] = "";
    struct buf b;

    http_query(req, "qry", query, sizeof query);
    buf_init(&b, PAGE_MAX);
    metrics_jmx(gather(all), COUNT_MAX + GAUGES, ctx, query, &b);
    http_reply(req, b.bad ? 500 : 200, "application/json; charset=utf8", b.bytes, b.n);
    buf_done(&b);
}

static void put_volumes(struct datanode *dn, struct buf *b)
{
    buf_puts(b, "<table><tr><th>volume<th>type<th>storage id<th>used<th>left<th>blocks<th></tr>\n");
    for (unsigned i = 0; i < dataset_volume_count(dn->ds); i++) {
        struct volume *v = dataset_volume(dn->ds, i);
        struct volume_room room;

        if (!volume_serves(v) && !volume_failed(v))
            continue;
        volume_room(v, &room);
        buf_printf(b, "<tr><td>%s<td>%s<td>%s<td>%" PRIu64 "<td>%" PRIu64 "<td>%lld<td>%s</tr>\n",
                   v->root, storage_type_name(v->type), v->storage_id, room.used, room.available,
                   (long long)atomic_load(&v->blocks), volume_failed(v) ? "failed" : "");
    }
    buf_puts(b, "</table>\n");
}

static void front_page(void *ctx, struct http_request *req)
{
    struct datanode *dn = ctx;
    const struct pool_info *pool = dataset_pool(dn->ds);
    struct buf b;

    if (strcmp(req->path, "/") != 0 && strcmp(req->path, "/index.html") != 0) {
        http_reply(req, 404, "text/plain", "not found\n", 10);
        return;
    }
    buf_init(&b, PAGE_MAX);
    buf_printf(&b,
               "<!doctype html><title>datanode %s:%u</title><style>body{font:14px sans-serif}"
               "td,th{padding:2px 12px;text-align:left}</style><h1>datanode %s:%u</h1>\n"
               "<p>uuid %s, block pool %s, %zu replicas, %d transfers\n",
               dn->host, dn->data_port, dn->host, dn->data_port, dataset_uuid(dn->ds),
               pool ? pool->pool_id : "not known yet", dataset_block_count(dn->ds),
               atomic_load(&dn->xceivers));
    buf_puts(&b, "<table><tr><th>namenode<th>state</tr>\n");
    for (unsigned i = 0; dn->namenodes && i < dn->namenodes->count; i++) {
        struct actor *a = dn->namenodes->actors[i];

        buf_printf(&b, "<tr><td>%s<td>%s</tr>\n", a->address,
                   !atomic_load(&a->registered) ? "not registered"
                   : !atomic_load(&a->healthy)  ? "does not answer"
                   : atomic_load(&a->active)    ? "active"
                                                : "standby");
    }
    buf_puts(&b, "</table>\n");
    put_volumes(dn, &b);
    buf_puts(&b, "<p><a href=/metrics>metrics</a> <a href=/jmx>jmx</a>\n");
    http_reply(req, b.bad ? 500 : 200, "text/html; charset=utf-8", b.bytes, b.n);
    buf_done(&b);
}

int web_start(struct datanode *dn, const struct net_addr *at, const struct http_route *also,
              int also_count, uint16_t *out_port, struct http_server **out, struct err *err)
{
    struct http_route routes[PAGES + ALSO_MAX] = {{"/metrics", metrics_page, dn},
                                                  {"/jmx", jmx_page, dn},
                                                  {"/logLevel", web_loglevel_serve, NULL},
                                                  {"/", front_page, dn}};

    MUST(also_count <= ALSO_MAX);
    for (int i = 0; i < also_count; i++)
        routes[PAGES + i] = also[i];
    return http_start(at->host, at->port, routes, PAGES + also_count, out, out_port, err);
}
