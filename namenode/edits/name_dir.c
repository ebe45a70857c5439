#include "namenode/edits/name_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "namenode/edits/edit_codec.h"
#include "namenode/edits/name_dir_parts.h"
#include "namenode/edits/name_image.h"
#include "namenode/edits/storage_info.h"
#include "namenode/namespace/carried.h"

enum { MODE_DIR = 0700, MODE_FILE = 0644, LOCK_TEXT_MAX = 256 };

static void in_dir(char *out, size_t n, const char *dir, const char *name)
{
    snprintf(out, n, "%s/%s", dir, name);
}

/* ---- which files there are ---- */

struct listing {
    struct name_files *out;
    int dir;
};

static void add_file(struct name_files *files, const struct name_file *f)
{
    if (files->count == files->cap) {
        int cap = files->cap ? files->cap * 2 : 64;
        struct name_file *grown = realloc(files->list, (size_t)cap * sizeof *grown);

        if (!grown) {
            files->nomem = true;
            return;
        }
        files->list = grown;
        files->cap = cap;
    }
    files->list[files->count++] = *f;
}

/* Reads "PREFIX<digits>"; what follows the digits comes back, or NULL. */
static const char *number_after(const char *name, const char *prefix, uint64_t *out)
{
    size_t n = strlen(prefix);
    char *end;

    if (strncmp(name, prefix, n) != 0 || name[n] < '0' || name[n] > '9')
        return NULL;
    errno = 0;
    *out = strtoull(name + n, &end, 10);
    return errno ? NULL : end;
}

static void see_name(void *ctx, const char *name)
{
    struct listing *l = ctx;
    struct name_file f = {.dir = l->dir};
    const char *rest;

    if ((rest = number_after(name, "fsimage_", &f.first)) && *rest == 0)
        f.kind = NAME_IMAGE;
    else if ((rest = number_after(name, "fsimage_rollback_", &f.first)) && *rest == 0)
        f.kind = NAME_ROLLBACK;
    else if ((rest = number_after(name, "fsimage.ckpt_", &f.first)) && *rest == 0)
        f.kind = NAME_CHECKPOINT;
    else if ((rest = number_after(name, "fsimage.upload_", &f.first)) && *rest == 0)
        f.kind = NAME_UPLOAD;
    else if ((rest = number_after(name, "edits_inprogress_", &f.first)) && *rest == 0)
        f.kind = NAME_EDITS_OPEN;
    else if ((rest = number_after(name, "edits_", &f.first)) &&
             (rest = number_after(rest, "-", &f.last)) && *rest == 0 && f.last >= f.first)
        f.kind = NAME_EDITS;
    else
        return;
    if (name_is_image(&f) || f.kind == NAME_CHECKPOINT || f.kind == NAME_UPLOAD)
        f.last = f.first;
    add_file(l->out, &f);
}

void name_file_path(const struct name_dirs *d, const struct name_file *f, char *out, size_t n)
{
    const char *dir = d->paths[f->dir], *sub = d->current;

    switch (f->kind) {
    case NAME_IMAGE: snprintf(out, n, "%s/%s/fsimage_%019" PRIu64, dir, sub, f->first); break;
    case NAME_ROLLBACK:
        snprintf(out, n, "%s/%s/fsimage_rollback_%019" PRIu64, dir, sub, f->first);
        break;
    case NAME_CHECKPOINT:
        snprintf(out, n, "%s/%s/fsimage.ckpt_%019" PRIu64, dir, sub, f->first);
        break;
    case NAME_UPLOAD:
        snprintf(out, n, "%s/%s/fsimage.upload_%019" PRIu64, dir, sub, f->first);
        break;
    case NAME_EDITS:
        snprintf(out, n, "%s/%s/edits_%019" PRIu64 "-%019" PRIu64, dir, sub, f->first, f->last);
        break;
    case NAME_EDITS_OPEN:
        snprintf(out, n, "%s/%s/edits_inprogress_%019" PRIu64, dir, sub, f->first);
        break;
    }
}

