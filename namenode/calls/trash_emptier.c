#include "namenode/calls/trash_emptier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "namenode/calls/client_protocol.h"
#include "proto/trash_name.h"

enum { MINUTE_MS = 60000, ATTEMPTS_MAX = 1000, ANSWERS_MAX = 64 << 20 };

struct trash_emptier {
    struct namenode *nn;
    uint64_t interval_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* stopping */
    pthread_cond_t wake;
    bool stopping;
};

static uint64_t minutes_of(const struct conf *conf, enum conf_option option)
{
    return (uint64_t)(conf_float(conf, option) * MINUTE_MS);
}

/* ---- a client's calls ---- */

/* The arena's answers go when a trash is done with. */
struct sweep {
    struct namenode *nn;
    struct arena arena;
    uint64_t now_ms, keep_ms;
    struct err err;
};

static const void *ask(struct sweep *s, const char *method, const void *request)
{
    const struct op_inside in = {
        .nn = s->nn, .method = method, .user = users_owner(s->nn->users), .arena = &s->arena};
    void *reply = NULL;

    err_clear(&s->err);
    return op_call(&in, request, &reply, &s->err) == 0 ? reply : NULL;
}

static char *join(struct sweep *s, const char *dir, const char *name)
{
    char *path = arena_printf(&s->arena, "%s/%s", dir, name);

    MUST(path);
    return path;
}

/* The entries of @dir that are directories, page by page; false at the end, or when it can't be listed. */
struct walk {
    const char *dir;
    const Pb__DirectoryListingProto *page;
    size_t next;
};

static char *walk_next(struct sweep *s, struct walk *w)
{
    for (;;) {
        Pb__GetListingRequestProto rq = PB__GET_LISTING_REQUEST_PROTO__INIT;
        const Pb__GetListingResponseProto *rs;

        while (w->page && w->next < w->page->n_partiallisting) {
            const Pb__HdfsFileStatusProto *e = w->page->partiallisting[w->next++];

            if (e->filetype == PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_DIR)
                return arena_strndup(&s->arena, (const char *)e->path.data, e->path.len);
        }
        if (w->page && (w->page->remainingentries == 0 || w->next == 0))
            return NULL;
        rq.src = (char *)(uintptr_t)w->dir;
        if (w->page)
            rq.startafter = w->page->partiallisting[w->next - 1]->path;
        rs = ask(s, "getListing", &rq);
        w->page = rs ? rs->dirlist : NULL;
        w->next = 0;
        if (!w->page || w->page->n_partiallisting == 0)
            return NULL;
    }
}

static bool move(struct sweep *s, const char *from, const char *to)
{
    Pb__Rename2RequestProto rq = PB__RENAME2_REQUEST_PROTO__INIT;

    rq.src = (char *)(uintptr_t)from;
    rq.dst = (char *)(uintptr_t)to;
    return ask(s, "rename2", &rq) != NULL;
}

static void drop(struct sweep *s, const char *path)
{
    Pb__DeleteRequestProto rq = PB__DELETE_REQUEST_PROTO__INIT;
    const Pb__DeleteResponseProto *rs;

    rq.src = (char *)(uintptr_t)path;
    rq.recursive = 1;
    rs = ask(s, "delete", &rq);
    if (rs && rs->result)
        LOG_INFO("nn.trash", "deleted=%s", path);
    else
        LOG_WARN("nn.trash", "checkpoint=%s err=\"%s\" next=\"tried again at the next round\"",
                 path, s->err.text);
}

/* ---- one trash ---- */

/* What nobody knows a time for waits in the trash of this process's user. */
static void move_away(struct sweep *s, const char *path)
{
    Pb__MkdirsRequestProto rq = PB__MKDIRS_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto mode = PB__FS_PERMISSION_PROTO__INIT;
    char *to =
        arena_printf(&s->arena, "/user/%s/.Trash/Current%s", users_owner(s->nn->users), path);

    MUST(to);
    mode.perm = 0700;
    rq.masked = &mode;
    rq.createparent = 1;
    rq.src = arena_strndup(&s->arena, to, (size_t)(strrchr(to, '/') - to));
    if (ask(s, "mkdirs", &rq) && move(s, path, to))
        LOG_WARN("nn.trash", "unexpected=%s next=\"moved to %s\"", path, to);
}

