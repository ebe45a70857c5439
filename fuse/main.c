/* main.c -- dfs-fuse: mounts the store.  As mount.fuse.dfs it is what mount(8) and fstab call. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/log.h"
#include "fuse/changes.h"
#include "fuse/errnos.h"
#include "fuse/file.h"
#include "fuse/nodes.h"
#include "fuse/ops.h"
#include "fuse/stats.h"
#include "fuse/users.h"
#include "fuse/window.h"

static void on_init(void *userdata, struct fuse_conn_info *conn)
{
    struct mount *m = userdata;
    static const unsigned want =
        FUSE_CAP_ASYNC_READ | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_DONT_MASK | FUSE_CAP_READDIRPLUS |
        FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_EXPLICIT_INVAL_DATA |
        FUSE_CAP_ASYNC_DIO | FUSE_CAP_SPLICE_READ;
    /* whoever writes here sees its own pages; what others write is looked at when a file is opened */
    static const unsigned without = FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_WRITEBACK_CACHE |
                                    FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS;

    conn->want = (conn->want | (want & conn->capable)) & ~without;
    conn->max_write = REQUEST_MAX;
    conn->max_read = REQUEST_MAX;
    conn->max_readahead = (unsigned)m->o.readahead_kb << 10;
    conn->max_background = 64;
    conn->congestion_threshold = 48;
}

const struct fuse_lowlevel_ops mount_ops = {
    .init = on_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .open = op_open,
    .create = op_create,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .release = op_release,
    .fsync = op_fsync,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .releasedir = op_releasedir,
    .fsyncdir = op_fsyncdir,
    .statfs = op_statfs,
    .setxattr = op_setxattr,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .removexattr = op_removexattr,
    .access = op_access,
    .fallocate = op_fallocate,
};

/* ---- what was asked for ---- */

struct line {
    struct mount_options o;
    char *mountpoint, *config;
    int foreground, help;
    char **defines;
    int define_count;
};

enum key { KEY_DEFINE, KEY_FOREGROUND, KEY_HELP, KEY_IGNORED, KEY_RO, KEY_KEPT };

#define AT(text, field)                                                                            \
    {                                                                                              \
        text, offsetof(struct line, field), 0                                                      \
    }
static const struct fuse_opt table[] = {
    AT("user=%s", o.user),
    AT("stage_dir=%s", o.stage_dir),
    AT("stage_max=%s", o.stage_size),
    AT("attr_timeout=%lf", o.attr_timeout),
    AT("entry_timeout=%lf", o.entry_timeout),
    AT("negative_timeout=%lf", o.negative_timeout),
    AT("wait=%d", o.wait_s),
    AT("idle=%d", o.idle_s),
    AT("threads=%d", o.threads),
    AT("readahead=%d", o.readahead_kb),
    AT("config=%s", config),
    AT("--config=%s", config),
    AT("--config %s", config),
    FUSE_OPT_KEY("-D ", KEY_DEFINE),
    FUSE_OPT_KEY("-f", KEY_FOREGROUND),
    FUSE_OPT_KEY("foreground", KEY_FOREGROUND),
    FUSE_OPT_KEY("-h", KEY_HELP),
    FUSE_OPT_KEY("--help", KEY_HELP),
    FUSE_OPT_KEY("ro", KEY_RO),
    /* what fstab and mount(8) say to others */
    FUSE_OPT_KEY("rw", KEY_KEPT),
    FUSE_OPT_KEY("_netdev", KEY_IGNORED),
    FUSE_OPT_KEY("auto", KEY_IGNORED),
    FUSE_OPT_KEY("noauto", KEY_IGNORED),
    FUSE_OPT_KEY("nofail", KEY_IGNORED),
    FUSE_OPT_KEY("defaults", KEY_IGNORED),
    FUSE_OPT_KEY("users", KEY_IGNORED),
    FUSE_OPT_KEY("x-", KEY_IGNORED),
    FUSE_OPT_KEY("comment=", KEY_IGNORED),
    FUSE_OPT_END,
};

