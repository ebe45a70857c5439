#include "namenode/http/fsck.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "namenode/calls/client_protocol.h"
#include "proto/web_params.h"

enum {
    SEND_AT = 32 << 10, /* what has gathered goes out at so much */
    OUT_MAX = 512 << 20,
    ARENA_MAX = 64 << 20,
    PAGE_ARENA_MAX = 64 << 20, /* one page of a directory */
};

static const struct {
    const char *name;
    unsigned option;
} parameters[] = {
    {"move", FSCK_MOVE},
    {"delete", FSCK_DELETE},
    {"files", FSCK_FILES},
    {"blocks", FSCK_BLOCKS},
    {"locations", FSCK_LOCATIONS},
    {"racks", FSCK_RACKS},
    {"replicadetails", FSCK_DETAILS},
    {"upgradedomains", FSCK_DOMAINS},
    {"maintenance", FSCK_MAINTENANCE},
    {"storagepolicies", FSCK_POLICIES},
    {"showprogress", FSCK_PROGRESS},
    {"openforwrite", FSCK_OPEN},
    {"listcorruptfileblocks", FSCK_LIST},
    {"includeSnapshots", FSCK_SNAPSHOTS},
    {"replicate", FSCK_REPLICATE},
};

/* ---- for its parts ---- */

bool fsck_ask(struct fsck *f, struct arena *arena, const char *method, const void *request,
              void *reply_at)
{
    const struct op_inside in = {.nn = f->nn,
                                 .method = method,
                                 .user = f->user,
                                 .peer_ip = f->req->remote_ip,
                                 .arena = arena};
    void *reply;

    if (op_call(&in, request, &reply, &f->err) < 0 ||
        journal_wait(f->nn->journal, journal_last_txid(f->nn->journal), &f->err) < 0)
        return false;
    *(void **)reply_at = reply;
    return true;
}

struct op *fsck_op(struct fsck *f, struct arena *arena)
{
    struct op *op = arena_zalloc(arena, sizeof *op);

    if (op) {
        op->nn = f->nn;
        op->arena = arena;
        op->now_ms = env_now_ms(f->nn->env);
        op->user = users_get(f->nn->users, f->user);
    }
    if (!op || !op->user) {
        err_set(&f->err, ERR_NOMEM, "no memory");
        return NULL;
    }
    return op;
}

/* Sends what has gathered; fails when whoever asked has gone. */
static int send_all(struct fsck *f)
{
    int rc = 0;

    if (f->out.bad)
        return err_set(&f->err, ERR_NOMEM, "the report is too large");
    if (f->out.n > 0)
        rc = http_write(f->req, f->out.bytes, f->out.n, &f->err);
    buf_clear(&f->out);
    return rc;
}

static int send_some(struct fsck *f)
{
    return f->out.n < SEND_AT && !f->out.bad ? 0 : send_all(f);
}

/* Sun Nov 29 13:29:41 UTC 2026 */
static void put_date(struct fsck *f)
{
    time_t now = (time_t)(env_now_ms(f->nn->env) / 1000);
    char text[64] = "";
    struct tm tm;

    if (localtime_r(&now, &tm))
        strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    buf_puts(&f->out, text);
}

/* ---- the tree ---- */

static int check(struct fsck *f, const char *path, Pb__HdfsFileStatusProto__FileType type);

static bool is_snapshottable(const struct fsck *f, const char *path)
{
    for (size_t i = 0; i < f->snapshottable_count; i++)
        if (strcmp(f->snapshottable[i], path) == 0)
            return true;
    return false;
}

static char *child_path(struct arena *arena, const char *dir, const char *name, size_t n)
{
    return arena_printf(arena, "%s%s%.*s", dir, strcmp(dir, "/") == 0 ? "" : "/", (int)n, name);
}

/* A page of @dir from after *after on; *after becomes its last name.  1: there are more. */
static int check_page(struct fsck *f, const char *dir, struct buf *after)
{
    Pb__GetListingRequestProto rq = PB__GET_LISTING_REQUEST_PROTO__INIT;
    Pb__GetListingResponseProto *rs;
    const Pb__DirectoryListingProto *page;
    struct arena arena;
    int rc = 0;

    arena_init(&arena, PAGE_ARENA_MAX);
    rq.src = (char *)dir;
    rq.startafter.data = after->bytes;
    rq.startafter.len = after->n;
    if (!fsck_ask(f, &arena, "getListing", &rq, &rs)) {
        arena_done(&arena);
        return -(int)f->err.code;
    }
    page = rs->dirlist;
    for (size_t i = 0; page && i < page->n_partiallisting && rc >= 0; i++) {
        const Pb__HdfsFileStatusProto *st = page->partiallisting[i];
        char *path = child_path(&arena, dir, (const char *)st->path.data, st->path.len);

        rc = path ? check(f, path, st->filetype) : err_set(&f->err, ERR_NOMEM, "%s", dir);
    }
    if (rc >= 0 && page && page->remainingentries > 0 && page->n_partiallisting > 0) {
        const Pb__HdfsFileStatusProto *last = page->partiallisting[page->n_partiallisting - 1];

        buf_clear(after);
        buf_put(after, last->path.data, last->path.len);
        rc = after->bad ? err_set(&f->err, ERR_NOMEM, "%s", dir) : 1;
    }
    arena_done(&arena);
    return rc;
}