static void drop_old(struct sweep *s, const char *root)
{
    struct walk w = {.dir = root};
    uint64_t at;
    char *name;

    while ((name = walk_next(s, &w))) {
        if (strcmp(name, "Current") == 0)
            continue;
        if (!trash_name_time(name, &at))
            move_away(s, join(s, root, name));
        else if (s->now_ms > s->keep_ms && s->now_ms - s->keep_ms > at)
            drop(s, join(s, root, name));
    }
}

static void make_checkpoint(struct sweep *s, const char *root)
{
    Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    const Pb__GetFileInfoResponseProto *rs;
    char name[TRASH_NAME_MAX];
    bool done = false;

    rq.src = join(s, root, "Current");
    rs = ask(s, "getFileInfo", &rq);
    if (!rs || !rs->fs)
        return;
    for (unsigned i = 0; i <= ATTEMPTS_MAX && !done; i++) {
        trash_name_of(s->now_ms, i, name);
        done = move(s, rq.src, join(s, root, name));
        if (!done && s->err.code != ERR_EXISTS)
            break;
    }
    if (done)
        LOG_INFO("nn.trash", "checkpoint=%s/%s", root, name);
    else
        LOG_WARN("nn.trash", "trash=%s err=\"%s\" next=\"tried again at the next round\"", root,
                 s->err.text);
}

void trash_emptier_round(struct namenode *nn, uint64_t now_ms)
{
    struct sweep users = {.nn = nn}, one = {.nn = nn, .now_ms = now_ms};
    struct walk w = {.dir = "/user"};
    char *name;

    one.keep_ms = minutes_of(nn->conf, OPT_trash_interval);
    arena_init(&users.arena, ANSWERS_MAX);
    while ((name = walk_next(&users, &w))) {
        char *root;

        arena_init(&one.arena, ANSWERS_MAX);
        root = arena_printf(&one.arena, "/user/%s/.Trash", name);
        MUST(root);
        drop_old(&one, root);
        make_checkpoint(&one, root);
        arena_done(&one.arena);
    }
    arena_done(&users.arena);
}

/* ---- the thread ---- */

/* Waits for the next whole multiple of the interval; false when it is to stop. */
static bool wait_for_round(struct trash_emptier *e)
{
    uint64_t now = env_now_ms(e->nn->env), end = (now / e->interval_ms + 1) * e->interval_ms;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)((end - now) / 1000);
    until.tv_nsec += (long)((end - now) % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!e->stopping && pthread_cond_timedwait(&e->wake, &e->lock, &until) == 0)
        ;
    return !e->stopping;
}

static void *run(void *arg)
{
    struct trash_emptier *e = arg;

    pthread_mutex_lock(&e->lock);
    while (wait_for_round(e)) {
        pthread_mutex_unlock(&e->lock);
        trash_emptier_round(e->nn, env_now_ms(e->nn->env));
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

int trash_emptier_start(struct namenode *nn, struct trash_emptier **out, struct err *err)
{
    uint64_t keep = minutes_of(nn->conf, OPT_trash_interval);
    uint64_t interval = minutes_of(nn->conf, OPT_trash_checkpoint);
    struct trash_emptier *e;
    pthread_condattr_t clock;
    int rc;

    if (interval > keep || interval == 0)
        interval = keep;
    if (interval == 0)
        return 0;
    e = calloc(1, sizeof *e);
    if (!e)
        return err_set(err, ERR_NOMEM, "trash emptier");
    e->nn = nn;
    e->interval_ms = interval;
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&e->wake, &clock);
    pthread_condattr_destroy(&clock);
    rc = pthread_create(&e->thread, NULL, run, e);
    if (rc != 0) {
        free(e);
        return err_sys(err, rc, "thread of the trash emptier");
    }
    *out = e;
    return 0;
}

void trash_emptier_stop(struct trash_emptier *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