static int find_md5(const struct name_dirs *d, struct name_file *f, struct err *err)
{
    char path[PATH_MAX];
    struct env_stat st;
    int rc;

    if (!name_is_image(f))
        return 0;
    name_file_path(d, f, path, sizeof path - 4);
    strcat(path, ".md5");
    rc = env_stat(d->env, path, &st, err);
    f->has_md5 = rc == 0;
    return rc == -ERR_NOENT ? 0 : rc;
}

int name_files_list(const struct name_dirs *d, struct name_files *out, struct err *err)
{
    struct name_files files = {0};
    char path[PATH_MAX];
    int rc = 0;

    for (int i = 0; rc == 0 && i < d->count; i++) {
        struct listing l = {&files, i};

        in_dir(path, sizeof path, d->paths[i], "current");
        rc = env_list(d->env, path, see_name, &l, err);
    }
    for (int i = 0; rc == 0 && i < files.count; i++)
        rc = find_md5(d, &files.list[i], err);
    if (rc == 0 && files.nomem)
        rc = err_set(err, ERR_NOMEM, "list of a name directory's files");
    if (rc < 0)
        name_files_done(&files);
    else
        *out = files;
    return rc;
}

void name_files_done(struct name_files *f)
{
    free(f->list);
    *f = (struct name_files){0};
}

/* ---- one directory's lock ---- */

static void read_holder(struct env *env, int fd, char *out, size_t n)
{
    ssize_t got = env_pread(env, fd, out, n - 1, 0, NULL);

    out[got > 0 ? got : 0] = 0;
    out[strcspn(out, "\r\n")] = 0;
}

/* Hadoop's lock: in_use.lock holds PID@HOST, and a lock on the whole file.  An open file
 * description's lock excludes both another process's lock, of either kind, and a second one
 * here, and ends with the process. */
static int lock_dir(struct env *env, const char *dir, int *out, struct err *err)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX], text[LOCK_TEXT_MAX], host[128] = "localhost";
    int fd, rc, n;

    in_dir(path, sizeof path, dir, "in_use.lock");
    fd = env_open(env, path, O_RDWR | O_CREAT, MODE_FILE, err);
    if (fd < 0)
        return fd;
    if (fcntl(fd, F_OFD_SETLK, &all) < 0) {
        int saved = errno;

        read_holder(env, fd, text, sizeof text);
        env_close(env, fd, NULL);
        if (saved != EAGAIN && saved != EACCES)
            return err_sys(err, saved, "lock %s", path);
        return err_set(err, ERR_LOCKED, "cannot lock %s: it is in use by %s", dir,
                       *text ? text : "a process that does not say its name");
    }
    gethostname(host, sizeof host - 1);
    n = snprintf(text, sizeof text, "%d@%s", (int)getpid(), host);
    rc = env_truncate(env, fd, 0, err);
    if (rc == 0)
        rc = env_pwrite(env, fd, text, (size_t)n, 0, err);
    if (rc < 0) {
        env_close(env, fd, NULL);
        return err_wrap(err, rc, "%s", path);
    }
    *out = fd;
    return 0;
}

/* ---- making and unmaking ---- */

static struct name_dirs *dirs_new(struct env *env, char *const *paths, int count, struct err *err)
{
    struct name_dirs *d;

    if (count < 1 || count > NAME_DIRS_MAX) {
        err_set(err, ERR_ARGUMENT, "%d name directories, 1 to %d are possible", count,
                NAME_DIRS_MAX);
        return NULL;
    }
    d = calloc(1, sizeof *d);
    for (int i = 0; d && i < count; i++) {
        d->env = env;
        d->current = "current";
        d->lock_fds[i] = -1;
        d->paths[i] = strdup(paths[i]);
        d->count++;
        if (!d->paths[i] || strlen(paths[i]) > PATH_MAX - 128) {
            name_dirs_close(d);
            d = NULL;
        }
    }
    if (!d)
        err_set(err, ERR_NOMEM, "name directories");
    else
        image_extras_init(&d->extras);
    return d;
}

