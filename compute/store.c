#include "compute/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16, LOCAL_BLOCK = 32 << 20 };

struct store {
    const struct conf *conf;
    char default_uri[STORE_URI_MAX], user[256];
    bool has_user;
    pthread_mutex_t lock; /* of the connections */
    struct dfs *fs[CONNECTIONS_MAX];
    char *authority[CONNECTIONS_MAX];
    int count;
};

struct store_file {
    struct dfs_file *remote; /* NULL: local */
    int fd;
    uint64_t read;
};

/* A path split into what it belongs to. */
struct place {
    bool local;
    char uri[STORE_URI_MAX]; /* hdfs://host:port */
    char path[STORE_URI_MAX];
};

int store_new(const struct conf *conf, const char *default_uri, const char *user,
              struct store **out, struct err *err)
{
    struct store *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for a connection to the store");
    s->conf = conf;
    pthread_mutex_init(&s->lock, NULL);
    if (!default_uri || !*default_uri)
        default_uri = conf ? conf_text(conf, OPT_fs_default) : "";
    snprintf(s->default_uri, sizeof s->default_uri, "%s", default_uri);
    if (!*s->default_uri) {
        char address[300];

        conf_namenode(conf, address, sizeof address);
        snprintf(s->default_uri, sizeof s->default_uri, "hdfs://%s", address);
    }
    s->has_user = user != NULL;
    snprintf(s->user, sizeof s->user, "%s", user ? user : "");
    *out = s;
    return 0;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->count; i++) {
        dfs_disconnect(s->fs[i]);
        free(s->authority[i]);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- paths ---- */

static size_t scheme_length(const char *path)
{
    size_t n = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

    return n && path[n] == ':' ? n : 0;
}

static int local_place(const char *path, struct place *out, struct err *err)
{
    char cwd[PATH_MAX];

    out->local = true;
    out->uri[0] = 0;
    if (path[0] == '/' && path[1] == '/') { /* file://host/path, file:///path */
        path = strchr(path + 2, '/');
        if (!path)
            path = "/";
    }
    while (path[0] == '/' && path[1] == '/')
        path++;
    if (path[0] == '/')
        snprintf(out->path, sizeof out->path, "%s", path);
    else if (!getcwd(cwd, sizeof cwd))
        return err_sys(err, errno, "getcwd");
    else
        snprintf(out->path, sizeof out->path, "%.2000s/%.2000s", cwd, path);
    return 0;
}

static int remote_place(struct store *s, const char *authority, const char *path, struct place *out,
                        struct err *err)
{
    size_t n = strcspn(authority, "/");

    out->local = false;
    if (n > 300 || strlen(path) > STORE_URI_MAX - 600)
        return err_set(err, ERR_INVALID_PATH, "path too long: %.100s...", path);
    snprintf(out->uri, sizeof out->uri, "hdfs://%.*s", (int)n, authority);
    if (path[0] == '/')
        snprintf(out->path, sizeof out->path, "%.3400s", path);
    else
        snprintf(out->path, sizeof out->path, "/user/%.255s%s%.3400s",
                 s->has_user ? s->user : (getenv("HADOOP_USER_NAME") ?: (getenv("USER") ?: "root")),
                 *path ? "/" : "", path);
    return 0;
}

static int place_of(struct store *s, const char *path, struct place *out, struct err *err)
{
    size_t scheme = scheme_length(path);
    const char *rest = path + scheme + 1;

    if (scheme == 4 && strncmp(path, "file", 4) == 0)
        return local_place(rest, out, err);
    if (scheme == 4 && strncmp(path, "hdfs", 4) == 0) {
        if (rest[0] == '/' && rest[1] == '/' && rest[2] != '/') {
            const char *slash = strchr(rest + 2, '/');

            return remote_place(s, rest + 2, slash ? slash : "/", out, err);
        }
        while (rest[0] == '/' && rest[1] == '/')
            rest++;
        path = rest;
    } else if (scheme) {
        return err_set(err, ERR_UNSUPPORTED, "No FileSystem for scheme \"%.*s\"", (int)scheme,
                       path);
    }
    if (strncmp(s->default_uri, "file:", 5) == 0)
        return local_place(path, out, err);
    if (strncmp(s->default_uri, "hdfs://", 7) != 0)
        return err_set(err, ERR_UNSUPPORTED, "fs.defaultFS is %s: hdfs and file are understood",
                       s->default_uri);
    return remote_place(s, s->default_uri + 7, path, out, err);
}

static int compose(const struct place *p, const char *path, char *out, size_t n, struct err *err)
{
    size_t len = (size_t)snprintf(out, n, "%s%s", p->local ? "file:" : p->uri, path);

    if (len >= n)
        return err_set(err, ERR_INVALID_PATH, "path too long: %.100s...", path);
    while (len > 1 && out[len - 1] == '/' && out[len - 2] != '/' && out[len - 2] != ':')
        out[--len] = 0;
    return 0;
}

int store_qualify(struct store *s, const char *path, char *out, size_t n, struct err *err)
{
    struct place p;
    int rc = place_of(s, path, &p, err);

    return rc < 0 ? rc : compose(&p, p.path, out, n, err);
}

int store_join(const char *dir, const char *name, char *out, size_t n, struct err *err)
{
    size_t len = strlen(dir);
    bool slash = len && dir[len - 1] == '/';

    if ((size_t)snprintf(out, n, "%s%s%s", dir, slash ? "" : "/", name) >= n)
        return err_set(err, ERR_INVALID_PATH, "path too long: %.100s...", dir);
    return 0;
}

static int connection(struct store *s, const struct place *p, struct dfs **out, struct err *err)
{
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->authority[i], p->uri) == 0) {
            *out = s->fs[i];
            goto out;
        }
    if (s->count == CONNECTIONS_MAX)
        rc = err_set(err, ERR_LIMIT, "more than %d stores in one job", CONNECTIONS_MAX);
    if (rc == 0)
        rc = dfs_connect(s->conf, p->uri, s->has_user ? s->user : NULL, &s->fs[s->count], err);
    if (rc == 0 && !(s->authority[s->count] = strdup(p->uri))) {
        dfs_disconnect(s->fs[s->count]);
        rc = err_set(err, ERR_NOMEM, "no memory for a connection");
    }
    if (rc == 0)
        *out = s->fs[s->count++];
