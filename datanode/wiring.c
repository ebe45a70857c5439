#include "datanode/wiring.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/crew.h"
#include "datanode/data_dirs.h"
#include "datanode/locked.h"
#include "datanode/namenodes.h"
#include "datanode/rebuild.h"
#include "datanode/reports.h"
#include "datanode/rpc_methods.h"
#include "datanode/scanner.h"
#include "datanode/dir_check.h"
#include "datanode/peer_stats.h"
#include "datanode/short_circuit.h"
#include "datanode/throttle.h"
#include "datanode/web.h"
#include "datanode/xceiver.h"
#include "proto/reconfigure.h"
#include "proto/http.h"

enum { KEEPALIVE_MS = 4000, WRITE_TIMEOUT_MS = 480000, REST_MS = 200, RPC_PROTOCOLS_MAX = 4 };

struct wiring {
    struct datanode dn;
    struct xceiver_server *data;
    struct http_server *http;
    const struct http_route *also; /* until the server is started */
    int also_count;
    struct dir_check *dir_check;
    char *dirs[VOLUMES_MAX];
    int dir_count;
    char user[RPC_USER_MAX], bind_host[NET_HOST_MAX];
    int wake[2];
    const char *_Atomic why; /* told from a signal handler, on any thread */
};

struct net_addr datanode_address(const struct datanode *dn, const Pb__DatanodeIDProto *id)
{
    const char *use = conf_get(dn->conf, "dfs.datanode.use.datanode.hostname");
    struct net_addr a = {.port = (uint16_t)id->xferport};

    snprintf(a.host, sizeof a.host, "%s",
             use && strcmp(use, "true") == 0 ? id->hostname : id->ipaddr);
    return a;
}

struct datanode *wiring_datanode(struct wiring *w)
{
    return &w->dn;
}

void wiring_wake(struct wiring *w, const char *why)
{
    const char *none = NULL;

    atomic_compare_exchange_strong(&w->why, &none, why);
    if (write(w->wake[1], "x", 1) < 0)
        return;
}

/* The datanode is the wiring's first member. */
void datanode_stop(struct datanode *dn, const char *why)
{
    wiring_wake((struct wiring *)dn, why);
}

const char *wiring_wait(struct wiring *w)
{
    const char *why;
    char c;

    while (read(w->wake[0], &c, 1) < 0 && errno == EINTR)
        ;
    why = atomic_load(&w->why);
    return why ? why : "woken";
}

/* Who has the replica's files in memory, or open beside us, is told. */
static void forget_copies(void *ctx, uint64_t id)
{
    struct datanode *dn = ctx;

    locked_forget(dn->locked, id);
    short_circuit_forget(dn->short_circuit, id);
}

static void tell_deleted(void *ctx, const struct volume *v, const struct block *b)
{
    count(COUNT_blocks_removed, 1);
    report_deleted(ctx, v, b);
}

static void tell_forgotten(void *ctx, const struct volume *v, const struct block *b)
{
    report_deleted(ctx, v, b);
}

static void tell_volume_failed(void *ctx, const struct volume *v, const char *why)
{
    struct datanode *dn = ctx;
    char text[ERR_TEXT_MAX + PATH_MAX];
    int64_t failed = 0, well = 0;

    count(COUNT_volume_failures, 1);
    for (unsigned i = 0; i < dataset_volume_count(dn->ds); i++) {
        failed += volume_failed(dataset_volume(dn->ds, i));
        well += volume_serves(dataset_volume(dn->ds, i));
    }
    bool fatal = failed > conf_int(dn->conf, OPT_dn_failed_volumes) || well == 0;
    snprintf(text, sizeof text, "DataNode failed volumes:%s: %s", v->root, why);
    report_disk_error(dn, text, fatal);
    if (fatal) {
        datanode_stop(dn, "more volumes failed than dfs.datanode.failed.volumes.tolerated");
        return;
    }
    for (unsigned i = 0; dn->namenodes && i < dn->namenodes->count; i++)
        actor_trigger(dn->namenodes->actors[i], false);
}

