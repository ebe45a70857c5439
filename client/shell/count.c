/* count.c -- dfs count: directories, files and bytes, with quotas when asked. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/shell/shell.h"
#include "client/shell/storage_type.h"

/* What can have a quota, in the order of Java's enum. */
static const Pb__StorageTypeProto with_quota[] = {
    PB__STORAGE_TYPE_PROTO__SSD,     PB__STORAGE_TYPE_PROTO__DISK,
    PB__STORAGE_TYPE_PROTO__ARCHIVE, PB__STORAGE_TYPE_PROTO__PROVIDED,
    PB__STORAGE_TYPE_PROTO__NVDIMM,
};
enum { WITH_QUOTA = sizeof with_quota / sizeof *with_quota, SHOWN_MAX = 8 };

static struct {
    bool quotas, alone, by_type, policy, snapshots, no_snapshots;
    Pb__StorageTypeProto types[SHOWN_MAX];
    int type_count;
} show;

/* ---- what to show ---- */

static int add_type(struct shell *sh, const char *word)
{
    char upper[64];
    size_t n;

    if (show.type_count < SHOWN_MAX && storage_type_of(word, &show.types[show.type_count])) {
        show.type_count++;
        return 0;
    }
    for (n = 0; word[n] && n + 1 < sizeof upper; n++)
        upper[n] = word[n] >= 'a' && word[n] <= 'z' ? (char)(word[n] - 32) : word[n];
    upper[n] = 0;
    return sh_misused(sh, "No enum constant org.apache.hadoop.fs.StorageType.%s", upper);
}

/* A list with commas; nothing or "all" is all that can have a quota. */
static int take_types(struct shell *sh, const char *text)
{
    char *list = strdup(text), *save = NULL;
    int rc = 0;

    MUST(list);
    show.by_type = true;
    if (!*text || strcasecmp(text, "all") == 0) {
        memcpy(show.types, with_quota, sizeof with_quota);
        show.type_count = WITH_QUOTA;
    } else {
        for (char *t = strtok_r(list, ",", &save); t && rc == 0; t = strtok_r(NULL, ",", &save))
            rc = add_type(sh, t);
    }
    free(list);
    return rc;
}

/* ---- columns ---- */

static void print_quota(const struct shell *sh, int64_t quota, uint64_t used, int width,
                        int left_width)
{
    char total[HUMAN_MAX], left[HUMAN_MAX];

    if (quota < 0) {
        printf("%*s %*s ", width, "none", left_width, "inf");
        return;
    }
    sh_size(sh, (uint64_t)quota, total);
    if ((uint64_t)quota >= used)
        sh_size(sh, (uint64_t)quota - used, left);
    else
        snprintf(left, sizeof left, "%" PRId64, quota - (int64_t)used);
    printf("%*s %*s ", width, total, left_width, left);
}

static void print_number(const struct shell *sh, uint64_t v, int width)
{
    char text[HUMAN_MAX];

    sh_size(sh, v, text);
    printf("%*s ", width, text);
}

/* What is only in snapshots is part of the sums unless -x takes it out. */
static void print_sums(const struct shell *sh, const struct dfs_content *c)
{
    bool without = show.no_snapshots;

    print_number(sh, c->dir_count - (without ? c->snapshot_dir_count : 0), 12);
    print_number(sh, c->file_count - (without ? c->snapshot_file_count : 0), 12);
    print_number(sh, c->length - (without ? c->snapshot_length : 0), 18);
}

static void print_policy(const char *policy)
{
    char text[128];

    snprintf(text, sizeof text, "%s%s",
             policy && strcmp(policy, "Replicated") == 0 ? "" : "EC:", policy ? policy : "");
    printf("%20s ", text);
}

static void print_snapshots(const struct shell *sh, const struct dfs_content *c)
{
    print_number(sh, c->snapshot_length, 18);
    print_number(sh, c->snapshot_file_count, 24);
    print_number(sh, c->snapshot_dir_count, 24);
    print_number(sh, c->snapshot_space, 28);
}

/* ---- rows ---- */

/* Quotas alone, or by type, are another question to the namenode than sums. */
static int print_usage(struct shell *sh, struct item *it)
{
    struct dfs_quota q = {.names = -1, .space = -1};
    struct err err;

    memset(q.type, -1, sizeof q.type);
    if (it->store->dfs && dfs_quota(it->store->dfs, it->path, &q, &err) < 0)
        return sh_fail_err(sh, &err);
    for (int i = 0; i < show.type_count; i++) {
        Pb__StorageTypeProto number = show.types[i];

        print_quota(sh, q.type[number], q.type_used[number], 14, 18);
    }
    if (!show.by_type) {
        print_quota(sh, q.names, q.names_used, 12, 15);
        print_quota(sh, q.space, q.space_used, 15, 15);
    }
    return 0;
}

static int print_row(struct shell *sh, struct item *it)
{
    bool usage = show.alone || show.by_type;
    struct dfs_content c = {0};
    struct err err;
    int rc = usage ? print_usage(sh, it) : 0;

    if (rc < 0)
        return rc;
    if (!usage || show.policy || show.snapshots)
        rc = store_content(it->store, it->path, &c, &err);
    if (rc < 0)
        return sh_fail_err(sh, &err);
    if (!usage && show.quotas) {
        print_quota(sh, c.quota, c.file_count + c.dir_count, 12, 15);
        print_quota(sh, c.space_quota, c.space, 15, 15);
    }
    if (!usage)
        print_sums(sh, &c);
    if (show.policy)
        print_policy(c.ec_policy);
    if (show.snapshots)
        print_snapshots(sh, &c);
    free(c.ec_policy);
    printf("%s\n", it->shown);
    return 0;
}

static void print_titles(void)
{
    char title[64];

    for (int i = 0; i < show.type_count; i++) {
        snprintf(title, sizeof title, "%s_QUOTA", storage_type_name(show.types[i]));
        printf("%14s ", title);
        snprintf(title, sizeof title, "REM_%s_QUOTA", storage_type_name(show.types[i]));
        printf("%18s ", title);
    }
    if (!show.by_type && (show.quotas || show.alone))
        printf("%12s %15s %15s %15s ", "QUOTA", "REM_QUOTA", "SPACE_QUOTA", "REM_SPACE_QUOTA");
    if (!show.by_type && !show.alone)
        printf("%12s %12s %18s ", "DIR_COUNT", "FILE_COUNT", "CONTENT_SIZE");
    if (show.policy)
        printf("%20s ", "ERASURECODING_POLICY");
    if (show.snapshots)
        printf("%18s %24s %24s %28s ", "SNAPSHOT_LENGTH", "SNAPSHOT_FILE_COUNT",
               "SNAPSHOT_DIR_COUNT", "SNAPSHOT_SPACE_CONSUMED");
    printf("PATHNAME\n");
}

int cmd_count(struct shell *sh, char **args, int count)
{
    const char *wanted = sh_value(sh, "t");
    int rc = 0;

    show.quotas = sh_has(sh, "q");
    show.alone = sh_has(sh, "u");
    show.policy = sh_has(sh, "e");
    show.snapshots = sh_has(sh, "s");
    show.no_snapshots = sh_has(sh, "x");
    if (show.quotas || show.alone) {
        if (show.no_snapshots)
            printf("q or u option is given, the -x option is ignored.\n");
        show.no_snapshots = false;
        if (wanted)
            rc = take_types(sh, wanted);
    }
    if (rc != 0)
        return rc;
    if (sh_has(sh, "v"))
        print_titles();
    return each_item(sh, args, count, print_row, NULL);
}
