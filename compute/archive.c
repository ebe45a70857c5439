#include "compute/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PIECE = 64 << 10 };

/* ---- the library, loaded when the first job ships an archive ---- */

static struct {
    __typeof__(&archive_read_new) read_new;
    __typeof__(&archive_read_support_filter_all) filter_all;
    __typeof__(&archive_read_support_format_all) format_all;
    __typeof__(&archive_read_open_filename) open;
    __typeof__(&archive_read_next_header) next;
    __typeof__(&archive_read_data_block) data;
    __typeof__(&archive_read_free) read_free;
    __typeof__(&archive_write_disk_new) disk_new;
    __typeof__(&archive_write_disk_set_options) disk_options;
    __typeof__(&archive_write_header) put_header;
    __typeof__(&archive_write_data_block) put_block;
    __typeof__(&archive_write_data) put_data;
    __typeof__(&archive_write_finish_entry) finish_entry;
    __typeof__(&archive_write_free) write_free;
    __typeof__(&archive_write_new) write_new;
    __typeof__(&archive_write_set_format_pax_restricted) format_pax;
    __typeof__(&archive_write_open_filename) write_open;
    __typeof__(&archive_write_close) write_close;
    __typeof__(&archive_read_disk_new) tree_new;
    __typeof__(&archive_read_disk_open) tree_open;
    __typeof__(&archive_read_disk_descend) tree_descend;
    __typeof__(&archive_read_disk_set_standard_lookup) tree_lookup;
    __typeof__(&archive_read_next_header2) tree_next;
    __typeof__(&archive_entry_new) entry_new;
    __typeof__(&archive_entry_free) entry_free;
    __typeof__(&archive_entry_pathname) path;
    __typeof__(&archive_entry_set_pathname) set_path;
    __typeof__(&archive_entry_hardlink) hardlink;
    __typeof__(&archive_entry_set_hardlink) set_hardlink;
    __typeof__(&archive_entry_sourcepath) source_path;
    __typeof__(&archive_entry_filetype) type;
    __typeof__(&archive_error_string) why;
} lib;

static const struct {
    const char *symbol;
    void *at;
} symbols[] = {
    {"archive_read_new", &lib.read_new},
    {"archive_read_support_filter_all", &lib.filter_all},
    {"archive_read_support_format_all", &lib.format_all},
    {"archive_read_open_filename", &lib.open},
    {"archive_read_next_header", &lib.next},
    {"archive_read_data_block", &lib.data},
    {"archive_read_free", &lib.read_free},
    {"archive_write_disk_new", &lib.disk_new},
    {"archive_write_disk_set_options", &lib.disk_options},
    {"archive_write_header", &lib.put_header},
    {"archive_write_data_block", &lib.put_block},
    {"archive_write_data", &lib.put_data},
    {"archive_write_finish_entry", &lib.finish_entry},
    {"archive_write_free", &lib.write_free},
    {"archive_write_new", &lib.write_new},
    {"archive_write_set_format_pax_restricted", &lib.format_pax},
    {"archive_write_open_filename", &lib.write_open},
    {"archive_write_close", &lib.write_close},
    {"archive_read_disk_new", &lib.tree_new},
    {"archive_read_disk_open", &lib.tree_open},
    {"archive_read_disk_descend", &lib.tree_descend},
    {"archive_read_disk_set_standard_lookup", &lib.tree_lookup},
    {"archive_read_next_header2", &lib.tree_next},
    {"archive_entry_new", &lib.entry_new},
    {"archive_entry_free", &lib.entry_free},
    {"archive_entry_pathname", &lib.path},
    {"archive_entry_set_pathname", &lib.set_path},
    {"archive_entry_hardlink", &lib.hardlink},
    {"archive_entry_set_hardlink", &lib.set_hardlink},
    {"archive_entry_sourcepath", &lib.source_path},
    {"archive_entry_filetype", &lib.type},
    {"archive_error_string", &lib.why},
};

static int load(struct err *err)
{
    static const char file[] = "libarchive.so.13";
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *at = library ? dlsym(library, symbols[i].symbol) : NULL;

        if (!at)
            return err_set(err, ERR_IO, "%s is not installed here: archives can't be unpacked",
                           file);
        memcpy(symbols[i].at, &at, sizeof at);
    }
    return 0;
}

static int failed(struct archive *a, const char *path, struct err *err)
{
    const char *why = a ? lib.why(a) : NULL;

    return err_set(err, ERR_IO, "archive %s: %s", path, why ? why : "no archive");
}

/* ---- unpacking ---- */

static int copy_data(struct archive *in, struct archive *out, const char *path, struct err *err)
{
    const void *bytes;
    size_t n;
    la_int64_t at;
    int k;

    while ((k = lib.data(in, &bytes, &n, &at)) == ARCHIVE_OK)
        if (lib.put_block(out, bytes, n, at) < ARCHIVE_OK)
            return failed(out, path, err);
    return k == ARCHIVE_EOF ? 0 : failed(in, path, err);
}

