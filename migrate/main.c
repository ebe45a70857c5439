/* main.c -- the program behind `dfs migrate --check`: what would happen if Ashlar started on these directories of a stopped Hadoop
 * (or Hadoop on ours).  It writes nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "migrate/lacking.h"
#include "migrate/replicas.h"
#include "namenode/edits/name_dir.h"

enum { EXIT_USAGE = 3, LIST_MAX = 20 };

static const char usage[] =
    "Usage: dfs migrate --check [--all] NAME_DIR [DATA_DIR]...\n"
    "\n"
    "Says what would happen if Ashlar started on the directories of a stopped Hadoop, or Hadoop "
    "on\n"
    "Ashlar's. Reads them only.\n"
    "--all  Print every finding, not only the first 20 of a kind.\n"
    "\n"
    "Exit code: 0 all is well, 1 something is worth a look, 2 it would not start, 3 misused.\n";

static void count(void *ctx, const struct inode_info *info)
{
    uint64_t *by_kind = ctx;

    by_kind[info->kind]++;
}

static void show_counts(struct namespace *ns, struct report *r)
{
    uint64_t kinds[INODE_SYMLINK + 1] = {0}, from = 0, groups = 0;
    struct ns_snapshot_dir *dirs;
    struct arena arena;
    int n;

    do
        from = ns_inode_scan(ns, from, 1 << 20, count, kinds);
    while (from != 0);
    arena_init(&arena, 64 << 20);
    n = ns_snapshot_dirs(ns, &arena, &dirs);
    (void)groups;
    report_fact(r,
                "  %" PRIu64 " directories, %" PRIu64 " files (%" PRIu64 " being written), %" PRIu64
                " links, %" PRIu64 " blocks",
                kinds[INODE_DIR], kinds[INODE_FILE], ns_open_file_count(ns), kinds[INODE_SYMLINK],
                ns_block_count(ns));
    report_fact(r, "  %u snapshots of %d directories; last inode %" PRIu64 ", generation %" PRIu64,
                ns_snapshot_count(ns), n < 0 ? 0 : n, ns_last_inode_id(ns), ns_gs(ns));
    arena_done(&arena);
    if (ns_rolling_upgrade(ns))
        report_finding(
            r, "a rolling upgrade is under way: it goes on; going back is Hadoop's namenode's");
    report_end_of_kind(r);
}

static void show_identity(const char *dir, const struct name_identity *id, struct report *r)
{
    time_t when = (time_t)(id->created_ms / 1000);
    char date[64];
    struct tm tm;

    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&when, &tm));
    report_fact(r, "name directory %s: layout %d, cluster %s, block pool %s, made %s", dir,
                id->layout_version, id->cluster_id, id->pool_id, date);
}

static void look_for_previous(struct env *env, const char *dir, struct report *r)
{
    struct env_stat st;
    char path[4200];

    snprintf(path, sizeof path, "%s/previous", dir);
    if (env_stat(env, path, &st, NULL) == 0)
        report_finding(r, "an upgrade that was not finalized: %s: it is kept", path);
    report_end_of_kind(r);
}

/* The name directory; false when a namenode would not start on it. */
static bool check_names(struct env *env, char *dir, struct name_dirs **dirs, struct namespace *ns,
                        struct report *r)
{
    struct load_result got;
    struct err err;

    if (name_dirs_peek(env, &dir, 1, dirs, &err) < 0) {
        report_wont_start(r, "%s", err.text);
        return false;
    }
    show_identity(dir, name_dirs_identity(*dirs), r);
    if (name_dirs_load(*dirs, ns, NULL, NULL, &got, &err) < 0) {
        report_wont_start(r, "%s", err.text);
        return false;
    }
    report_fact(r,
                "  image of transaction %" PRIu64 ", edits to %" PRIu64 " (%" PRIu64 " replayed%s)",
                got.image_txid, got.last_txid, got.replayed,
                got.cut_bytes ? "; the last segment was not ended, which a start does" : "");
    show_counts(ns, r);
    look_for_previous(env, dir, r);
    lacking_report(ns, name_dirs_token_count(*dirs), r);
    return true;
}

static void check(struct env *env, char **words, int n, struct report *r)
{
    struct replica_totals totals = {0};
    struct name_dirs *dirs = NULL;
    struct namespace *ns = NULL;
    struct err err;

    if (ns_new(NULL, &ns, &err) < 0) {
        report_wont_start(r, "%s", err.text);
        return;
    }
    if (check_names(env, words[0], &dirs, ns, r)) {
        for (int i = 1; i < n; i++)
            replicas_check(env, words[i], ns, name_dirs_identity(dirs), &totals, r);
        if (n > 1)
            replicas_missing(ns, r);
    }
    ns_free(ns);
    name_dirs_close(dirs);
}

int main(int argc, char **argv)
{
    static const char *const says[] = {[REPORT_GOOD] = "It would start, and everything is there.",
                                       [REPORT_LOOK] =
                                           "It would start; see what is worth a look above.",
                                       [REPORT_WONT_START] = "It would not start."};
    struct report r = {.out = stdout, .list_max = LIST_MAX};
    bool checks = false;
    int n = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--check") == 0 || strcmp(argv[i], "-check") == 0) {
            checks = true;
        } else if (strcmp(argv[i], "--all") == 0) {
            r.list_max = UINT32_MAX;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-help") == 0) {
            fputs(usage, stdout);
            return 0;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "migrate: %s: unknown option\n%s", argv[i], usage);
            return EXIT_USAGE;
        } else {
            argv[n++] = argv[i];
        }
    }
    if (!checks || n == 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    check(env_posix(), argv, n, &r);
    report_fact(&r, "%s", says[r.state]);
    return fflush(stdout) == 0 ? (int)r.state : REPORT_WONT_START;
}
