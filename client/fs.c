#include "client/fs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/dn_pool.h"
#include "client/hedge.h"
#include "client/keeper.h"
#include "common/env.h"
#include "common/net.h"

enum { CONNECTIONS = 8 }; /* threads that ask at the same time without waiting for each other */
static const char client_protocol[] = "org.apache.hadoop.hdfs.protocol.ClientProtocol";

/* ---- connecting ---- */

/* Who we are when nobody said: $HADOOP_USER_NAME, else the process's user.  The environment is
 * asked before the user database, which may be slow. */
static void default_user(char *out, size_t n)
{
    const char *name = getenv("HADOOP_USER_NAME");
    struct passwd pw, *found = NULL;
    char buf[4096];

    if (name && *name)
        snprintf(out, n, "%s", name);
    else if (getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found) == 0 && found)
        snprintf(out, n, "%s", found->pw_name);
    else
        snprintf(out, n, "%u", (unsigned)geteuid());
}

/* hdfs://host[:port][/...] gives the namenode's address; no uri, the configuration does. */
static int set_address(struct dfs *fs, const char *uri, struct err *err)
{
    struct net_addr at;
    char text[FS_URI_MAX - 8];
    int rc;

    if (uri && strncmp(uri, "hdfs://", 7) == 0 && uri[7] && uri[7] != '/')
        snprintf(text, sizeof text, "%.*s", (int)strcspn(uri + 7, "/"), uri + 7);
    else if (!uri || strncmp(uri, "hdfs:", 5) == 0)
        conf_namenode(fs->conf, text, sizeof text);
    else
        return err_set(err, ERR_ARGUMENT, "\"%s\" is no hdfs:// address", uri);
    rc = net_addr_parse(text, 8020, &at, err);
    if (rc < 0)
        return rc;
    snprintf(fs->address, sizeof fs->address, "%s:%u", at.host, at.port);
    /* The port is shown when it was given, as Hadoop does. */
    snprintf(fs->uri, sizeof fs->uri, "hdfs://%s", text);
    return 0;
}

/* Octal (022), or what Hadoop's symbolic umasks come to: u=rwx,g=rx,o=rx. */
static uint16_t umask_from(const char *text)
{
    unsigned allowed = 0, perms;
    char *end;
    unsigned long v = strtoul(text, &end, 8);

    if (*text && !*end && v <= 0777)
        return (uint16_t)v;
    for (const char *p = text; *p; p += *p == ',') {
        unsigned who = 0;

        for (; *p && *p != '=' && *p != ','; p++)
            who |= *p == 'u' ? 0700 : *p == 'g' ? 070 : *p == 'o' ? 07 : *p == 'a' ? 0777 : 0;
        for (perms = 0; *p && *p != ','; p++)
            perms |= *p == 'r' ? 0444 : *p == 'w' ? 0222 : *p == 'x' ? 0111 : 0;
        allowed |= who & perms;
    }
    return (uint16_t)(~allowed & 0777);
}

static int open_rpc(struct dfs *fs, struct err *err)
{
    const char *from = conf_text(fs->conf, OPT_client_interface);
    struct rpc_client_options o = {
        .address = fs->address,
        .bind_host = *from ? from : NULL,
        .protocol = client_protocol,
        .version = 1,
        .user = fs->user,
        .real_user = *fs->real_user ? fs->real_user : NULL,
        .connect_timeout_ms = (int)conf_int(fs->conf, OPT_ipc_connect_timeout),
        .call_timeout_ms = (int)conf_int(fs->conf, OPT_rpc_timeout),
        .idle_timeout_ms = (int)conf_int(fs->conf, OPT_ipc_idle),
        .connections = CONNECTIONS,
    };

    fs->bind_host = o.bind_host;
    return rpc_client_new(&o, &fs->namenode, err);
}

int fs_web_address(const struct dfs *fs, char *out, size_t n, struct err *err)
{
    struct net_addr at, rpc;
    int rc = net_addr_parse(conf_text(fs->conf, OPT_nn_http_address), 9870, &at, err);

    if (rc < 0)
        return rc;
    if (strcmp(at.host, "0.0.0.0") == 0 && net_addr_parse(fs->address, 8020, &rpc, NULL) == 0)
        memcpy(at.host, rpc.host, sizeof at.host);
    snprintf(out, n, "http://%s:%u", at.host, at.port);
    return 0;
}

int dfs_connect(const struct conf *conf, const char *uri, const char *user, struct dfs **out,
                struct err *err)
{
    return dfs_connect_as(conf, uri, NULL, user, out, err);
}

