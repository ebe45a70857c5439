#include "datanode/data_dirs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "datanode/namenodes.h"

struct wanted {
    char *spec, *path;
    Pb__StorageTypeProto type;
    struct volume *has; /* it serves already */
    bool lost;          /* it could not be added */
};

struct change {
    struct datanode *dn;
    char *specs[VOLUMES_MAX];
    struct wanted dirs[VOLUMES_MAX];
    int count;
    unsigned before; /* volumes that there were */
    struct buf why;
};

static struct wanted *find(struct change *c, const char *path)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->dirs[i].path, path) == 0)
            return &c->dirs[i];
    return NULL;
}

/* "/d/" and "/d" are one. */
static char *plain_path(const char *path)
{
    char *p = strdup(path);

    MUST(p);
    for (size_t n = strlen(p); n > 1 && p[n - 1] == '/'; n--)
        p[n - 1] = 0;
    return p;
}

static int parse(struct change *c, const char *wanted, struct err *err)
{
    char usual[PATH_MAX];
    int n, rc = 0;

    conf_default_dir(c->dn->conf, "dfs/data", usual, sizeof usual);
    n = conf_list(*wanted ? wanted : usual, c->specs, VOLUMES_MAX - 1);

    for (int i = 0; i < n; i++) {
        struct wanted *w = &c->dirs[c->count];
        const char *path;

        *w = (struct wanted){.spec = c->specs[i]};
        rc = rc < 0 ? rc : volume_spec_parse(w->spec, &w->type, &path, err);
        if (rc < 0)
            continue;
        w->path = plain_path(path);
        if (find(c, w->path))
            free(w->path); /* named twice */
        else
            c->count++;
    }
    if (rc == 0 && n == 0)
        rc = err_set(err, ERR_CONFIG, "No directory is specified.");
    return rc;
}

static void compare(struct change *c)
{
    for (unsigned i = 0; i < c->before; i++) {
        struct volume *v = dataset_volume(c->dn->ds, i);
        struct wanted *w = find(c, v->root);

        if (volume_serves(v) &&
            w) /* with another type too: it keeps the one it has, as in Hadoop */
            w->has = v;
    }
}

static void let_go(struct change *c, struct volume *v)
{
    struct err why;

    if (dataset_remove_volume(c->dn->ds, v, &why) < 0)
        buf_printf(&c->why, "%s\n", why.text);
}

/* A directory that failed is free to be tried again. */
static void make_way(struct change *c)
{
    for (unsigned i = 0; i < c->before; i++) {
        struct volume *v = dataset_volume(c->dn->ds, i);

        if (volume_failed(v))
            let_go(c, v);
    }
}

static int add(struct change *c, const struct wanted *w, struct err *err)
{
    int rc;

    if (env_mkdirs(c->dn->env, w->path, 0700, NULL) < 0)
        return err_set(err, ERR_IO, "Cannot create directory %s", w->path);
    rc = dataset_add_volume(c->dn->ds, w->spec, err);
    if (rc != -ERR_BAD_POOL)
        return rc;
    LOG_WARN("dn.volume", "dir=%s err=\"%s\" next=\"go on without\"", w->path, err->text);
    return err_set(err, ERR_BAD_POOL,
                   "Directory %s is in an inconsistent state: cluster Id is incompatible with "
                   "others.",
                   w->path);
}

static void add_new(struct change *c)
{
    struct err why;

    for (int i = 0; i < c->count; i++) {
        struct wanted *w = &c->dirs[i];

        if (w->has || add(c, w, &why) == 0)
            continue;
        w->lost = true;
        buf_printf(&c->why, "FAILED TO ADD: [%s]file:%s: %s\n", storage_type_name(w->type), w->path,
                   why.text);
    }
}

static void remove_old(struct change *c)
{
    for (unsigned i = 0; i < c->before; i++) {
        struct volume *v = dataset_volume(c->dn->ds, i);

        if (volume_serves(v) && !find(c, v->root))
            let_go(c, v);
    }
}

/* As Hadoop shows it once it has changed. */
static char *list_now(const struct change *c)
{
    struct buf b;
    char *text;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < c->count; i++)
        if (!c->dirs[i].lost)
            buf_printf(&b, "%s[%s]file:%s", b.n ? "," : "", storage_type_name(c->dirs[i].type),
                       c->dirs[i].path);
    MUST(!b.bad);
    text = strndup((char *)b.bytes, b.n);
    buf_done(&b);
    MUST(text);
    return text;
}

static void report(struct datanode *dn)
{
    struct namenodes *all = atomic_load(&dn->namenodes);

    for (unsigned i = 0; all && i < atomic_load(&all->count); i++)
        actor_trigger(all->actors[i], false);
}

static int carry_out(struct change *c, const char *wanted, char **now, struct err *err)
{
    int rc = parse(c, wanted, err);

    if (rc < 0)
        return rc;
    c->before = dataset_volume_count(c->dn->ds);
    compare(c);
    make_way(c);
    add_new(c);
    remove_old(c);
    *now = list_now(c);
    if (c->why.n > 0)
        rc = err_set(err, ERR_IO, "%.*s", (int)c->why.n, (char *)c->why.bytes);
    return rc;
}

int data_dirs_change(struct datanode *dn, const char *wanted, char **now, struct err *err)
{
    struct change *c = calloc(1, sizeof *c);
    int rc;

    if (!c)
        return err_set(err, ERR_NOMEM, "directories");
    c->dn = dn;
    buf_init(&c->why, 1 << 20);
    rc = carry_out(c, wanted, now, err);
    report(dn); /* also what went half way */
    for (int i = 0; i < c->count; i++)
        free(c->dirs[i].path);
    for (int i = 0; i < VOLUMES_MAX; i++)
        free(c->specs[i]);
    buf_done(&c->why);
    free(c);
    return rc;
}
