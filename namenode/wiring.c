#include "namenode/wiring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/net.h"
#include "namenode/image/checkpoint.h"
#include "namenode/edits/disk_watch.h"
#include "namenode/edits/edit_codec.h"
#include "namenode/edits/edit_tail.h"
#include "namenode/blocks/lease_recovery.h"
#include "namenode/namespace/reclaim.h"
#include "namenode/calls/retry_cache.h"
#include "namenode/blocks/satisfier.h"
#include "namenode/calls/trash_emptier.h"
#include "namenode/calls/users.h"
#include "namenode/http/web.h"
#include "proto/reconfigure.h"
#include "proto/rpc_server.h"

enum { RETRY_KEEP_MS = 600000 };

/* ---- where things are ---- */

static int add_dirs(const char *list, char **out, int n)
{
    char *items[NAME_DIRS_MAX];
    int count = conf_list(list, items, NAME_DIRS_MAX);

    for (int i = 0; i < count; i++) {
        char *dir = items[i];
        bool known = false;

        if (strncmp(dir, "file:", 5) == 0) {
            char *path = dir + 5;

            while (path[0] == '/' && path[1] == '/')
                path++;
            memmove(dir, path, strlen(path) + 1);
        }
        for (int k = 0; k < n; k++)
            known = known || strcmp(out[k], dir) == 0;
        if (known || n == NAME_DIRS_MAX)
            free(dir);
        else
            out[n++] = dir;
    }
    return n;
}

int namenode_dirs(const struct conf *conf, char **out)
{
    char path[4096];
    int n = add_dirs(conf_text(conf, OPT_nn_name_dir), out, 0);

    if (n == 0) {
        conf_default_dir(conf, "dfs/name", path, sizeof path);
        out[n++] = strdup(path);
    }
    return add_dirs(conf_text(conf, OPT_nn_edits_dir), out, n);
}

bool namenode_is_bare(const struct conf *conf)
{
    return !conf_is_set(conf, OPT_nn_name_dir) && !conf_is_set(conf, OPT_tmp_dir) &&
           !conf_is_set(conf, OPT_fs_default) && !conf_is_set(conf, OPT_nn_rpc_address);
}

/* ---- the journal's thread speaks ---- */

static void on_durable(void *ctx, uint64_t txid)
{
    struct namenode *nn = ctx;
    struct rpc_server *rpc = __atomic_load_n(&nn->rpc, __ATOMIC_ACQUIRE);

    if (rpc)
        rpc_server_durable(rpc, txid);
}

static void on_failed(void *ctx, const struct err *err)
{
    (void)ctx;
    LOG_ERROR("nn.journal",
              "err=\"%s\" next=\"stop at once: what is on disk is not known any more\"", err->text);
    _exit(1);
}

/* ---- the block manager's door to the lock ---- */

enum { OTHERS_PAUSES = 20 }; /* of 20 us and more */

static void lock(void *ctx)
{
    nn_lock(ctx);
}
static __thread bool has_turn;
static void unlock(void *ctx)
{
    struct namenode *nn = ctx;

    nn_unlock(nn);
    if (has_turn)
        pthread_mutex_unlock(&nn->turn);
    has_turn = false;
}

/* Between two slices. A mutex is not fair: with a dozen reports under way a client would wait for one slice
 * after the other. So one of them at a time waits for the lock, and only when nobody else does, or when
 * the others have had their time. */
static void let_others(void *ctx)
{
    static const struct timespec pause = {.tv_nsec = 20000};
    struct namenode *nn = ctx;
    int tries = 0;

    unlock(nn);
    do
        nanosleep(&pause, NULL);
    while (nn->waiting > 0 && ++tries < OTHERS_PAUSES);
    pthread_mutex_lock(&nn->turn);
    has_turn = true;
    pthread_mutex_lock(&nn->lock);
}
static uint64_t last_txid(void *ctx)
{
    return journal_last_txid(((struct namenode *)ctx)->journal);
}

int nn_commit(struct namenode *nn, struct edit_op *op, struct err *err)
{
    int rc = edit_check(op, err);

    if (rc < 0 || (rc = ns_apply(nn->ns, op, err)) < 0)
        return rc;
    journal_append(nn->journal, op);
    if (!rpc_server_in_round())
        journal_flush(nn->journal);
    return 0;
}

/* The changes of a round become durable together. */
static void on_round(void *ctx)
{
    journal_flush(((struct namenode *)ctx)->journal);
}

/* ---- loading ---- */

