/* count.c -- dfs count: directories, files and bytes, with quotas when asked. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/shell/shell.h"

static void quota_text(const struct shell *sh, int64_t quota, int64_t used, char *total, char *left)
{
    if (quota < 0) {
        strcpy(total, "none");
        strcpy(left, "inf");
        return;
    }
    sh_size(sh, (uint64_t)quota, total);
    if (quota >= used)
        sh_size(sh, (uint64_t)(quota - used), left);
    else
        snprintf(left, HUMAN_MAX, "%" PRId64, quota - used);
}

static void print_quotas(const struct shell *sh, const struct dfs_content *c)
{
    char total[HUMAN_MAX], left[HUMAN_MAX];

    quota_text(sh, c->quota, (int64_t)(c->file_count + c->dir_count), total, left);
    printf("%12s %15s ", total, left);
    quota_text(sh, c->space_quota, (int64_t)c->space, total, left);
    printf("%15s %15s ", total, left);
}

static void print_counts(const struct shell *sh, const struct dfs_content *c)
{
    char dirs[HUMAN_MAX], files[HUMAN_MAX], bytes[HUMAN_MAX];

    sh_size(sh, c->dir_count, dirs);
    sh_size(sh, c->file_count, files);
    sh_size(sh, c->length, bytes);
    printf("%12s %12s %18s ", dirs, files, bytes);
}

/* What is only in snapshots is part of the sums unless -x takes it out. */
static void leave_snapshots_out(struct dfs_content *c)
{
    c->length -= c->snapshot_length;
    c->file_count -= c->snapshot_file_count;
    c->dir_count -= c->snapshot_dir_count;
    c->space -= c->snapshot_space;
}

static void print_types(const char *types)
{
    char list[256], *save = NULL;

    snprintf(list, sizeof list, "%s", *types ? types : "RAM_DISK,NVDIMM,SSD,DISK,ARCHIVE,PROVIDED");
    for (char *t = strtok_r(list, ",", &save); t; t = strtok_r(NULL, ",", &save))
        printf("%14s %18s ", "none", "inf");
}

static int print_row(struct shell *sh, struct item *it)
{
    struct dfs_content c;
    struct err err;
    char policy[128];

    if (!it->store->dfs)
        return sh_fail(sh, "`%s': only a store has sums", it->shown);
    if (dfs_content(it->store->dfs, it->path, &c, &err) < 0)
        return sh_fail_err(sh, &err);
    if (sh_has(sh, "x"))
        leave_snapshots_out(&c);
    if ((sh_has(sh, "q") || sh_has(sh, "u")) && sh_value(sh, "t")) {
        print_types(sh_value(sh, "t"));
    } else {
        if (sh_has(sh, "q") || sh_has(sh, "u"))
            print_quotas(sh, &c);
        if (!sh_has(sh, "u"))
            print_counts(sh, &c);
    }
    if (sh_has(sh, "e")) {
        snprintf(policy, sizeof policy, "%s%s",
                 c.ec_policy && strcmp(c.ec_policy, "Replicated") == 0 ? "" : "EC:",
                 c.ec_policy ? c.ec_policy : "");
        printf("%20s ", policy);
    }
    free(c.ec_policy);
    printf("%s\n", it->shown);
    return 0;
}

static void print_titles(struct shell *sh)
{
    const char *types = sh_value(sh, "t");
    bool quotas = sh_has(sh, "q") || sh_has(sh, "u");

    if (quotas && types) {
        char list[256], title[64], *save = NULL;

        snprintf(list, sizeof list, "%s",
                 *types ? types : "RAM_DISK,NVDIMM,SSD,DISK,ARCHIVE,PROVIDED");
        for (char *t = strtok_r(list, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
            snprintf(title, sizeof title, "%s_QUOTA", t);
            printf("%14s ", title);
            snprintf(title, sizeof title, "REM_%s_QUOTA", t);
            printf("%18s ", title);
        }
    } else {
        if (quotas)
            printf("%12s %15s %15s %15s ", "QUOTA", "REM_QUOTA", "SPACE_QUOTA", "REM_SPACE_QUOTA");
        if (!sh_has(sh, "u"))
            printf("%12s %12s %18s ", "DIR_COUNT", "FILE_COUNT", "CONTENT_SIZE");
    }
    if (sh_has(sh, "e"))
        printf("%20s ", "ERASURECODING_POLICY");
    printf("PATHNAME\n");
}

int cmd_count(struct shell *sh, char **args, int count)
{
    if (sh_has(sh, "v"))
        print_titles(sh);
    return each_item(sh, args, count, print_row, NULL);
}