/* ---- who and where we are ---- */

static void find_user(struct wiring *w)
{
    struct passwd pw, *found = NULL;
    char buf[4096];
    const char *name = getenv("HADOOP_USER_NAME");

    if (!name && getpwuid_r(getuid(), &pw, buf, sizeof buf, &found) == 0 && found)
        name = found->pw_name;
    snprintf(w->user, sizeof w->user, "%s", name ? name : "root");
    w->dn.user = w->user;
}

static bool is_any(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* A datanode bound to one address is known by that; the namenode takes the address that the
 * registration comes from, so calls go out from it too. */
static int find_place(struct wiring *w, struct net_addr *data, struct err *err)
{
    struct datanode *dn = &w->dn;
    const char *name = conf_text(dn->conf, OPT_dn_hostname);
    int rc = net_addr_parse(conf_text(dn->conf, OPT_dn_address), 9866, data, err);

    if (rc < 0)
        return err_wrap(err, rc, "dfs.datanode.address");
    if (*name)
        snprintf(dn->host, sizeof dn->host, "%s", name);
    else
        net_hostname(dn->host, sizeof dn->host);
    if (is_any(data->host)) {
        if (net_resolve_ip(dn->host, dn->ip, sizeof dn->ip, NULL) < 0)
            snprintf(dn->ip, sizeof dn->ip, "127.0.0.1");
        return 0;
    }
    rc = net_resolve_ip(data->host, dn->ip, sizeof dn->ip, err);
    snprintf(w->bind_host, sizeof w->bind_host, "%s", data->host);
    dn->bind_host = w->bind_host;
    return rc < 0 ? err_wrap(err, rc, "dfs.datanode.address") : 0;
}

static int64_t extra_ms(const struct conf *conf, const char *key, int64_t fallback)
{
    const char *text = conf_get(conf, key);
    char *end;
    long long v = text ? strtoll(text, &end, 10) : -1;

    return v >= 0 ? v : fallback;
}

static void find_numbers(struct datanode *dn)
{
    dn->started_ms = env_now_ms(dn->env);
    dn->socket_timeout_ms = (int)conf_int(dn->conf, OPT_client_timeout);
    dn->write_timeout_ms =
        (int)extra_ms(dn->conf, "dfs.datanode.socket.write.timeout", WRITE_TIMEOUT_MS);
    dn->keepalive_ms = (int)extra_ms(dn->conf, "dfs.datanode.socket.reuse.keepalive", KEEPALIVE_MS);
    dn->block_bytes = (uint64_t)conf_int(dn->conf, OPT_block_size);
}

/* ---- parts, in the order in which they start ---- */

static bool is_rollback(const char *startup)
{
    return startup && strcmp(startup, "ROLLBACK") == 0;
}

static int open_dataset(struct wiring *w, struct err *err)
{
    const struct conf *conf = w->dn.conf;
    char fallback[PATH_MAX];
    const char *dirs = conf_text(conf, OPT_dn_data_dir);
    struct dataset_options o = {.env = w->dn.env,
                                .dirs = w->dirs,
                                .reserve_bytes = (uint64_t)conf_int(conf, OPT_dn_reserved),
                                .failures_tolerated = (int)conf_int(conf, OPT_dn_failed_volumes),
                                .sync_on_close = conf_bool(conf, OPT_dn_sync_on_close),
                                .roll_back = is_rollback(conf_get(conf, "dfs.datanode.startup")),
                                .deleted = tell_deleted,
                                .changed = forget_copies,
                                .forgotten = tell_forgotten,
                                .volume_failed = tell_volume_failed,
                                .ctx = &w->dn};

    if (!*dirs) {
        conf_default_dir(conf, "dfs/data", fallback, sizeof fallback);
        dirs = fallback;
    }
    w->dir_count = conf_list(dirs, w->dirs, VOLUMES_MAX - 1);
    o.dir_count = w->dir_count;
    return dataset_open(&o, &w->dn.ds, err);
}

static int start_rpc(struct wiring *w, struct err *err)
{
    struct rpc_protocol protocols[RPC_PROTOCOLS_MAX];
    struct rpc_server_options o = {
        .io_threads = 1,
        .slow_threads = 2,
        .frame_max_bytes = (uint32_t)conf_int(w->dn.conf, OPT_ipc_max_length),
        .connections_max = (int)conf_int(w->dn.conf, OPT_ipc_max_connections),
        .protocols = protocols};
    const struct rpc_protocol *some;
    struct net_addr at;
    int n, rc = net_addr_parse(conf_text(w->dn.conf, OPT_dn_ipc_address), 9867, &at, err);

    if (rc < 0)
        return err_wrap(err, rc, "dfs.datanode.ipc.address");
    some = client_datanode_protocols(&w->dn, &n);
    memcpy(protocols, some, (size_t)n * sizeof *some);
    o.protocol_count = n;
    some = inter_datanode_protocols(&w->dn, &n);
    MUST(o.protocol_count + n <= RPC_PROTOCOLS_MAX);
    memcpy(protocols + o.protocol_count, some, (size_t)n * sizeof *some);
    o.protocol_count += n;
    o.host = at.host;
    o.port = at.port;
    rc = rpc_server_start(&o, &w->dn.rpc, err);
    if (rc == 0)
        w->dn.ipc_port = rpc_server_port(w->dn.rpc);
    return rc;
}

static int start_web(struct wiring *w, struct err *err)
{
    struct net_addr at;
    int rc = net_addr_parse(conf_text(w->dn.conf, OPT_dn_http_address), 9864, &at, err);

    if (rc < 0)
        return err_wrap(err, rc, "dfs.datanode.http.address");
    return web_start(&w->dn, &at, w->also, w->also_count, &w->dn.http_port, &w->http, err);
}

static void settings_again(void *ctx)
{
    struct datanode *dn = ctx;

    crew_set_max(dn->crew, (int)conf_int(dn->conf, OPT_dn_max_xceivers));
    peer_stats_read_settings(dn->peers, dn->conf);
    namenodes_hasten_reports(atomic_load(&dn->namenodes));
}

static int change_data_dirs(void *ctx, enum conf_option o, const char *after, char **now,
                            struct err *err)
{
    (void)o;
    return data_dirs_change(ctx, after, now, err);
}

/* In the order in which Hadoop lists them. */
static int make_reconfigurable(struct datanode *dn, struct err *err)
{
    static const enum conf_option options[] = {
        OPT_dn_data_dir,   OPT_dn_block_report, OPT_dn_max_xceivers, OPT_dn_cache_report,
        OPT_dn_peer_nodes, OPT_dn_peer_low,     OPT_dn_peer_samples, OPT_dn_peer_interval,
    };

    return reconfigure_new(&(struct reconfigure_options){.running = dn->conf,
                                                         .options = options,
                                                         .count = sizeof options / sizeof *options,
                                                         .slow = change_data_dirs,
                                                         .slow_option = OPT_dn_data_dir,
                                                         .again = settings_again,
                                                         .ctx = dn,
                                                         .env = dn->env},
                           &dn->settings, err);
}

static int start_parts(struct wiring *w, const struct net_addr *data, struct err *err)
{
    struct datanode *dn = &w->dn;
    const char *socket_path = conf_text(dn->conf, OPT_dn_socket_path);
    int rc = open_dataset(w, err);

    if (rc < 0)
        return rc;
    rc = make_reconfigurable(dn, err);
    if (rc < 0)
        return rc;
    dn->crew = crew_new((int)conf_int(dn->conf, OPT_dn_max_xceivers));
    dn->balance = throttle_new(dn->env, (uint64_t)conf_int(dn->conf, OPT_dn_balance_bandwidth));
    dn->ec_read = throttle_new(dn->env, (uint64_t)conf_int(dn->conf, OPT_dn_ec_read_rate));
    dn->ec_write = throttle_new(dn->env, (uint64_t)conf_int(dn->conf, OPT_dn_ec_write_rate));
    dn->rebuilder = rebuilder_new(dn);
    dn->peers = peer_stats_new(dn->env, dn->conf);
    if (!dn->crew || !dn->balance || !dn->ec_read || !dn->ec_write || !dn->rebuilder)
        return err_set(err, ERR_NOMEM, "datanode");
    rc = locked_start(dn, &dn->locked, err);
    if (rc == 0)
        rc = scanner_start(dn, scanner_period_ms(dn->conf),
                           (uint64_t)conf_int(dn->conf, OPT_dn_scan_rate), &dn->scanner, err);
    if (rc == 0)
        rc = dir_check_start(dn, (uint64_t)conf_int(dn->conf, OPT_dn_dir_scan), &w->dir_check, err);
    if (rc == 0)
        rc = xceiver_listen(dn, data, &dn->data_port, &w->data, err);
    if (rc == 0)
        rc = start_rpc(w, err);
    if (rc == 0)
        rc = start_web(w, err);
    if (rc == 0 && *socket_path &&
        short_circuit_start(dn, socket_path, &dn->short_circuit, err) < 0)
        LOG_WARN("dn.start", "err=\"%s\" next=\"go on without short-circuit reads\"", err->text);
    if (rc == 0)
        rc = namenodes_start(dn, err);
    return rc;
}

int wiring_open(const struct conf *conf, struct env *env, struct wiring **out, struct err *err)
{
    return wiring_open_serving(conf, env, NULL, 0, out, err);
}

int wiring_open_serving(const struct conf *conf, struct env *env, const struct http_route *also,
                        int also_count, struct wiring **out, struct err *err)
{
    struct wiring *w = calloc(1, sizeof *w);
    struct net_addr data;
    int rc;

    if (!w || pipe(w->wake) < 0) {
        free(w);
        return err_set(err, ERR_NOMEM, "datanode");
    }
    w->dn.conf = conf;
    w->also = also;
    w->also_count = also_count;
    w->dn.env = env;
    find_user(w);
    find_numbers(&w->dn);
    rc = find_place(w, &data, err);
    if (rc == 0)
        rc = start_parts(w, &data, err);
    if (rc < 0) {
        wiring_close(w);
        return rc;
    }
    LOG_INFO("dn.start", "data=%s:%u ipc=%u http=%u volumes=%u next=\"look for the namenode\"",
             w->dn.ip, w->dn.data_port, w->dn.ipc_port, w->dn.http_port,
             dataset_volume_count(w->dn.ds));
    *out = w;
    return 0;
}

/* Connections that are open end with the process: their threads still use the dataset, so that
 * is left to the kernel when there are any. */
void wiring_close(struct wiring *w)
{
    struct datanode *dn = w ? &w->dn : NULL;

    if (!w)
        return;
    atomic_store(&dn->stopping, true);
    xceiver_stop(w->data);
    short_circuit_stop(dn->short_circuit);
    http_stop(w->http);
    rpc_server_stop(w->dn.rpc);
    reconfigure_free(dn->settings); /* what is still at it comes to its end */
    dn->settings = NULL;
    scanner_stop(dn->scanner);
    dir_check_stop(w->dir_check);
    namenodes_stop(dn->namenodes);
    if (dn->ds)
        dataset_stop_writers(dn->ds);
    if (dn->crew && !crew_rest(dn->crew, REST_MS))
        return;
    crew_free(dn->crew);
    locked_stop(dn->locked);
    dataset_close(dn->ds); /* its last deletions are told too, to these as well */
    locked_free(dn->locked);
    short_circuit_free(dn->short_circuit);
    namenodes_free(dn->namenodes);
    throttle_free(dn->balance);
    throttle_free(dn->ec_read);
    throttle_free(dn->ec_write);
    rebuilder_free(dn->rebuilder);
    peer_stats_free(dn->peers);
    for (int i = 0; i < w->dir_count; i++)
        free(w->dirs[i]);
    close(w->wake[0]);
    close(w->wake[1]);
    free(w);
}
