/* snapshot_tools.c -- dfs lsSnapshottableDir, lsSnapshot and snapshotDiff: what Hadoop's commands of
 * these names print. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/shell/shell.h"
#include "client/shell/tool.h"

/* ---- directories, snapshots ---- */

struct row {
    const Pb__HdfsFileStatusProto *status;
    char *left, *right; /* the columns before the path */
    char *path;
};

static int wider(int width, const char *text)
{
    int n = (int)strlen(text);

    return n > width ? n : width;
}

static int print_rows(const struct row *rows, size_t n)
{
    int owner = 0, group = 0, left = 0, right = 0;

    if (n == 0)
        putchar('\n');
    for (size_t i = 0; i < n; i++) {
        owner = wider(owner, rows[i].status->owner);
        group = wider(group, rows[i].status->group);
        left = wider(left, rows[i].left);
        right = wider(right, rows[i].right);
    }
    for (size_t i = 0; i < n; i++) {
        char mode[16], when[64];

        mode_text((uint16_t)rows[i].status->permission->perm, mode);
        time_text(rows[i].status->modification_time, false, false, when, sizeof when);
        printf("d%s 0 %-*s %-*s 0 %s %*s %*s %s\n", mode, owner, rows[i].status->owner, group,
               rows[i].status->group, when, left, rows[i].left, right, rows[i].right, rows[i].path);
    }
    return 0;
}

static int no_room(struct err *err)
{
    return err_set(err, ERR_NOMEM, "snapshots");
}

static int list_dirs(struct tool *t, char **args, struct err *err)
{
    Pb__GetSnapshottableDirListingRequestProto rq =
        PB__GET_SNAPSHOTTABLE_DIR_LISTING_REQUEST_PROTO__INIT;
    Pb__GetSnapshottableDirListingResponseProto *rs;
    const Pb__SnapshottableDirectoryListingProto *l;
    size_t n;
    struct row *rows;
    int rc = FS_ASK(t->fs, "getSnapshottableDirListing", &rq, get_snapshottable_dir_listing,
                    &t->arena, &rs, err);

    (void)args;
    if (rc < 0)
        return rc;
    l = rs->snapshottabledirlist;
    n = l ? l->n_snapshottabledirlisting : 0;
    if (!(rows = arena_alloc(&t->arena, (n + 1) * sizeof *rows)))
        return no_room(err);
    for (size_t i = 0; i < n; i++) {
        const Pb__SnapshottableDirectoryStatusProto *d = l->snapshottabledirlisting[i];
        int above = d->parent_fullpath.len == 1 ? 0 : (int)d->parent_fullpath.len;

        rows[i] = (struct row){
            .status = d->dirstatus,
            .left = arena_printf(&t->arena, "%" PRIu32, d->snapshot_number),
            .right = arena_printf(&t->arena, "%" PRIu32, d->snapshot_quota),
            .path = arena_printf(&t->arena, "%.*s/%.*s", above, (char *)d->parent_fullpath.data,
                                 (int)d->dirstatus->path.len, (char *)d->dirstatus->path.data)};
        if (!rows[i].left || !rows[i].right || !rows[i].path)
            return no_room(err);
    }
    return print_rows(rows, n);
}

static int list_snapshots(struct tool *t, char **args, struct err *err)
{
    Pb__GetSnapshotListingRequestProto rq = PB__GET_SNAPSHOT_LISTING_REQUEST_PROTO__INIT;
    Pb__GetSnapshotListingResponseProto *rs;
    const Pb__SnapshotListingProto *l;
    size_t n;
    struct row *rows;
    int rc = fs_path(t->fs, args[0], &t->arena, &rq.snapshotroot, err);

    if (rc < 0 || (rc = FS_ASK(t->fs, "getSnapshotListing", &rq, get_snapshot_listing, &t->arena,
                               &rs, err)) < 0)
        return rc;
    l = rs->snapshotlist;
    n = l ? l->n_snapshotlisting : 0;
    if (!(rows = arena_alloc(&t->arena, (n + 1) * sizeof *rows)))
        return no_room(err);
    for (size_t i = 0; i < n; i++) {
        const Pb__SnapshotStatusProto *s = l->snapshotlisting[i];
        int above = s->parent_fullpath.len == 1 ? 0 : (int)s->parent_fullpath.len;

        rows[i] = (struct row){
            .status = s->dirstatus,
            .left = arena_printf(&t->arena, "%" PRIu32, s->snapshotid),
            .right = arena_printf(&t->arena, "%s", s->isdeleted ? "DELETED" : "ACTIVE"),
            .path = arena_printf(&t->arena, "%.*s/.snapshot/%.*s", above,
                                 (char *)s->parent_fullpath.data, (int)s->dirstatus->path.len,
                                 (char *)s->dirstatus->path.data)};
        if (!rows[i].left || !rows[i].right || !rows[i].path)
            return no_room(err);
    }
    return print_rows(rows, n);
}

/* ---- differences ---- */