void name_dirs_close(struct name_dirs *d)
{
    if (!d)
        return;
    for (int i = 0; i < d->count; i++) {
        if (d->lock_fds[i] >= 0)
            env_close(d->env, d->lock_fds[i], NULL);
        free(d->paths[i]);
    }
    image_extras_done(&d->extras);
    free(d);
}

static int lock_all(struct name_dirs *d, struct err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < d->count; i++) {
        rc = env_mkdirs(d->env, d->paths[i], MODE_DIR, err);
        if (rc == 0)
            rc = lock_dir(d->env, d->paths[i], &d->lock_fds[i], err);
    }
    return rc;
}

const struct name_identity *name_dirs_identity(const struct name_dirs *d)
{
    return &d->identity;
}

char *const *name_dirs_paths(const struct name_dirs *d, int *count)
{
    *count = d->count;
    return d->paths;
}

int name_dirs_token_count(const struct name_dirs *d)
{
    return carried_token_count(&d->extras);
}

uint64_t name_dirs_image_txid(const struct name_dirs *d)
{
    return d->image_txid;
}

/* ---- what is kept ---- */

static void remove_file(const struct name_dirs *d, const struct name_file *f)
{
    char path[PATH_MAX];

    name_file_path(d, f, path, sizeof path - 4);
    env_unlink(d->env, path, NULL);
    if (f->kind == NAME_IMAGE) {
        strcat(path, ".md5");
        env_unlink(d->env, path, NULL);
    }
}

static int newest_first(const void *a, const void *b)
{
    const struct name_file *x = a, *y = b;

    return x->first < y->first ? 1 : x->first > y->first ? -1 : 0;
}

/* The txid of the oldest image to keep: of the @retained newest that are whole. */
static uint64_t oldest_to_keep(const struct name_files *files, int retained)
{
    uint64_t oldest = UINT64_MAX;
    int kept = 0;

    for (int i = 0; i < files->count && kept < retained; i++) {
        const struct name_file *f = &files->list[i];

        if (f->kind == NAME_IMAGE && f->has_md5 && f->first != oldest) {
            oldest = f->first;
            kept++;
        }
    }
    return kept ? oldest : 0;
}

/* Leftovers do no harm: what can't be removed now goes next time. */
static int purge(struct name_dirs *d, int retained_images, uint64_t retained_edits, struct err *err)
{
    struct name_files files;
    uint64_t oldest, edits_from;
    int rc = name_files_list(d, &files, err);

    if (rc < 0)
        return rc;
    qsort(files.list, (size_t)files.count, sizeof *files.list, newest_first);
    oldest = oldest_to_keep(&files, retained_images < 1 ? 1 : retained_images);
    edits_from = oldest + 1 > retained_edits ? oldest + 1 - retained_edits : 0;
    for (int i = 0; i < files.count; i++) {
        const struct name_file *f = &files.list[i];

        if ((f->kind == NAME_IMAGE && f->first < oldest) ||
            ((f->kind == NAME_CHECKPOINT || f->kind == NAME_UPLOAD) && f->first <= d->image_txid) ||
            (f->kind == NAME_EDITS && f->last < edits_from))
            remove_file(d, f);
    }
    name_files_done(&files);
    return 0;
}

static int write_versions(struct name_dirs *d, struct err *err)
{
    char path[PATH_MAX];
    int rc = 0;

    for (int i = 0; rc == 0 && i < d->count; i++) {
        in_dir(path, sizeof path, d->paths[i], "current/VERSION");
        rc = storage_info_write(d->env, path, &d->identity, err);
    }
    return rc;
}

int name_dirs_image_done(struct name_dirs *d, uint64_t txid, int retained_images,
                         uint64_t retained_edits, struct err *err)
{
    int rc = 0;

    if ((rc = name_dirs_image_named(d, txid, err)) < 0)
        return rc;
    if (d->identity.layout_version != EDIT_LAYOUT) {
        d->identity.layout_version = EDIT_LAYOUT;
        rc = write_versions(d, err);
    }
    return rc < 0 ? rc : purge(d, retained_images, retained_edits, err);
}