static int on_word(void *data, const char *arg, int key, struct fuse_args *out)
{
    struct line *l = data;
    char **more;

    (void)out;
    switch (key) {
    case KEY_DEFINE:
        more = realloc(l->defines, (size_t)(l->define_count + 1) * sizeof *more);
        if (!more)
            return -1;
        l->defines = more;
        l->defines[l->define_count++] = strdup(arg + 2 + strspn(arg + 2, " "));
        return 0;
    case KEY_FOREGROUND: l->foreground = 1; return 0;
    case KEY_HELP: l->help = 1; return 0;
    case KEY_IGNORED: return 0;
    case KEY_RO: l->o.readonly = 1; return 1;
    case FUSE_OPT_KEY_NONOPT:
        if (!l->mountpoint) {
            l->mountpoint = strdup(arg);
        } else if (!l->o.source) { /* SOURCE MOUNTPOINT */
            l->o.source = l->mountpoint;
            l->mountpoint = strdup(arg);
        } else {
            fprintf(stderr, "dfs-fuse: \"%s\" is one word too many\n", arg);
            return -1;
        }
        return 0;
    default: return 1;
    }
}

static const char help[] =
    "dfs-fuse [options] [hdfs://HOST:PORT/DIR] MOUNTPOINT\n"
    "  --config DIR, -D key=value   Hadoop's configuration\n"
    "  -f                           stay in the foreground\n"
    "  -o allow_other               let other users in; each is asked for as who they are\n"
    "  -o user=NAME                 everybody is NAME to the store\n"
    "  -o ro                        read only\n"
    "  -o wait=SECONDS              operations wait so long for a store that is away, then EIO "
    "(60)\n"
    "  -o idle=SECONDS              a file not written for so long is committed (30)\n"
    "  -o stage_dir=DIR             where bytes wait that were not written in order (/var/tmp)\n"
    "  -o stage_max=SIZE            at most so many of them (1g)\n"
    "  -o attr_timeout=S, entry_timeout=S, negative_timeout=S   what the kernel may remember (1, "
    "1, 0)\n"
    "  -o readahead=KIB             what the kernel reads ahead (1024)\n"
    "  -o threads=N                 calls served at a time (24)\n"
    "dfs-fuse(1) has the rest. fusermount3 -u MOUNTPOINT, or umount, ends it.\n";

static uint64_t size_of(const char *text)
{
    static const char units[] = "kmgt";
    char *end;
    uint64_t v = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end | 32) : NULL;

    return unit ? v << (10 * (unit - units + 1)) : v;
}

static int read_line(struct line *l, struct fuse_args *args)
{
    l->o = (struct mount_options){.attr_timeout = 1,
                                  .entry_timeout = 1,
                                  .wait_s = 60,
                                  .idle_s = 30,
                                  .threads = 24,
                                  .readahead_kb = 1024};
    if (fuse_opt_parse(args, l, table, on_word) < 0)
        return -1;
    if (!l->o.stage_dir)
        l->o.stage_dir = strdup("/var/tmp");
    l->o.stage_max = size_of(l->o.stage_size ? l->o.stage_size : "1g");
    if (l->help || l->mountpoint)
        return 0;
    fputs("dfs-fuse: no mount point (dfs-fuse --help)\n", stderr);
    return -1;
}

static void line_done(struct line *l)
{
    for (int i = 0; i < l->define_count; i++)
        free(l->defines[i]);
    free(l->defines);
    free(l->mountpoint);
    free(l->config);
    free(l->o.source);
    free(l->o.user);
    free(l->o.stage_dir);
    free(l->o.stage_size);
}

/* ---- getting ready ---- */

