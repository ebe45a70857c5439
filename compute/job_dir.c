#include "compute/job_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/archive.h"

enum { INLINE_MAX = 4 << 20, INLINE_TOTAL_MAX = 16 << 20, COPY_BYTES = 1 << 20 };

void job_dir_path(const char *base, const struct task_id *job, char *out, size_t n)
{
    char name[TASK_NAME_MAX];

    task_job_name(job, name, sizeof name);
    snprintf(out, n, "%s/%s", base, name);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int job_dir_remove(const char *path, struct err *err)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return err_sys(err, errno, "remove %s", path);
    return 0;
}

/* ---- unpacking ---- */

static bool is_plain_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int write_all(int fd, const void *bytes, size_t n, struct err *err)
{
    for (const char *p = bytes; n;) {
        ssize_t k = write(fd, p, n);

        if (k < 0)
            return err_sys(err, errno, "write");
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

static int copy_from_store(struct store *store, const char *uri, int fd, struct err *err)
{
    struct store_file *f;
    char *buf = malloc(COPY_BYTES);
    int rc = buf ? store_open(store, uri, 0, &f, err) : err_set(err, ERR_NOMEM, "no memory");
    ssize_t n = 0;

    if (rc < 0) {
        free(buf);
        return rc;
    }
    while (rc == 0 && (n = store_read(f, buf, COPY_BYTES, err)) > 0)
        rc = write_all(fd, buf, (size_t)n, err);
    store_close_reader(f);
    free(buf);
    return rc < 0 ? rc : n < 0 ? (int)n : 0;
}

static int unpack(const char *dir, const Pb__ShippedFileProto *f, struct store *store,
                  struct err *err)
{
    char path[2048], inside[2048];
    int fd, rc;

    if (!is_plain_name(f->name))
        return err_set(err, ERR_ARGUMENT, "shipped file \"%.100s\": not a plain name", f->name);
    snprintf(inside, sizeof inside, "%s/%s", dir, f->name);
    snprintf(path, sizeof path, f->archive ? "%s/../%s.packed" : "%s/%s", dir, f->name);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    rc = f->has_content ? write_all(fd, f->content.data, f->content.len, err)
                        : copy_from_store(store, f->uri ? f->uri : "", fd, err);
    fchmod(fd, (f->mode | 0500) & 0777);
    close(fd);
    if (rc == 0 && f->archive)
        rc = archive_unpack(path, inside, err);
    return rc < 0 ? err_wrap(err, rc, "shipped file %s", f->name) : 0;
}

int job_dir_make(const char *base, const struct task_id *job, const Pb__JobSpecProto *spec,
                 struct store *store, struct err *err)
{
    char dir[1024], files[1100];
    int rc;

    job_dir_path(base, job, dir, sizeof dir);
    snprintf(files, sizeof files, "%s/files", dir);
    rc = env_mkdirs(env_posix(), files, 0755, err);
    for (size_t i = 0; rc == 0 && i < spec->n_files; i++)
        rc = unpack(files, spec->files[i], store, err);
    return rc;
}

static int link_files(const char *files, const char *dir, struct err *err)
{
    DIR *d = opendir(files);
    struct dirent *e;
    int rc = d ? 0 : err_sys(err, errno, "%s", files);

    while (rc == 0 && (e = readdir(d))) {
        char from[2048], to[2048];

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(from, sizeof from, "%s/%s", files, e->d_name);
        snprintf(to, sizeof to, "%s/%s", dir, e->d_name);
        if (symlink(from, to) < 0 && errno != EEXIST)
            rc = err_sys(err, errno, "%s", to);
    }
    if (d)
        closedir(d);
    return rc;
}

int job_dir_task(const char *base, const struct task_id *id, char *out, size_t n, struct err *err)
{
    char dir[900], files[1000], name[TASK_NAME_MAX];

    job_dir_path(base, id, dir, sizeof dir);
    task_attempt_name(id, name, sizeof name);
    snprintf(files, sizeof files, "%s/files", dir);
    snprintf(out, n, "%s/%s", dir, name);
    if (mkdir(out, 0755) < 0 && errno != EEXIST)
        return err_sys(err, errno, "%s", out);
    return link_files(files, out, err);
}

/* ---- packing ---- */

static int read_content(const char *path, size_t size, struct arena *a, Pb__ShippedFileProto *f,
                        struct err *err)
{
    char *text;
    size_t n;
    int rc = env_read_file(env_posix(), path, INLINE_MAX, &text, &n, err);

    (void)size;
    if (rc < 0)
        return rc;
    f->has_content = 1;
    f->content.len = n;
    f->content.data = (uint8_t *)arena_strndup(a, text, n);
    free(text);
    return f->content.data ? 0 : err_set(err, ERR_NOMEM, "no memory for %s", path);
}

static int upload(struct store *store, const char *path, const char *staging, const char *name,
                  struct arena *a, Pb__ShippedFileProto *f, struct err *err)
{
    char uri[STORE_URI_MAX], source[STORE_URI_MAX], *buf = malloc(COPY_BYTES);
    struct store_file *in = NULL, *out = NULL;
    ssize_t n = 0;
    int rc = buf ? store_mkdirs(store, staging, err) : err_set(err, ERR_NOMEM, "no memory");

    snprintf(source, sizeof source, "file:%s", path);
    if (rc == 0)
        rc = store_join(staging, name, uri, sizeof uri, err);
    if (rc == 0)
        rc = store_open(store, source, 0, &in, err);
    if (rc == 0)
        rc = store_create(store, uri, &out, err);
    while (rc == 0 && (n = store_read(in, buf, COPY_BYTES, err)) > 0)
        rc = store_write(out, buf, (size_t)n, err);
    rc = rc == 0 && n < 0 ? (int)n : rc;
    if (out && rc == 0)
        rc = store_close_writer(out, err);
    else
        store_abandon(out);
    store_close_reader(in);
    free(buf);
    f->uri = arena_strndup(a, uri, strlen(uri));
    return rc;
}

/* The name that a path or "path#name" gets in the task's directory. */
static const char *name_of(char *path)
{
    char *hash = strrchr(path, '#'), *slash;

    if (hash && hash[1]) {
        *hash = 0;
        return hash + 1;
    }
    slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool in_store(const char *path)
{
    return strncmp(path, "hdfs:", 5) == 0;
}

/* Its bytes into the spec when there are few, else into the store. */
static int pack_file(struct store *store, const char *path, size_t size, const char *staging,
                     size_t *total, struct arena *a, Pb__ShippedFileProto *f, struct err *err)
{
    f->has_mode = 1;
    f->mode = 0755;
    *total += size;
    if (size > INLINE_MAX || *total > INLINE_TOTAL_MAX)
        return upload(store, path, staging, f->name, a, f, err);
    return read_content(path, size, a, f, err);
}

/* A directory travels as an archive. */
static int pack_directory(struct store *store, const char *path, const char *staging, size_t *total,
                          struct arena *a, Pb__ShippedFileProto *f, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    char tar[600];
    struct stat st;
    int fd, rc;

    snprintf(tar, sizeof tar, "%.300s/ashlar-dir.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    fd = mkstemp(tar);
    if (fd < 0)
        return err_sys(err, errno, "%s", tar);
    close(fd);
    rc = archive_of_directory(path, tar, err);
    if (rc == 0 && stat(tar, &st) < 0)
        rc = err_sys(err, errno, "%s", tar);
    f->has_archive = f->archive = 1;
    if (rc == 0)
        rc = pack_file(store, tar, (size_t)st.st_size, staging, total, a, f, err);
    unlink(tar);
    return rc;
}

static const char *without_scheme(const char *path)
{
    if (strncmp(path, "file://", 7) == 0)
        return path + 7;
    return strncmp(path, "file:", 5) == 0 ? path + 5 : path;
}

static int pack_one(struct store *store, const char *given, bool archive, const char *staging,
                    size_t *total, struct arena *a, Pb__ShippedFileProto *f, struct err *err)
{
    char *path = arena_strndup(a, given, strlen(given));
    const char *name;
    struct stat st;

    if (!path)
        return err_set(err, ERR_NOMEM, "no memory for %s", given);
    path = (char *)(uintptr_t)without_scheme(path);
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = 0;
    name = name_of(path);
    pb__shipped_file_proto__init(f);
    f->name = arena_strndup(a, name, strlen(name));
    f->has_archive = f->archive = archive;
    if (in_store(path)) {
        f->uri = path;
        return 0;
    }
    if (stat(path, &st) < 0)
        return errno == ENOENT ? err_set(err, ERR_NOENT, "File: %s does not exist.", path)
                               : err_sys(err, errno, "File: %s", path);
    if (S_ISDIR(st.st_mode) && !archive)
        return pack_directory(store, path, staging, total, a, f, err);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_UNSUPPORTED, "File: %s is no regular file", path);
    if (access(path, R_OK) < 0)
        return err_set(err, ERR_ACCESS, "File: %s is not readable.", path);
    return pack_file(store, path, (size_t)st.st_size, staging, total, a, f, err);
}

int job_files_pack(struct store *store, const struct shipped *s, const char *staging,
                   struct arena *a, Pb__JobSpecProto *spec, struct err *err)
{
    size_t total = 0, count = s->file_count + s->archive_count;

    spec->files = arena_alloc(a, (count + 1) * sizeof *spec->files);
    if (!spec->files)
        return err_set(err, ERR_NOMEM, "no memory for files");
    for (size_t i = 0; i < count; i++) {
        Pb__ShippedFileProto *f = arena_alloc(a, sizeof *f);
        bool archive = i >= s->file_count;
        const char *path = archive ? s->archives[i - s->file_count] : s->files[i];
        int rc = f ? pack_one(store, path, archive, staging, &total, a, f, err)
                   : err_set(err, ERR_NOMEM, "no memory for files");

        if (rc < 0)
            return rc;
        spec->files[spec->n_files++] = f;
        if (f->uri && !in_store(path))
            spec->staging = arena_strndup(a, staging, strlen(staging));
    }
    return 0;
}
