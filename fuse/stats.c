#include "fuse/stats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/file.h"
#include "fuse/users.h"

enum { SEEN = 1 << 16, LOCKS = 64, IO_BYTES = 128 << 10, LINK_MODE = 01777 };

struct one {
    fuse_ino_t ino;
    uint64_t length, version;
};

struct seen {
    pthread_mutex_t locks[LOCKS];
    struct one all[SEEN];
};

bool stat_may_be_link(const struct dfs_stat *st)
{
    return st->kind == DFS_FILE && st->length == 0 && st->mode == LINK_MODE;
}

static struct timespec time_of(uint64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

void stat_from(struct mount *m, const struct dfs_stat *st, fuse_ino_t ino, struct stat *out)
{
    *out = (struct stat){
        .st_ino = ino,
        .st_mode = (st->kind == DFS_DIR    ? S_IFDIR
                    : st->kind == DFS_FILE ? S_IFREG
                                           : S_IFLNK) |
                   st->mode,
        .st_nlink = 1,
        .st_uid = users_uid(m->users, st->owner),
        .st_gid = users_gid(m->users, st->group),
        .st_size = (off_t)st->length,
        .st_blksize = IO_BYTES,
        .st_blocks = (blkcnt_t)((st->length + 511) / 512),
        .st_mtim = time_of(st->mtime_ms),
    };
    out->st_atim = st->atime_ms ? time_of(st->atime_ms) : out->st_mtim;
    if (st->kind == DFS_SYMLINK && st->target)
        out->st_size = (off_t)strlen(st->target);
    if (st->kind == DFS_FILE)
        files_show(m->files, ino, out);
    out->st_ctim = out->st_mtim;
    out->st_blocks = (out->st_size + 511) / 512;
}

int seen_new(struct seen **out, struct err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return err_set(err, ERR_NOMEM, "what the kernel was told");
    for (int i = 0; i < LOCKS; i++)
        pthread_mutex_init(&(*out)->locks[i], NULL);
    return 0;
}

void seen_free(struct seen *s)
{
    for (int i = 0; s && i < LOCKS; i++)
        pthread_mutex_destroy(&s->locks[i]);
    free(s);
}

static struct one *take(struct seen *s, fuse_ino_t ino)
{
    unsigned at = (unsigned)((ino * 0x9E3779B97F4A7C15u) >> 48) % SEEN;

    pthread_mutex_lock(&s->locks[at % LOCKS]);
    return &s->all[at];
}

static void give(struct seen *s, struct one *o)
{
    pthread_mutex_unlock(&s->locks[(o - s->all) % LOCKS]);
}

uint64_t seen_length(struct seen *s, fuse_ino_t ino, uint64_t length)
{
    struct one *o = take(s, ino);
    uint64_t before = o->ino == ino ? o->length : length;

    if (o->ino != ino)
        *o = (struct one){.ino = ino};
    o->length = length;
    give(s, o);
    return before;
}

uint64_t seen_last_length(struct seen *s, fuse_ino_t ino)
{
    struct one *o = take(s, ino);
    uint64_t length = o->ino == ino ? o->length : UINT64_MAX;

    give(s, o);
    return length;
}

bool seen_version(struct seen *s, fuse_ino_t ino, uint64_t version)
{
    struct one *o = take(s, ino);
    bool same = o->ino == ino && version && o->version == version;

    if (o->ino != ino)
        *o = (struct one){.ino = ino, .length = UINT64_MAX};
    o->version = version;
    give(s, o);
    return same;
}
