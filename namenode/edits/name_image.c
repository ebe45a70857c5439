/* name_image.c -- an image on its way into every name directory: written under a name of its own, then given its
 * place. */
#include "namenode/edits/name_image.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "namenode/edits/edit_codec.h"

enum { MODE_FILE = 0644 };

static void image_path(const struct name_image *o, int dir, enum name_file_kind kind, char *out,
                       size_t n)
{
    struct name_file f = {.kind = kind, .dir = dir, .first = o->txid};

    name_file_path(o->d, &f, out, n);
}

/* A directory that fails goes without this image. */
static void give_up_on(struct name_image *o, int dir)
{
    char path[PATH_MAX];

    if (o->fds[dir] >= 0)
        env_close(o->d->env, o->fds[dir], NULL);
    o->fds[dir] = -1;
    image_path(o, dir, o->kind, path, sizeof path);
    env_unlink(o->d->env, path, NULL);
    err_wrap(&o->why, -ERR_IO, "%s", path);
}

static int any_left(struct name_image *o, struct err *err)
{
    for (int i = 0; i < o->d->count; i++)
        if (o->fds[i] >= 0)
            return 0;
    if (err)
        *err = o->why;
    return o->why.code ? -(int)o->why.code : -ERR_IO;
}

int name_image_begin(struct name_image *o, const struct name_dirs *d, enum name_file_kind kind,
                     uint64_t txid, struct err *err)
{
    char path[PATH_MAX];

    *o = (struct name_image){.d = d, .kind = kind, .txid = txid, .md5 = md5_new()};
    for (int i = 0; i < d->count; i++)
        o->fds[i] = -1;
    if (!o->md5)
        return err_set(err, ERR_NOMEM, "MD5");
    for (int i = 0; i < d->count; i++) {
        image_path(o, i, kind, path, sizeof path);
        o->fds[i] = env_open(d->env, path, O_WRONLY | O_CREAT | O_TRUNC, MODE_FILE, &o->why);
    }
    return any_left(o, err);
}

int name_image_write(void *ctx, const void *bytes, size_t n, struct err *err)
{
    struct name_image *o = ctx;

    md5_add(o->md5, bytes, n);
    for (int i = 0; i < o->d->count; i++)
        if (o->fds[i] >= 0 && env_pwrite(o->d->env, o->fds[i], bytes, n, o->at, &o->why) < 0)
            give_up_on(o, i);
    o->at += n;
    return any_left(o, err);
}

int name_image_sync(struct name_image *o, uint8_t sum[MD5_BYTES], struct err *err)
{
    md5_end(o->md5, sum);
    for (int i = 0; i < o->d->count; i++)
        if (o->fds[i] >= 0 && env_sync(o->d->env, o->fds[i], &o->why) < 0)
            give_up_on(o, i);
    return any_left(o, err);
}

/* The image takes the name that the sum says only afterwards, so one without a sum is not whole. */
int name_image_put_sum(struct name_image *o, const uint8_t sum[MD5_BYTES], struct err *err)
{
    char path[PATH_MAX], text[128], *p = text;

    for (int i = 0; i < MD5_BYTES; i++)
        p += sprintf(p, "%02x", sum[i]);
    sprintf(p, " *fsimage_%019" PRIu64 "\n", o->txid);
    for (int i = 0; i < o->d->count; i++) {
        if (o->fds[i] < 0)
            continue;
        image_path(o, i, NAME_IMAGE, path, sizeof path - 4);
        strcat(path, ".md5");
        if (env_write_file(o->d->env, path, text, strlen(text), &o->why) < 0)
            give_up_on(o, i);
    }
    return any_left(o, err);
}

int name_image_find(const struct name_image *o, char *out, size_t n)
{
    for (int i = 0; i < o->d->count; i++)
        if (o->fds[i] >= 0) {
            image_path(o, i, o->kind, out, n);
            return 0;
        }
    return -ERR_NOENT;
}

int name_image_becomes_checkpoint(struct name_image *o, struct err *err)
{
    char from[PATH_MAX], to[PATH_MAX];

    for (int i = 0; i < o->d->count; i++) {
        if (o->fds[i] < 0)
            continue;
        image_path(o, i, o->kind, from, sizeof from);
        image_path(o, i, NAME_CHECKPOINT, to, sizeof to);
        if (env_rename(o->d->env, from, to, &o->why) < 0)
            give_up_on(o, i);
    }
    o->kind = NAME_CHECKPOINT;
    return any_left(o, err);
}

void name_image_end(struct name_image *o, bool keep)
{
    for (int i = 0; i < o->d->count; i++)
        if (o->fds[i] >= 0 && !keep)
            give_up_on(o, i);
        else if (o->fds[i] >= 0)
            env_close(o->d->env, o->fds[i], NULL);
    md5_free(o->md5);
    o->md5 = NULL;
}

/* ---- one of a namespace ---- */

int name_dirs_save_image(struct name_dirs *d, const struct namespace *ns, uint64_t txid,
                         struct err *err)
{
    struct image_info info = {
        .namespace_id = d->identity.namespace_id, .txid = txid, .layout_version = EDIT_LAYOUT};
    struct name_image o;
    struct image_sink sink = {name_image_write, &o};
    uint8_t sum[MD5_BYTES];
    int rc = name_image_begin(&o, d, NAME_CHECKPOINT, txid, err);

    if (rc == 0)
        rc = image_save(ns, &info, &d->extras, &sink, err);
    if (rc == 0 && (rc = name_image_sync(&o, sum, err)) == 0)
        rc = name_image_put_sum(&o, sum, err);
    name_image_end(&o, rc == 0);
    return rc;
}

int name_image_place(struct name_dirs *d, uint64_t txid, struct err *err)
{
    int placed = 0;

    for (int i = 0; i < d->count; i++) {
        struct name_image o = {.d = d, .txid = txid};
        char from[PATH_MAX], to[PATH_MAX], current[PATH_MAX];

        image_path(&o, i, NAME_CHECKPOINT, from, sizeof from);
        image_path(&o, i, NAME_IMAGE, to, sizeof to);
        snprintf(current, sizeof current, "%s/%s", d->paths[i], d->current);
        if (env_rename(d->env, from, to, err) == 0 && env_sync_dir(d->env, current, err) == 0)
            placed++;
    }
    return placed;
}

int name_dirs_image_named(struct name_dirs *d, uint64_t txid, struct err *err)
{
    if (name_image_place(d, txid, err) == 0)
        return -ERR_IO;
    d->image_txid = txid;
    d->has_image = true;
    return 0;
}