/* Another user's umask is the kernel's matter, and nothing is taken away here. */
static int load_conf(const struct line *l, struct conf **out, struct err *err)
{
    struct conf_args from = {
        .dir = l->config, .defines = (const char **)l->defines, .define_count = l->define_count};
    int rc = conf_load(&from, out, err);

    if (rc == 0 && l->o.source && strncmp(l->o.source, "hdfs://", 7) == 0)
        rc = conf_set(*out, "fs.defaultFS", l->o.source, err);
    return rc == 0 ? conf_set(*out, "fs.permissions.umask-mode", "000", err) : rc;
}

/* The directory in the source: hdfs://host:port/dir, or just /dir. */
static const char *top_of(const char *source)
{
    const char *path = source && strncmp(source, "hdfs://", 7) == 0 ? strchr(source + 7, '/')
                       : source && *source == '/'                   ? source
                                                                    : NULL;

    return path ? path : "/";
}

static int check_top(struct mount *m, const char *top, uint64_t *id, struct err *err)
{
    struct dfs_stat st;
    int rc = dfs_stat(m->own, top, &st, err);

    if (rc < 0)
        return rc;
    *id = st.inode_id;
    if (st.kind != DFS_DIR)
        rc = err_set(err, ERR_NOTDIR, "%s is not a directory", top);
    dfs_stat_done(&st);
    return rc;
}

static int mount_ready(struct mount *m, struct err *err)
{
    uint64_t id = 0;
    int rc = dfs_connect(m->conf, NULL, m->o.user, &m->own, err);

    if (rc == 0)
        rc = check_top(m, top_of(m->o.source), &id, err);
    if (rc < 0)
        return rc;
    dfs_set_patience(m->own, m->o.wait_s * 1000);
    m->can_splice = dfs_can_splice(m->own);
    rc = users_new(m, &m->users, err);
    if (rc == 0)
        rc = nodes_new(top_of(m->o.source), id, &m->nodes, err);
    if (rc == 0)
        rc = seen_new(&m->seen, err);
    if (rc == 0)
        rc = changes_new(&m->changes, err);
    if (rc == 0)
        rc = files_new(m, &m->files, err);
    return rc == 0 ? windows_new(&m->windows, err) : rc;
}

static void mount_done(struct mount *m)
{
    files_free(m->files);
    windows_free(m->windows);
    seen_free(m->seen);
    changes_free(m->changes);
    nodes_free(m->nodes);
    users_free(m->users);
    dfs_disconnect(m->own);
}

/* ---- running ---- */

struct running {
    struct mount *m;
    const char *mountpoint;
    pthread_t main;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
};

/* Commits what nobody writes to any more: an idle handle holds no lease. */
static void *look_after_idle(void *arg)
{
    struct running *r = arg;
    struct timespec until;

    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += r->m->o.idle_s > 10 ? 5 : 1;
        pthread_cond_timedwait(&r->changed, &r->lock, &until);
        if (r->stop)
            break;
        pthread_mutex_unlock(&r->lock);
        files_commit_idle(r->m->files, (uint64_t)r->m->o.idle_s * 1000);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* The kernel's pages of mapped files first, then ours: all while calls are still served. */
static void flush_all(struct running *r)
{
    int fd = open(r->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed;

    if (fd >= 0) {
        syncfs(fd);
        close(fd);
    }
    failed = files_commit_idle(r->m->files, 0);
    if (failed)
        LOG_ERROR("fuse.stop", "uncommitted_files=%d next=\"they are as of their last fsync\"",
                  failed);
}

static void *wait_for_signal(void *arg)
{
    struct running *r = arg;
    sigset_t set;
    int sig;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2); /* the end of the session, from main() */
    while (sigwait(&set, &sig) != 0)
        ;
    if (sig == SIGUSR2)
        return NULL;
    flush_all(r);
    fuse_session_exit(r->m->session);
    pthread_kill(r->main, SIGUSR1); /* it waits for its threads, and looks again when interrupted */
    return NULL;
}

static void wake(int sig)
{
    (void)sig;
}

/* The kernel reads ahead 128 KiB unless it is told, in a file of its own. */
static void set_readahead(const char *mountpoint, int kb)
{
    char path[64];
    struct stat st;
    FILE *f;

    if (kb <= 128 || stat(mountpoint, &st) < 0)
        return;
    snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev),
             minor(st.st_dev));
    f = fopen(path, "w");
    if (f) {
        fprintf(f, "%d\n", kb);
        fclose(f);
    }
}