static int check_dir(struct fsck *f, const char *path)
{
    struct buf after;
    int rc = 0;

    if (is_snapshottable(f, path)) {
        struct arena arena;
        char *snapshots;

        arena_init(&arena, PAGE_ARENA_MAX);
        snapshots = child_path(&arena, path, ".snapshot", 9);
        rc = snapshots ? check(f, snapshots, PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_DIR)
                       : err_set(&f->err, ERR_NOMEM, "%s", path);
        arena_done(&arena);
        if (rc < 0)
            return rc;
    }
    if (fsck_asks(f, FSCK_FILES))
        buf_printf(&f->out, "%s <dir>\n", path);
    f->dirs++;
    buf_init(&after, 4096);
    do
        rc = check_page(f, path, &after);
    while (rc > 0);
    buf_done(&after);
    return rc;
}

static int check(struct fsck *f, const char *path, Pb__HdfsFileStatusProto__FileType type)
{
    int rc;

    if ((f->dirs + f->symlinks + f->replicated.files + f->coded.files) % 1000 == 0)
        buf_puts(&f->out, "\n");
    if ((rc = send_some(f)) < 0)
        return rc;
    switch (type) {
    case PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_DIR: return check_dir(f, path);
    case PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_SYMLINK:
        if (fsck_asks(f, FSCK_FILES))
            buf_printf(&f->out, "%s <symlink>\n", path);
        f->symlinks++;
        return 0;
    default: return fsck_file(f, path);
    }
}

/* ---- the report ---- */

static int find_snapshottable(struct fsck *f)
{
    Pb__GetSnapshottableDirListingRequestProto rq =
        PB__GET_SNAPSHOTTABLE_DIR_LISTING_REQUEST_PROTO__INIT;
    Pb__GetSnapshottableDirListingResponseProto *rs;
    const Pb__SnapshottableDirectoryListingProto *l;

    if (!fsck_asks(f, FSCK_SNAPSHOTS))
        return 0;
    if (!fsck_ask(f, &f->arena, "getSnapshottableDirListing", &rq, &rs))
        return -(int)f->err.code;
    l = rs->snapshottabledirlist;
    if (!l)
        return 0;
    f->snapshottable = arena_alloc(&f->arena, (l->n_snapshottabledirlisting + 1) * sizeof(char *));
    for (size_t i = 0; f->snapshottable && i < l->n_snapshottabledirlisting; i++) {
        const Pb__SnapshottableDirectoryStatusProto *d = l->snapshottabledirlisting[i];
        const char *parent =
            arena_strndup(&f->arena, (char *)d->parent_fullpath.data, d->parent_fullpath.len);
        const char *path = parent ? child_path(&f->arena, parent, (char *)d->dirstatus->path.data,
                                               d->dirstatus->path.len)
                                  : NULL;

        if (!path)
            return err_set(&f->err, ERR_NOMEM, "snapshottable directories");
        f->snapshottable[f->snapshottable_count++] = path;
    }
    return f->snapshottable ? 0 : err_set(&f->err, ERR_NOMEM, "snapshottable directories");
}

static void put_ended(struct fsck *f, uint64_t started_ms)
{
    buf_puts(&f->out, "FSCK ended at ");
    put_date(f);
    buf_printf(&f->out, " in %" PRIu64 " milliseconds\n", env_mono_ms(f->nn->env) - started_ms);
}

static void put_summary(struct fsck *f, bool healthy)
{
    const struct conf *conf = f->nn->conf;
    int copies = (int)conf_int(conf, OPT_replication),
        min = (int)conf_int(conf, OPT_replication_min);
    struct bm_stats s;

    nn_lock(f->nn);
    bm_get_stats(f->nn->bm, &s);
    nn_unlock(f->nn);
    buf_printf(&f->out,
               "\nStatus: %s\n Number of data-nodes:\t%d\n Number of racks:\t\t%d\n"
               " Total dirs:\t\t\t%" PRIu64 "\n Total symlinks:\t\t%" PRIu64
               "\n\nReplicated Blocks:\n",
               healthy ? "HEALTHY" : "CORRUPT", s.live, s.racks, f->dirs, f->symlinks);
    fsck_put_result(&f->out, &f->replicated, false, copies, min);
    buf_puts(&f->out, "\n\nErasure Coded Block Groups:\n");
    fsck_put_result(&f->out, &f->coded, true, copies, min);
    buf_puts(&f->out, "\n");
    if (f->policies)
        fsck_put_policies(&f->out, f->policies);
}