static void on_replayed(void *ctx, const struct edit_op *op)
{
    if (op->has_client_id)
        nn_remember_replayed(ctx, op);
}

static int load(struct namenode *nn, const struct namenode_how *how, char **dirs, int count,
                struct err *err)
{
    struct namespace_limits limits = {.capture_open_files =
                                          conf_bool(nn->conf, OPT_snapshot_open_files)};
    struct load_result loaded;
    int rc;

    if ((rc = name_dirs_open(nn->env, dirs, count, &nn->dirs, err)) < 0 ||
        (rc = ns_new(&limits, &nn->ns, err)) < 0)
        return rc;
    nn->retry_cache = retry_cache_new(RETRY_KEEP_MS, 0);
    if (!nn->retry_cache)
        return err_set(err, ERR_NOMEM, "retry cache");
    if (!(nn->edit_tail = edit_tail_new(nn->env, nn->dirs)))
        return err_set(err, ERR_NOMEM, "reader of the edit log");
    if (how->rolling_back && (rc = name_dirs_rolling_back(nn->dirs, err)) < 0)
        return rc;
    if ((rc = name_dirs_load(nn->dirs, nn->ns, on_replayed, nn, &loaded, err)) < 0)
        return rc;
    if (how->upgrade && (rc = name_dirs_upgrade(nn->dirs, nn->ns, loaded.last_txid, err)) < 0)
        return rc;
    nn->identity = *name_dirs_identity(nn->dirs);
    /* What a crash left between a record and a name. */
    if (!ns_rolling_upgrade(nn->ns) && name_dirs_has_rollback(nn->dirs) &&
        (rc = name_dirs_rollback_end(nn->dirs, err)) < 0)
        return rc;
    LOG_INFO("nn.start",
             "inodes=%llu blocks=%llu image_tx=%llu last_tx=%llu replayed=%llu image_ms=%llu "
             "edits_ms=%llu next=\"open the edit log\"",
             (unsigned long long)ns_inode_count(nn->ns), (unsigned long long)ns_block_count(nn->ns),
             (unsigned long long)loaded.image_txid, (unsigned long long)loaded.last_txid,
             (unsigned long long)loaded.replayed, (unsigned long long)loaded.image_ms,
             (unsigned long long)loaded.edits_ms);
    return journal_open(&(struct journal_options){.env = nn->env,
                                                  .dirs = (const char *const *)dirs,
                                                  .dir_count = count,
                                                  .next_txid = loaded.last_txid + 1,
                                                  .on_durable = on_durable,
                                                  .on_failed = on_failed,
                                                  .ctx = nn},
                        &nn->journal, err);
}

static bool upgrade_is_final(void *ctx)
{
    const struct namenode *nn = ctx;

    return !name_dirs_has_previous(nn->dirs);
}

static int make_block_manager(struct namenode *nn, struct err *err)
{
    return bm_new(&(struct bm_options){.env = nn->env,
                                       .conf = nn->conf,
                                       .ns = nn->ns,
                                       .pool_id = nn->identity.pool_id,
                                       .cluster_id = nn->identity.cluster_id,
                                       .namespace_id = nn->identity.namespace_id,
                                       .created_ms = nn->identity.created_ms,
                                       .lock = lock,
                                       .unlock = unlock,
                                       .let_others = let_others,
                                       .recovered = lease_recovered,
                                       .last_txid = last_txid,
                                       .upgrade_is_final = upgrade_is_final,
                                       .ctx = nn},
                  &nn->bm, err);
}

static int watch_disks(struct namenode *nn, char *const *dirs, int count, struct err *err)
{
    struct disk_watch_options o = {
        .env = nn->env, .conf = nn->conf, .edits_dirs = dirs, .edits_dir_count = count};

    return disk_watch_new(&o, &nn->disk_watch, err);
}

/* ---- serving ---- */

