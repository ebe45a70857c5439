/* What changed between two snapshots, told by random changes: the report turns the names of the
 * earlier one into those of the later one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/conf.h"
#include "op_world.h"
#include "tests/lib/suite.h"

enum { RUNS = 12, STEPS = 120, SNAPSHOTS = 5, NODES = 1024, PATH = 96, DEPTH = 4, LINES = 4096 };

static uint64_t state, seed;

#define HOLDS(x)                                                                                   \
    do {                                                                                           \
        bool holds_ = (x);                                                                         \
        if (!holds_)                                                                               \
            printf("SEED=%llu replays this: line %d\n", (unsigned long long)seed, __LINE__);       \
        CU_ASSERT_FATAL(holds_ &&#x);                                                              \
    } while (0)

static unsigned chance(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

/* ---- what a snapshot shows ---- */

struct node {
    uint64_t id;
    bool is_dir;
    unsigned mode;
    char path[PATH], name[8]; /* path: below the top; the top's is empty */
    char now[PATH];           /* where the report says it is in the later view */
    bool is_gone, is_listed;
    int up;
};

struct view {
    struct node list[NODES];
    int n;
};

static struct view before, after;

static void join(char *out, const char *dir, const char *name)
{
    char above[PATH];

    strcpy(above, dir);
    snprintf(out, PATH, "%.64s%s%.16s", above, *above ? "/" : "", name);
}

static void show(const struct namespace *ns, uint64_t id, int snapshot, struct view *v, int up,
                 const char *name)
{
    struct ns_entry list[16];
    struct node *t = &v->list[v->n];
    int at = v->n++, n;
    struct inode_info info;

    HOLDS(v->n < NODES && ns_info_at(ns, id, snapshot, &info));
    memset(t, 0, sizeof *t);
    t->id = id;
    t->up = up;
    t->mode = info.mode;
    t->is_dir = info.kind == INODE_DIR;
    snprintf(t->name, sizeof t->name, "%s", name);
    if (up >= 0)
        join(t->path, v->list[up].path, name);
    if (!t->is_dir)
        return;
    n = ns_list_at(ns, id, snapshot, NULL, 0, list, 16);
    for (int k = 0; k < n; k++) {
        char text[8];

        snprintf(text, sizeof text, "%.*s", (int)list[k].name_n, list[k].name);
        show(ns, list[k].id, snapshot, v, at, text);
    }
}

static struct node *node_at(struct view *v, const ProtobufCBinaryData *path)
{
    for (int k = 0; k < v->n; k++)
        if (strlen(v->list[k].path) == path->len &&
            memcmp(v->list[k].path, path->data, path->len) == 0)
            return &v->list[k];
    return NULL;
}

static struct node *node_of(struct view *v, uint64_t id)
{
    for (int k = 0; k < v->n; k++)
        if (v->list[k].id == id)
            return &v->list[k];
    return NULL;
}

/* ---- carrying the report out ---- */

static Pb__SnapshotDiffReportProto *says_diff(struct op_world *o, const char *from, const char *to)
{
    Pb__GetSnapshotDiffReportRequestProto rq = PB__GET_SNAPSHOT_DIFF_REPORT_REQUEST_PROTO__INIT;
    Pb__GetSnapshotDiffReportResponseProto *rs;

    rq.snapshotroot = (char *)(uintptr_t) "/d";
    rq.fromsnapshot = (char *)(uintptr_t)from;
    rq.tosnapshot = (char *)(uintptr_t)to;
    rs = op_world_call(o, "getSnapshotDiffReport", &rq);
    return rs ? rs->diffreport : NULL;
}