out:
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* The place of @path, and the connection to it when it is not of this machine. */
static int reach(struct store *s, const char *path, struct place *p, struct dfs **fs,
                 struct err *err)
{
    int rc = place_of(s, path, p, err);

    if (rc == 0 && !p->local)
        rc = connection(s, p, fs, err);
    return rc;
}

/* ---- entries ---- */

void store_entry_done(struct store_entry *e)
{
    free(e->uri);
    e->uri = NULL;
}

void store_entries_free(struct store_entry *list, size_t count)
{
    for (size_t i = 0; list && i < count; i++)
        store_entry_done(&list[i]);
    free(list);
}

static int entry_from(const struct place *p, const char *path, struct store_entry *out,
                      struct err *err)
{
    char uri[STORE_URI_MAX];
    int rc = compose(p, path, uri, sizeof uri, err);

    if (rc < 0)
        return rc;
    out->uri = strdup(uri);
    return out->uri ? 0 : err_set(err, ERR_NOMEM, "no memory for a path");
}

static int entry_local(const struct place *p, const char *path, struct store_entry *out,
                       struct err *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return err_sys(err, errno, "file:%s", path);
    *out = (struct store_entry){
        .is_dir = S_ISDIR(st.st_mode), .length = (uint64_t)st.st_size, .block_size = LOCAL_BLOCK};
    return entry_from(p, path, out, err);
}

static int entry_remote(const struct place *p, const struct dfs_stat *st, struct store_entry *out,
                        struct err *err)
{
    *out = (struct store_entry){
        .is_dir = st->kind == DFS_DIR, .length = st->length, .block_size = st->block_size};
    return entry_from(p, st->path, out, err);
}