/* ---- formatting ---- */

static void count_name(void *ctx, const char *name)
{
    if (strcmp(name, "in_use.lock") != 0 && strcmp(name, "current.tmp") != 0)
        ++*(int *)ctx;
}

static int must_be_empty(struct env *env, const char *dir, struct err *err)
{
    int names = 0, rc = env_list(env, dir, count_name, &names, err);

    if (rc < 0)
        return rc;
    if (names > 0)
        return err_set(err, ERR_EXISTS,
                       "%s is not empty: format it with force, and all that it holds is lost", dir);
    return 0;
}

struct removal {
    struct env *env;
    const char *dir;
    int rc;
    struct err *err;
};

static void remove_name(void *ctx, const char *name)
{
    struct removal *r = ctx;
    char path[PATH_MAX];

    in_dir(path, sizeof path, r->dir, name);
    if (r->rc == 0)
        r->rc = env_unlink(r->env, path, r->err);
}

int name_dir_remove(struct env *env, const char *dir, struct err *err)
{
    struct removal r = {env, dir, 0, err};
    struct env_stat st;
    int rc = env_stat(env, dir, &st, err);

    if (rc == -ERR_NOENT)
        return 0;
    if (rc == 0)
        rc = env_list(env, dir, remove_name, &r, err);
    if (rc == 0)
        rc = r.rc;
    return rc == 0 ? env_rmdir(env, dir, err) : rc;
}

/* DIR/current.tmp with VERSION and seen_txid. */
static int begin_dir(struct env *env, const char *dir, const struct name_identity *id,
                     struct err *err)
{
    char tmp[PATH_MAX], path[PATH_MAX];
    int rc;

    in_dir(tmp, sizeof tmp, dir, "current.tmp");
    rc = name_dir_remove(env, tmp, err);
    if (rc == 0)
        rc = env_mkdir(env, tmp, MODE_DIR, err);
    in_dir(path, sizeof path, dir, "current.tmp/seen_txid");
    if (rc == 0)
        rc = env_write_file(env, path, "0\n", 2, err);
    in_dir(path, sizeof path, dir, "current.tmp/VERSION");
    return rc < 0 ? rc : storage_info_write(env, path, id, err);
}

/* The one step that makes it a store.  What was there before, if it may go, goes first. */
static int finish_dir(struct env *env, const char *dir, struct err *err)
{
    char tmp[PATH_MAX], current[PATH_MAX], old[PATH_MAX];
    struct env_stat st;
    int rc;

    in_dir(tmp, sizeof tmp, dir, "current.tmp");
    in_dir(current, sizeof current, dir, "current");
    in_dir(old, sizeof old, dir, "current.old");
    rc = name_dir_remove(env, old, err);
    if (rc == 0)
        rc = env_stat(env, current, &st, err);
    if (rc == 0)
        rc = env_rename(env, current, old, err);
    if (rc == 0 || rc == -ERR_NOENT)
        rc = env_rename(env, tmp, current, err);
    if (rc == 0)
        rc = env_sync_dir(env, dir, err);
    return rc < 0 ? rc : name_dir_remove(env, old, err);
}

/* The image of an empty namespace, written like any other one. */
static int write_empty_image(struct name_dirs *d, const struct name_format *how, struct err *err)
{
    struct namespace *ns = NULL;
    int rc = ns_new(&(struct namespace_limits){.root_user = how->owner, .root_group = how->group},
                    &ns, err);

    if (rc == 0)
        rc = name_dirs_save_image(d, ns, 0, err);
    ns_free(ns);
    if (rc == 0 && name_image_place(d, 0, err) < d->count)
        rc = -ERR_IO;
    return rc;
}