/* Where all that was there has got to. A node comes after its directory. */
static void carry_out(const Pb__SnapshotDiffReportProto *d)
{
    for (size_t k = 0; k < d->n_diffreportentries; k++) {
        const Pb__SnapshotDiffReportEntryProto *e = d->diffreportentries[k];
        struct node *t = *e->modificationlabel == '+' ? NULL : node_at(&before, &e->fullpath);

        HOLDS(*e->modificationlabel == '+' || t);
        if (*e->modificationlabel == '-') {
            HOLDS(!node_of(&after, t->id)); /* else it was renamed */
            t->is_gone = true;
        } else if (*e->modificationlabel == 'M')
            t->is_listed = true;
        else if (*e->modificationlabel == 'R')
            snprintf(t->now, PATH, "%.*s", (int)e->targetpath.len, (char *)e->targetpath.data);
    }
    for (int k = 1; k < before.n; k++) {
        struct node *t = &before.list[k], *up = &before.list[t->up];

        t->is_gone = t->is_gone || up->is_gone;
        if (!*t->now)
            join(t->now, up->now, t->name);
    }
}

/* The path that a created name has afterwards: its directory may have moved. */
static void created_path(const ProtobufCBinaryData *path, char *out)
{
    ProtobufCBinaryData above = *path;
    size_t n = path->len;
    struct node *dir;

    while (n > 0 && path->data[n - 1] != '/')
        n--;
    above.len = n > 0 ? n - 1 : 0;
    dir = node_at(&before, &above);
    HOLDS(dir && !dir->is_gone);
    snprintf(out, PATH, "%.64s%s%.*s", dir->now, *dir->now ? "/" : "", (int)(path->len - n),
             (char *)path->data + n);
}

/* What is new, with all that is in it. */
static void mark_created(const Pb__SnapshotDiffReportProto *d)
{
    for (size_t k = 0; k < d->n_diffreportentries; k++) {
        const Pb__SnapshotDiffReportEntryProto *e = d->diffreportentries[k];
        char path[PATH];
        struct node *t;

        if (*e->modificationlabel != '+')
            continue;
        created_path(&e->fullpath, path);
        t = node_at(&after, &(ProtobufCBinaryData){strlen(path), (uint8_t *)path});
        HOLDS(t && !t->is_listed);
        t->is_listed = true;
    }
    for (int k = 1; k < after.n; k++)
        after.list[k].is_listed = after.list[k].is_listed || after.list[after.list[k].up].is_listed;
}

static void compare(struct op_world *o, const char *from, const char *to)
{
    const struct namespace *ns = o->nn.ns;
    uint64_t top = ns_lookup(ns, "/d");
    Pb__SnapshotDiffReportProto *d = says_diff(o, from, to);

    HOLDS(d != NULL);
    before.n = after.n = 0;
    show(ns, top, ns_snapshot_named(ns, top, from), &before, -1, "");
    show(ns, top, *to ? ns_snapshot_named(ns, top, to) : SNAPSHOT_NOW, &after, -1, "");
    carry_out(d);
    mark_created(d);
    for (int k = 1; k < before.n; k++) {
        const struct node *t = &before.list[k], *then = node_of(&after, t->id);

        if (t->is_gone)
            continue;
        HOLDS(then && strcmp(then->path, t->now) == 0);
        HOLDS(t->is_dir || t->is_listed == (t->mode != then->mode));
        HOLDS(t->mode == then->mode || t->is_listed);
    }
    for (int k = 1; k < after.n; k++) {
        const struct node *was = node_of(&before, after.list[k].id);

        HOLDS(after.list[k].is_listed || (was && !was->is_gone));
    }
}

