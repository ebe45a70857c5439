#include "namenode/http/web_view.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/metrics.h"
#include "namenode/calls/client_protocol.h"
#include "proto/http.h"

static void name_policies(struct web_view *v)
{
    const struct ec_table *all = ns_ec_policies(v->nn->ns);
    const struct ec_policy *p;

    for (int i = 0; (p = ec_at(all, i)); i++) {
        size_t n = strlen(v->ec_policies);

        if (p->state == EC_ENABLED)
            snprintf(v->ec_policies + n, sizeof v->ec_policies - n, "%s%s", n ? ", " : "", p->name);
    }
}

void web_view_take(struct namenode *nn, struct arena *arena, struct web_view *v)
{
    memset(v, 0, sizeof *v);
    v->nn = nn;
    nn_lock(nn);
    bm_get_stats(nn->bm, &v->bm);
    v->inodes = ns_inode_count(nn->ns);
    v->blocks = ns_block_count(nn->ns);
    v->groups = ns_group_count(nn->ns);
    name_policies(v);
    v->open_files = ns_open_file_count(nn->ns);
    v->told_not_yet = nn->told_not_yet;
    v->last_txid = journal_last_txid(nn->journal);
    v->resources_low = bm_is_low_on_resources(nn->bm);
    v->safe_mode = bm_in_safe_mode(nn->bm);
    if (v->safe_mode)
        bm_safe_mode_tip(nn->bm, v->safe_mode_tip, sizeof v->safe_mode_tip);
    bm_storage_report(nn->bm, PB__DATANODE_REPORT_TYPE_PROTO__LIVE, arena, &v->nodes[0],
                      &v->node_count[0]);
    bm_storage_report(nn->bm, PB__DATANODE_REPORT_TYPE_PROTO__DEAD, arena, &v->nodes[1],
                      &v->node_count[1]);
    nn_unlock(nn);
    v->durable_txid = journal_durable_txid(nn->journal);
    v->now_ms = env_now_ms(nn->env);
    journal_get_stats(nn->journal, &v->journal);
    checkpointer_stats(nn->checkpointer, &v->checkpoint);
    retry_cache_stats(nn->retry_cache, &v->retry);
}

/* ---- numbers ---- */

#define METRIC(id, kind, bean, jmx, value_, help)                                                  \
    static int64_t read_##id(void *ctx)                                                            \
    {                                                                                              \
        const struct web_view *v = ctx;                                                            \
        return (int64_t)(value_);                                                                  \
    }
#include "namenode/metrics.def"
#undef METRIC