int store_stat(struct store *s, const char *path, struct store_entry *out, struct err *err)
{
    struct place p;
    struct dfs *fs;
    struct dfs_stat st;
    int rc = reach(s, path, &p, &fs, err);

    if (rc < 0)
        return rc;
    if (p.local)
        return entry_local(&p, p.path, out, err);
    rc = dfs_stat(fs, p.path, &st, err);
    if (rc < 0)
        return rc;
    rc = entry_remote(&p, &st, out, err);
    dfs_stat_done(&st);
    return rc;
}

struct entries {
    struct store_entry *list;
    size_t n, cap;
};

static struct store_entry *another(struct entries *e)
{
    if (e->n == e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 32;
        struct store_entry *list = realloc(e->list, cap * sizeof *list);

        if (!list)
            return NULL;
        e->list = list;
        e->cap = cap;
    }
    return &e->list[e->n];
}

static int finish(struct entries *e, int rc, struct store_entry **out, size_t *count)
{
    if (rc < 0) {
        store_entries_free(e->list, e->n);
        return rc;
    }
    *out = e->list;
    *count = e->n;
    return 0;
}

static int by_uri(const void *a, const void *b)
{
    return strcmp(((const struct store_entry *)a)->uri, ((const struct store_entry *)b)->uri);
}

static int list_local(const struct place *p, struct entries *e, struct err *err)
{
    DIR *d = opendir(p->path);
    struct dirent *de;
    int rc = d ? 0 : err_sys(err, errno, "file:%s", p->path);

    while (rc == 0 && (de = readdir(d))) {
        char path[STORE_URI_MAX + 300];
        struct store_entry *next;

        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", strcmp(p->path, "/") ? p->path : "", de->d_name);
        next = another(e);
        rc = next ? entry_local(p, path, next, err) : err_set(err, ERR_NOMEM, "no memory");
        e->n += rc == 0;
    }
    if (d)
        closedir(d);
    if (rc == 0 && e->n)
        qsort(e->list, e->n, sizeof *e->list, by_uri);
    return rc;
}

static int list_remote(struct dfs *fs, const struct place *p, struct entries *e, struct err *err)
{
    const struct dfs_stat *st;
    struct dfs_dir *d;
    int rc = dfs_opendir(fs, p->path, &d, err);

    if (rc < 0)
        return rc;
    while ((rc = dfs_readdir(d, &st, err)) > 0) {
        struct store_entry *next = another(e);

        rc = next ? entry_remote(p, st, next, err) : err_set(err, ERR_NOMEM, "no memory");
        if (rc < 0)
            break;
        e->n++;
    }
    dfs_closedir(d);
    return rc;
}

int store_list(struct store *s, const char *dir, struct store_entry **out, size_t *count,
               struct err *err)
{
    struct place p;
    struct dfs *fs = NULL;
    struct entries e = {0};
    int rc = reach(s, dir, &p, &fs, err);

    if (rc == 0)
        rc = p.local ? list_local(&p, &e, err) : list_remote(fs, &p, &e, err);
    return finish(&e, rc, out, count);
}

static _Thread_local uint64_t files_seen;

static int count_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)ftw;
    files_seen += flag != FTW_D && flag != FTW_DP;
    return 0;
}

int store_count_files(struct store *s, const char *dir, uint64_t *out, struct err *err)
{
    struct dfs_content content;
    struct place p;
    struct dfs *fs = NULL;
    int rc = reach(s, dir, &p, &fs, err);

    if (rc < 0)
        return rc;
    if (!p.local) {
        rc = dfs_content(fs, p.path, &content, err);
        if (rc < 0)
            return rc;
        *out = content.file_count;
        free(content.ec_policy);
        return 0;
    }
    files_seen = 0;
    if (nftw(p.path, count_one, 16, FTW_PHYS) != 0)
        return err_sys(err, errno, "file:%s", p.path);
    *out = files_seen;
    return 0;
}

