/* name_rollback.c -- the image that a rolling upgrade can go back to, fsimage_rollback_N.
 *
 * It is an image like another and is loaded like one; what differs is the name, which keeps it from
 * being dropped, and by which `-rollingUpgrade rollback` finds it.  The file beside it with the sum
 * says the name too, so it is written anew.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "namenode/edits/name_dir_parts.h"

static int write_md5(struct name_dirs *d, const char *image, const uint8_t md5[MD5_BYTES],
                     struct err *err)
{
    char path[PATH_MAX + 8], text[PATH_MAX + 64], *p = text;

    snprintf(path, sizeof path, "%s.md5", image);
    for (int i = 0; i < MD5_BYTES; i++)
        p += sprintf(p, "%02x", md5[i]);
    sprintf(p, " *%s\n", strrchr(image, '/') + 1);
    return env_write_file(d->env, path, text, strlen(text), err);
}

/* Renames an image in one directory: first the new sum, then the image, so that at no moment there
 * is an image without its sum. */
static int rename_image(struct name_dirs *d, const struct name_file *from, enum name_file_kind kind,
                        struct err *err)
{
    struct name_file to = *from, sum = *from;
    char old[PATH_MAX], new[PATH_MAX], sum_of[PATH_MAX + 8], current[PATH_MAX];
    uint8_t md5[MD5_BYTES];
    int rc;

    to.kind = kind;
    sum.kind = from->kind == NAME_CHECKPOINT ? NAME_IMAGE : from->kind;
    name_file_path(d, from, old, sizeof old);
    name_file_path(d, &to, new, sizeof new);
    name_file_path(d, &sum, sum_of, PATH_MAX);
    snprintf(current, sizeof current, "%s/%s", d->paths[from->dir], d->current);
    if ((rc = image_md5_read(d->env, sum_of, md5, err)) < 0 ||
        (rc = write_md5(d, new, md5, err)) < 0 || (rc = env_rename(d->env, old, new, err)) < 0)
        return rc;
    if (strcmp(sum_of, new) != 0) {
        strcat(sum_of, ".md5");
        env_unlink(d->env, sum_of, NULL);
    }
    return env_sync_dir(d->env, current, err);
}

int name_dirs_rollback_done(struct name_dirs *d, uint64_t txid, struct err *err)
{
    int named = 0;

    for (int i = 0; i < d->count; i++) {
        struct name_file f = {.kind = NAME_CHECKPOINT, .dir = i, .first = txid, .last = txid};

        named += rename_image(d, &f, NAME_ROLLBACK, err) == 0;
    }
    if (named == 0)
        return -ERR_IO;
    d->image_txid = txid;
    d->has_image = true;
    return 0;
}

int name_dirs_rollback_end(struct name_dirs *d, struct err *err)
{
    struct name_files files;
    int rc = name_files_list(d, &files, err);

    if (rc < 0)
        return rc;
    for (int i = 0; rc == 0 && i < files.count; i++)
        if (files.list[i].kind == NAME_ROLLBACK && files.list[i].has_md5)
            rc = rename_image(d, &files.list[i], NAME_IMAGE, err);
    name_files_done(&files);
    return rc;
}

/* ---- going back ---- */

static int newest_rollback(const struct name_files *files, uint64_t *txid, struct err *err)
{
    bool found = false;

    *txid = 0;
    for (int i = 0; i < files->count; i++) {
        const struct name_file *f = &files->list[i];

        if (f->kind != NAME_ROLLBACK || !f->has_md5)
            continue;
        found = true;
        *txid = f->first > *txid ? f->first : *txid;
    }
    if (!found)
        return err_set(err, ERR_STATE,
                       "Cannot rollback. None of the storage directories contain a rollback image "
                       "(fsimage_rollback_N) of a rolling upgrade.");
    return 0;
}

/* The log was begun anew when the image was made: a segment is before it or after it. */
static int check_segments(const struct name_dirs *d, const struct name_files *files, uint64_t txid,
                          struct err *err)
{
    char path[PATH_MAX];

    for (int i = 0; i < files->count; i++) {
        const struct name_file *f = &files->list[i];
        bool edits = f->kind == NAME_EDITS || f->kind == NAME_EDITS_OPEN;

        if (!edits || f->first > txid || (f->kind == NAME_EDITS && f->last <= txid))
            continue;
        name_file_path(d, f, path, sizeof path);
        return err_set(err, ERR_INCONSISTENT,
                       "Cannot rollback: %s holds transactions before and after the rollback "
                       "image's, %" PRIu64,
                       path, txid);
    }
    return 0;
}

static int put_away(struct name_dirs *d, const struct name_file *f, uint64_t txid, struct err *err)
{
    char path[PATH_MAX], aside[PATH_MAX + 8];
    bool edits = f->kind == NAME_EDITS || f->kind == NAME_EDITS_OPEN;
    bool older = f->kind == NAME_ROLLBACK && f->first < txid;
    int rc;

    if (f->first <= txid && !older)
        return 0;
    name_file_path(d, f, path, sizeof path);
    snprintf(aside, sizeof aside, "%s.%s", path, edits ? "trash" : "md5");
    if (edits)
        return env_rename(d->env, path, aside, err);
    rc = env_unlink(d->env, path, err);
    if (rc == 0)
        env_unlink(d->env, aside, NULL);
    return rc;
}

/* Whatever it was left in by a crash, the same again ends it: the image gets its ordinary name last. */
int name_dirs_rolling_back(struct name_dirs *d, struct err *err)
{
    struct name_files files;
    char path[PATH_MAX], text[32];
    uint64_t txid;
    int rc = name_files_list(d, &files, err);

    if (rc < 0)
        return rc;
    rc = newest_rollback(&files, &txid, err);
    if (rc == 0)
        rc = check_segments(d, &files, txid, err);
    snprintf(text, sizeof text, "%" PRIu64 "\n", txid);
    for (int i = 0; i < d->count && rc == 0; i++) {
        snprintf(path, sizeof path, "%s/%s/seen_txid", d->paths[i], d->current);
        rc = env_write_file(d->env, path, text, strlen(text), err);
    }
    for (int i = 0; i < files.count && rc == 0; i++)
        rc = put_away(d, &files.list[i], txid, err);
    for (int i = 0; i < d->count && rc == 0; i++) {
        snprintf(path, sizeof path, "%s/%s", d->paths[i], d->current);
        rc = env_sync_dir(d->env, path, err);
    }
    name_files_done(&files);
    return rc < 0 ? rc : name_dirs_rollback_end(d, err);
}

bool name_dirs_has_rollback(struct name_dirs *d)
{
    struct name_files files;
    bool found = false;

    if (name_files_list(d, &files, NULL) < 0)
        return false;
    for (int i = 0; i < files.count; i++)
        found |= files.list[i].kind == NAME_ROLLBACK && files.list[i].has_md5;
    name_files_done(&files);
    return found;
}