/* "." is the present; ".snapshot/" may stand before a name. */
static char *snapshot_name(char *text)
{
    static const char prefix[] = ".snapshot/";

    if (strcmp(text, ".") == 0)
        return text + 1;
    return strncmp(text, prefix, sizeof prefix - 1) == 0 ? text + sizeof prefix - 1 : text;
}

/* What changed in a directory stands behind its own line. */
struct group {
    Pb__SnapshotDiffReportEntryProto **entries;
    size_t n;
};

static int by_path(const void *a, const void *b)
{
    const ProtobufCBinaryData *x = &(*((const struct group *)a)->entries)->fullpath;
    const ProtobufCBinaryData *y = &(*((const struct group *)b)->entries)->fullpath;

    for (size_t i = 0; i < x->len && i < y->len; i++)
        if (x->data[i] != y->data[i])
            return (int8_t)x->data[i] < (int8_t)y->data[i] ? -1 : 1;
    return (x->len > y->len) - (x->len < y->len);
}

static void print_path(const ProtobufCBinaryData *path)
{
    printf(".%s%.*s", path->len ? "/" : "", (int)path->len, (char *)path->data);
}

static void print_group(const struct group *g)
{
    for (size_t i = 0; i < g->n; i++) {
        printf("%s\t", g->entries[i]->modificationlabel);
        print_path(&g->entries[i]->fullpath);
        if (g->entries[i]->has_targetpath) {
            printf(" -> ");
            print_path(&g->entries[i]->targetpath);
        }
        putchar('\n');
    }
}

/* Hadoop's command puts the pages in the order of their paths. */
static int print_report(struct tool *t, const Pb__SnapshotDiffReportProto *d, struct err *err)
{
    struct group *groups = arena_alloc(&t->arena, (d->n_diffreportentries + 1) * sizeof *groups);
    size_t n = 0;

    if (!groups)
        return no_room(err);
    for (size_t i = 0; i < d->n_diffreportentries; i++) {
        Pb__SnapshotDiffReportEntryProto **e = &d->diffreportentries[i];

        if (n == 0 || *(*e)->modificationlabel == 'M')
            groups[n++] = (struct group){e, 0};
        groups[n - 1].n++;
    }
    qsort(groups, n, sizeof *groups, by_path);
    for (size_t i = 0; i < n; i++)
        print_group(&groups[i]);
    putchar('\n');
    return 0;
}

static void print_view(const char *name)
{
    printf("%s%s", *name ? "snapshot " : "current directory", name);
}

static int print_diff(struct tool *t, char **args, struct err *err)
{
    Pb__GetSnapshotDiffReportRequestProto rq = PB__GET_SNAPSHOT_DIFF_REPORT_REQUEST_PROTO__INIT;
    Pb__GetSnapshotDiffReportResponseProto *rs;
    int rc = fs_path(t->fs, args[0], &t->arena, &rq.snapshotroot, err);

    rq.fromsnapshot = snapshot_name(args[1]);
    rq.tosnapshot = snapshot_name(args[2]);
    if (rc < 0 || (rc = FS_ASK(t->fs, "getSnapshotDiffReport", &rq, get_snapshot_diff_report,
                               &t->arena, &rs, err)) < 0)
        return rc;
    printf("Difference between ");
    print_view(rq.fromsnapshot);
    printf(" and ");
    print_view(rq.tosnapshot);
    printf(" under directory %s:\n", rq.snapshotroot);
    return print_report(t, rs->diffreport, err);
}

/* ---- which ---- */

struct snapshot_tool {
    const char *name, *usage;
    int args;
    int (*run)(struct tool *t, char **args, struct err *err);
};

static int run(struct conf *conf, const struct snapshot_tool *tool, int argc, char **argv)
{
    struct tool t;
    struct err err;
    int rc;

    if (argc != tool->args) {
        fprintf(stderr, "Usage: dfs %s%s\n", tool->name, tool->usage);
        return 1;
    }
    if ((rc = tool_begin(conf, tool->name, &t, &err)) == 0) {
        rc = tool->run(&t, argv, &err);
        tool_end(&t);
    }
    fflush(stdout);
    if (rc < 0)
        fprintf(stderr, "%s: %.*s\n", tool->name, (int)strcspn(err.text, "\n"), err.text);
    return rc < 0;
}

int snapshot_dirs_main(struct conf *conf, int argc, char **argv)
{
    static const struct snapshot_tool tool = {"lsSnapshottableDir", "", 0, list_dirs};

    return run(conf, &tool, argc, argv);
}

int snapshots_main(struct conf *conf, int argc, char **argv)
{
    static const struct snapshot_tool tool = {"lsSnapshot", " <snapshotDir>", 1, list_snapshots};

    return run(conf, &tool, argc, argv);
}

int snapshot_diff_main(struct conf *conf, int argc, char **argv)
{
    static const struct snapshot_tool tool = {"snapshotDiff", " <snapshotDir> <from> <to>", 3,
                                              print_diff};

    return run(conf, &tool, argc, argv);
}