static int serve_rpc(struct namenode *nn, struct err *err)
{
    struct rpc_protocol protocols[NN_PROTOCOLS_MAX];
    const char *bind_host = conf_text(nn->conf, OPT_nn_rpc_bind_host);
    struct rpc_server *rpc;
    struct net_addr addr;
    char text[NET_HOST_MAX + 8];
    int n, rc;

    conf_namenode(nn->conf, text, sizeof text);
    if ((rc = net_addr_parse(text, 8020, &addr, err)) < 0)
        return err_wrap(err, rc, "dfs.namenode.rpc-address");
    n = nn_client_protocol(nn, protocols);
    bm_datanode_protocol(nn->bm, &protocols[n++]);
    bm_lifeline_protocol(nn->bm, &protocols[n++]);
    n += nn_admin_protocols(nn, protocols + n);
    rc = rpc_server_start(
        &(struct rpc_server_options){
            .host = *bind_host ? bind_host : addr.host,
            .port = addr.port,
            .frame_max_bytes = (uint32_t)conf_int(nn->conf, OPT_ipc_max_length),
            .connections_max = (int)conf_int(nn->conf, OPT_ipc_max_connections),
            .idle_timeout_ms = (int)conf_int(nn->conf, OPT_ipc_idle) * 2,
            .may_impersonate = users_may_impersonate,
            .impersonate_ctx = nn->users,
            .on_round = on_round,
            .round_ctx = nn,
            .protocols = protocols,
            .protocol_count = n},
        &rpc, err);
    if (rc < 0)
        return err_wrap(err, rc, "RPC server");
    __atomic_store_n(&nn->rpc, rpc, __ATOMIC_RELEASE);
    rpc_server_durable(rpc, journal_durable_txid(nn->journal));
    snprintf(nn->rpc_address, sizeof nn->rpc_address, "%s:%u", addr.host,
             (unsigned)rpc_server_port(rpc));
    return 0;
}

static int serve_http(struct namenode *nn, bool bare, struct err *err)
{
    const char *bind_host = conf_text(nn->conf, OPT_nn_http_bind_host);
    struct net_addr addr;
    uint16_t port;
    int rc;

    if ((rc = net_addr_parse(conf_text(nn->conf, OPT_nn_http_address), 9870, &addr, err)) < 0)
        return err_wrap(err, rc, "dfs.namenode.http-address");
    if (bare && !conf_is_set(nn->conf, OPT_nn_http_address))
        bind_host = "127.0.0.1";
    rc = web_start(nn, *bind_host ? bind_host : addr.host, addr.port, &port, err);
    if (rc < 0)
        return err_wrap(err, rc, "HTTP server");
    snprintf(nn->http_address, sizeof nn->http_address, "%s:%u", addr.host, (unsigned)port);
    return 0;
}

/* ---- the life ---- */

/* A crash while an upgrade was begun, or gone back from, leaves the store under another name. */
static bool is_missing(const char *dir)
{
    static const char *const names[] = {"current", "previous.tmp", "removed.tmp"};
    char path[4200];
    struct stat st;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        if (stat(path, &st) == 0)
            return false;
    }
    return true;
}

int namenode_format(const struct conf *conf, char *const *dirs, int count, const char *cluster_id,
                    bool force, struct name_identity *out, struct err *err)
{
    struct env *env = env_posix();
    struct users *users;
    int rc = users_new(env, conf, &users, err);

    if (rc < 0)
        return rc;
    rc = name_dirs_format(env, dirs, count,
                          &(struct name_format){.cluster_id = cluster_id,
                                                .force = force,
                                                .owner = users_owner(users),
                                                .group = users_supergroup(users)},
                          out, err);
    users_free(users);
    return rc;
}

static int format_bare(const struct conf *conf, char **dirs, int count, struct err *err)
{
    struct name_identity id;
    int rc;

    if (!is_missing(dirs[0]))
        return 0;
    if ((rc = namenode_format(conf, dirs, count, NULL, false, &id, err)) < 0)
        return rc;
    LOG_INFO("nn.format", "dir=%s cluster=%s why=\"first start without configuration\" next=start",
             dirs[0], id.cluster_id);
    return 0;
}

static int start(struct namenode *nn, const struct namenode_how *how, struct err *err)
{
    char *dirs[NAME_DIRS_MAX];
    int count = namenode_dirs(nn->conf, dirs), rc = 0;

    if (how->bare)
        rc = format_bare(nn->conf, dirs, count, err);
    if (rc == 0 && count > 0 && is_missing(dirs[0]))
        rc = err_set(
            err, ERR_IO,
            "NameNode is not formatted: %s/current does not exist; run \"namenode -format\"",
            dirs[0]);
    if (rc == 0 && (rc = users_new(nn->env, nn->conf, &nn->users, err)) == 0 &&
        (rc = load(nn, how, dirs, count, err)) == 0 &&
        (rc = watch_disks(nn, dirs, count, err)) == 0)
        rc = make_block_manager(nn, err);
    if (rc == 0)
        rc = satisfier_new(nn->conf, nn->ns, &nn->satisfier, err);
    for (int i = 0; i < count; i++)
        free(dirs[i]);
    if (rc < 0)
        return rc;
    bm_start(nn->bm);
    if ((rc = reclaim_start(nn, &nn->reclaim, err)) < 0 ||
        (rc = lease_monitor_start(nn, &nn->lease_monitor, err)) < 0 ||
        (rc = checkpointer_start(nn, &nn->checkpointer, err)) < 0 ||
        (rc = disk_watch_start(nn->disk_watch, nn, err)) < 0 || (rc = serve_rpc(nn, err)) < 0 ||
        (rc = trash_emptier_start(nn, &nn->trash_emptier, err)) < 0)
        return rc;
    return serve_http(nn, how->bare, err);
}