/* A name of the archive as one below @dir; false when it leads out of it. */
static bool below(const char *dir, const char *name, char *out, size_t n)
{
    if (!name || name[0] == '/')
        return false;
    for (const char *p = name; *p; p += strcspn(p, "/"), p += *p == '/')
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == 0))
            return false;
    return (size_t)snprintf(out, n, "%s/%s", dir, name) < n;
}

static int one_entry(struct archive *in, struct archive *out, struct archive_entry *e,
                     const char *dir, const char *path, struct err *err)
{
    char name[4200], link[4200];

    if (!below(dir, lib.path(e), name, sizeof name) ||
        (lib.hardlink(e) && !below(dir, lib.hardlink(e), link, sizeof link)))
        return err_set(err, ERR_INVALID_PATH, "archive %s: \"%.200s\" leads out of it", path,
                       lib.path(e) ? lib.path(e) : "?");
    if (lib.hardlink(e))
        lib.set_hardlink(e, link);
    lib.set_path(e, name);
    if (lib.put_header(out, e) < ARCHIVE_WARN)
        return failed(out, path, err);
    if (copy_data(in, out, path, err) < 0)
        return -(int)err->code;
    return lib.finish_entry(out) < ARCHIVE_WARN ? failed(out, path, err) : 0;
}

int archive_unpack(const char *path, const char *dir, struct err *err)
{
    struct err ours;
    struct archive *in, *out;
    struct archive_entry *e;
    int k = ARCHIVE_OK, rc;

    err = err ? err : &ours;
    rc = load(err);
    if (rc < 0)
        return rc;
    in = lib.read_new();
    out = lib.disk_new();
    if (!in || !out)
        rc = err_set(err, ERR_NOMEM, "no memory to unpack %s", path);
    if (rc == 0 && mkdir(dir, 0755) < 0 && errno != EEXIST)
        rc = err_sys(err, errno, "%s", dir);
    if (rc == 0) {
        lib.filter_all(in);
        lib.format_all(in);
        lib.disk_options(out, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                                  ARCHIVE_EXTRACT_SECURE_NODOTDOT);
        if (lib.open(in, path, PIECE) != ARCHIVE_OK)
            rc = failed(in, path, err);
    }
    while (rc == 0 && (k = lib.next(in, &e)) >= ARCHIVE_WARN && k != ARCHIVE_EOF)
        rc = one_entry(in, out, e, dir, path, err);
    if (rc == 0 && k != ARCHIVE_EOF)
        rc = failed(in, path, err);
    if (out)
        lib.write_free(out);
    if (in)
        lib.read_free(in);
    return rc;
}

/* ---- packing a directory ---- */

static int put_file(struct archive *out, const char *from, const char *path, struct err *err)
{
    FILE *f = fopen(from, "rb");
    char *buf = malloc(PIECE);
    int rc = f && buf ? 0 : err_sys(err, errno, "%s", from);
    size_t n;

    while (rc == 0 && (n = fread(buf, 1, PIECE, f)) > 0)
        if (lib.put_data(out, buf, n) < 0)
            rc = failed(out, path, err);
    if (rc == 0 && ferror(f))
        rc = err_sys(err, errno, "%s", from);
    if (f)
        fclose(f);
    free(buf);
    return rc;
}

static int put_tree(struct archive *tree, struct archive *out, const char *dir, const char *path,
                    struct err *err)
{
    size_t skip = strlen(dir);
    int rc = 0, k;

    while (rc == 0) {
        struct archive_entry *e = lib.entry_new();
        const char *name;

        k = e ? lib.tree_next(tree, e) : ARCHIVE_FATAL;
        if (k == ARCHIVE_EOF || k < ARCHIVE_WARN) {
            if (e)
                lib.entry_free(e);
            return k == ARCHIVE_EOF ? 0 : failed(tree, dir, err);
        }
        lib.tree_descend(tree);
        name = lib.path(e) + skip;
        while (*name == '/')
            name++;
        if (*name) {
            char *source = strdup(lib.source_path(e)), *inner = strdup(name);

            lib.set_path(e, inner);
            if (!source || !inner || lib.put_header(out, e) < ARCHIVE_WARN)
                rc = failed(out, path, err);
            else if (lib.type(e) == AE_IFREG)
                rc = put_file(out, source, path, err);
            free(source);
            free(inner);
        }
        lib.entry_free(e);
    }
    return rc;
}

int archive_of_directory(const char *dir, const char *path, struct err *err)
{
    struct archive *tree, *out;
    int rc = load(err);

    if (rc < 0)
        return rc;
    tree = lib.tree_new();
    out = lib.write_new();
    if (!tree || !out)
        rc = err_set(err, ERR_NOMEM, "no memory to pack %s", dir);
    if (rc == 0) {
        lib.tree_lookup(tree);
        lib.format_pax(out);
        if (lib.write_open(out, path) != ARCHIVE_OK)
            rc = failed(out, path, err);
        else if (lib.tree_open(tree, dir) != ARCHIVE_OK)
            rc = failed(tree, dir, err);
    }
    if (rc == 0)
        rc = put_tree(tree, out, dir, path, err);
    if (rc == 0 && lib.write_close(out) != ARCHIVE_OK)
        rc = failed(out, path, err);
    if (out)
        lib.write_free(out);
    if (tree)
        lib.read_free(tree);
    return rc;
}