/* ---- the other ways to ask ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines {
    char *list[LINES];
    int n;
};

static void add_line(struct lines *l, const char *label, const ProtobufCBinaryData *a,
                     const ProtobufCBinaryData *b)
{
    char text[PATH * 3];

    snprintf(text, sizeof text, "%s %.*s > %.*s", label, (int)a->len, (char *)a->data, (int)b->len,
             (char *)b->data);
    HOLDS(l->n < LINES);
    l->list[l->n++] = strdup(text);
}

static bool same_lines(struct lines *a, struct lines *b)
{
    bool same = a->n == b->n;

    qsort(a->list, (size_t)a->n, sizeof *a->list, by_text);
    qsort(b->list, (size_t)b->n, sizeof *b->list, by_text);
    for (int k = 0; same && k < a->n; k++)
        same = strcmp(a->list[k], b->list[k]) == 0;
    for (; a->n > 0; a->n--)
        free(a->list[a->n - 1]);
    for (; b->n > 0; b->n--)
        free(b->list[b->n - 1]);
    return same;
}

static void gather(const Pb__SnapshotDiffReportProto *d, bool backwards, struct lines *l)
{
    for (size_t k = 0; k < d->n_diffreportentries; k++) {
        const Pb__SnapshotDiffReportEntryProto *e = d->diffreportentries[k];
        const char *label = e->modificationlabel;

        if (backwards && *label == 'R')
            add_line(l, label, &e->targetpath, &e->fullpath);
        else if (backwards && *label != 'M')
            add_line(l, *label == '+' ? "-" : "+", &e->fullpath, &e->targetpath);
        else
            add_line(l, label, &e->fullpath, &e->targetpath);
    }
}

static void compare_backwards(struct op_world *o, const char *from, const char *to)
{
    static struct lines there, back;

    gather(says_diff(o, from, to), false, &there);
    gather(says_diff(o, to, from), true, &back);
    HOLDS(same_lines(&there, &back));
}

static void gather_list(Pb__SnapshotDiffReportListingEntryProto **list, size_t n, const char *label,
                        struct lines *l)
{
    for (size_t k = 0; k < n; k++)
        add_line(l, label, &list[k]->fullpath, &list[k]->targetpath);
}

/* All pages of at most @limit entries, which must come to an end. */
static void gather_pages(struct op_world *o, const char *from, const char *to, const char *limit,
                         struct lines *l)
{
    Pb__GetSnapshotDiffReportListingRequestProto rq =
        PB__GET_SNAPSHOT_DIFF_REPORT_LISTING_REQUEST_PROTO__INIT;
    Pb__SnapshotDiffReportCursorProto cursor = PB__SNAPSHOT_DIFF_REPORT_CURSOR_PROTO__INIT;
    char start[PATH] = "";

    HOLDS(conf_set(o->w.conf, "dfs.namenode.snapshotdiff.listing.limit", limit, NULL) == 0);
    rq.snapshotroot = (char *)(uintptr_t) "/d";
    rq.fromsnapshot = (char *)(uintptr_t)from;
    rq.tosnapshot = (char *)(uintptr_t)to;
    rq.cursor = &cursor;
    do {
        Pb__GetSnapshotDiffReportListingResponseProto *rs;
        const Pb__SnapshotDiffReportListingProto *d;

        cursor.startpath = (ProtobufCBinaryData){strlen(start), (uint8_t *)start};
        HOLDS((rs = op_world_call(o, "getSnapshotDiffReportListing", &rq)) != NULL);
        d = rs->diffreport;
        HOLDS(d->n_modifiedentries + d->n_createdentries + d->n_deletedentries <=
              (size_t)atoi(limit));
        gather_list(d->modifiedentries, d->n_modifiedentries, "M", l);
        gather_list(d->createdentries, d->n_createdentries, "+", l);
        gather_list(d->deletedentries, d->n_deletedentries, "-", l);
        cursor.index = d->cursor->index;
        snprintf(start, PATH, "%.*s", (int)d->cursor->startpath.len,
                 (char *)d->cursor->startpath.data);
    } while (*start || cursor.index != -1);
}

static void compare_pages(struct op_world *o, const char *from, const char *to)
{
    static struct lines small, whole;

    gather_pages(o, from, to, chance(2) ? "1" : "3", &small);
    gather_pages(o, from, to, "1000", &whole);
    HOLDS(same_lines(&small, &whole));
}

/* ---- random changes ---- */

