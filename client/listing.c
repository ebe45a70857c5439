/* listing.c -- a directory, asked for in batches while it is walked. */
#include <stdlib.h>
#include <string.h>

#include "client/fs.h"

struct dfs_dir {
    struct dfs *fs;
    struct arena path_arena, arena; /* arena: the batch at hand */
    char *path;
    const Pb__DirectoryListingProto *batch;
    size_t next;
    char *joined; /* full path of the entry handed out */
    size_t joined_cap;
    struct dfs_stat entry;
    bool has_entry;
};

/* The batch after the entry called @after. */
static int fetch(struct dfs_dir *d, const uint8_t *after, size_t n, struct err *err)
{
    Pb__GetListingRequestProto req = PB__GET_LISTING_REQUEST_PROTO__INIT;
    Pb__GetListingResponseProto *answer;
    uint8_t *from = malloc(n + 1); /* @after lives in the arena that is about to be reused */
    int rc;

    if (!from)
        return err_set(err, ERR_NOMEM, "listing of %s", d->path);
    memcpy(from, after, n);
    req.src = d->path;
    req.startafter = (ProtobufCBinaryData){.data = from, .len = n};
    arena_reset(&d->arena);
    rc = FS_ASK(d->fs, "getListing", &req, get_listing, &d->arena, &answer, err);
    if (rc == 0 && !answer->dirlist)
        rc = err_set(err, ERR_NOENT, "File %s does not exist.", d->path);
    if (rc == 0) {
        d->batch = answer->dirlist;
        d->next = 0;
    }
    free(from);
    return rc;
}

int dfs_opendir(struct dfs *fs, const char *path, struct dfs_dir **out, struct err *err)
{
    struct dfs_dir *d = calloc(1, sizeof *d);
    int rc;

    if (!d)
        return err_set(err, ERR_NOMEM, "listing of %s", path);
    d->fs = fs;
    arena_init(&d->path_arena, FS_ANSWER_MAX);
    arena_init(&d->arena, FS_ANSWER_MAX);
    rc = fs_path(fs, path, &d->path_arena, &d->path, err);
    if (rc == 0)
        rc = fetch(d, (const uint8_t *)"", 0, err);
    if (rc < 0) {
        dfs_closedir(d);
        return rc;
    }
    *out = d;
    return 0;
}

/* The directory's path and the entry's name; a file that lists itself has an empty name. */
static const char *join(struct dfs_dir *d, const ProtobufCBinaryData *name, struct err *err)
{
    size_t dir_n = strcmp(d->path, "/") == 0 ? 0 : strlen(d->path), need = dir_n + name->len + 2;

    if (need > d->joined_cap) {
        char *more = realloc(d->joined, need + 256);

        if (!more) {
            err_set(err, ERR_NOMEM, "listing of %s", d->path);
            return NULL;
        }
        d->joined = more;
        d->joined_cap = need + 256;
    }
    memcpy(d->joined, d->path, dir_n);
    if (name->len > 0) {
        d->joined[dir_n++] = '/';
        memcpy(d->joined + dir_n, name->data, name->len);
        dir_n += name->len;
    }
    d->joined[dir_n] = 0;
    return d->joined;
}

int dfs_readdir(struct dfs_dir *d, const struct dfs_stat **out, struct err *err)
{
    const Pb__HdfsFileStatusProto *entry;
    const char *path;
    int rc;

    if (d->next == d->batch->n_partiallisting) {
        if (d->batch->remainingentries == 0 || d->next == 0)
            return 0;
        entry = d->batch->partiallisting[d->next - 1];
        rc = fetch(d, entry->path.data, entry->path.len, err);
        if (rc < 0)
            return rc;
        return dfs_readdir(d, out, err);
    }
    entry = d->batch->partiallisting[d->next];
    path = join(d, &entry->path, err);
    if (!path)
        return -ERR_NOMEM;
    if (d->has_entry)
        dfs_stat_done(&d->entry);
    d->has_entry = false;
    rc = fs_stat_from(entry, path, &d->entry, err);
    if (rc < 0)
        return rc;
    d->has_entry = true;
    d->next++;
    *out = &d->entry;
    return 1;
}

void dfs_dir_take(struct dfs_dir *d)
{
    d->has_entry = false;
}

void dfs_closedir(struct dfs_dir *d)
{
    if (!d)
        return;
    if (d->has_entry)
        dfs_stat_done(&d->entry);
    arena_done(&d->arena);
    arena_done(&d->path_arena);
    free(d->joined);
    free(d);
}
