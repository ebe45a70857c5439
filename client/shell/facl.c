/* facl.c -- dfs getfacl and dfs setfacl: access control lists. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/shell/facl.h"

static const char *const type_names[] = {"user", "group", "mask", "other"};
static const char *const action_names[] = {"---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"};
enum { TYPES = 4, ACTIONS = 8, FIELDS_MAX = 8 };

/* ---- the list of a path ---- */

static struct dfs_acl_entry base_entry(enum dfs_acl_type type, uint16_t mode)
{
    static const int shifts[] = {6, 3, 3, 0};

    return (struct dfs_acl_entry){.type = type, .perm = mode >> shifts[type] & 7};
}

/* Beside an ACL the mode's group bits are its mask; else they are the group's own. */
int acl_whole(const struct item *it, struct dfs_acl_entry **out, size_t *count, struct err *err)
{
    struct dfs_acl_entry *stored = NULL, *list;
    size_t n = 0, at = 0, i = 0;
    int rc = it->stat.has_acl ? dfs_acl_get(it->store->dfs, it->path, &stored, &n, err) : 0;

    if (rc < 0)
        return rc;
    list = calloc(n + 4, sizeof *list);
    MUST(list);
    list[at++] = base_entry(DFS_ACL_USER, it->stat.mode);
    for (; i < n && !stored[i].is_default; i++)
        list[at++] = stored[i];
    list[at] = base_entry(i > 0 ? DFS_ACL_MASK : DFS_ACL_GROUP, it->stat.mode);
    list[at + 1] = base_entry(DFS_ACL_OTHER, it->stat.mode);
    at += 2;
    for (; i < n; i++)
        list[at++] = stored[i];
    free(stored); /* the names are in the new list */
    *out = list;
    *count = at;
    return 0;
}

static void print_entry(const struct dfs_acl_entry *e, unsigned mask)
{
    bool masked = (e->name || e->type == DFS_ACL_GROUP) && (e->perm & mask) != e->perm;

    printf("%s%s:%s:%s", e->is_default ? "default:" : "", type_names[e->type],
           e->name ? e->name : "", action_names[e->perm]);
    if (masked)
        printf("\t#effective:%s", action_names[e->perm & mask]);
    putchar('\n');
}

/* The mask stands before the last entry; three entries have none. */
static void print_scope(const struct dfs_acl_entry *list, size_t count)
{
    unsigned mask = count > 3 ? list[count - 2].perm : 7;

    for (size_t i = 0; i < count; i++)
        print_entry(&list[i], mask);
}

static int print_acl(struct shell *sh, struct item *it)
{
    struct dfs_acl_entry *list;
    size_t count, access = 0;
    struct err err;

    printf("# file: %s\n# owner: %s\n# group: %s\n", it->shown, it->stat.owner, it->stat.group);
    if (it->stat.mode & 01000)
        printf("# flags: --%c\n", it->stat.mode & 1 ? 't' : 'T');
    if (acl_whole(it, &list, &count, &err) < 0)
        return sh_fail_err(sh, &err);
    while (access < count && !list[access].is_default)
        access++;
    print_scope(list, access);
    print_scope(list + access, count - access);
    putchar('\n');
    dfs_acl_free(list, count);
    return 0;
}

static int print_tree(struct shell *sh, struct item *it)
{
    return walk_items(sh, it, sh_has(sh, "R"), print_acl);
}

static int check_paths(struct shell *sh, int count)
{
    if (count == 0)
        return sh_misused(sh, "<path> is missing");
    return count > 1 ? sh_misused(sh, "Too many arguments") : 0;
}

int cmd_getfacl(struct shell *sh, char **args, int count)
{
    int rc = check_paths(sh, count);

    return rc ? rc : each_item(sh, args, count, print_tree, NULL);
}

/* ---- changing one ---- */

static struct {
    enum dfs_acl_change what;
    struct dfs_acl_entry *entries, *access; /* access: those that a file may have as well */
    size_t count, access_count;
} change;

/* The fields between colons, without empty ones at the end. */
static int split(char *text, char **fields)
{
    int n = 0;

    for (char *p = text; p && n < FIELDS_MAX; n++)
        fields[n] = strsep(&p, ":");
    while (n > 0 && !*fields[n - 1])
        n--;
    return n;
}

static int find_name(const char *const *names, int count, const char *name,
                     int (*compare)(const char *, const char *))
{
    for (int i = 0; i < count; i++)
        if (compare(names[i], name) == 0)
            return i;
    return -1;
}

static int parse_entry(struct shell *sh, const char *text, bool with_perm,
                       struct dfs_acl_entry *out)
{
    char *copy = strdup(text), *fields[FIELDS_MAX];
    int n, at, type, perm = 0, rc = 0;