static void settings_again(void *ctx)
{
    struct namenode *nn = ctx;

    bm_read_settings(nn->bm, nn->conf);
}

/* In the order of their names, as Hadoop lists them. */
static int make_reconfigurable(struct namenode *nn, struct err *err)
{
    static const enum conf_option options[] = {
        OPT_invalidate_limit,  OPT_slow_shown,        OPT_dn_peer_stats,
        OPT_heartbeat,         OPT_avoid_slow_read,   OPT_avoid_slow_write,
        OPT_heartbeat_recheck, OPT_slow_avoided,      OPT_repl_pending_timeout,
        OPT_repl_max_streams,  OPT_repl_streams_hard, OPT_repl_work_multiplier,
    };

    return reconfigure_new(&(struct reconfigure_options){.running = nn->conf,
                                                         .options = options,
                                                         .count = sizeof options / sizeof *options,
                                                         .again = settings_again,
                                                         .ctx = nn,
                                                         .env = nn->env},
                           &nn->settings, err);
}

int namenode_rollback(const struct conf *conf, struct err *err)
{
    char *dirs[NAME_DIRS_MAX];
    int count = namenode_dirs(conf, dirs), rc = name_dirs_rollback(env_posix(), dirs, count, err);

    for (int i = 0; i < count; i++)
        free(dirs[i]);
    return rc;
}

int namenode_start(const struct conf *conf, const struct namenode_how *how, struct namenode **out,
                   struct err *err)
{
    struct namenode *nn = calloc(1, sizeof *nn);
    int rc;

    if (!nn)
        return err_set(err, ERR_NOMEM, "namenode");
    nn->env = env_posix();
    nn->conf = conf;
    nn->started_ms = env_now_ms(nn->env);
    pthread_mutex_init(&nn->lock, NULL);
    pthread_mutex_init(&nn->turn, NULL);
    net_hostname(nn->hostname, sizeof nn->hostname);
    rc = make_reconfigurable(nn, err);
    if (rc == 0)
        rc = start(nn, how, err);
    if (rc < 0) {
        namenode_stop(nn, NULL);
        return rc;
    }
    LOG_INFO("nn.start", "rpc=%s http=%s cluster=%s pool=%s user=%s next=serve", nn->rpc_address,
             nn->http_address, nn->identity.cluster_id, nn->identity.pool_id,
             users_owner(nn->users));
    *out = nn;
    return 0;
}

int namenode_stop(struct namenode *nn, struct err *err)
{
    struct rpc_server *rpc = nn->rpc;
    int rc = 0;

    http_stop(nn->http);
    trash_emptier_stop(nn->trash_emptier);
    checkpointer_stop(nn->checkpointer);
    lease_monitor_stop(nn->lease_monitor);
    reclaim_stop(nn->reclaim);
    disk_watch_free(nn->disk_watch);
    if (nn->bm)
        bm_stop(nn->bm);
    if (nn->journal && rpc) /* what was answered goes out before the connections close */
        journal_wait(nn->journal, journal_last_txid(nn->journal), NULL);
    __atomic_store_n(&nn->rpc, NULL, __ATOMIC_RELEASE);
    rpc_server_stop(rpc);
    checkpointer_free(nn->checkpointer);
    if (nn->journal)
        rc = journal_close(nn->journal, err);
    if (nn->bm)
        bm_free(nn->bm);
    retry_cache_free(nn->retry_cache);
    satisfier_free(nn->satisfier);
    if (nn->ns)
        ns_free(nn->ns);
    edit_tail_free(nn->edit_tail);
    if (nn->dirs)
        name_dirs_close(nn->dirs);
    users_free(nn->users);
    reconfigure_free(nn->settings);
    pthread_mutex_destroy(&nn->lock);
    pthread_mutex_destroy(&nn->turn);
    free(nn);
    return rc;
}
