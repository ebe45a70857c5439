/* admin_quota.c -- dfs admin -setQuota, -clrQuota, -setSpaceQuota, -clrSpaceQuota. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/shell/admin.h"
#include "client/shell/storage_type.h"

/* What is not to be changed, and what takes a quota away, on the wire. */
#define QUOTA_KEEP INT64_MAX
#define QUOTA_NONE INT64_C(-1)

/* What the command line asks for. */
struct wish {
    int64_t names, space;
    bool has_type;
    Pb__StorageTypeProto type;
};

static int set_quota(struct admin *a, const char *path, const struct wish *w, struct err *err)
{
    Pb__SetQuotaRequestProto req = PB__SET_QUOTA_REQUEST_PROTO__INIT;
    Pb__SetQuotaResponseProto *answer;
    int rc = fs_path(a->fs, path, &a->arena, &req.path, err);

    req.namespacequota = (uint64_t)w->names;
    req.storagespacequota = (uint64_t)w->space;
    req.has_storagetype = w->has_type;
    req.storagetype = w->type;
    return rc < 0 ? rc : FS_ASK(a->fs, "setQuota", &req, set_quota, &a->arena, &answer, err);
}

/* A pattern stands for all that match it, and for itself when nothing does. */
static int set_each(struct admin *a, const char *pattern, const struct wish *w)
{
    struct dfs_stat *found = NULL;
    size_t count = 0;
    struct err err;
    int rc = 0;

    if (dfs_glob(a->fs, pattern, &found, &count, &err) < 0 || count == 0)
        return set_quota(a, pattern, w, &err) < 0 ? admin_failed(a, &err) : 0;
    for (size_t i = 0; i < count; i++) {
        if (rc == 0 && set_quota(a, found[i].path, w, &err) < 0)
            rc = admin_failed(a, &err);
        dfs_stat_done(&found[i]);
    }
    free(found);
    return rc;
}

static int set_all(struct admin *a, char **paths, int count, const struct wish *w)
{
    int rc = 0;

    for (int i = 0; i < count; i++)
        if (set_each(a, paths[i], w) != 0)
            rc = ADMIN_FAILED;
    return rc;
}

/* ---- the command line ---- */

bool admin_number(struct admin *a, const char *text, int64_t *out)
{
    static const char units[] = "kmgtpe";
    size_t n = strlen(text);
    char last = n ? text[n - 1] : 0, *end;
    const char *unit = last && strchr(units, last | 0x20) ? strchr(units, last | 0x20) : NULL;
    int64_t v, scale = unit ? INT64_C(1) << 10 * (unit - units + 1) : 1;

    if (!unit && (last < '0' || last > '9')) {
        admin_misused(a,
                      "Invalid size prefix '%c' in '%s'. Allowed prefixes are k, m, g, t, p, "
                      "e(case insensitive)",
                      last, text);
        return false;
    }
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || end != text + n - (unit != NULL)) {
        admin_misused(a, "For input string: \"%.*s\"", (int)(n - (unit != NULL)), text);
        return false;
    }
    if (v > INT64_MAX / scale || v < INT64_MIN / scale) {
        admin_misused(a, "%s does not fit in a Long", text);
        return false;
    }
    *out = v * scale;
    return true;
}

/* Takes "-storageType T" out of the arguments; false, having said so, for a kind that is none. */
static bool take_type(struct admin *a, char **args, int *count, struct wish *w)
{
    bool clear = strncmp(a->command, "clr", 3) == 0;

    for (int i = 0; i + 1 < *count; i++) {
        const char *name = args[i + 1];

        if (strcmp(args[i], "-storageType") != 0)
            continue;
        w->has_type = true;
        if (!storage_type_of(name, &w->type)) {
            if (clear)
                admin_misused(a, "No enum constant org.apache.hadoop.fs.StorageType.%s", name);
            else
                admin_misused(a,
                              "Storage type %s is not available. Available storage types are "
                              "[SSD, DISK, ARCHIVE, PROVIDED, NVDIMM]",
                              name);
            return false;
        }
        memmove(&args[i], &args[i + 2], sizeof *args * (size_t)(*count - i - 2));
        *count -= 2;
        break;
    }
    if (w->has_type && w->type == PB__STORAGE_TYPE_PROTO__RAM_DISK) {
        admin_misused(a, "Don't support Quota for storage type : RAM_DISK");
        return false;
    }
    return true;
}

static int too_few(struct admin *a, int expected, int got)
{
    return admin_misused(a, "Not enough arguments: expected %d but got %d", expected, got);
}

/* Hadoop's tools take no number that looks like an option. */
static bool is_option(struct admin *a, const char *word)
{
    if (word[0] != '-' || !word[1])
        return false;
    admin_misused(a, "Illegal option %s", word);
    return true;
}

int admin_set_quota(struct admin *a, char **args, int count)
{
    struct wish w = {.space = QUOTA_KEEP};

    if (count > 0 && is_option(a, args[0]))
        return ADMIN_FAILED;
    if (count < 2)
        return too_few(a, 2, count);
    if (!admin_number(a, args[0], &w.names))
        return ADMIN_FAILED;
    if (w.names == 0)
        return admin_misused(a, "Invalid values for quota : 0 and %" PRId64, INT64_MAX);
    return set_all(a, args + 1, count - 1, &w);
}

int admin_clear_quota(struct admin *a, char **args, int count)
{
    const struct wish w = {.names = QUOTA_NONE, .space = QUOTA_KEEP};

    if (count < 1)
        return too_few(a, 1, count);
    return is_option(a, args[0]) ? ADMIN_FAILED : set_all(a, args, count, &w);
}

int admin_set_space_quota(struct admin *a, char **args, int count)
{
    struct wish w = {.names = QUOTA_KEEP};

    if (count > 0 && is_option(a, args[0]))
        return ADMIN_FAILED;
    if (count < 2)
        return too_few(a, 2, count);
    if (!admin_number(a, args[0], &w.space) || !take_type(a, args, &count, &w))
        return ADMIN_FAILED;
    if (w.has_type && w.space == 0)
        return admin_misused(a, "Invalid values for quota :0");
    return set_all(a, args + 1, count - 1, &w);
}

int admin_clear_space_quota(struct admin *a, char **args, int count)
{
    struct wish w = {.names = QUOTA_KEEP, .space = QUOTA_NONE};

    if (!take_type(a, args, &count, &w))
        return ADMIN_FAILED;
    if (count < 1)
        return too_few(a, 1, count);
    return is_option(a, args[0]) ? ADMIN_FAILED : set_all(a, args, count, &w);
}