    MUST(copy);
    n = split(copy, fields);
    at = n > 0 && strcmp(fields[0], "default") == 0;
    type = n > at ? find_name(type_names, TYPES, fields[at], strcasecmp) : -1;
    if (n <= at)
        rc = sh_misused(sh, "Invalid <aclSpec> : %s", text);
    else if (type < 0)
        rc = sh_misused(sh, "Invalid type of acl in <aclSpec> :%s", text);
    else if (n > at + 2 + with_perm || (with_perm && n < at + 3))
        rc = sh_misused(sh, "Invalid <aclSpec> : %s", text);
    else if (with_perm && (perm = find_name(action_names, ACTIONS, fields[at + 2], strcmp)) < 0)
        rc = sh_misused(sh, "Invalid permission in <aclSpec> : %s", text);
    if (rc == 0)
        *out = (struct dfs_acl_entry){
            .type = (enum dfs_acl_type)type,
            .is_default = at == 1,
            .perm = (uint8_t)perm,
            .name = n > at + 1 && *fields[at + 1] ? strdup(fields[at + 1]) : NULL,
        };
    free(copy);
    return rc;
}

static int parse_spec(struct shell *sh, char *spec, bool with_perm)
{
    size_t room = 1;
    int rc = 0;

    for (const char *p = spec; *p; p++)
        room += *p == ',';
    change.entries = calloc(room, sizeof *change.entries);
    change.access = calloc(room, sizeof *change.access);
    MUST(change.entries && change.access);
    for (char *save = NULL, *word = strtok_r(spec, ",", &save); word && rc == 0;
         word = strtok_r(NULL, ",", &save)) {
        struct dfs_acl_entry *e = &change.entries[change.count];

        rc = parse_entry(sh, word, with_perm, e);
        if (rc == 0)
            change.count++;
        if (rc == 0 && !e->is_default)
            change.access[change.access_count++] = *e;
    }
    return rc == 0 && change.count == 0 ? sh_misused(sh, "Missing <acl_spec> entry") : rc;
}

static int change_acl(struct shell *sh, struct item *it)
{
    static const char *const calls[] = {
        [DFS_ACL_SET] = "setAcl",
        [DFS_ACL_ADD] = "modifyAclEntries",
        [DFS_ACL_TAKE] = "removeAclEntries",
        [DFS_ACL_NO_DEFAULT] = "removeDefaultAcl",
        [DFS_ACL_NONE] = "removeAcl",
    };
    bool all = !sh_has(sh, "R") || item_is_dir(it);
    size_t count = all ? change.count : change.access_count;
    struct err err;

    if (change.what <= DFS_ACL_TAKE && count == 0)
        return 0;
    if (!it->store->dfs)
        return sh_broken(
            sh, "java.lang.UnsupportedOperationException: RawLocalFileSystem doesn't support %s",
            calls[change.what]);
    if (dfs_acl_change(it->store->dfs, it->path, change.what, all ? change.entries : change.access,
                       count, &err) < 0)
        return sh_fail_err(sh, &err);
    return 0;
}

static int change_tree(struct shell *sh, struct item *it)
{
    return walk_items(sh, it, sh_has(sh, "R"), change_acl);
}

/* Which change the options name, and its entries; they are taken off the arguments. */
static int take_change(struct shell *sh, char ***args, int *count)
{
    bool b = sh_has(sh, "b"), k = sh_has(sh, "k"), m = sh_has(sh, "m"), x = sh_has(sh, "x");
    bool set = sh_has(sh, "-set");

    if (b + k + m + x + set > 1)
        return sh_misused(sh, "Specified flags contains both remove and modify flags");
    change.what = b ? DFS_ACL_NONE : k ? DFS_ACL_NO_DEFAULT : m ? DFS_ACL_ADD : DFS_ACL_SET;
    if (x)
        change.what = DFS_ACL_TAKE;
    if (!m && !x && !set)
        return 0;
    if (*count < 2)
        return sh_misused(sh, *count < 1 ? "Missing arguments: <acl_spec> <path>"
                                         : "Missing either <acl_spec> or <path>");
    --*count;
    return parse_spec(sh, *(*args)++, !x);
}

int cmd_setfacl(struct shell *sh, char **args, int count)
{
    int rc = take_change(sh, &args, &count);

    if (rc == 0)
        rc = check_paths(sh, count);
    if (rc == 0 && sh->given_count == sh_has(sh, "R"))
        rc = sh_misused(sh, "Expected one of -b, -k, -m, -x or --set options");
    if (rc == 0)
        rc = each_item(sh, args, count, change_tree, NULL);
    dfs_acl_free(change.entries, change.count);
    free(change.access);
    return rc;
}