static int report(struct fsck *f, const char *cookie, uint64_t started_ms)
{
    Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    Pb__GetFileInfoResponseProto *rs;
    bool healthy;
    int rc;

    rq.src = (char *)f->path;
    if ((rc = find_snapshottable(f)) < 0)
        return rc;
    if (!fsck_ask(f, &f->arena, "getFileInfo", &rq, &rs))
        return -(int)f->err.code;
    if (!rs->fs) {
        buf_printf(&f->out, "\n\nPath '%s' does not exist", f->path);
        return 0;
    }
    if (fsck_asks(f, FSCK_LIST))
        return fsck_list_corrupt(f, cookie);
    if (fsck_asks(f, FSCK_POLICIES) &&
        !(f->policies = arena_zalloc(&f->arena, sizeof *f->policies)))
        return err_set(&f->err, ERR_NOMEM, "no memory");
    if ((rc = check(f, f->path, rs->fs->filetype)) < 0)
        return rc;
    healthy = fsck_is_healthy(&f->replicated) && fsck_is_healthy(&f->coded);
    put_summary(f, healthy);
    put_ended(f, started_ms);
    if (f->internal_error)
        return err_set(&f->err, ERR_IO, "fsck encountered internal errors!");
    buf_printf(&f->out, "\n\nThe filesystem under path '%s' is %s", f->path,
               healthy ? "HEALTHY" : "CORRUPT");
    return 0;
}

static int report_blocks(struct fsck *f, const char *names)
{
    struct op *op = fsck_op(f, &f->arena);
    int rc;

    if (!op)
        return -ERR_NOMEM;
    if ((rc = op_check_super(op, "fsck")) < 0) {
        f->err = op->err;
        return rc;
    }
    buf_printf(&f->out, "FSCK started by %s (auth:SIMPLE) from /%s at ", f->user,
               f->req->remote_ip);
    put_date(f);
    buf_puts(&f->out, "\n");
    fsck_blocks(f, names);
    return 0;
}

/* ---- who asks for what ---- */

static char *parameter(struct fsck *f, const char *name)
{
    size_t room = strlen(f->req->query) + 1;
    char *out = arena_alloc(&f->arena, room);

    return out && http_query(f->req, name, out, room) ? out : NULL;
}

static void take_parameters(struct fsck *f)
{
    const char *path = parameter(f, "path");
    char *user = parameter(f, "user.name");
    char word[2];

    if (!user && (user = parameter(f, "ugi")))
        user[strcspn(user, ",")] = 0; /* Hadoop's old way: the user, and then groups */
    f->user = user && *user ? user : conf_text(f->nn->conf, OPT_http_user);
    f->path = path ? path : "/";
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        const char *name = parameters[i].name;

        if (http_query(f->req, name, word, sizeof word) || parameter(f, name))
            f->options |= parameters[i].option;
    }
}

static void run(struct fsck *f)
{
    uint64_t started_ms = env_mono_ms(f->nn->env);
    const char *names;
    int rc;

    take_parameters(f);
    names = parameter(f, "blockId");
    LOG_INFO("nn.fsck", "user=%s from=%s path=%s blocks=\"%s\"", f->user, f->req->remote_ip,
             f->path, names ? names : "");
    if (fsck_asks(f, FSCK_PROGRESS))
        buf_puts(&f->out, "The fsck switch -showprogress is deprecated and no longer has any "
                          "effect. Progress is now shown by default.\n");
    if (names) {
        rc = report_blocks(f, names);
    } else {
        buf_printf(&f->out, "FSCK started by %s (auth:SIMPLE) from /%s for path %s at ", f->user,
                   f->req->remote_ip, f->path);
        put_date(f);
        buf_puts(&f->out, "\n");
        rc = report(f, parameter(f, "startblockafter"), started_ms);
    }
    if (rc < 0) {
        put_ended(f, started_ms);
        buf_printf(&f->out, "%.*s\n\n\nFsck on path '%s' FAILED", (int)strcspn(f->err.text, "\n"),
                   f->err.text, f->path);
    }
}

void fsck_serve(void *nn, struct http_request *req)
{
    struct fsck *f = calloc(1, sizeof *f);

    if (!f)
        return;
    f->nn = nn;
    f->req = req;
    arena_init(&f->arena, ARENA_MAX);
    buf_init(&f->out, OUT_MAX);
    http_begin(req, 200, "text/plain;charset=utf-8", "", -1);
    run(f);
    if (send_all(f) < 0) {
        LOG_WARN("nn.fsck", "path=%s err=\"%s\" next=\"the answer is cut\"", f->path, f->err.text);
        http_cut(req);
    } else {
        http_end(req);
    }
    buf_done(&f->out);
    arena_done(&f->arena);
    free(f);
}