static int glob_local(const struct place *p, struct entries *e, struct err *err)
{
    glob_t g = {0};
    int rc = 0, found = glob(p->path, GLOB_BRACE, NULL, &g);

    if (found != 0 && found != GLOB_NOMATCH)
        rc = err_set(err, ERR_IO, "can't read the directories of file:%s", p->path);
    for (size_t i = 0; rc == 0 && found == 0 && i < g.gl_pathc; i++) {
        struct store_entry *next = another(e);

        if (access(g.gl_pathv[i], F_OK) < 0)
            continue; /* a brace pattern gives back what doesn't exist */
        rc = next ? entry_local(p, g.gl_pathv[i], next, err) : err_set(err, ERR_NOMEM, "no memory");
        e->n += rc == 0;
    }
    globfree(&g);
    return rc;
}

static int glob_remote(struct dfs *fs, const struct place *p, struct entries *e, struct err *err)
{
    struct dfs_stat *list;
    size_t n;
    int rc = dfs_glob(fs, p->path, &list, &n, err);

    if (rc == -ERR_NOENT)
        return 0;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct store_entry *next = another(e);

        rc = next ? entry_remote(p, &list[i], next, err) : err_set(err, ERR_NOMEM, "no memory");
        e->n += rc == 0;
    }
    dfs_stats_free(list, n);
    return rc;
}

int store_glob(struct store *s, const char *pattern, struct store_entry **out, size_t *count,
               struct err *err)
{
    struct place p;
    struct dfs *fs = NULL;
    struct entries e = {0};
    int rc = reach(s, pattern, &p, &fs, err);

    if (rc == 0)
        rc = p.local ? glob_local(&p, &e, err) : glob_remote(fs, &p, &e, err);
    return finish(&e, rc, out, count);
}

int store_blocks(struct store *s, const char *path, uint64_t length, struct dfs_block **out,
                 size_t *count, struct err *err)
{
    struct place p;
    struct dfs *fs;
    int rc = reach(s, path, &p, &fs, err);

    if (rc < 0)
        return rc;
    if (!p.local)
        return dfs_blocks(fs, p.path, 0, length, out, count, err);
    *out = NULL;
    *count = 0;
    return 0;
}

int store_hosts(struct store *s, struct dfs_host **out, size_t *count, struct err *err)
{
    struct place p;
    struct dfs *fs;
    int rc = reach(s, "/", &p, &fs, err);

    if (rc < 0)
        return rc;
    if (!p.local)
        return dfs_datanodes(fs, out, count, err);
    *out = NULL;
    *count = 0;
    return 0;
}

/* ---- names ---- */

int store_mkdirs(struct store *s, const char *path, struct err *err)
{
    struct place p;
    struct dfs *fs;
    int rc = reach(s, path, &p, &fs, err);

    if (rc < 0)
        return rc;
    return p.local ? env_mkdirs(env_posix(), p.path, 0777, err)
                   : dfs_mkdirs(fs, p.path, 0777, true, err);
}

int store_rename(struct store *s, const char *from, const char *to, struct err *err)
{
    struct place a, b;
    struct dfs *fs;
    int rc = reach(s, from, &a, &fs, err);

    if (rc == 0)
        rc = place_of(s, to, &b, err);
    if (rc < 0)
        return rc;
    if (a.local != b.local || strcmp(a.uri, b.uri) != 0)
        return err_set(err, ERR_ARGUMENT, "rename from %s to %s: not the same store", from, to);
    if (!a.local)
        return dfs_rename(fs, a.path, b.path, true, err);
    return rename(a.path, b.path) < 0 ? err_sys(err, errno, "rename %s to %s", a.path, b.path) : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int delete_local(const char *path, bool recursive, struct err *err)
{
    int rc = recursive ? nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) : remove(path);

    return rc < 0 && errno != ENOENT ? err_sys(err, errno, "delete %s", path) : 0;
}

int store_delete(struct store *s, const char *path, bool recursive, struct err *err)
{
    struct place p;
    struct dfs *fs;
    bool was_there;
    int rc = reach(s, path, &p, &fs, err);

    if (rc < 0)
        return rc;
    return p.local ? delete_local(p.path, recursive, err)
                   : dfs_delete(fs, p.path, recursive, &was_there, err);
}

/* ---- bytes ---- */

static int open_local(const char *path, uint64_t offset, struct store_file *f, struct err *err)
{
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return err_sys(err, errno, "file:%s", path);
    if (offset && lseek(f->fd, (off_t)offset, SEEK_SET) < 0) {
        int saved = errno;

        close(f->fd);
        return err_sys(err, saved, "seek in file:%s", path);
    }
    return 0;
}

