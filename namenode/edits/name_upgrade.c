/* name_upgrade.c -- what `namenode -upgrade` keeps to go back to, Hadoop's way: DIR/previous is DIR/current as it was.
 *
 *   upgrade    current -> previous.tmp; a new current with an image, VERSION and seen_txid; previous.tmp -> previous
 *   rollback   current -> removed.tmp; previous -> current; removed.tmp goes
 *   finalize   previous -> finalized.tmp; that goes
 *
 * A crash in between leaves one of the .tmp names; the next start goes back, or ends what was as good as done.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "namenode/edits/edit_codec.h"
#include "namenode/edits/name_dir_parts.h"
#include "namenode/edits/storage_info.h"

enum { MODE_DIR = 0700 };

static void in_dir(char *out, const char *dir, const char *name)
{
    snprintf(out, PATH_MAX, "%s/%s", dir, name);
}

static bool is_there(const struct name_dirs *d, int i, const char *name)
{
    char path[PATH_MAX];
    struct env_stat st;

    in_dir(path, d->paths[i], name);
    return env_stat(d->env, path, &st, NULL) == 0;
}

static int move(struct name_dirs *d, int i, const char *from, const char *to, struct err *err)
{
    char a[PATH_MAX], b[PATH_MAX];
    int rc;

    in_dir(a, d->paths[i], from);
    in_dir(b, d->paths[i], to);
    rc = env_rename(d->env, a, b, err);
    return rc < 0 ? rc : env_sync_dir(d->env, d->paths[i], err);
}

static int drop(struct name_dirs *d, int i, const char *name, struct err *err)
{
    char path[PATH_MAX];

    in_dir(path, d->paths[i], name);
    return name_dir_remove(d->env, path, err);
}

int name_upgrade_recover(struct name_dirs *d, int i, struct err *err)
{
    bool current = is_there(d, i, "current/VERSION");
    int rc = drop(d, i, "finalized.tmp", err);

    if (rc == 0 && is_there(d, i, "previous.tmp")) {
        if (current) {
            rc = move(d, i, "previous.tmp", "previous", err);
        } else {
            rc = drop(d, i, "current", err);
            if (rc == 0)
                rc = move(d, i, "previous.tmp", "current", err);
        }
    }
    if (rc == 0 && is_there(d, i, "removed.tmp"))
        rc = current ? drop(d, i, "removed.tmp", err) : move(d, i, "removed.tmp", "current", err);
    return rc;
}

void name_upgrade_look(struct name_dirs *d)
{
    bool has = false;

    for (int i = 0; i < d->count; i++)
        has |= is_there(d, i, "previous");
    __atomic_store_n(&d->has_previous, has, __ATOMIC_RELAXED);
}

bool name_dirs_has_previous(const struct name_dirs *d)
{
    return __atomic_load_n(&d->has_previous, __ATOMIC_RELAXED);
}

/* VERSION comes last: without it current is not one, and a start goes back. */
static int begin_current(struct name_dirs *d, int i, uint64_t txid, struct err *err)
{
    char path[PATH_MAX], text[32];
    int rc = move(d, i, "current", "previous.tmp", err);

    in_dir(path, d->paths[i], "current");
    if (rc == 0)
        rc = env_mkdir(d->env, path, MODE_DIR, err);
    in_dir(path, d->paths[i], "current/seen_txid");
    snprintf(text, sizeof text, "%llu\n", (unsigned long long)txid + 1);
    return rc < 0 ? rc : env_write_file(d->env, path, text, strlen(text), err);
}

int name_dirs_upgrade(struct name_dirs *d, const struct namespace *ns, uint64_t txid,
                      struct err *err)
{
    char path[PATH_MAX];
    int rc = 0;

    if (name_dirs_has_previous(d))
        return err_set(err, ERR_INCONSISTENT,
                       "previous fs state should not exist during upgrade. Finalize or rollback "
                       "first.");
    for (int i = 0; rc == 0 && i < d->count; i++)
        rc = begin_current(d, i, txid, err);
    if (rc == 0)
        rc = name_dirs_save_image(d, ns, txid, err);
    if (rc == 0)
        rc = name_dirs_image_named(d, txid, err);
    d->identity.layout_version = EDIT_LAYOUT;
    d->identity.created_ms = env_now_ms(d->env);
    for (int i = 0; rc == 0 && i < d->count; i++) {
        in_dir(path, d->paths[i], "current/VERSION");
        rc = storage_info_write(d->env, path, &d->identity, err);
        if (rc == 0)
            rc = move(d, i, "previous.tmp", "previous", err);
    }
    name_upgrade_look(d);
    return err_wrap(err, rc, "upgrade");
}

static int go_back(struct name_dirs *d, int i, struct err *err)
{
    struct name_identity was;
    char path[PATH_MAX];
    int rc;

    in_dir(path, d->paths[i], "previous/VERSION");
    rc = storage_info_read(d->env, path, &was, err);
    if (rc == 0)
        rc = move(d, i, "current", "removed.tmp", err);
    if (rc == 0)
        rc = move(d, i, "previous", "current", err);
    return rc < 0 ? rc : drop(d, i, "removed.tmp", err);
}

int name_dirs_rollback(struct env *env, char *const *dirs, int count, struct err *err)
{
    struct name_dirs *d;
    int rc = name_dirs_open(env, dirs, count, &d, err);

    if (rc < 0)
        return rc;
    if (!name_dirs_has_previous(d))
        rc = err_set(err, ERR_STATE,
                     "Cannot rollback. None of the storage directories contain previous fs state.");
    for (int i = 0; rc == 0 && i < count; i++)
        if (is_there(d, i, "previous"))
            rc = go_back(d, i, err);
    name_dirs_close(d);
    return err_wrap(err, rc, "rollback");
}

int name_dirs_finalize(struct name_dirs *d, struct err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < d->count; i++)
        if (is_there(d, i, "previous")) {
            rc = move(d, i, "previous", "finalized.tmp", err);
            if (rc == 0)
                rc = drop(d, i, "finalized.tmp", err);
        }
    name_upgrade_look(d);
    return err_wrap(err, rc, "finalize");
}