/* One prefix for all beans; METRIC's rows name the rest, or NULL. */
#define BEAN(name) "Hadoop:service=NameNode,name=" name
static struct metric table[] = {
#define METRIC(id, kind_, bean, jmx, value_, help_)                                                \
    {.name = "namenode_" #id,                                                                      \
     .help = help_,                                                                                \
     .kind = METRIC_##kind_,                                                                       \
     .jmx_bean = bean,                                                                             \
     .jmx_name = jmx,                                                                              \
     .read = read_##id},
#include "namenode/metrics.def"
#undef METRIC
};
enum { TABLE_COUNT = sizeof table / sizeof table[0], METHODS_MAX = 256 };

void web_metrics(const struct web_view *v, struct buf *out)
{
    struct op_count counts[METHODS_MAX];
    int n = op_counts(counts, METHODS_MAX);

    metrics_prometheus(table, TABLE_COUNT, (void *)v, out);
    rpc_server_metrics(v->nn->rpc, "namenode", out);
    http_metrics(out);
    buf_puts(out, "# HELP namenode_client_calls_total Calls of ClientProtocol by method.\n"
                  "# TYPE namenode_client_calls_total counter\n");
    for (int i = 0; i < n; i++)
        if (counts[i].calls)
            buf_printf(out, "namenode_client_calls_total{method=\"%s\"} %llu\n", counts[i].method,
                       (unsigned long long)counts[i].calls);
    buf_puts(out, "# HELP namenode_client_failures_total Those answered with an exception.\n"
                  "# TYPE namenode_client_failures_total counter\n");
    for (int i = 0; i < n; i++)
        if (counts[i].failures)
            buf_printf(out, "namenode_client_failures_total{method=\"%s\"} %llu\n",
                       counts[i].method, (unsigned long long)counts[i].failures);
}

/* ---- beans with words in them ---- */

static const char *admin_state(const Pb__DatanodeInfoProto *dn)
{
    static const char *const names[] = {"In Service", "Decommission In Progress", "Decommissioned",
                                        "Entering Maintenance", "In Maintenance"};
    unsigned s = dn->has_adminstate ? (unsigned)dn->adminstate : 0;

    return names[s < 5 ? s : 0];
}

static json_t *address(const char *host, unsigned port)
{
    return json_sprintf("%s:%u", host, port);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static json_t *node_json(const struct web_view *v, const Pb__DatanodeInfoProto *dn, bool alive)
{
    json_t *j = json_object();
    uint64_t last_s = v->now_ms > dn->lastupdate ? (v->now_ms - dn->lastupdate) / 1000 : 0;

    json_object_set_new(j, "lastContact", json_integer((json_int_t)last_s));
    json_object_set_new(j, "xferaddr", address(dn->id->ipaddr, dn->id->xferport));
    json_object_set_new(j, "location", json_string(dn->location ? dn->location : ""));
    json_object_set_new(j, "adminState", json_string(admin_state(dn)));
    if (!alive) {
        json_object_set_new(j, "decommissioned",
                            json_boolean(strcmp(admin_state(dn), "Decommissioned") == 0));
        return j;
    }
    json_object_set_new(j, "infoAddr", address(dn->id->ipaddr, dn->id->infoport));
    json_object_set_new(j, "infoSecureAddr", address(dn->id->ipaddr, dn->id->infosecureport));
    json_object_set_new(j, "usedSpace", json_integer((json_int_t)dn->dfsused));
    json_object_set_new(j, "used", json_integer((json_int_t)dn->dfsused));
    json_object_set_new(j, "nonDfsUsedSpace", json_integer((json_int_t)dn->nondfsused));
    json_object_set_new(j, "capacity", json_integer((json_int_t)dn->capacity));
    json_object_set_new(j, "remaining", json_integer((json_int_t)dn->remaining));
    json_object_set_new(j, "numBlocks", json_integer(dn->numblocks));
    json_object_set_new(j, "blockPoolUsed", json_integer((json_int_t)dn->blockpoolused));
    json_object_set_new(j, "blockPoolUsedPercent",
                        json_real(percent(dn->blockpoolused, dn->capacity)));
    json_object_set_new(j, "version", json_string("3.4.2"));
    json_object_set_new(j, "volfails", json_integer(0));
    return j;
}

/* Hadoop puts an object as text into a string. */
static void set_text(json_t *bean, const char *name, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);

    json_object_set_new(bean, name, json_string(text ? text : ""));
    free(text);
    json_decref(value);
}

static void set_nodes(const struct web_view *v, json_t *bean, const char *name, int which)
{
    json_t *all = json_object();

    for (size_t i = 0; i < v->node_count[which]; i++) {
        const Pb__DatanodeInfoProto *dn = v->nodes[which][i]->datanodeinfo;
        char key[400];

        snprintf(key, sizeof key, "%.300s:%u", dn->id->hostname, dn->id->xferport);
        json_object_set_new(all, key, node_json(v, dn, which == 0));
    }
    set_text(bean, name, all);
}

static void set_number(json_t *bean, const char *name, uint64_t n)
{
    json_object_set_new(bean, name, json_integer((json_int_t)n));
}

static json_t *bean_named(const char *name, const char *type)
{
    json_t *b = json_object();

    json_object_set_new(b, "name", json_sprintf("Hadoop:service=NameNode,name=%s", name));
    json_object_set_new(b, "modelerType", json_string(type));
    return b;
}

static void set_dirs(const struct web_view *v, json_t *bean)
{
    json_t *all = json_object(), *active = json_object();
    char *const *paths;
    int n;

    paths = name_dirs_paths(v->nn->dirs, &n);
    for (int i = 0; i < n; i++)
        json_object_set_new(active, paths[i], json_string("IMAGE_AND_EDITS"));
    json_object_set_new(all, "active", active);
    json_object_set_new(all, "failed", json_object());
    set_text(bean, "NameDirStatuses", all);
}

static json_t *info_bean(const struct web_view *v)
{
    json_t *b = bean_named("NameNodeInfo", "org.apache.hadoop.hdfs.server.namenode.FSNamesystem");
    const struct bm_stats *s = &v->bm;

    json_object_set_new(b, "Version", json_string("3.4.2, ashlar"));
    json_object_set_new(b, "SoftwareVersion", json_string("3.4.2"));
    json_object_set_new(b, "UpgradeFinalized", json_true());
    json_object_set_new(b, "BlockPoolId", json_string(v->nn->identity.pool_id));
    json_object_set_new(b, "ClusterId", json_string(v->nn->identity.cluster_id));
    json_object_set_new(b, "Safemode",
                        v->safe_mode ? json_sprintf("Safe mode is ON. %s", v->safe_mode_tip)
                                     : json_string(""));
    set_number(b, "Total", s->capacity);
    set_number(b, "Used", s->dfs_used);
    set_number(b, "Free", s->remaining);
    set_number(b, "NonDfsUsedSpace", s->non_dfs_used);
    set_number(b, "BlockPoolUsedSpace", s->pool_used);
    json_object_set_new(b, "PercentUsed", json_real(percent(s->dfs_used, s->capacity)));
    json_object_set_new(b, "PercentRemaining", json_real(percent(s->remaining, s->capacity)));
    json_object_set_new(b, "PercentBlockPoolUsed", json_real(percent(s->pool_used, s->capacity)));
    set_number(b, "CacheCapacity", 0);
    set_number(b, "CacheUsed", 0);
    set_number(b, "TotalBlocks", v->blocks);
    set_number(b, "TotalFiles", v->inodes);
    set_number(b, "NumberOfMissingBlocks", s->missing_blocks);
    set_number(b, "NumberOfMissingBlocksWithReplicationFactorOne", s->missing_replication_one);
    set_nodes(v, b, "LiveNodes", 0);
    set_nodes(v, b, "DeadNodes", 1);
    set_text(b, "DecomNodes", json_object());
    set_text(b, "EnteringMaintenanceNodes", json_object());
    set_dirs(v, b);
    json_object_set_new(
        b, "JournalTransactionInfo",
        json_sprintf(
            "{\"LastAppliedOrWrittenTxId\":\"%llu\",\"MostRecentCheckpointTxId\":\"%llu\"}",
            (unsigned long long)v->last_txid, (unsigned long long)v->checkpoint.last_txid));
    set_number(b, "NNStartedTimeInMillis", v->nn->started_ms);
    set_text(b, "CorruptFiles", json_array());
    return b;
}

static json_t *status_bean(const struct web_view *v)
{
    json_t *b = bean_named("NameNodeStatus", "org.apache.hadoop.hdfs.server.namenode.NameNode");

    json_object_set_new(b, "State", json_string("active"));
    json_object_set_new(b, "NNRole", json_string("NameNode"));
    json_object_set_new(b, "HostAndPort", json_string(v->nn->rpc_address));
    json_object_set_new(b, "SecurityEnabled", json_false());
    set_number(b, "LastHATransitionTime", 0);
    return b;
}

static bool asked_for(const char *query, const char *name)
{
    size_t n = strcspn(query, "*");

    return !*query || strcmp(query, name) == 0 || (query[n] == '*' && strncmp(query, name, n) == 0);
}

/* The state of the file system is a word in the bean of its numbers. */
static void add_words(const struct web_view *v, json_t *bean)
{
    const char *name = json_string_value(json_object_get(bean, "name"));

    if (name && strcmp(name, BEAN("FSNamesystemState")) == 0)
        json_object_set_new(bean, "FSState",
                            json_string(v->safe_mode ? "safeMode" : "Operational"));
    if (name && strcmp(name, BEAN("ECBlockGroupsState")) == 0)
        json_object_set_new(bean, "EnabledEcPolicies", json_string(v->ec_policies));
    if (name && strcmp(name, BEAN("FSNamesystem")) == 0)
        json_object_set_new(bean, "tag.HAState", json_string("active"));
}

void web_jmx(const struct web_view *v, const char *query, struct buf *out)
{
    struct buf numbers;
    json_t *all = NULL, *beans;
    char *text = NULL;

    buf_init(&numbers, 1 << 20);
    metrics_jmx(table, TABLE_COUNT, (void *)v, query, &numbers);
    if (!numbers.bad)
        all = json_loadb((const char *)numbers.bytes, numbers.n, 0, NULL);
    buf_done(&numbers);
    if (!all)
        all = json_pack("{s:[]}", "beans");
    beans = json_object_get(all, "beans");
    for (size_t i = 0; i < json_array_size(beans); i++)
        add_words(v, json_array_get(beans, i));
    if (asked_for(query, BEAN("NameNodeInfo")))
        json_array_append_new(beans, info_bean(v));
    if (asked_for(query, BEAN("NameNodeStatus")))
        json_array_append_new(beans, status_bean(v));
    if ((text = json_dumps(all, JSON_INDENT(2))))
        buf_puts(out, text);
    free(text);
    json_decref(all);
}

/* ---- for people ---- */

static void put_bytes(struct buf *out, uint64_t n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double d = (double)n;
    int u = 0;

    for (; d >= 1024 && u < 6; u++)
        d /= 1024;
    buf_printf(out, u ? "%.1f %s" : "%.0f %s", d, units[u]);
}

static void put_row(struct buf *out, const char *what, uint64_t n, bool bytes)
{
    buf_printf(out, "<tr><td>%s<td>", what);
    if (bytes)
        put_bytes(out, n);
    else
        buf_printf(out, "%llu", (unsigned long long)n);
    buf_puts(out, "\n");
}

static void put_nodes(const struct web_view *v, int which, struct buf *out)
{
    for (size_t i = 0; i < v->node_count[which]; i++) {
        const Pb__DatanodeInfoProto *dn = v->nodes[which][i]->datanodeinfo;

        buf_printf(
            out, "<tr><td><a href=\"http://%s:%u/\">%s:%u</a><td>%s<td>%s%s<td>%llu s ago<td>",
            dn->id->ipaddr, dn->id->infoport, dn->id->hostname, dn->id->xferport,
            dn->location ? dn->location : "", which ? "dead, " : "", admin_state(dn),
            (unsigned long long)(v->now_ms > dn->lastupdate ? (v->now_ms - dn->lastupdate) / 1000
                                                            : 0));
        put_bytes(out, dn->capacity);
        buf_puts(out, "<td>");
        put_bytes(out, dn->dfsused);
        buf_puts(out, "<td>");
        put_bytes(out, dn->remaining);
        buf_printf(out, "<td>%u<td>%zu\n", dn->numblocks, v->nodes[which][i]->n_storagereports);
    }
}

void web_overview(const struct web_view *v, struct buf *out)
{
    const struct bm_stats *s = &v->bm;

    buf_printf(out,
               "<h1>%s</h1>\n<p>Cluster %s, block pool %s. <a href=\"/browse/\">Browse the "
               "tree</a>, <a href=\"/metrics\">metrics</a>, <a href=\"/jmx\">jmx</a>.\n",
               v->nn->rpc_address, v->nn->identity.cluster_id, v->nn->identity.pool_id);
    if (v->safe_mode)
        buf_printf(out, "<p class=warn>Safe mode is on. %s\n", v->safe_mode_tip);
    buf_puts(out, "<table>\n");
    put_row(out, "Files and directories", v->inodes, false);
    put_row(out, "Blocks", v->blocks, false);
    put_row(out, "Files being written", v->open_files, false);
    put_row(out, "Capacity", s->capacity, true);
    put_row(out, "Used", s->dfs_used, true);
    put_row(out, "Used by others", s->non_dfs_used, true);
    put_row(out, "Free", s->remaining, true);
    put_row(out, "Datanodes alive", (uint64_t)s->live, false);
    put_row(out, "Datanodes dead", (uint64_t)s->dead, false);
    put_row(out, "Datanodes stale", (uint64_t)s->stale, false);
    put_row(out, "Blocks with too few replicas", s->under_replicated, false);
    put_row(out, "Blocks missing", s->missing_blocks, false);
    put_row(out, "Blocks corrupt", s->corrupt_blocks, false);
    put_row(out, "Replicas to be deleted", s->pending_deletion, false);
    put_row(out, "Last transaction", v->last_txid, false);
    put_row(out, "Transaction of the newest image", v->checkpoint.last_txid, false);
    buf_puts(out, "</table>\n<h2>Datanodes</h2>\n<table>\n<tr><th>Node<th>Rack<th>State"
                  "<th>Last contact<th>Capacity<th>Used<th>Free<th>Blocks<th>Volumes\n");
    put_nodes(v, 0, out);
    put_nodes(v, 1, out);
    buf_puts(out, "</table>\n");
}