static int open_remote(struct dfs *fs, const char *path, uint64_t offset, struct store_file *f,
                       struct err *err)
{
    int rc = dfs_open(fs, path, &f->remote, err);

    if (rc < 0)
        return rc;
    rc = offset ? dfs_seek(f->remote, offset, err) : 0;
    if (rc < 0)
        dfs_close(f->remote, NULL);
    return rc;
}

static struct store_file *new_file(void)
{
    struct store_file *f = calloc(1, sizeof *f);

    if (f)
        f->fd = -1;
    return f;
}

int store_open(struct store *s, const char *path, uint64_t offset, struct store_file **out,
               struct err *err)
{
    struct place p;
    struct dfs *fs = NULL;
    struct store_file *f = new_file();
    int rc = f ? reach(s, path, &p, &fs, err) : err_set(err, ERR_NOMEM, "no memory for a file");

    if (rc == 0)
        rc = p.local ? open_local(p.path, offset, f, err) : open_remote(fs, p.path, offset, f, err);
    if (rc < 0) {
        free(f);
        return rc;
    }
    *out = f;
    return 0;
}

ssize_t store_read(struct store_file *f, void *buf, size_t n, struct err *err)
{
    ssize_t k = f->remote ? dfs_read(f->remote, buf, n, err) : read(f->fd, buf, n);

    if (k < 0)
        return f->remote ? k : err_sys(err, errno, "read");
    f->read += (uint64_t)k;
    return k;
}

void store_read_stats(const struct store_file *f, struct dfs_read_stats *out)
{
    *out = (struct dfs_read_stats){.local_bytes = f->read};
    if (f->remote)
        dfs_file_read_stats(f->remote, out);
}

void store_close_reader(struct store_file *f)
{
    if (!f)
        return;
    if (f->remote)
        dfs_close(f->remote, NULL);
    else
        close(f->fd);
    free(f);
}

static int create_local(const char *path, struct store_file *f, struct err *err)
{
    char parent[STORE_URI_MAX], *slash;
    int rc;

    snprintf(parent, sizeof parent, "%s", path);
    slash = strrchr(parent, '/');
    if (slash && slash != parent) {
        *slash = 0;
        rc = env_mkdirs(env_posix(), parent, 0777, err);
        if (rc < 0)
            return rc;
    }
    f->fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    return f->fd < 0 ? err_sys(err, errno, "create file:%s", path) : 0;
}

int store_create(struct store *s, const char *path, struct store_file **out, struct err *err)
{
    const struct dfs_create how = {.overwrite = true, .make_parents = true};
    struct place p;
    struct dfs *fs = NULL;
    struct store_file *f = new_file();
    int rc = f ? reach(s, path, &p, &fs, err) : err_set(err, ERR_NOMEM, "no memory for a file");

    if (rc == 0 && !p.local)
        rc = dfs_create(fs, p.path, &how, &f->remote, err);
    if (rc == 0 && p.local)
        rc = create_local(p.path, f, err);
    if (rc < 0) {
        free(f);
        return rc;
    }
    *out = f;
    return 0;
}

int store_write(struct store_file *f, const void *bytes, size_t n, struct err *err)
{
    if (f->remote)
        return dfs_write(f->remote, bytes, n, err);
    for (const char *p = bytes; n;) {
        ssize_t k = write(f->fd, p, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "write");
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

int store_flush(struct store_file *f, struct err *err)
{
    return f->remote ? dfs_hflush(f->remote, err) : 0;
}

int store_close_writer(struct store_file *f, struct err *err)
{
    int rc;

    if (f->remote)
        rc = dfs_close(f->remote, err);
    else
        rc = close(f->fd) < 0 ? err_sys(err, errno, "close") : 0;
    free(f);
    return rc;
}

void store_abandon(struct store_file *f)
{
    if (!f)
        return;
    if (f->remote)
        dfs_abandon(f->remote);
    else
        close(f->fd);
    free(f);
}