static int format_locked(struct name_dirs *d, const struct name_format *how, struct err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && !how->force && i < d->count; i++)
        rc = must_be_empty(d->env, d->paths[i], err);
    d->current = "current.tmp";
    for (int i = 0; rc == 0 && i < d->count; i++)
        rc = begin_dir(d->env, d->paths[i], &d->identity, err);
    if (rc == 0)
        rc = write_empty_image(d, how, err);
    for (int i = 0; rc == 0 && i < d->count; i++)
        rc = finish_dir(d->env, d->paths[i], err);
    return rc;
}

int name_dirs_format(struct env *env, char *const *dirs, int count, const struct name_format *how,
                     struct name_identity *out, struct err *err)
{
    const char *cluster_id = how->cluster_id;
    struct name_dirs *d;
    int rc;

    if (cluster_id && (!*cluster_id || strlen(cluster_id) >= sizeof d->identity.cluster_id))
        return err_set(err, ERR_ARGUMENT, "cluster id of %zu characters", strlen(cluster_id));
    d = dirs_new(env, dirs, count, err);
    if (!d)
        return -ERR_ARGUMENT;
    rc = lock_all(d, err);
    if (rc == 0) {
        storage_info_invent(env, cluster_id, &d->identity);
        rc = format_locked(d, how, err);
    }
    if (rc == 0 && out)
        *out = d->identity;
    name_dirs_close(d);
    return err_wrap(err, rc, "format");
}

/* ---- opening ---- */

/* Removes what an interrupted format left, so that it is never taken for anything. */
static int tidy(struct name_dirs *d, int i, struct err *err)
{
    char path[PATH_MAX];
    int rc;

    in_dir(path, sizeof path, d->paths[i], "current.tmp");
    rc = name_dir_remove(d->env, path, err);
    in_dir(path, sizeof path, d->paths[i], "current.old");
    return rc < 0 ? rc : name_dir_remove(d->env, path, err);
}

static int must_agree(const struct name_identity *a, const char *a_dir,
                      const struct name_identity *b, const char *b_dir, struct err *err)
{
    if (a->namespace_id != b->namespace_id)
        return err_set(err, ERR_INCONSISTENT, "%s holds namespace %u, %s namespace %u", a_dir,
                       a->namespace_id, b_dir, b->namespace_id);
    if (strcmp(a->cluster_id, b->cluster_id) != 0)
        return err_set(err, ERR_INCONSISTENT, "%s belongs to cluster %s, %s to %s", a_dir,
                       a->cluster_id, b_dir, b->cluster_id);
    if (strcmp(a->pool_id, b->pool_id) != 0)
        return err_set(err, ERR_INCONSISTENT, "%s holds block pool %s, %s block pool %s", a_dir,
                       a->pool_id, b_dir, b->pool_id);
    return 0;
}

/* Reads every VERSION; @formatted gets a bit for each directory that has one. */
static int read_versions(struct name_dirs *d, uint32_t *formatted, struct err *err)
{
    struct name_identity id;
    char path[PATH_MAX];
    int first = -1;

    *formatted = 0;
    for (int i = 0; i < d->count; i++) {
        struct env_stat st;
        int rc;

        in_dir(path, sizeof path, d->paths[i], "current");
        rc = env_stat(d->env, path, &st, err);
        if (rc == -ERR_NOENT)
            continue;
        in_dir(path, sizeof path, d->paths[i], "current/VERSION");
        if (rc == 0)
            rc = storage_info_read(d->env, path, &id, err);
        if (rc == 0 && first >= 0)
            rc = must_agree(&d->identity, d->paths[first], &id, d->paths[i], err);
        if (rc < 0)
            return rc;
        if (first < 0) {
            d->identity = id;
            first = i;
        }
        *formatted |= 1u << i;
    }
    return 0;
}