static char *any_path(char *out)
{
    static const char *const names[] = {"a", "b", "c", "\xc3\xa9"};

    strcpy(out, chance(12) ? "/d" : "/out");
    for (unsigned k = 1 + chance(DEPTH); k > 0; k--) {
        strcat(out, "/");
        strcat(out, names[chance(4)]);
    }
    return out;
}

static void set_mode(struct op_world *o, char *path)
{
    Pb__SetPermissionRequestProto rq = PB__SET_PERMISSION_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto mode = PB__FS_PERMISSION_PROTO__INIT;

    mode.perm = 0700 + chance(3);
    rq.src = path;
    rq.permission = &mode;
    op_world_call(o, "setPermission", &rq);
}

static void take(struct op_world *o, char *name)
{
    Pb__CreateSnapshotRequestProto rq = PB__CREATE_SNAPSHOT_REQUEST_PROTO__INIT;

    rq.snapshotroot = (char *)(uintptr_t) "/d";
    rq.snapshotname = name;
    HOLDS(op_world_call(o, "createSnapshot", &rq) != NULL);
}

/* Refusals are as good as changes. */
static void change(struct op_world *o)
{
    char path[PATH], to[PATH];

    switch (chance(8)) {
    case 0:
    case 1: says_mkdirs(o, any_path(path), 0755); break;
    case 2:
        if (says_create(o, any_path(path), "c", 1))
            says_complete(o, path, "c", NULL);
        break;
    case 3: says_delete(o, any_path(path), true); break;
    case 4: set_mode(o, any_path(path)); break;
    default: says_rename(o, any_path(path), any_path(to));
    }
}

static void run(struct op_world *o)
{
    Pb__AllowSnapshotRequestProto rq = PB__ALLOW_SNAPSHOT_REQUEST_PROTO__INIT;
    char names[SNAPSHOTS + 1][16] = {""};
    int n = 0;

    rq.snapshotroot = (char *)(uintptr_t) "/d";
    HOLDS(says_mkdirs(o, "/d", 0755) && says_mkdirs(o, "/out", 0755));
    HOLDS(op_world_call(o, "allowSnapshot", &rq) != NULL);
    for (int step = 0; step < STEPS; step++) {
        if (step % (STEPS / SNAPSHOTS) == 10) {
            snprintf(names[n], sizeof names[n], "s%d", n);
            take(o, names[n++]);
        }
        change(o);
        if (n > 0) {
            const char *from = names[chance((unsigned)n)], *to = names[n];

            compare(o, from, to);
            compare_backwards(o, from, to);
            compare_pages(o, from, to);
        }
        for (int k = 0; k + 1 < n && step % 10 == 0; k++)
            compare(o, names[k], names[k + 1 + chance((unsigned)(n - k - 1))]);
    }
}

static void test_a_report_turns_the_earlier_names_into_the_later_ones(void)
{
    const char *text = getenv("SEED");

    seed = text ? strtoull(text, NULL, 10) : 1;
    for (int k = 0; k < (text ? 1 : RUNS); k++, seed++) {
        struct op_world o;

        state = seed;
        op_world_open(&o);
        run(&o);
        op_world_close(&o);
    }
}

static void test_what_can_not_be_compared_is_refused(void)
{
    struct op_world o;

    op_world_open(&o);
    HOLDS(says_mkdirs(&o, "/d", 0755));
    HOLDS(!says_diff(&o, "a", "b") && o.err.code == ERR_SNAPSHOT);
    HOLDS(strstr(o.err.text, "The path /d is neither snapshottable nor under a snapshot root!"));
    HOLDS(says_delete(&o, "/d", true) && !says_diff(&o, "a", "b") && o.err.code == ERR_NOENT);
    HOLDS(strstr(o.err.text, "Directory does not exist: /d"));
    op_world_close(&o);
}

SUITE(snapshot_diff, TEST(test_a_report_turns_the_earlier_names_into_the_later_ones),
      TEST(test_what_can_not_be_compared_is_refused));