int dfs_connect_as(const struct conf *conf, const char *uri, const char *real_user,
                   const char *user, struct dfs **out, struct err *err)
{
    struct dfs *fs = calloc(1, sizeof *fs);
    int rc;

    if (!fs)
        return err_set(err, ERR_NOMEM, "a connection");
    fs->conf = conf;
    fs->local_ip_count = -1;
    pthread_mutex_init(&fs->lock, NULL);
    if (user)
        snprintf(fs->user, sizeof fs->user, "%s", user);
    else
        default_user(fs->user, sizeof fs->user);
    snprintf(fs->real_user, sizeof fs->real_user, "%s", real_user ? real_user : "");
    snprintf(fs->client_name, sizeof fs->client_name, "DFSClient_NONMAPREDUCE_%d_%d",
             (int)(env_random_u64(env_posix()) >> 33), (int)getpid());
    fs->umask = umask_from(conf_text(conf, OPT_umask));
    fs->retry_window_ms =
        (int)(conf_int(conf, OPT_ipc_connect_retries) * conf_int(conf, OPT_ipc_connect_wait));
    rc = set_address(fs, uri, err);
    if (rc == 0)
        rc = open_rpc(fs, err);
    if (rc == 0)
        rc = dn_pool_new(conf, fs->bind_host, &fs->datanodes, err);
    if (rc == 0)
        rc = keeper_new(fs, &fs->keeper, err);
    if (rc == 0)
        rc = hedge_new(fs, &fs->hedge, err);
    if (rc < 0) {
        dfs_disconnect(fs);
        return rc;
    }
    *out = fs;
    return 0;
}

void dfs_disconnect(struct dfs *fs)
{
    if (!fs)
        return;
    keeper_free(fs->keeper);
    hedge_free(fs->hedge);
    dn_pool_free(fs->datanodes);
    rpc_client_free(fs->namenode);
    pthread_mutex_destroy(&fs->lock);
    free(fs->local_ips);
    free(fs);
}

void dfs_hedge_stats(struct dfs *fs, struct dfs_hedge_stats *out)
{
    *out = (struct dfs_hedge_stats){0};
    if (fs->hedge)
        hedge_stats(fs->hedge, out);
}

const char *dfs_uri(const struct dfs *fs)
{
    return fs->uri;
}

const char *dfs_user(const struct dfs *fs)
{
    return fs->user;
}

void dfs_set_patience(struct dfs *fs, int ms)
{
    fs->retry_window_ms = ms;
    fs->waits_in_safe_mode = true;
}

/* ---- asking ---- */

struct question {
    const char *method;
    const ProtobufCMessage *request;
    const ProtobufCMessageDescriptor *type;
    struct arena *arena;
    ProtobufCMessage **answer;
};

/* Errors that say nothing about the question: the same one may be asked again. */
static bool may_ask_again(enum err_code code)
{
    return code == ERR_CONNECT || code == ERR_CLOSED || code == ERR_TIMEOUT ||
           code == ERR_RETRIABLE || code == ERR_STANDBY;
}

static void wait_ms(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
        ;
}

/* Asks until there is an answer that says something, or the time is over. */
static int ask_for(struct dfs *fs, struct question *q, int window_ms, bool in_safe_mode,
                   struct err *err)
{
    uint64_t until = env_mono_ms(env_posix()) + (uint64_t)window_ms;
    int64_t step = conf_int(fs->conf, OPT_ipc_connect_wait), pause = step / 10 + 1;
    int32_t id = rpc_client_call_id(fs->namenode);
    struct err why;

    for (int tries = 0;; tries++) {
        int rc = rpc_call_again(fs->namenode, id, tries, q->method, q->request, q->type, q->arena,
                                q->answer, &why);
        bool again = may_ask_again(why.code) || (in_safe_mode && why.code == ERR_SAFEMODE);

        if (rc == 0)
            return 0;
        if (!again || env_mono_ms(env_posix()) + (uint64_t)pause > until) {
            if (err)
                *err = why;
            return rc;
        }
        /* A refusal is an answer: the next try is a call of its own. */
        if (why.code == ERR_SAFEMODE || why.code == ERR_RETRIABLE || why.code == ERR_STANDBY) {
            id = rpc_client_call_id(fs->namenode);
            tries = -1;
        }
        wait_ms(pause);
        pause = pause * 2 < step ? pause * 2 : step;
    }
}

int fs_ask(struct dfs *fs, const char *method, const ProtobufCMessage *request,
           const ProtobufCMessageDescriptor *type, struct arena *arena, ProtobufCMessage **answer,
           struct err *err)
{
    struct question q = {method, request, type, arena, answer};