static int open_locked(struct name_dirs *d, struct err *err)
{
    uint32_t formatted;
    int rc = 0;

    for (int i = 0; rc == 0 && i < d->count; i++)
        rc = name_upgrade_recover(d, i, err);
    name_upgrade_look(d);
    if (rc == 0)
        rc = read_versions(d, &formatted, err);
    if (rc == 0 && formatted == 0)
        return err_set(err, ERR_STATE, "NameNode is not formatted: %s%s", d->paths[0],
                       d->count > 1 ? " and the others hold no store" : " holds no store");
    for (int i = 0; rc == 0 && i < d->count; i++) {
        bool empty = !(formatted & 1u << i);

        if (empty)
            rc = must_be_empty(d->env, d->paths[i], err);
        if (rc == 0)
            rc = tidy(d, i, err);
        if (rc == 0 && empty)
            rc = begin_dir(d->env, d->paths[i], &d->identity, err);
        if (rc == 0 && empty)
            rc = finish_dir(d->env, d->paths[i], err);
    }
    return rc;
}

int name_dirs_open(struct env *env, char *const *dirs, int count, struct name_dirs **out,
                   struct err *err)
{
    struct name_dirs *d = dirs_new(env, dirs, count, err);
    int rc;

    if (!d)
        return -ERR_ARGUMENT;
    rc = lock_all(d, err);
    if (rc == 0)
        rc = open_locked(d, err);
    if (rc < 0)
        name_dirs_close(d);
    else
        *out = d;
    return rc;
}

/* ERR_LOCKED when somebody holds it. */
static int must_be_free(struct env *env, const char *dir, struct err *err)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX], text[LOCK_TEXT_MAX];
    int fd, rc = 0;

    in_dir(path, sizeof path, dir, "in_use.lock");
    fd = env_open(env, path, O_RDONLY, 0, err);
    if (fd < 0)
        return fd == -ERR_NOENT ? 0 : fd;
    read_holder(env, fd, text, sizeof text);
    if (fcntl(fd, F_OFD_GETLK, &all) == 0 && all.l_type != F_UNLCK)
        rc = err_set(err, ERR_LOCKED, "%s is in use by %s", dir,
                     *text ? text : "a process that does not say its name");
    env_close(env, fd, NULL);
    return rc;
}

int name_dirs_peek(struct env *env, char *const *dirs, int count, struct name_dirs **out,
                   struct err *err)
{
    struct name_dirs *d = dirs_new(env, dirs, count, err);
    uint32_t formatted = 0;
    int rc = 0;

    if (!d)
        return -ERR_ARGUMENT;
    d->read_only = true;
    for (int i = 0; rc == 0 && i < count; i++)
        rc = must_be_free(env, dirs[i], err);
    if (rc == 0)
        rc = read_versions(d, &formatted, err);
    for (int i = 0; rc == 0 && i < count; i++)
        if (!(formatted & 1u << i))
            rc = err_set(err, ERR_STATE, "%s holds no store: it has no current/VERSION", dirs[i]);
    if (rc < 0)
        name_dirs_close(d);
    else
        *out = d;
    return rc;
}

/* ---- segments, for other daemons ---- */

static int by_first(const void *a, const void *b)
{
    const struct name_segment *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

int name_dirs_segments(struct name_dirs *d, uint64_t since, struct arena *arena,
                       struct name_segment **out, int *count, struct err *err)
{
    struct name_segment *list;
    struct name_files files;
    int n = 0, kept = 0, rc = name_files_list(d, &files, err);

    if (rc < 0)
        return rc;
    list = arena_alloc(arena, ((size_t)files.count + 1) * sizeof *list);
    for (int i = 0; i < files.count && list; i++)
        if (files.list[i].kind == NAME_EDITS && files.list[i].last >= since)
            list[n++] = (struct name_segment){files.list[i].first, files.list[i].last};
    name_files_done(&files);
    if (!list)
        return err_set(err, ERR_NOMEM, "list of segments");
    qsort(list, (size_t)n, sizeof *list, by_first);
    for (int i = 0; i < n; i++) /* the same one in another directory, or one cut short there */
        if (kept == 0 || list[i].first > list[kept - 1].last)
            list[kept++] = list[i];
    *out = list;
    *count = kept;
    return 0;
}