static void *tune(void *arg)
{
    struct running *r = arg;

    set_readahead(r->mountpoint, r->m->o.readahead_kb);
    return NULL;
}

static int run(struct mount *m, const char *mountpoint)
{
    struct running r = {.m = m, .mountpoint = mountpoint, .main = pthread_self()};
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    pthread_t idle, signals, tuning;
    sigset_t set;
    int rc;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = wake}, NULL);
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.changed, NULL);
    if (!config || pthread_create(&idle, NULL, look_after_idle, &r) != 0 ||
        pthread_create(&signals, NULL, wait_for_signal, &r) != 0 ||
        pthread_create(&tuning, NULL, tune, &r) != 0) {
        fputs("dfs-fuse: no threads\n", stderr);
        return 1;
    }
    fuse_loop_cfg_set_clone_fd(config, 1);
    fuse_loop_cfg_set_max_threads(config, (unsigned)m->o.threads);
    rc = fuse_session_loop_mt(m->session, config);
    fuse_loop_cfg_destroy(config);
    files_commit_idle(m->files, 0); /* after umount -l nobody else does */
    pthread_mutex_lock(&r.lock);
    r.stop = true;
    pthread_cond_broadcast(&r.changed);
    pthread_mutex_unlock(&r.lock);
    pthread_kill(signals, SIGUSR2);
    pthread_join(signals, NULL);
    pthread_join(tuning, NULL);
    pthread_join(idle, NULL);
    return rc < 0 ? 1 : 0;
}

/* What mount -o shows, and the largest requests there are. */
static int add_options(struct fuse_args *args, const struct mount *m)
{
    char text[512];

    snprintf(text, sizeof text, "-ofsname=%s,subtype=dfs,max_read=%d",
             m->o.source ? m->o.source : dfs_uri(m->own), REQUEST_MAX);
    return fuse_opt_add_arg(args, text);
}

static int serve(struct mount *m, struct fuse_args *args, const char *mountpoint, bool foreground)
{
    int rc = 1;

    if (add_options(args, m) < 0)
        return 1;
    m->session = fuse_session_new(args, &mount_ops, sizeof mount_ops, m);
    if (!m->session)
        return 1;
    if (fuse_session_mount(m->session, mountpoint) == 0) {
        if (fuse_daemonize(foreground) == 0)
            rc = run(m, mountpoint);
        fuse_session_unmount(m->session);
    }
    fuse_session_destroy(m->session);
    return rc;
}

int main(int argc, char **argv)
{
    struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
    struct line l = {.define_count = 0};
    struct mount m = {.conf = NULL};
    struct conf *conf = NULL;
    char *where;
    struct err err = {0};
    int rc;

    log_init();
    mallopt(M_ARENA_MAX, 4); /* what one of many threads gave back another may have */
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
    mallopt(M_MMAP_THRESHOLD, 2 << 20);
    if (read_line(&l, &args) < 0)
        return 1;
    if (l.help) {
        fputs(help, stdout);
        return 0;
    }
    rc = load_conf(&l, &conf, &err);
    m.conf = conf;
    m.o = l.o;
    where = realpath(l.mountpoint, NULL);
    if (rc == 0 && !where)
        rc = err_sys(&err, errno, "%s", l.mountpoint);
    if (rc == 0)
        rc = mount_ready(&m, &err);
    if (rc < 0) {
        fprintf(stderr, "dfs-fuse: %s\n", err.text);
        rc = 1;
    } else {
        rc = serve(&m, &args, where, l.foreground);
    }
    mount_done(&m);
    conf_free(conf);
    line_done(&l);
    free(where);
    fuse_opt_free_args(&args);
    return rc;
}