    return ask_for(fs, &q, fs->retry_window_ms, fs->waits_in_safe_mode, err);
}

int fs_ask_patiently(struct dfs *fs, const char *method, const ProtobufCMessage *request,
                     const ProtobufCMessageDescriptor *type, struct arena *arena,
                     ProtobufCMessage **answer, struct err *err)
{
    struct question q = {method, request, type, arena, answer};

    return ask_for(fs, &q, FS_PATIENCE_MS, true, err);
}

/* ---- names and addresses ---- */

/* Copies @from to @to without empty, "." and ".." components; both may be absolute only. */
static void tidy(const char *from, char *to)
{
    char *end = to;

    while (*from) {
        size_t n;

        while (*from == '/')
            from++;
        n = strcspn(from, "/");
        if (n == 2 && from[0] == '.' && from[1] == '.') {
            while (end > to && *--end != '/')
                ;
        } else if (n > 0 && !(n == 1 && from[0] == '.')) {
            *end++ = '/';
            memcpy(end, from, n);
            end += n;
        }
        from += n;
    }
    if (end == to)
        *end++ = '/';
    *end = 0;
}

/* "/.reserved/.inodes/17/..": the namenode alone knows what is above an inode. */
static bool is_above_inode(const char *path)
{
    static const char inodes[] = "/.reserved/.inodes/";
    const char *number = path + sizeof inodes - 1;

    return strncmp(path, inodes, sizeof inodes - 1) == 0 &&
           strcmp(number + strspn(number, "0123456789"), "/..") == 0;
}

int fs_path(struct dfs *fs, const char *path, struct arena *arena, char **out, struct err *err)
{
    char *full, *neat;

    if (!path || !*path)
        return err_set(err, ERR_ARGUMENT, "Can not create a Path from an empty string");
    if (strncmp(path, "hdfs://", 7) == 0) {
        size_t n = strcspn(path + 7, "/");
        char authority[FS_URI_MAX];

        snprintf(authority, sizeof authority, "%.*s", (int)n, path + 7);
        if (n > 0 && strcmp(authority, fs->uri + 7) != 0 && strcmp(authority, fs->address) != 0)
            return err_set(err, ERR_ARGUMENT, "Wrong FS: %s, expected: %s", path, fs->uri);
        path += 7 + n;
        if (!*path)
            path = "/";
    } else if (strncmp(path, "hdfs:/", 6) == 0) {
        path += 5;
    }
    full = path[0] == '/' ? arena_printf(arena, "%s", path)
                          : arena_printf(arena, "/user/%s/%s", fs->user, path);
    neat = full ? arena_alloc(arena, strlen(full) + 2) : NULL;
    if (!neat)
        return err_set(err, ERR_NOMEM, "path");
    if (is_above_inode(full))
        strcpy(neat, full);
    else
        tidy(full, neat);
    *out = neat;
    return 0;
}

static void find_local_ips(struct dfs *fs)
{
    struct ifaddrs *list, *i;
    int n = 0;

    fs->local_ip_count = 0;
    if (getifaddrs(&list) < 0)
        return;
    for (i = list; i; i = i->ifa_next)
        n++;
    fs->local_ips = calloc((size_t)n, sizeof *fs->local_ips);
    for (i = list; i && fs->local_ips; i = i->ifa_next) {
        char *out = fs->local_ips[fs->local_ip_count];
        const void *a = NULL;

        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
            a = &((struct sockaddr_in *)i->ifa_addr)->sin_addr;
        else if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6)
            a = &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr;
        if (a && inet_ntop(i->ifa_addr->sa_family, a, out, sizeof *fs->local_ips))
            fs->local_ip_count++;
    }
    freeifaddrs(list);
}

bool fs_ip_is_local(struct dfs *fs, const char *ip)
{
    bool found = strncmp(ip, "127.", 4) == 0;

    if (fs->bind_host)
        return strcmp(ip, fs->bind_host) == 0;
    pthread_mutex_lock(&fs->lock);
    if (!found && fs->local_ip_count < 0)
        find_local_ips(fs);
    for (int i = 0; i < fs->local_ip_count && !found; i++)
        found = strcmp(fs->local_ips[i], ip) == 0;
    pthread_mutex_unlock(&fs->lock);
    return found;
}

int question_begin(struct path_question *q, struct dfs *fs, const char *path, struct err *err)
{
    arena_init(&q->arena, FS_ANSWER_MAX);
    return fs_path(fs, path, &q->arena, &q->path, err);
}

int question_end(struct path_question *q, int rc)
{
    arena_done(&q->arena);
    return rc;
}
